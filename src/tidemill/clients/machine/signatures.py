"""Whose key has signed something: OpenSSH and GnuPG say so, of keys that are given to them alone.

Nothing of a repository's configuration, of this user's or of this machine's is asked: neither which
program to run, nor which keys to trust. What these programs say is read by exit codes, and by the
lines that they print for programs.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tidemill.clients.machine.processes import answer
from tidemill.facts.vouchers import NoVoucher, SignatureVoucher, UnknownVoucher
from tidemill.words.names import is_login

SSH, OPENPGP = ".keys", (".gpg", ".asc")
_SECONDS = 20.0
_HEADER = b"gpgsig "
_OTHER = b"gpgsig-sha256"
_SSH_ARMOUR = b"-----BEGIN SSH SIGNATURE-----"
_SSH_KEY = re.compile(
    r"((?:sk-)?(?:ssh|ecdsa)-[a-z0-9-]+(?:@openssh\.com)?)[ \t]+([A-Za-z0-9+/]+={0,3})(?:[ \t].*)?"
)
# What GnuPG prints of a signature that is good, and of one that is so no longer.
_GOOD, _VALID = "GOODSIG", "VALIDSIG"
_SPOILT = {"BADSIG", "ERRSIG", "EXPSIG", "EXPKEYSIG", "REVKEYSIG"}
_OVER = {"EXPKEYSIG": "has expired", "REVKEYSIG": "was revoked"}


def signed_by(
    commit: bytes, keys: Mapping[str, bytes]
) -> SignatureVoucher | NoVoucher | UnknownVoucher:
    """Whose key has signed a commit.

    Args:
        commit: its bytes.
        keys: by the names of files, what is in them: `LOGIN.keys` and `LOGIN.gpg` (or `.asc`).
    """
    signature, payload = _parted(commit)
    if signature is None:
        return NoVoucher("it is not signed, and names no run that GitHub knows")
    of_logins = _by_login(keys)
    is_ssh = signature.startswith(_SSH_ARMOUR)
    why = "its signature is by no key that main has for anybody, or is not good"
    program = "ssh-keygen" if is_ssh else "gpg"
    try:
        with tempfile.TemporaryDirectory(prefix="tidemill-keys-") as name:
            folder = Path(name)
            (folder / "signature").write_bytes(signature)
            if is_ssh:
                found = _ssh(folder, payload, of_logins)
            else:
                (folder / "signed").write_bytes(payload)
                said = _openpgp(folder, of_logins)
                found = [login for login, word in said.items() if word == _GOOD]
                over = ((login, _OVER[word]) for login, word in said.items() if word in _OVER)
                for login, how in over:
                    why = f"the key of {login} that it is signed with {how}"
    except FileNotFoundError:
        return UnknownVoucher(
            f"it is signed, and {program} is not on this machine to look at that",
            f"install {'OpenSSH' if is_ssh else 'GnuPG'}, in PATH",
        )
    if not found:
        return NoVoucher(why)
    return SignatureVoucher(tuple(found))


def _parted(commit: bytes) -> tuple[bytes | None, bytes]:
    """The signature in a commit, and what it signs: the commit without it."""
    head, end, message = commit.partition(b"\n\n")
    signature: list[bytes] = []
    rest: list[bytes] = []
    count, is_inside = 0, False
    for line in head.split(b"\n"):
        if line.startswith(b" ") and is_inside:
            signature.append(line[1:])
            continue
        is_inside = line.startswith(_HEADER)
        count += is_inside or line.startswith(_OTHER)
        if is_inside:
            signature.append(line.removeprefix(_HEADER))
        else:
            rest.append(line)
    if count != 1 or not signature:
        return None, commit
    return b"\n".join(signature) + b"\n", b"\n".join(rest) + end + message


def _by_login(keys: Mapping[str, bytes]) -> dict[str, list[tuple[str, bytes]]]:
    """The files of each login, as suffix and bytes."""
    found: dict[str, list[tuple[str, bytes]]] = {}
    for name, data in sorted(keys.items()):
        login, dot, suffix = name.rpartition(".")
        if dot and is_login(login) and f".{suffix}" in (SSH, *OPENPGP):
            found.setdefault(login, []).append((f".{suffix}", data))
    return found


def _ssh(
    folder: Path, payload: bytes, of_logins: Mapping[str, Sequence[tuple[str, bytes]]]
) -> list[str]:
    lines = {
        login: [
            f'{login} namespaces="git" {key[1]} {key[2]}'
            for suffix, data in files
            if suffix == SSH
            for line in data.decode(errors="replace").splitlines()
            if (key := _SSH_KEY.fullmatch(line.strip()))
        ]
        for login, files in of_logins.items()
    }
    allowed = folder / "allowed"
    allowed.write_text("".join(f"{line}\n" for each in lines.values() for line in each))
    place = ("-f", str(allowed), "-s", str(folder / "signature"))
    check = ["ssh-keygen", "-Y", "verify", *place, "-n", "git", "-I"]
    named = (login for login, keys in lines.items() if keys)
    return [login for login in named if _run(folder, [*check, login], payload)[0] == 0]


def _openpgp(folder: Path, of_logins: Mapping[str, Sequence[tuple[str, bytes]]]) -> dict[str, str]:
    """By login what GnuPG says of the signature, in its word: good, or why it is not."""
    found: dict[str, str] = {}
    for login, files in of_logins.items():
        data = [one for suffix, one in files if suffix in OPENPGP]
        if data:
            found[login] = _said_of(folder / f"home-{len(found)}-{login}", folder, data)
    return found


def _said_of(home: Path, folder: Path, keys: Iterable[bytes]) -> str:
    """What is said of a signature, where only these keys are known."""
    home.mkdir(mode=0o700)
    gpg = ["gpg", "--homedir", str(home), "--batch", "--no-options", "--no-autostart", "--no-tty"]
    for key in keys:
        _run(home, [*gpg, "--quiet", "--import"], key)
    files = (str(folder / "signature"), str(folder / "signed"))
    words = ["--trust-model", "always", "--status-fd", "1", "--verify", *files]
    code, out = _run(home, [*gpg, *words], b"")
    said = [line.split(" ")[1] for line in out.decode(errors="replace").splitlines() if " " in line]
    if spoilt := _SPOILT.intersection(said):
        return min(spoilt)
    is_one = said.count(_VALID) == 1 and said.count(_GOOD) == 1
    return _GOOD if code == 0 and is_one else ""


def _run(folder: Path, words: Sequence[str], data: bytes) -> tuple[int, bytes]:
    """Exit code and output of a program that sees nothing of this user's configuration."""
    env = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(folder), "LC_ALL": "C"}
    return answer(words, cwd=folder, env=env, data=data, seconds=_SECONDS)[:2]
