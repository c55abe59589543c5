"""A ref that can't be read stops what needs it and nothing else, and is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.loop.stories import assert_rests, refs
from tests.loop.waves import Waves, waves
from tests.world import git, sha_of

SPACE = "refs/tidemill"


@pytest.fixture
def w(tmp_path: Path) -> Waves:
    """lab and shop have set 1, healthy."""
    return waves(tmp_path, first=("everywhere", 1))


def commit_of(w: Waves, data: bytes, name: str = "record.json") -> str:
    """A commit that holds one file."""
    blob = git(w.bare, "hash-object", "-w", "--stdin", data=data)
    tree = git(w.bare, "mktree", data=f"100644 blob {blob}\t{name}\n".encode())
    return git(w.bare, "commit-tree", tree, data=b"by hand\n")


def tag_of(w: Waves) -> str:
    """An annotated tag of a commit."""
    sha = commit_of(w, b"{}")
    text = f"object {sha}\ntype commit\ntag t\ntagger p <p@x> 1700000000 +0000\n\nx\n"
    return git(w.bare, "mktag", data=text.encode())


OBJECTS: dict[str, Callable[[Waves], str]] = {
    "empty-record": lambda w: commit_of(w, b"{}"),
    "deep": lambda w: commit_of(w, b"[" * 100_000),
    "bytes": lambda w: commit_of(w, b"\xff"),
    "no-record": lambda w: commit_of(w, b"{}", "other.json"),
    "another-commit": lambda w: w.ref("refs/heads/main") or "",
    "blob": lambda w: git(w.bare, "hash-object", "-w", "--stdin", data=b"x"),
    "tree": lambda w: git(w.bare, "rev-parse", "main^{tree}"),
    "tag": tag_of,
}
PLACES = ["inbox/hold-1", "holds/lab/app", "deployed/lab/l1", "deployed/nope/a", "CHECK"]
STRAYS = [
    "inbox/a/b",
    "checks/notasha",
    "deployed/lab",
    "deployed/lab/l1/x",
    "holds/shop",
    "holds/shop/app/z",
    "evicted/nope",
    "rejected/a/b",
]


def put(w: Waves, place: str, sha: str) -> str:
    """Point a ref of the namespace there; those that Git can't keep beside it go."""
    main = w.ref("refs/heads/main")
    ref = f"{SPACE}/checks/{main}" if place == "CHECK" else f"{SPACE}/{place}"
    for other in refs(w):
        if other.startswith(f"{ref}/") or ref.startswith(f"{other}/"):
            git(w.bare, "update-ref", "-d", other)
    git(w.bare, "update-ref", ref, sha)
    return ref


def with_time(w: Waves, ref: str, key: str, time: str) -> None:
    """Forge a time in the record of a ref."""
    record = json.loads(git(w.bare, "show", f"{ref}:record.json"))
    git(w.bare, "update-ref", ref, commit_of(w, json.dumps(record | {key: time}).encode()))


def assert_named_and_set_aside(w: Waves, bad: dict[str, str]) -> None:
    """Status names each ref and how it ends; the next turn keeps it below rejected/, and says so.

    Args:
        bad: what each ref points to.
    """
    named = w.status()["unreadable"]
    assert {one["ref"] for one in named} == set(bad)
    assert all(one["reason"].isprintable() for one in named)
    turn = w.turn()
    assert turn.code == 0
    assert turn["changed"]
    kept = {one["id"]: w.ref(f"{SPACE}/rejected/{one['id']}") for one in turn["rejected"]}
    assert len(kept) == len(bad)
    for one in named:
        [remedied] = [name for name in kept if name in one["remedy"]]
        assert kept[remedied] == bad[one["ref"]]
        assert w.ref(one["ref"]) != bad[one["ref"]]
    assert w.status()["unreadable"] == []


@pytest.mark.parametrize("make", OBJECTS.values(), ids=OBJECTS)
def test_refs_that_hold_no_record_are_named_and_set_aside(
    w: Waves, make: Callable[[Waves], str]
) -> None:
    sha = make(w)
    assert_named_and_set_aside(w, {put(w, place, sha): sha for place in PLACES})
    assert w.wave("lab")["hold"]
    assert_rests(w)


def test_refs_that_were_set_aside_stop_nobody(w: Waves) -> None:
    """Whatever they held: it is out of the way."""
    sha = commit_of(w, b"{}")
    assert_named_and_set_aside(w, {put(w, place, sha): sha for place in PLACES})
    w.report("lab", "l1")
    assert w.state("lab") == "deployed"
    w.release("lab")
    w.everywhere(2)
    assert w.positions() == {"lab": 2, "shop": 2}
    assert_rests(w)


@pytest.mark.parametrize("place", STRAYS)
def test_ref_that_is_in_the_way_of_others_is_moved_out_of_it(w: Waves, place: str) -> None:
    sha = commit_of(w, b"{}")
    assert_named_and_set_aside(w, {put(w, place, sha): sha})
    w.hold("shop", set_name="app")
    w.ship(2)
    w.deploy("lab")
    w.green()
    assert w.positions() == {"lab": 2, "shop": 1}
    w.release("shop")
    w.green()
    assert w.positions() == {"lab": 2, "shop": 2}


@pytest.mark.parametrize("folder", ["inbox", "rejected", "deployed", "holds", "evicted"])
def test_ref_in_place_of_a_whole_folder_stops_nobody(tmp_path: Path, folder: str) -> None:
    w = waves(tmp_path, first=("ship", 1))
    put(w, folder, commit_of(w, b"{}"))
    assert w.hold("shop").code == 0
    assert f"{SPACE}/{folder}" not in refs(w)
    w.deploy("lab")
    w.ship(2)
    assert w.positions() == {"lab": 2, "shop": None}


@pytest.mark.parametrize(
    "time", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-01-05T10:00:00"]
)
def test_time_with_which_one_can_not_reckon_stops_nobody(w: Waves, time: str) -> None:
    w.run("hold-wave", "--wave", "shop", "--reason", "x", "--accept-only")
    [request] = w.refs("inbox")
    with_time(w, request, "accepted_at", time)
    with_time(w, f"{SPACE}/deployed/lab/l1", "finished_at", time)
    assert len(w.status()["unreadable"]) == 2
    w.everywhere(2)
    assert w.positions() == {"lab": 2, "shop": 2}
    assert w.status()["unreadable"] == []


HOLDS = ["holds/shop/app", "holds/shop/_", "holds/shop", "holds/shop/app/z"]


@pytest.mark.parametrize("place", HOLDS)
def test_hold_that_can_not_be_read_stays_in_force_until_it_is_released(
    w: Waves, place: str
) -> None:
    w.hold("shop", "a freeze", set_name="app")
    put(w, place, commit_of(w, b"{}"))
    assert w.wave("shop")["holds"], "before any turn"
    w.deployed(2, "lab")
    assert w.positions() == {"lab": 2, "shop": 1}
    hold = w.wave("shop")["hold"]
    assert "can't be read" in hold["reason"]
    assert hold["by"] == "tidemill"
    w.release("shop")
    w.green()
    assert w.positions() == {"lab": 2, "shop": 2}


def test_hold_that_can_not_be_read_can_be_released_before_any_turn(w: Waves) -> None:
    put(w, "holds/shop", commit_of(w, b"{}"))
    released = w.release("shop")
    assert released.code == 0
    assert w.wave("shop")["holds"] == []


def newer(w: Waves, kind: str, place: str) -> tuple[str, str]:
    """A record of a newer release."""
    sha = commit_of(w, json.dumps({"version": 2, "kind": kind, "more": 1}).encode())
    return put(w, place, sha), sha


@pytest.mark.parametrize(
    ("kind", "place"),
    [
        ("hold", "inbox/hold-1"),
        ("hold", "holds/shop/app"),
        ("deployment", "deployed/shop/s1"),
        ("check", "CHECK"),
    ],
)
def test_fact_of_a_newer_release_stays_where_it_is(w: Waves, kind: str, place: str) -> None:
    ref, sha = newer(w, kind, place)
    [named] = w.status()["unreadable"]
    assert "newer release" in named["reason"]
    assert f":{ref}" in named["remedy"]
    assert not w.turn()["changed"]
    w.ship(2)
    w.deploy("lab")
    w.green()
    assert w.at("lab") == 2
    assert w.ref(ref) == sha or place == "CHECK"
    if place == "holds/shop/app":
        assert w.at("shop") == 1, "it holds"
        w.release("shop")
        w.green()
        assert w.at("shop") == 2


def test_journal_of_a_newer_release_ends_the_turn_and_nothing_is_written(w: Waves) -> None:
    record = {"version": 3, "at": "2026-01-05T10:00:00Z", "entries": [], "ledger": {}}
    git(w.bare, "update-ref", f"{SPACE}/journal", commit_of(w, json.dumps(record).encode()))
    before = refs(w)
    for command in ("reconcile-cfg-app", "status"):
        found = w.run(command)
        assert found.code == 1
        assert "newer release" in found["error"]["remedy"]
    assert refs(w) == before
    held = w.hold("shop")
    assert held.code == 1
    assert "waits in the inbox" in held["error"]["written"]
    assert len(refs(w)) == len(before) + 1
    accepted = w.run("hold-wave", "--wave", "lab", "--reason", "x", "--accept-only")
    assert (accepted.code, accepted["changed"]) == (0, True)
    announced = w.announce(2)
    assert announced.code == 1
    assert "waits in the inbox" in announced["error"]["written"]
    again = w.run(
        "update-cfg-app", "--announcement", f"{w.folder}/announcement.json", "--accept-only"
    )
    assert (again.code, again["request"]["state"]) == (0, "waits already")


def test_what_is_accepted_takes_the_place_of_what_can_not_be_read(w: Waves) -> None:
    fact = f"announcement-app-2-{sha_of('app-2')[:12]}"
    put(w, f"inbox/{fact}", commit_of(w, b"{}"))
    told = w.announce(2)
    request = told["request"]
    assert (told.code, request["id"], request["state"]) == (0, fact, "accepted")
    w.green()
    assert w.at("lab") == 2


def test_dry_run_says_what_would_be_set_aside_and_moves_nothing(w: Waves) -> None:
    put(w, "holds/shop", commit_of(w, b"{}"))
    put(w, "inbox/x", commit_of(w, b"{}"))
    before = refs(w)
    found: dict[str, Any] = w.run("reconcile-cfg-app", "--dry-run")
    assert len(found["rejected"]) == 2
    assert refs(w) == before


@pytest.mark.parametrize("lost", ["commit", "tree", "blob"])
@pytest.mark.parametrize("place", ["inbox", "holds/shop/_", "deployed/lab/l1", "CHECK", "journal"])
def test_ref_whose_objects_the_server_has_lost_is_named_with_the_way_out(
    w: Waves, place: str, lost: str
) -> None:
    w.check(w.ref("refs/heads/main") or "")
    w.hold("shop")
    w.run("hold-wave", "--wave", "lab", "--reason", "x", "--accept-only")
    places = {"inbox": w.refs("inbox")[0], "CHECK": w.refs("checks")[0]}
    ref = places.get(place, f"{SPACE}/{place}")
    what = {"commit": ref, "tree": f"{ref}^{{tree}}", "blob": f"{ref}:record.json"}[lost]
    sha = git(w.bare, "rev-parse", what)
    (w.bare / "objects" / sha[:2] / sha[2:]).unlink()
    before = refs(w)
    for command in ("status", "reconcile-cfg-app"):
        found = w.run(command)
        assert found.code == 1
        assert ref in found["error"]["what"]
        assert f"git push URL :{ref}" in found["error"]["remedy"]
    assert refs(w) == before, "nothing is set aside, and no journal is made again"
    git(w.clone, "push", "-q", str(w.bare), f":{ref}")
    if place != "inbox":
        w.turn()
    assert w.status()["unreadable"] == []
    w.release("lab")
    w.ship(2)
    assert w.at("lab") == 2


def test_server_that_gives_nothing_is_no_ref_that_is_lost(w: Waves) -> None:
    for file in (w.bare / "objects").glob("??/*"):
        file.rename(file.with_suffix(".away"))
    found = w.run("status")
    assert found.code == 1
    assert "could not be read" in found["error"]["what"]
    assert "git push" not in found["error"]["remedy"]
