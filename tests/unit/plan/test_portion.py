"""Portion: of what has come, as much as one turn can end."""

import pytest
from msgspec.structs import replace
from tests.unit.snapshots import LAB, SHOP, Rollout, settings, stack, unreadable

from tidemill.facts.requests import HoldRequest
from tidemill.facts.signals import Reach, Receiver, SignalSettings
from tidemill.plan import portion
from tidemill.plan.plan import plan
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


@pytest.mark.parametrize("is_part", [True, False], ids=["part", "all"])
def test_failure_has_no_answer_before_all_is_read(*, is_part: bool) -> None:
    """A later report may say that it is over."""
    rollout = Rollout(settings(lab={**LAB, "on_failure": "roll back"}, shop=SHOP))
    rollout.landing("lab", 1, landed=200, deployed=190)
    rollout.landing("lab", 2, landed=10, deployed=None)
    rollout.reports("lab", "lab-1", "Degraded", ago=2)
    decided = plan(rollout.snapshot(), is_part=is_part)
    assert decided.ledger.of("lab", "app").landings[-1].has_failed
    assert bool(decided.holds) is not is_part
    assert bool(decided.ledger.rollbacks) is not is_part
    rollout.carry_out(plan(rollout.snapshot(), is_part=True))
    rollout.reports("lab", "lab-1", "Healthy", ago=1)
    assert not rollout.turn().ledger.rollbacks


@pytest.mark.parametrize("is_part", [True, False], ids=["part", "all"])
def test_what_a_tested_commit_carries_is_not_evicted_before_that_may_land(*, is_part: bool) -> None:
    rollout, commits = stack(2)
    rollout.check(rollout.main, "success")
    rollout.check(commits[0], "failure")
    rollout.check(commits[1], "success")
    decided = plan(rollout.snapshot(), is_part=is_part)
    assert decided.evicted == ()
    assert decided.landed == (None if is_part else commits[1])


def test_nobody_is_told_of_what_may_be_over_once_all_is_read() -> None:
    rollout = Rollout()
    told = SignalSettings(receivers=(Receiver(name="chat", kind="slack"),))
    rollout.settings = replace(rollout.settings, signals=told)
    rollout.reach = Reach(frozenset({"chat"}), "me")
    rollout.landing("lab", 1, landed=200, deployed=None)
    wrong = rollout.asked(HoldRequest(accepted_at=rollout.now, wave="gone", set="_", reason="x"))
    part = plan(rollout.snapshot(), is_part=True)
    assert [one.signal.kind for one in part.messages] == ["rejected"]
    assert wrong in part.rejected
    whole = rollout.decide()
    assert {one.signal.kind for one in whole.messages} == {"rejected", "reports"}
    rollout.carry_out(whole)
    before = [one.cause for one in rollout.ledger.signals if one.has_end]
    for target in ("lab-1", "lab-2"):
        rollout.reports("lab", target, "Healthy", ago=1)
    part = plan(rollout.snapshot(), is_part=True)
    assert [one.cause for one in part.ledger.signals if one.has_end and not one.over] == before
    assert part.messages == ()
    whole = rollout.decide()
    assert all(one.over for one in whole.ledger.signals if one.has_end)
