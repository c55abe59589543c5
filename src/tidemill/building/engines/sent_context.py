"""The build context as engines get it: in its canonical form, without what can be in no image.

What something copies of that is refused, with the line of the Dockerfile: an engine would copy some
of it, and say something else of the rest.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from tidemill.errors import Refused
from tidemill.images import tar_stream
from tidemill.images.base_image import SCRATCH
from tidemill.images.build import DockerfileBuild, Say, Workspace
from tidemill.images.dockerfile import parse
from tidemill.images.dockerfile.context import IGNORE_FILE, BuildContext
from tidemill.images.dockerfile.copy import excluded, kept, named
from tidemill.images.dockerfile.copy_only import Assembly
from tidemill.images.dockerfile.ignore import Ignore
from tidemill.images.dockerfile.instructions import Arg, Copy, Instruction, Pairs
from tidemill.images.dockerfile.stage_image import StageImage
from tidemill.images.dockerfile.stages import Image, Origin, Stages
from tidemill.images.dockerfile.tree import Source
from tidemill.images.entries import Entry, File, Folder, Link, in_order
from tidemill.images.files import Unfit, changed, fit, unreadable
from tidemill.images.oci import Platform
from tidemill.images.rootfs import Change, followed

_WORTH_A_WORD = 200 * 10**6


def nothing_is_copied() -> None:
    """The check of a context of which nothing is copied."""


def check_copies(build: DockerfileBuild, platform: Platform, workspace: Workspace) -> None:
    """Raise `Refused`, with the line, if a build copies what can be in no image.

    Of what else is wrong with a COPY, the engine tells.
    """
    stages = Stages(build, platform)
    looks = _Looks(stages, build, workspace)
    for index in sorted(stages.reached()):
        looks.stage(index)


class _Looks(Assembly):
    """The stages of a build, of which each COPY out of a build context is only looked at."""

    def _started(self, index: int) -> StageImage:
        origin = self.stages.start(index)
        if isinstance(origin, int):
            return self.stage(origin).on_top()
        base = self._image(origin) if isinstance(origin, Image) else SCRATCH
        made = StageImage.started(base, self.workspace.scratch, self.stages.file.escape)
        line = self.stages.file.stages[index].line
        waiting = "\n".join(("FROM scratch", *(base.run.get("OnBuild") or ())))
        for instruction in parse.parse(waiting.encode(), "ONBUILD").stages[0].instructions:
            self._carry_out(replace(instruction, line=line), made, index)
        return made

    def _opened(self, origin: Origin | None, name: str) -> Source:
        opened = super()._opened(origin, name)
        if isinstance(opened, BuildContext):
            return _Linked(opened.root, opened.ignore)
        return opened

    def _carry_out(self, instruction: Instruction, made: StageImage, index: int) -> None:
        match instruction:
            case Arg(pairs=pairs):
                for name, default in pairs:
                    self._declare(name, default, made)
            case Pairs(keyword="ENV"):
                made.set_pairs(instruction)
            case Copy(line=line, origin=name, sources=sources):
                if name and not isinstance(self.stages.copied_from(index, line, name), Path):
                    return
                source, exclude = self._source(instruction, index), excluded(instruction)
                for path in map(made.text, sources):
                    for found in _taken(source, path, exclude):
                        with self.stages.file.at(line):
                            fit(found)
            case _:
                pass


class _Linked(BuildContext, frozen=True):
    """A build context whose links are followed, as BuildKit follows them: none leads out of it."""

    def followed(self, path: str) -> str:
        def link(place: str) -> str | None:
            entry = self.entry(place)
            return entry.target if isinstance(entry, Link) else None

        return followed(path, link)


def _taken(source: Source, path: str, exclude: Ignore | None) -> list[Entry | Unfit]:
    """What a path of COPY takes; nothing if it can't be copied for another reason."""
    try:
        places = [source.followed(match) for match in named(source, path)]
        tops = [entry for place in places if (entry := source.entry(place)) is not None]
        below = (
            kept(source.below(top.path), len(top.path) + 1 if top.path else 0, exclude)
            for top in tops
            if isinstance(top, Folder)
        )
        return [*tops, *(entry for entry, _ in chain.from_iterable(below))]
    except Refused:
        return []


def entries(
    context: BuildContext,
    say: Say = lambda _: None,
    if_unfit: Callable[[], None] = nothing_is_copied,
) -> list[Entry]:
    """The context's canonical form, in order: all that is in it and can be in an image.

    Args:
        say: is told if the context is large.
        if_unfit: is called if there is something else in it.
    """
    every = list(context.below())
    fine = [entry for entry in every if not isinstance(entry, Unfit)]
    if len(fine) < len(every):
        if_unfit()
    found = in_order(fine)
    sizes = [entry.size for entry in found if isinstance(entry, File)]
    if sum(sizes) > _WORTH_A_WORD:
        say(
            f"context: {sum(sizes) / 1e9:.1f} GB, {len(sizes):,} files; "
            f"a {IGNORE_FILE} would make it smaller"
        )
    return found


class Sent(NamedTuple):
    """What an engine gets: the Dockerfile's path in the archive, and the archive's bytes.

    `instead` has contents that nobody wrote, each with what it stands for.
    """

    dockerfile: str
    archive: Iterator[bytes]
    instead: Mapping[bytes, bytes] = {}


def tar(
    context: BuildContext,
    file: Path,
    say: Say = lambda _: None,
    if_unfit: Callable[[], None] = nothing_is_copied,
) -> Sent:
    """The context and its Dockerfile as one archive, for an engine.

    A Dockerfile that is not in the context, or is left out of it, gets a name that nothing has, and
    a line in the ignore file of the archive, so that an engine takes it out again once it has read
    it; as `docker build --file` does. A COPY may take that ignore file, too.
    """
    found = entries(context, say, if_unfit)
    by_path = {entry.path: entry for entry in found}
    inside = _inside(context.root, file)
    if inside in by_path:
        return Sent(inside, tar_stream.stream(found))
    try:
        data = file.read_bytes()
    except OSError as error:
        raise unreadable(file, error) from None
    name = f".dockerfile-{hashlib.sha256(data).hexdigest()}"
    while name in by_path:
        name += "-"
    ignored, instead = f"{name}\n{IGNORE_FILE}\n".encode(), {}
    there = by_path.pop(IGNORE_FILE, None)
    if isinstance(there, File):
        with there.open() as source:
            own = source.read()
        ignored = own + f"\n{name}\n".encode()
        instead = {ignored: own}
    extra = [_text(name, data), _text(IGNORE_FILE, ignored)]
    return Sent(name, tar_stream.stream(in_order([*by_path.values(), *extra])), instead)


def as_written(change: Change, instead: Mapping[bytes, bytes]) -> Change:
    """What a layer does with a file of which an engine got another content."""
    if isinstance(change, File) and change.size in map(len, instead):
        with change.open() as source:
            own = instead.get(source.read())
        if own is not None:
            return replace(change, size=len(own), open=partial(io.BytesIO, own))
    return change


def lay_out(
    context: BuildContext,
    folder: Path,
    say: Say = lambda _: None,
    if_unfit: Callable[[], None] = nothing_is_copied,
) -> None:
    """Copy the context's canonical form into a folder, which is made, for an engine.

    Modes are set whatever the umask is, and times are those of the canonical form.
    """
    folder.mkdir()
    folder.chmod(0o755)
    for entry in (found := entries(context, say, if_unfit)):
        path = folder / entry.path
        if isinstance(entry, File):
            _copy(entry, path)
        elif isinstance(entry, Folder):
            path.mkdir()
            path.chmod(entry.attributes.mode)
        elif isinstance(entry, Link):
            path.symlink_to(entry.target)
    for entry in reversed(found):
        os.utime(folder / entry.path, (tar_stream.TIME, tar_stream.TIME), follow_symlinks=False)


def _copy(entry: File, path: Path) -> None:
    left = entry.size
    with entry.open() as source, path.open("xb") as file:
        while piece := source.read(tar_stream.READ):
            left -= file.write(piece)
    path.chmod(entry.attributes.mode)
    if left:
        raise changed(path)


def _inside(root: Path, file: Path) -> str:
    """The path of a file in a folder; empty if it is not in it."""
    try:
        return file.resolve().relative_to(root.resolve()).as_posix()
    except ValueError:
        return ""


def _text(path: str, data: bytes) -> File:
    return File(path, len(data), partial(io.BytesIO, data))
