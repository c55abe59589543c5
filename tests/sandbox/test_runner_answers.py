"""What act has answered once it is not asked again, where the answer can't be another one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.sandbox.runner_world import ended, log, mill

from tidemill_sandbox.runner import answers, workshop
from tidemill_sandbox.runner.acting import Act, Task
from tidemill_sandbox.runner.chain import File, Level, Result

DONE = {"a": Result("success", {"x-y": "1", "z": "2"}), "b": Result("skipped")}


def file(jobs: Mapping[str, Any], on: Any = None) -> File:
    return File("acme/shop@main", "0" * 40, "a.yml", {"on": on or {}, "jobs": jobs}, {})


def level(text: str | None, ended: Mapping[str, Result] = DONE) -> Level:
    job: dict[str, Any] = {"needs": list(ended)} | ({} if text is None else {"if": text})
    jobs: dict[str, Any] = {**{name: {} for name in ended}, "it": job}
    return Level(file(jobs), "it", ended)


CALLER = Level(file({"call": {"with": {"how": "own-job"}}}), "call", {})
FORMS = (
    None,
    "always()",
    "${{ !cancelled() && needs.a.outputs.x-y != '' }}",
    "needs.a.result == 'success' || needs.b.result == 'github.event'",
    "startsWith(needs.a.outputs.x-y, '[\"') && true",
    "contains(fromJSON('[1, 2]'), needs.a.outputs.z)",
    "inputs.how == 'own-job' && needs.a.outputs.z == '2'",
)


@pytest.mark.parametrize("text", FORMS)
def test_what_names_only_other_jobs_and_inputs_as_they_are_has_one_answer(text: str | None) -> None:
    found = answers.condition((CALLER, level(text)))
    assert found is not None
    assert found == answers.condition((CALLER, level(text)))
    failed = {**DONE, "b": Result("failure")}
    assert found != answers.condition((CALLER, level(text, failed))), "a job ended otherwise"
    if text and "needs.a.outputs" in text:
        other = {**DONE, "a": Result("success", {})}
        assert found != answers.condition((CALLER, level(text, other))), "a job gave something else"


def test_what_a_job_gave_is_known_only_to_those_that_need_it_themselves() -> None:
    text = "needs.a.outputs.z == '2'"
    jobs: dict[str, Any] = {"a": {}, "b": {"needs": "a"}}
    with_both = Level(file({**jobs, "it": {"needs": ["a", "b"], "if": text}}), "it", DONE)
    with_one = Level(file({**jobs, "it": {"needs": "b", "if": text}}), "it", DONE)
    assert answers.condition((with_both,)) is not None
    assert answers.condition((with_one,)) is None, "to it `needs.a` is nothing"
    plain = [Level(file({**jobs, "it": {"needs": of}}), "it", DONE) for of in ("b", ["a", "b"])]
    assert answers.condition(plain[:1]) != answers.condition(plain[1:])


def test_question_is_another_one_where_the_caller_gives_something_else() -> None:
    asked = level("inputs.how == 'own-job'")
    other = Level(file({"call": {"with": {"how": "same-job"}}}), "call", {})
    assert answers.condition((CALLER, asked)) != answers.condition((other, asked))
    default = Level(file(asked.file.jobs, {"workflow_call": {"inputs": {}}}), "it", DONE)
    assert answers.condition((CALLER, asked)) != answers.condition((CALLER, default))


@pytest.mark.parametrize(
    "text",
    [
        "github.event_name == 'push'",
        "needs.a.outputs.z == github.sha",
        "vars.X == 'y'",
        "hashFiles('**') != ''",
        "needs.a.outputs['x-y'] == '1'",
        "contains(needs.*.result, 'failure')",
        "toJSON(needs) != ''",
        "needs.unknown.result == 'success'",
    ],
)
def test_what_names_anything_else_is_always_asked(text: str) -> None:
    assert answers.condition((CALLER, level(text))) is None


def test_inputs_that_take_an_expression_or_come_from_a_form_are_always_asked() -> None:
    asked = level("inputs.how == 'own-job'")
    caller = Level(file({"call": {"with": {"how": "${{ github.actor }}"}}}), "call", {})
    assert answers.condition((caller, asked)) is None
    assert answers.condition((asked,)) is None


@pytest.mark.parametrize(
    ("text", "used"),
    [
        ("${{ needs.call.outputs.x-y }}", True),
        ("${{ needs.call.outputs.x-y-z }}", False),
        ("${{ needs.call.outputs.z || needs.call.result }}", False),
        ("${{ toJSON(needs) }}", True),
        ("${{ toJSON(needs.call.outputs) }}", True),
        ("${{ needs['call'].outputs.z }}", True),
        ("${{ needs.call.outputs['z'] }}", True),
        ("${{ join(needs.*.outputs.z) }}", True),
    ],
)
def test_output_that_nobody_looks_at_need_not_be_known(text: str, used: bool) -> None:
    caller = file({"call": {"uses": "./b.yml"}, "after": {"needs": "call", "if": text}})
    assert answers.is_used("x-y", caller) is used


CALLEE = """
on:
  workflow_call:
    inputs: {how: {type: string}}
    outputs: {word: {value: "${{ jobs.last.outputs.word || 'none' }}"}, other: {value: "x"}}
jobs:
  first:
    runs-on: x
    outputs: {go: "${{ steps.s.outputs.go }}"}
    steps: [{id: s, run: "echo go=${{ github.event.client_payload.go }} >> $GITHUB_OUTPUT"}]
  last:
    needs: first
    if: inputs.how == 'well' && needs.first.outputs.go == 'yes'
    runs-on: x
    outputs: {word: done}
    steps: [{run: ":"}]
"""
CALLING = """
on: repository_dispatch
jobs:
  call: {uses: ./.github/workflows/callee.yml, with: {how: well}}
  after:
    needs: call
    runs-on: x
    steps: [{run: "echo '<${{ needs.call.outputs.word }}>'"}]
"""


def test_second_run_asks_only_what_is_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Task] = []

    class Counted(Act):
        def __init__(self, task: Task) -> None:
            started.append(task)
            super().__init__(task)

    monkeypatch.setattr(workshop, "Act", Counted)
    monkeypatch.setattr("tidemill_sandbox.runner.running._ANSWERS", answers.Answers())
    counts = []
    with mill(tmp_path) as shop:
        shop.push(a=CALLING, callee=CALLEE)
        for go in ("no", "no", "yes"):
            shop.dispatch("go", {"go": go})
            run = shop.settled()[-1]
            how = {"yes": "success", "no": "skipped"}[go]
            assert ended(run) == {"call / first": "success", "call / last": how, "after": "success"}
            word = {"yes": "done", "no": "none"}[go]
            assert log(run, "after").splitlines()[-1] == f"<{word}>"
            counts.append(len(started))
            started.clear()
    # Whether it is called, both its jobs and its output, and what comes after; then what is new.
    assert counts == [5, 2, 4]
