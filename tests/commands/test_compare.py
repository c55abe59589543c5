"""`tidemill compare`: layouts and registries, real binaries, and what a script sees of it."""

from __future__ import annotations

import contextlib
import io
import json
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.clients.go_programs import REPRODUCIBLE, build, commit, source
from tests.commands.promises import assert_readable
from tests.components.shapes import BuildKit, Registry
from tests.unit.comparing import CONFIG, Maker, entry, tar

from tidemill.__main__ import main
from tidemill.commands._command_line import parse
from tidemill.images.oci import Descriptor


@dataclass
class Said:
    """What a run printed, and its exit code."""

    code: int
    out: str
    err: str


def say(*arguments: str) -> Said:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main(["compare", *arguments])
        except SystemExit as ended:
            code = int(str(ended.code))
    return Said(code, out.getvalue(), err.getvalue())


@pytest.fixture
def maker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Maker:
    """Its layout is `images` in the current folder."""
    monkeypatch.chdir(tmp_path)
    return Maker.at(tmp_path)


def tagged(maker: Maker, name: str, image: Descriptor) -> str:
    maker.layout.tag([name], image)
    return f"oci:images:{name}"


def with_file(content: bytes, path: str = "app/server") -> bytes:
    return tar([entry("app", type=b"5", mode=0o755), entry(path, content, mode=0o755)])


def test_help_has_an_example_that_parses() -> None:
    said = say("--help")
    _, _, example = said.out.partition("example:\n")
    words = shlex.split(example)
    assert words[:2] == ["tidemill", "compare"]
    assert parse(words[1:]).command == "compare"


@pytest.mark.parametrize(
    "arguments", [(), ("oci:one",), ("oci:a", "oci:b", "--limit", "x"), ("oci:a", "oci:b", "-x")]
)
def test_a_wrong_command_line_is_usage(arguments: tuple[str, ...]) -> None:
    assert say(*arguments).code == 2


def test_equal_images_exit_with_0(maker: Maker) -> None:
    low, high = with_file(b"1"), with_file(b"2", "app/config")
    one = tagged(maker, "one", maker.image(low, high))
    again = tagged(maker, "again", maker.image(low, high))
    stored = tagged(maker, "stored", maker.image(low, high, pack=lambda data: data))
    said = say(one, again)
    assert (said.code, said.out.split(":")[0]) == (0, "identical\n  left  oci")
    said = say(one, stored)
    assert (said.code, said.out.split(",")[0]) == (0, "same contents")
    assert json.loads(say(one, stored, "--json").out)["verdict"] == "same contents"


def test_different_images_exit_with_1_and_say_why(maker: Maker) -> None:
    one = tagged(maker, "one", maker.image(with_file(b"built 2026-01-01\n")))
    other = tagged(maker, "other", maker.image(with_file(b"built 2026-01-02\n")))
    said = say(one, other)
    assert (said.code, said.err) == (1, "")
    assert_readable(said.out)
    assert "/app/server" in said.out
    assert "the time of the build was written into it" in said.out
    assert "SOURCE_DATE_EPOCH" in said.out
    found = json.loads(say(one, other, "--json").out)
    assert found["verdict"] == "different"
    (difference,) = found["differences"]
    assert difference["path"] == "app/server"
    assert difference["field"] == "content"
    assert difference["at"] == 15
    assert difference["layer"]["left"]["number"] == 1
    assert difference["cause"]["name"] == "embedded time"


def test_twice_gives_the_same_and_writes_nothing(maker: Maker) -> None:
    one = tagged(maker, "one", maker.image(with_file(b"1")))
    other = tagged(maker, "other", maker.image(with_file(b"2")))
    before = sorted(maker.layout.root.rglob("*"))
    assert say(one, other, "--json") == say(one, other, "--json")
    assert sorted(maker.layout.root.rglob("*")) == before


def test_a_limit_cuts_the_text_and_not_the_json(maker: Maker) -> None:
    sides = [
        tagged(maker, name, maker.image(tar([entry(f"f{n}", name.encode()) for n in range(30)])))
        for name in ("a", "b")
    ]
    said = say(*sides, "--limit", "3")
    assert "... and 27 more differences" in said.out
    assert "30 paths differ" in said.out
    assert len(json.loads(say(*sides, "--limit", "3", "--json").out)["differences"]) == 30
    assert say(*sides, "--limit", "0").code == 1


def test_one_platform_of_an_index_is_picked(maker: Maker) -> None:
    arm = {**CONFIG, "architecture": "arm64"}
    platforms = ("linux/amd64", "linux/arm64")
    amd = maker.image(with_file(b"1"))
    sides = [
        tagged(
            maker,
            f"index{number}",
            maker.index(amd, maker.image(with_file(content), config=arm), platforms=platforms),
        )
        for number, content in enumerate((b"1", b"2"))
    ]
    assert say(*sides).code == 1
    assert say(*sides, "--platform", "linux/amd64").code == 0
    assert say(*sides, "--platform", "linux/arm64").code == 1
    for wrong in ("linux/s390x", "linux"):
        said = say(*sides, "--platform", wrong)
        assert (said.code, said.out) == (1, "")
        assert "linux/amd64" in said.err


def test_a_host_that_is_named_is_looked_for(maker: Maker) -> None:
    sides = [
        tagged(maker, f"t{number}", maker.image(with_file(f"on {host}\n".encode())))
        for number, host in enumerate(("alpha7", "beta"))
    ]
    assert "cause: not known" in say(*sides).out
    assert "name of the machine" in say(*sides, "--host", "alpha7", "--host", "beta").out


def test_a_layout_with_one_image_needs_no_tag(maker: Maker, tmp_path: Path) -> None:
    tagged(maker, "only", maker.image(with_file(b"1")))
    place = "oci:images"
    assert say(place, place).code == 0
    tagged(maker, "second", maker.image(with_file(b"2")))
    said = say(place, place)
    assert said.code == 1
    assert "only" in said.err
    assert "second" in said.err


def test_what_is_not_there_is_an_error_and_no_verdict(maker: Maker, tmp_path: Path) -> None:
    here = tagged(maker, "here", maker.image(with_file(b"1")))
    digest = "sha256:" + "0" * 64
    for wrong in (
        "oci:images:nowhere",
        f"oci:images@{digest}",
        f"oci:{tmp_path / 'none'}",
        "registry.example.com/app",
        "not a place\x1b[2J",
        "127.0.0.1:1/app:main",
    ):
        said = say(here, wrong, "--json")
        assert said.code == 1
        found = json.loads(said.out)
        assert set(found) == {"error"}
        assert found["error"]["written"] == "nothing"
        assert all(text and text.isprintable() for text in found["error"].values())


def test_a_layout_that_lies_is_an_error_and_no_verdict(maker: Maker) -> None:
    honest = tagged(maker, "honest", maker.image(with_file(b"1")))
    lying = maker.image(with_file(b"2"))
    document = json.loads(maker.layout.read(lying.digest))
    for lie in ({"size": 3}, {"digest": "sha256:" + "1" * 64}):
        document["layers"][0] |= lie
        changed = maker.layout.add(document["mediaType"], json.dumps(document).encode())
        said = say(honest, f"oci:images@{changed.digest}", "--json")
        assert (said.code, set(json.loads(said.out))) == (1, {"error"})


def test_a_vendored_bump_is_explained_as_build_info(maker: Maker, tmp_path: Path) -> None:
    (tmp_path / "go").mkdir()
    folder = tmp_path / "go" / "app"
    sides = []
    for version in ("v1.0.0", "v1.1.0"):
        binary = build(source(folder, version), *REPRODUCIBLE).read_bytes()
        sides.append(tagged(maker, version, maker.image(with_file(binary))))
    said = say(*sides)
    assert said.code == 1
    assert "only BuildInfo deps differ: dep example.com/lib v1.0.0 -> v1.1.0" in said.out
    assert_readable(said.out)


def test_a_vcs_stamp_is_named_with_its_remedy(maker: Maker, tmp_path: Path) -> None:
    (tmp_path / "go").mkdir()
    folder = source(tmp_path / "go" / "app")
    sides = []
    for day in (1, 2):
        commit(folder, "a README", f"2026-01-0{day}T00:00:00Z")
        binary = build(folder, "-trimpath", "-buildvcs=true", "-ldflags=-buildid=").read_bytes()
        sides.append(tagged(maker, f"day{day}", maker.image(with_file(binary))))
    causes = [one["cause"] for one in json.loads(say(*sides, "--json").out)["differences"]]
    assert all("vcs.revision" in cause["meaning"] for cause in causes)
    assert all("-buildvcs=false" in cause["remedy"] for cause in causes)


def test_images_in_a_registry_are_compared_and_a_shared_base_is_not_read(
    maker: Maker, registry: Registry, crane: Path
) -> None:
    base = with_file(bytes(1 << 20), "base")
    places = []
    for number in (1, 2):
        image = maker.image(base, with_file(b"%d" % number))
        tagged(maker, f"t{number}", image)
        folder = maker.layout.root
        place = f"{registry.host}/compare/app:t{number}"
        index = folder / "index.json"
        whole = json.loads(index.read_bytes())
        whole["manifests"] = [one for one in whole["manifests"] if one["digest"] == image.digest]
        index.write_text(json.dumps(whole))
        subprocess.run([crane, "push", folder, place], check=True, capture_output=True)
        places.append(place)
    said = say(*places)
    assert said.code == 1
    assert "/app/server" in said.out
    assert "1 of 2 layers are equal" in said.out
    shared = json.loads(maker.layout.read(image.digest))["layers"][0]["digest"]
    asked = registry.log.read_text()
    assert f'"GET /v2/compare/app/blobs/{shared}' not in asked
    local = f"oci:images@{image.digest}"
    assert say(local, places[1]).code == 0


def test_a_full_disk_is_an_error_that_says_what_to_do(maker: Maker) -> None:
    """A limit on the size of files stands for the disk."""
    sides = [
        tagged(maker, f"t{number}", maker.image(with_file(bytes(4 << 20) + b"%d" % number)))
        for number in (1, 2)
    ]
    script = (
        "import resource, sys; from tidemill.__main__ import main; "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20)); "
        "sys.exit(main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "compare", *sides, "--json"],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": ":".join(path or "." for path in sys.path)},
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert "TIDEMILL_TMPDIR" in json.loads(done.stdout)["error"]["remedy"]


def test_memory_does_not_grow_with_the_layer(maker: Maker, tmp_path: Path) -> None:
    """Two layers of 256 MiB that differ in their last file; a process of its own."""
    pieces = bytes(1 << 20) * 256
    sides = [
        tagged(
            maker,
            f"t{number}",
            maker.image(tar([entry("big", pieces), entry("end", b"%d" % number)])),
        )
        for number in (1, 2)
    ]
    del pieces
    script = (
        "import sys; from pathlib import Path; from tidemill.__main__ import main; "
        "code = main(sys.argv[1:]); status = Path('/proc/self/status').read_text(); "
        "print(status.partition('VmHWM:')[2].split()[0], file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "compare", *sides, "--json"],
        capture_output=True,
        text=True,
        check=False,
        env={
            "PYTHONPATH": ":".join(path or "." for path in sys.path),
            "TIDEMILL_TMPDIR": str(tmp_path),
        },
    )
    assert done.returncode == 1
    assert [one["path"] for one in json.loads(done.stdout)["differences"]] == ["end"]
    assert int(done.stderr) < 100 * 1024


STAMPED = """FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox", "sh", "-c", "/bin/busybox date > /built; /bin/busybox sleep 1"]
"""
PLAIN = """FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox", "sh", "-c", "/bin/busybox echo done > /built"]
"""


def buildx(buildkit: BuildKit, context: Path, to: Path, *options: str) -> str:
    """Build a Dockerfile without caches, into a layout; returns its place."""
    subprocess.run(
        [
            buildkit.buildx,
            "build",
            f"--builder={buildkit.builder}",
            "--no-cache",
            "--provenance=false",
            f"--output=type=oci,tar=false,dest={to}{''.join(options)}",
            "--build-arg=SOURCE_DATE_EPOCH=0",
            str(context),
        ],
        env=buildkit.environment,
        check=True,
        capture_output=True,
    )
    return f"oci:{to}"


def context(folder: Path, busybox: Path, dockerfile: str) -> Path:
    folder.mkdir()
    shutil.copy(busybox, folder / "busybox")
    (folder / "Dockerfile").write_text(dockerfile)
    return folder


def test_what_a_real_builder_stamps_in_is_named(
    buildkit_go126: BuildKit, busybox: Path, tmp_path: Path
) -> None:
    source = context(tmp_path / "context", busybox, STAMPED)
    sides = [buildx(buildkit_go126, source, tmp_path / name) for name in ("one", "two")]
    found = json.loads(say(*sides, "--json").out)
    assert found["verdict"] == "different"
    causes = {
        (one.get("path"), one["field"]): one["cause"] and one["cause"]["name"]
        for one in found["differences"]
    }
    assert causes["built", "content"] == "embedded time"
    assert causes["built", "mtime"] == "timestamps"
    assert None not in causes.values()


def test_one_builder_compiled_by_two_releases_of_go_has_the_same_contents(
    buildkit_go126: BuildKit, buildkit_go127: BuildKit, busybox: Path, tmp_path: Path
) -> None:
    source = context(tmp_path / "context", busybox, PLAIN)
    sides = [
        buildx(buildkit, source, tmp_path / buildkit.builder, ",rewrite-timestamp=true")
        for buildkit in (buildkit_go126, buildkit_go127)
    ]
    said = say(*sides)
    assert (said.code, said.out.split("\n")[0]) == (0, "same contents, stored in another way")
    assert "compressed by another tool, another release of it" in said.out.replace("\n      ", " ")
