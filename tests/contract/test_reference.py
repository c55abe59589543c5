"""docs/reference/ is what the commands are and print, and what the settings are."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest
from tests.world import Result, World
from tools import reference, settings_tables

from tidemill.adopting.proposal import Proposal
from tidemill.commands._json import as_json
from tidemill.commands._results import Adoption, CommitChecks, ImagePlan, SetupDone
from tidemill.commands._table import COMMANDS
from tidemill.turn.check import CommitVerdict

TEXT = reference.FILE.read_text()
WAVES = {"lab": {"targets": ["lab-1"]}}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A set is deployed in the only wave."""
    made = World(tmp_path_factory.mktemp("reference"), WAVES)
    made.announce(1)
    made.green()
    made.deploy("lab")
    return made


def documented(row: str) -> set[str]:
    """The keys in the second column of the row that begins with `row`."""
    found = re.search(rf"(?m)^\| {re.escape(row)} \| ([^|]+) \|", TEXT)
    assert found, row
    return set(re.findall(r"`(\w+)`", found[1]))


def test_the_reference_is_up_to_date() -> None:
    assert reference.render(TEXT) == TEXT, "run `make docs`"


@pytest.mark.parametrize("page", settings_tables.PAGES, ids=lambda page: page.stem)
def test_the_settings_are_up_to_date(page: Path) -> None:
    assert settings_tables.render(page, page.read_text()) == page.read_text(), "run `make docs`"


class _Silent(msgspec.Struct):
    key: int


class _Old(msgspec.Struct):
    """A table.

    Attributes:
        gone: a key of an earlier release.
    """


class _Twofold(msgspec.Struct):
    """A table.

    Attributes:
        key: how many (default: any).
    """

    key: int = 1


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (_Silent, "_Silent does not say what key means"),
        (_Old, "_Old has no gone"),
        (_Twofold, "key has a default of its own, and not 'any'"),
    ],
    ids=["a key without a meaning", "a meaning without a key", "a default of words beside another"],
)
def test_settings_that_say_what_is_not_so_make_no_page(table: type, words: str) -> None:
    with pytest.raises(SystemExit, match=words):
        list(settings_tables.rows(table, ""))


def test_every_command_has_its_section() -> None:
    assert re.findall(r"(?m)^## ([a-z-]+)$", TEXT) == list(COMMANDS)


def test_a_turn_reports_the_keys_that_are_documented(world: World) -> None:
    table = TEXT.partition("## What a turn reports")[2].partition("`request.state`")[0]
    keys = {key for row in re.findall(r"(?m)^\| (`.+?`) \|", table) for key in row.split(", ")}
    announced, turned = set(world.announce(2)), set(world.turn())
    looped = set(world.run("loop"))
    assert {key.strip("`") for key in keys} == announced | turned | looped
    assert looped - announced - turned == {"verdicts", "reasons", "warnings"}
    assert announced | turned <= looped | {"error", "settled"}
    assert announced - turned == {"request", "error"}
    assert turned - announced == {"more", "settled"}


def test_the_status_has_the_keys_that_are_documented(world: World) -> None:
    status = world.status()
    wave = status["waves"][0]
    assert set(status) == documented("`status`")
    assert set(wave) == documented("`status`: a wave")
    assert set(wave["sets"][0]) == documented("`status`: a set")
    assert set(wave["targets"][0]) == documented("`status`: a target")


def test_history_has_the_keys_that_are_documented(world: World) -> None:
    found = world.run("history")
    assert set(found) == documented("`history`")
    assert set(found["lines"][0]) == documented("`history`: a line")
    at = world.run("history", "--at", world.now.isoformat())
    assert {*at, *at["targets"][0]} == documented("`history` with `--at`")
    services = world.run("history", "--service", "web")
    assert {*services, *services["services"][0]} == documented("`history` with `--service`")


def test_explanation_has_the_keys_that_are_documented(world: World) -> None:
    found = world.run("explain", "web")
    assert set(found) == documented("`explain`")
    assert set(found["things"][0]) == documented("`explain`: a thing")


def test_difference_has_the_keys_that_are_documented(world: World) -> None:
    found = world.run("diff", "lab", "lab")
    assert set(found) == documented("`diff`") - {"path", "diff"}
    keys = {"service", "what", "before", "after"}
    assert set(found["sets"][0]) == documented("`diff`: a set") - {"service", "what"}
    assert keys <= documented("`diff`: a set")


def test_the_other_commands_print_the_keys_that_are_documented(world: World) -> None:
    assert set(world.check(world.ref("refs/heads/main") or "")) == documented("`record-check`")
    green = world.run("check-cfg-app", "--repo", str(world.clone), repo=False)
    assert set(green) == documented("`check-cfg-app`")
    checked = CommitChecks((CommitVerdict("c" * 40, "success", "green"),))
    assert set(as_json(checked)) == documented("`check-cfg-app` with `--sha`")
    hold = ("--wave", "lab", "--reason", "x", "--dry-run", "--accept-only")
    assert set(world.run("hold-wave", *hold)) == documented("any with `--accept-only`")
    assert set(as_json(Adoption(Proposal(()), (), False))) == documented("`init`") - {
        "path",
        "act",
        "why",
        "command",
        "file",
        "where",
        "lines",
    }
    assert set(as_json(SetupDone(()))) == documented("`run-setup`")
    assert set(as_json(ImagePlan(()))) == documented("`plan-images`")


def test_what_waits_has_the_keys_that_are_documented(world: World) -> None:
    table = TEXT.partition("Each object of `waiting`")[2].partition("The other commands")[0]
    keys = {key for row in re.findall(r"(?m)^\| (`.+?`) \|", table) for key in row.split(", ")}
    waiting = [one for status in (world.status(), world.announce(3)) for one in status["waiting"]]
    assert waiting
    assert {key for one in waiting for key in one} <= {key.strip("`") for key in keys}


def test_an_option_that_means_something_of_its_own_is_in_the_table_of_its_command() -> None:
    status = TEXT.partition("\n## status\n")[2].partition("\n## ")[0]
    assert "in a checkout, its remote origin" in status


def test_an_error_has_the_keys_that_are_documented(world: World) -> None:
    refused: Result = world.run("hold-wave", "--wave", "none", "--reason", "x")
    sentence = re.search(r"An error has one key, `error`, with\s+(.+?)\.", TEXT, re.DOTALL)
    assert sentence
    assert list(refused) == ["error"]
    assert set(refused["error"]) == set(re.findall(r"`(\w+)`", sentence[1]))
