"""Rest: until when nothing can be due, and that it is so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from tests.unit.sets import LAB, NOW, SHOP, settings
from tests.unit.snapshots import Rollout, landed, stack, two_waves

from tidemill.facts.settings import Deployments
from tidemill.facts.signals import Receiver, SignalSettings
from tidemill.facts.snapshot import Snapshot
from tidemill.facts.verification import Question, Verification
from tidemill.facts.vouchers import OwnVoucher
from tidemill.plan import rest as resting
from tidemill.plan.plan import Plan, plan
from tidemill.plan.regeneration import InspectionTodo
from tidemill.plan.rest import rests_until
from tidemill.words.durations import Duration

DAY = 24 * 60
NIGHT = ["Mon-Sun 22:00-23:00 UTC"]
WAITS = {"approval": True}
TO_COME = {
    "from": "2026-01-05T19:00",
    "until": "2026-01-09T19:00",
    "zone": "UTC",
    "reason": "stocktaking",
}


def look(rollout: Rollout, **changes: Any) -> tuple[Snapshot, Plan]:
    known = replace(rollout.snapshot(), **changes)
    return known, plan(known, claim=False)


def rest(rollout: Rollout, **changes: Any) -> float | None:
    """For how many minutes it rests, once turns have done what is due."""
    while look(rollout)[1].is_change:
        rollout.turn()
    until = rests_until(*look(rollout, **changes))
    return None if until is None else (until - rollout.now) / timedelta(minutes=1)


def of(shop: Mapping[str, Any], newer: float | None = None, **more: Any) -> Rollout:
    """Two waves with these settings, where the second has what the first has; unless that has had a
    newer one for so many minutes."""
    rollout = Rollout(settings(lab=LAB, shop={**SHOP, **shop}, **more))
    for wave in ("lab", "shop"):
        rollout.landing(wave, 1, landed=DAY, deployed=DAY)
    if newer is not None:
        rollout.landing("lab", 2, landed=newer, deployed=newer)
    return rollout


def held(until: float | None) -> Rollout:
    rollout = two_waves()
    rollout.held("shop", until=until and rollout.ago(-until))
    return rollout


def between() -> Rollout:
    """The newest set is not deployed; the one before it soaks for less long than the next would."""
    rollout = Rollout(settings(lab=LAB, shop={**SHOP, "soak": "10h"}))
    rollout.landing("shop", 1, landed=DAY, deployed=DAY)
    rollout.landing("lab", 1, landed=DAY, deployed=DAY)
    rollout.landing("lab", 2, landed=420, deployed=400)
    rollout.landing("lab", 3, landed=120, deployed=100)
    return rollout


def degraded() -> Rollout:
    rollout = Rollout(settings(lab={**LAB, "failed_after": "3h"}, shop=SHOP))
    rollout.landing("shop", 1, landed=DAY, deployed=DAY)
    rollout.landing("lab", 1, landed=DAY, deployed=DAY)
    rollout.landing("lab", 2, deployed=None)
    rollout.reported("lab", "lab-2")
    rollout.reports("lab", "lab-1", "Degraded", ago=10)
    return rollout


def silent() -> Rollout:
    rollout = Rollout(settings(lab={**LAB, "settle": "3h"}, shop=SHOP))
    rollout.landing("lab", 1, landed=10, deployed=None)
    rollout.announced(2)
    return rollout


def ignored() -> Rollout:
    until = {"until": "2026-01-05T15:00Z", "reason": "it moves"}
    return of({}, targets=[{"name": "north", "ignored": until}])


def frozen(begins: str, until: str) -> Rollout:
    freeze = {"from": begins, "until": until, "zone": "UTC", "reason": "stocktaking"}
    rollout = two_waves()
    rollout.settings = settings(lab=LAB, shop=SHOP, freezes=[freeze])
    return rollout


TIMES: dict[str, tuple[Callable[[], Rollout], float, bool]] = {
    "all is deployed": (lambda: of({}), DAY, False),
    "it waits for a person": (lambda: two_waves(**WAITS), DAY, False),
    "held until a person says so": (lambda: held(None), DAY, False),
    "held for three hours": (lambda: held(180), 120, True),
    "a soak of ten hours": (lambda: of({"soak": "10h"}, newer=30), 510, True),
    "the soak of an earlier set": (between, 140, True),
    "silent targets": (silent, 110, True),
    "a Degraded target": (degraded, 110, True),
    "a closed window": (lambda: two_waves(windows=NIGHT), 9 * 60, True),
    "a window that nothing waits for": (lambda: of({"windows": NIGHT}), 9 * 60, False),
    "an open window": (lambda: of({"windows": ["Mon-Sun 11:00-13:00 UTC"]}), DAY, False),
    "one of two windows is open": (
        lambda: of({"windows": ["Mon-Sun 11:00-13:00 UTC", *NIGHT]}),
        DAY,
        False,
    ),
    "a freeze that is to come": (lambda: of({}, freezes=[TO_COME]), 360, True),
    "a freeze": (lambda: frozen("2026-01-05T00:00", "2026-01-05T18:00"), 300, True),
    "an ignored target": (ignored, 120, False),
}


@pytest.mark.parametrize(("told", "minutes", "is_due"), TIMES.values(), ids=TIMES.keys())
def test_rests_until_an_hour_before_the_first_time_that_matters(
    told: Callable[[], Rollout], minutes: float, *, is_due: bool
) -> None:
    rollout = told()
    assert rest(rollout) == minutes
    for part in (0.5, 1):
        rollout.now = NOW + timedelta(minutes=minutes * part)
        assert not look(rollout)[1].is_change, "it was to rest"
    rollout.later(60)
    decided = look(rollout)[1]
    assert bool(decided.is_change or decided.todo) == is_due


def test_what_is_to_come_within_the_hour_is_looked_at() -> None:
    assert rest(of({"soak": "91m"}, newer=30)) == 1
    assert rest(of({"soak": "90m"}, newer=30)) is None
    assert rest(held(60)) is None


def due() -> Rollout:
    rollout = of({})
    rollout.announced(2)
    return rollout


def under_test() -> Rollout:
    rollout = of({})
    commit = rollout.on_auto("lab", 2)
    rollout.ledger.asked = {}
    rollout.check(commit, "pending")
    return rollout


def asked_for() -> Rollout:
    rollout = two_waves(**WAITS)
    rollout.held("shop")
    rollout.promotion("shop", 2)
    return rollout


def untold() -> Rollout:
    """A hold has to be told, and nobody who can do that has."""
    rollout = held(None)
    receivers = (Receiver(name="ops", kind="webhook"),)
    rollout.settings = msgspec.structs.replace(
        rollout.settings, signals=SignalSettings(receivers=receivers)
    )
    return rollout


def polled() -> Rollout:
    rollout = of({})
    rollout.settings = msgspec.structs.replace(
        rollout.settings, deployments=Deployments(reports="poll")
    )
    return rollout


@pytest.mark.parametrize(
    "told", [under_test, asked_for, untold, polled], ids=lambda one: one.__name__
)
def test_does_not_rest_while_something_in_no_ref_may_make_it_due(
    told: Callable[[], Rollout],
) -> None:
    assert rest(told()) is None


@pytest.mark.parametrize("what", ["is_change", "todo", "to_ask", "more", "auto"])
def test_does_not_rest_where_a_plan_has_something_to_do(what: str) -> None:
    known, decided = look(two_waves(**WAITS))
    assert not decided.is_change
    assert rests_until(known, decided)
    some = {
        "todo": InspectionTodo(known.main.sha),
        "auto": (stack(1)[0].auto[0],),
        "to_ask": (Question(
            verification=Verification(name="smoke", command="./smoke"),
            wave="lab", set="app", commit="c", app_sha=None, since=NOW,
        ),),
    }  # fmt: skip
    assert rests_until(known, replace(decided, **{what: some.get(what, True)})) is None


def test_does_not_rest_where_something_is_due() -> None:
    assert rests_until(*look(due())) is None


@pytest.mark.parametrize(
    "asked", [{"required": ("ci",)}, {"vouchers": {"x": OwnVoucher()}}], ids=["checks", "askers"]
)
def test_does_not_rest_where_github_had_to_be_asked(asked: dict[str, Any]) -> None:
    assert rest(of({})) == DAY
    assert rest(of({}), **asked) is None


def test_rests_while_an_announcement_waits_for_a_hold_to_be_released() -> None:
    rollout = of({})
    rollout.held("lab")
    rollout.announced(2)
    assert rest(rollout) == DAY


def test_rests_until_a_hold_beneath_another_one_ends() -> None:
    rollout = held(300)
    rollout.hold("*", until=rollout.ago(-600))
    assert rest(rollout) == rest(held(300))


def test_rests_where_a_target_is_silent_and_nothing_waits_for_it() -> None:
    assert rest(landed(minutes=20)) == DAY


def test_soak_that_stood_still_ends_as_much_later_as_is_left_of_it() -> None:
    rollout = of({"soak": "1h"})
    landing = rollout.ledger.of("lab", "app").landings[-1]
    landing.healthy, landing.healthy_since = timedelta(minutes=20), rollout.ago(10)
    known, decided = look(rollout)
    times = set(resting._times(known, decided))
    assert rollout.ago(10) + timedelta(minutes=40) in times
    assert rollout.ago(10) + timedelta(minutes=80) not in times


@pytest.mark.parametrize(
    ("settle", "stuck", "minutes"), [("3h", 24, 110), ("5h", 2, 50)], ids=["silent", "stuck"]
)
def test_rests_until_somebody_has_to_be_told(settle: str, stuck: int, minutes: float) -> None:
    rollout = Rollout(settings(lab={**LAB, "settle": settle}, shop=SHOP))
    rollout.landing("shop", 1, landed=DAY, deployed=DAY)
    rollout.landing("lab", 1, landed=10, deployed=None)
    told = SignalSettings(
        receivers=(Receiver(name="chat", kind="slack"),), stuck_after=Duration(hours=stuck)
    )
    rollout.settings = replace(rollout.settings, signals=told)
    assert rest(rollout) == minutes
