"""The ledger as files: what a turn does not change keeps its file, and is not stored again.

`ledger.json` has what is small. The lists are written one item a line, and cut into parts,
`earlier-0000.json` and so on. They grow at the end, and lose what is oldest. Parts of equal length
would then all change. So where a part ends is decided by what its last item is called
(content-defined chunking): a cut stays where it is while items come and go elsewhere, and only the
first and the last part of a list become others.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace as changed

from tidemill.facts.ledger import BadEnding, Eviction, Landing, Ledger, RequestEnding
from tidemill.facts.operation import AutoCommit

INDEX = "ledger.json"
PART_BYTES = 4096  # how long a part is on average, if its items are shorter
_Placed = tuple[str, str, Landing]
_T = TypeVar("_T")


class _Index(msgspec.Struct, frozen=True, kw_only=True):
    """`ledger.json`: the ledger without its lists, and how many items each list has."""

    items: dict[str, int]
    ledger: Ledger


class _List(Struct, Generic[_T], frozen=True):
    """A list of the ledger: its type, and what an item is called for good."""

    name: str
    type: Any
    called: Callable[[_T], str]

    def encode(self, items: Sequence[_T]) -> Iterator[tuple[str, bytes]]:
        """Its parts, by name."""
        encoder = msgspec.json.Encoder()
        lines: list[bytes] = []
        number = 0
        for at, item in enumerate(items, 1):
            line = encoder.encode(item)
            lines.append(line)
            if at == len(items) or _is_cut(self.called(item), len(line)):
                yield f"{self.name}-{number:04}.json", b"[\n" + b",\n".join(lines) + b"\n]\n"
                lines = []
                number += 1

    def decode(self, files: Mapping[str, bytes], count: int) -> list[_T]:
        """Its items, from all files of a commit."""
        start = f"{self.name}-"
        names = sorted((name for name in files if name.startswith(start)), key=_in_order)
        decoder: msgspec.json.Decoder[list[_T]] = msgspec.json.Decoder(self.type)
        found = [item for name in names for item in decoder.decode(files[name])]
        if len(found) != count:
            raise msgspec.ValidationError(f"of {count} items of {self.name} {len(found)} are there")
        return found


_PRESENT = _List[_Placed]("present", list[_Placed], lambda one: f"{one[0]}/{one[1]}")
_EARLIER = _List[_Placed](
    "earlier", list[_Placed], lambda one: f"{one[0]}/{one[1]}/{one[2].commit}"
)
_AUTO = _List[AutoCommit]("auto", list[AutoCommit], lambda one: one.sha)
_ENDED = _List[RequestEnding]("ended", list[RequestEnding], lambda one: one.id)
_EVICTIONS = _List[Eviction]("evictions", list[Eviction], lambda one: f"{one.commit} {one.at}")
_ENDINGS = _List[tuple[str, BadEnding]](
    "endings", list[tuple[str, BadEnding]], lambda one: f"{one[0]}/{one[1].app_sha}"
)


def encode(ledger: Ledger) -> dict[str, bytes]:
    """The files that a ledger is written as, by name.

    What a wave has now changes most often, so it is apart from what the wave had earlier.
    """
    parts = [
        (wave, name, part.landings)
        for wave, sets in ledger.sets.items()
        for name, part in sets.items()
    ]
    present = [(wave, name, one) for wave, name, all_ in parts for one in all_[-1:]]
    earlier = [(wave, name, one) for wave, name, all_ in parts for one in all_[:-1]]
    endings = [(name, one) for name, all_ in ledger.endings.items() for one in all_]
    lists: list[tuple[_List[Any], Sequence[Any]]] = [
        (_PRESENT, present),
        (_EARLIER, earlier),
        (_AUTO, ledger.auto),
        (_ENDED, ledger.ended),
        (_EVICTIONS, ledger.evictions),
        (_ENDINGS, endings),
    ]
    sets = {
        wave: {name: changed(part, landings=[]) for name, part in sets.items()}
        for wave, sets in ledger.sets.items()
    }
    rest = changed(ledger, sets=sets, auto=[], ended=[], evictions=[], endings={})
    index = _Index(items={one.name: len(items) for one, items in lists if items}, ledger=rest)
    return {
        INDEX: msgspec.json.encode(index) + b"\n",
        **{name: data for one, items in lists for name, data in one.encode(items)},
    }


def decode(files: Mapping[str, bytes]) -> Ledger:
    """The ledger, from all files of a commit of the journal.

    Raises:
        msgspec.DecodeError: a file is missing, or is not what it is meant to be.
    """
    index = msgspec.json.decode(files.get(INDEX, b""), type=_Index)

    def items(one: _List[_T]) -> list[_T]:
        return one.decode(files, index.items.get(one.name, 0))

    ledger = index.ledger
    for wave, name, landing in [*items(_EARLIER), *items(_PRESENT)]:
        ledger.of(wave, name).landings.append(landing)
    for name, ending in items(_ENDINGS):
        ledger.endings.setdefault(name, []).append(ending)
    return changed(ledger, auto=items(_AUTO), ended=items(_ENDED), evictions=items(_EVICTIONS))


def _in_order(name: str) -> tuple[int, str]:
    """Parts by number, also where there are so many that a number is longer than others."""
    return len(name), name


def _is_cut(called: str, length: int) -> bool:
    """Whether a part ends after an item of so many bytes: by chance, that its name decides."""
    return zlib.crc32(called.encode()) * PART_BYTES < length << 32
