"""Rules 3 and 4 of design.md, section 10: what may come into a wave."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tests.simulation import verification_rules
from tests.simulation.facts import below, changed, demand, is_over, record, waves_in
from tests.simulation.memory import Push, Server
from tests.simulation.scene import Scene, minutes
from tests.simulation.standing import NOTHING, Landing, Standing


def judge(
    standing: Standing,
    requests: Mapping[str, dict[str, Any]],
    push: Push,
    landing: Landing,
    now: datetime,
    at: datetime,
) -> None:
    """Judge one landing of a turn, before it is counted among what the wave has had.

    Args:
        now: the time by which it was decided; `at`: when it was pushed.
    """
    request = requests.get(landing.told.get("Request", ""), {})
    earlier = standing.had(landing.wave, landing.set)[:-1]
    where = f"{landing.kind} {landing.set} {landing.position} in {landing.wave}"
    if landing.kind == "roll back":
        _rolls_back(standing, request, earlier, landing, where)
        return
    if landing.kind == "hotfix":
        _mends(standing, request, earlier, landing, where)
        return
    _goes_forward(request, standing.known(earlier), landing, where)
    _leaves_a_hotfix(requests, earlier, request, where)
    if not request.get("override") or landing.kind == "introduce":
        _is_let_in(standing.server, standing.scene, push, landing, at, where)
    if landing.kind == "promote":
        _was_deployed_before(standing, request, landing, now, where)


def _rolls_back(
    standing: Standing,
    request: Mapping[str, Any],
    earlier: list[Landing],
    landing: Landing,
    where: str,
) -> None:
    """Somebody asked for it, or a set failed before it was ever deployed."""
    same = [one for one in earlier if one.files == landing.files]
    demand(3, same, f"{where}: the wave has never had these images")
    if request.get("kind") == "rollback":
        return
    left = earlier[-1]
    since = [left.commit, *standing.server.since(landing.commit, left.commit)]
    asked = any(_says_to_roll_back(standing, sha, landing.wave) for sha in since)
    demand(3, asked, f"{where}: nobody asked")
    failed = standing.failed_on(left) or left.was_refuted
    demand(3, failed, f"{where}: {left.position} has not failed")
    fine = not left.was_deployed or left.was_refuted
    demand(3, fine, f"{where}: {left.position} had been deployed")
    demand(3, left.kind != "roll back", f"{where}: back from a rollback")
    demand(3, any(one.was_deployed for one in same), f"{where}: it was never healthy there")


def _says_to_roll_back(standing: Standing, commit: str, wave: str) -> bool:
    """Whether the settings in a commit of main say so of a wave of today; what was begun by them
    goes on where they say so no more."""
    waves, called = waves_in(standing.server, commit), standing.called(wave, commit)
    return called in waves and waves[called]["on_failure"] == "roll back"


def _mends(
    standing: Standing,
    request: Mapping[str, Any],
    earlier: list[Landing],
    landing: Landing,
    where: str,
) -> None:
    """A person gave these very images, for this very wave; nothing is newer or older by that."""
    demand(4, request.get("kind") == "hotfix", f"{where}: nobody asked")
    demand(4, request["override"], f"{where}: nobody said why")
    told = request["announcement"]
    demand(4, told["sha"] == landing.app_sha, f"{where}: another commit was asked for")
    named = {service: one["Digest"] for service, one in told["images"].items()}
    demand(4, named == json.loads(landing.files[1]), f"{where}: other images were asked for")
    beneath = standing.server.commits[landing.commit].parent or landing.commit
    files = standing.server.commits[beneath].files
    is_gone = standing.image_files(files, landing.wave, landing.set) == NOTHING
    place = earlier[-1].position if earlier and not is_gone else 0
    demand(3, landing.position == place, f"{where}: it is to stand where {place} was")


def _leaves_a_hotfix(
    requests: Mapping[str, dict[str, Any]],
    earlier: list[Landing],
    request: Mapping[str, Any],
    where: str,
) -> None:
    """Nothing undoes a hotfix by itself before a person has released its wave."""
    if not earlier or earlier[-1].kind != "hotfix" or request.get("override"):
        return
    asked = requests[earlier[-1].told["Request"]]["accepted_at"]
    released = [one for one in requests.values() if one["kind"] == "release"]
    fine = any(one["accepted_at"] >= asked for one in released)
    demand(4, fine, f"{where}: it undoes a hotfix, and nobody released that")


def _goes_forward(
    request: Mapping[str, Any], earlier: list[Landing], landing: Landing, where: str
) -> None:
    if not earlier:
        return
    present, highest = earlier[-1].position, max(one.position for one in earlier)
    overridden = landing.kind == "introduce" and request.get("override")
    if request.get("kind") == "promotion" or overridden:
        demand(3, landing.position >= present, f"{where}: back from {present}")
    else:
        demand(3, landing.position > highest, f"{where}: it has had {highest}")


def _is_let_in(
    server: Server, scene: Scene, push: Push, landing: Landing, now: datetime, where: str
) -> None:
    """No hold, no freeze and no closed window that the turn knew of."""
    seen = push.seen.shas
    found = {sha: record(server, sha) for sha in _holds(seen, landing)}
    held = {one.get("id", sha) for sha, one in found.items() if not is_over(one, now)}
    inbox = {name: record(server, sha) for name, sha in below(seen, "inbox").items()}
    held |= {
        name
        for name, fact in inbox.items()
        if fact["kind"] == "hold"
        and fact.get("wave") in (landing.wave, "*")
        and fact.get("set") in (landing.set, "_")
        and not is_over(fact, now)
    }
    ended = [record(server, old) for old, new in changed(push, "inbox").values() if old and not new]
    facts = [fact for fact in (*inbox.values(), *ended) if fact["kind"] == "release"]
    released = {hold for fact in facts for hold in fact["ends"]}
    demand(4, held <= released, f"{where}: landed against the hold {sorted(held - released)}")
    frozen = any(one.holds(landing.wave, now) for one in scene.freezes)
    demand(4, not frozen, f"{where}: landed in a freeze")
    window = scene.wave(landing.wave).window
    demand(4, window is None or window.is_open(now), f"{where}: landed outside of its window")


def _holds(seen: Mapping[str, str], landing: Landing) -> list[str]:
    places = (f"{landing.wave}/_", f"{landing.wave}/{landing.set}")
    return [sha for place, sha in below(seen, "holds").items() if place in places]


def _was_deployed_before(
    standing: Standing, request: Mapping[str, Any], landing: Landing, now: datetime, where: str
) -> None:
    """Byte for byte what a source wave had; deployed in all of them, and soaked."""
    source, _, commit = landing.told["Promoted-From"].partition("@")
    # A person knows better, and a set that main has had elsewhere is the same set.
    server = standing.server
    same = standing.had(standing.today(source, commit), landing.set)
    is_had = any(
        one.commit != commit
        and one.files == landing.files
        and server.descends(landing.commit, one.commit)
        for one in same
    )
    is_elsewhere = commit in standing.taken_back and (request.get("override") or is_had)
    on_main = server.descends(landing.commit, commit) or is_elsewhere
    demand(4, on_main, f"{where}: {commit}, which it names, is not on main")
    origin = server.commits[commit].files
    had = standing.image_files(origin, source, landing.set)
    demand(4, had == landing.files, f"{where}: not what {source} had")
    name = standing.today(source, commit)
    origins = [one for one in standing.had(name, landing.set) if one.commit == commit]
    fixes = [one for one in origins if one.is_hotfix]
    demand(4, not fixes, f"{where}: it is a hotfix of {source}, which goes nowhere else")
    if request.get("override"):
        return
    wave = standing.scene.wave(landing.wave)
    demand(4, not wave.approval or request, f"{where}: nobody approved it")
    own = {one.commit for one in standing.had(wave.name, landing.set)}
    is_own = source == wave.name or commit in own  # under the name that it had
    demand(4, wave.after or is_own, f"{where}: it comes after no wave")
    for name in wave.after:
        hads = [one for one in standing.had(name, landing.set) if one.files == landing.files]
        demand(4, hads, f"{where}: {name} has never had it")
        fit = [one for one in hads if not one.is_rolled_back]
        demand(3, fit, f"{where}: it was rolled back in {name}")
        deployed = [one for one in fit if standing.deployed_at(one) is not None]
        demand(4, deployed, f"{where}: it is not deployed in {name}")
        verification_rules.goes_on(name, deployed, landing.app_sha, where)
        soaked = max(standing.soaked(one, now) for one in deployed)
        demand(4, soaked >= minutes(wave.soak), f"{where}: it soaked in {name} for {soaked} only")
        verification_rules.was_verified(standing, name, deployed, wave.soak, where)
