"""What looks before anything is installed, against a server: when it is sure, and when not."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.sandbox.runner_world import NAME, ROOT, Mill, mill

from tidemill.clients.machine import program
from tidemill.facts.rest import Rest, digest, encode

JOURNAL, NOTE = "refs/tidemill/journal", "refs/tidemill/rest"
FOUND = {"waiting": [{"what": "1 for\n<shop>"}], "next_due": None}
SURE, NOT_SURE = 0, 3
HOUR = timedelta(hours=1)
START = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); from tidemill.action.resting import main; "
    "sys.exit(main())"
)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Mill]:
    with mill(tmp_path) as found:
        found.push()
        found.clone.git("push", "-q", "origin", f"HEAD:{JOURNAL}")
        yield found


def refs(shop: Mill) -> dict[str, str]:
    listed = shop.clone.git("ls-remote", "origin", "refs/*").splitlines()
    return {ref: sha for sha, ref in (line.split("\t") for line in listed)}


def rest(shop: Mill) -> Rest:
    """What a look finds now."""
    now = datetime.now(UTC)
    seen = digest(refs(shop), "main", NOTE, program.digest())
    return Rest(seen, now - HOUR, now + HOUR, FOUND)


def note(shop: Mill, record: bytes, ref: str = NOTE) -> None:
    """Somebody writes a note."""
    file = shop.folder / "record.json"
    file.write_bytes(record)
    blob = shop.clone.git("hash-object", "-w", str(file))
    (shop.folder / "tree").write_text(f"100644 blob {blob}\trecord.json\n")
    made = subprocess.run(
        ["git", "mktree"], cwd=shop.clone.folder, input=f"100644 blob {blob}\trecord.json\n",
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    commit = shop.clone.git("commit-tree", made.stdout.strip(), "-m", "at rest")
    shop.clone.git("push", "-q", "-f", "origin", f"{commit}:{ref}")


def look(shop: Mill, **changes: str) -> tuple[int, str]:
    """Its exit code, and the outputs that it sets. It has no package, and no more than this."""
    out = shop.folder / "outputs"
    out.write_text("")
    env = {
        "PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(shop.folder), "GITHUB_ACTIONS": "true",
        "GITHUB_SERVER_URL": shop.hub.url, "GITHUB_API_URL": shop.hub.api_url,
        "GITHUB_REPOSITORY": NAME, "TIDEMILL_TOKEN": shop.ada, "GITHUB_OUTPUT": str(out),
        "INPUT_LOOK-AHEAD": "true", **changes,
    }  # fmt: skip
    command = [sys.executable, "-I", "-S", "-B", "-c", START, str(ROOT / "src")]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    assert shop.ada not in done.stdout + done.stderr
    return done.returncode, out.read_text()


def test_is_sure_where_all_is_as_noted_and_says_what_the_look_said(shop: Mill) -> None:
    assert look(shop) == (NOT_SURE, ""), "there is no note"
    forged = {"due": True, "environment": "production", "x\ny": ""}
    note(shop, encode(replace(rest(shop), found={**FOUND, **forged})))
    code, outputs = look(shop)
    assert code == SURE
    lines = outputs.splitlines()
    said = {lines[at].partition("<<")[0]: lines[at + 1] for at in range(0, len(lines), 3)}
    assert said == {
        "waiting": r'[{"what": "1 for\n<shop>"}]', "next-due": "", "event": "schedule",
        "changed": "false", "state": "nothing to accept", "due": "false", "operations": "false",
        "checks": "false", "branches": "false", "wake": "false",
    }  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [
        {"INPUT_LOOK-AHEAD": "false"},
        {"INPUT_REPO": "https://git.example.com/x.git"},
        {"INPUT_EVENT": "push"},
        {"GITHUB_REPOSITORY": ""},
        {"GITHUB_REPOSITORY": "acme/gone"},
        {"GITHUB_SERVER_URL": "http://127.0.0.1:9"},
        {"TIDEMILL_TOKEN": "two words"},
        {"TIDEMILL_TOKEN": "wrong"},
    ],
    ids=lambda one: " ".join(f"{key}={value}" for key, value in one.items()),
)
def test_is_not_sure_where_it_can_t_or_is_not_meant_to_look(
    shop: Mill, changes: Mapping[str, str]
) -> None:
    note(shop, encode(rest(shop)))
    assert look(shop, **changes) == (NOT_SURE, "")


def test_is_not_sure_where_the_note_does_not_say_so(shop: Mill) -> None:
    now, good = datetime.now(UTC), rest(shop)
    for bad in (
        b"", b"{}", b"[1]", encode(good)[:-9], encode(good).replace(b'"at": "', b'"at": "x'),
        encode(Rest(good.seen, now - HOUR, now, FOUND)),
        encode(Rest(good.seen, now + HOUR, now + 2 * HOUR, FOUND)),
        encode(Rest(digest(refs(shop), "main", NOTE, "other"), good.at, good.until, FOUND)),
    ):  # fmt: skip
        note(shop, bad)
        assert look(shop) == (NOT_SURE, ""), bad
    note(shop, encode(good))
    assert look(shop)[0] == SURE
    shop.clone.git("push", "-q", "origin", "HEAD:refs/tidemill/inbox/rest")
    assert look(shop) == (NOT_SURE, ""), "something has come"
    note(shop, encode(rest(shop)))
    assert look(shop)[0] == SURE
    for other in ("refs/heads/x/journal", "refs/heads/x/rest"):
        shop.clone.git("push", "-q", "origin", f"HEAD:{other}")
    note(shop, encode(rest(shop)))
    assert look(shop) == (NOT_SURE, ""), "either may be it"
