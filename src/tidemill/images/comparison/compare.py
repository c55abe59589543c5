"""What differs between two images, and why.

Two verdicts of equality: *identical* (one digest), and *same contents* (config and diffIDs are
equal, so the same runs; only compression, manifest or index differ). Otherwise each difference is
named, with a cause where one is known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from tidemill.errors import Refused
from tidemill.images import oci
from tidemill.images.causes import attributes
from tidemill.images.comparison import values
from tidemill.images.comparison.difference import (
    Comparison,
    Difference,
    Findings,
    Image,
    Verdict,
    Where,
)
from tidemill.images.comparison.images import (
    ImageDocument,
    compare_images,
    entry_platform,
    read,
    read_config,
)
from tidemill.images.comparison.layers import Context
from tidemill.images.oci import Descriptor, Platform
from tidemill.words.json_types import learnt

_DEEPEST = 4
_ATTESTATION = "attestation"


def compare(
    left: Image,
    right: Image,
    scratch: Path,
    *,
    platform: Platform | None = None,
    hosts: Sequence[str] = (),
) -> Comparison:
    """Compare two images.

    Args:
        scratch: a folder for temporary files: the layers that differ, uncompressed.
        platform: compare only the images for this platform, where there are several.
        hosts: names of the machines that built them, to look for in files.

    Raises:
        Refused: an image is incomplete, damaged, or not what its documents say; or there is none
            for the platform.
        Unreachable, ServerRefused: a registry does not answer, or says no.
    """
    one, other = read(left), read(right)
    if platform is not None:
        one, other = _picked(one, platform), _picked(other, platform)
        left, right = one.image, other.image
    if left.descriptor.digest == right.descriptor.digest:
        return Comparison(left, right, Verdict.IDENTICAL)
    findings = Findings()
    _documents(one, other, Context(scratch, None, tuple(hosts)), findings, 0)
    return findings.result(left, right)


def _documents(
    left: ImageDocument, right: ImageDocument, context: Context, findings: Findings, depth: int
) -> None:
    if depth > _DEEPEST:
        raise Refused(
            f"{left.name} and {right.name} have indexes in indexes, more than {_DEEPEST} deep",
            remedy="publish one index of images",
        )
    ours, theirs = left.content, right.content
    if isinstance(ours, oci.Manifest) and isinstance(theirs, oci.Manifest):
        compare_images(left, right, (ours, theirs), context, findings)
    elif isinstance(ours, oci.Index) and isinstance(theirs, oci.Index):
        _indexes((left, ours), (right, theirs), context, findings, depth)
    else:
        findings.add(Difference(Where("index"), "kind", left.kind, right.kind))
        pair = _of_one_platform(left, right, findings)
        if pair is not None:
            _documents(*pair, context, findings, depth + 1)


def _indexes(
    left: tuple[ImageDocument, oci.Index],
    right: tuple[ImageDocument, oci.Index],
    context: Context,
    findings: Findings,
    depth: int,
) -> None:
    ours, theirs = _by_platform(left[1]), _by_platform(right[1])
    before = findings.found
    where = Where("index")
    shells = [
        {k: v for k, v in side[0].plain.items() if k != "manifests"} for side in (left, right)
    ]
    findings.add(*values.differences(where, shells[0], shells[1], context.hosts))
    for key in sorted(ours.keys() | theirs.keys()):
        one, other = ours.get(key), theirs.get(key)
        if one is None or other is None:
            findings.add(_lacking(key[0], one, other))
        else:
            _entries(key[0], (left[0], one), (right[0], other), context, findings, depth)
    if [*ours] != [*theirs] and ours.keys() == theirs.keys():
        one_order, other_order = (", ".join(name for name, _ in side) for side in (ours, theirs))
        findings.add(Difference(where, "order of platforms", one_order, other_order))
    if findings.found == before:
        findings.add(values.form(where, left[0].data, right[0].data))


def _entries(
    platform: str,
    left: tuple[ImageDocument, Descriptor],
    right: tuple[ImageDocument, Descriptor],
    context: Context,
    findings: Findings,
    depth: int,
) -> None:
    """Compare two entries of one platform: what the indexes say of them, and the images."""
    one, other = left[1], right[1]
    where = Where("index", platform)
    if platform == _ATTESTATION:
        if one.digest != other.digest:
            findings.add(
                Difference(
                    where, "attestation", one.digest, other.digest, cause=attributes.ATTESTATION
                )
            )
        return
    said = [_said(side.plain["manifests"], entry) for side, entry in (left, right)]
    findings.add(*values.differences(where, said[0], said[1], context.hosts))
    if one.digest == other.digest:
        return
    ours, theirs = (read(replace(side.image, descriptor=entry)) for side, entry in (left, right))
    _documents(ours, theirs, replace(context, platform=platform), findings, depth + 1)


def _said(entries: list[dict[str, Any]], wanted: Descriptor) -> dict[str, Any]:
    """What an index says of an image, but for which one it is."""
    entry = next(one for one in entries if msgspec.convert(one, learnt(Descriptor)) == wanted)
    return {key: value for key, value in entry.items() if key not in ("digest", "size")}


def _lacking(platform: str, left: Descriptor | None, right: Descriptor | None) -> Difference:
    one, other = (None if side is None else side.digest for side in (left, right))
    if platform == _ATTESTATION:
        where = Where("index", platform)
        return Difference(where, _ATTESTATION, one, other, cause=attributes.ATTESTATION)
    return Difference(Where("platform", platform), "missing", one, other)


def _of_one_platform(
    left: ImageDocument, right: ImageDocument, findings: Findings
) -> tuple[ImageDocument, ImageDocument] | None:
    """An index and an image: the index's image for the same platform, beside the other.

    None if there is nothing to compare: the index has no such image, or that very one.
    """
    index, image = (left, right) if isinstance(left.content, oci.Index) else (right, left)
    assert isinstance(index.content, oci.Index)  # noqa: S101 - callers give one of each
    assert isinstance(image.content, oci.Manifest)  # noqa: S101
    wanted = read_config(image.content, image.image).platform
    found = _by_platform(index.content).get((wanted, 0))
    if found is None:
        digests = [image.image.descriptor.digest, None]
        one, other = digests if image is left else reversed(digests)
        findings.add(Difference(Where("platform", wanted), "missing", one, other))
        return None
    findings.notes.append(
        f"the {'left' if index is left else 'right'} one is {index.kind} "
        f"{'images' if len(index.content.manifests) > 1 else 'image'}; its image for {wanted} is "
        "compared"
    )
    if found.digest == image.image.descriptor.digest:
        return None
    chosen = read(replace(index.image, descriptor=found))
    return (chosen, right) if index is left else (left, chosen)


def _picked(side: ImageDocument, platform: Platform) -> ImageDocument:
    """The image for a platform; raise `Refused` if there is none."""
    wanted = str(platform)
    match side.content:
        case oci.Index() as index:
            found = _by_platform(index).get((wanted, 0))
            names = sorted({name for name, _ in _by_platform(index)} - {_ATTESTATION})
            if found is not None:
                return read(replace(side.image, descriptor=found))
        case oci.Manifest() as manifest:
            names = [read_config(manifest, side.image).platform]
            if names == [wanted]:
                return side
    raise Refused(
        f"{side.name} has no image for {wanted}",
        remedy=f"name one of: {', '.join(names) or 'none, it is empty'}",
    )


def _by_platform(index: oci.Index) -> dict[tuple[str, int], Descriptor]:
    """The entries in their order, by platform and by how many of it came before."""
    found: dict[tuple[str, int], Descriptor] = {}
    numbers: Counter[str] = Counter()
    for entry in index.manifests:
        platform = entry_platform(entry)
        found[platform, numbers[platform]] = entry
        numbers[platform] += 1
    return found
