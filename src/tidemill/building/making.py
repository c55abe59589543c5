"""Carries an order out, up to images in a layout: compile, the base, then all others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path

from tidemill.building.bases import BaseImages
from tidemill.building.compile_step import Surroundings, compile_services
from tidemill.building.order import BASE_NAME, Item, Order
from tidemill.building.settings import Engine
from tidemill.images import oci
from tidemill.images.build import DockerfileBuild, Say, Workshop
from tidemill.images.layer import NONE
from tidemill.images.layout import Layout
from tidemill.images.location import Location
from tidemill.images.oci import Descriptor, Platform
from tidemill.images.recipe import Recipe


@dataclass(frozen=True)
class Means:
    """With what an order is carried out; `workers` compress, and nothing else runs on them."""

    bases: BaseImages
    layout: Layout
    workers: Executor
    scratch: Path
    say: Say


class Making:
    """One order under way.

    Raises, from its methods:
        TidemillError: what can't be built, and the remedy.
    """

    def __init__(self, order: Order, means: Means, surroundings: Surroundings) -> None:
        self._order = order
        self._means = means
        self._surroundings = surroundings
        self._bases: dict[Platform, Location] = {}

    def prepare(self) -> None:
        """Compile, and build the base, if the order has them."""
        order = self._order
        if order.compile:
            self._means.say(f"compiling: {order.compile.command}")
            compile_services(order.root, order.compile, self._surroundings)
        if order.base is None:
            return
        for platform in sorted(
            {platform for item in order.items if item.needs_base for platform in item.platforms},
            key=str,
        ):
            self._means.say(f"building the base for {platform}")
            shop = replace(self._shop(NONE), plain=not self._is_built_on(platform))
            image = self._built(order.base, platform, shop)
            root = str(self._means.layout.root)
            self._bases[platform] = Location(folder=root, digest=image.digest)

    def make(self, item: Item, known: Mapping[str, Descriptor] = NONE) -> Descriptor:
        """Build one item into the layout; an index if it is for several platforms.

        Args:
            known: layers by diffID that need not be made, because the destination has them.
        """
        images = {}
        for platform in item.platforms:
            source = item.source
            if isinstance(source, DockerfileBuild) and platform in self._bases:
                source = self._given(source, self._bases[platform])
            images[platform] = self._built(source, platform, self._shop(known))
        if len(images) == 1:
            return next(iter(images.values()))
        return self._means.layout.add(oci.INDEX, oci.index(images))

    def _given(self, source: DockerfileBuild, base: Location) -> DockerfileBuild:
        """The build of an item, told where the order's base is."""
        return replace(
            source,
            build_args={**source.build_args, self._order.base_arg: BASE_NAME},
            contexts={**source.contexts, BASE_NAME: base},
        )

    def _is_built_on(self, platform: Platform) -> bool:
        """Whether an item has the layers of the order's base in it, and does not only copy."""
        from tidemill.images.dockerfile.stages import needed

        anywhere = Location(folder=BASE_NAME, digest=oci.digest_of(b""))
        return any(
            needed(self._given(item.source, anywhere), platform).base == anywhere
            for item in self._order.items
            if isinstance(item.source, DockerfileBuild) and platform in item.platforms
        )

    def _shop(self, known: Mapping[str, Descriptor]) -> Workshop:
        means = self._means
        return Workshop(
            means.bases, means.layout, means.workers, means.scratch, known, say=means.say
        )

    def _built(
        self, source: Recipe | DockerfileBuild, platform: Platform, shop: Workshop
    ) -> Descriptor:
        if isinstance(source, Recipe):
            from tidemill.images.build_assemble import assemble

            return assemble(self._order.root, source, platform, shop)
        return self._engine()(source, platform, shop)

    def _engine(self) -> Callable[[DockerfileBuild, Platform, Workshop], Descriptor]:
        engine: Engine = self._order.engine
        match engine:
            case "assemble":
                from tidemill.images.dockerfile.copy_only import build_copy_only

                return build_copy_only
            case "buildkit":
                from tidemill.building.engines.buildkit import build_with_buildkit

                builder = self._order.builder
                return lambda build, platform, shop: build_with_buildkit(
                    build, platform, shop, builder=builder
                )
            case "classic":
                from tidemill.building.engines.classic import build_with_classic

                return build_with_classic
