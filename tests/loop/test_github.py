"""Verdicts that come from GitHub: statuses and check runs, over HTTP."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.github_api import REPOSITORY, TOKEN, Api, Say, serving
from tests.loop.github_world import OWN, GitHubWorld
from tests.loop.stories import assert_rests, journal, refs, waits_for
from tests.world import Result, announcement, git, sha_of

TURN = "reconcile-cfg-app"
LAB: dict[str, dict[str, Any]] = {"lab": {"targets": ["lab-1"]}}
TWO = {**LAB, "shop": {"targets": ["north"]}}


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    with serving() as api:
        for name, value in api.environment.items():
            monkeypatch.setenv(name, value)
        yield api


@pytest.fixture
def world(api: Api, tmp_path: Path) -> GitHubWorld:
    """A repository on GitHub, with nothing announced."""
    return opened(api, tmp_path, TWO)


@pytest.fixture
def stack(api: Api, tmp_path: Path) -> GitHubWorld:
    """Three sets on auto, one upon the other: red, green, blue; the last one is to be checked."""
    waves = {"lab": {"targets": ["lab-1"], "admit": "at once"}}
    world = opened(api, tmp_path, waves, sets=("red", "green", "blue"))
    for position, name in enumerate(("red", "green", "blue"), start=1):
        accept(world, position, {name: "1"}, set_name=name)
    world.turn()
    return world


def opened(api: Api, folder: Path, waves: dict[str, dict[str, Any]], **options: Any) -> GitHubWorld:
    world = GitHubWorld(folder, waves, **options)
    world.api, api.bare = api, world.bare
    return world


def accept(
    world: GitHubWorld, position: int, services: dict[str, str] | None = None, **kw: Any
) -> None:
    """An announcement is accepted, and no turn done."""
    file = world.folder / "announcement.json"
    file.write_text(json.dumps(announcement(position, services, **kw)))
    done = world.run("update-cfg-app", "--announcement", str(file), "--accept-only")
    assert done.code == 0


def deployed(world: GitHubWorld, health: str = "Healthy") -> Result:
    """The record of a target of lab is accepted, and no turn done."""
    return world.run(
        "record-deployment", "--wave=lab", "--target=lab-1", "--accept-only",
        f"--revision={world.ref('refs/heads/main')}", "--phase=Succeeded", f"--health={health}",
        f"--finished-at={world.now.isoformat()}",
    )  # fmt: skip


def under_test(world: GitHubWorld) -> str:
    """A set was introduced, and its check asked for; its commit."""
    accept(world, 1)
    (tip,) = world.turn()["to_check"]
    return str(tip)


def answer(world: GitHubWorld, bad: set[str], most: int = 30) -> int:
    """Answer what is asked for until nothing is: red if one of the bad sets is in the commit."""
    runs, to_check = 0, world.asked or world.turn()["to_check"]
    while to_check:
        for sha in to_check:
            names = git(world.bare, "ls-tree", "-r", "--name-only", sha)
            red = any(f"/{name}/tags.json" in names for name in bad)
            world.check(sha, "failure" if red else "success")
            runs += 1
        assert runs < most, "it does not come to rest"
        to_check = world.turn()["to_check"]
    return runs


def refused(world: GitHubWorld, *arguments: str) -> dict[str, str]:
    """The error of a command; nothing was written."""
    before = refs(world)
    result = world.run(*arguments)
    assert (result.code, refs(world)) == (1, before)
    error: dict[str, str] = result["error"]
    return error


def test_green_commit_lands_and_goes_to_the_next_wave(world: GitHubWorld) -> None:
    sha = under_test(world)
    world.check(sha)
    assert world.turn()["landed"] == sha
    deployed(world)
    (tip,) = world.turn()["to_check"]
    world.check(tip)
    assert world.turn()["landed"] == tip
    assert world.on_main("shop") == sha_of("app-1")
    assert_rests(world)


def test_asked_for_check_is_claimed_by_one_turn_alone(world: GitHubWorld) -> None:
    sha = under_test(world)
    for _ in range(2):
        turn = world.turn()
        assert (turn["to_check"], turn["changed"]) == ([], False)
    assert f"the check of {sha}, which was asked for" in waits_for(world.status())
    world.later(hours=1)
    assert world.turn()["to_check"] == [sha]
    assert_rests(world)


def test_culprit_in_the_middle_goes_and_the_others_land(stack: GitHubWorld) -> None:
    runs = answer(stack, {"green"})
    assert {one["set"] for one in journal(stack) if one["what"] == "evicted"} == {"green"}
    assert stack.on_main("lab", "red") == sha_of("red-1")
    assert stack.on_main("lab", "blue") == sha_of("blue-3")
    assert runs <= 5
    assert_rests(stack)


def test_before_anyone_is_evicted_parent_and_commit_are_checked_again(world: GitHubWorld) -> None:
    world.settings = world.settings.replace("retries = 0", "retries = 1")
    main = world.edit()
    sha = under_test(world)
    told = []
    to_check = [sha]
    while to_check:
        (asked,) = to_check
        told.append(asked)
        world.api.status(asked, OWN, "pending")
        assert world.turn()["to_check"] == []
        world.check(asked, "failure" if asked == sha else "success")
        turn = world.turn()
        to_check = turn["to_check"]
    assert told == [sha, main, sha]
    assert [one["set"] for one in turn["evicted"]] == ["app"]


def test_check_runs_and_rules_say_it_too(world: GitHubWorld) -> None:
    world.forget_rule()
    world.edit()
    world.api.requires("build", ("lint", 99))
    sha = under_test(world)
    lint = {"id": 99, "slug": "linter"}
    world.api.check_run(sha, "build", "success")
    world.api.check_run(sha, "lint", "success")
    assert world.turn()["landed"] is None, "lint is another app's"
    assert "lint (app 99)" in waits_for(world.status())
    world.api.check_run(sha, "lint", "neutral", app=lint)
    assert world.turn()["landed"] == sha


def test_nothing_lands_where_nothing_is_required(world: GitHubWorld) -> None:
    world.forget_rule()
    world.edit()
    error = refused(world, TURN)
    assert "nothing says which checks main requires" in error["what"]
    assert 'required = ["tidemill/check"]' in error["remedy"]
    accept(world, 1)
    assert world.refs("inbox"), "accepting goes on"


def test_command_that_accepts_turns_on_verdicts_from_github_too(world: GitHubWorld) -> None:
    (sha,) = world.announce(1)["to_check"]
    world.check(sha)
    done = world.run("hold-wave", "--wave=shop", "--reason=a freeze")
    assert (done.code, done["landed"]) == (0, sha)
    assert waits_for(world.status())


# What it costs


def test_turn_that_promotes_asks_at_most_five_times(world: GitHubWorld) -> None:
    world.forget_rule()
    world.edit()
    world.api.requires(OWN)
    sha = under_test(world)
    world.check(sha)
    landing, asked = world.called(TURN)
    assert landing["landed"] == sha
    assert len(asked) == 3
    deployed(world)
    promoting, asked = world.called(TURN)
    assert len(promoting["promoted"]) == 1
    assert len(asked) == 0
    world.edit(note="a person's commit")
    replaying, asked = world.called(TURN)
    assert len(replaying["replayed"]) == 1
    assert len(asked) <= 5


def test_turn_with_nothing_on_auto_and_a_green_main_asks_nothing(world: GitHubWorld) -> None:
    sha = under_test(world)
    world.check(sha)
    world.turn()
    _, asked = world.called(TURN)
    assert asked == []


# Settling


def verdicts(world: GitHubWorld, found: dict[str, str], *more: str) -> Result:
    """A turn that sets these verdicts first."""
    return world.run(TURN, f"--verdicts={json.dumps(found)}", *more)


def test_verdict_is_set_as_a_status_and_acted_on_in_the_same_turn(world: GitHubWorld) -> None:
    sha = under_test(world)
    turn = verdicts(world, {sha: "success"})
    assert (turn["landed"], turn["settled"]) == (sha, [sha])
    (set_,) = world.api.requests("POST", "/statuses/")
    assert set_.body["context"] == OWN
    assert set_.body["target_url"] == f"{world.api.url}/{REPOSITORY}/actions/runs/77"


def test_status_counts_before_github_shows_it(world: GitHubWorld) -> None:
    sha = under_test(world)
    world.api.on("GET", f"/commits/{sha}/statuses", Say(200, []))
    assert verdicts(world, {sha: "success"})["landed"] == sha


def test_verdict_on_a_commit_that_has_gone_is_not_set(world: GitHubWorld) -> None:
    sha = under_test(world)
    gone = "0" * 40
    turn = verdicts(world, {gone: "success", sha: "error"})
    assert (turn["settled"], turn["landed"], turn["evicted"]) == ([sha], None, [])
    assert not world.api.requests("POST", f"/statuses/{gone}")


def test_turn_that_claims_nothing_says_that_more_is_wanted_and_goes_on(
    world: GitHubWorld,
) -> None:
    sha = under_test(world)
    accept(world, 2)
    turn = verdicts(world, {sha: "failure"}, "--continue")
    assert (turn["to_check"], turn["more"]) == ([world.ref("refs/heads/main")], True)
    (sent,) = world.api.requests("POST", "/dispatches")
    assert sent.body == {"event_type": "turn-due", "client_payload": {"version": 1}}
    assert world.turn()["to_check"] == [world.ref("refs/heads/main")]
    assert verdicts(world, {}, "--continue")["more"] is False
    assert len(world.api.requests("POST", "/dispatches")) == 1


def test_status_may_be_set_by_another_token(
    world: GitHubWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha = under_test(world)
    monkeypatch.setenv("TIDEMILL_STATUS_TOKEN", "another-one")
    world.api.on("POST", "/statuses/", Say(403, {"message": "Resource not accessible"}))
    error = refused(world, TURN, f"--verdicts={json.dumps({sha: 'success'})}")
    assert f"`statuses: write` for {REPOSITORY}" in error["remedy"]
    assert world.api.requests("POST")[0].headers["authorization"] == "token another-one"
    assert {one.headers["authorization"] for one in world.api.requests("GET")} <= {f"token {TOKEN}"}


@pytest.mark.parametrize(
    "given", ["", "x", "[]", '{"a": "success"}', '{"%s": "green"}' % ("0" * 40), "{", "/nowhere"]
)
def test_verdicts_that_are_none_are_refused(world: GitHubWorld, given: str) -> None:
    refused(world, TURN, f"--verdicts={given}")
    assert not world.api.requests("POST")


def test_verdicts_may_be_in_a_file(world: GitHubWorld, tmp_path: Path) -> None:
    sha = under_test(world)
    (tmp_path / "verdicts.json").write_text(json.dumps({sha: "success"}))
    assert world.run(TURN, "--verdicts", str(tmp_path / "verdicts.json"))["landed"] == sha


def test_dry_run_sets_no_status_and_sends_nothing(world: GitHubWorld) -> None:
    accept(world, 1)
    tip = world.run(TURN, "--dry-run", "--check-requests", "--deployments")
    assert tip["introduced"]
    assert not world.api.requests("POST")


# Telling others


def test_another_ci_is_told_what_to_check(world: GitHubWorld) -> None:
    accept(world, 1)
    (sha,) = world.run(TURN, "--check-requests")["to_check"]
    (sent,) = world.api.requests("POST", "/dispatches")
    assert sent.body == {
        "event_type": "check-requested",
        "client_payload": {"version": 1, "shas": [sha]},
    }
    world.run(TURN, "--check-requests")
    assert len(world.api.requests("POST", "/dispatches")) == 1


def test_records_are_mirrored_to_the_environments_page(world: GitHubWorld) -> None:
    sha = under_test(world)
    world.check(sha)
    world.turn()
    deployed(world, "Degraded")
    world.run(TURN, "--deployments")
    made, state = world.api.requests("POST", "/deployments")
    assert (made.body["ref"], made.body["environment"]) == (sha, "lab/lab-1")
    assert made.body["auto_merge"] is False
    assert (state.body["state"], state.body["description"]) == ("failure", "Succeeded, Degraded")
    world.run(TURN, "--deployments")
    assert len(world.api.requests("POST", "/deployments")) == 2


def test_what_the_turn_did_stays_where_github_takes_no_event(world: GitHubWorld) -> None:
    accept(world, 1)
    world.api.on("POST", "/dispatches", Say(403, {"message": "Resource not accessible"}))
    result = world.run(TURN, "--check-requests")
    assert result.code == 1
    assert "all that the turn did" in result["error"]["written"]
    assert f"`contents: write` for {REPOSITORY}" in result["error"]["remedy"]
    assert world.ref("refs/heads/auto")


# The whole loop in one run


def test_one_run_checks_sets_our_status_and_lands(world: GitHubWorld) -> None:
    accept(world, 1)
    done = world.run("loop")
    assert done.code == 0, done
    commit = world.ref("refs/heads/main")
    assert done["landed"] == commit
    assert done["verdicts"] == {commit: "success"}


def test_check_that_is_others_is_left_to_them(world: GitHubWorld) -> None:
    """Our own status would decide nothing."""
    world.settings = world.settings.replace(f'["{OWN}"]', '["ci"]')
    world.edit()
    accept(world, 1)
    done, asked = world.called("loop")
    assert (done.code, done["verdicts"], done["landed"]) == (0, {}, None)
    assert len(done["introduced"]) == 1
    assert [one for one in asked if one.verb == "POST"] == []


def test_our_status_has_one_name(world: GitHubWorld) -> None:
    accept(world, 1)
    done = world.run("loop", "--context", "ci")
    assert done.code == 1
    assert OWN in done["error"]["what"]


# What is missing


def test_without_a_token_it_is_said_what_to_set(
    world: GitHubWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TIDEMILL_TOKEN")
    assert "TIDEMILL_TOKEN" in refused(world, TURN)["remedy"]


def test_repository_that_is_not_on_github_is_named(
    world: GitHubWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://github.example")
    error = refused(world, TURN)
    assert "is not a repository on https://github.example" in error["what"]
    assert "GITHUB_SERVER_URL" in error["remedy"]


@pytest.mark.parametrize(
    ("path", "need"), [("/statuses", "statuses: read"), ("/check-runs", "checks: read")]
)
def test_token_with_too_few_rights_is_told_which_and_what_was_accepted_stays(
    world: GitHubWorld, path: str, need: str
) -> None:
    accept(world, 1)
    world.api.on("GET", path, Say(403, {"message": "Resource not accessible by integration"}))
    assert f"`{need}` for {REPOSITORY}" in refused(world, TURN)["remedy"]
    assert world.refs("inbox")
    assert world.turn()["introduced"]


def test_no_token_is_in_what_was_written_or_printed(world: GitHubWorld) -> None:
    sha = under_test(world)
    verdicts(world, {sha: "success"})
    deployed(world)
    for folder, _, names in os.walk(world.folder):
        for name in names:
            assert TOKEN.encode() not in Path(folder, name).read_bytes()


def test_landing_that_a_rule_refuses_says_what_to_do(world: GitHubWorld) -> None:
    hook = world.bare / "hooks" / "update"
    hook.write_text(
        '#!/bin/sh\n[ "$1" != refs/heads/main ] || {\n'
        'echo "error: GH013: Repository rule violations found" >&2; exit 1; }\n'
    )
    hook.chmod(0o755)
    sha = under_test(world)
    world.check(sha)
    turn = world.turn()
    assert (turn.code, turn["landed"]) == (1, None)
    assert "GH013" in waits_for(turn)
    assert "bypass" in waits_for(turn)
    assert world.announce(2).code == 1
    hook.unlink()
    assert world.turn()["landed"] == sha


def test_a_verification_reads_a_status_of_the_deployed_revision(
    world: GitHubWorld, api: Api
) -> None:
    world.settings += '[[verifications]]\nname = "e2e"\nstatus = "e2e"\nwaves = ["lab"]\n'
    world.edit()
    world.check(under_test(world))
    revision = world.turn()["landed"]
    deployed(world)
    assert "the last one was lost (no verdict" in waits_for(world.turn())
    api.on("GET", f"/commits/{revision}/statuses", Say(403, {"message": "not accessible"}))
    assert "the last one was lost (refused" in waits_for(world.turn())
    api.status(revision, "e2e", "failure")
    assert "the verification e2e, which is red in lab" in waits_for(world.turn())
    api.status(revision, "e2e", "success")
    assert [one["wave"] for one in world.turn()["promoted"]] == ["shop"]
