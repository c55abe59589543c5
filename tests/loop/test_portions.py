"""More waits than one push can name: a turn ends a part of it, and then the rest."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import pytest

from tests.loop.stories import hook, inbox, refs, says
from tests.loop.waves import Waves, waves
from tests.world import git
from tidemill.facts import requests
from tidemill.facts.records import Deployment
from tidemill.facts.requests import Fact, HoldRequest
from tidemill.plan import portion

JOURNAL = "refs/tidemill/journal"
ONE = {"lab": {"targets": ["l1"], "admit": "at once"}, "shop": {"targets": ["s1"]}}


def wait_in_the_inbox(w: Waves, facts: Iterable[Fact]) -> None:
    """Facts that were accepted, and that no turn has read."""
    stream = b"".join(
        f"commit refs/tidemill/inbox/{one.id}\ncommitter a <a@b> 1767600000 +0000\n"
        f"data 1\nx\nM 100644 inline record.json\ndata {len(data)}\n".encode()
        + data
        + b"\n"
        for one in facts
        for data in [requests.encode(one)]
    )
    subprocess.run(["git", "fast-import", "--quiet"], cwd=w.bare, input=stream, check=True)


def reports(w: Waves, count: int, target: str = "l1") -> list[Fact]:
    """An even number of reports of a target, which is healthy by every second one."""
    found: list[Fact] = []
    for at in range(count):
        when = w.now + timedelta(seconds=at)
        found.append(
            Deployment(
                accepted_at=when,
                wave="lab",
                target=target,
                revision=w.landing_of("lab"),
                phase="Succeeded",
                health="Healthy" if at % 2 else "Progressing",
                finished_at=when,
            )
        )
    return found


@pytest.fixture
def full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Waves:
    """Ten reports and a hold wait, where a turn ends four; and the server counts."""
    w = waves(tmp_path, ONE, first=("ship", 1))
    w.announce(2)
    asked = HoldRequest(accepted_at=w.now, by="ann", wave="shop", set="_", reason="freeze")
    wait_in_the_inbox(w, [*reports(w, 10), asked])
    hook(w, "pre-receive", f"wc -l >> {w.folder}/updates\n")
    monkeypatch.setattr(portion, "MOST_ENDED", 4)
    w.later(minutes=1)
    return w


def told(w: Waves, before: str) -> list[list[str]]:
    """What each turn since then has written of what it did."""
    turns = git(w.bare, "rev-list", "--reverse", f"{before}..{JOURNAL}").split()
    records = [json.loads(git(w.bare, "show", f"{one}:record.json")) for one in turns]
    return [[entry["what"] for entry in one["entries"]] for one in records]


def test_one_call_ends_all_that_waits_in_pushes_that_are_bounded(full: Waves) -> None:
    before = full.ref(JOURNAL) or ""
    full.turn()
    assert [line for line in inbox(full) if not line.startswith("announce")] == []
    assert sum(part.count("reported") for part in told(full, before)) == 10
    counts = [int(line) for line in (full.folder / "updates").read_text().split()]
    assert len(counts) == 3
    assert max(counts) <= 4 + 3  # what ended, and the journal, a target's records, and a hold
    assert full.wave("lab")["targets"][0]["health"] == "Healthy"
    assert not full.turn()["changed"]


def test_what_people_ask_for_is_in_the_first_part(full: Waves) -> None:
    before = full.ref(JOURNAL) or ""
    full.turn()
    parts = [("held" in part, part.count("reported")) for part in told(full, before)]
    assert parts == [
        (True, 3),
        (False, 4),
        (False, 3),
    ]
    assert full.at("shop") is None


def test_nothing_lands_while_reports_are_left_that_were_not_read(full: Waves) -> None:
    full.check(full.ref("refs/heads/auto") or "")
    before = full.ref(JOURNAL) or ""
    assert full.turn()["landed"]
    *parts, last = told(full, before)
    assert [part.count("reported") for part in (*parts, last)] == [3, 4, 3]
    assert "landed" in last
    assert not any("landed" in part for part in parts)


def test_dry_run_shows_all_of_it_and_writes_nothing(full: Waves) -> None:
    before = refs(full)
    _, out, _ = says(full, "reconcile-cfg-app", "--dry-run")
    assert out.count("l1: Succeeded") == 10
    assert refs(full) == before


def test_of_many_that_are_rejected_at_once_no_more_are_written_than_stay(tmp_path: Path) -> None:
    w = waves(tmp_path, ONE, first=("ship", 1))
    wait_in_the_inbox(w, reports(w, 70, "gone"))
    w.later(minutes=1)
    before = w.ref(JOURNAL) or ""
    w.turn()
    assert told(w, before) == [["rejected"] * 70]
    assert len([ref for ref in refs(w) if "/rejected/" in ref]) == 50
    assert inbox(w) == []
