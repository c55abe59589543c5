"""A finding: what is so, whether the loop stops on it, and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

from tidemill.facts.on_github import Unseen

State = Literal["problem", "warning", "unknown", "ok"]
WORST_FIRST: tuple[State, ...] = ("problem", "warning", "unknown", "ok")
AGAIN = 'TIDEMILL_TOKEN="$(gh auth token)" tidemill doctor'


class Fix(Struct, frozen=True):
    """What mends a finding: lines that a file gets; without any, that the file may be run.

    Attributes:
        at: how many lines of the file stand before them; None: all.
    """

    path: str
    lines: tuple[str, ...] = ()
    at: int | None = None


class Finding(Struct, frozen=True):
    """One thing that was looked at.

    Attributes:
        state: `unknown` where nobody could tell, which is never `ok`.
        what: a sentence without a full stop.
        remedy: what to do, a sentence without a full stop; empty where nothing is to be done.
        paste: a command to run, or lines to paste.
        check: the id of the check that found it, which `order.py` has; it does not change from
            release to release.
    """

    state: State
    what: str
    remedy: str = ""
    paste: str = ""
    fix: Fix | None = None
    check: str = ""

    @property
    def stops_the_loop(self) -> bool:
        """Whether no set gets to the last wave as it is."""
        return self.state == "problem"


def ok(what: str) -> Finding:
    """What is as it should be."""
    return Finding("ok", what)


def problem(what: str, remedy: str, paste: str = "", fix: Fix | None = None) -> Finding:
    """What stops the loop."""
    return Finding("problem", what, remedy, paste, fix)


def warning(what: str, remedy: str, paste: str = "", fix: Fix | None = None) -> Finding:
    """What does not stop the loop, and is better otherwise."""
    return Finding("warning", what, remedy, paste, fix)


def unknown(what: str, remedy: str, paste: str = "", fix: Fix | None = None) -> Finding:
    """What could not be looked at, or says nothing."""
    return Finding("unknown", what, remedy, paste, fix)


def unseen(what: str, why: Unseen, remedy: str, paste: str) -> Finding:
    """The same, and why; `remedy` and `paste` where that does not say what to do."""
    return unknown(f"{what}: {why.why}", why.remedy or remedy, why.paste or paste)


def allowing(repositories: Iterable[str], others: Iterable[str] = ()) -> str:
    """The line of [images] that lists repositories and those beside them, after other patterns."""
    folders = [f"{one.rpartition('/')[0]}/*" for one in repositories]
    patterns = ", ".join(f'"{one}"' for one in dict.fromkeys([*others, *folders]))
    return f"allow = [{patterns}]"
