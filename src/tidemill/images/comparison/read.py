"""The documents of an image that is compared: each read once, checked, and kept as it was."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from tidemill.errors import Refused
from tidemill.images import documents, oci
from tidemill.images.comparison.difference import Image
from tidemill.images.oci import Descriptor, Platform

_ATTESTATION = "vnd.docker.reference.type"


@dataclass(frozen=True)
class ImageDocument:
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


@dataclass(frozen=True)
class ConfigDocument:
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
    """ImageDocument a manifest or an index; raise `Refused` if it is not what points to it says."""
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
    """ImageDocument an image's config; raise `Refused` if it does not fit its manifest."""
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
    if _ATTESTATION in (entry.annotations or {}):
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
