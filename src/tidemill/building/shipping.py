"""Builds all images of an order, and brings them to their destinations: all of them, or no tag.

Every image is complete at its destination, without a tag, before the first tag is set anywhere.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tidemill.building.bases import BaseImages
from tidemill.building.making import Making, Means
from tidemill.building.order import Item, Order
from tidemill.building.verifying import Verdict, verify
from tidemill.clients.compile_step import USUAL, Surroundings
from tidemill.clients.image_stores import ImageStores
from tidemill.images import compression, documents, oci
from tidemill.images.build import Say
from tidemill.images.layout import Layout
from tidemill.images.location import Location
from tidemill.images.oci import Descriptor
from tidemill.images.publish import Published, publish
from tidemill.images.reuse import NOTHING, Earlier, earlier
from tidemill.images.stacked_store import StackedStore

_SIDE_BY_SIDE = 8
_CONNECTIONS = 8
_T = TypeVar("_T")
_R = TypeVar("_R")


@dataclass(frozen=True)
class Parcel:
    """An item and where it goes.

    Args:
        to: a layout or a repository, without tag and digest.
        tags: those that are set, in this order.
        before: the tag whose image it is compared with, to say whether it changed.
        repository: what references name, where `to` is a layout: the repository it stands for.
    """

    item: Item
    to: Location
    tags: tuple[str, ...]
    before: str | None
    repository: str | None = None

    @property
    def place(self) -> str:
        """What stands before the tag or the digest in a reference."""
        return self.repository or str(self.to)


@dataclass(frozen=True)
class Shipped:
    """What became of a parcel: `changed` against the image that its tag `before` stood for."""

    parcel: Parcel
    image: Descriptor
    image_id: str
    changed: bool
    published: Published | None
    verdict: Verdict | None


def ship(
    order: Order,
    parcels: Sequence[Parcel],
    scratch: Path,
    say: Say,
    *,
    push: bool = True,
    around: Surroundings = USUAL,
    again: Callable[[Path], Order] | None = None,
) -> list[Shipped]:
    """Build every item, and publish it.

    Args:
        push: whether anything is written to the destinations.
        around: in which the build runs.
        again: gives the order for a second build, in a folder that it fills; None: build once.

    Raises:
        TidemillError: what went wrong, and what to do; no tag was set if `written` does not say so.
    """
    compression.prove()
    stores = ImageStores()
    layout = Layout.create(scratch / "layout")
    with ExitStack() as stack:
        workers = stack.enter_context(ThreadPoolExecutor(os.cpu_count()))
        lines = stack.enter_context(ThreadPoolExecutor(_CONNECTIONS))
        several = stack.enter_context(ThreadPoolExecutor(_SIDE_BY_SIDE))
        bases = BaseImages(stores)
        making = Making(order, Means(bases, layout, workers, scratch, say), around)
        making.prepare()

        def made(parcel: Parcel) -> tuple[Descriptor, Earlier]:
            found = _before(parcel, stores)
            known = {} if again else found.layers
            return making.make(parcel.item, known), found

        def sent(parcel: Parcel, image: Descriptor, tags: tuple[str, ...]) -> Published:
            origins = bases.origins()
            borrowed = {digest: store.where for digest, store in origins.items()}
            source = StackedStore(layout, origins)
            to = stores.open(parcel.to, create=True)
            return publish(image, source, to, tags, workers=lines, borrow=borrowed, progress=say)

        def made_and_sent(parcel: Parcel) -> tuple[Descriptor, Earlier, Published | None]:
            image, found = made(parcel)
            now = push and again is None
            return image, found, sent(parcel, image, ()) if now else None

        built = _each(several, made_and_sent, parcels)
        images = [image for image, _, _ in built]
        verdicts: Mapping[str, Verdict] = {}
        if again:
            named = {parcel.item.name: image for parcel, image in zip(parcels, images, strict=True)}
            verdicts = verify(again, named, layout, bases, workers, scratch, say)
        is_fit = all(verdict.is_same for verdict in verdicts.values())
        published: list[Published | None] = [None] * len(parcels)
        if push and is_fit:
            if again:
                _each(several, lambda pair: sent(pair[0], pair[1], ()),
                      list(zip(parcels, images, strict=True)))  # fmt: skip
            published = [*_each(several, lambda pair: sent(pair[0], pair[1], pair[0].tags),
                                list(zip(parcels, images, strict=True)))]  # fmt: skip
        return [
            Shipped(
                parcel,
                image,
                _image_id(image, layout),
                found.digest != image.digest,
                _together(first, last),
                verdicts.get(parcel.item.name),
            )
            for parcel, (image, found, first), last in zip(parcels, built, published, strict=True)
        ]


def _before(parcel: Parcel, stores: ImageStores) -> Earlier:
    if parcel.before is None or (parcel.to.folder and not Path(parcel.to.folder).exists()):
        return NOTHING
    return earlier(stores.open(parcel.to, create=True), parcel.before)


def _image_id(image: Descriptor, layout: Layout) -> str:
    """The digest of the image's config; that of an index itself, which has none."""
    match documents.parsed(layout.read(image.digest), image.digest):
        case oci.Manifest(config=config):
            return config.digest
        case oci.Index():
            return image.digest


def _together(first: Published | None, last: Published | None) -> Published | None:
    """What both steps of one image did, as one."""
    if first is None or last is None:
        return last
    return Published(
        last.digest,
        last.tags,
        first.sent + last.sent,
        first.blobs_sent + last.blobs_sent,
        first.blobs_skipped + last.blobs_skipped,
        first.blobs_mounted + last.blobs_mounted,
        first.requests + last.requests,
    )


def _each(pool: ThreadPoolExecutor, act: Callable[[_T], _R], things: Sequence[_T]) -> list[_R]:
    """Do it for each, side by side; after the first error nothing new is begun."""
    running: list[Future[_R]] = [pool.submit(act, thing) for thing in things]
    wait(running, return_when=FIRST_EXCEPTION)
    for future in running:
        future.cancel()
    wait(running)
    failed = [future.exception() for future in running if not future.cancelled()]
    for error in failed:
        if error is not None:
            raise error
    return [future.result() for future in running]
