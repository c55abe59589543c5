"""Clusters that only set deployment statuses: no event, no run; a turn reads what they say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.components.absence import Missing, absent
from tests.loop.polled_world import PolledWorld
from tests.loop.stories import journal, refs
from tests.world import git
from tidemill.commands import _turning
from tidemill.errors import Refused, Unreachable
from tidemill_sandbox import npm_files
from tidemill_sandbox.server.listening import Server
from tidemill_sandbox.server.rest import openapi
from tidemill_sandbox.state.hub import Hub

WAVES: dict[str, dict[str, Any]] = {
    "lab": {"targets": ["lab-1", "lab-2"]},
    "shop": {"targets": ["north"]},
}


@pytest.fixture(scope="session")
def described() -> None:
    """GitHub's descriptions are here, which every server reads."""
    try:
        openapi.description()
        npm_files.file_of(npm_files.GRAPHQL, "schema.graphql")
    except (Refused, Unreachable) as error:
        absent(Missing(str(error), error.remedy))


@pytest.fixture
def world(
    described: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[PolledWorld]:
    """Position 1 is on main in lab, and no target has said anything."""
    (tmp_path / "world").mkdir()
    world = PolledWorld(tmp_path / "world", WAVES)
    hub = Hub(tmp_path / "hub")
    with Server(hub) as server:
        world.serve(hub, server)
        monkeypatch.setenv("GITHUB_SERVER_URL", hub.url)
        monkeypatch.setenv("GITHUB_API_URL", hub.api_url)
        token = world.mint(contents="write", deployments="read")
        monkeypatch.setenv("TIDEMILL_TOKEN", token)
        world.announce(1)
        land(world)
        yield world
    hub.close()
    assert hub.deviations == []


def land(world: PolledWorld) -> None:
    tip = world.ref("refs/heads/auto") or ""
    world.check(tip)
    assert world.turn()["landed"] == tip


def queries(world: PolledWorld) -> int:
    return sum(call.path == "/graphql" for call in world.hub.calls)


def records(world: PolledWorld, target: str = "lab-1") -> list[dict[str, Any]]:
    """All records of a target of lab, the newest first."""
    shas = git(world.bare, "rev-list", f"refs/tidemill/deployed/lab/{target}").split()
    return [json.loads(git(world.bare, "show", f"{sha}:record.json")) for sha in shas]


def test_set_goes_to_the_last_wave_by_what_turns_read(world: PolledWorld) -> None:
    world.sync("lab-1")
    world.sync("lab-2", "in_progress")
    assert world.turn()["promoted"] == []
    world.later(minutes=1)
    world.sync("lab-2")
    assert [one["wave"] for one in world.turn()["promoted"]] == ["shop"]
    land(world)
    world.sync("north")
    before = queries(world)
    world.turn()
    assert queries(world) == before + 1  # for all targets together
    assert world.refs("inbox/") == []  # what was read was filed in the same turn
    assert not world.hub.runs
    assert world.status()["waiting"] == []
    assert world.refs("deployed/")[-1] == "refs/tidemill/deployed/shop/north"


def test_run_of_several_rounds_reads_the_reports_once(world: PolledWorld) -> None:
    world.sync("lab-1")
    world.sync("lab-2")
    before = queries(world)
    done = world.run("loop", "--once")
    assert (done["landed"], [one["wave"] for one in done["promoted"]]) == (
        world.ref("refs/heads/main"),
        ["shop"],
    )
    assert queries(world) == before + 1


def test_run_that_takes_long_reads_the_reports_again(
    world: PolledWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_turning, "_FRESH", timedelta(seconds=-1))  # each round is too late
    world.sync("lab-1")
    world.sync("lab-2")
    before = queries(world)
    assert world.run("loop", "--once")["landed"]
    assert queries(world) > before + 1


def test_turn_that_reads_nothing_new_writes_nothing(world: PolledWorld) -> None:
    world.sync("lab-1")
    assert world.turn()["changed"]
    before = refs(world)
    world.later(minutes=30)
    assert not world.turn()["changed"]
    assert refs(world) == before


def test_short_failure_between_two_turns_is_seen(world: PolledWorld) -> None:
    world.sync("lab-1")
    world.turn()
    for state in ("failure", "success"):
        world.later(minutes=1)
        world.sync("lab-1", state)
        world.sync("lab-2", state)
    world.turn()
    assert [one["health"] for one in records(world)] == ["Healthy", "Degraded", "Healthy"]
    assert [one["what"] for one in journal(world)].count("reported") == 5


def test_report_that_comes_both_ways_is_one(world: PolledWorld, tmp_path: Path) -> None:
    file = tmp_path / "event.json"
    accept = ("accept-event", "--event=deployment_status", f"--payload={file}")
    file.write_text(json.dumps(world.sync("lab-1")))
    accepted = world.run(*accept)["accepted"]  # it waits when the turn reads it, too
    assert world.refs("inbox/") == [f"refs/tidemill/inbox/{accepted}"]
    world.turn()
    world.later(minutes=1)
    file.write_text(json.dumps(world.sync("lab-1", "failure")))
    world.turn()
    assert world.run(*accept)["accepted"] is None  # it comes when the turn has read it
    world.turn()
    assert [one["health"] for one in records(world)] == ["Degraded", "Healthy"]


def test_first_look_at_a_schedule_sees_what_would_be_read(
    world: PolledWorld, tmp_path: Path
) -> None:
    (tmp_path / "event.json").write_text("{}")
    look = ("accept-event", "--event=schedule", "--look-ahead", f"--payload={tmp_path}/event.json")
    before = refs(world)
    assert world.run(*look)["due"] is False
    world.sync("lab-1")
    assert world.run(*look)["due"] is True
    assert refs(world) == before


def test_mirror_of_a_record_is_no_report(world: PolledWorld) -> None:
    world.sync("lab-1", task="tidemill")
    assert not world.turn()["changed"]
    world.sync("lab-1")
    assert world.turn()["changed"]


def test_what_is_polled_is_not_mirrored(
    world: PolledWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = world.mint(contents="write", deployments="write")
    monkeypatch.setenv("TIDEMILL_TOKEN", token)
    world.sync("lab-1")
    assert world.run("reconcile-cfg-app", "--deployments")["changed"]
    assert len(world.hub.deployments) == 1  # the cluster's own


def test_of_one_second_the_latest_status_counts(world: PolledWorld) -> None:
    for target, states in {
        "lab-1": ("failure", "success"),
        "lab-2": ("success", "failure"),
    }.items():
        for state in states:
            world.sync(target, state)
    world.turn()
    healths = {target: records(world, target)[0]["health"] for target in ("lab-1", "lab-2")}
    assert healths == {"lab-1": "Healthy", "lab-2": "Degraded"}
    assert not world.turn()["changed"]


def test_deployment_of_what_is_not_on_main_is_said_and_stops_nothing(world: PolledWorld) -> None:
    tip = world.commit("a branch", push=False)
    git(world.clone, "push", "-q", str(world.bare), "HEAD:side")
    world.sync("lab-1", revision=tip)
    world.sync("lab-2")
    done = world.turn()
    assert f"lab/lab-1: the revision {tip} is not on main" in done["unread"][0]
    assert records(world, "lab-2")


TROUBLE = {
    "no right to read deployments": "`deployments: read`",
    "the points of an hour are used up": "rate limit",
}


@pytest.mark.parametrize("trouble", TROUBLE)
def test_reports_that_cannot_be_read_stop_nothing_else(
    world: PolledWorld, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    world.sync("lab-1")
    if trouble == "no right to read deployments":
        monkeypatch.setenv("TIDEMILL_TOKEN", world.mint(contents="write"))
    else:
        world.hub.limits.set({"primary": 0})
    world.later(minutes=20)  # so that lab takes the next set, whatever its targets say
    done = world.announce(2)
    assert done.code == 0
    assert done["unread"][0].startswith("reports could not be read: ")
    assert TROUBLE[trouble] in done["unread"][0]
    assert done["introduced"]


def test_wave_with_another_name_is_asked_for_by_both(world: PolledWorld) -> None:
    world.sync("lab-1")
    world.settings = world.settings.replace('name = "lab"\n', 'name = "rig"\nwas = "lab"\n')
    world.rollout["waves"] = {"rig": world.targets["lab"], "shop": world.targets["shop"]}
    git(world.clone, "fetch", "-q", str(world.bare), "main")
    git(world.clone, "reset", "-q", "--hard", "FETCH_HEAD")
    git(world.clone, "mv", "images/lab", "images/rig")
    git(world.clone, "commit", "-q", "-m", "rename")
    git(world.clone, "push", "-q", str(world.bare), "HEAD:main")
    world.edit()
    world.turn()
    assert world.refs("deployed/") == ["refs/tidemill/deployed/rig/lab-1"]
