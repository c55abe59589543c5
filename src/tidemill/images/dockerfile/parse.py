"""A Dockerfile as stages of typed instructions.

What the Dockerfile reference leaves open is read as BuildKit's frontend reads it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from msgspec import Struct

from tidemill.errors import Refused
from tidemill.images.dockerfile import instructions as dockerfile_instructions
from tidemill.images.dockerfile import lines as dockerfile_lines
from tidemill.images.dockerfile.instructions import Arg, Flags, Instruction
from tidemill.images.dockerfile.lines import SPACES, BadLine, Line
from tidemill.images.dockerfile.words import Mistake
from tidemill.words.names import shown

LARGEST = 1 << 20
_STAGE_NAME = re.compile(r"[a-z][a-z0-9_.-]*")
_Made = TypeVar("_Made")


class Stage(Struct, frozen=True):
    """FROM, and the instructions up to the next one; `name` is in lower case."""

    index: int
    line: int
    image: str
    name: str | None
    platform: str
    instructions: tuple[Instruction, ...]


class Dockerfile(Struct, frozen=True):
    """A Dockerfile: what to call it in messages, its escape, and what is before the first FROM."""

    name: str
    escape: str
    args: tuple[Arg, ...]
    stages: tuple[Stage, ...]

    @property
    def declared(self) -> set[str]:
        """The variables that an ARG of a stage makes known there."""
        inside = (one for stage in self.stages for one in stage.instructions)
        return {name for one in inside if isinstance(one, Arg) for name, _ in one.pairs}

    def refused(self, line: int, what: str, remedy: str = "mend it") -> Refused:
        """The error about one line: `what` follows `line 7 of Dockerfile`."""
        return Refused(f"line {line} of {self.name} {what}", remedy=remedy)

    @contextmanager
    def at(self, line: int) -> Iterator[None]:
        """What is refused inside names the line."""
        try:
            yield
        except Refused as refused:
            what = f"line {line} of {self.name}: {refused.what}"
            raise Refused(what, remedy=refused.remedy) from None


def read(path: Path, called: str | None = None) -> Dockerfile:
    """Read and parse a Dockerfile; raise `Refused` as `parse` does, or if it can't be read.

    Args:
        called: what messages call it; its own name by default.
    """
    try:
        with path.open("rb") as file:
            return parse(file.read(LARGEST + 1), called or path.name)
    except OSError as error:
        raise Refused(
            f"the Dockerfile {path} can't be read: {error.strerror}", remedy="mend its path"
        ) from None


def parse(data: bytes, name: str = "Dockerfile") -> Dockerfile:
    """Parse a Dockerfile.

    Raises:
        Refused: it is not text, has more than 1 MiB, or a mistake; the error names the line.
    """
    if len(data) > LARGEST:
        raise Refused(f"{name} has more than 1 MiB", remedy="COPY large files instead")
    try:
        text = data.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        number = data.count(b"\n", 0, error.start) + 1
        raise Refused(
            f"line {number} of {name} is not UTF-8: it has the byte {data[error.start]:#04x}",
            remedy="save it as UTF-8, comments too: `iconv -f latin1 -t utf-8` makes it of Latin-1",
        ) from None
    if "\0" in text:
        raise Refused(f"{name} has a NUL byte in it", remedy="save it as UTF-8")
    try:
        escape = dockerfile_lines.escape_of(text)
        return _assembled(name, escape, list(dockerfile_lines.lines(text, escape)))
    except BadLine as bad:
        raise Refused(f"line {bad.number} of {name}: {bad.mistake}", remedy="mend it") from None


def _assembled(name: str, escape: str, lines: list[Line]) -> Dockerfile:
    args: list[Arg] = []
    stages: list[tuple[Line, list[Instruction]]] = []
    for line in lines:
        if line.keyword == "FROM":
            stages.append((line, []))
            continue
        instruction = _made(line, dockerfile_instructions.instruction, line, escape)
        if stages:
            stages[-1][1].append(instruction)
        elif isinstance(instruction, Arg):
            args.append(instruction)
        else:
            raise BadLine(line.number, Mistake(f"{line.keyword} is before the first FROM"))
    if not stages:
        raise Refused(f"{name} has no FROM", remedy="name the base, or scratch, with FROM")
    found = [
        _made(line, _stage, line, index, inside) for index, (line, inside) in enumerate(stages)
    ]
    return Dockerfile(name, escape, tuple(args), tuple(found))


def _made(at: Line, make: Callable[..., _Made], *arguments: object) -> _Made:
    """What `make` returns; a mistake gets the number of the line."""
    try:
        return make(*arguments)
    except Mistake as mistake:
        raise BadLine(at.number, mistake) from None


def _stage(line: Line, index: int, inside: list[Instruction]) -> Stage:
    words = SPACES.split(line.rest) if line.rest else []
    flags = Flags(line, "platform")
    if len(words) not in (1, 3) or (len(words) == 3 and words[1].upper() != "AS"):
        raise Mistake("FROM is followed by an image, or by an image, AS and a name")
    name = words[2].lower() if len(words) == 3 else None
    if name is not None and not _STAGE_NAME.fullmatch(name):
        raise Mistake(f"{shown(words[2])} can't be the name of a stage: begin it with a letter")
    return Stage(index, line.number, words[0], name, flags.text("platform"), tuple(inside))
