"""What `.dockerignore` leaves out of a build context, by the rules that Docker's tools have for it.

A later line wins over an earlier one, what is below a path that is left out is left out too, and a
line with `!` takes back in what an earlier one left out.
"""

from __future__ import annotations

import posixpath
import re

from msgspec import Struct

from tidemill.errors import Refused
from tidemill.images.dockerfile.wildcards import Form, Wild, form_of
from tidemill.images.dockerfile.words import WHITE_SPACE
from tidemill.words.names import shown

# For each pattern, whether it matched a folder or one above it.
Matched = tuple[bool, ...]
_SPECIAL = re.compile(r"[*?\[\]\\]")


class Pattern(Struct, frozen=True):
    """One line: what it matches, and whether it takes back in (`!`)."""

    text: str
    form: Form
    is_exception: bool


class Ignore(Struct, frozen=True):
    """The lines of an ignore file, in order."""

    patterns: tuple[Pattern, ...] = ()

    def leaves_out(self, path: str, above: Matched = ()) -> tuple[bool, Matched]:
        """Whether a path is left out, and what to give as `above` for the paths below it.

        Args:
            path: relative to the context, with slashes.
            above: what this returned for the folder that it is in; empty at the top.
        """
        is_out = False
        matched = []
        for index, pattern in enumerate(self.patterns):
            is_match = bool(above) and above[index]
            if not is_match and pattern.is_exception == is_out:
                is_match = pattern.form.matches(path)
            matched.append(is_match)
            if is_match:
                is_out = not pattern.is_exception
        return is_out, tuple(matched)

    def may_keep_below(self, folder: str) -> bool:
        """Whether a folder that is left out may have something in it that is not."""
        return any(
            pattern.is_exception
            and (_SPECIAL.search(pattern.text) or f"{pattern.text}/".startswith(f"{folder}/"))
            for pattern in self.patterns
        )


def parse(data: bytes, name: str) -> Ignore:
    """Parse an ignore file; `name` is how to call it in an error.

    Raises:
        Refused: it is not UTF-8, or has a pattern that can't be one.
    """
    try:
        text = data.decode().removeprefix("\ufeff")
    except UnicodeDecodeError:
        raise Refused(f"{name} is not UTF-8", remedy="save it as UTF-8") from None
    lines = [line for line in text.split("\n") if not line.startswith("#")]
    return Ignore(
        tuple(pattern(_of_the_top(line), name, line) for line in lines if line.strip(WHITE_SPACE))
    )


def _of_the_top(line: str) -> str:
    """A line whose path begins at the top of the context, with a slash or without one."""
    text = line.strip(WHITE_SPACE)
    sign, path = ("!", text[1:].strip(WHITE_SPACE)) if text.startswith("!") else ("", text)
    return sign + (posixpath.normpath(path).lstrip("/") if path else "")


def pattern(text: str, name: str, line: str | None = None) -> Pattern:
    """One pattern; what begins with a slash matches nothing.

    Args:
        name: how to call the file, or the flag, that it is from.
        line: how it stands there, if in another form.
    """
    text = text.strip(WHITE_SPACE)
    line = text if line is None else line
    text = posixpath.normpath(text) if text else ""
    is_exception = text.startswith("!")
    text = text.removeprefix("!")
    if not text and is_exception:
        raise Refused(f"{name} has {shown(line)}, which names nothing", remedy="name a path")
    try:
        form = _form(text)
    except ValueError:
        raise Refused(
            f"{name} has the pattern {shown(line)}, which has a mistake",
            remedy="close its [, and let nothing end in a backslash",
        ) from None
    return Pattern(text, form, is_exception)


def _form(text: str) -> Form:
    """What a pattern matches; raise `ValueError` if it has a mistake."""
    if text.startswith("**") and not _SPECIAL.search(text, 2):
        end = text[2:]
        return Form((Wild.FOLDERS, end[1:]) if end[:1] == "/" else (Wild.ALL, end))
    return form_of(text, has_folders=True)
