"""The options that many commands share, parsed once."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tidemill.clients.github import place as github
from tidemill.errors import Refused
from tidemill.words.moments import parse_time
from tidemill.words.names import shown


@dataclass(frozen=True)
class Options:
    """What every command knows: the time, and how to speak.

    Attributes:
        accept_only: whether to accept, and leave the turn to others.
    """

    now: datetime
    now_given: bool
    json: bool
    dry_run: bool = False
    accept_only: bool = False


def add(
    parser: argparse.ArgumentParser,
    *,
    repo: bool = True,
    dry_run: bool = False,
    accepts: bool = False,
    takes_origin: bool = False,
) -> None:
    """Add `--repo`, `--now`, `--json`, and what else of these the command has.

    Args:
        takes_origin: whether the default of `--repo` is the remote `origin` of the checkout here,
            which is not for commands that write.
        accepts: whether it accepts something and then does a turn.
    """
    if repo:
        parser.set_defaults(is_repo_known_in_workflows=True, takes_origin=takes_origin)
        default = "in a workflow, its repository by default"
        if takes_origin:
            default += "; in a checkout, its remote origin"
        parser.add_argument(
            "--repo",
            metavar="URL",
            help=f"cfg-app.git: anything that git clone takes; {default}",
        )
    if accepts:
        parser.add_argument(
            "--accept-only",
            action="store_true",
            help="accept, and leave the turn to whoever does the next",
        )
        add_entrypoints(parser)
    if dry_run:
        parser.add_argument(
            "--dry-run", action="store_true", help="decide and report, write nothing"
        )
    parser.add_argument(
        "--now", metavar="TIME", help="the time to go by, ISO 8601; the clock's by default"
    )
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object on standard output"
    )


def add_entrypoints(parser: argparse.ArgumentParser) -> None:
    """Add `--entrypoints`, for what runs commands of the repository."""
    parser.add_argument(
        "--entrypoints",
        choices=("own-user", "same-user"),
        help="own-user keeps the repository's entry points away from tokens, and needs root or "
        "sudo; same-user does not. By default own-user in any CI and where Tidemill has a token, "
        "else same-user",
    )


def add_place(
    parser: argparse.ArgumentParser, *, set_help: str = "may be left out where there is one"
) -> None:
    """Add `--wave` and `--set`."""
    parser.add_argument("--wave", required=True, help="the wave")
    parser.add_argument("--set", dest="set_name", metavar="SET", help=f"the image set; {set_help}")


def options(arguments: argparse.Namespace) -> Options:
    """The shared options, as values."""
    given = arguments.now
    return Options(
        now=parse_time(given, "--now") if given is not None else datetime.now(UTC),
        now_given=given is not None,
        json=arguments.json,
        dry_run=getattr(arguments, "dry_run", False),
        accept_only=getattr(arguments, "accept_only", False),
    )


def complete(arguments: argparse.Namespace) -> bool:
    """Fill in `--repo` where a workflow or a checkout knows it; returns whether it is there."""
    if getattr(arguments, "is_repo_known_in_workflows", False) and arguments.repo is None:
        here = github.here()
        arguments.repo = here.url if here else None
        if here is None and getattr(arguments, "takes_origin", False):
            from tidemill.clients.git.checkout import origin

            arguments.repo = origin(Path())
        return arguments.repo is not None
    return True


def json_or_file(given: str) -> bytes:
    """The bytes of a JSON object that was given as it is, or of the file that was named."""
    if given.lstrip().startswith("{"):
        return given.encode(errors="surrogateescape")
    return read_file(given)


def read_file(path: str) -> bytes:
    """The bytes of a file, or of standard input for `-`."""
    try:
        return Path("/dev/stdin" if path == "-" else path).read_bytes()
    except OSError as error:
        raise Refused(
            f"{shown(path)} can't be read: {error.strerror}", remedy="name a file that exists"
        ) from None
