"""The blobs of a repository, fetched and sent (distribution-spec, "Pull" and "Push").

A blob that is fetched is checked on the way, and gone on with where it breaks off. One that is
sent gets a place, and then all of it at once. Where that breaks off or is not taken, it goes on in
parts: from where the registry says that it is, or from the start if it does not say. Before that
it is asked whether it has the blob by now, since the answer alone may have been lost.
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Callable, Iterator
from urllib.parse import urlencode, urlsplit, urlunsplit

from msgspec import Struct

from tidemill.clients.http.client import Answer, Body, Call, Response, wrong_size
from tidemill.clients.http.trouble import Trouble
from tidemill.clients.registry.access import Access, Need
from tidemill.errors import Refused, ServerRefused, Unreachable
from tidemill.images.oci import Descriptor

# How often an upload is tried that the registry loses or does not take in this way.
_LOST_TRIES = 3
_LOST = frozenset({400, 401, 404, 405, 411, 415, 416, 501})
# Each part is in memory while it is sent. The small ones get through any proxy as it comes; the
# largest are for registries that say what they want.
_PART = 8 << 20
_SMALL_PART = 1 << 20
_LARGEST_PART = 64 << 20
_BYTES = {"Content-Type": "application/octet-stream"}


def downloaded(blob: Descriptor, access: Access, need: Need) -> Iterator[bytes]:
    """A blob's bytes, at most 1 MiB at a time; never more than its size.

    Raises:
        Refused: it is not there; or, at the end, it was another blob.
        Unreachable, ServerRefused: the registry does not answer, or says no.
    """
    digest = hashlib.sha256()
    done = 0
    patience = access.patience()
    url = access.url(f"blobs/{blob.digest}")
    while True:
        headers = {"Range": f"bytes={done}-"} if done else {}
        try:
            with access.stream(Call("GET", url, headers), need) as response:
                if response.status == 404:
                    raise access.absent(blob.digest)
                if response.status not in (200, 206):
                    raise access.refused(response.answer(), f"send {blob.digest}", need)
                for piece in _rest(response, done):
                    done += len(piece)
                    if done > blob.size:
                        raise access.lied(f"sends too many bytes for {blob.digest}")
                    digest.update(piece)
                    yield piece
            break
        except Trouble as trouble:
            if done == blob.size:
                break
            patience.wait(trouble)
    if done != blob.size or f"sha256:{digest.hexdigest()}" != blob.digest:
        raise access.lied(f"sent something else for {blob.digest}")


def _rest(response: Response, done: int) -> Iterator[bytes]:
    """What comes after the first `done` bytes: a registry that heeds no ranges sends those too."""
    return response.pieces() if response.status == 206 else _after(done, response.pieces())


def _after(skip: int, pieces: Iterator[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        rest = piece[skip:]
        skip -= len(piece) - len(rest)
        if rest:
            yield rest


def _in_parts(pieces: Iterator[bytes], size: int) -> Iterator[bytes]:
    """The same bytes in parts of one size, and the rest."""
    part = bytearray()
    for piece in pieces:
        part += piece
        while len(part) >= size:
            yield bytes(part[:size])
            del part[:size]
    if part:
        yield bytes(part)


class _Place(Struct):
    """Where a registry wants a blob, how many bytes it has of it, and how large parts must be.

    `is_lost` if it is of no use any more.
    """

    url: str
    least: int = 0
    done: int = 0
    is_lost: bool = False


class _Lost(Trouble):
    """The registry is well, and does not know this upload any more, or wants it in another way."""


class Upload:
    """Sends blobs to one repository."""

    def __init__(self, access: Access, has: Callable[[Descriptor], bool]) -> None:
        self._access = access
        self._has = has
        self._need = Need(access.address.path, push=True)
        # Places that a registry gave when it would not mount a blob.
        self._places: dict[str, _Place] = {}
        # What it takes: parts at all, of what size, and how much at once.
        self._takes_parts = True
        self._part = _PART
        self._most = sys.maxsize
        # Repositories from which it did not even say that it would not.
        self._silent: set[str] = set()

    def mount(self, blob: Descriptor, lender: str) -> bool:
        """Take a blob from another repository there; False if that fails, for any reason.

        It is only a short cut: what is wrong with the registry itself, the upload will find out.
        """
        if lender in self._silent:
            return False
        need = Need(self._access.address.path, push=True, lender=lender)
        query = urlencode({"mount": blob.digest, "from": lender})
        try:
            answer = self._access.ask_once(self._post(f"?{query}"), need)
            if answer.status == 202:
                self._places[blob.digest] = self._place(answer)
        except (Trouble, Unreachable):
            self._silent.add(lender)
            return False
        except (ServerRefused, Refused):
            return False
        return answer.status == 201

    def send(self, blob: Descriptor, pieces: Callable[[], Iterator[bytes]]) -> None:
        """Send a blob, as often as it takes: all at once, and in parts where that broke off."""
        patience, losses = self._access.patience(), self._access.patience()
        place = self._places.pop(blob.digest, None)
        has_failed = False
        while True:
            before = place.done if place else 0
            try:
                place = place or self._begun()
                if self._takes_parts and (has_failed or blob.size > self._most):
                    return self._send_parts(place, blob, pieces)
                return self._put(place, blob, Body(blob.size, pieces))
            except _Lost as lost:
                losses.wait(lost)
            except Trouble as trouble:
                if place and place.done >= before + _PART:
                    patience = self._access.patience()  # it is slow, and it gets there
                elif has_failed and place and place.done == before:
                    self._part = max(self._part // 4, _SMALL_PART)  # perhaps it is cut off in time
                patience.wait(trouble)
            if self._has(blob):
                return None
            place, has_failed = self._kept(place, blob.size), True

    def _send_parts(
        self, place: _Place, blob: Descriptor, pieces: Callable[[], Iterator[bytes]]
    ) -> None:
        """Send what the place lacks of a blob ("Pushing a blob in chunks"), and end it."""
        for part in _in_parts(_after(place.done, pieces()), max(self._part, place.least)):
            end = place.done + len(part)
            headers = {**_BYTES, "Content-Range": f"{place.done}-{end - 1}"}
            patch = Call("PATCH", place.url, headers, Body.of(part), is_slow=True)
            answer = self._access.ask_once(patch, self._need)
            if not answer.is_fine:
                raise self._no_part(answer, blob, part)
            if answer.headers.get("Location"):
                place.url = self._url(answer)
            place.done = _kept_of(answer, end)
            if place.done != end:
                what = f"took {place.done} bytes of {blob.digest}, not {end}"
                raise _Lost(self._access.lied(what), tries=_LOST_TRIES)
        if place.done != blob.size:
            raise wrong_size(blob.size)
        self._put(place, blob, Body.of(b""))

    def _no_part(self, answer: Answer, blob: Descriptor, part: bytes) -> _Lost:
        is_less = answer.status == 413 and self._can_send_less(len(part))
        if not is_less and answer.status not in (401, 404, 416):  # it does not mind this upload
            self._takes_parts = False
        return _Lost(self._access.refused(answer, f"store {blob.digest}", self._need))

    def _can_send_less(self, size: int) -> bool:
        """Whether there is a way to send less than this at once; it is gone from now on."""
        smaller = [part for part in (_PART, _SMALL_PART) if part < size]
        if smaller and self._takes_parts:
            self._most = self._part = min(self._part, smaller[0])
        return bool(smaller) and self._takes_parts

    def _put(self, place: _Place, blob: Descriptor, body: Body) -> None:
        """End an upload, with all of the blob or nothing more of it."""
        # The registry digests and stores all of it before it answers.
        put = Call("PUT", _with_digest(place.url, blob.digest), _BYTES, body, is_slow=True)
        answer = self._access.ask_once(put, self._need)
        if answer.is_fine:
            stored = answer.headers.get("Docker-Content-Digest", blob.digest)
            if stored != blob.digest:
                raise self._access.lied(f"says that it stored {blob.digest} as another blob")
            return
        error = self._access.refused(answer, f"store {blob.digest}", self._need)
        place.is_lost = answer.status == 400
        if not (
            answer.status in _LOST or (answer.status == 413 and self._can_send_less(body.size))
        ):
            raise error
        raise _Lost(error, tries=_LOST_TRIES)

    def _kept(self, place: _Place | None, size: int) -> _Place | None:
        """The place, with how much of its blob the registry has by now; None: begin anew."""
        if place is None or place.is_lost or not self._takes_parts:
            return None
        try:
            answer = self._access.ask_once(Call("GET", place.url), self._need)
        except Trouble:
            return None
        if not answer.is_fine or "Range" not in answer.headers:
            return None
        url = self._url(answer) if answer.headers.get("Location") else place.url
        kept = _Place(url, place.least, _kept_of(answer, 0))
        return kept if kept.done <= size else None

    def _begun(self) -> _Place:
        answer = self._access.ask(self._post(), self._need)
        if answer.status != 202:
            raise self._access.refused(answer, "take a blob", self._need)
        return self._place(answer)

    def _post(self, query: str = "") -> Call:
        return Call("POST", self._access.url(f"blobs/uploads/{query}"))

    def _place(self, answer: Answer) -> _Place:
        least = answer.headers.get("OCI-Chunk-Min-Length", "")
        return _Place(self._url(answer), min(int(least), _LARGEST_PART) if least.isdecimal() else 0)

    def _url(self, answer: Answer) -> str:
        return self._access.target(answer.url, answer.headers.get("Location", ""))


def _kept_of(answer: Answer, otherwise: int) -> int:
    """How many bytes an answer says that the registry has; of none, some say `0-0`."""
    found = re.fullmatch(r"(?:bytes=)?0-(\d{1,15})", answer.headers.get("Range", ""))
    return otherwise if not found else int(found[1]) + 1 if int(found[1]) else 0


def _with_digest(place: str, digest: str) -> str:
    """The place's address as it is, with the digest added to its query."""
    parts = urlsplit(place)
    query = "&".join(filter(None, (parts.query, urlencode({"digest": digest}))))
    return urlunsplit(parts._replace(query=query))
