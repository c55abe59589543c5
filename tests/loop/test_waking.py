"""When a turn says that another one is needed before the schedule's next."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from tests.loop.stories import says
from tests.loop.waves import LAB_AND_SHOP, waves
from tests.world import World, git
from tidemill.action import resting
from tidemill.facts.rest import decode

EXAMPLES = Path(__file__).resolve().parents[2] / "examples/cfg-app/.github/workflows"
SOAK = {"lab": {"targets": ["l1"]}, "shop": {"targets": ["s1"], "soak": "40m"}}
LONG = {"lab": {"targets": ["l1"]}, "shop": {"targets": ["s1"], "soak": "90m"}}


def test_turn_that_begins_a_soak_says_so_and_later_ones_know(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    w = waves(tmp_path, SOAK, first=("ship", 1))
    began = w.report("lab", "l1")
    assert (began["wake"], began["next_due"]) == (True, f"{w.now.replace(minute=40):%FT%TZ}")
    w.later(minutes=10)
    assert (w.turn()["wake"], w.turn()["next_due"]) == (False, began["next_due"])
    w.edit(note="somebody mends the manifests")
    assert w.report("lab", "l1")["wake"] is False
    monkeypatch.setenv("GITHUB_EVENT_NAME", "schedule")
    assert w.turn()["wake"] is True, "whatever was to be enabled may not have been"
    w.later(minutes=30)
    done = w.turn()
    assert done["promoted"]
    assert (done["wake"], done["next_due"]) == (False, None)


def test_soak_that_ends_after_the_hour_is_left_to_the_schedule(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    w = waves(tmp_path, LONG, first=("ship", 1))
    assert w.report("lab", "l1")["wake"] is False
    w.later(minutes=29)
    monkeypatch.setenv("GITHUB_EVENT_NAME", "schedule")
    assert w.turn()["wake"] is False
    w.later(minutes=1)
    assert w.turn()["wake"] is True


def test_soak_of_a_wave_that_is_held_wakes_nobody(tmp_path: Path) -> None:
    w = waves(tmp_path, SOAK, first=("ship", 1))
    w.run("hold-wave", "--wave", "shop", "--reason", "lunch")
    assert w.report("lab", "l1")["wake"] is False


def test_of_sets_that_wait_for_the_same_only_the_first_wakes(tmp_path: Path) -> None:
    w = waves(tmp_path, {"lab": {"targets": ["l1"]}}, first=("ship", 1))
    until = f"{w.now.replace(minute=15):%FT%TZ}"
    woken = []
    for position in (2, 3, 4):
        w.later(minutes=1)
        found = w.announce(position)
        assert found["next_due"] == until
        woken.append(found["wake"])
    assert woken == [True, False, False]


def test_set_that_comes_when_its_wave_begins_to_settle_wakes(tmp_path: Path) -> None:
    w = waves(tmp_path, {"lab": {"targets": ["l1"], "settle": "90m"}}, first=("ship", 1))
    w.later(minutes=1)
    assert w.announce(2)["wake"] is False  # the schedule's next turn is early enough
    w.later(minutes=40)
    assert w.announce(3)["wake"] is True
    w.later(minutes=1)
    assert w.announce(4)["wake"] is False


def test_of_two_reports_at_once_the_later_run_sees_both(tmp_path: Path) -> None:
    """What the other one writes is there once its own is: it looks after that."""
    w = waves(tmp_path, LAB_AND_SHOP, first=("ship", 1))
    report = ("record-deployment", "--wave", "lab", "--phase", "Succeeded", "--health", "Healthy")
    told = ("--revision", w.ref("refs/heads/main") or "", "--finished-at", w.now.isoformat())
    w.run(*report, *told, "--target", "l1", "--accept-only")
    [other] = w.refs("inbox")
    sha = w.ref(other)
    git(w.bare, "update-ref", "-d", other)
    hook = w.bare / "hooks" / "post-receive"
    hook.write_text(f"#!/bin/sh\ngit update-ref {other} {sha}\n")
    hook.chmod(0o755)
    payload = {
        "version": 1, "wave": "lab", "target": "l2", "revision": w.ref("refs/heads/main"),
        "phase": "Succeeded", "health": "Healthy", "finished_at": w.now.isoformat(),
    }  # fmt: skip
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"action": "target-deployed", "client_payload": payload}))
    looked = w.run("accept-event", "--event", "repository_dispatch", "--payload", str(event),
                   "--look-ahead")  # fmt: skip
    assert len(w.refs("inbox")) == 2
    assert looked["operations"] is True, "with both reports, the set goes on to the shop"


def test_status_names_the_scheduled_turn_that_time_alone_has_to_wait_for(tmp_path: Path) -> None:
    w = waves(tmp_path, SOAK, first=("ship", 1))
    w.report("lab", "l1")
    assert "scheduled turn" not in says(w, "status")[1], "nothing says when one is"
    workflows = w.clone / ".github" / "workflows"
    workflows.mkdir(parents=True)
    (workflows / "tidemill.yml").write_text((EXAMPLES / "tidemill.yml").read_text())
    w.edit()
    over = w.now.replace(minute=40)
    (line,) = w.status()["waiting"]
    assert line["next_turn"] == f"{over.replace(minute=17) + timedelta(hours=1):%FT%TZ}"
    assert f"at the next scheduled turn, {line['next_turn']}" in says(w, "status")[1]
    (workflows / "tidemill-wake.yml").write_text((EXAMPLES / "tidemill-wake.yml").read_text())
    w.edit()
    assert "next_turn" not in w.status()["waiting"][0]


def test_what_takes_more_than_time_waits_for_no_schedule(tmp_path: Path) -> None:
    w = waves(tmp_path, SOAK, first=("ship", 1))
    w.run("hold-wave", "--wave", "shop", "--reason", "lunch")
    w.report("lab", "l1")
    workflows = w.clone / ".github" / "workflows"
    workflows.mkdir(parents=True)
    (workflows / "tidemill.yml").write_text((EXAMPLES / "tidemill.yml").read_text())
    w.edit()
    (line,) = w.status()["waiting"]
    assert "next_turn" not in line


def test_only_what_a_schedule_starts_notes_that_nothing_is_due(
    shipped: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refs() -> list[str]:
        return git(shipped.bare, "for-each-ref", "--format=%(refname) %(objectname)").splitlines()

    note, look = "refs/tidemill/rest", ("accept-event", "--look-ahead", "--event")
    before = refs()
    assert shipped.run(*look, "schedule")["due"] is False
    assert refs() == before, "it is no workflow's"
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    shipped.run(*look, "push")
    shipped.run(*look, "schedule", "--dry-run")
    assert refs() == before
    found = shipped.run(*look, "schedule")
    assert [line for line in refs() if not line.startswith(note)] == before
    rest = decode(git(shipped.bare, "show", f"{note}:record.json").encode())
    assert (rest.at, rest.until) == (shipped.now, shipped.now + timedelta(days=1))
    said = {name.replace("_", "-"): value for name, value in found.items()}
    told = resting.outputs(rest)
    assert {name: said[name] for name in told} == {
        name: text if name in ("event", "state") else json.loads(text or "null")
        for name, text in told.items()
    }
    assert not any(said[name] for name in {*said} - {*told, "kind", "reason"})
    assert shipped.turn()["changed"] is False
    shipped.run("hold-wave", "--wave", "shop", "--reason", "lunch", "--accept-only")
    written = shipped.ref(note)
    assert shipped.run(*look, "schedule")["due"] is True
    assert shipped.ref(note) == written
