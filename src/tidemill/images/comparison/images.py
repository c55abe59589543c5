"""What differs between two images of one platform: manifest, config, layers, compression."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tidemill.images import oci
from tidemill.images.comparison import values
from tidemill.images.comparison.blobs import compare_blobs
from tidemill.images.comparison.difference import Difference, Findings, Where
from tidemill.images.comparison.layer import Context, Layer
from tidemill.images.comparison.layers import compare_layers
from tidemill.images.comparison.read import ConfigDocument, ImageDocument, read_config

# What a descriptor says of the blob; the blobs are compared themselves.
_OF_THE_BLOB = ("digest", "size")
_PLATFORM = ("os", "architecture", "variant")


def compare_images(
    left: ImageDocument,
    right: ImageDocument,
    manifests: tuple[oci.Manifest, oci.Manifest],
    context: Context,
    findings: Findings,
) -> None:
    """Add what differs to the findings.

    Raises:
        Refused: a blob is missing, damaged, or not what the documents say.
    """
    before = findings.found
    ours, theirs = (
        read_config(manifest, side.image)
        for manifest, side in zip(manifests, (left, right), strict=True)
    )
    if context.platform is None and ours.platform == theirs.platform:
        context = replace(context, platform=ours.platform)
    hosts = [config.host for config in (ours, theirs) if config.host]
    context = replace(context, hosts=(*context.hosts, *hosts))
    where = Where("manifest", context.platform)
    findings.add(*values.differences(where, _shell(left.plain), _shell(right.plain), context.hosts))
    _configs(ours, theirs, context, findings)
    layers = _layers(left, manifests[0], ours), _layers(right, manifests[1], theirs)
    if all("tar" in layer.blob.media_type for side in layers for layer in side):
        for one, other in compare_layers(*layers, context, findings):
            findings.add(*_forms(left, right, (one, other), context))
            findings.add(*compare_blobs(one, other, context.platform))
    else:
        findings.add(*_blobs(*layers, where))
    if findings.found == before:
        findings.add(values.form(where, left.data, right.data))


def _configs(
    left: ConfigDocument, right: ConfigDocument, context: Context, findings: Findings
) -> None:
    if left.data == right.data:
        return
    before = findings.found
    if left.platform != right.platform:
        findings.add(Difference(Where("platform"), "platform", left.platform, right.platform))
    where = Where("config", context.platform)
    told = _PLATFORM if findings.found > before else ()
    ours, theirs = (
        {key: value for key, value in side.plain.items() if key not in told}
        for side in (left, right)
    )
    findings.add(*values.differences(where, ours, theirs, context.hosts))
    if findings.found == before and left.config.rootfs == right.config.rootfs:
        findings.add(values.form(where, left.data, right.data))


def _layers(side: ImageDocument, manifest: oci.Manifest, config: ConfigDocument) -> list[Layer]:
    pairs = zip(manifest.layers, config.config.rootfs.diff_ids, strict=True)
    return [
        Layer(side.image, blob, number, diff_id) for number, (blob, diff_id) in enumerate(pairs, 1)
    ]


def _forms(
    left: ImageDocument, right: ImageDocument, pair: tuple[Layer, Layer], context: Context
) -> list[Difference]:
    """What the manifests say differently of two layers of one diffID, but for their blobs."""
    name = f"layers[{pair[0].number - 1}]"
    sides = [
        {name: _without(side.plain["layers"][layer.number - 1])}
        for side, layer in zip((left, right), pair, strict=True)
    ]
    where = Where("manifest", context.platform, pair[0].at, pair[1].at)
    return list(values.differences(where, sides[0], sides[1], context.hosts))


def _blobs(left: list[Layer], right: list[Layer], where: Where) -> list[Difference]:
    """Layers that are no archives: they are equal or not."""
    digests = [
        {f"layers[{one.number - 1}]": one.blob.digest for one in side} for side in (left, right)
    ]
    where = Where("layers", where.platform)
    return list(values.differences(where, digests[0], digests[1]))


def _shell(plain: Mapping[str, Any]) -> dict[str, Any]:
    """A manifest without its layers, and without what says which layers and config it has."""
    rest = {key: value for key, value in plain.items() if key != "layers"}
    if isinstance(notes := rest.get("annotations"), dict):
        rest["annotations"] = {k: v for k, v in notes.items() if k != oci.LAYERS_ANNOTATION}
    return {**rest, "config": _without(rest.get("config", {}))}


def _without(descriptor: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in descriptor.items() if key not in _OF_THE_BLOB}
