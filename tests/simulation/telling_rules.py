"""Rule 12 of design.md, section 10: status says why, and what it calls deployed is in the files."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from tests.simulation.facts import AUTO, MAIN, below, demand, is_over, record, trailers
from tests.simulation.rules import Rules
from tests.simulation.sources import digests_of, file_of
from tidemill.commands._command_line import parse
from tidemill.errors import CommandLineWrong
from tidemill.facts.snapshot import TIDEMILL
from tidemill.plan.status import WaveStatus

_WHOLE = re.compile(r"\b[0-9a-f]{7,40}\b")


def says_why(rules: Rules, lines: Iterable[Mapping[str, Any]]) -> None:
    """For each wave in which the newest set is not deployed, a line names it, and what helps."""
    said, waiting = list(lines), rules.inbox()
    for line in said:
        demand(12, line.get("kind"), f"a line has no kind: {line}")
        fits = _parses(_WHOLE.sub("0123456789ab", line["command"]))
        demand(12, fits, f"this does not run as printed: {line['command']}")
    for name in rules.scene.sets:
        newest = newest_of(rules, name)
        if newest is None:
            continue
        request, sha = newest
        named = [one for one in said if (one.get("set"), one.get("app_sha")) == (name, sha)]
        is_under_way = request in waiting or (name, sha) in _on_auto(rules)
        for wave in rules.scene.waves:
            told = any(is_under_way or one.get("wave") == wave.name for one in named)
            if not told and not is_deployed(rules, (wave.name, name), sha):
                what = f"{sha} ({name}) is not deployed in {wave.name}, and no line says why"
                demand(12, False, f"{what}: {[one['what'] for one in said]}")


def names_gates(rules: Rules, lines: Iterable[Mapping[str, Any]], now: datetime) -> None:
    """Of what waits for a wave, all that keeps it out there is named, and nothing else."""
    if not rules.is_seen:
        return  # what is known by old names is told by the new ones, and not written yet
    is_filed = not any(rules.requests[name]["kind"] != "announcement" for name in rules.inbox())
    for line in lines:
        kinds = {one["kind"] for one in line["obstacles"]}
        if line["at"] != "for" or "wave" not in line or not kinds <= _WAITS:
            continue
        gates = set(_gates(rules, line["wave"], line.get("set"), now))
        gates -= set() if is_filed else {"hold"}  # a release in the inbox ends it in the next turn
        what = f"{line['what']} for {line['wave']} waits for {sorted(kinds)}"
        demand(12, gates <= kinds, f"{what}, and {sorted(gates - kinds)} is not named")
        due = {"hold"} if any(one.get("by") == TIDEMILL for one in line["obstacles"]) else set()
        red = set(_red(rules, line))
        demand(12, red <= kinds | {"failed"}, f"{what}, and that it is red is not named")
        demand(12, not is_filed or kinds & _RED <= red, f"{what}, and it is not red")
        false = kinds & _GATES - gates - due  # what is due is placed by the next turn
        demand(12, not (is_filed and false), f"{what}, and {sorted(false)} is not so")


_GATES = frozenset({"hold", "freeze", "window"})
_RED = frozenset({"verification failed"})
_WAITS = (
    _GATES
    | _RED
    | {
        "soak",
        "soak stands still",
        "verification",
        "not deployed",
        "approval",
        "review",
    }
)


def _gates(rules: Rules, wave: str, set_name: str | None, now: datetime) -> Iterator[str]:
    """What keeps a set out of a wave now, as the settings and the holds have it."""
    holds, places = below(rules.server.refs, "holds"), (f"{wave}/_", f"{wave}/{set_name}")
    found = [record(rules.server, sha) for place, sha in holds.items() if place in places]
    if not all(is_over(one, now) for one in found):
        yield "hold"
    if any(one.holds(wave, now) for one in rules.scene.freezes):
        yield "freeze"
    window = rules.scene.wave(wave).window
    if window is not None and not window.is_open(now):
        yield "window"


def _red(rules: Rules, line: Mapping[str, Any]) -> Iterator[str]:
    """Whether what waits for a wave is red in one that this comes after."""
    for name in rules.scene.wave(line["wave"]).after:
        present = rules.standing.present((name, line["set"]), rules.server.refs[MAIN])
        if present and present.app_sha == line.get("app_sha") and present.refuted:
            yield from _RED


def newest_of(rules: Rules, set_name: str) -> tuple[str, str] | None:
    """The highest announcement of a set that was accepted and not refused, the latest of several:
    its id, and its SHA. One that a first wave refused counts where another one has had it; one
    from before the journal was lost counts where it waits, or main still has it."""
    standing, waiting = rules.standing, rules.inbox()
    landings = [one for wave in rules.scene.waves for one in standing.had(wave.name, set_name)]
    hads = {one.app_sha for one in landings}
    there = {one.app_sha for one in landings if one.commit not in standing.taken_back}
    known = [
        (one.get("generation", 1), one["position"], at, name, one["sha"])
        for at, (name, fact) in enumerate(rules.requests.items())
        if fact["kind"] == "announcement"
        and (one := fact["announcement"])
        and one["set"] == set_name
        and (rules.endings.ended.get(name) != "rejected" or one["sha"] in hads)
        and (name not in rules.forgotten or name in waiting or one["sha"] in there)
    ]
    return max(known)[3:] if known else None


def is_deployed(rules: Rules, place: tuple[str, str], sha: str) -> bool:
    """Whether a wave has a set of main, and all of its targets have taken it."""
    present = rules.standing.present(place, rules.server.refs[MAIN])
    is_here = present is not None and present.app_sha == sha
    return bool(is_here and rules.standing.deployed_at(present))  # type: ignore[arg-type]


def is_in_the_files(rules: Rules, waves: Iterable[WaveStatus]) -> None:
    """Every image of what is called deployed is in a file of a target of its wave."""
    if not rules.scene.has_paths:
        return
    tips = [rules.server.refs[MAIN], *rules.auto.chain(rules.server.refs.get(AUTO))]
    for wave in waves:
        for one in wave.sets:
            if one.state == "deployed":
                there = any(_names(rules, tip, wave.name, one.set) for tip in tips)
                what = f"{one.app_sha} ({one.set}) is called deployed in {wave.name}"
                demand(12, there, f"{what}, and no file names all of its images")


def _names(rules: Rules, commit: str, wave: str, set_name: str) -> bool:
    files = rules.server.commits[commit].files
    targets = rules.scene.wave(wave).targets
    said = b"\n".join(files.get(file_of(wave, target), b"") for target in targets).decode()
    digests = digests_of(files, rules.scene.rollout().folder(wave, set_name)).values()
    return all(digest in said for digest in digests)


def _on_auto(rules: Rules) -> Iterator[tuple[str | None, str | None]]:
    for sha in rules.auto.chain(rules.server.refs.get(AUTO)):
        told = trailers(rules.server.commits[sha].message)
        yield told.get("Image-Set"), told.get("App-SHA")


@lru_cache(maxsize=1_000)
def _parses(command: str) -> bool:
    program, *words = shlex.split(command.replace("--repo ''", "--repo https://x/y"))
    try:
        parse(words)
    except CommandLineWrong:
        return False
    return program == "tidemill"
