"""Those who act on the repository, through the commands, as they are run in workflows."""

from __future__ import annotations

import json
import threading
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, partial
from typing import Any
from unittest.mock import patch

from tests.simulation.memory import Client, Killed, Server
from tidemill.cfg import settings
from tidemill.commands import (
    drop,
    hold_wave,
    promote_wave,
    reconcile_cfg_app,
    record_check,
    record_deployment,
    release_wave,
    retry,
    rollback_wave,
    update_cfg_app,
)
from tidemill.errors import TidemillError
from tidemill.mill.turn import Clock

COMMANDS: Mapping[str, Callable[[Namespace], int]] = {
    "announce": update_cfg_app.run,
    "turn": reconcile_cfg_app.run,
    "check": record_check.run,
    "report": record_deployment.run,
    "promote": promote_wave.run,
    "roll back": rollback_wave.run,
    "hold": hold_wave.run,
    "release": release_wave.run,
    "drop": drop.run,
    "retry": retry.run,
}
DEFAULTS: Mapping[str, object] = {"set_name": None, "override": None, "dry_run": False}


@dataclass
class Deed:
    """One command: who ran it with what, and what became of it.

    Attributes:
        said: what it printed with `--json`.
        refused: why it could not be done, None if it could.
        died: whether its client was killed.
    """

    command: str
    arguments: Mapping[str, Any]
    said: dict[str, Any] = field(default_factory=dict)
    refused: str | None = None
    died: bool = False

    def __str__(self) -> str:
        given = ", ".join(f"{key}={_short(value)}" for key, value in self.arguments.items())
        turn = {key: value for key, value in self.said.items() if key not in ("request", "notes")}
        told = {key: _short(value) for key, value in turn.items() if value}
        outcome = "died" if self.died else self.refused or told
        return f"{self.command} {given} -> {outcome}"


def do(
    server: Server,
    now: datetime,
    command: str,
    arguments: Mapping[str, Any],
    gate: Callable[[str], None] = lambda _: None,
) -> Deed:
    """Run a command to its end, or until `gate` raises `Killed`."""
    deed = Deed(command, arguments)
    _LOCAL.client = Client(server, f"tidemill {command}", gate)
    _LOCAL.said = {}
    given = {**DEFAULTS, **arguments, "repo": "memory", "now": now.isoformat(), "json": True}
    try:
        COMMANDS[command](Namespace(**given))
    except TidemillError as error:
        deed.refused = error.what
    except Killed:
        deed.died = True
    deed.said = _LOCAL.said
    return deed


@contextmanager
def stage() -> Iterator[None]:
    """While it is set up, the commands meet memory instead of the world, and never pause."""
    clock = partial(Clock, pause=lambda _: None)
    parse = cache(settings.parse)
    with (
        patch("tidemill.commands._session.opened", _opened),
        patch("tidemill.commands.record_check.opened", _opened),
        patch("tidemill.commands._session.Clock", clock),
        patch("tidemill.commands.record_check.Clock", clock),
        patch("tidemill.commands._session.write_json", _heard),
        patch("tidemill.commands.record_check.write_json", _heard),
        patch("tidemill.commands._options.read_file", lambda text: text.encode()),
        patch("tidemill.clients.person.name", lambda: "ada"),
        patch("tidemill.clients.person.run_url", lambda: None),
        patch("tidemill.cfg.settings.parse", lambda text, *, commit="": parse(text)),
    ):
        yield


@contextmanager
def _opened(_: str) -> Iterator[Client]:
    yield _LOCAL.client


def _heard(value: dict[str, Any]) -> None:
    _LOCAL.said = value


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= 200 else f"{text[:197]}..."


_LOCAL = threading.local()
