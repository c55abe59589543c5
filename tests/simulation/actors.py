"""Those who act on the repository, through the commands, as they are run in workflows."""

from __future__ import annotations

import json
import random
import threading
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, partial
from types import ModuleType
from typing import Any
from unittest.mock import patch

from click import Context

from tests.simulation.facts import RULE_OF_SIGNALS as RULE
from tests.simulation.facts import demand
from tests.simulation.forms import FORM
from tests.simulation.memory import Client, Killed, Server
from tests.simulation.receiver import NAME
from tests.simulation.reports import LatestReports
from tidemill.clients.http.client import Answer, Call
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
    status,
    update_cfg_app,
)
from tidemill.commands._command_line import OneCommand
from tidemill.commands._json import as_json
from tidemill.commands._parameters import Arguments
from tidemill.commands._table import TIDEMILL
from tidemill.errors import TidemillError
from tidemill.facts import decoding, settings_file
from tidemill.facts.signals import Message
from tidemill.turn.push import Clock
from tidemill.turn.signalling import Sent
from tidemill.turn.signalling import confirm as signalling_confirm

COMMANDS: Mapping[str, ModuleType] = {
    "announce": update_cfg_app,
    "turn": reconcile_cfg_app,
    "check": record_check,
    "report": record_deployment,
    "promote": promote_wave,
    "roll back": rollback_wave,
    "hold": hold_wave,
    "release": release_wave,
    "drop": drop,
    "retry": retry,
    "status": status,
}
TOLD = ("landed", "state", "reason")
ABOUT = ("set", "wave", "sha", "reason")


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
        given = " ".join(_shown(value) for value in self.arguments.values())
        outcome = "its client died" if self.died else self.refused or self._outcome()
        return f"{self.command} {given} -> {outcome}"

    def _outcome(self) -> str:
        told = [f"{key} {value}" for key, value in self.said.items() if value and key in TOLD]
        for key, value in self.said.items():
            for one in (
                value if isinstance(value, list) and key not in ("to_check", "waiting") else ()
            ):
                what = one.get("what", key)
                told.append(" ".join([what, *(str(one.get(name, "")) for name in ABOUT)]))
        told += [f"to check {sha[:7]}" for sha in self.said.get("to_check", ())]
        return "; ".join(told) or "nothing"


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
    module = COMMANDS[command]
    given = {**_defaults(module), **arguments, "repo": "", "now": now.isoformat(), "json": True}
    if command == "turn":
        given["claim"] = True
    try:
        deed.said = as_json(module.run(Arguments(**given)))
    except TidemillError as error:
        deed.refused = error.what
    except Killed:
        deed.died = _LOCAL.client.sender.is_dead = True
    return deed


@contextmanager
def stage(seed: int = 0) -> Iterator[None]:
    """While it is set up, the commands meet memory instead of the world, and never pause.

    What they leave to chance, such as how often a sender looks, follows from the seed as well.
    """
    with ExitStack() as stack:
        doubles: tuple[tuple[str, tuple[str, ...], Any], ...] = (
            ("opened", ("_accepting", "reconcile_cfg_app", "record_check", "status"), _opened),
            ("Clock", ("_acceptance", "_reconciling", "record_check"), _clock),
            ("connected", ("_turning", "status"), _connected),
        )
        for name, modules, double in doubles:
            for module in modules:
                stack.enter_context(patch(f"tidemill.commands.{module}.{name}", double))
        for name, instead in (
            ("tidemill.turn.verification.Asked", _Asked),
            ("tidemill.turn.signalling.send", _send),
            ("tidemill.turn.signalling.confirm", _confirm),
            ("tidemill.commands._signalling.parse_addresses", lambda _: ({NAME: "https://x"}, [])),
            ("tidemill.commands._signalling.secrets.token_hex", _next_name),
            ("tidemill.commands._options.read_file", str.encode),
            ("tidemill.clients.machine.person.name", lambda: "ada"),
            ("tidemill.clients.machine.person.run_url", lambda: None),
            ("tidemill.clients.machine.person.run", lambda: _LOCAL.client.server.form),
            ("tidemill.clients.machine.person.logins", _logins),
            ("tidemill.clients.machine.person.started_by", lambda: FORM),
            ("tidemill.clients.machine.person.is_rerun", _is_rerun),
            ("tomllib.loads", cache(tomllib.loads)),
            ("tidemill.facts.settings_file.parse", cache(settings_file.parse)),
            ("tidemill.turn.read.legible", _remembering(decoding.legible)),
            ("random.uniform", random.Random(seed).uniform),
        ):
            stack.enter_context(patch(name, instead))
        yield


def _remembering(legible: Callable[..., Any]) -> Callable[..., Any]:
    """A record is a value: of the same bytes it is the same one, and is made once."""
    known: dict[object, Any] = {}

    def remembered(data: bytes, parse: Callable[[bytes], Any], **given: Any) -> Any:
        if not isinstance(parse, partial):
            return legible(data, parse, **given)
        key = (data, parse.func, parse.args)
        if key not in known:
            known[key] = legible(data, parse, **given)
        return known[key]

    return remembered


@cache
def _defaults(module: ModuleType) -> Mapping[str, object]:
    """What a command's options are where they are not given."""
    name = module.__name__.rpartition(".")[2].replace("_", "-")
    one = OneCommand(name, TIDEMILL)
    parameters = Context(one, resilient_parsing=True)
    one.parse_args(parameters, [])
    return parameters.params


@contextmanager
def _opened(_: str) -> Iterator[Client]:
    yield _LOCAL.client


def _clock(now: datetime, **_: object) -> Clock:
    """A clock that never pauses, and goes with the history's."""
    client: Client = _LOCAL.client
    return Clock(now, pause=lambda _: None, read=client.server.time)


class _Asked:
    """An address that is asked."""

    def __init__(self, call: Call, _: float) -> None:
        self.call = call

    def answer(self) -> Answer:
        client: Client = _LOCAL.client
        return client.server.metrics.answered(self.call, client.heard)


def _send(due: Sequence[Message], *_: object, **__: object) -> Sent:
    """Send, and die before that or after it, where the client is to die."""
    client: Client = _LOCAL.client
    client.gate("send")
    receiver, taken = client.server.receiver, set()
    if receiver.is_down(due[0].signal.deliveries[NAME].at or due[0].signal.since):
        return Sent(failures=("it is down",))
    for one in due:
        at = one.signal.deliveries[NAME].at or one.signal.since
        wrong = receiver.take((one.signal.id, one.state), client.sender, at)
        demand(RULE, wrong is None, str(wrong))
        taken.add(one.key)
    client.gate("sent")
    return Sent(frozenset(taken))


def _confirm(*given: Any) -> str | None:
    """Note what was taken; a client that can't has to be taken for dead."""
    client: Client = _LOCAL.client
    try:
        failure = signalling_confirm(*given)
    except TidemillError:
        client.sender.is_dead = True
        raise
    client.sender.is_dead |= failure is not None
    client.sender.done_at = None if failure else given[1].by_now()
    return failure


def _logins() -> tuple[str, ...]:
    """Who started the run in which somebody asks, and who ran it again."""
    server: Server = _LOCAL.client.server
    found = server.form and server.runs[server.form[0]].voucher(server.form[1])
    return found.actors if found else ()


def _is_rerun() -> bool:
    """Whether that is a re-run."""
    form = _LOCAL.client.server.form
    return form is not None and form[1] > 1


def _next_name(_: int) -> str:
    """What tells a run from every other; the same when a history is played again."""
    client: Client = _LOCAL.client
    client.server.senders += 1
    return str(client.server.senders)


def _connected(*_: object) -> LatestReports:
    return LatestReports(_LOCAL.client)


def _shown(value: object) -> str:
    """An argument in few words."""
    text = str(value)
    if not text.startswith("{"):
        return text
    told = json.loads(text)
    images = " ".join(f"{name}:{image['Digest'][-5:]}" for name, image in told["images"].items())
    return f"{told['set']} {told['position']} {told['sha'][:7]} ({images})"


_LOCAL = threading.local()
