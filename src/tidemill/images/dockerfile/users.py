"""Users and groups of an image, by the names that USER and --chown have for them."""

from __future__ import annotations

import re
from collections.abc import Callable

from tidemill.images.dockerfile.words import Mistake
from tidemill.words.names import shown

_NUMBER = re.compile(r"[0-9]{1,10}")
_HIGHEST = 2**32 - 2
# The content of a file of the image; None if it is not there.
Read = Callable[[str], bytes | None]


def owner_of(text: str, read: Read, *, is_lenient: bool = False) -> tuple[int, int]:
    """The numbers that `user`, or `user:group`, stands for; a user's number is its group's, too.

    Args:
        is_lenient: take root where a name is not known, as BuildKit does for WORKDIR.

    Raises:
        Mistake: a name is not known, or a number is too high.
    """
    user, colon, group = text.partition(":")
    if not user or (colon and not group):
        raise Mistake(f"{shown(text)} is not an owner: write USER or USER:GROUP")
    uid, gid = _user(user, read, is_lenient)
    return (uid, _group(group, read, is_lenient)) if group else (uid, gid)


def _user(name: str, read: Read, is_lenient: bool) -> tuple[int, int]:
    if (number := _number(name)) is not None:
        return number, number
    for fields in _lines(read("etc/passwd"), 4):
        if fields[0] == name and _NUMBER.fullmatch(fields[2]) and _NUMBER.fullmatch(fields[3]):
            return int(fields[2]), int(fields[3])
    return (0, 0) if is_lenient else _unknown("user", name, "/etc/passwd")


def _group(name: str, read: Read, is_lenient: bool) -> int:
    if (number := _number(name)) is not None:
        return number
    for fields in _lines(read("etc/group"), 3):
        if fields[0] == name and _NUMBER.fullmatch(fields[2]):
            return int(fields[2])
    return 0 if is_lenient else _unknown("group", name, "/etc/group")[0]


def _lines(data: bytes | None, count: int) -> list[list[str]]:
    lines = (data or b"").decode(errors="replace").splitlines()
    found = (line.strip().split(":") for line in lines)
    return [fields for fields in found if len(fields) >= count]


def _number(text: str) -> int | None:
    if not text.isascii() or not text.isdigit():
        return None
    if len(text) > len(str(_HIGHEST)) or int(text) > _HIGHEST:
        raise Mistake(f"{shown(text)} is too high a number for an owner")
    return int(text)


def _unknown(what: str, name: str, file: str) -> tuple[int, int]:
    raise Mistake(f"the {what} {shown(name)} is not in the image's {file}: give its number")
