"""The command table: which commands there are, and how their arguments are parsed."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Protocol, cast

from tidemill import __version__
from tidemill.commands import _options
from tidemill.commands._results import AnyResult
from tidemill.words.urls import redacted


@dataclass(frozen=True)
class Table:
    """A program: its commands are modules of one package, each named as its command is.

    Beside them, `_text` and `_json` render what the commands return.
    """

    name: str
    about: str
    package: str
    commands: tuple[str, ...]

    def module(self, name: str) -> ModuleType:
        """A module of the package."""
        return importlib.import_module(f"{self.package}.{name}")


COMMANDS = (
    "build-reproducible-image",
    "compare",
    "plan-images",
    "record-image-artifact",
    "announce-images",
    "accept-event",
    "update-cfg-app",
    "reconcile-cfg-app",
    "record-check",
    "record-deployment",
    "promote-wave",
    "rollback-wave",
    "hold-wave",
    "release-wave",
    "drop",
    "retry",
    "status",
    "check-cfg-app",
    "run-setup",
)
TIDEMILL = Table(
    "tidemill",
    "GitOps with nothing to host: it turns when an event comes in, and stops.",
    "tidemill.commands",
    COMMANDS,
)


class Command(Protocol):
    """A module of `tidemill.commands`."""

    HELP: str
    EXAMPLE: str
    __doc__: str | None

    def add(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's options to its parser."""

    def run(self, arguments: argparse.Namespace) -> AnyResult:
        """Run the command and return what became of it."""
        ...


def command(name: str, table: Table = TIDEMILL) -> Command:
    """The module of a command; only that one is imported."""
    return cast(Command, table.module(name.replace("-", "_")))


def run(parsed: argparse.Namespace, table: Table = TIDEMILL) -> AnyResult:
    """Run a command that was parsed, and return what became of it."""
    module = command(parsed.command, table)
    run_as, repo = getattr(parsed, "entrypoints", None), getattr(parsed, "repo", None) or ""
    has_token = redacted(repo) != repo
    if run_as is None and not has_token:
        return module.run(parsed)
    from tidemill.clients.machine.enclosure import chosen  # most commands start nothing

    with chosen(run_as, has_token=has_token):
        return module.run(parsed)


def parse(given: Sequence[str], table: Table = TIDEMILL) -> argparse.Namespace:
    """Parse a command line; ends the process with exit code 2 for one that is wrong."""
    whole = parser(given[0] if given else None, table)
    parsed = whole.parse_args(given)
    if not _options.complete(parsed):
        where = " and this is no checkout with a remote origin" if parsed.takes_origin else ""
        whole.error(f"--repo is not given, this is no workflow with a repository of its own{where}")
    return parsed


class _Parser(argparse.ArgumentParser):
    """Reads the value of `--option=--` as it stands, as Python 3.13 does: earlier ones drop it."""

    def _get_values(self, action: argparse.Action, arg_strings: list[str]) -> Any:
        if action.option_strings and action.nargs is None and arg_strings == ["--"]:
            value = self._get_value(action, "--")
            self._check_value(action, value)
            return value
        return super()._get_values(action, arg_strings)


def parser(chosen: str | None = None, table: Table = TIDEMILL) -> argparse.ArgumentParser:
    """The parser of all commands; of one alone, where it is chosen already."""
    whole = _Parser(
        prog=table.name,
        description=table.about,
        epilog=f"{table.name} COMMAND --help says more, with an example.",
        allow_abbrev=False,
    )
    whole.add_argument("--version", action="version", version=f"{table.name} {__version__}")
    commands = whole.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in (chosen,) if chosen in table.commands else table.commands:
        module = command(name, table)
        one = commands.add_parser(
            name,
            help=module.HELP,
            description=module.HELP[0].upper() + module.HELP[1:] + ".",
            epilog=f"example:\n  {module.EXAMPLE}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        module.add(one)
    return whole
