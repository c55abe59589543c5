"""The one compile step: every service below cmd/, into bin/.

Go comes from the Python package that requirements.txt pins, because another release of Go gives
other binaries. Whatever else could change them is set here, so that everybody's machine builds the
same bytes from the same source.

    python3 build.py          compile
    python3 build.py --warm   only fill Go's build cache; nothing to do if it is full
"""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

HERE = Path(__file__).resolve().parent
# No paths of this machine, no commit, no build id; and no tables for debuggers (-s -w).
REPRODUCIBLE = ["-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid="]
KEPT = ("HOME", "PATH", "TMPDIR", "GOCACHE")


def main() -> int:
    wanted = (HERE / "requirements.txt").read_text().strip()
    go = pinned(wanted)
    if go is None:
        remedy = "python3 -m pip install -r requirements.txt"
        print(f"build.py needs {wanted}: {remedy}", file=sys.stderr)
        return 1
    warm = "--warm" in sys.argv[1:]
    settings = environment(go)
    if warm and not Path(settings.get("GOCACHE", HERE)).is_dir():
        print("Filling Go's build cache (up to a minute, once) ...", flush=True)
    command = [str(go / "bin" / "go"), "build", *REPRODUCIBLE, *([] if warm else ["-o", "bin/"])]
    return subprocess.run([*command, "./cmd/..."], cwd=HERE, env=settings, check=False).returncode


def pinned(wanted: str) -> Path | None:
    """Where the pinned release of Go is installed, if it is."""
    name, _, release = wanted.partition("==")
    try:
        package: Distribution = distribution(name)
    except PackageNotFoundError:
        return None
    return Path(str(package.locate_file("go"))) if package.version == release else None


def environment(go: Path) -> dict[str, str]:
    """Everything that Go sees of the machine; the images are for 64-bit Intel and AMD."""
    settings = {
        "GOROOT": str(go),
        "GOTOOLCHAIN": "local",
        "GOENV": "off",
        "GOFLAGS": "-mod=vendor",
        "GOPROXY": "off",
        "GOWORK": "off",
        "GOOS": "linux",
        "GOARCH": "amd64",
        "GOAMD64": "v1",
        "CGO_ENABLED": "0",
    }
    if sys.prefix != sys.base_prefix:  # the cache lives and goes with the environment Go comes from
        settings["GOCACHE"] = str(Path(sys.prefix) / "go-build")
    return settings | {name: os.environ[name] for name in KEPT if name in os.environ}


if __name__ == "__main__":
    sys.exit(main())
