"""Signals: what needs a person is told once, and once more when it is over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from tests.unit.sets import LAB, SHOP, settings
from tests.unit.snapshots import Rollout, app_sha, landed, stack, two_waves, whats

from tidemill.facts.checks import RunState
from tidemill.facts.holds import HoldCause, each_hold
from tidemill.facts.ledger import Eviction, Ledger
from tidemill.facts.naming import Naming
from tidemill.facts.requests import Release
from tidemill.facts.signals import MOST_TRIES, Reach, Receiver, Signal, SignalSettings
from tidemill.plan import signals
from tidemill.plan.draft import Draft
from tidemill.plan.obstacles import (
    About,
    MissingReport,
    MissingReview,
    Obstacle,
    SetNotInFiles,
    UnknownAsker,
    Wait,
)
from tidemill.plan.plan import Plan
from tidemill.plan.signals import MOST_AT_ONCE, MOST_OPEN, confirmed
from tidemill.words.durations import Duration
from tidemill.words.shas import short

OPS = Receiver(name="ops", kind="webhook")
TEAM = Receiver(name="team", kind="slack")
DAY = 24 * 60


def telling(rollout: Rollout, *receivers: Receiver, reach: bool = True) -> Rollout:
    """The same, where receivers are told, and whoever takes turns can reach them."""
    receivers = receivers or (OPS,)
    signals = SignalSettings(receivers=receivers, stuck_after=Duration(days=1))
    rollout.settings = msgspec.structs.replace(rollout.settings, signals=signals)
    if reach:
        rollout.reach = Reach(frozenset(one.name for one in receivers))
    return rollout


def said(decided: Plan) -> list[tuple[str, str, str]]:
    """The messages that go out: to whom, which, and what they are about."""
    return [(one.receiver.name, one.state, one.signal.what) for one in decided.messages]


def take(rollout: Rollout, decided: Plan, *, of: str | None = None) -> None:
    """All receivers, or one, take what they are sent; that is noted."""
    keys = {one.key for one in decided.messages if of in (None, one.receiver.name)}
    rollout.ledger.signals = confirmed(rollout.ledger.signals, keys)


def told(rollout: Rollout) -> list[tuple[str, str, str]]:
    """A turn whose messages are taken; what went out."""
    decided = rollout.turn()
    take(rollout, decided)
    return said(decided)


# Each thing that needs a person, how it comes to be, and how it ends.


def approval() -> Rollout:
    return two_waves(approval=True)


def approve(rollout: Rollout) -> None:
    rollout.promotion("shop", 2)


def held() -> Rollout:
    rollout = Rollout()
    rollout.held("lab", reason="lunch")
    return rollout


def release(rollout: Rollout) -> None:
    rollout.holds.clear()


def held_for_a_set() -> Rollout:
    rollout = Rollout()
    rollout.held("lab", "app")
    return rollout


def failed() -> Rollout:
    rollout = landed()
    rollout.reports("lab", "lab-1", "Degraded")
    return rollout


def recover(rollout: Rollout) -> None:
    rollout.reports("lab", "lab-1")
    rollout.reports("lab", "lab-2")


def red_main() -> Rollout:
    rollout, _ = stack(1)
    rollout.red(rollout.main, *(one.sha for one in rollout.auto))
    return rollout


def mend_main(rollout: Rollout) -> None:
    rollout.check(rollout.main, "success", ago=0)


def evicted() -> Rollout:
    rollout, (commit,) = stack(1)
    rollout.green(rollout.main)
    rollout.red(commit)
    return rollout


def put_newer(rollout: Rollout) -> None:
    rollout.landing("lab", 3, landed=0, deployed=0)


def rejected() -> Rollout:
    rollout = Rollout()
    rollout.landing("lab", 1)
    rollout.announced(2)
    rollout.announced(2, sha_="f" * 40)
    return rollout


def announce_newer(rollout: Rollout) -> None:
    rollout.announced(3, ago=0)


def silent() -> Rollout:
    return landed(minutes=16)


def stuck() -> Rollout:
    rollout, (commit,) = stack(1)
    rollout.check(commit, "pending", ago=DAY)
    return rollout


def answer(rollout: Rollout) -> None:
    rollout.check(rollout.auto[0].sha, "success", ago=0)


@pytest.mark.parametrize(
    ("make", "kind", "what", "end"),
    [
        (approval, "approval", f"{short(app_sha(2))} (app) for shop", approve),
        (held, "held", "lab is held", release),
        (held_for_a_set, "held", "lab is held for app", release),
        (failed, "failed", f"{short(app_sha(2))} (app) in lab", recover),
        (red_main, "main", "main at", mend_main),
        (evicted, "evicted", f"{short(app_sha(2))} (app) for lab", put_newer),
        (rejected, "rejected", "", announce_newer),
        (silent, "reports", f"{short(app_sha(2))} (app) in lab", recover),
        (stuck, "stuck", f"{short(app_sha(2))} (app) on auto for lab", answer),
    ],
    ids=["approval", "held", "held for a set", "failed", "red main", "evicted", "rejected",
         "silent", "stuck"],
)  # fmt: skip
def test_what_needs_a_person_is_told_once_and_once_more_when_it_is_over(
    make: Callable[[], Rollout], kind: str, what: str, end: Callable[[Rollout], None]
) -> None:
    rollout = telling(make())
    first = rollout.turn()
    begun = [one.signal for one in first.messages if one.signal.kind == kind]
    assert [one.over for one in begun] == [None], said(first)
    assert begun[0].what.startswith(what)
    assert begun[0].reasons
    take(rollout, first)
    assert not rollout.decide().messages
    rollout.later(1)
    end(rollout)
    over = [one.signal for one in rollout.turn().messages if one.signal.id == begun[0].id]
    assert [(one.over, one.what) for one in over] == [(rollout.now, begun[0].what)]


def test_signal_has_a_short_name() -> None:
    [message] = telling(held()).turn().messages
    assert len(message.signal.id) == 16


def test_idle_turn_with_a_signal_that_was_taken_writes_nothing() -> None:
    rollout = telling(held())
    assert told(rollout) == [("ops", "open", "lab is held")]
    assert not rollout.decide().is_change
    release(rollout)
    rollout.later(1)
    assert told(rollout) == [("ops", "over", "lab is held")]
    assert rollout.ledger.signals == []
    assert not rollout.decide().is_change


@pytest.mark.parametrize("first", ["*", "lab"])
def test_a_hold_of_one_wave_and_one_of_all_are_told_apart_whichever_is_beneath(first: str) -> None:
    rollout = telling(Rollout())
    words = {"*": "all waves are held", "lab": "lab is held"}
    for wave in (first, *({*words} - {first})):
        rollout.hold(wave)
        assert told(rollout) == [("ops", "open", words[wave])]
        rollout.later(1)
    assert rollout.holds["lab", "_"].beneath
    everywhere = tuple(one.id for one in each_hold(rollout.holds.values()) if one.everywhere)
    rollout.asked(Release(accepted_at=rollout.now, wave="*", ends=everywhere, reason="over"))
    assert told(rollout) == [("ops", "over", "all waves are held")]
    assert [place for place, one in rollout.holds.items()] == [("lab", "_")]


def test_a_hold_of_a_person_and_one_for_a_failure_are_told_apart() -> None:
    rollout = telling(Rollout())
    failure = HoldCause(content="c", targets=("lab-1",))
    rollout.holds["lab", "_"] = msgspec.structs.replace(rollout.held("lab"), failure=failure)
    by_itself = "lab is held because a set failed there"
    assert told(rollout) == [("ops", "open", by_itself)]
    rollout.later(1)
    own = rollout.hold("lab")
    assert told(rollout) == [("ops", "open", "lab is held")]
    rollout.later(1)
    rollout.asked(Release(accepted_at=rollout.now, wave="lab", ends=(own,), reason="over"))
    assert told(rollout) == [("ops", "over", "lab is held")]
    assert rollout.holds["lab", "_"].failure == failure


def test_a_failures_hold_that_was_told_before_an_update_is_not_told_again_after_it() -> None:
    """0.3.0 gave it the cause of a person's hold, and the same reason."""
    rollout = telling(Rollout())
    failure = HoldCause(content="c", targets=("lab-1",))
    rollout.holds["lab", "_"] = msgspec.structs.replace(rollout.held("lab"), failure=failure)
    assert len(told(rollout)) == 1
    [one] = rollout.ledger.signals
    old = msgspec.structs.replace(one, cause=("held", "lab", "_"), what="lab is held")
    rollout.ledger.signals = [old]
    rollout.later(1)
    assert told(rollout) == []
    rollout.holds.clear()
    assert told(rollout) == [("ops", "over", "lab is held")]


def test_a_failures_hold_in_place_of_a_persons_is_told() -> None:
    rollout = telling(Rollout())
    rollout.held("lab", reason="lunch")
    assert told(rollout) == [("ops", "open", "lab is held")]
    failure = HoldCause(content="c", targets=("lab-1",))
    rollout.holds["lab", "_"] = msgspec.structs.replace(rollout.held("lab"), failure=failure)
    by_itself = "lab is held because a set failed there"
    assert told(rollout) == [("ops", "over", "lab is held"), ("ops", "open", by_itself)]


def test_nothing_is_remembered_where_nobody_is_told() -> None:
    rollout = held()
    assert rollout.turn().ledger.signals == []
    telling(rollout)
    told(rollout)
    rollout.settings = msgspec.structs.replace(rollout.settings, signals=SignalSettings())
    assert rollout.turn().ledger.signals == []


def test_turn_that_reaches_no_receiver_notes_what_is_due_and_leaves_it_to_another() -> None:
    rollout = telling(held(), reach=False)
    first = rollout.turn()
    assert (first.is_change, first.messages) == (True, ())
    assert not rollout.decide().is_change
    rollout.reach = Reach(frozenset({"ops"}))
    assert told(rollout) == [("ops", "open", "lab is held")]


def test_message_that_nobody_noted_is_sent_again_later_with_the_same_id_and_words() -> None:
    rollout = telling(held())
    (first,) = rollout.turn().messages
    rollout.later(19)
    assert not rollout.decide().is_change, "another run may still be sending it"
    rollout.holds["lab", "_"] = msgspec.structs.replace(rollout.holds["lab", "_"], reason="tea")
    rollout.later(1)
    (again,) = rollout.turn().messages
    assert again.key == first.key
    assert again.signal.reasons == first.signal.reasons


def test_message_that_nobody_takes_is_given_up_in_the_end_and_the_journal_says_so() -> None:
    rollout = telling(held())
    keys, lost = [], None
    for _ in range(100):
        decided = rollout.turn()
        keys += [one.key for one in decided.messages]
        if "signal lost" in whats(decided):
            lost = decided
            break
        rollout.later(60)
    assert lost is not None
    assert keys == keys[:1] * MOST_TRIES
    assert lost.entries[-1].reason == "ops did not take it in 7 tries: lab is held"
    rollout.later(DAY)
    assert not rollout.decide().is_change


def test_tries_come_ever_later() -> None:
    rollout = telling(held())
    times = []
    for minute in range(0, 2 * DAY, 10):
        if rollout.decide().messages:
            rollout.turn()
            times.append(minute)
        rollout.later(10)
    assert times == [0, 20, 60, 140, 300, 620, 1260]


def test_receiver_that_is_down_keeps_no_other_one_from_being_told() -> None:
    rollout = telling(held(), OPS, TEAM)
    take(rollout, rollout.turn(), of="team")
    rollout.later(20)
    assert said(rollout.decide()) == [("ops", "open", "lab is held")]


def test_two_runs_that_decide_the_same_at_the_same_time_do_not_write_the_same() -> None:
    """Else whoever comes second would take the first one's push for its own, and send, too."""
    ledgers = []
    for sender in ("one", "other"):
        rollout = telling(held())
        rollout.reach = Reach(frozenset({"ops"}), sender)
        ledgers.append(rollout.decide().ledger)
    assert ledgers[0] != ledgers[1]


def test_what_is_over_before_it_could_be_sent_is_told_to_nobody() -> None:
    rollout = telling(held(), reach=False)
    rollout.turn()
    release(rollout)
    rollout.reach = Reach(frozenset({"ops"}))
    assert told(rollout) == []
    assert rollout.ledger.signals == []


def test_what_is_over_while_its_beginning_may_be_on_its_way_is_over_a_moment_later() -> None:
    rollout = telling(held())
    rollout.turn()
    release(rollout)
    assert said(rollout.turn()) == []
    rollout.later(1)
    assert told(rollout) == [("ops", "over", "lab is held")]


def test_note_that_a_beginning_was_taken_does_not_end_what_is_over_by_then() -> None:
    rollout = telling(held())
    first = rollout.turn()
    release(rollout)
    rollout.turn()
    take(rollout, first)
    rollout.later(1)
    assert told(rollout) == [("ops", "over", "lab is held")]


def test_same_trouble_later_is_another_signal() -> None:
    rollout = telling(held())
    (first,) = rollout.turn().messages
    rollout.ledger.signals = confirmed(rollout.ledger.signals, {first.key})
    release(rollout)
    rollout.later(1)
    told(rollout)
    rollout.held("lab", reason="lunch")
    rollout.later(1)
    (second,) = rollout.turn().messages
    assert second.signal.id != first.signal.id


def test_receiver_is_told_only_of_the_kinds_that_it_wants() -> None:
    picky = Receiver(name="picky", kind="webhook", only=("approval",))
    rollout = telling(held(), picky, OPS)
    assert told(rollout) == [("ops", "open", "lab is held")]


def test_new_receiver_is_told_of_what_is_so_and_one_that_went_hears_no_more() -> None:
    rollout = telling(held())
    told(rollout)
    telling(rollout, TEAM)
    assert told(rollout) == [("team", "open", "lab is held")]
    release(rollout)
    rollout.later(1)
    assert told(rollout) == [("team", "over", "lab is held")]


def test_hold_with_an_end_needs_nobody() -> None:
    rollout = telling(Rollout())
    rollout.held("lab", until=rollout.ago(-60))
    assert said(rollout.turn()) == []


def test_hold_of_all_waves_is_one_signal() -> None:
    rollout = telling(Rollout())
    for wave in ("lab", "shop"):
        rollout.held(wave, everywhere=True)
    (message,) = rollout.turn().messages
    assert message.signal.what == "all waves are held"
    assert message.signal.command[:2] == ("release-wave", "--all")


def test_hold_is_one_signal_whatever_set_waits_for_it() -> None:
    rollout = telling(held())
    told(rollout)
    for position in (2, 3):
        rollout.announced(position)
        assert told(rollout) == []


def test_main_that_is_red_stays_so_until_it_is_known_to_be_green() -> None:
    rollout = telling(red_main())
    assert [state for _, state, _ in told(rollout)] == ["open"]
    rollout.pushed("something")
    rollout.later(1)
    assert "over" not in [state for _, state, _ in told(rollout)]
    rollout.red(rollout.main)
    assert told(rollout) == []
    mend_main(rollout)
    rollout.later(1)
    assert [state for _, state, _ in told(rollout)] == ["over"]


@pytest.mark.parametrize(
    ("changes", "is_told"),
    [({}, True), ({"retried": True}, False), ({"operation": None}, False)],
    ids=["as it is", "asked for again", "nobody's commit"],
)
def test_eviction_needs_a_person_until_it_is_asked_for_again(
    changes: dict[str, Any], is_told: bool
) -> None:
    rollout, _ = stack(1)
    eviction = Eviction(
        commit="a" * 40, at=rollout.ago(5), reason="red", operation=rollout.auto[0].operation
    )
    rollout.auto, rollout.auto_tip, rollout.inbox = [], None, {}
    rollout.ledger.auto = []
    rollout.ledger.evictions = [msgspec.structs.replace(eviction, **changes)]
    found = [one for one in telling(rollout).turn().messages if one.signal.kind == "evicted"]
    assert bool(found) is is_told


def test_rejected_request_is_told_once_and_never_ends() -> None:
    rollout = telling(Rollout())
    rollout.hold("nowhere")
    (message,) = rollout.turn().messages
    assert (message.signal.kind, message.signal.has_end) == ("rejected", False)
    take_key = {message.key}
    rollout.ledger.signals = confirmed(rollout.ledger.signals, take_key)
    assert rollout.ledger.signals == []


def test_one_commit_that_is_rejected_in_two_sets_is_two_signals() -> None:
    rollout = telling(Rollout(settings(sets=("app", "batch"), lab=LAB)))
    for name in ("app", "batch"):
        rollout.announced(2, name)
        rollout.announced(2, name, sha_="f" * 40)
    found = [one.signal for one in rollout.turn().messages if one.signal.kind == "rejected"]
    assert len(found) == len({one.id for one in found}) == 2, found


@pytest.mark.parametrize(
    "stop",
    [
        MissingReview(wave="shop", environment="production", run=1, url="u"),
        SetNotInFiles(wave="lab", commit="c", naming=Naming(nothing=True)),
    ],
    ids=lambda one: type(one).__name__,
)
def test_same_trouble_of_two_sets_is_two_signals(stop: Obstacle) -> None:
    about = [About(at="in", set=name, app_sha=app_sha(1)) for name in ("app", "batch")]
    assert len({signals._named(stop, one) for one in about}) == 2


def test_same_review_of_two_sets_is_two_signals() -> None:
    stop = MissingReview(wave="shop", environment="production", run=1, url="u")
    about = About(at="for", wave="shop", set="app", app_sha=app_sha(1))
    elsewhere = msgspec.structs.replace(about, app_sha=app_sha(2))
    assert signals._named(stop, about) != signals._named(stop, elsewhere)


def test_reports_that_are_missing_of_two_sets_are_two_signals() -> None:
    rollout = Rollout()
    stop = MissingReport(wave="lab", targets=("lab-1",), since=rollout.ago(99))
    draft = Draft.of(rollout.snapshot())
    about = [About(at="in", wave="lab", set=name, app_sha=app_sha(1)) for name in ("app", "batch")]
    found = [
        one.cause
        for each in about
        for one in signals._of_obstacle(draft, Wait(about=each, obstacles=(stop,)), stop)
    ]
    assert len({*found}) == 2


def test_two_sets_that_were_evicted_are_two_signals() -> None:
    rollout, _ = stack(2)
    draft = Draft.of(rollout.snapshot())
    found = {
        signals._evicted(
            draft,
            Eviction(commit=None, at=rollout.now, reason="red", operation=one.operation),
            one.operation,
        ).cause
        for one in rollout.auto
    }
    assert len(found) == 2


@pytest.mark.parametrize(
    ("known", "verdict", "expected"),
    [(True, "pending", True), (False, "success", True), (False, "pending", False)],
)
def test_main_is_green_where_its_check_says_so_or_it_is_known(
    verdict: RunState, *, known: bool, expected: bool
) -> None:
    rollout = Rollout()
    rollout.check(rollout.main, verdict)
    rollout.ledger.green_main = rollout.main if known else None
    assert signals._is_green(Draft.of(rollout.snapshot())) is expected


@pytest.mark.parametrize(("name", "expected"), [("_", None), ("app", "app")])
def test_hold_is_told_with_its_set_where_it_is_for_one(name: str, expected: str | None) -> None:
    rollout = telling(Rollout())
    rollout.held("lab", name)
    (message,) = rollout.turn().messages
    assert (message.signal.wave, message.signal.set) == ("lab", expected)


@pytest.mark.parametrize(
    "other", [{"at": "on"}, {"wave": "shop"}, {"set": "batch"}, {"app_sha": app_sha(2)}], ids=str
)
def test_same_trouble_in_two_places_is_two_signals(other: dict[str, Any]) -> None:
    stop = UnknownAsker(wave="shop", reason="it is not known", remedy="wait")
    about = About(at="in", wave="lab", set="app", app_sha=app_sha(1))
    elsewhere = msgspec.structs.replace(about, **other)
    assert signals._named(stop, about) != signals._named(stop, elsewhere)


def test_so_many_signals_at_once_and_no_more() -> None:
    waves: dict[str, Any] = {f"w{number}": {**LAB, "after": []} for number in range(MOST_OPEN + 5)}
    rollout = telling(Rollout(settings(**waves)))
    for wave in waves:
        rollout.held(wave)
    assert len(told(rollout)) == MOST_AT_ONCE
    assert len(rollout.ledger.signals) == MOST_OPEN
    while told(rollout):
        pass
    release(rollout)
    rollout.held("w104")
    rollout.later(1)
    found = []
    while more := told(rollout):
        found += more
    assert found[-1] == ("ops", "open", "w104 is held")
    assert len(found) == MOST_OPEN + 1


def test_what_a_slow_receiver_could_not_be_told_in_time_is_as_if_it_had_not_been_taken_on() -> None:
    """Or else it would wait, and in the end be lost, though nobody has ever tried to send it."""
    waves: dict[str, Any] = {f"w{number}": {**LAB, "after": []} for number in range(12)}
    rollout = telling(Rollout(settings(**waves)))
    for wave in waves:
        rollout.held(wave)
    got = []
    for _ in range(12):
        decided = rollout.turn()
        first, *rest = (one.key for one in decided.messages)
        got += said(decided)[:1]
        assert {one.signal.deliveries["ops"].tries for one in decided.messages} == {1}
        rollout.ledger.signals = confirmed(rollout.ledger.signals, {first}, {*rest})
        rollout.later(1)
    assert len({*got}) == 12
    assert not rollout.decide().is_change


def test_signals_are_written_and_read_again() -> None:
    from tidemill.facts import ledger_files

    rollout = telling(held())
    rollout.turn()
    again = ledger_files.decode(ledger_files.encode(rollout.ledger))
    assert again.signals == rollout.ledger.signals
    assert isinstance(again.signals[0], Signal)
    assert ledger_files.decode(ledger_files.encode(Ledger())).signals == []


def test_what_is_stuck_in_two_places_is_told_of_each() -> None:
    two = settings(sets=("app", "lib"), checks='retries = 0\ntest = "each"', lab=LAB, shop=SHOP)
    rollout = telling(Rollout(two))
    for wave in ("lab", "shop"):
        for name in ("app", "lib"):
            rollout.landing(wave, 1, name)
    for name in ("app", "lib"):
        rollout.check(rollout.on_auto("lab", 2, name), "pending", ago=DAY)
    assert [(one.signal.kind, one.signal.set) for one in rollout.turn().messages] == [
        ("stuck", "app"),
        ("stuck", "lib"),
    ]


def test_what_is_stuck_on_its_way_to_two_waves_is_told_of_each() -> None:
    first = settings(checks='retries = 0\ntest = "each"', lab=LAB, shop={**SHOP, "after": []})
    rollout = telling(Rollout(first))
    for wave in ("lab", "shop"):
        rollout.landing(wave, 1)
        rollout.check(rollout.on_auto(wave, 2), "pending", ago=DAY)
    told = [(one.signal.kind, one.signal.wave) for one in rollout.turn().messages]
    assert told == [("stuck", "lab"), ("stuck", "shop")]


def test_set_that_waits_for_time_is_not_stuck() -> None:
    rollout = telling(Rollout(settings(lab=LAB, shop={**SHOP, "soak": "30d"})))
    rollout.landing("shop", 1)
    rollout.landing("lab", 2, landed=10 * DAY, deployed=9 * DAY)
    assert said(rollout.turn()) == []


@pytest.mark.parametrize(
    ("wave", "ago", "is_told"),
    [("lab", 15, True), ("lab", 14, False), ("lab", None, False), ("moon", 99, False)],
)
def test_missing_report_is_told_once_its_wave_has_settled(
    wave: str, ago: float | None, *, is_told: bool
) -> None:
    rollout = Rollout()
    since = None if ago is None else rollout.ago(ago)
    stop = MissingReport(wave=wave, targets=("lab-1",), since=since)
    line = Wait(about=About(at="in", wave=wave, set="app"), obstacles=(stop,))
    found = list(signals._of_obstacle(Draft.of(rollout.snapshot()), line, stop))
    assert [one.kind for one in found] == (["reports"] if is_told else [])


def reject_many(rollout: Rollout, count: int) -> None:
    """So many requests that can't be carried out, which a turn rejects."""
    for number in range(count):
        rollout.hold(f"nowhere-{number}")
    rollout.turn()


def test_what_one_receiver_never_hears_keeps_nothing_from_the_others() -> None:
    rollout = telling(red_main(), OPS, TEAM)
    rollout.reach = Reach(frozenset({"ops"}))  # the team's address is not set
    green = rollout.checks.pop(rollout.main)
    reject_many(rollout, MOST_OPEN + 20)
    while told(rollout):
        pass
    rollout.later(1)
    rollout.checks[rollout.main] = green
    assert ("ops", "open", "main") in [(to, state, what[:4]) for to, state, what in told(rollout)]


def test_of_more_rejections_at_once_than_are_told_the_journal_says_so() -> None:
    rollout = telling(Rollout())
    for number in range(MOST_OPEN + 7):
        rollout.hold(f"nowhere-{number}")
    decided = rollout.turn()
    (lost,) = [one for one in decided.entries if one.what == "signal lost"]
    assert lost.reason.startswith("100 others wait to be told: hold-")
    assert lost.reason.endswith("was rejected and 2 more")
    assert "signal lost" not in whats(rollout.turn())


def test_what_no_receiver_wants_to_hear_takes_no_room_and_is_not_lost() -> None:
    waves: dict[str, Any] = {f"w{number}": {**LAB, "after": []} for number in range(MOST_OPEN + 5)}
    rollout = red_main()
    rollout.settings = settings(**waves)
    telling(rollout, Receiver(name="ops", kind="webhook", only=("main",)))
    for wave in waves:
        rollout.held(wave)
        rollout.hold(f"no-{wave}")
    decided = rollout.turn()
    assert [to_what[:2] for to_what in said(decided)] == [("ops", "open")]
    assert "signal lost" not in whats(decided)
    assert len(rollout.ledger.signals) == 1


def test_a_hold_of_all_waves_for_one_set_is_told_as_that() -> None:
    rollout = telling(Rollout())
    rollout.hold("*", "app")
    assert told(rollout) == [("ops", "open", "all waves are held for app")]


def test_a_rejection_is_told_though_a_receiver_has_not_heard_of_a_hundred_before() -> None:
    rollout = telling(Rollout(), OPS, TEAM)
    rollout.reach = Reach(frozenset({"ops"}))
    reject_many(rollout, MOST_OPEN)
    rollout.later(30)  # so that what was sent then is sent again, and taken
    while told(rollout):
        pass
    request = rollout.hold("elsewhere")
    assert told(rollout) == [("ops", "open", f"{request} was rejected")]
    decided = rollout.turn()
    (lost,) = [one for one in decided.entries if one.what == "signal lost"]
    assert lost.reason.startswith("team did not take it, and 100 newer ones wait: hold-")
    assert len(rollout.ledger.signals) == MOST_OPEN
    assert not rollout.decide().is_change


def test_what_has_no_end_and_nobody_could_send_for_a_week_is_lost_and_the_journal_says_so() -> None:
    rollout = telling(Rollout(), TEAM, reach=False)
    reject_many(rollout, 1)
    rollout.later(7 * DAY)
    assert "signal lost" not in whats(rollout.turn())
    rollout.later(1)
    decided = rollout.turn()
    (lost,) = [one for one in decided.entries if one.what == "signal lost"]
    assert lost.reason.startswith(
        "team did not take it in 7 days, and this run can't send it: hold-"
    )
    assert rollout.ledger.signals == []


@pytest.mark.parametrize("has_end", [False, True])
def test_who_was_tried_once_and_has_no_address_any_more_keeps_nothing(has_end: bool) -> None:
    rollout = telling(Rollout(), TEAM)
    if has_end:
        rollout.held("lab")
        rollout.turn()
        rollout.holds.clear()
        rollout.reach = Reach()
        rollout.turn()
    else:
        reject_many(rollout, 1)
        rollout.reach = Reach()
    assert len(rollout.ledger.signals) == 1
    rollout.later(7 * DAY + 1)
    assert "signal lost" in whats(rollout.turn())
    assert rollout.ledger.signals == []


def test_what_has_no_end_is_sent_by_the_first_run_that_can_however_late_that_is() -> None:
    rollout = telling(Rollout(), TEAM, reach=False)
    reject_many(rollout, MOST_AT_ONCE + 1)
    rollout.later(8 * DAY)
    rollout.reach = Reach(frozenset({"team"}))
    assert [len(told(rollout)) for _ in range(3)] == [MOST_AT_ONCE, 1, 0]


@pytest.mark.parametrize("windows", [[], ["Mon-Sun 00:00-00:01 UTC"]], ids=["open", "closed"])
def test_an_approval_is_told_once_the_set_has_soaked(windows: list[str]) -> None:
    rollout = telling(two_waves(approval=True, soak="5h", windows=windows))
    assert told(rollout) == []
    rollout.later(5 * 60)
    [message] = rollout.turn().messages
    assert message.signal.kind == "approval"


def test_an_eviction_is_over_once_somebody_asks_again_and_told_again_if_that_is_evicted() -> None:
    rollout, (commit,) = stack(1)
    telling(rollout)
    asked = rollout.inbox[rollout.announced(2)]
    rollout.green(rollout.main)
    rollout.red(commit)
    first = told(rollout)
    rollout.later(1)
    rollout.asked(msgspec.structs.replace(asked, retry=True, accepted_at=rollout.now, by="ada"))
    assert [one[1] for one in told(rollout)] == ["over"]
    rollout.red(rollout.auto[-1].sha)
    rollout.later(1)
    assert told(rollout) == first
