"""An image under the names that Docker had for its parts before there was a specification.

For registries that know no others ("Image Manifest Version 2, Schema 2"). Nothing else of it is
another one, so its digest depends on what it contains as that of the canonical form does.
"""

from __future__ import annotations

from typing import Any

import msgspec

from tidemill.errors import Refused
from tidemill.images import documents, oci
from tidemill.images.layout import Layout
from tidemill.images.oci import Descriptor
from tidemill.words.names import shown

_TO_DOCKER = {ours: dockers for dockers, ours in oci.FROM_DOCKER.items()}


def docker_form(image: Descriptor, layout: Layout) -> Descriptor:
    """Write an image that is in a layout, or an index of images, in Docker's form to it.

    There are no annotations in that form: what they say of the profile stands in the config.

    Raises:
        Refused: a layer has no type of Docker's.
    """
    match documents.parsed(layout.read(image.digest), image.digest):
        case oci.Index(manifests=entries):
            images = [
                msgspec.structs.replace(docker_form(entry, layout), platform=entry.platform)
                for entry in entries
            ]
            return _added(oci.INDEX, {"manifests": images}, layout)
        case oci.Manifest(config=config, layers=layers):
            said: dict[str, Any] = msgspec.json.decode(layout.read(config.digest))
            written = layout.add(oci.CONFIG, oci.encoded({**said, **oci.seal(layers)}))
            parts = {"config": _named(written), "layers": [_named(layer) for layer in layers]}
            return _added(oci.MANIFEST, parts, layout)


def _added(kind: str, parts: dict[str, Any], layout: Layout) -> Descriptor:
    document = {"schemaVersion": 2, "mediaType": _TO_DOCKER[kind], **parts}
    return layout.add(_TO_DOCKER[kind], oci.encoded(document))


def _named(blob: Descriptor) -> Descriptor:
    if blob.media_type not in _TO_DOCKER:
        raise Refused(
            f"a layer is {shown(blob.media_type)}, which Docker's form has no name for",
            remedy="use a base whose layers are compressed with gzip, or leave out media_types",
        )
    return msgspec.structs.replace(blob, media_type=_TO_DOCKER[blob.media_type])
