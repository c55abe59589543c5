"""COPY and ADD, carried out on a stage."""

from __future__ import annotations

import io
import tarfile
from functools import partial

from tidemill.errors import Refused
from tidemill.images.dockerfile.copy import CopyFlags, UpperLayer, copy, named
from tidemill.images.dockerfile.ignore import Ignore, pattern
from tidemill.images.dockerfile.instructions import Copy
from tidemill.images.dockerfile.parse import Dockerfile
from tidemill.images.dockerfile.stage_image import StageImage
from tidemill.images.dockerfile.tree import Source, Tree
from tidemill.images.dockerfile.users import owner_of
from tidemill.images.dockerfile.words import Mistake, expanded
from tidemill.images.entries import File
from tidemill.images.rootfs import RootFs
from tidemill.images.tar_read import ZSTD
from tidemill.words.names import shown

ENGINE = "build with --engine buildkit, or compile in [compile] and COPY the result"
_REMOTE = ("http://", "https://", "git@", "git://", "ssh://")
_HIGHEST_MODE = 0o7777


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
    flags = _flags(instruction, made)
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


def _flags(instruction: Copy, made: StageImage) -> CopyFlags:
    owner = made.text(instruction.chown)
    mode = made.text(instruction.chmod)
    if mode and (set(mode) - set("01234567") or int(mode, 8) > _HIGHEST_MODE):
        raise Mistake(f"--chmod is {shown(mode)}, which is no octal mode: write it like 0755")
    if instruction.is_linked and owner and set(owner) - set("0123456789:"):
        raise Mistake("--link is together with a name in --chown: give the number")
    exclude = tuple(pattern(text, "--exclude") for text in instruction.exclude)
    return CopyFlags(
        owner_of(owner, made.read) if owner else None,
        int(mode, 8) if mode else None,
        Ignore(exclude) if exclude else None,
    )


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
    """The absolute path that a destination stands for; it keeps a slash at its end."""
    if to in ("", "."):
        to = "./"
    absolute = to if to.startswith("/") else made.in_work_folder(to)
    is_folder = to.endswith(("/", "/."))
    return f"{absolute.rstrip('/')}/" if is_folder and not absolute.endswith("/.") else absolute


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
