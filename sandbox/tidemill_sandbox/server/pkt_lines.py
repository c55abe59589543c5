"""The report on a push, in Git's lines: read, and worded as GitHub does.

A hook can't say why a ref was refused but in lines before the report, where GitHub gives each ref a
reason of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

_REPORT, _TALK = b"\x01", b"\x02"
_MOST = 65515  # bytes of one line of a side band
_OWN_WORDS = (b"error: hook declined to update ",)


@dataclass(frozen=True)
class Report:
    """What is sent to the client, and the refs that changed."""

    data: bytes
    ok: frozenset[str]


def rewritten(data: bytes, reasons: Mapping[str, str]) -> Report:
    """A receive-pack's answer with the reasons of refused refs put in."""
    try:
        lines = list(_lines(data))
    except ValueError:
        return Report(data, frozenset())
    if not any(line[:1] in (_REPORT, _TALK) for line in lines):
        inner, ok = _reworded(lines, reasons)
        return Report(inner, ok)
    talk, report = [], b""
    for line in lines:
        if line[:1] == _REPORT:
            report += line[1:]
        elif line and not line[1:].startswith(_OWN_WORDS):
            talk.append(_line(line))
    inner, ok = _reworded(list(_lines(report)), reasons)
    pieces = [inner[at : at + _MOST] for at in range(0, len(inner), _MOST)]
    return Report(b"".join([*talk, *(_line(_REPORT + piece) for piece in pieces), b"0000"]), ok)


def _reworded(lines: Iterable[bytes], reasons: Mapping[str, str]) -> tuple[bytes, frozenset[str]]:
    out, ok = [], set()
    for line in lines:
        word, _, rest = line.decode(errors="replace").rstrip("\n").partition(" ")
        ref = rest.partition(" ")[0]
        if word == "ok":
            ok.add(ref)
        if word == "ng" and ref in reasons:
            out.append(_line(f"ng {ref} {reasons[ref]}\n".encode()))
        else:
            out.append(_line(line))
    return b"".join(out), frozenset(ok)


def _line(content: bytes) -> bytes:
    return b"%04x" % (len(content) + 4) + content if content else b"0000"


def _lines(data: bytes) -> Iterator[bytes]:
    """The lines' contents; a flush is an empty one."""
    at = 0
    while at < len(data):
        length = int(data[at : at + 4], 16)
        yield data[at + 4 : at + length] if length else b""
        at += length or 4
