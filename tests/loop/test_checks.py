"""What counts as a verdict: claims, lost runs, late runs, several contexts."""

from __future__ import annotations

import pytest

from tests.loop.stories import land, refs, waits_for
from tests.world import Result, World, git


def report(world: World, sha: str, context: str, state: str, *more: str) -> Result:
    """A check of a certain name reports."""
    return world.run("record-check", "--sha", sha, "--context", context, "--state", state, *more)


def test_claim_keeps_others_from_checking_until_the_timeout(under_test: World) -> None:
    sha = under_test.ref("refs/heads/auto") or ""
    under_test.check(sha, "pending", run="1")
    assert under_test.turn()["to_check"] == []
    under_test.later(minutes=59)
    assert under_test.turn()["to_check"] == []
    under_test.later(minutes=1)
    turn = under_test.turn()
    assert turn["to_check"] == [sha]
    assert "cancelled or timed out" in waits_for(turn)


def test_answer_after_the_claim_has_expired_counts_all_the_same(under_test: World) -> None:
    sha = under_test.ref("refs/heads/auto") or ""
    under_test.check(sha, "pending", run="1")
    under_test.later(hours=5)
    under_test.turn()
    under_test.check(sha, "success", run="1")
    assert under_test.turn()["landed"] == sha


@pytest.mark.parametrize("state", ["cancelled", "pending"])
def test_lost_run_is_not_red_and_is_asked_for_again(under_test: World, state: str) -> None:
    sha = under_test.ref("refs/heads/auto") or ""
    for run in range(3):
        under_test.check(sha, state, run=str(run))
        under_test.later(hours=1)
        turn = under_test.turn()
        assert turn["evicted"] == []
        assert turn["to_check"] == [sha]
        assert sha[:12] in waits_for(under_test.status())
    under_test.check(sha, "success", run="last")
    assert under_test.turn()["landed"] == sha


def test_lost_run_on_top_of_a_red_one_leaves_it_red(under_test: World) -> None:
    sha = under_test.ref("refs/heads/auto") or ""
    under_test.check(sha, "failure", run="1")
    under_test.check(sha, "cancelled", run="2")
    under_test.check(under_test.ref("refs/heads/main") or "", "success")
    assert [one["sha"] for one in under_test.turn()["evicted"]] == [sha]


def test_late_pending_of_a_finished_run_takes_nothing_back(under_test: World) -> None:
    sha = under_test.ref("refs/heads/auto") or ""
    under_test.check(sha, "success", run="1")
    assert under_test.check(sha, "pending", run="1")["changed"] is False
    assert under_test.turn()["landed"] == sha


def test_every_required_context_has_to_be_green(new: World) -> None:
    new.settings = new.settings.replace("retries = 0", 'retries = 0\nrequired = ["unit", "policy"]')
    new.edit()
    sha = new.announce(1)["to_check"][0]
    report(new, sha, "unit", "success")
    report(new, sha, "nightly", "failure")
    turn = new.turn()
    assert (turn["landed"], turn["evicted"], turn["to_check"]) == (None, [], [sha])
    report(new, sha, "policy", "pending")
    assert new.turn()["to_check"] == []
    report(new, sha, "policy", "success", "--run", "2")
    assert new.turn()["landed"] == sha


def test_one_red_context_of_two_is_red_even_while_the_other_runs(new: World) -> None:
    new.settings = new.settings.replace("retries = 0", 'retries = 0\nrequired = ["unit", "policy"]')
    main = new.edit()
    for context in ("unit", "policy"):
        report(new, main, context, "success")
    sha = new.announce(1)["to_check"][0]
    report(new, sha, "policy", "pending")
    report(new, sha, "unit", "failure")
    assert [one["sha"] for one in new.turn()["evicted"]] == [sha]


def test_verdict_for_a_commit_that_was_rewritten_is_ignored_and_said_so(under_test: World) -> None:
    old = under_test.ref("refs/heads/auto") or ""
    under_test.edit(note="meanwhile")
    new = under_test.turn()["to_check"][0]
    assert new != old
    before = refs(under_test)
    for state in ("success", "failure"):
        late = under_test.check(old, state)
        assert (late.code, late["changed"]) == (0, False)
        assert "no use" in late["reason"]
    turn = under_test.turn()
    assert (turn["landed"], turn["evicted"], turn["to_check"]) == (None, [], [new])
    assert refs(under_test) == before


def test_force_push_over_a_running_check_voids_its_verdict(under_test: World) -> None:
    old = under_test.ref("refs/heads/auto") or ""
    under_test.check(old, "pending", run="7")
    main = under_test.ref("refs/heads/main") or ""
    git(under_test.clone, "reset", "-q", "--hard", main)
    (under_test.clone / "mine.txt").write_text("mine\n")
    mine = under_test.commit("somebody's own", push=False)
    git(under_test.clone, "push", "-q", "--force", str(under_test.bare), "HEAD:auto")
    under_test.check(mine, "success", run="8")
    turn = under_test.turn()
    assert turn["landed"] is None
    assert under_test.ref("refs/heads/main") == main
    assert under_test.ref("refs/heads/auto") == old, "done again on the same parent it is the same"
    assert under_test.ref(f"refs/tidemill/evicted/{mine}") == mine


def test_verdict_for_a_commit_that_does_not_exist_is_refused(under_test: World) -> None:
    before = refs(under_test)
    refused = under_test.check("0123456789abcdef0123456789abcdef01234567")
    assert refused.code == 1
    assert refused["error"]["written"] == "nothing"
    assert refs(under_test) == before


@pytest.mark.parametrize("sha", ["main", "../main", "abc", "G" * 40, "a" * 41, "$(id)", ""])
def test_what_is_no_sha_is_refused(under_test: World, sha: str) -> None:
    before = refs(under_test)
    assert under_test.check(sha).code == 1
    assert refs(under_test) == before


def test_short_sha_of_auto_is_enough(under_test: World) -> None:
    sha = under_test.ref("refs/heads/auto") or ""
    assert under_test.check(sha[:7])["sha"] == sha
    assert under_test.turn()["landed"] == sha


def test_without_a_run_the_time_tells_runs_apart(under_test: World) -> None:
    sha = under_test.ref("refs/heads/auto") or ""
    assert report(under_test, sha, "unit", "failure")["changed"] is True
    assert report(under_test, sha, "unit", "failure")["changed"] is False
    under_test.later(minutes=1)
    assert report(under_test, sha, "unit", "success")["changed"] is True
    assert under_test.turn()["landed"] == sha


def test_checks_of_commits_that_have_gone_are_swept(landed: World) -> None:
    landed.deploy("lab")
    land(landed)
    tips = {landed.ref("refs/heads/main"), landed.ref("refs/heads/auto")}
    landed.edit(note="more")
    landed.announce(2)
    kept = {name.rpartition("/")[2] for name in landed.refs("checks")}
    assert not kept & tips


def test_check_record_that_nobody_can_read_is_one_clear_error_or_no_verdict(
    under_test: World,
) -> None:
    sha = under_test.ref("refs/heads/auto") or ""
    blob = git(under_test.bare, "hash-object", "-w", "--stdin", data=b"{}")
    tree = git(under_test.bare, "mktree", data=f"100644 blob {blob}\trecord.json\n".encode())
    commit = git(under_test.bare, "commit-tree", tree, data=b"by hand\n")
    git(under_test.bare, "update-ref", f"refs/tidemill/checks/{sha}", commit)
    turn = under_test.turn()
    assert turn.code == 0 or f"refs/tidemill/checks/{sha}" in turn["error"]["what"]
