"""The ledger: what it keeps, what it lets go, and what it remembers of evictions."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from tests.unit.sets import LAB, SHOP, landing, settings

from tidemill.announcing.order import Order
from tidemill.facts.ledger import (
    BadEnding,
    Eviction,
    How,
    Ledger,
    RequestEnding,
    SetLedger,
    trimmed,
)
from tidemill.facts.naming import Naming
from tidemill.facts.operation import Files, Operation

THEN = datetime(2026, 1, 5, 10, tzinfo=UTC)


def part(*positions: int, **changes: Any) -> SetLedger:
    return SetLedger(landings=[landing(position, **changes) for position in positions])


@pytest.mark.parametrize(
    ("positions", "above", "kept"),
    [
        (range(1, 11), None, range(1, 11)),
        (range(1, 51), None, range(1, 51)),
        (range(1, 81), None, range(31, 81)),
        (range(1, 81), 80, range(31, 81)),
        (range(1, 81), 100, range(31, 81)),
        (range(1, 81), 20, range(21, 81)),
        (range(1, 81), 0, range(1, 81)),
        (range(1, 551), 0, range(1, 551)),
        (range(1, 552), 0, [*range(1, 502, 2), *range(502, 552)]),
        (range(0), None, []),
        (range(0), 5, []),
    ],
    ids=[
        "few",
        "fifty",
        "last-wave-keeps-fifty",
        "all-promoted",
        "follower-is-ahead",
        "some-still-soak",
        "all-still-soak",
        "five-hundred-soak",
        "of-more-every-second-goes",
        "nothing",
        "nothing-to-soak",
    ],
)
def test_wave_keeps_what_still_soaks_and_the_last_fifty(
    positions: range, above: int | None, kept: list[int]
) -> None:
    order = None if above is None else Order(position=above)
    assert [one.position for one in trimmed(part(*positions), order)] == list(kept)


def test_newest_of_all_is_the_newest_of_any_wave() -> None:
    ledger = Ledger(
        sets={"lab": {"app": SetLedger(highest=3)}, "shop": {"app": SetLedger(highest=9)}}
    )
    assert ledger.newest("app") == Order(position=9)
    assert ledger.newest("lib") == Order()


@pytest.mark.parametrize(
    ("present", "how", "is_rolled_back"),
    [
        ({"position": 2}, "roll back", False),
        ({"position": 2}, "introduce", False),
        ({"position": 3}, "roll back", False),
        ({"position": 3, "is_hotfix": True}, "roll back", True),
        ({"position": 3, "is_hotfix": True}, "introduce", False),
        ({"position": 4}, "roll back", True),
        ({"position": 4}, "introduce", True),
    ],
    ids=str,
)
def test_what_is_newer_than_its_successor_or_a_hotfix_that_one_goes_back_from_was_rolled_back(
    present: dict[str, Any], how: How, *, is_rolled_back: bool
) -> None:
    found = part(1)
    found.landings.append(landing(**present))
    found.put(landing(3, how=how))
    assert [one.rolled_back for one in found.landings] == [False, is_rolled_back, False]


def test_set_has_failed_since_the_first_that_says_so() -> None:
    early, later = (THEN - timedelta(minutes=minutes) for minutes in (9, 5))
    assert landing(1).failed_since is None
    assert landing(1, failed={"a": later, "b": early}).failed_since == early
    assert landing(1, failed={"a": later}, refuted={"smoke": early}).failed_since == early


def test_what_can_never_be_promoted_is_not_kept_for_it() -> None:
    whole = part(*range(1, 61))
    whole.landings[2].rolled_back = True
    whole.landings[4].buried = True
    assert [one.position for one in trimmed(whole, Order())][:8] == [1, 2, 4, 6, 7, 8, 9, 10]


def test_what_was_there_at_a_time_is_only_told_where_nothing_was_let_go() -> None:
    whole = part(*range(1, 61))
    whole.landings[2].rolled_back = True
    kept = SetLedger(landings=trimmed(whole, Order()))
    assert [one.position for one in kept.landings][:4] == [1, 2, 4, 5]
    assert [one.position for one in kept.unbroken] == list(range(11, 61))


def test_trimming_again_changes_nothing() -> None:
    once = SetLedger(landings=trimmed(part(*range(1, 1001)), Order()))
    assert trimmed(SetLedger(landings=once.landings), Order()) == once.landings
    assert len(once.landings) <= 550


def operation(**changes: Any) -> Operation:
    fields: dict[str, Any] = {
        "kind": "promote",
        "wave": "shop",
        "set": "app",
        "app_sha": "a" * 40,
        "position": 7,
        "repository": "acme/app",
        "content": "c",
    }
    return Operation(**{**fields, **changes})


def evictions(*gone: Operation | None, retried: bool = False) -> Ledger:
    return Ledger(
        evictions=[
            Eviction(commit="e" * 40, at=THEN, reason="red", operation=one, retried=retried)
            for one in gone
        ]
    )


@pytest.mark.parametrize(
    ("gone", "again", "is_barred"),
    [
        (operation(), operation(), True),
        (operation(), operation(commit="d" * 40, source="elsewhere"), True),
        (operation(), operation(position=8), False),
        (operation(), operation(app_sha="b" * 40), False),
        (operation(), operation(wave="lab"), False),
        (operation(), operation(set="batch"), False),
        (operation(), operation(kind="roll back"), False),
        (operation(), operation(request="promotion-1"), False),
        (operation(request="promotion-1"), operation(request="promotion-1"), True),
        (operation(request="promotion-1"), operation(request="promotion-2"), False),
        (operation(request="promotion-1"), operation(), True),
    ],
    ids=[
        "same",
        "from-another-commit",
        "newer",
        "another-sha",
        "another-wave",
        "another-set",
        "another-kind",
        "a-person-asks",
        "same-request",
        "another-request",
        "by-itself-after-a-person",
    ],
)
def test_what_was_evicted_is_not_done_again_by_itself(
    gone: Operation, again: Operation, is_barred: bool
) -> None:
    assert (evictions(gone).evicted(again) is not None) is is_barred


def test_what_was_retried_is_no_longer_barred() -> None:
    assert evictions(operation(), retried=True).evicted(operation()) is None
    assert evictions(None).evicted(operation()) is None


def test_evicted_again_after_a_retry_is_barred_again() -> None:
    ledger = evictions(operation(), retried=True)
    ledger.evictions += evictions(operation()).evictions
    assert ledger.evicted(operation()) is not None


def whole() -> Ledger:
    ledger = Ledger(
        evictions=evictions(operation()).evictions, ended=[RequestEnding(id="a", how="landed")]
    )
    ledger.of("shop", "app").landings = [
        landing(7, targets={"north": Files("tree")}, taken={"north": THEN}, failed={"south": THEN})
    ]
    ledger.well_with["shop"] = {"app": "content"}
    return ledger


def test_copy_is_equal_and_shares_nothing_that_can_change() -> None:
    ledger = whole()
    copy = ledger.copy()
    assert copy == ledger == whole()
    present = copy.of("shop", "app").landings[0]
    present.taken = present.failed = {"south": THEN}
    present.targets = {"south": Files("other")}
    present.rolled_back = True
    copy.of("lab", "app").highest = 3
    copy.well_with.clear()
    copy.ended.append(RequestEnding(id="b", how="dropped"))
    assert ledger == whole()


def test_ledger_survives_being_written_down() -> None:
    assert msgspec.json.decode(msgspec.json.encode(whole()), type=Ledger) == whole()


def test_empty_ledger_is_written_as_nothing() -> None:
    assert msgspec.json.encode(Ledger()) == b"{}"


def test_present_set_is_looked_up_without_a_trace() -> None:
    ledger = whole()
    present = ledger.present("shop", "app")
    assert present is not None
    assert present.position == 7
    assert ledger.present("shop", "batch") is None
    assert ledger.present("lab", "app") is None
    assert ledger == whole()


def test_commits_that_landed_are_known() -> None:
    assert whole().has_landed(landing(7).commit)
    assert not whole().has_landed("f" * 40)


def test_last_ending_of_a_request_counts() -> None:
    ledger = whole()
    ledger.ended.append(RequestEnding(id="a", how="dropped"))
    assert ledger.how_ended("a") == "dropped"
    assert ledger.how_ended("b") is None


@pytest.mark.parametrize(
    ("running_since", "before", "soaked"),
    [
        (None, timedelta(), timedelta()),
        (None, timedelta(minutes=20), timedelta(minutes=20)),
        (THEN - timedelta(minutes=5), timedelta(), timedelta(minutes=5)),
        (THEN - timedelta(minutes=5), timedelta(minutes=20), timedelta(minutes=25)),
        (THEN + timedelta(minutes=5), timedelta(minutes=20), timedelta(minutes=20)),
    ],
    ids=["not-yet", "stands-still", "runs", "runs-again", "clock-went-back"],
)
def test_soak_is_what_ran_before_and_what_runs_now(
    running_since: datetime | None, before: timedelta, soaked: timedelta
) -> None:
    assert landing(7, healthy=before, healthy_since=running_since).soaked(THEN) == soaked


@pytest.mark.parametrize(
    ("changes", "soaks"),
    [
        ({}, True),
        ({"healthy_since": None}, False),
        ({"deployed_at": None}, False),
        ({"naming": Naming(absent=("web",))}, False),
        ({"failed": {"north": THEN}}, False),
        ({"refuted": {"smoke": THEN}}, False),
        ({"degraded": {"north": THEN}}, False),
        ({"tolerated": {"north": THEN}}, True),
    ],
    ids=str,
)
def test_set_soaks_while_its_clock_runs_and_nothing_speaks_against_it(
    changes: dict[str, Any], *, soaks: bool
) -> None:
    assert landing(7, **{"deployed_at": THEN, "healthy_since": THEN, **changes}).soaks is soaks


def test_point_of_a_landing_has_the_names_of_then_where_they_were_others() -> None:
    named = landing(7, wave="live", set="core").point()
    assert (named.wave, named.set, named.position) == ("live", "core", 7)
    plain = landing(7).point()
    assert (plain.wave, plain.set, plain.is_hotfix) == (msgspec.UNSET,) * 3
    assert landing(7, is_hotfix=True).point().is_hotfix is True


def test_wave_keeps_what_the_slowest_of_those_that_follow_may_still_take() -> None:
    waves = settings(lab=LAB, fast={**SHOP, "after": ["lab"]}, slow={**SHOP, "after": ["lab"]})
    ledger = Ledger()
    ledger.sets["lab"] = {"app": part(*range(1, 81))}
    for wave, highest in (("fast", 70), ("slow", 20)):
        ledger.of(wave, "app").highest = highest
    ledger.trim(waves)
    assert [one.position for one in ledger.of("lab", "app").landings] == list(range(21, 81))


def test_last_time_that_a_wave_had_a_set_is_no_hotfix_in_its_place() -> None:
    ledger = Ledger()
    ledger.sets["lab"] = {"app": part(3, 7, 3, 5)}
    ledger.of("lab", "app").highest = 7
    landings = ledger.of("lab", "app").landings
    assert ledger.last("lab", "app", Order(position=3)) is landings[2]
    assert ledger.last("lab", "app", Order(position=7)) is landings[1]
    landings[2].is_hotfix = True
    assert ledger.last("lab", "app", Order(position=3)) is landings[0]
    for order in (Order(position=4), Order(position=8), Order(rewrites=1, position=3)):
        assert ledger.last("lab", "app", order) is None
    assert ledger.last("shop", "app", Order(position=3)) is None


def test_last_announcement_that_was_rejected_is_the_latest_of_these() -> None:
    endings = [
        BadEnding(app_sha=sha, position=1, how=how, at=THEN)
        for sha, how in (("a", "rejected"), ("b", "rejected"), ("c", "evicted"))
    ]
    ledger = Ledger(endings={"app": endings, "lib": endings[2:]})
    assert ledger.last_rejected("app") == endings[1]
    assert (ledger.last_rejected("lib"), ledger.last_rejected("web")) == (None, None)


def test_what_was_evicted_is_dismissed_once_and_only_where_people_asked_for_it() -> None:
    asked = [operation(kind=kind, request="r-1") for kind in ("hotfix", "roll back", "promote")]
    ledger = evictions(None, *asked, operation(kind="hotfix", request="r-2"))
    assert ledger.dismissible("r-1") == [1, 2]
    ledger.evictions[1] = msgspec.structs.replace(ledger.evictions[1], dismissed=True)
    assert ledger.dismissible("r-1") == [2]


def test_request_was_evicted_from_the_waves_where_its_commit_was() -> None:
    end = "a" * 12
    request = f"announcement-core-3-{end}"
    ledger = evictions(None, operation(request=f"announcement-app-3-{end}"), operation())
    assert ledger.evicted_from("shop", "app", request), "its set was renamed"
    assert not ledger.evicted_from("lab", "app", request)
    assert not ledger.evicted_from("shop", "lib", request)
    assert not ledger.evicted_from("shop", "app", f"announcement-app-4-{end}")


@pytest.mark.parametrize(
    ("changes", "was"),
    [({}, True), ({"kind": "promote"}, False), ({"wave": "lab"}, False), ({"commit": "n"}, False)],
    ids=str,
)
def test_regeneration_was_taken_off_on_that_very_main(changes: dict[str, Any], was: bool) -> None:
    wanted = operation(kind="regenerate", commit="m")
    ledger = evictions(None, msgspec.structs.replace(wanted, **changes))
    assert ledger.was_taken_off(wanted) is was
