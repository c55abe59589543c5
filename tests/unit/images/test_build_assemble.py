"""Assembling an image: base, files and config, without a daemon."""

import gzip
import io
import json
import os
import tarfile
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tidemill.errors import Refused
from tidemill.images import build_assemble, oci
from tidemill.images.base_image import BaseImage, read_base
from tidemill.images.build import Workspace
from tidemill.images.layout import Layout
from tidemill.images.location import Location
from tidemill.images.oci import Descriptor, Platform
from tidemill.images.recipe import Copy, Recipe


@pytest.fixture(scope="module")
def workers() -> Iterator[Executor]:
    with ThreadPoolExecutor(2) as pool:
        yield pool


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout.create(tmp_path / "layout")


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """A program, and a folder with a page, a folder below it, and a link."""
    top = tmp_path / "context"
    (top / "web" / "css").mkdir(parents=True)
    (top / "bin").mkdir()
    (top / "bin" / "app").write_bytes(b"\x7fELF")
    (top / "bin" / "app").chmod(0o700)
    (top / "web" / "index.html").write_text("hello")
    (top / "web" / "css" / "main.css").write_text("p {}")
    (top / "web" / "home.html").symlink_to("index.html")
    return top


def bases(where: Location, platform: Platform) -> BaseImage:
    assert where.folder
    assert where.digest
    return read_base(Layout.open(Path(where.folder)), where.digest, platform)


def assemble(
    context: Path, recipe: Recipe, layout: Layout, workers: Executor, platform: str = "linux/amd64"
) -> Descriptor:
    workspace = Workspace(bases, layout, workers, layout.root)
    return build_assemble.assemble(context, recipe, Platform.parse(platform), workspace)


APP = Copy(source="bin/app", to="/app")


def manifest(layout: Layout, image: Descriptor) -> Any:
    return json.loads(layout.read(image.digest))


def config(layout: Layout, image: Descriptor) -> Any:
    return json.loads(layout.read(manifest(layout, image)["config"]["digest"]))


def listed(layout: Layout, image: Descriptor) -> list[tuple[str, str]]:
    """Path and mode of everything in the highest layer."""
    layer = layout.path(manifest(layout, image)["layers"][-1]["digest"])
    with tarfile.open(layer) as archive:
        return [(member.name, f"{member.mode:o}") for member in archive]


def test_an_image_has_its_files_and_says_how_to_start(
    context: Path, layout: Layout, workers: Executor
) -> None:
    recipe = Recipe(files=(APP, Copy(source="web", to="/srv/www")), entrypoint=("/app",))
    image = assemble(context, recipe, layout, workers)
    assert listed(layout, image) == [
        ("app", "755"),
        ("srv", "755"),
        ("srv/www", "755"),
        ("srv/www/css", "755"),
        ("srv/www/css/main.css", "644"),
        ("srv/www/home.html", "777"),
        ("srv/www/index.html", "644"),
    ]
    assert manifest(layout, image)["annotations"]["dev.tidemill.profile"] == "tidemill/2"
    made = oci.decoded(layout.read(image.digest), oci.Manifest, "it")
    said = oci.decoded(layout.read(made.config.digest), oci.Config, "its config")
    assert oci.is_of_profile(made, said)
    assert config(layout, image).keys() == {"architecture", "config", "os", "rootfs"}
    assert config(layout, image)["config"] == {"Entrypoint": ["/app"]}


def test_the_digest_never_changes(context: Path, layout: Layout, workers: Executor) -> None:
    """If this fails, every user's every image changes: that takes a new profile."""
    recipe = Recipe(files=(APP,), entrypoint=("/app",), env={"A": "b"}, ports=(80,))
    assert assemble(context, recipe, layout, workers).digest == (
        "sha256:bc78175a949bbf604c78e7cee71d53cf72b83a231a7398e456898ec724384fc7"
    )


def test_no_repository_of_git_gets_into_an_image(
    context: Path, layout: Layout, workers: Executor
) -> None:
    """It is another in each clone; a submodule has a file of that name."""
    recipe = Recipe(files=(Copy(source=".", to="/app"),))
    clean = assemble(context, recipe, layout, workers)
    (context / ".git").mkdir()
    (context / ".git" / "HEAD").write_text("ref: refs/heads/main")
    (context / "web" / ".git").write_text("gitdir: ../.git/modules/web")
    assert assemble(context, recipe, layout, workers).digest == clean.digest
    (context / ".gitignore").write_text("bin")
    assert ("app/.gitignore", "644") in listed(layout, assemble(context, recipe, layout, workers))


@pytest.mark.parametrize("mode", [0o100, 0o755, 0o777, 0o4755])
def test_of_a_mode_only_the_owners_executable_bit_counts(
    context: Path, layout: Layout, workers: Executor, mode: int
) -> None:
    (context / "bin" / "app").chmod(mode | 0o400)
    assert listed(layout, assemble(context, Recipe(files=(APP,)), layout, workers)) == [
        ("app", "755")
    ]


def test_a_mode_that_is_given_wins(context: Path, layout: Layout, workers: Executor) -> None:
    recipe = Recipe(files=(Copy(source="bin/app", to="/app", mode="0644"),))
    assert listed(layout, assemble(context, recipe, layout, workers)) == [("app", "644")]


def refuse(
    context: Path,
    layout: Layout,
    workers: Executor,
    recipe: Recipe,
    platform: str = "linux/amd64",
) -> Refused:
    with pytest.raises(Refused) as refused:
        assemble(context, recipe, layout, workers, platform)
    assert layout.tags() == {}
    assert not [path for path in layout.root.rglob("*") if path.name.startswith(".part")]
    return refused.value


@pytest.mark.parametrize("source", ["bin/none", "bin/app/none", "none/app"])
def test_a_missing_file_is_refused(
    context: Path, layout: Layout, workers: Executor, source: str
) -> None:
    recipe = Recipe(files=(Copy(source=source, to="/x"),))
    assert f"{source} is not in" in refuse(context, layout, workers, recipe).what


@pytest.mark.parametrize("source", ["web/home.html", "out/passwd"])
def test_a_path_through_a_symbolic_link_is_refused(
    context: Path, layout: Layout, workers: Executor, source: str
) -> None:
    (context / "out").symlink_to("/etc")
    recipe = Recipe(files=(Copy(source=source, to="/x"),))
    error = refuse(context, layout, workers, recipe)
    assert f"{source} leads through the symbolic link" in error.what
    assert "by its path in the build context" in error.remedy


def test_a_pipe_is_refused(context: Path, layout: Layout, workers: Executor) -> None:
    os.mkfifo(context / "web" / "pipe")
    recipe = Recipe(files=(Copy(source="web", to="/web"),))
    assert "neither a file, a folder nor" in refuse(context, layout, workers, recipe).what


def test_two_copies_to_one_place_are_refused(
    context: Path, layout: Layout, workers: Executor
) -> None:
    recipe = Recipe(files=(APP, Copy(source="web/index.html", to="/app")))
    assert (
        refuse(context, layout, workers, recipe).what == "the image would have two things at /app"
    )


def tar(*names: str) -> bytes:
    """A layer as another tool writes it; a name with an arrow is a link."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as archive:
        for name in names:
            path, _, target = name.partition(" -> ")
            member = tarfile.TarInfo(path.rstrip("/"))
            member.type = tarfile.DIRTYPE if path.endswith("/") else tarfile.REGTYPE
            if target:
                member.type, member.linkname = tarfile.SYMTYPE, target
            archive.addfile(member)
    return written.getvalue()


def base(top: Path, *layers: bytes, arch: str = "amd64", **more: object) -> Descriptor:
    """A base image in the layout `base` of a context, with Docker's media types.

    Args:
        more: what else its config says of how it is started.
    """
    layout = Layout.create(top / "base")
    types = {kind: docker for docker, kind in oci.FROM_DOCKER.items()}
    blobs = [layout.add(types[oci.LAYER], gzip.compress(layer, mtime=1)) for layer in layers]
    run = {"Env": ["PATH=/bin"], "Cmd": ["sh"], "Hostname": "builder", **more}
    diff_ids = [oci.digest_of(layer) for layer in layers]
    described = layout.add(types[oci.CONFIG], oci.config(Platform("linux", arch), run, diff_ids))
    return layout.add(types[oci.MANIFEST], oci.manifest(described, blobs))


def test_the_layers_of_the_base_stay_byte_for_byte(
    context: Path, layout: Layout, workers: Executor
) -> None:
    below = base(context, tar("bin/"), tar("etc/"))
    recipe = Recipe(base=f"oci:base@{below.digest}", files=(APP,))
    image = assemble(context, recipe, layout, workers)
    theirs = json.loads(Layout.open(context / "base").read(below.digest))["layers"]
    ours = manifest(layout, image)["layers"]
    assert [layer["digest"] for layer in ours[:2]] == [layer["digest"] for layer in theirs]
    assert {layer["mediaType"] for layer in ours} == {oci.LAYER}
    assert len(config(layout, image)["rootfs"]["diff_ids"]) == 3
    assert config(layout, image)["config"] == {"Env": ["PATH=/bin"], "Cmd": ["sh"]}
    assert not layout.path(ours[0]["digest"]).exists()  # they stay where the base is


def test_folders_that_the_base_has_stay_as_they_are_and_its_links_are_followed(
    context: Path, layout: Layout, workers: Executor
) -> None:
    """Else /tmp would lose its mode, and a link from /bin to /usr/bin would become a folder.

    They are written again, as they are: an engine may unpack a layer without looking below it.
    """
    below = base(
        context,
        tar("./tmp/", "./bin -> usr/bin", "./old/", "./opt/a/", "./var/lib/file"),
        tar(".wh.old", "opt/.wh..wh..opq", "opt/b/"),
    )
    places = ["/bin/a", "/old/a", "/opt/a/a", "/opt/b/a", "/tmp/a", "/var/lib/a"]
    copies = tuple(Copy(source="bin/app", to=place) for place in places)
    image = assemble(
        context, Recipe(base=f"oci:base@{below.digest}", files=copies), layout, workers
    )
    theirs, ours = "644", "755"
    assert listed(layout, image) == [
        *(("old", ours), ("old/a", ours), ("opt", ours), ("opt/a", ours), ("opt/a/a", ours)),
        *(("opt/b", theirs), ("opt/b/a", ours), ("tmp", theirs), ("tmp/a", ours)),
        *(("usr", ours), ("usr/bin", ours), ("usr/bin/a", ours)),
        *(("var", ours), ("var/lib", ours), ("var/lib/a", ours)),
    ]


@pytest.mark.parametrize(
    ("source", "to", "reason"),
    [
        ("bin/app", "/usr/bin", "/usr/bin is a folder in the base, and would become a file"),
        ("bin/app", "/opt", "/opt is a folder in the base, and would become a file"),
        ("bin/app", "/srv", "/srv is a folder in the base, and would become a file"),
        ("bin/app", "/bin", "/bin is a folder in the base, and would become a file"),
        ("web", "/etc/app.conf", "/etc/app.conf is a file in the base, and would become a folder"),
        ("web", "/conf", "/conf is a file in the base, and would become a folder"),
        ("bin/app", "/etc/app.conf/a", "/etc/app.conf is a file in the base, and would become"),
        ("bin/app", "/usr/bin/", "bin/app is a file, and /usr/bin/ the path of a folder"),
        ("bin/app", "/new/.", "bin/app is a file, and /new/. the path of a folder"),
    ],
)
def test_no_folder_of_the_base_becomes_a_file_and_no_file_a_folder(
    context: Path, layout: Layout, workers: Executor, source: str, to: str, reason: str
) -> None:
    files = ("etc/app.conf", "usr/bin/", "opt/", "srv/", "bin -> usr/bin", "conf -> etc/app.conf")
    recipe = Recipe(
        base=f"oci:base@{base(context, tar(*files)).digest}", files=(Copy(source=source, to=to),)
    )
    error = refuse(context, layout, workers, recipe)
    assert reason in error.what
    assert "write" in error.remedy


def test_a_file_at_the_top_is_no_folder_of_the_base_s_workdir(
    context: Path, layout: Layout, workers: Executor
) -> None:
    below = base(context, tar("work/", "work/x"), WorkingDir="/work/x")
    recipe = Recipe(base=f"oci:base@{below.digest}", files=(Copy(source="bin/app", to="/work"),))
    assert "/work is a folder in the base" in refuse(context, layout, workers, recipe).what


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"OnBuild": ["COPY . /src"]}, "has ONBUILD, which files alone can't carry out"),
        ({"WorkingDir": "srv"}, "has a workdir that is not an absolute path"),
    ],
)
def test_a_base_that_says_what_files_alone_do_not_do_is_refused(
    context: Path, layout: Layout, workers: Executor, more: dict[str, Any], reason: str
) -> None:
    below = base(context, tar("bin/"), **more)
    recipe = Recipe(base=f"oci:base@{below.digest}", files=(APP,))
    assert reason in refuse(context, layout, workers, recipe).what


def test_a_workdir_of_its_own_takes_the_place_of_the_base_s(
    context: Path, layout: Layout, workers: Executor
) -> None:
    below = base(context, tar("bin/"), WorkingDir="srv")
    recipe = Recipe(base=f"oci:base@{below.digest}", files=(APP,), workdir="/srv")
    image = assemble(context, recipe, layout, workers)
    assert config(layout, image)["config"]["WorkingDir"] == "/srv"


def test_a_folder_s_path_may_end_in_a_slash(
    context: Path, layout: Layout, workers: Executor
) -> None:
    images = [
        assemble(context, Recipe(files=(Copy(source="web", to=to),)), layout, workers).digest
        for to in ("/srv/www", "/srv/www/")
    ]
    assert images[0] == images[1]


def test_a_base_for_several_platforms_gives_the_one_that_is_asked_for(
    context: Path, layout: Layout, workers: Executor
) -> None:
    source = Layout.create(context / "base")
    one = {arch: base(context, tar(f"{arch}/"), arch=arch) for arch in ("amd64", "arm64")}
    entries = [
        {
            "mediaType": oci.MANIFEST,
            "digest": found.digest,
            "size": found.size,
            "platform": {"os": "linux", "architecture": arch},
        }
        for arch, found in one.items()
    ]
    index = source.add(oci.INDEX, oci.encoded({"schemaVersion": 2, "manifests": entries}))
    recipe = Recipe(base=f"oci:base@{index.digest}")
    image = assemble(context, recipe, layout, workers, "linux/arm64")
    assert [layer["digest"] for layer in manifest(layout, image)["layers"]] == [
        layer["digest"] for layer in manifest(source, one["arm64"])["layers"]
    ]
    assert config(layout, image)["architecture"] == "arm64"


def wrong_bases() -> list[Any]:
    def damaged(layout: Layout, digest: str) -> None:
        layout.path(digest).write_bytes(b"{}")

    def torn(layout: Layout, digest: str) -> None:
        layer = layout.path(json.loads(layout.read(digest))["layers"][0]["digest"])
        layer.write_bytes(layer.read_bytes()[:-20])

    def lacking(layout: Layout, digest: str) -> None:
        layout.path(json.loads(layout.read(digest))["layers"][0]["digest"]).unlink()

    return [
        pytest.param(damaged, {}, "has other content than its name says", id="damaged"),
        pytest.param(torn, {}, "has other content than its name says", id="torn layer"),
        pytest.param(lacking, {}, "is not in", id="missing layer"),
        pytest.param(
            None, {"platform": "linux/s390x"}, "amd64, not for linux/s390x", id="platform"
        ),
        pytest.param(None, {"base": f"oci:base@sha256:{'0' * 64}"}, "is not in", id="no such base"),
        pytest.param(None, {"base": f"oci:web@sha256:{'0' * 64}"}, "not an OCI", id="no layout"),
    ]


@pytest.mark.parametrize(("harm", "changes", "reason"), wrong_bases())
def test_a_base_that_can_not_be_used_is_refused(
    context: Path, layout: Layout, workers: Executor, harm: Any, changes: Any, reason: str
) -> None:
    below = base(context, tar("bin/", "etc/"))
    if harm:
        harm(Layout.open(context / "base"), below.digest)
    platform = changes.pop("platform", "linux/amd64")
    # In a folder, so that it matters which folders the base has.
    files = (Copy(source="bin/app", to="/opt/app"),)
    recipe = Recipe(**{"base": f"oci:base@{below.digest}", "files": files, **changes})
    assert reason in refuse(context, layout, workers, recipe, platform).what
