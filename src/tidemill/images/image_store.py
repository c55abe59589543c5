"""Where images are: an OCI layout in a folder, or a repository of a registry.

What builds, compares and publishes images knows only this interface. `Layout` and `Registry` (in
clients/registry/registry.py) have it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from tidemill.images.oci import Descriptor

LARGEST_DOCUMENT = 4 << 20
PIECE = 1 << 20


def quiet(_: str) -> None:
    """Progress that nobody wants to see."""


class ImageStore(Protocol):
    """One place for images; every method may be called from several threads at once.

    Raises, from every method:
        Refused: something is not there, or is not what its digest or size says.
        Unreachable, ServerRefused: the registry does not answer, or says no.
    """

    @property
    def where(self) -> str:
        """How people name it: `oci:PATH`, or `host/repository`."""

    def find(self, reference: str, *, whole: bool = False) -> Descriptor | None:
        """The manifest or index of a tag or digest; `whole` if it is going to be read, too."""

    def read(self, digest: str) -> bytes:
        """A document (manifest, index or config) of at most 4 MiB, its digest checked."""

    def has(self, blob: Descriptor) -> bool:
        """Whether a blob is there."""

    def pieces(self, blob: Descriptor) -> Iterator[bytes]:
        """A blob's bytes, at most 1 MiB at a time; raises at the end if size or digest differ."""

    def put(self, blob: Descriptor, pieces: Callable[[], Iterator[bytes]]) -> None:
        """Write a blob; nothing half written is ever to be seen.

        `pieces` gives the bytes from the start, each time it is called; the caller asked `has`.
        """

    def borrow(self, blob: Descriptor, source: str) -> bool:
        """Take a blob from another repository of the same registry, without sending it.

        `source` is that repository's `where`. False: it was not taken, so it has to be sent.
        """

    def put_manifest(self, document: Descriptor, data: bytes) -> None:
        """Write a manifest or an index by its digest, without a tag; what it needs is there."""

    def tag(self, names: Iterable[str], image: Descriptor) -> tuple[str, ...]:
        """Point tags to an image, now that everything it needs is there.

        A tag that points there already is not written again, and is not among those returned.
        """
