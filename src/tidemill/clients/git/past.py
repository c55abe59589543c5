"""The past: one file of every commit of a long history, read in one go.

Git reads objects in a stream, as fast as its processor decompresses them; so it is told at once all
that is wanted, in parts, and two processes do it, while whoever wants it takes the first parts.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from tidemill.clients.git import mirror
from tidemill.clients.git.git import Git, GitError, lines, offline
from tidemill.clients.git.remote import is_folder
from tidemill.clients.git.store import ALL_COMMITS
from tidemill.words.names import SHA

_PROCESSES = 2  # at once
_PARTS = 8  # so that what was read is worked on while more is read
_LEAST = 1000  # objects for a process
_SECONDS = 300.0
_ENTRY = 20  # bytes that name an object in a tree


def borrowed(bare: Path, url: str) -> bool:
    """Make a bare repository, and let it have the objects of one in a folder of this machine.

    Whether it can: else they have to be fetched.
    """
    objects = Path(url) / "objects"
    is_here = is_folder(url) and objects.is_dir()
    mirror.made(bare, is_partial=not is_here)
    if not is_here:
        return False
    mirror.borrow(bare, objects, Path(url) / "shallow")
    return True


def commits(git: Git, tip: str, most: int = ALL_COMMITS) -> list[str]:
    """The last `most` commits that lead to one, and itself, each after its parents."""
    order = ("--topo-order", "--reverse", f"--max-count={most}")
    return git("rev-list", *order, tip, env=offline(), seconds=_SECONDS).decode().split()


def count_since(git: Git, tip: str, when: datetime, most: int = ALL_COMMITS) -> int:
    """How many of the commits that lead to one, and itself, were made at a time or later; at most
    `most`."""
    limits = (f"--max-age={when.timestamp():.0f}", f"--max-count={most}")
    return int(git("rev-list", "--count", *limits, tip, env=offline(), seconds=_SECONDS))


def contents(git: Git, objects: Sequence[str]) -> Iterator[bytes]:
    """The bytes of each object, in order; none for what is not here.

    Args:
        objects: anything that Git takes for the name of an object, like `<commit>:<path>`.
    """
    for part, data in _in_parts(git, objects, "--batch=%(objectsize)"):
        yield from _split(part, data)


def named(git: Git, objects: Sequence[str]) -> list[str]:
    """What each of these is called in Git, in order; nothing for what is not here."""
    said = (lines(data) for _, data in _in_parts(git, objects, "--batch-check=%(objectname)"))
    return [one if SHA.fullmatch(one) else "" for part in said for one in part]


def blobs(git: Git, trees: Sequence[str], name: str) -> list[str]:
    """The objects of the file `name` directly in some trees, where they have one."""
    wanted = b"100644 " + name.encode() + b"\0"
    found = []
    for data in contents(git, trees):
        at = data.find(wanted) + len(wanted)
        if at >= len(wanted):
            found.append(data[at : at + _ENTRY].hex())
    return found


def _in_parts(git: Git, objects: Sequence[str], form: str) -> Iterator[tuple[Sequence[str], bytes]]:
    """The objects part by part, in order, each with what Git says of it."""
    from concurrent.futures import ThreadPoolExecutor  # which a turn has no need of

    count = min(_PROCESSES, os.cpu_count() or 1)
    size = max(_LEAST, -(-len(objects) // _PARTS))
    parts = [objects[at : at + size] for at in range(0, len(objects), size)]
    with ThreadPoolExecutor(count) as pool:
        said = pool.map(lambda part: _cat(git, part, form), parts)
        yield from zip(parts, said, strict=True)


def _cat(git: Git, objects: Sequence[str], form: str) -> bytes:
    data = "".join(f"{one}\n" for one in objects).encode(errors="surrogateescape")
    return git("cat-file", form, "--buffer", data=data, env=offline(), seconds=_SECONDS)


def _split(objects: Sequence[str], data: bytes) -> Iterator[bytes]:
    """The bytes behind each size; where Git says a word in place of one, there are none."""
    at = 0
    for one in objects:
        end = data.find(b"\n", at) + 1
        if end == 0:
            raise GitError(("cat-file", one), 1, f"{one} could not be read")
        head = data[at : end - 1]
        if head.isdigit():
            at = end + int(head) + 1
            yield data[end : at - 1]
        else:
            at = end
            yield b""
