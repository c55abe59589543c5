"""What the destination has already, by content: it need not be compressed, nor sent, again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tidemill.errors import Refused
from tidemill.images import documents, oci
from tidemill.images.image_store import ImageStore
from tidemill.images.layer import NONE
from tidemill.images.oci import Descriptor


class _Layers(Mapping[str, Descriptor]):
    """Layers by diffID, of which those are there whose blob the store still has."""

    def __init__(self, store: ImageStore, layers: Mapping[str, Descriptor]) -> None:
        self._store = store
        self._layers = layers

    def __getitem__(self, diff_id: str) -> Descriptor:
        blob = self._layers[diff_id]
        if not self._store.has(blob):
            raise KeyError(diff_id)
        return blob

    def __iter__(self) -> Iterator[str]:
        return iter(self._layers)

    def __len__(self) -> int:
        return len(self._layers)


@dataclass(frozen=True)
class EarlierImage:
    """The image that a tag stands for now: its digest, and its layers by diffID.

    There are layers only of images that this profile made: those of others have the same content,
    but not the bytes that the canonical form says. Each is asked for when it is looked up.
    """

    digest: str | None = None
    layers: Mapping[str, Descriptor] = field(default_factory=lambda: NONE)


NOTHING = EarlierImage()


def earlier(store: ImageStore, tag: str) -> EarlierImage:
    """Look at what a tag stands for; what can't be read there is as good as nothing.

    Raises:
        Unreachable, ServerRefused: the registry does not answer, or says no.
    """
    found = store.find(tag, whole=True)
    if found is None:
        return NOTHING
    layers: dict[str, Descriptor] = {}
    try:
        for document in documents.below(found, store.read, lambda _: False):
            manifest = document.content
            if not isinstance(manifest, oci.Manifest):
                continue
            config = oci.decoded(store.read(manifest.config.digest), oci.Config, "a config")
            is_ours = oci.is_of_profile(manifest, config)
            if is_ours and len(config.rootfs.diff_ids) == len(manifest.layers):
                layers |= {
                    diff_id: Descriptor(oci.LAYER, layer.digest, layer.size)
                    for diff_id, layer in zip(config.rootfs.diff_ids, manifest.layers, strict=True)
                    if oci.FROM_DOCKER.get(layer.media_type, layer.media_type) == oci.LAYER
                }
    except Refused:
        return EarlierImage(found.digest)
    return EarlierImage(found.digest, _Layers(store, layers))
