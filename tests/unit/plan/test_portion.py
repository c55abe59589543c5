"""Portion: of what has come, as much as one turn can end."""

import pytest
from tests.unit.snapshots import Rollout, unreadable

from tidemill.plan import portion
from tidemill.plan.portion import surplus


def full() -> tuple[Rollout, str]:
    """Three refs that can't be read, three reports and a hold; and which one is the hold."""
    rollout = Rollout()
    rollout.landing("lab", 1)
    rollout.unreadable = tuple(unreadable(f"hold-{at}") for at in range(3))
    rollout.reports("lab", "lab-1", "Progressing", ago=3)
    rollout.reports("lab", "lab-1", "Healthy", ago=2)
    rollout.reports("lab", "lab-1", "Progressing", ago=1)
    return rollout, rollout.hold("shop")


@pytest.mark.parametrize(("most", "count"), [(7, 0), (6, 1), (4, 3), (1, 6)])
def test_what_is_too_much_is_left(most: int, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portion, "MOST_ENDED", most)
    rollout, _ = full()
    left = surplus(rollout.snapshot(), rollout.decide())
    assert len(left) == count


def test_reports_are_left_first_and_what_people_ask_for_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rollout, hold = full()
    known, decided = rollout.snapshot(), rollout.decide()
    reports = [one for one in decided.ended if one != hold]
    monkeypatch.setattr(portion, "MOST_ENDED", 5)
    assert surplus(known, decided) == set(reports[1:])
    monkeypatch.setattr(portion, "MOST_ENDED", 1)
    assert surplus(known, decided) == {*reports, "hold-0", "hold-1", "hold-2"}
    less = known.without(surplus(known, decided))
    assert ([*less.inbox], less.unreadable) == ([hold], ())
