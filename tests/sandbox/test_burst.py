"""Bursts, lost and doubled events, a moody API and dying runners, on the real gitops.yml.

What is asserted is looked up in Git: which refs were there, what main was moved to, and how the
journal says that each request ended.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.sandbox.loop_world import MAIN, Loop, announced, loop
from tests.sandbox.runner_world import NAME

from tidemill.sandbox.limits import Fault
from tidemill.sandbox.shapes import Run

SETS = ("app", "batch", "site")
SEED = 20
JOURNAL = "refs/tidemill/journal"


def burst(chance: random.Random) -> list[dict[str, Any]]:
    """80 announcements: of three sets, out of order, some sent twice, some that nobody wants."""
    found = []
    for name in SETS:
        for position in range(1, 22):
            found.append(announced(name, position, broken=position % 7 == 3))
    found += [
        announced("app", 90, version=2),
        announced("nobody", 1),
        announced("batch", 91, repository="evil/app"),
        announced("site", 92, sha="not a SHA"),
        {**announced("site", 93), "images": {}},
    ]
    # Whoever builds for longer announces later: near its place, and not at it.
    found = [one for _, one in sorted(
        (one["position"] + chance.uniform(-4, 4), one) for one in found
    )] if False else sorted(found, key=lambda one: one["position"] + chance.uniform(-4, 4))
    found += chance.sample(found, 80 - len(found))
    return found


def test_a_burst_of_80_announcements_ends_as_it_must(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    with loop(tmp_path, sets=SETS, timeout="20s", most=3) as shop:
        shop.starter.faults.set({"seed": SEED, "faults": [
            {"event": "repository_dispatch", "action": "images-announced",
             "drop": 0.1, "double": 0.15, "delay": 0.1, "seconds": 2.0},
            {"event": "repository_dispatch", "action": "turn-due", "drop": 0.3},
            {"event": "repository_dispatch", "action": "target-deployed", "double": 0.3},
        ]})  # fmt: skip
        for payload in burst(chance):
            shop.announce(payload)
        shop.hub.limits.faults += [
            Fault("secondary", times=6, path="statuses|check-runs"),
            Fault("error", times=8, path="statuses|check-runs|dispatches", status=502),
            Fault("error", times=4, path="receive-pack|upload-pack", status=502, of="git"),
            Fault("drop", times=2, path="receive-pack", of="git", after=True),
            Fault("primary", times=2, path="check-runs", seconds=3600),
        ]
        shop.rest(120)
        assert not shop.hub.limits.faults
        shop.assert_the_rules_hold()
        wanted = {name: max(good(shop, name)) for name in SETS}
        for wave in ("lab", "shop"):
            assert {name: shop.position(wave, name) for name in SETS} == wanted
        delivered = [run.trigger.parts["client_payload"] for run in shop.hub.runs
                     if run.title == "images-announced" and run.trigger]  # fmt: skip
        assert 50 < len(delivered) < 90
        ids = {identity(one) for one in delivered if one["position"] < 90 and one["set"] in SETS}
        assert ids == {one for one in shop.accepted() if one.startswith("announcement-")}


def identity(payload: dict[str, Any]) -> str:
    return f"announcement-{payload['set']}-{payload['position']}-{payload['sha'][:12]}"


def good(shop: Loop, name: str) -> list[int]:
    """The positions of a set that were accepted, and whose check is green."""
    mine = f"announcement-{name}-"
    found = [int(one.removeprefix(mine).partition("-")[0])
             for one in shop.accepted() if one.startswith(mine)]  # fmt: skip
    return [position for position in found if position % 7 != 3]
