"""Repositories, their branches, rules and files."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

from tidemill_sandbox.server.rest import rendering
from tidemill_sandbox.server.rest.calls import Answer, Call, Problem, operation, unfound
from tidemill_sandbox.state import git_reading, rules
from tidemill_sandbox.state.shapes import Ruleset

_CHECK_DEFAULTS = {
    "strict_required_status_checks_policy": False,
    "do_not_enforce_on_create": False,
    "required_status_checks": [],
}


@operation("GET", "/repos/{owner}/{repo}", "metadata")
def _repository(call: Call) -> Answer:
    hub, repository = call.hub, call.repository
    whole = rendering.whole_repository(hub, repository)
    if call.token is not None:
        can_push = call.token.allows(repository, "contents", "write")
        whole["permissions"] = {"admin": False, "maintain": False, "push": can_push,
                                "triage": False, "pull": True}  # fmt: skip
    if hub.account(repository.owner).kind == "Organization":
        whole["organization"] = rendering.account(hub, repository.owner)
    return Answer(200, {**whole, "network_count": 0, "subscribers_count": 0})


@operation("GET", "/repos/{owner}/{repo}/branches", "contents")
def _branches(call: Call) -> Answer:
    heads = git_reading.refs(call.repository.path, "refs/heads/")
    return call.page(
        [
            {
                "name": ref.removeprefix("refs/heads/"),
                "commit": {"sha": sha, "url": f"{call.repository_url}/commits/{sha}"},
                "protected": _is_protected(call, ref),
            }
            for ref, (sha, _) in sorted(heads.items())
            if call.query.get("protected", "").lower()
            in ("", str(_is_protected(call, ref)).lower())
        ]
    )


@operation("GET", "/repos/{owner}/{repo}/branches/{branch}", "contents")
def _branch(call: Call) -> Answer:
    name = call.parameters["branch"]
    sha = git_reading.tip(call.repository.path, f"refs/heads/{name}")
    if sha is None:
        raise Problem(404, "Branch not found")
    found = git_reading.commit(call.repository.path, sha)
    url = f"{call.repository_url}/branches/{name}"
    return Answer(
        200,
        {
            "name": name,
            "commit": rendering.commit(call.hub, call.repository, found),
            "_links": {"self": url, "html": f"{call.hub.url}/{call.repository.name}/tree/{name}"},
            "protected": _is_protected(call, f"refs/heads/{name}"),
            "protection": {
                "enabled": bool(list(_classic(call, name))),
                "required_status_checks": {
                    "enforcement_level": "everyone" if _required(call, name) else "off",
                    "contexts": [check["context"] for check in _required(call, name)],
                    "checks": _required(call, name),
                },
            },
            "protection_url": f"{url}/protection",
        },
    )


@operation(
    "GET",
    "/repos/{owner}/{repo}/branches/{branch}/protection/required_status_checks",
    "administration",
)
def _classic_checks(call: Call) -> Answer:
    name = call.parameters["branch"]
    if not list(_classic(call, name)):
        raise Problem(404, "Branch not protected")
    found = _required(call, name)
    if not found:
        raise Problem(404, "Required status checks not enabled")
    value = {
        "url": call.url,
        "strict": False,
        "contexts": [check["context"] for check in found],
        "contexts_url": f"{call.url}/contexts",
        "checks": found,
    }
    return Answer(200, value)


@operation("GET", "/repos/{owner}/{repo}/rules/branches/{branch}", "metadata")
def _rules(call: Call) -> Answer:
    found = []
    for ruleset in rules.rulesets_of(call.repository, f"refs/heads/{call.parameters['branch']}"):
        source = {
            "ruleset_source_type": "Repository",
            "ruleset_source": call.repository.name,
            "ruleset_id": ruleset.id,
        }
        found += [{**_rule(rule), **source} for rule in ruleset.rules]
    return call.page(found)


@operation("GET", "/repos/{owner}/{repo}/rulesets", "metadata")
def _rulesets(call: Call) -> Answer:
    modern = [one for one in call.repository.rulesets if not one.is_classic]
    return call.page([_ruleset(call, one) for one in modern])


@operation("GET", "/repos/{owner}/{repo}/rulesets/{ruleset_id}", "metadata")
def _one_ruleset(call: Call) -> Answer:
    number = call.number("ruleset_id")
    for ruleset in call.repository.rulesets:
        if ruleset.id == number and not ruleset.is_classic:
            whole: dict[str, Any] = {
                "conditions": {"ref_name": {"include": list(ruleset.include), "exclude": []}},
                "rules": [_rule(rule) for rule in ruleset.rules],
            }
            if call.token and call.token.allows(call.repository, "administration", "write"):
                whole["bypass_actors"] = [*_bypass(call, ruleset)]
            return Answer(200, {**_ruleset(call, ruleset), **whole})
    raise unfound()


@operation("GET", "/repos/{owner}/{repo}/contents/{path}", "contents")
def _contents(call: Call) -> Answer:
    git = call.repository.path
    wanted = call.query.get("ref") or call.repository.default_branch
    try:
        commit = git_reading.resolve(git, wanted)
    except git_reading.Unfound:
        raise Problem(404, f"No commit found for the ref {wanted}") from None
    name = call.parameters["path"].strip("/")
    entries = git_reading.tree(git, commit, name)
    match entries:
        case [entry] if entry.kind == "blob":
            data = git_reading.blob(git, entry.sha)
            body = {"encoding": "base64", "content": base64.encodebytes(data).decode()}
            return Answer(200, {**_entry(call, commit, entry), **body})
        case [entry] if entry.kind == "tree":
            below = git_reading.tree(git, commit, f"{name}/")
            return Answer(200, [_entry(call, commit, found) for found in below])
        case _:
            raise unfound()


def _entry(call: Call, commit: str, entry: git_reading.Entry) -> dict[str, Any]:
    kind = {"blob": "file", "tree": "dir", "commit": "submodule"}[entry.kind]
    part = "trees" if entry.kind == "tree" else "blobs"
    url = f"{call.repository_url}/contents/{entry.path}?ref={commit}"
    git_url = f"{call.repository_url}/git/{part}/{entry.sha}"
    page = f"{call.hub.url}/{call.repository.name}/blob/{commit}/{entry.path}"
    return {
        "type": kind,
        "size": entry.size,
        "name": entry.path.rpartition("/")[2],
        "path": entry.path,
        "sha": entry.sha,
        "url": url,
        "git_url": git_url,
        "html_url": page,
        "download_url": None,
        "_links": {"self": url, "git": git_url, "html": page},
    }


def _classic(call: Call, branch: str) -> Iterator[Ruleset]:
    return rules.rulesets_of(call.repository, f"refs/heads/{branch}", is_classic=True)


def _required(call: Call, branch: str) -> list[dict[str, Any]]:
    """What classic protection requires of a branch."""
    return [
        {"context": check["context"], "app_id": check.get("integration_id")}
        for ruleset in _classic(call, branch)
        for rule in ruleset.rules
        if rule["type"] == "required_status_checks"
        for check in rule["parameters"]["required_status_checks"]
    ]


def _is_protected(call: Call, ref: str) -> bool:
    return any(
        True
        for is_classic in (False, True)
        for _ in rules.rulesets_of(call.repository, ref, is_classic=is_classic)
    )


def _rule(rule: dict[str, Any]) -> dict[str, Any]:
    if rule["type"] == "required_status_checks":
        return {**rule, "parameters": {**_CHECK_DEFAULTS, **rule.get("parameters", {})}}
    return rule


def _bypass(call: Call, ruleset: Ruleset) -> Iterator[dict[str, Any]]:
    """Who need not keep to a ruleset, which is shown to those alone who may change it."""
    people = (call.hub.account(login).id for login in sorted(ruleset.bypass_logins))
    for kind, ids in (("Integration", sorted(ruleset.bypass)), ("User", people)):
        for one in ids:
            yield {"actor_id": one, "actor_type": kind, "bypass_mode": "always"}


def _ruleset(call: Call, ruleset: Ruleset) -> dict[str, Any]:
    created = rendering.time(call.repository.created_at)
    return {
        "id": ruleset.id,
        "name": ruleset.name,
        "target": "branch",
        "source_type": "Repository",
        "source": call.repository.name,
        "enforcement": ruleset.enforcement,
        "node_id": f"RRS_{ruleset.id}",
        "_links": {"self": {"href": f"{call.repository_url}/rulesets/{ruleset.id}"}},
        "created_at": created,
        "updated_at": created,
    }
