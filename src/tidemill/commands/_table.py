"""The command table: which commands there are, and what each is for. It imports none of them."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from types import ModuleType
from typing import TYPE_CHECKING, Protocol, cast

from msgspec import Struct

if TYPE_CHECKING:
    from click import Parameter

    from tidemill.commands._parameters import AnyResult, Arguments


class Table(Struct, frozen=True, dict=True):
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
        return importlib.import_module(f"{self.package}.{name}")


TIDEMILL = Table(
    "tidemill",
    "Deploy through Git, without a service to host. One run over cfg-app.git is called a turn: "
    "it reads what is in Git, does everything that is due, and stops.",
    "tidemill.commands",
    {
        "for a new repository": {
            "init": "prepare a repository as a cfg-app.git or an app.git, from what is in it: "
            "settings, a script, workflows",
        },
        "for app.git": {
            "build-reproducible-image": "build services into images: same content, same digest",
            "pin": "write the digests of images into Dockerfiles and settings, in place of tags",
            "compare": "say what differs between two images, and why",
            "plan-images": "print the services as a matrix of jobs for a workflow",
            "record-image-artifact": "record a service's tag and digest, or merge the records of "
            "one commit",
            "announce-images": "tell cfg-app.git which images a commit of app.git has",
        },
        "for cfg-app.git": {
            "accept-event": "write to Git what an event of GitHub brings; a later turn acts on it",
            "update-cfg-app": "write an announcement of an image set to Git, then do a turn",
            "reconcile-cfg-app": "do a turn: everything that is due in cfg-app.git",
            "loop": "do a turn, run the checks that it asks for, and turn again, until nothing "
            "is due",
            "record-check": "write to Git what a check says of a commit of auto or main",
            "record-deployment": "write to Git what a target reports of its deployment, then do "
            "a turn",
            "promote-wave": "ask for an image set in a wave, and approve it",
            "rollback-wave": "take a wave back to an older image set, and hold it until you "
            "release it",
            "hold-wave": "keep new image sets out of a wave",
            "release-wave": "end a hold, so that the wave takes new image sets again",
            "drop": "take back a request that still waits",
            "retry": "let an image set try again that was evicted, rejected or dropped, or that a "
            "first wave lacks",
            "status": "say what runs where, and what waits for what",
            "page": "write a static site of what runs where, what waits, and what was",
            "history": "say what ran where, from when to when, and who decided it",
            "diff": "say what is different between two waves, or what a promotion would change",
            "explain": "say everything about a commit, image, service, target or wave: its way so "
            "far, and what it waits for",
            "check-cfg-app": "say whether a checkout is fit for main: settings, image files, "
            "generated files, and your own check",
        },
        "for both": {
            "doctor": "say what would stop the loop in a repository, and what to do about it",
        },
        "for workflows": {
            "run-setup": "run a workflow's setup, and end whatever it leaves running",
        },
    },
    {
        "tidemill init cfg": "prepare the repository here as a cfg-app.git; or init app",
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
