"""Rule 4 of design.md, section 10, where a wave says who may ask: proof, and once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.simulation.facts import demand
from tests.simulation.memory import SIGNED, Server
from tests.simulation.scene import Wave
from tests.simulation.standing import Landing, Standing


@dataclass
class AskerRules:
    """What has landed because of a request that takes a proof, by what proves it.

    Attributes:
        authors: who wrote each request, as it lay in the inbox last.
        used: by what proves a request, and the place, the commit that it had its effect by.
    """

    standing: Standing
    authors: dict[str, str] = field(default_factory=dict)
    used: dict[tuple[str, str, str], str] = field(default_factory=dict)

    def forget(self) -> None:
        """The journal is lost: which requests had their effect, commits on main alone tell, and of
        a form's run these do not."""
        gone = self.standing.taken_back
        self.used = {
            use: commit
            for use, commit in self.used.items()
            if use[0] in self.authors and commit not in gone
        }

    def landed(self, landing: Landing, fact: Mapping[str, Any]) -> None:
        """Judge what has landed for a request of that kind."""
        wave, name = self.standing.scene.wave(landing.wave), landing.told.get("Request", "")
        if not wave.is_guarded or landing.kind == "introduce" or not fact:
            return
        what = f"{landing.kind} {landing.set} in {landing.wave}, for {name},"
        why = why_not(self.standing, wave, fact, self.authors[name])
        demand(4, why is None, f"{what} was asked for {why}")
        run = fact.get("run")
        proof = f"{run['id']}-{run.get('attempt', 1)}" if run else name
        use = (proof, landing.wave, landing.set)
        demand(4, use not in self.used, f"{what} was asked for once, and has landed twice")
        self.used[use] = landing.commit


def why_not(standing: Standing, wave: Wave, fact: Mapping[str, Any], author: str) -> str | None:
    """Why a wave is not to take a request: its author has signed it, or it names a run."""
    named = fact.get("run")
    if named is None:
        is_signed = wave.approvers and author == f"{SIGNED}ada"
        return None if is_signed else f"by {author}"
    server: Server = standing.server
    run, attempt = server.runs.get(named["id"]), named.get("attempt", 1)
    if run is None or attempt > len(run.actors):
        return f"in a run {named} that there is not"
    if not standing.renamed and not run.asks_for(fact):
        return f"in a run that was for something else: {run.title}"
    if wave.environment:
        if attempt > 1:
            return "in a re-run"
        return None if run.is_approved() else "in a run that no reviewer let through"
    who = {run.actors[0], run.actors[attempt - 1]}
    if attempt > 1 and fact["kind"] == "promotion":
        return f"in a re-run, by {who}"
    return None if who == {"ada"} else f"by {who}"
