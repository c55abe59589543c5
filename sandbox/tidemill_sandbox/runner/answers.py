"""What act has answered before, and so need not be asked: a process for each question is dear.

Most jobs of a run are skipped, in each run by the same condition for the same reasons. Where a text
names nothing but how other jobs ended, what they gave, and inputs that the caller wrote down as
they are, then the same words about the same values have the same answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from tidemill_sandbox.runner.chain import File, Level, Result
from tidemill_sandbox.runner.rewriting import has_expression

_STRING = re.compile(r"'(?:[^']|'')*'")
_NAME = re.compile(r"(?<![\w.])[a-z_][\w.-]*(?P<call>\s*\()?", re.IGNORECASE)
_OF_A_JOB = re.compile(r"(?:needs|jobs)\.(?P<job>[\w-]+)\.(?:result|outputs\.(?P<output>[\w-]+))")
_INPUT = re.compile(r"inputs\.[\w-]+")
_KNOWN = {"true", "false", "null"}
_FUNCTIONS = {
    *("always", "cancelled", "failure", "success", "contains", "endswith", "startswith"),
    *("format", "fromjson", "join", "tojson"),
}
_USE = re.compile(r"\b(?:needs|jobs)(?P<path>(?:\.[\w-]+)*)(?!\":)")  # but for the key of a job

SKIPPED, RUNS = "skipped", "runs"


class Answers:
    """Answers by their questions; a question that is None has none, and keeps none."""

    def __init__(self) -> None:
        self._known: dict[Hashable, str] = {}

    def of(self, question: Hashable | None) -> str | None:
        """The answer to a question, where it was asked before."""
        return None if question is None else self._known.get(question)

    def keep(self, question: Hashable | None, answer: str) -> None:
        """Take note of what act has said."""
        if question is not None:
            self._known[question] = answer


def condition(levels: Sequence[Level]) -> Hashable | None:
    """Whether the last level's job is skipped, as a question."""
    last = levels[-1]
    text = str(last.file.jobs[last.job].get("if", ""))
    ended = {name: last.results[name] for name in last.file.ancestors(last.job)}
    needs = last.file.needs(last.job)
    question = _question(text, {name: ended[name] for name in needs}, levels[:-1], last.file)
    # Whether a job has failed is asked of all that came before; what it gave, of those it needs.
    before = tuple((name, one.result) for name, one in ended.items())
    return None if question is None else (question, before)


def output(
    text: str, file: File, ended: Mapping[str, Result], above: Sequence[Level]
) -> Hashable | None:
    """What an output of a called workflow is, as a question.

    Args:
        ended: how its jobs ended; above: the levels down to its caller.
    """
    return _question(text, ended, above, file)


def is_used(output: str, caller: File) -> bool:
    """Whether any job of the caller may look at an output of what it calls."""
    texts = json.dumps([*caller.jobs.values(), caller.document["on"]], default=str)
    for found in _USE.finditer(texts):
        path = found["path"].split(".")[2:]  # what follows the job
        if path[:1] != ["result"] and (len(path) < 2 or path[1] == output):
            return True
    return False


def _question(
    text: str, ended: Mapping[str, Result], above: Sequence[Level], file: File
) -> Hashable | None:
    """A text, and the values of all that its answer follows from; None where it names more."""
    words = _STRING.sub("''", text).replace("${{", "  ").replace("}}", "  ")
    if "[" in words or "*" in words:
        return None
    values: list[tuple[str, str]] = []
    has_inputs = False
    for found in _NAME.finditer(words):
        name = found[0].removesuffix(found["call"] or "")
        if found["call"]:
            if name.lower() not in _FUNCTIONS:
                return None
        elif of_a_job := _OF_A_JOB.fullmatch(name):
            one = ended.get(of_a_job["job"])
            if one is None:
                return None
            given = of_a_job["output"]
            values.append((name, one.outputs.get(given, "") if given else one.result))
        elif _INPUT.fullmatch(name):
            has_inputs = True
        elif name.lower() not in _KNOWN:
            return None
    inputs = _given(above, file) if has_inputs else ""
    if inputs is None:
        return None
    return text, tuple(values), inputs, tuple((name, one.result) for name, one in ended.items())


def _given(above: Sequence[Level], file: File) -> str | None:
    """A called file's inputs, as its caller wrote them; None where act has to work them out."""
    if not above:
        return None
    caller = above[-1]
    given: Any = caller.file.jobs[caller.job].get("with") or {}
    if any(has_expression(one) for one in given.values()):
        return None
    return json.dumps([given, file.document["on"]], sort_keys=True, default=str)
