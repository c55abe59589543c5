"""What an event asks for, as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import msgspec

from tidemill.errors import Refused
from tidemill.words.names import shown
from tidemill.words.unreadable import UNREADABLE

# GitHub sends at most 25 MiB.
MAX_BYTES = 32 << 20
_T = TypeVar("_T")


@dataclass(frozen=True)
class Run:
    """A command that accepts something: its name, and its arguments as `--option=value` each."""

    command: str
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class Nothing:
    """There is nothing to accept; `why` says so to people.

    `is_foreign`: the event is none of Tidemill's, which a person may want to know.
    """

    why: str
    is_foreign: bool = False


Asked: TypeAlias = Run | Nothing


def read(data: bytes | msgspec.Raw, shape: type[_T], what: str, remedy: str) -> _T:
    """Decode JSON to `shape`, which has the fields that are read; raise `Refused` if it is not."""
    if len(bytes(data)) > MAX_BYTES:
        raise Refused(f"{what} may not have {len(bytes(data))} bytes", remedy=remedy)
    try:
        return msgspec.json.decode(data, type=shape)
    except UNREADABLE as error:
        raise Refused(f"this is not {what}: {shown(str(error))}", remedy=remedy) from None


def options(**values: str | None) -> tuple[str, ...]:
    """Arguments of a command: `finished_at="x"` is `--finished-at=x`; None is left out.

    An option and its value are one argument, so that no value is taken for an option.
    """
    return tuple(
        f"--{name.replace('_', '-')}={value}" for name, value in values.items() if value is not None
    )
