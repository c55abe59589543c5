"""JSON as files have it, and types that it is decoded to, in several threads.

msgspec (0.22) learns what a Struct looks like when one is first decoded. A thread that decodes one
while another still learns it reads what is not there yet, and the process ends with a segmentation
fault. So a type is learnt under a lock, before anything is decoded to it.
"""

from __future__ import annotations

import json
import re
import threading
from typing import Any, Literal, TypeVar

import msgspec

_T = TypeVar("_T")
_learning = threading.Lock()
_learnt: set[object] = set()
_LONE = re.compile("[\ud800-\udfff]")


def in_lines(
    value: object, indent: int = 1, order: Literal["deterministic", "sorted"] | None = None
) -> bytes:
    """The JSON of a value as a file has it: indented, with a line break at the end."""
    return msgspec.json.format(msgspec.json.encode(value, order=order), indent=indent) + b"\n"


def told(value: object) -> bytes:
    r"""The JSON of a value for whoever reads it. What is not UTF-8 in it, as names of files may be,
    is written out, like `\udce9`."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        text = json.dumps(msgspec.to_builtins(value), ensure_ascii=False)
        return _LONE.sub(lambda found: rf"\\u{ord(found[0]):04x}", text).encode()


def learnt(shape: type[_T]) -> type[_T]:
    """The type itself, fit to be decoded to from now on, by any thread."""
    if shape not in _learnt:
        with _learning:
            msgspec.json.Decoder(shape)
            _learnt.add(shape)
    return shape


def as_go_reads(data: bytes, shape: type[_T]) -> _T:
    """What JSON says that programs in Go write and read: there, `null` is as good as not given.

    Raises:
        UNREADABLE (`tidemill.words.unreadable`): it is not of that shape.
    """
    return msgspec.convert(_without_null(msgspec.json.decode(data)), learnt(shape))


def _without_null(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_null(one) for key, one in value.items() if one is not None}
    return value
