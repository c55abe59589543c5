"""The image that another one is built on: its layers, byte for byte, and what is in them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from threading import Lock
from typing import Any

import msgspec

from tidemill.errors import Refused
from tidemill.images import oci, run_config
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


def read_base(store: ImageStore, digest: str, platform: Platform) -> BaseImage:
    """Read the base of that digest, a manifest or an index that has one for the platform.

    Raises:
        Refused: it is not there, not for the platform, damaged, or in a form that can't be
            read here (layers that are not gzip).
    """
    manifest = _manifest(store, digest, platform)
    layers = tuple(
        Descriptor(
            oci.FROM_DOCKER.get(layer.media_type, layer.media_type), layer.digest, layer.size
        )
        for layer in manifest.layers
    )
    config = oci.decoded(store.read(manifest.config.digest), oci.Config, f"the config of {digest}")
    if (config.os, config.architecture) != (platform.os, platform.architecture):
        raise _not_for(digest, platform)
    if len(config.rootfs.diff_ids) != len(layers):
        raise Refused(
            f"the config of {digest} has another number of layers", remedy="make it again"
        )
    for layer in layers:
        if layer.media_type not in (oci.LAYER, oci.LAYER_PLAIN):
            raise Refused(
                f"a layer of the base {digest} is {shown(layer.media_type)}",
                remedy="use a base whose layers are compressed with gzip",
            )
    run = run_config.checked(config.config, f"the base {digest}")
    return BaseImage(layers, config.rootfs.diff_ids, run, store)


def _manifest(store: ImageStore, digest: str, platform: Platform) -> oci.Manifest:
    data = store.read(digest)
    if "manifests" not in oci.decoded(data, dict[str, msgspec.Raw], f"the base {digest}"):
        return oci.decoded(data, oci.Manifest, f"the base {digest}")
    for entry in oci.decoded(data, oci.Index, f"the base {digest}").manifests:
        if _is_for(entry, platform):
            return oci.decoded(store.read(entry.digest), oci.Manifest, f"the base {entry.digest}")
    raise _not_for(digest, platform)


def _is_for(entry: Descriptor, platform: Platform) -> bool:
    stated = entry.platform or {}
    parts = (stated.get(name) for name in ("os", "architecture", "variant"))
    try:
        return Platform.parse("/".join(str(part) for part in parts if part)) == platform
    except ValueError:
        return False


def _not_for(digest: str, platform: Platform) -> Refused:
    return Refused(
        f"the base {digest} is not for {platform}",
        remedy="name the digest of one that is, or set the service's platform",
    )
