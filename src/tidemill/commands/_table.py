"""The command table: which commands there are, and what each is for. It imports none of them."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import ModuleType
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from click import Parameter

    from tidemill.commands._parameters import Arguments
    from tidemill.commands._results import AnyResult


@dataclass(frozen=True)
class Table:
    """A program: its commands are modules of one package, each named as its command is.

    Beside them, `_text` and `_json` render what the commands return.

    Attributes:
        groups: by a title, what each command does.
        first: what somebody types, or reads, who has the program for the first time; and what for.
        tells_all: whether its commands say all the time what they do.
    """

    name: str
    about: str
    package: str
    groups: Mapping[str, Mapping[str, str]]
    first: Mapping[str, str]
    tells_all: bool = False

    @cached_property
    def commands(self) -> dict[str, str]:
        """What each command is for."""
        return {name: about for group in self.groups.values() for name, about in group.items()}

    def module(self, name: str) -> ModuleType:
        """A module of the package."""
        return importlib.import_module(f"{self.package}.{name}")


TIDEMILL = Table(
    "tidemill",
    "GitOps with nothing to host: it turns when an event comes in, and stops.",
    "tidemill.commands",
    {
        "for a new repository": {
            "init": "make a repository a cfg-app.git or an app.git, from what is in it: settings, "
            "script, workflow",
        },
        "for app.git": {
            "build-reproducible-image": "build services into images: same content, same digest",
            "compare": "say what differs between two images, and why",
            "plan-images": "print the services as a job matrix, with all that a job needs",
            "record-image-artifact": "record a service's tag and digest, or merge the records of "
            "one commit",
            "announce-images": "send announcements to cfg-app.git",
        },
        "for cfg-app.git": {
            "accept-event": "accept what an event of GitHub brings, and do no turn",
            "update-cfg-app": "accept an announcement of an image set, then do a turn",
            "reconcile-cfg-app": "do everything that is due: file, land, evict, replay, introduce, "
            "promote",
            "loop": "turn, check the commits that the turn asks for, and turn again, until "
            "nothing is due",
            "record-check": "write the verdict of a check on a commit of auto or main",
            "record-deployment": "accept what a target reports of its deployment, then do a turn",
            "promote-wave": "ask for a set in a wave, and approve it",
            "rollback-wave": "take a wave back to an older set; it is held until you release it",
            "hold-wave": "stop introductions and promotions into a wave",
            "release-wave": "end a hold, so that introductions and promotions into the wave go on",
            "drop": "take back a request that waits",
            "retry": "let a set that was evicted, rejected or dropped, or that a first wave lacks, "
            "try again",
            "status": "say what runs where, and what waits for what",
            "page": "write what runs where, what waits and what was, as a static site",
            "history": "say what ran where, from when to when, and who decided it",
            "diff": "say what is different between two waves, or what a promotion would change",
            "explain": "say everything about a commit, image, service, target or wave: its way so "
            "far, and what it waits for",
            "check-cfg-app": "check a checkout: settings, image files, generated files, and the "
            "repository's own check",
        },
        "for both": {
            "doctor": "say what is wrong with a repository before the loop meets it, and what "
            "to do",
        },
        "for workflows": {
            "run-setup": "run a workflow's setup, and end whatever it leaves running",
        },
    },
    {
        "tidemill init cfg": "make the repository here a cfg-app.git; init app makes an app.git",
        "tidemill doctor": "what is wrong with this checkout of cfg-app.git or app.git?",
        "tidemill status --repo URL": "what runs where, and what waits for what",
        "https://github.com/tidemill/tidemill/blob/main/docs/index.md": "the documents",
    },
)
COMMANDS = TIDEMILL.commands


class Command(Protocol):
    """A module of `tidemill.commands`."""

    EXAMPLE: str
    PARAMETERS: Sequence[Parameter]
    __doc__: str | None

    def run(self, arguments: Arguments) -> AnyResult:
        """Run the command and return what became of it."""
        ...


def command(name: str, table: Table = TIDEMILL) -> Command:
    """The module of a command; only that one is imported."""
    return cast(Command, table.module(name.replace("-", "_")))


def run(arguments: Arguments, table: Table = TIDEMILL) -> AnyResult:
    """Run a command whose arguments were parsed, and return what became of it."""
    from tidemill.words.urls import redacted

    module = command(arguments.command, table)
    run_as, repo = getattr(arguments, "entrypoints", None), getattr(arguments, "repo", None) or ""
    has_token = redacted(repo) != repo
    if run_as is None and not has_token:
        return module.run(arguments)
    from tidemill.clients.machine.enclosure import chosen  # most commands start nothing

    with chosen(run_as, has_token=has_token):
        return module.run(arguments)
