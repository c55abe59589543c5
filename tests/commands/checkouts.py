"""Small checkouts of app.git, and the command line run on them."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.world import git

from tidemill.__main__ import main

SRC = Path(__file__).resolve().parents[2] / "src"


@dataclass(frozen=True)
class Said:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> dict[str, str]:
        """Its one error, as `--json` prints it."""
        found: dict[str, str] = self.json["error"]
        assert self.code == 1
        assert set(found) == {"what", "written", "remedy"}
        for text in found.values():
            assert text
            assert text.isprintable()
        return found


def tidemill(*arguments: str | Path) -> Said:
    """Run a command in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([str(argument) for argument in arguments])
    assert "Traceback" not in err.getvalue()
    return Said(code, out.getvalue(), err.getvalue())


def command(*arguments: str | Path) -> list[str]:
    """The words of a command, for a process of its own."""
    return [sys.executable, "-m", "tidemill", *map(str, arguments)]


def in_a_process(*arguments: str | Path, env: Mapping[str, str] | None = None) -> Said:
    """Run a command as a fresh process, with some more variables."""
    whole = {**os.environ, "PYTHONPATH": str(SRC), **(env or {})}
    done = subprocess.run(
        command(*arguments), env=whole, capture_output=True, text=True, check=False, timeout=120
    )
    assert "Traceback" not in done.stderr
    return Said(done.returncode, done.stdout, done.stderr)


@dataclass(frozen=True)
class Checkout:
    """A checkout of app.git."""

    folder: Path

    def write(self, path: str, text: str | bytes, mode: int = 0o644) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        file.chmod(mode)

    def settings(self, text: str, images: str = "ghcr.io/acme/{service}") -> None:
        self.write("tidemill.toml", f'images = "{images}"\n{text}')

    def commit(self, message: str = "Work") -> str:
        git(self.folder, "add", "--all")
        git(self.folder, "commit", "--quiet", "--allow-empty", "--message", message)
        return self.sha

    @property
    def sha(self) -> str:
        return git(self.folder, "rev-parse", "HEAD")

    def build(self, *options: str | Path) -> Said:
        return tidemill(
            *("build-reproducible-image", "--json", "--checkout", self.folder, *options)
        )

    def built(self, *options: str | Path) -> dict[str, Any]:
        """What a build that has to succeed told of each image, by service."""
        said = self.build(*options)
        assert said.code == 0, said.out
        return {image["service"]: image for image in said.json["images"]}

    def error(self, *options: str | Path) -> dict[str, str]:
        """The one error of a build that has to fail."""
        return self.build(*options).error


def service(name: str, more: str = "") -> str:
    """The settings of a service that is one file, of the same name."""
    return (
        f'[[services]]\nname = "{name}"\nfiles = [{{ from = "{name}", to = "/{name}" }}]\n{more}\n'
    )


def new_checkout(folder: Path, *names: str) -> Checkout:
    """A repository with one commit, with these services."""
    folder.mkdir(parents=True)
    git(folder, "init", "--quiet")
    checkout = Checkout(folder)
    checkout.settings("".join(service(name) for name in names))
    for name in names:
        checkout.write(name, f"the program {name}\n")
    checkout.commit()
    return checkout
