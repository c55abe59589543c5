"""What `docker save` writes and `docker load` reads, and layouts for and from engines.

`docker save` gives an OCI layout since release 25; before, each layer in a folder of its own, and a
list of them in manifest.json. Its bytes differ from one time to the next: only what is in it counts
here.
"""

from __future__ import annotations

import io
import posixpath
import tarfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import msgspec

from tidemill.errors import Refused
from tidemill.images import oci, tar_read, tar_stream
from tidemill.images.base_image import SCRATCH, BaseImage
from tidemill.images.build import DockerfileBuild, Workspace
from tidemill.images.canonical_image import canonical_image, unchanged
from tidemill.images.dockerfile.stages import needed
from tidemill.images.entries import File
from tidemill.images.image_store import LARGEST_DOCUMENT
from tidemill.images.layout import Blob, Layout
from tidemill.images.oci import Descriptor, Platform
from tidemill.images.rootfs import Change
from tidemill.images.tar_stream import READ

_INDEX = "index.json"
_LIST = "manifest.json"
_BLOBS = "blobs/sha256/"
_LAYER = "/layer.tar"
_DEEPEST = 3


class _SavedImage(msgspec.Struct, frozen=True, rename="pascal"):
    """An image in manifest.json: the paths of its config and its layers, the lowest first."""

    config: str
    layers: tuple[str, ...]


def opened(made: Path, folder: Path) -> Layout:
    """The layout at `made`; if that is an archive of one, it is unpacked to `folder`."""
    if not made.is_file():
        return Layout.open(made)
    with made.open("rb") as file:
        return unpacked(iter(partial(file.read, READ), b""), folder)


def unpacked(pieces: Iterator[bytes], folder: Path) -> Layout:
    """The layout with what is in an archive, in a new folder.

    Args:
        pieces: the archive's bytes; it is read as it comes, and is not kept.

    Raises:
        Refused: it is not such an archive, or ends too early.
    """
    layout = Layout.create(folder)
    written: dict[str, Blob] = {}
    links: dict[str, str] = {}
    lists: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=tar_read.as_file(pieces), mode="r|") as archive:
            for member in archive:
                name = str(PurePosixPath(member.name))
                if member.issym() or member.islnk():
                    # A layer that is the same as another one (docker save, before 25).
                    links[name] = _target(name, member)
                elif member.isreg() and name in (_INDEX, _LIST):
                    lists[name] = b"".join(_content(archive, member, LARGEST_DOCUMENT))
                elif member.isreg() and _is_kept(name):
                    written[name] = layout.write(_content(archive, member))
                archive.members = []  # type: ignore[attr-defined]
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise Refused(f"the engine's archive can't be read: {error}", remedy="try again") from None
    if _INDEX in lists:
        (folder / _INDEX).write_bytes(lists[_INDEX])
    else:
        written |= {name: written[to] for name, to in links.items() if to in written}
        layout.tag(["saved"], _listed(lists.get(_LIST, b"[]"), written, layout))
    return layout


def only_image(layout: Layout, platform: Platform) -> Descriptor:
    """The manifest of the image that is in a layout, for the platform if there are several.

    Raises:
        Refused: there is none, or more than one.
    """
    where = layout.root / _INDEX
    entries = oci.decoded(where.read_bytes(), oci.Index, f"{where}").manifests
    wanted = msgspec.to_builtins(platform)
    for _ in range(_DEEPEST):
        images = {
            entry.digest: entry
            for entry in entries
            if oci.ATTESTATION not in (entry.annotations or {})
        }
        if len(images) > 1:
            images = {
                digest: entry
                for digest, entry in images.items()
                if wanted.items() <= (entry.platform or {}).items()
            }
        if len(images) != 1:
            break
        [image] = images.values()
        data = layout.read(image.digest)
        if "manifests" not in oci.decoded(data, dict[str, msgspec.Raw], image.digest):
            return image
        entries = oci.decoded(data, oci.Index, image.digest).manifests
    raise Refused(
        f"the engine did not give one image for {platform}",
        remedy="build again, with another engine or another release of it",
    )


def canonical(
    build: DockerfileBuild,
    layout: Layout,
    platform: Platform,
    workspace: Workspace,
    as_written: Callable[[Change], Change] = unchanged,
) -> Descriptor:
    """Write the canonical form of the one image in a layout to the workspace's layout.

    Args:
        as_written: what a change of a layer would be, had the engine got what is in the checkout.

    Raises:
        Refused: there is not one image, or it has no canonical form.
    """
    base = needed(build, platform).base
    below = SCRATCH if base is None else workspace.bases(base, platform)
    image = only_image(layout, platform)
    return canonical_image(image, layout, platform, below, workspace, as_written)


def packed(layout: Layout, image: Descriptor, name: str) -> Iterator[bytes]:
    """An archive for `docker load`, of any release, that names the image.

    Args:
        name: the name to load it under, such as `base:latest`.
    """
    manifest = oci.decoded(layout.read(image.digest), oci.Manifest, image.digest)
    config = f"{_hex(manifest.config)}.json"
    layers = [f"{_hex(layer)}{_LAYER}" for layer in manifest.layers]
    saved = oci.encoded([{"Config": config, "RepoTags": [name], "Layers": layers}])
    blobs = {config: manifest.config, **dict(zip(layers, manifest.layers, strict=True))}
    yield from tar_stream.stream(
        [
            *(
                File(path, blob.size, partial(_opened, layout.path(blob.digest)))
                for path, blob in blobs.items()
            ),
            File(_LIST, len(saved), partial(io.BytesIO, saved)),
        ]
    )


def staged(image: BaseImage, platform: Platform, folder: Path) -> tuple[Layout, Descriptor]:
    """A layout in `folder` with this image alone, and what points to it.

    Its layers are the image's, byte for byte; of its config there is what an image that is built on
    it takes over. Layers that are in a layout already are linked to, not copied.
    """
    layout = Layout.create(folder)
    for layer in image.layers:
        if isinstance(image.store, Layout) and image.store.has(layer):
            layout.path(layer.digest).symlink_to(image.store.path(layer.digest).resolve())
        elif image.store is not None:
            layout.put(layer, partial(image.store.pieces, layer))
    config = layout.add(oci.CONFIG, oci.config(platform, image.run, image.diff_ids))
    return layout, layout.add(oci.MANIFEST, oci.manifest(config, image.layers))


def _listed(data: bytes, written: dict[str, Blob], layout: Layout) -> Descriptor:
    """Write the manifest of the one image in manifest.json."""
    saved = oci.decoded(data, tuple[_SavedImage, ...], _LIST)
    if len(saved) != 1:
        raise Refused(f"the engine saved {len(saved)} images", remedy="build again")
    paths = (saved[0].config, *saved[0].layers)
    if not all(path in written for path in paths):
        raise Refused("the engine's archive lacks a part of the image", remedy="build again")
    config, *layers = (written[path] for path in paths)
    manifest = oci.manifest(
        config.described(oci.CONFIG), [layer.described(oci.LAYER_PLAIN) for layer in layers]
    )
    return layout.add(oci.MANIFEST, manifest)


def _is_kept(name: str) -> bool:
    return name.startswith(_BLOBS) or name.endswith((_LAYER, ".json"))


def _target(name: str, member: tarfile.TarInfo) -> str:
    """The path that a link leads to; nothing leads out of the archive."""
    if member.islnk():
        return str(PurePosixPath(member.linkname))
    return posixpath.normpath(f"/{posixpath.dirname(name)}/{member.linkname}").strip("/")


def _content(
    archive: tarfile.TarFile, member: tarfile.TarInfo, most: int | None = None
) -> Iterator[bytes]:
    if most is not None and member.size > most:
        raise ValueError(f"{member.name!a} has {member.size} bytes")
    source = archive.extractfile(member)
    while source is not None and (piece := source.read(READ)):
        yield piece


def _opened(path: Path) -> BinaryIO:
    return path.open("rb")


def _hex(blob: Descriptor) -> str:
    return blob.digest.removeprefix("sha256:")
