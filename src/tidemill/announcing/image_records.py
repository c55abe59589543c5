"""Records: one service's tag and digest, and the merge of those of one commit.

The JSON is that of the reference architecture, `{service: {"Digest": …, "Tag": …}}`. A record may
have been changed on its way, so it is checked when it is read.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from tidemill.announcing.announcement import (
    Announcement,
    Image,
    checked,
    checked_image,
    converted,
    plain_json,
)
from tidemill.announcing.origin import Origin
from tidemill.errors import Refused
from tidemill.words import references
from tidemill.words.names import SHA, checked_name, shown
from tidemill.words.unreadable import UNREADABLE


def record(service: str, digest: str, tag: str) -> dict[str, Image]:
    """One service's record; raise `Refused` if digest and tag are not those of one image.

    Args:
        digest: `repository@sha256:…`, or the digest alone, in the repository of the tag.
        tag: `repository:tag`.
    """
    checked_name(service, "service")
    if "@" not in digest:
        digest = f"{references.by_tag(tag).repository}@{digest}"
    image = Image(Digest=digest, Tag=tag)
    checked_image(service, image)
    return {service: image}


def merged(records: Mapping[str, bytes]) -> dict[str, Image]:
    """All images of some records, by service.

    Args:
        records: their bytes, by the name of the file they stand in.

    Raises:
        Refused: one is not a record, or two say different things of one service.
    """
    found: dict[str, Image] = {}
    first: dict[str, str] = {}
    for file in sorted(records):
        for service, image in _read(file, records[file]).items():
            if found.setdefault(service, image) != image:
                raise Refused(
                    f"{shown(first[service])} and {shown(file)} have different images of "
                    f"{shown(service)}",
                    remedy="merge the records of one run only",
                )
            first.setdefault(service, file)
    return found


def image_set(
    images: Mapping[str, Image],
    wanted: Iterable[str],
    origin: Origin,
    set_name: str,
    carried: Mapping[str, Image] = {},
) -> Announcement:
    """The announcement of one set.

    Args:
        images: by service; those of other sets are left out.
        wanted: every service of the set.
        carried: the images of an earlier announcement, for services that were not built.

    Raises:
        Refused: a service is missing, or an image is tagged with the SHA of another commit than
            the origin's, and not carried.
    """
    names = sorted(wanted)
    found = {**carried, **images}
    if missing := [name for name in names if name not in found]:
        raise Refused(
            f"the image set {set_name} is not complete: there is no record of {', '.join(missing)}",
            remedy="build every service of the set: it is announced as one unit; --complete takes "
            "those that were not built from the set of the commit before",
        )
    for name in names:
        if name in images:
            _check_commit(name, images[name], origin.sha)
    return checked(
        Announcement(
            set=set_name,
            repository=origin.repository,
            branch=origin.branch,
            sha=origin.sha,
            position=origin.position,
            run_url=origin.run_url,
            generation=origin.generation,
            images={name: found[name] for name in names},
        )
    )


def _check_commit(service: str, image: Image, sha: str) -> None:
    """Raise `Refused` if an image is tagged with the SHA of another commit: then a record of
    another run has got in."""
    tag = references.by_tag(image.Tag).tag or ""
    if tag != sha and SHA.fullmatch(tag):
        raise Refused(
            f"the tag of {service} is {shown(tag)}, not the announced commit {sha}",
            remedy="merge the records of one run only, of this commit",
        )


class _Built(msgspec.Struct):
    service: str
    image: str
    tag: str
    published: bool
    tags: tuple[str, ...] = ()


class _Build(msgspec.Struct):
    images: tuple[_Built, ...]


def of_build(data: bytes, tag: str | None = None) -> dict[str, Image]:
    """The records of what `build-reproducible-image --json` printed.

    Args:
        tag: the one to record, of those that were set; that of the commit by default.

    Raises:
        Refused: it is not that, an image was not published, or it was not tagged so.
    """
    try:
        build = msgspec.json.decode(data, type=_Build)
    except UNREADABLE as error:
        raise Refused(
            f"this is not what build-reproducible-image --json prints: {shown(str(error))}",
            remedy="keep its standard output in a file, and name that",
        ) from None
    found: dict[str, Image] = {}
    for one in build.images:
        if not one.published:
            raise Refused(
                f"the image of {shown(one.service)} was not published",
                remedy="build it without --no-push first",
            )
        found |= record(one.service, one.image, one.tag if tag is None else _tagged(one, tag))
    return found


def _tagged(built: _Built, tag: str) -> str:
    """The reference of an image by a tag that it got."""
    repository = references.by_digest(built.image).repository
    if (wanted := f"{repository}:{tag}") not in built.tags:
        raise Refused(
            f"the image of {shown(built.service)} was not tagged {shown(tag)}",
            remedy=f"build it with --tag {shown(tag)}, or leave --tag out here",
        )
    return wanted


def _read(file: str, data: bytes) -> dict[str, Image]:
    try:
        images = converted(plain_json(data, "a record"), dict[str, Image], "a record")
        _once(data)
        for service, image in images.items():
            checked_name(service, "service")
            checked_image(service, image)
    except Refused as error:
        raise Refused(f"{shown(file)}: {error.what}", remedy=error.remedy) from None
    if not images:
        raise Refused(f"{shown(file)} has no image", remedy="record the image again")
    return images


def _once(data: bytes) -> None:
    """Raise `Refused` for JSON that says one thing twice: others might read the other of the two.

    `data` is JSON, and not too deep.
    """

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in pairs:
            if name in found:
                raise Refused(f"it has {shown(name)} twice", remedy="record the image again")
            found[name] = value
        return found

    json.loads(data, object_pairs_hook=unique)
