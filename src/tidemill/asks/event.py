"""From an event to what it asks for; the event itself is forgotten then (`design.md` 3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tidemill.asks import deployment_status, repository_dispatch, workflow_dispatch
from tidemill.asks.ask import Ask, Nothing
from tidemill.words.names import shown

_READERS: Mapping[str, Callable[[bytes], Ask | Nothing]] = {
    "deployment_status": deployment_status.ask_of,
    "repository_dispatch": repository_dispatch.ask_of,
    "workflow_dispatch": workflow_dispatch.ask_of,
}


def has_something(name: str) -> bool:
    """Whether an event of this name may bring something to accept; if not, nobody reads it."""
    return name in _READERS


def ask_of(name: str, payload: bytes) -> Ask | Nothing:
    """What an event asks for.

    Args:
        name: of the event, as `on:` of a workflow has it.
        payload: its JSON, as GitHub has it for webhooks and in GITHUB_EVENT_PATH.

    Raises:
        Refused: it is one of ours, and can't be used.
    """
    reader = _READERS.get(name)
    if reader is None:
        return Nothing(f"an event {shown(name)} brings nothing: it only starts a turn")
    return reader(payload)
