"""`tidemill announce-images`."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from tests.commands.little_github import LittleGitHub, little_github
from tests.world import announcement

from tidemill.__main__ import main
from tidemill.announcing.announcement import parse
from tidemill.announcing.by_reference import AnnouncementReference, resolved
from tidemill.announcing.forms import read

TOKEN = "ghs_" + "secret" * 10


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch) -> Iterator[LittleGitHub]:
    """A GitHub to announce to, from run 42 of acme/app."""
    with little_github() as found:
        told = found.environment | {"GITHUB_REPOSITORY": "acme/app", "GITHUB_RUN_ID": "42"}
        for name, value in (told | {"TIDEMILL_TOKEN": TOKEN}).items():
            monkeypatch.setenv(name, value)
        yield found


def written(folder: Path, value: dict[str, Any], name: str = "announcement.json") -> str:
    file = folder / name
    file.write_text(json.dumps(value, indent=2) + "\n")
    return str(file)


def large(services: int = 1000) -> dict[str, Any]:
    return announcement(7, {f"service-{n}": str(n) for n in range(services)})


def said(*arguments: str, to: str = "acme/cfg-app") -> tuple[int, str, str]:
    """Announce as a person sees it: the exit code, and both outputs."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main(["announce-images", *arguments, f"--to={to}"])
    assert TOKEN not in out.getvalue() + err.getvalue()
    return code, out.getvalue(), err.getvalue()


def announced(*arguments: str, to: str = "acme/cfg-app") -> dict[str, Any]:
    """Announce with `--json`; raises `AssertionError` where that fails."""
    code, out, err = said(*arguments, "--json", to=to)
    assert code == 0, out + err
    found: dict[str, Any] = json.loads(out)
    return found


def refused(*arguments: str, to: str = "acme/cfg-app") -> dict[str, str]:
    code, out, _ = said(*arguments, "--json", to=to)
    assert code == 1
    error: dict[str, str] = json.loads(out)["error"]
    assert all(text.isprintable() for text in error.values())
    return error


@pytest.mark.parametrize("to", ["acme/cfg-app", "URL/acme/cfg-app", "URL/acme/cfg-app.git"])
def test_announcement_is_the_payload_of_the_event(
    github: LittleGitHub, tmp_path: Path, to: str
) -> None:
    found = announced(
        "--announcement", written(tmp_path, announcement(1)), to=to.replace("URL", github.url)
    )
    assert github.dispatches == [
        {"event_type": "images-announced", "client_payload": announcement(1)}
    ]
    sent = github.asked[0]
    assert (sent.method, sent.path) == ("POST", "/api/v3/repos/acme/cfg-app/dispatches")
    assert sent.token == TOKEN
    one = {"id": parse(json.dumps(announcement(1)).encode()).id, "set": "app"}
    assert found == {
        "changed": True,
        "to": "acme/cfg-app",
        "announced": [{**one, "by_reference": False}],
    }


def test_every_set_is_an_event_of_its_own(github: LittleGitHub, tmp_path: Path) -> None:
    written(tmp_path, announcement(1, set_name="api"), "api.json")
    written(tmp_path, announcement(1, set_name="web"), "web.json")
    (tmp_path / "README.md").write_text("not one")
    announced("--announcements", str(tmp_path))
    assert [one["client_payload"]["set"] for one in github.dispatches] == ["api", "web"]


def test_large_set_travels_by_reference(github: LittleGitHub, tmp_path: Path) -> None:
    file = written(tmp_path, large())
    found = announced("--announcement", file, "--artifact", "announcement-{set}")
    [event] = github.dispatches
    payload = event["client_payload"]
    assert "images" not in payload
    assert len(json.dumps(payload)) < 1000
    assert payload["artifact"] == {
        "run_id": 42,
        "name": "announcement-app",
        "sha256": hashlib.sha256(Path(file).read_bytes()).hexdigest(),
    }
    referred = read(json.dumps(payload).encode())
    assert isinstance(referred, AnnouncementReference)
    assert resolved(referred, [Path(file).read_bytes()]) == parse(Path(file).read_bytes())
    assert found["announced"][0]["by_reference"] is True


def of_size(characters: int) -> dict[str, Any]:
    """An announcement whose JSON has so many characters."""
    made = announcement(7, {f"service-{n}": str(n) for n in range(250)})
    made["branch"] = "b"
    missing = characters - len(json.dumps(made))
    for name in sorted(made["images"]):
        longer = min(missing, 80)
        image = made["images"].pop(name)
        made["images"][name + "x" * longer] = image
        missing -= longer
    assert len(json.dumps(made)) == characters
    return made


@pytest.mark.parametrize(("characters", "by_reference"), [(65_535, False), (65_536, True)])
def test_event_takes_65535_characters(
    github: LittleGitHub, tmp_path: Path, characters: int, by_reference: bool
) -> None:
    file = written(tmp_path, of_size(characters))
    found = announced("--announcement", file, "--artifact", "announcements")
    assert found["announced"][0]["by_reference"] is by_reference
    assert ("artifact" in github.dispatches[0]["client_payload"]) is by_reference


def test_large_set_without_an_artifact_says_what_to_do(
    github: LittleGitHub, tmp_path: Path
) -> None:
    error = refused("--announcement", written(tmp_path, large()))
    assert "characters, and an event takes 65535" in error["what"]
    assert "--artifact" in error["remedy"]
    assert github.asked == []


def test_large_set_outside_a_run_says_where_to_announce_it(
    github: LittleGitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = ("--announcement", written(tmp_path, large()), "--artifact", "a")
    monkeypatch.setenv("GITHUB_REPOSITORY", "acme/other")
    assert "this run of acme/other" in refused(*given)["what"]
    monkeypatch.delenv("GITHUB_RUN_ID")
    assert "no workflow run" in refused(*given)["what"]
    assert github.asked == []


def test_dry_run_prints_the_payload_and_sends_nothing(github: LittleGitHub, tmp_path: Path) -> None:
    file = written(tmp_path, announcement(1))
    code, out, _ = said("--announcement", file, "--dry-run")
    assert code == 0
    assert json.loads(out) == announcement(1)
    found = announced("--announcement", file, "--dry-run")
    assert found["changed"] is False
    assert found["announced"][0]["payload"] == announcement(1)
    assert github.asked == []


@pytest.mark.parametrize("status", [403, 404])
def test_token_with_too_few_rights_is_told_which(
    github: LittleGitHub, tmp_path: Path, status: int
) -> None:
    github.answer = (status, "Resource not accessible by personal access token")
    error = refused("--announcement", written(tmp_path, announcement(1)))
    assert error["written"] == "nothing"
    text = error["what"] + error["remedy"]
    assert "contents: write" in text
    assert "acme/cfg-app" in text


def test_failure_after_the_first_event_says_what_was_sent(
    github: LittleGitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [
        written(tmp_path, announcement(1, set_name=name), f"{name}.json") for name in ("api", "web")
    ]
    answered = github.answered

    def only_the_first(asked: Any) -> Any:
        found = answered(asked)
        github.answer = (403, "Resource not accessible by integration")
        return found

    monkeypatch.setattr(github, "answered", only_the_first)
    error = refused("--announcement", files[0], "--announcement", files[1])
    assert error["written"].startswith("announcement-api-1-")


def test_without_a_token_it_is_said_what_kind_is_needed(
    github: LittleGitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TIDEMILL_TOKEN")
    error = refused("--announcement", written(tmp_path, announcement(1)))
    assert "no token to announce to acme/cfg-app" in error["what"]
    assert "write contents of acme/cfg-app" in error["remedy"]
    assert github.asked == []


@pytest.mark.parametrize(
    "to", ["cfg-app", "", "../x", "a/b/c", "https://evil.example/acme/cfg-app", "-x/y", "a/b\n"]
)
def test_place_that_is_no_repository_of_this_server_gets_no_token(
    github: LittleGitHub, tmp_path: Path, to: str
) -> None:
    error = refused("--announcement", written(tmp_path, announcement(1)), to=to)
    assert "is no repository on" in error["what"]
    assert github.asked == []


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (announcement(1)["images"], "is not an announcement"),
        (announcement(1) | {"version": 2}, "has version 2"),
        (announcement(1) | {"branch": "a\nb"}, "is not a valid name of a branch"),
    ],
    ids=["bare", "version 2", "branch of two lines"],
)
def test_announcement_is_checked_before_it_is_sent(
    github: LittleGitHub, tmp_path: Path, value: dict[str, Any], reason: str
) -> None:
    good = written(tmp_path, announcement(1, set_name="a"), "a.json")
    bad = written(tmp_path, value, "b.json")
    error = refused("--announcement", good, "--announcement", bad)
    assert reason in error["what"]
    assert github.asked == []


def test_two_files_that_differ_about_one_set_are_refused(
    github: LittleGitHub, tmp_path: Path
) -> None:
    files = [
        written(tmp_path, announcement(1, {"web": content}), f"{content}.json")
        for content in ("x", "y")
    ]
    error = refused("--announcement", files[0], "--announcement", files[1])
    assert "with different contents" in error["what"]
    assert github.asked == []


def test_what_to_announce_is_asked_for(github: LittleGitHub, tmp_path: Path) -> None:
    assert "--announcement FILE" in refused()["remedy"]
    (tmp_path / "empty").mkdir()
    assert "no announcement in" in refused("--announcements", str(tmp_path / "empty"))["what"]
    assert "can't be read" in refused("--announcement", str(tmp_path / "none.json"))["what"]
    assert github.asked == []


def test_person_is_told_what_was_announced(github: LittleGitHub, tmp_path: Path) -> None:
    code, out, err = said("--announcement", written(tmp_path, announcement(1)))
    assert code == 0
    assert "announced to acme/cfg-app" in out
    assert "sent to acme/cfg-app" in err
    assert len(github.dispatches) == 1
