"""Bursts, lost and doubled events, a moody API and dying runners, on the real gitops.yml.

What is asserted is looked up in Git: which refs were there, what main was moved to, and how the
journal says that each request ended.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.clients.places import eventually
from tests.sandbox.loop_world import MAIN, Loop, announced, loop

from tidemill_sandbox.state.limits import Fault

SETS = ("app", "batch", "site")
POSITIONS, TWICE = 6, 3
SEED = 20


def is_broken(position: int) -> bool:
    """Whether nobody should land it: of each set one in the middle, and the newest."""
    return position % 4 == 2


def burst(chance: random.Random) -> list[dict[str, Any]]:
    """Announcements: of three sets, out of order, some sent twice, some that nobody wants."""
    found = []
    for name in SETS:
        for position in range(1, POSITIONS + 1):
            found.append(announced(name, position, broken=is_broken(position)))
    found += [
        announced("app", 90, version=2),
        announced("nobody", 1),
        announced("batch", 91, repository="evil/app"),
        announced("site", 92, sha="not a SHA"),
        {**announced("site", 93), "images": {}},
    ]
    # Whoever builds for longer announces later.
    found.sort(key=lambda one: int(one["position"]) + chance.uniform(-4, 4))
    found += chance.sample(found, TWICE)
    return found


def test_a_burst_of_announcements_ends_as_it_must(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    with loop(tmp_path, sets=SETS, timeout="20s") as shop:
        shop.starter.faults.set({"seed": SEED, "faults": [
            {"event": "repository_dispatch", "action": "images-announced",
             "drop": 0.1, "double": 0.15, "delay": 0.1, "seconds": 2.0},
            {"event": "repository_dispatch", "action": "turn-due", "drop": 0.3},
        ]})  # fmt: skip
        sent = burst(chance)
        for payload in sent:
            shop.announce(payload)
        shop.hub.limits.faults += [
            Fault("secondary", times=6, path="statuses|check-runs"),
            Fault("error", times=8, path="statuses|check-runs|dispatches", status=502),
            Fault("error", times=2, path="receive-pack|upload-pack", status=502, of="git"),
            Fault("drop", times=2, path="receive-pack", of="git", after=True),
            Fault("primary", times=2, path="check-runs", seconds=3600),
        ]
        shop.rest()
        assert not shop.hub.limits.faults
        shop.assert_the_rules_hold()
        wanted = {name: max(good(shop, name)) for name in SETS}
        assert {name: shop.position("lab", name) for name in SETS} == wanted
        wanted_ids = set()
        delivered = [run for run in shop.hub.runs if run.title == "images-announced"]
        assert len(delivered) > len(sent) // 2
        for run in delivered:
            assert run.trigger is not None
            payload = run.trigger.parts["client_payload"]
            if payload["position"] < 90 and payload["set"] in SETS:
                wanted_ids.add(identity(payload))
        accepted = {one for one in shop.accepted() if one.startswith("announcement-")}
        assert accepted == wanted_ids


@pytest.mark.parametrize("check", ["same-job", "own-job"])
def test_runs_that_die_after_what_they_did_leave_nothing_to_repair(
    tmp_path: Path, check: str
) -> None:
    """Only where checks have a job of their own does one run ask for the next."""
    asks = ["/dispatches"] if check == "own-job" else []
    with loop(tmp_path, sets=("app", "batch"), timeout="8s", check=check) as shop:
        for number, ref in enumerate(("refs/tidemill/inbox/", "refs/heads/auto", MAIN), 1):
            die_after_push(shop, ref, announcing(shop, number))
        for number, path in enumerate(["/statuses/", *asks], 4):
            begin = announcing(shop, number) if path == "/statuses/" else partial(two_broken, shop)
            die_after_call(shop, path, begin)
        shop.announce(announced("app", 9))
        shop.rest()
        shop.assert_the_rules_hold()
        endings = {one.split("-")[1] + one.split("-")[2]: how for one, (how,) in
                   shop.endings().items()}  # fmt: skip
        assert endings == {
            **dict.fromkeys(("app1", "app2", "app3", "app4", "app9"), "landed"),
            **dict.fromkeys(("app6", "batch6") if asks else (), "evicted"),
        }


def announcing(shop: Loop, position: int) -> Callable[[], None]:
    return partial(shop.announce, announced("app", position))


def die_after_push(shop: Loop, ref: str, begin: Callable[[], None]) -> None:
    """The next push of such a ref is written and not answered, and its run dies."""
    with held(shop, ref):
        begin()
        assert eventually((shop.bare / "held").exists)
        kill_all(shop)
    shop.rest()


def die_after_call(shop: Loop, path: str, begin: Callable[[], None]) -> None:
    """The next call to write there is carried out and not answered, and its run dies."""
    fault = Fault("drop", path=path, method="POST", after=True)
    begin()
    shop.hub.limits.faults.append(fault)
    assert eventually(lambda: fault.times == 0)
    kill_all(shop)
    shop.rest()


def two_broken(shop: Loop) -> None:
    """Two sets that nobody should land come in one turn, so one check does not settle it."""
    with held(shop, "refs/tidemill/inbox/"):
        shop.announce(announced("app", 6, broken=True))
        assert eventually((shop.bare / "held").exists)
        shop.announce(announced("batch", 6, broken=True))
        shop.hub.settle()
        assert eventually(lambda: len(shop.refs("refs/tidemill/inbox/")) != 1)


@contextmanager
def held(shop: Loop, ref: str) -> Iterator[None]:
    """The answer to the next push of such a ref is held back until the end of the block."""
    (shop.bare / "hold").write_text(ref)
    try:
        yield
    finally:
        (shop.bare / "held").unlink(missing_ok=True)


def kill_all(shop: Loop) -> None:
    going = [run for run in shop.hub.runs if run.status == "in_progress"]
    for run in going:
        shop.hub.control["kill"]({"run": run.id})
    assert eventually(lambda: all(run.status == "completed" for run in going))
    assert "failure" in {run.conclusion for run in going}, "it came too late to kill"


def identity(payload: dict[str, Any]) -> str:
    return f"announcement-{payload['set']}-{payload['position']}-{payload['sha'][:12]}"


def good(shop: Loop, name: str) -> list[int]:
    """The positions of a set that were accepted, and whose check is green."""
    mine = f"announcement-{name}-"
    found = [int(one.removeprefix(mine).partition("-")[0])
             for one in shop.accepted() if one.startswith(mine)]  # fmt: skip
    return [position for position in found if not is_broken(position)]
