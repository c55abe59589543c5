"""One history: a repository, a clock, what has happened so far, and the means to go on."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tests.simulation import sources
from tests.simulation.acting import Acting
from tests.simulation.actors import Deed, do
from tests.simulation.facts import runs
from tests.simulation.forms import FormRun
from tests.simulation.memory import Commit, Killed, Server
from tests.simulation.rules import Rules
from tests.simulation.scene import START, Scene, minutes
from tests.simulation.sources import ROLLOUT, Rollout, file_of, generated, rollout_of
from tests.simulation.telling_rules import names_gates, says_why
from tidemill.clients.git.store import Update
from tidemill.facts.refs import Refs
from tidemill.facts.settings import FILE

MAIN, AUTO = "refs/heads/main", "refs/heads/auto"
ACCEPTED = 1  # the stop at which a request is on the server, and no turn has begun


@dataclass
class World:
    """See the module.

    Attributes:
        story: what happened, a line each.
        wanted: the commits whose check the last turn asked for; on GitHub, where only one turn
            asks, all that were asked for and have not answered since.
        forged: by ref the commit that nobody can read, and whether a newer release might.
        lag: how many minutes it takes to generate.
        unpushed: what a person has committed on top of main, and not pushed yet.
        asked: on GitHub, how many runs had been reported of a commit when its check was asked for.
    """

    scene: Scene
    rng: random.Random
    server: Server
    rules: Rules
    now: datetime = START
    story: list[str] = field(default_factory=list)
    wanted: tuple[str, ...] = ()
    asked: dict[str, int] = field(default_factory=dict)
    waiting: tuple[Mapping[str, Any], ...] = ()
    number: int = 0
    apps: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    natures: tuple[int, ...] = (80, 8, 3, 5, 4)
    flaky: float = 0.1
    lazy: float = 0.3
    lag: int = 0
    unpushed: str | None = None
    ill: set[tuple[str, str]] = field(default_factory=set)
    synced: dict[tuple[str, str], str] = field(default_factory=dict)
    forged: dict[str, tuple[str, bool]] = field(default_factory=dict)
    outbox: list[Mapping[str, Any]] = field(default_factory=list)

    @classmethod
    def of(cls, scene: Scene, rng: random.Random, server: Server | None = None) -> World:
        """A repository with a first commit."""
        server = server or Server()
        world = cls(scene, rng, server, Rules(scene, server), scene.begins)
        rollout = scene.rollout()
        files = {FILE: scene.settings(), ROLLOUT: rollout.render(), "README.md": b"cfg-app\n"}
        files["approvers/ada.keys"] = b"ada's key\n"
        if "generate.py" in scene.generate:
            files["generate.py"] = Path(sources.__file__).read_bytes()
        made = generated(files)
        assert not isinstance(made, str)
        server.refs[MAIN] = server.put(Commit(made, None, "a first commit", world.now, "ada"))
        world.rules.begin(server.refs[MAIN], world.now)
        server.watchers.append(lambda push: world.rules.pushed(push, world.now))
        server.time, server.toil = lambda: world.now, lambda: world.later(world.lag)
        return world

    @property
    def main(self) -> str:
        return self.unpushed or self.server.refs[MAIN]

    @property
    def files(self) -> Mapping[str, bytes]:
        """The files on main."""
        return self.server.commits[self.main].files

    @property
    def rollout(self) -> Rollout:
        """The sources on main."""
        return rollout_of(self.files)

    def targets(self) -> list[tuple[str, str]]:
        """All targets, with their waves."""
        return [(wave.name, target) for wave in self.scene.waves for target in wave.targets]

    def next(self) -> int:
        """A number that was not there before."""
        self.number += 1
        return self.number

    def tell(self, line: str) -> None:
        """Add a line to the story."""
        short = re.sub(r"\b([0-9a-f]{7})[0-9a-f]{5,33}\b", r"\1", line)
        self.story.append(f"{self.now:%a %d %H:%M} {short}")

    def later(self, count: float) -> None:
        """Let minutes pass."""
        self.now += minutes(count)

    def do(self, command: str, *, die_at: int | None = None, **arguments: Any) -> Deed:
        """Run a command; with `die_at` its client dies at that stop before or after a push."""
        self.now += timedelta(seconds=self.rng.choice((0, 0, 1, 5)), microseconds=1)
        self.rules.asked(command, arguments)
        is_late = self.server.lagging is not None  # what it says is of what it could see
        gate = dying(die_at) if die_at is not None else lambda _: None
        deed = do(self.server, self.now, command, arguments, gate)
        self._heard(deed)
        if "waiting" in deed.said and not deed.died and not is_late:
            says_why(self.rules, deed.said["waiting"])
            if not self.lag:
                names_gates(self.rules, deed.said["waiting"], self.now)
        return deed

    def by_form(self, command: str, **arguments: Any) -> Deed:
        """Somebody fills in the form on GitHub."""
        number = len(self.server.runs) + 1
        run = FormRun(number, command, arguments, self.now, [self.server.sits])
        self.server.runs[number] = run
        return self.in_run(run)

    def in_run(self, run: FormRun) -> Deed:
        """The last attempt at a run of the form does what was filled in."""
        self.server.form = (run.id, len(run.actors))
        self.tell(f"{run.actors[-1]} starts attempt {len(run.actors)} at run {run.id}: {run.title}")
        try:
            return self.do(run.command, **run.given)
        finally:
            self.server.form = None

    def together(self, deeds: Sequence[tuple[str, Mapping[str, Any]]]) -> list[Deed]:
        """Run commands at once, one step of one of them at a time, in an order left to chance."""
        self.tell(f"{len(deeds)} at once:")
        acting = [Acting(self.server, self.now, *deed) for deed in deeds]
        while live := [one for one in acting if one.stands_at]:
            self.rng.choice(live).go()
            self._meanwhile()
        done = [one.deed for one in acting if one.deed]
        for deed in done:
            self._heard(deed)
        return done

    def edit(self, what: str, files: Mapping[str, bytes], *, generate: bool = True) -> str:
        """A person pushes a commit with these files to main."""
        made = generated(files) if generate else files
        made = files if isinstance(made, str) else made
        clock = self.now + minutes(self.rng.choice((0, 0, 0, 0, 90)))
        commit = self.server.put(Commit(made, self.main, what, clock, "ada"))
        if self.unpushed is None:
            self.push(commit, what)
        else:
            self.tell(f"ada commits {commit[:7]}: {what}")
            self.unpushed = commit
        return commit

    @contextmanager
    def one_push(self) -> Iterator[None]:
        """What a person commits meanwhile comes to main at once."""
        self.unpushed = self.main
        yield
        tip, self.unpushed = self.unpushed, None
        if tip != self.main:
            self.push(tip, "all of that")

    def push(self, commit: str, what: str) -> None:
        """A person moves main to a commit."""
        self.tell(f"ada pushes {commit[:7]} to main: {what}")
        self.server.receive("ada", Refs(dict(self.server.refs)), [Update(MAIN, self.main, commit)])

    def edit_rollout(self, what: str, *, generate: bool = True, **changes: Any) -> str:
        """A person edits the sources."""
        rollout = replace(self.rollout, **changes)
        return self.edit(what, {**self.files, ROLLOUT: rollout.render()}, generate=generate)

    def settle_on(self, scene: Scene, moved: Mapping[str, bytes] | None = None) -> None:
        """A person pushes other settings; `moved`: what main has then, if that is other files."""
        self.scene = self.rules.scene = self.rules.standing.scene = scene
        rollout = replace(self.rollout, uses=scene.uses)
        files = {**(moved or self.files), FILE: scene.settings(), ROLLOUT: rollout.render()}
        kept = {file_of(wave, target) for wave, target in self.targets()}
        files = {path: data for path, data in files.items() if not _is_stale(path, kept)}
        self.edit("other settings", files)
        self.tell("\n    ".join(scene.settings().decode().splitlines()))

    def _meanwhile(self) -> None:
        """Now and then a person pushes between two steps of a turn."""
        if self.rng.random() < 0.03:
            files = {**self.files, "README.md": f"{self.next()}\n".encode()}
            self.edit("the README, meanwhile", files)
        if self.scene.verifications and self.rng.random() < 0.03:
            wave, name = self.rng.choice(self.scene.waves).name, self.scene.verifications[0]
            self.server.metrics.moods[wave, name] = self.rng.choice(("green", "red", "late"))

    def _heard(self, deed: Deed) -> None:
        self.tell(str(deed))
        if "to_check" in deed.said:
            self.wanted = tuple(deed.said["to_check"])
            self.waiting = tuple(deed.said["waiting"])
            for sha in self.wanted:
                self.asked[sha] = len(runs(self.server, self.server.refs, sha))
        if self.scene.source == "github":
            current = {self.main, *self.rules.auto.chain(self.server.refs.get(AUTO))}
            self.asked = {sha: n for sha, n in self.asked.items() if sha in current}
            self.wanted = tuple(sha for sha in self.asked if not self._has_answered(sha))

    def _has_answered(self, sha: str) -> bool:
        """Whether every check of a commit has answered since it was asked for."""
        since = runs(self.server, self.server.refs, sha)[self.asked[sha] :]
        answered = {run["context"] for run in since if run["state"] in ("success", "failure")}
        return answered >= set(self.scene.contexts)


def _is_stale(path: str, kept: set[str]) -> bool:
    return path.startswith("generated/") and path not in kept


def dying(stop: int) -> Callable[[str], None]:
    left = stop

    def gate(what: str) -> None:
        nonlocal left
        if what != "list":
            left -= 1
            if left < 0:
                raise Killed

    return gate


def ledger_of(server: Server) -> Any:
    """What the journal carries forward, as its files say it; None while there is none."""
    tip = server.refs.get("refs/tidemill/journal")
    files = server.commits[tip].files.items() if tip else ()
    return {name: json.loads(data) for name, data in files if name != "record.json"} or None
