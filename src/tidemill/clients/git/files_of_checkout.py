"""The files of a person's checkout, as they are now; and new ones written into it."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from tidemill.clients.git.git import Git, line
from tidemill.errors import Refused
from tidemill.words.names import shown, shown_path

_MOST_BYTES = 1 << 20  # of one file: what is longer is nobody's settings
_READ = (".yaml", ".yml", ".toml", ".json", ".go", ".mod", ".jsonnet", ".libsonnet", ".py")
_READ_NAMES = (
    "Dockerfile",
    "Containerfile",
    "Makefile",
    "Kustomization",
    ".gitattributes",
    ".gitignore",
)


class CheckoutFiles(Struct, frozen=True):
    """All files of a checkout that Git does not ignore.

    Attributes:
        files: by path the bytes of what settings and manifests are written in; of others none.
        branch: the one that origin has by default; else main or master, else the one that is
            checked out.
        url: of the remote `origin`; None if there is none.
    """

    folder: Path
    files: dict[str, bytes]
    branch: str
    url: str | None


def read(folder: Path) -> CheckoutFiles:
    """Read a checkout.

    Raises:
        Refused: the folder is not the root of one.
    """
    git = Git(folder)
    root = git.top()
    if root is None:
        raise Refused(
            f"{shown_path(folder)} is no checkout of a Git repository",
            remedy="name the folder of one, or make it one: git init",
        )
    if root.resolve() != folder.resolve():
        raise Refused(
            f"{shown_path(folder)} is not the root of its checkout",
            remedy=f"name {shown_path(root)}",
        )
    files = {name: _bytes(folder / name) for name in git.files() if (folder / name).is_file()}
    return CheckoutFiles(folder, files, _branch(git), git.address())


def write(folder: Path, path: str, data: bytes) -> None:
    """Write a file of a checkout.

    Raises:
        Refused: a link is on the way, behind which Git adds nothing; or it can't be written there.
    """
    file = folder / path
    if file.is_symlink() or file.parent.resolve() != folder.resolve() / Path(path).parent:
        raise Refused(
            f"{shown(path)} is a link, or behind one", remedy="put a file or a folder in its place"
        )
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    except OSError as error:
        raise Refused(
            f"{shown(path)} can't be written: {error.strerror}",
            remedy="put away what is in its place, or let it be written to, and run this again",
        ) from None


def _bytes(file: Path) -> bytes:
    is_wanted = file.suffix in _READ or any(name in file.name for name in _READ_NAMES)
    if not is_wanted or file.is_symlink() or file.stat().st_size > _MOST_BYTES:
        return b""
    return file.read_bytes()


def _branch(git: Git) -> str:
    code, name, _ = git.attempt("symbolic-ref", "--short", "refs/remotes/origin/HEAD")
    if code == 0:
        return line(name).removeprefix("origin/")
    for usual in ("main", "master"):
        if git.attempt("rev-parse", "--verify", "--quiet", f"refs/heads/{usual}")[0] == 0:
            return usual
    code, name, _ = git.attempt("symbolic-ref", "--short", "HEAD")
    return line(name) if code == 0 else "main"
