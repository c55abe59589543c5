"""Copies of workflow and action files that act runs as GitHub would: mechanical changes, no more.

act (0.2.89) lags behind GitHub in these, and only they are changed:

- `concurrency`, `permissions` and `environment.deployment` go: the runner does what they say;
- `uses: $/path` becomes `owner/repo/path@ref`, which act finds by `--local-repository`;
- `runs-on` is one label, this machine;
- contexts that act does not have (`job.workflow_*`, `github.workflow_ref`, ...) become their text;
- `run` steps don't see what act leaves in their environment: INPUT_* of the action around them,
  the runner's own token for artifacts, ACT;
- they are started by a program of the runner's, which loses nothing of what they say last;
- the actions for artifacts take any server but github.com and those below `localhost` for one of
  Enterprise Server's, and refuse it: to them it is `github.localhost`. They only look at the name.

Everything else, every expression above all, act reads for itself.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

LABEL = "ubuntu-24.04"
STEP = "tidemill-sandbox-step"  # starts the shell of each `run` step; `acting` puts it on PATH
HIDDEN = ("ACT", "ACTIONS_RESULTS_URL", "ACTIONS_RUNTIME_TOKEN", "ACTIONS_RUNTIME_URL", "SHA_REF")
_SHELLS = {  # Workflow syntax, `jobs.<job_id>.steps[*].shell`
    "": "bash -e {0}",
    "bash": "bash --noprofile --norc -e -o pipefail {0}",
    "sh": "sh -e {0}",
    "python": "python3 {0}",
}
_EXPRESSION = re.compile(r"\$\{\{((?:[^'}]|'[^']*'|\}(?!\}))*)\}\}")
_NAME = re.compile(r"(?<![\w.'-])[a-z]+\.[\w-]+(?![\w.-])")
_OWN = "$/"
_ARTIFACTS = re.compile(r"actions/(upload|download)-artifact[/@]")
# act sets the variable itself, whatever a step says; this is run by node before the action.
_NAMED = "--import=data:text/javascript,process.env.GITHUB_SERVER_URL='http://github.localhost'"

Literals = Mapping[str, str]


def job_for_act(
    workflow: Mapping[str, Any], job: Mapping[str, Any], own: str, literals: Literals
) -> dict[str, Any]:
    """A copy of a job with steps, as act can run it.

    Args:
        workflow: the file that the job is in; its `defaults` count.
        own: what `$` stands for: `owner/repo` and the ref, as `owner/repo@ref`.
        literals: what contexts say that act does not have, by their names: `job.workflow_sha`.
    """
    found: dict[str, Any] = copy.deepcopy(dict(job))
    for key in ("concurrency", "permissions"):
        found.pop(key, None)
    if isinstance(found.get("environment"), dict):
        found["environment"].pop("deployment", None)
    found["runs-on"] = LABEL
    shell = _default_shell(job) or _default_shell(workflow)
    for step in found.get("steps") or ():
        _step_for_act(step, own, shell, HIDDEN)
    changed: dict[str, Any] = mapped(
        found, lambda text, is_if: with_literals(text, literals, is_if)
    )
    return changed


def action_for_act(action: Mapping[str, Any], own: str) -> dict[str, Any]:
    """A copy of an `action.yml`, as act can run it; of one that is not composite, the same."""
    found: dict[str, Any] = copy.deepcopy(dict(action))
    inputs = [f"INPUT_{name.upper().replace(' ', '_')}" for name in action.get("inputs") or ()]
    for step in (found.get("runs") or {}).get("steps") or ():
        set_here = step.get("env") or {}
        hidden = [name for name in inputs if name not in set_here]
        _step_for_act(step, own, "", (*HIDDEN, *hidden))
    return found


def uses(steps: Iterable[Mapping[str, Any]]) -> list[str]:
    """What steps use: `owner/repo/path@ref`, and `./path` and `docker://` as they are."""
    return [str(step["uses"]) for step in steps if "uses" in step]


def whole_name(used: str, own: str) -> str:
    """What a `uses` names, with `$/path` as `owner/repo/path@ref`."""
    if not used.startswith(_OWN):
        return used
    repository, _, ref = own.partition("@")
    return f"{repository}/{used.removeprefix(_OWN)}@{ref}"


def literal(value: str) -> str:
    """An expression that says `value`, whatever stands in it."""
    return "${{ '" + value.replace("'", "''") + "' }}"


def with_literals(text: str, literals: Literals, is_condition: bool = False) -> str:
    """Put in what contexts say: in `${{ }}`, and in the whole of a condition."""
    if is_condition and "${{" not in text:
        return _replaced(text, literals)
    return _EXPRESSION.sub(lambda found: "${{" + _replaced(found[1], literals) + "}}", text)


def jobs_to_needs(text: str) -> str:
    """`jobs.x.outputs.y` of a called workflow's outputs, as a job that needs `x` says it."""
    return _EXPRESSION.sub(
        lambda found: "${{" + re.sub(r"(?<![\w.'])jobs(?=[.\[])", "needs", found[1]) + "}}", text
    )


def has_expression(value: Any) -> bool:
    """Whether a string is, or has in it, something that act has to evaluate."""
    return isinstance(value, str) and "${{" in value


def only_expression(text: str) -> str | None:
    """The expression, where the text is nothing else."""
    found = _EXPRESSION.fullmatch(text.strip())
    return found[1].strip() if found and "${{" not in found[1] else None


def mapped(node: Any, change: Callable[[str, bool], str]) -> Any:
    """A copy with every string changed; `change` is told whether it is the value of an `if`."""

    def walk(value: Any, key: str) -> Any:
        match value:
            case dict():
                return {name: walk(one, str(name)) for name, one in value.items()}
            case list():
                return [walk(one, "") for one in value]
            case str():
                return change(value, key == "if")
            case _:
                return value

    return walk(node, "")


def _step_for_act(step: dict[str, Any], own: str, shell: str, hidden: Iterable[str]) -> None:
    if "uses" in step:
        step["uses"] = whole_name(str(step["uses"]), own)
        if _ARTIFACTS.match(step["uses"]):
            step["env"] = {**(step.get("env") or {}), "NODE_OPTIONS": _NAMED}
    if "run" in step:
        given = str(step.get("shell", shell))
        whole = _SHELLS.get(given, given)
        if "{0}" in whole and not has_expression(whole):
            step["shell"] = " ".join(["env", *(f"-u {name}" for name in hidden), STEP, whole])


def _default_shell(node: Mapping[str, Any]) -> str:
    return str(((node.get("defaults") or {}).get("run") or {}).get("shell") or "")


def _replaced(expression: str, literals: Literals) -> str:
    def one(found: re.Match[str]) -> str:
        value = literals.get(found[0])
        return found[0] if value is None else "'" + value.replace("'", "''") + "'"

    return _NAME.sub(one, expression)
