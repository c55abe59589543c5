"""Users and groups of an image, by the names that USER and --chown have for them."""

from __future__ import annotations

import re
from collections.abc import Callable

from tidemill.images.dockerfile.words import WHITE_SPACE, Mistake
from tidemill.words.names import shown

_NUMBER = re.compile(r"[0-9]{1,10}")
_SIGNED = re.compile(r"[+-][0-9]+")
_HIGHEST = 2**32 - 2
# The content of a file of the image; None if it is not there.
Read = Callable[[str], bytes | None]


def owner_of(text: str, read: Read, *, is_lenient: bool = False) -> tuple[int, int]:
    """The numbers that `user`, or `user:group`, stands for; a user's number is its group's, too.

    Args:
        is_lenient: take root where a name is not known, as BuildKit does for WORKDIR.

    Raises:
        Mistake: a name is not known, a number is too high or has a sign, or there is a third part.
    """
    user, colon, group = text.partition(":")
    if not user or (colon and not group) or ":" in group:
        raise Mistake(f"{shown(text)} is not an owner: write USER or USER:GROUP")
    uid, gid = _numbers("user", user, read, is_lenient, (2, 3))
    return (uid, _numbers("group", group, read, is_lenient, (2,))[0]) if group else (uid, gid)


def _numbers(
    what: str, name: str, read: Read, is_lenient: bool, places: tuple[int, ...]
) -> tuple[int, int]:
    """The numbers that a name, or a number, stands for: those at these places of its line."""
    if (number := _number(name)) is not None:
        return number, number
    if _SIGNED.fullmatch(name):
        raise Mistake(f"{shown(name)} is not an owner: write the number without a sign")
    file = "etc/passwd" if what == "user" else "etc/group"
    for fields in _lines(read(file), places[-1] + 1):
        if fields[0] == name and all(_NUMBER.fullmatch(fields[place]) for place in places):
            return int(fields[places[0]]), int(fields[places[-1]])
    if is_lenient:
        return 0, 0
    raise Mistake(f"the {what} {shown(name)} is not in the image's /{file}: give its number")


def _lines(data: bytes | None, count: int) -> list[list[str]]:
    lines = (data or b"").decode(errors="replace").split("\n")
    found = (line.strip(WHITE_SPACE).split(":") for line in lines)
    return [fields for fields in found if len(fields) >= count]


def _number(text: str) -> int | None:
    if not text.isascii() or not text.isdigit():
        return None
    if len(text) > len(str(_HIGHEST)) or int(text) > _HIGHEST:
        raise Mistake(f"{shown(text)} is too high a number for an owner")
    return int(text)
