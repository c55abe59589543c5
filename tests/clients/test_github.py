"""GitHub's API through our client, on a real HTTP server that answers as it is told."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.clients.github_api import ACTIONS, REPOSITORY, TOKEN, Api, Say, serving, user

from tidemill.clients.github.api import GitHub, NewDeployment, NewStatus
from tidemill.clients.github.place import Place
from tidemill.errors import Refused, ServerRefused, TidemillError, Unreachable
from tidemill.facts.github_checks import CheckRun, RequiredCheck
from tidemill.facts.vouchers import Environment, Review

SHA = "7d1043473d55bfa90e8530d35801d4e381bc69f0"
CHECK = (RequiredCheck("tidemill/check"),)
NOW = 1_800_000_000.0


class Waits(list[float]):
    """The pauses that were made, and what was said of them."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []


@pytest.fixture
def api() -> Iterator[Api]:
    with serving() as api:
        yield api


@pytest.fixture
def waits() -> Waits:
    return Waits()


@pytest.fixture
def github(api: Api, waits: Waits) -> GitHub:
    place = Place(api.url, REPOSITORY, api.api)
    return GitHub(place, TOKEN, pause=waits.append, say=waits.said.append, clock=lambda: NOW)


def status(state: str = "success", **more: Any) -> NewStatus:
    return NewStatus(SHA, "tidemill/check", state, "It is fit to land.", **more)  # type: ignore[arg-type]


# What is required


def test_required_checks_come_from_the_rules_of_the_branch_in_one_call(
    api: Api, github: GitHub
) -> None:
    api.requires("build", ("lint", 99))
    assert github.required("main") == (RequiredCheck("build"), RequiredCheck("lint", 99))
    assert [one.path for one in api.asked] == [f"/api/v3/repos/{REPOSITORY}/rules/branches/main"]


def test_name_of_a_branch_is_one_part_of_the_path(api: Api, github: GitHub) -> None:
    api.requires("build")
    github.required("release/1.0 #2")
    assert api.asked[0].path.endswith("/rules/branches/release%2F1.0%20%232")


def test_rules_are_read_page_by_page(api: Api, github: GitHub) -> None:
    api.page = 1
    api.requires("build")
    assert github.required("main") == (RequiredCheck("build"),)
    assert [one.query["page"] for one in api.asked] == ["1", "2"]


def test_classic_protection_tells_where_rules_require_nothing(api: Api, github: GitHub) -> None:
    api.protection = {
        "required_status_checks": {
            "contexts": ["build", "lint", "old"],
            "checks": [{"context": "build", "app_id": 99}, {"context": "lint", "app_id": -1}],
        }
    }
    assert github.required("main") == (
        RequiredCheck("build", 99),
        RequiredCheck("lint"),
        RequiredCheck("old"),
    )


NO_RULESETS = {
    "older server": Say(404, {"message": "Not Found"}),
    "plan": Say(403, {"message": "Upgrade to GitHub Pro or make this repository public"}),
}


@pytest.mark.parametrize("case", NO_RULESETS)
def test_where_there_are_no_rulesets_classic_protection_tells(
    api: Api, github: GitHub, case: str
) -> None:
    api.requires("rule")
    api.protection = {"required_status_checks": {"contexts": ["build"], "checks": []}}
    api.on("GET", "/rules/branches/main$", NO_RULESETS[case])
    assert github.required("main") == (RequiredCheck("build"),)


def test_rules_that_this_token_may_not_see_are_not_taken_for_none(api: Api, github: GitHub) -> None:
    api.on("GET", "/rules/", Say(403, {"message": "Resource not accessible by integration"}))
    assert "`metadata: read`" in refused(github, "rules").remedy


@pytest.mark.parametrize("status", [403, 404])
def test_without_any_rule_nothing_is_required(api: Api, github: GitHub, status: int) -> None:
    api.on("GET", "/branches/main$", Say(200, []), Say(status, {"message": "Not Found"}))
    assert github.required("main") == ()


# What was reported


def test_reports_of_a_commit_are_two_calls(api: Api, github: GitHub) -> None:
    api.status(SHA, "tidemill/check", "success", user("github-actions[bot]", 15368))
    api.check_run(SHA, "build", "success")
    found = github.reports(SHA, CHECK)
    assert [(one.context, one.state, one.app, one.slug) for one in found.statuses] == [
        ("tidemill/check", "success", 15368, "github-actions")
    ]
    assert [(one.name, one.conclusion, one.app) for one in found.check_runs] == [
        ("build", "success", ACTIONS["id"])
    ]
    assert len(api.asked) == 2
    assert api.requests("GET", "check-runs")[0].query["filter"] == "latest"


def test_person_s_status_is_of_no_app_even_if_the_picture_looks_like_one(
    api: Api, github: GitHub
) -> None:
    api.status(
        SHA, "tidemill/check", "success", {**user("eve"), "avatar_url": "https://x/in/15368"}
    )
    (found,) = github.reports(SHA, CHECK).statuses
    assert (found.app, found.slug) == (None, None)


def test_check_run_that_has_not_begun_has_no_time(api: Api, github: GitHub) -> None:
    run = api.check_run(SHA, "build", status="queued")
    run["started_at"] = None
    assert github.reports(SHA, CHECK).check_runs == (
        CheckRun(run["id"], "build", "queued", None, None, 15368, "github-actions"),
    )


def test_statuses_are_read_on_until_what_is_required_was_met(api: Api, github: GitHub) -> None:
    for context in ("tidemill/check", "b", "other", "a", "another"):
        api.status(SHA, context, "success")
    api.page = 2
    github.reports(SHA, [RequiredCheck("a"), RequiredCheck("B")])
    assert len(api.requests("GET", "/statuses")) == 2
    api.asked.clear()
    github.reports(SHA, [RequiredCheck("a", 99)])
    assert len(api.requests("GET", "/statuses")) == 3, "an earlier one of that app may count"


def test_status_that_was_set_just_now_counts_whatever_github_shows_yet(
    api: Api, github: GitHub
) -> None:
    made = github.set_status(status())
    github.remember(SHA, made)
    api.statuses.clear()
    assert github.reports(SHA, CHECK).statuses == (made,)
    api.status(SHA, "tidemill/check", "failure")
    assert len(github.reports(SHA, CHECK).statuses) == 2


# What is written


def test_status_is_set_with_a_description_that_fits(api: Api, github: GitHub) -> None:
    new = NewStatus(SHA, "tidemill/check", "failure", "line\nbreak " + "x" * 200, "https://run/1")
    assert github.set_status(new).state == "failure"
    (asked,) = api.asked
    assert asked.path.endswith(f"/statuses/{SHA}")
    assert (asked.body["context"], asked.body["state"]) == ("tidemill/check", "failure")
    assert asked.body["target_url"] == "https://run/1"
    assert len(asked.body["description"]) == 140
    assert "\n" not in asked.body["description"]


@pytest.mark.parametrize("is_private", [True, False])
def test_a_repository_says_whether_it_is_private(
    api: Api, github: GitHub, is_private: bool
) -> None:
    api.on("GET", f"/repos/{REPOSITORY}$", Say(200, {"private": is_private}))
    assert github.is_private() is is_private


@pytest.mark.parametrize("status", [403, 404])
def test_what_can_not_be_seen_counts_as_private_and_has_no_site(
    api: Api, github: GitHub, status: int
) -> None:
    said = Say(status, {"message": "Not Found"})
    api.on("GET", f"/repos/{REPOSITORY}(/pages)?$", said, said)
    assert github.is_private()
    assert github.has_public_pages() is None


@pytest.mark.parametrize("is_public", [True, False])
def test_a_site_says_whether_everybody_may_see_it(
    api: Api, github: GitHub, is_public: bool
) -> None:
    api.on("GET", "/pages$", Say(200, {"public": is_public, "status": "built"}))
    assert github.has_public_pages() is is_public


def test_event_is_sent_with_its_payload(api: Api, github: GitHub) -> None:
    github.dispatch("turn-due", {"version": 1})
    (asked,) = api.asked
    assert asked.body == {"event_type": "turn-due", "client_payload": {"version": 1}}


@pytest.mark.parametrize(
    "payload", [{str(n): n for n in range(11)}, {"text": "x" * 65_536}], ids=["keys", "characters"]
)
def test_event_that_is_too_large_is_not_sent(
    api: Api, github: GitHub, payload: dict[str, Any]
) -> None:
    with pytest.raises(Refused, match="more than GitHub takes"):
        github.dispatch("images-announced", payload)
    assert not api.asked


def test_deployment_merges_nothing_and_waits_for_no_status(api: Api, github: GitHub) -> None:
    github.deploy(NewDeployment(SHA, "lab/lab-1", "success", "Succeeded, Healthy", "https://run/1"))
    made, state = api.asked
    assert made.body == {
        "ref": SHA,
        "task": "tidemill",
        "environment": "lab/lab-1",
        "description": "Succeeded, Healthy",
        "auto_merge": False,
        "required_contexts": [],
    }
    assert state.body["state"] == "success"


def test_many_writes_are_spread(github: GitHub, waits: Waits) -> None:
    for _ in range(22):
        github.dispatch("turn-due", {})
    assert waits == [1.0, 1.0]


# What may pass


@pytest.mark.parametrize("code", [403, 429])
def test_secondary_limit_is_waited_for_as_it_says(
    api: Api, github: GitHub, waits: Waits, code: int
) -> None:
    limit = Say(code, {"message": "You have exceeded a secondary rate limit"}, {"Retry-After": "7"})
    api.on("POST", "/statuses", limit)
    github.set_status(status())
    assert waits == [7.0]
    assert waits.said == ["GitHub's secondary rate limit asks for a pause; trying again in 7 s"]
    assert len(api.asked) == 2


@pytest.mark.parametrize("code", [403, 429])
def test_used_up_limit_is_waited_for_until_it_is_reset(
    api: Api, github: GitHub, waits: Waits, code: int
) -> None:
    headers = {
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": "1767607260",
        "Date": "Mon, 05 Jan 2026 10:00:30 GMT",  # 30 s before
    }
    api.on("GET", "/rules", Say(code, {"message": "API rate limit exceeded"}, headers))
    github.required("main")
    assert waits == [31.0], "by the server's clock, and to the end of that second"


def test_limit_that_says_nothing_is_waited_for_a_minute_and_then_longer(
    api: Api, github: GitHub, waits: Waits
) -> None:
    says = Say(403, {"message": "You have exceeded a secondary rate limit."})
    api.on("GET", "/rules", says, Say(429, {"message": "Too many"}))
    github.required("main")
    assert waits == [60.0, 120.0]


def test_limit_that_lasts_too_long_is_an_error_that_says_until_when(
    api: Api, github: GitHub, waits: Waits
) -> None:
    api.on("GET", "/rules", Say(429, {"message": "Slow down"}, {"Retry-After": "3600"}))
    with pytest.raises(Unreachable) as caught:
        github.required("main")
    assert "until 2027-01-15T09:00:00Z" in caught.value.what
    assert "2027-01-15T09:00:00Z" in caught.value.remedy
    assert waits == []


def test_limit_that_asks_for_no_pause_for_ever_is_given_up(
    api: Api, github: GitHub, waits: Waits
) -> None:
    api.on("GET", "/rules", *[Say(429, {}, {"Retry-After": "0"})] * 50)
    with pytest.raises(Unreachable):
        github.required("main")
    assert len(api.asked) == 12


@pytest.mark.parametrize("code", [500, 502, 503, 504])
def test_bad_moment_passes(api: Api, github: GitHub, waits: Waits, code: int) -> None:
    api.requires("build")
    api.on("GET", "/rules", *[Say(code, b"<html>oh no</html>")] * 4)
    assert github.required("main") == (RequiredCheck("build"),)
    assert waits == [1.0, 2.0, 4.0, 8.0]


def test_server_that_stays_unwell_is_an_error(api: Api, github: GitHub) -> None:
    api.on("GET", "/rules", *[Say(502, b"<html>oh no</html>")] * 20)
    with pytest.raises(Unreachable, match="it answers 502"):
        github.required("main")
    assert len(api.asked) == 5


def test_answer_that_breaks_off_is_asked_for_again(api: Api, github: GitHub, waits: Waits) -> None:
    api.requires("build")
    api.on("GET", "/rules", Say(200, [], cut=True))
    assert github.required("main") == (RequiredCheck("build"),)
    assert len(waits) == 1


def test_answer_that_takes_for_ever_is_not_waited_for(api: Api, waits: Waits) -> None:
    place = Place(api.url, REPOSITORY, api.api)
    github = GitHub(place, TOKEN, pause=waits.append, most_seconds=0.2)
    api.on("GET", "/rules", *[Say(200, slow=1)] * 5)
    with pytest.raises(Unreachable, match=r"no whole answer within 0\.2 s"):
        github.required("main")
    assert len(waits) == 4
    assert github.required("main") == ()


def test_api_that_is_not_there_is_one_clear_error(waits: Waits) -> None:
    with serving() as gone:
        place = Place(gone.url, REPOSITORY, gone.api)
    github = GitHub(place, TOKEN, pause=waits.append)
    with pytest.raises(Unreachable) as caught:
        github.required("main")
    assert "Connection refused" in caught.value.what
    assert "GITHUB_API_URL" in caught.value.remedy
    assert len(waits) == 4


def test_server_that_speaks_no_tls_is_one_clear_error_and_is_asked_once(
    api: Api, waits: Waits
) -> None:
    place = Place(api.url, REPOSITORY, api.api.replace("http:", "https:"))
    with pytest.raises(Unreachable, match="could not be spoken to over TLS"):
        GitHub(place, TOKEN, pause=waits.append).required("main")
    assert waits == []


# What is refused


CALLS: dict[str, Callable[[GitHub], object]] = {
    "rules": lambda github: github.required("main"),
    "statuses": lambda github: github.reports(SHA, CHECK),
    "checks": lambda github: github.reports(SHA, CHECK),
    "status": lambda github: github.set_status(status()),
    "event": lambda github: github.dispatch("turn-due", {}),
    "deployment": lambda github: github.deploy(NewDeployment(SHA, "lab/one", "success", "x")),
    "artifact": lambda github: github.artifact("acme/app", 12, "announcement-app"),
}


def refused(github: GitHub, call: str) -> TidemillError:
    """The error of a call."""
    with pytest.raises(TidemillError) as caught:
        CALLS[call](github)
    return caught.value


MISSING = {
    "rules": ("GET", "/rules/", "metadata: read", REPOSITORY),
    "statuses": ("GET", "/statuses", "statuses: read", REPOSITORY),
    "checks": ("GET", "/check-runs", "checks: read", REPOSITORY),
    "status": ("POST", "/statuses", "statuses: write", REPOSITORY),
    "event": ("POST", "/dispatches", "contents: write", REPOSITORY),
    "deployment": ("POST", "/deployments", "deployments: write", REPOSITORY),
    "artifact": ("GET", "/artifacts", "actions: read", "acme/app"),
}


@pytest.mark.parametrize(
    ("call", "code"),
    [(call, code) for call in MISSING for code in (403, 404) if (call, code) != ("rules", 404)],
)
def test_missing_right_is_named_with_its_repository(
    api: Api, github: GitHub, waits: Waits, call: str, code: int
) -> None:
    verb, path, need, repository = MISSING[call]
    headers = {"X-RateLimit-Remaining": "4999", "X-RateLimit-Reset": "1767607260"}
    api.on(verb, path, Say(code, {"message": "Resource not accessible by integration"}, headers))
    error = refused(github, call)
    assert isinstance(error, ServerRefused)
    assert "Resource not accessible by integration" in error.what
    assert f"`{need}` for {repository}" in error.remedy
    assert waits == [], "waiting does not help"


def test_token_that_is_not_valid_is_named_as_such(api: Api, github: GitHub) -> None:
    api.on("GET", "/rules", Say(401, {"message": "Bad credentials"}))
    error = refused(github, "rules")
    assert "does not take the token" in error.what
    assert "TIDEMILL_TOKEN" in error.remedy


def test_what_github_minds_is_passed_on(api: Api, github: GitHub) -> None:
    body = {
        "message": "Validation Failed",
        "errors": [{"resource": "Status", "code": "custom", "message": "too many statuses"}],
    }
    api.on("POST", "/statuses", Say(422, body))
    assert "Validation Failed; too many statuses" in refused(github, "status").what


def test_repository_that_has_moved_is_named(api: Api, github: GitHub) -> None:
    moved = Say(307, {"message": "Moved Permanently"}, {"Location": "https://elsewhere/repos/1"})
    api.on("POST", "/dispatches", moved)
    assert "has moved" in refused(github, "event").what


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>a proxy</html>", b"{", b'{"a": 1}', b"[1]", b'[{"type": 1}]', b"\xff\xfe"],
    ids=["nothing", "html", "half", "object", "numbers", "types", "not text"],
)
def test_answer_that_is_not_github_s_is_one_clear_error(
    api: Api, github: GitHub, body: bytes
) -> None:
    api.on("GET", "/rules", Say(200, body))
    error = refused(github, "rules")
    assert "GitHub's API" in error.what
    assert "GITHUB_API_URL" in error.remedy


def test_message_can_not_forge_lines(api: Api, github: GitHub) -> None:
    api.on("GET", "/rules", Say(403, {"message": "no\n::error::forged\x1b[31m"}))
    what = refused(github, "rules").what
    assert "no\\n::error::forged\\x1b[31m" in what


# Artifacts


def test_artifact_is_downloaded_and_its_address_gets_no_token(api: Api, github: GitHub) -> None:
    api.artifact(12, "announcement-app", {"announcement.json": b"{}"})
    assert github.artifact(REPOSITORY, 12, "announcement-app") == [b"{}"]
    assert "authorization" not in api.blobs_asked[0].headers
    assert len(api.asked) == 2


def test_artifact_may_hold_the_announcements_of_several_sets(api: Api, github: GitHub) -> None:
    api.artifact(12, "announcements", {"app.json": b"{}", "batch.json": b"[]"})
    assert github.artifact(REPOSITORY, 12, "announcements") == [b"{}", b"[]"]


def test_newest_artifact_of_a_name_counts(api: Api, github: GitHub) -> None:
    api.artifact(12, "announcement-app", {"a": b"first"})
    api.artifact(12, "announcement-app", {"a": b"second"})
    api.artifact(12, "announcement-app", {"a": b"third"}, expired=True)
    assert github.artifact(REPOSITORY, 12, "announcement-app") == [b"second"]


def test_artifact_is_taken_from_the_repository_that_has_it(api: Api, github: GitHub) -> None:
    api.on("GET", "/repos/acme/app/actions/runs/12/artifacts", Say(200, {"artifacts": []}))
    with pytest.raises(Refused, match="of acme/app is not there"):
        github.artifact("acme/app", 12, "announcement-app")


BAD: dict[str, tuple[dict[str, bytes], dict[str, Any], str]] = {
    "expired": ({"a": b"x"}, {"expired": True}, "has expired"),
    "large together": ({"a": bytes(600), "b": bytes(600)}, {}, "has more than 1000 bytes"),
    "said to be large": ({"a": b"x"}, {"size_in_bytes": 1 << 30}, "has more than 1000 bytes"),
    "large": ({"a": bytes(100_000)}, {}, "has more than 1000 bytes"),
}


@pytest.mark.parametrize("case", BAD)
def test_artifact_that_is_no_announcement_is_refused(api: Api, github: GitHub, case: str) -> None:
    files, more, why = BAD[case]
    api.artifact(12, "announcement-app", files, **more)
    with pytest.raises(Refused, match=why):
        github.artifact(REPOSITORY, 12, "announcement-app", most=1000)


@pytest.mark.parametrize("blob", [b"", b"PK\x03\x04 no", b"text"], ids=["empty", "half", "text"])
def test_artifact_that_is_no_archive_is_refused(api: Api, github: GitHub, blob: bytes) -> None:
    api.artifact(12, "announcement-app", {"a": b"x"})
    api.blobs = dict.fromkeys(api.blobs, blob)
    with pytest.raises(Refused, match="not a zip file"):
        github.artifact(REPOSITORY, 12, "announcement-app")


def test_damaged_archive_is_refused_or_read_but_no_crash(api: Api, github: GitHub) -> None:
    api.artifact(12, "announcement-app", {"a": b"x" * 50, "b": b"y"})
    (place, whole), *_ = api.blobs.items()
    refusals = 0
    for position in range(0, len(whole), 3):
        for change in (0x80, 0xFF):
            api.blobs[place] = bytes(
                byte ^ (change if at == position else 0) for at, byte in enumerate(whole)
            )
            try:
                github.artifact(REPOSITORY, 12, "announcement-app", most=1000)
            except Refused:
                refusals += 1
    assert refusals


def test_archive_with_a_wrong_lzma_stream_is_refused(api: Api, github: GitHub) -> None:
    api.artifact(12, "announcement-app", {"a": b"x"})
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a", bytes(range(256)) * 40)
    start = 30 + len("a")
    broken = bytearray(data.getvalue())
    broken[start + 4] = 0xFF  # the properties of the stream
    api.blobs = dict.fromkeys(api.blobs, bytes(broken))
    with pytest.raises(Refused, match="not a zip file"):
        github.artifact(REPOSITORY, 12, "announcement-app")


def test_archive_of_very_many_files_is_refused(api: Api, github: GitHub) -> None:
    api.artifact(12, "announcement-app", {str(number): b"" for number in range(1001)})
    with pytest.raises(Refused, match="has more than 1000 files"):
        github.artifact(REPOSITORY, 12, "announcement-app")


@pytest.mark.parametrize("where", ["http://192.0.2.1/x", "file:///etc/passwd", "ftp://x/y", "//x"])
def test_artifact_is_not_fetched_from_an_address_of_another_kind(
    api: Api, github: GitHub, where: str
) -> None:
    api.artifact(12, "announcement-app", {"a": b"x"})
    api.on("GET", "/zip", Say(302, headers={"Location": where}))
    with pytest.raises(Refused, match="can't be downloaded") as caught:
        github.artifact(REPOSITORY, 12, "announcement-app")
    assert where not in caught.value.what


# Who asked


def test_run_says_who_started_it_and_who_ran_it_again(api: Api, github: GitHub) -> None:
    api.run(7, "promote shop @7d10434", "alice", "bob", attempt=2)
    found = github.run(7, 2)
    assert found is not None
    assert (found.actors, found.event, found.branch) == (
        ("alice", "bob"),
        "workflow_dispatch",
        "main",
    )
    assert (found.title, found.at) == ("promote shop @7d10434", api.now)
    api.run(8, "release shop", "alice", "alice", head_branch=None, actor=None)
    other = github.run(8, 1)
    assert other is not None
    assert other.actors == ("", "alice"), "an account that is gone is nobody's"


def test_run_that_is_not_there_is_told_from_one_that_is_not_seen(api: Api, github: GitHub) -> None:
    assert github.run(9, 1) is None
    api.on("GET", "/actions/runs$", Say(403, {"message": "Resource not accessible"}))
    with pytest.raises(ServerRefused, match="lacks `actions: read`"):
        github.run(9, 1)


def test_runs_are_read_with_the_workflows_own_token(api: Api) -> None:
    api.run(7, "release shop", "alice")
    place = Place(api.url, REPOSITORY, api.api)
    assert GitHub(place, "of-an-app", TOKEN).run(7, 1) is not None


def test_review_of_a_run_is_a_person_s_yes_or_no_to_each_environment(
    api: Api, github: GitHub
) -> None:
    assert github.reviews(7) == ()
    api.review(7, "pending", "production", "eve")
    api.review(7, "approved", "production", "a-gate[bot]")
    api.review(7, "approved", "Production", "grace")
    api.review(7, "rejected", "staging", "bob")
    assert github.reviews(7) == (
        Review("Production", "grace", is_approved=True),
        Review("staging", "bob", is_approved=False),
    )


def test_environment_says_what_its_rules_ask(api: Api, github: GitHub) -> None:
    people = [{"type": "User", "reviewer": {"login": "grace"}}]
    reviewed = {"type": "required_reviewers", "reviewers": people}
    api.environments = {
        "open": [],
        "slow": [{"type": "wait_timer", "wait_timer": 5}, {"type": "branch_policy"}],
        "nobody": [{"type": "required_reviewers", "reviewers": []}],
        "good": [reviewed],
        "better one": [{**reviewed, "prevent_self_review": True}],
    }
    found = {name: github.environment(name) for name in (*api.environments, "gone")}
    assert found == {
        **dict.fromkeys(("open", "slow", "nobody"), Environment(may_review_own=True)),
        "good": Environment(has_reviewers=True, may_review_own=True),
        "better one": Environment(has_reviewers=True),
        "gone": None,
    }
    api.on("GET", "/environments$", Say(404, {"message": "Not Found"}))
    with pytest.raises(ServerRefused, match="read the environment gone"):
        github.environment("gone")


def test_member_is_one_who_has_joined(api: Api, github: GitHub) -> None:
    api.teams["acme/release"] = {"alice": "active", "bob": "pending"}
    found = {name: github.is_member("acme/release", name) for name in ("alice", "bob", "eve")}
    assert found == {"alice": True, "bob": False, "eve": False}


def test_team_that_is_not_seen_has_no_members_that_anybody_knows_of(
    api: Api, github: GitHub
) -> None:
    with pytest.raises(ServerRefused, match="see who is in the team acme/hidden") as caught:
        github.is_member("acme/hidden", "alice")
    assert "members: read" in caught.value.remedy


# On the wire


def test_each_request_says_who_asks_and_which_api_is_meant(api: Api, github: GitHub) -> None:
    github.required("main")
    for asked in api.asked:
        assert asked.headers["authorization"] == f"token {TOKEN}"
        assert asked.headers["accept"] == "application/vnd.github+json"
        assert asked.headers["x-github-api-version"] == "2022-11-28"
        assert asked.headers["user-agent"] == "tidemill"
        assert TOKEN not in asked.path + json.dumps(dict(asked.query))


@pytest.mark.parametrize("code", [401, 403, 422, 429, 500])
def test_no_error_shows_the_token(api: Api, github: GitHub, waits: Waits, code: int) -> None:
    api.on("GET", "/rules", *[Say(code, {"message": "no"})] * 20)
    error = refused(github, "rules")
    assert TOKEN not in f"{error.what} {error.remedy} {error!r} {waits.said}"


def test_pygithub_is_not_imported_before_the_first_call() -> None:
    code = (
        "import sys, tidemill.clients.github.connecting as c\n"
        "c.connected('https://github.com/acme/cfg-app', print)\n"
        "assert not {'github', 'requests'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={"TIDEMILL_TOKEN": "x"})
