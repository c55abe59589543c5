"""The images that others are built on: each read once, and where its layers are."""

from __future__ import annotations

import threading

from tidemill.clients.registry.image_stores import ImageStores
from tidemill.errors import Refused
from tidemill.images.base_image import BaseImage, read_base
from tidemill.images.image_store import ImageStore
from tidemill.images.location import Location
from tidemill.images.oci import Platform


class BaseImages:
    """Finds bases (`tidemill.images.build.Bases`); many threads may ask at once."""

    def __init__(self, stores: ImageStores) -> None:
        self._stores = stores
        self._found: dict[tuple[str, Platform], BaseImage] = {}
        self._reading = threading.Lock()

    def __call__(self, location: Location, platform: Platform) -> BaseImage:
        if location.digest is None:
            raise Refused(
                f"the base {location} is not given by digest, so it could change without a commit",
                remedy="add @sha256: and its digest",
            )
        with self._reading:
            key = (str(location), platform)
            if key not in self._found:
                store = self._stores.open(location)
                self._found[key] = read_base(store, location.digest, platform)
            return self._found[key]

    def origins(self) -> dict[str, ImageStore]:
        """Where each layer of the bases is, by digest."""
        return {
            layer.digest: base.store
            for base in list(self._found.values())
            if base.store is not None
            for layer in base.layers
        }
