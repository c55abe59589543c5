"""The blobs of a repository, fetched and sent (distribution-spec, "Pull" and "Push").

A blob that is fetched is checked on the way, and gone on with where it breaks off. One that is sent
gets a place, and then all of it at once. An upload that broke off is begun again from the start:
few registries can go on with one, and what they have of it is thrown away by them in time. Before
that the registry is asked whether it has the blob by now, since the answer alone may have been
lost.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from urllib.parse import urlencode, urlsplit, urlunsplit

from tidemill.clients.http.client import Answer, Body, Call, Response
from tidemill.clients.http.trouble import Trouble
from tidemill.clients.registry.access import Access, Need
from tidemill.images.oci import Descriptor

# How often an upload is begun that the registry loses or does not take as whole.
_LOST_TRIES = 3
_LOST = frozenset({400, 401, 404, 416})


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
    is_part = response.status == 206
    skip = 0 if is_part else done
    for piece in response.pieces():
        rest = piece[skip:]
        skip -= len(piece) - len(rest)
        if rest:
            yield rest


class Upload:
    """Sends blobs to one repository."""

    def __init__(self, access: Access, has: Callable[[Descriptor], bool]) -> None:
        self._access = access
        self._has = has
        self._need = Need(access.address.path, push=True)
        # Places that a registry gave when it would not mount a blob.
        self._places: dict[str, str] = {}

    def mount(self, blob: Descriptor, lender: str) -> bool:
        """Take a blob from another repository there; False if the registry does not do that."""
        need = Need(self._access.address.path, push=True, lender=lender)
        query = urlencode({"mount": blob.digest, "from": lender})
        answer = self._access.ask(self._post(f"?{query}"), need)
        if answer.status == 201:
            return True
        if answer.status == 202:
            self._places[blob.digest] = self._place(answer)
        return False

    def send(self, blob: Descriptor, pieces: Callable[[], Iterator[bytes]]) -> None:
        """Send a blob, as often as it takes."""
        patience = self._access.patience()
        while True:
            try:
                return self._try(blob, pieces)
            except Trouble as trouble:
                patience.wait(trouble)
            if self._has(blob):
                return None

    def _try(self, blob: Descriptor, pieces: Callable[[], Iterator[bytes]]) -> None:
        place = self._places.pop(blob.digest, None) or self._begun()
        url = _with_digest(place, blob.digest)
        headers = {"Content-Type": "application/octet-stream"}
        body = Body(blob.size, pieces)
        # The registry digests and stores all of it before it answers.
        put = Call("PUT", url, headers, body, is_slow=True)
        answer = self._access.ask_once(put, self._need)
        if answer.is_fine:
            stored = answer.headers.get("Docker-Content-Digest", blob.digest)
            if stored != blob.digest:
                raise self._access.lied(f"says that it stored {blob.digest} as another blob")
            return
        error = self._access.refused(answer, f"store {blob.digest}", self._need)
        if answer.status in _LOST:
            raise Trouble(error, tries=_LOST_TRIES)
        raise error

    def _begun(self) -> str:
        answer = self._access.ask(self._post(), self._need)
        if answer.status != 202:
            raise self._access.refused(answer, "take a blob", self._need)
        return self._place(answer)

    def _post(self, query: str = "") -> Call:
        return Call("POST", self._access.url(f"blobs/uploads/{query}"))

    def _place(self, answer: Answer) -> str:
        return self._access.target(answer.url, answer.headers.get("Location", ""))


def _with_digest(place: str, digest: str) -> str:
    """The place's address as it is, with the digest added to its query."""
    parts = urlsplit(place)
    query = "&".join(filter(None, (parts.query, urlencode({"digest": digest}))))
    return urlunsplit(parts._replace(query=query))
