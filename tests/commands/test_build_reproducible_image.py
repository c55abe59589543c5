"""Real builds of examples/app: same content, same digest; another binary, another digest."""

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tidemill.building.order import BuildOptions
from tidemill.building.services import Run, build_services
from tidemill.clients.git.app_checkout import Given
from tidemill.clients.machine.scratch import scratch
from tidemill.commands._json import image_json
from tidemill.errors import EntryPointFailed, Refused, TidemillError, TimeLimit
from tidemill.images.layout import Layout

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "app"
SERVICES = ["gateway", "catalog", "orders", "billing", "reporter", "archiver"]
FIRST, SECOND = "1" * 40, "2" * 40


@dataclass(frozen=True)
class BuiltImage:
    """What the command says of one image."""

    digest: str
    tag: str
    layout: Path
    changed: bool


@dataclass
class App:
    """A checkout of app.git, and where its images go."""

    checkout: Path
    images: Path
    said: list[str] = field(default_factory=list)

    def build(
        self, sha: str = FIRST, *services: str, branch: str = "main"
    ) -> dict[str, BuiltImage]:
        with scratch(large=True) as folder:
            options = BuildOptions(to=f"oci:{self.images}")
            run = Run(folder, Given(sha, branch), options, self.said.append)
            shipped = build_services(self.checkout, services, run)
        told = [image_json(one) for one in shipped]
        return {
            one["service"]: BuiltImage(
                one["image"], one["tag"], Path(one["layout"]), one["changed"]
            )
            for one in told
        }

    def edit(self, path: str, old: str, new: str) -> None:
        text = (self.checkout / path).read_text()
        assert old in text
        (self.checkout / path).write_text(text.replace(old, new))


def copied(to: Path) -> Path:
    shutil.copytree(EXAMPLE, to, ignore=shutil.ignore_patterns("bin", "__pycache__"))
    return to


def digests(built: dict[str, BuiltImage]) -> dict[str, str]:
    return {name: image.digest for name, image in built.items()}


def changed(built: dict[str, BuiltImage]) -> list[str]:
    return [name for name, image in built.items() if image.changed]


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[App, dict[str, BuiltImage]]:
    """The example, built once for this module; tests work on copies."""
    top = tmp_path_factory.mktemp("first")
    app = App(copied(top / "app"), top / "images")
    return app, app.build()


@pytest.fixture
def built_app(first: tuple[App, dict[str, BuiltImage]], tmp_path: Path) -> App:
    app, _ = first
    shutil.copytree(app.images, tmp_path / "images")
    return App(copied(tmp_path / "app"), tmp_path / "images")


def test_every_service_is_one_image_with_its_program_in_it(
    first: tuple[App, dict[str, BuiltImage]],
) -> None:
    app, built = first
    assert list(built) == SERVICES == changed(built)
    for name, image in built.items():
        layout = Layout.open(app.images / name)
        tags = layout.tags()
        assert tags.keys() == {FIRST, "main"}
        assert image.tag == f"ghcr.io/acme/{name}:{FIRST}"
        assert image.digest == f"ghcr.io/acme/{name}@{tags[FIRST].digest}"
    assert app.said[0] == "compiling: python3 build.py"


def test_another_machine_gives_the_same_digests(
    first: tuple[App, dict[str, BuiltImage]], tmp_path: Path
) -> None:
    """As far as one machine can be two: folder, umask, time zone, locale, hash seed, home."""
    checkout = copied(tmp_path / "elsewhere, and longer" / "app")
    for path in (checkout, *checkout.rglob("*")):
        path.chmod(0o700 if path.is_dir() else 0o600)
        os.utime(path, (86400, 86400))
    strange = {
        "HOME": str(tmp_path),
        "LC_ALL": "tr_TR.UTF-8",
        "PATH": os.environ["PATH"],
        "PYTHONHASHSEED": "7",
        "TZ": "Asia/Kathmandu",
        "GOFLAGS": "-ldflags=-X=main.surprise=1",
        "GOAMD64": "v3",
        "DOCKER_METADATA_OUTPUT_LABELS": "org.opencontainers.image.created=2026-01-01T00:00:00Z",
    }
    command = [sys.executable, "-m", "tidemill", "build-reproducible-image", "--json"]
    command += ["--checkout", str(checkout), "--to", f"oci:{tmp_path / 'images'}"]
    done = subprocess.run(
        [*command, "--sha", FIRST, "--branch", "main"],
        env=strange,
        umask=0o077,
        capture_output=True,
        check=True,
        text=True,
    )
    told = json.loads(done.stdout)["images"]
    assert {one["service"]: one["image"] for one in told} == digests(first[1])


def test_twice_is_once(built_app: App) -> None:
    before = {path: path.read_bytes() for path in built_app.images.rglob("index.json")}
    assert changed(built_app.build()) == []
    assert {path: path.read_bytes() for path in before} == before
    assert len(list(built_app.images.rglob("sha256/*"))) == 3 * len(SERVICES)


def test_a_commit_that_touches_no_program_gives_new_tags_and_the_same_digests(
    first: tuple[App, dict[str, BuiltImage]], built_app: App
) -> None:
    built_app.edit("README.md", "# A shop", "# The shop")
    built = built_app.build(SECOND)
    assert digests(built) == digests(first[1])
    assert changed(built) == []
    assert Layout.open(built["orders"].layout).tags().keys() == {FIRST, SECOND, "main"}


def test_a_commit_to_a_shared_library_changes_its_dependants_alone(
    first: tuple[App, dict[str, BuiltImage]], built_app: App
) -> None:
    built_app.edit("lib/money/money.go", "%s%d.%02d", "%s%d,%02d")
    built = built_app.build(SECOND)
    assert changed(built) == ["orders", "billing"]


def test_services_can_be_picked(built_app: App) -> None:
    assert list(built_app.build(SECOND, "archiver", "orders")) == ["orders", "archiver"]
    assert SECOND not in Layout.open(built_app.images / "gateway").tags()


def test_a_branch_has_a_tag_of_its_own(built_app: App) -> None:
    built = built_app.build(SECOND, "archiver", branch="feature/a")
    tags = Layout.open(built["archiver"].layout).tags()
    assert tags.keys() == {FIRST, SECOND, "main", "feature-a-951d42dc02dc7431"}
    assert changed(built) == ["archiver"], "the branch had no image before"


def test_a_service_of_the_example_answers(first: tuple[App, dict[str, BuiltImage]]) -> None:
    app, _ = first
    command = [app.checkout / "bin" / "catalog"]
    with subprocess.Popen(command, env={"PORT": "0"}, stdout=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout
            port = running.stdout.readline().split()[-1]
            for path, answer in (("/healthz", b"ok\n"), ("/", b"catalog\n")):
                with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as got:
                    assert got.read() == answer
        finally:
            running.terminate()
    assert running.returncode == 0


SMALL = """
images = "ghcr.io/acme/{service}"
[compile]
command = "python3 make.py"
time_limit = "1s"
environment = ["WANTED"]
caches = ["KEPT"]
[[services]]
name = "one"
files = [{ from = "one", to = "/one" }]
[[services]]
name = "two"
files = [{ from = "two", to = "/two" }]
"""
MAKE = "from pathlib import Path\nPath('one').write_text('1')\nPath('two').write_text('2')\n"


@pytest.fixture
def small_app(tmp_path: Path) -> App:
    """Two services whose files a script of two lines makes."""
    checkout = tmp_path / "app"
    checkout.mkdir()
    (checkout / "tidemill.toml").write_text(SMALL)
    (checkout / "make.py").write_text(MAKE)
    return App(checkout, tmp_path / "images")


def refuse(app: App, kind: type[TidemillError], branch: str = "main") -> TidemillError:
    with pytest.raises(kind) as refused:
        app.build(branch=branch)
    assert refused.value.written in ("nothing", "blobs without a tag")
    assert refused.value.remedy
    for layout in app.images.glob("*"):
        assert Layout.open(layout).tags() == {}
    return refused.value


def test_a_file_that_the_compile_step_did_not_make_stops_all_tags(small_app: App) -> None:
    small_app.edit("make.py", "Path('two').write_text('2')", "")
    assert "two is not in" in refuse(small_app, Refused).what


def test_a_compile_step_that_fails_is_told_with_what_it_said(small_app: App) -> None:
    small_app.edit("make.py", "Path('two').write_text('2')", "raise SystemExit('no more ink')")
    error = refuse(small_app, EntryPointFailed)
    assert error.what == "the compile step `python3 make.py` exited with 1\nno more ink"


def test_a_compile_step_that_is_not_there_is_told(small_app: App) -> None:
    small_app.edit("tidemill.toml", "python3 make.py", "./make-it")
    assert "can't be started: No such file" in refuse(small_app, EntryPointFailed).what


def test_a_compile_step_that_takes_too_long_is_ended_with_all_it_started(small_app: App) -> None:
    (small_app.checkout / "make.py").write_text(
        "import subprocess\nsubprocess.run(['sleep', '600'])"
    )
    started = time.monotonic()
    assert "longer than 1 seconds" in refuse(small_app, TimeLimit).what
    assert time.monotonic() - started < 300


def test_a_compile_step_sees_only_what_it_asks_for(
    small_app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANTED", "yes")
    monkeypatch.setenv("GITHUB_TOKEN", "secret")
    (small_app.checkout / "make.py").write_text(
        f"import json, os\n{MAKE}Path('seen').write_text(json.dumps(dict(os.environ)))\n"
    )
    small_app.build()
    seen = json.loads((small_app.checkout / "seen").read_text())
    assert seen["WANTED"] == "yes"
    assert seen["TZ"] == "UTC"
    assert "GITHUB_TOKEN" not in seen


def test_without_a_compile_step_the_files_are_taken_as_they_are(small_app: App) -> None:
    settings = (small_app.checkout / "tidemill.toml").read_text()
    services = settings[settings.index("[[services]]") :]
    (small_app.checkout / "tidemill.toml").write_text(f'images = "x/{{service}}"\n{services}')
    (small_app.checkout / "one").write_text("1")
    (small_app.checkout / "two").write_text("2")
    assert list(small_app.build()) == ["one", "two"]
    assert not any(line.startswith("compiling") for line in small_app.said)


def test_a_folder_without_settings_is_refused(small_app: App) -> None:
    (small_app.checkout / "tidemill.toml").unlink()
    assert "there is no tidemill.toml" in refuse(small_app, Refused).what


@pytest.mark.parametrize("sha", ["main", "1" * 39, "../x", "A" * 40])
def test_a_sha_is_full(small_app: App, sha: str) -> None:
    with pytest.raises(Refused, match="is not the full SHA"):
        small_app.build(sha)


def test_a_branch_that_git_refuses_is_refused(small_app: App) -> None:
    assert "not a valid name of a branch" in refuse(small_app, Refused, branch="a..b").what
