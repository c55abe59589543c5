"""An announcement by reference: what is too large for an event is an artifact of the run.

The event says of which commit it is, and the checksum of the file; so whoever could change the
artifact can't change what is announced.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import Any

import msgspec

from tidemill.announcing.announcement import Announcement, Head, check_head, parse
from tidemill.errors import Refused
from tidemill.words.names import shown

_ARTIFACT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_LARGEST_RUN = 2**63 - 1
_AGAIN = "announce the commit again, by the release of Tidemill that cfg-app.git uses"


class Artifact(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A file in an artifact of a workflow run of app.git.

    Attributes:
        sha256: of the file, as it is in the artifact; 64 hex digits.
    """

    run_id: int
    name: str
    sha256: str


class AnnouncementReference(Head, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What an announcement says but for its images, and where the whole of it is."""

    artifact: Artifact


def checked_reference(plain: Any) -> AnnouncementReference:
    """An announcement by reference from its plain values; raise `Refused` with the reason."""
    try:
        found = msgspec.convert(plain, AnnouncementReference)
    except msgspec.ValidationError as error:
        raise Refused(
            f"this is not an announcement by reference: {shown(str(error))}", remedy=_AGAIN
        ) from None
    check_head(found)
    if not 1 <= found.artifact.run_id <= _LARGEST_RUN:
        raise Refused(f"{found.artifact.run_id} is not the id of a workflow run", remedy=_AGAIN)
    checked_artifact(found.artifact.name)
    if not _SHA256.fullmatch(found.artifact.sha256):
        raise Refused(f"{shown(found.artifact.sha256)} is not a sha256", remedy=_AGAIN)
    return found


def checked_artifact(name: str) -> str:
    """Return `name` if an artifact may have it; else raise `Refused`."""
    if not _ARTIFACT.fullmatch(name):
        raise Refused(
            f"{shown(name)} is not the name of an artifact",
            remedy="use letters, digits, '.', '_' and '-', a letter or digit first",
        )
    return name


def refer(announcement: Announcement, file: bytes, run_id: int, name: str) -> AnnouncementReference:
    """The reference to an announcement that is `file` in the artifact `name` of a run."""
    head = {field: getattr(announcement, field) for field in Head.__struct_fields__}
    sha256 = hashlib.sha256(file).hexdigest()
    where = Artifact(run_id=run_id, name=checked_artifact(name), sha256=sha256)
    return AnnouncementReference(**head, artifact=where)


def resolved(referred: AnnouncementReference, files: Iterable[bytes]) -> Announcement:
    """The announcement that is meant, of the files in the artifact.

    Raises:
        Refused: no file has its checksum, or it says something else than the event did.
    """
    artifact = referred.artifact
    where = f"the artifact {artifact.name} of run {artifact.run_id}"
    wanted = (one for one in files if hashlib.sha256(one).hexdigest() == artifact.sha256)
    file = next(wanted, None)
    if file is None:
        raise Refused(
            f"{where} has no file with the sha256 {artifact.sha256}, which the event names",
            remedy=_AGAIN,
        )
    announcement = parse(file)
    for name in Head.__struct_fields__:
        inside, said = getattr(announcement, name), getattr(referred, name)
        if inside != said:
            raise Refused(
                f"the event says {name} {shown(said)}, and {where} says {shown(inside)}",
                remedy=_AGAIN,
            )
    return announcement
