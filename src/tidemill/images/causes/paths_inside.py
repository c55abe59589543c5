"""Paths that a compiler wrote into a file: of its sources, or of the folder it ran in."""

from __future__ import annotations

import re
from collections import Counter

from tidemill.images.causes.cause import Cause
from tidemill.images.causes.content import LARGEST, Content, Pair
from tidemill.images.causes.texts import TEMPORARY_PATH, of_text
from tidemill.words.names import shown

# An absolute path of at least two parts, not within a word or a URL.
_PATH = re.compile(rb"(?<![\w/:.%-])/(?:[\w.+@~-]{1,100}/){1,30}[\w.+@~-]{1,100}")
_OVERLAP = 4096
_MOST = 20_000


def of_paths_inside(pair: Pair) -> Cause | None:
    """Whether two files have the same paths below two folders, one on each side.

    In a program one path more or less moves all that follows, so there it is not proven.
    """
    left, right = _paths(pair.left), _paths(pair.right)
    if left is None or right is None:
        return None
    only_left, only_right = left - right, right - left
    ends: dict[bytes, list[bytes]] = {}
    for path in only_right:
        ends.setdefault(path.rpartition(b"/")[2], []).append(path)
    folders: Counter[tuple[bytes, bytes]] = Counter()
    for path in only_left:
        for other in ends.get(path.rpartition(b"/")[2], [])[:20]:
            folders[_roots(path, other)] += 1
    if not folders:
        return None
    (one, other), _ = folders.most_common(1)[0]
    proven = _equal_without(pair, one, other)
    if not proven and b"\0" not in pair.heads[0]:
        return None
    temporary = any(TEMPORARY_PATH.form.match(root + b"/") for root in (one, other))
    return Cause(
        TEMPORARY_PATH.name if temporary else "compiled-in path",
        f"the folder it was built in was written into it: {_text(one)} and {_text(other)}"
        f"{'' if proven else ' (it may not be all that differs)'}",
        "build with -trimpath (Go), -ffile-prefix-map (C), --remap-path-prefix (Rust), or in a "
        "folder that always has the same path",
    )


def _equal_without(pair: Pair, one: bytes, other: bytes) -> bool:
    """Whether the files are equal but for the two folders, and what else stands in text."""
    if max(pair.left.size, pair.right.size) > LARGEST:
        return False
    left = pair.left.at(0, LARGEST).replace(one + b"/", b"/")
    right = pair.right.at(0, LARGEST).replace(other + b"/", b"/")
    return left == right or of_text(left, right, pair.hosts) is not None


def _roots(one: bytes, other: bytes) -> tuple[bytes, bytes]:
    """Two paths without the parts at their end that are equal."""
    ours, theirs = one.split(b"/"), other.split(b"/")
    while len(ours) > 1 and len(theirs) > 1 and ours[-1] == theirs[-1]:
        ours.pop()
        theirs.pop()
    return b"/".join(ours), b"/".join(theirs)


def _paths(content: Content) -> set[bytes] | None:
    """The absolute paths in a file; None if there are too many."""
    found: set[bytes] = set()
    before = b""
    for piece in content.pieces():
        data = before + piece
        found.update(match[0] for match in _PATH.finditer(data))
        if len(found) > _MOST:
            return None
        # A path over the edge of two pieces is found whole the second time.
        before = data[-_OVERLAP:]
    return found


def _text(folder: bytes) -> str:
    return shown(folder.decode("latin-1") or "/")
