"""Opens the places where images are: folders on this machine, and registries."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tidemill.clients.registry.trust import Trust
from tidemill.errors import Refused
from tidemill.images.base_image import BaseImage, read_base
from tidemill.images.image_store import ImageStore, quiet
from tidemill.images.layout import Layout
from tidemill.images.location import Location
from tidemill.images.oci import Platform

if TYPE_CHECKING:
    from tidemill.clients.registry.access import Session


class ImageStores:
    """The places that one run works with; each registry is asked for a token once.

    Args:
        say: is given a line about each request that is made again.
        registries: how some are reached, by `host[:port]`.
    """

    def __init__(
        self, say: Callable[[str], None] = quiet, registries: Mapping[str, Trust] = {}
    ) -> None:
        self._say = say
        self._registries = registries
        self._opened: dict[tuple[Location, bool], ImageStore] = {}
        self._opening = threading.Lock()
        self._session: Session | None = None

    def open(self, location: Location, *, create: bool = False) -> ImageStore:
        """The place of a location, whatever its tag or digest is.

        Args:
            create: whether it will be written to: a layout that is not there is made; a registry
                makes its repositories itself.

        Raises:
            Refused: it is not a layout, or not the name of a repository.
        """
        key = Location(location.folder, location.repository), create
        with self._opening:
            if key not in self._opened:
                self._opened[key] = self._open(*key)
            return self._opened[key]

    def _open(self, place: Location, create: bool) -> ImageStore:
        if place.folder is not None:
            folder = Path(place.folder)
            return Layout.create(folder) if create else Layout.open(folder)
        from tidemill.clients.http.client import Http
        from tidemill.clients.registry.access import Session
        from tidemill.clients.registry.registry import registry

        if self._session is None:
            self._session = Session(Http(progress=self._say), registries=self._registries)
        return registry(place.repository or "", push=create, session=self._session)


class BaseImages:
    """The images that others are built on, each read once; many threads may ask at once."""

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
