"""An OCI image layout: a folder of blobs by digest, with an index of tags (image-spec 1.1).

Every way to build ends in one, and everything after it starts from one. Several processes may write
to a layout at once: a blob is written beside its place and renamed into it, and the index is read,
changed and replaced under a lock. A process that is killed leaves at most a file named `.part-*`.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkstemp
from typing import Any, BinaryIO

import msgspec
from msgspec import Struct

from tidemill.errors import Refused
from tidemill.images import documents, oci
from tidemill.images.image_store import LARGEST_DOCUMENT, PIECE
from tidemill.images.oci import Descriptor
from tidemill.words.json_types import learnt

MARKER = b'{"imageLayoutVersion":"1.0.0"}'


class Blob(Struct, frozen=True):
    """What was written: digest (`sha256:` and 64 hex digits), and size in bytes."""

    digest: str
    size: int

    def described(self, media_type: str) -> Descriptor:
        return Descriptor(media_type, self.digest, self.size)


class Layout(Struct, frozen=True):
    """The layout in the folder `root`; get one from `create` or `open`. It is an `ImageStore`."""

    root: Path

    @classmethod
    def create(cls, root: Path) -> Layout:
        """The layout in `root`, which is made if it is not there or empty."""
        if root.is_dir() and any(root.iterdir()) and not (root / "blobs").is_dir():
            raise Refused(
                f"{root} has files in it, and is not an OCI image layout",
                remedy="name a folder that is empty or not there",
            )
        (root / "blobs" / "sha256").mkdir(parents=True, exist_ok=True)
        layout = cls(root)
        with layout._locked():
            if not (root / "index.json").exists():
                _replace(root / "index.json", _index([]))
            if not (root / "oci-layout").exists():
                _replace(root / "oci-layout", MARKER)
        return layout

    @classmethod
    def open(cls, root: Path) -> Layout:
        """The layout that is in `root`; raise `Refused` if there is none."""
        if not (root / "oci-layout").is_file() or not (root / "index.json").is_file():
            raise Refused(
                f"{root} is not an OCI image layout",
                remedy="name a folder with a file `oci-layout`",
            )
        return cls(root)

    @property
    def where(self) -> str:
        """Its name among the destinations of images."""
        return f"oci:{self.root}"

    def path(self, digest: str) -> Path:
        """Where the blob of that digest is, or would be."""
        return self.root / "blobs" / "sha256" / oci.checked_digest(digest).removeprefix("sha256:")

    def has(self, descriptor: Descriptor) -> bool:
        """Whether its blob is there, in its full size."""
        try:
            return self.path(descriptor.digest).stat().st_size == descriptor.size
        except FileNotFoundError:
            return False

    def write(self, pieces: Iterable[bytes], known: Descriptor | None = None) -> Blob:
        """Write a blob from its pieces; it is in its place when this returns, and not before.

        Raises:
            Refused: it is not the one that was known before; nothing was written.
        """
        digest = hashlib.sha256()
        size = 0
        with _beside(self.root / "blobs" / "sha256") as (part, file):
            for piece in pieces:
                digest.update(piece)
                size += file.write(piece)
                if known and size > known.size:
                    break
            file.close()
            blob = Blob(f"sha256:{digest.hexdigest()}", size)
            if known and blob != Blob(known.digest, known.size):
                raise Refused(
                    f"what came for the blob {known.digest} is something else",
                    remedy="try again; if it stays so, where it comes from is damaged",
                )
            part.replace(self.path(blob.digest))
        return blob

    def add(self, media_type: str, data: bytes) -> Descriptor:
        return self.write([data]).described(media_type)

    def read(self, digest: str) -> bytes:
        """A document by its digest.

        Raises:
            Refused: it is not there, has more than 4 MiB, or has another digest than its name says.
        """
        path = self.path(digest)
        try:
            with path.open("rb") as file:
                data = file.read(LARGEST_DOCUMENT + 1)
        except FileNotFoundError:
            raise _missing(digest, self.root) from None
        if len(data) > LARGEST_DOCUMENT:
            raise Refused(f"{path} is larger than any manifest", remedy="name a manifest's digest")
        if oci.digest_of(data) != digest:
            raise _damaged(digest, self.root)
        return data

    def find(self, reference: str, *, whole: bool = False) -> Descriptor | None:
        """The manifest or index of that tag or digest; None if it is not there."""
        if not oci.DIGEST.fullmatch(reference):
            return self.tags().get(reference)
        try:
            size = self.path(reference).stat().st_size
        except FileNotFoundError:
            return None
        kind = documents.media_type(self.read(reference), reference)
        return Descriptor(kind, reference, size)

    def pieces(self, blob: Descriptor) -> Iterator[bytes]:
        """A blob's bytes, at most 1 MiB at a time.

        Raises:
            Refused: it is not there; or, after the last piece, it was another blob.
        """
        try:
            file = self.path(blob.digest).open("rb")
        except FileNotFoundError:
            raise _missing(blob.digest, self.root) from None
        with file:
            digest = hashlib.sha256()
            while piece := file.read(PIECE):
                digest.update(piece)
                yield piece
            if f"sha256:{digest.hexdigest()}" != blob.digest or file.tell() != blob.size:
                raise _damaged(blob.digest, self.root)

    def put(self, blob: Descriptor, pieces: Callable[[], Iterator[bytes]]) -> None:
        """Write a blob that is known already, and check it, unless it is here.

        Raises:
            Refused: what came has another digest or size; nothing was written.
        """
        if not self.has(blob):
            self.write(pieces(), blob)

    def borrow(self, blob: Descriptor, source: str) -> bool:
        """Layouts share nothing."""
        return False

    def put_manifest(self, document: Descriptor, data: bytes) -> None:
        self.put(document, lambda: iter([data]))

    def tags(self) -> dict[str, Descriptor]:
        """What each tag points to."""
        return {
            name: msgspec.convert(entry, learnt(Descriptor))
            for entry in self._entries()
            if (name := _name_of(entry)) is not None
        }

    def tag(self, names: Iterable[str], image: Descriptor) -> tuple[str, ...]:
        """Point tags to an image, all at once, now that everything it needs is there.

        Returns:
            Those that did not point to it before.

        Raises:
            Refused: a blob of the image is missing; no tag was moved.
        """
        layers, configs = documents.blobs(documents.below(image, self.read, lambda _: False))
        for needed in (*configs, *layers):
            if not self.has(needed):
                raise _missing(needed.digest, self.root)
        new = [_entry(image, {oci.REF_NAME: name}) for name in dict.fromkeys(names)]
        with self._locked():
            moved = [entry["annotations"][oci.REF_NAME] for entry in new]
            old = self._entries()
            already = {_name_of(entry) for entry in old if entry["digest"] == image.digest}
            kept = [entry for entry in old if _name_of(entry) not in moved]
            entries = sorted(kept + new, key=lambda entry: (_name_of(entry) or "", entry["digest"]))
            if entries != old:
                _replace(self.root / "index.json", _index(entries))
        return tuple(name for name in moved if name not in already)

    def _entries(self) -> list[dict[str, Any]]:
        """The index's entries as they are: other tools may have put more into them."""
        where = self.root / "index.json"
        index = oci.decoded(where.read_bytes(), dict[str, Any], str(where))
        try:
            msgspec.convert(index, learnt(oci.Index))
        except msgspec.ValidationError as error:
            raise Refused(f"{where} is not an index: {error}", remedy="make it again") from None
        return list(index["manifests"])

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the layout's lock, which is on its folder, so that it leaves no file."""
        folder = os.open(self.root, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)


def _index(entries: list[dict[str, Any]]) -> bytes:
    return oci.encoded({"schemaVersion": 2, "mediaType": oci.INDEX, "manifests": entries})


def _entry(image: Descriptor, annotations: Mapping[str, str]) -> dict[str, Any]:
    entry: dict[str, Any] = msgspec.to_builtins(image)
    return {**entry, "annotations": {**entry.get("annotations", {}), **annotations}}


def _name_of(entry: Mapping[str, Any]) -> str | None:
    name: str | None = (entry.get("annotations") or {}).get(oci.REF_NAME)
    return name


def _replace(path: Path, data: bytes) -> None:
    with _beside(path.parent) as (part, file):
        file.write(data)
        file.close()
        part.replace(path)


@contextmanager
def _beside(folder: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """A new file in `folder`, to be renamed; it is gone afterwards if it was not."""
    handle, name = mkstemp(prefix=".part-", dir=folder)
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(handle, 0o644)
            yield part, file
    finally:
        part.unlink(missing_ok=True)


def _missing(digest: str, root: Path) -> Refused:
    return Refused(f"{digest} is not in {root}", remedy="copy the whole image into the layout")


def _damaged(digest: str, root: Path) -> Refused:
    return Refused(
        f"the blob {digest} in {root} has other content than its name says",
        remedy="delete it, and copy or build the image again",
    )
