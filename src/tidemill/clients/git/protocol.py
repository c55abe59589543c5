"""Version 2 of Git's protocol, as far as reading needs it: requests, and what the answers mean.

The forms are those of gitprotocol-common(5), gitprotocol-pack(5) and gitprotocol-v2(5). Nothing
here reads or writes: `exactly` gives the next so many bytes of what the other side says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from tidemill.facts.refs import Refs

FLUSH, DELIMITER, END = b"0000", b"0001", b"0002"  # packets that hold nothing: they separate others
FILTER = "filter"  # the feature of a server that can leave out a part of what a commit leads to
_LENGTH = 4  # the bytes of a packet's length, which counts them too
_OUR_HASH = ("sha1", None)  # who names none means this one
_PACK, _PROGRESS, _FATAL = 1, 2, 3  # the bands of what is sent with a pack


class Unanswered(Exception):
    """The other side refuses, or says what is not in the protocol; the text is what it said."""


def packet(data: bytes) -> bytes:
    """A packet, as it is sent."""
    return b"%04x" % (len(data) + _LENGTH) + data


def packets(exactly: Callable[[int], bytes]) -> Iterator[bytes]:
    """The packets of one message, up to the mark that ends it; an empty one parts its sections.

    Raises:
        Unanswered: a message is cut short, or is an error.
    """
    while (head := exactly(_LENGTH)) != FLUSH:
        if head == DELIMITER:
            yield b""
            continue
        if head == END:
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


def features(message: Iterable[bytes]) -> frozenset[str] | None:
    """What a server's fetching can do, of what it says first.

    None if it does not speak version 2, or can't do what is needed.
    """
    lines = [_text(one) for one in message]
    found = dict(line.partition("=")[::2] for line in lines[1:])
    can = frozenset(found.get("fetch", "").split())
    has_all = "ls-refs" in found and "shallow" in can and found.get("object-format") in _OUR_HASH
    return can if has_all and lines[0] == "version 2" else None


def list_refs() -> bytes:
    """The request to list all refs."""
    return _request("ls-refs", ["symrefs"])


def refs_in(message: Iterable[bytes]) -> Refs:
    """The refs of an answer to `list_refs`."""
    head, shas = None, {}
    for line in message:
        sha, ref, *more = line.rstrip(b"\n").decode(errors="surrogateescape").split(" ")
        if ref == "HEAD":
            target = next((one for one in more if one.startswith("symref-target:")), "")
            head = target.removeprefix("symref-target:").removeprefix("refs/heads/") or None
        elif ref.startswith("refs/"):
            shas[ref] = sha
    return Refs(shas, head)


def fetch(
    objects: Sequence[str],
    *,
    depth: int | None = None,
    without: str | None = None,
    ends: Sequence[str] = (),
) -> bytes:
    """The request for objects, and for what they lead to.

    Args:
        depth: how many commits of history; None where no commits are asked for.
        without: what is left out, as Git's `--filter`, by a server that has `FILTER`.
        ends: the commits at which the history that is here ends.
    """
    lines = ["ofs-delta", "no-progress"]
    if without is not None:
        lines.append(f"filter {without}")
    if depth is not None:
        lines.append(f"deepen {depth}")
    lines += [f"shallow {one}" for one in ends]
    lines += [f"want {one}" for one in objects]
    return _request("fetch", [*lines, "done"])


def fetched(message: Iterable[bytes], note: Callable[[str, bool], None]) -> Iterator[bytes]:
    """The pack that an answer to `fetch` holds, in pieces.

    Args:
        note: is told each commit at which history ends by now (True), or no longer does (False).

    Raises:
        Unanswered: the server could not send it all.
    """
    section, has_pack = "", False
    for one in message:
        if not one or not section:
            section = _text(one)
        elif section == "shallow-info":
            word, _, commit = _text(one).partition(" ")
            note(commit, word == "shallow")
        elif section == "packfile":
            if one[0] == _FATAL:
                raise Unanswered(f"remote error: {_text(one[1:])}")
            if one[0] == _PACK:
                has_pack = True
                yield one[1:]
    if not has_pack:
        raise Unanswered("the server sent no objects")


def _request(command: str, arguments: Sequence[str]) -> bytes:
    asked, *lines = (packet(f"{one}\n".encode()) for one in (f"command={command}", *arguments))
    return b"".join((asked, DELIMITER, *lines, FLUSH))


def _text(data: bytes) -> str:
    return data.decode(errors="replace").rstrip("\n")
