"""Bases of odd kinds: assemble takes the image that BuildKit takes, and reads what it reads."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from gzip import compress as compress_with_gzip
from pathlib import Path
from typing import Any

import pytest
from tests.clients.building import COPY_ONLY, Maker, buildkit, dockerfile
from tests.components.shapes import BuildKit, Registry
from tests.zstd import compress

from tidemill.clients.registry.registry import registry as client
from tidemill.errors import TidemillError
from tidemill.images import oci
from tidemill.images.build import DockerfileBuild
from tidemill.images.layout import Layout
from tidemill.images.location import Location
from tidemill.images.oci import Descriptor, Platform
from tidemill.images.publish import publish


def gzip(data: bytes) -> bytes:
    return compress_with_gzip(data, mtime=0)


def tar_of(**files: bytes) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"data/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return data.getvalue()


def gnu_tar(*options: str) -> Callable[[Path], bytes]:
    """What GNU tar makes of a file that begins and ends with a hole."""

    def made(folder: Path) -> bytes:
        (folder / "data").mkdir()
        with (folder / "data/holes").open("wb") as file:
            file.seek(1 << 20)
            file.write(b"in between" * 1000)
            file.seek(2 << 20)
            file.write(b"more")
            file.truncate(3 << 20)
        return run_tar(folder, *options, "data")

    return made


def with_user_attributes(folder: Path) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        member = tarfile.TarInfo("data/file")
        member.pax_headers = {"SCHILY.xattr.user.note": "seen"}
        archive.addfile(member)
    return data.getvalue()


def run_tar(folder: Path, *words: str) -> bytes:
    import subprocess

    return subprocess.run(
        ["tar", "--create", "--sparse", "--owner=0", "--group=0", *words],
        cwd=folder,
        check=True,
        capture_output=True,
    ).stdout


@dataclass
class Base:
    """A layout that a base is made in."""

    layout: Layout

    def image(
        self,
        platform: str,
        layer: bytes | None = None,
        pack: Callable[[bytes], bytes] = gzip,
        kind: str = oci.LAYER,
        **more: Any,
    ) -> Descriptor:
        content = layer or tar_of(of=platform.encode())
        blob = self.layout.add(kind, pack(content))
        os, architecture, *variant = platform.split("/")
        config = {"os": os, "architecture": architecture, "config": {}}
        config |= {"variant": variant[0]} if variant else {}
        config |= {"rootfs": {"type": "layers", "diff_ids": [oci.digest_of(content)]}}
        described = self.layout.add(oci.CONFIG, json.dumps(config).encode())
        manifest = oci.manifest(described, [blob])
        return self.layout.add(oci.MANIFEST, manifest)

    def index(self, *entries: tuple[Descriptor, str | None]) -> Descriptor:
        listed = []
        for image, platform in entries:
            entry = {"mediaType": image.media_type, "digest": image.digest, "size": image.size}
            if platform:
                names = ("os", "architecture", "variant")
                entry["platform"] = dict(zip(names, platform.split("/"), strict=False))
            listed.append(entry)
        document = {"schemaVersion": 2, "mediaType": oci.INDEX, "manifests": listed}
        return self.layout.add(oci.INDEX, json.dumps(document).encode())

    def said(self, *platforms: str) -> Descriptor:
        """An index of images for these platforms, and says so."""
        return self.index(*((self.image(platform), platform) for platform in platforms))


@pytest.fixture
def made(tmp_path: Path) -> Base:
    return Base(Layout.create(tmp_path / "made"))


@pytest.fixture
def maker(buildkit_go126: BuildKit) -> Maker:
    return buildkit("buildkit", buildkit_go126.environment)


@pytest.fixture
def build(tmp_path: Path, registry: Registry) -> Callable[[Base, Descriptor], DockerfileBuild]:
    def from_registry(base: Base, image: Descriptor) -> DockerfileBuild:
        name = registry.name("odd")
        with ThreadPoolExecutor(2) as workers:
            publish(image, base.layout, client(name, push=True), (), workers=workers)
        return dockerfile(context(tmp_path), text(f"{name}@{image.digest}"))

    return from_registry


def context(tmp_path: Path) -> Path:
    folder = tmp_path / "context"
    folder.mkdir(exist_ok=True)
    (folder / "a").write_text("A")
    return folder


def text(base: str) -> str:
    return f"FROM {base} AS base\nFROM base\nCOPY a /a\nCOPY --from=base /data /copied"


PLATFORMS: dict[str, tuple[str, Callable[[Base], Descriptor], str]] = {
    "entries without a platform": (
        "linux/amd64",
        lambda b: b.index((b.image("linux/amd64"), None), (b.image("linux/arm64"), None)),
        "linux/amd64",
    ),
    "one that says it before one that does not": (
        "linux/amd64",
        lambda b: b.index(
            (b.image("linux/amd64", tar_of(of=b"silent")), None),
            (b.image("linux/amd64"), "linux/amd64"),
        ),
        "linux/amd64",
    ),
    "an index in an index": (
        "linux/amd64",
        lambda b: b.index((b.said("linux/arm64", "linux/amd64"), None)),
        "linux/amd64",
    ),
    "arm is v7": (
        "linux/arm",
        lambda b: b.said("linux/arm/v6", "linux/arm/v7"),
        "linux/arm/v7",
    ),
    "arm v6": (
        "linux/arm/v6",
        lambda b: b.said("linux/arm/v7", "linux/arm/v6"),
        "linux/arm/v6",
    ),
    "arm v6 for v7": (
        "linux/arm/v7",
        lambda b: b.said("linux/arm/v5", "linux/arm/v6"),
        "linux/arm/v6",
    ),
    "amd64 for v2": (
        "linux/amd64/v2",
        lambda b: b.said("linux/arm64", "linux/amd64"),
        "linux/amd64",
    ),
    "v2 among others": (
        "linux/amd64/v2",
        lambda b: b.said("linux/amd64", "linux/amd64/v3", "linux/amd64/v2"),
        "linux/amd64/v2",
    ),
}


@pytest.mark.parametrize(("wanted", "of", "taken"), PLATFORMS.values(), ids=PLATFORMS)
def test_the_image_of_an_index_is_the_one_that_buildkit_takes(
    wanted: str,
    of: Callable[[Base], Descriptor],
    taken: str,
    made: Base,
    maker: Maker,
    build: Callable[[Base, Descriptor], DockerfileBuild],
    tmp_path: Path,
) -> None:
    given = build(made, of(made))
    ours = COPY_ONLY.image(given, tmp_path, Platform.parse(wanted))
    assert ours.config["rootfs"]["diff_ids"][0] == oci.digest_of(tar_of(of=taken.encode()))
    assert maker.image(given, tmp_path, Platform.parse(wanted)).digest == ours.digest


@pytest.mark.parametrize(
    ("wanted", "has"),
    [
        ("linux/amd64", "linux/arm64"),
        ("linux/amd64/v2", "linux/amd64/v3"),
        ("linux/arm/v6", "linux/arm"),
    ],
)
def test_where_there_is_none_both_refuse_and_ours_says_what_there_is(
    wanted: str,
    has: str,
    made: Base,
    maker: Maker,
    build: Callable[[Base, Descriptor], DockerfileBuild],
    tmp_path: Path,
) -> None:
    given = build(made, made.said(has))
    reason = f"is for {Platform.parse(has)}, not for {wanted}"
    with pytest.raises(TidemillError, match=reason):
        COPY_ONLY.image(given, tmp_path, Platform.parse(wanted))
    with pytest.raises(TidemillError):
        maker.image(given, tmp_path, Platform.parse(wanted))


def test_of_images_that_an_index_does_not_describe_the_one_that_fits_is_taken(
    made: Base, build: Callable[[Base, Descriptor], DockerfileBuild], tmp_path: Path
) -> None:
    """BuildKit looks at the first of them alone."""
    index = made.index((made.image("linux/arm64"), None), (made.image("linux/amd64"), None))
    ours = COPY_ONLY.image(build(made, index), tmp_path)
    assert ours.config["rootfs"]["diff_ids"][0] == oci.digest_of(tar_of(of=b"linux/amd64"))


# Each has its own content: what BuildKit has unpacked once, in any form, it does not read again.
LAYERS: dict[str, tuple[Callable[[Path], bytes], Callable[[bytes], bytes], str]] = {
    "gzip": (lambda _: tar_of(file=b"gzip"), gzip, oci.LAYER),
    "plain": (lambda _: tar_of(file=b"plain"), bytes, oci.LAYER_PLAIN),
    "zstd": (lambda _: tar_of(file=b"zstd"), compress, oci.LAYER_ZSTD),
    "two frames of zstd": (
        lambda _: tar_of(file=b"frames"),
        lambda data: compress(data[:700]) + compress(data[700:]),
        oci.LAYER_ZSTD,
    ),
    "sparse, PAX 1.0": (gnu_tar("--format=pax"), gzip, oci.LAYER),
    "sparse, PAX 0.1": (gnu_tar("--format=pax", "--sparse-version=0.1"), gzip, oci.LAYER),
    "sparse, PAX 0.0": (gnu_tar("--format=pax", "--sparse-version=0.0"), gzip, oci.LAYER),
    "attributes of users": (with_user_attributes, gzip, oci.LAYER),
}


@pytest.mark.parametrize(("content", "pack", "kind"), LAYERS.values(), ids=LAYERS)
def test_a_layer_of_a_base_is_read_as_buildkit_reads_it(
    content: Callable[[Path], bytes],
    pack: Callable[[bytes], bytes],
    kind: str,
    made: Base,
    maker: Maker,
    build: Callable[[Base, Descriptor], DockerfileBuild],
    tmp_path: Path,
) -> None:
    given = build(made, made.image("linux/amd64", content(tmp_path), pack, kind))
    ours = COPY_ONLY.image(given, tmp_path)
    assert maker.image(given, tmp_path).layers == ours.layers


def of(*members: tuple[str, bytes, str]) -> bytes:
    """A tar of entries: name, type, and where a link leads; files have their name in them."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        for name, kind, target in members:
            member = tarfile.TarInfo(name)
            member.type, member.linkname, member.mode = kind, target, 0o755
            content = name.encode() if kind == tarfile.REGTYPE else b""
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return data.getvalue()


FILE, FOLDER, LINK, SAME = tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE
# Upper layers that have no entries for folders, as some tools write them.
ON_TOP = {
    "below a link": (
        [("data", FOLDER, ""), ("other", FOLDER, ""), ("other/x", FILE, ""), ("to", LINK, "other")],
        [("to/new", FILE, "")],
    ),
    "below a file": ([("data", FOLDER, ""), ("to", FILE, "")], [("to/new", FILE, "")]),
    "two paths of a link": (
        [("data", FOLDER, ""), ("data/a", LINK, "x"), ("data/b", SAME, "data/a")],
        [("to", FOLDER, "")],
    ),
}


@pytest.mark.parametrize(("lower", "upper"), ON_TOP.values(), ids=ON_TOP)
def test_what_a_layer_hides_is_hidden_as_in_buildkit(
    lower: list[tuple[str, bytes, str]],
    upper: list[tuple[str, bytes, str]],
    made: Base,
    maker: Maker,
    build: Callable[[Base, Descriptor], DockerfileBuild],
    tmp_path: Path,
) -> None:
    contents = [of(*lower), of(*upper)]
    rootfs = {"type": "layers", "diff_ids": [oci.digest_of(one) for one in contents]}
    config = {"os": "linux", "architecture": "amd64", "config": {}, "rootfs": rootfs}
    described = made.layout.add(oci.CONFIG, json.dumps(config).encode())
    layers = [made.layout.add(oci.LAYER, gzip(one)) for one in contents]
    image = made.layout.add(oci.MANIFEST, oci.manifest(described, layers))
    given = build(made, image)
    given.file.write_text(f"{given.file.read_text()}\nCOPY --from=base / /all\nCOPY a /to/")
    assert COPY_ONLY.image(given, tmp_path).layers == maker.image(given, tmp_path).layers


def test_zeros_after_gzip_do_not_count(
    made: Base, build: Callable[[Base, Descriptor], DockerfileBuild], tmp_path: Path
) -> None:
    """As for gzip itself. BuildKit refuses them, but where pigz unpacks for it."""
    content = tar_of(file=b"1")
    padded = made.image("linux/amd64", content, lambda data: gzip(data) + bytes(512))
    plain, ours = (
        COPY_ONLY.image(build(made, image), tmp_path)
        for image in (made.image("linux/amd64", content), padded)
    )
    assert ours.layers == plain.layers


def test_a_sparse_file_of_gnus_old_form_is_named_as_no_engine_unpacks_it(
    made: Base,
    maker: Maker,
    build: Callable[[Base, Descriptor], DockerfileBuild],
    tmp_path: Path,
) -> None:
    given = build(made, made.image("linux/amd64", gnu_tar("--format=gnu")(tmp_path)))
    with pytest.raises(TidemillError, match="'data/holes' in a form of GNU that no engine unpacks"):
        COPY_ONLY.image(given, tmp_path)
    with pytest.raises(TidemillError, match="unhandled tar header type 83"):
        maker.image(given, tmp_path)


FOREIGN = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"


def test_a_foreign_layer_is_one_like_others(made: Base, maker: Maker, tmp_path: Path) -> None:
    images = []
    for kind in (FOREIGN, oci.LAYER):
        image = made.image("linux/amd64", kind=kind)
        where = Location(folder=str(made.layout.root), digest=image.digest)
        given = dockerfile(context(tmp_path), text("given"), contexts={"given": where})
        images += [COPY_ONLY.image(given, tmp_path).digest, maker.image(given, tmp_path).digest]
    assert len(set(images)) == 1


def test_a_foreign_layer_that_is_not_there_is_named(made: Base, tmp_path: Path) -> None:
    image = made.image("linux/amd64", kind=FOREIGN)
    [layer] = json.loads(made.layout.read(image.digest))["layers"]
    made.layout.path(layer["digest"]).unlink()
    where = Location(folder=str(made.layout.root), digest=image.digest)
    given = dockerfile(context(tmp_path), text("given"), contexts={"given": where})
    with pytest.raises(TidemillError, match="marked as one that nobody may distribute"):
        COPY_ONLY.image(given, tmp_path)
