"""`tidemill reconcile-cfg-app`: one turn."""

import json

import pytest
from tests.commands.promises import (
    assert_readable,
    assert_twice_is_once,
    dry_run,
    odd_objects,
    refused,
)
from tests.loop.stories import journal, refs, says
from tests.world import World, git

from tidemill.__main__ import main

TURN = ("reconcile-cfg-app",)
LISTS = (
    "evicted", "introduced", "promoted", "rolled_back", "replayed", "superseded", "rejected",
    "to_check", "waiting",
)  # fmt: skip


def test_turn_with_nothing_to_do_writes_nothing(new: World) -> None:
    before = refs(new)
    turn = new.run(*TURN)
    assert turn.code == 0
    assert (turn["changed"], turn["landed"]) == (False, None)
    assert all(turn[name] == [] for name in LISTS)
    assert refs(new) == before


def test_green_commit_lands_once(under_test: World) -> None:
    commit = under_test.ref("refs/heads/auto") or ""
    under_test.check(commit)
    turn = assert_twice_is_once(under_test, *TURN)
    assert (turn["changed"], turn["landed"]) == (True, commit)
    assert under_test.ref("refs/heads/main") == commit


def test_what_needs_a_check_is_named_in_each_turn_anew(under_test: World) -> None:
    for _ in range(2):
        assert under_test.run(*TURN)["to_check"] == [under_test.ref("refs/heads/auto")]


def test_dry_run_says_what_would_be_done_and_writes_nothing(under_test: World) -> None:
    commit = under_test.ref("refs/heads/auto") or ""
    under_test.check(commit)
    turn = dry_run(under_test, *TURN)
    assert (turn["changed"], turn["landed"]) == (True, commit)


def test_journal_has_the_time_and_the_reason(under_test: World) -> None:
    under_test.check(under_test.ref("refs/heads/auto") or "")
    under_test.run(*TURN)
    landed = [entry for entry in journal(under_test) if entry["what"] == "landed"]
    assert [entry["reason"] for entry in landed] == ["announced by acme/app"]


def test_settings_that_can_not_be_used_name_commit_and_line(new: World) -> None:
    new.settings = new.settings.replace("retries = 0", 'retries = "none"')
    commit = new.edit()
    reason = refused(new, *TURN)
    line = new.settings[: new.settings.index("retries")].count("\n") + 1
    assert f"tidemill.toml of {commit[:12]}, line {line}" in reason


def test_settings_that_are_not_there_are_named(new: World) -> None:
    (new.clone / "tidemill.toml").unlink()
    commit = new.commit("no settings")
    assert f"tidemill.toml of {commit[:12]}: the file is not there" in refused(new, *TURN)


def test_checks_of_github_can_not_be_read_from_here(new: World) -> None:
    new.settings = new.settings.replace('source = "refs"', 'source = "github"')
    new.edit()
    assert "is not a repository on https://github.com" in refused(new, *TURN)


@pytest.mark.parametrize(
    "option",
    ["--continue", "--check-requests", "--deployments", f'--verdicts={{"{"0" * 40}": "success"}}'],
)
def test_what_only_github_can_do_is_refused_before_anything_is_written(
    new: World, option: str
) -> None:
    assert "is not a repository on https://github.com" in refused(new, *TURN, option)


def test_turn_that_does_not_claim_says_that_a_check_is_wanted(under_test: World) -> None:
    turn = under_test.run(*TURN)
    assert (len(turn["to_check"]), turn["more"]) == (1, True)
    assert under_test.run(*TURN, "--claim")["more"] is False
    code, out, _ = says(under_test, *TURN)
    assert code == 0
    assert "Something wants a check" in out


@pytest.mark.parametrize("address", ["", "-x", "/nowhere", "file:///nowhere"])
def test_repository_that_can_not_be_read_is_one_clear_error(new: World, address: str) -> None:
    result = new.run(*TURN, f"--repo={address}", repo=False)
    assert result.code == 1
    assert set(result["error"]) == {"what", "written", "remedy"}
    assert result["error"]["written"] == "nothing"


@pytest.mark.parametrize(
    "time", ["now", "", "2026-13-01", "0000-01-01T00:00:00Z", "12:00", "1600000000x", "9" * 30]
)
def test_time_that_is_none_is_refused(
    new: World, time: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*TURN, "--repo", str(new.bare), "--json", "--now", time]) == 1
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["what"] == f"--now '{time}' is not a time"
    assert error["written"] == "nothing"


def test_person_is_told_that_there_is_nothing_to_do(new: World) -> None:
    assert says(new, *TURN) == (0, "Nothing to do.\n", "")


def test_person_is_told_what_was_done_and_what_waits(under_test: World) -> None:
    under_test.check(under_test.ref("refs/heads/auto") or "")
    code, out, _ = says(under_test, *TURN)
    assert code == 0
    assert_readable(out)
    for word in ("Done:", "landed", "Waiting:", "a healthy report from lab-1, lab-2"):
        assert word in out


def test_odd_things_in_the_inbox_are_rejected_and_stop_nobody(new: World) -> None:
    odd = odd_objects(new)
    for number, sha in enumerate(odd):
        git(new.bare, "update-ref", f"refs/tidemill/inbox/hold-{number}", sha)
    turn = new.announce(1)
    assert turn.code == 0
    assert turn["introduced"]
    assert len(turn["rejected"]) == len(odd)
    assert not [ref for ref in new.refs("inbox") if "hold" in ref]
    assert not new.turn()["changed"]


def test_odd_things_among_the_checks_are_no_verdict(under_test: World) -> None:
    auto = under_test.ref("refs/heads/auto") or ""
    for sha in odd_objects(under_test):
        git(under_test.bare, "update-ref", f"refs/tidemill/checks/{auto}", sha)
        turn = under_test.run(*TURN)
        assert (turn.code, turn["landed"], turn["to_check"]) == (0, None, [auto])


@pytest.mark.parametrize("ref", ["refs/tidemill/holds/lab/_", "refs/tidemill/deployed/lab/lab-1"])
def test_odd_thing_in_a_place_of_the_mill_s_own_is_named(new: World, ref: str) -> None:
    """It stops nobody; but a hold that can't be read may be a hold: nothing goes into its wave."""
    git(new.bare, "update-ref", ref, odd_objects(new)[0])
    assert ref in [one["ref"] for one in new.status()["unreadable"]]
    turn = new.announce(1)
    assert turn.code == 0
    assert bool(turn["introduced"]) == ("holds" not in ref)
    assert new.status()["unreadable"] == []
    assert len(new.refs("rejected")) == 1
