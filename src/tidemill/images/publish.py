"""Publish an image: what is there already is not sent, and tags come last (design.md 8).

First blobs, then configs, then manifests by digest, then indexes, then tags: whoever sees a tag can
have everything below it. A run that ends before the last step has set no tag.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_EXCEPTION, Executor, Future, wait

from msgspec import Struct

from tidemill.errors import Refused, TidemillError, Unreachable
from tidemill.images import documents, oci
from tidemill.images.documents import Document
from tidemill.images.image_store import ImageStore, quiet
from tidemill.images.oci import Descriptor


class Publication(Struct, frozen=True):
    """What was done: `tags` are those that were set, none of them pointed to the image before.

    `sent` counts bytes of blobs and documents.
    """

    digest: str
    tags: tuple[str, ...] = ()
    sent: int = 0
    blobs_sent: int = 0
    blobs_skipped: int = 0
    blobs_mounted: int = 0

    @property
    def changed(self) -> bool:
        return bool(self.tags or self.sent or self.blobs_mounted)


def publish(
    image: Descriptor,
    source: ImageStore,
    to: ImageStore,
    tags: Iterable[str],
    *,
    workers: Executor,
    borrow: Mapping[str, str] = {},
    progress: Callable[[str], None] = quiet,
) -> Publication:
    """Copy an image, or an index with all below it, and point tags to it.

    The source may lack blobs that the destination has. The tags are set in the order given.

    Args:
        workers: where blobs are sent side by side; this function must not run on it itself.
        borrow: for digests of layers, the `where` of a repository that they may be mounted from.
        progress: is given one line about each blob that was sent or mounted.

    Raises:
        Refused: a blob is in neither place, or is damaged; no tag was set.
        Unreachable, ServerRefused: the registry does not answer, or says no.
    """
    names = tuple(dict.fromkeys(tags))
    there = zip(names, workers.map(to.find, names), strict=True)
    missing = tuple(name for name, at in there if at is None or at.digest != image.digest)
    if names and not missing:
        return Publication(image.digest)
    run = _Run(source, to, workers, borrow, progress)
    try:
        if len(missing) == len(names):
            run.copy(image)
        if missing:
            set_tags(image, to, missing, progress=progress)
    except TidemillError as error:
        if error.written == "nothing" and run.has_written:
            error.written = "blobs without a tag"
        elif error.written == "nothing" and isinstance(error, Unreachable) and run.has_begun:
            error.written = "perhaps blobs without a tag"  # only the answer may have been lost
        raise
    return Publication(
        image.digest,
        missing,
        run.sent,
        run.blobs_sent,
        run.blobs_skipped,
        run.blobs_mounted,
    )


def set_tags(
    image: Descriptor,
    to: ImageStore,
    tags: Iterable[str],
    *,
    progress: Callable[[str], None] = quiet,
) -> Publication:
    """Point tags to an image that the destination has, whole: the last step of `publish`."""
    moved = to.tag(tags, image)
    if moved:
        progress(f"tagged {', '.join(moved)} at {to.where}")
    return Publication(image.digest, moved)


class _Run:
    """One image on its way, and what was done of it so far."""

    def __init__(
        self,
        source: ImageStore,
        to: ImageStore,
        workers: Executor,
        borrow: Mapping[str, str],
        progress: Callable[[str], None],
    ) -> None:
        self._source = source
        self._to = to
        self._workers = workers
        self._borrow = borrow
        self._progress = progress
        self._new: set[str] = set()  # configs that name a layer which the destination lacks
        self._counting = threading.Lock()
        self._stopped = threading.Event()
        self.has_begun = False
        self.sent = self.blobs_sent = self.blobs_skipped = self.blobs_mounted = 0

    @property
    def has_written(self) -> bool:
        return bool(self.sent or self.blobs_mounted)

    def copy(self, image: Descriptor) -> None:
        """Blobs, configs, manifests, and what points to them, each after what it needs."""
        new = documents.below(image, self._source.read, self._is_there)
        if not new:
            return self._mend(image)
        layers, configs = documents.blobs(new)
        self._all(layers)
        self._all(configs)
        for document in new:
            self._document(document)
        return None

    def _mend(self, image: Descriptor) -> None:
        """Send what the image needs, the source has, and the destination has lost."""
        every = documents.below(image, self._source.read, lambda _: False)
        for blobs in documents.blobs(every):
            self._all([blob for blob in blobs if self._source.has(blob)])

    def _is_there(self, document: Descriptor) -> bool:
        """Whether the destination has a document, and so all below it.

        Of an image whose own layer is not there, nothing else has to be asked.
        """
        if self._source.has(document):
            content = documents.parsed(self._source.read(document.digest), document.digest)
            own = content.layers[-1:] if isinstance(content, oci.Manifest) else ()
            if isinstance(content, oci.Manifest) and not all(map(self._to.has, own)):
                self._new.add(content.config.digest)
                return False
        return self._to.find(document.digest) is not None

    def _document(self, document: Document) -> None:
        self._to.put_manifest(document.described, document.data)
        self.sent += len(document.data)

    def _all(self, blobs: list[Descriptor]) -> None:
        """Send blobs side by side; when one fails, those under way end as soon as they can."""
        running: list[Future[None]] = [self._workers.submit(self._blob, blob) for blob in blobs]
        try:
            wait(running, return_when=FIRST_EXCEPTION)
        finally:
            if any(not future.done() or future.exception() for future in running):
                self._stopped.set()
                for future in running:
                    future.cancel()
                wait(running)
        failed = [future.exception() for future in running if not future.cancelled()]
        for error in sorted((e for e in failed if e), key=lambda e: isinstance(e, _Stopped)):
            raise error

    def _blob(self, blob: Descriptor) -> None:
        if blob.digest not in self._new and self._to.has(blob):
            with self._counting:
                self.blobs_skipped += 1
            return
        self.has_begun = True
        short = blob.digest.removeprefix("sha256:")[:12]
        if (lender := self._borrow.get(blob.digest)) and self._to.borrow(blob, lender):
            with self._counting:
                self.blobs_mounted += 1
            self._progress(f"mounted {short} from {lender}")
            return
        if not self._source.has(blob):
            raise Refused(
                f"{blob.digest} is neither in {self._source.where} nor in {self._to.where}",
                remedy="build the image again, with everything that belongs to it",
            )
        self._to.put(blob, lambda: self._pieces(blob))
        with self._counting:
            self.blobs_sent += 1
            self.sent += blob.size
        self._progress(f"sent {short}, {blob.size:,} bytes")

    def _pieces(self, blob: Descriptor) -> Iterator[bytes]:
        for piece in self._source.pieces(blob):
            if self._stopped.is_set():
                raise _Stopped
            yield piece


class _Stopped(Exception):
    """Another blob has failed, so this one is not wanted any more."""
