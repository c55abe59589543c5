"""Workflow files, as far as they call ours: which jobs do, with what, and what starts them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct, field

from tidemill.words.documents import is_plain, loaded, table

FOLDER = ".github/workflows/"
Access = Literal["read", "write"]
_OURS = re.compile(
    r"(?P<owner>[^/\s]+/(?:tidemill(?=/)|[^/\s]+(?=/\S+/(?:gitops|publish-images)\.yml)))"
    r"/\.github/workflows/(?P<file>(?!pages\.)[\w-]+)\.yml(?:@(?P<ref>\S+))?"
)
_COMMENT = re.compile(r"(?m)(?<!\S)#.*")
_NAMED = re.compile(r"\b(?P<kind>secrets|vars)\.(?P<name>[A-Za-z_][A-Za-z0-9_]*)")


class Interface(Struct, frozen=True):
    """What a workflow of ours takes; a test holds it against the workflow's own file.

    Attributes:
        permissions: what the calling job has to have, or GitHub starts nothing.
    """

    inputs: frozenset[str]
    secrets: frozenset[str]
    permissions: Mapping[str, Access]
    required: frozenset[str] = frozenset()


INTERFACES: Mapping[str, Interface] = {
    "gitops": Interface(
        frozenset(
            {"check", "setup", "app-client-id", "deployments", "entrypoints", "fail-on-red", "page"}
        )
        | {"runs-on", "issues", "teams"},
        frozenset({"app-private-key", "artifact-token", "signals", "verification-tokens"}),
        {
            "contents": "write",
            "statuses": "write",
            "checks": "read",
            "deployments": "read",
            "actions": "read",
        },
    ),
    "publish-images": Interface(
        frozenset({"cfg-repository", "max-jobs", "setup", "registry", "registry-username"})
        | {"verify", "app-client-id", "runs-on", "lfs", "submodules"},
        frozenset({"app-private-key", "announce-token", "registry-password"}),
        {"contents": "read", "packages": "write"},
        frozenset({"cfg-repository"}),
    ),
}


class Call(Struct, frozen=True):
    """A job that calls one of our workflows.

    Attributes:
        workflow: `gitops` or `publish-images`; another name is a mistake.
        ref: what stands after the @.
        on: the events that start it, each with its filters.
        inherits: whether it hands on all secrets.
        permissions: its own, or its workflow's; None where neither says.
        named: the secrets and variables that the file names, but for its comments.
    """

    file: str
    job: str
    workflow: str
    owner: str
    ref: str
    on: Mapping[str, Any]
    inputs: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, Any] = field(default_factory=dict)
    inherits: bool = False
    permissions: Mapping[str, str] | None = None
    named: frozenset[tuple[str, str]] = frozenset()

    @property
    def has_app(self) -> bool:
        return bool(self.inputs.get("app-client-id"))

    @property
    def types(self) -> list[str]:
        """The types of repository_dispatch that start it; none where all do, or none does."""
        return strings(self.on.get("repository_dispatch", {}).get("types"))

    @property
    def check(self) -> str:
        """Where its check runs; an expression is as it is written."""
        return str(self.inputs.get("check", "same-job"))


class Unread(Struct, frozen=True):
    """A workflow file that names ours and is not YAML, or no workflow."""

    file: str


def calls(texts: Mapping[str, str]) -> list[Call | Unread]:
    """All calls of our workflows in the workflow files among some texts."""
    found: list[Call | Unread] = []
    for path, text in sorted(texts.items()):
        if path.startswith(FOLDER) and _OURS.search(text):
            found += _calls(path, text)
    return found


def strings(value: object) -> list[str]:
    """A list of texts, of which one may stand alone."""
    return [str(one) for one in (value if isinstance(value, list) else [value]) if is_plain(one)]


def _calls(path: str, text: str) -> list[Call | Unread]:
    document = next(iter(loaded(text)), None)
    if document is None or not isinstance(document.get("jobs"), dict):
        return [Unread(path)]
    # In YAML 1.1, which the parser speaks, the word `on` means true.
    events = document.get("on", document.get(True))
    on = events if isinstance(events, dict) else dict.fromkeys(strings(events))
    said = _COMMENT.sub("", text)
    named = frozenset((one["kind"], one["name"].upper()) for one in _NAMED.finditer(said))
    found: list[Call | Unread] = []
    for name, job in document["jobs"].items():
        ours = _OURS.fullmatch(str(job.get("uses", ""))) if isinstance(job, dict) else None
        if ours is None:
            continue
        secrets = job.get("secrets")
        call = Call(
            file=path,
            job=str(name),
            workflow=ours["file"],
            owner=ours["owner"],
            ref=ours["ref"] or "",
            on={str(event): table(filters) for event, filters in on.items()},
            inputs={key: one for key, one in table(job, "with").items() if is_plain(one)},
            secrets=table(secrets),
            inherits=secrets == "inherit",
            permissions=_permissions(job.get("permissions", document.get("permissions"))),
            named=named,
        )
        found.append(call)
    return found


def _permissions(value: object) -> Mapping[str, str] | None:
    """By scope; `*` stands for all of them."""
    match value:
        case None:
            return None
        case "read-all" | "write-all":
            return {"*": str(value).removesuffix("-all")}
        case dict():
            return {str(scope): str(access) for scope, access in value.items() if is_plain(access)}
        case _:
            return {}
