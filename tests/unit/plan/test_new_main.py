"""What main has become, by a landing or by a person's own commit."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from tests.unit.snapshots import NOW, Rollout, app_sha, images, settings, stack, whats

from tidemill.facts.evidence import Evidence
from tidemill.facts.image_files import ImageFiles, StandIn, from_maps
from tidemill.facts.naming import Naming
from tidemill.facts.snapshot import WaveNaming
from tidemill.plan.plan import plan


def unknown(content: str = "by hand") -> ImageFiles:
    """Image files without a valid source."""
    files = images(1, content=content)
    return from_maps(files.tags, files.digests, None)


def test_repository_without_a_journal_is_taken_as_it_is_and_nothing_is_written() -> None:
    rollout = Rollout()
    rollout.by_hand("lab", images(3))
    rollout.by_hand("shop", unknown())
    decided = plan(rollout.snapshot())
    assert not decided.is_change
    assert decided.entries == ()
    lab, shop = (decided.ledger.present(wave, "app") for wave in ("lab", "shop"))
    assert lab is not None
    assert shop is not None
    assert (lab.position, lab.app_sha, lab.how) == (3, app_sha(3), "by hand")
    assert (shop.position, shop.app_sha, shop.is_known) == (0, None, False)
    assert lab.landed_at == NOW.replace(hour=2), "the date of main: nothing says when it landed"
    assert decided.holds == {}


def test_what_was_committed_by_a_clock_that_was_ahead_counts_from_now() -> None:
    rollout = Rollout()
    rollout.by_hand("lab", images(3))
    known = rollout.snapshot()
    ahead = replace(known, main=replace(known.main, date=NOW + timedelta(days=300)))
    present = plan(ahead).ledger.present("lab", "app")
    assert present is not None
    assert present.landed_at == NOW


def test_journal_that_is_made_again_has_nothing_from_the_future() -> None:
    rollout = Rollout()
    rollout.landing("lab", 1, landed=-300)
    rollout.landing("lab", 2, landed=-200)
    known = rollout.snapshot()
    evidence = Evidence(why="it is gone", landed=[], evicted=[], rejected=[], waiting=frozenset())
    found = plan(replace(known, evidence=evidence)).ledger.history("lab", "app")
    assert [landing.landed_at for landing in found.landings] == [NOW, NOW]


def test_repository_without_image_files_is_taken_too() -> None:
    decided = plan(Rollout().snapshot())
    assert not decided.is_change
    assert decided.ledger.present("lab", "app") is None


def test_commit_of_auto_that_a_person_put_on_main_has_landed() -> None:
    rollout = Rollout()
    rollout.landing("lab", 1)
    first = rollout.on_auto("lab", 2)
    rollout.main = first
    rollout.by_hand("lab", rollout.files_of(2))
    rollout.main = first
    decided = plan(rollout.snapshot())
    present = decided.ledger.present("lab", "app")
    assert present is not None
    assert (present.position, present.commit, present.how) == (2, first, "introduce")
    assert decided.auto == ()
    assert whats(decided) == ["landed"]
    assert decided.landed is None, "main is there already: nothing is to be pushed"
    assert decided.holds == {}


def test_what_is_above_the_commit_that_a_person_put_on_main_has_not_landed() -> None:
    rollout, commits = stack(2)
    rollout.main = commits[0]
    rollout.put("lab", "app", rollout.files_of(2))
    decided = plan(rollout.snapshot())
    assert [one.commit for one in decided.ledger.of("lab", "app").landings][1:] == commits[:1]
    assert [one.sha for one in decided.auto] == commits[1:]


@pytest.mark.parametrize(
    ("before", "after", "is_held"),
    [
        (images(2), images(3), False),
        (images(2), images(1), True),
        (images(2), unknown(), True),
        (images(2), None, True),
        (images(2), images(2, content="another image"), True),
        (unknown(), images(1), False),
        (unknown(), unknown("another"), False),
        (unknown(), None, False),
    ],
    ids=[
        "newer",
        "older",
        "unknown",
        "removed",
        "same-set-other-image",
        "unknown-to-known",
        "unknown-to-unknown",
        "unknown-removed",
    ],
)
def test_person_who_puts_a_wave_back_holds_it(
    before: ImageFiles, after: ImageFiles | None, is_held: bool
) -> None:
    rollout = Rollout()
    rollout.by_hand("lab", before)
    rollout.announced(9, "app")
    rollout.held("lab", "app")
    rollout.turn()
    rollout.holds.clear()
    commit = rollout.by_hand("lab", after)
    decided = plan(rollout.snapshot())
    assert ("changed by hand" if after else "removed by hand") in whats(decided)
    assert (("lab", "app") in decided.holds) is is_held
    if is_held:
        hold = decided.holds["lab", "app"]
        assert hold.by == "tidemill"
        said = "puts lab to" if after else "takes the image files of app out of lab"
        assert f"a commit on main {said}" in hold.reason
        assert (f"back from {app_sha(2)[:12]}" in hold.reason) is (after is not None)
        assert hold.id.endswith(commit[:12])
        assert hold.since == NOW


def test_wave_that_is_held_already_keeps_its_hold() -> None:
    rollout = Rollout()
    rollout.landing("lab", 2)
    hold = rollout.held("lab", "_", "freeze")
    rollout.by_hand("lab", images(1))
    assert plan(rollout.snapshot()).holds == {("lab", "_"): hold}


def test_set_that_a_person_took_back_does_not_go_on_to_the_next_wave() -> None:
    rollout = Rollout()
    rollout.landing("shop", 1)
    rollout.landing("lab", 1, landed=120)
    rollout.landing("lab", 2)
    rollout.by_hand("lab", rollout.files_of(1))
    decided = rollout.decide()
    assert [landing.rolled_back for landing in decided.ledger.of("lab", "app").landings] == [
        False,
        True,
        False,
    ]
    assert decided.auto == ()


def test_hand_made_change_counts_from_now_on() -> None:
    rollout = Rollout()
    rollout.landing("lab", 1)
    rollout.by_hand("lab", images(2))
    decided = plan(rollout.snapshot())
    present = decided.ledger.present("lab", "app")
    assert present is not None
    assert (present.landed_at, present.how, present.commit) == (NOW, "by hand", rollout.main)
    assert decided.is_change


def test_set_replaced_while_failed_is_buried() -> None:
    rollout = Rollout()
    rollout.landing("lab", 1, deployed=None, failed={"lab-1": NOW})
    rollout.by_hand("lab", images(2))
    landings = plan(rollout.snapshot()).ledger.of("lab", "app").landings
    assert [landing.buried for landing in landings] == [True, False]


def test_sets_do_not_disturb_each_other() -> None:
    rollout = Rollout(settings(sets=("app", "batch"), lab={"targets": ["lab-1"]}))
    rollout.landing("lab", 2)
    rollout.landing("lab", 5, "batch")
    rollout.by_hand("lab", images(1), "app")
    decided = plan(rollout.snapshot())
    assert set(decided.holds) == {("lab", "app")}
    assert len(decided.ledger.of("lab", "batch").landings) == 1


def test_wave_that_is_new_in_the_settings_is_taken_as_it_is() -> None:
    rollout = Rollout()
    rollout.landing("lab", 1)
    rollout.by_hand("shop", images(1))
    decided = plan(rollout.snapshot())
    assert decided.holds == {}
    assert decided.ledger.of("shop", "app").highest == 1


# What appears in the place of what is gone


def without_live(**more: Any) -> Rollout:
    """live, which had positions 1 and 2, is gone from the settings; prod is new there."""
    waves: dict[str, Any] = {"lab": {"targets": ["l"]}, "live": {"targets": ["v"]}}
    rollout = Rollout(settings(**waves))
    rollout.landing("lab", 2)
    rollout.landing("live", 1, landed=90)
    rollout.landing("live", 2, **more)
    rollout.turn()
    rollout.settings = settings(lab=waves["lab"], prod=waves["live"])
    rollout.pushed("other waves")
    return rollout


def test_wave_with_images_of_one_that_is_gone_is_held_once() -> None:
    rollout = without_live()
    rollout.by_hand("prod", images(1))
    rollout.turn()
    hold = rollout.holds["prod", "app"]
    assert (hold.by, hold.instead_of) == ("tidemill", ("live", "app"))
    assert 'give the wave prod was = "live" in tidemill.toml' in hold.reason
    rollout.holds.clear()
    assert rollout.turn().holds == {}, "a person has released it"


@pytest.mark.parametrize(
    ("live", "is_held"),
    [
        ({}, False),
        ({"rolled_back": True}, True),
        ({"failed": {"v": NOW}, "deployed": None}, True),
        ({"buried": True}, True),
    ],
    ids=["all-was-well", "rolled-back", "failed", "replaced-while-failed"],
)
def test_wave_without_images_is_held_where_it_could_take_what_was_bad(
    live: dict[str, Any], is_held: bool
) -> None:
    rollout = without_live(**live)
    assert bool(rollout.turn().holds) is is_held


def test_wave_is_held_in_place_of_one_that_is_held() -> None:
    rollout = without_live()
    rollout.held("live", "_", "freeze")
    assert set(rollout.turn().holds) == {("live", "_"), ("prod", "app")}


def test_bad_set_of_long_ago_holds_no_new_wave() -> None:
    rollout = without_live(rolled_back=True)
    rollout.landing("lab", 3)
    assert rollout.turn().holds == {}


def test_wave_that_was_there_before_is_not_held_in_place_of_another() -> None:
    rollout = Rollout(settings(lab={"targets": ["l"]}, live={"targets": ["v"]}))
    rollout.landing("lab", 2, failed={"l": NOW}, deployed=None)
    rollout.announced(1)
    rollout.turn()
    rollout.settings = settings(live={"targets": ["v"]})
    assert rollout.turn().holds == {}


@pytest.mark.parametrize("path", [(), ("generated/{wave}/{target}",)], ids=["none", "some"])
def test_what_was_named_is_forgotten_where_settings_do_not_say_what_targets_render_from(
    path: tuple[str, ...],
) -> None:
    rollout = Rollout()
    rollout.landing("lab", 1)
    rollout.ledger.named = {"lab": "f" * 40}
    places = replace(rollout.settings.deployments, path=path)
    rollout.settings = replace(rollout.settings, deployments=places)
    assert rollout.decide().ledger.named == ({"lab": "f" * 40} if path else {})


def test_what_was_named_is_forgotten_with_the_set_that_a_person_takes_out() -> None:
    """What they put back is another landing, of which nothing is known."""
    rollout = Rollout()
    rollout.landing("lab", 1)
    rollout.ledger.named = {"lab": "f" * 40, "live": "e" * 40}
    rollout.by_hand("lab", None)
    assert rollout.decide().ledger.named == {"live": "e" * 40}


@pytest.mark.parametrize("is_hotfix", [False, True])
def test_set_that_a_person_puts_there_is_a_hotfix_if_its_files_say_so(*, is_hotfix: bool) -> None:
    rollout = Rollout()
    files = images(3)
    assert files.source
    source = replace(files.source, hotfix=StandIn(position=2) if is_hotfix else None)
    rollout.by_hand("lab", from_maps(files.tags, files.digests, source))
    present = plan(rollout.snapshot()).ledger.present("lab", "app")
    assert present is not None
    assert (present.is_hotfix, present.position) == (is_hotfix, 2 if is_hotfix else 3)


def test_what_files_name_is_said_of_the_set_that_a_person_put_there_with_them() -> None:
    rollout = Rollout()
    rollout.landing("lab", 1)
    rollout.by_hand("lab", rollout.files_of(2))
    known = rollout.snapshot()
    naming = Naming(nothing=True)
    named = {"lab": WaveNaming("f" * 40, {"app": naming})}
    decided = plan(replace(known, main=replace(known.main, named=named)))
    landings = decided.ledger.of("lab", "app").landings
    assert [one.naming for one in landings] == [None, naming]
    assert whats(decided)[:2] == ["changed by hand", "not in the files"]


def test_set_of_a_person_is_not_deployed_by_targets_that_run_nothing_of_it() -> None:
    """The wave needs all but one of its targets: only of those whose files name the set."""
    lab = {"targets": ["lab-1", "lab-2", "lab-3"], "need": "all but 1"}
    rollout = Rollout(settings(lab=lab))
    rollout.landing("lab", 1)
    rollout.by_hand("lab", rollout.files_of(2))
    rollout.silent = {"lab-1", "lab-2"}
    for target in ("lab-1", "lab-2"):
        rollout.reports("lab", target)
    known = rollout.snapshot()
    named = {"lab": WaveNaming("f" * 40, {}, {"app": {"lab-3"}})}
    decided = plan(replace(known, main=replace(known.main, named=named)))
    present = decided.ledger.present("lab", "app")
    assert present is not None
    assert {name: one.uses for name, one in present.targets.items()} == {
        "lab-1": False,
        "lab-2": False,
        "lab-3": True,
    }
    assert present.deployed_at is None
