"""Several places as one, for reading: an image whose parts are not all in one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from tidemill.images.image_store import ImageStore
from tidemill.images.oci import Descriptor


class StackedStore:
    """A place for images that has some of its blobs elsewhere.

    Args:
        first: what is read, and written to.
        origins: where blobs are, by digest, that are not in `first`.
        go_on: is called before each piece that is read, and raises if it is the wrong time.
    """

    def __init__(
        self,
        first: ImageStore,
        origins: Mapping[str, ImageStore],
        go_on: Callable[[], None] = lambda: None,
    ) -> None:
        self._first = first
        self._origins = origins
        self._go_on = go_on

    @property
    def where(self) -> str:
        return self._first.where

    @property
    def requests(self) -> int:
        return self._first.requests

    def find(self, reference: str) -> Descriptor | None:
        return self._first.find(reference)

    def read(self, digest: str) -> bytes:
        return self._first.read(digest)

    def has(self, blob: Descriptor) -> bool:
        return blob.digest in self._origins or self._first.has(blob)

    def pieces(self, blob: Descriptor) -> Iterator[bytes]:
        for piece in self._origins.get(blob.digest, self._first).pieces(blob):
            self._go_on()
            yield piece

    def put(self, blob: Descriptor, pieces: Callable[[], Iterator[bytes]]) -> None:
        self._first.put(blob, pieces)

    def borrow(self, blob: Descriptor, source: str) -> bool:
        return self._first.borrow(blob, source)

    def put_manifest(self, document: Descriptor, data: bytes) -> None:
        self._first.put_manifest(document, data)

    def tag(self, names: Iterable[str], image: Descriptor) -> None:
        self._first.tag(names, image)
