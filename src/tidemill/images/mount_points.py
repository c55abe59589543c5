"""What an engine leaves in a layer only because it mounted something there while a RUN lasted."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping

from tidemill.images.entries import Entry, File, Folder

# Where engines mount something while a RUN lasts; a runtime makes them again in every container.
_MOUNTED_OVER = ("dev", "proc", "sys")
_MOUNTED_BELOW = ("etc",)
_MOUNTED_FILES = (".dockerenv", "etc/hostname", "etc/hosts", "etc/mtab", "etc/resolv.conf")


def leave_out_mount_points(
    added: dict[str, Entry], below: Container[str], mounted: Iterable[str]
) -> None:
    """Take out what engines made only to mount something on it, or what is as good as that."""
    for path in _MOUNTED_FILES:
        entry = added.get(path)
        if isinstance(entry, File) and not entry.size and path not in below:
            del added[path]
    for path in _MOUNTED_OVER:
        if isinstance(added.get(path), Folder) and path not in below and _is_empty(path, added):
            del added[path]
    for path in (*_MOUNTED_BELOW, *(path.strip("/") for path in mounted)):
        # With the folders above it that are there for nothing else.
        while added.get(path) == Folder(path) and path not in below and _is_empty(path, added):
            del added[path]
            path = path.rpartition("/")[0]  # noqa: PLW2901


def _is_empty(folder: str, added: Mapping[str, Entry]) -> bool:
    return not any(path.startswith(f"{folder}/") for path in added)
