"""`tidemill page`."""

import re
from pathlib import Path

import pytest
from tests.commands.promises import refused
from tests.loop.stories import refs, says
from tests.world import World, sha_of

from tidemill.answers.history import History
from tidemill.clients.git.git import configured
from tidemill.clients.git.repository import opened
from tidemill.commands import _paging
from tidemill.turn import past
from tidemill.turn.past import read_history
from tidemill.turn.read import read
from tidemill.words.moments import to_the_minute


def files(folder: Path) -> dict[str, bytes]:
    """Every file in a folder."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


@pytest.mark.parametrize(
    "state", ["new", "under_test", "landed", "deployed", "second", "evicted"], ids=str
)
def test_page_is_written_from_git_which_stays_as_it_is(
    state: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    world: World = request.getfixturevalue(state)
    before, out = refs(world), tmp_path / "page"
    result = world.run("page", "--out", str(out))
    assert result.code == 0
    found = files(out)
    assert (result["changed"], result["out"]) == (True, str(out))
    assert (result["files"], result["bytes"]) == (len(found), sum(map(len, found.values())))
    assert {"index.html", "style.css", "landings.xml", "waves/lab.html"} <= found.keys()
    assert refs(world) == before


def test_the_second_run_changes_nothing(second: World, tmp_path: Path) -> None:
    out = tmp_path / "page"
    second.run("page", "--out", str(out))
    before = files(out)
    result = second.run("page", "--out", str(out))
    assert (result.code, result["changed"]) == (0, False)
    assert files(out) == before
    other = tmp_path / "other"
    second.run("page", "--out", str(other))
    assert files(other) == before


def test_what_runs_and_what_waits_is_on_it(second: World, tmp_path: Path) -> None:
    second.run("hold-wave", "--wave", "shop", "--reason", "freeze <now>")
    code, out, _ = says(second, "page", "--out", str(tmp_path / "page"))
    assert code == 0
    assert "Open " in out
    board = (tmp_path / "page" / "index.html").read_text()
    assert sha_of("app-2")[:12] in board
    assert "freeze &lt;now&gt;" in board
    assert str(second.folder) in board  # in the commands, which run as printed


@pytest.mark.parametrize("command", ["loop", "reconcile-cfg-app"])
def test_a_run_that_changed_something_leaves_the_page(
    under_test: World, tmp_path: Path, command: str
) -> None:
    out, again = tmp_path / "page", tmp_path / "again"
    for sha in under_test.asked:
        under_test.check(sha)
    assert under_test.run(command, "--page-to", str(out), "--dry-run")["page"] is None
    done = under_test.run(command, "--page-to", str(out))
    assert (done["changed"], done["page"], done["unwritten"]) == (True, str(out), [])
    assert sha_of("app-1")[:12] in (out / "index.html").read_text()
    under_test.run("page", "--out", str(again))
    assert files(again) == files(out)
    done = under_test.run(command, "--page-to", str(tmp_path / "other"))
    assert (done["changed"], done["page"]) == (False, None)
    assert not (tmp_path / "other").exists()


def test_a_run_whose_page_fails_did_its_work(
    under_test: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine").write_text("of somebody")
    done = under_test.run("loop", "--page-to", str(tmp_path))
    assert (done.code, done["page"]) == (0, None)
    assert done["landed"] == under_test.ref("refs/heads/main")
    (why,) = done["unwritten"]
    assert "is no page that Tidemill wrote; name a folder" in why

    def broken(*_: object) -> None:
        raise KeyError("x")

    under_test.run("hold-wave", "--wave", "shop", "--reason", "fair", "--accept-only")
    monkeypatch.setattr(_paging, "write_page", broken)
    code, said, log = says(under_test, "loop", "--page-to", str(tmp_path / "page"))
    assert code == 0
    assert "no page: KeyError: 'x'" in said
    assert "Traceback" in log


@pytest.mark.parametrize(
    "address",
    [
        "git@github.com:acme/cfg-app.git",
        "ssh://git:secret@github.com/acme/cfg-app",
        "https://ada:secret@github.com/acme/cfg-app.git",
    ],
)
def test_however_the_repository_is_reached_the_page_links_to_github_and_has_no_secret(
    second: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    for name, value in configured({f"url.file://{second.bare}.insteadOf": address}).items():
        monkeypatch.setenv(name, value)
    out = str(tmp_path / "page")
    assert second.run("page", "--out", out, "--repo", address, repo=False).code == 0
    pages = files(tmp_path / "page")
    board = pages["index.html"].decode()
    assert '<a class="name" href="index.html">acme/cfg-app</a>' in board
    assert 'href="https://github.com/acme/cfg-app/commit/' in board
    assert not [name for name, data in pages.items() if b"secret" in data]


def test_the_journal_says_who_asked_and_when(deployed: World, tmp_path: Path) -> None:
    sha = sha_of("app-1")
    deployed.run("promote-wave", "--wave", "shop", "--sha", sha)
    deployed.green()
    deployed.run("page", "--out", str(tmp_path / "page"))
    timeline = (tmp_path / "page" / "timeline.html").read_text()
    stays = {stay.wave: stay for stay in history_of(deployed).stays["shop", "app"]}
    assert stays["shop"].by
    assert f"promoted by {stays['shop'].by}" in re.sub("<[^>]*>", "", timeline)


def test_the_timeline_says_what_a_person_has_overridden(deployed: World, tmp_path: Path) -> None:
    approve = ("promote-wave", "--wave", "shop", "--sha", sha_of("app-1"))
    deployed.run(*approve, "--override", "the fair begins")
    deployed.green()
    deployed.run("page", "--out", str(tmp_path / "page"))
    assert "override: the fair begins" in (tmp_path / "page" / "timeline.html").read_text()


def test_the_last_turns_are_enough_where_they_tell_of_what_is_there(
    second: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, part = tmp_path / "whole", tmp_path / "part"
    second.run("page", "--out", str(whole))
    turns = [turn.at for turn in history_of(second).turns]
    landed = history_of(second).stays["lab", "app"][-1].since
    needed = len(turns) - turns.index(landed)
    monkeypatch.setattr(past, "_PARTS", tuple(range(1, len(turns))))
    monkeypatch.setattr(_paging, "LEAST_TURNS", 1)
    second.run("page", "--out", str(part))
    note = f"Who asked for what landed before {to_the_minute(turns[-needed])}"
    timeline = (part / "timeline.html").read_text()
    assert note in timeline
    assert sha_of("app-1")[:12] in timeline, "the ledger has it"
    for name in ("index.html", "landings.xml", "attention.xml"):
        assert (part / name).read_bytes() == (whole / name).read_bytes(), name


def history_of(world: World) -> History:
    with opened(str(world.bare)) as store:
        return read_history(store, read(store))


def test_a_time_in_the_past_is_refused(second: World, tmp_path: Path) -> None:
    second.later(minutes=-60)
    assert "page shows the present" in refused(second, "page", "--out", str(tmp_path / "page"))


def test_pages_of_what_is_gone_go(second: World, tmp_path: Path) -> None:
    out = tmp_path / "page"
    second.run("page", "--out", str(out))
    gone = out / "targets" / "lab" / "was.html"
    gone.write_text("of a target that the settings do not list any more")
    own = out / "robots.txt"
    own.write_text("somebody's own")
    assert second.run("page", "--out", str(out))["changed"]
    assert not gone.exists()
    assert own.exists()


def test_another_folder_is_left_alone(new: World, tmp_path: Path) -> None:
    out = tmp_path / "documents"
    out.mkdir()
    (out / "index.html").write_text("<h1>How to use tidemill page</h1>")
    assert "is no page that Tidemill wrote" in refused(new, "page", "--out", str(out))
    assert files(out) == {"index.html": b"<h1>How to use tidemill page</h1>"}


def test_a_file_is_no_folder(new: World, tmp_path: Path) -> None:
    (tmp_path / "page").write_text("")
    assert "is no page" in refused(new, "page", "--out", str(tmp_path / "page"))


def test_for_github_pages_takes_a_repository_on_github(new: World, tmp_path: Path) -> None:
    told = refused(new, "page", "--out", str(tmp_path / "page"), "--for-github-pages")
    assert "GitHub's API is needed" in told
    assert not (tmp_path / "page").exists()


def test_where_nobody_can_ask_github_the_page_says_so(second: World, tmp_path: Path) -> None:
    second.run("page", "--out", str(tmp_path / "page"))
    assert "nobody could ask it" not in (tmp_path / "page" / "index.html").read_text()
    second.settings = second.settings.replace('source = "refs"', 'source = "github"')
    second.edit()
    assert second.run("page", "--out", str(tmp_path / "page")).code == 0
    board = (tmp_path / "page" / "index.html").read_text()
    assert "nobody could ask it here" in board
    assert sha_of("app-2")[:12] in board
