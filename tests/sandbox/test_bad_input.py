"""What is wrong on the wire, met by the actions: one annotation with the remedy, and nothing lost.

A cfg-app.git on the stand-in, and actions as a runner starts them.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.commands.as_action import Acted, act
from tests.world import World, announcement, git, sha_of

from tidemill_sandbox.server.listening import Server
from tidemill_sandbox.server.rest import openapi
from tidemill_sandbox.state.hub import Hub
from tidemill_sandbox.state.limits import Fault
from tidemill_sandbox.state.shapes import Access

CFG, APP = "acme/cfg-app", "acme/app"
OWN = "tidemill/check"
RIGHTS: Mapping[str, Access] = {"contents": "write", "statuses": "write", "checks": "read"}
ACCEPT, TURN, ANNOUNCE = "accept-event", "reconcile-cfg-app", "announce-images"
WAVES: dict[str, dict[str, Any]] = {"lab": {"targets": ["lab-1"]}, "shop": {"targets": ["north"]}}
FIRST, SECOND = (
    f"refs/tidemill/inbox/announcement-app-{number}-{sha_of(f'app-{number}')[:12]}"
    for number in (1, 2)
)
GONE = "http://127.0.0.1:1"  # nothing listens there
A_RUN = {"GITHUB_RUN_ID": "12", "GITHUB_EVENT_NAME": "repository_dispatch"}


class _Settings(World):
    def _settings(self, *given: Any) -> str:
        return super()._settings(*given).replace('source = "refs"\n', f'required = ["{OWN}"]\n')


@dataclass
class Shop:
    """The stand-in with acme/cfg-app, in which nothing was announced, and acme/app: private."""

    hub: Hub
    folder: Path

    @property
    def bare(self) -> Path:
        found = self.hub.repository(CFG)
        assert found is not None
        return found.path

    def token(self, *repositories: str, **permissions: Access | None) -> str:
        """A job's token: with RIGHTS but for what is said otherwise; None takes one away."""
        rights = {**RIGHTS, **permissions}
        return self.hub.tokens.mint(
            "workflow",
            login="github-actions[bot]",
            repositories=list(repositories or (CFG,)),
            permissions={name: access for name, access in rights.items() if access},
            run_id=12,
        )

    def act(self, name: str, inputs: Mapping[str, str], token: str = "", **env: str) -> Acted:
        """Run an action in a workflow of cfg-app.git."""
        return act(
            self.folder,
            name,
            inputs,
            **{
                "GITHUB_SERVER_URL": self.hub.url,
                "GITHUB_API_URL": self.hub.api_url,
                "GITHUB_REPOSITORY": CFG,
                "TIDEMILL_TOKEN": token or self.token(),
                **A_RUN,
                **env,
            },
        )

    def accept(self, payload: object, kind: str = "images-announced", **given: str) -> Acted:
        """An event comes."""
        event = self.folder / "event.json"
        event.write_text(
            json.dumps({"action": kind, "client_payload": payload, "sender": {"login": "ada"}})
        )
        return self.act(ACCEPT, {}, **{"GITHUB_EVENT_PATH": str(event), **given})

    def turn(self, token: str = "", /, **inputs: str) -> Acted:
        return self.act(TURN, inputs, token)

    def under_test(self) -> str:
        """A set was accepted and introduced; the commit whose check decides."""
        assert self.accept(announcement(1)).code == 0
        found = self.turn()
        assert found.code == 0, found.log
        return str(self.ref("refs/heads/auto"))

    def is_green(self, sha: str) -> None:
        """Another job has set the status of our check."""
        url = f"{self.hub.api_url}/repos/{CFG}/statuses/{sha}"
        body = json.dumps({"state": "success", "context": OWN}).encode()
        headers = {"Authorization": f"Bearer {self.token()}", "User-Agent": "tests"}
        asked = urllib.request.Request(url, data=body, headers=headers)
        with urllib.request.urlopen(asked, timeout=60) as answer:
            assert answer.status == 201

    def ref(self, name: str) -> str:
        return git(self.bare, "for-each-ref", "--format=%(objectname)", name)

    def refs(self) -> str:
        """All that there is."""
        return git(self.bare, "for-each-ref")

    def is_accepted(self) -> bool:
        return bool(self.ref(FIRST))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return _Settings(tmp_path_factory.mktemp("cfg"), WAVES)


@pytest.fixture
def shop(tmp_path: Path, world: World, described: openapi.Description) -> Iterator[Shop]:
    hub = Hub(tmp_path / "hub")
    hub.create_repository(APP, is_private=True)
    cfg = hub.create_repository(CFG, is_private=True)
    git(world.bare, "push", "-q", str(cfg.path), "main")
    with Server(hub):
        yield Shop(hub, tmp_path)
    hub.close()


def wrong(done: Acted) -> str:
    """The one annotation of something that went wrong."""
    assert done.code == 1, done.log
    (said,) = done.annotations("error")
    assert done.annotations("warning") == []
    return said


# A dispatch of a wrong schema

NEWER = {**announcement(1), "version": 2}
MESSAGES: Mapping[str, tuple[object, str]] = {
    "newer": (NEWER, "version"),
    "no commit": ({"set": "app"}, "of which commit"),
    "a list": ([1], "not an announcement"),
    "text": ("x", "not an announcement"),
    "nothing": (None, "not an announcement"),
    "no images": ({**announcement(1), "images": {}}, "no image"),
    "a digest that is none": (
        {**announcement(1), "images": {"web": {"Digest": "ghcr.io/acme/web:1", "Tag": "x"}}},
        "sha256",
    ),
    "a number for a text": ({**announcement(1), "set": 1}, "set"),
    "a command": ({**announcement(1), "set": "::error::x\n"}, "set"),
}


@pytest.mark.parametrize("case", MESSAGES)
def test_dispatch_of_a_wrong_schema_is_one_annotation_and_writes_nothing(
    shop: Shop, case: str
) -> None:
    payload, word = MESSAGES[case]
    before = shop.refs()
    said = wrong(shop.accept(payload))
    assert word in said
    assert "written: nothing" in said
    assert "remedy: " in said
    assert shop.refs() == before


def test_newer_report_of_a_target_names_the_versions(shop: Shop) -> None:
    said = wrong(shop.accept({"version": 99, "wave": "lab", "target": "lab-1"}, "target-deployed"))
    assert "99" in said
    assert "remedy: " in said


# A token with too few rights: each right in turn


def test_token_that_may_only_read_is_told_to_write_contents(shop: Shop) -> None:
    before = shop.refs()
    said = wrong(shop.accept(announcement(1), token=shop.token(contents="read")))
    assert f"`contents: write` for {CFG}" in said
    assert shop.refs() == before


@pytest.mark.parametrize("lost", ["contents", "statuses", "checks"])
def test_turn_with_a_token_that_lacks_a_right_names_it_and_what_was_accepted_stays(
    shop: Shop, lost: str
) -> None:
    under_test = shop.under_test()
    assert shop.accept(announcement(2)).code == 0
    before = shop.refs()
    need: Mapping[str, tuple[Access | None, str]] = {
        "contents": ("read", "contents: write"),
        "statuses": (None, "statuses: read"),
        "checks": (None, "checks: read"),
    }
    given, named = need[lost]
    if lost == "contents":  # without a verdict, nothing would be written
        shop.is_green(under_test)
    said = wrong(shop.turn(shop.token(**{lost: given})))
    assert f"`{named}` for {CFG}" in said
    assert "permissions:" in said
    assert shop.refs() == before
    assert shop.ref(SECOND)
    assert shop.turn(verdicts=json.dumps({under_test: "success"})).code == 0
    assert shop.ref("refs/heads/main") == under_test


def test_verdicts_that_may_not_be_set_are_told_and_can_be_set_later(shop: Shop) -> None:
    under_test = shop.under_test()
    verdicts = json.dumps({under_test: "success"})
    said = wrong(shop.turn(shop.token(statuses="read"), verdicts=verdicts))
    assert f"`statuses: write` for {CFG}" in said
    assert shop.ref("refs/heads/main") != under_test
    assert shop.turn(verdicts=verdicts).code == 0
    assert shop.ref("refs/heads/main") == under_test


def test_token_of_another_repository_is_told_for_which_it_should_be(shop: Shop) -> None:
    said = wrong(shop.accept(announcement(1), token=shop.token(APP)))
    assert CFG in said
    assert "contents: " in said
    said = wrong(shop.turn(shop.token(APP)))
    assert f"for {CFG}" in said


def test_token_that_is_none_any_more_is_named_as_such(shop: Shop) -> None:
    token = shop.token()
    shop.hub.tokens.revoke(token)
    assert CFG in wrong(shop.accept(announcement(1), token=token))


def test_artifact_that_may_not_be_read_names_actions_of_app_git(shop: Shop) -> None:
    whole = {key: value for key, value in announcement(1).items() if key != "images"}
    artifact = {"run_id": 7, "name": "announcements", "sha256": "a" * 64}
    said = wrong(shop.accept({**whole, "branch": "main", "artifact": artifact}))
    assert f"`actions: read` for {APP}" in said
    assert not shop.is_accepted()


@pytest.mark.parametrize(
    ("repositories", "contents"), [((APP,), "write"), ((CFG,), "read")], ids=["app's own", "reads"]
)
def test_announcing_with_too_few_rights_names_contents_of_cfg_app(
    shop: Shop, repositories: tuple[str, ...], contents: Access
) -> None:
    inputs = {"announcement": json.dumps(announcement(1)), "to": CFG}
    token = shop.token(*repositories, contents=contents)
    said = wrong(shop.act(ANNOUNCE, inputs, token, GITHUB_REPOSITORY=APP))
    assert f"`contents: write` for {CFG}" in said


def test_announcing_without_a_token_says_which(shop: Shop) -> None:
    inputs = {"announcement": json.dumps(announcement(1)), "to": CFG}
    said = wrong(shop.act(ANNOUNCE, inputs, TIDEMILL_TOKEN=""))
    assert f"contents of {CFG}" in said


# An API that does not answer


def test_api_that_can_not_be_reached_is_told_and_what_was_accepted_stays(shop: Shop) -> None:
    under_test = shop.under_test()
    shop.hub.limits.faults.append(Fault("drop", times=100))
    said = wrong(shop.turn())
    assert "GitHub's API" in said
    assert "run it again" in said
    shop.hub.limits.faults.clear()
    assert shop.turn(verdicts=json.dumps({under_test: "success"})).code == 0
    assert shop.ref("refs/heads/main") == under_test


def test_server_that_can_not_be_reached_is_one_annotation(shop: Shop) -> None:
    there = {"GITHUB_SERVER_URL": GONE, "GITHUB_API_URL": f"{GONE}/api/v3"}
    said = wrong(shop.accept(announcement(1), **there))
    assert CFG in said
    assert "remedy: " in said


@pytest.mark.parametrize("kind", ["primary", "secondary"])
def test_limit_that_lasts_says_until_when_and_what_was_accepted_stays(
    shop: Shop, kind: Any
) -> None:
    shop.under_test()
    assert shop.accept(announcement(2)).code == 0
    before = shop.refs()
    shop.hub.limits.faults.append(Fault(kind, times=100, seconds=3000))
    said = wrong(shop.turn())
    assert "rate limit" in said
    assert f"for {CFG}, until 20" in said
    assert shop.refs() == before


# A rule that refuses the push


@pytest.mark.parametrize(("is_classic", "code"), [(False, "GH013"), (True, "GH006")])
def test_rule_that_refuses_main_is_an_error_and_everything_else_is_done(
    shop: Shop, is_classic: bool, code: str
) -> None:
    under_test = shop.under_test()
    cfg = shop.hub.repository(CFG)
    assert cfg is not None
    rule = {
        "type": "required_status_checks",
        "parameters": {"required_status_checks": [{"context": OWN}, {"context": "another"}]},
    }
    shop.hub.add_ruleset(cfg, "checks", ("~DEFAULT_BRANCH",), (rule,), is_classic=is_classic)
    assert shop.accept(announcement(2)).code == 0
    before = shop.ref("refs/heads/main")
    said = wrong(shop.turn(verdicts=json.dumps({under_test: "success"})))
    assert code in said
    assert "bypass" in said
    assert shop.ref("refs/heads/main") == before
    assert shop.ref(SECOND)
    cfg.rulesets.clear()
    assert shop.turn().code == 0
    assert shop.ref("refs/heads/main") == under_test


def test_rule_that_refuses_auto_is_an_error_and_what_was_accepted_stays(shop: Shop) -> None:
    assert shop.accept(announcement(1)).code == 0
    cfg = shop.hub.repository(CFG)
    assert cfg is not None
    shop.hub.add_ruleset(cfg, "auto", ("refs/heads/auto",), ({"type": "creation"},))
    said = wrong(shop.turn())
    assert "GH013" in said
    assert "auto" in said.partition("remedy:")[2]
    assert shop.is_accepted()


# A workflow whose surroundings are nonsense


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GITHUB_SERVER_URL", "github.acme.example"),
        ("GITHUB_API_URL", "github.acme.example/api"),
        ("GITHUB_REPOSITORY", "cfg-app"),
        ("TIDEMILL_TOKEN", "ghs_1 ghs_2"),
    ],
)
def test_nonsense_in_the_environment_is_named(shop: Shop, name: str, value: str) -> None:
    assert name in wrong(shop.accept(announcement(1), **{name: value}))


def test_token_with_a_line_end_is_the_token(shop: Shop) -> None:
    done = shop.accept(announcement(1), token=f"{shop.token()}\n")
    assert done.code == 0, done.log
    assert shop.is_accepted()
