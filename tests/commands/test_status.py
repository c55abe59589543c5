"""`tidemill status`."""

import re

import pytest
from tests.commands.promises import (
    assert_readable,
    refused,
)
from tests.loop.stories import refs, says, waits_for
from tests.world import World, sha_of


@pytest.mark.parametrize(
    "state", ["new", "under_test", "landed", "deployed", "second", "evicted"], ids=str
)
def test_status_writes_nothing_and_says_the_same_twice(
    state: str, request: pytest.FixtureRequest
) -> None:
    world: World = request.getfixturevalue(state)
    before = refs(world)
    first = world.status()
    assert first.code == 0
    assert world.status() == first
    assert refs(world) == before
    code, out, err = says(world, "status")
    assert (code, err) == (0, "")
    assert_readable(out)


def test_status_has_what_was_promised(second: World) -> None:
    found = second.status()
    assert set(found) == {"main", "auto", "waves", "waiting", "gone_holds", "unreadable"}
    assert (found["main"], found["auto"]) == (
        second.ref("refs/heads/main"),
        second.ref("refs/heads/auto"),
    )
    lab, shop = found["waves"]
    assert {"name", "hold", "sets", "targets"} <= set(lab)
    assert (lab["name"], shop["name"]) == ("lab", "shop")
    (app,) = lab["sets"]
    assert (app["set"], app["app_sha"], app["position"], app["state"]) == (
        "app",
        sha_of("app-2"),
        2,
        "deployed",
    )
    assert [target["name"] for target in lab["targets"]] == ["lab-1", "lab-2"]
    for target in lab["targets"]:
        keys = {"name", "revision", "phase", "health", "runs", "clock_ahead", "ignored"}
        assert set(target) == keys
        assert target["runs"] == {"app": sha_of("app-2")}
    assert shop["sets"] == []
    for line in found["waiting"]:
        assert {"what", "for", "since", "kind", "command", "obstacles"} <= set(line)
        assert line["for"].endswith(f": {line['command']}")


def test_wave_without_a_hold_has_null(new: World) -> None:
    assert [wave["hold"] for wave in new.status()["waves"]] == [None, None]


def test_state_follows_a_set_through_its_wave(under_test: World) -> None:
    def state() -> str:
        return str(under_test.status()["waves"][0]["sets"][-1]["state"])

    assert state() == "auto"
    under_test.green()
    assert state() == "in flight"
    under_test.later(minutes=15)
    assert state() == "silent"
    under_test.report("lab", "lab-1", health="Degraded")
    assert state() == "failed"
    under_test.later(minutes=1)
    under_test.deploy("lab")
    assert state() == "deployed"


def test_why_it_is_not_in_the_last_wave_is_said_with_the_command_that_helps(
    deployed: World,
) -> None:
    text = waits_for(deployed.status())
    assert f"{sha_of('app-1')[:12]} (app) for shop" in text
    found = re.search(r"tidemill (promote-wave .*)$", text, re.MULTILINE)
    assert found is not None
    assert deployed.run(*found[1].split())["promoted"]


def test_settings_that_can_not_be_used_are_named(new: World) -> None:
    new.settings += "\n[colours]\n"
    commit = new.edit()
    assert commit[:12] in refused(new, "status")


def test_repository_without_a_main_is_refused(new: World) -> None:
    from tests.world import git

    git(new.bare, "update-ref", "-d", "refs/heads/main")
    assert "is empty" in refused(new, "status")


def test_tables_show_all_that_matters(second: World) -> None:
    second.run("hold-wave", "--wave", "shop", "--reason", "freeze")
    _, out, _ = says(second, "status")
    for word in (
        second.ref("refs/heads/main") or "",
        "lab-1",
        "north",
        "no report",
        "Healthy",
        sha_of("app-2")[:12],
        "held",
        "freeze",
        "2026-01-05T10:01:00Z",
    ):
        assert word in out
