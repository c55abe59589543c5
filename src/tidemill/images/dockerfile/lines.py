"""The lines of a Dockerfile as instructions: continued lines joined, comments and flags apart."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec
from msgspec import Struct

from tidemill.images.dockerfile.words import (
    WHITE_SPACE,
    Mistake,
    is_space,
    quote_count,
    shell_words,
)

SPACES = re.compile(r"[\t\v\f\r ]+")
_DIRECTIVE = re.compile(r"#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*+(.+)", re.ASCII)
_DIRECTIVES = ("syntax", "escape", "check")
_HEREDOC = re.compile(r"[0-9]*<<(-?)\s*+([^<]*)", re.ASCII)
_WITH_DOCUMENTS = ("ADD", "COPY", "RUN")


class Document(Struct, frozen=True):
    """A here-document: the word after `<<`, its text, and whether variables in it are replaced."""

    name: str
    text: str
    has_variables: bool


class Line(Struct, frozen=True):
    """One instruction: the line it starts in (from 1), its keyword in capitals, and the rest.

    `flags` are the words that begin with `--`, their quotes taken off.
    """

    number: int
    keyword: str
    flags: tuple[str, ...]
    rest: str
    documents: tuple[Document, ...] = ()


class BadLine(Exception):
    """A mistake, and the number of the line it is in."""

    def __init__(self, number: int, mistake: Mistake) -> None:
        super().__init__(number, mistake)
        self.number = number
        self.mistake = mistake


def escape_of(text: str) -> str:
    """The character that escapes others and continues lines: what the directive says, or `\\`.

    Raises:
        BadLine: the directive names another than the two there are, or comes twice.
    """
    seen: dict[str, str] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        found = _DIRECTIVE.fullmatch(line.strip(WHITE_SPACE))
        if not found or (name := found[1].lower()) not in _DIRECTIVES:
            break
        if name in seen:
            raise BadLine(number, Mistake(f"the directive {name} is there twice"))
        seen[name] = found[2]
        if name == "escape" and found[2] not in ("\\", "`"):
            raise BadLine(number, Mistake("the escape is neither \\ nor `"))
    return seen.get("escape", "\\")


def lines(text: str, escape: str) -> Iterator[Line]:
    """The instructions of a Dockerfile, in order; raises `BadLine`."""
    waiting = list(reversed(text.split("\n")))
    count = len(waiting)
    ending = re.escape(escape)
    continued = re.compile(rf"(^|[^{ending}]){ending}[ \t]*$")
    while waiting:
        start = count - len(waiting) + 1
        line = waiting.pop().rstrip("\r").lstrip(WHITE_SPACE)
        if line.startswith("#"):
            continue
        joined = []
        while (found := continued.search(line)) is not None:
            joined.append(line[: found.end(1)])
            line = _next_part(waiting)
        joined.append(line)
        if instruction := "".join(joined):
            try:
                yield _line(start, instruction, escape, waiting)
            except Mistake as mistake:
                raise BadLine(start, mistake) from None


def json_list(text: str) -> list[object] | None:
    """The list that a text is in the JSON form; None for any other text."""
    if not text.startswith("["):
        return None
    try:
        return msgspec.json.decode(text, type=list[object])
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return None


def _next_part(waiting: list[str]) -> str:
    """The line that continues one: comments and empty lines between them do not count."""
    while waiting:
        line = waiting.pop().rstrip("\r")
        if (text := line.strip(WHITE_SPACE)) and not text.startswith("#"):
            return line
    return ""


def _line(start: int, text: str, escape: str, waiting: list[str]) -> Line:
    keyword, *rest = SPACES.split(text.strip(WHITE_SPACE), maxsplit=1)
    flags, rest_of_line = _flags(rest[0], escape) if rest else ([], "")
    documents: tuple[Document, ...] = ()
    words = [keyword.upper(), *SPACES.split(rest_of_line, maxsplit=1)]
    inner = words[1].upper() if words[0] == "ONBUILD" else words[0]
    if inner in _WITH_DOCUMENTS and "<<" in text and json_list(rest_of_line) is None:
        documents = tuple(_document(*found, waiting) for found in _announced(text))
    return Line(start, keyword.upper(), tuple(flags), rest_of_line.strip(WHITE_SPACE), documents)


def _flags(text: str, escape: str) -> tuple[list[str], str]:
    """The words at the start of a text that begin with `--`, and what comes after them."""
    flags: list[str] = []
    at = 0
    while True:
        while at < len(text) and is_space(text[at]):
            at += 1
        if not text.startswith("--", at):
            return flags, text[at:]
        word, at = _flag(text, at, escape)
        if word == "--":
            return flags, text[at:]
        flags.append(word)


def _flag(text: str, at: int, escape: str) -> tuple[str, int]:
    word: list[str] = []
    quote = ""
    while at < len(text):
        char = text[at]
        at += 1
        if char == escape:
            word.append(text[at : at + 1])
            at += 1
        elif quote:
            word += [] if char == quote else [char]
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif is_space(char):
            break
        else:
            word.append(char)
    return "".join(word), at


def _announced(text: str) -> list[tuple[str, bool, bool]]:
    """The here-documents that a line announces: name, tabs taken off, variables replaced."""
    try:
        words = shell_words(text, keeps=True)
    except Mistake:
        return []
    return [found for word in words if (found := announced(word)) is not None]


def announced(word: str) -> tuple[str, bool, bool] | None:
    """Name, whether tabs are taken off, whether variables are replaced; None for another word."""
    found = _HEREDOC.fullmatch(word)
    if not found or not found[2]:
        return None
    plain = shell_words(found[2], keeps=False)
    if len(plain) != 1:
        return None
    written = "".join(shell_words(found[2], keeps=True))
    return plain[0], bool(found[1]), quote_count(plain[0]) == quote_count(written)


def quoted_words(text: str, escape: str) -> list[str]:
    """The words of a list of `name=value`, their quotes and escapes kept."""
    words: list[str] = []
    word: list[str] | None = None
    quote = ""
    at = 0
    while at < len(text):
        char = text[at]
        at += 1
        if not quote and is_space(char):
            if word is not None:
                words.append("".join(word))
            word = None
            continue
        word = [] if word is None else word
        if char == escape and quote != "'":
            if at == len(text):
                break
            word += [char, text[at]]
            at += 1
            continue
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        word.append(char)
    if word:
        words.append("".join(word))
    return words


def _document(name: str, is_chomped: bool, has_variables: bool, waiting: list[str]) -> Document:
    text: list[str] = []
    while waiting:
        line = waiting.pop()
        end = line.rstrip("\r")
        if (end.lstrip("\t") if is_chomped else end) == name:
            return Document(name, "".join(text), has_variables)
        text.append(f"{line.lstrip(chr(9)) if is_chomped else line}\n")
    raise Mistake(f"the here-document {name!a} has no end")
