"""Why things differ: all rules in one place, in the order in which they are asked.

Each rule is a function of what differs, and gives a cause or None. A rule on content answers only
where the difference is gone once its cause is taken out, or where the file's path or format says
what the bytes are; paths in a program, which can't be taken out, are told as what they are. Where
no rule answers, the cause is not known.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from tidemill.images import oci
from tidemill.images.causes import content
from tidemill.images.causes.attributes import FORM, MEDIA_TYPES, TIMESTAMPS
from tidemill.images.causes.cause import CANONICAL, Cause, joined
from tidemill.images.causes.content import LARGEST, Pair
from tidemill.images.causes.formats import of_ar, of_gzip, of_order, of_pyc, of_zip
from tidemill.images.causes.go import lacks_trimpath, of_go_binary
from tidemill.images.causes.paths import of_path
from tidemill.images.causes.paths_inside import of_paths_inside
from tidemill.images.causes.texts import of_text

_CREATED = re.compile(r"(created|history\[\d+\]\.created)")
_HOST = re.compile(r"(config|container_config)\.(Hostname|Domainname|MacAddress)")
_BUILDER = re.compile(r"(container|docker_version|container_config\..*|moby\..*|id|parent|author)")
_OF_COMMIT = re.compile(
    r"(.*\.)?(config\.Labels|annotations)\[(org\.opencontainers\.image\.(created|revision|version|ref\.name)"
    r"|org\.label-schema\.(build-date|vcs-ref|version)|.*(commit|revision|build[-_.]?(date|time|id)"
    r"|git[-_.]?(sha|ref)|vcs[-_.]ref).*)\]",
    re.IGNORECASE,
)
_MACHINE_NAME = Cause(
    "machine name",
    "the engine wrote the name of the machine or of its container into the config",
    CANONICAL,
)
_TRACE = Cause(
    "trace of the builder",
    "the engine wrote down how, and by which release, the image was built",
    CANONICAL,
)
_STAMP = Cause(
    "commit label",
    "a label says from which commit or when it was built, so each commit gives another digest",
    "leave such labels and annotations out: the tag and the record of the digest have the commit",
)
_LARGEST_BINARY = 1 << 20


def of_value(key: str, left: object, right: object, hosts: Sequence[str] = ()) -> Cause | None:
    """Why a value of a config or a manifest differs; `key` as the comparison names it."""
    if key == f"annotations[{oci.PROFILE_ANNOTATION}]":
        return FORM
    if _CREATED.fullmatch(key):
        return TIMESTAMPS
    if key.rpartition(".")[2] == "mediaType":
        return _of_media_types(left, right)
    if _HOST.fullmatch(key):
        return _MACHINE_NAME
    if _OF_COMMIT.fullmatch(key):
        return _STAMP
    if _BUILDER.fullmatch(key):
        return _TRACE
    if isinstance(left, str) and isinstance(right, str):
        return of_text(
            left.encode("utf-8", "surrogatepass"), right.encode("utf-8", "surrogatepass"), hosts
        )
    return None


def _of_media_types(left: object, right: object) -> Cause | None:
    names = {oci.kind_of(str(side)) for side in (left, right)}
    return MEDIA_TYPES if len(names) == 1 else None


def of_content(pair: Pair) -> Cause | None:
    """Why the content of two files of one path differs."""
    return next((cause for rule in RULES if (cause := rule(pair))), None)


def _by_path(pair: Pair) -> Cause | None:
    return of_path(pair.path)


def _text(pair: Pair) -> Cause | None:
    """Text of at most 8 MiB on each side, or 1 MiB of bytes with text among them."""
    size = max(pair.left.size, pair.right.size)
    if size > LARGEST or (size > _LARGEST_BINARY and b"\0" in pair.heads[0]):
        return None
    sides = pair.left.at(0, LARGEST), pair.right.at(0, LARGEST)
    return of_text(*sides, pair.hosts) or of_order(*sides)


def _windows(pair: Pair) -> Cause | None:
    """Files of one size, however large: what stands around each range that differs."""
    if pair.left.size != pair.right.size or pair.changes.more:
        return None
    found: list[Cause] = []
    done = 0
    for start, end in pair.changes.ranges:
        if start < done:
            continue
        one, other = (content.window(side, start, end) for side in (pair.left, pair.right))
        cause = of_text(one, other, pair.hosts)
        if cause is None:
            return None
        found.append(cause)
        done = end
    return joined(list({cause.name: cause for cause in found}.values()))


def _compiled_in(pair: Pair) -> Cause | None:
    cause = of_paths_inside(pair)
    if cause is None or not lacks_trimpath(pair):
        return cause
    return Cause(cause.name, f"{cause.meaning}, as it was built without -trimpath", cause.remedy)


# Each content rule; the first that answers is right.
RULES: tuple[Callable[[Pair], Cause | None], ...] = (
    _by_path,
    of_go_binary,
    of_pyc,
    of_gzip,
    of_zip,
    of_ar,
    _windows,
    _text,
    _compiled_in,
)
