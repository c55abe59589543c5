"""Engines to build with, a build context, a base in a registry, and what came out."""

from __future__ import annotations

import io
import json
import os
import shutil
import tarfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from tidemill.building.engines.buildkit import build_with_buildkit
from tidemill.building.engines.classic import build_with_classic
from tidemill.clients.registry.registry import registry
from tidemill.images.base_image import BaseImage, read_base
from tidemill.images.build import DockerfileBuild, Workspace
from tidemill.images.dockerfile.copy_only import build_copy_only
from tidemill.images.image_store import ImageStore
from tidemill.images.layout import Layout
from tidemill.images.location import Location
from tidemill.images.oci import Descriptor, Platform
from tidemill.images.publish import publish

AMD64 = Platform("linux", "amd64")
ARM64 = Platform("linux", "arm64")
Build = Callable[[DockerfileBuild, Platform, Workspace], Descriptor]
_OURS = ("DOCKER_", "BUILDX_", "BUILDKIT_")


@dataclass(frozen=True)
class Maker:
    """A way to build, with the environment that it finds its engine by."""

    name: str
    build: Build
    environment: Mapping[str, str] = field(default_factory=dict)

    def image(
        self,
        build: DockerfileBuild,
        folder: Path,
        platform: Platform = AMD64,
        say: Callable[[str], None] = lambda _: None,
    ) -> Image:
        """Build into a layout below `folder`."""
        scratch = folder / f"{self.name}-scratch"
        scratch.mkdir(exist_ok=True)
        layout = Layout.create(folder / f"{self.name}-layout")
        with ThreadPoolExecutor(2) as workers, seeing(self.environment):
            workspace = Workspace(bases, layout, workers, scratch, say=say)
            image = self.build(build, platform, workspace)
        return Image(layout, image)


@dataclass(frozen=True)
class Image:
    """What was built, and the layout that it is in."""

    layout: Layout
    descriptor: Descriptor

    @property
    def digest(self) -> str:
        return self.descriptor.digest

    @property
    def manifest(self) -> dict[str, Any]:
        return dict(json.loads(self.layout.read(self.digest)))

    @property
    def config(self) -> dict[str, Any]:
        return dict(json.loads(self.layout.read(self.manifest["config"]["digest"])))

    @property
    def layers(self) -> list[list[str]]:
        """Its own layers, an entry a line; a layer of the base is empty."""
        found = []
        for layer in self.manifest["layers"]:
            path = self.layout.path(layer["digest"])
            found.append(list(_lines(path)) if path.exists() else [])
        return found


def buildkit(name: str, environment: Mapping[str, str]) -> Maker:
    return Maker(name, build_with_buildkit, environment)


def classic(name: str, environment: Mapping[str, str]) -> Maker:
    return Maker(name, build_with_classic, environment)


COPY_ONLY = Maker("assemble", build_copy_only)


@contextmanager
def seeing(environment: Mapping[str, str]) -> Iterator[None]:
    """Have this environment, and nothing else that leads to an engine."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(_OURS)]:
            patch.delenv(name)
        for name, value in environment.items():
            patch.setenv(name, value)
        yield


def bases(location: Location, platform: Platform) -> BaseImage:
    store: ImageStore
    if location.folder is not None:
        store = Layout.open(Path(location.folder))
    else:
        store = registry(location.repository or "")
    return read_base(store, location.digest or "", platform)


def dockerfile(context: Path, text: str, **more: Any) -> DockerfileBuild:
    """A build of this text, which is in a file beside the context."""
    file = context.with_name(f"{context.name}.Dockerfile")
    file.write_text(text)
    return DockerfileBuild("an image", context, file, **more)


NET_BIND = "\1\0\0\2\0\4" + 14 * "\0"  # linux/capability.h, vfs_cap_data, revision 2
APPLETS = (
    *("cat", "chmod", "chown", "cp", "echo", "ln", "mkdir", "mkfifo", "mv", "printf", "rm", "sh"),
    *("sleep", "test", "touch", "true"),
)


def a_context(folder: Path, busybox: Path) -> Path:
    """Files, folders, links and an archive, some with the modes of an odd umask."""
    context = folder / "context"
    for path, text in {
        "a": "A",
        "b.txt": "B",
        "dir/x": "X",
        "dir/sub/y": "Y",
        "dir/run.sh": "#!/bin/sh\n",
        "other/z": "Z",
        "etc/passwd": "root:x:0:0:root:/:/bin/sh\napp:x:1000:1000::/srv/app:/bin/sh\n",
        "etc/group": "root:x:0:\napp:x:1000:\n",
        "data/one": "1",
        "data/two": "2",
        "data/deep/three": "3",
    }.items():
        (context / path).parent.mkdir(parents=True, exist_ok=True)
        (context / path).write_text(text)
    (context / "a").chmod(0o600)
    (context / "dir").chmod(0o700)
    (context / "dir/run.sh").chmod(0o777)
    (context / "dir/link").symlink_to("x")
    (context / "dir/dangling").symlink_to("/etc/passwd")
    (context / "bin").mkdir()
    shutil.copy(busybox, context / "bin/busybox")
    for applet in APPLETS:
        (context / "bin" / applet).symlink_to("busybox")
    with tarfile.open(context / "x.tar", "w") as archive:
        member = tarfile.TarInfo("in/side")
        member.size, member.mode, member.uid, member.mtime = 2, 0o640, 7, 5
        archive.addfile(member, io.BytesIO(b"hi"))
        member = tarfile.TarInfo("in/capable")
        member.pax_headers = {
            "SCHILY.xattr.security.capability": NET_BIND,
            "SCHILY.xattr.user.note": "which engines lose, each at another step",
        }
        archive.addfile(member)
    return context


BASE = """
FROM scratch
COPY bin /bin
COPY etc /etc
COPY data /usr/share/data
WORKDIR /tmp
WORKDIR /srv
ENV PATH=/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8
LABEL base=yes
ENTRYPOINT ["/bin/sh"]
"""


def a_base(context: Path, folder: Path, repository: str) -> str:
    """An image with a shell, in a registry; its name by digest."""
    image = COPY_ONLY.image(dockerfile(context, BASE), folder)
    push(image, repository)
    return f"{repository}@{image.digest}"


def push(image: Image, repository: str, *tags: str) -> None:
    with ThreadPoolExecutor(2) as workers:
        publish(
            image.descriptor, image.layout, registry(repository, push=True), tags, workers=workers
        )


def elsewhere(build: DockerfileBuild, folder: Path) -> DockerfileBuild:
    """The same build in another checkout: of another day, user and umask."""
    copy = folder / "elsewhere"
    shutil.copytree(build.context, copy, symlinks=True)
    for path in copy.rglob("*"):
        os.utime(path, (86400, 86400), follow_symlinks=False)
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & 0o700)
            os.chown(path, 12345, 54321)
    return structs.replace(build, context=copy)


def _lines(path: Path) -> Iterator[str]:
    with tarfile.open(path) as archive:
        for member in archive:
            to = f" -> {member.linkname}" if member.linkname else ""
            to += "".join(f" {key}" for key in member.pax_headers if "xattr" in key)
            owner = f"{member.uid}:{member.gid}"
            kind = member.type.decode()
            yield f"{kind} {member.mode:04o} {owner} {member.size} {member.name}{to}"
