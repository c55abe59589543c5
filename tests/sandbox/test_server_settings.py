"""What the stand-in shows of a repository's settings, and to whom."""

from __future__ import annotations

import pytest
from tests.sandbox.server_world import World

from tidemill_sandbox.state.shapes import Access

ACTIONS = "/repos/acme/app/actions"
PROTECTION = "/repos/acme/app/branches/main/protection"
SHOWN = {
    "secrets": (f"{ACTIONS}/secrets", "secrets"),
    "shared secrets": (f"{ACTIONS}/organization-secrets", "secrets"),
    "variables": (f"{ACTIONS}/variables", "variables"),
    "shared variables": (f"{ACTIONS}/organization-variables", "variables"),
    "policy": (f"{ACTIONS}/permissions", "administration"),
    "defaults": (f"{ACTIONS}/permissions/workflow", "administration"),
    "protection": (PROTECTION, "administration"),
}


@pytest.mark.parametrize(("path", "permission"), SHOWN.values(), ids=SHOWN.keys())
def test_it_takes_a_permission_also_where_the_repository_is_public(
    pushed: World, path: str, permission: str
) -> None:
    only: dict[str, Access] = {permission: "read"}
    rules = ({"type": "pull_request"}, {"type": "update"})
    pushed.hub.add_ruleset(
        pushed.repository, "x", ("~ALL",), rules, is_classic=True, bypass=frozenset({15368})
    )
    refused = pushed.call("GET", path)
    assert refused.status == 403
    assert refused.headers["x-accepted-github-permissions"] == f"{permission}=read"
    assert pushed.call("GET", path, token="").status == 401
    assert pushed.call("GET", path, token=pushed.mint(**only)).status == 200


def test_names_are_in_capitals_and_secrets_are_not_shown(pushed: World) -> None:
    pushed.repository.secrets["token"] = "s3cret"
    pushed.repository.variables["Mill"] = "Iv1"
    token = pushed.mint(secrets="read", variables="read")
    answer = pushed.call("GET", f"{ACTIONS}/secrets", token=token)
    assert [one["name"] for one in answer.json["secrets"]] == ["TOKEN"]
    assert b"s3cret" not in answer.body
    (found,) = pushed.call("GET", f"{ACTIONS}/variables", token=token).json["variables"]
    assert (found["name"], found["value"]) == ("MILL", "Iv1")


def test_actions_can_be_switched_off(pushed: World) -> None:
    pushed.repository.allowed_actions = "none"
    token = pushed.mint(administration="read")
    assert pushed.call("GET", f"{ACTIONS}/permissions", token=token).json["enabled"] is False


def test_a_branch_without_classic_protection_has_none(pushed: World) -> None:
    assert pushed.call("GET", PROTECTION, token=pushed.mint(administration="read")).status == 404


def test_who_may_bypass_a_ruleset_is_shown_to_those_who_may_change_it(pushed: World) -> None:
    one = pushed.hub.add_ruleset(
        pushed.repository,
        "x",
        ("~ALL",),
        ({"type": "update"},),
        bypass=frozenset({77}),
        bypass_logins=frozenset({"ada"}),
    )
    path = f"/repos/acme/app/rulesets/{one.id}"
    assert "bypass_actors" not in pushed.call("GET", path).json
    found = pushed.call("GET", path, token=pushed.mint(administration="write")).json
    assert [one["actor_type"] for one in found["bypass_actors"]] == ["Integration", "User"]
    assert found["bypass_actors"][0]["actor_id"] == 77
