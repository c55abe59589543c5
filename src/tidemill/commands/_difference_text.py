"""What a difference says to a person."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from tidemill.commands._parts import Paragraph, Part, Title
from tidemill.words.lists import listed
from tidemill.words.shas import short

if TYPE_CHECKING:
    from tidemill.answers.difference import SetDifference
    from tidemill.commands._results import AppCommit, Difference

MOST_LINES = 400  # of changes in files
MOST_COMMITS = 200
MOST_SERVICES = 20  # that one sentence names


def different(found: Difference) -> Iterator[Part]:
    """Sets, commits, services and files."""
    for one in found.sets:
        against = f", against {found.against}" if found.against else ""
        yield Title(f"{one.set} in {one.wave}{against}")
        yield Paragraph(commits_of(one))
        if link := compared(one, found.url):
            yield Paragraph(link)
        if one.services is None:
            yield Paragraph("No wave has these images on main, so services can't be compared.")
        elif not one.services:
            yield Paragraph("All services have the same images.")
        for change in one.services or ():
            yield Paragraph(f"{change.what} {change.service}")
            if change.before:
                yield Paragraph(f"- {change.before}", indent=2)
            if change.after:
                yield Paragraph(f"+ {change.after}", indent=2)
    if found.come or (found.come is not None and not found.gone):
        yield Title("Commits of app.git")
        yield from _commits(found.come)
    if found.gone:
        yield Title("Commits of app.git that would go")
        yield from _commits(found.gone)
    if found.files is not None:
        yield from _files(found)


def _commits(found: Sequence[AppCommit]) -> Iterator[Part]:
    for commit in found[:MOST_COMMITS]:
        yield Paragraph(f"{short(commit.sha)} {commit.subject} ({commit.author})")
    if len(found) > MOST_COMMITS:
        yield Paragraph(f"Older ones are left out: {len(found) - MOST_COMMITS}; --json has all.")
    if not found:
        yield Paragraph("There are none.")


def commits_of(one: SetDifference) -> str:
    """From which commit of app.git to which."""
    if one.is_new and one.is_gone:
        return "Neither side has any images of it on main."
    if one.before is None and one.after is None:
        return "The commit of app.git is known on neither side."
    before = short(one.before, "nothing yet" if one.is_new else "an unknown set")
    after = short(one.after, "nothing" if one.is_gone else "an unknown set")
    return (
        f"app.git {before}, the same" if one.before == one.after else f"app.git {before} → {after}"
    )


def compared(one: SetDifference, url: str | None) -> str | None:
    """The page on which GitHub compares the commits; None where the repository is not there."""
    return f"{url}/{one.path}" if url and one.path else None


def in_short(one: SetDifference) -> str:
    """What a wave would get, in one sentence."""
    before = "" if one.is_new else f" in place of {short(one.before)}"
    said = f"{one.wave} would get {one.set} {short(one.after)}{before}"
    if one.services is None:
        return said
    parts = []
    for what in ("added", "removed", "changed"):
        names = [change.service for change in one.services if change.what == what]
        if names:
            parts.append(f"{what} {listed(names, MOST_SERVICES)}")
    return f"{said}: {'; '.join(parts) or 'all services have the same images'}"


def _files(found: Difference) -> Iterator[Part]:
    files = found.files or ()
    yield Title(f"Files of cfg-app.git that change: {len(files)}")
    texts = (one.diff or f"{one.path} (no text)" for one in files)
    lines = [line for text in texts for line in text.split("\n")]
    if lines:
        yield "\n".join(lines[:MOST_LINES])
    if len(lines) > MOST_LINES:
        yield Paragraph(f"{len(lines) - MOST_LINES} more lines are left out; --json has all.")
