"""Opens the place where images are: a folder on this machine, or a registry."""

from __future__ import annotations

import threading
from pathlib import Path

from tidemill.images.image_store import ImageStore
from tidemill.images.layout import Layout
from tidemill.images.location import Location


class ImageStores:
    """The places that one run works with; each registry is asked for a token once."""

    def __init__(self) -> None:
        self._opened: dict[str, ImageStore] = {}
        self._opening = threading.Lock()

    def open(self, location: Location, *, create: bool = False) -> ImageStore:
        """The place of a location, whatever its tag or digest is.

        Args:
            create: make a layout that is not there; a registry makes its repositories itself.

        Raises:
            Refused: it is not a layout, or not the name of a repository.
        """
        place = Location(location.folder, location.repository)
        key = str(place)
        with self._opening:
            if key not in self._opened:
                self._opened[key] = self._open(place, create)
            return self._opened[key]

    def _open(self, place: Location, create: bool) -> ImageStore:
        if place.folder is not None:
            folder = Path(place.folder)
            return Layout.create(folder) if create else Layout.open(folder)
        from tidemill.clients.registry import registry
        from tidemill.clients.registry_access import Session

        if not hasattr(self, "_session"):
            self._session = Session()
        return registry(place.repository or "", session=self._session)


def open_store(location: Location) -> ImageStore:
    """One place, for a command that needs no more."""
    return ImageStores().open(location)
