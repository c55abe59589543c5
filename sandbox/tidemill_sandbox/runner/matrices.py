"""Matrices of jobs: which combinations there are (Workflow syntax, `strategy.matrix`)."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Mapping
from typing import Any

from tidemill_sandbox.runner.rewriting import has_expression, only_expression
from tidemill_sandbox.runner.workflow_files import InvalidWorkflow

MOST_JOBS = 256
_VALUE = re.compile(r"\$\{\{\s*matrix\.([\w-]+)\s*\}\}")


def questions(node: Any) -> dict[str, str]:
    """The expressions in a matrix, each with the text that act is to evaluate."""
    found: dict[str, str] = {}
    match node:
        case dict():
            for one in node.values():
                found |= questions(one)
        case list():
            for one in node:
                found |= questions(one)
        case str() if has_expression(node):
            inner = only_expression(node)
            found[node] = f"${{{{ toJSON({inner}) }}}}" if inner else node
    return found


def answered(node: Any, answers: Mapping[str, str]) -> Any:
    """The matrix with what act answered in place of each expression."""
    match node:
        case dict():
            return {key: answered(one, answers) for key, one in node.items()}
        case list():
            return [answered(one, answers) for one in node]
        case str() if has_expression(node):
            return json.loads(answers[node]) if only_expression(node) else answers[node]
        case _:
            return node


def combinations(matrix: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All combinations, in order.

    Raises:
        InvalidWorkflow: a vector is empty or is no list, or there are more than 256.
    """
    vectors = {key: values for key, values in matrix.items() if key not in ("include", "exclude")}
    for name, values in vectors.items():
        if not isinstance(values, list) or not values:
            raise InvalidWorkflow(f"Matrix vector '{name}' does not contain any values")
    products = [dict(zip(vectors, chosen, strict=True))
                for chosen in itertools.product(*vectors.values())] if vectors else []  # fmt: skip
    excluded = matrix.get("exclude") or []
    found = [one for one in products if not any(_has(one, gone) for gone in excluded)]
    originals = [dict(one) for one in found]
    for added in matrix.get("include") or ():
        fitting = [one for one, original in zip(found, originals, strict=False)
                   if all(original.get(key, value) == value
                          for key, value in added.items() if key in vectors)]  # fmt: skip
        for one in fitting:
            one.update(added)
        if not fitting:
            found.append(dict(added))
    if not found:
        raise InvalidWorkflow("Matrix must define at least one vector")
    if len(found) > MOST_JOBS:
        raise InvalidWorkflow(f"The matrix has more than {MOST_JOBS} jobs")
    return found


def title(name: str, combination: Mapping[str, Any]) -> str:
    """A job's name with its combination: put in where it asks for it, else behind it."""
    if has_expression(name):
        return _VALUE.sub(lambda found: str(combination.get(found[1], "")), name).strip()
    return f"{name} ({', '.join(str(value) for value in combination.values())})"


def _has(one: Mapping[str, Any], part: Mapping[str, Any]) -> bool:
    return all(one.get(key) == value for key, value in part.items())
