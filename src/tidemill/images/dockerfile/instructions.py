"""The instructions of a Dockerfile, one by one, each with the line it starts in.

Nothing is replaced yet: `tidemill.images.dockerfile.stages` knows the variables.
"""

from __future__ import annotations

import csv
import re
from fractions import Fraction

from msgspec import Struct

from tidemill.images.dockerfile import lines
from tidemill.images.dockerfile.lines import SPACES, Document, Line, quoted_words
from tidemill.images.dockerfile.words import WHITE_SPACE, Mistake
from tidemill.words.names import shown

_DURATION = re.compile(r"\+?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h)")
_PART = re.compile(r"([0-9.]+)([a-zµμ]+)")
_NANOSECONDS = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,  # the micro sign
    "μs": 10**3,  # the letter mu
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
_TIMES = {
    "interval": "Interval",
    "timeout": "Timeout",
    "start-period": "StartPeriod",
    "start-interval": "StartInterval",
}


class Arg(Struct, frozen=True):
    """ARG: names, and the values they have by default."""

    line: int
    pairs: tuple[tuple[str, str | None], ...]


class Pairs(Struct, frozen=True):
    """ENV or LABEL (`keyword`): names and values, quotes kept."""

    line: int
    keyword: str
    pairs: tuple[tuple[str, str], ...]


class Copy(Struct, frozen=True):
    """COPY or ADD (`keyword`): paths and here-documents that go to `to`."""

    line: int
    keyword: str
    sources: tuple[str, ...]
    documents: tuple[Document, ...]
    to: str
    origin: str = ""
    chown: str = ""
    chmod: str = ""
    exclude: tuple[str, ...] = ()
    is_linked: bool = False
    # Flags that are read, and that only some engines can carry out.
    others: tuple[str, ...] = ()


class Run(Struct, frozen=True):
    """RUN: the stages and images that it mounts something of."""

    line: int
    sources: tuple[str, ...]


class Start(Struct, frozen=True):
    """CMD, ENTRYPOINT or SHELL (`keyword`): words, or one text for a shell."""

    line: int
    keyword: str
    words: tuple[str, ...]
    is_shell: bool


class Healthcheck(Struct, frozen=True):
    """HEALTHCHECK, as it stands in an image's config; times in nanoseconds."""

    line: int
    test: tuple[str, ...]
    times: tuple[tuple[str, int], ...]


class Words(Struct, frozen=True):
    """EXPOSE or VOLUME (`keyword`), and what it lists."""

    line: int
    keyword: str
    words: tuple[str, ...]


class Text(Struct, frozen=True):
    """USER, WORKDIR, STOPSIGNAL, MAINTAINER or ONBUILD (`keyword`), and all that follows it."""

    line: int
    keyword: str
    text: str


Instruction = Arg | Pairs | Copy | Run | Start | Healthcheck | Words | Text


class Flags:
    """The flags of one instruction.

    Args:
        strings: the flags that have a value.
        several: those that may come more than once.
        switches: those that are on or off.

    Raises:
        Mistake: there is a flag that it does not know, or one has a value that it can't have.
    """

    def __init__(
        self,
        line: Line,
        *strings: str,
        several: tuple[str, ...] = (),
        switches: tuple[str, ...] = (),
    ) -> None:
        self._values: dict[str, list[str]] = {}
        for flag in line.flags:
            name, sign, value = flag.removeprefix("--").partition("=")
            if name not in (*strings, *several, *switches):
                raise Mistake(f"{line.keyword} has no flag {shown('--' + name)}")
            if name in self._values and name not in several:
                raise Mistake(f"--{name} is there twice")
            if name in switches:
                value = (value or "" if sign else "true").lower()
                if value not in ("true", "false"):
                    raise Mistake(f"--{name} is true or false, not {shown(value)}")
            elif not sign:
                raise Mistake(f"--{name} has no value: write --{name}=VALUE")
            self._values.setdefault(name, []).append(value)

    def text(self, name: str) -> str:
        """The value of a flag; empty if it is not there."""
        return self._values.get(name, [""])[0]

    def several(self, name: str) -> tuple[str, ...]:
        return tuple(self._values.get(name, ()))

    def is_on(self, name: str) -> bool:
        return self.text(name) == "true"

    def is_given(self, name: str) -> bool:
        """Whether a flag is there, and is not off."""
        return self.text(name) not in ("", "false")


def instruction(line: Line, escape: str) -> Instruction:
    """One instruction (not FROM); raises `Mistake`."""
    match line.keyword:
        case "RUN":
            _json(_some(line))  # for its mistakes
            return Run(line.number, _mount_sources(line))
        case "COPY" | "ADD":
            return _copy(line)
        case "HEALTHCHECK":
            return _healthcheck(line)
        case "STOPSIGNAL" | "MAINTAINER" | "USER" | "WORKDIR" | "ONBUILD":
            Flags(line)
            return Text(line.number, line.keyword, _some(line))
        case "ARG":
            Flags(line)
            words = quoted_words(_some(line), escape)
            return Arg(line.number, tuple(_argument(word) for word in words))
        case "ENV" | "LABEL":
            Flags(line)
            return Pairs(line.number, line.keyword, tuple(_pairs(line, escape)))
        case "CMD" | "ENTRYPOINT" | "SHELL":
            Flags(line)
            return _start(line)
        case "EXPOSE":
            Flags(line)
            return Words(line.number, line.keyword, tuple(SPACES.split(_some(line))))
        case "VOLUME":
            Flags(line)
            _some(line)
            words = [word.strip(WHITE_SPACE) for word in _list(line.rest)]
            if not words or not all(words):
                raise Mistake("VOLUME has an empty path")
            return Words(line.number, line.keyword, tuple(words))
        case _:
            raise Mistake(f"there is no instruction {shown(line.keyword)}")


def _copy(line: Line) -> Copy:
    strings = ("chown", "chmod", "from") if line.keyword == "COPY" else ("chown", "chmod")
    others = ("parents",) if line.keyword == "COPY" else ("keep-git-dir", "unpack")
    flags = Flags(line, *strings, "checksum", several=("exclude",), switches=("link", *others))
    words = _list(line.rest)
    if len(words) < 2:
        raise Mistake(f"{line.keyword} needs something to copy, and where to")
    *sources, to = words
    if lines.announced(to):
        raise Mistake(f"the destination of {line.keyword} is a here-document")
    documents = {document.name: document for document in line.documents}
    paths: list[str] = []
    texts: list[Document] = []
    for source in sources:
        found = lines.announced(source)
        if found and line.documents:
            texts.append(documents[found[0]])
        else:
            paths.append(source)
    return Copy(
        line.number,
        line.keyword,
        tuple(paths),
        tuple(texts),
        to,
        origin=flags.text("from"),
        chown=flags.text("chown"),
        chmod=flags.text("chmod"),
        exclude=flags.several("exclude"),
        is_linked=flags.is_on("link"),
        others=tuple(name for name in (*others, "checksum") if flags.is_given(name)),
    )


def _healthcheck(line: Line) -> Healthcheck:
    kind, *rest = re.split(r"(?a:\s)+", _some(line), maxsplit=1)
    words = [] if not rest or not rest[0] else _json(rest[0])
    if kind.upper() == "NONE":
        if rest and rest[0]:
            raise Mistake("HEALTHCHECK NONE has something after it")
        return Healthcheck(line.number, ("NONE",), ())
    if kind.upper() != "CMD":
        raise Mistake(f"HEALTHCHECK is followed by CMD or NONE, not by {shown(kind)}")
    test = ("CMD-SHELL", rest[0]) if words is None and rest else ("CMD", *(words or ()))
    if len(test) == 1:
        raise Mistake("HEALTHCHECK CMD has no command")
    return Healthcheck(line.number, test, _healthcheck_times(line))


def _start(line: Line) -> Start:
    words = _json(_some(line))
    if words is not None:
        if line.keyword == "SHELL" and not words:
            raise Mistake("SHELL has no words")
        return Start(line.number, line.keyword, tuple(words), is_shell=False)
    if line.keyword == "SHELL":
        raise Mistake('SHELL is written as JSON: ["/bin/sh", "-c"]')
    return Start(line.number, line.keyword, (line.rest,), is_shell=True)


def _argument(word: str) -> tuple[str, str | None]:
    name, sign, value = word.partition("=")
    if not name:
        raise Mistake(f"{shown(word)} has no name")
    return name, value if sign else None


def _pairs(line: Line, escape: str) -> list[tuple[str, str]]:
    words = quoted_words(_some(line), escape)
    if not words:
        raise Mistake(f"nothing follows {line.keyword}")
    if "=" not in words[0]:
        name, *value = SPACES.split(line.rest, maxsplit=1)
        if not value:
            raise Mistake(f"{line.keyword} {shown(name)} has no value")
        return [(name, value[0])]
    found = [word.partition("=") for word in words]
    for name, sign, _ in found:
        if not sign or not name:
            raise Mistake(f"{line.keyword} is written as name=value, not as {shown(name or '=')}")
    return [(name, value) for name, _, value in found]


def _some(line: Line) -> str:
    if not line.rest:
        raise Mistake(f"nothing follows {line.keyword}")
    return line.rest


def _list(text: str) -> list[str]:
    words = _json(text)
    return SPACES.split(text) if words is None else words


def _json(text: str) -> list[str] | None:
    """The words of the JSON form; None for the other form."""
    found = lines.json_list(text)
    if found is None:
        return None
    words = [word for word in found if isinstance(word, str)]
    if len(words) != len(found):
        raise Mistake("the list in [] has something that is not a string")
    return words


def _mount_sources(line: Line) -> tuple[str, ...]:
    """The stages and images that the mounts of a RUN come from."""
    found = []
    for flag in line.flags:
        name, _, value = flag.partition("=")
        if name == "--mount":
            try:
                fields = next(csv.reader([value], strict=True), [])
            except csv.Error:
                raise Mistake(f"{shown(flag)} is not a list of names and values") from None
            pairs = (field.partition("=") for field in fields)
            found += [source for key, _, source in pairs if key.lower() == "from" and source]
    return tuple(found)


def _healthcheck_times(line: Line) -> tuple[tuple[str, int], ...]:
    """The times of a HEALTHCHECK in nanoseconds, and its retries, by their names in a config."""
    flags = Flags(line, *_TIMES, "retries")
    found = [(key, _nanoseconds(flags.text(name))) for name, key in _TIMES.items()]
    retries = flags.text("retries")
    if retries and not re.fullmatch(r"[0-9]{1,10}", retries):
        raise Mistake(f"--retries is a number, not {shown(retries)}")
    return tuple((key, value) for key, value in (*found, ("Retries", int(retries or 0))) if value)


def _nanoseconds(text: str) -> int:
    """A duration as Go writes it: `1m30s`."""
    if text in ("", "0"):
        return 0
    if len(text) > 50 or not re.fullmatch(rf"(?:{_DURATION.pattern})+", text):
        raise Mistake(f"{shown(text)} is not a duration: write it like 30s or 1m30s")
    parts = _PART.findall(text)
    total = int(sum(Fraction(number) * _NANOSECONDS[unit] for number, unit in parts))
    if 0 < total < _NANOSECONDS["ms"] or total >= 2**63:
        raise Mistake(f"{shown(text)} is too short or too long a time")
    return total
