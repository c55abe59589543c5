"""What is wrong with an announcement is said in one clear error, and nothing is written."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.loop.stories import endings, fork, inbox, land, refs
from tests.world import Result, World, announcement, git, sha_of

EVIL_SHA = "$(touch pwned)"


@pytest.fixture(scope="module")
def picky(seed_new: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    """A world that nothing in this file should change."""
    return fork(seed_new, tmp_path_factory.mktemp("picky"))


def announce(world: World, data: bytes, *more: str) -> Result:
    """Announce bytes."""
    file = world.folder / "announcement.json"
    file.write_bytes(data)
    return world.run("update-cfg-app", "--announcement", str(file), *more)


def refused(world: World, data: bytes, *more: str) -> Result:
    """Announce bytes that have to be refused, without a trace."""
    before = refs(world)
    found = announce(world, data, *more)
    assert found.code == 1
    assert set(found["error"]) == {"what", "written", "remedy"}
    assert found["error"]["written"] == "nothing"
    text = found["error"]["what"] + found["error"]["remedy"]
    assert "\n" not in text
    assert text.isprintable()
    assert len(text) < 1000
    assert refs(world) == before
    return found


Change = Callable[[dict[str, Any]], object]


def image(change: dict[str, Any]) -> Change:
    """Change the one image of an announcement."""
    return lambda found: found["images"]["web"].update(change)


GOOD = announcement(1)["images"]["web"]
DIGEST = GOOD["Digest"].partition("@")[2]

CHANGES: dict[str, Change] = {
    "position as text": lambda a: a.update(position="1"),
    "position 0": lambda a: a.update(position=0),
    "position -1": lambda a: a.update(position=-1),
    "position 2^53": lambda a: a.update(position=2**53),
    "position 10^400": lambda a: a.update(position=10**400),
    "position 1.5": lambda a: a.update(position=1.5),
    "position true": lambda a: a.update(position=True),
    "position null": lambda a: a.update(position=None),
    "no position": lambda a: a.pop("position"),
    "no repository": lambda a: a.pop("repository"),
    "no sha": lambda a: a.pop("sha"),
    "no images": lambda a: a.pop("images"),
    "empty images": lambda a: a.update(images={}),
    "images a list": lambda a: a.update(images=[GOOD]),
    "images null": lambda a: a.update(images=None),
    "unknown field": lambda a: a.update(extra=1),
    "unknown field of an image": image({"Size": 3}),
    "version 2": lambda a: a.update(version=2),
    "version as text": lambda a: a.update(version="1"),
    "short sha": lambda a: a.update(sha="7d10434"),
    "upper-case sha": lambda a: a.update(sha="A" * 40),
    "sha of 64 digits": lambda a: a.update(sha="a" * 64),
    "sha with a newline": lambda a: a.update(sha="a" * 40 + "\n"),
    "sha is a command": lambda a: a.update(sha=EVIL_SHA),
    "set climbs out": lambda a: a.update(set="../x"),
    "set with a slash": lambda a: a.update(set="a/b"),
    "set with a newline": lambda a: a.update(set="app\n"),
    "set is empty": lambda a: a.update(set=""),
    "set is an option": lambda a: a.update(set="-x"),
    "set that is not there": lambda a: a.update(set="other"),
    "set ends in .lock": lambda a: a.update(set="app.lock"),
    "repository climbs out": lambda a: a.update(repository="../../etc/passwd"),
    "repository with a newline": lambda a: a.update(repository="acme/app\nX-Evil: 1"),
    "repository is a command": lambda a: a.update(repository="acme/$(id)"),
    "branch with a newline": lambda a: a.update(branch="main\nevil"),
    "branch climbs out": lambda a: a.update(branch="../main"),
    "branch is an option": lambda a: a.update(branch="--force"),
    "run_url with a newline": lambda a: a.update(run_url="https://x\n::set-output"),
    "run_url too long": lambda a: a.update(run_url="https://x/" + "y" * 600),
    "tag is not the sha": image({"Tag": "ghcr.io/acme/web:latest"}),
    "tag of another commit": image({"Tag": f"ghcr.io/acme/web:{sha_of('other')}"}),
    "tag without a tag": image({"Tag": "ghcr.io/acme/web"}),
    "tag with a newline": image({"Tag": GOOD["Tag"] + "\n"}),
    "tag is a command": image({"Tag": "ghcr.io/acme/web:$(id)"}),
    "tag with a digest": image({"Tag": f"{GOOD['Tag']}@{DIGEST}"}),
    "digest is a tag": image({"Digest": GOOD["Tag"]}),
    "digest of md5": image({"Digest": "ghcr.io/acme/web@md5:" + "0" * 32}),
    "digest too short": image({"Digest": "ghcr.io/acme/web@sha256:12"}),
    "digest in upper case": image({"Digest": "ghcr.io/acme/web@sha256:" + "A" * 64}),
    "different repositories": image({"Digest": f"ghcr.io/acme/api@{DIGEST}"}),
    "repository climbs": image({"Digest": f"ghcr.io/acme/../web@{DIGEST}"}),
    "digest null": image({"Digest": None}),
    "image null": lambda a: a["images"].update(web=None),
    "image a string": lambda a: a["images"].update(web=GOOD["Tag"]),
    "not allowed": lambda a: a["images"].update(
        web={
            "Digest": GOOD["Digest"].replace("ghcr.io/acme", "ghcr.io/evil"),
            "Tag": GOOD["Tag"].replace("ghcr.io/acme", "ghcr.io/evil"),
        }
    ),
    "allowed only in front": lambda a: a["images"].update(
        web={
            "Digest": GOOD["Digest"].replace("ghcr.io/acme", "evil.io/ghcr.io/acme"),
            "Tag": GOOD["Tag"].replace("ghcr.io/acme", "evil.io/ghcr.io/acme"),
        }
    ),
    **{
        f"service {name[:12]!r}": lambda a, name=name: a["images"].update({name: GOOD})  # type: ignore[misc]
        for name in (
            "../web",
            "a/b",
            "",
            ".",
            "..",
            "-web",
            "web\n",
            "$(id)",
            "w b",
            "é",
            "x" * 101,
        )
    },
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_announcement_that_is_wrong_is_refused_with_the_reason(
    picky: World, change: Change
) -> None:
    found = announcement(1)
    change(found)
    refused(picky, json.dumps(found).encode())


BYTES = {
    "nothing": b"",
    "no JSON": b"{",
    "null": b"null",
    "a list": b"[]",
    "a number": b"3",
    "text": b'"x"',
    "empty object": b"{}",
    "no UTF-8": b'{"set": "\xff"}',
    "half a pair": b'{"set": "\\ud800"}',
    "very deep": b"[" * 100_000,
    "deep objects": b'{"a":' * 100_000,
    "NaN": b'{"position": NaN}',
    "zeros": b"\0" * 100,
}


@pytest.mark.parametrize("data", BYTES.values(), ids=BYTES)
def test_what_is_no_announcement_is_refused(picky: World, data: bytes) -> None:
    refused(picky, data)


@pytest.mark.parametrize("data", BYTES.values(), ids=BYTES)
def test_what_is_no_bare_announcement_is_refused(picky: World, data: bytes) -> None:
    told = ("--app-sha", sha_of("app-1"), "--app-repository", "acme/app", "--position", "1")
    refused(picky, data, *told)


@pytest.mark.parametrize(
    "told",
    [
        ("--app-sha", "x", "--app-repository", "acme/app", "--position", "1"),
        ("--app-sha", sha_of("app-1"), "--app-repository", "a b", "--position", "1"),
        ("--app-sha", sha_of("app-1"), "--app-repository", "acme/app", "--position", "0"),
        ("--app-sha", sha_of("app-2"), "--app-repository", "acme/app", "--position", "1"),
    ],
)
def test_options_of_the_bare_form_are_checked_like_the_whole(
    picky: World, told: tuple[str, ...]
) -> None:
    refused(picky, json.dumps(announcement(1)["images"]).encode(), *told)


def test_one_bad_image_of_twelve_refuses_the_whole_set(picky: World) -> None:
    for missing in ("Digest", "Tag"):
        found = announcement(1, {f"service-{number}": "1" for number in range(12)})
        del found["images"]["service-7"][missing]
        assert "service-7" in refused(picky, json.dumps(found).encode())["error"]["what"]


def test_file_that_is_not_there_is_refused(picky: World) -> None:
    before = refs(picky)
    for name in (picky.folder / "nothing.json", picky.folder, "a\nb", "x" * 5000):
        found = picky.run("update-cfg-app", "--announcement", str(name))
        assert found.code == 1
    assert refs(picky) == before


def test_set_may_be_announced_only_from_its_repository_and_branch(new: World) -> None:
    new.settings = new.settings.replace(
        'name = "app"', 'name = "app"\nrepository = "acme/app"\nbranch = "main"', 1
    )
    new.edit()
    for change in ({"repository": "acme/fork"}, {"branch": "feature"}):
        found = announcement(1) | {"branch": "main"} | change
        told = refused(new, json.dumps(found).encode())["error"]["what"]
        assert next(iter(change.values())) in told
    assert announce(new, json.dumps(announcement(1) | {"branch": "main"}).encode()).code == 0


def test_unfit_request_in_the_inbox_is_rejected_and_stops_nobody(new: World) -> None:
    records = {
        "announcement-app-9-zzz": b"{}",
        "hold-1": b'{"kind": "hold"}',
        "x": b"not JSON",
        "deep": b"[" * 100_000,
        "announcement-app-3-evil": json.dumps(
            {
                "kind": "announcement",
                "accepted_at": "2026-01-05T10:00:00Z",
                "announcement": announcement(3) | {"set": "../../evil"},
            }
        ).encode(),
        "announcement-app-4-evil": json.dumps(
            {
                "kind": "announcement",
                "accepted_at": "2026-01-05T10:00:00Z",
                "announcement": announcement(4) | {"repository": "a\nAutocommit-Target: shop"},
            }
        ).encode(),
        "announcement-app-5-evil": json.dumps(
            {
                "kind": "announcement",
                "accepted_at": "2026-01-05T10:00:00Z",
                "announcement": announcement(5, {"../../../../tmp/evil": "1"}),
            }
        ).encode(),
        "hold-evil": json.dumps(
            {
                "kind": "hold",
                "accepted_at": "2026-01-05T10:00:00Z",
                "by": "eve",
                "wave": "../../heads/main",
                "set": "_",
                "reason": "x",
            }
        ).encode(),
    }
    record = {"kind": "deployment", "accepted_at": "2026-01-05T10:00:00Z", "wave": "lab"}
    record |= {"target": "lab-1", "revision": "a" * 40, "phase": "Succeeded", "health": "Healthy"}
    naive = record | {"finished_at": "2026-01-05T10:00:00"}
    forged = record | {"finished_at": "2026-01-05T10:00:00Z", "x\n::error::hi": 1}
    refspec = {"app_sha": None, "position": 1, "content": "", "commit": "refs/heads/*:refs/*"}
    rollback: dict[str, object] = {
        "kind": "rollback",
        "accepted_at": "2026-01-05T10:00:00Z",
        "wave": "lab",
    }
    rollback |= {"set": "app", "leaves": refspec, "to": refspec, "reason": "x"}
    for name, fact in (("naive", naive), ("forged", forged), ("refspec", rollback)):
        records[name] = json.dumps(fact).encode()
    for name, data in records.items():
        blob = git(new.bare, "hash-object", "-w", "--stdin", data=data)
        tree = git(new.bare, "mktree", data=f"100644 blob {blob}\trecord.json\n".encode())
        commit = git(new.bare, "commit-tree", tree, data=b"x\n")
        git(new.bare, "update-ref", f"refs/tidemill/inbox/{name}", commit)
    turn = new.announce(1)
    assert turn.code == 0
    assert {one["id"] for one in turn["rejected"]} == set(records)
    assert all(one["reason"].isprintable() for one in turn["rejected"])
    assert len(turn["introduced"]) == 1
    assert {name.rpartition("/")[2] for name in new.refs("rejected")} == set(records)
    assert inbox(new) == [turn["request"]["id"]]
    land(new)
    assert new.on_main("lab") == sha_of("app-1")
    assert {ends[0] for name, ends in endings(new).items() if name in records} == {"rejected"}


def test_other_contents_of_what_waits_are_refused_with_the_command_that_drops_it(
    new: World,
) -> None:
    new.run("hold-wave", "--wave", "lab", "--reason", "it waits")
    new.announce(1, {"web": "one"})
    [waiting] = inbox(new)
    refused = new.announce(1, {"web": "another"})
    assert refused.code == 1
    assert "waits already" in refused["error"]["what"]
    assert f"tidemill drop --id {waiting}" in refused["error"]["remedy"]
    assert new.run("drop", "--id", waiting).code == 0
    assert inbox(new) == []
