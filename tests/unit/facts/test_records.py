"""Deployment records: what a target last reported."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from tidemill.facts.records import HEALTHS, PHASES, Deployment, ReportedSet

THEN = datetime(2026, 1, 5, 10, tzinfo=UTC)
RECORD = Deployment(
    accepted_at=THEN,
    wave="shop",
    target="north",
    revision="f" * 40,
    phase="Succeeded",
    health="Healthy",
    finished_at=THEN,
)

HEALTHY = {("Succeeded", "Healthy")}
FAILING = {
    *((phase, health) for phase in ("Failed", "Error") for health in HEALTHS),
    *((phase, "Degraded") for phase in PHASES),
}


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("health", HEALTHS)
def test_target_is_healthy_or_failing_or_neither(phase: str, health: str) -> None:
    record = msgspec.structs.replace(RECORD, phase=phase, health=health)
    assert record.is_healthy is ((phase, health) in HEALTHY)
    assert record.is_failing is ((phase, health) in FAILING)


def test_id_is_of_what_was_said_and_not_of_what_was_found_out() -> None:
    found_out = msgspec.structs.replace(
        RECORD,
        accepted_at=THEN + timedelta(hours=1),
        sets={"app": ReportedSet(app_sha=None, position=0, content="c", digests="d")},
        tree="a" * 40,
        number=9,
    )
    assert found_out.id == RECORD.id


def test_record_is_the_first_of_a_chain_and_has_a_short_name() -> None:
    assert RECORD.number == 1
    kind, _, digest = RECORD.id.partition("-")
    assert (kind, len(digest)) == ("deployment", 20)


@pytest.mark.parametrize(
    ("ahead", "is_wrong"),
    [
        (timedelta(), False),
        (timedelta(minutes=5), False),
        (timedelta(minutes=5, seconds=1), True),
        (timedelta(minutes=-9), False),
    ],
)
def test_clock_that_is_more_than_five_minutes_ahead_is_wrong(
    ahead: timedelta, *, is_wrong: bool
) -> None:
    record = msgspec.structs.replace(RECORD, finished_at=THEN + ahead)
    assert record.ahead == (ahead if is_wrong else timedelta())
    assert record.finished == (THEN if is_wrong else THEN + ahead)
