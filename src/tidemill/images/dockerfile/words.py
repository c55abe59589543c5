"""Words of a Dockerfile: variables in them, quotes around them, and where one ends.

The rules are those of BuildKit's Dockerfile frontend, which are those of a shell, with fewer forms
of `${…}` (Dockerfile reference, "Environment replacement").
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct, field

# What separates words, and does not count at the ends of a line (Go, `unicode.IsSpace`).
WHITE_SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
_PARAMETER = re.compile(r"[0-9]+|[@*#?\-$!]")
_DEEPEST = 50
# No program can be started with so much; and a value that holds itself twice doubles in every line.
_LONGEST = 1 << 20
_SPECIAL = "@*#?-$!0"
_NO_VARIABLES: Mapping[str, str] = {}


class Mistake(ValueError):
    """What is wrong with a text, in words that follow `line 7 of Dockerfile:`."""


def is_space(char: str) -> bool:
    """Whether a character separates words."""
    return char in WHITE_SPACE


def expanded(
    text: str, variables: Mapping[str, str], escape: str = "\\", *, has_quotes: bool = True
) -> str:
    """A text with its variables replaced and its quotes and escapes taken off.

    Args:
        escape: the character that takes the meaning from the next one.
        has_quotes: whether quotes mean anything; they are kept if not.

    Raises:
        Mistake: it ends inside quotes or a `${`, or has a form of `${` that there is not.
    """
    return _Reader(text, variables, escape, has_quotes=has_quotes).read()


def split(text: str, variables: Mapping[str, str], escape: str = "\\") -> list[str]:
    """The words of a text, variables replaced; a space in quotes does not end a word."""
    reader = _Reader(text, variables, escape)
    reader.read()
    return reader.words()


def shell_words(text: str, *, keeps: bool) -> list[str]:
    """The words of a line, without variables replaced; `keeps`: with their quotes and escapes."""
    reader = _Reader(text, _NO_VARIABLES, "\\", keeps_unset=True)
    reader.keeps_quotes = keeps
    reader.keeps_escapes = keeps
    reader.read()
    return reader.words()


def quote_count(text: str) -> int:
    """How many quotes a text has."""
    return text.count("'") + text.count('"')


class _Reader(Struct):
    """Reads a text from its start to its end, once."""

    text: str
    variables: Mapping[str, str]
    escape: str
    has_quotes: bool = True
    keeps_unset: bool = False
    keeps_quotes: bool = False
    keeps_escapes: bool = False
    at: int = 0
    depth: int = 0
    length: int = 0
    done: list[str] = field(default_factory=list)
    word: list[str] = field(default_factory=list)

    def read(self) -> str:
        return self.until("")

    def words(self) -> list[str]:
        self._end_word()
        return self.done

    def until(self, stop: str, *, for_pattern: bool = False, keeps_escapes: bool = False) -> str:
        """What comes before the character `stop`, which is read too; all for none."""
        self.depth += 1
        if self.depth > _DEEPEST:
            raise Mistake(f"more than {_DEEPEST} of ${{ are inside each other")
        is_outside = self.depth == 1
        keeps_escapes = self.keeps_escapes or keeps_escapes or for_pattern
        read: list[str] = []
        while self.at < len(self.text):
            char = self.text[self.at]
            if char == stop:
                self.at += 1
                self.depth -= 1
                return "".join(read)
            piece, may_split = self._piece(char, keeps_escapes, for_pattern)
            read.append(piece)
            if is_outside:
                self._add(piece, may_split)
        if stop:
            raise Mistake(f"a {stop!r} is missing at its end")
        self.depth -= 1
        return "".join(read)

    def _piece(self, char: str, keeps_escapes: bool, for_pattern: bool) -> tuple[str, bool]:
        """What the next characters stand for, and whether a space in it ends a word."""
        self.at += 1
        if char == "$":
            return self._counted(self._variable()), True
        if char == "<":
            return self._less_than(), False
        if self.has_quotes and char in "'\"":
            return self._quoted(char, keeps_escapes, for_pattern), False
        if char == self.escape:
            following = self._next()
            return (char if keeps_escapes else "") + following, False
        return char, True

    def _quoted(self, quote: str, keeps_escapes: bool, for_pattern: bool) -> str:
        read: list[str] = [quote] if self.keeps_quotes else []
        while self.at < len(self.text):
            char = self._next()
            if char == quote:
                return "".join([*read, quote] if self.keeps_quotes else read)
            if quote == "'":
                read.append(char * 2 if for_pattern and char == self.escape else char)
            elif char == "$":
                read.append(self._counted(self._variable()))
            elif char == self.escape:
                read.append(self._escaped_in_quotes(keeps_escapes, for_pattern))
            else:
                read.append(char)
        raise Mistake(f"the quote {quote} is not closed")

    def _escaped_in_quotes(self, keeps_escapes: bool, for_pattern: bool) -> str:
        """In double quotes only a quote, a `$` and the escape itself can be escaped."""
        following = self.text[self.at : self.at + 1]
        if following in ('"', "$", self.escape):
            self.at += len(following)
            return (self.escape if keeps_escapes and following else "") + following
        is_doubled = keeps_escapes and (not self.keeps_quotes or for_pattern)
        return self.escape * (2 if is_doubled else 1)

    def _less_than(self) -> str:
        """`<<` and the spaces after it are of one word: that of a here-document."""
        if self.text[self.at : self.at + 1] != "<":
            return "<"
        start = self.at
        self.at += 1
        while self.text[self.at : self.at + 1] in ("\t", "\r", " "):
            self.at += 1
        return "<" + self.text[start : self.at]

    def _counted(self, value: str) -> str:
        self.length += len(value)
        if self.length > _LONGEST:
            raise Mistake("it is longer than 1 MiB with its variables replaced")
        return value

    def _variable(self) -> str:
        if self.text[self.at : self.at + 1] != "{":
            name = self._name()
            value = self.variables.get(name)
            if value is None:
                return f"${name}" if self.keeps_unset or not name else ""
            return value
        self.at += 1
        if self.text[self.at : self.at + 1] in ("", "{", "}", ":"):
            raise Mistake("there is no name after ${")
        start = self.at
        name = self._name()
        value = self._substituted(name)
        is_kept = self.keeps_unset and name not in self.variables
        return f"${{{self.text[start : self.at]}" if is_kept else value

    def _substituted(self, name: str) -> str:
        """What `${name…}` stands for; read so far is the name."""
        value = self.variables.get(name)
        sign = self._next()
        if sign == "}":
            return value or ""
        if sign in ("#", "%"):
            return _trimmed(value or "", self.until("}", for_pattern=True), sign)
        if sign == "/":
            is_all = self.text[self.at : self.at + 1] == "/"
            self.at += is_all
            pattern = self.until("/", for_pattern=True)
            other = self.until("}", keeps_escapes=True)
            return _replaced(value or "", _read(pattern), other, is_all=bool(is_all))
        is_empty_unset = sign == ":"
        sign = self._next() if is_empty_unset else sign
        if not sign:
            raise Mistake("a '}' is missing at its end")
        if sign not in ("-", "+", "?"):
            raise Mistake(f"${{{name}{sign} is no form of a variable")
        word = self.until("}")
        is_set = bool(value) if is_empty_unset else value is not None
        if sign == "?" and not is_set and not self.keeps_unset:
            raise Mistake(f"{name} is not set: {word or 'it has to be'}")
        if sign == "+":
            return word if is_set else ""
        return (value or "") if is_set else word

    def _name(self) -> str:
        start = self.at
        if found := _PARAMETER.match(self.text, start):
            self.at = found.end()
        else:
            while _is_of_name(self.text[self.at : self.at + 1]):
                self.at += 1
        return self.text[start : self.at]

    def _next(self) -> str:
        char = self.text[self.at : self.at + 1]
        self.at += 1
        return char

    def _add(self, piece: str, may_split: bool) -> None:
        if not may_split:
            self.word.append(piece)
            return
        for char in piece:
            if is_space(char):
                self._end_word()
            else:
                self.word.append(char)

    def _end_word(self) -> None:
        if any(self.word):
            self.done.append("".join(self.word))
        self.word = []


def _is_of_name(char: str) -> bool:
    """Whether a character is a letter, a digit or `_`, and no other kind of number."""
    return char == "_" or char.isalpha() or char.isdecimal()


def _trimmed(value: str, pattern: str, sign: str) -> str:
    """The value without the shortest start (#) or end (%) of that pattern; twice: the longest."""
    is_greedy = pattern.startswith(sign)
    parts = _read(pattern.removeprefix(sign))
    if sign == "#":
        found = _form(parts, is_greedy).match(value)
        return value[found.end() :] if found else value
    found = _form(parts[::-1], is_greedy).match(value[::-1])
    return value[: len(value) - found.end()] if found else value


def _replaced(value: str, parts: Sequence[str], other: str, *, is_all: bool) -> str:
    """The value with the first match, or each, replaced; nothing is one where another ends."""
    made: list[str] = []
    end = 0
    for found in _matches(parts, value):
        if found[0] or not made or found.start() != end:
            made += [value[end : found.start()], other]
            end = found.end()
        if not is_all:
            break
    return "".join([*made, value[end:]])


def _matches(parts: Sequence[str], value: str) -> Iterator[re.Match[str]]:
    """The longest matches, from left to right.

    Where there is none at the first place that the pattern's start fits, there is none further on
    in that line either: what is to follow the first `*` comes no more.
    """
    form = _form(parts, is_greedy=True)
    start = parts[: parts.index(_STAR)] if _STAR in parts else parts
    first = _form(start, is_greedy=True)
    at = 0
    while at <= len(value) and (begun := first.search(value, at)):
        if found := form.match(value, begun.start()):
            yield found
            at = found.end() + (not found[0])
            continue
        line_end = value.find("\n", begun.end())
        if line_end < 0:
            return
        at = max(begun.start(), line_end - len(start)) + 1


_STAR = ".*"


def _read(pattern: str) -> list[str]:
    """A shell's pattern (`*`, `?`, `\\` before one of them), each part as a regular expression."""
    parts: list[str] = []
    at = 0
    while at < len(pattern):
        char = pattern[at]
        at += 1
        if char == "\\":
            following = pattern[at : at + 1]
            if following not in ("*", "?", "\\", "/", "}"):
                raise Mistake(f"the pattern {pattern!a} escapes what needs none")
            at += 1
            parts.append(re.escape(following))
        elif char == "*":
            if parts[-1:] != [_STAR]:
                parts.append(_STAR)
        else:
            parts.append("." if char == "?" else re.escape(char))
    return parts


def _form(parts: Sequence[str], is_greedy: bool) -> re.Pattern[str]:
    """What matches the parts in their order, the shortest or the longest, in one pass.

    Whatever follows a `*` is taken where it comes first, for good (`(?>`): what fits there fits
    the rest as well as any later place. Only the last `*` decides how long a match is.
    """
    pieces: list[list[str]] = [[]]
    for part in parts:
        if part == _STAR:
            pieces.append([])
        else:
            pieces[-1].append(part)
    first, *others = ("".join(piece) for piece in pieces)
    if not others:
        return re.compile(first)
    last = f"{_STAR if is_greedy else '.*?'}{others.pop()}"
    return re.compile("".join([first, *(f"(?>.*?{piece})" for piece in others), last]))
