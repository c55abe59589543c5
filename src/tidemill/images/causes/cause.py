"""Why two things differ, in words."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

CANONICAL = "bring the image into the canonical form with `tidemill build-reproducible-image`"


class Cause(Struct, frozen=True):
    """Why two things differ: a name for machines, what it means, and what to do, in words.

    `meaning` and `remedy` are sentences without a full stop; text of the images in them is escaped.
    """

    name: str
    meaning: str
    remedy: str


def joined(causes: Sequence[Cause]) -> Cause | None:
    """Several causes that explain a difference together, as one."""
    if not causes:
        return None
    return Cause(
        ", ".join(dict.fromkeys(cause.name for cause in causes)),
        "; and ".join(dict.fromkeys(cause.meaning for cause in causes)),
        "; and ".join(dict.fromkeys(cause.remedy for cause in causes)),
    )
