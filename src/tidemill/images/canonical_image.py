"""An image of any engine in the canonical form: its own layers rewritten, its config cleaned."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from tidemill.errors import Refused
from tidemill.images import oci, run_config
from tidemill.images.base_image import BaseImage
from tidemill.images.build import Workspace
from tidemill.images.image_store import ImageStore
from tidemill.images.layer import Layer
from tidemill.images.layout import Layout
from tidemill.images.oci import Descriptor, Platform
from tidemill.images.rootfs import Change, RootFs, canonical
from tidemill.images.tar_read import layer_entries, unpack
from tidemill.words.names import shown


class _Manifest(msgspec.Struct, frozen=True):
    """What is read of a manifest of an engine, which may say null for no layers."""

    config: Descriptor
    layers: tuple[Descriptor, ...] | None = None


class _RootFs(msgspec.Struct, frozen=True):
    diff_ids: tuple[oci.Digest, ...] | None = None


class _Config(msgspec.Struct, frozen=True):
    """What is read of a config of an engine."""

    architecture: str
    os: str
    rootfs: _RootFs
    config: dict[str, Any] | None = None


def unchanged(change: Change) -> Change:
    """What a layer does, as it is."""
    return change


def canonical_image(
    image: Descriptor,
    made: ImageStore,
    platform: Platform,
    base: BaseImage,
    workspace: Workspace,
    meant: Callable[[Change], Change] = unchanged,
) -> Descriptor:
    """Write the canonical form of an image to the workspace's layout, without a tag.

    The base's layers stay as they are where the base is: they are not written.

    Args:
        image: the manifest that an engine made, in `made`.
        base: what its Dockerfile names as its base.
        meant: what a change of its own layers is to be in their place.

    Raises:
        Refused: it is not built on that base, or has a layer that has no canonical form.
    """
    manifest = oci.decoded(made.read(image.digest), _Manifest, f"the manifest {image.digest}")
    config = oci.decoded(made.read(manifest.config.digest), _Config, "the config of the image")
    _expect(config, platform)
    blobs = _layers(manifest, config, base)
    count = len(base.layers)
    run = run_config.kept(run_config.checked(config.config, "the image"), base.run)
    with TemporaryDirectory(dir=workspace.scratch) as folder:
        changes = [list(map(meant, _read(made, *blob, Path(folder)))) for blob in blobs[count:]]
        lower = (_read(made, *blob, Path(folder)) for blob in blobs[:count])
        return write_changes(changes, run, platform, base, lower, workspace)


def write_changes(
    changes: Sequence[Collection[Change]],
    run: dict[str, Any],
    platform: Platform,
    base: BaseImage,
    lower: Iterable[Iterable[Change]],
    workspace: Workspace,
) -> Descriptor:
    """Write an image that is built on a base: each of its own layers in the canonical form.

    Args:
        changes: what each of its own layers does.
        run: the `config` object, in the canonical form (`run_config.kept`).
        lower: what each layer of the base does, with files that can be opened; read if need be.

    Raises:
        Refused: a layer has no canonical form.
    """
    below = base.rootfs.copy() if changes else RootFs()
    if any(below.resembles(change) for layer in changes for change in layer):
        # The files of the base are to be compared with, so they have to be where they can be.
        below = RootFs()
        for layer in lower:
            below.add(layer)
    layers: list[Layer] = []
    for change in changes:
        entries = canonical(change, below, run.get("Volumes", ()))
        if entries:
            layers.append(workspace.write(entries))
            below.add(entries)
    return write_image(layers, run, platform, base, workspace)


def write_image(
    layers: list[Layer],
    run: dict[str, Any],
    platform: Platform,
    base: BaseImage,
    workspace: Workspace,
) -> Descriptor:
    """Write config and manifest of an image: the base's layers, then these.

    Args:
        run: the `config` object, in the canonical form (`run_config.kept`).
    """
    diff_ids = [*base.diff_ids, *(layer.diff_id for layer in layers)]
    config = workspace.layout.add(
        oci.CONFIG, oci.config(platform, run, diff_ids, workspace.times.created)
    )
    blobs = [*base.layers, *(layer.blob for layer in layers)]
    return workspace.layout.add(oci.MANIFEST, oci.manifest(config, blobs))


def _expect(config: _Config, platform: Platform) -> None:
    if (config.os, config.architecture) != (platform.os, platform.architecture):
        raise Refused(
            f"the engine built for {shown(f'{config.os}/{config.architecture}')}, not {platform}",
            remedy=f"use an engine that can build for {platform}, or set another platform",
        )


def _layers(manifest: _Manifest, config: _Config, base: BaseImage) -> list[tuple[Descriptor, str]]:
    """The layers with their diffIDs; raise `Refused` if the lowest are not the base's."""
    layers, diff_ids = manifest.layers or (), config.rootfs.diff_ids or ()
    if diff_ids[: len(base.diff_ids)] != base.diff_ids or len(diff_ids) != len(layers):
        raise Refused(
            "the engine built on another image than the base that the Dockerfile names",
            remedy="build again with --no-cache; is the base's digest that of the right platform?",
        )
    return list(zip(layers, diff_ids, strict=True))


def _read(made: ImageStore, blob: Descriptor, diff_id: str, folder: Path) -> Iterator[Change]:
    """What a layer does; its files can be opened as long as `folder` is there."""
    if isinstance(made, Layout) and blob.digest == diff_id:
        for _ in made.pieces(blob):  # which checks its digest
            pass
        return layer_entries(made.path(diff_id))
    archive = folder / diff_id.removeprefix("sha256:")
    unpack(made.pieces(blob), f"the layer {blob.digest}", diff_id, archive)
    return layer_entries(archive)
