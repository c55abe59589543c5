"""The options that many commands share, parsed once."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tidemill.app.names import checked_line, checked_name, is_storable, shown
from tidemill.errors import Refused


@dataclass(frozen=True)
class Options:
    """What every command knows: the time, and how to speak."""

    now: datetime
    now_given: bool
    json: bool
    dry_run: bool = False


def add(parser: argparse.ArgumentParser, *, repo: bool = True, dry_run: bool = False) -> None:
    """Add `--repo`, `--now`, `--json` and `--dry-run` as far as the command has them."""
    if repo:
        parser.add_argument(
            "--repo",
            required=True,
            metavar="URL",
            help="cfg-app.git: anything that git clone takes",
        )
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
        now=parse_time(given) if given is not None else datetime.now(UTC),
        now_given=given is not None,
        json=arguments.json,
        dry_run=getattr(arguments, "dry_run", False),
    )


def parse_time(text: str, what: str = "--now") -> datetime:
    """Parse ISO 8601; a time without an offset is in UTC."""
    try:
        when = datetime.fromisoformat(text)
        when = (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(UTC)
        if not is_storable(when):
            raise ValueError(text)
        return when
    except (ValueError, OverflowError):
        raise Refused(
            f"{what} {shown(text)} is not a time",
            remedy="write one of this century, like 2026-01-31T12:00:00Z",
        ) from None


def place(arguments: argparse.Namespace) -> None:
    """Check the form of `--wave`, `--set` and `--reason` where they are given."""
    checked_name(arguments.wave, "wave")
    if arguments.set_name:
        checked_name(arguments.set_name, "set")
    for option in ("reason", "override"):
        if getattr(arguments, option, None) is not None:
            checked_line(getattr(arguments, option), f"--{option}")


def read_file(path: str) -> bytes:
    """The bytes of a file, or of standard input for `-`."""
    try:
        return Path("/dev/stdin" if path == "-" else path).read_bytes()
    except OSError as error:
        raise Refused(
            f"{shown(path)} can't be read: {error.strerror}", remedy="name a file that exists"
        ) from None
