"""The rule of signals, at each push: what is called told was taken, and nothing goes untold."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tests.simulation.facts import RULE_OF_SIGNALS as RULE
from tests.simulation.facts import SPACE, below, change_of, demand, is_over, record
from tests.simulation.memory import Push, Server
from tests.simulation.receiver import NAME
from tidemill.facts.signals import MOST_TRIES


def judge(server: Server, push: Push) -> None:
    """What is called told was taken, and what is not there any more was told."""
    change = change_of(push, f"{SPACE}/journal")
    if change is None or change[0] is None:
        return
    before, now = (signals_in(server, sha) for sha in change)
    for id_, one in before.items():
        state, delivery = state_of(one)
        if id_ not in now and delivery.get("tries"):
            demand(RULE, _is_told(server, id_, state, delivery), f"{id_} goes untold: {one}")
    for id_, one in now.items():
        state, delivery = state_of(one)
        if delivery.get("is_done"):
            told = _is_told(server, id_, state, delivery)
            demand(RULE, told, f"{id_} is called told, and was not taken: {one}")


def is_note(server: Server, push: Push) -> bool:
    """Whether a push says nothing but that messages were taken."""
    change = change_of(push, f"{SPACE}/journal")
    if change is None or change[0] is None or len(push.updates) > 1:
        return False
    before, now = (_without_signals(server, sha) for sha in change)
    return before == now and signals_in(server, change[0]) != signals_in(server, change[1])


def _without_signals(server: Server, commit: str | None) -> dict[str, Any] | None:
    try:
        files: dict[str, Any] = {**server.commits[commit or ""].files}
        index = json.loads(files["ledger.json"])
        index["ledger"].pop("signals", None)
        return {**files, "record.json": b"", "ledger.json": index}
    except (KeyError, ValueError):  # somebody forged it
        return None


def signals_in(server: Server, commit: str | None) -> Mapping[str, Any]:
    """The signals that a commit of the journal has, by id."""
    try:
        index = json.loads(server.commits[commit or ""].files["ledger.json"])
        return {one["id"]: one for one in index["ledger"].get("signals", ())}
    except (KeyError, ValueError):  # somebody forged it
        return {}


def state_of(one: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """Whether a signal is over, and how far the receiver is told."""
    return "over" if one.get("over") else "open", one.get("deliveries", {}).get(NAME, {})


def _is_told(server: Server, id_: str, state: str, delivery: Mapping[str, Any]) -> bool:
    is_lost = delivery.get("tries", 0) >= MOST_TRIES
    return (id_, state) in server.receiver.taken or is_lost


def all_is_told(server: Server) -> None:
    """At the end, when the receiver is well: all that is a signal was taken."""
    for one in _known(server).values():
        demand(RULE, state_of(one)[1].get("is_done"), f"at rest, and not told: {one}")


def each_hold_is_a_signal(server: Server, now: datetime) -> None:
    """At rest: every hold that only a person can end."""
    causes = {tuple(one["cause"]) for one in _known(server).values() if not one.get("over")}
    is_everywhere = any(cause[:2] == ("held", "*") for cause in causes)
    for place, sha in below(server.refs, "holds").items():
        wave, _, name = place.partition("/")
        hold = record(server, sha)
        while hold:
            cause = ("held", wave, name, *(["failure"] if hold.get("failure") else []))
            told = cause in causes or (hold.get("everywhere") and is_everywhere)
            if hold.get("by") and not (hold.get("until") or is_over(hold, now)):
                demand(RULE, told, f"{place} is held, and nobody is told: {sorted(causes)}")
            hold = hold.get("beneath") or {}


def _known(server: Server) -> Mapping[str, Any]:
    return signals_in(server, server.refs.get(f"{SPACE}/journal"))
