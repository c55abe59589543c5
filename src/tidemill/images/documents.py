"""What a digest stands for: an image's manifest, or an index of them; and all that is below it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct

from tidemill.errors import Refused
from tidemill.images import oci
from tidemill.images.oci import Descriptor
from tidemill.words.names import shown

# An index may name indexes; real images need one level, attackers any number.
_DEEPEST = 4
_MOST = 1000


class Document(Struct, frozen=True):
    """A manifest or an index, as it was read, with what points to it."""

    described: Descriptor
    data: bytes
    content: oci.Manifest | oci.Index


def parsed(data: bytes, name: str) -> oci.Manifest | oci.Index:
    """What the bytes of a manifest or an index say.

    One that could be read as both would mean different images to different readers
    (CVE-2021-41190).

    Raises:
        Refused: they are neither, or both.
    """
    what = f"the document {shown(name)}"
    given = oci.decoded(data, dict[str, msgspec.Raw], what)
    is_index, is_image = "manifests" in given, "layers" in given
    if is_index and (is_image or "config" in given):
        raise Refused(f"{what} is both a manifest and an index", remedy="make it again")
    if not is_index and not is_image:
        raise Refused(
            f"{what} is neither a manifest nor an index", remedy="name the digest of an image"
        )
    if is_index:
        return oci.decoded(data, oci.Index, what)
    return oci.decoded(data, oci.Manifest, what)


def media_type(data: bytes, name: str) -> str:
    """The media type that a manifest or an index is to be served with."""
    match parsed(data, name):
        case oci.Index():
            default = oci.INDEX
        case oci.Manifest():
            default = oci.MANIFEST
    given: dict[str, Any] = msgspec.json.decode(data)
    stated = given.get("mediaType")
    return stated if isinstance(stated, str) and stated else default


def below(
    image: Descriptor, read: Callable[[str], bytes], known: Callable[[Descriptor], bool]
) -> list[Document]:
    """The image's documents, each after all that it points to: manifests, then the index.

    Args:
        read: gives a document by its digest.
        known: whether a document, with all below it, is of no interest.

    Raises:
        Refused: a document is not an image's, or there are too many.
    """
    found: dict[str, Document] = {}

    def visit(descriptor: Descriptor, depth: int) -> None:
        if descriptor.digest in found or known(descriptor):
            return
        if depth > _DEEPEST or len(found) >= _MOST:
            raise Refused(
                f"the index {image.digest} has too many images below it, or too deep",
                remedy=f"publish an index of at most {_MOST} images, without indexes in it",
            )
        data = read(descriptor.digest)
        if len(data) != descriptor.size:
            raise Refused(
                f"{descriptor.digest} has {len(data)} bytes, not the {descriptor.size} said",
                remedy="make what points to it again",
            )
        content = parsed(data, descriptor.digest)
        if isinstance(content, oci.Index):
            for entry in content.manifests:
                visit(entry, depth + 1)
        found[descriptor.digest] = Document(descriptor, data, content)

    visit(image, 0)
    return list(found.values())


def blobs(documents: list[Document]) -> tuple[list[Descriptor], list[Descriptor]]:
    """The layers and the configs of all the images, each blob once."""
    layers: dict[str, Descriptor] = {}
    configs: dict[str, Descriptor] = {}
    for document in documents:
        match document.content:
            case oci.Manifest(config=config, layers=own):
                configs.setdefault(config.digest, config)
                for layer in own:
                    layers.setdefault(layer.digest, layer)
            case oci.Index():
                pass
    return list(layers.values()), [c for d, c in configs.items() if d not in layers]
