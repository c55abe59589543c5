"""What each result says to a person: lines and tables."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from tidemill.commands import _results as results
from tidemill.commands._json import as_json
from tidemill.commands._parts import (
    Commit,
    Grid,
    Paragraph,
    Part,
    Said,
    State,
    Title,
    Typed,
    When,
)
from tidemill.commands._results import (
    Build,
    Reconciliation,
    Request,
    Result,
    StatusReport,
    TurnTaken,
)
from tidemill.commands._words import outcome, place, said, time_text, way_in
from tidemill.turn.outcome import LeftToAnother, LostTo, NothingDue
from tidemill.words.lists import listed
from tidemill.words.names import shown
from tidemill.words.shas import short, shortened

if TYPE_CHECKING:
    from tidemill.building.shipping import BuiltImage
    from tidemill.commands._remedies import Remedies
    from tidemill.facts.holds import Hold
    from tidemill.facts.journal import Entry
    from tidemill.plan.obstacles import Wait
    from tidemill.plan.status import FreezeStatus, Status, TargetStatus, WaveStatus

_VERDICTS = {"success": "green", "failure": "red", "error": "lost", "pending": "pending"}
_STOPS, _GOES_ON = "the loop would stop", "nothing that is known stops the loop"
_HELD = ("held", "by", "since", "until", "why")
_FROZEN = ("freeze", "from", "until", "why")


def text(result: Result) -> Iterator[Part]:  # noqa: PLR0912, PLR0915 - a case for each kind
    """A result in words."""
    match result:
        case results.Acceptance(request):
            yield from _request(request)
        case results.RequestAndTurn(request, turn, change):
            yield from _request(request)
            yield from _turn(turn)
            yield from text(change) if change else ()
        case results.Reconciliation():
            yield from _reconciliation(result)
        case results.EventRequest(event, request):
            where = shown(event) if request.id else f"{shown(event)}: nothing to accept"
            yield "; ".join(filter(None, (f"{where}: {said(request)}", way_in(request))))
        case results.EventOutlook(came, turn, is_due):
            yield from text(came)
            yield from ("A turn is due.",) if is_due else _turn(turn)
        case results.LoopDone():
            yield from _loop(result)
        case results.StatusReport():
            yield from _status(result)
        case results.PageWritten(out, files, size):
            yield f"The page is in {out}: {files} files, {size:,} bytes. Open {out}/index.html."
        case results.HistoryReport():
            from tidemill.commands._history_text import history

            yield from history(result)
        case results.Difference():
            from tidemill.commands._difference_text import different

            yield from different(result)
        case results.Explanations(things):
            from tidemill.commands._history_text import explained, missing

            for thing in things:
                yield from explained(thing, result.remedies)
                yield from _waiting(thing.waiting, result.remedies)
            yield from missing(result.missing)
        case results.Adoption():
            yield from _adoption(result)
        case results.RecordedCheck(context, of_check, note):
            yield f"{context} of {note.sha}: {of_check} ({note.why})"
        case results.CheckoutCheck(checked, warnings):
            yield Said(State("green"), ", ".join(checked))
            yield from (Said(State("warning"), one) for one in warnings)
        case results.CommitChecks(verdicts):
            for one in verdicts:
                yield Said(State(_VERDICTS[one.state]), f"{short(one.sha)}: {one.reason}")
                for warning in one.warnings:
                    yield Said(State("warning"), f"{short(one.sha)}: {warning}")
        case results.SetupDone(()):
            yield "The setup has ended, and nothing of it runs."
        case results.SetupDone(ended):
            yield f"The setup left these running, and they were ended: {', '.join(ended)}."
        case results.Diagnosis():
            yield from _diagnosis(result)
        case results.Build():
            yield from _build(result)
        case results.ImagesCompared(comparison, limit):
            from tidemill.commands._comparison_text import render

            yield render(comparison, limit)
        case results.ImagesPinned(()):
            yield "Every image is given by its digest already."
        case results.ImagesPinned(pins):
            yield from (f"{pin.file}: {pin.before} is now {pin.after}" for pin in pins)
        case results.ImagePlan():
            yield msgspec.json.encode(as_json(result)).decode()
        case results.RecordFiles(text=found):
            yield from () if found is None else (found,)
        case results.Announcements(to, sent, is_dry_run):
            from tidemill.announcing.announcement import as_json as payload
            from tidemill.announcing.by_reference import AnnouncementReference

            for announced in sent:
                how = ", by reference" if isinstance(announced, AnnouncementReference) else ""
                yield (
                    json.dumps(payload(announced), indent=2)
                    if is_dry_run
                    else f"{announced.id}: announced to {to}{how}"
                )


def _loop(result: results.LoopDone) -> Iterator[Part]:
    yield from text(result.event) if result.event else ()
    yield from text(result.checks)
    yield from _turn(result.turn)
    if result.turn.more:
        yield "Something is left to the next run."


def _adoption(result: results.Adoption) -> Iterator[Part]:
    proposal, there = result.proposal, "is there, differs, and stays; --force overwrites it"
    wanted = [one for one in result.changes if one.act != "keep"]
    yield Title("What was found")
    yield from (Paragraph(one) for one in proposal.reasons)
    yield Title("What was done")
    if not wanted:
        yield Paragraph(
            "Nothing to do: everything that is needed is there, in "
            f"{', '.join(one.path for one in proposal.files) or 'files that stay as they are'}."
        )
    elif result.is_written:
        yield Paragraph(f"Written: {', '.join(one.path for one in wanted)}")
    else:
        names = ", ".join(f"{one.path} ({one.act})" for one in wanted)
        yield Paragraph(f"Nothing was written. --yes writes: {names}")
    yield from (
        Said(State("warning"), f"{one.path} {there}") for one in result.changes if one.act == "keep"
    )
    yield from (Said(State("warning"), f"still needed: {one}") for one in proposal.missing)
    if proposal.pastes:
        yield Title("Add these lines yourself, so that reports of the cluster are understood")
    for paste in proposal.pastes:
        yield Paragraph(f"{paste.file}, {paste.where}:")
        yield from (Typed(line, indent=3) for line in paste.lines)
    if not wanted:
        return
    yield Title("Next")
    for number, step in enumerate(proposal.steps, start=1):
        yield Paragraph(f"{number}. {step.why}:")
        yield Typed(step.command, indent=3)


def _request(request: Request) -> Iterator[Part]:
    yield said(request)
    if request.way_in:
        yield "To let it in again:"
        yield Typed(request.way_in, indent=2)


def _turn(turn: TurnTaken) -> Iterator[Part]:
    yield from (Said(State("warning"), why) for why in turn.warnings)
    yield outcome(turn)
    if isinstance(turn.outcome, LostTo):
        return
    if turn.entries and not isinstance(turn.outcome, NothingDue | LeftToAnother):
        yield done(turn)
    if turn.to_check:
        yield "To check:\n  " + "\n  ".join(turn.to_check)
    yield from _waiting(turn.waiting, turn.remedies)
    if turn.page:
        yield f"The page is in {turn.page}."


def done(turn: TurnTaken) -> Grid:
    """All that a turn did."""
    return Grid(
        ("done", "set", "wave", "commit", "why"),
        [(State(one.what), *place(one), _commit(one), one.reason or "") for one in turn.entries],
    )


def _commit(entry: Entry) -> Commit:
    """The commit of app.git, or else that of cfg-app.git; the request where there is neither."""
    if entry.app_sha:
        return Commit(entry.app_sha, is_of_app=True)
    return Commit(entry.sha, "" if any(place(entry)) else entry.id or "")


def _reconciliation(result: Reconciliation) -> Iterator[Part]:
    for sha in result.settled.set:
        yield f"The status of {sha} is set."
    for sha in result.settled.gone:
        yield f"{sha} is neither on auto nor main's tip: its verdict is of no use any more."
    yield from _turn(result.turn)
    if result.turn.more:
        yield "Something wants a check, which is not claimed."


def _waiting(
    waiting: Iterable[Wait],
    remedies: Remedies,
    next_turn: Callable[[Wait], datetime | None] = lambda _: None,
) -> Iterator[Part]:
    """What waits for what: each with its reasons, and the command that ends the wait."""
    from tidemill.plan.wording import reasons, subject  # which most commands have no need of

    for n, line in enumerate(waiting):
        if n == 0:
            yield "Waiting:"
        yield Paragraph(shortened(subject(line.about)), indent=2)
        if line.since:
            yield Paragraph("since", indent=4, at=When(line.since, remedies.now, is_past=True))
        if line.id:
            yield Paragraph(f"as {line.id}", indent=4)
        for reason in reasons(line, remedies.now):
            yield Paragraph(f"- {shortened(reason)}", indent=4)
        if turn := next_turn(line):
            yield Paragraph("at the next scheduled turn,", indent=4, at=When(turn, remedies.now))
        yield Typed(remedies.ending(line)[0], indent=6)


def rollout(found: Status, now: datetime) -> Iterator[Part]:
    """What runs where, as it was read at `now`."""
    from tidemill.facts.holds import each_hold  # which most commands have no need of

    yield Paragraph(f"main {found.main}   auto {found.auto or 'not there'}")
    for wave in found.waves:
        yield Title(wave.name)
        if wave.holds:
            yield Grid(_HELD, [_hold(hold, now) for hold in each_hold(wave.holds)])
        if wave.freezes:
            yield Grid(_FROZEN, [_freeze(one, now) for one in wave.freezes])
        for change in wave.gates_changed:
            by = f" by the author {change.author}" if change.author else ""
            which = short(change.commit, "a commit that can't be told")
            yield Paragraph(f"gates changed in {which}{by}: {change.words}")
        yield from _wave(wave, now)
    if found.gone_holds:
        yield Title(
            "held, though tidemill.toml does not name it (tidemill release-wave ends a hold)"
        )
        gone = each_hold(found.gone_holds)
        yield Grid(("wave", *_HELD), [(hold.wave, *_hold(hold, now)) for hold in gone])


def _status(report: StatusReport) -> Iterator[Part]:
    found = report.status
    yield from rollout(found, report.remedies.now)
    yield from _waiting(found.waiting, report.remedies, report.next_turn)
    yield from unreadable(found)


def unreadable(found: Status) -> Iterator[Part]:
    """The refs that can't be read, and what to do about each."""
    if found.unreadable:
        yield "Can't be read:"
        rows = [(one.ref, one.reason, one.remedy) for one in found.unreadable]
        yield Grid(("ref", "why", "what to do"), rows)


def _hold(hold: Hold, now: datetime) -> tuple[str, str, When, When | str, str]:
    until = When(hold.until, now) if hold.until else "it is released"
    from tidemill.facts.settings import ALL_SETS

    which = "all sets" if hold.set == ALL_SETS else hold.set
    return which, hold.by, When(hold.since, now, is_past=True), until, hold.reason


def _freeze(one: FreezeStatus, now: datetime) -> tuple[str, When, When, str]:
    state = "in force" if one.is_now else "to come"
    return state, When(one.begins, now), When(one.until, now), one.reason


def _wave(wave: WaveStatus, now: datetime) -> Iterator[Part]:
    yield Grid(
        ("set", "commit", "position", "state", "since"),
        [
            (
                one.set,
                Commit(one.app_sha, is_of_app=True),
                "hotfix" if one.is_hotfix else str(one.position or ""),
                State(one.state),
                When(one.since, now, is_past=True),
            )
            for one in wave.sets
        ],
    )
    for one in wave.sets:
        if one.naming is not None:
            yield f"{one.set} in {wave.name}: {one.naming.words}"
        if one.without:
            yield (
                f"{one.set} in {wave.name} is deployed without {listed(one.without)} "
                f"(need: {wave.need})"
            )
    yield Grid(
        ("target", "revision", "phase", "health", "runs"),
        [
            (
                one.name,
                Commit(one.revision, "no report"),
                State(one.phase or ""),
                State(one.health or "", _remarks(one)),
                ", ".join(f"{name} {short(sha)}" for name, sha in one.runs.items()),
            )
            for one in wave.targets
        ],
    )


def _remarks(one: TargetStatus) -> str:
    said = []
    if one.clock_ahead:
        said.append(f"its clock is {one.clock_ahead} ahead")
    if one.ignored:
        said.append(f"ignored until {time_text(one.ignored.until)}: {one.ignored.reason}")
    return f" ({'; '.join(said)})" if said else ""


def _diagnosis(found: results.Diagnosis) -> Iterator[Part]:
    for file in found.mended:
        yield f"{file.path} was mended:"
        yield file.diff
    for one in found.findings:
        yield Said(State(one.state), f"{one.check}: {one.what}")
        if one.remedy:
            yield Paragraph(one.remedy, indent=2)
        for line in one.paste.splitlines():
            yield Typed(line, indent=4)
    if found.top and any(one.paste for one in found.findings):
        yield Paragraph("Before you run one of these commands, go to the root of the checkout:")
        yield Typed(shlex.join(["cd", found.top]), indent=2)
    problems, warnings, open_, fine = map(found.count, ("problem", "warning", "unknown", "ok"))
    yield Paragraph(
        f"{problems} problem{'s' * (problems != 1)}, {warnings} warning{'s' * (warnings != 1)}, "
        f"{open_} unknown, {fine} ok: {_STOPS if found.stops else _GOES_ON}"
    )


def _build(build: Build) -> Iterator[Part]:
    yield from map(_image, build.images)
    for one in build.differing:
        if one.comparison:
            from tidemill.commands._comparison_text import render

            yield f"\n{one.item.name} is not reproducible; nothing was published:"
            yield render(one.comparison)


def _image(one: BuiltImage) -> str:
    told = ["changed" if one.changed else "unchanged"]
    if one.is_verified is not None:
        told.append("verified" if one.is_verified else "NOT reproducible")
    if one.published is None:
        told.append("not published")
    elif one.published.sent:
        told.append(f"{one.published.sent:,} bytes sent")
    if one.published and one.item.to is not None and one.item.to.folder is not None:
        told.append(f"in {one.item.to}")
    return f"{one.item.name}: {one.reference} ({', '.join(told)})"
