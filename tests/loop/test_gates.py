"""People change on main what a wave asks before anything goes in: it is told who did."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.loop.stories import assert_rests, says
from tests.loop.waves import Waves, short, waves
from tests.world import git
from tidemill.turn import read as turn_read

SHOP = {"targets": ["s1"], "soak": "1h", "approval": True, "approvers": ["ada"]}


def change(w: Waves, old: str, new: str, author: str) -> str:
    """Somebody edits `tidemill.toml` and pushes."""
    assert old in w.settings
    w.settings = w.settings.replace(old, new)
    w.edit(push=False)
    by = f"--author={author} <{author}@example.com>"
    git(w.clone, "commit", "-q", "--amend", "--no-edit", by)
    git(w.clone, "push", "-q", str(w.bare), "HEAD:main")
    return git(w.clone, "rev-parse", "HEAD")


def test_who_changed_a_waves_gates_is_told_once_in_status_and_history(tmp_path: Path) -> None:
    w = waves(tmp_path, {"lab": {"targets": ["l1"]}, "shop": SHOP}, first=("deployed", 1, "lab"))
    w.turn()
    assert w.journalled("gates changed") == [], "they are as they were when it began"
    by_ada = change(w, 'soak = "1h"', 'soak = "0s"', "Ada")
    by_bob = change(w, 'approvers = ["ada"]', 'approvers = ["ada", "mallory"]', "Bob")
    change(w, "[[waves]]", "# only a remark\n[[waves]]", "Carol")
    w.turn()
    told = [
        {"what": "gates changed", "wave": "shop", "sha": sha, "by": by, "reason": reason}
        for sha, by, reason in (
            (by_ada, "Ada", "soak: 0s, was 1h"),
            (by_bob, "Bob", "approvers: ada, mallory, was ada"),
        )
    ]
    assert w.journalled("gates changed") == told
    assert_rests(w)
    assert w.journalled("gates changed") == told, "said once"

    assert w.wave("lab")["gates_changed"] == []
    assert [one["gates"] for one in w.wave("shop")["gates_changed"]] == [
        {"soak": ["1h", "0s"]},
        {"approvers": ["ada", "ada, mallory"]},
    ]
    said = f"gates changed in {by_ada[:12]} by the author Ada: soak: 0s, was 1h "
    said += f"gates changed in {by_bob[:12]} by the author Bob: approvers: ada, mallory, was ada"
    assert said in " ".join(says(w, "status")[1].split())
    history = says(w, "history", "--wave", "shop")[1]
    assert f"gates changed {by_ada[:12]} in shop, by the author Ada" in history
    assert f"gates changed {by_bob[:12]} in shop, by the author Bob" in history
    w.later(minutes=7 * 24 * 60)
    assert "gates changed" not in says(w, "status")[1]


def test_a_change_that_no_turn_went_by_is_not_told(tmp_path: Path) -> None:
    w = waves(tmp_path, {"lab": {"targets": ["l1"]}, "shop": SHOP}, first=("deployed", 1, "lab"))
    w.turn()
    change(w, 'soak = "1h"', 'soak = "0s"', "Ada")
    change(w, 'soak = "0s"', 'soak = "1h"', "Ada")
    w.turn()
    assert w.journalled("gates changed") == []


def test_what_is_merged_is_told_of_whoever_merged_it(tmp_path: Path) -> None:
    w = waves(tmp_path, {"lab": {"targets": ["l1"]}, "shop": SHOP}, first=("deployed", 1, "lab"))
    w.turn()
    git(w.clone, "fetch", "-q", str(w.bare), "main")
    main = git(w.clone, "rev-parse", "FETCH_HEAD")
    git(w.clone, "reset", "-q", "--hard", main)
    settings = w.clone / "tidemill.toml"
    settings.write_text(settings.read_text().replace('soak = "1h"', 'soak = "0s"'))
    git(w.clone, "commit", "-q", "-a", "-m", "no soak", "--author=Ada <ada@example.com>")
    tree = git(w.clone, "rev-parse", "HEAD^{tree}")
    parents = ("-p", main, "-p", "HEAD")
    merge = git(w.clone, "commit-tree", *parents, "-m", "merge", tree)
    git(w.clone, "reset", "-q", "--hard", merge)
    git(w.clone, "commit", "-q", "--amend", "--no-edit", "--author=Bob <bob@example.com>")
    git(w.clone, "push", "-q", str(w.bare), "HEAD:main")
    w.turn()
    [told] = w.journalled("gates changed")
    assert (told["by"], told["sha"]) == ("Bob", git(w.clone, "rev-parse", "HEAD"))


def test_a_set_goes_on_by_the_new_gates_in_the_turn_that_tells_them(tmp_path: Path) -> None:
    shop = {"targets": ["s1"], "soak": "1h"}
    w = waves(tmp_path, {"lab": {"targets": ["l1"]}, "shop": shop}, first=("deployed", 1, "lab"))
    w.later(minutes=20)
    change(w, 'soak = "1h"', 'soak = "0s"', "Ada")
    w.green()
    assert w.at("shop") == 1
    kinds = [one["what"] for one in w.journalled("gates changed") + w.journalled("promoted")]
    assert kinds == ["gates changed", "promoted"]
    assert w.journalled("promoted")[0]["app_sha"].startswith(short(1))


def with_keys(w: Waves, keys: str, author: str) -> str:
    """Somebody puts a file with an approver's keys on main."""
    git(w.clone, "fetch", "-q", str(w.bare), "main")
    git(w.clone, "reset", "-q", "--hard", "FETCH_HEAD")
    (w.clone / "approvers").mkdir(exist_ok=True)
    (w.clone / "approvers" / "ada.keys").write_text(keys)
    git(w.clone, "add", "-A")
    git(w.clone, "commit", "-q", "-m", "keys", f"--author={author} <a@example.com>")
    git(w.clone, "push", "-q", str(w.bare), "HEAD:main")
    return git(w.clone, "rev-parse", "HEAD")


def test_other_keys_in_a_file_of_the_same_name_are_told_with_who_put_them_there(
    tmp_path: Path,
) -> None:
    w = waves(tmp_path, {"lab": {"targets": ["l1"]}, "shop": SHOP}, first=("deployed", 1, "lab"))
    with_keys(w, "ssh-ed25519 AAAA ada\n", "Ada")
    w.turn()
    before = len(w.journalled("gates changed"))
    w.edit(note="something before")
    by_eve = with_keys(w, "ssh-ed25519 BBBB eve\n", "Eve")
    w.edit(note="something else")
    w.turn()
    told = w.journalled("gates changed")[before:]
    assert [(one["wave"], one["sha"], one["by"]) for one in told] == [("shop", by_eve, "Eve")]
    assert "approvals.keys: approvers as " in told[0]["reason"]
    assert_rests(w)
    assert len(w.journalled("gates changed")) == before + 1
    assert "the author Eve: approvals.keys: approvers as " in " ".join(says(w, "status")[1].split())


def test_who_takes_all_keys_away_is_told(tmp_path: Path) -> None:
    w = waves(tmp_path, {"lab": {"targets": ["l1"]}, "shop": SHOP}, first=("deployed", 1, "lab"))
    with_keys(w, "ssh-ed25519 AAAA ada\n", "Ada")
    w.turn()
    before = len(w.journalled("gates changed"))
    git(w.clone, "rm", "-q", "-r", "approvers")
    git(w.clone, "commit", "-q", "-m", "none", "--author=Eve <e@example.com>")
    git(w.clone, "push", "-q", str(w.bare), "HEAD:main")
    by_eve = git(w.clone, "rev-parse", "HEAD")
    w.turn()
    told = w.journalled("gates changed")[before:]
    assert [(one["wave"], one["sha"], one["by"]) for one in told] == [("shop", by_eve, "Eve")]
    assert told[0]["reason"].startswith("approvals.keys: approvers, was approvers as ")


def test_where_more_commits_came_than_are_looked_at_it_is_said_that_there_may_be_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    w = waves(tmp_path, {"lab": {"targets": ["l1"]}, "shop": SHOP}, first=("deployed", 1, "lab"))
    w.turn()
    monkeypatch.setattr(turn_read, "_MOST_PAST", 3)
    change(w, 'soak = "1h"', 'soak = "3h"', "Ada")
    change(w, "[[waves]]", "# a remark\n[[waves]]", "Bob")
    w.edit(note="something else")
    last = change(w, 'soak = "3h"', 'soak = "2h"', "Carol")
    w.turn()
    [told] = w.journalled("gates changed")
    assert (told["sha"], told["by"]) == (last, "Carol")
    assert told["reason"] == (
        "soak: 2h, was 1h; commits before this one may have changed them, too"
    )
