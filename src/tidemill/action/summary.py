"""What a person wants to read on a run's page: what was done, what waits for what, and links."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from tidemill.action.markdown import block, code, commit, exact, plain, table
from tidemill.announcing.by_reference import AnnouncementReference
from tidemill.commands import _results as results
from tidemill.commands._parts import Cell, Commit, Grid, Part, Title, Typed
from tidemill.commands._results import Result, TurnTaken
from tidemill.commands._text import done, rollout, text, unreadable
from tidemill.commands._words import outcome, said, time_text
from tidemill.errors import TidemillError
from tidemill.turn.outcome import WouldWrite

if TYPE_CHECKING:
    from tidemill.announcing.announcement import Announcement
    from tidemill.commands._remedies import Remedies
    from tidemill.plan.obstacles import Wait

MOST_ROWS = 500


def summary(name: str, result: Result, url: str | None) -> str:
    """The summary of a command.

    Args:
        url: the page of cfg-app.git, for links, where it is on GitHub.
    """
    return "\n".join([f"### {name}", "", *_body(result, url)])


def summary_of_error(name: str, error: TidemillError) -> str:
    """The summary of a command that was refused, or failed."""
    rows = [
        ("what", plain(error.what)),
        ("written", plain(error.written)),
        ("remedy", exact(error.remedy)),
    ]
    lines = table(("**refused**", ""), rows)
    return "\n".join([f"### {name}", "", *lines])


def _body(result: Result, url: str | None) -> list[str]:
    match result:
        case results.RequestAndTurn(request, turn, change):
            changed = _markdown(text(change), url) if change else []
            return [f"{plain(said(request))}.", "", *_turn(turn, url), *changed]
        case results.Reconciliation(turn, changes):
            return _turn(turn, url, changes.set)
        case results.EventRequest(request=request):
            why = said(request) if request.id else f"Nothing to accept: {said(request)}"
            return [f"{plain(why)}.", ""]
        case results.EventOutlook(came, turn, is_due):
            return [*_body(came, url), *(() if is_due else _turn(turn, url))]
        case results.LoopDone(came, turn, checks):
            said_first = _body(came, url) if came else []
            checked = _body(checks, url) if checks.verdicts else []
            return [*said_first, *checked, *_turn(turn, url)]
        case results.StatusReport(status, remedies):
            return [
                *_markdown(rollout(status, remedies.now), url),
                *_waiting(status.waiting, remedies, url),
                *_markdown(unreadable(status), url),
            ]
        case results.CommitChecks(verdicts):
            rows = [(Commit(one.sha), one.state, one.reason) for one in verdicts]
            warnings = Grid(("warning",), [(warning,) for warning in result.warnings])
            return _markdown([Grid(("commit", "verdict", "why"), rows), warnings], url)
        case results.Build():
            return _images(result)
        case results.ImagePlan(jobs):
            found = Grid(("job", "services"), [(job.name, job.services) for job in jobs])
            return _markdown([found], url)
        case results.RecordFiles(files) if files:
            return _markdown([Grid(("files",), [(file,) for file in files])], url)
        case results.Announcements(to, sent):
            sent_rows = [(plain(one.id), _how(one)) for one in sent]
            return table((f"announced to {plain(to)}", "how"), sent_rows)
        case _:
            return _markdown(text(result), url)


def _turn(turn: TurnTaken, url: str | None, settled: Sequence[str] = ()) -> list[str]:
    warned = [line for why in turn.warnings for line in (f"**Warning**: {plain(why)}", "")]
    is_tried = isinstance(turn.outcome, WouldWrite)
    lines = [plain(outcome(turn)), ""] if is_tried else []
    landed = "Would land" if is_tried else "Landed"
    lines += [f"{landed} {commit(turn.landed, url)} on main.", ""] if turn.landed else []
    lines += _markdown([done(turn)], url)
    for words, shas in (("Statuses set", settled), ("To check", turn.to_check)):
        if shas:
            lines += [f"{words}: {', '.join(commit(sha, url) for sha in shas)}.", ""]
    lines = lines or [plain(outcome(turn)), ""]
    return [*warned, *lines, *_waiting(turn.waiting, turn.remedies, url), *_approvals(turn)]


def _approvals(turn: TurnTaken) -> list[str]:
    """What each wave would get that waits for an approval, with the page that compares it."""
    from tidemill.commands._difference_text import compared, in_short

    lines = []
    for one in turn.approvals:
        link = compared(one, turn.remedies.server)
        lines += [f"{plain(in_short(one))}." + (f" [Compare]({link})." if link else ""), ""]
    return lines


def _waiting(waits: Sequence[Wait], remedies: Remedies, url: str | None) -> list[str]:
    from tidemill.plan.obstacles import MissingApproval  # which most commands have no need of
    from tidemill.plan.wording import subject

    lines = _rows(("waits", "for", "since", "to go on"), [
        (
            plain(subject(one.about)),
            "<br>".join(plain(each.words(remedies.now)) for each in one.obstacles),
            time_text(one.since) or "",
            " or ".join(code(command) for command in remedies.ending(one) if command),
        )
        for one in waits
    ])  # fmt: skip
    if url and any(isinstance(each, MissingApproval) for one in waits for each in one.obstacles):
        where = f"[*Actions*]({url}/actions) → *tidemill* → *Run workflow*"
        lines += [f"To approve on a page: {where}, *promote*, that wave, that set, that SHA.", ""]
    return lines


def _markdown(parts: Iterable[Part], url: str | None) -> list[str]:
    """What a terminal shows: tables with links, paragraphs, and as it is what is to be copied."""
    lines: list[str] = []
    for is_typed, several in groupby(parts, lambda part: isinstance(part, Typed)):
        if is_typed:
            commands = [one.command for one in several if isinstance(one, Typed)]
            lines += [block("\n".join(commands)), ""]
        else:
            lines += [line for one in several for line in _part(one, url)]
    return lines


def _part(part: Part, url: str | None) -> list[str]:
    match part:
        case Grid(head, rows):
            return _rows(head, [tuple(_cell(cell, url) for cell in row) for row in rows])
        case Title(words):
            return [f"**{plain(words)}**", ""]
        case str() if "\n" in part.strip():
            return [block(part.strip("\n")), ""]
        case _:
            return [plain(str(part).strip()), ""]


def _cell(cell: Cell, url: str | None) -> str:
    if isinstance(cell, Commit) and cell.sha:
        return commit(cell.sha, None if cell.is_of_app else url)
    return plain(cell)


def _images(build: results.Build) -> list[str]:
    return _rows(("service", "image", "changed", "verified"), [
        (
            plain(one.item.name),
            f"`{one.reference}`",
            "yes" if one.changed else "no",
            {True: "yes", False: "**differs**", None: ""}[one.is_verified],
        )
        for one in build.images
    ])  # fmt: skip


def _how(one: Announcement | AnnouncementReference) -> str:
    return "by reference" if isinstance(one, AnnouncementReference) else "whole"


def _rows(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    lines = table(head, rows[:MOST_ROWS])
    return [*lines, f"And {len(rows) - MOST_ROWS} more.", ""] if len(rows) > MOST_ROWS else lines
