"""The name that somebody meant who wrote another."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tidemill.errors import Refused
from tidemill.words.names import shown

_LONGEST = 100  # characters; comparing takes the square of it


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most like `name`; None where none is.

    It is the only one that begins with `name`, in whatever case; else one that differs little;
    else the only one that has all its words, or whose words it has: `set` for `image-set`.
    """
    names = list(known)
    if not name or len(name) > _LONGEST:
        return None
    begun = [one for one in names if one.lower().startswith(name.lower())]
    if len(begun) == 1:
        return begun[0]
    from difflib import get_close_matches  # which only mistakes need

    lowered = {one.lower(): one for one in reversed(names)}
    found = get_close_matches(name.lower(), lowered, n=1)
    if not found:
        words = _words(name)
        found = [one for one in lowered if words <= (its := _words(one)) or its <= words]
    return lowered[found[0]] if len(found) == 1 else None


def _words(name: str) -> set[str]:
    return set(re.split(r"[-_.]+", name.lower()))


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The question that a remedy begins with, and a space; nothing where no name is near."""
    found = nearest(name, known)
    return f"did you mean {found}? " if found else ""


def no_such(what: str, name: str, known: Iterable[str], choose: str = "name one of:") -> Refused:
    """The error for a name that nothing has: which one was meant, and which there are."""
    names = list(known)
    return Refused(
        f"there is no {what} {shown(name)}",
        remedy=f"{did_you_mean(name, names)}{choose} {', '.join(names)}",
    )
