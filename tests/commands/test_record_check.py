"""`tidemill record-check`."""

import json

import pytest
from tests.commands.promises import (
    assert_any_time_is_harmless,
    assert_readable,
    assert_usage,
    odd_objects,
    refused,
)
from tests.loop.stories import refs, says
from tests.world import World, git


def check(sha: str | None, state: str = "success", run: str = "1") -> tuple[str, ...]:
    """The command line of one report."""
    return (
        "record-check", "--sha", sha or "", "--context", "check", "--state", state, "--run", run,
    )  # fmt: skip


def stored(world: World, sha: str) -> list[dict[str, str]]:
    """The runs that are stored for a commit."""
    text = git(world.bare, "show", f"refs/tidemill/checks/{sha}:record.json")
    runs: list[dict[str, str]] = json.loads(text)["runs"]
    return runs


@pytest.mark.parametrize("state", ["success", "failure", "pending", "cancelled"])
def test_report_is_written_once_and_no_turn_is_done(under_test: World, state: str) -> None:
    auto = under_test.ref("refs/heads/auto") or ""
    before = refs(under_test)
    first = under_test.run(*check(auto, state))
    assert (first.code, first["changed"], first["sha"], first["state"]) == (0, True, auto, state)
    after = refs(under_test)
    assert after.keys() - before.keys() == {f"refs/tidemill/checks/{auto}"}
    assert under_test.run(*check(auto, state))["changed"] is False
    assert refs(under_test) == after
    assert [run["state"] for run in stored(under_test, auto)] == [state]


def test_time_is_that_of_the_command_line(under_test: World) -> None:
    auto = under_test.ref("refs/heads/auto") or ""
    under_test.later(minutes=5)
    under_test.run(*check(auto))
    assert stored(under_test, auto)[0]["at"] == "2026-01-05T10:05:00Z"


def test_without_a_run_the_time_tells_reports_apart(under_test: World) -> None:
    auto = under_test.ref("refs/heads/auto") or ""
    report = check(auto)[:-2]
    assert under_test.run(*report)["changed"]
    assert not under_test.run(*report)["changed"]
    under_test.later(seconds=1)
    assert under_test.run(*report)["changed"]
    assert len(stored(under_test, auto)) == 2


def test_late_report_that_it_is_pending_changes_nothing(under_test: World) -> None:
    auto = under_test.ref("refs/heads/auto") or ""
    under_test.run(*check(auto, "success"))
    before = refs(under_test)
    assert not under_test.run(*check(auto, "pending"))["changed"]
    assert refs(under_test) == before


def test_several_contexts_are_kept(under_test: World) -> None:
    auto = under_test.ref("refs/heads/auto") or ""
    under_test.run(*check(auto))
    under_test.run(*check(auto), "--context", "lint")
    assert [run["context"] for run in stored(under_test, auto)] == ["check", "lint"]


def test_claim_keeps_others_from_asking_until_it_expires(under_test: World) -> None:
    auto = under_test.ref("refs/heads/auto") or ""
    under_test.run(*check(auto, "pending"))
    assert under_test.turn()["to_check"] == []
    under_test.later(minutes=61)
    assert under_test.turn()["to_check"] == [auto]


@pytest.mark.parametrize("length", [7, 12, 40])
def test_beginning_of_a_sha_is_enough(under_test: World, length: int) -> None:
    auto = under_test.ref("refs/heads/auto") or ""
    assert under_test.run(*check(auto[:length]))["sha"] == auto


def test_main_can_be_checked_too(new: World) -> None:
    main = new.ref("refs/heads/main") or ""
    assert new.run(*check(main))["changed"]


def test_verdict_on_a_commit_that_has_gone_is_of_no_use_and_no_error(landed: World) -> None:
    older = git(landed.bare, "rev-parse", "main~1")
    before = refs(landed)
    result = landed.run(*check(older))
    assert (result.code, result["changed"]) == (0, False)
    assert "of no use any more" in result["reason"]
    assert refs(landed) == before


@pytest.mark.parametrize(
    ("sha", "reason"),
    [
        ("0" * 40, "there is no commit"),
        ("0" * 8, "neither main's tip nor a commit of auto begins with 00000000"),
        ("abcdef", "is not the SHA"),
        ("HEAD", "is not the SHA"),
        ("../../heads/main", "is not the SHA"),
        ("", "is not the SHA"),
    ],
)
def test_sha_that_is_none_is_refused(under_test: World, sha: str, reason: str) -> None:
    assert reason in refused(under_test, *check(sha))


@pytest.mark.parametrize(
    "option",
    [("--context", "a\nb"), ("--context", ""), ("--run", "a\nb"), ("--context", "x\udc80")],
)
def test_name_of_two_lines_is_refused(under_test: World, option: tuple[str, str]) -> None:
    sha = under_test.ref("refs/heads/auto")
    assert "is not one printable line" in refused(under_test, *check(sha), *option)


def test_state_that_is_none_is_wrong_usage(under_test: World) -> None:
    assert_usage(under_test, *check(under_test.ref("refs/heads/auto"), "green"))
    assert_usage(under_test, *check(under_test.ref("refs/heads/auto"))[:3])


def test_person_is_told_what_was_written(under_test: World) -> None:
    auto = under_test.ref("refs/heads/auto") or ""
    code, out, _ = says(under_test, *check(auto))
    assert code == 0
    assert out == f"check of {auto}: success (written; the next turn acts on it)\n"
    assert_readable(out)


def test_verdict_that_is_not_looked_for_in_git_says_so(under_test: World) -> None:
    under_test.settings = under_test.settings.replace('source = "refs"', 'source = "github"')
    result = under_test.run(*check(under_test.edit()))
    assert (result.code, result["changed"]) == (0, True)
    assert "decides nothing" in result["reason"]


def test_status_that_a_verification_asks_for_is_said_to_count(under_test: World) -> None:
    under_test.settings += '\n[[verifications]]\nname = "end-to-end"\nstatus = "e2e"\n'
    words = list(check(under_test.edit()))
    words[words.index("check")] = "e2e"
    result = under_test.run(*words)
    assert result["reason"] == "written; the next turn asks for it where it verifies"


def test_odd_time_stops_nobody(under_test: World) -> None:
    assert_any_time_is_harmless(under_test, *check(under_test.ref("refs/heads/auto"), "pending"))


def test_verdict_takes_the_place_of_an_odd_thing(under_test: World) -> None:
    auto = under_test.ref("refs/heads/auto") or ""
    for sha in odd_objects(under_test):
        git(under_test.bare, "update-ref", f"refs/tidemill/checks/{auto}", sha)
        assert under_test.run(*check(auto)).code == 0
        assert [run["state"] for run in stored(under_test, auto)] == ["success"]
