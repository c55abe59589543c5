"""The REST API of the stand-in, mostly through PyGithub."""

from __future__ import annotations

import urllib.parse
from collections.abc import Iterator
from typing import Any

import github
import pytest
from github.Repository import Repository
from tests.sandbox.server_world import EVERYTHING, World

from tidemill_sandbox.state.shapes import ACTIONS_APP_ID, Access, Event, Run, Status

REPOSITORY = "/repos/acme/app"


@pytest.fixture
def client(pushed: World) -> Iterator[Repository]:
    """acme/app through PyGithub, as a person."""
    auth = github.Auth.Token(pushed.token)
    with github.Github(auth=auth, base_url=pushed.hub.api_url, seconds_between_requests=None,
                       seconds_between_writes=None, retry=None) as found:  # fmt: skip
        yield found.get_repo("acme/app")


def a_run(world: World, name: str = "ci", **more: Any) -> Run:
    workflow = world.hub.workflow(world.repository, f".github/workflows/{name}.yml", name)
    event = Event("push", "acme/app", world.hub.tokens.who(world.token).cause, world.hub.now())  # type: ignore[union-attr]
    return world.hub.start_run(workflow, event, head_sha=world.head(), head_branch="main", **more)


def test_a_repository_and_its_branches(pushed: World, client: Repository) -> None:
    pushed.push("main:refs/heads/feature/x")
    assert client.default_branch == "main"
    assert client.permissions is not None
    assert client.permissions.push
    assert sorted(branch.name for branch in client.get_branches()) == ["feature/x", "main"]
    assert client.get_branch("feature/x").commit.sha == pushed.head()
    assert client.get_git_ref("heads/main").object.sha == pushed.head()
    assert [ref.ref for ref in client.get_git_matching_refs("heads/fea")] == [
        "refs/heads/feature/x"
    ]
    with pytest.raises(github.UnknownObjectException):
        client.get_branch("nothing")


def test_a_commit_shows_what_it_changes(pushed: World, client: Repository) -> None:
    first = pushed.head()
    pushed.commit("README.md", "Another text.\n")
    sha = pushed.commit("new.txt", "one\ntwo\n")
    pushed.push("main")
    commit = client.get_commit(sha)
    assert [(file.filename, file.status, file.additions) for file in commit.files] == [
        ("new.txt", "added", 2)
    ]
    assert commit.commit.author.name == "Ada"
    assert client.get_commits()[0].sha == sha
    compared = client.compare(first, "main")
    assert (compared.status, compared.ahead_by, compared.behind_by) == ("ahead", 2, 0)
    assert client.compare("main", first).status == "behind"


def test_a_file_is_read_as_it_is_on_a_branch(pushed: World, client: Repository) -> None:
    found = client.get_contents("README.md", ref="main")
    assert not isinstance(found, list)
    assert found.decoded_content == b"An app.\n"
    with pytest.raises(github.UnknownObjectException):
        client.get_contents("nothing")


def test_of_each_context_the_latest_status_counts(pushed: World, client: Repository) -> None:
    commit = client.get_commit(pushed.head())
    assert commit.get_combined_status().state == "pending"
    commit.create_status("failure", "http://ci/1", "1 test failed", "ci")
    commit.create_status("success", context="lint")
    assert commit.get_combined_status().state == "failure"
    commit.create_status("success", context="ci")
    combined = commit.get_combined_status()
    assert (combined.state, combined.total_count) == ("success", 2)
    assert [status.state for status in commit.get_statuses()] == ["success", "success", "failure"]
    pushed.hub.settle()
    assert [event.name for event in pushed.hub.events] == ["status"] * 3
    assert pushed.hub.events[0].parts["status"].description == "1 test failed"


def test_description_of_a_status_has_no_emoji(pushed: World) -> None:
    where = f"{REPOSITORY}/statuses/{pushed.head()}"
    refused = pushed.call("POST", where, {"state": "success", "description": "fine 🎉"})
    assert refused.status == 422
    [error] = refused.json["errors"]
    assert error["message"] == "description doesn't accept 4-byte Unicode"
    assert pushed.call("POST", where, {"state": "success", "description": "é, 漢"}).status == 201


def test_check_runs_belong_to_the_app_that_made_them(pushed: World) -> None:
    sha = pushed.head()
    ours = pushed.mint("installation", checks="write")
    body = {"name": "build", "head_sha": sha, "status": "in_progress"}
    made = pushed.call("POST", f"{REPOSITORY}/check-runs", body, token=ours)
    assert (made.status, made.json["app"]["id"]) == (201, 77)
    where = f"{REPOSITORY}/check-runs/{made.json['id']}"
    theirs = pushed.mint("workflow", checks="write")
    done = {"conclusion": "success", "output": {"title": "All well", "summary": "12 tests"}}
    assert pushed.call("PATCH", where, done, token=theirs).status == 403
    assert pushed.call("POST", f"{REPOSITORY}/check-runs", body).status == 403  # a person's
    assert pushed.call("PATCH", where, done, token=ours).json["status"] == "completed"
    listed = pushed.call("GET", f"{REPOSITORY}/commits/{sha}/check-runs").json
    assert [run["conclusion"] for run in listed["check_runs"]] == ["success"]
    suites = pushed.call("GET", f"{REPOSITORY}/commits/{sha}/check-suites").json
    assert [suite["conclusion"] for suite in suites["check_suites"]] == ["success"]
    pushed.hub.settle()
    assert [event.action for event in pushed.hub.events] == ["created", "completed"]


def test_of_each_check_run_the_latest_counts_unless_all_are_asked_for(pushed: World) -> None:
    sha, app = pushed.head(), pushed.mint("installation", checks="write")
    for conclusion in ("failure", "success"):
        body = {"name": "build", "head_sha": sha, "conclusion": conclusion}
        pushed.call("POST", f"{REPOSITORY}/check-runs", body, token=app)
    where = f"{REPOSITORY}/commits/{sha}/check-runs"
    latest = pushed.call("GET", where).json["check_runs"]
    assert [run["conclusion"] for run in latest] == ["success"]
    assert pushed.call("GET", f"{where}?filter=all").json["total_count"] == 2
    assert pushed.call("GET", f"{where}?check_name=x").json["total_count"] == 0


def test_jobs_have_check_runs_and_fire_no_events(pushed: World) -> None:
    run = a_run(pushed)
    job = pushed.hub.add_job(run, "build")
    pushed.hub.update_job(run, job, "in_progress")
    where = f"{REPOSITORY}/commits/{pushed.head()}/check-runs"
    assert pushed.call("GET", where).json["check_runs"][0]["status"] == "in_progress"
    pushed.hub.update_job(run, job, "completed", "failure")
    [found] = pushed.call("GET", where).json["check_runs"]
    assert (found["conclusion"], found["app"]["id"]) == ("failure", ACTIONS_APP_ID)
    pushed.hub.settle()
    assert pushed.hub.events == []


def test_an_attempt_names_the_one_before_it(pushed: World) -> None:
    run = a_run(pushed)
    where = f"{REPOSITORY}/actions/runs/{run.id}"
    assert pushed.call("GET", where).json["previous_attempt_url"] is None
    pushed.hub.update_run(run, "completed", "failure")
    for _ in range(2):
        pushed.hub.rerun(run, "ada", lambda _: False)
    url = f"{pushed.hub.api_url}{where}/attempts"
    said = [pushed.call("GET", where).json]
    said += [pushed.call("GET", f"{where}/attempts/{number}").json for number in (3, 2, 1)]
    assert [one["previous_attempt_url"] for one in said] == [
        f"{url}/2", f"{url}/2", f"{url}/1", None,
    ]  # fmt: skip


def test_annotations_are_those_of_a_job_of_this_repository(pushed: World) -> None:
    job = pushed.hub.add_job(a_run(pushed), "build")
    job.annotations.append(("error", "Held", "shop is held"))
    other = pushed.hub.create_repository("acme/other")
    token = pushed.hub.tokens.mint(
        "user", login="mallory", repositories=[other.name], permissions={"checks": "read"}
    )
    [found] = pushed.call("GET", f"{REPOSITORY}/check-runs/{job.id}/annotations").json
    assert (found["annotation_level"], found["title"]) == ("failure", "Held")
    where = f"/repos/{other.name}/check-runs/{job.id}/annotations"
    assert pushed.call("GET", where, token=token).status == 404


def test_statuses_of_the_same_commit_elsewhere_do_not_count(pushed: World) -> None:
    sha, hub = pushed.head(), pushed.hub
    one = Status(1, "acme/fork", sha, "success", "ci", None, None, "ada", pushed.clock.now)
    hub.statuses += [one] * 1000
    set_ = {"state": "success", "context": "ci"}
    assert pushed.call("POST", f"{REPOSITORY}/statuses/{sha}", set_).status == 201


def test_rules_name_their_checks_and_apps(pushed: World, client: Repository) -> None:
    pushed.require("build", app_id=77)
    rules = pushed.call("GET", f"{REPOSITORY}/rules/branches/main").json
    [check] = rules[0]["parameters"]["required_status_checks"]
    assert check == {"context": "build", "integration_id": 77}
    assert pushed.call("GET", f"{REPOSITORY}/rules/branches/not/there").json == []
    listed = pushed.call("GET", f"{REPOSITORY}/rulesets").json
    whole = pushed.call("GET", f"{REPOSITORY}/rulesets/{listed[0]['id']}").json
    assert whole["conditions"]["ref_name"]["include"] == ["~DEFAULT_BRANCH"]
    assert client.get_branch("main").protected
    classic = f"{REPOSITORY}/branches/main/protection/required_status_checks"
    admin = pushed.mint(administration="read")
    assert pushed.call("GET", classic, token=admin).status == 404


def test_classic_protection_is_seen_at_the_branch_and_not_among_the_rules(pushed: World) -> None:
    pushed.require("build", app_id=77, is_classic=True)
    assert pushed.call("GET", f"{REPOSITORY}/rules/branches/main").json == []
    assert pushed.call("GET", f"{REPOSITORY}/rulesets").json == []
    found = pushed.call("GET", f"{REPOSITORY}/branches/main").json["protection"]
    checks = [{"context": "build", "app_id": 77}]
    assert (found["enabled"], found["required_status_checks"]["checks"]) == (True, checks)
    classic = f"{REPOSITORY}/branches/main/protection/required_status_checks"
    admin = pushed.mint(administration="read")
    assert pushed.call("GET", classic, token=admin).json["checks"] == checks


def test_a_run_is_cancelled_by_whoever_runs_it(pushed: World) -> None:
    run, ended = a_run(pushed), []
    where = f"{REPOSITORY}/actions/runs/{run.id}/cancel"
    pushed.hub.control["cancel"] = lambda body: ended.append(body["run"])
    assert pushed.call("POST", where).status == 202
    assert ended == [run.id]
    pushed.hub.update_run(run, "completed", "cancelled")
    assert pushed.call("POST", where).status == 409


def test_a_dispatch_is_an_event_on_the_default_branch(pushed: World, client: Repository) -> None:
    payload = {"version": 1, "images": {"Ünit": "✓"}}
    assert client.create_repository_dispatch("images-announced", payload)
    pushed.hub.settle()
    [event] = pushed.hub.events
    assert (event.name, event.action, event.sha) == (
        "repository_dispatch",
        "images-announced",
        pushed.head(),
    )
    assert event.parts["client_payload"] == payload
    assert not event.cause.is_workflow


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            {"event_type": "x", "client_payload": {str(key): 1 for key in range(13)}},
            "No more than 10 properties are allowed; 13 were supplied.",
        ),
        ({"event_type": "x", "client_payload": {"a": "x" * 65_535}}, "client_payload is too large"),
        ({"event_type": "x", "payload": {}}, '"payload" is not a permitted key.'),
        ({"client_payload": {}}, '"event_type" wasn\'t supplied.'),
        ({"event_type": "x" * 101}, "Only 100 characters are allowed; 101 were supplied."),
        ({"event_type": "x", "client_payload": []}, "is not a object"),
    ],
)
def test_a_dispatch_that_github_refuses_is_refused(
    pushed: World, body: dict[str, Any], words: str
) -> None:
    answer = pushed.call("POST", f"{REPOSITORY}/dispatches", body)
    assert answer.status == 422
    assert words in answer.json["message"]
    pushed.hub.settle()
    assert pushed.hub.events == []
    if "too large" not in words:  # the one thing that the description can't say
        pushed.forget("dispatches")


def test_a_payload_of_exactly_the_limit_is_taken(pushed: World) -> None:
    payload = {"a": "x" * (65_535 - len('{"a":""}'))}
    body = {"event_type": "x", "client_payload": payload}
    assert pushed.call("POST", f"{REPOSITORY}/dispatches", body).status == 204


def test_a_workflow_is_started_by_hand(pushed: World, client: Repository) -> None:
    pushed.commit(".github/workflows/mill.yml", "name: 'The mill' # turns\non: workflow_dispatch\n")
    pushed.push("main")
    started = []

    def dispatch(repository: Any, path: str, ref: str, inputs: Any, event: Event) -> Run:
        started.append((repository.name, path, ref, dict(inputs), event.name))
        return a_run(pushed, "mill")

    pushed.hub.dispatch = dispatch
    assert [workflow.name for workflow in client.get_workflows()] == ["The mill"]
    assert client.get_workflow("mill.yml").create_dispatch("main", {"wave": "shop"})
    call = ("acme/app", ".github/workflows/mill.yml", "refs/heads/main", {"wave": "shop"})
    assert started == [(*call, "workflow_dispatch")]
    where = f"{REPOSITORY}/actions/workflows/mill.yml/dispatches"
    told = pushed.call("POST", where, {"ref": "main", "return_run_details": True})
    assert told.json["workflow_run_id"] == pushed.hub.runs[-1].id
    refused = pushed.call("POST", where, {"ref": "nothing"})
    assert (refused.status, refused.json["message"]) == (422, "No ref found for: nothing")


def test_runs_jobs_and_logs_are_there_to_see(pushed: World, client: Repository) -> None:
    run = a_run(pushed, title="commit 1")
    job = pushed.hub.add_job(run, "turn / accept")
    assert client.get_workflow_run(run.id).status == "queued"
    pushed.hub.update_run(run, "in_progress")
    assert job.log is not None
    job.log.write_text("turned\n")
    pushed.hub.update_job(run, job, "completed", "success")
    pushed.hub.update_run(run, "completed", "success")
    found = client.get_workflow_run(run.id)
    assert (found.conclusion, found.event, found.head_sha) == ("success", "push", pushed.head())
    assert [(one.name, one.conclusion) for one in found.jobs()] == [("turn / accept", "success")]
    assert client.get_workflow_runs(status="success").totalCount == 1
    assert client.get_workflow_runs(event="schedule").totalCount == 0
    moved = pushed.call("GET", f"{REPOSITORY}/actions/jobs/{job.id}/logs")
    assert moved.status == 302
    assert pushed.ask("GET", moved.headers["Location"]).body == b"turned\n"
    pushed.clock.pass_(minutes=1)
    assert pushed.ask("GET", moved.headers["Location"]).status == 403


def test_a_deployment_is_mirrored_and_its_dangerous_defaults_are_github_s(pushed: World) -> None:
    first = pushed.head()
    pushed.commit()
    pushed.push("main")
    where = f"{REPOSITORY}/deployments"
    refused = pushed.call("POST", where, {"ref": first})
    assert (refused.status, refused.json["message"]) == (
        409,
        f"Conflict merging main into {first}.",
    )
    body = {"ref": first, "environment": "lab", "auto_merge": False, "required_contexts": []}
    made = [pushed.call("POST", where, body).json["id"] for _ in range(2)]
    for number in made:
        status = {"state": "success", "description": "runs", "log_url": "http://argo/x"}
        assert pushed.call("POST", f"{where}/{number}/statuses", status).status == 201
    states = [pushed.call("GET", f"{where}/{number}/statuses").json[0]["state"] for number in made]
    assert states == ["inactive", "success"]
    long = {"state": "success", "description": "x" * 141}
    assert pushed.call("POST", f"{where}/{made[0]}/statuses", long).status == 422
    pushed.hub.settle()
    assert [event.name for event in pushed.hub.events if event.name != "push"] == [
        "deployment",
        "deployment",
        "deployment_status",
        "deployment_status",
    ]


def test_a_long_list_comes_in_pages(pushed: World, client: Repository) -> None:
    for number in range(65):
        client.get_commit(pushed.head()).create_status("success", context=f"ci-{number}")
    assert len(list(client.get_commit(pushed.head()).get_statuses())) == 65
    where = f"{REPOSITORY}/commits/{pushed.head()}/statuses"
    page = pushed.call("GET", f"{where}?per_page=30&page=2")
    assert len(page.json) == 30
    links = dict(reversed(link.split("; ")) for link in page.headers["Link"].split(", "))  # type: ignore[misc]
    assert sorted(links) == ['rel="first"', 'rel="last"', 'rel="next"', 'rel="prev"']
    following = urllib.parse.urlsplit(links['rel="next"'].strip("<>"))
    assert urllib.parse.parse_qs(following.query) == {"per_page": ["30"], "page": ["3"]}


def test_every_call_is_noted_as_it_was_on_the_wire(pushed: World, client: Repository) -> None:
    client.create_repository_dispatch("turn-due")
    pushed.call("GET", f"{REPOSITORY}/branches/nothing", token="")
    assert [(one.method, one.path, one.login, one.status) for one in pushed.hub.calls] == [
        ("GET", REPOSITORY, "ada", 200),
        ("POST", f"{REPOSITORY}/dispatches", "ada", 204),
        ("GET", f"{REPOSITORY}/branches/nothing", None, 404),
    ]


def test_what_did_not_change_is_not_sent_again(pushed: World) -> None:
    first = pushed.call("GET", REPOSITORY)
    again = pushed.call("GET", REPOSITORY, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status, again.body) == (304, b"")


CALLS: list[tuple[str, str, Any, str, Access]] = [
    ("POST", "/dispatches", {"event_type": "x"}, "contents", "write"),
    ("POST", "/statuses/{sha}", {"state": "success"}, "statuses", "write"),
    ("POST", "/check-runs", {"name": "x", "head_sha": "{sha}"}, "checks", "write"),
    ("POST", "/deployments", {"ref": "main"}, "deployments", "write"),
    ("POST", "/actions/workflows/x.yml/dispatches", {"ref": "main"}, "actions", "write"),
    ("POST", "/issues", {"title": "x"}, "issues", "write"),
    ("GET", "/issues", None, "issues", "read"),
    ("GET", "/branches/main", None, "contents", "read"),
    ("GET", "/commits/{sha}/status", None, "statuses", "read"),
    ("GET", "/commits/{sha}/check-runs", None, "checks", "read"),
    ("GET", "/actions/runs", None, "actions", "read"),
    ("GET", "/deployments", None, "deployments", "read"),
]


@pytest.mark.parametrize(
    ("method", "path", "body", "permission", "access"), CALLS, ids=[call[1] for call in CALLS]
)
def test_a_call_takes_its_permission(
    pushed: World, method: str, path: str, body: Any, permission: str, access: Access
) -> None:
    """In a private repository; who may not even read it hears nothing of it."""
    pushed.repository.is_private = True
    sha = pushed.head()
    where = f"{REPOSITORY}{path}".replace("{sha}", sha)
    body = {key: value.replace("{sha}", sha) for key, value in body.items()} if body else None
    others: dict[str, Access] = {name: "write" for name in EVERYTHING if name != permission}
    lacking = pushed.call(method, where, body, token=pushed.mint("workflow", **others))
    assert lacking.status == 403
    assert lacking.json["message"] == "Resource not accessible by integration"
    assert lacking.headers["x-accepted-github-permissions"] == f"{permission}={access}"
    if access == "write":
        read: dict[str, Access] = {permission: "read"}
        reader = pushed.mint("user", **read)
        words = pushed.call(method, where, body, token=reader).json["message"]
        assert words == "Resource not accessible by personal access token"
    enough = pushed.mint("workflow", **{permission: access})
    assert pushed.call(method, where, body, token=enough).status in (200, 201, 204, 404, 409)
    stranger = pushed.hub.tokens.mint(
        "user", login="eve", repositories=["acme/x"], permissions=EVERYTHING
    )
    assert pushed.call(method, where, body, token=stranger).status == 404
    assert pushed.call(method, where, body, token="").status in (401, 404)
    assert pushed.call(method, where, body, token="ghp_wrong").status == 401


def test_a_public_repository_is_read_by_anybody_and_written_by_none(pushed: World) -> None:
    assert pushed.call("GET", f"{REPOSITORY}/branches/main", token="").status == 200
    body = {"event_type": "x"}
    refused = pushed.call("POST", f"{REPOSITORY}/dispatches", body, token="")
    assert (refused.status, refused.json["message"]) == (401, "Requires authentication")


def test_the_api_is_at_the_top_as_well(pushed: World) -> None:
    answer = pushed.ask("GET", f"{REPOSITORY}/branches/main", token=pushed.token)
    assert answer.json["commit"]["sha"] == pushed.head()


def test_bad_json_is_refused(pushed: World) -> None:
    where = f"{pushed.hub.api_url}{REPOSITORY}/dispatches"
    for data, words in ((b"{", "Problems parsing JSON"), (b"[]", "Body should be a JSON object")):
        answer = pushed.ask("POST", where, data, token=pushed.token)
        assert (answer.status, answer.json["message"]) == (400, words)


def test_a_status_of_a_commit_that_is_not_there_is_refused(pushed: World) -> None:
    answer = pushed.call("POST", f"{REPOSITORY}/statuses/{'1' * 40}", {"state": "success"})
    assert answer.status == 422
    assert answer.json["message"] == f"No commit found for SHA: {'1' * 40}"


def test_a_client_has_a_name(pushed: World) -> None:
    answer = pushed.call("GET", REPOSITORY, headers={"User-Agent": ""})
    assert answer.status == 403


def test_what_github_does_not_have_is_a_deviation(pushed: World) -> None:
    assert pushed.call("GET", f"{REPOSITORY}/inventions").status == 404
    pushed.forget("GitHub has no operation GET /repos/acme/app/inventions")
    assert pushed.call("GET", f"{REPOSITORY}/commits/main/status?page=x").status == 200
    pushed.forget("page is not an integer")


def test_what_only_the_stand_in_lacks_says_so(pushed: World) -> None:
    answer = pushed.call("GET", f"{REPOSITORY}/pulls")
    assert answer.status == 501
    assert "The stand-in for GitHub does not have GET" in answer.json["message"]


def test_a_hostile_branch_is_only_a_name(pushed: World, client: Repository) -> None:
    name = "x/$(touch${IFS}pwned)';\"<b>&%2e%"
    pushed.push(f"main:refs/heads/{name}")
    assert client.get_branch(name).name == name
    where = f"{REPOSITORY}/rules/branches/{urllib.parse.quote(name, safe='')}"
    assert pushed.call("GET", where).json == []
