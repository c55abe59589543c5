"""Version 2 of Git's protocol, as far as reading needs it: requests, and what the answers mean.

The forms are those of gitprotocol-common(5), gitprotocol-pack(5) and gitprotocol-v2(5). Nothing
here reads or writes: `exactly` gives the next so many bytes of what the other side says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import Enum
from typing import TypeAlias

from msgspec import Struct

from tidemill.facts.refs import Refs

_LENGTH = 4  # the bytes of a packet's length, which counts them too
_PACK, _PROGRESS, _FATAL = 1, 2, 3  # the bands of what is sent with a pack
_HASH = "sha1"


class Mark(Enum):
    """A packet that holds nothing and only separates others."""

    FLUSH = b"0000"
    DELIMITER = b"0001"
    END = b"0002"


Packet: TypeAlias = bytes | Mark


class Unanswered(Exception):
    """The other side refuses, or says what is not in the protocol; the text is what it said."""


class Capabilities(Struct, frozen=True):
    """What a server can do: `fetch` is the features of its fetching."""

    fetch: frozenset[str]
    object_format: str | None

    @property
    def has_filter(self) -> bool:
        """Whether it can leave out a part of what a commit leads to."""
        return "filter" in self.fetch


class Boundary(Struct, frozen=True):
    """A commit at which the history that was sent ends, or at which it no longer does."""

    commit: str
    ends: bool


def packet(data: bytes) -> bytes:
    """A packet, as it is sent."""
    return b"%04x" % (len(data) + _LENGTH) + data


def packets(exactly: Callable[[int], bytes]) -> Iterator[Packet]:
    """The packets of one message, up to the mark that ends it; that one is not among them.

    Raises:
        Unanswered: a message is cut short, or is an error.
    """
    while True:
        head = exactly(_LENGTH)
        if head == Mark.FLUSH.value:
            return
        if head == Mark.DELIMITER.value:
            yield Mark.DELIMITER
            continue
        if head == Mark.END.value:
            raise Unanswered("the server did not answer to the end")
        try:
            size = int(head, 16) - _LENGTH
        except ValueError:
            size = 0
        if size <= 0:
            raise Unanswered("the server does not answer as Git does")
        data = exactly(size)
        if data.startswith(b"ERR "):
            raise Unanswered(f"remote error: {_text(data.removeprefix(b'ERR '))}")
        yield data


def capabilities(message: Iterable[Packet]) -> Capabilities | None:
    """What a server says first; None if it does not speak version 2, or can't do what is needed."""
    lines = [_text(one) for one in message if isinstance(one, bytes)]
    if lines[:1] != ["version 2"]:
        return None
    found = dict(line.partition("=")[::2] for line in lines[1:])
    known = found.get("object-format")
    fetch = frozenset(found.get("fetch", "").split())
    if "ls-refs" not in found or "shallow" not in fetch or known not in (None, _HASH):
        return None
    return Capabilities(fetch, known)


def list_refs(can: Capabilities) -> bytes:
    """The request to list all refs."""
    return _request("ls-refs", can, ["symrefs"])


def refs_in(message: Iterable[Packet]) -> Refs:
    """The refs of an answer to `list_refs`."""
    head, shas = None, {}
    for line in (one for one in message if isinstance(one, bytes)):
        sha, ref, *more = line.rstrip(b"\n").decode(errors="surrogateescape").split(" ")
        if ref == "HEAD":
            target = next((one for one in more if one.startswith("symref-target:")), "")
            head = target.removeprefix("symref-target:").removeprefix("refs/heads/") or None
        elif ref.startswith("refs/"):
            shas[ref] = sha
    return Refs(shas, head)


def fetch(
    can: Capabilities,
    objects: Sequence[str],
    *,
    depth: int | None = None,
    without: str | None = None,
    ends: Sequence[str] = (),
) -> bytes:
    """The request for objects, and for what they lead to.

    Args:
        depth: how many commits of history; None where no commits are asked for.
        without: what is left out, as Git's `--filter`; a server that can't, sends it too.
        ends: the commits at which the history that is here ends.
    """
    lines = ["ofs-delta", "no-progress"]
    if without is not None and can.has_filter:
        lines.append(f"filter {without}")
    if depth is not None:
        lines.append(f"deepen {depth}")
    lines += [f"shallow {one}" for one in ends]
    lines += [f"want {one}" for one in objects]
    return _request("fetch", can, [*lines, "done"])


def fetched(message: Iterable[Packet]) -> Iterator[Boundary | bytes]:
    """What an answer to `fetch` holds: where history ends, then the pack in pieces.

    Raises:
        Unanswered: the server could not send it all.
    """
    section, has_pack = "", False
    for one in message:
        if isinstance(one, Mark):
            section = ""
        elif not section:
            section = _text(one)
        elif section == "shallow-info":
            word, _, commit = _text(one).partition(" ")
            yield Boundary(commit, ends=word == "shallow")
        elif section == "packfile":
            if one[0] == _FATAL:
                raise Unanswered(f"remote error: {_text(one[1:])}")
            if one[0] == _PACK:
                has_pack = True
                yield one[1:]
    if not has_pack:
        raise Unanswered("the server sent no objects")


def _request(command: str, can: Capabilities, arguments: Sequence[str]) -> bytes:
    lines = [f"command={command}"]
    if can.object_format is not None:
        lines.append(f"object-format={can.object_format}")
    head, body = ("".join(map(_line, some)) for some in (lines, arguments))
    return b"".join((head.encode(), Mark.DELIMITER.value, body.encode(), Mark.FLUSH.value))


def _line(text: str) -> str:
    return packet(f"{text}\n".encode()).decode()


def _text(data: bytes) -> str:
    return data.decode(errors="replace").rstrip("\n")
