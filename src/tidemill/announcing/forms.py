"""The forms in which an announcement comes: whole, by reference to an artifact, or bare."""

from __future__ import annotations

from dataclasses import dataclass

from tidemill.announcing.announcement import (
    Announcement,
    Image,
    checked,
    converted,
    plain_json,
)
from tidemill.announcing.by_reference import AnnouncementReference, checked_reference
from tidemill.words.versions import check_version

_OWN = {"version", "images", "position"}


@dataclass(frozen=True)
class Bare:
    """The form of the reference architecture: images by service, and not of which commit."""

    images: dict[str, Image]

    def of(
        self, *, set_name: str, repository: str, sha: str, position: int, generation: int
    ) -> Announcement:
        """The announcement, of that commit; raises `Refused` if it is not well formed."""
        return checked(
            Announcement(
                set=set_name,
                repository=repository,
                sha=sha,
                position=position,
                generation=generation,
                images=self.images,
            )
        )


def read(data: bytes, *, is_bare: bool = False) -> Announcement | AnnouncementReference | Bare:
    """Decode and check an announcement, once, whatever its form.

    Args:
        is_bare: whether the sender says so; then services may have the names of our fields.

    Raises:
        Refused: it is none, or of another version, or something in it is not what it may be.
    """
    plain = plain_json(data)
    if isinstance(plain, dict) and not (plain.keys() >= _OWN if is_bare else _OWN & plain.keys()):
        return Bare(converted(plain, dict[str, Image]))
    check_version(plain, "the announcement")
    if isinstance(plain, dict) and "artifact" in plain:
        return checked_reference(plain)
    return checked(converted(plain, Announcement))
