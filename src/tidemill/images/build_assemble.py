"""Build an image without a daemon: a base, files of the context, and a config."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from msgspec.structs import replace

from tidemill.errors import Refused
from tidemill.images.base_image import SCRATCH, BaseImage
from tidemill.images.build import Workspace
from tidemill.images.canonical_image import write_image
from tidemill.images.entries import (
    EXECUTABLE,
    READABLE,
    Entry,
    File,
    Folder,
    in_order,
)
from tidemill.images.files import entry_at, fit
from tidemill.images.oci import Descriptor, Platform
from tidemill.images.recipe import Copy, Recipe
from tidemill.images.rootfs import RootFs, followed, with_folders


def assemble(context: Path, recipe: Recipe, platform: Platform, workspace: Workspace) -> Descriptor:
    """Write the image into the workspace's layout, without a tag; return what points to it.

    Args:
        context: the folder that the recipe's paths are relative to.

    Raises:
        Refused: a file or the base is missing, or reached through a symbolic link.
        CompressorDiffers: the compressor is not the one of the profile.
    """
    base = _base(context, recipe, platform, workspace)
    layers = []
    if recipe.files:
        entries = in_order(copied(context, recipe.files, platform))
        if any("/" in entry.path or isinstance(entry, Folder) for entry in entries):
            entries = on_top_of(base.rootfs, entries)
        layers.append(workspace.write(entries))
    return write_image(layers, recipe.run_config(base.run), platform, base, workspace)


def on_top_of(below: RootFs, entries: Iterable[Entry]) -> list[Entry]:
    """The entries as they go onto a base: its folders stay as they are, its links are followed.

    Raises:
        Refused: two entries come to one place through links of the base, or links lead in a circle.
    """
    new = (replace(entry, path=_placed(entry, below)) for entry in entries)
    return with_folders(
        [e for e in new if not (isinstance(e, Folder) and below.folder(e.path))], below
    )


def _placed(entry: Entry, below: RootFs) -> str:
    folder, _, name = entry.path.rpartition("/")
    if isinstance(entry, Folder):
        folder, name = entry.path, ""
    return "/".join(filter(None, (followed(folder, below.link), name)))


def copied(context: Path, copies: Iterable[Copy], platform: Platform) -> Iterator[Entry]:
    """What the copies put into the image, folders with all that is below them."""
    for copy in copies:
        yield from _entries(located(context, copy.source_for(platform)), copy)


def located(context: Path, source: str) -> Path:
    """The path of a file in the context; raise `Refused` if it is missing or behind a link."""
    path = context
    for part in PurePosixPath(source).parts:
        path = path / part
        try:
            mode = path.lstat().st_mode
        except (FileNotFoundError, NotADirectoryError):
            raise Refused(
                f"{source} is not in {context}",
                remedy="compile it first, or mend its path in the settings",
            ) from None
        if stat.S_ISLNK(mode):
            raise Refused(
                f"{source} leads through the symbolic link {path.relative_to(context)}",
                remedy="name the file that the link leads to, by its path in the build context",
            )
    return path


def _entries(top: Path, copy: Copy) -> Iterator[Entry]:
    waiting = [(top, copy.path)]
    while waiting:
        path, name = waiting.pop()
        entry = fit(entry_at(path, name))
        if isinstance(entry, Folder):
            waiting += [(child, f"{name}/{child.name}") for child in path.iterdir()]
        elif isinstance(entry, File) and copy.mode:
            entry = replace(entry, attributes=EXECUTABLE if copy.mode == "0755" else READABLE)
        yield entry


def _base(context: Path, recipe: Recipe, platform: Platform, workspace: Workspace) -> BaseImage:
    where = recipe.base_location
    if where is None:
        return SCRATCH
    if where.folder is not None:
        where = replace(where, folder=str(located(context, where.folder)))
    return workspace.bases(where, platform)
