"""The workflow files of a run: the one that an event started, and all that it calls, judged first.

GitHub judges the whole tree before a job starts: a file that is not there, jobs in a circle, or a
job that asks for more than its caller may give, and the run ends as `startup_failure`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tidemill_sandbox.runner import job_permissions
from tidemill_sandbox.runner.chain import File
from tidemill_sandbox.runner.job_permissions import Granted
from tidemill_sandbox.runner.shelf import Shelf
from tidemill_sandbox.runner.workflow_files import InvalidWorkflow, parse

MOST_LEVELS = 10
# All that a job may have that calls a workflow (facts, section 5).
_OF_A_CALL = frozenset(
    ("name", "uses", "with", "secrets", "strategy", "needs", "if", "concurrency", "permissions")
)


@dataclass(frozen=True)
class Tree:
    """A file, what each of its jobs may do, and the files that jobs call."""

    file: File
    granted: Mapping[str, Granted]
    called: Mapping[str, Tree] = field(default_factory=dict)


def tree(file: File, inherited: Granted, shelf: Shelf, level: int = 1) -> Tree:
    """Read all that a file calls.

    Args:
        inherited: of a job without `permissions:`: its caller's, or the repository's default.

    Raises:
        InvalidWorkflow: GitHub would not start it.
    """
    if level > MOST_LEVELS:
        raise InvalidWorkflow(f"workflows may be nested at most {MOST_LEVELS} levels deep")
    _expect_order(file)
    _expect_groups(file)
    granted: dict[str, Granted] = {}
    called: dict[str, Tree] = {}
    for name, job in file.jobs.items():
        granted[name] = job_permissions.of_job(file.document, job, inherited)
        if "uses" in job:
            if other := sorted(job.keys() - _OF_A_CALL):
                raise InvalidWorkflow(f"{file.path}: Unexpected value '{other[0]}' ({name})")
            inner = called_file(file, str(job["uses"]), shelf)
            called[name] = tree(inner, granted[name], shelf, level + 1)
            _expect_rights(file, str(job["uses"]), called[name], granted[name])
        elif not job.get("steps"):
            raise InvalidWorkflow(f"{file.path}: Required property is missing: steps ({name})")
        elif "container" in job or "services" in job:
            raise InvalidWorkflow(f"{file.path}: the stand-in has no containers ({name})")
        else:
            shelf.needed(job["steps"], file.place)
    return Tree(file, granted, called)


def root_file(
    repository: str, sha: str, ref: str, path: str, text: str, context: Mapping[str, str]
) -> File:
    """The file that an event started; `context`: more of what act's contexts lack."""
    document = parse(path, text).document
    here = f"{repository}/{path}@{ref}"
    literals = {**context, "github.workflow_ref": here, "github.workflow_sha": sha}
    return File(f"{repository}@{sha}", sha, path, document, _of_job(literals, here, sha))


def called_file(caller: File, uses: str, shelf: Shelf) -> File:
    """The file that a job's `uses` names.

    Raises:
        InvalidWorkflow: it is not there, or can't be called.
    """
    if uses.startswith(("./", "$/")):
        place, path = caller.place, uses[2:]
    else:
        name, _, ref = uses.rpartition("@")
        owner, _, rest = name.partition("/")
        repository, _, path = rest.partition("/")
        place = f"{owner}/{repository}@{ref}"
    text, sha = shelf.workflow(place, path)
    file = parse(path, text)
    if "workflow_call" not in file.on:
        raise InvalidWorkflow(
            f"error parsing called workflow '{uses}': workflow is not reusable as it is missing a "
            "`on.workflow_call` trigger"
        )
    repository, _, ref = place.partition("@")
    literals = _of_job(caller.literals, f"{repository}/{path}@{ref}", sha)
    return File(place, sha, path, file.document, literals)


def call_outputs(file: File) -> dict[str, str]:
    """The outputs that a called workflow declares, as expressions."""
    on = file.document["on"]
    call = on.get("workflow_call") if isinstance(on, dict) else None
    declared = (call or {}).get("outputs") or {}
    return {name: str(about["value"]) for name, about in declared.items()}


def _of_job(literals: Mapping[str, str], place: str, sha: str) -> dict[str, str]:
    named, _, _ = place.partition("@")
    owner, repository, path = named.split("/", 2)
    return {
        **literals,
        "job.workflow_ref": place,
        "job.workflow_sha": sha,
        "job.workflow_repository": f"{owner}/{repository}",
        "job.workflow_file_path": path,
    }


def _expect_order(file: File) -> None:
    for name, job in file.jobs.items():
        if not isinstance(job, dict):
            raise InvalidWorkflow(f"{file.path}: Unexpected value ({name})")
        for needed in file.needs(name):
            if needed not in file.jobs:
                raise InvalidWorkflow(
                    f"{file.path}: Job '{name}' depends on unknown job '{needed}'."
                )
    for name in file.jobs:
        if name in file.ancestors(name):
            raise InvalidWorkflow(f"{file.path}: Job '{name}' depends on itself.")


def _expect_groups(file: File) -> None:
    for node in (file.document, *file.jobs.values()):
        group = concurrency(node)
        if group.get("queue") == "max" and group.get("cancel-in-progress") == "true":
            raise InvalidWorkflow(
                f"{file.path}: `queue: max` and `cancel-in-progress: true` exclude each other"
            )


def _expect_rights(file: File, uses: str, inner: Tree, allowed: Granted) -> None:
    for name, wanted in inner.granted.items():
        if why := job_permissions.refusal(file.path, uses, name, wanted, allowed):
            raise InvalidWorkflow(why)


def environment(job: Mapping[str, Any]) -> str:
    """The name of the environment that a job names, as a text; empty where it names none."""
    value = job.get("environment")
    return str(value.get("name") or "") if isinstance(value, dict) else str(value or "")


def concurrency(node: Mapping[str, Any]) -> dict[str, str]:
    """The `concurrency:` of a workflow or a job as texts: group, cancel-in-progress, queue."""
    value = node.get("concurrency")
    if value is None:
        return {}
    if not isinstance(value, dict):
        return {"group": str(value)}
    return {key: str(one).lower() if isinstance(one, bool) else str(one)
            for key, one in value.items()}  # fmt: skip
