"""Opens the place where images are: a folder on this machine, or a registry."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from tidemill.images.image_store import ImageStore, quiet
from tidemill.images.layout import Layout
from tidemill.images.location import Location

if TYPE_CHECKING:
    from tidemill.clients.registry.access import Session


class ImageStores:
    """The places that one run works with; each registry is asked for a token once.

    Args:
        say: is given a line about each request that is made again.
    """

    def __init__(self, say: Callable[[str], None] = quiet) -> None:
        self._say = say
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
        from tidemill.clients.registry.access import Session
        from tidemill.clients.registry.registry import registry

        if self._session is None:
            self._session = Session(progress=self._say)
        return registry(place.repository or "", push=create, session=self._session)
