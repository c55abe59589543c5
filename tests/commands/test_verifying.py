"""`--verify`: what is the same twice is published; what is not is told with its cause."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.commands.checkouts import Checkout, Said, new_checkout, service, tidemill
from tests.components.shapes import BuildKit, Engine, Registry
from tests.world import git

from tidemill.images.layout import Layout

SCRIPT = "from pathlib import Path\nimport os, socket, tempfile, time\n"


@pytest.fixture
def app(tmp_path: Path) -> Checkout:
    return new_checkout(tmp_path / "app", "web", "api")


def compiled(app: Checkout, code: str, more: str = "") -> None:
    """Services whose files a script makes: web by this code, api always alike."""
    app.write("make.py", f"{SCRIPT}Path('bin').mkdir(exist_ok=True)\n"
              f"Path('bin/api').write_text('api')\n{code}\n")  # fmt: skip
    app.write(".gitignore", "bin/\n")
    files = "".join(
        f'[[services]]\nname = "{name}"\nfiles = [{{ from = "bin/{name}", to = "/{name}" }}]\n'
        for name in ("web", "api")
    )
    app.settings(f'[compile]\ncommand = "{sys.executable} make.py"\n{more}\n{files}')
    app.commit()


def text(app: Checkout, expression: str, more: str = "") -> None:
    compiled(app, f"Path('bin/web').write_text(str({expression}))", more)


def verify(app: Checkout, tmp_path: Path, *options: str) -> Said:
    return app.build("--verify", "--to", f"oci:{tmp_path / 'out'}", *options)


def same(said: Said) -> dict[str, str]:
    """The digests of a build that was verified and published."""
    assert said.code == 0, said.out
    assert said.json["verified"] is True
    for image in said.json["images"]:
        assert (image["verified"], image["published"]) == (True, True)
        assert image["report"]["verdict"] == "identical"
    return {image["service"]: image["digest"] for image in said.json["images"]}


def different(said: Said, tmp_path: Path) -> list[dict[str, Any]]:
    """The differences of web, of a build that was not published."""
    assert said.code == 1, said.out
    assert said.json["verified"] is False
    web, api = said.json["images"]
    assert (web["verified"], api["verified"]) == (False, True)
    assert (web["published"], api["published"]) == (False, False)
    assert not (tmp_path / "out").exists(), "nothing is published of a run that differs"
    found: list[dict[str, Any]] = web["report"]["differences"]
    return found


def causes(said: Said, tmp_path: Path) -> str:
    return json.dumps(different(said, tmp_path))


def test_what_is_the_same_is_published(app: Checkout, tmp_path: Path) -> None:
    compiled(app, "Path('bin/web').write_text('web')")
    digests = same(verify(app, tmp_path))
    assert set(Layout.open(tmp_path / "out/web").tags()) == {app.sha, "main"}
    assert not (app.folder / "bin").exists(), "the checkout itself is not built in"
    plain = app.built("--to", f"oci:{tmp_path / 'plain'}")
    assert {name: image["digest"] for name, image in plain.items()} == digests


def test_what_is_verified_is_pushed_to_a_registry(app: Checkout, registry: Registry) -> None:
    to = registry.name("verify/pushed")
    first = app.built("--to", to, "--verify")
    again = app.built("--to", to, "--verify")
    for name, image in again.items():
        assert (image["digest"], image["changed"]) == (first[name]["digest"], False)
        assert (image["verified"], image["sent"]) == (True, 0)


SHOWN = {
    "umask": "os.umask(0)",
    "zone": "os.environ['TZ']",
    "zone-used": "time.strftime('%Z', time.localtime(0))",
    "locale": "os.environ['LC_ALL']",
    "hash-seed": "os.environ['PYTHONHASHSEED']",
    "folder": "os.getcwd()",
    "home": "os.environ['HOME']",
    "temporary": "tempfile.gettempdir()",
    "time-of-file": "os.stat('make.py').st_mtime",
    "mode-of-file": "oct(os.stat('make.py').st_mode)",
    "time": "int(time.time())",
    "time-in-zip": "int(time.time()) // 2",
    "process": "os.getpid()",
    "chance": "os.urandom(4).hex()",
    "order": "'\\n'.join({f'line {n}' for n in range(40)}) + '\\n'",
    "commit": "os.popen('git rev-parse HEAD').read()",
    "describe": "os.popen('git describe --always').read()",
    "commit-time": "os.popen('git log -1 --format=%ct').read()",
    "environment": "sorted(os.environ.values())",
    "built-at": "time.strftime('built at %Y-%m-%dT%H:%M:%SZ', time.gmtime())",
    "loaded-from": "'loaded from ' + os.getcwd() + '/make.py'",
}
# Part of what is said of the cause.
CAUSES = {"built-at": "time", "loaded-from": "path", "order": "order", "temporary": "path"}


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What is said of services that each show one thing of where, when or how they were built."""
    top = tmp_path_factory.mktemp("shown")
    app = new_checkout(top / "app")
    lines = (f"Path('bin/{name}').write_text(str({code}))\n" for name, code in SHOWN.items())
    app.write("make.py", f"{SCRIPT}Path('bin').mkdir()\nPath('bin/same').touch()\n{''.join(lines)}")
    app.write(".gitignore", "bin/\n")
    files = "".join(service(name).replace('from = "', 'from = "bin/') for name in (*SHOWN, "same"))
    app.settings(f'[compile]\ncommand = "{sys.executable} make.py"\n{files}')
    app.commit()
    said = app.build("--verify", "--to", f"oci:{top / 'out'}")
    assert said.code == 1, said.out
    assert said.json["verified"] is False
    assert not (top / "out").exists(), "of a run that differs nothing is published"
    return {image["service"]: image for image in said.json["images"]}


@pytest.mark.parametrize("name", SHOWN)
def test_what_depends_on_where_and_when_it_is_built_is_found(
    shown: dict[str, Any], name: str
) -> None:
    image = shown[name]
    assert (image["verified"], image["published"]) == (False, False)
    for found in image["report"]["differences"]:
        assert found["path"] == name
        assert found["layer"]
        assert found["left"] != found["right"]
    assert CAUSES.get(name, "") in json.dumps(image["report"])


def test_what_does_not_is_the_same_beside_it(shown: dict[str, Any]) -> None:
    assert (shown["same"]["verified"], shown["same"]["published"]) == (True, False)


def test_a_report_is_written_and_shown(app: Checkout, tmp_path: Path) -> None:
    text(app, "os.environ['TZ']")
    report = tmp_path / "report.json"
    words: list[str | Path] = ["build-reproducible-image", "--checkout", app.folder, "--verify"]
    said = tidemill(*words, "--to", f"oci:{tmp_path / 'out'}", "--report", report)
    assert said.code == 1
    assert "web is not reproducible; nothing was published:" in said.out
    for part in ("/web", "UTC", "Asia/Kathmandu", "layer"):
        assert part in said.out
    written = json.loads(report.read_text())
    assert (written["verified"], len(written["images"])) == (False, 2)


def test_modes_that_a_umask_makes_do_not_matter(app: Checkout, tmp_path: Path) -> None:
    """0600 here and 0644 there is the same image."""
    compiled(
        app,
        "Path('bin/web').write_text('web')\nPath('bin/web').chmod(0o600)\n"
        "Path('bin/api').chmod(0o700 if os.umask(0) == 0o77 else 0o755)",
    )
    same(verify(app, tmp_path))


def test_an_executable_bit_by_chance_is_found(app: Checkout, tmp_path: Path) -> None:
    compiled(
        app, "Path('bin/web').write_text('web')\nif os.environ['TZ'] == 'UTC':\n"
        "    Path('bin/web').chmod(0o755)",
    )  # fmt: skip
    (found, *_) = different(verify(app, tmp_path), tmp_path)
    assert (found["path"], found["field"]) == ("web", "mode")


def test_a_file_that_only_one_build_has_is_found(app: Checkout, tmp_path: Path) -> None:
    code = "Path('bin/web').mkdir()\nPath('bin/web', os.environ['TZ'][:3]).touch()"
    compiled(app, code)
    paths = {found["path"] for found in different(verify(app, tmp_path), tmp_path)}
    assert paths == {"web/UTC", "web/Asi"}


def test_caches_are_not_used(
    app: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cache that has the result of an earlier build would hide that it can't be made again."""
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache/web").write_text("cached")
    monkeypatch.setenv("CACHE", str(tmp_path / "cache"))
    text(app, "(p := Path(os.environ['CACHE'], 'web')).exists() and p.read_text() or os.getpid()",
         'caches = ["CACHE"]')  # fmt: skip
    app.built("--to", f"oci:{tmp_path / 'usual'}")
    different(verify(app, tmp_path), tmp_path)


def test_a_submodule_that_is_not_checked_out_is_named(app: Checkout, tmp_path: Path) -> None:
    (app.folder / ".gitmodules").write_text('[submodule "lib"]\npath = lib\nurl = ../lib\n')
    (app.folder / "lib").mkdir()
    for path in ("lib", "of\n::warning::two lines"):
        git(app.folder, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},{path}")
    app.settings(service("web"))
    said = tidemill(
        "build-reproducible-image", "--checkout", app.folder, "--to", f"oci:{tmp_path}/o"
    )
    assert r"only empty folders are here (lib, 'of\n::warning::two lines')" in said.err


def test_files_that_are_not_committed_are_built_with(app: Checkout, tmp_path: Path) -> None:
    app.write("web", "changed, and not committed")
    app.write("api2", "untracked")
    app.settings(service("web") + service("api") + service("api2"))
    said = verify(app, tmp_path)
    digests = same(said)
    assert "has changes that are not committed" in said.err
    plain = app.built("--to", f"oci:{tmp_path / 'plain'}")
    assert {name: image["digest"] for name, image in plain.items()} == digests


def test_without_a_compile_step_ignored_files_are_built_with(app: Checkout, tmp_path: Path) -> None:
    app.write(".gitignore", "bin/\n")
    app.write("bin/web", "made before")
    app.settings(service("web").replace('from = "web"', 'from = "bin/web"'))
    app.commit()
    same(verify(app, tmp_path))


def test_with_a_compile_step_ignored_files_have_to_be_made(app: Checkout, tmp_path: Path) -> None:
    compiled(app, "")
    app.write("bin/web", "left behind by an earlier build")
    error = app.error("--verify", "--to", f"oci:{tmp_path / 'out'}")
    assert "bin/web is not in" in error["what"]


def test_every_kind_of_checkout_can_be_verified(app: Checkout, tmp_path: Path) -> None:
    inner = new_checkout(tmp_path / "inner", "code")
    allow = ("-c", "protocol.file.allow=always")
    git(app.folder, *allow, "submodule", "--quiet", "add", str(inner.folder), "lib")
    app.settings(service("web").replace('from = "web"', 'from = "lib/code"'))
    app.commit()
    wanted = same(verify(app, tmp_path))
    git(app.folder, "worktree", "add", "--quiet", "--detach", str(tmp_path / "tree"))
    git(tmp_path / "tree", *allow, "submodule", "--quiet", "update", "--init")
    git(tmp_path, "clone", "--quiet", *allow, "--depth=1", "--recurse-submodules",
        f"file://{app.folder}", "shallow")  # fmt: skip
    subprocess.run(["git", "clone", "-q", "--bare", app.folder, tmp_path / "app.git"], check=True)
    git(tmp_path, "clone", "--quiet", *allow, "--recurse-submodules", "app.git", "of-bare")
    git(tmp_path / "of-bare", "checkout", "--quiet", "--detach")
    for name in ("tree", "shallow", "of-bare"):
        other = Checkout(tmp_path / name)
        assert same(verify(other, tmp_path / f"to-{name}", "--branch", "main")) == wanted, name


def test_settings_in_a_folder_of_a_checkout_can_be_verified(app: Checkout, tmp_path: Path) -> None:
    (app.folder / "shop").mkdir()
    below = Checkout(app.folder / "shop")
    compiled(below, "Path('bin/web').write_bytes(Path('../api').read_bytes())")
    same(verify(below, tmp_path))


@pytest.mark.parametrize("is_in_git", [True, False])
def test_one_dockerfile_can_be_verified(app: Checkout, tmp_path: Path, is_in_git: bool) -> None:
    context = app.folder / "docker" if is_in_git else tmp_path / "plain"
    context.mkdir()
    (context / "Dockerfile").write_text("FROM scratch\nCOPY file /file\n")
    (context / "file").write_text("file")
    given: list[str | Path] = ["--context", context, "--to", f"oci:{tmp_path / 'out'}"]
    given += [] if is_in_git else ["--tag", "x"]
    said = tidemill("build-reproducible-image", "--json", *given, "--verify")
    same(said)
    tags = {app.sha, "main"} if is_in_git else {"x"}
    assert set(Layout.open(tmp_path / "out").tags()) == tags


GO = 'package main\n\nfunc main() { println("web") }\n'
GO_SETTINGS = {
    "GOTOOLCHAIN": "local",
    "GOFLAGS": "-mod=mod",
    "GOPROXY": "off",
    "CGO_ENABLED": "0",
}
NEEDS_GO = pytest.mark.skipif(not shutil.which("go"), reason="there is no Go")


def go_program(app: Checkout, *flags: str) -> None:
    app.write("main.go", GO)
    app.write("go.mod", "module example.com/acme/app\n\ngo 1.20\n")
    words = ["go", "build", *flags, "-o", "bin/web", "."]
    compiled(app, f"import subprocess\nsubprocess.run({words!r}, check=True)",
             f"environment = {[*GO_SETTINGS, 'GOCACHE']!r}")  # fmt: skip


@pytest.fixture
def go_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """What Go's own packages compile to is kept beside the environment."""
    cache = Path(sys.prefix, "go-build")
    for name, value in {**GO_SETTINGS, "GOCACHE": str(cache)}.items():
        monkeypatch.setenv(name, value)


@NEEDS_GO
@pytest.mark.usefixtures("go_cache")
def test_a_go_program_with_the_stamp_of_its_commit_is_told_with_the_flag_that_helps(
    app: Checkout, tmp_path: Path
) -> None:
    go_program(app, "-trimpath", "-buildvcs=true")
    found = causes(verify(app, tmp_path), tmp_path)
    assert "vcs.revision" in found
    assert "-buildvcs=false" in found


@NEEDS_GO
@pytest.mark.usefixtures("go_cache")
def test_a_go_program_without_it_is_the_same(app: Checkout, tmp_path: Path) -> None:
    go_program(app, "-trimpath", "-buildvcs=false", "-ldflags=-buildid=")
    same(verify(app, tmp_path))


@NEEDS_GO
@pytest.mark.usefixtures("go_cache")
def test_a_go_program_with_its_paths_in_it_is_found(app: Checkout, tmp_path: Path) -> None:
    go_program(app, "-buildvcs=false", "-ldflags=-buildid=")
    assert "-trimpath" in causes(verify(app, tmp_path), tmp_path)


TIME = "FROM scratch\nCOPY busybox /bin/sh\nRUN date +%s > /web\n"


def dockerfile(app: Checkout, busybox: Path) -> None:
    shutil.copy(busybox, app.folder / "busybox")
    app.write("Dockerfile", TIME)
    app.settings('[[services]]\nname = "web"\nfile = "Dockerfile"\n' + service("api"))
    app.commit()


def of_engine(
    app: Checkout, engine: str, environment: dict[str, str], busybox: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> list[dict[str, Any]]:  # fmt: skip
    dockerfile(app, busybox)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return different(verify(app, tmp_path, "--engine", engine), tmp_path)


def test_a_time_that_run_stamps_is_found_with_buildkit(
    app: Checkout, buildkit_go126: BuildKit, busybox: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    found = of_engine(app, "buildkit", buildkit_go126.environment, busybox, tmp_path, monkeypatch)
    assert [one["path"] for one in found] == ["web"]


def test_a_time_that_run_stamps_is_found_with_the_old_engine(
    app: Checkout, old_engine: Engine, busybox: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    found = of_engine(app, "classic", old_engine.environment, busybox, tmp_path, monkeypatch)
    assert [one["path"] for one in found] == ["web"]


def test_nothing_is_left_of_a_verified_build(
    app: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even of one that leaves folders that may not be written to, as Go's module cache is."""
    (tmp_path / "scratch").mkdir()
    monkeypatch.setenv("TIDEMILL_TMPDIR", str(tmp_path / "scratch"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    compiled(app, "Path('bin/web').touch()\nd = Path(os.environ['HOME'], 'go/pkg')\n"
             "d.mkdir(parents=True)\n(d / 'x').touch()\nd.chmod(0o500)")  # fmt: skip
    same(verify(app, tmp_path))
    assert list((tmp_path / "scratch").iterdir()) == []


def test_what_depends_on_home_is_found(
    app: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else another digest would be verified than the one that is published every day."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "flags").write_text("-O3")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    text(app, "(p := Path(os.environ['HOME'], 'flags')).exists() and p.read_text()")
    different(verify(app, tmp_path), tmp_path)


@pytest.mark.parametrize("has_compile", [True, False])
def test_what_can_be_in_no_image_is_refused_in_both_builds_as_in_one(
    has_compile: bool, app: Checkout, tmp_path: Path
) -> None:
    """Git lists no pipes, and the copies that are built in have them all the same."""
    app.write("data/file", "data")
    app.write("Dockerfile", "FROM scratch\nCOPY data /data\n")
    step = '[compile]\ncommand = "true"\n' if has_compile else ""
    app.settings(f'{step}[[services]]\nname = "web"\nfile = "Dockerfile"\n')
    app.commit()
    same(verify(app, tmp_path))
    os.mkfifo(app.folder / "data/pipe")
    for options in ((), ("--verify",)):
        what = app.error("--no-push", *options)["what"]
        assert what.startswith("line 2 of Dockerfile: ")
        assert "data/pipe' is neither a file" in what
