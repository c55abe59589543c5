"""The rule of verifications, at each push: red is a failure, once; green lets a set go on; what is
lost does neither.

What a verification had answered is told with each push. Who heard something that changes anything
writes it, so the account of the pushes is whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from tests.simulation.facts import JOURNAL, MAIN, RULE_OF_VERIFICATIONS, change_of, demand, record
from tests.simulation.memory import Push
from tests.simulation.metrics import Key
from tests.simulation.scene import minutes
from tests.simulation.standing import NOTHING, Landing, Standing
from tidemill.facts.ledger import KEPT_SETS
from tidemill.words.shas import short

RULE = RULE_OF_VERIFICATIONS


def judge(standing: Standing, push: Push, now: datetime) -> None:
    """Take what was heard into account; red is told when it begins, and only then."""
    change = change_of(push, JOURNAL)
    if change is None:
        return
    entries = record(standing.server, change[1]).get("entries", ())
    told = list(_told(entries))
    begun = []
    for key, verdict in push.heard.items():
        wave, set_name, name = key
        landing = standing.present((wave, set_name), push.seen.shas[MAIN])
        is_there = landing is not None and landing.files != NOTHING
        demand(RULE, is_there, f"{name} is asked about {set_name} in {wave}, which has none")
        assert landing is not None
        if verdict == "red" and not standing.is_red(key):
            begun.append(key)
        standing.hear(key, landing, verdict, now)
    demand(RULE, sorted(told) == sorted(begun), f"red begins in {begun}, and is told of {told}")
    _what_was_well_stays(standing, entries)


def _what_was_well_stays(standing: Standing, entries: Any) -> None:
    """What was verified to the end is held where it fails, and not rolled back by itself."""
    for one in entries:
        why = one.get("reason", "")  # a rollback begins with its hold, and may take its time
        is_ours = one["what"] == "held" and "failed on the verification" in why
        if is_ours and "not rolled back by itself" not in why:
            left = (one["wave"], one["set"], why.split()[0])
            fine = left not in standing.called_well or _is_long_ago(standing, left)
            demand(RULE, fine, f"{left} is rolled back, and had been verified to the end")
    for one in entries:
        is_well = one["what"] == "verified" and one["reason"] == "its verifications are green"
        if is_well and "app_sha" in one:
            standing.called_well.add((one["wave"], one["set"], short(one["app_sha"])))


def _is_long_ago(standing: Standing, left: tuple[str, str, str]) -> bool:
    """Whether a turn may know no earlier stay of a set any more."""
    stays = standing.landings.get(left[:2], [])
    known = [one for one in stays[-KEPT_SETS:] if one.app_sha and short(one.app_sha) == left[2]]
    return len(stays) > KEPT_SETS and len(known) < 2


def _told(entries: Any) -> Iterator[Key]:
    for one in entries:
        if one["what"] == "refuted":
            yield one["wave"], one["set"], one["reason"].split()[2]


def goes_on(source: str, hads: list[Landing], app_sha: str | None, where: str) -> None:
    """A set that is red in a wave goes nowhere, though it was well in an earlier stay there."""
    fit = [one for one in hads if not one.refuted]
    mine = [one for one in hads if one.app_sha == app_sha]
    fine = fit and not (mine and mine[-1].refuted)
    demand(RULE, fine, f"{where}: it is red in {source}")


def was_verified(
    standing: Standing, source: str, hads: list[Landing], soak: int, where: str
) -> None:
    """A set is promoted once each verification was green after it had soaked. Where main has moved
    away and back, no turn may have seen that: then it is the same stay."""
    commits, places = {one.commit for one in hads}, {(one.wave, one.set) for one in hads}
    stays = [one for place in places for one in standing.landings.get(place, ())]
    hads = [*hads, *(one for one in stays if one.commit in commits)]
    for name in standing.scene.verifications:
        green = any(_was_green(standing, one, name, soak) for one in hads)
        demand(RULE, green, f"{where}: {name} was not green in {source} after its soak")


def _was_green(standing: Standing, one: Landing, name: str, soak: int) -> bool:
    since = standing.begins(one)
    times = standing.greens.get((one.wave, one.set, name), ())
    return since is not None and any(
        at >= since and standing.soaked(one, at) >= minutes(soak) for at in times
    )
