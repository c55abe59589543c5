"""COPY and ADD, carried out on a stage.

The rules are those of BuildKit's file operations, on entries instead of files.
No folder is replaced by a file or a file by a folder; a folder of the destination that is there
stays what it is, and those below it take over mode and owner of what is copied onto them.
"""

from __future__ import annotations

import io
import posixpath
import re
import tarfile
from collections.abc import Iterable, Iterator
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from tidemill.errors import Refused
from tidemill.images.dockerfile.ignore import Ignore, Matched, pattern
from tidemill.images.dockerfile.instructions import Copy
from tidemill.images.dockerfile.parse import Dockerfile
from tidemill.images.dockerfile.stage_image import StageImage
from tidemill.images.dockerfile.tree import Source, Tree
from tidemill.images.dockerfile.upper_layer import SHARED, UpperLayer
from tidemill.images.dockerfile.users import owner_of
from tidemill.images.dockerfile.wildcards import form_of
from tidemill.images.dockerfile.words import Mistake, expanded
from tidemill.images.entries import Attributes, Entry, File, Folder, Link, path_in, steps
from tidemill.images.files import Unfit, fit
from tidemill.images.rootfs import RootFs
from tidemill.images.tar_read import ZSTD
from tidemill.words.names import shown

ENGINE = "build with --engine buildkit, or compile in [compile] and COPY the result"
_REMOTE = ("http://", "https://", "git@", "git://", "ssh://")
_HIGHEST_MODE = 0o7777
Found = Entry | Unfit
_WILD = re.compile(r"[*?\[]")


class CopyFlags(Struct, frozen=True):
    """What the flags of a COPY say: owner and mode of what is copied, and what is left out."""

    owner: tuple[int, int] | None = None
    mode: int | None = None
    exclude: Ignore | None = None

    @property
    def folder_mode(self) -> int:
        """What a folder gets that only has to be there: the mode of --chmod too, as in BuildKit."""
        return SHARED if self.mode is None else self.mode & 0o777

    def of(self, entry: Entry) -> Attributes:
        """What a copy of an entry gets."""
        found = entry.attributes
        if self.owner is not None:
            found = replace(found, uid=self.owner[0], gid=self.owner[1])
        if self.mode is not None and not isinstance(entry, Link):
            found = replace(found, mode=self.mode)
        return found


def carry_out(instruction: Copy, made: StageImage, source: Source, file: Dockerfile) -> None:
    """Put what a COPY or an ADD copies on top of a stage.

    Args:
        source: what its paths are in.
        file: the Dockerfile, for the words of an error.

    Raises:
        Refused: it needs an engine, or something can't be copied.
        Mistake: one of its flags says what it can't.
    """
    keyword = instruction.keyword
    if instruction.others:
        what = f"has {keyword} --{instruction.others[0]}, which assemble can't do"
        raise file.refused(instruction.line, what, ENGINE)
    paths = [made.text(path) for path in instruction.sources]
    to = made.text(instruction.to)
    if len(paths) + len(instruction.documents) > 1 and not (to.endswith(("/", "/.")) or to == "."):
        raise Mistake(f"several things are copied to {shown(to)}: end it with a slash")
    for path in paths:
        if path.startswith(_REMOTE):
            what = f"has {keyword} of {shown(path)}, which assemble can't do"
            raise file.refused(instruction.line, what, ENGINE)
        if keyword == "ADD" and _has_archive(source, path):
            what = f"has ADD of the archive {shown(path)}, which assemble can't do"
            raise file.refused(instruction.line, what, f"write COPY if it is to stay one; {ENGINE}")
    flags = _flags(instruction, made, file)
    # A linked layer is made on nothing, so no link below it leads anywhere (BuildKit: not with
    # --chmod).
    upper = UpperLayer(RootFs() if instruction.is_linked and flags.mode is None else made.rootfs)
    target = _target(made, to)
    with file.at(instruction.line):
        count = sum(copy(source, path, target, upper, flags) for path in paths)
        for tree, name in _documents(instruction, made):
            count += copy(tree, name, target, upper, flags)
    if not count:
        what = f"copies {', '.join(map(shown, paths))}, which nothing in {source.what} matches"
        raise file.refused(
            instruction.line, what, "mend it, or look at what .dockerignore leaves out"
        )
    made.put(upper)


def _flags(instruction: Copy, made: StageImage, file: Dockerfile) -> CopyFlags:
    owner = made.text(instruction.chown)
    mode = made.text(instruction.chmod)
    if mode and (set(mode) - set("01234567") or int(mode, 8) > _HIGHEST_MODE):
        what = f"has --chmod={shown(mode)}, which is no octal mode"
        raise file.refused(instruction.line, what, "write it like 0755, or use --engine buildkit")
    for text in instruction.exclude:
        if not text.isascii():
            what = f"has --exclude={shown(text)}, of which BuildKit reads each byte by itself"
            raise file.refused(
                instruction.line, what, "write ? for what is not ASCII, or use a .dockerignore"
            )
    if instruction.is_linked and owner and set(owner) - set("0123456789:"):
        raise Mistake("--link is together with a name in --chown: give the number")
    return CopyFlags(
        owner_of(owner, made.read) if owner else None,
        int(mode, 8) if mode else None,
        excluded(instruction),
    )


def excluded(instruction: Copy) -> Ignore | None:
    """What --exclude leaves out, if there is any."""
    patterns = tuple(pattern(text, "--exclude") for text in instruction.exclude)
    return Ignore(patterns) if patterns else None


def _documents(instruction: Copy, made: StageImage) -> list[tuple[Tree, str]]:
    """The here-documents, each as the only file of a tree, and its name there."""
    found = []
    for document in instruction.documents:
        text = document.text
        if document.has_variables:
            text = expanded(text, made.variables, has_quotes=False)
        name = document.name.strip("/")
        data = text.encode()
        tree = Tree("the here-document")
        tree.add([File(name, len(data), partial(io.BytesIO, data))])
        found.append((tree, name))
    return found


def _target(made: StageImage, to: str) -> str:
    """The absolute path that a destination stands for; it keeps a slash at its end.

    A `..` takes away the part before it, also where that is a link.
    """
    path = made.in_work_folder(to)
    is_folder = to in ("", ".") or to.endswith(("/", "/."))
    return f"{path.rstrip('/')}/" if is_folder else path


def _has_archive(source: Source, path: str) -> bool:
    """Whether ADD would unpack something that a path names.

    What can't be looked at is no archive here: to copy it says what is wrong.
    """
    try:
        entries = [source.entry(source.followed(match)) for match in named(source, path)]
    except Refused:
        return False
    return any(isinstance(entry, File) and _is_archive(entry) for entry in entries)


def _is_archive(entry: File) -> bool:
    """What is compressed with zstd counts as one: not every Python can look into it."""
    with entry.open() as file:
        if file.read(len(ZSTD)) == ZSTD:
            return True
    with entry.open() as file:
        try:
            with tarfile.open(fileobj=file, mode="r|*", encoding="utf-8") as archive:
                return archive.next() is not None
        except (tarfile.TarError, OSError, EOFError, ValueError, IndexError, RecursionError):
            return False
        except TypeError:  # a gzip that ends behind its first three bytes
            return False


def copy(source: Source, path: str, to: str, upper: UpperLayer, flags: CopyFlags) -> int:
    """Copy what a path (which may have wildcards) names.

    Args:
        path: relative to the root of the source, or absolute, which means the same.
        to: an absolute path in the image, with a slash at its end if it has to be a folder.

    Returns:
        How many things the path names; 0 only for a path with wildcards.

    Raises:
        Refused: nothing is at the path, or it can't be put where it is to go.
    """
    found = named(source, path)
    for match in found:
        _copy_one(source, match, to, upper, flags)
    return len(found)


def named(source: Source, path: str) -> list[str]:
    """The paths in a source that a path of COPY names; raises `Refused` as `copy` does."""
    top = posixpath.normpath(path.lstrip("/") or ".")
    if top == ".." or top.startswith("../"):
        raise Refused(
            f"{shown(path)} leads out of {source.what}",
            remedy="copy what you need into it first, or name another context",
        )
    return list(_matching(source, "" if top == "." else top))


def _copy_one(source: Source, path: str, to: str, upper: UpperLayer, flags: CopyFlags) -> None:
    place = source.followed(path)
    found = source.entry(place)
    if found is None:
        raise _missing(source, path)
    entry = fit(found)
    folder, _, last = to.rpartition("/")
    ensured = folder if last else to
    upper.make_folders(upper.followed(ensured), flags.folder_mode, flags.owner)
    target = upper.followed(to)
    is_folder = isinstance(entry, Folder)
    if not is_folder and upper.is_folder(target):
        target = path_in(target, posixpath.basename(path))
    parent = target if is_folder and not upper.is_there(target) else posixpath.dirname(target)
    upper.make_folders(parent, flags.folder_mode, flags.owner)
    if not is_folder:
        upper.put(_moved(entry, target, flags))
        return
    if not upper.is_folder(target):
        upper.put(Folder(target))  # which says what is wrong
    start = len(place) + 1 if place else 0
    copying = object()  # the paths of one file stay together if one folder has them
    for one, is_above in kept(source.below(place), start, flags.exclude):
        below = fit(one)
        path = path_in(target, below.path[start:])
        there = upper.folder(path) if is_above else None
        if there is not None:  # it takes over the mode alone, whatever the flags say
            upper.put(Folder(path, replace(there, mode=below.attributes.mode)))
            continue
        file = source.file_of(below.path)
        upper.put(_moved(below, path, flags), None if file is None else (copying, file))


def kept(
    entries: Iterable[Found], start: int, exclude: Ignore | None
) -> Iterator[tuple[Found, bool]]:
    """The entries that --exclude keeps, and the folders above them.

    Returns:
        Each with whether it is a folder that is left out, but for what is below it.
    """
    if exclude is None:
        yield from ((entry, False) for entry in entries)
        return
    above: dict[str, Matched] = {"": ()}
    waiting: dict[str, Found] = {}
    for entry in entries:
        name = entry.path[start:]
        is_out, matched = exclude.leaves_out(name, above[posixpath.dirname(name)])
        if isinstance(entry, Folder):
            above[name] = matched
        if is_out:
            if isinstance(entry, Folder):
                waiting[name] = entry
            continue
        for place in steps(name):
            if (folder := waiting.pop(place, None)) is not None:
                yield folder, True
        yield entry, False


def _matching(source: Source, path: str) -> Iterator[str]:
    """The paths that a path names, sorted; itself if it has no wildcards."""
    parts = path.split("/")
    first = next((at for at, part in enumerate(parts) if _is_wild(part)), None)
    if first is None:
        yield path
        return
    top = source.followed("/".join(parts[:first]))
    if not isinstance(source.entry(top), Folder):
        raise _missing(source, path)
    found = [top]
    for part in parts[first:]:
        try:
            form = form_of(part, has_folders=False)
        except ValueError:
            raise Refused(
                f"{shown(part)} has a mistake", remedy="close its [, or write \\[ for itself"
            ) from None
        found = [
            path_in(folder, name)
            for folder in found
            if isinstance(source.entry(folder), Folder)
            for name in source.names(folder)
            if form.matches(name)
        ]
    yield from found


def _is_wild(part: str) -> bool:
    """Whether it has a wildcard that is not escaped."""
    return _WILD.search(re.sub(r"\\.", "", part, flags=re.DOTALL)) is not None


def _moved(entry: Entry, path: str, flags: CopyFlags) -> Entry:
    return replace(entry, path=path, attributes=flags.of(entry))


def _missing(source: Source, path: str) -> Refused:
    return Refused(
        f"{shown(path)} is not in {source.what}",
        remedy="mend the path, make the file first, or look at what .dockerignore leaves out",
    )
