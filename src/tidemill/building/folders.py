"""Copies of the folders that builds take from besides their contexts, for a build elsewhere."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tidemill.building.order import Order
from tidemill.clients.git.app_checkout import AppCheckout
from tidemill.images.build import DockerfileBuild


def with_copied_folders(order: Order, to: Path, *, strange: bool) -> Order:
    """The same order, whose folders outside of its root are copies in a new folder.

    What is below its root was copied with it, and stays as it is.

    Args:
        strange: copy as `AppCheckout.copy` does to show what a build must not depend on.
    """
    copies: dict[Path, Path] = {}

    def copied(folder: Path) -> Path:
        source = folder.resolve()
        # One that is not there is left to the build: it refuses it.
        if source.is_relative_to(order.root.resolve()) or not source.is_dir():
            return folder
        if source not in copies:
            place = to / f"folder-{len(copies)}"
            place.mkdir(parents=True)
            copies[source] = AppCheckout(source).copy(place, strange=strange, whole=True)
        return copies[source]

    def moved(build: DockerfileBuild) -> DockerfileBuild:
        return replace(build, folders={name: copied(path) for name, path in build.folders.items()})

    items = tuple(
        replace(item, source=moved(item.source))
        if isinstance(item.source, DockerfileBuild)
        else item
        for item in order.items
    )
    return replace(order, items=items, base=order.base and moved(order.base))
