"""When a workflow file starts, and with what."""

from __future__ import annotations

import pytest

from tidemill_sandbox.runner import job_permissions
from tidemill_sandbox.runner.filters import admits
from tidemill_sandbox.runner.workflow_files import (
    Happening,
    InvalidWorkflow,
    WorkflowFile,
    dispatch_inputs,
    parse,
    parse_yaml,
    starts,
    yaml_of,
)

PATH = ".github/workflows/a.yml"


def file(on: str) -> WorkflowFile:
    return parse(PATH, f"on: {on}\njobs: {{a: {{runs-on: x, steps: [{{run: ':'}}]}}}}\n")


@pytest.mark.parametrize(
    ("patterns", "name", "passes"),
    [
        (["main"], "main", True),
        (["main"], "maintenance", False),
        (["feature/*"], "feature/a", True),
        (["feature/*"], "feature/a/b", False),
        (["feature/**"], "feature/a/b", True),
        (["**"], "a/b", True),
        (["*"], "a/b", False),
        (["v1.[0-9]+"], "v1.22", True),
        (["v1.2"], "v1x2", False),
        (["*.jsx?"], "page.js", True),
        (["**/docs/**"], "docs/a", True),
        (["**", "!x/**"], "x/a", False),
        (["**", "!x/**", "x/keep"], "x/keep", True),
        (["!x"], "y", False),
        (["a\\*"], "a*", True),
    ],
)
def test_patterns_are_githubs(patterns: list[str], name: str, passes: bool) -> None:
    assert admits(patterns, [name]) is passes


@pytest.mark.parametrize(
    ("on", "happened", "is_started"),
    [
        ("push", Happening("push", ref="refs/heads/x"), True),
        ("[pull_request, push]", Happening("push", ref="refs/heads/x"), True),
        ("{push: }", Happening("push", ref="refs/heads/x"), True),
        ("pull_request", Happening("push", ref="refs/heads/x"), False),
        ("{push: {branches: [main]}}", Happening("push", ref="refs/heads/main"), True),
        ("{push: {branches: [main]}}", Happening("push", ref="refs/heads/x"), False),
        ("{push: {branches: [main]}}", Happening("push", ref="refs/tags/main"), False),
        ("{push: {tags: ['v*']}}", Happening("push", ref="refs/heads/v1"), False),
        ("{push: {tags: ['v*']}}", Happening("push", ref="refs/tags/v1"), True),
        ("{push: {branches-ignore: [x]}}", Happening("push", ref="refs/heads/x"), False),
        ("{push: {branches-ignore: [x]}}", Happening("push", ref="refs/heads/y"), True),
        ("push", Happening("push", ref="refs/heads/x", message="Fix [skip ci] it"), False),
        ("{push: {paths: ['a/**']}}", Happening("push", ref="refs/heads/x", paths=("a/b",)), True),
        ("{push: {paths: ['a/**']}}", Happening("push", ref="refs/heads/x", paths=("b",)), False),
        ("{push: {paths: ['a/**']}}", Happening("push", ref="refs/heads/x"), True),
        ("{push: {paths-ignore: [a]}}", Happening("push", ref="refs/heads/x", paths=("a",)), False),
        ("{repository_dispatch: {types: [go]}}", Happening("repository_dispatch", "go"), True),
        ("{repository_dispatch: {types: [go]}}", Happening("repository_dispatch", "gone"), False),
        ("repository_dispatch", Happening("repository_dispatch", "any"), True),
        ("status", Happening("status"), True),
        ("{check_run: {types: [completed]}}", Happening("check_run", "created"), False),
    ],
)
def test_what_starts_a_file(on: str, happened: Happening, is_started: bool) -> None:
    assert starts(file(on), happened) is is_started


@pytest.mark.parametrize(
    ("name", "action", "branch", "is_started"),
    [
        ("ci", "completed", "auto", True),
        ("other", "completed", "auto", False),
        ("ci", "requested", "auto", False),
        ("ci", "completed", "main", False),
    ],
)
def test_a_workflow_run_is_filtered_by_the_run_that_it_follows(
    name: str, action: str, branch: str, is_started: bool
) -> None:
    one = file("{workflow_run: {workflows: [ci], types: [completed], branches: [auto]}}")
    happened = Happening("workflow_run", action, branch=branch, workflow=name)
    assert starts(one, happened) is is_started


@pytest.mark.parametrize(
    "text", ["", "a: [", "on: push", "on: push\njobs: 3", "jobs: {a: {}}", "on: 3\njobs: {a: {}}"]
)
def test_what_is_no_workflow_file_is_refused(text: str) -> None:
    with pytest.raises(InvalidWorkflow):
        parse(PATH, text)


INPUTS = """{workflow_dispatch: {inputs: {
    what: {type: choice, options: [turn, hold], default: turn}, name: {required: true},
    dry: {type: boolean}, many: {type: number, default: 3}}}}"""


def test_inputs_come_as_strings_with_defaults() -> None:
    found = dispatch_inputs(file(INPUTS), {"name": "x", "dry": True})
    assert found == {"what": "turn", "name": "x", "dry": "true", "many": "3"}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"name": "x", "else": "y"}, 'Unexpected inputs provided: ["else"]'),
        ({}, "Required input 'name' not provided"),
        ({"name": ""}, "Required input 'name' not provided"),
        ({"name": "x", "what": "go"}, "not in the list of allowed values"),
        ({"name": "x", "dry": "maybe"}, "not a boolean"),
    ],
)
def test_inputs_that_github_refuses(given: dict[str, str], words: str) -> None:
    with pytest.raises(InvalidWorkflow) as refused:
        dispatch_inputs(file(INPUTS), given)
    assert words in str(refused.value)


def test_a_file_without_the_trigger_is_not_dispatched() -> None:
    with pytest.raises(InvalidWorkflow, match="does not have 'workflow_dispatch' trigger"):
        dispatch_inputs(file("push"), {})


def test_permissions_of_a_job_replace_those_of_its_workflow() -> None:
    inherited = job_permissions.default("read")
    assert inherited == {"contents": "read", "packages": "read"}
    assert job_permissions.of_job({}, {}, inherited) == inherited
    assert job_permissions.of_job({"permissions": {}}, {}, inherited) == {}
    own = {"permissions": {"statuses": "write", "contents": "none"}}
    assert job_permissions.of_job({"permissions": "write-all"}, own, inherited) == {
        "statuses": "write"
    }


@pytest.mark.parametrize("value", ["all", {"nothing": "read"}, {"contents": "admin"}, 3])
def test_permissions_that_are_none_are_refused(value: object) -> None:
    with pytest.raises(InvalidWorkflow):
        job_permissions.asked(value)


def test_a_called_job_that_asks_for_more_is_refused_in_githubs_words() -> None:
    words = job_permissions.refusal(
        "a.yml", "./b.yml", "settle", {"contents": "write", "checks": "read"}, {"contents": "read"}
    )
    assert words is not None
    assert "The nested job 'settle' is requesting 'contents: write, checks: read'" in words
    assert "but is only allowed 'contents: read, checks: none'" in words
    assert job_permissions.refusal("a", "b", "c", {}, {}) is None


def test_a_time_in_a_file_is_a_text_as_it_is_written() -> None:
    text = "at: 2026-01-31T14:00:00Z\non: 2026-01-31\n"
    assert parse_yaml(text) == {"at": "2026-01-31T14:00:00Z", "on": "2026-01-31"}
    assert yaml_of(parse_yaml(text)) == '{"at": "2026-01-31T14:00:00Z", "on": "2026-01-31"}'
