"""Whose a generated file is."""

from __future__ import annotations

import json

import pytest

from tidemill.facts.ownership import Ownership, Scope, found_stale, waves_of
from tidemill.facts.settings import Settings
from tidemill.facts.settings_file import parse

WAVES = {"eu": ["one"], "eu-west": ["two"], "live": []}
ALL = "eu eu-west live"


def settings(*templates: str) -> Settings:
    """Waves `eu`, `eu-west` and `live`, with these paths of deployments."""
    lines = ["[deployments]", f"path = {json.dumps(templates)}"]
    for name, targets in WAVES.items():
        lines += ["[[waves]]", f'name = "{name}"', f"targets = {json.dumps(targets)}"]
    return parse("\n".join(lines))


def ownership(*templates: str) -> Ownership:
    found = Ownership.of(settings(*templates))
    assert found is not None
    return found


OWNERS = [
    ("g/{wave}/{target}", "g/eu/one/a.yml", "eu"),
    ("g/{wave}/{target}", "g/eu/one", "eu"),
    ("g/{wave}/{target}", "g/eu/a target that was removed/a.yml", "eu"),
    ("g/{wave}/{target}", "g/live/any/a.yml", "live"),
    ("g/{wave}/{target}", "g/eu/README", "eu"),
    ("g/{wave}/{target}", "g/canary/one/a.yml", ALL),
    ("g/{wave}/{target}", "g/index.yml", ALL),
    ("g/{wave}/{target}", "g/eu-west-9/two/a.yml", ALL),
    ("/g/{wave}/{target}/", "g/eu/one/a.yml", "eu"),
    ("g/{wave}", "g/eu/any/a.yml", "eu"),
    ("g/{wave}", "g/eu-west/any/a.yml", "eu-west"),
    ("g/{wave}.yml", "g/eu-west.yml", "eu-west"),
    ("g/{wave}.yml", "g/live.yml", "live"),
    ("g/{wave}.yml", "g/live.yml.bak", ALL),
    ("g/{wave}-{target}", "g/eu-one/a.yml", "eu"),
    ("g/{wave}-{target}", "g/eu-west-two/a.yml", "eu-west"),
    ("g/{wave}-{target}", "g/eu-west-nine/a.yml", "eu-west"),
    ("g/{wave}-{target}", "g/eu-nine/a.yml", "eu"),
    ("g/{target}/{wave}", "g/one/eu/a.yml", "eu"),
    ("g/{target}/{wave}", "g/one/live/a.yml", "live"),
    ("g/{target}/{wave}", "g/one/b.yml", ALL),
    ("g/{wave}/{wave}.{target}", "g/eu/eu.one/a.yml", "eu"),
    ("g/{wave}/{wave}.{target}", "g/eu/live.one/a.yml", ALL),
]


@pytest.mark.parametrize(
    ("template", "path", "owners"), OWNERS, ids=[f"{row[0]}:{row[1]}" for row in OWNERS]
)
def test_file_belongs_to_the_waves_whose_path_it_matches(
    template: str, path: str, owners: str
) -> None:
    assert ownership(template).owners(path) == frozenset(owners.split(" "))


LISTS = [
    ("g/eu/one/a.yml", "eu"),
    ("crds/a.yml", ALL),
    ("by-target/one/a.yml", "eu"),
    ("by-target/nine/a.yml", ALL),
    ("elsewhere/a.yml", ALL),
]


@pytest.mark.parametrize(("path", "owners"), LISTS)
def test_of_several_paths_the_most_exact_counts(path: str, owners: str) -> None:
    found = ownership("crds", "g/{wave}/{target}", "by-target/{target}")
    assert found.owners(path) == frozenset(owners.split(" "))


def test_path_without_a_wave_makes_no_file_of_one_that_of_all() -> None:
    found = ownership("{wave}/{target}", "eu/{target}")
    assert found.owners("eu/a target that was removed/a.yml") == {"eu"}


@pytest.mark.parametrize("templates", [(), ("g/{target}",), ("g",)])
def test_where_no_path_has_a_wave_files_do_not_tell(templates: tuple[str, ...]) -> None:
    assert Ownership.of(settings(*templates)) is None


def test_scope_has_what_belongs_to_its_wave_and_to_none_that_is_left_alone() -> None:
    paths = ("g/eu/one", "g/eu-west/two", "g/index.yml")
    whole = Scope(ownership("g/{wave}/{target}"), "eu")
    assert [path for path in paths if whole.has(path)] == ["g/eu/one", "g/index.yml"]
    alone = Scope(ownership("g/{wave}/{target}"), "eu", frozenset({"live"}))
    assert [path for path in paths if alone.has(path)] == ["g/eu/one"]


ABOUT = [
    ("images/eu/tags.json g/eu/one/a.yml", "eu"),
    ("g/eu/one/a.yml g/index.yml", "eu"),
    ("g/index.yml", ALL),
    ("images/eu/tags.json images/live/tags.json", ""),
    ("images/eu/tags.json g/live/x/a.yml", ""),
    ("images/eu/README g/eu/one/a.yml", ""),
    ("g/eu/one/a.yml sources/eu.json", ""),
    ("tidemill.toml", ""),
    ("", ""),
]


@pytest.mark.parametrize(("changed", "waves"), ABOUT, ids=[row[0] or "-" for row in ABOUT])
def test_commit_is_about_a_wave_if_it_changes_nothing_else(changed: str, waves: str) -> None:
    mine = settings("g/{wave}/{target}")
    found = waves_of(mine, ownership("g/{wave}/{target}"), changed.split())
    assert found == frozenset(waves.split())


STALE = [
    ("g/live/x", "as before", True),
    ("g/live/x", "otherwise", False),
    ("g/live/x", None, False),
    ("g/eu/one", "as before", False),
    ("g/index.yml", "otherwise", True),
    ("g/index.yml", None, False),
]


@pytest.mark.parametrize(("path", "before", "is_found"), STALE)
def test_what_a_commit_found_stale_is_others_and_was_so_before(
    path: str, before: str | None, is_found: bool
) -> None:
    was = {path: before} if before else {}
    found = found_stale(ownership("g/{wave}/{target}"), frozenset({"eu"}), {path: "as before"}, was)
    assert found == ({path} if is_found else set())
