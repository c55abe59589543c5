"""A journal that is lost is made again from what else is in Git."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.loop.stories import assert_rests, journal, refs
from tests.loop.test_unreadable_refs import commit_of
from tests.loop.waves import Waves, waves
from tests.world import git

JOURNAL = "refs/tidemill/journal"


def delete(w: Waves) -> None:
    git(w.bare, "update-ref", "-d", JOURNAL)


def damage(w: Waves) -> None:
    git(w.bare, "update-ref", JOURNAL, commit_of(w, b'{"version": 1, "at": "yesterday"}'))


def delete_all(w: Waves) -> None:
    """As a mirror of the branches alone has it."""
    for ref in refs(w):
        if ref.startswith("refs/tidemill/"):
            git(w.bare, "update-ref", "-d", ref)


LOSSES = [delete, damage]
losses = pytest.mark.parametrize("lose", LOSSES, ids=lambda lose: lose.__name__)


@losses
def test_loop_goes_on_and_the_journal_says_that_it_was_made_again(
    tmp_path: Path, lose: Callable[[Waves], None]
) -> None:
    w = waves(tmp_path, first=("everywhere", 1))
    w.deployed(2, "lab")
    lost = w.ref(JOURNAL)
    lose(w)
    damaged = w.ref(JOURNAL)
    assert [one["ref"] for one in w.status()["unreadable"]] == [JOURNAL]
    assert w.turn().code == 0
    first = journal(w)[0]
    assert first["what"] == "made again"
    assert "not known any more" in first["reason"]
    assert w.status()["unreadable"] == []
    if damaged:
        assert damaged != lost
        assert damaged in [refs(w)[ref] for ref in w.refs("rejected")]
    w.green()
    w.everywhere(3)
    assert w.positions() == {"lab": 3, "shop": 3}
    assert_rests(w)


@losses
def test_set_that_was_rolled_back_does_not_return(
    tmp_path: Path, lose: Callable[[Waves], None]
) -> None:
    w = waves(tmp_path, first=("everywhere", 1))
    w.deployed(2, "lab")
    w.deploy("shop")
    w.roll_back("lab")
    w.green()
    w.deploy("lab")
    w.release("lab")
    assert w.positions() == {"lab": 1, "shop": 2}
    w.roll_back("shop")
    w.green()
    w.release("shop")
    assert w.positions() == {"lab": 1, "shop": 1}
    lose(w)
    w.turn()
    w.announce(2)
    w.green()
    for wave in w.targets:
        w.deploy(wave)
    w.later(hours=1)
    w.green()
    assert w.positions() == {"lab": 1, "shop": 1}
    w.everywhere(3)
    assert w.positions() == {"lab": 3, "shop": 3}


@losses
def test_set_that_was_rolled_back_in_the_first_wave_does_not_get_into_the_next(
    tmp_path: Path, lose: Callable[[Waves], None]
) -> None:
    w = waves(tmp_path, first=("everywhere", 1))
    w.hold("shop")
    w.deployed(2, "lab")
    w.roll_back("lab")
    w.green()
    lose(w)
    w.release("lab")
    w.release("shop")
    w.deploy("lab")
    w.later(hours=1)
    w.green()
    assert w.positions() == {"lab": 1, "shop": 1}


@losses
def test_set_that_was_evicted_does_not_return(
    tmp_path: Path, lose: Callable[[Waves], None]
) -> None:
    w = waves(tmp_path, first=("everywhere", 1))
    w.announce(2)
    w.check(w.ref("refs/heads/main") or "")
    for sha in w.turn()["to_check"]:
        w.check(sha, "failure")
    for _ in range(3):
        for sha in w.turn()["to_check"]:
            w.check(sha, "success" if sha == w.ref("refs/heads/main") else "failure")
    kept = w.refs("evicted")
    assert kept
    lose(w)
    again = w.announce(2)
    assert "has ended already: evicted" in again["request"]["state"]
    w.green()
    assert w.positions() == {"lab": 1, "shop": 1}
    assert w.refs("evicted") == kept
    assert (
        w.run(
            "retry",
            "--sha",
            git(w.bare, "log", "-1", "--format=%B", kept[0].rpartition("/")[2]).split("App-SHA: ")[
                1
            ][:12],
        ).code
        == 0
    )


@losses
def test_hold_is_not_lost_and_what_waits_is_not_either(
    tmp_path: Path, lose: Callable[[Waves], None]
) -> None:
    w = waves(tmp_path, first=("everywhere", 1))
    w.hold("shop", "freeze")
    w.deployed(2, "lab")
    w.announce(3)
    lose(w)
    w.green()
    w.deploy("lab")
    w.green()
    assert w.positions() == {"lab": 3, "shop": 1}
    assert w.wave("shop")["hold"]["reason"] == "freeze"
    w.release("shop")
    w.green()
    assert w.positions() == {"lab": 3, "shop": 3}


@losses
def test_set_that_fails_is_not_promoted(tmp_path: Path, lose: Callable[[Waves], None]) -> None:
    w = waves(tmp_path, first=("everywhere", 1))
    w.ship(2)
    w.report("lab", "l1")
    w.report("lab", "l2", health="Degraded")
    lose(w)
    w.green()
    w.later(hours=1)
    w.green()
    assert w.state("lab") == "failed"
    assert w.positions() == {"lab": 2, "shop": 1}
    w.report("lab", "l2")
    w.report("lab", "l1")
    w.green()
    assert w.positions() == {"lab": 2, "shop": 2}


@losses
def test_wave_can_be_rolled_back_to_what_it_had(
    tmp_path: Path, lose: Callable[[Waves], None]
) -> None:
    w = waves(tmp_path, first=("everywhere", 1))
    w.everywhere(2)
    lose(w)
    w.roll_back("shop", "--to", sha_at(w, 1))
    w.green()
    assert w.positions() == {"lab": 2, "shop": 1}


def sha_at(w: Waves, position: int) -> str:
    """The app SHA of a position."""
    from tests.world import sha_of

    return sha_of(f"app-{position}")


def test_everything_but_the_branches_may_be_lost(tmp_path: Path) -> None:
    w = waves(tmp_path, first=("everywhere", 1))
    w.everywhere(2)
    delete_all(w)
    w.announce(1)
    w.green()
    assert w.positions() == {"lab": 2, "shop": 2}
    assert journal(w)[0]["what"] == "made again"
    w.everywhere(3)
    assert w.positions() == {"lab": 3, "shop": 3}


def test_repository_that_never_had_a_journal_is_not_told_that_it_lost_one(tmp_path: Path) -> None:
    w = waves(tmp_path)
    assert w.status()["unreadable"] == []
    w.announce(1)
    assert "made again" not in [entry["what"] for entry in journal(w)]


@losses
def test_set_that_was_rolled_back_does_not_return_where_its_files_were_elsewhere(
    tmp_path: Path, lose: Callable[[Waves], None]
) -> None:
    w = waves(tmp_path, first=("everywhere", 1))
    w.everywhere(2)
    w.roll_back("shop")
    w.green()
    w.deploy("shop")
    w.release("shop")
    git(w.clone, "fetch", "-q", str(w.bare), "main")
    git(w.clone, "reset", "-q", "--hard", "FETCH_HEAD")
    git(w.clone, "mv", "images", "pictures")
    for name in ("tidemill.toml", "generate.py"):
        file = w.clone / name
        file.write_text(file.read_text().replace('"images', '"pictures'))
    w.commit("other folders")
    w.green()
    lose(w)
    for _ in range(3):
        w.green()
        for wave in w.targets:
            w.deploy(wave)
    source = git(w.bare, "show", "main:pictures/shop/source.json")
    assert json.loads(source)["position"] == 1


@losses
def test_what_a_person_put_on_auto_is_kept_and_what_a_turn_did_is_made_again(
    tmp_path: Path, lose: Callable[[Waves], None]
) -> None:
    w = waves(tmp_path, first=("everywhere", 1))
    w.announce(2)
    auto = "refs/heads/auto"
    git(w.clone, "fetch", "-q", str(w.bare), auto)
    git(w.clone, "checkout", "-q", "FETCH_HEAD")
    git(w.clone, "commit", "-q", "--allow-empty", "-m", "a person's own")
    git(w.clone, "push", "-q", str(w.bare), f"HEAD:{auto}")
    theirs = w.ref(auto)
    lose(w)
    assert w.turn().code == 0
    assert list(w.refs("evicted")) == [f"refs/tidemill/evicted/{theirs}"]
    assert w.ref(auto) not in (theirs, w.ref("refs/heads/main"))
