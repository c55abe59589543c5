"""`tidemill release-wave`."""

from pathlib import Path

import pytest
from tests.commands.promises import (
    assert_twice_is_once,
    refused,
)
from tests.loop.stories import fork, journal
from tests.world import World

RELEASE = ("release-wave", "--wave", "lab", "--reason", "fixed")


@pytest.fixture(scope="module")
def _held(_new: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    world = fork(_new, tmp_path_factory.mktemp("held"))
    world.run("hold-wave", "--wave", "lab", "--reason", "freeze")
    world.run("hold-wave", "--wave", "lab", "--set", "app", "--reason", "app is odd")
    world.run("hold-wave", "--wave", "shop", "--reason", "freeze")
    return world


@pytest.fixture
def held(_held: World, tmp_path: Path) -> World:
    """lab is held, and its set app besides; shop is held too."""
    return fork(_held, tmp_path)


def test_release_ends_every_hold_of_the_wave_and_no_other(held: World) -> None:
    assert_twice_is_once(held, *RELEASE)
    assert held.refs("holds") == ["refs/tidemill/holds/shop/_"]


def test_release_of_one_set_ends_its_hold_alone(held: World) -> None:
    assert_twice_is_once(held, *RELEASE, "--set", "app")
    assert held.refs("holds") == ["refs/tidemill/holds/lab/_", "refs/tidemill/holds/shop/_"]


def test_journal_says_which_holds_it_ended_and_why(held: World) -> None:
    held.run(*RELEASE)
    released = [entry["reason"] for entry in journal(held) if entry["what"] == "released"]
    assert sorted(released) == ["fixed (held: app is odd)", "fixed (held: freeze)"]


def test_what_waited_goes_on_in_the_same_turn(held: World) -> None:
    assert not held.announce(1)["introduced"]
    assert held.run(*RELEASE)["introduced"]


def test_without_a_hold_there_is_nothing_to_do(new: World) -> None:
    result = new.run(*RELEASE)
    assert (result.code, result["changed"]) == (0, False)
    assert result["request"]["state"] == "there is no hold of lab"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--wave", "moon", "--reason", "x"), "there is no wave 'moon'"),
        (("--wave", "lab", "--set", "moon", "--reason", "x"), "there is no set 'moon'"),
        (("--wave", "lab", "--reason", "a\nb"), "is not one printable line"),
    ],
    ids=["wave", "set", "two-lines"],
)
def test_what_can_not_be_released_is_refused(
    held: World, arguments: tuple[str, ...], reason: str
) -> None:
    assert reason in refused(held, "release-wave", *arguments)
