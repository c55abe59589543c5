"""One job at a time for act: a workflow whose other jobs only say how they ended.

GitHub gives each job a machine, a folder and a token of its own; act gives all jobs of a run one
token. So each job is one process of act, on a copy of its workflow in which the jobs that it needs
are stubs with their results and outputs. act evaluates every expression, as it would in the whole.
A job of a called workflow keeps the call around it, so `inputs` and `secrets` go the usual way.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tidemill_sandbox.runner.rewriting import (
    LABEL,
    Literals,
    job_for_act,
    jobs_to_needs,
    literal,
    mapped,
    with_literals,
)

CALLS = "sandbox/calls"  # the repository in which act finds the called files of a chain
REPORT = "sandbox-report"


@dataclass(frozen=True)
class Result:
    """How a job ended: `result` as the context `needs` has it."""

    result: str
    outputs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class File:
    """A workflow file in a run: `place` is `owner/repo@ref`, for `$/` and `./`.

    Attributes:
        sha: the commit that it is from.
        path: below its repository's root.
        literals: see `rewriting.job_for_act`.
    """

    place: str
    sha: str
    path: str
    document: Mapping[str, Any]
    literals: Literals

    @property
    def jobs(self) -> Mapping[str, Mapping[str, Any]]:
        """Its jobs, by id."""
        found: Mapping[str, Mapping[str, Any]] = self.document["jobs"]
        return found

    def needs(self, job: str) -> list[str]:
        """What a job waits for."""
        value = self.jobs[job].get("needs") or []
        return [str(one) for one in value] if isinstance(value, list) else [str(value)]

    def ancestors(self, job: str) -> list[str]:
        """All that must end before a job, in the order of the file."""
        found: set[str] = set()
        waiting = self.needs(job)
        while waiting:
            one = waiting.pop()
            if one not in found:
                found.add(one)
                waiting += self.needs(one)
        return [name for name in self.jobs if name in found]


@dataclass(frozen=True)
class Level:
    """A file of a chain: which of its jobs is on, and how the others ended.

    Attributes:
        matrix: the job's values, where it has a matrix.
    """

    file: File
    job: str
    results: Mapping[str, Result]
    matrix: Mapping[str, Any] | None = None


def of_job(levels: Sequence[Level], report: str) -> list[dict[str, Any]]:
    """The files of a chain whose last level's job runs; the first is for act's `-W`.

    Args:
        levels: from the workflow that an event started to the one that the job is in.
        report: where a file {"result", "outputs"} about the job is to be written.
    """
    last = levels[-1]
    job = _with_matrix(last, job_for_act(last.file.document, last.file.jobs[last.job],
                                         last.file.place, last.file.literals))  # fmt: skip
    return _chain(levels, {last.job: job, REPORT: _report(last.job, report)})


def of_probe(
    levels: Sequence[Level], texts: Mapping[str, str], report: str
) -> list[dict[str, Any]]:
    """Files in whose run the last level's job only writes what expressions say, if its `if` holds.

    With a matrix, what its values are is put in.

    Args:
        texts: by the file that each is written to.
    """
    last = levels[-1]
    job = last.file.jobs[last.job]
    probe: dict[str, Any] = {key: job[key] for key in ("needs", "if") if key in job}
    literals = _literals(last)
    probe = mapped(probe, lambda text, is_if: with_literals(text, literals, is_if))
    steps = [_copy(with_literals(text, literals), to) for to, text in texts.items()]
    probe |= {"runs-on": LABEL, "steps": steps or [{"run": ":"}]}
    return _chain(levels, {last.job: probe, REPORT: _report(last.job, report)})


def of_outputs(levels: Sequence[Level], texts: Mapping[str, str]) -> list[dict[str, Any]]:
    """Files in whose run outputs of the last level's workflow are written; its `job` is empty."""
    last = levels[-1]
    steps = [_copy(jobs_to_needs(text), to) for to, text in texts.items()]
    jobs = {name: _stub(last, name) for name in last.file.jobs}
    jobs[REPORT] = {"needs": list(jobs), "if": "always()", "runs-on": LABEL, "steps": steps}
    return _chain(levels, jobs, is_whole=True)


def of_texts(file: File, texts: Mapping[str, str]) -> list[dict[str, Any]]:
    """A file in whose run expressions of the workflow itself are written: its concurrency group."""
    steps = [_copy(with_literals(text, file.literals), to) for to, text in texts.items()]
    return [{**_head(file), "jobs": {REPORT: {"runs-on": LABEL, "steps": steps}}}]


def _chain(
    levels: Sequence[Level], jobs: dict[str, Any], *, is_whole: bool = False
) -> list[dict[str, Any]]:
    documents: list[dict[str, Any]] = []
    for number, level in enumerate(levels):
        document = _head(level.file)
        document["name"] = levels[0].file.document.get("name") or levels[0].file.path
        stubs = {name: _stub(level, name) for name in level.file.ancestors(level.job)} if (
            level.job) else {}  # fmt: skip
        if level is levels[-1]:
            document["jobs"] = jobs if is_whole else {**stubs, **jobs}
        else:
            called = f"{CALLS}/.github/workflows/{number + 1}.yml@1"
            document["jobs"] = {**stubs, level.job: _call(level, called)}
        documents.append(document)
    return documents


def _head(file: File) -> dict[str, Any]:
    document = {
        key: value
        for key, value in file.document.items()
        if key not in ("jobs", "concurrency", "permissions", "run-name")
    }
    changed: dict[str, Any] = mapped(
        document, lambda text, is_if: with_literals(text, file.literals, is_if)
    )
    if isinstance(changed.get("on"), dict) and "workflow_call" in changed["on"]:
        call = dict(changed["on"]["workflow_call"] or {})
        call.pop("outputs", None)  # those of stubs are asked for by a run of their own
        changed["on"] = {**changed["on"], "workflow_call": call}
    return changed


def _call(level: Level, called: str) -> dict[str, Any]:
    """A call that takes place; act may forget the matrix around it, so its values are put in."""
    job = level.file.jobs[level.job]
    kept = {key: job[key] for key in ("with", "secrets", "needs") if key in job}
    literals = _literals(level)
    found = mapped(kept, lambda text, is_if: with_literals(text, literals, is_if))
    return _with_matrix(level, {**found, "if": "always()", "uses": called})


def _literals(level: Level) -> dict[str, str]:
    """Those of the level's file, and the values of its job's matrix."""
    values = {
        f"matrix.{key}": value if isinstance(value, str) else json.dumps(value)
        for key, value in (level.matrix or {}).items()
    }
    return {**level.file.literals, **values}


def _with_matrix(level: Level, job: dict[str, Any]) -> dict[str, Any]:
    job.pop("strategy", None)
    if level.matrix is not None:
        job["strategy"] = {"matrix": {"include": [dict(level.matrix)]}}
    return job


def _stub(level: Level, name: str) -> dict[str, Any]:
    ended = level.results[name]
    stub: dict[str, Any] = {
        "runs-on": LABEL,
        "if": "always()",
        "steps": [{"run": ":" if ended.result == "success" else "exit 1"}],
    }
    if ended.result == "skipped":
        stub["if"] = "false"
    if needs := level.file.needs(name):
        stub["needs"] = needs
    if ended.outputs:
        stub["outputs"] = {key: literal(value) for key, value in ended.outputs.items()}
    return stub


def _report(job: str, to: str) -> dict[str, Any]:
    step = _copy("${{ toJSON(needs['" + job + "']) }}", to)
    return {"needs": [job], "if": "always()", "runs-on": LABEL, "steps": [step]}


def _copy(text: str, to: str) -> dict[str, Any]:
    """A step whose script is the text, and whose shell copies it: nothing of it is executed."""
    return {"run": text, "shell": f"cp {{0}} {to}"}
