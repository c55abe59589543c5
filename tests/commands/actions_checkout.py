"""A checkout of the actions with packages of its own, and ways to start its `bin/run`.

The package is a wheel made here, found in a folder or on a loopback server: no index is asked.
"""

from __future__ import annotations

import base64
import hashlib
import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
WHEEL = "tidepool-1.0-py3-none-any.whl"
MAIN = """\
import json, os, sys, tidepool
def main():
    said = {"words": sys.argv[1:], "level": tidepool.LEVEL, "python": sys.executable,
            "utf8": sys.flags.utf8_mode, "site": "site" in sys.modules}
    print(json.dumps(said))
    return int(os.environ.get("END", "0"))
"""
TOOLS = ("bash", "cksum", "env", "readlink", "sed")
SECONDS = 120


def wheel(folder: Path, level: str = "high") -> str:
    """Make the wheel; returns its sha256."""
    files = {
        "tidepool/__init__.py": f"LEVEL = {level!r}\n",
        "tidepool-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: tidepool\nVersion: 1.0\n",
        "tidepool-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: here\n"
        "Root-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},{_sha(text)},{len(text)}\n" for name, text in files.items())
    files["tidepool-1.0.dist-info/RECORD"] = f"{record}tidepool-1.0.dist-info/RECORD,,\n"
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / WHEEL, "w") as out:
        for name, text in files.items():
            out.writestr(zipfile.ZipInfo(name, (2026, 1, 2, 3, 4, 6)), text)
    return hashlib.sha256((folder / WHEEL).read_bytes()).hexdigest()


@dataclass
class Actions:
    """A checkout with `bin/run`, a lock of one package, and a cache of its own."""

    folder: Path
    tools: list[Path]
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def root(self) -> Path:
        return self.folder / "the actions"

    @property
    def wheels(self) -> Path:
        return self.folder / "wheels"

    @property
    def cache(self) -> Path:
        return self.folder / "tool cache" / f"tidemill-{os.geteuid()}"

    def make(self) -> Actions:
        self.cache.parent.mkdir()
        shutil.copytree(ROOT / "bin", self.root / "bin")
        package = self.root / "src" / "tidemill"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text("")
        (package / "__main__.py").write_text(MAIN)
        self.lock(wheel(self.wheels))
        return self

    def lock(self, sha256: str) -> None:
        """Pin the package; the tools' part of the lock has one that is nowhere."""
        (self.root / "requirements.lock").write_text(
            f"--only-binary :all:\n# --- runtime\ntidepool==1.0 --hash=sha256:{sha256}\n"
            f"\n# --- tools: for tests\nnowhere==9 --hash=sha256:{'0' * 64}\n"
        )

    def environment(self, **more: str) -> dict[str, str]:
        found = {
            "PATH": os.pathsep.join(map(str, self.tools)),
            "HOME": str(self.folder / "home"),
            "RUNNER_TOOL_CACHE": str(self.cache.parent),
            "LC_ALL": "C.UTF-8",
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(self.wheels),
            "UV_OFFLINE": "1",
            "UV_FIND_LINKS": str(self.wheels),
            "UV_CACHE_DIR": str(self.folder / "uv"),
            **self.extra,
            **more,
        }
        return {name: value for name, value in found.items() if value}

    def start(self, *words: str, **more: str) -> subprocess.Popen[str]:
        """Start it, in a session of its own."""
        return subprocess.Popen(
            [str(self.root / "bin" / "run"), *words],
            cwd=self.folder,
            env=self.environment(**more),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *words: str, **more: str) -> Ended:
        """Run it to its end."""
        process = self.start(*words, **more)
        out, err = process.communicate(timeout=SECONDS)
        return Ended(process.returncode, out, err)

    def kept(self) -> list[str]:
        """What the cache has, but for locks."""
        if not self.cache.exists():
            return []
        return sorted(one.name for one in self.cache.iterdir() if not one.name.startswith("."))

    def home(self) -> Path:
        (name,) = self.kept()
        return self.cache / name


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str

    @property
    def said(self) -> Mapping[str, Any]:
        assert self.code == 0, self.err
        found: Mapping[str, Any] = json.loads(self.out)
        return found


def bare_tools(folder: Path) -> Path:
    """A folder for PATH with what the script calls, and without a Python."""
    folder.mkdir()
    for name in TOOLS:
        found = shutil.which(name)
        assert found, name
        (folder / name).symlink_to(found)
    return folder


def with_python(folder: Path, python: Path = Path(sys.executable)) -> Path:
    """A folder for PATH in which `python3` is this one."""
    folder.mkdir()
    script = folder / "python3"
    script.write_text(f'#!/bin/sh\nexec "{python}" "$@"\n')
    script.chmod(0o755)
    return folder


@contextmanager
def silent_index() -> Iterator[tuple[str, threading.Event]]:
    """The address of an index that takes a request and never answers; the event says it has one."""
    asked, done = threading.Event(), threading.Event()

    class Silent(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.set()
            done.wait(SECONDS)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Silent) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/simple", asked
        finally:
            done.set()
            server.shutdown()
            thread.join()


def _sha(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return "sha256=" + base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
