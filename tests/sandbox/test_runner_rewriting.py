"""What is rewritten for act, matrices, concurrency groups, faults: all without act."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from tidemill_sandbox.runner import matrices
from tidemill_sandbox.runner.faults import Faults
from tidemill_sandbox.runner.groups import MOST_PENDING, Entry, Groups, Wish
from tidemill_sandbox.runner.rewriting import (
    action_for_act,
    has_expression,
    job_for_act,
    jobs_to_needs,
    literal,
    only_expression,
    with_literals,
)
from tidemill_sandbox.runner.workflow_files import InvalidWorkflow, parse_yaml

OWN = "tidemill/tidemill@abc"


def test_what_act_does_not_know_goes_and_the_rest_stays() -> None:
    job: dict[str, Any] = parse_yaml(
        """
        runs-on: [self-hosted, big]
        if: github.ref == 'x' && job.workflow_sha
        concurrency: {group: g, queue: max}
        permissions: {contents: read}
        environment: {name: production, deployment: false}
        timeout-minutes: 5
        steps:
          - uses: $/actions/turn
            with: {sha: "${{ job.workflow_sha }}"}
          - run: echo 'job.workflow_sha' ${{ github.sha }}
        """
    )
    found = job_for_act({}, job, OWN, {"job.workflow_sha": "f00"})
    assert found == {
        "runs-on": "ubuntu-24.04",
        "if": "github.ref == 'x' && 'f00'",
        "environment": {"name": "production"},
        "timeout-minutes": 5,
        "steps": [
            {"uses": "tidemill/tidemill/actions/turn@abc", "with": {"sha": "${{ 'f00' }}"}},
            {
                "run": "echo 'job.workflow_sha' ${{ github.sha }}",
                "shell": "env -u ACT -u ACTIONS_RESULTS_URL -u ACTIONS_RUNTIME_TOKEN "
                "-u ACTIONS_RUNTIME_URL -u SHA_REF tidemill-sandbox-step bash -e {0}",
            },
        ],
    }
    assert job["concurrency"], "the original is as it was"


@pytest.mark.parametrize(
    ("shell", "default", "end"),
    [
        ("bash", "", "bash --noprofile --norc -e -o pipefail {0}"),
        (None, "sh", "sh -e {0}"),
        ("perl {0}", "sh", "perl {0}"),
    ],
)
def test_the_shell_is_githubs(shell: str | None, default: str, end: str) -> None:
    step = {"run": ":"} | ({"shell": shell} if shell else {})
    workflow = {"defaults": {"run": {"shell": default}}} if default else {}
    found = job_for_act(workflow, {"steps": [step]}, OWN, {})
    assert found["steps"][0]["shell"].endswith(f" {end}")


def test_an_action_does_not_see_the_inputs_that_it_was_not_given_by_env() -> None:
    action: dict[str, Any] = {
        "inputs": {"wave": {}, "finished-at": {}},
        "runs": {"using": "composite", "steps": [
            {"run": ":", "shell": "bash", "env": {"INPUT_WAVE": "${{ inputs.wave }}"}},
            {"uses": "$/actions/other"},
        ]},
    }  # fmt: skip
    first, second = action_for_act(action, OWN)["runs"]["steps"]
    assert " -u INPUT_FINISHED-AT " in first["shell"]
    assert "INPUT_WAVE" not in first["shell"]
    assert second == {"uses": "tidemill/tidemill/actions/other@abc"}


def test_expressions_are_told_from_text() -> None:
    assert only_expression(' ${{ fromJSON(\'{"a":{"b":"}}"}}\') }} ') is not None
    assert only_expression("a ${{ b }}") is None
    assert only_expression("${{ a }}${{ b }}") is None
    assert has_expression("x ${{ a }}")
    assert not has_expression(3)


def test_a_literal_says_any_text() -> None:
    assert literal("it's }} ${{ x") == "${{ 'it''s }} ${{ x' }}"


def test_literals_are_put_in_names_only() -> None:
    literals = {"github.actor_id": "1"}
    text = (
        "${{ github.actor_id }} github.actor_id ${{ 'github.actor_id' }} ${{ x.github.actor_id }}"
    )
    assert with_literals(text, literals) == text.replace("{{ github.actor_id }}", "{{ '1' }}", 1)


def test_outputs_of_a_called_workflow_ask_its_jobs() -> None:
    assert jobs_to_needs("${{ jobs.a.outputs.b }} jobs.a") == "${{ needs.a.outputs.b }} jobs.a"


def test_a_matrix_has_all_combinations_with_what_is_included_and_excluded() -> None:
    matrix = parse_yaml(
        """
        os: [a, b]
        v: [1, 2]
        exclude: [{os: a, v: 2}]
        include: [{os: b, v: 1, more: x}, {os: c}, {all: y}]
        """
    )
    assert matrices.combinations(matrix) == [
        {"os": "a", "v": 1, "all": "y"},
        {"os": "b", "v": 1, "more": "x", "all": "y"},
        {"os": "b", "v": 2, "all": "y"},
        {"os": "c"},
    ]


@pytest.mark.parametrize("matrix", [{"a": []}, {"a": "b"}, {}, {"a": list(range(257))}])
def test_matrices_that_are_none_are_refused(matrix: dict[str, Any]) -> None:
    with pytest.raises(InvalidWorkflow):
        matrices.combinations(matrix)


def test_a_jobs_name_says_its_combination() -> None:
    assert matrices.title("build", {"a": 1, "b": "x"}) == "build (1, x)"
    assert matrices.title("build ${{ matrix.b }}", {"a": 1, "b": "x"}) == "build x"


def entry() -> Entry:
    return Entry(lambda: None)


def test_in_a_group_one_runs_one_waits_and_the_next_cancels_the_one_that_waits() -> None:
    groups, wish = Groups(), Wish("Deploy")
    first, second, third = entry(), entry(), entry()
    groups.enter("a/b", wish, first)
    groups.enter("a/b", Wish("deploy"), second)  # groups know no case
    groups.enter("A/B", wish, third)
    assert groups.wait(first)
    assert not groups.wait(second)
    groups.leave("a/b", wish, first)
    assert groups.wait(third)


def test_with_queue_max_all_wait_in_order_up_to_a_hundred() -> None:
    groups, wish = Groups(), Wish("g", queue_max=True)
    entries = [entry() for _ in range(MOST_PENDING + 2)]
    for one in entries:
        groups.enter("a/b", wish, one)
    assert not groups.wait(entries[-1])
    for one in entries[:-1]:
        assert groups.wait(one)
        groups.leave("a/b", wish, one)


def test_whoever_began_first_enters_first_however_late() -> None:
    groups, wish = Groups(), Wish("g")
    numbers = [groups.line_up() for _ in range(3)]
    running, earlier, later = entry(), entry(), entry()
    groups.enter("a/b", wish, running, numbers[0])
    fast = threading.Thread(target=groups.enter, args=("a/b", wish, later, numbers[2]))
    fast.start()
    groups.enter("a/b", wish, earlier, numbers[1])
    fast.join()
    assert (earlier.is_cancelled, later.is_cancelled) == (True, False)


def test_nobody_waits_for_one_that_never_enters() -> None:
    groups, one = Groups(), entry()
    never, number = groups.line_up(), groups.line_up()
    groups.step_out(never)
    groups.enter("a/b", Wish("g"), one, number)
    assert groups.wait(one)


def test_cancel_in_progress_ends_what_runs() -> None:
    groups, over = Groups(), threading.Event()
    groups.enter("a/b", Wish("g"), Entry(over.set))
    groups.enter("a/b", Wish("g", cancel_in_progress=True), entry())
    assert over.is_set()


def test_groups_of_repositories_are_apart() -> None:
    groups = Groups()
    first, second = entry(), entry()
    groups.enter("a/b", Wish("g"), first)
    groups.enter("a/c", Wish("g"), second)
    assert groups.wait(second)


def test_faults_come_again_from_their_seed() -> None:
    body = {"seed": 7, "faults": [{"event": "push", "drop": 0.3, "double": 0.3, "delay": 0.3}]}
    runs = []
    for _ in range(2):
        faults = Faults()
        faults.set(body)
        runs.append([tuple(faults.deliveries("push", None)) for _ in range(50)])
    assert runs[0] == runs[1]
    assert set(runs[0]) == {(), (0.0,), (5.0,), (0.0, 0.0), (5.0, 5.0)}
    assert faults.deliveries("status", None) == [0.0]


def test_a_fault_may_be_for_one_activity_alone() -> None:
    faults = Faults()
    one = {"event": "repository_dispatch", "action": "target-deployed", "drop": 1.0}
    faults.set({"faults": [one]})
    assert faults.deliveries("repository_dispatch", "target-deployed") == []
    assert faults.deliveries("repository_dispatch", "images-announced") == [0.0]
