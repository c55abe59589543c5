"""Names that the settings do not have any more, and what is left of them."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from tests.unit.snapshots import LAB, SHOP, Rollout, app_sha, settings

from tidemill.facts.ledger import Eviction, Names
from tidemill.facts.operation import Operation
from tidemill.plan.gone import gone_holds, in_place_of, is_known, why_held


def test_holds_of_waves_or_sets_that_are_not_named_are_those_that_are_gone() -> None:
    rollout = Rollout()
    for wave, set_name in (("shop", "app"), ("moon", "_"), ("lab", "_"), ("lab", "lib")):
        rollout.held(wave, set_name)
    found = gone_holds(rollout.settings, rollout.holds)
    assert [(one.wave, one.set) for one in found] == [("lab", "lib"), ("moon", "_")]


@pytest.mark.parametrize(
    ("place", "other", "said"),
    [
        (("prod", "app"), ("live", "app"), 'it may be live, .* give the wave prod was = "live"'),
        (("lab", "core"), ("lab", "app"), 'it may be app, .* give the set core was = "app"'),
        (("prod", "core"), ("live", "app"), 'it may be live, .* give the wave prod was = "live"'),
        (("prod", "app"), ("live", "app"), "if not, release it$"),
    ],
)
def test_what_appears_in_place_of_something_says_what_that_was(
    place: tuple[str, str], other: tuple[str, str], said: str
) -> None:
    assert re.search(said, why_held(place, other))


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (("lab", "app"), True),  # has had something
        (("live", "app"), False),  # the same, and was gone: it may have another one's place now
        (("east", "app"), True),  # was something else, and has its past
        (("east", "lib"), False),
        (("shop", "app"), True),  # was named in a turn before
        (("shop", "lib"), False),
        (("prod", "app"), False),
    ],
)
def test_what_was_named_before_or_has_the_past_of_that_is_known(
    place: tuple[str, str], *, expected: bool
) -> None:
    rollout = live_is_gone()
    rollout.landing("east", 2)
    ledger = rollout.ledger
    ledger.wave_names = Names(known=("lab", "shop"), was={"east": ("lab",)})
    ledger.set_names = Names(known=("app",))
    assert is_known(ledger, *place) is expected


def live_is_gone() -> Rollout:
    """live had positions 1 and 2, and lab has 2; the settings name prod and not live."""
    rollout = Rollout(settings(lab=LAB, prod=SHOP))
    rollout.landing("lab", 2)
    rollout.landing("live", 1, landed=90)
    rollout.landing("live", 2)
    return rollout


def bad(rollout: Rollout, at: int) -> None:
    rollout.ledger.of("live", "app").landings[at].rolled_back = True


def evicted(rollout: Rollout, wave: str = "live", *, retried: bool = False) -> None:
    gone = Operation(
        kind="promote", wave=wave, set="app", app_sha=app_sha(3), position=3,
        repository="acme/app", content="3",
    )  # fmt: skip
    rollout.ledger.evictions = [
        Eviction(commit=None, at=rollout.now, reason="red"),
        Eviction(commit=None, at=rollout.now, reason="red", operation=gone, retried=retried),
    ]


def nothing_elsewhere(rollout: Rollout) -> None:
    del rollout.ledger.sets["lab"]


@pytest.mark.parametrize(
    ("changes", "is_found"),
    [
        ([], False),
        ([lambda one: one.held("live", "app")], True),
        ([lambda one: one.held("live")], True),
        ([lambda one: one.held("lab")], False),
        ([lambda one: bad(one, 0)], False),
        ([lambda one: bad(one, 1)], True),
        ([lambda one: bad(one, 0), lambda one: bad(one, 1)], True),
        ([lambda one: bad(one, 1), lambda one: one.landing("lab", 3)], False),
        ([lambda one: bad(one, 0), nothing_elsewhere], True),
        ([nothing_elsewhere], False),
        ([evicted], True),
        ([lambda one: evicted(one, "lab")], False),
        ([lambda one: evicted(one, retried=True)], False),
        ([lambda one: bad(one, 0), evicted], True),
    ],
)  # fmt: skip
def test_wave_that_appears_may_be_one_whose_holds_or_failures_would_be_forgotten(
    changes: list[Callable[[Rollout], object]], *, is_found: bool
) -> None:
    rollout = live_is_gone()
    for change in changes:
        change(rollout)
    found = in_place_of(rollout.settings, rollout.ledger, rollout.holds, ("prod", "app"), None)
    assert found == (("live", "app") if is_found else None)


@pytest.mark.parametrize(
    ("place", "position", "expected"),
    [
        (("prod", "app"), 1, ("live", "app")),
        (("prod", "app"), 9, None),
        (("prod", "core"), 7, None),  # lab is still there, and so is all that is in it
        (("lab", "core"), 7, ("lab", "jobs")),
        (("prod", "lib"), 1, None),  # of another set, which is still there
        (("lab", "core"), 2, None),  # lab has that by the name of app
        (("live", "app"), 1, None),  # named again, with images of its own
    ],
)
def test_what_appears_with_images_of_what_is_gone_may_be_that(
    place: tuple[str, str], position: int, expected: tuple[str, str] | None
) -> None:
    rollout = live_is_gone()
    rollout.settings = settings(sets=("app", "lib", "core"), lab=LAB, prod=SHOP)
    content = rollout.files_of(position).content
    rollout.landing("lab", 7, "jobs", content=7).content = rollout.files_of(7).content
    found = in_place_of(rollout.settings, rollout.ledger, rollout.holds, place, content)
    assert found == expected
