"""The small worlds that are explored to the end, each with a few who act at the same time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.simulation import machines
from tests.simulation.announcing import announcement
from tests.simulation.explorer import Command, Deed, SmallWorld
from tests.simulation.scene import Scene, Wave
from tests.simulation.sources import NATURES, Nature
from tests.simulation.trouble import commit_to_auto
from tests.simulation.world import ACCEPTED, AUTO, World

WAVES = tuple(
    Wave(
        name=name,
        after=after,
        targets=(f"{name}-0",),
        admit="when deployed",
        settle=15,
        soak=0,
        window=None,
        approval=False,
        on_failure="wait",
    )
    for name, after in (("staging", ()), ("prod", ("staging",)))
)
SCENE = Scene(
    waves=WAVES,
    services={"app": ("app0",)},
    uses={wave.name: dict.fromkeys(wave.targets) for wave in WAVES},
    required=("check",),
    test="head",
    retries=0,
    timeout=60,
    has_paths=True,
    has_entries=False,
)


def turn(_: World) -> Command:
    return "turn", {}


def push(world: World) -> None:
    """A person pushes what has nothing to do with images."""
    world.edit("the README", {**world.files, "README.md": f"{world.next()}\n".encode()})


def forget(world: World) -> None:
    """A person changes the sources, and does not generate."""
    world.edit_rollout("sources alone", generate=False, notes={"staging-0": "new"})


def announce(number: int) -> Deed:
    """The announcement of that number, out of those that were made before."""

    def deed(world: World) -> Command:
        return "announce", {"announcement": json.dumps(world.apps["app"][number])}

    return deed


def announce_other_images(world: World) -> Command:
    """The first announcement again, with an image that it had not."""
    told = json.loads(json.dumps(world.apps["app"][0]))
    for image in told["images"].values():
        image["Digest"] = f"{image['Digest'].partition(':')[0]}:{'a' * 62}0f"
    return "announce", {"announcement": json.dumps(told)}


def drop(world: World) -> Command:
    told = world.apps["app"][0]
    return "drop", {"request": f"announcement-app-{told['position']}-{told['sha'][:12]}"}


def verdict(state: str) -> Deed:
    """A runner says that of what is on auto, or of main where nothing is."""

    def deed(world: World) -> Command:
        sha = world.server.refs.get(AUTO) or world.main
        run = f"r-{state}-{sha}"
        return "check", {"sha": sha, "context": "check", "state": state, "run": run}

    return deed


def report(wave: str, phase: str = "Succeeded", health: str = "Healthy") -> Deed:
    """The only target of a wave reports how it is, with what main has for it."""

    def deed(world: World) -> Command:
        place = wave, f"{wave}-0"
        world.synced[place] = world.main
        return "report", machines.report_of(world, *place, phase, health)

    return deed


def ask(command: str, wave: str, **given: Any) -> Deed:
    """A person asks for something in a wave."""
    arguments: Mapping[str, Any] = {"wave": wave, "set_name": "app", **given}
    return lambda _: (command, arguments)


def retry(world: World) -> Command:
    return "retry", {"sha": world.apps["app"][0]["sha"]}


def _build(world: World, nature: Nature = "well") -> None:
    """app.git builds a set, which nobody has announced yet."""
    world.natures = tuple(int(one == nature) for one in NATURES)
    announcement(world, kind="fresh", set_name="app")


def _do(world: World, deed: Deed, *, turns: bool = True) -> None:
    """Something that has happened before; without a turn, if it only was accepted."""
    command = deed(world)
    if command is not None:
        world.do(command[0], die_at=None if turns else ACCEPTED, **command[1])


def two_builds(world: World) -> None:
    _build(world)
    _build(world)


def one_on_auto(world: World, nature: Nature = "well") -> None:
    """The first of two builds is under test."""
    _build(world, nature)
    _build(world)
    _do(world, announce(0))
    assert AUTO in world.server.refs, world.story


def one_green(world: World) -> None:
    """The first of two builds was tested, and no turn has been there since."""
    one_on_auto(world)
    _do(world, verdict("success"), turns=False)


def one_red(world: World) -> None:
    """The first of two builds is red, on a main that is green, and no turn has been there since."""
    one_on_auto(world, "red")
    green = {"sha": world.main, "context": "check", "state": "success", "run": "r-main"}
    world.do("check", die_at=ACCEPTED, **green)
    _do(world, verdict("failure"), turns=False)


def one_landed(world: World) -> None:
    """The first of two builds is in staging, and its target has not reported."""
    one_on_auto(world)
    _do(world, verdict("success"))
    _do(world, turn)
    assert world.rules.standing.had("staging", "app"), world.story


def one_deployed(world: World) -> None:
    """The first of two builds runs in staging, and is under test for prod."""
    one_landed(world)
    _do(world, report("staging"))
    assert world.server.refs[AUTO] != world.main, world.story


def two_everywhere(world: World) -> None:
    """Both builds have gone through both waves, one after the other."""
    _build(world)
    _build(world)
    for number in (0, 1):
        _do(world, announce(number))
        for wave in ("staging", "prod"):
            _do(world, verdict("success"))
            _do(world, turn)
            _do(world, report(wave))
    for wave in ("staging", "prod"):
        assert len(world.rules.standing.had(wave, "app")) == 2, world.story


def one_held(world: World) -> None:
    """The first of two builds runs in staging, and prod is held."""
    one_landed(world)
    _do(world, ask("hold", "prod", reason="a freeze"))
    _do(world, report("staging"))


HOLD = ask("hold", "staging", reason="a freeze")
HOLD_PROD = ask("hold", "prod", reason="a freeze")
SMALL_WORLDS = (
    SmallWorld(
        "two announcements meet a turn",
        SCENE,
        two_builds,
        ((announce(0),), (announce(1),), (turn,)),
    ),
    SmallWorld(
        "one announcement comes twice",
        SCENE,
        two_builds,
        ((announce(0),), (announce(0),), (push,)),
    ),
    SmallWorld(
        "an announcement comes with other images than before",
        SCENE,
        two_builds,
        ((announce(0),), (announce_other_images,), (push,)),
    ),
    SmallWorld(
        "an announcement comes again while it is dropped",
        SCENE,
        two_builds,
        ((announce(0), announce(0)), (drop,)),
    ),
    SmallWorld(
        "a green commit lands while people push to main",
        SCENE,
        one_green,
        ((turn,), (turn,), (push, push)),
    ),
    SmallWorld(
        "a green commit lands while people forget to generate, and the next set comes",
        SCENE,
        one_green,
        ((turn,), (announce(1),), (forget,)),
    ),
    SmallWorld(
        "a green commit lands while its wave is held", SCENE, one_green, ((turn,), (HOLD,), (push,))
    ),
    SmallWorld(
        "the same hold is asked for twice in one second",
        SCENE,
        one_on_auto,
        ((HOLD,), (HOLD,), (push,)),
    ),
    SmallWorld(
        "a red commit is evicted while it is asked for again",
        SCENE,
        one_red,
        ((turn,), (turn, retry), (push,)),
    ),
    SmallWorld(
        "a red commit is evicted while a newer set comes",
        SCENE,
        one_red,
        ((turn,), (announce(1),), (verdict("success"),)),
    ),
    SmallWorld(
        "two runs of a check disagree",
        SCENE,
        one_on_auto,
        ((verdict("success"),), (verdict("failure"),), (turn,)),
    ),
    SmallWorld(
        "a person pushes to auto while a set is put there",
        SCENE,
        two_builds,
        ((turn,), (announce(0),), (commit_to_auto,)),
    ),
    SmallWorld(
        "a target reports that it is well, and that it is ill",
        SCENE,
        one_landed,
        ((report("staging"),), (report("staging", "Failed", "Degraded"),)),
    ),
    SmallWorld(
        "a report makes a promotion due while the next wave is held",
        SCENE,
        one_landed,
        ((report("staging"),), (HOLD_PROD,), (push,)),
    ),
    SmallWorld(
        "a hold is released while it is placed again",
        SCENE,
        one_held,
        ((ask("release", "prod", reason="go on"),), (HOLD_PROD,), (turn,)),
    ),
    SmallWorld(
        "a wave is rolled back while a promotion into it lands",
        SCENE,
        two_everywhere,
        ((ask("roll back", "prod", to=None, reason="errors"),), (report("prod"),), (push,)),
    ),
    SmallWorld(
        "a promotion is asked for by hand while a report makes it due",
        SCENE,
        one_landed,
        ((report("staging"),), (ask("promote", "prod", sha=None, override="now"),), (push,)),
    ),
    SmallWorld(
        "a green commit lands while the next set comes, and people push to main",
        SCENE,
        one_green,
        ((turn,), (turn,), (announce(1),), (push,)),
    ),
)
