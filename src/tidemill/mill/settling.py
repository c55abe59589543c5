"""Settle: set the verdicts of our own check as commit statuses, so that a turn can act on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

import msgspec

from tidemill.app.names import SHA, shown
from tidemill.app.unreadable import UNREADABLE
from tidemill.clients.github.api import GitHub, NewStatus, StatusState
from tidemill.errors import Refused
from tidemill.mill.reading import Reading

CONTEXT = "tidemill/check"
_SAID: Mapping[StatusState, str] = {
    "success": "What is committed is what the sources generate, and the repository's check passes.",
    "failure": "It is not fit to land: the log of the run says why.",
    "error": "No verdict: the check was cancelled, timed out, or could not be run.",
    "pending": "The check is on its way.",
}


@dataclass(frozen=True)
class Settled:
    """The commits whose status was set, and those that are of no use any more."""

    set: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()


def parse(data: bytes) -> dict[str, StatusState]:
    """Verdicts by full SHA, as `check-cfg-app` gives them.

    Raises:
        Refused: it is something else.
    """
    try:
        found = msgspec.json.decode(data, type=dict[str, StatusState])
    except UNREADABLE as error:
        raise _refused(str(error)) from None
    for sha in found:
        if not SHA.fullmatch(sha):
            raise _refused(f"{shown(sha)} is not a full SHA")
    return found


def settle(
    reading: Reading,
    verdicts: Mapping[str, StatusState],
    run_url: str | None,
    *,
    by: GitHub,
    known_to: GitHub,
) -> Settled:
    """Set the statuses of those commits that are on auto, or main's tip.

    Args:
        by: as whom they are set.
        known_to: who reads them afterwards; GitHub may take a moment to show what was set.
    """
    tip = reading.refs.get(reading.names.auto)
    current = {reading.main, tip, *(commit.sha for commit in reading.ledger.auto)}
    ours = {sha: state for sha, state in verdicts.items() if sha in current}
    for sha, state in ours.items():
        status = by.set_status(NewStatus(sha, CONTEXT, state, _SAID[state], run_url))
        known_to.remember(sha, status)
    return Settled(tuple(ours), tuple(sha for sha in verdicts if sha not in current))


def _refused(why: str) -> Refused:
    states = ", ".join(get_args(StatusState))
    return Refused(
        f"--verdicts holds no verdicts: {shown(why)}",
        remedy=f"give a JSON object of full SHAs and one of {states} each, as check-cfg-app does",
    )
