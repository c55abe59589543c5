"""Builds all images of an order, and brings them to their destinations: all of them, or no tag.

Every image is complete at its destination, without a tag, before the first tag is set anywhere.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from tidemill.building.build import Build
from tidemill.building.compile_step import USUAL, Environment
from tidemill.building.order import Item, Order
from tidemill.clients.machine.threads import Threads
from tidemill.clients.registry.image_stores import BaseImages, ImageStores
from tidemill.errors import Refused, ServerRefused, TidemillError, Unreachable
from tidemill.images import compression, documents, oci
from tidemill.images.build import Say, Workspace
from tidemill.images.image_store import ImageStore
from tidemill.images.layout import Layout
from tidemill.images.location import Location
from tidemill.images.oci import Descriptor
from tidemill.images.publish import Publication, publish, set_tags
from tidemill.images.reuse import NOTHING, EarlierImage, LayersThere, earlier
from tidemill.words.names import shown_path

if TYPE_CHECKING:
    from tidemill.images.comparison.difference import Comparison

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class BuiltImage(Struct, frozen=True):
    """What became of an item: `changed` against the image that its tag `before` stood for.

    `comparison` is that of both builds, if there were two; `warnings` say what will surprise when
    it runs.
    """

    item: Item
    image: Descriptor
    image_id: str
    changed: bool
    published: Publication | None
    comparison: Comparison | None
    warnings: tuple[str, ...] = ()

    @property
    def reference(self) -> str:
        """What names it: with the place where it goes, if it goes anywhere."""
        return f"{self.item.place}@{self.image.digest}" if self.item.place else self.image.digest

    @property
    def is_verified(self) -> bool | None:
        """Whether both builds are one image; None if there was one build."""
        return self.comparison.is_identical if self.comparison else None


def ship(
    order: Order,
    scratch: Path,
    say: Say,
    *,
    push: bool = True,
    environment: Environment = USUAL,
    again: Callable[[Path], Order] | None = None,
) -> list[BuiltImage]:
    """Build every item, and publish it.

    Args:
        push: whether anything is written to the destinations.
        environment: in which the build runs.
        again: gives the order for a second build, in a folder that it fills; None: build once.

    Raises:
        TidemillError: what went wrong, and what to do; no tag was set if `written` does not say so.
    """
    compression.prove()
    with Threads() as threads:
        delivery = _Delivery(scratch, threads, say, order)
        try:
            return _shipped(order, delivery, environment, push, again)
        except BrokenPipeError:  # nobody reads the progress any more
            raise
        except (TidemillError, OSError) as error:
            raise delivery.told(error) from None


class _Delivery:
    """Brings the images of one run to their destinations, from the layout of its workspace."""

    def __init__(self, scratch: Path, threads: Threads, say: Say, order: Order) -> None:
        def spoken(line: str) -> None:
            threads.go_on()
            say(line)

        self.threads = threads
        self._stores = ImageStores(spoken, order.registries)
        self._bases = BaseImages(self._stores)
        layout = Layout.create(scratch / "layout")
        self.workspace = Workspace(
            self._bases, layout, threads.workers, scratch, times=order.times, say=spoken
        )
        # What is at destinations so far, oldest first.
        self._done: list[tuple[Location, Publication]] = []
        self._sent: dict[str, str] = {}  # where a layer is by now, for others that have it, too

    def before(self, item: Item, *, push: bool) -> EarlierImage:
        """The image that an item is compared with."""
        if item.to is None or item.before is None:
            return NOTHING
        folder = item.to.folder and Path(item.to.folder)
        if folder and not (folder.is_dir() and any(folder.iterdir())):
            return NOTHING
        try:
            return earlier(self._stores.open(item.to, create=push), item.before)
        except (Unreachable, ServerRefused) as error:
            if push:
                raise
            self.workspace.say(f"note: whether {item.name} changed is not known: {error.what}")
            return NOTHING

    def send(self, item: Item, image: Descriptor) -> Publication:
        """Bring an image to its destination, if it has one, without a tag."""
        if item.to is None:
            return Publication(image.digest)
        layout, origins = self.workspace.layout, self._bases.origins()
        borrowed = dict(self._sent) | {
            digest: store.where
            for digest, store in origins.items()
            if not isinstance(store, Layout)
        }
        source = _StackedLayout(layout.root, origins, self.threads.go_on)
        to = self._stores.open(item.to, create=True)
        lines, say = self.threads.lines, self.workspace.say
        published = publish(image, source, to, (), workers=lines, borrow=borrowed, progress=say)
        self._done.append((item.to, published))
        if item.to.repository:
            every = documents.below(image, layout.read, lambda _: False)
            self._sent |= {blob.digest: to.where for blob in documents.blobs(every)[0]}
        return published

    def tag(self, item: Item, image: Descriptor, tags: Sequence[str]) -> Publication:
        if item.to is None:
            return Publication(image.digest)
        to = self._stores.open(item.to, create=True)
        published = set_tags(image, to, tags, progress=self.workspace.say)
        self._done.append((item.to, published))
        return published

    def told(self, error: TidemillError | OSError) -> TidemillError:
        """The error of a run that has brought some images to their destinations already."""
        found = of_the_machine(error) if isinstance(error, OSError) else error
        nothing = found.written == "nothing"
        if tagged := [f"{to}:{tag}" for to, published in self._done for tag in published.tags]:
            whole = f"the tags {', '.join(tagged)}"
            found.written = whole if nothing else f"{found.written}; and {whole}"
        elif nothing and any(published.changed for _, published in self._done):
            found.written = "blobs without a tag"
        return found


class _StackedLayout(Layout, frozen=True):
    """A layout with images that have some of their blobs elsewhere: in `origins`, by digest.

    `go_on` is called before each piece that is read, and raises if it is the wrong time.
    """

    origins: Mapping[str, ImageStore]
    go_on: Callable[[], None]

    def has(self, descriptor: Descriptor) -> bool:
        return descriptor.digest in self.origins or super().has(descriptor)

    def pieces(self, blob: Descriptor) -> Iterator[bytes]:
        origin = self.origins.get(blob.digest)
        for piece in origin.pieces(blob) if origin else super().pieces(blob):
            self.go_on()
            yield piece


def _shipped(
    order: Order,
    delivery: _Delivery,
    environment: Environment,
    push: bool,
    again: Callable[[Path], Order] | None,
) -> list[BuiltImage]:
    items, each, lines = order.items, delivery.threads.each, delivery.threads.lines
    asked = [lines.submit(delivery.before, item, push=push) for item in items]
    build = Build(order, delivery.workspace, environment)
    if order.takes_long:  # what can't be reached is to be known before that
        each(Future.result, asked)
    build.prepare()

    def made(item: Item, found: Future[EarlierImage]) -> tuple[Descriptor, Publication | None]:
        image = build.make(item, None if again else LayersThere(found))
        for one in asked:  # where one place can't be reached, nothing is sent to the others
            one.result()
        return image, delivery.send(item, image) if push and again is None else None

    built = each(lambda pair: made(*pair), list(zip(items, asked, strict=True)))
    before = [found.result() for found in asked]
    pairs = [(item, image) for item, (image, _) in zip(items, built, strict=True)]
    comparisons: Mapping[str, Comparison] = {}
    if again:
        from tidemill.building.verifying import verify

        named = {item.name: image for item, image in pairs}
        comparisons = verify(again, named, delivery.workspace)
    published: list[Publication | None] = [None] * len(items)
    if push and all(found.is_identical for found in comparisons.values()):
        if again:
            each(lambda pair: delivery.send(*pair), pairs)
        # Where no image is new, what the branch had at the start may stay, whoever moved it since:
        # it is as if this run had ended then.
        is_new = any(
            found.digest != image.digest for found, (_, image) in zip(before, pairs, strict=True)
        )

        def tagged(pair: tuple[Item, Descriptor]) -> Publication:
            item, image = pair
            tags = item.tags if is_new else [tag for tag in item.tags if tag != item.before]
            return delivery.tag(item, image, tags)

        published = [*each(tagged, pairs)]
    return [
        BuiltImage(
            item,
            image,
            _image_id(image, delivery.workspace.layout),
            found.digest != image.digest,
            replace(first, tags=last.tags) if first and last else last,
            comparisons.get(item.name),
            tuple(build.warnings.get(item.name, ())),
        )
        for item, found, (image, first), last in zip(items, before, built, published, strict=True)
    ]


def _image_id(image: Descriptor, layout: Layout) -> str:
    """The digest of the image's config; that of an index itself, which has none."""
    match documents.parsed(layout.read(image.digest), image.digest):
        case oci.Manifest(config=config):
            return config.digest
        case oci.Index():
            return image.digest


def of_the_machine(error: OSError) -> Refused:
    """What the machine does not allow, or has no room for, as an error with a remedy."""
    names = [shown_path(name) for name in (error.filename, error.filename2) if name]
    what = ": ".join((*names, error.strerror or str(error) or type(error).__name__))
    if error.errno in _FULL:
        return Refused(
            f"a disk is full ({what})",
            remedy="make room at the destination and for temporary files; TIDEMILL_TMPDIR names "
            "another folder for those",
        )
    return Refused(what, remedy="see that it may be read and written, and try again")
