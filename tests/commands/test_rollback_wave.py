"""`tidemill rollback-wave`."""

import pytest
from tests.commands.promises import (
    assert_readable,
    assert_twice_is_once,
    refused,
)
from tests.loop.stories import endings, parents, says, trailers
from tests.world import World, sha_of

from tidemill.facts import ledger

ROLLBACK = ("rollback-wave", "--wave", "lab", "--reason", "errors in checkout")


def test_wave_goes_back_and_is_held(second: World) -> None:
    turn = assert_twice_is_once(second, *ROLLBACK)
    assert [(one["wave"], one["app_sha"]) for one in turn["rolled_back"]] == [
        ("lab", sha_of("app-1"))
    ]
    auto = second.ref("refs/heads/auto") or ""
    assert parents(second, auto) == [second.ref("refs/heads/main")]
    assert trailers(second, auto)["Autocommit-Reason"] == "errors in checkout"
    assert trailers(second, auto)["Autocommit-Operation"] == "roll back"
    assert second.refs("holds") == ["refs/tidemill/holds/lab/app"]
    second.green()
    assert second.on_main("lab") == sha_of("app-1")
    assert endings(second)[turn["request"]["id"]] == ["landed"]
    assert second.refs("holds") == ["refs/tidemill/holds/lab/app"], "until a person releases"


def test_same_rollback_asked_for_again_before_it_landed_changes_nothing_on_auto(
    second: World,
) -> None:
    second.run(*ROLLBACK)
    auto = second.ref("refs/heads/auto")
    second.later(minutes=1)
    assert second.run(*ROLLBACK).code == 0
    assert second.ref("refs/heads/auto") == auto
    second.green()
    assert second.on_main("lab") == sha_of("app-1")
    assert second.refs("inbox") == []


def test_nothing_undoes_it_until_it_is_released_and_then_only_newer_sets_do(second: World) -> None:
    second.run(*ROLLBACK)
    second.green()
    second.deploy("lab")
    second.announce(3)
    second.green()
    assert second.on_main("lab") == sha_of("app-1")
    second.run("release-wave", "--wave", "lab", "--reason", "fixed")
    second.green()
    assert second.on_main("lab") == sha_of("app-3")


def test_goal_may_be_named(second: World) -> None:
    turn = second.run(*ROLLBACK, "--to", sha_of("app-1")[:7])
    assert [one["app_sha"] for one in turn["rolled_back"]] == [sha_of("app-1")]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--wave", "moon"), "there is no wave 'moon'"),
        (("--wave", "lab", "--set", "moon"), "there is no set 'moon'"),
        (("--wave", "shop"), "shop has no set app that a turn knows of"),
        (("--wave", "lab", "--to", "0000000"), "lab has had no set of commit 0000000"),
        (("--wave", "lab", "--to", "HEAD"), "is not the SHA of a set"),
        (("--wave", "lab", "--to", sha_of("app-2")), "already"),
        (("--wave", "lab", "--reason", "a\nb"), "is not one printable line"),
    ],
    ids=["wave", "set", "nothing-there", "sha", "branch", "present", "two-lines"],
)
def test_what_can_not_be_rolled_back_is_refused(
    second: World, arguments: tuple[str, ...], reason: str
) -> None:
    assert reason in refused(second, "rollback-wave", "--reason", "x", *arguments)


def test_without_an_older_healthy_set_a_goal_has_to_be_named(deployed: World) -> None:
    assert "no older set was healthy in lab: name one with --to SHA" in refused(deployed, *ROLLBACK)


def test_newer_set_than_the_present_one_is_a_promotion(second: World) -> None:
    second.run(*ROLLBACK)
    second.green()
    reason = refused(second, *ROLLBACK, "--to", sha_of("app-2"))
    assert "is newer than what lab has" in reason
    assert "tidemill promote-wave --wave lab" in reason


def test_person_is_told_what_was_done(second: World) -> None:
    code, out, _ = says(second, *ROLLBACK)
    assert code == 0
    assert_readable(out)
    assert "rolled back" in out
    assert "errors in checkout" in out


def test_wave_goes_back_to_what_it_had_at_a_time(second: World) -> None:
    """`second` has app-2 since some minutes; app-3 comes later."""
    between = second.now
    second.later(minutes=10)
    second.deploy("lab")
    second.announce(3)
    second.green()
    assert second.on_main("lab") == sha_of("app-3")
    second.run(*ROLLBACK, "--at", between.isoformat())
    second.green()
    assert second.on_main("lab") == sha_of("app-2")


def test_time_is_taken_as_people_say_it(second: World) -> None:
    second.later(minutes=10)
    second.deploy("lab")
    second.announce(3)
    second.green()
    second.run(*ROLLBACK, "--at", "5 min ago")
    second.green()
    assert second.on_main("lab") == sha_of("app-2")


def test_second_in_which_a_set_landed_is_after_the_landing(second: World) -> None:
    """All answers tell the second: who copies it means the set that landed in it."""
    second.later(minutes=10, microseconds=500_000)
    second.deploy("lab")
    second.announce(3)
    second.green()
    told = second.now.replace(microsecond=0).isoformat()
    assert "lab has" in refused(second, *ROLLBACK, "--at", told)


def test_what_a_wave_had_before_anything_is_known_is_not_guessed(second: World) -> None:
    said = refused(second, *ROLLBACK, "--at", "2025-01-01T00:00Z")
    assert "what lab had at 2025-01-01T00:00Z is not known any more" in said
    assert "tidemill history --wave lab --at 2025-01-01T00:00Z --repo" in said


def test_time_before_a_landing_that_was_let_go_is_not_taken_for_the_one_before_it(
    second: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ledger keeps older sets that still soak, and not what a wave had between them."""
    between = second.now
    second.later(minutes=10)
    second.deploy("lab")
    second.announce(3)
    second.green()
    monkeypatch.setattr(ledger, "KEPT_SETS", 1)
    said = refused(second, *ROLLBACK, "--at", between.isoformat())
    assert "is not known any more" in said


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--at", "2026-01-05T10:00"), "does not say in which time zone it is"),
        (("--at", "noon"), "is not a time"),
        (("--at", "2099-01-05T10:00Z"), "is in the future"),
        (("--at", "2026-01-05T10:00Z", "--to", "a" * 40), "are both given"),
        (("--all-sets", "--set", "app"), "--all-sets is given, and --set or --to"),
        (("--all-sets", "--to", "a" * 40), "--all-sets is given, and --set or --to"),
    ],
)
def test_goals_that_can_not_be_meant_are_refused(
    second: World, options: tuple[str, ...], reason: str
) -> None:
    assert reason in refused(second, *ROLLBACK, *options)


def test_time_at_which_the_wave_had_what_it_has_is_nothing_to_go_back_to(second: World) -> None:
    assert "lab has" in refused(second, *ROLLBACK, "--at", second.now.isoformat())
