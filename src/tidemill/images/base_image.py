"""The image that another one is built on: its layers, byte for byte, and what is in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from threading import Lock
from typing import Any

from tidemill.errors import Refused
from tidemill.images import documents, oci, run_config
from tidemill.images.image_store import ImageStore
from tidemill.images.oci import Descriptor, Platform
from tidemill.images.rootfs import RootFs
from tidemill.words.names import shown


@dataclass(frozen=True)
class BaseImage:
    """What an image takes over from its base; `store` is where the base is, None for scratch.

    `run` is the `config` object of its config.
    """

    layers: tuple[Descriptor, ...]
    diff_ids: tuple[str, ...]
    run: dict[str, Any]
    store: ImageStore | None
    _reading: Lock = field(default_factory=Lock, init=False, repr=False, compare=False)

    @property
    def has_relative_workdir(self) -> bool:
        """Whether containers of it begin in no folder that could be told: none starts."""
        return not (self.run.get("WorkingDir") or "/").startswith("/")

    @property
    def rootfs(self) -> RootFs:
        """What is at each path of it; reads every layer, the first time, whoever else asks."""
        with self._reading:
            return self._rootfs

    @cached_property
    def _rootfs(self) -> RootFs:
        from tidemill.images import tar_read  # most images are built without a look into a base

        found = RootFs()
        if self.store is not None:
            for layer in self.layers:
                pieces = self.store.pieces(layer)
                found.add(list(tar_read.listed(pieces, f"the layer {layer.digest}")))
        return found


SCRATCH = BaseImage((), (), {}, None)


_DEEPEST = 4


def read_base(store: ImageStore, digest: str, platform: Platform) -> BaseImage:
    """Read the base of that digest: a manifest, or an index with an image for the platform.

    Of an index, the image is the one that BuildKit takes: one for a lower variant will do, and so
    will one of which the index does not say what it is for.

    Raises:
        Refused: it is not there, not for the platform, damaged, or has layers of an unknown form.
    """
    entries = list(_entries(store, digest, 0))
    if not entries:
        raise Refused(f"the base {digest} is an index of nothing", remedy="name another digest")
    # Who names an image by itself means that one, whatever its variant.
    image = digest if entries == [(None, digest)] else _picked(store, entries, platform)
    manifest, config = _read(store, image or entries[0][1])
    if not image or (config.os, config.architecture) != (platform.os, platform.architecture):
        names = {str(stated or _read(store, entry)[1].platform) for stated, entry in entries}
        raise Refused(
            f"the base {digest} is for {', '.join(sorted(names))}, not for {platform}",
            remedy="name the digest of one that is, or set the service's platform",
        )
    if len(config.rootfs.diff_ids) != len(manifest.layers):
        raise Refused(
            f"the config and the manifest of {digest} name different numbers of layers",
            remedy="make that image again, or use another base",
        )
    layers = tuple(_layer(store, layer, digest) for layer in manifest.layers)
    run = run_config.checked(config.config, f"the base {digest}")
    return BaseImage(layers, config.rootfs.diff_ids, run, store)


def _layer(store: ImageStore, layer: Descriptor, digest: str) -> Descriptor:
    kind = oci.FOREIGN.get(layer.media_type) or oci.kind_of(layer.media_type)
    if layer.media_type in oci.FOREIGN and not store.has(layer):
        raise Refused(
            f"the layer {layer.digest} of the base {digest} is marked as one that nobody may "
            f"distribute, and {store.where} does not have it",
            remedy="push the base together with that layer, or use another base",
        )
    if kind not in (oci.LAYER, oci.LAYER_PLAIN, oci.LAYER_ZSTD):
        raise Refused(
            f"a layer of the base {digest} is {shown(layer.media_type)}",
            remedy="use a base of tar layers, plain or compressed with gzip or zstd",
        )
    return Descriptor(kind, layer.digest, layer.size)


def _read(store: ImageStore, digest: str) -> tuple[oci.Manifest, oci.Config]:
    manifest = oci.decoded(store.read(digest), oci.Manifest, f"the base {digest}")
    config = store.read(manifest.config.digest)
    return manifest, oci.decoded(config, oci.Config, f"the config of {digest}")


def _entries(store: ImageStore, digest: str, depth: int) -> Iterator[tuple[Platform | None, str]]:
    """The images that a digest leads to, with what an index says that they are for."""
    content = documents.parsed(store.read(digest), digest)
    if isinstance(content, oci.Manifest):
        yield None, digest
        return
    if depth > _DEEPEST:
        raise Refused(
            f"the base {digest} is an index in more than {_DEEPEST} others",
            remedy="name the digest of the image itself",
        )
    for entry in content.manifests:
        if oci.ATTESTATION in (entry.annotations or {}):
            continue
        if entry.platform and oci.kind_of(entry.media_type) != oci.INDEX:
            yield oci.stated(entry.platform), entry.digest
        else:
            yield from _entries(store, entry.digest, depth + 1)


def _picked(
    store: ImageStore, entries: Sequence[tuple[Platform | None, str]], platform: Platform
) -> str | None:
    """The image for the platform; None if there is none."""
    served = platform.served()
    for one in served:
        for stated, entry in entries:
            if stated == one:
                return entry
    unstated = (entry for stated, entry in entries if stated is None)
    return next((one for one in unstated if _read(store, one)[1].platform in served), None)
