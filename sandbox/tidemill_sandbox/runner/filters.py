"""GitHub's patterns for branches, tags and paths in `on:` (Workflow syntax, "Filter pattern")."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache

_RANGE = re.compile(r"\[[^]]+\]")


def admits(patterns: Sequence[str], names: Iterable[str]) -> bool:
    """Whether a name passes: the last pattern that matches it decides; one with `!` excludes."""
    return any(_passes(patterns, name) for name in names)


def _passes(patterns: Sequence[str], name: str) -> bool:
    passes = False
    for pattern in patterns:
        if _expression(pattern.removeprefix("!")).fullmatch(name):
            passes = not pattern.startswith("!")
    return passes


@cache
def _expression(pattern: str) -> re.Pattern[str]:
    """`*` stops at a slash, `**` does not; `?` and `+` repeat what stands before them."""
    parts: list[str] = []
    rest = pattern
    while rest:
        if rest.startswith("**/"):
            parts.append("(?:.*/)?")
            rest = rest[3:]
        elif rest.startswith("**"):
            parts.append(".*")
            rest = rest[2:]
        elif rest[0] == "*":
            parts.append("[^/]*")
            rest = rest[1:]
        elif rest[0] in "?+" and parts:
            parts.append(rest[0])
            rest = rest[1:]
        elif found := _RANGE.match(rest):
            parts.append(found[0])
            rest = rest[found.end() :]
        else:
            quoted = rest[1:2] if rest[0] == "\\" and len(rest) > 1 else rest[0]
            parts.append(re.escape(quoted))
            rest = rest[2:] if rest[0] == "\\" and len(rest) > 1 else rest[1:]
    return re.compile("".join(parts), re.DOTALL)
