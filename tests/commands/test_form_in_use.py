"""Images of the canonical form in use: what servers, archivers and Python make of its times."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.commands.checkouts import Said, new_checkout, service, tidemill

from tidemill.images.layout import Layout
from tidemill.images.tar_stream import TIME

HTML = "usr/share/nginx/html"


def built(context: Path, *options: str) -> tuple[Path, Said]:
    """Build a context as it is; the folder that its one layer is unpacked to, with its times."""
    (context / "Dockerfile").write_text("FROM scratch\nCOPY root /\n")
    place = context / f"out-{len(list(context.iterdir()))}"
    to = ("--to", f"oci:{place}", "--tag", "t")
    said = tidemill("build-reproducible-image", "--json", "--context", context, *to, *options)
    assert said.code == 0, said.out
    layout = Layout.open(place)
    [layer] = json.loads(layout.read(said.json["digest"]))["layers"]
    folder = place.with_name(f"{place.name}-root")
    with tarfile.open(layout.path(layer["digest"])) as archive:
        archive.extractall(folder, filter="fully_trusted")
    return folder, said


@pytest.fixture
def context(tmp_path: Path) -> Path:
    found = tmp_path / "context"
    (found / "root").mkdir(parents=True)
    return found


def write(context: Path, path: str, text: str) -> None:
    file = context / "root" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


@contextmanager
def serving(nginx: Path, folder: Path, at: Path) -> Iterator[int]:
    """nginx with its own defaults; the port is taken before it starts, and handed on to it."""
    at.mkdir()
    conf = at / "nginx.conf"
    temporary = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    conf.write_text(
        f"daemon off; user root; pid {at}/pid; error_log stderr; events {{}}\n"
        "http { access_log off;\n"
        + "".join(f"{kind}_temp_path {at}/{kind};\n" for kind in temporary)
        + f"server {{ listen 127.0.0.1:{port}; root {folder}; }} }}\n"
    )
    words = [str(nginx), "-p", str(at), "-c", str(conf), "-e", "stderr"]
    with listening:
        handed, env = listening.fileno(), {**os.environ, "NGINX": f"{listening.fileno()};"}
        process = subprocess.Popen(words, env=env, pass_fds=[handed], stderr=subprocess.PIPE)
    with process:
        try:
            yield port
        finally:
            process.terminate()


def asked(port: int, headers: dict[str, str]) -> tuple[int, bytes, dict[str, str]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", "/page.html", headers=headers)
    answer = connection.getresponse()
    found = (answer.status, answer.read(), dict(answer.getheaders()))
    connection.close()
    return found


def seen_after_a_change(nginx: Path, context: Path, *options: str) -> tuple[int, bytes]:
    """What a browser that has the old page is told, once the image with the new one runs."""
    said: list[tuple[int, bytes, dict[str, str]]] = []
    known: dict[str, str] = {}
    for text in ("old page", "new page"):
        write(context, f"{HTML}/page.html", text)
        folder, _ = built(context, *options)
        with serving(nginx, folder / HTML, context / f"nginx-{len(said)}") as port:
            said.append(asked(port, known))
        headers = said[0][2]
        known = {"If-None-Match": headers["ETag"], "If-Modified-Since": headers["Last-Modified"]}
    return said[1][:2]


def test_with_one_time_nginx_takes_a_new_page_for_the_old_one(nginx: Path, context: Path) -> None:
    assert seen_after_a_change(nginx, context) == (304, b"")


def test_with_times_that_follow_from_content_nginx_sends_the_new_page(
    nginx: Path, context: Path
) -> None:
    assert seen_after_a_change(nginx, context, "--content-time", f"/{HTML}") == (200, b"new page")


def test_the_settings_say_it_for_all_services_and_what_is_unchanged_is_not_sent_again(
    tmp_path: Path,
) -> None:
    app = new_checkout(tmp_path / "app", "web")
    app.write("Dockerfile", "ARG BASE_IMAGE\nFROM $BASE_IMAGE\nCOPY web /own\n")
    app.write("Dockerfile.base", "FROM scratch\nCOPY web /www/page\n")
    app.settings(
        'content_times = ["/web", "/www"]\ncreated = 2026-05-01T00:00:00Z\n'
        '[base]\nfile = "Dockerfile.base"\n'
        + service("web")
        + '[[services]]\nname = "built"\nfile = "Dockerfile"\n'
    )
    app.commit()
    to = f"oci:{tmp_path / 'out'}"
    first = app.built("--to", to)
    for name, paths in {"web": {"web"}, "built": {"www/page"}}.items():
        layout = Layout.open(tmp_path / "out" / name)
        config = json.loads(layout.read(first[name]["imageid"]))
        assert config["created"] == "2026-05-01T00:00:00Z"
        found: dict[str, int] = {}
        for layer in json.loads(layout.read(first[name]["digest"]))["layers"]:
            with tarfile.open(layout.path(layer["digest"])) as archive:
                found |= {member.name: int(member.mtime) for member in archive}
        assert {path for path, when in found.items() if when != TIME} == paths
    again = app.built("--to", to)
    assert {name: (one["changed"], one["sent"]) for name, one in again.items()} == {
        "web": (False, 0),
        "built": (False, 0),
    }


def test_pages_with_one_time_are_warned_of(context: Path) -> None:
    write(context, f"{HTML}/page.html", "page")
    _, said = built(context)
    [warning] = said.json["images"][0]["warnings"]
    assert warning.startswith(f"/{HTML}/page.html: ")
    assert f"note: context: {warning}" in said.err
    _, said = built(context, "--content-time", f"/{HTML}")
    assert said.json["images"][0]["warnings"] == []


@pytest.mark.parametrize(
    "zone", ["Etc/GMT+12", "America/Los_Angeles", "Asia/Tokyo", "Pacific/Kiritimati", "XXX24"]
)
def test_zip_takes_the_files_of_an_image_in_every_time_zone(zone: str, context: Path) -> None:
    write(context, "a/page", "hello")
    folder, _ = built(context)
    words = [sys.executable, "-m", "zipfile", "-c", "made.zip", "a"]
    done = subprocess.run(words, cwd=folder, env={"TZ": zone}, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert zipfile.ZipFile(folder / "made.zip").read("a/page") == b"hello"
    os.utime(folder / "a/page", (0, 0))  # as it was in tidemill/1
    done = subprocess.run(words, cwd=folder, env={"TZ": zone}, capture_output=True, check=False)
    assert b"before 1980" in done.stderr


def compile_and_look(context: Path, environment: dict[str, str]) -> tuple[str, list[str]]:
    """What Python says of a module's bytecode in the image; and what the build warned of."""
    write(context, "lib/module.py", "value = 1\n")
    words = [sys.executable, "-m", "compileall", "-q", str(context / "root/lib")]
    subprocess.run(words, env=environment, check=True)
    folder, said = built(context)
    words = [sys.executable, "-v", "-B", "-c", "import module"]
    where = {"PYTHONPATH": str(folder / "lib")}
    done = subprocess.run(words, env=where, capture_output=True, text=True, check=True)
    lines = [line for line in done.stderr.splitlines() if "module" in line and "/lib/" in line]
    return "\n".join(lines), said.json["images"][0]["warnings"]


def test_bytecode_with_the_time_of_its_source_is_stale_and_warned_of(context: Path) -> None:
    said, [warning] = compile_and_look(context, {})
    assert "bytecode is stale" in said or "code object from" in said
    assert "module.py" in said
    assert "matches" not in said
    assert "Python compiles it again at each start" in warning


def test_the_remedy_of_the_warning_makes_bytecode_that_is_used(context: Path) -> None:
    said, warnings = compile_and_look(context, {"SOURCE_DATE_EPOCH": "315619200"})
    assert "matches" in said
    assert warnings == []
