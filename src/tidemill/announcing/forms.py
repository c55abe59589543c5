"""The forms in which an announcement comes: whole, by reference to an artifact, or bare."""

from __future__ import annotations

from msgspec import Struct

from tidemill.announcing.announcement import (
    Announcement,
    Image,
    checked,
    converted,
    plain_json,
)
from tidemill.announcing.by_reference import AnnouncementReference, checked_reference
from tidemill.errors import Refused
from tidemill.words.versions import check_version

_OWN = {"version", "images", "position"}


class Bare(Struct, frozen=True):
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
    if _is_bare(plain, expected=is_bare):
        return Bare(converted(plain, dict[str, Image]))
    return _whole(plain)


def read_whole(data: bytes) -> Announcement | AnnouncementReference:
    """The same, of an announcement that has to say of which commit it is."""
    plain = plain_json(data)
    if _is_bare(plain):
        raise Refused(
            "this announcement does not say of which commit it is",
            remedy="send it with announce-images: docs/jobs/announce.md shows the form",
        )
    return _whole(plain)


def _is_bare(plain: object, *, expected: bool = False) -> bool:
    if not isinstance(plain, dict):
        return False
    return not plain.keys() >= _OWN if expected else not _OWN & plain.keys()


def _whole(plain: object) -> Announcement | AnnouncementReference:
    check_version(plain, "the announcement")
    if isinstance(plain, dict) and "artifact" in plain:
        return checked_reference(plain)
    return checked(converted(plain, Announcement))
