"""Carries an order out, up to images in a layout: compile, the base, then all others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from msgspec.structs import replace

from tidemill.building.compile_step import Environment, compile_services
from tidemill.building.order import ANYWHERE, Item, Order
from tidemill.building.surprises import surprises
from tidemill.images import oci
from tidemill.images.build import DockerfileBuild, Workspace
from tidemill.images.entries import Entry
from tidemill.images.location import Location
from tidemill.images.oci import Descriptor, Platform
from tidemill.images.recipe import Recipe
from tidemill.images.reuse import LayersThere


class Build:
    """One order under way.

    Raises, from its methods:
        TidemillError: what can't be built, and the remedy.
    """

    def __init__(self, order: Order, workspace: Workspace, environment: Environment) -> None:
        self._order = order
        self._workspace = workspace
        self._environment = environment
        self._bases: dict[Platform, Location] = {}
        self.warnings: dict[str, dict[str, None]] = {}

    def prepare(self) -> None:
        """Compile, and build the base, if the order has them."""
        order, workspace = self._order, self._workspace
        if order.compile:
            workspace.say(f"compiling: {order.compile.command}")
            compile_services(order.root, order.compile, self._environment)
        if order.base is None:
            return
        for platform in sorted(
            {platform for item in order.items if item.needs_base for platform in item.platforms},
            key=str,
        ):
            workspace.say(f"building the base for {platform}")
            plain = replace(workspace, plain=not self._is_built_on(platform))
            plain = replace(plain, look=self._look("the base", platform))
            image = self._image(order.base, platform, plain)
            root = str(workspace.layout.root)
            self._bases[platform] = Location(folder=root, digest=image.digest)

    def make(self, item: Item, known: LayersThere | None = None) -> Descriptor:
        """Build one item into the layout; an index if it is for several platforms.

        Args:
            known: layers that need not be made, because the destination has them.
        """
        images = {}
        for platform in item.platforms:
            look = self._look(item.name, platform)
            workspace = replace(self._workspace, known=known, look=look)
            source = self._order.given(item, self._bases.get(platform, ANYWHERE))
            images[platform] = self._image(source, platform, workspace)
        image = next(iter(images.values()))
        if len(images) > 1:
            image = workspace.layout.add(oci.INDEX, oci.index(images))
        if item.media_types == "docker":
            from tidemill.building.docker_types import docker_form

            image = docker_form(image, workspace.layout)
        return image

    def _look(self, name: str, platform: Platform) -> Callable[[Sequence[Entry]], None]:
        """Notes what will surprise in the layers of an image, each kind once, and says it."""
        noted = self.warnings.setdefault(name, {})

        def look(entries: Sequence[Entry]) -> None:
            times = self._workspace.times
            for line in surprises(entries, times.by_content, platform.architecture):
                if line not in noted:
                    noted[line] = None
                    self._workspace.say(f"note: {name}: {line}")

        return look

    def _is_built_on(self, platform: Platform) -> bool:
        """Whether an item has the layers of the order's base in it, and does not only copy."""
        from tidemill.images.dockerfile.stages import needed

        return any(
            platform in platforms and needed(build, platform).base == ANYWHERE
            for build, platforms in self._order.dockerfiles()
        )

    def _image(
        self, source: Recipe | DockerfileBuild, platform: Platform, workspace: Workspace
    ) -> Descriptor:
        if isinstance(source, Recipe):
            from tidemill.images.build_assemble import assemble

            return assemble(self._order.root, source, platform, workspace)
        return self._engine()(source, platform, workspace)

    def _engine(self) -> Callable[[DockerfileBuild, Platform, Workspace], Descriptor]:
        match self._order.engine:
            case "assemble":
                from tidemill.images.dockerfile.copy_only import build_copy_only

                return build_copy_only
            case "buildkit":
                from tidemill.building.engines.buildkit import build_with_buildkit

                return partial(build_with_buildkit, builder=self._order.builder)
            case "classic":
                from tidemill.building.engines.classic import build_with_classic

                return build_with_classic
