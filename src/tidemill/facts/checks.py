"""Checks: what the runs that were reported for one commit say about it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from tidemill.facts.records import AHEAD
from tidemill.words.moments import Moment
from tidemill.words.names import one_line

CONTEXT = "tidemill/check"  # of the commit status that says what our own check says
RunState = Literal["success", "failure", "pending", "cancelled"]
MOST_LINES, MOST_SAID = 5, 400
State = Literal["green", "red", "pending", "missing", "lost"]


class Run(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One run of one check; the same `run` of a `context` is always the same verdict.

    `said` is the end of what the check printed, where whoever reported it gave that.
    """

    context: str
    run: str
    state: RunState
    at: Moment
    said: str = ""


class CheckRecord(msgspec.Struct, frozen=True, kw_only=True):
    """All runs that were reported for one commit, oldest first."""

    version: Literal[1] = 1
    sha: str
    runs: tuple[Run, ...] = ()

    def reported(self, run: Run) -> CheckRecord:
        """With one report added; a run that is known keeps its place and its final state."""
        for index, known in enumerate(self.runs):
            if (known.context, known.run) == (run.context, run.run):
                settled = known.state in ("success", "failure") and run.state in (
                    "pending",
                    "cancelled",
                )
                newer = known if settled or known.state == run.state else run
                return msgspec.structs.replace(
                    self, runs=(*self.runs[:index], newer, *self.runs[index + 1 :])
                )
        return msgspec.structs.replace(self, runs=(*self.runs, run))


class CheckClaim(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A check that a turn asked for: when, and which runs had answered by then."""

    at: Moment
    runs: tuple[str, ...] = ()


class Verdict(Struct, frozen=True):
    """The check of one commit.

    Attributes:
        finished: ids of the runs that answered; another one is another answer.
        failed: contexts and ids of those that answered red.
        claimed: whether a runner is at work on one more run now, or was asked for one.
        since: when the newest run was reported.
        missing: the required checks of which nothing was reported, where others were.
        said: the end of what the run that made it red said.
    """

    state: State = "missing"
    finished: frozenset[str] = frozenset()
    failed: frozenset[tuple[str, str]] = frozenset()
    claimed: bool = False
    since: datetime | None = None
    missing: tuple[str, ...] = ()
    said: str = ""

    @property
    def is_known(self) -> bool:
        """Green or red."""
        return self.state in ("green", "red")

    def asked_for(self, asked: CheckClaim, timeout: timedelta, now: datetime) -> Verdict:
        """This verdict where the check was asked for: claimed, until it answers or is lost."""
        if self.is_known and self.finished.difference(asked.runs):
            return self
        is_live = _is_live(asked.at, timeout, now)
        state = self.state
        if state == "missing":
            state = "pending" if is_live else "lost"
        return replace(
            self, state=state, claimed=self.claimed or is_live, since=self.since or asked.at
        )


MISSING = Verdict()


def verdict(
    record: CheckRecord | None, required: tuple[str, ...], timeout: timedelta, now: datetime
) -> Verdict:
    """What the runs say. With nothing `required`, every context that was reported counts.

    Of one context the latest run that answered counts. A pending run claims the check until
    `timeout` is over; then, as when it was cancelled, it is lost, which is not red.
    """
    runs = record.runs if record is not None else ()
    contexts = required or tuple(dict.fromkeys(run.context for run in runs))
    counted = [run for run in runs if run.context in contexts]
    if not counted:
        return MISSING
    by_context = [[run for run in counted if run.context == context] for context in contexts]
    states = [_state(mine, timeout, now) for mine in by_context]
    finished = frozenset(_id(run) for run in counted if run.state in ("success", "failure"))
    claimed = any(run.state == "pending" and _is_live(run.at, timeout, now) for run in counted)
    order: tuple[State, ...] = ("red", "lost", "missing", "pending", "green")
    state = next(one for one in order if one in states)
    if state == "missing" and "pending" in states:
        state = "pending"
    absent = tuple(one for one in contexts if one not in {run.context for run in counted})
    since = max(run.at for run in counted)
    said = _said(counted) if state == "red" else ""
    failed = frozenset((run.context, _id(run)) for run in counted if run.state == "failure")
    return Verdict(state, finished, failed, claimed, since, absent, said)


def _is_live(since: datetime, timeout: timedelta, now: datetime) -> bool:
    """Whether a check may still answer. One that begins only later was begun by a wrong clock,
    and would be waited for until that time comes."""
    return since - AHEAD <= now < since + timeout


def _id(run: Run) -> str:
    return f"{run.context}/{run.run}"


def last_words(text: str) -> str:
    """The end of what a check printed, as much as is kept with its verdict: one line."""
    lines = [" ".join(line.split()) for line in text[-8 * MOST_SAID :].splitlines()]
    kept = one_line(" | ".join([line for line in lines if line][-MOST_LINES:]))
    return kept if len(kept) <= MOST_SAID else f"…{kept[1 - MOST_SAID :]}"


def _said(runs: list[Run]) -> str:
    """What the last run that was red says, whoever wrote it there."""
    reds = [last_words(run.said) for run in runs if run.state == "failure" and run.said]
    return reds[-1] if reds else ""


def _state(runs: list[Run], timeout: timedelta, now: datetime) -> State:
    answers = [run for run in runs if run.state in ("success", "failure")]
    if answers:
        return "green" if answers[-1].state == "success" else "red"
    if not runs:
        return "missing"
    if any(run.state == "pending" and _is_live(run.at, timeout, now) for run in runs):
        return "pending"
    return "lost"
