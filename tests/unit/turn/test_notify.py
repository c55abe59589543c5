"""What a turn tells GitHub after it: what needs a check, that one is due, what was deployed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from msgspec.structs import replace
from tests.unit.snapshots import Rollout, sha
from tests.unit.turn.states import decided, state

from tidemill.clients.github.api import GitHub, NewDeployment
from tidemill.errors import Unreachable
from tidemill.facts.records import Deployment
from tidemill.turn.notify import CHECK_REQUESTED, TURN_DUE, Notices, tell_github
from tidemill.turn.outcome import LeftToNextRun, NothingDue, TurnOutcome, Wrote
from tidemill.turn.turn import Turn

RECORD = Rollout().record("lab", "lab-1")
ALL = Notices(check_requests=True, go_on=True, deployments=True)
CHECK = (CHECK_REQUESTED, {"version": 1, "shas": [sha("one"), sha("other")]})
GO_ON = (TURN_DUE, {"version": 1})


@dataclass
class Told:
    """What GitHub was told; with `is_away` it takes nothing."""

    is_away: bool = False
    events: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    deployments: list[NewDeployment] = field(default_factory=list)

    def dispatch(self, event_type: str, payload: Mapping[str, Any]) -> None:
        if self.is_away:
            raise Unreachable("GitHub does not answer", remedy="run it again")
        self.events.append((event_type, payload))

    def deploy(self, new: NewDeployment) -> None:
        self.deployments.append(new)


def told(
    outcome: TurnOutcome, wanted: Notices = ALL, *, is_polled: bool = False, **plan: Any
) -> Told:
    found, known = Told(), Rollout().snapshot()
    if is_polled:
        deployments = replace(known.settings.deployments, reports="poll")
        known = replace(known, settings=replace(known.settings, deployments=deployments))
    done = Turn(decided(**plan), outcome, state(), known)
    tell_github(done, wanted, cast(GitHub, found), "https://run")
    return found


def test_what_wants_a_check_is_told_together_where_it_was_written() -> None:
    wanted = Notices(check_requests=True)
    to_check = (sha("one"), sha("other"))
    assert told(Wrote(), wanted, to_check=to_check).events == [CHECK]
    assert told(NothingDue(), wanted, to_check=to_check).events == []
    assert told(Wrote(), wanted, to_check=()).events == []
    assert told(Wrote(), Notices(go_on=True), to_check=to_check).events == []


@pytest.mark.parametrize(
    ("outcome", "more", "is_told"),
    [
        (Wrote(), True, True),
        (NothingDue(), True, True),
        (Wrote(), False, False),
        (NothingDue(), False, False),
        (LeftToNextRun(), False, True),
        (LeftToNextRun("branches"), False, True),
    ],
)
def test_turn_is_due_where_one_left_something(
    outcome: TurnOutcome, more: bool, is_told: object
) -> None:
    found = told(outcome, Notices(go_on=True), more=more)
    assert found.events == ([GO_ON] if is_told else [])
    assert told(outcome, Notices(check_requests=True), more=more).events == []


@pytest.mark.parametrize(
    ("report", "state"),
    [
        (RECORD, "success"),
        (replace(RECORD, health="Degraded"), "failure"),
        (replace(RECORD, phase="Failed"), "failure"),
        (replace(RECORD, health="Progressing"), "in_progress"),
    ],
)
def test_what_was_filed_is_shown_as_a_deployment(report: Deployment, state: str) -> None:
    assert told(Wrote(), Notices(deployments=True), filed=(report,)).deployments == [
        NewDeployment(
            sha=report.revision,
            environment="lab/lab-1",
            state=state,  # type: ignore[arg-type]
            description=f"{report.phase}, {report.health}",
            log_url="https://run",
        )
    ]


def test_deployments_are_shown_where_they_were_written_and_clusters_do_not_do_it() -> None:
    wanted = Notices(deployments=True)
    assert told(NothingDue(), wanted, filed=(RECORD,)).deployments == []
    assert told(Wrote(), wanted, is_polled=True, filed=(RECORD,)).deployments == []
    assert told(Wrote(), Notices(go_on=True), filed=(RECORD,)).deployments == []


@pytest.mark.parametrize(
    ("outcome", "written"),
    [
        (Wrote(), "all that the turn did; what it asked for is asked for again in time"),
        (NothingDue(), "nothing"),
    ],
)
def test_github_that_takes_nothing_is_an_error_that_says_what_was_written(
    outcome: TurnOutcome, written: str
) -> None:
    done = Turn(decided(more=True), outcome, state(), Rollout().snapshot())
    with pytest.raises(Unreachable) as caught:
        tell_github(done, ALL, cast(GitHub, Told(is_away=True)), None)
    assert caught.value.written == written


@pytest.mark.parametrize("name", ["check_requests", "go_on", "deployments"])
def test_nothing_is_wanted_by_itself_and_one_thing_is_something(name: str) -> None:
    nothing = Notices()
    assert not nothing
    assert (nothing.check_requests, nothing.go_on, nothing.deployments) == (False, False, False)
    assert Notices(**{name: True})
