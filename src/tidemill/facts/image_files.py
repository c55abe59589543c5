"""Image files: `tags.json`, `digests.json` and `source.json` of one set in one wave."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from tidemill.announcing.order import Generation, Order, Rewrites, as_before, order_of
from tidemill.words.fields import Position, PositionOrZero, Repository, Sha
from tidemill.words.json_types import in_lines
from tidemill.words.moments import Moment
from tidemill.words.unreadable import UNREADABLE

TAGS, DIGESTS, SOURCE = "tags.json", "digests.json", "source.json"
FILES = (TAGS, DIGESTS, SOURCE)
_PromotedFrom = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9._-]{1,100}@[0-9a-f]{40}\Z")]


class StandIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The place in the history of app.git of the set that a hotfix replaced; position 0: of none
    that is known."""

    position: PositionOrZero
    generation: Generation = 1
    rewrites: Rewrites = 0


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`source.json`: where a set comes from. `promoted_from` is `<wave>@<cfg SHA>`, or null.

    `hotfix` is written where it is one. `generation` and `rewrites` are written where they are not
    1 and 0. `content` is that of the image files; it is written where a tag is not `sha`, for then
    nothing else would tell that somebody edited them by hand.
    """

    version: Literal[1] = 1
    repository: Repository
    sha: Sha
    position: Position
    introduced_at: Moment
    promoted_from: _PromotedFrom | None = None
    generation: Generation = 1
    rewrites: Rewrites = 0
    content: str | None = None
    hotfix: StandIn | None = None

    @property
    def order(self) -> Order:
        """Where it is in the history of app.git; a hotfix is where the set is that it replaced."""
        return order_of(self.hotfix or self)


class ImageFiles(Struct, frozen=True):
    """The image files of one set in one wave, as one commit has them.

    `content` identifies tags and digests together, `digest_id` the digests alone; both are hex
    digests over sorted JSON. `source` is None for an unknown set: no valid `source.json`, or one
    that does not fit the tags.
    """

    tags: Mapping[str, str]
    digests: Mapping[str, str]
    source: Source | None
    content: str
    digest_id: str

    @property
    def app_sha(self) -> str | None:
        """The commit of app.git, None where it is unknown."""
        return self.source.sha if self.source else None

    @property
    def position(self) -> int:
        """The set's position; 0, older than any announcement, where it is unknown."""
        return self.order.position if self.source else 0

    @property
    def order(self) -> Order:
        """Where the set is in the history of app.git; the oldest of all where it is unknown."""
        return self.source.order if self.source else Order()


def paths_in(folder: str) -> list[str]:
    """Where the image files of a folder are."""
    return [f"{folder}/{name}" for name in FILES]


def from_maps(
    tags: Mapping[str, str], digests: Mapping[str, str], source: Source | None
) -> ImageFiles:
    """Image files from their parsed parts."""
    return ImageFiles(tags, digests, source, content_id(tags, digests), _identity(digests))


def parse(files: Mapping[str, bytes]) -> ImageFiles | None:
    """Image files from the bytes of those that exist, by name; None if there is none of them.

    Files that a person broke are an unknown set, never an error.
    """
    if not files.keys() & {TAGS, DIGESTS}:
        return None
    tags, digests = _mapping(files.get(TAGS)), _mapping(files.get(DIGESTS))
    if tags is None or digests is None:
        raw = b"\0".join(files.get(name, b"") for name in (TAGS, DIGESTS))
        return ImageFiles({}, {}, None, hashlib.sha256(raw).hexdigest(), "")
    found = from_maps(tags, digests, None)
    return replace(found, source=_source(files.get(SOURCE), tags, found.content))


def content_id(tags: Mapping[str, str], digests: Mapping[str, str]) -> str:
    """What identifies tags and digests together."""
    return _identity({"tags": dict(tags), "digests": dict(digests)})


def source_of(source: Source, tags: Mapping[str, str], content: str) -> Source:
    """The source of the image files with these tags and this content, as it is written."""
    bound = None if _has_the_sha(tags, source.sha) else content
    return msgspec.structs.replace(source, content=bound)


def render(value: Mapping[str, str] | Source) -> bytes:
    """A file's bytes: sorted keys, two spaces, a newline at the end."""
    plain: Mapping[str, Any]
    if isinstance(value, Source):
        before = as_before(value)
        unset = [(key, None) for key in ("content", "hotfix")]
        plain = {key: one for key, one in before.items() if (key, one) not in unset}
    else:
        plain = value
    return in_lines(plain, 2, "sorted")


def _identity(value: object) -> str:
    return hashlib.sha256(msgspec.json.encode(value, order="deterministic")).hexdigest()


def _mapping(data: bytes | None) -> dict[str, str] | None:
    try:
        return msgspec.json.decode(data or b"", type=dict[str, str])
    except UNREADABLE:
        return None


def _has_the_sha(tags: Mapping[str, str], sha: str) -> bool:
    """Whether the tag of every image is a commit's SHA."""
    return all(tag.endswith(f":{sha}") for tag in tags.values())


def _source(data: bytes | None, tags: Mapping[str, str], content: str) -> Source | None:
    try:
        source = msgspec.json.decode(data or b"", type=Source)
    except UNREADABLE:
        return None
    fits = source.content == content or (source.content is None and _has_the_sha(tags, source.sha))
    return source if fits else None
