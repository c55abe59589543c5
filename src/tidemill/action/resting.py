"""A scheduled look, before anything is installed: whether the last one still holds.

`bin/run` starts this with a Python that has no packages. It lists the refs, and reads the note
that a look has left where nothing was due (`facts/rest.py`). Where it is not sure, it says so by
its exit code, and all goes on as without it.
"""

from __future__ import annotations

import json
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from tidemill.clients.git import mirror
from tidemill.clients.git.git import Git
from tidemill.clients.git.remote import listed, remote
from tidemill.clients.github import place
from tidemill.clients.machine import program, workflow
from tidemill.clients.machine.environment import variable
from tidemill.errors import TidemillError
from tidemill.facts import rest
from tidemill.facts.rest import Rest

_RECORD = "record.json"
_SECONDS = 60.0  # whoever has to wait longer looks for itself
_GIVEN = {"INPUT_REPO": "", "INPUT_EVENT": "", "INPUT_PAYLOAD": "", "INPUT_LOOK-AHEAD": "true"}
_NOT_SURE = 3
_NOTHING_DUE = {
    "event": "schedule",
    "changed": "false",
    "state": "nothing to accept",
    "due": "false",
    "operations": "false",
    "checks": "false",
    "branches": "false",
    "wake": "false",
}


def main() -> int:
    """0 where nothing is due; then that is said as `accept-event` says it with `look-ahead`."""
    try:
        found = _still_so() if _is_meant() else None
    except (TidemillError, OSError, LookupError, TypeError, ValueError):
        found = None
    if found is None:
        return _NOT_SURE
    _say(found)
    return 0


def _is_meant() -> bool:
    """Whether the workflow's own repository is looked at, and nothing is accepted besides."""
    return all((variable(name) or "").strip() == value for name, value in _GIVEN.items())


def _still_so() -> Rest | None:
    """The note, if all is as it says: two reads, one of all refs, and one of the note."""
    where = place.here()
    if where is None:
        return None
    with tempfile.TemporaryDirectory(prefix="tidemill-rest-") as folder:
        bare = mirror.made(Path(folder) / "mirror.git")
        git, env = Git(bare), remote(where.url).reached(bare)
        refs, head = listed(git("ls-remote", "--symref", "origin", env=env, seconds=_SECONDS))
        note = rest.only_note(refs)
        if note is None:
            return None
        wanted = ("--quiet", "--no-tags", "--depth=1", "--no-filter", "origin", refs[note])
        git("fetch", *wanted, env=env, seconds=_SECONDS)
        found = rest.decode(git("cat-file", "blob", f"{refs[note]}:{_RECORD}"))
    seen = rest.digest(refs, head, note, program.digest())
    return found if found.is_still_so(seen, datetime.now(UTC)) else None


def outputs(found: Rest) -> dict[str, str]:
    """What a look would set where nothing is due, but for the reason and what is empty."""
    told = {name.replace("_", "-"): _text(value) for name, value in found.found.items()}
    return {**_NOTHING_DUE, **told}


def _say(found: Rest) -> None:
    """Set the outputs, and say in the log and the summary why nothing was looked at."""
    workflow.write_outputs(outputs(found))
    at, until = (f"{when.astimezone(UTC):%Y-%m-%d %H:%M} UTC" for when in (found.at, found.until))
    why = f"Nothing has changed since {at}, and no time makes anything due before {until}."
    workflow.summarize(why)
    sys.stdout.write(f"{why}\n")


def _text(value: object) -> str:
    """As an output is written: texts as they are, all else as JSON."""
    return value if isinstance(value, str) else "" if value is None else json.dumps(value)


if __name__ == "__main__":
    sys.exit(main())
