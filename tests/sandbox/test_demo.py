"""`tidemill-sandbox demo`: the whole loop on the examples, once; and what it refuses."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.commands.promises import assert_readable
from tests.followed import is_same, steps
from tests.world import git

from tidemill_sandbox.__main__ import main
from tidemill_sandbox.commands.demo import MARK
from tidemill_sandbox.demo.story import Story

CHAPTERS = 8


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """What a run prints that finds the folder of an earlier run, and that folder."""
    folder = tmp_path_factory.mktemp("demo") / ".demo"
    folder.mkdir()
    (folder / MARK).touch()
    (folder / "left").write_text("by the run before")
    done = subprocess.run(
        [sys.executable, "-m", "tidemill_sandbox", "demo", "--to", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    return done.stdout, folder


def test_every_chapter_is_told_and_everything_held(told: tuple[str, Path]) -> None:
    out, _ = told
    for number in range(1, CHAPTERS + 1):
        assert f"\n{number}. " in out
    assert f"\n{CHAPTERS + 1}. " not in out
    checked = [int(count) for count in re.findall(r"(?m)^   ✓ (\d+) checks held, in", out)]
    assert len(checked) == CHAPTERS
    assert min(checked) >= 2
    assert re.search(rf"Everything held, in \d+ s: {sum(checked)} checks\.", out)


def test_it_ends_with_one_screen_that_has_a_verdict_on_each_chapter(told: tuple[str, Path]) -> None:
    out, folder = told
    screen = out[out.index("\n✓ 1. ") :].strip().splitlines()
    assert [line[:5] for line in screen[:CHAPTERS]] == [f"✓ {n}. " for n in range(1, CHAPTERS + 1)]
    assert len(screen) <= 24
    assert max(len(line) for line in screen if str(folder) not in line) <= 80


def test_it_prints_what_the_readme_shows(told: tuple[str, Path]) -> None:
    out, _ = told
    readme = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
    (demo,) = [step for step in steps(readme) if "make demo" in step.shell]
    assert is_same(out, demo.text)


def test_output_is_for_people(told: tuple[str, Path]) -> None:
    out, _ = told
    assert "\x1b" not in out
    _, _, end = out.partition("The state of every wave")
    assert_readable(end.partition("Everything held")[0])


def test_state_of_every_wave_ends_it(told: tuple[str, Path]) -> None:
    out, folder = told
    _, _, end = out.partition("The state of every wave")
    main = git(folder / "cfg-app.git", "rev-parse", "main")
    for word in (main, "staging", "internal", "production", "deployed"):
        assert word in end


def test_everything_is_left_to_look_at_and_nothing_of_the_run_before(
    told: tuple[str, Path],
) -> None:
    out, folder = told
    assert str(folder) in out
    for name in ("app.git", "cfg-app.git", "app", "cfg-app", "images", "announcements"):
        assert (folder / name).is_dir()
    assert not (folder / "left").exists()
    assert int(git(folder / "cfg-app.git", "rev-list", "--count", "refs/tidemill/journal")) > 20


def test_ways_to_look_around_that_it_names_work(told: tuple[str, Path]) -> None:
    out, folder = told
    _, _, after = out.partition("Look around:\n")
    commands = [line.split() for line in after.splitlines()]
    assert [command[-1] for command in commands] == [
        str(folder / "cfg-app.git"),
        "main",
        "refs/tidemill/journal",
    ]
    for command in commands:
        assert subprocess.run(command, capture_output=True, check=True).stdout


def refused(*arguments: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["demo", *arguments, "--json"]) == 1
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["written"] == "nothing"
    return f"{error['what']}: {error['remedy']}"


@pytest.mark.parametrize("kind", ["folder", "file", "full-folder"])
def test_folder_that_no_demo_made_is_not_touched(
    tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "mine"
    if kind == "file":
        place.write_text("precious")
    else:
        place.mkdir()
    if kind == "full-folder":
        (place / "precious").write_text("x")
    before = sorted(tmp_path.rglob("*"))
    reason = refused("--to", str(place), capsys=capsys)
    assert "exists, and no demo made it" in reason
    assert "--to" in reason
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("there", [(), ("app",), ("cfg-app",)], ids=str)
def test_without_the_examples_it_says_where_to_run_it(
    tmp_path: Path, there: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    for name in there:
        (tmp_path / name).mkdir()
    to = tmp_path / "run"
    reason = refused("--to", str(to), "--examples", str(tmp_path), capsys=capsys)
    assert "has no app/ and cfg-app/: run the demo from a checkout of Tidemill" in reason
    assert not to.exists()


def test_with_json_one_object_is_printed_and_no_story(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def tell(story: Story) -> None:
        story.cfg.commit("Deploy the shop", story.loop.now)
        with story.narrator.telling("a story"):
            story.narrator.chapter("A short story")
            story.narrator.expect(truth=True, what="it is short")

    monkeypatch.setattr(Story, "tell", tell)
    assert main(["demo", "--to", str(tmp_path / "run"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["folder"] == str(tmp_path / "run")
    (chapter,) = found["chapters"]
    assert (chapter["title"], chapter["checked"]) == ("A short story", 1)
    assert [wave["name"] for wave in found["status"]["waves"]] == [
        "staging",
        "internal",
        "production",
    ]


def test_with_a_time_the_story_begins_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen = []

    def tell(story: Story) -> None:
        story.cfg.commit("Deploy the shop", story.loop.now)
        seen.append(story.loop.now.isoformat())

    monkeypatch.setattr(Story, "tell", tell)
    given = ["--to", str(tmp_path / "run"), "--json", "--now", "2030-01-01T00:00:00Z"]
    assert main(["demo", *given]) == 0
    assert seen == ["2030-01-01T00:00:00+00:00"]
    assert capsys.readouterr().err == ""
