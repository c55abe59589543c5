"""What a person wants to read on a run's page: what was done, what waits for what, and links."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tidemill.action.markdown import code, commit, plain, table
from tidemill.announcing.by_reference import AnnouncementReference
from tidemill.commands import _results as results
from tidemill.commands._json import DONE
from tidemill.commands._results import Result, TurnTaken
from tidemill.commands._text import text
from tidemill.commands._words import outcome, place, said, time_text
from tidemill.errors import TidemillError

if TYPE_CHECKING:
    from tidemill.announcing.announcement import Announcement
    from tidemill.commands._remedies import Remedies
    from tidemill.facts.journal import Entry
    from tidemill.plan.obstacles import Wait
    from tidemill.plan.status import WaveStatus

MOST_ROWS = 500


def summary(name: str, result: Result, url: str | None) -> str:
    """The summary of a command.

    Args:
        url: the page of cfg-app.git, for links, where it is on GitHub.
    """
    return "\n".join([f"### {name}", "", *_body(result, url)])


def summary_of_error(name: str, error: TidemillError) -> str:
    """The summary of a command that was refused, or failed."""
    rows = [("what", error.what), ("written", error.written), ("remedy", error.remedy)]
    lines = table(("**refused**", ""), [(what, plain(text)) for what, text in rows])
    return "\n".join([f"### {name}", "", *lines])


def _body(result: Result, url: str | None) -> list[str]:
    match result:
        case results.RequestAndTurn(request, turn):
            return [f"{plain(said(request))}.", "", *_turn(turn, url)]
        case results.Reconciliation(turn, changes):
            return _turn(turn, url, changes.set)
        case results.EventRequest(request=request):
            why = said(request) if request.id else f"Nothing to accept: {said(request)}"
            return [f"{plain(why)}.", ""]
        case results.StatusReport():
            return _status(result, url)
        case results.CommitChecks(verdicts):
            verdict_rows = [
                (commit(one.sha, url), plain(one.state), plain(one.reason)) for one in verdicts
            ]
            warning_rows = [(plain(warning),) for warning in result.warnings]
            return [
                *table(("commit", "verdict", "why"), verdict_rows),
                *_rows(("warning",), warning_rows),
            ]
        case results.Build():
            return _images(result)
        case results.ImagePlan(jobs):
            job_rows = [(plain(job.name), plain(job.services)) for job in jobs]
            return table(("job", "services"), job_rows)
        case results.RecordFiles(files) if files:
            return table(("files",), [(plain(file),) for file in files])
        case results.Announcements(to, sent):
            sent_rows = [(plain(one.id), _how(one)) for one in sent]
            return table((f"announced to {plain(to)}", "how"), sent_rows)
        case _:
            parts = (part for part in text(result) if isinstance(part, str))
            words = (line for part in parts for line in part.splitlines() if line)
            return [line for one in words for line in (plain(one), "")]


def _turn(turn: TurnTaken, url: str | None, settled: Sequence[str] = ()) -> list[str]:
    lines = [f"Landed {commit(turn.landed, url)} on main.", ""] if turn.landed else []
    first = [entry for what in DONE for entry in turn.done(what)]
    entries = [*first, *(one for one in turn.entries if one.what not in DONE)]
    lines += _rows(("done", "set", "wave", "commit", "why"), [
        (plain(one.what), *map(plain, place(one)), _commit(one, url), plain(one.reason))
        for one in entries
    ])  # fmt: skip
    for words, shas in (("Statuses set", settled), ("To check", turn.to_check)):
        if shas:
            lines += [f"{words}: {', '.join(commit(sha, url) for sha in shas)}.", ""]
    return [*(lines or [plain(outcome(turn)), ""]), *_waiting(turn.waiting, turn.remedies, url)]


def _commit(one: Entry, url: str | None) -> str:
    """The commit of app.git, as such, or else that of cfg-app.git, with its link."""
    return commit(one.app_sha, None) if one.app_sha else commit(one.sha or "", url)


def _waiting(waits: Sequence[Wait], remedies: Remedies, url: str | None) -> list[str]:
    from tidemill.plan.obstacles import MissingApproval  # which most commands have no need of
    from tidemill.plan.wording import in_words, subject

    lines = _rows(("waits", "for", "since", "to go on"), [
        (
            plain(subject(one.about)),
            "<br>".join(plain(in_words(each, remedies.now)) for each in one.obstacles),
            time_text(one.since) or "",
            " or ".join(code(command) for command in remedies.ending(one) if command),
        )
        for one in waits
    ])  # fmt: skip
    if url and any(isinstance(each, MissingApproval) for one in waits for each in one.obstacles):
        where = f"[*Actions*]({url}/actions) → *tidemill* → *Run workflow*"
        lines += [f"To approve on a page: {where}, *promote*, that wave, that set, that SHA.", ""]
    return lines


def _status(report: results.StatusReport, url: str | None) -> list[str]:
    found = report.status
    auto = commit(found.auto, url) if found.auto else "not there"
    lines = [f"main {commit(found.main, url)}, auto {auto}", ""]
    for wave in found.waves:
        lines += _wave(wave, url)
    return [*lines, *_waiting(found.waiting, report.remedies, url)]


def _wave(wave: WaveStatus, url: str | None) -> list[str]:
    held = ", ".join(f"held by {hold.by}: {hold.reason}" for hold in wave.holds)
    lines = [f"**{plain(wave.name)}** {plain(held)}".rstrip(), ""]
    lines += table(("set", "commit", "state", "since"), [
        (
            plain(one.set),
            commit(one.app_sha, None) if one.app_sha else "unknown",
            plain(one.state),
            time_text(one.since) or "",
        )
        for one in wave.sets
    ])  # fmt: skip
    for one in wave.sets:
        if one.naming:
            lines += [f"{plain(one.set)}: {plain(one.naming.words)}.", ""]
    return lines + table(("target", "revision", "phase", "health"), [
        (
            plain(one.name),
            commit(one.revision, url) if one.revision else "no report",
            plain(one.phase or ""),
            plain(one.health or ""),
        )
        for one in wave.targets
    ])  # fmt: skip


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
