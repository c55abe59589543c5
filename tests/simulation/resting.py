"""Rules about one moment: it comes to rest, a crash changes nothing, and it says what waits."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, cast

from tests.simulation.actors import Deed, do
from tests.simulation.announcing import announcement
from tests.simulation.facts import AUTO, MAIN, below, demand, is_over, record, trailers
from tests.simulation.memory import Client, Server
from tests.simulation.reports import LatestReports
from tests.simulation.rules import KEPT
from tests.simulation.signal_rules import each_hold_is_a_signal
from tests.simulation.telling_rules import is_in_the_files, names_gates, says_why
from tests.simulation.world import World, dying, ledger_of
from tidemill.facts.ledger import Ledger
from tidemill.facts.settings import Settings
from tidemill.plan.rest import rests_until
from tidemill.turn.read import read
from tidemill.turn.turn import look

MOST_WAITING = 50
ABOUT = ("app_sha", "set", "wave")


def comes_to_rest(world: World) -> None:
    """Rule 7: two turns after the last event, a turn writes nothing; nor does looking, ever."""
    server = world.server.copy()
    before = dict(server.refs)
    shown = do(server, world.now, "status", {}).said
    if shown and not any(_is_record(server, sha) for sha in below(server.refs, "inbox").values()):
        says_why(world.rules, shown["waiting"])
        names_gates(world.rules, shown["waiting"], world.now)
        is_in_the_files(world.rules, shown["waves"])
        if not below(server.refs, "inbox"):
            _gone_holds_are_shown(world, shown)
    tried = do(server, world.now, "turn", {"dry_run": True})
    demand(7, server.refs == before, "looking wrote something")
    done = do(server, world.now, "turn", {})
    if not server.protected:
        found, expected = _without_new(tried.said), _without_new(done.said)
        differ = [key for key in expected if expected[key] != found.get(key)]
        demand(7, not differ, f"a dry run says otherwise than the turn: {differ}: {tried}; {done}")
    do(server, world.now, "turn", {})
    before = dict(server.refs)
    deed = do(server, world.now, "turn", {})
    moved = _differ(before, server.refs)
    demand(7, not moved, f"a third turn still writes {moved}: {deed}")
    _stays_at_rest(server, world.now)
    if deed.refused is None:
        _says_why(server, deed)
        _is_set_aside(world, server)
        if world.scene.is_told:
            each_hold_is_a_signal(server, world.now)


def _stays_at_rest(server: Server, now: datetime) -> None:
    """Rule 7: until when a look says that nothing can be due, no turn writes anything."""
    client = Client(server, "look", lambda _: None)
    state, github = read(client), cast("Any", LatestReports(client))
    if not isinstance(state.settings, Settings) or not isinstance(state.journal, Ledger):
        return
    until = rests_until(*look(client, state, now, github, landing=True))
    if until is None:
        return
    before = dict(server.refs)
    for when in (now, now + (until - now) / 2, until - timedelta(seconds=1)):
        deed = do(server, when, "turn", {})
        moved = _differ(before, server.refs)
        said = f"it was to rest until {until}, and at {when} a turn still writes"
        demand(7, not moved, f"{said} {moved}: {deed}")


def survives_a_crash(world: World) -> None:
    """Rule 8: whatever the client has sent when it dies, a later turn gets to the same end."""
    whole, broken = world.server.copy(), world.server.copy()
    command: tuple[str, dict[str, Any]] = ("turn", {})
    if world.rng.random() < 0.5:
        told = announcement(world, set_name=world.rng.choice(world.scene.sets), kind="new")
        world.apps[json.loads(told)["set"]].pop()
        command = ("announce", {"announcement": told})
    do(whole, world.now, *command)
    do(broken, world.now, *command, dying(world.rng.randrange(4)))
    do(broken, world.now, *command)
    for server in (whole, broken):
        do(server, world.now, "turn", {})
        do(server, world.now, "turn", {})
    differ = _differ(_state(whole), _state(broken))
    demand(8, not differ, f"after a crash {differ} are not what they are without")


def _gone_holds_are_shown(world: World, shown: Mapping[str, Any]) -> None:
    """A hold that is placed is shown, also where its wave is gone."""
    told = {f"{one.wave}/{one.set}" for one in shown["gone_holds"]}
    told |= {f"{one.wave}/{one.set}" for wave in shown["waves"] for one in wave.holds}
    holds = {
        place
        for place, sha in below(world.server.refs, "holds").items()
        for hold in [record(world.server, sha)]
        if hold.get("by") == "ada" and not is_over(hold, world.now)
    }
    if not world.rules.changes:
        demand(13, holds <= told, f"held, and not shown: {sorted(holds - told)}")


def _is_set_aside(world: World, server: Server) -> None:
    """What can't be read is kept out of the way; what a newer release can read stays."""
    kept = below(server.refs, "rejected").values()
    for ref, (sha, is_newer) in world.forged.items():
        there = server.refs.get(ref) == sha
        if not is_newer:
            demand(12, not there, f"{ref} can't be read, and stays")
            demand(
                12,
                sha in kept or len(kept) >= KEPT or "/checks/" in ref,
                f"{ref} can't be read, and is not kept",
            )
        elif ref in world.server.refs:
            demand(12, there, f"{ref} is of a newer release, and went")


def _without_new(said: Mapping[str, Any]) -> dict[str, Any]:
    """What a turn says, without the commits that it makes: a dry run makes none."""
    told = {key: value for key, value in said.items() if key not in ("to_check", "unsent")}
    for key, value in told.items():
        if key == "waiting":
            told[key] = [[one.get(name) for name in ("kind", "at", *ABOUT)] for one in value]
        elif isinstance(value, list):
            told[key] = [{**one, "sha": None} for one in value]
    return told


def _is_record(server: Server, sha: str) -> bool:
    return b'"deployment"' in server.commits[sha].files.get("record.json", b"")


def _says_why(server: Server, deed: Deed) -> None:
    """Every announcement that waits is named, with what it waits for; and not too many do."""
    lines = [line["what"] for line in deed.said.get("waiting", ())]
    facts = {name: record(server, sha) for name, sha in below(server.refs, "inbox").items()}
    waiting = {name: fact for name, fact in facts.items() if fact["kind"] == "announcement"}
    for name, fact in waiting.items():
        short = fact["announcement"]["sha"][:12]
        is_told = any(short in line for line in lines)
        demand(2, is_told, f"{name} waits, and no turn says for what: {lines}")
    shas = {*server.log(server.refs.get(AUTO) or server.refs[MAIN]), *server.log(server.refs[MAIN])}
    told = [trailers(server.commits[sha].message) for sha in shas]
    begun = {one.get("Request") for one in told} | {one.get("App-SHA") for one in told}
    sets = [
        fact["announcement"]["set"]
        for name, fact in waiting.items()  # one that is tried again is begun where it has been
        if not {name, fact["announcement"]["sha"]} & begun
    ]
    many = [name for name in set(sets) if sets.count(name) > MOST_WAITING]
    demand(2, not many, f"too many announcements wait: {many}")


def _state(server: Server) -> dict[str, Any]:
    """All refs; of the journal only what it carries forward."""
    refs: dict[str, Any] = dict(server.refs)
    refs["refs/tidemill/journal"] = ledger = ledger_of(server)
    if ledger:
        # Whoever died may have sent something: what is over is known until that is sent again.
        signals = ledger["ledger.json"]["ledger"].pop("signals", ())
        lasting = [one for one in signals if one.get("has_end", True) and not one.get("over")]
        # How far main has been looked at for gates is noted with the next thing that is written.
        ledger["ledger.json"]["ledger"].pop("gates_main", None)
        refs["signals"] = [one["cause"] for one in lasting]
    return refs


def _differ(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    return sorted(ref for ref in one.keys() | other.keys() if one.get(ref) != other.get(ref))
