"""Requests and replies, as the parts of the server see them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from email.message import Message
from typing import Any, BinaryIO

_PIECE = 1 << 16


class Dropped(Exception):
    """The connection is to end without an answer, or with no more than the beginning of one."""

    def __init__(self, beginning: bytes = b"") -> None:
        super().__init__()
        self.beginning = beginning


class Body:
    """The body of a request: read once, by its length or in chunks; `is_read` when at its end."""

    def __init__(self, file: BinaryIO, headers: Message) -> None:
        self._file = file
        self._is_chunked = "chunked" in headers.get("Transfer-Encoding", "").lower()
        length = headers.get("Content-Length", "0")
        self._left = int(length) if length.isdecimal() and not self._is_chunked else 0
        self.is_read = not self._is_chunked and self._left == 0

    def pieces(self) -> Iterator[bytes]:
        """The rest of it."""
        while not self.is_read:
            if self._left == 0:
                self._next_chunk()
                continue
            piece = self._file.read(min(self._left, _PIECE))
            if not piece:
                raise ConnectionError("the request ended too early")
            self._left -= len(piece)
            if self._left == 0:
                if self._is_chunked:
                    self._file.readline()
                else:
                    self.is_read = True
            yield piece

    def all(self) -> bytes:
        """All of it."""
        return b"".join(self.pieces())

    def _next_chunk(self) -> None:
        size = int(self._file.readline().split(b";")[0].strip() or b"0", 16)
        if size:
            self._left = size
            return
        while self._file.readline().strip():  # trailers
            pass
        self.is_read = True


@dataclass(frozen=True)
class Asked:
    """A call of the REST API: `path` begins behind the API's address; `login` None: nobody's."""

    method: str
    path: str
    login: str | None
    status: int


@dataclass(frozen=True)
class Request:
    """A request: `path` is percent-encoded, without the part behind `?`; `query` is decoded."""

    method: str
    path: str
    query_string: str
    query: Mapping[str, str]
    headers: Message
    body: Body


@dataclass(frozen=True)
class Reply:
    """An answer; a `body` of many pieces is sent as they come, and then `end` is called."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Iterator[bytes] = b""
    end: Callable[[], None] | None = None

    def whole(self) -> bytes:
        """The whole body; nothing more is to be done for it then."""
        if isinstance(self.body, bytes):
            return self.body
        try:
            return b"".join(self.body)
        finally:
            if self.end is not None:
                self.end()


def as_json(status: int, value: Any, headers: Mapping[str, str] | None = None) -> Reply:
    """An answer of JSON; None: of nothing."""
    if value is None:
        return Reply(status, dict(headers or {}))
    body = json.dumps(value).encode()
    kind = {"Content-Type": "application/json; charset=utf-8"}
    return Reply(status, {**kind, **(headers or {})}, body)


def text(status: int, words: str, headers: Mapping[str, str] | None = None) -> Reply:
    """An answer of plain text."""
    kind = {"Content-Type": "text/plain; charset=utf-8"}
    return Reply(status, {**kind, **(headers or {})}, words.encode())
