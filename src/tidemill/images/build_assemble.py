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
from tidemill.images.recipe import GIT, Copy, Recipe
from tidemill.images.rootfs import RootFs, followed, with_folders

# In most images (Filesystem Hierarchy Standard 3.0, "The Root Filesystem").
_FOLDERS_AT_TOP = (
    *("bin", "boot", "dev", "etc", "home", "lib", "lib32", "lib64", "media", "mnt", "opt", "proc"),
    *("root", "run", "sbin", "srv", "sys", "tmp", "usr", "var"),
)


def assemble(context: Path, recipe: Recipe, platform: Platform, workspace: Workspace) -> Descriptor:
    """Write the image into the workspace's layout, without a tag; return what points to it.

    Args:
        context: the folder that the recipe's paths are relative to.

    Raises:
        Refused: a file or the base is missing, or reached through a symbolic link; or a file would
            take the place of a folder of the base, or the reverse; or the base has ONBUILD.
        CompressorDiffers: the compressor is not the one of the profile.
    """
    base = _base(context, recipe, platform, workspace)
    layers = []
    if recipe.files:
        entries = in_order(copied(context, recipe.files, platform))
        if any(_depends_on(base, entry) for entry in entries):
            entries = on_top_of(base.rootfs, entries)
        layers.append(workspace.write(entries))
    return write_image(layers, recipe.run_config(base.run), platform, base, workspace)


def on_top_of(below: RootFs, entries: Iterable[Entry]) -> list[Entry]:
    """The entries as they go onto a base: its folders stay as they are, its links are followed.

    Raises:
        Refused: two entries come to one place through links of the base, or links lead in a circle;
            or a file would take the place of a folder, or a folder that of a file.
    """
    new = [replace(entry, path=_placed(entry, below)) for entry in entries]
    return with_folders(
        [e for e in new if not (isinstance(e, Folder) and below.folder(e.path))], below
    )


def _depends_on(base: BaseImage, entry: Entry) -> bool:
    """Whether an entry is anything but a new file at the top: then it matters what the base has.

    A name at the top is new if neither most images nor the base's workdir have a folder of it.
    """
    workdir = str(base.run.get("WorkingDir") or "").strip("/").split("/")[0]
    return (
        "/" in entry.path or isinstance(entry, Folder) or entry.path in (*_FOLDERS_AT_TOP, workdir)
    )


def _placed(entry: Entry, below: RootFs) -> str:
    """The path of an entry on top of the base; raises `Refused` as `on_top_of` does."""
    is_folder = isinstance(entry, Folder)
    led_to = followed(entry.path, below.link)
    if led_to in below and (below.folder(led_to) is None) == is_folder:
        is_now, is_to_be = ("file", "folder") if is_folder else ("folder", "file")
        raise Refused(
            f"/{entry.path} is a {is_now} in the base, and would become a {is_to_be}",
            remedy="write another path in to: it is that of the copy, not of the folder around it",
        )
    if is_folder:
        return led_to
    folder, _, name = entry.path.rpartition("/")
    return "/".join(filter(None, (followed(folder, below.link), name)))


def copied(context: Path, copies: Iterable[Copy], platform: Platform) -> Iterator[Entry]:
    """What the copies put into the image, folders with all that is below them but `.git`."""
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
    if copy.names_folder and not top.is_dir():
        raise Refused(
            f"{copy.source} is a file, and {copy.to} the path of a folder",
            remedy=f"write the path of the file itself: /{copy.path}/{top.name}",
        )
    waiting = [(top, copy.path)]
    while waiting:
        path, name = waiting.pop()
        entry = fit(entry_at(path, name))
        if isinstance(entry, Folder):
            children = (child for child in path.iterdir() if child.name != GIT)
            waiting += [(child, f"{name}/{child.name}") for child in children]
        elif isinstance(entry, File) and copy.mode:
            entry = replace(entry, attributes=EXECUTABLE if copy.mode == "0755" else READABLE)
        yield entry


def _base(context: Path, recipe: Recipe, platform: Platform, workspace: Workspace) -> BaseImage:
    where = recipe.base_location
    if where is None:
        return SCRATCH
    if where.folder is not None:
        where = replace(where, folder=str(located(context, where.folder)))
    base = workspace.bases(where, platform)
    if base.run.get("OnBuild"):
        raise Refused(
            f"the base {recipe.base} has ONBUILD, which files alone can't carry out",
            remedy="use another base, or a Dockerfile with --engine buildkit",
        )
    if base.has_relative_workdir and not recipe.workdir:
        raise Refused(
            f"the base {recipe.base} has a workdir that is not an absolute path, so no container "
            "would start",
            remedy="set workdir to an absolute path",
        )
    return base
