"""`tidemill retry`."""

import pytest
from tests.commands.promises import (
    assert_readable,
    assert_twice_is_once,
    refused,
)
from tests.loop.stories import accept, endings, file_at, inbox, refs, says
from tests.world import World, announcement, sha_of

RETRY = ("retry", "--sha", sha_of("app-2")[:12])


def test_evicted_set_tries_again_with_the_very_same_images(evicted: World) -> None:
    (gone,) = evicted.refs("evicted")
    turn = assert_twice_is_once(evicted, *RETRY)
    assert [one["app_sha"] for one in turn["introduced"]] == [sha_of("app-2")]
    for name in ("tags", "digests"):
        path = f"images/lab/{name}.json"
        assert file_at(evicted, "auto", path) == file_at(evicted, gone, path)


def test_retry_asked_for_again_later_waits_already(evicted: World) -> None:
    evicted.run(*RETRY)
    before = refs(evicted)
    evicted.later(minutes=1)
    again = evicted.run(*RETRY)
    assert (again.code, again["changed"]) == (0, False)
    assert refs(evicted) == before


def test_set_that_is_green_the_second_time_lands(evicted: World) -> None:
    request = evicted.run(*RETRY)["request"]["id"]
    evicted.green()
    assert evicted.on_main("lab") == sha_of("app-2")
    assert endings(evicted)[request] == ["landed"]
    assert inbox(evicted) == []


def test_set_that_is_red_again_is_evicted_again(evicted: World) -> None:
    (sha,) = evicted.run(*RETRY)["to_check"]
    evicted.check(sha, "failure")
    assert evicted.turn()["evicted"]
    assert evicted.turn()["introduced"] == []


def test_promotion_that_was_evicted_tries_again(deployed: World) -> None:
    deployed.run("promote-wave", "--wave", "shop", "--sha", sha_of("app-1"))
    deployed.check(deployed.ref("refs/heads/main") or "")
    deployed.check(deployed.ref("refs/heads/auto") or "", "failure")
    assert deployed.turn()["evicted"]
    deployed.run("retry", "--sha", sha_of("app-1"))
    deployed.later(minutes=1)
    assert deployed.run("promote-wave", "--wave", "shop", "--sha", sha_of("app-1"))["promoted"]


def test_announcement_that_was_rejected_tries_again(new: World) -> None:
    settings = new.settings
    new.settings = settings.replace(
        'generate = "python3', 'introduce = "false"\ngenerate = "python3'
    )
    new.edit()
    assert new.announce(1).code == 1
    new.settings = settings
    new.edit()
    turn = new.run("retry", "--sha", sha_of("app-1"))
    assert [one["app_sha"] for one in turn["introduced"]] == [sha_of("app-1")]


@pytest.mark.parametrize(
    ("sha", "reason"),
    [
        (sha_of("app-1"), "nothing of commit"),
        ("0" * 40, "nothing of commit"),
        ("abcdef", "is not the SHA of a set"),
        ("HEAD", "is not the SHA of a set"),
        ("", "is not the SHA of a set"),
    ],
    ids=["landed", "unknown", "short", "branch", "empty"],
)
def test_what_was_not_evicted_is_refused(evicted: World, sha: str, reason: str) -> None:
    assert reason in refused(evicted, "retry", f"--sha={sha}")


def test_person_is_told_what_was_done(evicted: World) -> None:
    code, out, _ = says(evicted, *RETRY)
    assert code == 0
    assert_readable(out)
    assert "introduced" in out


def test_commit_that_was_rejected_for_its_position_comes_in_by_an_override(new: World) -> None:
    other = sha_of("a rewritten branch")
    accept(new, [announcement(1), announcement(1, {"web": "other"}, sha=other)])
    (rejected,) = new.turn()["rejected"]
    loser = next(sha for sha in (other, sha_of("app-1")) if rejected["id"].endswith(sha[:12]))
    new.green()
    new.deploy("lab")
    retry = ("retry", "--sha", loser[:12])
    assert new.run(*retry).code == 1, "it is rejected again, and says how"
    new.later(minutes=1)
    turn = assert_twice_is_once(new, *retry, "--override", "the branch was rewritten")
    assert [one["app_sha"] for one in turn["introduced"]] == [loser]
    new.green()
    assert new.on_main("lab") == loser


def test_override_of_a_promotion_is_asked_for_by_another_command(deployed: World) -> None:
    deployed.run("promote-wave", "--wave", "shop", "--sha", sha_of("app-1"))
    deployed.check(deployed.ref("refs/heads/main") or "")
    deployed.check(deployed.ref("refs/heads/auto") or "", "failure")
    assert deployed.turn()["evicted"]
    told = refused(deployed, "retry", "--sha", sha_of("app-1"), "--override", "it is urgent")
    assert "promote-wave --wave shop" in told


def test_rollback_that_was_evicted_is_asked_for_by_another_command(second: World) -> None:
    turn = second.run("rollback-wave", "--wave", "lab", "--reason", "errors")
    second.check(second.ref("refs/heads/main") or "")
    second.check(turn["to_check"][0], "failure")
    assert second.turn()["evicted"]
    told = refused(second, "retry", "--sha", sha_of("app-1"))
    assert f"rollback-wave --wave lab --set app --to {sha_of('app-1')} --reason REASON" in told


@pytest.mark.parametrize("reason", ["", "a\nb"])
def test_override_without_a_reason_is_refused(evicted: World, reason: str) -> None:
    assert "--override" in refused(evicted, *RETRY, f"--override={reason}")


def test_person_who_announces_again_is_told_of_retry(evicted: World) -> None:
    file = evicted.folder / "announcement.json"
    code, out, _ = says(evicted, "update-cfg-app", "--announcement", str(file))
    assert code == 0
    retry = f"tidemill retry --sha {sha_of('app-2')} --set app --repo {evicted.bare}"
    assert f"has ended already: evicted\nTo let it in again:\n  {retry}" in out
