"""Sending a blob to a registry: a place for it, then all of it at once (distribution-spec, "Push").

An upload that broke off is begun again from the start: few registries can go on with one, and what
they have of it is thrown away by them in time. Before that the registry is asked whether it has the
blob by now, since the answer alone may have been lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import urlencode, urlsplit, urlunsplit

from tidemill.clients.http.client import Body, Call
from tidemill.clients.http.trouble import Trouble
from tidemill.clients.registry.access import Access, Answer, Need
from tidemill.clients.registry.address import Address
from tidemill.clients.registry.answers import lied, said_no
from tidemill.images.oci import Descriptor

# How often an upload is begun that the registry loses or does not take as whole.
_LOST_TRIES = 3
_LOST = frozenset({400, 401, 404, 416})


class Upload:
    """Sends blobs to one repository."""

    def __init__(self, address: Address, access: Access, has: Callable[[Descriptor], bool]) -> None:
        self._address = address
        self._access = access
        self._has = has
        self._need = Need(address.path, push=True)
        # Places that a registry gave when it would not mount a blob.
        self._places: dict[str, str] = {}

    def mount(self, blob: Descriptor, lender: str) -> bool:
        """Take a blob from another repository there; False if the registry does not do that."""
        need = Need(self._address.path, push=True, lender=lender)
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
                raise lied(self._address, f"says that it stored {blob.digest} as another blob")
            return
        error = said_no(answer, f"store {blob.digest}", self._address, self._access, self._need)
        if answer.status in _LOST:
            raise Trouble(error, tries=_LOST_TRIES)
        raise error

    def _begun(self) -> str:
        answer = self._access.ask(self._post(), self._need)
        if answer.status != 202:
            raise said_no(answer, "take a blob", self._address, self._access, self._need)
        return self._place(answer)

    def _post(self, query: str = "") -> Call:
        url = f"{self._access.origin}/v2/{self._address.path}/blobs/uploads/{query}"
        return Call("POST", url)

    def _place(self, answer: Answer) -> str:
        return self._access.target(answer.url, answer.headers.get("Location", ""))


def _with_digest(place: str, digest: str) -> str:
    """The place's address as it is, with the digest added to its query."""
    parts = urlsplit(place)
    query = "&".join(filter(None, (parts.query, urlencode({"digest": digest}))))
    return urlunsplit(parts._replace(query=query))
