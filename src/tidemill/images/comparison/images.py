"""What differs between two images of one platform: manifest, config, layers, compression.

Each document is read once, checked, and kept as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from tidemill.errors import Refused
from tidemill.images import documents, oci
from tidemill.images.comparison import values
from tidemill.images.comparison.blobs import compare_blobs
from tidemill.images.comparison.difference import Difference, Findings, Image, Where
from tidemill.images.comparison.layers import Context, Layer, compare_layers
from tidemill.images.oci import Descriptor, Platform

# What a descriptor says of the blob; the blobs are compared themselves.
_OF_THE_BLOB = ("digest", "size")
_PLATFORM = ("os", "architecture", "variant")


class ImageDocument(Struct, frozen=True):
    """A manifest or an index: parsed, as bytes, and as a plain object."""

    image: Image
    data: bytes
    content: oci.Manifest | oci.Index
    plain: dict[str, Any]

    @property
    def name(self) -> str:
        """How it is called in an error."""
        return f"{self.image.where}@{self.image.descriptor.digest}"

    @property
    def kind(self) -> str:
        """What it is, in words."""
        match self.content:
            case oci.Index(manifests=entries):
                return f"an index of {len(entries)}"
            case oci.Manifest():
                return "an image"


class ConfigDocument(Struct, frozen=True):
    """The config of an image: what every image has of it, as bytes, and as a plain object."""

    config: oci.Config
    data: bytes
    plain: dict[str, Any]

    @property
    def platform(self) -> str:
        """Where the image runs, like `linux/arm64/v8`."""
        variant = self.plain.get("variant")
        return platform_text(
            {"os": self.config.os, "architecture": self.config.architecture, "variant": variant}
        )

    @property
    def host(self) -> str:
        """The name of the machine or container that an engine wrote into it, or nothing."""
        host = (self.config.config or {}).get("Hostname")
        return host if isinstance(host, str) else ""


def read(image: Image) -> ImageDocument:
    """Read a manifest or an index; raise `Refused` if it is not what points to it says."""
    descriptor = image.descriptor
    data = image.store.read(descriptor.digest)
    if len(data) != descriptor.size:
        raise Refused(
            f"{image.where}@{descriptor.digest} has {len(data)} bytes, and what points to "
            f"it says {descriptor.size}",
            remedy="copy or build the image again",
        )
    content = documents.parsed(data, descriptor.digest)
    return ImageDocument(image, data, content, oci.decoded(data, dict[str, Any], "the manifest"))


def read_config(manifest: oci.Manifest, image: Image) -> ConfigDocument:
    """Read an image's config; raise `Refused` if it does not fit its manifest."""
    what = f"the config of {image.where}@{image.descriptor.digest}"
    data = image.store.read(manifest.config.digest)
    config = oci.decoded(data, oci.Config, what)
    if len(config.rootfs.diff_ids) != len(manifest.layers):
        raise Refused(
            f"{what} names {len(config.rootfs.diff_ids)} layers, and the manifest "
            f"{len(manifest.layers)}",
            remedy="copy or build the image again",
        )
    return ConfigDocument(config, data, oci.decoded(data, dict[str, Any], what))


def entry_platform(entry: Descriptor) -> str:
    """The platform of an index's entry; `attestation` for what says how an image was built."""
    if oci.ATTESTATION in (entry.annotations or {}):
        return "attestation"
    return platform_text(entry.platform or {})


def platform_text(platform: dict[str, Any]) -> str:
    """A platform as it is compared: variants that mean nothing are left out."""
    parts = [platform.get("os"), platform.get("architecture"), platform.get("variant")]
    text = "/".join(part for part in parts if isinstance(part, str) and part)
    with suppress(ValueError):
        text = str(Platform.parse(text))
    version = platform.get("os.version")
    text = f"{text or 'unknown'}{f' {version}' if isinstance(version, str) else ''}"
    return text if text.isprintable() else ascii(text)[1:-1]


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
