"""`tidemill status`: what runs where, and what waits for what. Writes nothing, runs nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidemill.clients.git.repository import opened
from tidemill.clients.git.store import Store
from tidemill.clients.github.connecting import connected
from tidemill.commands import _options
from tidemill.commands._options import Options
from tidemill.commands._parameters import Arguments
from tidemill.commands._remedies import Remedies
from tidemill.commands._results import Result, StatusReport
from tidemill.commands._writing import tell
from tidemill.errors import Refused
from tidemill.facts.state import State
from tidemill.plan.status import Status, status
from tidemill.plan.waking import over_at
from tidemill.turn.read import read
from tidemill.turn.turn import look
from tidemill.words.moments import to_the_second

if TYPE_CHECKING:
    from tidemill.facts.schedules import Schedule

EXAMPLE = "tidemill status --repo https://github.com/acme/cfg-app"

PARAMETERS = (
    _options.Repository(takes_origin=True),
    _options.NOW,
    _options.JSON,
)


def run(arguments: Arguments) -> Result:
    """Read and plan."""
    options = _options.options(arguments)
    with opened(arguments.repo) as store:
        state = read(store)
        refuse_the_past("status", state, arguments.repo, options)
        found = status(*look(store, state, options.now, connected(arguments.repo, tell)))
        schedule = _schedule(store, found)
    return StatusReport(found, Remedies.of(arguments.repo, options.now), schedule)


def _schedule(store: Store, found: Status) -> Schedule | None:
    """The schedule that something waits for which time alone makes due."""
    if not any(over_at(line) for line in found.waiting):
        return None
    from tidemill.facts.schedules import FOLDER, only_schedule  # parses YAML

    store.fetch_below(found.main, [FOLDER])
    return only_schedule(dict(store.texts(found.main, [FOLDER])))


def refuse_the_past(command: str, state: State, repo: str, options: Options) -> None:
    """Raise `Refused` for a time before something that the repository has."""
    newest = state.newest
    if options.now_given and newest is not None and options.now < newest:
        history = ("history", "--at", to_the_second(options.now))
        raise Refused(
            f"--now is {to_the_second(options.now)}, and the repository has something of "
            f"{to_the_second(newest)}: {command} shows the present, never the past",
            remedy="leave --now out, or give a later time; for the past type: "
            + Remedies.of(repo, options.now).typed(history),
        )
