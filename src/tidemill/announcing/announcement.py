"""An announcement: the image set built from one commit of app.git.

It comes from another repository, so everything in it is untrusted until `parse` or `from_bare`
has returned it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property, lru_cache
from typing import Any, TypeVar

import msgspec

from tidemill.announcing.origin import Origin
from tidemill.errors import Refused
from tidemill.words import references
from tidemill.words.json_types import in_lines
from tidemill.words.names import checked_name, shown
from tidemill.words.shas import short
from tidemill.words.unreadable import UNREADABLE
from tidemill.words.versions import check_version

MAX_BYTES = 16 * 1024 * 1024
SHA_PLACE, COMMIT_PLACE = "{sha}", "{commit}"
_FULL_SHA = re.compile(r"(?<![0-9a-f])[0-9a-f]{40}(?![0-9a-f])")
_T = TypeVar("_T")


class Image(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One service's image, as the reference architecture records it."""

    Digest: str
    Tag: str


class Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What an announcement says but for its images: which set, and the commit it was built from.

    `position` says how many commits lead to `sha`, itself included: it orders announcements of one
    `generation`, which is one more after app.git was rewritten or moved.
    """

    version: int = 1
    set: str = "app"
    repository: str
    branch: str | None = None
    sha: str
    position: int
    run_url: str | None = None
    generation: int = 1

    @property
    def id(self) -> str:
        """The request's id: equal for the same announcement, however often it comes."""
        where = f"{self.generation}.{self.position}" if self.generation > 1 else f"{self.position}"
        return f"announcement-{self.set}-{where}-{short(self.sha)}"


class Announcement(Head, frozen=True, forbid_unknown_fields=True, kw_only=True, dict=True):
    """An image set, and the commit that it was built from."""

    images: dict[str, Image]

    @cached_property
    def repositories(self) -> dict[str, str]:
        """Each repository of its images, which are `checked`, with the first service from there."""
        found: dict[str, str] = {}
        for service, image in self.images.items():
            found.setdefault(image.Digest.partition("@")[0], service)
        return found

    @cached_property
    def is_tagged_alike(self) -> bool:
        """Whether each of its images, which are `checked`, has its commit for a tag."""
        tag = f":{self.sha}"
        return all(image.Tag.endswith(tag) for image in self.images.values())

    def tags(self) -> dict[str, str]:
        """Service to reference by tag, sorted."""
        return {service: image.Tag for service, image in sorted(self.images.items())}

    def digests(self) -> dict[str, str]:
        """Service to reference by digest, sorted."""
        return {service: image.Digest for service, image in sorted(self.images.items())}


def parse(data: bytes) -> Announcement:
    """Parse and check the JSON of a whole announcement; raise `Refused` with the reason."""
    plain = plain_json(data)
    check_version(plain, "the announcement")
    return checked(converted(plain, Announcement))


def as_json(announcement: Head) -> dict[str, Any]:
    """An announcement as the `client_payload` of its event, without what is not known or usual."""
    plain: dict[str, Any] = msgspec.to_builtins(announcement)
    if announcement.generation == 1:
        del plain["generation"]
    return {key: value for key, value in plain.items() if value is not None}


def checked(announcement: Announcement) -> Announcement:
    """Return the announcement if every field is well formed; else raise `Refused`."""
    check_head(announcement)
    if not announcement.images:
        raise Refused(
            "the announcement has no image at all", remedy="announce at least one service"
        )
    for service, image in announcement.images.items():
        checked_image(service, image)
    return announcement


def check_head(head: Head) -> None:
    """Raise `Refused` unless every field but the images is well formed."""
    check_version({"version": head.version}, "the announcement")
    checked_name(head.set, "set")
    branch = "main" if head.branch is None else head.branch
    Origin(head.repository, branch, head.sha, head.position, head.run_url, head.generation)


def check_allowed(announcement: Announcement, is_listed: Callable[[str], bool]) -> None:
    """Raise `Refused` if a repository of its images is not listed in the settings."""
    if all(map(is_listed, announcement.repositories)):
        return
    for repository, service in announcement.repositories.items():
        if not is_listed(repository):
            raise Refused(
                f"the image of {service} is in {repository}, which [images] allow does not list",
                remedy="list its repository in [images] allow, or announce another image",
            )


def check_tags(
    announcement: Announcement, is_tag: Callable[[str, str], bool], patterns: Iterable[str]
) -> None:
    """Raise `Refused` if a tag of its images, which are `checked`, is none that the settings allow.

    Args:
        is_tag: whether they allow a tag, of an announced commit.
        patterns: what they say, for the message.
    """
    sha = announcement.sha
    if announcement.is_tagged_alike and is_tag(sha, sha):
        return
    first: dict[str, str] = {}  # most services have the same tag
    for name, image in announcement.images.items():
        first.setdefault(image.Tag.rpartition(":")[2], name)
    for tag, service in first.items():
        if is_tag(tag, sha):
            continue
        is_other = _FULL_SHA.fullmatch(tag) is not None
        what = f"{shown(tag)}, not the announced commit {sha}" if is_other else shown(tag)
        may = f'; "{COMMIT_PLACE}" there lets in an image of an earlier commit' if is_other else ""
        listed = ", ".join(f'"{pattern}"' for pattern in patterns)
        raise Refused(
            f"the tag of {service} is {what}: [images] tags of cfg-app.git's tidemill.toml allows "
            f"{listed}{may}",
            remedy="list the form of its tags in [images] tags, or announce another tag",
        )


def is_tag_like(pattern: str, tag: str, sha: str) -> bool:
    """Whether a tag of an image matches `pattern`.

    In it, `{sha}` stands for `sha`, which is announced, `{commit}` for the full SHA of any commit,
    and `*` for any characters.
    """
    pattern = pattern.replace(SHA_PLACE, sha)
    if COMMIT_PLACE not in pattern:
        return matches(pattern, tag)
    found = _FULL_SHA.findall(tag)
    return any(matches(pattern.replace(COMMIT_PLACE, one), tag) for one in found)


def matches(pattern: str, text: str) -> bool:
    """Whether `text` matches `pattern`, in which `*` stands for any characters, `/` too."""
    first, *rest = map(re.escape, pattern.split("*"))
    if not rest:
        return text == pattern
    # What one part has taken is not given back (`?>`), so no text takes long.
    middle = "".join(f"(?>.*?{part})" for part in rest[:-1])
    return re.fullmatch(f"{first}{middle}.*{rest[-1]}", text, re.DOTALL) is not None


def bare_form(images: Mapping[str, str], tags: Mapping[str, str]) -> bytes:
    """The JSON of the reference architecture, from digests and tags by service."""
    entries = {
        service: Image(Digest=digest, Tag=tags[service])
        for service, digest in sorted(images.items())
    }
    return bare_json(entries)


def bare_json(images: Mapping[str, Image]) -> bytes:
    """The JSON of the reference architecture, from images by service."""
    return in_lines(images, 2, "sorted")


def checked_image(service: str, image: Image) -> None:
    """Raise `Refused` unless tag and digest are well formed, and of one repository."""
    repository = _repository_of(service, image.Digest)
    before, _, tag_alone = image.Tag.rpartition(":")
    if before == repository and _is_tag(tag_alone) and len(image.Tag) <= references.MAX_LENGTH:
        return
    tag = references.by_tag(image.Tag)
    if repository != tag.repository:
        raise Refused(
            f"tag and digest of {service} are in different repositories: "
            f"{tag.repository} and {repository}",
            remedy="announce the tag and the digest of one image",
        )


# Most services of an announcement have the same tag.
_is_tag = lru_cache(maxsize=1 << 10)(references.is_tag)


# From one announcement to the next, most services have the same digest.
@lru_cache(maxsize=1 << 14)
def _repository_of(service: str, digest: str) -> str:
    """The repository of an image, by its digest; raise `Refused` where one is not well formed."""
    checked_name(service, "service")
    return references.by_digest(digest).repository


def plain_json(data: bytes, what: str = "an announcement") -> Any:
    """Decode JSON to plain values; raise `Refused` if it is none, or too long to be `what`."""
    if len(data) > MAX_BYTES:
        raise Refused(
            f"{what} may not have {len(data)} bytes", remedy=f"at most {MAX_BYTES} are read"
        )
    try:
        return msgspec.json.decode(data)
    except UNREADABLE as error:
        raise _not_one(what, str(error)) from None


def converted(plain: Any, shape: type[_T], what: str = "an announcement") -> _T:
    """Plain values as `shape`; raise `Refused` if they are not that."""
    try:
        return msgspec.convert(plain, shape)
    except msgspec.ValidationError as error:
        raise _not_one(what, str(error), _service_in(plain)) from None


def _not_one(what: str, why: str, where: str = "") -> Refused:
    return Refused(
        f"this is not {what}: {where}{shown(why)}",
        remedy="docs/jobs/announce.md shows the form of an announcement",
    )


def _service_in(plain: Any) -> str:
    """Which service's image is wrong, where it is that."""
    images = plain.get("images", plain) if isinstance(plain, dict) else None
    for service, image in images.items() if isinstance(images, dict) else ():
        try:
            msgspec.convert(image, Image)
        except msgspec.ValidationError:
            return f"the image of {shown(service)}: "
    return ""
