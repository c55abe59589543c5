"""`tidemill doctor` where the remote is on GitHub: on the stand-in, whose answers are GitHub's."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.commands.checkouts import Said
from tests.commands.test_doctor import by_state, contents, doctor, example
from tests.sandbox.server_world import described as described  # noqa: PLC0414 - it is a fixture
from tests.unit.checkup_values import CFG, CFG_WORKFLOW
from tests.world import git

from tidemill_sandbox.server.listening import Server
from tidemill_sandbox.server.rest.calls import TABLE, Call, Entry, Problem
from tidemill_sandbox.server.rest.openapi import Description, Operation
from tidemill_sandbox.state.hub import Hub
from tidemill_sandbox.state.shapes import ACTIONS_APP_ID, Access, Repository, Status

ALL: dict[str, Access] = {
    **dict.fromkeys(("contents", "workflows", "administration"), "write"),
    **dict.fromkeys(("statuses", "checks", "secrets", "variables"), "read"),
}
ASKED = {
    "rules": "/rules/branches/{branch}",
    "branch": "/branches/{branch}",
    "ruleset": "/rulesets/{ruleset_id}",
    "protection": "/branches/{branch}/protection",
    "policy": "/actions/permissions",
    "defaults": "/actions/permissions/workflow",
    "secrets": "/actions/secrets",
    "variables": "/actions/variables",
    "statuses": "/commits/{ref}/statuses",
    "check runs": "/commits/{ref}/check-runs",
}


@dataclass
class Place:
    """Two repositories on the stand-in, and a checkout of one with its origin there."""

    hub: Hub
    folder: Path
    monkeypatch: pytest.MonkeyPatch

    def repository(self, name: str, *, is_private: bool = True) -> Repository:
        return self.hub.create_repository(name, is_private=is_private)

    def pushed(self, repository: Repository, folder: Path) -> Path:
        """A checkout whose main is on the server."""
        git(folder, "push", "--quiet", str(repository.path), "HEAD:refs/heads/main")
        git(folder, "remote", "add", "origin", f"{self.hub.url}/{repository.name}.git")
        return folder

    def small(self, name: str, files: dict[str, str]) -> Path:
        """A checkout of these files."""
        folder = self.folder / name
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
        git(folder, "init", "--quiet", "--initial-branch=main")
        git(folder, "add", "--all")
        git(folder, "commit", "--quiet", "--message", "Begin")
        return folder

    def sign_in(self, permissions: dict[str, Access], *names: str) -> None:
        token = self.hub.tokens.mint(
            "user", login="ada", repositories=names, permissions=permissions
        )
        self.monkeypatch.setenv("TIDEMILL_TOKEN", token)


@pytest.fixture
def place(
    tmp_path: Path, described: Description, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Place]:
    hub = Hub(tmp_path / "hub")
    with Server(hub):
        monkeypatch.setenv("GITHUB_SERVER_URL", hub.url)
        monkeypatch.setenv("GITHUB_API_URL", hub.api_url)
        monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
        yield Place(hub, tmp_path, monkeypatch)
    hub.close()
    assert hub.deviations == []


@dataclass
class Cfg:
    """A small cfg-app.git, its repository on the server, and a token that may see everything."""

    place: Place
    repository: Repository
    checkout: Path

    def rule(self, kind: str, include: str = "refs/heads/main", **more: Any) -> None:
        parameters = more.pop("parameters", None)
        rule = {"type": kind, **({"parameters": parameters} if parameters else {})}
        self.place.hub.add_ruleset(self.repository, "r", (include,), (rule,), **more)

    def report(self, context: str) -> None:
        """A status of the checkout's commit, by GitHub Actions."""
        hub, sha = self.place.hub, git(self.checkout, "rev-parse", "HEAD")
        by, name = "github-actions[bot]", self.repository.name
        hub.statuses.append(
            Status(
                hub.new_id(),
                name,
                sha,
                "success",
                context,
                description=None,
                target_url=None,
                creator=by,
                created_at=hub.now(),
                app_id=ACTIONS_APP_ID,
            )
        )

    def doctor(self) -> Said:
        return doctor(self.checkout)

    def found(self, check: str) -> dict[str, list[str]]:
        return by_state(self.doctor(), check)


@pytest.fixture
def cfg(place: Place) -> Cfg:
    settings = CFG.replace('generate = "make generate"\ncheck = "./check.sh"\n', "")
    files = {"tidemill.toml": settings, ".github/workflows/tidemill.yml": CFG_WORKFLOW}
    repository = place.repository("acme/cfg-app")
    place.sign_in(ALL, "acme/cfg-app", "acme/app")
    return Cfg(place, repository, place.pushed(repository, place.small("cfg", files)))


def test_the_examples_have_no_problem(place: Place) -> None:
    for name in ("cfg-app", "app"):
        repository = place.repository(f"acme/{name}")
        repository.secrets["ANNOUNCE_TOKEN"] = "x"
        place.pushed(repository, example(name, place.folder / name))
    place.sign_in(ALL, "acme/app", "acme/cfg-app")
    for name, well in (
        ("cfg-app", {"github", "branch", "rules", "required-checks", "token"}),
        ("app", {"github", "branch", "secrets", "dispatch", "token"}),
    ):
        before = contents(place.folder / name)
        said = doctor(place.folder / name)
        assert said.code == 0, said.out
        states = {one["check"]: one["state"] for one in said.json["findings"]}
        assert {check: states.get(check) for check in well} == dict.fromkeys(well, "ok")
        assert {"problem", "warning"}.isdisjoint(states.values())
        assert contents(place.folder / name) == before
    assert {asked.method for asked in place.hub.calls} == {"GET"}
    assert place.hub.events == []
    refs = git(place.hub.repositories["acme/cfg-app"].path, "for-each-ref", "--format=%(refname)")
    assert refs == "refs/heads/main"


def test_a_secret_that_is_not_there_is_named(place: Place) -> None:
    repository = place.repository("acme/app")
    place.pushed(repository, example("app", place.folder / "app"))
    place.sign_in(ALL, "acme/app")
    said = doctor(place.folder / "app")
    assert said.code == 1
    assert "ANNOUNCE_TOKEN" in by_state(said, "secrets")["problem"][0]
    assert set(by_state(said, "dispatch")) == {"unknown"}  # acme/cfg-app is not there, or not seen


def test_a_cfg_repository_of_another_application_is_named(cfg: Cfg) -> None:
    repository = cfg.place.repository("acme/app")
    app = cfg.place.pushed(repository, example("app", cfg.place.folder / "app"))
    found = by_state(doctor(app), "dispatch")
    assert found["problem"] == [
        "the set batch is not in tidemill.toml of acme/cfg-app, which has app"
    ]


def test_pull_requests_keep_a_workflow_out_that_the_ruleset_does_not_let_by(cfg: Cfg) -> None:
    cfg.rule("pull_request", bypass=frozenset({77}))
    assert cfg.doctor().code == 1
    (found,) = cfg.found("rules")["problem"]
    assert found == "a rule of main wants a pull request, and it does not let GitHub Actions by"


def test_a_workflow_gets_by_where_the_ruleset_lets_actions_by(cfg: Cfg) -> None:
    """In some organisations it can: then `bypass_actors` has Actions' own App."""
    cfg.rule("pull_request", bypass=frozenset({ACTIONS_APP_ID}))
    found = cfg.found("rules")
    assert "problem" not in found
    assert "a rule of main wants a pull request, and it lets GitHub Actions by" in found["ok"]


def test_a_rule_of_all_branches_keeps_force_pushes_from_auto(cfg: Cfg) -> None:
    cfg.rule("non_fast_forward", "~ALL")
    (found,) = cfg.found("rules")["problem"]
    assert "a rule of auto wants no force pushes" in found


def test_an_app_gets_by_where_the_ruleset_lets_it(cfg: Cfg) -> None:
    lines = "      app-client-id: Iv1\n    secrets: {app-private-key: '${{ secrets.KEY }}'}\n"
    file = cfg.checkout / ".github/workflows/tidemill.yml"
    file.write_text(CFG_WORKFLOW + lines)
    cfg.rule("pull_request", bypass=frozenset({77}))
    assert "lets an App by" in cfg.found("rules")["unknown"][0]
    cfg.repository.rulesets.clear()
    cfg.rule("pull_request")
    assert "lets no App by" in cfg.found("rules")["problem"][0]
    cfg.place.sign_in({**ALL, "administration": "read"}, "acme/cfg-app")
    assert "can't be seen with this token" in cfg.found("rules")["unknown"][0]


def test_classic_protection_is_seen_by_whoever_may(cfg: Cfg) -> None:
    cfg.rule("pull_request", is_classic=True)
    assert "the protection of main wants a pull request" in cfg.found("rules")["problem"][0]
    cfg.place.sign_in({**ALL, "administration": None}, "acme/cfg-app")  # type: ignore[dict-item]
    assert "sees no more" in cfg.found("rules")["unknown"][0]


def test_a_required_check_that_no_push_to_auto_starts_is_named(cfg: Cfg) -> None:
    checks = [{"context": "tidemill/check"}, {"context": "ci", "integration_id": ACTIONS_APP_ID}]
    cfg.rule("required_status_checks", parameters={"required_status_checks": checks})
    assert "nothing has reported it of auto" in cfg.found("required-checks")["unknown"][0]
    cfg.report("ci")
    assert "so it never comes" in cfg.found("required-checks")["problem"][0]


def test_a_required_check_is_found_behind_many_others_of_the_commit(cfg: Cfg) -> None:
    checks = [{"context": "ci", "integration_id": ACTIONS_APP_ID}]
    cfg.rule("required_status_checks", parameters={"required_status_checks": checks})
    git(cfg.checkout, "push", "-q", str(cfg.repository.path), "HEAD:refs/heads/auto")
    for context in ("ci", *(f"job {number}" for number in range(120))):
        cfg.report(context)
    found = cfg.found("required-checks")
    assert [one for one in found["ok"] if one.startswith("ci") and "is reported of auto" in one]


def test_actions_that_are_switched_off_are_named(cfg: Cfg) -> None:
    cfg.repository.allowed_actions = "none"
    assert "Actions may not run" in cfg.found("github")["problem"][0]


def test_a_token_that_may_only_read_is_told_from_one_that_may_push(cfg: Cfg) -> None:
    assert "may write the contents" in cfg.found("token")["ok"][0]
    assert "whether it takes refs/tidemill/*" in cfg.found("state-refs")["unknown"][0]
    cfg.place.sign_in({"contents": "read"}, "acme/cfg-app")
    assert "may only read" in cfg.found("token")["warning"][0]
    assert "takes no push from here" in cfg.found("state-refs")["warning"][0]


def test_credentials_of_the_remote_are_no_part_of_what_is_to_be_pasted(cfg: Cfg) -> None:
    url = git(cfg.checkout, "remote", "get-url", "origin").strip()
    token = os.environ["TIDEMILL_TOKEN"]
    git(cfg.checkout, "remote", "set-url", "origin", url.replace("://", f"://ada:{token}@"))
    (found,) = [one for one in cfg.doctor().json["findings"] if one["check"] == "state-refs"]
    assert found["paste"] == f"tidemill reconcile-cfg-app --repo {url}"


def test_refs_of_the_state_that_are_there_were_written(cfg: Cfg) -> None:
    git(cfg.checkout, "push", "-q", str(cfg.repository.path), "HEAD:refs/tidemill/journal")
    assert set(cfg.found("state-refs")) == {"ok"}


def test_a_token_that_is_none_leaves_all_of_github_unknown(cfg: Cfg) -> None:
    cfg.place.monkeypatch.setenv("TIDEMILL_TOKEN", "github_pat_none")
    said = cfg.doctor()
    assert said.code == 0
    assert "does not take the token" in by_state(said, "github")["unknown"][0]
    assert set(by_state(said, "rules")) == {"unknown"}
    assert "github_pat_none" not in said.out + said.err


def test_an_address_by_ssh_is_asked_for_at_the_same_server(cfg: Cfg) -> None:
    host = cfg.place.hub.url.partition("://")[2].partition(":")[0]
    git(cfg.checkout, "remote", "set-url", "origin", f"git@{host}:acme/cfg-app.git")
    said = cfg.doctor()
    assert "GitHub answers for acme/cfg-app" in by_state(said, "github")["ok"][0]


@pytest.mark.parametrize("status", [403, 404])
@pytest.mark.parametrize("name", ASKED)
def test_an_answer_that_is_missing_is_never_fine(
    cfg: Cfg, monkeypatch: pytest.MonkeyPatch, name: str, status: int
) -> None:
    """Where one call is refused, no check that goes by it says that all is well, or stops."""
    operation = Operation(f"/repos/{{owner}}/{{repo}}{ASKED[name]}", "get")

    def refuse(_: Call) -> Any:
        raise Problem(status, "Resource not accessible by personal access token")

    lines = "      app-client-id: ${{ vars.MILL }}\n    secrets: {app-private-key: '${{ secrets.KEY }}'}\n"  # noqa: E501
    workflow = cfg.checkout / ".github/workflows/tidemill.yml"
    text = (
        (CFG_WORKFLOW + lines)
        .replace(
            "    permissions:\n      contents: write\n      statuses: write\n      checks: read\n"
            "      deployments: read\n      actions: read\n",
            "",
        )
        .replace("permissions: {}\n", "")
    )
    workflow.write_text(text)
    cfg.repository.secrets["KEY"] = cfg.repository.variables["MILL"] = "x"
    cfg.rule("pull_request", is_classic=name == "protection", bypass=frozenset({77}))
    entry = TABLE[operation]
    monkeypatch.setitem(TABLE, operation, Entry(refuse, entry.permission, entry.access, entry.who))
    said = cfg.doctor()
    asked = [one for one in cfg.place.hub.calls if one.status == status]
    assert asked, "nothing asked for it"
    check, word = {
        "rules": ("rules", "main"),
        "branch": ("rules" if status == 403 else "branch", "main"),
        "ruleset": ("rules", "main"),
        "protection": ("rules", "main"),
        "policy": ("github", "Actions"),
        "defaults": ("permissions", "permissions"),
        "secrets": ("secrets", "KEY"),
        "variables": ("secrets", "MILL"),
        "statuses": ("required-checks", "tidemill/check"),
        "check runs": ("required-checks", "tidemill/check"),
    }[name]
    found = [one for one in said.json["findings"] if one["check"] == check and word in one["what"]]
    assert found
    states = {one["state"] for one in found}
    if name in ("statuses", "check runs"):  # our own check needs no report
        assert states == {"ok"}
    elif (name, status) == ("branch", 404):  # of a branch, that is an answer: it is not there
        assert states == {"problem"}
    elif (name, status) == ("rules", 404):  # and of rules: the server is older than they are
        assert "problem" not in states
    else:
        assert "ok" not in states
        assert "unknown" in states


def test_environment_of_a_wave_is_looked_at(cfg: Cfg) -> None:
    file = cfg.checkout / "tidemill.toml"
    told = 'name = "production"\napproval = true\nenvironment = "Production"'
    file.write_text(file.read_text().replace('name = "production"', told))
    unseen = cfg.found("environments")
    assert "lacks `actions: read`" in unseen["unknown"][0]
    cfg.place.sign_in({**ALL, "actions": "read"}, "acme/cfg-app")
    assert "is not there" in cfg.found("environments")["problem"][0]
    cfg.place.hub.environment("acme/cfg-app", "production")
    assert "no required reviewers" in cfg.found("environments")["problem"][0]
    cfg.place.hub.environment("acme/cfg-app", "production", reviewers=("grace",))
    assert "asked for themselves" in cfg.found("environments")["warning"][0]
    cfg.place.hub.environment("acme/cfg-app", "production", prevents_self_review=True)
    assert list(cfg.found("environments")) == ["ok"]
