"""What of a result goes on top of a run's page: what needs a person, and why nothing was done."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tidemill.commands import _results as results
from tidemill.commands._results import Result, TurnTaken
from tidemill.commands._words import about, said, waits_for, way_in
from tidemill.turn.outcome import WouldWrite
from tidemill.words.names import whole_line

if TYPE_CHECKING:
    from tidemill.plan.obstacles import Wait

_NEEDS_A_PERSON = {
    "evicted": "was evicted",
    "rejected": "was rejected",
    "held": "is held",
    "not in the files": "is not in the files as it should be",
}


def errors(name: str, result: Result) -> list[str]:
    """Why a command ended with 1 that did what it could: something is red, or main may not move."""
    if result.exit_code == 0:
        return []
    return [*map(whole_line, _errors(result))] or [f"{name} says no; see the log"]


def warnings(result: Result) -> list[str]:
    """What was left to people: by a turn, evictions, refusals, new holds, images that no file
    names, and a main that can't go on; by a check, what is not wrong and still not right."""
    return [*map(whole_line, _warnings(result))]


def notices(result: Result) -> list[str]:
    """Why what was asked for was not done, where that is no error.

    Most events bring nothing, and that is no news; one that looks like ours and is not, is.
    """
    match result:
        case results.Acceptance(request) | results.RequestAndTurn(request):
            return [] if request.is_new else [whole_line(said(request))]
        case results.LoopDone(event=results.EventRequest() as came) | results.EventOutlook(came):
            return notices(came)
        case results.EventRequest(request=request, is_foreign=is_foreign):
            why = request.how if is_foreign else way_in(request)
            return [whole_line(why)] if why and not request.is_new else []
        case results.RecordedCheck(note=note):
            return [] if note.changed else [whole_line(note.why)]
        case _:
            return []


def _errors(result: Result) -> Iterator[str]:
    match result:
        case results.CommitChecks():
            yield from _red(result)
        case results.Diagnosis(findings=found):
            yield from (f"{one.what}; {one.remedy}" for one in found if one.stops_the_loop)
        case results.Build():
            for one in result.differing:
                yield f"{one.item.name} is not reproducible; the log says what differs"
        case (
            results.RequestAndTurn(turn=turn)
            | results.Reconciliation(turn)
            | results.LoopDone(turn=turn)
        ):
            if isinstance(result, results.LoopDone) and result.checks.exit_code:
                yield from _red(result.checks)
            yield from (waits_for(line, turn.remedies) for line in turn.waiting if _is_kept(line))
        case _:
            return


def _warnings(result: Result) -> Iterator[str]:
    match result:
        case results.LoopDone(turn=turn, checks=checks):
            yield from _left_to_people(turn)
            yield from dict.fromkeys(_warnings(checks))  # a red commit is checked again
        case results.EventOutlook(is_due=True):
            return  # the turn says it
        case (
            results.RequestAndTurn(turn=turn)
            | results.Reconciliation(turn)
            | results.EventOutlook(turn=turn)
        ):
            yield from _left_to_people(turn)
        case results.Diagnosis(findings=found):
            yield from (f"{one.what}; {one.remedy}" for one in found if one.state == "warning")
        case results.Build(images):
            for image in images:
                yield from (f"{image.item.name}: {line}" for line in image.warnings)
        case results.CheckoutCheck(warnings=found):
            yield from found
        case results.CommitChecks(fails=fails):
            yield from () if fails else _red(result)
            yield from result.warnings
        case _:
            return


def _red(checks: results.CommitChecks) -> Iterator[str]:
    for one in checks.not_green:
        yield f"{one.sha} is {one.state}: {one.reason}"


def _left_to_people(turn: TurnTaken) -> Iterator[str]:
    yield from turn.warnings
    is_tried = isinstance(turn.outcome, WouldWrite)  # then nothing of it has happened
    for what, happened in _NEEDS_A_PERSON.items():
        for entry in () if is_tried else turn.done(what):
            which = about(entry) or "something"
            yield f"{which} {happened}: {entry.reason or 'see the summary'}"
    for line in turn.waiting:
        if _stands_still(line) or (_is_kept(line) and not turn.is_main_kept):
            yield waits_for(line, turn.remedies)


def _stands_still(line: Wait) -> bool:
    """Whether main can't go on, and only a person can change that."""
    from tidemill.plan.obstacles import BrokenMain, RedMain, StaleMain

    return any(isinstance(one, RedMain | StaleMain | BrokenMain) for one in line.obstacles)


def _is_kept(line: Wait) -> bool:
    """Whether the server does not let main move; where a rule says so, it is an error."""
    from tidemill.plan.obstacles import ServerRefusal  # which most commands have no need of

    is_refused = any(isinstance(one, ServerRefusal) for one in line.obstacles)
    return line.about.at == "main" and is_refused
