"""`tidemill promote-wave`."""

import pytest
from tests.commands.promises import (
    assert_help_has_an_example,
    assert_readable,
    assert_twice_is_once,
    assert_usage,
    dry_run,
    refused,
)
from tests.loop.stories import endings, inbox, journal, refs, says, waits_for
from tests.world import World, sha_of

PROMOTE = ("promote-wave", "--wave", "shop")


def test_help_has_an_example() -> None:
    assert_help_has_an_example("promote-wave")


def test_approval_puts_the_set_on_auto(deployed: World) -> None:
    assert not deployed.turn()["promoted"]
    turn = assert_twice_is_once(deployed, *PROMOTE, "--sha", sha_of("app-1")[:7])
    assert [(one["wave"], one["app_sha"]) for one in turn["promoted"]] == [
        ("shop", sha_of("app-1"))
    ]
    assert turn["to_check"] == [deployed.ref("refs/heads/auto")]


def test_promotion_ends_when_it_has_landed(deployed: World) -> None:
    request = deployed.run(*PROMOTE)["request"]["id"]
    deployed.green()
    assert deployed.on_main("shop") == sha_of("app-1")
    assert endings(deployed)[request] == ["landed"]
    assert inbox(deployed) == []


def test_asked_for_again_after_it_landed_it_is_already_there(deployed: World) -> None:
    deployed.run(*PROMOTE)
    deployed.green()
    before = refs(deployed)
    deployed.later(minutes=1)
    again = deployed.run(*PROMOTE)
    assert (again.code, again["changed"]) == (0, False)
    assert "already" in again["request"]["state"]
    assert refs(deployed) == before


def test_asked_for_twice_before_it_landed_it_is_done_once(deployed: World) -> None:
    deployed.run(*PROMOTE)
    auto = deployed.ref("refs/heads/auto")
    deployed.later(minutes=1)
    assert not deployed.run(*PROMOTE)["promoted"]
    assert deployed.ref("refs/heads/auto") == auto
    deployed.green()
    assert inbox(deployed) == []


def test_without_a_sha_the_newest_deployed_set_is_meant(second: World) -> None:
    turn = second.run(*PROMOTE)
    assert [one["app_sha"] for one in turn["promoted"]] == [sha_of("app-2")]


def test_older_set_may_be_chosen(second: World) -> None:
    turn = second.run(*PROMOTE, "--sha", sha_of("app-1"))
    assert [one["app_sha"] for one in turn["promoted"]] == [sha_of("app-1")]


def test_approval_waits_for_what_is_not_there_yet(landed: World) -> None:
    turn = landed.run(*PROMOTE, "--sha", sha_of("app-1"))
    assert turn["promoted"] == []
    assert "not healthy yet on lab-1, lab-2 in lab" in waits_for(turn)
    assert len(inbox(landed)) == 1
    landed.report("lab", "lab-1")
    assert landed.report("lab", "lab-2")["promoted"]


def test_override_needs_no_deployment_and_is_kept_in_the_journal(landed: World) -> None:
    turn = assert_twice_is_once(landed, *PROMOTE, "--override", "the fix must go out")
    assert turn["promoted"]
    reasons = [entry["reason"] for entry in journal(landed) if entry["what"] == "overridden"]
    assert reasons == ["the fix must go out"]


def test_dry_run_writes_nothing(deployed: World) -> None:
    assert dry_run(deployed, *PROMOTE)["promoted"]


def test_older_set_than_the_present_one_is_a_rollback(second: World) -> None:
    second.run(*PROMOTE)
    second.green()
    reason = refused(second, *PROMOTE, "--sha", sha_of("app-1"))
    assert "which is newer than" in reason
    assert "tidemill rollback-wave --wave shop" in reason


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--wave", "moon"), "there is no wave 'moon'"),
        (("--wave", "lab"), "lab comes after no wave: its sets are announced"),
        (("--wave", "shop", "--set", "moon"), "there is no set 'moon'"),
        (("--wave", "shop", "--sha", "0000000"), "lab has had no set of commit 0000000"),
        (("--wave", "shop", "--sha", "main"), "is not the SHA of a set"),
        (("--wave", "shop", "--sha", "abcdef"), "is not the SHA of a set"),
        (("--wave", "shop", "--override", ""), "is not one printable line"),
        (("--wave", "shop", "--override", "a\nb"), "is not one printable line"),
        (("--wave", "../shop"), "is not a valid name of a wave"),
    ],
    ids=["wave", "first-wave", "set", "sha", "branch", "short", "empty", "two-lines", "climbs"],
)
def test_what_can_not_be_promoted_is_refused(
    deployed: World, arguments: tuple[str, ...], reason: str
) -> None:
    assert reason in refused(deployed, "promote-wave", *arguments)


def test_wave_that_has_had_nothing_gives_nothing(new: World) -> None:
    assert "there is no set to promote into shop" in refused(new, *PROMOTE)


def test_promotion_without_a_wave_is_wrong_usage(new: World) -> None:
    assert_usage(new, "promote-wave")


def test_person_is_told_what_was_done(deployed: World) -> None:
    code, out, _ = says(deployed, *PROMOTE)
    assert code == 0
    assert_readable(out)
    assert "promoted" in out
    assert sha_of("app-1")[:12] in out
