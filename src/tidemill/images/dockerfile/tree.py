"""Where COPY takes files from: the build context, or the files of an image or a stage."""

from __future__ import annotations

import fcntl
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

from msgspec.structs import replace

from tidemill.errors import Refused
from tidemill.images.base_image import BaseImage
from tidemill.images.entries import Entry, File, Folder, HardLink, Opaque, Whiteout
from tidemill.images.files import Unfit
from tidemill.images.image_store import ImageStore
from tidemill.images.oci import Descriptor
from tidemill.images.rootfs import Change, RootFs, followed
from tidemill.images.tar_read import layer_entries, unpack
from tidemill.words.names import shown


class Source(Protocol):
    """Files to copy; paths are without a slash at either end, and the root's is empty."""

    @property
    def what(self) -> str:
        """How to call it in an error."""

    def entry(self, path: str) -> Entry | Unfit | None:
        """What is at a path that leads through no link; None if nothing is."""

    def below(self, folder: str) -> Iterator[Entry | Unfit]:
        """Everything below a folder, each folder before what is in it."""

    def names(self, folder: str) -> list[str]:
        """The names in a folder, sorted."""

    def followed(self, path: str) -> str:
        """The path without links that a path leads to."""

    def file_of(self, path: str) -> object:
        """What two paths of one file have in common; None for a file of one path."""


class Tree:
    """The files of an image or a stage; `what` is how to call it in an error."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._rootfs = RootFs()
        self._entries: dict[str, Entry] = {}
        self._files: dict[str, object] = {}

    @property
    def what(self) -> str:
        return self._what

    def add(self, layer: Iterable[Change]) -> None:
        """Put a layer on top."""
        changes = list(layer)
        self._rootfs.add(changes)
        for change in changes:
            if isinstance(change, HardLink):
                self._link(change)
            elif not isinstance(change, Whiteout | Opaque | Folder):
                self._entries[change.path] = change
                self._files[change.path] = object()
        self._entries = {
            path: entry
            for path, entry in self._entries.items()
            if path in self._rootfs and self._rootfs.folder(path) is None
        }

    def entry(self, path: str) -> Entry | None:
        if not path:
            return Folder("")
        attributes = self._rootfs.folder(path)
        return self._entries.get(path) if attributes is None else Folder(path, attributes)

    def below(self, folder: str) -> Iterator[Entry]:
        for path in sorted(self._rootfs.below(folder), key=lambda path: path.split("/")):
            if (entry := self.entry(path)) is not None:
                yield entry

    def names(self, folder: str) -> list[str]:
        start = len(folder) + 1 if folder else 0
        return sorted({path[start:].split("/")[0] for path in self._rootfs.below(folder)})

    def followed(self, path: str) -> str:
        return followed(path, self._rootfs.link)

    def file_of(self, path: str) -> object:
        return self._files.get(path) if isinstance(self._entries.get(path), File) else None

    def _link(self, link: HardLink) -> None:
        origin = self._entries.get(link.target)
        if origin is None:
            raise Refused(
                f"{self._what} has the hard link {shown(link.path)} to {shown(link.target)}, "
                "which is not there",
                remedy="make that image again",
            )
        self._entries[link.path] = replace(origin, path=link.path)
        self._files[link.path] = self._files[link.target]


def tree_of(image: BaseImage, what: str, folder: Path) -> Tree:
    """The files of an image, whose layers are unpacked into a folder, each once.

    They can be opened as long as the folder is there. Several threads and processes may unpack
    into one folder.
    """
    tree = Tree(what)
    for layer in layers_of(image, folder):
        tree.add(layer)
    return tree


def layers_of(image: BaseImage, folder: Path) -> Iterator[Iterator[Change]]:
    """What each layer of an image does; as `tree_of` unpacks them."""
    if image.store is not None:
        for blob, diff_id in zip(image.layers, image.diff_ids, strict=True):
            yield layer_entries(_unpacked(image.store, blob, diff_id, folder))


def _unpacked(store: ImageStore, blob: Descriptor, diff_id: str, folder: Path) -> Path:
    archive = folder / f"layer-{diff_id.removeprefix('sha256:')}"
    with archive.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if archive.exists():
            return archive
        part = archive.with_suffix(".part")
        unpack(store.pieces(blob), f"the layer {blob.digest}", diff_id, part)
        part.replace(archive)
    return archive
