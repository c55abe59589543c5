"""Where the image of a service goes, and the tags it gets there.

A tag is one of `[A-Za-z0-9_][A-Za-z0-9._-]{0,127}` (distribution-spec, "Pulling manifests"); the
name of a branch may be longer, and may have slashes and more.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

from msgspec.structs import replace

from tidemill.errors import Refused
from tidemill.images import location
from tidemill.images.location import Location
from tidemill.words import references
from tidemill.words.names import shown

SERVICE = "{service}"
_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_MADE = re.compile(r".*-[0-9a-f]{16}")
_KEPT = 100


def of_service(place: str, service: str, *, alone: bool = True) -> Location:
    """The destination of one service, of a place that may be that of several.

    Args:
        place: `REGISTRY/REPOSITORY` or `oci:PATH`; `{service}` in it stands for the name, which
            is else added at the end, unless the place is for this service alone and ends in it.
        alone: whether no other service goes to that place.

    Raises:
        Refused: it is no place, or has a tag or a digest.
    """
    name = service if place.startswith("oci:") else service.lower()
    if SERVICE in place:
        return exactly(place.replace(SERVICE, name))
    found = exactly(place)
    if found.folder is not None:
        last = found.folder.rstrip("/").rpartition("/")[2]
        if alone and last == name:
            return found
        return replace(found, folder=f"{found.folder.rstrip('/')}/{name}")
    last = (found.repository or "").rpartition("/")[2]
    return found if alone and last == name else exactly(f"{found.repository}/{name}")


def exactly(place: str) -> Location:
    """The destination that a text names; raise `Refused` if it has a tag or a digest."""
    found = location.parse(place)
    if (
        found.folder is None
        and found.tag is not None
        and found.tag.isdecimal()
        and "/" not in place
    ):
        return Location(repository=place)  # a host with a port looks like a repository with a tag
    if found.tag is not None or found.digest is not None:
        raise Refused(
            f"{shown(place)} names an image, not a place for one",
            remedy="leave out what is behind the repository; --tag adds a tag",
        )
    return found


def extra_tags(given: Iterable[str], place: Location | None) -> tuple[str, ...]:
    """The tags alone, of tags and of whole references as docker/metadata-action writes them.

    Raises:
        Refused: one is not a tag, or in another repository.
    """
    found = []
    for text in given:
        tag = text
        if "/" in text or ":" in text:
            parsed = references.by_tag(text)
            if place is not None and parsed.repository != place.repository:
                raise Refused(
                    f"the tag {shown(text)} is in another repository than {place}",
                    remedy="build once for each repository, or give the tag alone",
                )
            tag = parsed.tag or ""
        elif not references.is_tag(text):
            raise Refused(
                f"{shown(text)} is not a tag",
                remedy="use 1 to 128 letters, digits, '.', '_' and '-', not '.' or '-' first",
            )
        found.append(tag)
    return tuple(found)


def tag_of_branch(branch: str) -> str:
    """The tag of a branch: its name where it is a tag; else one made from it and a digest of it.

    A branch whose own name looks like a made one, or like a SHA, gets a made one too: so no two
    branches ever have one tag.
    """
    if references.is_tag(branch) and not _MADE.fullmatch(branch) and not _SHA.fullmatch(branch):
        return branch
    readable = re.sub(r"[^A-Za-z0-9._-]", "-", branch)[:_KEPT]
    if not re.match(r"[A-Za-z0-9_]", readable):
        readable = f"_{readable}"
    return f"{readable}-{hashlib.sha256(branch.encode()).hexdigest()[:16]}"
