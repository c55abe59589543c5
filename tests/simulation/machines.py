"""Steps of machines: what checks say, what targets do and report."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from tests.simulation.announcing import announcement
from tests.simulation.facts import trailers
from tests.simulation.metrics import MOODS
from tests.simulation.sources import digests_of, file_of, is_green, is_sick
from tests.simulation.world import ACCEPTED, AUTO, World


def check(world: World) -> None:
    """A runner takes up one of the checks that were asked for, or any other."""
    rng = world.rng
    asked = list(world.wanted) or [world.server.refs.get(AUTO) or world.main]
    others = sorted({*world.rules.auto.made, world.main})
    sha = rng.choice(others if rng.random() < 0.1 else asked)
    for context in world.scene.contexts:
        run = f"r{world.next()}"
        if rng.random() < 0.1:
            world.do("check", sha=sha, context=context, state="pending", run=run)
            if rng.random() < 0.5:
                continue
        state = _verdict(world, sha)
        for _ in range(rng.choice((1, 1, 1, 2))):
            world.do("check", sha=sha, context=context, state=state, run=run)


def answer(world: World) -> Mapping[str, Any]:
    """One answer of one check."""
    sha = world.rng.choice(list(world.wanted) or [world.main])
    context = world.rng.choice(world.scene.contexts)
    state = _verdict(world, sha)
    return {"sha": sha, "context": context, "state": state, "run": f"r{world.next()}"}


def check_all(world: World) -> None:
    """All checks that were asked for answer, and truly."""
    for sha in world.wanted:
        for context in world.scene.contexts:
            state = "success" if is_fit(world, sha) else "failure"
            world.do("check", sha=sha, context=context, state=state, run=f"r{world.next()}")


def run_well(world: World) -> None:
    """Checks answer, and targets deploy, until nothing is asked for any more."""
    for _ in range(world.rng.randint(1, 6)):
        check_all(world)
        world.do("turn")
        sync_and_report(world)
        if not world.wanted:
            world.later(world.rng.choice((1, 15, 65)))


def _verdict(world: World, sha: str) -> str:
    """What a run says: mostly the truth."""
    if world.rng.random() < world.flaky:
        return world.rng.choice(("success", "failure", "cancelled"))
    return "success" if is_fit(world, sha) else "failure"


def is_fit(world: World, sha: str) -> bool:
    """What the check truly says of a commit, for which it looks at its parent, too."""
    commit = world.server.commits[sha]
    before = world.server.commits[commit.parent].files if commit.parent else None
    return is_green(commit.files, before)


def sync(world: World) -> None:
    """Some targets take what main has for them; what they report is under way."""
    for wave, target in world.targets():
        if world.rng.random() < world.lazy or not has_changed(world, wave, target):
            continue
        world.synced[wave, target] = world.main
        if world.rng.random() < 0.2:
            world.outbox.append(report_of(world, wave, target, "Running", "Progressing"))
            world.later(1)
        world.outbox.append(report_of(world, wave, target))


def sync_and_report(world: World) -> None:
    """All targets take what main has for them, and say so; only the last one turns the mill."""
    late = [place for place in world.targets() if has_changed(world, *place)]
    for place in late:
        world.synced[place] = world.main
        is_last = place is late[-1] or world.rng.random() < 0.3
        stop = None if is_last else ACCEPTED
        world.do("report", die_at=stop, **report_of(world, *place))


def deliver(world: World) -> None:
    """Some reports arrive: in order or not, twice, or never."""
    rng = world.rng
    for _ in range(rng.randint(1, 4)):
        if not world.outbox:
            return
        report = world.outbox.pop(0 if rng.random() < 0.8 else rng.randrange(len(world.outbox)))
        if rng.random() < 0.1:
            continue
        for _ in range(rng.choice((1, 1, 1, 2))):
            world.do("report", **report)


def waver(world: World) -> None:
    """A target falls ill, or recovers, without anyone's doing."""
    wave, target = world.rng.choice(world.targets())
    if (wave, target) in world.synced:
        phase = world.rng.choice(("Succeeded", "Succeeded", "Failed", "Error"))
        health = world.rng.choice(("Healthy", "Healthy", "Degraded", "Missing"))
        world.do("report", **report_of(world, wave, target, phase, health))


def flap(world: World) -> None:
    """What verifications ask changes in some wave: better, worse, or nobody can say."""
    if world.scene.verifications:
        wave = world.rng.choice(world.scene.waves).name
        name = world.rng.choice(world.scene.verifications)
        mood = world.rng.choice(("green", "green", "red", "red", *MOODS))
        world.server.metrics.moods[wave, name] = mood
        world.tell(f"{name} in {wave} is {mood}")


def spoil_on_its_way(world: World) -> None:
    """Sets fail where they are while they are on their way to the next wave: verifications turn
    red, or targets fall ill. Whether a turn hears of it before the check answers is left to chance.
    """
    world.server.metrics.moods.clear()
    world.do("announce", announcement=announcement(world, kind="fresh"))
    for _ in range(6):
        if sources := _sources_on_auto(world):
            break
        check_all(world)
        world.do("turn")
        sync_and_report(world)
        world.later(30)
    else:
        return
    if world.scene.verifications and world.rng.random() < 0.5:
        for wave in sources:
            for name in world.scene.verifications:
                world.server.metrics.moods[wave, name] = "red"
        world.tell(f"All verifications in {', '.join(sources)} are red.")
    else:
        for place in [one for one in world.targets() if one[0] in sources and one in world.synced]:
            report = report_of(world, *place, health="Degraded")
            world.do("report", die_at=ACCEPTED, **report)
    if world.rng.random() < 0.5:
        world.do("turn")
    check_all(world)
    world.do("turn")


def _sources_on_auto(world: World) -> list[str]:
    """The waves from which something on auto is promoted."""
    chain = world.rules.auto.chain(world.server.refs.get(AUTO))
    told = [trailers(world.server.commits[sha].message) for sha in chain]
    found = {one["Promoted-From"].partition("@")[0] for one in told if "Promoted-From" in one}
    return [wave.name for wave in world.scene.waves if wave.name in found]


def hurry(world: World) -> None:
    """A target whose clock is far ahead reports how it is."""
    wave, target = world.rng.choice(world.targets())
    if (wave, target) in world.synced:
        report = report_of(world, wave, target)
        ahead = world.now + timedelta(hours=20)
        world.do("report", **{**report, "finished_at": ahead.isoformat()})


def has_changed(world: World, wave: str, target: str) -> bool:
    """Whether main has something for a target that it has not synced.

    Where the settings do not say what a target renders from, each of them follows all of main.
    """
    synced = world.synced.get((wave, target))
    path = file_of(wave, target)
    if synced is None or not world.scene.has_paths:
        return synced != world.main
    return world.server.commits[synced].files.get(path) != world.files.get(path)


def report_of(
    world: World, wave: str, target: str, phase: str = "Succeeded", health: str | None = None
) -> Mapping[str, Any]:
    """What a target reports of the revision that it has synced."""
    revision = world.synced[wave, target]
    files = world.server.commits[revision].files
    sick = is_sick(files, wave, target) or (wave, target) in world.ill
    images: list[str] = []
    if world.rng.random() < 0.2:
        used = world.scene.uses[wave][target]
        for name in world.scene.sets:
            found = digests_of(files, world.rollout.folder(wave, name)).items()
            images += [digest for service, digest in found if used is None or service in used]
    return {
        "wave": wave,
        "target": target,
        "revision": [revision],
        "phase": phase,
        "health": health or ("Degraded" if sick else "Healthy"),
        "finished_at": world.now.isoformat(),
        "image": images,
    }
