"""What goes wrong is one error with a remedy; no tag is set, and nothing is half written."""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.clients.places import PATIENCE, eventually
from tests.clients.registry_trouble import Change, HangUp, Say, Troubled, troubled
from tests.commands.checkouts import (
    SRC,
    Checkout,
    command,
    in_a_process,
    new_checkout,
    service,
    tidemill,
)
from tests.components.absence import Missing, absent
from tests.components.shapes import BuildKit, Registry

from tidemill.images import oci
from tidemill.images.layout import Layout
from tidemill.images.oci import Descriptor


@pytest.fixture
def app(tmp_path: Path) -> Checkout:
    return new_checkout(tmp_path / "app", "web", "api")


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files are; none may be left."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setenv("TIDEMILL_TMPDIR", str(folder))
    return folder


def whole(folder: Path) -> dict[str, Layout]:
    """The layouts below a folder; all that is in each of them is whole."""
    found = {path.parent.name: Layout.open(path.parent) for path in folder.rglob("index.json")}
    for layout in found.values():
        assert list(layout.root.rglob(".part-*")) == []
        for blob in (layout.root / "blobs/sha256").iterdir():
            digest = f"sha256:{blob.name}"
            list(layout.pieces(Descriptor(oci.LAYER, digest, blob.stat().st_size)))
    return found


def living(group: int) -> list[str]:
    """The processes of a group that have not ended."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[2]) == group and fields[0] != "Z":
            found.append(stat.parent.name)
    return found


RUN = 'FROM scratch\nCOPY web /web\nRUN ["/web"]\n'
NOT_THERE = "FROM scratch\nCOPY nothing /\n"
COPY = "FROM scratch\nCOPY web /web\n"


@pytest.mark.parametrize(
    ("settings", "reason", "remedy"),
    [
        (service("none"), "none is not in", "compile it first"),
        (service("link"), "leads through the symbolic link link", "name the file"),
        (service("x").replace('"x"', '"way/web"', 2).replace('"way/web"', '"x"', 1),
         "leads through the symbolic link way", "name the file"),
        (service("x").replace('from = "x"', 'from = "../web"'), "leads out of the build context",
         "mend tidemill.toml"),
        (service("x").replace('from = "x"', 'from = "/etc/passwd"'),
         "leads out of the build context", "mend"),
        (service("x").replace('from = "x"', 'from = "web/x"'), "web/x is not in", "compile it"),
        (service("x").replace('from = "x"', f'from = "{"x" * 300}"'), "File name too long", ""),
        (service("web", 'base = "alpine:3"'), "is not given by digest", "mend"),
        (service("web", f'base = "oci:none@sha256:{"a" * 64}"'), "none is not in", ""),
        (service("web", f'base = "oci:sub@sha256:{"a" * 64}"'), "is not an OCI image layout", ""),
        ('[[services]]\nname = "web"\nfile = "Dockerfile.run"\n', "RUN", "buildkit"),
        ('[[services]]\nname = "web"\nfile = "Dockerfile.none"\n', "can't be read", "mend"),
        ('[[services]]\nname = "web"\nfile = "Dockerfile.tag"\n', "without its digest", "pin"),
        ('[[services]]\nname = "web"\nfile = "Dockerfile.nothing"\n', "nothing", ""),
        (service("x").replace('to = "/x"', 'to = "/etc/.wh.passwd"').replace('"x"', '"web"', 2),
         "take a file of the image away", "rename"),
        (service("web", 'mode = "x"'), "unknown field", "mend"),
        ("[[services]]", "line", "mend"),
        (service("pipe"), "is neither a file, a folder nor a symbolic link", "leave it out"),
        ("[compile]\ncommand = 'false'\n" + service("web"), "`false` exited with 1", "by hand"),
        ("[compile]\ncommand = 'x\\u0000'\n".replace("'", '"') + service("web"), "NUL", "mend"),
        ("[compile]\ncommand = '/'\n" + service("web"), "can't be started", "by hand"),
    ],
    ids=lambda value: value[:40].replace("\n", " ") if isinstance(value, str) else "",
)  # fmt: skip
def test_what_can_not_be_built_is_refused(
    app: Checkout, settings: str, reason: str, remedy: str, tmp_path: Path, scratch: Path
) -> None:
    app.settings(settings)
    (app.folder / "link").symlink_to("web")
    (app.folder / "sub").mkdir()
    (app.folder / "way").symlink_to(".")
    os.mkfifo(app.folder / "pipe")
    for name, text in (("run", RUN), ("tag", "FROM alpine:3\n"), ("nothing", NOT_THERE)):
        app.write(f"Dockerfile.{name}", text)
    error = app.error("--to", f"oci:{tmp_path / 'out'}")
    assert reason in error["what"]
    assert remedy in error["remedy"]
    assert error["written"] == "nothing"
    assert all(layout.tags() == {} for layout in whole(tmp_path / "out").values())
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--service", "shop"], "there is no service 'shop'"),
        (["--to", ""], "'' does not say where an image is"),
        (["--to", "acme/web:1"], "names an image, not a place"),
        (["--to", "ghcr.io/Acme"], "has capitals"),
        (["--sha", "main"], "is not the full SHA"),
        (["--branch", "a..b"], "is not a valid name of a branch"),
        (["--branch", "x\ny"], "is not a valid name of a branch"),
        (["--tag=-x"], "is not a tag"),
        (["--tag", "ghcr.io/acme/web:x"], "is in another repository"),
        (["--platform", "amd64"], "is not a platform"),
        (["--label", "x"], "has no value"),
        (["--label", "=x"], "has no value"),
        (["--file", "Dockerfile"], "no meaning without --context"),
        (["--build-arg", "A=1"], "no meaning without --context"),
        (["--target", "x"], "no meaning without --context"),
        (["--context", "nowhere"], "is not a folder"),
        (["--context", ".", "--file", "none"], "is not there"),
        (["--context", ".", "--name", "../x"], "is not a valid name of a service"),
        (["--context", ".", "--service", "web"], "name different things to build"),
        (["--context", ".", "--build-context", "x=docker-image://alpine"], "not given by digest"),
        (["--checkout", "nowhere"], "there is no tidemill.toml in"),
        (["--checkout", "web"], "there is no tidemill.toml in"),
        (["--settings", "\udcff"], "there is no '\\udcff' in"),
    ],
    ids=str,
)
def test_options_that_make_no_sense_are_refused(
    app: Checkout, options: list[str], reason: str, tmp_path: Path, scratch: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    app.write("Dockerfile", COPY)
    monkeypatch.chdir(app.folder)
    to = [] if "--to" in options else ["--to", f"oci:{tmp_path / 'out'}"]
    error = app.error(*to, *options)
    assert reason in error["what"]
    assert error["written"] == "nothing"
    assert not (tmp_path / "out").exists()
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize(
    ("dockerfile", "reason", "remedy"),
    [
        (b"FROM scratch\nCOPY --chmod=u=rwX web /\n", "line 2 of it has --chmod='u=rwX'", "0755"),
        (b"FROM scratch\n# caf\xe9\n", "line 2 of it is not UTF-8: it has the byte 0xe9", "latin1"),
        (b"FROM example.com/Acme/base:1\n", "line 1 of it: the name of", "example.com/acme/base:1"),
        (b"FROM scratch AS one\nFROM One\n", "has capitals", "write one"),
    ],
    ids=["mode", "Latin-1", "capitals", "capitals of a stage"],
)  # fmt: skip
def test_what_others_take_is_refused_by_its_name(
    app: Checkout, dockerfile: bytes, reason: str, remedy: str
) -> None:
    app.write("Dockerfile", dockerfile)
    error = app.error("--no-push", "--context", app.folder)
    assert reason.replace("of it", "of Dockerfile") in error["what"]
    assert remedy in error["remedy"]


@pytest.mark.parametrize("more", [(), ("--verify",)], ids=["once", "verified"])
def test_an_image_without_digest_is_refused_before_anybody_is_asked(
    app: Checkout, more: tuple[str, ...]
) -> None:
    app.write("Dockerfile", "FROM python:3.12-slim\nCOPY web /\n")
    app.settings('[[services]]\nname = "web"\nfile = "Dockerfile"\n[compile]\ncommand = "false"')
    app.commit()
    with troubled("127.0.0.1:1") as proxy:
        error = app.error("--to", f"{proxy.host}/web", *more)
    assert "names the image 'python:3.12-slim' without its digest" in error["what"]
    assert error["remedy"] == f"tidemill pin --checkout {app.folder}"
    assert proxy.seen == []


@pytest.mark.parametrize("line", ["RUN make", "COP a b", "COPY nothing /", "ENV $a"])
def test_of_several_dockerfiles_it_is_told_which_one_is_at_fault(app: Checkout, line: str) -> None:
    for name, text in (("a", "COPY web /"), ("b", line)):
        app.write(f"{name}/Dockerfile", f"FROM scratch\n{text}\n")
    app.settings(
        "".join(f'[[services]]\nname = "{n}"\nfile = "{n}/Dockerfile"\n' for n in ("a", "b"))
    )
    app.commit()
    assert app.error("--no-push")["what"].startswith("line 2 of b/Dockerfile")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to somebody else")
def test_a_checkout_of_another_user_is_named_with_the_command_that_helps(
    app: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subprocess.run(["chown", "-R", "12345", app.folder], check=True)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("GIT_CONFIG_GLOBAL", raising=False)
    error = app.error("--no-push")
    assert "belongs to another user (uid 12345; this is uid 0)" in error["what"]
    subprocess.run(error["remedy"], shell=True, check=True)
    assert set(app.built("--no-push")) == {"web", "api"}


def test_a_file_in_the_place_of_a_layout_is_refused(app: Checkout, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for place in ("file", "file/below"):
        error = app.error("--to", f"oci:{tmp_path / place}")
        assert "Not a directory" in error["what"]
    (tmp_path / "other/web").mkdir(parents=True)
    (tmp_path / "other/web/mine").touch()
    error = app.error("--to", f"oci:{tmp_path / 'other'}")
    assert "is not an OCI image layout" in error["what"]
    assert error["written"] == "nothing", "it is seen before anything is built"
    assert [path.name for path in (tmp_path / "other/web").iterdir()] == ["mine"]


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("index.json", "{}"),
        ("index.json", "x"),
        ("index.json", "[" * 100_000),
        ("index.json", '{"manifests": ' + "[" * 100_000),
        ("index.json", '{"manifests": [{}]}'),
        ("index.json", '{"manifests": null}'),
    ],
    ids=lambda text: text[:20],
)
def test_a_layout_that_is_damaged_is_refused(
    app: Checkout, file: str, text: str, tmp_path: Path
) -> None:
    app.built("--to", f"oci:{tmp_path / 'out'}")
    (tmp_path / "out/web" / file).write_text(text)
    error = app.error("--to", f"oci:{tmp_path / 'out'}")
    assert str(tmp_path / "out/web" / file) in error["what"]


def test_what_lies_behind_a_tag_is_as_good_as_nothing(app: Checkout, tmp_path: Path) -> None:
    """The next build makes it anew, and says that it changed."""
    first = app.built("--to", f"oci:{tmp_path / 'out'}")
    layout = Layout.open(tmp_path / "out/web")
    layout.path(first["web"]["digest"]).write_bytes(b'{"a":' + b"[" * 100_000)
    error = app.error("--to", f"oci:{tmp_path / 'out'}")
    assert "other content" in error["what"]
    layout.path(first["web"]["digest"]).unlink()
    again = app.built("--to", f"oci:{tmp_path / 'out'}")
    assert again["web"]["digest"] == first["web"]["digest"]
    whole(tmp_path / "out")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 300 kB."""
    folder = tmp_path / "small"
    folder.mkdir()
    as_root = ["env", *(["sudo", "-n"] if os.geteuid() else [])]
    mount = [*as_root, "mount", "-t", "tmpfs", "-o", "size=300k,mode=1777", "tmpfs", str(folder)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        absent(Missing("Only root may mount a small disk.", "Run the tests as root."))
    yield folder
    subprocess.run([*as_root, "umount", "--lazy", folder], check=True)


@pytest.fixture
def large(app: Checkout) -> Checkout:
    """A service of 2 MB that nothing compresses, besides a small one."""
    app.write("web", random.Random(1).randbytes(2_000_000))
    app.commit()
    return app


def test_a_destination_without_room_gets_no_tag(large: Checkout, small_disk: Path) -> None:
    error = large.error("--to", f"oci:{small_disk / 'out'}")
    assert "a disk is full" in error["what"]
    assert "make room" in error["remedy"]
    found = whole(small_disk)
    assert all(layout.tags() == {} for layout in found.values())
    has_blobs = any(any((one.root / "blobs/sha256").iterdir()) for one in found.values())
    assert error["written"] == ("blobs without a tag" if has_blobs else "nothing")


@pytest.mark.parametrize("options", [[], ["--verify"]], ids=str)
def test_temporary_files_without_room_leave_nothing(
    large: Checkout, small_disk: Path, options: list[str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("TIDEMILL_TMPDIR", str(small_disk))
    error = large.error("--to", f"oci:{tmp_path / 'out'}", *options)
    assert "a disk is full" in error["what"] or "No space left" in error["what"]
    assert "make room" in error["remedy"] or options
    assert list(small_disk.iterdir()) == []
    assert all(layout.tags() == {} for layout in whole(tmp_path / "out").values())


def test_a_place_for_temporary_files_that_is_not_there_is_refused(
    app: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIDEMILL_TMPDIR", str(tmp_path / "none"))
    error = app.error("--to", f"oci:{tmp_path / 'out'}")
    assert "there can be no temporary folder" in error["what"]


def test_a_report_that_can_not_be_written_says_what_was_done(app: Checkout, tmp_path: Path) -> None:
    for option in ("--iidfile", "--metadata-file", "--report"):
        to = f"oci:{tmp_path / option}"
        error = app.error("--to", to, option, str(tmp_path / "none/x"))
        assert "can't be written" in error["what"]
        assert error["written"] == "the images and their tags"
        error = app.error("--to", to, option, str(tmp_path / "none/x"), "--no-push")
        assert error["written"] == "nothing"


def test_without_pushing_nothing_is_written_or_needed(app: Checkout, tmp_path: Path) -> None:
    (tmp_path / "out/web").mkdir(parents=True)
    for to in (f"oci:{tmp_path / 'out'}", "127.0.0.1:1/x"):
        told = app.build("--to", to, "--no-push")
        assert (told.code, told.json["images"][0]["published"]) == (0, False)
    assert "note: whether web changed is not known" in told.err
    assert list((tmp_path / "out").rglob("*")) == [tmp_path / "out/web"]


def test_a_registry_that_does_not_answer_is_seen_before_the_compile_step(app: Checkout) -> None:
    app.settings("[compile]\ncommand = 'touch ran'\n" + service("web"))
    started = time.monotonic()
    error = app.error("--to", "127.0.0.1:1/x")
    assert "can't be connected to" in error["what"]
    assert error["written"] == "nothing"
    assert not (app.folder / "ran").exists()
    assert time.monotonic() - started < 60


@pytest.fixture
def proxy(registry: Registry) -> Iterator[Troubled]:
    with troubled(registry.host) as proxy:
        yield proxy


@pytest.mark.parametrize(
    ("method", "path", "trouble", "written"),
    [
        ("GET", "/bad/web/manifests/main", Say(401), "nothing"),
        ("POST", "/bad/web/blobs/uploads", Say(403), None),
        ("POST", "/bad/web/blobs/uploads", Say(401), None),
        ("PUT", "/bad/web/manifests/sha256", Say(400), "blobs without a tag"),
        ("PUT", "/bad/web/manifests/sha256",
         Change({"Docker-Content-Digest": "sha256:" + "0" * 64}), "blobs without a tag"),
    ],
    ids=str,
)  # fmt: skip
def test_a_registry_that_refuses_or_lies_gets_no_tag(
    app: Checkout, proxy: Troubled, method: str, path: str, trouble: Say | Change,
    written: str | None,
) -> None:  # fmt: skip
    proxy.on(method, path, trouble, times=100)
    error = app.error("--to", f"{proxy.host}/{os.urandom(4).hex()}/bad")
    assert error["written"] in ((written,) if written else ("nothing", "blobs without a tag"))
    assert not [one for one in proxy.asked("PUT", "/manifests/") if "sha256" not in one.path]


def test_a_tag_that_fails_after_others_were_set_is_told_with_those(
    app: Checkout, proxy: Troubled
) -> None:
    proxy.on("PUT", "/half/web/manifests/main", Say(403), times=100)
    error = app.error("--to", f"{proxy.host}/half")
    tags = {f"{proxy.host}/half/api:{tag}" for tag in (app.sha, "main")}
    assert tags <= set(error["written"].replace(",", "").split())
    assert app.sha in error["written"].partition(";")[0], "that of web itself"


def test_a_registry_that_hangs_up_now_and_then_gets_all(app: Checkout, proxy: Troubled) -> None:
    proxy.on("POST", "/flaky/", HangUp(), Say(503, {"Retry-After": "0"}))
    proxy.on("PUT", "/flaky/", HangUp(), Say(429, {"Retry-After": "0"}))
    assert app.built("--to", f"{proxy.host}/flaky")["web"]["published"]


# Interruptions


def started(app: Checkout, to: str, scratch: Path, *options: str) -> subprocess.Popen[bytes]:
    words = command("build-reproducible-image", "--checkout", app.folder, "--to", to, *options)
    env = {**os.environ, "PYTHONPATH": str(SRC), "TIDEMILL_TMPDIR": str(scratch)}
    return subprocess.Popen(words, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.fixture
def heavy(tmp_path: Path) -> Checkout:
    """Six services of 4 MB, with which a build takes a while."""
    names = [f"s{n}" for n in range(6)]
    app = new_checkout(tmp_path / "heavy", *names)
    for n, name in enumerate(names):
        app.write(name, random.Random(n).randbytes(4_000_000))
    app.commit()
    return app


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_run_leaves_no_tag_alone_and_nothing_half_written(
    heavy: Checkout, number: signal.Signals, tmp_path: Path, scratch: Path
) -> None:
    out, pauses = tmp_path / "out", random.Random(int(number))
    wanted = {f"s{n}" for n in range(6)}
    codes = set()
    for attempt in range(4):
        shutil.rmtree(out, ignore_errors=True)
        run = started(heavy, f"oci:{out}", scratch)
        # An interpreter that is still starting is none of ours: the run has begun with its folder.
        while run.poll() is None and not any(scratch.iterdir()):
            time.sleep(0.005)
        time.sleep(pauses.random() * 0.5)
        run.send_signal(number)
        _, err = run.communicate(timeout=PATIENCE)
        codes.add(run.returncode)
        assert b"Traceback" not in err, err
        if number != signal.SIGKILL:
            assert list(scratch.iterdir()) == [], attempt
            found = whole(out)
        else:
            for part in out.rglob(".part-*"):
                part.unlink()
            found = whole(out)
        tagged = {name for name, layout in found.items() if layout.tags()}
        for name in tagged:
            assert set(found[name].tags()) == {heavy.sha, "main"}
        assert not tagged or set(found) == wanted, "all are whole before the first tag"
    assert codes & {0, 130, 143, -9}
    heavy.built("--to", f"oci:{out}")
    assert {name for name, layout in whole(out).items() if layout.tags()} == wanted
    assert list(scratch.iterdir()) == [], "the next run removes what a killed one left"


def test_an_interrupted_compile_step_ends_with_all_it_started(
    app: Checkout, tmp_path: Path, scratch: Path
) -> None:
    code = (
        "import os, subprocess; open('pid', 'w').write(str(os.getpid())); "
        "subprocess.run(['sleep', '60'])"
    )
    app.settings(f"[compile]\ncommand = '''{sys.executable} -c \"{code}\"'''\n" + service("web"))
    for number in (signal.SIGINT, signal.SIGTERM):
        (app.folder / "pid").unlink(missing_ok=True)
        run = started(app, f"oci:{tmp_path / 'out'}", scratch)
        file = app.folder / "pid"
        assert eventually(lambda file=file: file.exists() and bool(file.read_text()))  # type: ignore[misc]
        run.send_signal(number)
        run.communicate(timeout=PATIENCE)
        assert run.returncode in (130, 143)
        assert living(int((app.folder / "pid").read_text())) == []
        assert list(scratch.iterdir()) == []


def test_an_interrupted_engine_ends_what_it_builds(
    app: Checkout, buildkit_go126: BuildKit, busybox: Path, tmp_path: Path, scratch: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    shutil.copy(busybox, app.folder / "busybox")
    text = "FROM scratch\nCOPY busybox /bin/sh\nRUN echo begun; sleep 99\n"
    app.write("Dockerfile", text)
    app.settings('[[services]]\nname = "web"\nfile = "Dockerfile"\n')
    for name, value in buildkit_go126.environment.items():
        monkeypatch.setenv(name, value)
    run = started(app, f"oci:{tmp_path / 'out'}", scratch, "--engine", "buildkit")
    assert run.stderr is not None
    assert any(line.rstrip().endswith(b" begun") for line in run.stderr), "before it says more"
    run.send_signal(signal.SIGINT)
    _, err = run.communicate(timeout=PATIENCE)
    assert (run.returncode, b"Traceback" in err) == (130, False)
    assert list(scratch.iterdir()) == []
    assert not (tmp_path / "out").exists()


def test_a_slow_registry_does_not_keep_an_interrupted_run(
    app: Checkout, registry: Registry, tmp_path: Path, scratch: Path
) -> None:
    """A registry that takes connections, and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        run = started(app, f"127.0.0.1:{server.getsockname()[1]}/x", scratch)
        server.settimeout(PATIENCE)
        connection, _ = server.accept()
        run.send_signal(signal.SIGINT)
        time.sleep(0.1)
        assert eventually(lambda: not list(scratch.iterdir()))
        run.kill()
        run.communicate(timeout=PATIENCE)
        connection.close()


def test_two_runs_at_once_share_a_layout(heavy: Checkout, tmp_path: Path) -> None:
    runs = [started(heavy, f"oci:{tmp_path / 'out'}", tmp_path) for _ in range(3)]
    for run in runs:
        _, err = run.communicate(timeout=PATIENCE)
        assert run.returncode == 0, err
    found = whole(tmp_path / "out")
    assert len(found) == 6
    assert all(set(layout.tags()) == {heavy.sha, "main"} for layout in found.values())


def test_memory_does_not_grow_with_what_is_built(tmp_path: Path, registry: Registry) -> None:
    """12 services of 40 MB: the whole process stays under 150 MB."""
    names = [f"s{n}" for n in range(12)]
    app = new_checkout(tmp_path / "app", *names)
    block = random.Random(1).randbytes(1 << 20)
    for n, name in enumerate(names):
        with (app.folder / name).open("wb") as file:
            for m in range(40):
                file.write(b"%d %d" % (n, m) + block[m:] + bytes(1 << 10))
    words = command("build-reproducible-image", "--checkout", app.folder, "--sha", app.sha,
                    "--branch", "main", "--to", registry.name("memory"), "--quiet")  # fmt: skip
    script = (
        "import resource, subprocess, sys\n"
        "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True,
                          check=True, env={**os.environ, "PYTHONPATH": str(SRC)})  # fmt: skip
    assert int(done.stdout) < 150 * 1024, "kB"


def test_without_git_a_dockerfile_can_be_built(app: Checkout, tmp_path: Path) -> None:
    app.write("Dockerfile", COPY)
    given = ["--context", str(app.folder), "--to", f"oci:{tmp_path / 'out'}", "--tag", "x"]
    said = in_a_process("build-reproducible-image", "--json", *given, env={"PATH": "/nowhere"})
    assert said.code == 0, said.err
    assert set(Layout.open(tmp_path / "out").tags()) == {"x"}


def test_an_unknown_engine_is_wrong_usage(app: Checkout) -> None:
    said = tidemill("build-reproducible-image", "--engine", "kaniko")
    assert said.code == 2
    assert "'kaniko' is none of assemble, buildkit, classic" in said.err
