"""`tidemill drop`."""

import shlex

import pytest
from tests.commands.promises import (
    assert_twice_is_once,
    refused,
)
from tests.loop.stories import endings, inbox
from tests.world import World, sha_of


def drop(world: World) -> tuple[str, ...]:
    """The command line that drops the one request that waits."""
    (waiting,) = inbox(world)
    return ("drop", "--id", waiting)


def test_announcement_that_was_dropped_leaves_auto_and_is_not_done_again(under_test: World) -> None:
    request = inbox(under_test)[0]
    assert_twice_is_once(under_test, *drop(under_test))
    assert endings(under_test)[request] == ["dropped"]
    assert inbox(under_test) == []
    assert under_test.ref("refs/heads/auto") == under_test.ref("refs/heads/main")
    again = under_test.announce(1)
    assert again["request"]["state"] == "has ended already: dropped"
    assert not again["changed"]


def test_second_drop_says_how_it_ended(under_test: World) -> None:
    command = drop(under_test)
    under_test.run(*command)
    again = under_test.run(*command)
    assert again["request"]["state"].endswith("has ended already: dropped")


def test_green_commit_of_a_dropped_announcement_does_not_land(under_test: World) -> None:
    before = under_test.ref("refs/heads/main")
    under_test.check(under_test.ref("refs/heads/auto") or "")
    result = under_test.run(*drop(under_test))
    assert result["landed"] is None
    assert under_test.ref("refs/heads/main") == before


@pytest.mark.parametrize("said", ["by drop", "by announcing it again"])
def test_announcement_that_was_dropped_by_mistake_comes_back_by_the_command_that_is_said(
    under_test: World, said: str
) -> None:
    dropped = under_test.run(*drop(under_test))
    result = dropped if said == "by drop" else under_test.announce(1)
    words = shlex.split(result["request"]["way_in"])
    assert words[:3] == ["tidemill", "retry", "--sha"]
    turn = under_test.run("retry", *words[2:4])
    assert [one["app_sha"] for one in turn["introduced"]] == [sha_of("app-1")]
    under_test.green()
    assert under_test.on_main("lab") == sha_of("app-1")


def test_announcement_that_was_dropped_comes_back_with_a_reason(under_test: World) -> None:
    under_test.run(*drop(under_test))
    under_test.announce(1, override="I meant the other one")
    under_test.green()
    assert under_test.on_main("lab") == sha_of("app-1")


def test_what_came_back_can_be_dropped_and_come_back_again(under_test: World) -> None:
    for _ in range(3):
        under_test.run(*drop(under_test))
        assert inbox(under_test) == []
        under_test.later(minutes=1)
        under_test.run("retry", "--sha", sha_of("app-1"))
    assert len(under_test.refs("rejected")) == 3
    under_test.green()
    assert under_test.on_main("lab") == sha_of("app-1")


def test_promotion_that_waits_can_be_dropped(landed: World) -> None:
    landed.run("promote-wave", "--wave", "shop", "--sha", landed.on_main("lab") or "")
    landed.run(*drop(landed))
    landed.deploy("lab")
    assert not landed.turn()["promoted"]


@pytest.mark.parametrize(
    "request_id",
    ["announcement-app-9-000000000000", "", "../x", "a\nb", "x\udc80", "refs/heads/main"],
)
def test_request_that_does_not_wait_is_refused(under_test: World, request_id: str) -> None:
    assert "waits" in refused(under_test, "drop", f"--id={request_id}")
