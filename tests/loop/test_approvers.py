"""Approvers, with Git alone: who asks signs, and what nobody of them signed does nothing."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.loop.stories import assert_rests, endings, inbox, journal
from tests.loop.waves import Waves, copied
from tests.world import Result, World, git, sha_of

OPTIONS: dict[str, dict[str, Any]] = {
    "lab": {"targets": ["l1"]},
    "shop": {"targets": ["s1"], "approval": True, "approvers": ["alice", "Bob"]},
}


@dataclass(frozen=True)
class People:
    """People with keys, at machines of their own."""

    folder: Path
    monkeypatch: pytest.MonkeyPatch

    def key(self, who: str) -> Path:
        """Somebody's private key."""
        file = self.folder / who / "key"
        if not file.exists():
            file.parent.mkdir(parents=True)
            words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(file)]
            subprocess.run(words, check=True)
        return file

    def sits(self, who: str | None) -> None:
        """Somebody sits down, and Git signs with their key; None: nobody has one."""
        config = self.folder / f"config-{who}"
        config.write_text(
            f'[gpg]\nformat = ssh\n[user]\nsigningkey = "{self.key(who)}"\n' if who else ""
        )
        self.monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))


@pytest.fixture(scope="module")
def seed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Waves, Path]]:
    """1 is deployed everywhere, by alice; 2 is deployed in lab; and where people's keys are."""
    folder = tmp_path_factory.mktemp("people")
    w = Waves(tmp_path_factory.mktemp("world"), OPTIONS)
    with pytest.MonkeyPatch.context() as patch:
        people = People(folder, patch)
        w.edit(push=False)
        (w.clone / "approvers").mkdir()
        for who in ("alice", "bob", "carol"):
            public = people.key(who).with_suffix(".pub").read_bytes()
            (w.clone / "approvers" / f"{who}.keys").write_bytes(public)
        w.commit("keys of people")
        w.deployed(1, "lab")
        people.sits("alice")
        assert w.promote("shop", "--sha", sha_of("app-1")).code == 0
        w.green()
        w.deploy("shop")
        w.green()
        w.later(minutes=5)
        w.deployed(2, "lab")
        assert w.positions() == {"lab": 2, "shop": 1}
        yield w, folder


@pytest.fixture
def people(seed: tuple[Waves, Path], monkeypatch: pytest.MonkeyPatch) -> People:
    """Nobody sits at a machine with a key."""
    found = People(seed[1], monkeypatch)
    found.sits(None)
    return found


@pytest.fixture
def w(seed: tuple[Waves, Path], people: People, tmp_path: Path) -> Waves:
    """1 is deployed everywhere, 2 in lab: the shop waits for an approver."""
    return copied(seed[0], tmp_path / "world")


def approve(w: Waves, position: int = 2, *more: str) -> Result:
    """Whoever sits there approves a set for the shop."""
    return w.promote("shop", "--sha", sha_of(f"app-{position}"), *more)


def tip(w: Waves) -> str:
    """The commit of the only request that waits."""
    (name,) = inbox(w)
    return w.ref(f"refs/tidemill/inbox/{name}") or ""


def put(w: World, fields: dict[str, object], name: str | None = None) -> str:
    """Somebody who may write refs puts a request into the inbox, by Git alone; its id."""
    from tidemill.facts import requests

    data = json.dumps(fields, indent=1).encode()
    fact = requests.decode(data)
    blob = git(w.bare, "hash-object", "-w", "--stdin", data=requests.encode(fact))
    tree = git(w.bare, "mktree", data=f"100644 blob {blob}\trecord.json\n".encode())
    commit = git(w.bare, "commit-tree", tree, "-m", fact.id)
    git(w.bare, "update-ref", f"refs/tidemill/inbox/{name or fact.id}", commit)
    return fact.id


def forged(w: World, **more: object) -> dict[str, object]:
    """A promotion of 2 into the shop, as alice would ask for it."""
    return {
        "kind": "promotion",
        "version": 1,
        "accepted_at": w.now.isoformat(),
        "by": "alice",
        "wave": "shop",
        "set": "app",
        "app_sha": sha_of("app-2"),
        "position": 2,
        **more,
    }


def rejected(w: World) -> str:
    """Why the last request was rejected, as the journal has it."""
    return str([one for one in journal(w) if one["what"] == "rejected"][-1]["reason"])


def test_what_an_approver_signs_is_done_and_the_journal_has_who(w: Waves, people: People) -> None:
    people.sits("bob")
    done = approve(w)
    assert [(one["wave"], one["app_sha"]) for one in done["promoted"]] == [
        ("shop", sha_of("app-2"))
    ]
    w.green()
    assert w.at("shop") == 2
    assert endings(w)[done["request"]["id"]] == ["landed"]
    assert {one.get("by") for one in journal(w) if one.get("id") == done["request"]["id"]} == {
        "bob"
    }
    assert_rests(w)


def test_who_signs_and_is_no_approver_is_refused_before_anything_is_written(
    w: Waves, people: People
) -> None:
    people.sits("carol")
    done = approve(w)
    assert done.code == 1
    assert "carol is no approver of shop: these are alice, Bob" in done["error"]["what"]
    assert done["error"]["written"] == "nothing"
    assert inbox(w) == []


def test_key_that_main_does_not_have_is_refused_with_where_to_put_it(
    w: Waves, people: People
) -> None:
    people.sits("mallory")
    done = approve(w)
    assert "by no key that main has" in done["error"]["what"]
    assert "approvers/LOGIN.keys" in done["error"]["remedy"]
    assert inbox(w) == []


def test_without_a_key_git_can_not_sign_and_says_how_it_could(w: Waves) -> None:
    done = approve(w)
    assert "Git could not sign this" in done["error"]["what"]
    assert "gpg.format ssh" in done["error"]["remedy"]
    assert inbox(w) == []


def test_whoever_may_write_refs_can_not_approve(w: Waves) -> None:
    request = put(w, forged(w))
    turn = w.turn()
    assert not turn["promoted"]
    assert endings(w)[request] == ["rejected"]
    assert "it is not signed" in rejected(w)
    assert w.ref(f"refs/tidemill/rejected/{request}")
    assert_rests(w)


@pytest.mark.parametrize("more", [{}, {"override": "now"}], ids=["", "override"])
def test_signature_of_somebody_else_does_not_count(
    w: Waves, people: People, more: dict[str, object]
) -> None:
    request = put(w, forged(w, **more, main=w.ref("refs/heads/main")))
    ref = f"refs/tidemill/inbox/{request}"
    people.sits("mallory")
    git(w.bare, "update-ref", ref, git(w.bare, "commit-tree", f"{ref}^{{tree}}", "-S", "-m", "x"))
    assert not w.turn()["promoted"]
    assert "by no key that main has" in rejected(w)


def test_signature_counts_for_the_request_that_it_was_given_for(w: Waves, people: People) -> None:
    """Neither for another wave, nor another set, nor a reason to override."""
    people.sits("alice")
    approve(w, 2, "--accept-only")
    commit = tip(w)
    header = git(w.bare, "cat-file", "commit", commit).partition("gpgsig ")[2].partition("\n\n")[0]
    people.sits(None)
    (name,) = inbox(w)
    git(w.bare, "update-ref", "-d", f"refs/tidemill/inbox/{name}")
    real = json.loads(git(w.bare, "show", f"{commit}:record.json"))
    for change in ({"app_sha": sha_of("app-1"), "position": 1}, {"override": "now"}):
        request = put(w, {**real, **change})
        ref = f"refs/tidemill/inbox/{request}"
        bare = git(w.bare, "cat-file", "commit", ref)
        head, _, message = bare.partition("\n\n")
        stolen = f"{head}\ngpgsig {header}\n\n{message}\n".encode()
        made = git(w.bare, "hash-object", "-t", "commit", "-w", "--stdin", data=stolen)
        git(w.bare, "update-ref", ref, made)
        assert not w.turn()["promoted"]
        assert endings(w)[request] == ["rejected"]
        assert "is not good" in rejected(w)


def used_and_rolled_back(w: Waves, people: People) -> tuple[str, str]:
    """An approval that had its effect, which was taken back: its ref, and its commit."""
    people.sits("alice")
    done = approve(w)
    commit = tip(w)
    w.green()
    w.deploy("shop")
    w.roll_back("shop", "--to", sha_of("app-1"))
    w.green()
    w.release("shop")
    assert w.at("shop") == 1
    people.sits(None)
    return f"refs/tidemill/inbox/{done['request']['id']}", commit


def test_approval_that_was_used_does_not_count_again(w: Waves, people: People) -> None:
    ref, commit = used_and_rolled_back(w, people)
    git(w.bare, "update-ref", ref, commit)
    assert not w.turn()["promoted"]
    assert "said before" in rejected(w)
    w.green()
    assert w.at("shop") == 1


@pytest.mark.parametrize("is_at_once", [True, False], ids=["with-the-journal-goes", "later"])
def test_approval_that_was_used_does_not_count_again_after_the_journal_was_lost(
    is_at_once: bool, w: Waves, people: People
) -> None:
    ref, commit = used_and_rolled_back(w, people)
    git(w.bare, "update-ref", "-d", "refs/tidemill/journal")
    if not is_at_once:
        w.turn()
    git(w.bare, "update-ref", ref, commit)
    assert not w.turn()["promoted"]
    assert "said before" in rejected(w)
    w.green()
    assert w.at("shop") == 1


def test_approval_for_another_repository_does_not_count(w: Waves, people: People) -> None:
    """Of two that have the same waves and sets, one may be approved and the other not."""
    people.sits("alice")
    approve(w, 2, "--accept-only")
    real = json.loads(git(w.bare, "show", f"{tip(w)}:record.json"))
    (name,) = inbox(w)
    git(w.bare, "update-ref", "-d", f"refs/tidemill/inbox/{name}")
    request = put(w, {**real, "main": sha_of("a main elsewhere")})
    ref = f"refs/tidemill/inbox/{request}"
    made = git(w.bare, "commit-tree", f"{ref}^{{tree}}", "-S", "-m", "as it was there")
    git(w.bare, "update-ref", ref, made)
    assert not w.turn()["promoted"]
    assert "another repository" in rejected(w)


def test_old_approval_does_not_count(w: Waves, people: People) -> None:
    people.sits("alice")
    approve(w, 2, "--accept-only")
    w.later(days=31)
    w.turn()
    assert "older than 30 days" in rejected(w)


def test_who_leaves_approves_nothing_any_more(w: Waves, people: People) -> None:
    people.sits("alice")
    approve(w)
    people.sits(None)
    w.change_settings('"alice", ', "")
    w.green()
    assert w.at("shop") == 1
    assert "alice is no approver" in rejected(w)


def test_key_that_is_taken_from_main_approves_nothing_any_more(w: Waves, people: People) -> None:
    people.sits("alice")
    approve(w)
    people.sits(None)
    w.edit(push=False)
    (w.clone / "approvers" / "alice.keys").unlink()
    w.commit("alice's laptop is lost")
    w.green()
    assert w.at("shop") == 1
    assert "by no key that main has" in rejected(w)


def test_hold_is_anybodys_and_its_release_an_approvers(w: Waves, people: People) -> None:
    assert w.hold("shop").code == 0
    assert "Git could not sign" in w.release("shop")["error"]["what"]
    fields = {"kind": "release", "version": 1, "accepted_at": w.now.isoformat(), "by": "alice"}
    ends = [w.wave("shop")["hold"]["id"]]
    put(w, {**fields, "wave": "shop", "ends": ends, "reason": "over"})
    w.turn()
    assert w.wave("shop")["hold"]
    put(w, {**fields, "wave": "lab", "ends": ends, "reason": "over"})
    w.turn()
    assert w.wave("shop")["hold"], "it says that it is about lab"
    people.sits("alice")
    assert w.release("shop").code == 0
    assert not w.wave("shop")["hold"]
    assert w.journalled("released")[-1]["by"] == "alice"


def test_rollback_and_hotfix_are_an_approvers(w: Waves, people: People) -> None:
    people.sits("carol")
    assert "no approver" in w.hotfix("shop", 1, {"web": "fix"})["error"]["what"]
    people.sits("alice")
    approve(w)
    w.green()
    w.deploy("shop")
    people.sits("carol")
    assert "no approver" in w.roll_back("shop")["error"]["what"]
    people.sits("bob")
    assert w.roll_back("shop").code == 0
    w.green()
    assert w.at("shop") == 1
    assert w.wave("shop")["hold"]["by"] == "bob"
    assert w.hotfix("shop", 1, {"web": "fix"}).code == 0
    w.green()
    assert w.on_main("shop") == sha_of("fix-1")


def test_other_waves_go_on_without_signatures(w: Waves) -> None:
    assert w.hold("lab").code == 0
    assert w.release("lab").code == 0
    assert w.roll_back("lab").code == 0


def test_line_of_status_names_the_approvers_and_its_command_does_it(
    w: Waves, people: People
) -> None:
    line = next(one for one in w.status()["waiting"] if one.get("wave") == "shop")
    assert f"approval for shop by alice or Bob. To go on: {line['command']}" in line["for"]
    people.sits("alice")
    done = w.run(*line["command"].split()[1:], repo=False)
    assert [one["app_sha"] for one in done["promoted"]] == [sha_of("app-2")]


def test_dry_run_signs_nothing_and_says_what_would_be_done(w: Waves) -> None:
    done = approve(w, 2, "--dry-run")
    assert [one["app_sha"] for one in done["promoted"]] == [sha_of("app-2")]
    assert inbox(w) == []


def test_openpgp_counts_as_well(
    w: Waves, people: People, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "gnupg"
    home.mkdir(mode=0o700)
    monkeypatch.setenv("GNUPGHOME", str(home))
    gpg = ["gpg", "--batch", "--pinentry-mode", "loopback", "--passphrase", ""]
    subprocess.run([*gpg, "--quick-gen-key", "bob@laptop", "ed25519", "sign", "never"], check=True)
    export = [*gpg, "--armor", "--export", "bob@laptop"]
    public = subprocess.run(export, check=True, capture_output=True).stdout
    w.edit(push=False)
    (w.clone / "approvers" / "bob.gpg").write_bytes(public)
    w.commit("bob's OpenPGP key")
    config = tmp_path / "config"
    config.write_text("[user]\nsigningkey = bob@laptop\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    assert [one["app_sha"] for one in approve(w)["promoted"]] == [sha_of("app-2")]
    w.green()
    assert w.at("shop") == 2


def test_signed_request_waits_for_the_windows_like_any_other(w: Waves, people: People) -> None:
    w.hold("shop")
    people.sits("alice")
    approve(w)
    people.sits(None)
    w.later(days=2)
    w.green()
    assert w.at("shop") == 1
    people.sits("alice")
    w.release("shop")
    people.sits(None)
    w.green()
    assert w.at("shop") == 2
