"""An image that an engine is to build on, whole and in a layout of its own."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from tidemill.images import oci
from tidemill.images.base_image import BaseImage
from tidemill.images.layout import Layout
from tidemill.images.oci import Descriptor, Platform


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
