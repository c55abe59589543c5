"""What `tidemill init` would do, as one value, and what that changes in a checkout."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Literal, TypeAlias

from msgspec import Struct

from tidemill.adopting.tree import as_text

Act: TypeAlias = Literal["create", "add lines", "overwrite", "keep"]


class Wanted(Struct, frozen=True):
    """A file that has to be there; with `is_edit` it is there, and gets some more lines."""

    path: str
    text: str
    is_edit: bool = False


class Step(Struct, frozen=True):
    """What a person does next: why, and the command, which runs as it is."""

    why: str
    command: str


class Paste(Struct, frozen=True):
    """Lines that a person has to add to a file: YAML, to copy as they are.

    Attributes:
        where: to what in the file, such as `to the template of shop`.
    """

    file: str
    where: str
    lines: tuple[str, ...]


class Proposal(Struct, frozen=True):
    """The files, what they were made from and why, and what is left to a person."""

    files: tuple[Wanted, ...]
    reasons: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    pastes: tuple[Paste, ...] = ()
    steps: tuple[Step, ...] = ()


class Change(Struct, frozen=True):
    """What becomes of one file.

    Attributes:
        before: its text; None where there is no such file.
        act: `keep` where it is there, differs, and stays.
    """

    path: str
    before: str | None
    after: str
    act: Act

    def diff(self) -> Iterator[str]:
        """Its lines, as `git diff` has them."""
        yield f"diff --git a/{self.path} b/{self.path}"
        if self.before is None:
            yield "new file mode 100644"
        lines = difflib.unified_diff(
            (self.before or "").splitlines(keepends=True),
            self.after.splitlines(keepends=True),
            "/dev/null" if self.before is None else f"a/{self.path}",
            f"b/{self.path}",
        )
        for line in lines:
            yield line.rstrip("\n")
            if not line.endswith("\n"):
                yield "\\ No newline at end of file"


def changes(proposal: Proposal, files: Mapping[str, bytes], *, force: bool) -> tuple[Change, ...]:
    """What differs from the files that are there; nothing is overwritten without `force`."""
    found = []
    for one in proposal.files:
        data = files.get(one.path)
        before = None if data is None else as_text(data)
        if one.text == before:
            continue
        act: Act = "create"
        if before is not None:
            act = "add lines" if one.is_edit else "overwrite" if force else "keep"
        found.append(Change(one.path, before, one.text, act))
    return tuple(found)


def with_lines(before: str, text: str) -> str:
    """A text that has all the lines of another one, which begins with a comment about them.

    They end as those that are there do.
    """
    if {line for line in text.splitlines() if line[:1] != "#"} <= {*before.splitlines()}:
        return before
    newline = "\r\n" if "\r\n" in before else "\n"
    end = "" if not before or before.endswith("\n") else newline
    gap = newline if before else ""
    return before + end + gap + text.replace("\n", newline)
