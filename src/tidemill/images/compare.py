"""What differs between two images, and why.

Two verdicts of equality: *identical* (one digest), and *same contents* (config and diffIDs are
equal, so the same runs; only compression, manifest or index differ). Otherwise each difference is
named, with a cause where one is known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tidemill.app.names import shown
from tidemill.errors import Refused
from tidemill.images import causes, compare_values, documents, oci
from tidemill.images.compare_blobs import compare_blobs
from tidemill.images.compare_difference import (
    Comparison,
    Difference,
    Findings,
    Image,
    Verdict,
    Where,
)
from tidemill.images.compare_layers import Layer, Surroundings, compare_layers
from tidemill.images.compare_words import render
from tidemill.images.oci import Descriptor, Platform

__all__ = ["Comparison", "Difference", "Image", "Verdict", "compare", "render"]

_DEEPEST = 4
_ATTESTATION = "vnd.docker.reference.type"


@dataclass(frozen=True)
class _Read:
    """An image whose manifest or index was read: parsed, as bytes, and as a plain object."""

    image: Image
    data: bytes
    content: oci.Manifest | oci.Index
    plain: dict[str, Any]

    @property
    def name(self) -> str:
        """How it is called in an error."""
        return f"{self.image.store.where}@{self.image.descriptor.digest}"


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
    if left.descriptor.digest == right.descriptor.digest and platform is None:
        return Comparison(left, right, Verdict.IDENTICAL)
    one, other = _read(left), _read(right)
    if platform is not None:
        one, other = _picked(one, str(platform)), _picked(other, str(platform))
        left, right = one.image, other.image
        if left.descriptor.digest == right.descriptor.digest:
            return Comparison(left, right, Verdict.IDENTICAL)
    findings = Findings()
    _documents(one, other, Surroundings(scratch, None, tuple(hosts)), findings, 0)
    return findings.result(left, right)


def _documents(
    left: _Read, right: _Read, around: Surroundings, findings: Findings, depth: int
) -> None:
    if depth > _DEEPEST:
        raise Refused(
            f"{left.name} has indexes in indexes, more than {_DEEPEST} deep",
            remedy="publish an index of images",
        )
    match left.content, right.content:
        case oci.Manifest(), oci.Manifest():
            _images(left, right, around, findings)
        case oci.Index(), oci.Index():
            _indexes(left, right, around, findings, depth)
        case oci.Index(), _:
            _index_and_image(left, right, around, findings, depth)
        case _:
            _index_and_image(left, right, around, findings, depth)


def _images(left: _Read, right: _Read, around: Surroundings, findings: Findings) -> None:
    configs = [_config(side) for side in (left, right)]
    (ours, plain, data), (theirs, other_plain, other_data) = configs
    if around.platform is None and (left_for := _platform_of(ours)) == _platform_of(theirs):
        around = replace(around, platform=left_for)
    machines = [
        host for side in (plain, other_plain) if (host := _host(side)) not in ("", *around.hosts)
    ]
    around = replace(around, hosts=(*around.hosts, *machines))
    _values(Where("manifest", around.platform), _shell(left), _shell(right), around, findings)
    if data != other_data:
        where = Where("config", around.platform)
        before = findings.found
        if _platform_of(ours) != _platform_of(theirs):
            findings.add(
                Difference(
                    Where("platform"), "platform", _platform_of(ours), _platform_of(theirs)
                )
            )
        found = compare_values.differences(where, plain, other_plain, around.hosts)
        findings.add(*found)
        same_layers = ours.rootfs.diff_ids == theirs.rootfs.diff_ids
        if findings.found == before and same_layers:
            findings.add(compare_values.form(where, data, other_data))
    layers = [
        [
            Layer(side.image, blob, number, diff_id)
            for number, (blob, diff_id) in enumerate(
                zip(_manifest(side).layers, config.rootfs.diff_ids, strict=True), 1
            )
        ]
        for side, config in ((left, ours), (right, theirs))
    ]
    for one, other in compare_layers(layers[0], layers[1], around, findings):
        findings.add(*_layer_form(one, other, around))
    if not findings.found:
        findings.add(
            compare_values.form(Where("manifest", around.platform), left.data, right.data)
        )


def _layer_form(left: Layer, right: Layer, around: Surroundings) -> list[Difference]:
    """What differs between two layers of one diffID: descriptors, compression."""
    found = compare_blobs(left, right, around.platform)
    where = Where("manifest", around.platform)
    one, other = left.blob, right.blob
    name = f"layers[{left.number - 1}]"
    if one.media_type != other.media_type:
        found.append(
            Difference(
                where,
                f"{name}.mediaType",
                compare_values.shown_value(one.media_type),
                compare_values.shown_value(other.media_type),
                cause=_of_media_types(one.media_type, other.media_type),
            )
        )
    found.extend(
        replace(difference, field=f"{name}.{difference.field}")
        for difference in compare_values.differences(
            where, {"annotations": one.annotations}, {"annotations": other.annotations}
        )
    )
    return found


def _of_media_types(left: object, right: object) -> causes.Cause | None:
    docker = oci.FROM_DOCKER
    if not isinstance(left, str) or not isinstance(right, str):
        return None
    return causes.MEDIA_TYPES if docker.get(left, left) == docker.get(right, right) else None
