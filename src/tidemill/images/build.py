"""What is to be built, and what every engine that builds it is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path

from msgspec import Struct, field

from tidemill.images.base_image import BaseImage
from tidemill.images.entries import Entry
from tidemill.images.layer import Layer, write_layer, write_plain
from tidemill.images.layout import Layout
from tidemill.images.location import Location
from tidemill.images.oci import Platform
from tidemill.images.recipe import CONSTANT, Times
from tidemill.images.reuse import LayersThere
from tidemill.images.tar_stream import TIME

# The image of that location (which names a digest) for that platform.
Bases = Callable[[Location, Platform], BaseImage]
Say = Callable[[str], None]


class DockerfileBuild(Struct, frozen=True):
    """An image that a Dockerfile describes.

    Args:
        name: how to call it in messages.
        context: the folder that COPY takes from.
        file: the Dockerfile, anywhere.
        called: what messages call it, where there may be several; its own name by default.
        contexts: other images by the name that FROM and COPY --from give them, each by digest.
        folders: other folders by the name that COPY --from gives them.
        secrets, cache_from, cache_to: as `docker buildx build` takes them.
    """

    name: str
    context: Path
    file: Path
    called: str | None = None
    target: str | None = None
    build_args: Mapping[str, str] = field(default_factory=dict)
    contexts: Mapping[str, Location] = field(default_factory=dict)
    folders: Mapping[str, Path] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    cache_from: tuple[str, ...] = ()
    cache_to: tuple[str, ...] = ()
    no_cache: bool = False

    @property
    def arguments(self) -> dict[str, str]:
        """The build arguments, and the time of the form for an ARG that asks for it.

        It is never the commit's time: every commit would then change every image.
        """
        return {"SOURCE_DATE_EPOCH": str(TIME), **self.build_args}


class Workspace(Struct, frozen=True):
    """Where and with what an engine works.

    Args:
        bases: finds the images that others are built on.
        layout: where the image is written to.
        workers: where layers are compressed; it changes the time, never the digest.
        scratch: a folder of this run, for what is needed only meanwhile.
        known: the layers that need not be made (`tidemill.images.layer.write_layer`).
        times: what the image says of times.
        plain: whether layers stay uncompressed, as those of an image that others only copy from.
        say: is given one line about each thing that takes long.
        look: is given the entries of each layer of the image, before it is written.
    """

    bases: Bases
    layout: Layout
    workers: Executor
    scratch: Path
    known: LayersThere | None = None
    times: Times = CONSTANT
    plain: bool = False
    say: Say = lambda _: None
    look: Callable[[Sequence[Entry]], None] = lambda _: None

    def write(self, entries: Sequence[Entry]) -> Layer:
        """Write entries, already in order, as one layer; raises what `write_layer` raises."""
        if self.plain:
            return write_plain(self.layout, entries)
        self.look(entries)
        return write_layer(self.layout, entries, self.workers, self.known, self.times.by_content)
