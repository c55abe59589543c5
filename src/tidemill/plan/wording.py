"""The words of a line: what waits, for what, and the command that ends the wait."""

from __future__ import annotations

import shlex
from datetime import datetime

from tidemill.facts.settings import ALL_SETS
from tidemill.plan.obstacles import About, MissingApproval, Wait
from tidemill.words.moments import to_the_minute
from tidemill.words.shas import short


def subject(about: About) -> str:
    """What waits, as people name it."""
    which = f"{short(about.app_sha)} ({about.set})"
    match about.at:
        case "main":
            return f"main at {about.sha}"
        case "auto":
            return "auto"
        case "announced":
            return which
        case "for" | "on auto" if about.set == ALL_SETS:
            return f"the regeneration of {about.wave}"
        case "for":
            return f"{which} for {about.wave}"
        case "on auto":
            return f"{short(about.app_sha, 'a rollback')} ({about.set}) on auto for {about.wave}"
        case "in":
            return f"{which} in {about.wave}"
        case "asked":
            what = f" about {which}" if about.app_sha and about.set else ""
            return f"what was asked for in {about.wave}{what}"


def runs_as(words: tuple[str, ...], repo: str) -> str:
    """A command as it is typed, with the repository that it is about."""
    return shlex.join(["tidemill", *words, "--repo", repo])


def line_command(line: Wait) -> tuple[str, ...]:
    """The command that a line ends with: the first that ends one of its waits, or a look."""
    return next(filter(None, (one.command() for one in line.obstacles)), ("status",))


def form(line: Wait) -> tuple[str, ...] | None:
    """The command that ends a wait and counts only as a form on GitHub."""
    if line.is_for_reviewers:
        return line_command(line)
    found = (one.form() for one in line.obstacles if isinstance(one, MissingApproval))
    return next(filter(None, found), None)


def reasons(line: Wait, now: datetime | None = None) -> list[str]:
    """What a line waits for, one text for each, and when it could go."""
    said = [one.words(now) for one in line.obstacles]
    if line.earliest is not None and len(line.obstacles) > 1:
        said.append(f"at the earliest at {to_the_minute(line.earliest)}")
    return said
