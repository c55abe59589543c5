"""Patterns of paths with wildcards, matched in a time that no pattern can make long.

A regular expression would try every way to divide a path among its wildcards. Here each part of a
pattern takes all the places that the parts before it can end at, and says where it can end itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum

from msgspec import Struct


class Wild(Enum):
    """A part that may be of any length."""

    NAME = "*"  # no slash
    FOLDERS = "**/"  # nothing, or all to a slash
    ALL = "**"


# A text that stands for itself, one character of a set, or a wildcard.
Part = str | re.Pattern[str] | Wild
_WILDCARDS: dict[str, Part] = {"*": Wild.NAME, "?": re.compile(r"[^/]")}


class Form(Struct, frozen=True):
    """What a whole path has to be like."""

    parts: tuple[Part, ...]

    def matches(self, path: str) -> bool:
        if self.parts and isinstance(self.parts[-1], str) and not path.endswith(self.parts[-1]):
            return False  # as most are not; the rest would find out, but later
        places = [0]
        for part in self.parts:
            places = _ends(part, path, places)
            if not places:
                return False
        return places[-1] == len(path)


def _ends(part: Part, path: str, places: list[int]) -> list[int]:
    """Where a part can end that begins at one of some places; all of them sorted."""
    match part:
        case str():
            return [at + len(part) for at in places if path.startswith(part, at)]
        case re.Pattern():
            return [at + 1 for at in places if part.match(path, at)]
        case Wild.ALL:
            return list(range(places[0], len(path) + 1))
        case Wild.FOLDERS:
            slashes = (at + 1 for at in range(places[0], len(path)) if path[at] == "/")
            return sorted({*places, *slashes})
        case Wild.NAME:
            found: list[int] = []
            for at in places:
                if not found or at > found[-1]:
                    slash = path.find("/", at)
                    found.extend(range(at, (len(path) if slash < 0 else slash) + 1))
            return found


def form_of(text: str, *, has_folders: bool) -> Form:
    """What a pattern matches (Go, `path/filepath.Match`); raise `ValueError` if it has a mistake.

    Args:
        has_folders: whether `**` stands for any folders, as in an ignore file.
    """
    parts: list[Part] = []
    at = 0
    while at < len(text):
        char = text[at]
        at += 1
        if has_folders and text.startswith("**", at - 1):
            at += 1
            at += text.startswith("/", at)
            parts.append(Wild.ALL if at == len(text) else Wild.FOLDERS)
        elif char == "[":
            part, at = _character_class(text, at)
            parts.append(part)
        elif char == "\\":
            if at == len(text):
                raise ValueError(text)
            parts.append(text[at])
            at += 1
        else:
            parts.append(_WILDCARDS.get(char, char))
    return Form(_joined(parts))


def _joined(parts: Iterable[Part]) -> tuple[Part, ...]:
    """The parts, with texts that follow each other as one, and a wildcard after itself once."""
    found: list[Part] = []
    for part in parts:
        if found and isinstance(part, str) and isinstance(found[-1], str):
            found[-1] += part
        elif not (found and isinstance(part, Wild) and found[-1] is part):
            found.append(part)
    return tuple(found)


def _character_class(text: str, at: int) -> tuple[re.Pattern[str], int]:
    """The set of characters that begins at `at`, after its `[`.

    The form is that of Go's `path/filepath.Match`.

    Returns:
        It, and the place after its `]`.

    Raises:
        ValueError: it has no end, or a range that has none or goes down.
    """
    is_negative = text.startswith("^", at)
    at += is_negative
    ranges: list[str] = []
    while not (text.startswith("]", at) and ranges):
        low, at = _member(text, at)
        high = low
        if text.startswith("-", at):
            high, at = _member(text, at + 1)
        if low > high:
            raise ValueError(text)
        ranges.append(f"{re.escape(low)}-{re.escape(high)}")
    return re.compile(f"[{'^' if is_negative else ''}{''.join(ranges)}]"), at + 1


def _member(text: str, at: int) -> tuple[str, int]:
    if text[at : at + 1] in ("", "-", "]"):
        raise ValueError(text)
    at += text.startswith("\\", at)
    if at >= len(text):
        raise ValueError(text)
    return text[at], at + 1
