"""Which events start runs, with which payload, at which commit."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.sandbox.runner_world import NAME, Mill, log, mill, printed

from tidemill.errors import ServerRefused

SHOW = """
name: NAME
on: ON
jobs:
  show:
    runs-on: x
    steps: [{run: 'cat $GITHUB_EVENT_PATH | tr -d "\\n"; echo'}]
"""


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Mill]:
    with mill(tmp_path) as found:
        yield found


def showing(on: str, name: str = "show") -> str:
    return SHOW.replace("name: NAME", f"name: {name}").replace("on: ON", f"on: {on}")


def events(shop: Mill) -> list[tuple[str, str | None]]:
    return [(run.event, run.head_branch) for run in shop.settled()]


def test_a_push_runs_the_pushed_commits_own_file(shop: Mill) -> None:
    shop.push(a=showing("{push: {branches: [other]}}"))
    shop.clone.git("push", "-q", "origin", "HEAD:refs/heads/other", "HEAD:refs/tags/v1")
    run = shop.only_run()
    payload = printed(run, "show")
    assert (run.head_branch, payload["ref"]) == ("other", "refs/heads/other")
    assert payload["after"] == run.head_sha == payload["head_commit"]["id"]
    assert payload["created"] is True
    assert payload["repository"]["full_name"] == NAME
    assert payload["sender"]["login"] == "ada"


def test_a_repository_dispatch_runs_the_default_branchs_file(shop: Mill) -> None:
    sha = shop.push(a=showing("{repository_dispatch: {types: [go]}}"))
    shop.dispatch("stay")
    shop.dispatch("go", {"version": 1, "text": '\'; rm -rf "$HOME" ${{ github.token }}'})
    run = shop.only_run()
    assert (run.head_sha, run.head_branch, run.actor) == (sha, "main", "ada")
    payload = printed(run, "show")
    assert payload["action"] == "go"
    assert payload["client_payload"]["text"] == '\'; rm -rf "$HOME" ${{ github.token }}'


def test_a_workflow_dispatch_takes_checked_inputs_and_a_ref(shop: Mill) -> None:
    shop.push(
        a=showing("{workflow_dispatch: {inputs: {wave: {required: true}, dry: {type: boolean}}}}")
    )
    where = f"/repos/{NAME}/actions/workflows/a.yml/dispatches"
    with pytest.raises(ServerRefused, match="422"):
        shop.rest("POST", where, {"ref": "main", "inputs": {"waves": "x"}})
    with pytest.raises(ServerRefused, match="422"):
        shop.rest("POST", where, {"ref": "nowhere", "inputs": {"wave": "x"}})
    shop.rest("POST", where, {"ref": "main", "inputs": {"wave": "staging"}})
    run = shop.only_run()
    assert printed(run, "show")["inputs"] == {"wave": "staging", "dry": "false"}
    assert run.event == "workflow_dispatch"


def test_statuses_and_deployments_start_runs(shop: Mill) -> None:
    sha = shop.push(a=showing("[status, deployment_status]"))
    shop.rest("POST", f"/repos/{NAME}/statuses/{sha}", {"state": "success", "context": "ci"})
    made = shop.rest(
        "POST", f"/repos/{NAME}/deployments",
        {"ref": sha, "auto_merge": False, "required_contexts": [], "environment": "staging"},
    )  # fmt: skip
    where = f"/repos/{NAME}/deployments/{made['id']}/statuses"
    shop.rest("POST", where, {"state": "success"})
    first, second = shop.settled()
    assert printed(first, "show")["context"] == "ci"
    payload = printed(second, "show")
    assert payload["deployment"]["sha"] == sha
    assert payload["deployment_status"]["state"] == "success"


TELLING = """
name: telling
on: [deployment, deployment_status]
jobs:
  show:
    runs-on: x
    steps:
      - run: 'echo "{\\"sha\\": \\"$GITHUB_SHA\\", \\"ref\\": \\"$GITHUB_REF\\"}"'
      - run: test "$GITHUB_WORKFLOW_SHA" = '${{ github.workflow_sha }}'
      - run: test "$GITHUB_WORKFLOW_REF" = '${{ github.workflow_ref }}'
"""


def deploy(shop: Mill, ref: str) -> None:
    """Say that something was deployed: whoever may write deployments chooses which commit."""
    made = shop.rest(
        "POST", f"/repos/{NAME}/deployments",
        {"ref": ref, "auto_merge": False, "required_contexts": [], "environment": "staging"},
    )  # fmt: skip
    where = f"/repos/{NAME}/deployments/{made['id']}/statuses"
    shop.rest("POST", where, {"state": "success"})


@pytest.mark.parametrize("event", ["deployment", "deployment_status"])
def test_a_deployment_and_its_status_run_with_the_commit_that_is_deployed(
    shop: Mill, event: str
) -> None:
    sha = shop.push(a=TELLING)
    tree = shop.clone.git("rev-parse", f"{sha}^{{tree}}")
    other = shop.clone.git("commit-tree", tree, "-p", sha, "-m", "Not on main")
    shop.clone.git("push", "-q", "origin", f"{other}:refs/heads/other")
    shop.settled()
    deploy(shop, other)
    deploy(shop, "other")
    first, second = [run for run in shop.settled() if run.event == event]
    assert (first.conclusion, second.conclusion) == ("success", "success")
    assert printed(first, "show")["sha"] == other
    assert printed(second, "show") == {"sha": other, "ref": "refs/heads/other"}
    assert [(run.head_sha, run.head_branch) for run in (first, second)] == [
        (other, None), (other, "other"),
    ]  # fmt: skip


PUSHING = """
on: push
permissions: {contents: write, statuses: write, actions: write}
jobs:
  push:
    runs-on: x
    steps:
      - shell: bash
        env: {T: "${{ github.token }}"}
        run: |
          at=$GITHUB_API_URL/repos/$GITHUB_REPOSITORY
          git clone -q "${GITHUB_SERVER_URL/:\\/\\//://x:$T@}/$GITHUB_REPOSITORY" . 2>&1
          git -c user.name=x -c user.email=x@y commit -q --allow-empty -m more
          git push -q origin HEAD:refs/heads/other
          ask() { curl -sf -o /dev/null -H "Authorization: Bearer $T" "$@"; }
          ask -d '{"state": "success"}' $at/statuses/$GITHUB_SHA
          ask -d '{"event_type": "go"}' $at/dispatches
          ask -d '{"ref": "main"}' $at/actions/workflows/b.yml/dispatches
"""


def test_what_a_github_token_does_starts_no_run_but_by_dispatch(shop: Mill) -> None:
    shop.push(a=PUSHING, b=showing("[push, status, repository_dispatch, workflow_dispatch]"))
    runs = shop.settled()
    assert [run.conclusion for run in runs] == ["success"] * 4, log(runs[0], "push")
    assert sorted(run.event for run in runs) == [
        "push", "push", "repository_dispatch", "workflow_dispatch",
    ]  # fmt: skip
    assert {run.head_branch for run in runs} == {"main"}
    assert {run.actor for run in runs if run.event != "push"} == {"github-actions[bot]"}


def test_workflow_runs_follow_each_other_three_times_and_no_more(shop: Mill) -> None:
    def after(name: str) -> str:
        return f"{{workflow_run: {{workflows: [{name}], types: [completed], branches: [main]}}}}"

    names = ["b", "c", "d", "e", "f"]
    files = {name: showing(after(before), name) for before, name in itertools.pairwise(names)}
    shop.push(b=showing("push", "b"), **files)
    runs = shop.settled()
    assert [run.workflow.name for run in runs] == ["b", "c", "d", "e"]
    payload = printed(runs[1], "show")
    assert payload["workflow_run"]["conclusion"] == "success"
    assert payload["workflow_run"]["head_sha"] == runs[0].head_sha


def test_no_workflow_run_follows_what_a_github_token_has_started(shop: Mill) -> None:
    on = "{repository_dispatch: {types: [answer]}}"
    after = "{workflow_run: {workflows: [answer, ask], types: [completed]}}"
    ask = """
name: ask
on: {repository_dispatch: {types: [go]}}
permissions: {contents: write}
jobs:
  ask:
    runs-on: x
    steps:
      - env: {TOKEN: '${{ github.token }}'}
        run: >-
          curl -fsS -H "Authorization: Bearer $TOKEN" -d '{"event_type": "answer"}'
          "$GITHUB_API_URL/repos/$GITHUB_REPOSITORY/dispatches"
"""
    shop.push(a=ask, b=showing(on, "answer"), c=showing(after, "after"))
    shop.dispatch("go")
    runs = sorted(run.workflow.name for run in shop.settled())
    assert runs == ["after", "answer", "ask"]
    [followed] = [run for run in shop.hub.runs if run.workflow.name == "after"]
    assert printed(followed, "show")["workflow_run"]["name"] == "ask"


def test_a_schedule_is_due_when_the_clock_is_moved_by_hand(shop: Mill) -> None:
    shop.push(a=showing("{schedule: [{cron: '*/15 * * * *'}]}"))
    found = shop.hub.control["tick"]({"repository": NAME})
    run = shop.only_run()
    assert found == {"runs": [run.id]}
    assert run.event == "schedule"
    assert shop.hub.control["tick"]({"repository": NAME, "cron": "0 0 * * *"}) == {"runs": []}


def test_events_are_dropped_doubled_and_delayed(shop: Mill) -> None:
    shop.push(a=showing("repository_dispatch"))
    for fault in ({"drop": 1.0}, {"double": 1.0}, {"delay": 1.0, "seconds": 0.2}):
        shop.hub.control["event-faults"]({"faults": [{"event": "repository_dispatch", **fault}]})
        shop.dispatch("go", fault)
        shop.hub.settle()
    payloads = [printed(run, "show")["client_payload"] for run in shop.settled()]
    doubled = [payload for payload in payloads if "double" in payload]
    assert len(doubled) == 2
    assert len(payloads) == 3
    assert {"delay": 1.0, "seconds": 0.2} in payloads


def test_a_burst_of_dispatches_starts_a_run_each(shop: Mill) -> None:
    shop.push(a=showing("repository_dispatch"))
    for number in range(12):
        shop.dispatch("go", {"n": number})
    numbers = {printed(run, "show")["client_payload"]["n"] for run in shop.settled()}
    assert numbers == set(range(12))


def test_a_deleted_branch_starts_nothing(shop: Mill) -> None:
    shop.push(a=showing("{push: {branches: [other]}}"))
    shop.clone.git("push", "-q", "origin", "HEAD:refs/heads/other")
    shop.settled()
    shop.clone.git("push", "-q", "origin", ":refs/heads/other")
    assert events(shop) == [("push", "other")]


def switched(shop: Mill, verb: str) -> None:
    shop.rest("PUT", f"/repos/{NAME}/actions/workflows/a.yml/{verb}")


def test_a_workflow_that_is_disabled_is_started_by_nothing(shop: Mill) -> None:
    on = "{schedule: [{cron: '*/5 * * * *'}], repository_dispatch: {}, workflow_dispatch: {}}"
    shop.push(a=showing(on))
    where = f"/repos/{NAME}/actions/workflows/a.yml"
    switched(shop, "disable")
    assert shop.rest("GET", where)["state"] == "disabled_manually"
    assert shop.starter.tick({"repository": NAME}) == {"runs": []}
    shop.dispatch("go")
    with pytest.raises(ServerRefused, match="on a disabled workflow"):
        shop.rest("POST", f"{where}/dispatches", {"ref": "main"})
    assert events(shop) == []
    switched(shop, "enable")
    switched(shop, "enable")
    assert shop.rest("GET", where)["state"] == "active"
    shop.starter.tick({"repository": NAME})
    assert events(shop) == [("schedule", "main")]
