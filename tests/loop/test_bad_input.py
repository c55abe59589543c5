"""Options that make no sense: one clear error each, and nothing written."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr, redirect_stdout

import pytest

from tests.loop.stories import fork, refs, says
from tests.world import Result, World, git
from tidemill.__main__ import main


@pytest.fixture(scope="module")
def standing(seed_landed: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    """A world that nothing in this file should change."""
    return fork(seed_landed, tmp_path_factory.mktemp("standing"))


def refused(world: World, *arguments: str) -> Result:
    """Run what has to be refused, without a trace."""
    before = refs(world)
    found = world.run(*arguments)
    assert found.code == 1
    assert set(found["error"]) == {"what", "written", "remedy"}
    assert found["error"]["written"] == "nothing"
    assert found["error"]["what"].isprintable()
    assert found["error"]["remedy"].isprintable()
    assert refs(world) == before
    return found


RECORD = {
    "--wave": "lab",
    "--target": "lab-1",
    "--revision": "",
    "--phase": "Succeeded",
    "--health": "Healthy",
    "--finished-at": "2026-01-05T10:00:00Z",
}

BAD_RECORDS = [
    ("--wave", "nowhere"),
    ("--wave", "../lab"),
    ("--wave", "lab\n"),
    ("--wave", ""),
    ("--wave", "$(id)"),
    ("--target", "north"),
    ("--target", "lab-1/../lab-2"),
    ("--target", "lab-1\nx"),
    ("--revision", "main"),
    ("--revision", "0123456"),
    ("--revision", "0" * 40),
    ("--revision", "f" * 40),
    ("--revision", "$(git rev-parse HEAD)"),
    ("--finished-at", "yesterday"),
    ("--finished-at", "2026-02-30T00:00:00Z"),
    ("--finished-at", "2026-01-05T10:00:00+99:00"),
    ("--finished-at", ""),
    ("--image", "ghcr.io/acme/web"),
    ("--image", "ghcr.io/acme/web@sha256:12"),
    ("--image", "Web:1"),
    ("--image", "ghcr.io/acme/web:$(id)"),
    ("--image", "ghcr.io/acme/web:1\n"),
    ("--image", ""),
]


@pytest.mark.parametrize(("option", "value"), BAD_RECORDS)
def test_bad_record_is_refused(standing: World, option: str, value: str) -> None:
    told = RECORD | {"--revision": standing.ref("refs/heads/main") or ""} | {option: value}
    refused(standing, "record-deployment", *(f"{key}={text}" for key, text in told.items()))


NEARLY = [
    (("hold-wave", "--wave", "shp", "--reason", "x"), "did you mean shop? the waves are lab, shop"),
    (("hold-wave", "--wave", "SHOP", "--reason", "x"), "did you mean shop? "),
    (("hold-wave", "--wave", "lab", "--set", "ap", "--reason", "x"), "did you mean app? "),
    (("promote-wave", "--wave", "shopp"), "did you mean shop? "),
]


@pytest.mark.parametrize(("arguments", "meant"), NEARLY, ids=str)
def test_a_name_that_is_nearly_right_is_named(
    standing: World, arguments: tuple[str, ...], meant: str
) -> None:
    assert refused(standing, *arguments)["error"]["remedy"].startswith(meant)


def test_a_target_that_is_nearly_right_is_named(standing: World) -> None:
    told = RECORD | {"--revision": standing.ref("refs/heads/main") or ""}
    for wrong, meant in (({"--target": "lab1"}, "lab-1"), ({"--wave": "lb"}, "lab")):
        given = (f"{key}={text}" for key, text in {**told, **wrong}.items())
        found = refused(standing, "record-deployment", *given)
        assert found["error"]["remedy"].startswith(f"did you mean {meant}? ")


def test_set_has_to_be_named_where_there_are_several(seed_stack: World) -> None:
    for command in (
        ("rollback-wave", "--wave", "lab", "--reason", "x"),
        ("promote-wave", "--wave", "lab", "--override", "x"),
    ):
        told = refused(seed_stack, *command)["error"]
        assert "red" in told["remedy"]


NOWHERE = [
    "--help",
    "-x",
    "",
    "nowhere",
    "/dev/null",
    "ext::sh -c 'touch pwned'",
    "a\nb",
    "x" * 5000,
]


@pytest.mark.parametrize("repo", NOWHERE, ids=[name[:20] for name in NOWHERE])
@pytest.mark.parametrize("command", ["reconcile-cfg-app", "status"])
def test_repository_that_is_none_is_refused(standing: World, command: str, repo: str) -> None:
    found = standing.run(command, f"--repo={repo}", repo=False)
    assert found.code == 1
    assert found["error"]["written"] == "nothing"
    assert not list(standing.folder.glob("**/pwned"))


def test_repository_without_a_commit_is_refused(standing: World) -> None:
    empty = standing.folder / "empty.git"
    git(standing.folder, "init", "-q", "--bare", str(empty))
    found = standing.run("status", "--repo", str(empty), repo=False)
    assert "main" in found["error"]["what"]


def test_password_of_an_address_is_not_shown(standing: World) -> None:
    address = "http://ada:s3cret@127.0.0.1:9/cfg-app.git"
    found = standing.run("status", "--repo", address, repo=False)
    assert found.code == 1
    assert "s3cret" not in json.dumps(found)


@pytest.mark.parametrize(
    "now", ["0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "9999-12-31T23:59:59Z"]
)
@pytest.mark.parametrize("command", ["hold-wave", "reconcile-cfg-app", "status"])
def test_time_that_git_can_not_store_is_refused_or_done(
    standing: World, now: str, command: str
) -> None:
    before = refs(standing)
    more = ("--wave", "lab", "--reason", "x", "--dry-run") if command == "hold-wave" else ()
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        main([command, "--repo", str(standing.bare), *more, f"--now={now}", "--json"])
    assert isinstance(json.loads(out.getvalue()), dict)
    assert refs(standing) == before


def test_time_without_a_zone_is_taken_for_utc(standing: World) -> None:
    out = io.StringIO()
    given = ["hold-wave", "--repo", str(standing.bare), "--wave", "lab", "--reason", "x", "--json"]
    with redirect_stdout(out):
        assert main([*given, "--dry-run", "--now", "2026-01-05T12:00:00"]) == 0


def test_error_for_a_person_has_three_parts_on_standard_error(standing: World) -> None:
    code, out, err = says(standing, "hold-wave", "--wave", "nowhere", "--reason", "x")
    assert (code, out) == (1, "")
    assert [line.split(":")[0].strip() for line in err.splitlines()] == [
        "error",
        "written",
        "remedy",
    ]
