"""The event that a command is to accept: an option names it, or the workflow that it runs in."""

from __future__ import annotations

from tidemill.asks.ask import Ask, Nothing
from tidemill.asks.event import ask_of, has_something
from tidemill.clients.machine.environment import variable
from tidemill.commands import _options
from tidemill.errors import Refused


def event(name: str | None = None, payload: str | None = None) -> tuple[str, Ask | Nothing]:
    """An event's name, and what it asks for.

    Args:
        name: as `on:` of a workflow has it; None: the one that this workflow was started by.
        payload: a file with its JSON; None: likewise. It is read where it may bring something.

    Raises:
        Refused: there is none, or it can't be used.
    """
    found = _given(name, "--event", "GITHUB_EVENT_NAME")
    data = b""
    if has_something(found):
        data = _options.read_file(_given(payload, "--payload", "GITHUB_EVENT_PATH"))
    return found, ask_of(found, data)


def _given(value: str | None, option: str, variable_name: str) -> str:
    found = value or variable(variable_name)
    if not found:
        raise Refused(
            f"{option} is not given, and {variable_name} is not set",
            remedy=f"give {option}, or run this in a workflow",
        )
    return found
