"""The JSON of OCI images (image-spec 1.1): descriptors, manifests, configs, indexes.

Everything is encoded with sorted keys and no white space, so equal content has equal digests. No
document here has a host name, a trace of who built it, or a time that nobody asked for.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeVar

import msgspec

from tidemill.errors import Refused
from tidemill.images.compression import PROFILE
from tidemill.words.json_types import learnt
from tidemill.words.unreadable import UNREADABLE

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
LAYER_PLAIN = "application/vnd.oci.image.layer.v1.tar"
LAYER_ZSTD = f"{LAYER_PLAIN}+zstd"

ATTESTATION = "vnd.docker.reference.type"
REF_NAME = "org.opencontainers.image.ref.name"
PROFILE_ANNOTATION = "dev.tidemill.profile"
# A digest of the layers' digests: who compresses layers anew and keeps annotations is found out.
LAYERS_ANNOTATION = "dev.tidemill.layers"

# The same things under the names that Docker had for them before there was a specification.
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
FROM_DOCKER = {
    DOCKER_INDEX: INDEX,
    "application/vnd.docker.distribution.manifest.v2+json": MANIFEST,
    "application/vnd.docker.container.image.v1+json": CONFIG,
    "application/vnd.docker.image.rootfs.diff.tar.gzip": LAYER,
    "application/vnd.docker.image.rootfs.diff.tar": LAYER_PLAIN,
    "application/vnd.docker.image.rootfs.diff.tar.zstd": LAYER_ZSTD,
}
# Layers that nobody but their owner may distribute, if anybody still minds; what they are besides.
_FOREIGN = "application/vnd.oci.image.layer.nondistributable.v1.tar"
FOREIGN = {
    "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip": LAYER,
    "application/vnd.docker.image.rootfs.foreign.diff.tar": LAYER_PLAIN,
    f"{_FOREIGN}+gzip": LAYER,
    f"{_FOREIGN}+zstd": LAYER_ZSTD,
    _FOREIGN: LAYER_PLAIN,
}

_HIGHEST_VARIANT = 99
# The variants that an architecture has where none is named (containerd normalises them alike).
_BY_DEFAULT = {("arm64", "v8"), ("amd64", "v1")}
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
# What was decoded as one is one: it may be part of a path.
Digest = Annotated[str, msgspec.Meta(pattern=rf"\A{DIGEST.pattern}\Z")]
_T = TypeVar("_T")


class Descriptor(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """What points to a blob: media type, digest (`sha256:` and 64 hex digits), size in bytes."""

    media_type: str
    digest: Digest
    size: Annotated[int, msgspec.Meta(ge=0)]
    annotations: dict[str, str] | None = None
    platform: dict[str, Any] | None = None


class Manifest(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """An image: its config and its layers, the lowest first."""

    config: Descriptor
    layers: tuple[Descriptor, ...]
    annotations: dict[str, str] | None = None
    media_type: str | None = None
    schema_version: int = 2


class Index(msgspec.Struct, frozen=True, rename="camel"):
    """An image index: one image for several platforms."""

    manifests: tuple[Descriptor, ...]


class RootFs(msgspec.Struct, frozen=True):
    """The digests of the uncompressed layers, the lowest first."""

    diff_ids: tuple[Digest, ...]


class Config(msgspec.Struct, frozen=True):
    """What is read of an image's config."""

    architecture: str
    os: str
    rootfs: RootFs
    config: dict[str, Any] | None = None
    variant: str | None = None
    profile: str = msgspec.field(default="", name=PROFILE_ANNOTATION)
    seal: str = msgspec.field(default="", name=LAYERS_ANNOTATION)

    @property
    def platform(self) -> Platform | None:
        """Where the image runs; None if it says that in a form of its own."""
        return stated({"os": self.os, "architecture": self.architecture, "variant": self.variant})


class Platform(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where an image runs."""

    os: str
    architecture: str
    variant: str | None = None

    @classmethod
    def parse(cls, text: str) -> Platform:
        """Parse `os/architecture[/variant]`; raise `ValueError` for anything else."""
        parts = text.split("/")
        if not 2 <= len(parts) <= 3 or not all(re.fullmatch(r"[a-z0-9_]+", part) for part in parts):
            raise ValueError(f"{text!r} is not a platform: write it like linux/amd64")
        if tuple(parts[1:]) in _BY_DEFAULT:
            parts.pop()
        if parts[1:] == ["arm"]:
            parts.append("v7")
        return cls(*parts)

    def served(self) -> list[Platform]:
        """What runs here, the best first: images for this variant and for lower ones."""
        kind, number = (self.variant or "v1")[:1], (self.variant or "v1")[1:]
        if kind != "v" or not number.isdecimal() or int(number) > _HIGHEST_VARIANT:
            return [self]
        lower = (f"{self.os}/{self.architecture}/v{n}" for n in range(int(number) - 1, 0, -1))
        return [self, *map(Platform.parse, lower)]

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)


def kind_of(media_type: str) -> str:
    """A media type under the name that the specification has for it."""
    return FROM_DOCKER.get(media_type, media_type)


def stated(platform: Mapping[str, Any]) -> Platform | None:
    """The platform that an entry of an index or a config states; None if it is none of ours."""
    parts = (platform.get(name) for name in ("os", "architecture", "variant"))
    try:
        return Platform.parse("/".join(str(part) for part in parts if part))
    except ValueError:
        return None


def manifest(config: Descriptor, layers: Sequence[Descriptor]) -> bytes:
    """An image manifest that names the profile its layers were written with."""
    return encoded(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": config,
            "layers": layers,
            "annotations": seal(layers),
        }
    )


def is_of_profile(manifest: Manifest, config: Config) -> bool:
    """Whether the profile wrote this image, and its layers are still those that it wrote."""
    said = manifest.annotations or {
        PROFILE_ANNOTATION: config.profile,
        LAYERS_ANNOTATION: config.seal,
    }
    return seal(manifest.layers).items() <= said.items()


def seal(layers: Sequence[Descriptor]) -> dict[str, str]:
    """What an image says of the profile and its layers; in Docker's form the config says so."""
    every = "\n".join(layer.digest for layer in layers)
    return {PROFILE_ANNOTATION: PROFILE, LAYERS_ANNOTATION: digest_of(every.encode())}


def index(images: Mapping[Platform, Descriptor]) -> bytes:
    """An image index, whatever the order in which its images were built."""
    return encoded(
        {
            "schemaVersion": 2,
            "mediaType": INDEX,
            "manifests": [
                msgspec.structs.replace(
                    images[platform], platform=msgspec.to_builtins(platform), annotations=None
                )
                for platform in sorted(images, key=str)
            ],
            "annotations": {PROFILE_ANNOTATION: PROFILE},
        }
    )


def config(
    platform: Platform,
    run: Mapping[str, Any],
    diff_ids: Sequence[str],
    created: str | None = None,
) -> bytes:
    """An image config; `run` is its `config` object, which says how to start a container."""
    return encoded(
        {
            **({} if created is None else {"created": created}),
            **msgspec.to_builtins(platform),
            "config": run,
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
        }
    )


def encoded(document: object) -> bytes:
    """A document as the bytes that its digest is taken of."""
    return msgspec.json.encode(document, order="sorted")


def decoded(data: bytes, shape: type[_T], what: str) -> _T:
    """Parse a document that came from outside.

    Raises:
        Refused: it is not JSON of that shape; `what` says what it was meant to be.
    """
    try:
        return msgspec.json.decode(data, type=learnt(shape))
    except UNREADABLE as error:
        raise Refused(f"{what} can't be read: {error}", remedy="make it again") from None


def checked_digest(text: str) -> str:
    """The digest itself; raise `Refused` if it is none."""
    if not DIGEST.fullmatch(text):
        raise Refused(f"{text!a} is not a sha256 digest", remedy="give all 64 hex digits")
    return text


def digest_of(data: bytes) -> str:
    """The digest of some bytes."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"
