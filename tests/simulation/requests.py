"""Steps of people: what they ask of the mill."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from tests.simulation.announcing import built_elsewhere
from tests.simulation.facts import below, trailers
from tests.simulation.forms import ENVIRONMENT, REVIEWER
from tests.simulation.scene import minutes
from tests.simulation.world import World
from tidemill.facts.vouchers import Review

_BERLIN = ZoneInfo("Europe/Berlin")


def hold(world: World) -> None:
    """A person holds a wave, or all of them, until they release it or until a time."""
    until = (world.now + minutes(world.rng.choice((5, 45, 300)))).astimezone(_BERLIN)
    ends = until.isoformat() if world.rng.random() < 0.4 else None
    is_all = world.rng.random() < 0.2
    world.do(
        "hold",
        wave=None if is_all else _wave(world),
        all_waves=is_all,
        set_name=_set_or_all(world),
        reason="a freeze",
        until=ends,
    )


def release(world: World) -> None:
    """A person releases a wave."""
    held = sorted(below(world.server.refs, "holds"))
    wave = world.rng.choice(held).partition("/")[0] if held else _wave(world)
    if world.rng.random() < 0.1:
        ask(world, "release", wave=None, all_waves=True, reason="go on")
    else:
        ask(world, "release", wave=wave, set_name=_set_or_all(world), reason="go on")


def roll_back(world: World) -> None:
    """A person rolls a wave back: to what was healthy there, or to any set that it has had."""
    wave, name = _place(world)
    known = [one.app_sha for one in world.rules.standing.had(wave, name) if one.app_sha]
    to = world.rng.choice(known[:-1]) if len(known) > 1 and world.rng.random() < 0.6 else None
    ask(world, "roll back", wave=wave, set_name=name, to=to, reason="errors")


def hotfix(world: World) -> None:
    """A person puts a set of a release branch into a wave, with any position."""
    name, rng = _set(world), world.rng
    told = built_elsewhere(world, name, rng.randint(1, 40))
    ask(world, "promote", wave=_wave(world), announcement=told, override="it is down")


def promote(world: World) -> None:
    """A person asks for a set in a wave: the newest that is deployed before it, or any."""
    rng = world.rng
    later = [wave.name for wave in world.scene.waves if wave.after] or [_wave(world)]
    wave, (_, name) = rng.choice(later), _place(world)
    waves = [other.name for other in world.scene.waves]
    hads = [one for other in waves for one in world.rules.standing.had(other, name)]
    sha = rng.choice(hads).app_sha if hads and rng.random() < 0.5 else None
    override = "it is urgent" if rng.random() < 0.4 else None
    ask(world, "promote", wave=wave, set_name=name, sha=sha, override=override)


def ask(world: World, command: str, **arguments: Any) -> None:
    """Somebody asks: at their terminal, or by the form on GitHub, where a proof may be needed."""
    waves = {one.name: one for one in world.scene.waves}
    wave = waves.get(arguments["wave"] or "")
    is_form = wave.environment if wave else any(one.environment for one in waves.values())
    if is_form or (wave and wave.approvers and world.rng.random() < 0.5):
        world.by_form(command, **arguments)
    else:
        world.do(command, **arguments)


def run_again(world: World) -> None:
    """Somebody runs an old run of the form again."""
    if world.server.runs:
        run = world.rng.choice(list(world.server.runs.values()))
        run.actors.append(world.rng.choice(("ada", "mallory", REVIEWER)))
        world.in_run(run)


def review(world: World) -> None:
    """A reviewer looks at what waits for one, or at something that another workflow has asked."""
    waiting = [run for run in world.server.runs.values() if not run.reviews]
    if not waiting:
        return
    rng = world.rng
    run, name = rng.choice(waiting[-3:]), rng.choice((*[ENVIRONMENT] * 4, "elsewhere"))
    run.reviews.append(Review(name, REVIEWER, is_approved=rng.random() < 0.75))
    world.tell(f"{REVIEWER} has reviewed run {run.id}: {run.reviews[-1]}")
    world.do("turn")


def impostor(world: World) -> None:
    """Somebody who may write, and is no approver, asks for what only approvers may."""
    world.server.sits = "mallory"
    world.rng.choice((promote, roll_back, release, hotfix, retry))(world)
    world.server.sits = "ada"


def drop(world: World) -> None:
    """A person drops something that waits."""
    waiting = sorted(world.rules.inbox())
    if waiting:
        world.do("drop", request=world.rng.choice(waiting))


def retry(world: World) -> None:
    """A person lets something try again."""
    made = [one["sha"] for mine in world.apps.values() for one in mine]
    kept = list(below(world.server.refs, "evicted").values())
    gone = [_app_sha(world, sha) for sha in kept]
    if gone and made:
        world.do("retry", sha=world.rng.choice(gone) or made[0])


def _app_sha(world: World, sha: str) -> str | None:
    return trailers(world.server.commits[sha].message).get("App-SHA")


def _place(world: World) -> tuple[str, str]:
    """A wave and a set: if there are any, of those where there is something to go back from."""
    landings = world.rules.standing.landings
    names = {wave.name for wave in world.scene.waves}
    rich = sorted(place for place, had in landings.items() if len(had) > 1 and place[0] in names)
    return world.rng.choice(rich) if rich else (_wave(world), _set(world))


def _wave(world: World) -> str:
    return world.rng.choice(world.scene.waves).name


def _set(world: World) -> str:
    return world.rng.choice(world.scene.sets)


def _set_or_all(world: World) -> str | None:
    return None if world.rng.random() < 0.3 else _set(world)
