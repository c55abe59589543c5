"""Builds all images of an order, and brings them to their destinations: all of them, or no tag.

Every image is complete at its destination, without a tag, before the first tag is set anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tidemill.building.bases import BaseImages
from tidemill.building.compile_step import USUAL, Surroundings
from tidemill.building.failing import told
from tidemill.building.hands import Hands
from tidemill.building.making import Making, Means
from tidemill.building.order import Item, Order
from tidemill.building.verifying import verify
from tidemill.clients.registry.image_stores import ImageStores
from tidemill.errors import ServerRefused, TidemillError, Unreachable
from tidemill.images import compression, documents, oci
from tidemill.images.build import Say
from tidemill.images.comparison.difference import Comparison
from tidemill.images.layout import Layout
from tidemill.images.location import Location
from tidemill.images.oci import Descriptor
from tidemill.images.publish import Published, publish, set_tags
from tidemill.images.reuse import NOTHING, Earlier, earlier
from tidemill.images.stacked_store import StackedStore


@dataclass(frozen=True)
class Parcel:
    """An item and where it goes.

    Args:
        to: a layout or a repository, without tag and digest; None for an image that stays here.
        tags: those that are set, in this order.
        before: the tag whose image it is compared with, to say whether it changed.
        repository: what references name, where `to` is a layout: the repository it stands for.
    """

    item: Item
    to: Location | None
    tags: tuple[str, ...]
    before: str | None
    repository: str | None = None

    @property
    def place(self) -> str | None:
        """What stands before the tag or the digest in a reference; None if it goes nowhere."""
        return self.repository or (None if self.to is None else str(self.to))


@dataclass(frozen=True)
class Shipped:
    """What became of a parcel: `changed` against the image that its tag `before` stood for.

    `comparison` is that of both builds, if there were two.
    """

    parcel: Parcel
    image: Descriptor
    image_id: str
    changed: bool
    published: Published | None
    comparison: Comparison | None


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
    with Hands() as hands:
        shop = _Shop(order, scratch, hands, say, around)
        try:
            return _shipped(shop, parcels, push, again)
        except BrokenPipeError:  # nobody reads the progress any more
            raise
        except (TidemillError, OSError) as error:
            raise told(error, shop.done) from None


class _Shop:
    """What one run works with; `done` is what is at destinations so far, oldest first."""

    def __init__(
        self, order: Order, scratch: Path, hands: Hands, say: Say, around: Surroundings
    ) -> None:
        def spoken(line: str) -> None:
            hands.go_on()
            say(line)

        self.scratch = scratch
        self.hands = hands
        self.say = spoken
        self.stores = ImageStores(spoken)
        self.layout = Layout.create(scratch / "layout")
        self.bases = BaseImages(self.stores)
        means = Means(self.bases, self.layout, hands.workers, scratch, spoken)
        self.making = Making(order, means, around)
        self.done: list[tuple[Location, Published]] = []
        self._sent: dict[str, str] = {}  # where a layer is by now, for others that have it, too

    def before(self, parcel: Parcel, *, push: bool) -> Earlier:
        """The image that a parcel is compared with."""
        if parcel.to is None or parcel.before is None:
            return NOTHING
        folder = parcel.to.folder and Path(parcel.to.folder)
        if folder and not (folder.is_dir() and any(folder.iterdir())):
            return NOTHING
        try:
            return earlier(self.stores.open(parcel.to, create=push), parcel.before)
        except (Unreachable, ServerRefused) as error:
            if push:
                raise
            self.say(f"note: whether {parcel.item.name} changed is not known: {error.what}")
            return NOTHING

    def send(self, parcel: Parcel, image: Descriptor) -> Published:
        """Bring an image to its destination, if it has one, without a tag."""
        if parcel.to is None:
            return Published(image.digest)
        origins = self.bases.origins()
        borrowed = dict(self._sent) | {
            digest: store.where
            for digest, store in origins.items()
            if not isinstance(store, Layout)
        }
        source = StackedStore(self.layout, origins, self.hands.go_on)
        to = self.stores.open(parcel.to, create=True)
        lines = self.hands.lines
        published = publish(
            image, source, to, (), workers=lines, borrow=borrowed, progress=self.say
        )
        self.done.append((parcel.to, published))
        if parcel.to.repository:
            every = documents.below(image, self.layout.read, lambda _: False)
            self._sent |= {blob.digest: to.where for blob in documents.blobs(every)[0]}
        return published

    def tag(self, parcel: Parcel, image: Descriptor) -> Published:
        """Set the tags of an image that is at its destination."""
        if parcel.to is None:
            return Published(image.digest)
        to = self.stores.open(parcel.to, create=True)
        lines = self.hands.lines
        published = set_tags(image, to, parcel.tags, workers=lines, progress=self.say)
        self.done.append((parcel.to, published))
        return published


def _shipped(
    shop: _Shop,
    parcels: Sequence[Parcel],
    push: bool,
    again: Callable[[Path], Order] | None,
) -> list[Shipped]:
    each = shop.hands.each
    # First of all: what can't be reached is to be known before the compile step.
    before = each(lambda parcel: shop.before(parcel, push=push), parcels)
    shop.making.prepare()

    def made(pair: tuple[Parcel, Earlier]) -> tuple[Descriptor, Published | None]:
        parcel, found = pair
        image = shop.making.make(parcel.item, {} if again else found.layers)
        return image, shop.send(parcel, image) if push and again is None else None

    built = each(made, list(zip(parcels, before, strict=True)))
    images = [image for image, _ in built]
    pairs = list(zip(parcels, images, strict=True))
    comparisons: Mapping[str, Comparison] = {}
    if again:
        named = {parcel.item.name: image for parcel, image in pairs}
        comparisons = verify(
            again, named, shop.layout, shop.bases, shop.hands.workers, shop.scratch, shop.say
        )
    published: list[Published | None] = [None] * len(parcels)
    if push and all(found.is_identical for found in comparisons.values()):
        if again:
            each(lambda pair: shop.send(*pair), pairs)
        published = [*each(lambda pair: shop.tag(*pair), pairs)]
    return [
        Shipped(
            parcel,
            image,
            _image_id(image, shop.layout),
            found.digest != image.digest,
            _together(first, last),
            comparisons.get(parcel.item.name),
        )
        for parcel, found, (image, first), last in zip(
            parcels, before, built, published, strict=True
        )
    ]


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
