"""What a comparison finds: differences, each named exactly, with its cause where one is known."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any, Literal

import msgspec
from msgspec import Struct, field

from tidemill.images.causes.cause import Cause
from tidemill.images.image_store import ImageStore
from tidemill.images.oci import Descriptor

MOST_KEPT = 10_000

Part = Literal["layer", "layers", "config", "platform", "manifest", "index", "compression"]
# A difference in these changes how an image is stored, and not what runs.
_FORM_ONLY: tuple[Part, ...] = ("manifest", "index", "compression")


class Verdict(Enum):
    """How equal two images are."""

    IDENTICAL = "identical"
    SAME_CONTENTS = "same contents"
    DIFFERENT = "different"


class Image(Struct, frozen=True):
    """An image to compare: a manifest or an index, and the store that has it.

    `name` is what people call its place, if that is not what the store is called.
    """

    store: ImageStore
    descriptor: Descriptor
    name: str | None = None

    @property
    def where(self) -> str:
        return self.name or self.store.where


class LayerAt(Struct, frozen=True):
    """One layer of one image: its number, the lowest being 1, and its diffID."""

    number: int
    diff_id: str


class Where(Struct, frozen=True):
    """The part of the image a difference is in; for a layer, which one on each side."""

    part: Part
    platform: str | None = None
    left: LayerAt | None = None
    right: LayerAt | None = None


class Difference(Struct, frozen=True):
    """One field that is not the same.

    `path` is a file's (without a slash first), or None where it is not about a file. `left` and
    `right` are text, escaped where it could not be printed; None: it is not there. `at` is the
    offset of the first byte that differs, where bytes were compared.
    """

    where: Where
    field: str
    left: str | None
    right: str | None
    path: str | None = None
    at: int | None = None
    cause: Cause | None = None


class Comparison(Struct, frozen=True):
    """The result.

    `differences` holds the first 10,000, `found` says how many there are. `layers` and
    `equal_layers` count the layers of all images that were compared, of the side that has more;
    `paths` counts the paths that differ. `notes` are sentences without a full stop.
    """

    left: Image
    right: Image
    verdict: Verdict
    differences: tuple[Difference, ...] = ()
    found: int = 0
    layers: int = 0
    equal_layers: int = 0
    paths: int = 0
    notes: tuple[str, ...] = ()

    @property
    def is_identical(self) -> bool:
        """Whether both are one image, byte for byte."""
        return self.verdict is Verdict.IDENTICAL

    @property
    def is_different(self) -> bool:
        """Whether another thing runs: neither one image nor the same contents."""
        return self.verdict is Verdict.DIFFERENT

    def as_json(self) -> dict[str, Any]:
        return {
            "verdict": self.verdict.value,
            "left": _named(self.left),
            "right": _named(self.right),
            "layers": self.layers,
            "equal_layers": self.equal_layers,
            "paths": self.paths,
            "found": self.found,
            "listed": len(self.differences),
            "notes": list(self.notes),
            "differences": [_plain(difference) for difference in self.differences],
        }


class Findings(Struct):
    """Collects differences while two images are compared; keeps the first 10,000."""

    kept: list[Difference] = field(default_factory=list)
    found: int = 0
    layers: int = 0
    equal_layers: int = 0
    paths: int = 0
    notes: list[str] = field(default_factory=list)
    form_only: bool = True

    def add(self, *differences: Difference) -> None:
        for difference in differences:
            self.found += 1
            if difference.where.part not in _FORM_ONLY:
                self.form_only = False
            if len(self.kept) < MOST_KEPT:
                self.kept.append(difference)

    def add_path(self, differences: Sequence[Difference]) -> None:
        """Add all that differs about one path."""
        self.paths += bool(differences)
        self.add(*differences)

    def result(self, left: Image, right: Image) -> Comparison:
        """The comparison of the two images, which don't have the same digest."""
        return Comparison(
            left,
            right,
            Verdict.SAME_CONTENTS if self.form_only else Verdict.DIFFERENT,
            tuple(self.kept),
            self.found,
            self.layers,
            self.equal_layers,
            self.paths,
            tuple(self.notes),
        )


def _named(image: Image) -> dict[str, str]:
    return {
        "where": image.where,
        "digest": image.descriptor.digest,
        "media_type": image.descriptor.media_type,
    }


def _plain(difference: Difference) -> dict[str, Any]:
    where = difference.where
    found: dict[str, Any] = {
        "part": where.part,
        "platform": where.platform,
        "layer": _layers(where),
        "path": difference.path,
        "field": difference.field,
        "left": difference.left,
        "right": difference.right,
        "at": difference.at,
        "cause": msgspec.to_builtins(difference.cause),
    }
    always = ("part", "field", "left", "right", "cause")
    return {key: value for key, value in found.items() if key in always or value is not None}


def _layers(where: Where) -> dict[str, Any] | None:
    sides = {"left": where.left, "right": where.right}
    return {side: msgspec.to_builtins(layer) for side, layer in sides.items() if layer} or None
