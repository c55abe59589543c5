"""What a turn knows, and less of it."""

from __future__ import annotations

from msgspec.structs import replace
from tests.unit.snapshots import Rollout, unreadable


def test_without_some_of_what_came_nothing_else_is_missing() -> None:
    rollout = Rollout()
    ids = [rollout.hold("lab"), rollout.hold("shop")]
    rollout.unreadable = (unreadable("x"), unreadable("y"))
    known = replace(rollout.snapshot(), unfit=dict.fromkeys(ids, "no"))
    less = known.without({ids[0], "x"})
    assert ([*less.inbox], [*less.unfit]) == ([ids[1]], [ids[1]])
    assert [one.id for one in less.unreadable] == ["y"]
