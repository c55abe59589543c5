"""What runs where: what main has, not what the next turn will make of it."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from tests.unit.sets import STOCKTAKING
from tests.unit.snapshots import LAB, SHOP, Rollout, app_sha, for_, images, settings

from tidemill.facts.evidence import Evidence
from tidemill.facts.naming import Naming
from tidemill.facts.snapshot import UnreadableRef
from tidemill.plan.status import SetStatus, Status, TargetStatus, state_of, status


def seen(rollout: Rollout) -> Status:
    snapshot = rollout.snapshot()
    return status(snapshot, rollout.decide(without_landing=True))


def sets(found: Status, wave: str = "lab") -> tuple[SetStatus, ...]:
    return next(one.sets for one in found.waves if one.name == wave)


def targets(found: Status, wave: str = "lab") -> dict[str, TargetStatus]:
    return {one.name: one for here in found.waves if here.name == wave for one in here.targets}


def in_lab(landed: float = 10, deployed: float | None = None) -> Rollout:
    rollout = Rollout()
    rollout.landing("shop", 1)
    rollout.landing("lab", 2, landed=landed, deployed=deployed)
    return rollout


@pytest.mark.parametrize(
    ("landed", "deployed", "failed", "state", "since"),
    [
        (10, None, None, "in flight", 10),
        (14, None, None, "in flight", 14),
        (15, None, None, "silent", 15),
        (60, 30, None, "deployed", 30),
        (10, None, 3, "failed", 3),
        (60, None, 3, "failed", 3),
    ],
)
def test_set_has_a_state_and_a_time(
    landed: float, deployed: float | None, failed: float | None, state: str, since: float
) -> None:
    rollout = in_lab(landed, deployed)
    if failed is not None:
        rollout.ledger.of("lab", "app").landings[-1].failed = {"lab-1": rollout.ago(failed)}
    found = sets(seen(rollout))[0]
    assert (found.set, found.app_sha, found.position) == ("app", app_sha(2), 2)
    assert (found.state, found.since) == (state, rollout.ago(since))


def test_set_on_auto_is_shown_beside_what_main_has() -> None:
    rollout = in_lab(60, 30)
    rollout.on_auto("lab", 3)
    assert [(one.position, one.state) for one in sets(seen(rollout))] == [
        (2, "deployed"),
        (3, "auto"),
    ]


def test_green_set_is_on_auto_until_it_has_landed() -> None:
    rollout = in_lab(60, 30)
    rollout.green(rollout.on_auto("lab", 3))
    found = seen(rollout)
    assert [(one.position, one.state) for one in sets(found)] == [(2, "deployed"), (3, "auto")]
    assert found.main == rollout.main


def test_unknown_set_has_no_commit_and_no_position() -> None:
    rollout = Rollout()
    files = images(1)
    rollout.by_hand(
        "lab", type(files)(files.tags, files.digests, None, files.content, files.digest_id)
    )
    found = sets(seen(rollout))[0]
    assert (found.app_sha, found.position) == (None, None)


def test_wave_without_image_files_has_no_set() -> None:
    assert sets(seen(Rollout())) == ()


def test_target_shows_what_it_last_reported() -> None:
    rollout = in_lab()
    rollout.reported("lab", "lab-1", "Progressing", "Running", position=1)
    rollout.reports("lab", "lab-2")
    found = targets(seen(rollout))
    assert found["lab-1"] == TargetStatus(
        name="lab-1",
        revision=rollout.main,
        phase="Running",
        health="Progressing",
        runs={"app": app_sha(1)},
    )
    assert (found["lab-2"].health, found["lab-2"].runs) == ("Healthy", {"app": app_sha(2)})


def test_target_that_never_reported_shows_nothing() -> None:
    assert targets(seen(in_lab()))["lab-1"] == TargetStatus(name="lab-1")


def test_target_that_runs_nothing_of_a_set_does_not_show_it() -> None:
    rollout = Rollout(silent={"lab-2"})
    rollout.landing("lab", 2)
    rollout.reported("lab", "lab-2")
    assert targets(seen(rollout))["lab-2"].runs == {}


def test_target_with_the_same_digests_runs_the_newest_set_that_has_them() -> None:
    rollout = Rollout()
    rollout.landing("lab", 1, landed=60, content="the same")
    rollout.reported("lab", "lab-1")
    rollout.landing("lab", 2, landed=10, content="the same")
    assert targets(seen(rollout))["lab-1"].runs == {"app": app_sha(2)}


def test_widest_hold_is_the_wave_s_and_all_are_listed() -> None:
    rollout = in_lab()
    rollout.held("lab", "app")
    widest = rollout.held("lab", "_")
    rollout.held("shop", "app")
    found = {wave.name: wave for wave in seen(rollout).waves}
    assert found["lab"].hold == widest
    assert [hold.set for hold in found["lab"].holds] == ["_", "app"]
    assert found["shop"].hold is not None
    assert found["shop"].hold.set == "app"


def test_waves_come_in_the_order_of_the_settings() -> None:
    rollout = Rollout(settings(zoo={"targets": ["z"]}, ant={"targets": ["a"]}))
    assert [wave.name for wave in seen(rollout).waves] == ["zoo", "ant"]


def test_what_the_next_turn_would_do_is_said_and_not_done() -> None:
    from tidemill.plan.plan import plan

    rollout = Rollout(settings(lab=LAB, shop=SHOP))
    rollout.announced(1)
    found = status(rollout.snapshot(), plan(rollout.snapshot()))
    assert [for_(line) for line in found.waiting] == ["lab has not had it", "the next turn"]
    assert found.auto is None


def test_all_that_the_next_turn_would_try_is_said() -> None:
    from tidemill.plan.plan import plan

    rollout = Rollout(settings(lab=LAB, den={**LAB, "after": []}))
    rollout.announced(1)
    found = status(rollout.snapshot(), plan(rollout.snapshot()))
    waits = [(line.about.wave, for_(line)) for line in found.waiting]
    assert waits == [("lab", "the next turn"), ("den", "the next turn")]


@pytest.mark.parametrize(("after", "is_now"), [(-1, False), (0, True), (1, True)])
def test_a_freeze_is_there_from_the_moment_at_which_it_begins(after: int, is_now: bool) -> None:
    rollout = Rollout(settings(lab=LAB, freezes=[STOCKTAKING]))
    [freeze] = rollout.settings.freezes_of("lab")
    rollout.now = freeze.begins + timedelta(seconds=after)
    [wave] = seen(rollout).waves
    assert [one.is_now for one in wave.freezes] == [is_now]


def test_set_that_no_file_names_is_not_in_the_files_whatever_targets_report() -> None:
    rollout = in_lab(deployed=5)
    wave, landing = rollout.settings.waves[0], rollout.ledger.of("lab", "app").landings[-1]
    assert state_of(wave, landing, rollout.now) == "deployed"
    landing.naming = Naming(nothing=True)
    assert state_of(wave, landing, rollout.now) == "not in the files"
    landing.failed = {"lab-1": rollout.now}
    assert state_of(wave, landing, rollout.now) == "failed"


@pytest.mark.parametrize(
    ("lab", "report", "without"),
    [
        ({}, {"health": "Degraded"}, ()),
        ({"need": "all but 1"}, {}, ()),
        ({"need": "all but 1"}, {"health": "Degraded"}, ("lab-2",)),
        ({"need": "all but 1"}, {"position": 1}, ("lab-2",)),
        ({"need": "all but 1"}, None, ("lab-2",)),
    ],
    ids=["all-are-needed", "well", "not-healthy", "another-set", "never-reported"],
)
def test_who_does_not_run_what_is_deployed_is_named_where_not_all_are_needed(
    lab: dict[str, Any], report: dict[str, Any] | None, without: tuple[str, ...]
) -> None:
    rollout = Rollout(settings(lab={**LAB, **lab}, shop=SHOP))
    rollout.landing("lab", 1, landed=90)
    rollout.landing("lab", 2)
    rollout.reported("lab", "lab-1")
    if report is not None:
        rollout.reported("lab", "lab-2", **report)
    assert sets(seen(rollout))[0].without == without
    failed = dict.fromkeys(LAB["targets"], rollout.now)
    rollout.ledger.of("lab", "app").landings[-1].failed = failed
    assert sets(seen(rollout))[0].without == (), "nothing is deployed"


def test_target_that_uses_nothing_of_a_set_is_not_missing() -> None:
    rollout = Rollout(settings(lab={**LAB, "need": "all but 1"}), silent={"lab-2"})
    rollout.landing("lab", 2)
    assert sets(seen(rollout))[0].without == ("lab-1",)


def test_only_what_is_on_auto_is_shown_and_only_in_its_wave() -> None:
    rollout = in_lab(60, 30)
    rollout.on_auto("lab", 3)
    snapshot = rollout.snapshot()
    rollout.on_auto("shop", 2)
    rollout.on_auto("lab", 4)
    decided = replace(rollout.decide(without_landing=True), ledger=rollout.ledger)
    found = status(snapshot, decided)
    assert [one.position for one in sets(found)] == [2, 3]
    assert [one.position for one in sets(found, "shop")] == [1]


@pytest.mark.parametrize(
    ("changes", "is_shown"),
    [({}, True), ({"images_fit": False}, False), ({"is_named": False}, False)],
    ids=["both", "other-images", "not-named"],
)
def test_target_shows_a_set_that_is_nowhere_known_if_nothing_speaks_against_it(
    changes: dict[str, bool], *, is_shown: bool
) -> None:
    rollout = in_lab()
    rollout.reported("lab", "lab-1", position=9)
    record = rollout.records["lab", "lab-1"]
    told = replace((record.sets or {})["app"], **changes)
    rollout.records["lab", "lab-1"] = replace(record, sets={"app": told}, tree=None)
    assert targets(seen(rollout))["lab-1"].runs == ({"app": app_sha(9)} if is_shown else {})


def test_lost_journal_is_named_once() -> None:
    rollout = in_lab()
    evidence = Evidence(why="it is gone")
    ref = f"{rollout.settings.namespace}/journal"
    broken = UnreadableRef(ref=ref, sha="a" * 40, id="journal", reason="broken")
    for unreadable, reason in (((), "it is gone"), ((broken,), "broken")):
        known = replace(rollout.snapshot(), evidence=evidence, unreadable=unreadable)
        found = status(known, rollout.decide())
        assert [(one.ref, one.reason) for one in found.unreadable] == [(ref, reason)]
