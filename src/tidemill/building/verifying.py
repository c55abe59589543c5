"""Builds everything a second time, elsewhere and in another environment, and compares.

The second build is of another commit with the same files, so what a compiler takes from Git shows.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec.structs import replace

from tidemill.building.build import Build
from tidemill.building.compile_step import Environment
from tidemill.building.order import Order
from tidemill.clients.git.app_checkout import AppCheckout
from tidemill.images.build import DockerfileBuild, Workspace
from tidemill.images.comparison.difference import Comparison, Image
from tidemill.images.layout import Layout
from tidemill.images.oci import Descriptor

# Nobody builds there; a build that shows where it was, shows it with these.
FIRST = Environment(
    umask=0o022,
    variables={"TZ": "UTC", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "0"},
)
SECOND = Environment(
    umask=0o077,
    variables={"TZ": "Asia/Kathmandu", "LC_ALL": "tr_TR.UTF-8", "PYTHONHASHSEED": "4242"},
    away=True,
)
# So that a time that a build stamps into files shows, in seconds, or in the two of a zip archive.
_TICK = 2.0


def verify(
    again: Callable[[Path], Order], images: Mapping[str, Descriptor], workspace: Workspace
) -> dict[str, Comparison]:
    """Build the order again, and compare each of its images with the first.

    Args:
        again: puts a copy of what was built into the folder that it is given.
        images: the first images, in the workspace's layout, by name.

    Returns:
        The comparisons by name.
    """
    from tidemill.images.comparison.compare import compare

    workspace.say("building everything a second time")
    scratch = workspace.scratch
    elsewhere = scratch / "second"
    elsewhere.mkdir()
    order = again(elsewhere)
    if order.compile or order.engine != "assemble":
        time.sleep(_TICK)
    second = Layout.create(scratch / "second-layout")
    environment = replace(SECOND, empty=scratch / "second-empty")
    build = Build(order, replace(workspace, layout=second), environment)
    build.prepare()
    found = {}
    for item in order.items:
        image = build.make(item)
        left = Image(workspace.layout, images[item.name], "the first build")
        found[item.name] = compare(left, Image(second, image, "the second build"), scratch)
    return found


def apart(order: Order, to: Path, *, strange: bool) -> Order:
    """The same order, built from scratch; folders outside of its root are copies in a new folder.

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
        folders = {name: copied(path) for name, path in build.folders.items()}
        return replace(build, folders=folders, no_cache=True)

    return order.with_builds(moved)
