"""The rule of gates, at each push: a turn that goes by others than the one before says whose."""

from __future__ import annotations

import json

from tests.simulation.facts import RULE_OF_GATES as RULE
from tests.simulation.facts import SPACE, change_of, demand, record, waves_in
from tests.simulation.memory import Push, Server
from tidemill.facts.settings import FILE

_OTHER = ("name", "was", "targets")


def judge(server: Server, push: Push) -> None:
    """Each wave whose table on main is another one is told, and so is who changed the settings."""
    change = change_of(push, f"{SPACE}/journal")
    if change is None or change[0] is None or change[1] is None:
        return
    entries = record(server, change[1]).get("entries", ())
    told = [one for one in entries if one["what"] == "gates changed"]
    for one in told:
        named = one.get("sha")
        demand(RULE, named, f"nobody is said to have changed {one['wave']}'s gates")
        commit = server.commits[named]
        what = f"{named} is said to change {one['wave']}'s gates"
        demand(RULE, commit.author == one["by"], f"{what}, by {one['by']}: it is {commit.author}'s")
        parent = server.commits[commit.parent or ""]
        demand(RULE, parent.files[FILE] != commit.files[FILE], f"{what}, and changes no settings")
    before, now = (waves_in(server, _main(server, sha)) for sha in (change[0], change[1]))
    was = [{name: one.get("was") for name, one in found.items()} for found in (before, now)]
    other = _OTHER if was[0] == was[1] else (*_OTHER, "after")  # that has names of waves in it
    for name in before.keys() & now.keys():
        if was[0][name] != was[1][name]:
            continue  # it has the past of another one
        gates = [
            {key: is_ for key, is_ in one[name].items() if key not in other}
            for one in (before, now)
        ]
        is_told = any(one["wave"] == name for one in told)
        demand(RULE, is_told or gates[0] == gates[1], f"nobody is told that {name} had other gates")


def _main(server: Server, journal: str) -> str | None:
    """The main that the last turn before a commit of the journal went by, and itself."""
    try:
        index = json.loads(server.commits[journal].files["ledger.json"])
        found: str | None = index["ledger"].get("gates_main")
    except (KeyError, ValueError):  # somebody forged it
        return None
    return found
