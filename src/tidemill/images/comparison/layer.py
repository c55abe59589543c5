"""Layers that are compared: which they are, and how they are kept, uncompressed, while they are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tidemill.errors import Refused, TidemillError
from tidemill.images.comparison.difference import Image, LayerAt
from tidemill.images.oci import Descriptor
from tidemill.images.tar_read import unpacked
from tidemill.words.names import shown


@dataclass(frozen=True)
class Layer:
    """One layer of one of the images: where it is, its number from 1, its diffID."""

    image: Image
    blob: Descriptor
    number: int
    diff_id: str

    @property
    def what(self) -> str:
        """How it is called in an error."""
        return f"layer {self.number} of {self.image.where}@{self.image.descriptor.digest}"

    @property
    def at(self) -> LayerAt:
        """Its place, as a difference names it."""
        return LayerAt(self.number, self.diff_id)


@dataclass(frozen=True)
class Context:
    """What is known while layers are compared: a folder, the platform, names of machines."""

    scratch: Path
    platform: str | None
    hosts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Archives:
    """The layers of one block, uncompressed in files; entries name theirs by its number."""

    folder: Path

    def path(self, side: int, number: int) -> Path:
        """The file of a layer."""
        return self.folder / f"{'left' if side == 0 else 'right'}-{number}.tar"


def keep(layer: Layer, to: Path) -> None:
    """Write a layer uncompressed to a file, and check that it is what the config says.

    Raises:
        Refused: it is another layer, or damaged.
        TidemillError: there is no room for it.
    """
    try:
        found = unpacked(layer.image.store.pieces(layer.blob), layer.what, to)
    except OSError as error:
        raise no_room(layer.what, error.strerror or str(error)) from None
    if found != layer.diff_id:
        raise lying(layer)


def lying(layer: Layer) -> Refused:
    """A layer is not what its image's config says of it."""
    return Refused(
        f"{layer.what} is not the layer {shown(layer.diff_id)} that the config names",
        remedy="build the image again, and don't run this one",
    )


def no_room(what: str, why: str) -> TidemillError:
    """Something could not be written to the folder for temporary files."""
    return TidemillError(
        f"{what} can't be kept to look at it: {why}",
        remedy="free some room, or set TIDEMILL_TMPDIR to a folder that has more",
    )
