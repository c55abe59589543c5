"""A finding: what is so, whether the loop stops on it, and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tidemill.facts.on_github import Unseen

State = Literal["problem", "warning", "unknown", "ok"]
WORST_FIRST: tuple[State, ...] = ("problem", "warning", "unknown", "ok")
AGAIN = 'TIDEMILL_TOKEN="$(gh auth token)" tidemill doctor'
_MOST_NAMED = 5


@dataclass(frozen=True)
class Fix:
    """What mends a finding, and no more: the whole new text of a file, or that it may be run."""

    path: str
    text: str | None = None
    is_executable: bool = False


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        check: which check found it; it does not change from release to release.
        state: `unknown` where nobody could tell, which is never `ok`.
        what: a sentence without a full stop.
        remedy: what to do, a sentence without a full stop; empty where nothing is to be done.
        paste: a command to run, or lines to paste.
        stops_the_loop: whether no set gets to the last wave as it is.
    """

    check: str
    state: State
    what: str
    remedy: str = ""
    paste: str = ""
    stops_the_loop: bool = False
    fix: Fix | None = None


def ok(check: str, what: str) -> Finding:
    """What is as it should be."""
    return Finding(check, "ok", what)


def problem(check: str, what: str, remedy: str, paste: str = "", fix: Fix | None = None) -> Finding:
    """What stops the loop."""
    return Finding(check, "problem", what, remedy, paste, stops_the_loop=True, fix=fix)


def warning(check: str, what: str, remedy: str, paste: str = "", fix: Fix | None = None) -> Finding:
    """What does not stop the loop, and is better otherwise."""
    return Finding(check, "warning", what, remedy, paste, fix=fix)


def unknown(check: str, what: str, remedy: str, paste: str = "") -> Finding:
    """What could not be looked at, or says nothing."""
    return Finding(check, "unknown", what, remedy, paste)


def unseen(check: str, what: str, why: Unseen, remedy: str, paste: str) -> Finding:
    """The same, and why; `remedy` and `paste` where that does not say what to do."""
    return unknown(check, f"{what}: {why.why}", why.remedy or remedy, why.paste or paste)


def worst_first(found: Sequence[Finding]) -> tuple[Finding, ...]:
    """In the order of the list of checks, but problems before all else."""
    return tuple(sorted(found, key=lambda one: WORST_FIRST.index(one.state)))


def listed(names: Sequence[str]) -> str:
    """Some names, and how many more there are."""
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more
