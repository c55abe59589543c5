"""Whose key has signed a commit: by Git, OpenSSH and GnuPG themselves."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tidemill.clients.machine.signatures import signed_by
from tidemill.facts.vouchers import NoVoucher, SignatureVoucher, UnknownVoucher


@dataclass(frozen=True)
class Signers:
    """Keys of people, and a repository in which each of them signs commits."""

    folder: Path

    def ssh(self, who: str) -> bytes:
        """Make somebody's SSH key; the public half."""
        file = self.folder / who
        if not file.exists():
            words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"{who}@laptop", "-f"]
            subprocess.run([*words, str(file)], check=True)
        return file.with_suffix(".pub").read_bytes()

    def gpg(self, who: str, *options: str) -> bytes:
        """Make somebody's OpenPGP key; the public half, with its armour."""
        key = ("--quick-gen-key", f"{who}@laptop", "ed25519", "sign", "never")
        self._gpg(*options, "--passphrase", "", *key)
        return self._gpg("--armor", "--export", f"{who}@laptop")

    def _gpg(self, *words: str) -> bytes:
        command = ["gpg", "--batch", "--pinentry-mode", "loopback", *words]
        return subprocess.run(command, check=True, capture_output=True, env=self._env).stdout

    @property
    def _env(self) -> dict[str, str]:
        home = self.folder / "gnupg"
        home.mkdir(mode=0o700, exist_ok=True)
        return {**os.environ, "GNUPGHOME": str(home)}

    def commit(self, who: str, kind: str = "ssh", message: str = "approve 1") -> bytes:
        """A commit that somebody signs, as its bytes."""
        key = str(self.folder / who) if kind == "ssh" else f"{who}@laptop"
        told = {"gpg.format": kind, "user.signingkey": key, "user.name": who, "user.email": "a@b"}
        options = [part for name, value in told.items() for part in ("-c", f"{name}={value}")]
        repository = self.folder / "repository"
        subprocess.run(["git", "init", "-q", str(repository)], check=True)
        words = ["commit", "-q", "--allow-empty", "-S", "-m", message]
        subprocess.run(["git", *options, *words], cwd=repository, check=True, env=self._env)
        show = ["git", "cat-file", "commit", "HEAD"]
        return subprocess.run(show, cwd=repository, check=True, capture_output=True).stdout


@pytest.fixture
def signers(tmp_path: Path) -> Signers:
    return Signers(tmp_path)


def test_ssh_signature_is_of_whose_key_it_is(signers: Signers) -> None:
    keys = {"alice.keys": signers.ssh("alice"), "bob.keys": signers.ssh("bob")}
    assert signed_by(signers.commit("alice"), keys) == SignatureVoucher(("alice",))
    assert signed_by(signers.commit("bob"), keys) == SignatureVoucher(("bob",))


def test_openpgp_signature_is_of_whose_key_it_is(signers: Signers) -> None:
    keys = {"alice.gpg": signers.gpg("alice"), "bob.asc": signers.gpg("bob")}
    assert signed_by(signers.commit("bob", "openpgp"), keys) == SignatureVoucher(("bob",))
    assert signed_by(signers.commit("alice", "openpgp"), keys) == SignatureVoucher(("alice",))


def test_file_may_have_several_keys_and_comments(signers: Signers) -> None:
    keys = {"alice.keys": b"# laptop\n" + signers.ssh("old") + b"\n" + signers.ssh("alice")}
    assert signed_by(signers.commit("alice"), keys) == SignatureVoucher(("alice",))


def test_key_of_two_is_of_either(signers: Signers) -> None:
    keys = {"alice.keys": signers.ssh("shared"), "bob.keys": signers.ssh("shared")}
    assert signed_by(signers.commit("shared"), keys) == SignatureVoucher(("alice", "bob"))


@pytest.mark.parametrize("kind", ["ssh", "openpgp"])
def test_one_byte_that_was_changed_is_not_signed(signers: Signers, kind: str) -> None:
    key = signers.ssh("alice") if kind == "ssh" else signers.gpg("alice")
    keys = {f"alice.{'keys' if kind == 'ssh' else 'gpg'}": key}
    commit = signers.commit("alice", kind)
    assert isinstance(signed_by(commit, keys), SignatureVoucher)
    for old, new in ((b"approve 1", b"approve 2"), (b"tree 4", b"tree 5")):
        assert old in commit
        assert isinstance(signed_by(commit.replace(old, new, 1), keys), NoVoucher)


@pytest.mark.parametrize("kind", ["ssh", "openpgp"])
def test_key_that_main_does_not_have_counts_for_nothing(signers: Signers, kind: str) -> None:
    known = {"alice.keys": signers.ssh("alice"), "alice.gpg": signers.gpg("alice")}
    signers.ssh("mallory") if kind == "ssh" else signers.gpg("mallory")
    found = signed_by(signers.commit("mallory", kind), known)
    assert isinstance(found, NoVoucher)
    assert "by no key that main has" in found.reason


def test_commit_without_a_signature_has_none(signers: Signers) -> None:
    signers.ssh("alice")
    commit = signers.commit("alice")
    head, _, rest = commit.partition(b"gpgsig ")
    bare = head + rest[rest.index(b"\n\n") + 1 :]
    found = signed_by(bare, {"alice.keys": signers.ssh("alice")})
    assert isinstance(found, NoVoucher)
    assert "not signed" in found.reason


def test_of_two_signatures_none_counts(signers: Signers) -> None:
    keys = {"alice.keys": signers.ssh("alice")}
    commit = signers.commit("alice")
    start, end = commit.index(b"gpgsig "), commit.index(b"\n\n")
    twice = commit[:end] + b"\n" + commit[start:end] + commit[end:]
    assert isinstance(signed_by(twice, keys), NoVoucher)


def test_signature_of_a_file_is_none_of_a_commit(signers: Signers) -> None:
    """Git signs in a namespace of its own: what somebody signed elsewhere does not count here."""
    keys = {"alice.keys": signers.ssh("alice")}
    commit = signers.commit("alice")
    start, end = commit.index(b"gpgsig "), commit.index(b"\n\n")
    payload = commit[: start - 1] + commit[end:]
    sign = ["ssh-keygen", "-Y", "sign", "-f", str(signers.folder / "alice"), "-n", "file"]
    done = subprocess.run(sign, input=payload, check=True, capture_output=True)
    header = b"gpgsig " + done.stdout.rstrip().replace(b"\n", b"\n ")
    assert isinstance(signed_by(commit, keys), SignatureVoucher)
    assert isinstance(signed_by(commit[:start] + header + commit[end:], keys), NoVoucher)


@pytest.mark.parametrize(
    "name",
    ["*.keys", "alice,bob.keys", "!alice.keys", "team/alice.keys", "alice.pub", ".keys", "README"],
)
def test_file_that_is_named_after_no_login_counts_for_nothing(signers: Signers, name: str) -> None:
    key = signers.ssh("alice")
    assert isinstance(signed_by(signers.commit("alice"), {name: key}), NoVoucher)


@pytest.mark.parametrize(
    "line",
    [
        "cert-authority {key}",
        'bob namespaces="git" {key}',
        'command="true" {key}',
    ],
)
def test_options_of_a_key_are_not_taken(signers: Signers, line: str) -> None:
    key = signers.ssh("alice").decode().strip()
    found = signed_by(signers.commit("alice"), {"alice.keys": line.format(key=key).encode()})
    assert isinstance(found, NoVoucher)


def test_revoked_key_counts_for_nothing(signers: Signers) -> None:
    signers.gpg("alice")
    commit = signers.commit("alice", "openpgp")
    (revocation,) = (signers.folder / "gnupg" / "openpgp-revocs.d").iterdir()
    text = revocation.read_text().replace("\n:-----BEGIN", "\n-----BEGIN")
    subprocess.run(
        ["gpg", "--batch", "--import"],
        input=text.encode(),
        check=True,
        capture_output=True,
        env=signers._env,
    )
    keys = {"alice.gpg": signers._gpg("--armor", "--export", "alice@laptop")}
    assert signed_by(commit, keys) == NoVoucher(
        "the key of alice that it is signed with was revoked"
    )


def test_key_that_has_expired_since_counts_for_nothing(signers: Signers) -> None:
    signers.gpg("alice", "--faked-system-time", "20200101T000000")
    commit = signers.commit("alice", "openpgp")
    told = signers._gpg("--with-colons", "--list-keys", "alice@laptop").decode()
    (key,) = (line.split(":")[9] for line in told.splitlines() if line.startswith("fpr"))
    signers._gpg("--faked-system-time", "20200102T000000", "--quick-set-expire", key, "1d")
    keys = {"alice.gpg": signers._gpg("--armor", "--export", "alice@laptop")}
    assert signed_by(commit, keys) == NoVoucher(
        "the key of alice that it is signed with has expired"
    )


def test_users_own_configuration_is_not_asked(
    signers: Signers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a program that says yes to all, nor keys that this user trusts."""
    signers.ssh("alice")
    commit = signers.commit("alice")
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    (home / ".ssh" / "allowed_signers").write_bytes(b"alice " + signers.ssh("alice"))
    yes = tmp_path / "yes"
    yes.write_text("#!/bin/sh\nexit 0\n")
    yes.chmod(0o755)
    config = f'[gpg "ssh"]\nprogram = {yes}\nallowedSignersFile = {home}/.ssh/allowed_signers\n'
    (home / ".gitconfig").write_text(config)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(home / ".gitconfig"))
    assert isinstance(signed_by(commit, {}), NoVoucher)


@pytest.mark.parametrize(("kind", "program"), [("ssh", "OpenSSH"), ("openpgp", "GnuPG")])
def test_without_the_program_nobody_knows(
    signers: Signers, monkeypatch: pytest.MonkeyPatch, kind: str, program: str
) -> None:
    keys = {"alice.gpg": signers.gpg("alice"), "alice.keys": signers.ssh("alice")}
    commit = signers.commit("alice", kind)
    monkeypatch.setenv("PATH", "/nowhere")
    found = signed_by(commit, keys)
    assert isinstance(found, UnknownVoucher)
    assert program in found.remedy
