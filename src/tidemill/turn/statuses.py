"""Set the verdicts of our own check as commit statuses, so that a turn can act on them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

import msgspec
from msgspec import Struct

from tidemill.clients.github.api import MOST_DESCRIPTION, GitHub, NewStatus, StatusState
from tidemill.errors import Refused, ServerRefused, TidemillError, Unreachable
from tidemill.facts.checks import CONTEXT, last_words
from tidemill.facts.state import State
from tidemill.words.names import SHA, shown
from tidemill.words.unreadable import UNREADABLE

_SAID: Mapping[StatusState, str] = {
    "success": "What is committed is what the sources generate, and the repository's check passes.",
    "failure": "It is not fit to land: the log of the run says why.",
    "error": "No verdict: the check was cancelled, timed out, or could not be run.",
    "pending": "The check is on its way.",
}


class StatusChanges(Struct, frozen=True):
    """The commits whose status was set, and those that are of no use any more."""

    set: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()


def parse_reasons(data: bytes) -> dict[str, str]:
    """Why each commit is what it is, by SHA, as `check-cfg-app` gives it.

    Raises:
        Refused: it is something else.
    """
    try:
        return msgspec.json.decode(data, type=dict[str, str])
    except UNREADABLE as error:
        raise Refused(
            f"--reasons holds no reasons: {shown(str(error))}",
            remedy="give the JSON object of full SHAs and texts that check-cfg-app prints",
        ) from None


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


def set_statuses(
    state: State,
    verdicts: Mapping[str, StatusState],
    reasons: Mapping[str, str],
    run_url: str | None,
    *,
    by: GitHub,
    known_to: GitHub,
) -> StatusChanges:
    """Set the statuses of those commits that are on auto, or main's tip.

    One that GitHub refuses keeps no other one from being set.

    Args:
        reasons: why, by commit; the end of it becomes the description of one that is not green.
        by: as whom they are set.
        known_to: who reads them afterwards; GitHub may take a moment to show what was set.

    Raises:
        Refused, ServerRefused: GitHub refuses at least one; the others are set.
        Unreachable: GitHub does not answer; those that were set before are.
    """
    tip = state.refs.get(state.names.auto)
    current = {state.main, tip, *(commit.sha for commit in state.remembered.auto)}
    ours = {sha: verdict for sha, verdict in verdicts.items() if sha in current}
    done: list[str] = []
    trouble: TidemillError | None = None
    for sha, verdict in ours.items():
        said = last_words(reasons.get(sha, "")) if verdict in ("failure", "error") else ""
        said = said if len(said) <= MOST_DESCRIPTION else f"…{said[1 - MOST_DESCRIPTION :]}"
        new = NewStatus(sha, CONTEXT, verdict, said or _SAID[verdict], run_url)
        try:
            known_to.remember(sha, by.set_status(new))
        except (Refused, ServerRefused) as error:
            trouble = trouble or error
        except Unreachable as error:  # to ask for the rest would take as long again
            trouble = error
            break
        else:
            done.append(sha)
    if trouble:
        if done:
            trouble.written = f"the statuses of {', '.join(done)}"
        raise trouble
    return StatusChanges(tuple(done), tuple(sha for sha in verdicts if sha not in current))


def _refused(why: str) -> Refused:
    states = ", ".join(get_args(StatusState))
    return Refused(
        f"--verdicts holds no verdicts: {shown(why)}",
        remedy=f"give a JSON object of full SHAs and one of {states} each, as check-cfg-app does",
    )
