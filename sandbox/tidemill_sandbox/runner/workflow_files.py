"""Workflow files: what they say about when they start, as GitHub reads it.

Everything here is pure: from the text of a file and what happened to whether a run starts. What act
ignores (`types`, `branches`, `tags`, `paths`, `workflows`, required inputs) is decided here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor
from ruamel.yaml.error import YAMLError

from tidemill_sandbox.runner.filters import admits

SKIPPING = ("[skip ci]", "[ci skip]", "[no ci]", "[skip actions]", "[actions skip]")
_HEADS, _TAGS = "refs/heads/", "refs/tags/"
_MOST_INPUTS = 25
_NO_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


class _Constructor(SafeConstructor):
    """Leaves a time as it is written, as GitHub does."""


_Constructor.add_constructor("tag:yaml.org,2002:timestamp", SafeConstructor.construct_yaml_str)


class InvalidWorkflow(Exception):
    """A file that GitHub would not start; the message is for the run's page."""


@dataclass(frozen=True)
class WorkflowFile:
    """A workflow file.

    Attributes:
        path: below the repository's root.
        on: its triggers, each with its settings; empty where it has none.
        document: the file, parsed; not to be changed.
    """

    path: str
    on: Mapping[str, Any]
    document: Mapping[str, Any]

    @property
    def name(self) -> str:
        """What GitHub shows: its `name`, else its path."""
        return str(self.document.get("name") or self.path)


@dataclass(frozen=True)
class Happening:
    """What happened, as far as `on:` may ask for it.

    Attributes:
        action: the activity type; of a repository_dispatch its event type.
        ref: the full ref that was pushed.
        branch: of a workflow_run: the branch of the run that it follows.
        workflow: of a workflow_run: the name of the workflow that it follows.
        paths: the files that a push changed; None where that is unknown, and no filter counts.
        message: of the pushed commit.
    """

    name: str
    action: str | None = None
    ref: str | None = None
    branch: str | None = None
    workflow: str | None = None
    paths: tuple[str, ...] | None = None
    message: str = ""


@lru_cache(maxsize=256)  # every event reads all files of its repository
def parse_yaml(text: str) -> Any:
    """A YAML 1.2 document, in which `on` is a word; not to be changed.

    Raises:
        InvalidWorkflow: it is none.
    """
    try:
        yaml = YAML(typ="safe", pure=True)
        yaml.Constructor = _Constructor
        return yaml.load(text)
    except (YAMLError, ValueError) as error:
        raise InvalidWorkflow(f"You have an error in your yaml syntax: {error}") from None


def yaml_of(document: Mapping[str, Any]) -> str:
    """A document as JSON, which is YAML as well: written in a tenth of the time.

    The characters that JSON may have as they are, and YAML may not, are escaped.
    """
    found = json.dumps(document, ensure_ascii=False, default=str)
    return _NO_YAML.sub(lambda one: f"\\u{ord(one[0]):04x}", found)


def parse(path: str, text: str) -> WorkflowFile:
    """Read a workflow file.

    Raises:
        InvalidWorkflow: it is not one.
    """
    document = parse_yaml(text)
    if not isinstance(document, dict) or not isinstance(document.get("jobs"), dict):
        raise InvalidWorkflow("No jobs defined in `jobs`")
    match document.get("on"):
        case str(name):
            on: dict[str, Any] = {name: {}}
        case list(names):
            on = {str(name): {} for name in names}
        case dict(events):
            on = {str(name): {} if settings is None else settings
                  for name, settings in events.items()}  # fmt: skip
        case _:
            raise InvalidWorkflow("No event triggers defined in `on`")
    return WorkflowFile(path, on, document)


def starts(file: WorkflowFile, happened: Happening) -> bool:
    """Whether this starts a run of the file; a form and a schedule do it without asking here."""
    settings = file.on.get(happened.name)
    if settings is None:
        return False
    match happened.name:
        case "push":
            return _push_starts(settings, happened)
        case "workflow_run":
            names = _strings(settings.get("workflows"))
            return (
                admits(names, [happened.workflow or ""])
                and _type_fits(settings, happened)
                and _fits(settings, "branches", happened.branch or "")
            )
        case "status" | "deployment_status" | "deployment":
            return True
        case _:
            return _type_fits(settings, happened)


def dispatch_inputs(file: WorkflowFile, given: Mapping[str, Any]) -> dict[str, str]:
    """The inputs of a `workflow_dispatch`, with defaults, as the event's payload has them: strings.

    Raises:
        InvalidWorkflow: GitHub's 422 for what is given.
    """
    if "workflow_dispatch" not in file.on:
        raise InvalidWorkflow("Workflow does not have 'workflow_dispatch' trigger")
    declared = file.on["workflow_dispatch"].get("inputs") or {}
    if len(declared) > _MOST_INPUTS:
        raise InvalidWorkflow(f"you may only define up to {_MOST_INPUTS} `inputs`")
    unknown = [name for name in given if name not in declared]
    if unknown:
        raise InvalidWorkflow(f"Unexpected inputs provided: {_quoted(unknown)}")
    found: dict[str, str] = {}
    for name, settings in declared.items():
        about = settings or {}
        kind = about.get("type", "string")
        default = about.get("default", "false" if kind == "boolean" else None)
        value = given.get(name, default)
        if about.get("required") and value in (None, ""):
            raise InvalidWorkflow(f"Required input '{name}' not provided")
        text = "" if value is None else str(value).lower() if kind == "boolean" else str(value)
        if kind == "boolean" and text not in ("true", "false"):
            raise InvalidWorkflow(f"Provided value '{text}' for input '{name}' not a boolean")
        options = [str(option) for option in about.get("options", ())]
        if kind == "choice" and text and text not in options:
            raise InvalidWorkflow(
                f"Provided value '{text}' for input '{name}' not in the list of allowed values"
            )
        found[name] = text
    return found


def _push_starts(settings: Mapping[str, Any], happened: Happening) -> bool:
    if any(word in happened.message for word in SKIPPING):
        return False
    ref = happened.ref or ""
    has = {key for key in settings if settings[key] is not None}
    if ref.startswith(_TAGS):
        wanted, other = "tags", "branches"
        name = ref.removeprefix(_TAGS)
    else:
        wanted, other = "branches", "tags"
        name = ref.removeprefix(_HEADS)
    is_filtered = has & {wanted, f"{wanted}-ignore"}
    if not is_filtered and has & {other, f"{other}-ignore"}:
        return False  # a filter on branches alone leaves tags out, and the other way round
    if not _fits(settings, wanted, name):
        return False
    if happened.paths is None or wanted == "tags":
        return True
    if "paths-ignore" in has:
        ignored = _strings(settings["paths-ignore"])
        return any(not admits(ignored, [path]) for path in happened.paths)
    return "paths" not in has or admits(_strings(settings["paths"]), happened.paths)


def _fits(settings: Mapping[str, Any], key: str, name: str) -> bool:
    if settings.get(f"{key}-ignore") is not None:
        return not admits(_strings(settings[f"{key}-ignore"]), [name])
    return settings.get(key) is None or admits(_strings(settings[key]), [name])


def _type_fits(settings: Mapping[str, Any], happened: Happening) -> bool:
    types = settings.get("types")
    return types is None or happened.action in _strings(types)


def _strings(value: Any) -> list[str]:
    if value is None:
        return []
    return [str(one) for one in value] if isinstance(value, list) else [str(value)]


def _quoted(names: list[str]) -> str:
    return "[" + ", ".join(f'"{name}"' for name in names) + "]"
