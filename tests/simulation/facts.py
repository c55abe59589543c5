"""What a repository says, read from its refs without the code under test."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from tests.simulation.memory import Push, Server
from tidemill.facts.settings import FILE

MAIN, AUTO, SPACE = "refs/heads/main", "refs/heads/auto", "refs/tidemill"
JOURNAL = f"{SPACE}/journal"
RULE_OF_SIGNALS = 15  # design.md, section 10, has 14: this one is of docs/jobs/get-told.md
RULE_OF_GATES = 16  # and this one of docs/jobs/name-approvers.md
RULE_OF_VERIFICATIONS = 17  # and this one of docs/jobs/verify.md
State = Literal["green", "red", "unknown"]


class Broken(AssertionError):
    """A rule does not hold."""


def demand(rule: int, holds: object, what: str) -> None:
    """Raise `Broken` unless a rule of design.md, section 10, holds."""
    if not holds:
        raise Broken(f"rule {rule}: {what}")


def record(server: Server, commit: str) -> dict[str, Any]:
    """The `record.json` of a commit; where somebody forged it, one of no kind."""
    try:
        found = json.loads(server.commits[commit].files["record.json"])
    except (KeyError, ValueError):
        found = None
    return found if isinstance(found, dict) else {"kind": "forged", "id": commit}


def ended_in(server: Server, commit: str) -> list[dict[str, Any]]:
    """The requests that the ledger of a commit of the journal says have ended, the oldest first."""
    files = sorted(server.commits[commit].files.items())
    parts = [json.loads(data) for name, data in files if name.startswith("ended-")]
    return [one for part in parts for one in part]


def below(refs: Mapping[str, str], folder: str) -> dict[str, str]:
    """The refs in a folder of the namespace, by the rest of their name."""
    start = f"{SPACE}/{folder}/"
    return {ref[len(start) :]: sha for ref, sha in refs.items() if ref.startswith(start)}


def runs(server: Server, refs: Mapping[str, str], sha: str) -> list[dict[str, Any]]:
    """What was reported for a commit, the oldest first."""
    tip = refs.get(f"{SPACE}/checks/{sha}")
    found: list[dict[str, Any]] = record(server, tip).get("runs", []) if tip else []
    return found


def verdict(found: Sequence[Mapping[str, Any]], required: Sequence[str]) -> State:
    """What the last answers of the checks come to."""
    contexts = required or tuple(dict.fromkeys(run["context"] for run in found))
    states = []
    for context in contexts:
        mine = [run["state"] for run in found if run["context"] == context]
        answers = [state for state in mine if state in ("success", "failure")]
        states.append(answers[-1] if answers else None)
    if "failure" in states:
        return "red"
    return "green" if states and None not in states else "unknown"


def trailers(message: str) -> dict[str, str]:
    """The trailers of an automatic commit, by name without their common beginning."""
    return dict(re.findall(r"^Autocommit-([A-Za-z-]+): (.*)$", message, re.MULTILINE))


def changed(push: Push, folder: str) -> dict[str, tuple[str | None, str | None]]:
    """What a push changed in a folder of the namespace: from what to what, by name."""
    start = f"{SPACE}/{folder}/"
    return {
        update.ref[len(start) :]: (update.old, update.new)
        for update in push.updates
        if update.ref.startswith(start)
    }


def change_of(push: Push, ref: str) -> tuple[str | None, str] | None:
    """What a push made of one ref, None if it left it alone."""
    for update in push.updates:
        if update.ref == ref and update.new is not None:
            return update.old, update.new
    return None


def said_in(push: Push) -> tuple[str | None, str] | None:
    """What a push made of the journal, or would have, had another turn not written just that.

    Who decides the same on the same journal in the same second writes the same commit: what that
    says is then said of both.
    """
    same = [(one.old, one.new) for one in push.already if one.ref == JOURNAL and one.new]
    return change_of(push, JOURNAL) or (same[0] if same else None)


def is_over(hold: Mapping[str, Any], now: datetime) -> bool:
    """Whether a hold, or what asks for one, has ended by itself."""
    until = hold.get("until") or ""
    return until != "" and datetime.fromisoformat(until) <= now


def waves_in(server: Server, main: str | None) -> dict[str, dict[str, Any]]:
    """The waves in a commit of main, by name; none where its settings can't be used."""
    if main is None:
        return {}
    waves = tomllib.loads(server.commits[main].files[FILE].decode())["waves"]
    return {one["name"]: one for one in waves if isinstance(one, dict)}
