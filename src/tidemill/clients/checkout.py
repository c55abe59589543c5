"""A checkout of cfg-app.git on this machine, copied so that checking it changes nothing in it."""

from __future__ import annotations

import shutil
from pathlib import Path

from tidemill.clients.entrypoints import run_entry_point
from tidemill.clients.git import Git
from tidemill.errors import Refused


class Checkout:
    """The files of a checkout that are or would be committed, in a folder of this run.

    Args:
        folder: the checkout.
        scratch: an empty folder for the copy.
    """

    def __init__(self, folder: Path, scratch: Path) -> None:
        source = Git(folder)
        if not folder.is_dir() or source.attempt("rev-parse", "--show-toplevel")[0] != 0:
            raise Refused(
                f"{str(folder)!r} is not a checkout",
                remedy="give the folder of a checkout of cfg-app.git",
            )
        top = Path(source("rev-parse", "--show-toplevel").decode().strip())
        self.folder = scratch / "checkout"
        self._home = scratch / "home"
        self._home.mkdir()
        source("clone", "--quiet", "--shared", "--no-checkout", str(top), str(self.folder))
        self._git = Git(self.folder)
        self._git("config", "core.excludesFile", "/dev/null")
        for name in _listed(
            Git(top)("ls-files", "-z", "--cached", "--others", "--exclude-standard")
        ):
            if (top / name).is_symlink() or (top / name).is_file():
                (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(top / name, self.folder / name, follow_symlinks=False)
        self._before = self._tree()

    def read(self, name: str) -> bytes | None:
        """A file's bytes, None if it is not there."""
        path = self.folder / name
        return path.read_bytes() if path.is_file() else None

    def run(self, command: str, seconds: float) -> None:
        """Run an entry point in the copy; raises what `run_entry_point` raises."""
        run_entry_point(command, folder=self.folder, home=self._home, seconds=seconds)

    def changed(self) -> list[str]:
        """The files that are not as they were copied."""
        now = self._tree()
        return list(_listed(self._git("diff-tree", "-r", "-z", "--name-only", self._before, now)))

    def _tree(self) -> str:
        self._git("add", "-A")
        return self._git("write-tree").decode().strip()


def _listed(out: bytes) -> list[str]:
    return [name for name in out.decode(errors="surrogateescape").split("\0") if name]
