"""Version 2 of Git's protocol: requests as bytes, and answers as values."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import pytest

from tidemill.clients.git.protocol import (
    Unanswered,
    features,
    fetch,
    fetched,
    list_refs,
    packet,
    packets,
    refs_in,
)
from tidemill.facts.refs import Refs

A, B = "a" * 40, "b" * 40
ALL = frozenset({"shallow", "filter", "wait-for-done"})
OLD = frozenset({"shallow"})


def said(data: bytes) -> Callable[[int], bytes]:
    """What gives the next bytes of `data`, as a process would."""
    stream = BytesIO(data)

    def exactly(size: int) -> bytes:
        found = stream.read(size)
        if len(found) < size:
            raise EOFError
        return found

    return exactly


def test_packet_says_how_long_it_is() -> None:
    assert packet(b"want\n") == b"0009want\n"
    assert list(packets(said(packet(b"x" * 65_000) + b"0000"))) == [b"x" * 65_000]


def test_message_goes_to_its_end_and_no_further() -> None:
    exactly = said(b"0006a\n" + b"0001" + b"0006b\n" + b"0000" + b"rest")
    assert list(packets(exactly)) == [b"a\n", b"", b"b\n"]
    assert exactly(4) == b"rest"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"0006a\n0002", "did not answer to the end"),
        (packet(b"ERR upload-pack: not our ref\n"), "remote error: upload-pack: not our ref$"),
        (b"<!DOCTYPE html>", "not answer as Git does"),
        (b"0003", "not answer as Git does"),
        (b"0004", "not answer as Git does"),
        (b"-001", "not answer as Git does"),
    ],
)
def test_message_that_is_none_is_said_to_be_so(data: bytes, why: str) -> None:
    with pytest.raises(Unanswered, match=why):
        list(packets(said(data)))


@pytest.mark.parametrize("data", [b"", b"00", b"0006a", b"0006a\n"])
def test_message_that_ends_too_soon_is_an_end(data: bytes) -> None:
    with pytest.raises(EOFError):
        list(packets(said(data)))


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        (
            [b"version 2\n", b"agent=git/2.39\n", b"ls-refs=unborn\n",
             b"fetch=shallow wait-for-done filter\n", b"object-format=sha1\n"],
            ALL,
        ),
        ([b"version 2", b"ls-refs", b"fetch=shallow"], OLD),
        ([b"version 1\n"], None),
        ([f"{A} HEAD\0side-band-64k\n".encode()], None),
        ([b"version 2\n", b"ls-refs\n", b"fetch=shallow\n", b"object-format=sha256\n"], None),
        ([b"version 2\n", b"ls-refs\n", b"fetch=filter\n"], None),
        ([b"version 2\n", b"fetch=shallow\n"], None),
        ([], None),
    ],
    ids=["all", "few", "version-1", "version-0", "other-hash", "no-depth", "no-refs", "nothing"],
)  # fmt: skip
def test_server_says_what_it_can(lines: list[bytes], found: frozenset[str] | None) -> None:
    assert features(lines) == found


def test_request_for_refs() -> None:
    assert list_refs() == b"0014command=ls-refs\n0001000csymrefs\n0000"


def test_refs_and_the_branch_of_head_are_found() -> None:
    lines = [
        f"{A} HEAD symref-target:refs/heads/trunk\n".encode(),
        f"{A} refs/heads/trunk\n".encode(),
        f"{B} refs/tags/v1 peeled:{A}\n".encode(),
        f"{B} refs/heads/\xff".encode("latin-1"),
    ]
    found = refs_in(lines)
    assert found.head == "trunk"
    assert found.shas == {"refs/heads/trunk": A, "refs/tags/v1": B, "refs/heads/\udcff": B}
    assert refs_in([f"{A} HEAD\n".encode()]) == Refs({}, None)
    assert refs_in([]) == Refs({}, None)


def test_request_for_objects_says_what_is_wanted_and_what_not() -> None:
    request = fetch([A, B], depth=64, without="tree:0", ends=[B])
    assert list(packets(said(request))) == [
        b"command=fetch\n", b"", b"ofs-delta\n", b"no-progress\n",
        b"filter tree:0\n", b"deepen 64\n", f"shallow {B}\n".encode(),
        f"want {A}\n".encode(), f"want {B}\n".encode(), b"done\n",
    ]  # fmt: skip
    assert b"deepen" not in fetch([A])


def test_answer_has_where_history_ends_and_then_the_pack() -> None:
    message: list[bytes] = [
        b"shallow-info\n", f"shallow {A}\n".encode(), f"unshallow {B}\n".encode(), b"",
        b"packfile\n", b"\x01PACK", b"\x02counting", b"\x01more",
    ]  # fmt: skip
    ends: list[tuple[str, bool]] = []
    pieces = list(fetched(message, lambda commit, is_end: ends.append((commit, is_end))))
    assert (pieces, ends) == ([b"PACK", b"more"], [(A, True), (B, False)])


@pytest.mark.parametrize(
    ("message", "why"),
    [
        ([b"packfile\n", b"\x01PACK", b"\x03pack-objects died\n"], "error: pack-objects died$"),
        ([b"packfile\n", b"\x02counting"], "sent no objects"),
        ([b"acknowledgments\n", b"NAK\n"], "sent no objects"),
        ([], "sent no objects"),
    ],
)
def test_answer_without_a_whole_pack_is_none(message: list[bytes], why: str) -> None:
    with pytest.raises(Unanswered, match=why):
        list(fetched(message, lambda *_: None))
