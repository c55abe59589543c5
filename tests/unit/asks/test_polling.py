"""Which deployment statuses become records: the newest of each target, as an event would say it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from tidemill.asks.ask import Nothing, ReportDeployment
from tidemill.asks.deployment_status import report_of
from tidemill.asks.event import ask_of
from tidemill.asks.polling import MOST_REPORTS, Polled, polled
from tidemill.errors import Refused
from tidemill.facts import settings_file
from tidemill.facts.deployment_statuses import DeploymentStatus
from tidemill.facts.ledger import Ledger
from tidemill.facts.records import Deployment
from tidemill.facts.refs import RefNames, Refs
from tidemill.facts.state import State

MAIN, SIDE = "1" * 40, "2" * 40
NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
SETTINGS = settings_file.parse('[[waves]]\nname = "lab"\ntargets = ["l1", "l2"]\n')


class Look:
    """What is on main, as far as a report needs it."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"a report needs no {name}")

    def resolved(self, record: Deployment) -> Deployment:
        if record.revision != MAIN:
            raise Refused(f"the revision {record.revision} is not on main", remedy="sync main")
        return msgspec.structs.replace(record, sets={})


def status(minute: int, state: str = "success", **more: Any) -> DeploymentStatus:
    at = f"2026-01-05T10:{minute:02}:00Z"
    return DeploymentStatus(**{"environment": "lab/l1", "sha": MAIN, "state": state,
                               "created_at": at} | more)  # fmt: skip


def state(latest: DeploymentStatus | None = None, *waiting: DeploymentStatus) -> State:
    """A state in which a target has said something last, and other reports wait."""
    records = {"lab/l1": record(latest)} if latest else {}
    return State(
        refs=Refs({}, None),
        names=RefNames("refs/tidemill", "main", "auto"),
        main=MAIN,
        settings=SETTINGS,
        journal=Ledger(),
        inbox={record(one).id: record(one) for one in waiting},
        checks={},
        kept_holds={},
        kept_records=records,
    )


def record(one: DeploymentStatus) -> Deployment:
    """The record that is accepted of an event that brings a status."""
    payload = {
        "deployment": {"sha": one.sha, "environment": one.environment},
        "deployment_status": {"state": one.state, "created_at": one.created_at},
    }
    ask = ask_of("deployment_status", json.dumps(payload).encode())
    assert isinstance(ask, ReportDeployment)
    assert ask == report_of(one)
    return Deployment(
        accepted_at=NOW,
        wave=ask.wave,
        target=ask.target,
        revision=ask.revisions[0],
        phase=ask.phase,
        health=ask.health,
        finished_at=ask.finished_at,
        sets={},
    )


def found(known: State, statuses: Sequence[DeploymentStatus]) -> Polled:
    by_environment: Mapping[str, Sequence[DeploymentStatus]] = {"lab/l1": statuses}
    return polled(by_environment, known, NOW, Look())


@pytest.mark.parametrize("state_", ["success", "failure", "error"])
def test_status_is_the_record_that_an_event_brings(state_: str) -> None:
    one = status(5, state_)
    assert found(state(), [one]).records == {record(one).id: record(one)}


@pytest.mark.parametrize("state_", ["in_progress", "queued", "pending", "waiting", "inactive"])
def test_what_is_not_the_end_is_no_record(state_: str) -> None:
    assert found(state(), [status(5, state_)]) == Polled({})


def test_mirrored_and_unlisted_ones_are_no_records() -> None:
    strange = [status(5, is_mirrored=True), status(6, environment="lab/l9"),
               status(7, environment="github-pages")]  # fmt: skip
    assert found(state(), strange) == Polled({})
    assert all(isinstance(report_of(one), Nothing) for one in (strange[0], strange[2]))


def test_only_what_is_newer_than_the_latest_record_is_kept() -> None:
    statuses = [status(minute, "failure" if minute % 2 else "success") for minute in range(6)]
    newer = found(state(statuses[3]), statuses).records
    assert list(newer) == [record(statuses[5]).id, record(statuses[4]).id]
    assert found(state(statuses[5]), statuses).records == {}


def test_what_waits_in_the_inbox_is_not_there_twice() -> None:
    one, other = status(5), status(6, "failure")
    assert list(found(state(None, other), [one, other]).records) == [record(one).id]


def test_of_many_statuses_the_newest_few_are_kept_in_any_order() -> None:
    statuses = [status(minute) for minute in range(20)]
    newest = {record(one).id for one in statuses[-MOST_REPORTS:]}
    assert found(state(), statuses).records.keys() == newest
    assert found(state(), statuses[::-1]).records.keys() == newest


def test_of_one_second_the_first_one_counts() -> None:
    latest, before = status(5), status(5, "failure")
    assert list(found(state(), [latest, before]).records) == [record(latest).id]
    assert list(found(state(), [before, latest]).records) == [record(before).id]


def test_what_is_not_over_hides_nothing_of_its_second() -> None:
    assert found(state(), [status(5, "in_progress"), status(5, "failure")]).records


def test_only_the_newest_status_that_is_no_report_is_said() -> None:
    there, side = status(5), status(6, sha=SIDE)
    newest = found(state(), [there, side])
    assert newest.unusable == (
        f"the deployment status of lab/l1: the revision {SIDE} is not on main",
    )
    assert list(newest.records) == [record(there).id]
    older = found(state(), [status(7), side])
    assert older.unusable == ()
