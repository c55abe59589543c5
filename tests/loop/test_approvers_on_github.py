"""Approvers on GitHub: whose a request is, is what GitHub says of the run that wrote it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.github_api import Api, Say, serving
from tests.loop.github_world import GitHubWorld
from tests.loop.stories import endings, inbox, journal, waits_for
from tests.loop.test_approvers import forged, put, rejected
from tests.world import Result, announcement, sha_of

SHA = sha_of("app-2")
TEAM = "acme/release"


class Shop(GitHubWorld):
    """1 is in the shop, 2 is deployed in lab and waits for an approver."""

    patch: pytest.MonkeyPatch

    def in_run(self, run: int, title: str, *actors: str, attempt: int = 1, **more: Any) -> None:
        """From here on, commands run in a run that somebody has started by the form."""
        self.api.now = self.now
        self.api.run(run, title, *actors, attempt=attempt, **more)
        for name, value in (
            ("GITHUB_RUN_ID", str(run)),
            ("GITHUB_RUN_ATTEMPT", str(attempt)),
            ("GITHUB_ACTOR", actors[0]),
            ("GITHUB_TRIGGERING_ACTOR", actors[-1]),
            ("GITHUB_EVENT_NAME", more.get("event", "workflow_dispatch")),
        ):
            self.patch.setenv(name, value)

    def approve(self, *more: str) -> Result:
        """The form asks for 2 in the shop."""
        return self.run("promote-wave", "--wave", "shop", "--sha", SHA, *more)


@pytest.fixture
def w(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    with serving() as api:
        for name, value in api.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("GITHUB_RUN_ID")
        yield begun(tmp_path, api, monkeypatch, approvers=["alice", TEAM])


def begun(folder: Path, api: Api, patch: pytest.MonkeyPatch, **guarded: Any) -> Shop:
    """2 waits for somebody who may let it into the shop."""
    shop = {"targets": ["s1"], "approval": True, **guarded}
    w = Shop(folder, {"lab": {"targets": ["l1"]}, "shop": shop})
    w.api, api.bare, w.patch = api, w.bare, patch
    for position in (1, 2):
        w.announce(position)
        w.green()
        w.deploy("lab")
    return w


@pytest.fixture
def reviewed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """The shop takes what a reviewer of the environment `production` lets through."""
    with serving() as api:
        for name, value in api.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("GITHUB_RUN_ID")
        people = [{"type": "User", "reviewer": {"login": "grace"}}]
        api.environments["production"] = [{"type": "required_reviewers", "reviewers": people}]
        yield begun(tmp_path, api, monkeypatch, environment="production")


def test_what_an_approver_asks_for_by_the_form_lands(w: Shop) -> None:
    w.in_run(7, f"promote shop @{SHA[:9]}", "alice")
    done = w.approve()
    assert [(one["wave"], one["app_sha"]) for one in done["promoted"]] == [("shop", SHA)]
    w.in_run(8, "schedule", "mallory", event="schedule")
    w.green()
    assert w.on_main("shop") == SHA
    assert endings(w)[done["request"]["id"]] == ["landed"]


@pytest.mark.parametrize(
    ("actors", "who"), [(("mallory",), "mallory"), (("alice", "mallory"), "a re-run")]
)
def test_others_are_refused_before_anything_is_written(
    w: Shop, actors: tuple[str, ...], who: str
) -> None:
    w.api.teams[TEAM] = {}
    w.in_run(7, f"promote shop @{SHA}", *actors, attempt=len(actors))
    if who == "mallory":
        w.settings = w.settings.replace(f', "{TEAM}"', "")
        w.edit()
    done = w.approve()
    assert done.code == 1
    assert who in done["error"]["what"]
    assert done["error"]["written"] == "nothing"
    assert inbox(w) == []


def test_member_of_a_team_is_an_approver_and_who_is_not_seen_there_waits(w: Shop) -> None:
    w.in_run(7, f"promote shop @{SHA}", "carol")
    done = w.approve()
    assert not done["promoted"]
    assert "see who is in the team acme/release" in waits_for(w.status())
    assert inbox(w) == [done["request"]["id"]]
    w.api.teams[TEAM] = {"carol": "active"}
    assert [one["app_sha"] for one in w.turn()["promoted"]] == [SHA]


def test_who_is_not_in_the_team_is_rejected(w: Shop) -> None:
    w.api.teams[TEAM] = {"carol": "active"}
    w.in_run(7, f"promote shop @{SHA}", "mallory")
    done = w.approve()
    assert "mallory is no approver" in done["error"]["what"]
    assert inbox(w) == []


@pytest.mark.parametrize(
    ("run", "why"),
    [
        ({"id": 7}, "is another one's"),
        ({"id": 8}, "mallory is no approver"),
        ({"id": 9}, "no attempt 1 at a run 9"),
        ({"id": 10}, "started by push"),
        ({"id": 11}, "the workflow on evil"),
        ({"id": 7, "attempt": 2}, "no attempt 2 at a run 7"),
    ],
)
def test_forged_request_that_names_a_run_is_held_against_it(
    w: Shop, run: dict[str, object], why: str
) -> None:
    """Whoever may write refs may name any run, of anybody."""
    w.api.teams[TEAM] = {}
    title = f"promote shop @{SHA}"
    w.in_run(7, f"promote shop @{sha_of('app-1')}", "alice")
    w.in_run(10, title, "alice", event="push")
    w.in_run(11, title, "alice", head_branch="evil")
    w.in_run(8, title, "mallory")
    request = put(w, forged(w, run=run))
    assert not w.turn()["promoted"]
    assert endings(w)[request] == ["rejected"]
    assert why in rejected(w)


def test_run_that_was_used_does_not_count_again(w: Shop) -> None:
    w.in_run(7, f"promote shop @{SHA}", "alice")
    w.approve()
    w.in_run(8, "schedule", "mallory", event="schedule")
    w.green()
    w.deploy("shop")
    w.later(minutes=1)
    request = put(w, forged(w, run={"id": 7}))
    w.turn()
    assert endings(w)[request] == ["rejected"]
    assert "said before" in rejected(w)


def test_where_github_does_not_let_runs_be_read_the_request_waits(w: Shop) -> None:
    w.in_run(7, f"promote shop @{SHA}", "alice")
    no = Say(403, {"message": "Resource not accessible by integration"})
    w.api.on("GET", "/attempts/", *[no] * 3)
    done = w.approve()
    assert not done["promoted"]
    assert inbox(w) == [done["request"]["id"]]
    assert "the token lacks `actions: read`" in waits_for(done)
    w.api._script.clear()
    assert [one["app_sha"] for one in w.turn()["promoted"]] == [SHA]


def test_hotfix_by_the_form_is_refused_with_how_to_sign_it(w: Shop) -> None:
    w.in_run(7, "promote shop (override) (hotfix)", "alice")
    told = json.dumps({**announcement(9, {"web": "fix"}), "branch": "release-1"})
    done = w.run(
        "promote-wave", "--wave", "shop", "--announcement", told, "--override", "it is down"
    )
    assert "does not say which images" in done["error"]["what"]
    assert "who has a key on main" in done["error"]["remedy"]


# An environment of GitHub's, in place of approvers


def test_what_a_reviewer_lets_through_lands_and_the_journal_has_both(reviewed: Shop) -> None:
    w = reviewed
    w.in_run(7, f"promote shop @{SHA[:9]}", "mallory")
    done = w.approve()
    assert (done["promoted"], done["environment"]) == ([], "production")
    assert "a reviewer of the environment production on GitHub: http" in waits_for(done)
    assert inbox(w) == [done["request"]["id"]]
    w.in_run(8, "schedule", "ada", event="schedule")
    turn = w.turn()
    assert (turn["promoted"], turn["environment"]) == ([], None), "its own run asks, and no other"
    w.api.review(7, "approved", "Production", "grace")
    assert [one["app_sha"] for one in w.turn()["promoted"]] == [SHA]
    w.green()
    assert w.on_main("shop") == SHA
    assert endings(w)[done["request"]["id"]] == ["landed"]
    by = {one["by"] for one in journal(w) if one.get("id") == done["request"]["id"]}
    assert by == {"mallory (reviewed by grace)"}


def test_where_a_turn_is_another_step_the_first_one_says_whom_to_ask(
    reviewed: Shop, tmp_path: Path
) -> None:
    """With a setup or an App, no turn is done where nothing is due."""
    w = reviewed
    w.in_run(7, f"promote shop @{SHA}", "ada")
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"inputs": {"operation": "promote", "wave": "shop", "sha": SHA}}))
    words = ("accept-event", "--event", "workflow_dispatch", "--payload", str(event))
    done = w.run(*words, "--look-ahead")
    assert (done["environment"], done["due"]) == ("production", False)
    w.api.review(7, "approved", "production", "grace")
    again = w.run("accept-event", "--event", "schedule", "--payload", str(event), "--look-ahead")
    assert (again["environment"], again["due"]) == (None, True)


def test_what_a_reviewer_rejects_is_rejected(reviewed: Shop) -> None:
    w = reviewed
    w.in_run(7, f"promote shop @{SHA}", "ada")
    request = w.approve()["request"]["id"]
    w.api.review(7, "rejected", "production", "grace")
    assert not w.turn()["promoted"]
    assert endings(w)[request] == ["rejected"]
    assert "grace rejected it there" in rejected(w)


@pytest.mark.parametrize("rules", [None, []], ids=["missing", "without reviewers"])
def test_environment_that_asks_nobody_is_refused_and_no_job_is_to_name_it(
    reviewed: Shop, rules: list[Any] | None
) -> None:
    """GitHub would make one that is missing, without any rule, for the job that names it."""
    w = reviewed
    del w.api.environments["production"]
    if rules is not None:
        w.api.environments["production"] = rules
    w.in_run(7, f"promote shop @{SHA}", "ada")
    done = w.approve()
    assert done.code == 1
    assert ("no such environment" if rules is None else "no required reviewers") in rejected(w)
    assert not done.get("environment")
    assert inbox(w) == []


def test_forged_request_for_an_environment_counts_for_nothing(reviewed: Shop) -> None:
    """Neither one that names a run that nobody reviewed, nor one without a run."""
    w = reviewed
    w.in_run(7, f"promote shop @{sha_of('app-1')}", "ada")
    w.api.review(7, "approved", "production", "grace")
    w.in_run(8, f"promote shop @{SHA}", "mallory", status="completed")
    for run, why in (
        ({"run": {"id": 7}}, "is another one's"),
        ({"run": {"id": 8}}, "ended without a review"),
        ({}, "it is not signed"),
    ):
        request = put(w, forged(w, **run))
        assert not w.turn()["promoted"]
        assert endings(w)[request] == ["rejected"]
        assert why in rejected(w)
        w.later(minutes=1)


def test_terminal_and_a_re_run_are_told_to_fill_in_the_form(reviewed: Shop) -> None:
    w = reviewed
    w.in_run(7, f"promote shop @{SHA}", "ada", "grace", attempt=2)
    assert "a re-run" in w.approve()["error"]["what"]
    for name in ("GITHUB_RUN_ID", "GITHUB_RUN_ATTEMPT", "GITHUB_EVENT_NAME"):
        w.patch.delenv(name)
    said = w.approve()["error"]
    assert "from the reviewers of the environment production on GitHub alone" in said["what"]
    assert f"-f operation=promote -f wave=shop -f set=app -f sha={SHA}" in said["remedy"]
    told = json.dumps({**announcement(9, {"web": "fix"}), "branch": "release-1"})
    fix = w.run("promote-wave", "--wave", "shop", "--announcement", told, "--override", "down")
    assert "take the environment out of the wave on main" in fix["error"]["remedy"]
    line = next(one for one in w.status()["waiting"] if one.get("wave") == "shop")
    assert line["command"] == line["on_github"], "no terminal can"
    assert inbox(w) == []
