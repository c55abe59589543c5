"""A build context, an image to build on, and the building of a Dockerfile from them."""

from __future__ import annotations

import io
import tarfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from tidemill.images import oci
from tidemill.images.base_image import BaseImage, read_base
from tidemill.images.build import DockerfileBuild, Workspace
from tidemill.images.dockerfile.copy_only import build_copy_only
from tidemill.images.entries import Attributes, Entry, File, Folder, HardLink, Link, in_order
from tidemill.images.layer import write_layer
from tidemill.images.layout import Layout
from tidemill.images.location import Location
from tidemill.images.oci import Descriptor, Platform

AMD64 = Platform("linux", "amd64")
RUN: dict[str, Any] = {
    "Cmd": ["/bin/sh"],
    "Entrypoint": ["/entry"],
    "Env": ["PATH=/usr/bin:/x", "Z=1"],
    "ExposedPorts": {"1/tcp": {}},
    "Labels": {"l": "1"},
    "User": "app",
    "Volumes": {"/v": {}},
    "WorkingDir": "/srv",
}


def text(path: str, data: str, mode: int = 0o644, uid: int = 0, gid: int = 0) -> File:
    content = data.encode()
    return File(path, len(content), partial(io.BytesIO, content), Attributes(mode, uid, gid))


def lower() -> list[Entry]:
    """Users, links of all kinds, odd modes and owners, and two paths of one file."""
    return in_order(
        [
            *(Folder("usr/bin"), Link("bin", "usr/bin"), text("usr/bin/sh", "sh", 0o755)),
            text("usr/bin/su", "su", 0o4755),
            text("etc/passwd", "root:x:0:0::/:\nbad\napp:x:1234:1235::/:\n"),
            text("etc/group", "root:x:0:\ndata:x:77:\n"),
            Folder("var/data", Attributes(0o750, 10, 11)),
            text("var/data/a", "aaa", 0o600, 10, 11),
            text("var/data/b", "bbb", 0o640, 12, 13),
            HardLink("var/data/c", "var/data/b", Attributes(0o640, 12, 13)),
            Folder("tmp", Attributes(0o1777)),
            *(Link("opt/link", "/var/data"), Link("opt/dangling", "/nowhere/there")),
            *(Link("opt/loop", "loop"), Link("up", "../../etc")),
            *(text("gone/x", "x"), text("gone/y", "y")),
            Folder("people/app", Attributes(0o2700, 1234, 1235)),
            *(Folder("srv/d"), text("srv/file", "same")),
        ]
    )


def upper() -> list[Entry]:
    """Takes one file away, and adds one."""
    added = [text("gone/.wh.x", ""), text("usr/bin/new", "new", 0o711, 5, 6)]
    return in_order(added, present={"gone", "usr", "usr/bin"})


def fill(context: Path) -> None:
    """Write the build context."""
    for folder in ("bin", "web/css/deep", "empty"):
        (context / folder).mkdir(parents=True)
    files = {
        "bin/app": "\x7fELF",
        "bin/tool": "tool",
        "file": "same",
        "a.txt": "a",
        "b.txt": "b",
        "web/index.html": "hi",
        "web/note.md": "n",
        "web/css/a.css": "p",
        "with space": "s",
        "web/css/deep/z": "z",
        "x[1].y": "w",
        "secret": "s",
        ".dockerignore": "secret\nweb/css\n!web/css/deep\n",
    }
    for path, content in files.items():
        (context / path).write_text(content)
    (context / "bin" / "app").chmod(0o751)
    (context / "bin" / "tool").chmod(0o600)
    (context / "web" / "home.html").symlink_to("index.html")


@dataclass(frozen=True)
class World:
    """A folder with all of it; the base is the image `base`, the folder `extra` a named one."""

    root: Path
    layout: Layout
    base: Location
    workers: ThreadPoolExecutor

    @classmethod
    def made(cls, root: Path, workers: ThreadPoolExecutor) -> World:
        fill(root / "context")
        (root / "extra").mkdir()
        (root / "extra" / "ff").write_text("ff")
        (root / "scratch").mkdir()
        bases = Layout.create(root / "bases")
        layers = [write_layer(bases, entries, workers) for entries in (lower(), upper())]
        diff_ids = [layer.diff_id for layer in layers]
        config = bases.add(oci.CONFIG, oci.config(AMD64, RUN, diff_ids))
        image = bases.add(oci.MANIFEST, oci.manifest(config, [layer.blob for layer in layers]))
        bases.tag(["base"], image)
        base = Location(folder=str(bases.root), digest=image.digest)
        return cls(root, Layout.create(root / "layout"), base, workers)

    def on(self, **more: Any) -> World:
        """The same, with a base whose config says this, too, of how it is started."""
        bases = Layout.open(self.root / "bases")
        manifest = msgspec.json.decode(bases.read(self.base.digest or ""), type=oci.Manifest)
        config = msgspec.json.decode(bases.read(manifest.config.digest), type=oci.Config)
        described = bases.add(
            oci.CONFIG, oci.config(AMD64, RUN | more, list(config.rootfs.diff_ids))
        )
        image = bases.add(oci.MANIFEST, oci.manifest(described, list(manifest.layers)))
        return replace(self, base=Location(folder=str(bases.root), digest=image.digest))

    def write(self, dockerfile: str, **more: Any) -> DockerfileBuild:
        """The build of a Dockerfile with that text."""
        file = self.root / "Dockerfile"
        file.write_text(dockerfile)
        contexts, folders = {"base": self.base}, {"extra": self.root / "extra"}
        given: dict[str, Any] = {"contexts": contexts, "folders": folders, **more}
        return DockerfileBuild("x", self.root / "context", file, **given)

    def build(self, dockerfile: str, **more: Any) -> Descriptor:
        """The image of a Dockerfile with that text."""
        return build_copy_only(self.write(dockerfile, **more), AMD64, self.workspace())

    def workspace(self) -> Workspace:
        return Workspace(_found, self.layout, self.workers, self.root / "scratch")

    def listed(self, image: Descriptor) -> list[list[str]]:
        """What each layer has that is not the base's: mode, owner, path, and where links lead."""
        found = []
        for layer in self.manifest(image).layers:
            if self.layout.has(layer):
                with tarfile.open(self.layout.path(layer.digest)) as archive:
                    found.append([_line(member) for member in archive])
        return found

    def content(self, image: Descriptor, path: str) -> bytes:
        """The content of a file in the highest layer."""
        with tarfile.open(self.layout.path(self.manifest(image).layers[-1].digest)) as archive:
            file = archive.extractfile(path)
            assert file is not None
            return file.read()

    def manifest(self, image: Descriptor) -> oci.Manifest:
        return msgspec.json.decode(self.layout.read(image.digest), type=oci.Manifest)

    def run(self, image: Descriptor) -> dict[str, Any]:
        """The `config` object of its config."""
        config = self.layout.read(self.manifest(image).config.digest)
        return msgspec.json.decode(config, type=oci.Config).config or {}


def _found(location: Location, platform: Platform) -> BaseImage:
    assert location.folder is not None
    assert location.digest is not None
    return read_base(Layout.open(Path(location.folder)), location.digest, platform)


def _line(member: tarfile.TarInfo) -> str:
    arrow = f" -> {member.linkname}" if member.linkname else ""
    return f"{member.mode:o} {member.uid}:{member.gid} {member.name}{arrow}"
