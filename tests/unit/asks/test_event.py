"""Events: which command each becomes, and that nothing in one becomes more than a value."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from tidemill.announcing.forms import Bare, read_whole
from tidemill.announcing.forms import read as announcement
from tidemill.asks.ask import (
    Announce,
    Ask,
    DropRequest,
    HoldWave,
    Nothing,
    PromoteWave,
    PutHotfix,
    ReleaseWave,
    ReportDeployment,
    RetrySet,
    RollBackWave,
)
from tidemill.asks.event import ask_of, has_something
from tidemill.errors import Refused
from tidemill.facts.records import Health, Phase

SHA, OTHER = "7d1043473d55bfa90e8530d35801d4e381bc69f0", "b" * 40
DIGEST = "ghcr.io/acme/web@sha256:" + "6a9c" * 16
ANNOUNCEMENT = {
    "version": 1,
    "set": "app",
    "repository": "acme/app",
    "branch": "main",
    "sha": SHA,
    "position": 7,
    "images": {"web": {"Digest": DIGEST, "Tag": f"ghcr.io/acme/web:{SHA}"}},
}
REPORT = {
    "version": 1,
    "wave": "staging",
    "target": "staging-eu",
    "revision": OTHER,
    "phase": "Succeeded",
    "health": "Healthy",
    "finished_at": "2026-01-05T10:00:00Z",
    "images": [DIGEST],
}
REPORTED = ReportDeployment(
    wave="staging",
    target="staging-eu",
    revisions=(OTHER,),
    phase="Succeeded",
    health="Healthy",
    finished_at=datetime(2026, 1, 5, 10, tzinfo=UTC),
)


def read(name: str, payload: object) -> Ask | Nothing:
    return ask_of(name, json.dumps(payload).encode())


def dispatched(kind: object, payload: object, sender: object = "acme-ci[bot]") -> Ask | Nothing:
    event = {"action": kind, "branch": "main", "client_payload": payload}
    return read("repository_dispatch", {**event, "sender": {"login": sender, "id": 1}})


def filled_in(**inputs: object) -> Ask | Nothing:
    return read("workflow_dispatch", {"inputs": inputs, "ref": "refs/heads/main"})


def status(
    state: str = "success", environment: object = "staging/staging-eu", **deployment: object
) -> Ask | Nothing:
    return read(
        "deployment_status",
        {
            "deployment": {"sha": OTHER, "environment": environment, "task": "deploy"} | deployment,
            "deployment_status": {
                "state": state,
                "created_at": "2026-01-05T10:00:00Z",
                "creator": {"id": 7},
            },
        },
    )


ONLY_A_TURN = ("push", "schedule", "workflow_run", "status", "check_run", "check_suite", "x\n::y")


@pytest.mark.parametrize("name", ONLY_A_TURN)
def test_event_that_brings_nothing_is_not_even_read(name: str) -> None:
    assert not has_something(name)
    found = ask_of(name, b"no JSON")
    assert isinstance(found, Nothing)
    assert found.why.isprintable()


def test_announcement_is_handed_on_as_it_is_with_its_sender() -> None:
    found = dispatched("images-announced", ANNOUNCEMENT)
    whole = announcement(json.dumps(ANNOUNCEMENT).encode())
    assert not isinstance(whole, Bare)
    assert found == Announce(whole, sender="acme-ci[bot]")


def test_announcement_without_a_sender_is_one_of_nobody_known() -> None:
    event = {"action": "images-announced", "client_payload": ANNOUNCEMENT}
    found = read("repository_dispatch", event)
    assert isinstance(found, Announce)
    assert found.sender == ""


@pytest.mark.parametrize("kind", ["turn-due", "check-requested", "deploy", "", "Images-Announced"])
def test_other_dispatches_bring_nothing(kind: str) -> None:
    assert isinstance(dispatched(kind, {"version": 99, "wave": "staging"}), Nothing)


@pytest.mark.parametrize("payload", [None, [], 1, "x", {"a": [{"b": None}]}], ids=str)
def test_dispatches_of_others_may_hold_anything(payload: object) -> None:
    assert isinstance(dispatched("deploy", payload), Nothing)


def test_event_of_flux_is_a_report_in_words_of_its_own() -> None:
    payload = {
        "involvedObject": {"kind": "Kustomization", "name": "staging-eu", "namespace": "flux"},
        "severity": "info",
        "timestamp": "2026-01-05T10:00:00Z",
        "message": "Health check passed in 2s",
        "reason": "ReconciliationSucceeded",
        "metadata": {"revision": f"main@sha1:{OTHER}", "tidemill-wave": "staging"},
    }
    found = dispatched("Kustomization/staging-eu.flux", payload)
    assert found == REPORTED


NO_ANNOUNCEMENT = {
    "null": (None, "this is not an announcement"),
    "list": ([ANNOUNCEMENT], "this is not an announcement"),
    "the name of a file": ("../../secret", "this is not an announcement"),
    "empty": ({}, "does not say of which commit"),
    "bare": (ANNOUNCEMENT["images"], "does not say of which commit"),
    "neither": ({"set": "app"}, "does not say of which commit"),
    "version 2": (ANNOUNCEMENT | {"version": 2, "new": []}, "has version 2, this Tidemill reads"),
    "version 0": (ANNOUNCEMENT | {"version": 0}, "has version 0"),
    "version true": (ANNOUNCEMENT | {"version": True}, "has version True"),
    "version null": (ANNOUNCEMENT | {"version": None}, "has version None"),
    "version as text": (ANNOUNCEMENT | {"version": "1"}, "has version '1'"),
}


@pytest.mark.parametrize(
    ("payload", "reason"), NO_ANNOUNCEMENT.values(), ids=NO_ANNOUNCEMENT.keys()
)
def test_what_is_no_announcement_of_this_version_is_refused(payload: object, reason: str) -> None:
    with pytest.raises(Refused, match=reason) as refused:
        dispatched("images-announced", payload)
    if "has version" in reason:
        assert "same release of Tidemill in both" in refused.value.remedy


def test_report_becomes_a_deployment_record() -> None:
    assert dispatched("target-deployed", REPORT) == replace(REPORTED, images=(DIGEST,))


def test_report_of_several_sources_hands_on_every_commit() -> None:
    payload = {**REPORT, "revisions": ["1.2.3", OTHER, SHA], "images": None}
    del payload["revision"]
    assert dispatched("target-deployed", payload) == replace(REPORTED, revisions=(OTHER, SHA))


def without(key: str) -> dict[str, Any]:
    return {name: value for name, value in REPORT.items() if name != key}


NO_REPORT: dict[str, tuple[object, str]] = {
    "null": (None, "is not the report of a deployment"),
    "text": ("x", "is not the report of a deployment"),
    "no wave": (without("wave"), "missing required field `wave`"),
    "no revision": (without("revision"), "has no revision"),
    "no revisions": ({**without("revision"), "revisions": []}, "has no revision"),
    "revision a number": ({**REPORT, "revision": 7}, "Expected `str"),
    "unknown field": ({**REPORT, "x": 1}, "unknown field `x`"),
    "unknown phase": ({**REPORT, "phase": "Done"}, "there is no phase 'Done'"),
    "unknown health": ({**REPORT, "health": ""}, "there is no health ''"),
    "phase is an option": ({**REPORT, "phase": "--help"}, "there is no phase '--help'"),
    "version 2": ({**REPORT, "version": 2, "x": 1}, "has version 2"),
    "images a text": ({**REPORT, "images": "x"}, "is not the report of a deployment"),
}


@pytest.mark.parametrize(("payload", "reason"), NO_REPORT.values(), ids=NO_REPORT.keys())
def test_what_is_no_report_of_this_version_is_refused(payload: object, reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        dispatched("target-deployed", payload)


@pytest.mark.parametrize(
    ("state", "phase", "health"),
    [
        ("success", "Succeeded", "Healthy"),
        ("failure", "Failed", "Degraded"),
        ("error", "Failed", "Degraded"),
    ],
)
def test_final_status_of_a_deployment_is_a_report(state: str, phase: Phase, health: Health) -> None:
    made = replace(REPORTED, phase=phase, health=health, if_listed=True)
    assert status(state) == made


@pytest.mark.parametrize("state", ["pending", "queued", "in_progress", "inactive", "waiting", ""])
def test_status_on_the_way_brings_nothing(state: str) -> None:
    assert isinstance(status(state), Nothing)


@pytest.mark.parametrize(
    "environment",
    ["", "staging", "github-pages", "/", "staging/", "/eu", "a/b/c", "../x", "a/../b", "a b/c"],
)
def test_environment_that_names_no_target_is_other_people_s(environment: str) -> None:
    assert isinstance(status(environment=environment), Nothing)


def test_mirror_of_a_record_does_not_come_back_as_a_report() -> None:
    assert isinstance(status(task="tidemill", creator={"id": 7}), Nothing)


def test_report_of_argo_cd_on_a_mirrored_deployment_counts() -> None:
    """Its notifications add their status to a deployment that is there for the commit."""
    assert isinstance(status(task="tidemill", creator={"id": 8}), ReportDeployment)


OPERATIONS = {
    "promote": (
        {"operation": "promote", "wave": "production"},
        PromoteWave("production"),
    ),
    "promote with all": (
        {"operation": "promote", "wave": "p", "set": "app", "sha": SHA[:7], "override": "now"},
        PromoteWave("p", set="app", sha=SHA[:7], override="now"),
    ),
    "hotfix": (
        {
            "operation": "promote",
            "wave": "p",
            "override": "checkout is down",
            "announcement": json.dumps(ANNOUNCEMENT),
        },
        PutHotfix("p", read_whole(json.dumps(ANNOUNCEMENT).encode()), "checkout is down"),
    ),
    "roll back to a time": (
        {"operation": "roll back", "wave": "p", "at": "2026-11-24T14:00Z", "reason": "errors"},
        RollBackWave("p", at="2026-11-24T14:00Z", reason="errors"),
    ),
    "roll back": (
        {"operation": "roll back", "wave": "p", "sha": SHA, "reason": "errors"},
        RollBackWave("p", to=SHA, reason="errors"),
    ),
    "hold": (
        {"operation": "hold", "wave": "p", "reason": " freeze "},
        HoldWave("p", reason="freeze"),
    ),
    "hold all until": (
        {"operation": "hold", "wave": "*", "reason": "freeze", "until": "2026-12-24T12:00Z"},
        HoldWave("*", reason="freeze", until="2026-12-24T12:00Z"),
    ),
    "release": (
        {"operation": "release", "wave": "p", "set": "app", "reason": "done"},
        ReleaseWave("p", set="app", reason="done"),
    ),
    "drop": ({"operation": "drop", "id": "hold-1"}, DropRequest("hold-1")),
    "retry": ({"operation": "retry", "sha": SHA}, RetrySet(SHA)),
    "retry of one set in one wave": (
        {"operation": "retry", "sha": SHA, "wave": "p", "set": "app"},
        RetrySet(SHA, set="app", wave="p"),
    ),
    "choices that always have a value": (
        {"operation": "drop", "id": "hold-1", "wave": "p", "set": "app", "reason": "again"},
        DropRequest("hold-1"),
    ),
    "empty ones are not given": (
        {"operation": "promote", "wave": "p", "set": "", "sha": "  ", "override": None, "id": ""},
        PromoteWave("p"),
    ),
}


@pytest.mark.parametrize(("inputs", "expected"), OPERATIONS.values(), ids=OPERATIONS.keys())
def test_operation_is_what_its_command_asks_for(inputs: dict[str, Any], expected: Ask) -> None:
    assert filled_in(**inputs) == expected


@pytest.mark.parametrize(
    "inputs", [{}, {"operation": "turn"}, {"operation": ""}, {"debug": True, "x": {"y": []}}]
)
def test_turn_is_what_is_left(inputs: dict[str, Any]) -> None:
    assert isinstance(filled_in(**inputs), Nothing)


def test_workflow_without_inputs_only_turns() -> None:
    assert isinstance(read("workflow_dispatch", {"inputs": None}), Nothing)
    assert isinstance(read("workflow_dispatch", {}), Nothing)


@pytest.mark.parametrize(
    ("inputs", "reason", "remedy"),
    [
        ({"operation": "deploy"}, "no operation 'deploy'", "choose one of turn, promote, roll"),
        ({"operation": "promote"}, "promote needs the input wave", "fill in wave"),
        ({"operation": "hold", "wave": "p"}, "hold needs the input reason", "fill in reason"),
        ({"operation": "roll back", "wave": "p"}, "needs the input reason", "fill in reason"),
        ({"operation": "drop"}, "drop needs the input id", "fill in id"),
        ({"operation": "retry"}, "retry needs the input sha", "fill in sha"),
        ({"operation": "hold", "wave": "p", "reason": "x", "sha": SHA}, "takes no sha", "empty"),
        (
            {"operation": "turn", "override": "now"},
            "turn takes no override",
            "leave override empty",
        ),
        ({"operation": "promote", "wave": True}, "input wave is True", "type string"),
        ({"operation": ["promote"]}, "input operation is", "type string"),
    ],
    ids=lambda part: str(part)[:40],
)
def test_form_that_is_not_filled_in_right_is_told_which_input(
    inputs: dict[str, Any], reason: str, remedy: str
) -> None:
    with pytest.raises(Refused, match=reason) as refused:
        filled_in(**inputs)
    assert remedy in refused.value.remedy


HOSTILE = (
    "$(touch pwned)",
    "`id`",
    "a\nb",
    "a\r\n::error::x",
    "::stop-commands::x",
    "##[error]x",
    "../../etc/passwd",
    "-rf",
    "--repo=https://evil.example/x",
    "a\x00b",
    "\u202egnp.exe",
    "' || true; '",
    "${{ github.token }}",
    "a" * 5000,
)


def outcome(attempt: Callable[[], Ask | Nothing]) -> Ask | Nothing | Refused:
    try:
        return attempt()
    except Refused as refused:
        return refused


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text)[:30])
def test_hostile_text_stays_a_value(text: str) -> None:
    """What is kept of it is a value; no message shows it raw."""
    report = {**REPORT, "wave": text, "target": text, "revision": text, "images": [text]}
    attempts = [
        lambda: dispatched("images-announced", {**ANNOUNCEMENT, "branch": text}, sender=text),
        lambda: dispatched("target-deployed", report),
        lambda: dispatched("target-deployed", {**REPORT, "phase": text}),
        lambda: dispatched(text, {"x": text}),
        lambda: filled_in(operation="hold", wave=text, set=text, reason=text),
        lambda: filled_in(operation=text),
        lambda: status(environment=text),
        lambda: status(state=text),
        lambda: status(sha=text),
    ]
    for attempt in attempts:
        match outcome(attempt):
            case Refused(what=what, remedy=remedy):
                assert what.isprintable()
                assert what.isascii()
                assert remedy.isprintable()
            case Nothing(why):
                assert why.isprintable()
            case ask:
                assert isinstance(ask, Announce | ReportDeployment | HoldWave)


@pytest.mark.parametrize("name", ["repository_dispatch", "workflow_dispatch", "deployment_status"])
@pytest.mark.parametrize(
    "payload",
    [b"", b"{", b"[]", b"null", b"[" * 100_000, b"\xff\xfe", b'{"action": 1}', b'{"inputs": 1}'],
    ids=lambda data: ascii(data[:9]),
)
def test_payload_that_is_no_event_is_refused(name: str, payload: bytes) -> None:
    if name == "workflow_dispatch" and payload == b'{"action": 1}':  # it has no inputs, and may
        return
    with pytest.raises(Refused, match=f"not a {name}"):
        ask_of(name, payload)
