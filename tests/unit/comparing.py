"""Images to compare: made entry by entry with Python's tarfile, so that one thing can differ."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tidemill.images import oci
from tidemill.images.comparison.compare import compare
from tidemill.images.comparison.difference import Comparison, Image
from tidemill.images.layout import Layout
from tidemill.images.oci import Descriptor

Part = tuple[tarfile.TarInfo, bytes]


def entry(path: str, content: bytes = b"", **fields: Any) -> Part:
    """An entry of a layer: a file, unless `type` says otherwise."""
    header = tarfile.TarInfo(path)
    header.size = len(content)
    header.mode = 0o644
    for name, value in fields.items():
        setattr(header, name, value)
    return header, content


def tar(parts: Iterable[Part], form: int = tarfile.PAX_FORMAT) -> bytes:
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w", format=form) as archive:
        for header, content in parts:
            archive.addfile(header, io.BytesIO(content))
    return whole.getvalue()


def zipped(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


CONFIG: dict[str, Any] = {
    "architecture": "amd64",
    "os": "linux",
    "config": {"Env": ["PATH=/bin", "COLOR=red"], "Labels": {"a.b": "c"}, "Cmd": ["/app"]},
    "history": [{"created_by": "COPY app"}],
}


@dataclass
class Maker:
    """Makes images in one layout."""

    layout: Layout
    scratch: Path
    packed: dict[bytes, bytes] = field(default_factory=dict)

    @classmethod
    def at(cls, folder: Path) -> Maker:
        (folder / "scratch").mkdir()
        return cls(Layout.create(folder / "images"), folder / "scratch")

    def image(
        self,
        *layers: bytes,
        config: Mapping[str, Any] = CONFIG,
        pack: Callable[[bytes], bytes] = zipped,
        manifest: Callable[[dict[str, Any]], None] = lambda manifest: None,
    ) -> Descriptor:
        """An image of layers that are given as tars."""
        blobs = [self.layout.add(oci.LAYER, pack(layer)) for layer in layers]
        ids = [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in layers]
        whole = {**config, "rootfs": {"type": "layers", "diff_ids": ids}}
        described = self.layout.add(oci.CONFIG, json.dumps(whole, sort_keys=True).encode())
        plain = json.loads(oci.manifest(described, blobs))
        manifest(plain)
        return self.layout.add(
            plain["mediaType"], json.dumps(plain, separators=(",", ":")).encode()
        )

    def index(self, *images: Descriptor, platforms: Iterable[str]) -> Descriptor:
        entries = []
        for image, platform in zip(images, platforms, strict=True):
            os, _, architecture = platform.partition("/")
            entries.append(
                {
                    "mediaType": image.media_type,
                    "digest": image.digest,
                    "size": image.size,
                    "platform": {"os": os, "architecture": architecture},
                }
            )
        data = {"schemaVersion": 2, "mediaType": oci.INDEX, "manifests": entries}
        return self.layout.add(oci.INDEX, json.dumps(data).encode())

    def compare(self, left: Descriptor, right: Descriptor, **options: Any) -> Comparison:
        found = compare(
            Image(self.layout, left), Image(self.layout, right), self.scratch, **options
        )
        assert list(self.scratch.iterdir()) == []
        return found
