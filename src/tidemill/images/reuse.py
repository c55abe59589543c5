"""What the destination has already, by content: it need not be compressed, nor sent, again."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future

from msgspec import Struct, field

from tidemill.errors import Refused
from tidemill.images import documents, oci
from tidemill.images.image_store import ImageStore
from tidemill.images.oci import Descriptor


class EarlierImage(Struct, frozen=True):
    """The image that a tag stands for now in `store`: its digest, and its layers by diffID.

    There are layers only of images that this profile made: those of others have the same content,
    but not the bytes that the canonical form says.
    """

    digest: str | None = None
    layers: Mapping[str, Descriptor] = field(default_factory=dict)
    store: ImageStore | None = None

    def layer(self, diff_id: str) -> Descriptor | None:
        """The layer with that content, if the store still has its blob."""
        blob = self.layers.get(diff_id)
        return blob if blob and self.store and self.store.has(blob) else None


NOTHING = EarlierImage()


class LayersThere(Struct, frozen=True):
    """The layers of an image that is still asked for: they need not be made.

    Raises, from its methods, what asking raised.
    """

    asked: Future[EarlierImage]

    def is_nothing(self) -> bool:
        """Whether it is certain by now that there are none; this waits for nobody."""
        return self.asked.done() and not self.asked.result().layers

    def layer(self, diff_id: str) -> Descriptor | None:
        """The blob of a layer with that content; waits for the answer."""
        return self.asked.result().layer(diff_id)


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
                    if oci.kind_of(layer.media_type) == oci.LAYER
                }
    except Refused:
        return EarlierImage(found.digest)
    return EarlierImage(found.digest, layers, store)
