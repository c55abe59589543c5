"""Days in which commits come faster than waves can take them: every wave keeps advancing.

Through the commands, over the Git in memory of the simulation: real Git would take an hour.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.simulation.actors import Deed, do, stage
from tests.simulation.memory import Commit, Server
from tests.simulation.sources import ROLLOUT, Image, Rollout, generated
from tests.world import START, sha_of

MAIN = "refs/heads/main"
CHAIN = {"lab": ("l1", "l2"), "qa": ("q1",), "shop": ("s1", "s2", "s3")}
DIAMOND = {"lab": ("l1", "l2"), "east": ("e1",), "west": ("w1", "w2"), "shop": ("s1",)}
ROOTS = {"lab": ("l1", "l2"), "mac": ("m1",), "shop": ("s1",)}
Span = tuple[int, int]


@pytest.fixture(autouse=True)
def _stage() -> Iterator[None]:
    with stage():
        yield


@dataclass
class Days:
    """A rollout in which a commit of app.git comes every so many minutes.

    Attributes:
        takes: from how many to how many minutes a wave's targets need to sync what main has.
        checking: how many minutes a check takes.
        sick: positions that make the targets of the first wave ill.
        had: for each wave when it got which position.
    """

    options: Mapping[str, Any]
    takes: Mapping[str, Span]
    names: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: CHAIN)
    checking: int = 3
    every: int = 1
    sick: frozenset[int] = frozenset()
    now: datetime = START
    server: Server = field(default_factory=Server)
    had: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    announced: int = 0
    rng: random.Random = field(default_factory=lambda: random.Random(1))
    due: dict[int, list[tuple[str, dict[str, Any]]]] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)
    waiting: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        uses = {wave: dict.fromkeys(targets) for wave, targets in self.names.items()}
        rollout = Rollout(("app",), "images/{wave}", uses)
        files = generated({"tidemill.toml": self._settings(), ROLLOUT: rollout.render()})
        assert not isinstance(files, str)
        self.server.refs[MAIN] = self.server.put(Commit(files, None, "first", START, "ada"))

    def _settings(self) -> bytes:
        lines = ["[checks]", 'source = "refs"', "retries = 0", "[images]"]
        lines += ['path = "images/{wave}"', "[entrypoints]", 'generate = "generate"']
        lines += ["[deployments]", 'path = "generated/{wave}/{target}"']
        for name, targets in self.names.items():
            lines += ["[[waves]]", f'name = "{name}"', f"targets = {json.dumps(targets)}"]
            lines += [f"{key} = {json.dumps(value)}" for key, value in self.options[name].items()]
        return ("\n".join(lines) + "\n").encode()

    def live(self, minutes: int) -> None:
        """Let so many minutes pass, and everyone do what they do."""
        for minute in range(minutes):
            at = int((self.now - START).total_seconds()) // 60
            for command, arguments in self.due.pop(at, ()):
                self._do(command, arguments)
            if minute % self.every == 0:
                self.announced += 1
                self._do("announce", {"announcement": self._announcement(self.announced)})
            elif minute % 5 == 0:
                self._do("turn", {})
            self.now += timedelta(minutes=1)

    def _announcement(self, position: int) -> str:
        sha = sha_of(str(position))
        image = Image("web", str(position), "sick" if position in self.sick else "well", 0)
        tag = f"{image.repository}:{sha}"
        images = {"web": {"Digest": image.digest, "Tag": tag}}
        value = {"version": 1, "set": "app", "repository": "acme/app", "sha": sha}
        return json.dumps({**value, "position": position, "images": images})

    def _do(self, command: str, arguments: dict[str, Any]) -> None:
        if command == "sync":
            self._report(**arguments)
            return
        said = self._told(do(self.server, self.now, command, arguments))
        at = int((self.now - START).total_seconds()) // 60
        for sha in set(said.get("to_check", ())) - self.asked:
            self.asked.add(sha)
            verdict = {"sha": sha, "context": "check", "state": "success", "run": None}
            self._later(at + self.checking, "check", verdict)
        self.waiting = said.get("waiting", self.waiting)
        if said.get("landed"):
            self._look(at)

    def _told(self, deed: Deed) -> dict[str, Any]:
        assert deed.refused is None, deed.refused
        return deed.said

    def _later(self, at: int, command: str, arguments: dict[str, Any]) -> None:
        self.due.setdefault(at, []).append((command, arguments))

    def _look(self, at: int) -> None:
        """Targets whose wave has changed will sync what main has by then."""
        files = self.server.commits[self.server.refs[MAIN]].files
        for wave, targets in self.names.items():
            source = files.get(f"images/{wave}/source.json")
            position = json.loads(source)["position"] if source else 0
            had = self.had.setdefault(wave, [(0, 0)])
            if position != had[-1][1]:
                had.append((at, position))
                for target in targets:
                    takes = self.rng.randint(*self.takes[wave])
                    self._later(at + takes, "sync", {"wave": wave, "target": target})

    def _report(self, wave: str, target: str) -> None:
        revision = self.server.refs[MAIN]
        files = self.server.commits[revision].files
        position = json.loads(files[f"images/{wave}/source.json"])["position"]
        is_ill = wave == "lab" and position in self.sick
        arguments: dict[str, Any] = {
            "wave": wave,
            "target": target,
            "revision": [revision],
            "phase": "Succeeded",
            "health": "Degraded" if is_ill else "Healthy",
            "finished_at": self.now.isoformat(),
            "image": [],
        }
        self._do("report", arguments)

    def gaps(self, wave: str) -> list[int]:
        """The minutes between one set and the next in a wave, up to now."""
        at = [minute for minute, _ in self.had[wave]]
        now = int((self.now - START).total_seconds()) // 60
        return [after - before for before, after in zip(at, [*at[1:], now], strict=True)]

    def lags(self, wave: str) -> list[int]:
        """How many minutes old each set was when it came to a wave."""
        return [at - position * self.every for at, position in self.had[wave][1:]]


QUICK = {"lab": (2, 6), "qa": (2, 5), "shop": (5, 12)}
SOAK = {"lab": {}, "qa": {"soak": "10m"}, "shop": {"soak": "1h"}}
ADMITS = ("when deployed", "when soaked")


def with_admit(admit: str) -> dict[str, dict[str, Any]]:
    """Three waves of one kind of admission; an hour of soak before the last."""
    return {name: {**options, "admit": admit} for name, options in SOAK.items()}


@pytest.mark.parametrize(("admit", "every"), list(zip(ADMITS, (1, 2), strict=True)), ids=ADMITS)
def test_commits_are_quicker_than_checks_all_day_and_every_wave_advances_in_bounded_time(
    admit: str, every: int
) -> None:
    days = Days(with_admit(admit), QUICK, every=every)
    days.live(12 * 60)
    assert days.gaps("shop")[0] <= 120, "soak of ten minutes, soak of an hour, checks and syncs"
    assert max(days.gaps("shop")[1:]) <= 100, days.had["shop"]
    assert max(days.lags("shop")) <= 150, days.had["shop"]
    assert max(days.gaps("lab")) <= 25


def test_at_once_advances_too_where_targets_sync_together() -> None:
    together = {"lab": (3, 3), "qa": (2, 2), "shop": (5, 5)}
    days = Days(with_admit("at once"), together)
    days.live(4 * 60)
    assert max(days.gaps("shop")[1:]) <= 30, days.had["shop"]


def test_targets_slower_than_settle_get_less_often_what_they_can_take() -> None:
    """Nothing is ever deployed within `settle`: sets pass targets by, but not all of them."""
    slow = {"lab": (10, 20), "qa": (10, 20), "shop": (10, 30)}
    days = Days(with_admit("when deployed"), slow, every=2)
    days.live(24 * 60)
    assert len(days.had["shop"]) >= 5, days.had["shop"]


def test_every_fifth_set_fails_and_every_wave_advances() -> None:
    days = Days(with_admit("when deployed"), QUICK, sick=frozenset(range(0, 10_000, 5)))
    days.live(12 * 60)
    assert max(days.gaps("shop")[1:]) <= 180, days.had["shop"]
    assert not {position for _, position in days.had["shop"][1:] if position % 5 == 0}


@pytest.mark.parametrize("admit", ADMITS)
def test_joins_advance_in_bounded_time(admit: str) -> None:
    """East is quick, west is slow; both have the same sets often enough."""
    options = {
        "lab": {"admit": admit},
        "east": {"admit": admit, "after": ["lab"]},
        "west": {"admit": admit, "after": ["lab"], "soak": "7m"},
        "shop": {"admit": admit, "after": ["east", "west"], "soak": "1h"},
    }
    takes = {"lab": (2, 9), "east": (1, 4), "west": (8, 14), "shop": (5, 14)}
    days = Days(options, takes, DIAMOND, every=2)
    days.live(10 * 60)
    assert max(days.gaps("shop")) <= 180, days.had["shop"]


@pytest.mark.parametrize("admit", ADMITS)
def test_joins_of_first_waves_advance_in_bounded_time(admit: str) -> None:
    options = {
        "lab": {"admit": admit},
        "mac": {"admit": admit, "after": []},
        "shop": {"admit": admit, "after": ["lab", "mac"], "soak": "1h"},
    }
    takes = {"lab": (2, 9), "mac": (8, 14), "shop": (5, 14)}
    days = Days(options, takes, ROOTS, every=2)
    days.live(10 * 60)
    assert max(days.gaps("shop")) <= 180, days.had["shop"]


def test_order_never_turns_in_any_wave() -> None:
    days = Days(with_admit("when deployed"), QUICK, every=2)
    days.live(8 * 60)
    for wave, had in days.had.items():
        positions = [position for _, position in had]
        assert positions == sorted(positions), wave


def test_inbox_and_ledger_stay_small() -> None:
    days = Days(with_admit("at once"), QUICK)
    days.live(4 * 60)
    inbox = [ref for ref in days.server.refs if "/inbox/" in ref]
    assert len(inbox) <= 50
    journal = days.server.commits[days.server.refs["refs/tidemill/journal"]]
    before = days.server.commits[journal.parent or ""]
    assert sum(map(len, journal.files.values())) < 400_000
    stored = [data for data in journal.files.values() if data not in before.files.values()]
    assert sum(map(len, stored)) < 40_000
