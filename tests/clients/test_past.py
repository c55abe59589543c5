"""One file of every commit of a history, read in parts."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.world import git

from tidemill.clients.git import mirror, past
from tidemill.clients.git.git import Git
from tidemill.clients.git.remote import remote
from tidemill.clients.git.repository import opened
from tidemill.clients.machine.processes import children
from tidemill.errors import Unreachable

COMMITS = 7


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A history of seven commits, of which the fourth lacks the file."""
    clone, made = tmp_path / "clone", tmp_path / "cfg.git"
    git(tmp_path, "init", "-q", "-b", "main", str(clone))
    for number in range(COMMITS):
        file = clone / "record.json"
        file.unlink() if number == 3 else file.write_text(f"{number}\nmissing\n")
        (clone / "other").write_text(f"{number}")
        git(clone, "add", "-A")
        git(clone, "commit", "-q", "-m", f"{number}")
    git(tmp_path, "clone", "-q", "--bare", str(clone), str(made))
    return made


def expected(bare: Path) -> list[tuple[str, bytes]]:
    shas = git(bare, "rev-list", "--reverse", "main").splitlines()
    data = [f"{number}\nmissing\n".encode() for number in range(COMMITS)]
    data[3] = b""
    return list(zip(shas, data, strict=True))


@pytest.mark.parametrize("least", [1, 2, 100], ids="parts of at least {}".format)
@pytest.mark.parametrize("way", ["borrowed", "fetched"])
def test_file_of_every_commit_is_read_the_oldest_first(
    bare: Path, way: str, least: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(past, "_LEAST", least)
    url = str(bare) if way == "borrowed" else f"file://{bare}"
    with opened(url) as repository:
        records, is_whole = repository.records(git(bare, "rev-parse", "main"), "record.json")
        assert list(records) == expected(bare)
        assert is_whole


@pytest.mark.parametrize("way", ["borrowed", "fetched"])
def test_last_commits_alone_are_read_and_then_more_of_them(bare: Path, way: str) -> None:
    tip = git(bare, "rev-parse", "main")
    with opened(str(bare) if way == "borrowed" else f"file://{bare}") as repository:
        for most in (1, 3, COMMITS - 1, COMMITS, COMMITS + 1, 2):
            records, is_whole = repository.records(tip, "record.json", most)
            assert list(records) == expected(bare)[-most:]
            assert is_whole == (most >= COMMITS)
        assert repository.commits(tip) == [sha for sha, _ in expected(bare)]


@pytest.mark.parametrize("way", ["borrowed", "fetched"])
def test_commits_since_a_time_are_counted(
    way: str, bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        day = f"2026-01-0{number + 1}T12:00:00Z"
        tree = git(bare, "rev-parse", "main^{tree}")
        parent = ("-p", "refs/heads/days") if number else ()
        monkeypatch.setenv("GIT_COMMITTER_DATE", day)
        sha = git(bare, "commit-tree", "-m", "x", *parent, tree)
        git(bare, "update-ref", "refs/heads/days", sha)
    with opened(str(bare) if way == "borrowed" else f"file://{bare}") as repository:
        repository.records(sha, "record.json", 1)
        for when, count in (("03T12:00:00", 2), ("03T12:00:01", 1), ("01T00:00:00", 4)):
            assert repository.count_since(sha, datetime.fromisoformat(f"2026-01-{when}Z")) == count
        assert repository.count_since(sha, datetime(1970, 1, 1, tzinfo=UTC)) == 4
        assert repository.count_since(sha, datetime(1970, 1, 1, tzinfo=UTC), 3) == 3


@pytest.mark.parametrize("way", ["borrowed", "fetched"])
def test_few_commits_of_one_tip_cut_off_nothing_of_another(bare: Path, way: str) -> None:
    shas = [sha for sha, _ in expected(bare)]
    with opened(str(bare) if way == "borrowed" else f"file://{bare}") as repository:
        assert repository.commits(shas[-2]) == shas[:-1]
        records, _ = repository.records(shas[-1], "record.json", 2)
        assert [sha for sha, _ in records] == shas[-2:]
        assert repository.commits(shas[-2]) == shas[:-1]


def test_history_in_a_folder_of_this_machine_is_not_copied(bare: Path) -> None:
    tip, before = git(bare, "rev-parse", "main"), children()
    with opened(str(bare)) as repository:
        records, _ = repository.records(tip, "record.json")
        assert children() == before, "nothing waits until somebody takes them"
        assert list(records) == expected(bare)
        assert repository.versions([(tip, "other")]) == [b"6"]
        for folder in (repository._past_place().folder, repository.git.folder):
            there = git(folder, "count-objects", "-v").split()
            assert there[:2] == ["count:", "0"]
            assert there[there.index("in-pack:") + 1] == "0"


@pytest.mark.parametrize("way", ["borrowed", "fetched"])
def test_commits_that_are_not_wanted_are_not_read_but_for_the_first(bare: Path, way: str) -> None:
    tip, asked = git(bare, "rev-parse", "main"), []

    def is_wanted(date: Callable[[], datetime], first_line: str) -> bool:
        asked.append((int(date().timestamp()), first_line))
        return first_line in ("3", "5")

    with opened(str(bare) if way == "borrowed" else f"file://{bare}") as repository:
        records, is_whole = repository.records(tip, "record.json", is_wanted=is_wanted)
        assert list(records) == [expected(bare)[at] for at in (0, 3, 5)]
        assert is_whole
        there = git(repository._past_place().folder, "count-objects", "-v").split()
    dates = git(bare, "log", "--reverse", "--format=%ct", "main").split()
    assert asked == [(int(dates[at]), str(at)) for at in range(1, COMMITS)]
    if way == "fetched":  # seven commits, three trees, and the file of two of these
        assert there[there.index("in-pack:") + 1] == str(COMMITS + 3 + 2)


def test_copy_of_part_of_a_history_is_not_whole(bare: Path, tmp_path: Path) -> None:
    shallow = tmp_path / "shallow.git"
    git(tmp_path, "clone", "-q", "--bare", "--depth=3", f"file://{bare}", str(shallow))
    with opened(str(shallow)) as repository:
        records, is_whole = repository.records(git(bare, "rev-parse", "main"), "record.json")
        assert list(records) == expected(bare)[-3:]
        assert not is_whole


def test_history_that_has_lost_a_commit_is_an_error_that_says_so(bare: Path) -> None:
    tip, lost = git(bare, "rev-parse", "main"), git(bare, "rev-parse", "main~3")
    for pack in (bare / "objects/pack").glob("*.pack"):
        data = pack.read_bytes()
        pack.unlink()
        git(bare, "unpack-objects", "-q", data=data)
    for index in (bare / "objects/pack").iterdir():
        index.unlink()
    (bare / "objects" / lost[:2] / lost[2:]).unlink()
    with opened(str(bare)) as repository, pytest.raises(Unreachable) as error:
        repository.records(tip, "record.json")
    assert lost in error.value.what
    assert "fsck" in error.value.remedy


def test_versions_of_a_file_are_read_at_once(bare: Path) -> None:
    shas = git(bare, "rev-list", "--reverse", "main").splitlines()
    places = [(shas[6], "other"), (shas[0], "other"), (shas[2], "nowhere")]
    for url in (str(bare), f"file://{bare}"):
        with opened(url) as repository:
            assert repository.versions(places) == [b"6", b"0", b""]
            assert repository.versions([]) == []


def test_commit_that_is_gone_or_none_keeps_no_other_version_away(bare: Path) -> None:
    shas = git(bare, "rev-list", "--reverse", "main").splitlines()
    strange = ("b" * 40, "HEAD", "", "--all", f"{shas[1]}:other\n{shas[2]}")
    commits = [strange[0], shas[6], *strange[1:], shas[0]]
    for url in (str(bare), f"file://{bare}"):
        with opened(url) as repository:
            found = repository.versions([(one, "other") for one in commits])
        assert found == [b"", b"6", b"", b"", b"", b"", b"0"], url


def test_path_of_two_lines_is_nowhere_and_moves_no_other_version(bare: Path) -> None:
    shas = git(bare, "rev-list", "--reverse", "main").splitlines()
    places = [(shas[6], "nowhere\nHEAD:other"), (shas[6], "other"), (shas[0], "other")]
    for url in (str(bare), f"file://{bare}"):
        with opened(url) as repository:
            assert repository.versions(places) == [b"", b"6", b"0"], url


def test_history_is_borrowed_from_a_folder_whose_name_is_no_utf_8(
    bare: Path, tmp_path: Path
) -> None:
    there = bare.rename(tmp_path / os.fsdecode(b"\xe9"))
    with opened(str(there)) as repository:
        records, _ = repository.records(git(there, "rev-parse", "main"), "record.json")
        assert list(records) == expected(there)


def test_what_is_not_here_is_looked_for_nowhere_else(tmp_path: Path) -> None:
    folder = mirror.made(tmp_path / "mirror.git")
    known = Git(folder, remote("http://127.0.0.1:1/acme/cfg-app").known(folder))
    gone = [f"{number:040x}" for number in range(30)]
    assert past.named(known, gone) == [""] * 30
    assert [*past.contents(known, gone)] == [b""] * 30
