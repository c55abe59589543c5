"""The sections of an ELF file (System V ABI, chapter 4): where what is."""

from __future__ import annotations

import struct

from msgspec import Struct

from tidemill.images.causes.content import Content

MAGIC = b"\x7fELF"
_HEADER = 64
_MOST = 4096
_WIDEST = 256
_MOST_NAMES = 1 << 20
_NOTHING_IN_FILE = 8
_LOADED = 1


class Elf(Struct, frozen=True):
    """What an ELF file's tables say.

    `sections` are parts of the file by their names, `segments` those that are loaded, each with
    the address that it is loaded to.
    """

    sections: dict[str, Content]
    segments: tuple[tuple[int, Content], ...]

    def loaded(self, address: int, count: int) -> bytes:
        """`count` bytes from an address of memory; fewer if the file does not have them."""
        for start, segment in self.segments:
            if 0 <= address - start < segment.size:
                return segment.at(address - start, count)
        return b""


def elf(content: Content) -> Elf | None:
    """The tables of an ELF file; None if it is none, or is damaged."""
    head = content.at(0, _HEADER)
    if not head.startswith(MAGIC) or len(head) < _HEADER:
        return None
    order = {1: "<", 2: ">"}.get(head[5])
    if order is None or head[4] not in (1, 2):
        return None
    wide = head[4] == 2
    try:
        form = "QQIHHHHHH" if wide else "IIIHHHHHH"
        programs, tables, _, _, program_size, segments, section_size, sections, names = (
            struct.unpack_from(f"{order}{form}", head, 32 if wide else 28)
        )
        return Elf(
            _sections(content, order, wide, (tables, section_size, sections, names)),
            _segments(content, order, wide, (programs, program_size, segments)),
        )
    except (struct.error, ValueError):
        return None


def _sections(
    content: Content, order: str, wide: bool, table: tuple[int, int, int, int]
) -> dict[str, Content]:
    start, size, count, names = table
    form = struct.Struct(f"{order}IIQQQQ" if wide else f"{order}IIIIII")
    rows = []
    for data in _rows(content, start, size, count):
        name, kind, _, _, offset, length = form.unpack_from(data)
        rows.append((name, offset, 0 if kind == _NOTHING_IN_FILE else length))
    if not 0 <= names < len(rows):
        return {}
    texts = content.at(rows[names][1], min(rows[names][2], _MOST_NAMES))
    return {
        texts[name : max(name, texts.find(b"\0", name))].decode("latin-1"): content.part(
            offset, length
        )
        for name, offset, length in reversed(rows)  # of two with one name the first counts
    }


def _segments(
    content: Content, order: str, wide: bool, table: tuple[int, int, int]
) -> tuple[tuple[int, Content], ...]:
    found = []
    for data in _rows(content, *table):
        if wide:
            kind, _, offset, address, _, size = struct.unpack_from(f"{order}IIQQQQ", data)
        else:
            kind, offset, address, _, size = struct.unpack_from(f"{order}IIIII", data)
        if kind == _LOADED:
            found.append((address, content.part(offset, size)))
    return tuple(found)


def _rows(content: Content, start: int, size: int, count: int) -> list[bytes]:
    """The rows of a table; none if it says that there are too many."""
    if not 0 < size <= _WIDEST or count > _MOST:
        return []
    data = content.at(start, size * count)
    return [data[row * size : (row + 1) * size] for row in range(len(data) // size)]
