"""Where prepared components are: a folder for each part, named after its pins, made once."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.components.absence import Missing

OURS = re.compile(
    r"(?:debian|docker|tools|buildkit|integrations|renderers|browser|server)[a-z0-9.-]*-[0-9a-f]{16}(?:\.lock|\.[^/]*\.part)?"
)


def cache() -> Path:
    """The folder of all parts, shared by all checkouts of this user."""
    if own := os.environ.get("TIDEMILL_COMPONENTS"):
        return Path(own).absolute()
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "tidemill" / "components"


CACHE = cache()


@dataclass(frozen=True)
class Part:
    """Something to prepare: `make` fills an empty folder; `how` says what that is."""

    name: str
    how: str
    pins: str
    make: Callable[[Path], None]

    @property
    def folder(self) -> Path:
        return CACHE / f"{self.name}-{hashlib.sha256(self.pins.encode()).hexdigest()[:16]}"

    def ready(self) -> Path:
        """Its folder, which is there and whole, or Missing."""
        if not self.folder.is_dir():
            raise Missing(
                f"{self.name} is not prepared on this machine.", "Run `make components` once."
            )
        return self.folder

    def prepare(self) -> bool:
        """Make the folder, unless it is there. False: it was."""
        with self._alone():
            if self.folder.is_dir():
                return False
            for stale in CACHE.glob(f"{self.folder.name}.*.part"):  # somebody was interrupted
                shutil.rmtree(stale)
            beside = Path(
                tempfile.mkdtemp(prefix=f"{self.folder.name}.", suffix=".part", dir=CACHE)
            )
            try:
                beside.chmod(0o755)
                self.make(beside)
                beside.rename(self.folder)
            finally:
                shutil.rmtree(beside, ignore_errors=True)
            return True

    def versions(self) -> dict[str, str]:
        """What it holds: programs or packages, and their versions."""
        lines = (self.ready() / "versions").read_text().splitlines()
        return dict(line.split(" ", 1) for line in lines)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        CACHE.mkdir(parents=True, exist_ok=True)
        with (CACHE / f"{self.folder.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def note(folder: Path, versions: Mapping[str, str]) -> None:
    """Write what `versions` reads, into a folder that is being made."""
    (folder / "versions").write_text(
        "".join(f"{name} {versions[name]}\n" for name in sorted(versions))
    )


def remove() -> None:
    """Remove every part, of these pins and of older ones, and nothing else."""
    for path in CACHE.glob("*"):
        if OURS.fullmatch(path.name):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
