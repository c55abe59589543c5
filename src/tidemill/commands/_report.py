"""What a turn did, for machines (`--json`) and for people."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from tidemill.commands._remedies import Remedies
from tidemill.commands._writing import show_table, time_text, write, write_wrapped
from tidemill.facts.journal import Entry
from tidemill.facts.settings import ALL_SETS
from tidemill.plan.obstacles import Wait
from tidemill.plan.waits import is_by_rule
from tidemill.plan.wording import line_command, reasons, subject
from tidemill.turn.turn import LostTo, NothingDue, Turn, WouldWrite, Wrote
from tidemill.words.shas import short

_LISTS = {
    "evicted": "evicted",
    "introduced": "introduced",
    "promoted": "promoted",
    "rolled back": "rolled_back",
    "replayed": "replayed",
    "superseded": "superseded",
    "rejected": "rejected",
}
_FULL_SHA = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{28}\b")


def exit_code(turn: Turn) -> int:
    """The code to end with after a turn: 1 where a rule of GitHub's lets nothing land."""
    return 1 if turn.refused is not None and is_by_rule(turn.refused) else 0


def turn_json(turn: Turn, remedies: Remedies) -> dict[str, Any]:
    """A turn as `--json` prints it."""
    lists: dict[str, list[dict[str, Any]]] = {name: [] for name in _LISTS.values()}
    notes = []
    is_lost = isinstance(turn.outcome, LostTo)
    for entry in () if is_lost else turn.plan.entries:
        if name := _LISTS.get(entry.what):
            lists[name].append(_object(entry))
        else:
            notes.append({"what": entry.what, **_object(entry)})
    return {
        "changed": isinstance(turn.outcome, Wrote | WouldWrite),
        "landed": None if is_lost else turn.plan.landed,
        **lists,
        "to_check": [] if is_lost else list(turn.plan.to_check),
        "waiting": [remedies.line(line) for line in turn.plan.waiting],
        "notes": notes,
    }


def show_turn(turn: Turn, remedies: Remedies) -> None:
    """Say to a person what a turn did, and what waits."""
    match turn.outcome:
        case LostTo(ref):
            write(f"Other turns kept moving {ref}: nothing was written here, they go on.")
            return
        case NothingDue():
            write("Nothing is due yet." if turn.plan.waiting else "Nothing to do.")
        case Wrote():
            _show_entries("Done:", turn)
        case WouldWrite():
            _show_entries("This would be done:", turn)
    if turn.plan.to_check:
        write("To check:\n  " + "\n  ".join(turn.plan.to_check))
    show_waiting(turn.plan.waiting, remedies)


def _show_entries(title: str, turn: Turn) -> None:
    if not turn.plan.entries:
        write("Took note; nothing moved.")
        return
    write(title)
    rows = [(entry.what, _about(entry), entry.reason) for entry in turn.plan.entries]
    show_table(("what", "about", "why"), rows)


def show_waiting(waiting: Sequence[Wait], remedies: Remedies) -> None:
    """What waits for what: each with its reasons, and the command that ends the wait."""
    if waiting:
        write("Waiting:")
    for line in waiting:
        write_wrapped(_short(subject(line.about)), indent=2)
        if line.since:
            write_wrapped(f"since {time_text(line.since)}", indent=4)
        if line.id:
            write_wrapped(f"as {line.id}", indent=4)
        for reason in reasons(line, remedies.now):
            write_wrapped(f"for {_short(reason)}", indent=4)
        write(f"      {remedies.typed(line_command(line))}")


def _object(entry: Entry) -> dict[str, Any]:
    found = {
        "id": entry.id,
        "sha": entry.sha or entry.app_sha,
        "app_sha": entry.app_sha,
        "set": entry.set,
        "wave": entry.wave,
        "reason": entry.reason or None,
        "by": entry.by or None,
    }
    return {key: value for key, value in found.items() if value is not None}


def _short(text: str) -> str:
    """SHAs as people read them: a full one would be cut in two by a narrow column."""
    return _FULL_SHA.sub(r"\1", text)


def _about(entry: Entry) -> str:
    sha = short(entry.app_sha or entry.sha, "")
    which = "all sets" if entry.set == ALL_SETS else entry.set
    return " ".join(part for part in (sha, which, entry.wave) if part) or (entry.id or "")
