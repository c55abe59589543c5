"""The image that another one is built on: its layers, byte for byte, and what is in them."""

from __future__ import annotations

import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from tidemill.errors import Refused
from tidemill.images import oci
from tidemill.images.layout import Layout
from tidemill.images.oci import Descriptor, Platform

_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"


@dataclass(frozen=True)
class BaseImage:
    """What an image takes over from its base; `present` are the paths that the base has."""

    layers: tuple[Descriptor, ...]
    diff_ids: tuple[str, ...]
    run: dict[str, Any]
    present: frozenset[str]


NOTHING = BaseImage((), (), {}, frozenset())


def read_base(layout: Layout, digest: str, platform: Platform) -> BaseImage:
    """Read the base of that digest, a manifest or an index that has one for the platform.

    Raises:
        Refused: it is not in the layout, not for the platform, damaged, or in a form that can't be
            read here (layers that are not gzip).
    """
    manifest = _manifest(layout, digest, platform)
    layers = tuple(
        Descriptor(
            oci.FROM_DOCKER.get(layer.media_type, layer.media_type), layer.digest, layer.size
        )
        for layer in manifest.layers
    )
    config = oci.decoded(layout.read(manifest.config.digest), oci.Config, f"the config of {digest}")
    if (config.os, config.architecture) != (platform.os, platform.architecture):
        raise _not_for(digest, platform)
    if len(config.rootfs.diff_ids) != len(layers):
        raise Refused(
            f"the config of {digest} has another number of layers", remedy="make it again"
        )
    for layer in layers:
        if layer.media_type not in (oci.LAYER, oci.LAYER_PLAIN):
            raise Refused(
                f"a layer of the base {digest} is {layer.media_type}",
                remedy="use a base whose layers are compressed with gzip",
            )
    present = _present(layout.path(layer.digest) for layer in layers)
    return BaseImage(layers, config.rootfs.diff_ids, config.config or {}, present)


def _manifest(layout: Layout, digest: str, platform: Platform) -> oci.Manifest:
    data = layout.read(digest)
    if "manifests" not in oci.decoded(data, dict[str, msgspec.Raw], f"the base {digest}"):
        return oci.decoded(data, oci.Manifest, f"the base {digest}")
    wanted = msgspec.to_builtins(platform)
    for entry in oci.decoded(data, oci.Index, f"the base {digest}").manifests:
        if wanted.items() <= (entry.platform or {}).items():
            return oci.decoded(layout.read(entry.digest), oci.Manifest, f"the base {entry.digest}")
    raise _not_for(digest, platform)


def _present(layers: Iterable[Path]) -> frozenset[str]:
    """Every path that is there after all layers, whiteouts (image-spec, layer.md) applied."""
    present: set[str] = set()
    for layer in layers:
        hidden, added = _listed(layer)
        present = {path for path in present if not _below(path, hidden)} | added
    return frozenset(present)


def _listed(layer: Path) -> tuple[set[str], set[str]]:
    """What a layer hides (a path; with a slash at its end: what is below it), and what it adds."""
    hidden: set[str] = set()
    added: set[str] = set()
    try:
        with tarfile.open(layer, "r:*") as archive:
            for member in archive:
                path = PurePosixPath("/", member.name).relative_to("/")
                if path.name == _OPAQUE:
                    hidden.add(f"{path.parent}/")
                elif path.name.startswith(_WHITEOUT):
                    hidden.add(str(path.with_name(path.name.removeprefix(_WHITEOUT))))
                else:
                    added.update(str(part) for part in (path, *path.parents) if part.name)
    except FileNotFoundError:
        raise Refused(
            f"{layer} is not there", remedy="copy the whole base into its layout"
        ) from None
    except (tarfile.TarError, OSError, EOFError) as error:
        raise Refused(f"{layer} can't be read: {error}", remedy="copy the base again") from None
    return hidden, added


def _below(path: str, hidden: set[str]) -> bool:
    if not hidden:
        return False
    above = [str(parent) for parent in PurePosixPath(path).parents]
    return path in hidden or any(p in hidden or f"{p}/" in hidden for p in above)


def _not_for(digest: str, platform: Platform) -> Refused:
    return Refused(
        f"the base {digest} is not for {platform}",
        remedy="name the digest of one that is, or set the service's platform",
    )
