"""Accept what is asked for; what that takes is imported while the server is asked who it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidemill.clients.git.repository import opened
from tidemill.commands import _options

if TYPE_CHECKING:
    from tidemill.asks.ask import Ask
    from tidemill.commands._options import Options
    from tidemill.commands._parameters import Arguments
    from tidemill.commands._results import Acceptance, Request, RequestAndTurn


def accept_only(url: str, options: Options, ask: Ask) -> Request:
    """Accept what is asked for; whoever does the next turn goes on from there."""
    with opened(url) as store:
        from tidemill.commands._acceptance import accept_ask
        from tidemill.commands._remedies import Remedies

        return accept_ask(store, Remedies.of(url, options.now), options, ask)[2]


def accept_and_turn(arguments: Arguments, ask: Ask) -> Acceptance | RequestAndTurn:
    """Accept what is asked for, and do a turn.

    With `--accept-only`, whoever does the next turn goes on from there.
    """
    options = _options.options(arguments)
    with opened(arguments.repo) as store:
        from tidemill.commands._acceptance import accepted_and_turned

        return accepted_and_turned(store, arguments.repo, options, ask)
