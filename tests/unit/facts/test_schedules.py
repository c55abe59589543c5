"""Which schedule does what time makes due, as the workflow files of main say."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from tidemill.facts.schedules import Schedule, only_schedule

EXAMPLES = Path(__file__).resolve().parents[3] / "examples/cfg-app/.github/workflows"
CALLER = (EXAMPLES / "tidemill.yml").read_bytes()
WAKE = (EXAMPLES / "tidemill-wake.yml").read_bytes()


def test_example_alone_waits_for_its_schedule() -> None:
    found = only_schedule(
        {"tidemill.yml": CALLER, "ci.yml": b'on: {schedule: [{cron: "0 3 * * *"}]}'}
    )
    assert found == Schedule(("17 * * * *",))
    after = datetime(2026, 11, 30, 13, 20, tzinfo=UTC)
    assert found.next_turn(after) == datetime(2026, 11, 30, 14, 17, tzinfo=UTC)


def test_example_with_the_workflow_that_wakes_waits_for_none() -> None:
    assert only_schedule({"tidemill.yml": CALLER, "tidemill-wake.yml": WAKE}) is None


def test_of_several_schedules_the_first_one_counts() -> None:
    after = datetime(2026, 11, 30, 13, 20, tzinfo=UTC)
    found = Schedule(("17 * * * *", "*/30 * * * *", "nonsense"))
    assert found.next_turn(after) == datetime(2026, 11, 30, 13, 30, tzinfo=UTC)
    assert Schedule(("nonsense",)).next_turn(after) is None


def test_files_that_cannot_be_read_name_none() -> None:
    call = b"uses: tidemill/tidemill/.github/workflows/gitops.yml@x"
    assert only_schedule({}) is None
    for text in (b"{{", b"on: [push]", b"on: {schedule: 5}", b"[]", b"\xff"):
        assert only_schedule({"a.yml": text + b"\n# " + call}) is None
