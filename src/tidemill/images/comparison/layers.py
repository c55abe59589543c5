"""What differs between the layers of two images.

Layers are matched by their diffIDs first, so that one that came in between is one difference. What
stands against each other then is compared entry by entry; where the numbers differ, as the result
of laying one over the other. Layers that both images have are not read.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from difflib import SequenceMatcher
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from tidemill.errors import Refused, TidemillError
from tidemill.images.causes import attributes, rules
from tidemill.images.causes import content as compare_content
from tidemill.images.causes.paths import of_missing
from tidemill.images.comparison import members as compare_members
from tidemill.images.comparison.difference import Difference, Findings, Image, LayerAt, Where
from tidemill.images.comparison.index import EntryIndex, PathEntries
from tidemill.images.comparison.members import Member
from tidemill.images.oci import Descriptor
from tidemill.images.tar_read import members, unpack

_NAMED = 10
_MOST = 1000


class Layer(Struct, frozen=True):
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


class Context(Struct, frozen=True):
    """What is known while layers are compared: a folder, the platform, names of machines."""

    scratch: Path
    platform: str | None
    hosts: tuple[str, ...] = ()


class Archives(Struct, frozen=True):
    """The layers of one block, uncompressed in files; entries name theirs by its number."""

    folder: Path

    def path(self, side: int, number: int) -> Path:
        return self.folder / f"{'left' if side == 0 else 'right'}-{number}.tar"


def keep(layer: Layer, to: Path) -> None:
    """Write a layer uncompressed to a file, and check that it is what the config says.

    Raises:
        Refused: it is another layer, or damaged.
        TidemillError: there is no room for it.
    """
    try:
        unpack(layer.image.store.pieces(layer.blob), layer.what, layer.diff_id, to)
    except OSError as error:
        raise no_room(layer.what, error.strerror or str(error)) from None


def no_room(what: str, why: str) -> TidemillError:
    """Something could not be written to the folder for temporary files."""
    return TidemillError(
        f"{what} can't be kept to look at it: {why}",
        remedy="free some room, or set TIDEMILL_TMPDIR to a folder that has more",
    )


def compare_layers(
    left: Sequence[Layer], right: Sequence[Layer], context: Context, findings: Findings
) -> list[tuple[Layer, Layer]]:
    """Add what differs to the findings; return the pairs of equal diffIDs.

    Raises:
        Refused: a layer can't be read, or is not what its config says.
    """
    findings.layers += max(len(left), len(right))
    if len(left) != len(right):
        findings.add(
            Difference(
                Where("layers", context.platform),
                "number of layers",
                str(len(left)),
                str(len(right)),
            )
        )
    if max(len(left), len(right)) > _MOST:
        raise Refused(
            f"an image has {max(len(left), len(right))} layers", remedy=f"use at most {_MOST}"
        )
    equal: list[tuple[Layer, Layer]] = []
    matcher = SequenceMatcher(
        None, [layer.diff_id for layer in left], [layer.diff_id for layer in right], autojunk=False
    )
    for what, i, until, j, end in matcher.get_opcodes():
        ours, theirs = left[i:until], right[j:end]
        match what:
            case "equal":
                equal.extend(zip(ours, theirs, strict=True))
            case "replace" if len(ours) == len(theirs):
                for one, other in zip(ours, theirs, strict=True):
                    _compare_block([one], [other], context, findings)
            case "replace":
                if len(left) == len(right):
                    findings.add(_divided(ours, theirs, context))
                _compare_block(ours, theirs, context, findings)
            case _:
                findings.add(*(_alone(layer, "left", context) for layer in ours))
                findings.add(*(_alone(layer, "right", context) for layer in theirs))
    findings.equal_layers += len(equal)
    return equal


def _alone(layer: Layer, side: Literal["left", "right"], context: Context) -> Difference:
    """A layer that only one of the images has, with some of the paths in it."""
    with TemporaryDirectory(dir=context.scratch) as folder:
        file = Path(folder) / "layer.tar"
        keep(layer, file)
        names = members(file)
        first = [compare_members.text(one.name) for one in islice(names, _NAMED)]
        more = sum(1 for _ in names)
    what = f"{len(first) + more} entries: {', '.join(first)}{f' and {more} more' if more else ''}"
    what = what if first else "an empty layer"
    if side == "left":
        return Difference(Where("layers", context.platform, left=layer.at), "layer", what, None)
    return Difference(Where("layers", context.platform, right=layer.at), "layer", None, what)


def _divided(left: Sequence[Layer], right: Sequence[Layer], context: Context) -> Difference:
    numbers = (", ".join(str(layer.number) for layer in side) for side in (left, right))
    one, other = (f"layers {text}" for text in numbers)
    return Difference(Where("layers", context.platform), "division into layers", one, other)


def _compare_block(
    left: Sequence[Layer], right: Sequence[Layer], context: Context, findings: Findings
) -> None:
    """Compare layers that stand against each other; several as what they make together."""
    single = len(left) == len(right) == 1
    where = Where("layers", context.platform)
    if single:
        where = Where("layer", context.platform, left[0].at, right[0].at)
    with TemporaryDirectory(dir=context.scratch) as folder:
        archives = Archives(Path(folder))
        index = EntryIndex(Path(folder) / "entries")
        try:
            for side, layers in enumerate((left, right)):
                for number, layer in enumerate(layers):
                    file = archives.path(side, number)
                    keep(layer, file)
                    for header in members(file):
                        entry = compare_members.member(header, number)
                        if single:
                            index.add(side, entry)
                        else:
                            index.lay(side, entry)
            before = findings.found
            _compare_entries(index, archives, where, context, findings)
            if single:
                _compare_order(index, where, findings)
                if findings.found == before:
                    findings.add(_rest(archives, where))
        except sqlite3.Error as error:
            raise no_room("what is in the layers", str(error)) from None
        finally:
            index.close()


def _compare_entries(
    index: EntryIndex, archives: Archives, where: Where, context: Context, findings: Findings
) -> None:
    for path, left, right in index.paths():
        name = compare_members.text(path, compare_members.LONGEST_PATH)
        if left is None or right is None:
            found = [_missing(where, name, left, right)]
        else:
            index.pair(path, left.place, right.place)
            found = [] if left.count == right.count else [_duplicates(where, name, left, right)]
            found += _of_entry(where, name, (left.last, right.last), archives, context)
        findings.add_path(found)


def _missing(
    where: Where, path: str, left: PathEntries | None, right: PathEntries | None
) -> Difference:
    sides = [None if side is None else side.last.kind for side in (left, right)]
    return Difference(where, "missing", sides[0], sides[1], path, cause=of_missing(path))


def _duplicates(where: Where, path: str, left: PathEntries, right: PathEntries) -> Difference:
    counts = [f"{side.count} {'entry' if side.count == 1 else 'entries'}" for side in (left, right)]
    return Difference(where, "duplicates", counts[0], counts[1], path)


def _of_entry(
    where: Where, path: str, pair: tuple[Member, Member], archives: Archives, context: Context
) -> list[Difference]:
    """All that differs between two entries of one path: fields, content, form of the header."""
    left, right = pair
    files = archives.path(0, left.archive), archives.path(1, right.archive)

    def told(field: compare_members.Field) -> Difference:
        cause = attributes.of_attribute(field.name, field.left, field.right)
        return Difference(where, field.name, field.left, field.right, path, cause=cause)

    found = [*map(told, compare_members.differing(left, right))]
    if left.kind == right.kind and left.length + right.length:
        one, other = (
            compare_members.content(entry, file) for entry, file in zip(pair, files, strict=True)
        )
        changed = compare_content.changes(one, other)
        if changed is not None:
            cause = rules.of_content(compare_content.Pair(path, one, other, changed, context.hosts))
            found = [replace(d, cause=cause) if d.field == "size" else d for d in found]
            at = changed.first
            a, b = compare_content.around(one, at), compare_content.around(other, at)
            found.append(Difference(where, "content", a, b, path, at, cause))
    if not found and where.part == "layer":
        headers = (
            compare_members.headers(entry, file) for entry, file in zip(pair, files, strict=True)
        )
        if field := compare_members.form(*headers):
            found.append(told(field))
    return found


def _compare_order(index: EntryIndex, where: Where, findings: Findings) -> None:
    turned = index.out_of_order()
    if turned is not None:
        first, second = (compare_members.text(path) for path in turned)
        findings.add(
            Difference(
                where,
                "order",
                f"{first} before {second}",
                f"{second} before {first}",
                cause=attributes.ORDER_OF_ENTRIES,
            )
        )


def _rest(archives: Archives, where: Where) -> Difference:
    """The entries are equal and the archives are not: padding, the end, duplicates, globals."""
    files = archives.path(0, 0), archives.path(1, 0)
    whole = [compare_content.Content(file, 0, file.stat().st_size) for file in files]
    changed = compare_content.changes(whole[0], whole[1])
    at = 0 if changed is None else changed.first
    ends = []
    for file in files:
        end = 0
        for header in members(file):
            end = header.offset_data + compare_members.member(header).length
        ends.append(end + -end % 512)
    if at >= min(ends):
        sizes = [f"{content.size - end} bytes" for content, end in zip(whole, ends, strict=True)]
        if sizes[0] != sizes[1]:
            return Difference(
                where, "end of the archive", sizes[0], sizes[1], at=at, cause=attributes.WRITER
            )
    sides = [compare_content.around(content, at) for content in whole]
    return Difference(
        where, "form of the archive", sides[0], sides[1], at=at, cause=attributes.WRITER
    )
