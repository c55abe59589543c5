"""Builds everything a second time, elsewhere and in other surroundings, and compares.

The second build is of another commit with the same files, so what a compiler takes from Git shows.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path

from tidemill.building.bases import BaseImages
from tidemill.building.compile_step import Surroundings
from tidemill.building.making import Making, Means
from tidemill.building.order import Order
from tidemill.images.build import Say
from tidemill.images.comparison.difference import Comparison, Image
from tidemill.images.layout import Layout
from tidemill.images.oci import Descriptor

# Nobody builds there; a build that shows where it was, shows it with these.
FIRST = Surroundings(
    umask=0o022,
    variables={"TZ": "UTC", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "0"},
)
SECOND = Surroundings(
    umask=0o077,
    variables={"TZ": "Asia/Kathmandu", "LC_ALL": "tr_TR.UTF-8", "PYTHONHASHSEED": "4242"},
    away=True,
)
# So that a time that a build stamps into files shows, in seconds, or in the two of a zip archive.
_TICK = 2.0


def verify(
    again: Callable[[Path], Order],
    images: Mapping[str, Descriptor],
    layout: Layout,
    bases: BaseImages,
    workers: Executor,
    scratch: Path,
    say: Say,
) -> dict[str, Comparison]:
    """Build the order again, and compare each of its images with the first.

    Args:
        again: puts a copy of what was built into the folder that it is given.
        images: the first images, in `layout`, by name.

    Returns:
        The comparisons by name.
    """
    from tidemill.images.comparison.compare import compare

    say("building everything a second time")
    elsewhere = scratch / "second"
    elsewhere.mkdir()
    order = again(elsewhere)
    if order.compile or order.engine != "assemble":
        time.sleep(_TICK)
    second = Layout.create(scratch / "second-layout")
    around = replace(SECOND, empty=scratch / "second-empty")
    making = Making(order, Means(bases, second, workers, scratch, say), around)
    making.prepare()
    found = {}
    for item in order.items:
        image = making.make(item)
        left = Image(layout, images[item.name], "the first build")
        found[item.name] = compare(left, Image(second, image, "the second build"), scratch)
    return found
