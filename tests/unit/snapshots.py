"""Snapshots in words: a cfg-app.git as a turn may find it, and what the turn makes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tests.unit.sets import AT_ONCE, LAB, NOW, SHOP, app_sha, images, settings, sha, unreadable
from tests.unit.telling import Told

from tidemill.facts.ledger import Landing
from tidemill.facts.operation import Operation
from tidemill.facts.records import Deployment, Health, Phase, ReportedSet
from tidemill.facts.signals import NOBODY, Reach
from tidemill.facts.snapshot import Main, NewCommit, Outcome, Snapshot
from tidemill.facts.staleness import FailedInspection, Inspection
from tidemill.facts.verification import Answer, Question
from tidemill.plan.obstacles import Wait
from tidemill.plan.plan import Plan, plan
from tidemill.plan.regeneration import InspectionTodo
from tidemill.plan.replay import Trial
from tidemill.plan.wording import line_command, reasons, runs_as, subject

__all__ = [
    "AT_ONCE",
    "LAB",
    "NOW",
    "SHOP",
    "Rollout",
    "app_sha",
    "for_",
    "images",
    "introduced",
    "landed",
    "never",
    "present",
    "settings",
    "sha",
    "stack",
    "two_waves",
    "unreadable",
    "waits_for",
    "what",
    "whats",
]
MOST_TODO = 50
Maker = Callable[[Operation, str], Outcome | None]


@dataclass
class Rollout(Told):
    """A cfg-app.git in the making; `snapshot` is what a turn reads of it.

    Attributes:
        generates: what each run of `generate` on main changes there, the last one for ever.
        verifications: what is answered to each, by name; `questions` are those that were asked.
        looks: the commits on which it was run.
        reach: the receivers of signals that the turn can send to.
    """

    generates: tuple[Inspection | FailedInspection, ...] = (Inspection({}),)
    verifications: dict[str, Answer] = field(default_factory=dict)
    questions: list[Question] = field(default_factory=list)
    looks: list[str] = field(default_factory=list)
    reach: Reach = NOBODY

    def look(self, commit: str) -> Inspection | FailedInspection:
        """`generate` is run on a commit of main as it is."""
        self.looks.append(commit)
        return self.generates[min(len(self.looks), len(self.generates)) - 1]

    def record(
        self,
        wave: str,
        target: str,
        health: Health = "Healthy",
        phase: Phase = "Succeeded",
        *,
        ago: float = 1,
        **given: Any,
    ) -> Deployment:
        """What a target reports of main as it is, or of `position` of the set app."""
        position = given.pop("position", None)
        if position is None:
            files = {name: one for (there, name), one in self.files.items() if there == wave}
        else:
            files = {"app": self.files_of(position)}
        uses = target not in self.silent
        sets = {
            name: ReportedSet(
                app_sha=one.app_sha,
                position=one.position,
                content=one.content,
                digests=one.digest_id,
                uses=uses,
            )
            for name, one in files.items()
        }
        tree = next((self.targets(wave, one)[target].tree for one in files.values()), None)
        fields = {"revision": self.main, "sets": sets, "tree": tree, "finished_at": self.ago(ago)}
        return Deployment(
            accepted_at=self.ago(ago),
            wave=wave,
            target=target,
            phase=phase,
            health=health,
            **{**fields, **given},
        )

    def reports(
        self,
        wave: str,
        target: str,
        health: Health = "Healthy",
        phase: Phase = "Succeeded",
        **given: Any,
    ) -> str:
        """A record was accepted; returns its id."""
        return self.asked(self.record(wave, target, health, phase, **given))

    def reported(
        self,
        wave: str,
        target: str,
        health: Health = "Healthy",
        phase: Phase = "Succeeded",
        **given: Any,
    ) -> None:
        """A record was accepted and filed earlier."""
        self.records[wave, target] = self.record(wave, target, health, phase, **given)

    def snapshot(self) -> Snapshot:
        """What a turn reads."""
        return Snapshot(
            now=self.now,
            settings=self.settings,
            main=Main(
                self.main,
                self.ago(600),
                dict(self.files),
                dict(self.trees),
                to_follow=frozenset(self.to_follow),
            ),
            auto_tip=self.auto_tip,
            ledger=self.ledger.copy(),
            inbox=dict(self.inbox),
            unreadable=self.unreadable,
            foreign=self.foreign,
            auto=tuple(self.auto),
            checks=dict(self.checks),
            holds=dict(self.holds),
            records=dict(self.records),
            reach=self.reach,
            vouchers=dict(self.vouchers),
        )

    def decide(self, maker: Maker | None = None, *, without_landing: bool = False) -> Plan:
        """The plan, after all that it needs to have tried was tried.

        `maker` says what becomes of an operation on a parent; None: it is done.
        """
        known = self.snapshot()
        for _ in range(MOST_TODO):
            decided = plan(known, without_landing=without_landing)
            if decided.to_ask:
                self.questions += decided.to_ask
                known = known.having_asked(
                    {one: self.verifications[one.verification.name] for one in decided.to_ask}
                )
                continue
            if decided.todo is None:
                return decided
            if isinstance(decided.todo, InspectionTodo):
                known = known.having_looked(decided.todo.commit, self.look(decided.todo.commit))
                continue
            known = decided.todo.tried(known, partial(self.attempt, maker))
        raise AssertionError("the plan never has what it needs")

    def attempt(self, maker: Maker | None, trial: Trial, parent: str) -> Outcome:
        """What becomes of an operation on a parent, as `decide` says."""
        outcome = maker(trial.operation, parent) if maker else None
        return outcome or NewCommit(self.made(trial.operation, parent))

    def carry_out(self, decided: Plan) -> Plan:
        """Write what was decided, as the shell does."""
        landed = [commit for commit in self.auto if commit.sha == decided.landed]
        if landed:
            for commit in self.auto[: self.auto.index(landed[0]) + 1]:
                if content := commit.operation.content:
                    self.put(commit.operation.wave, commit.operation.set, self.known[content])
        self.main = decided.main
        self.auto = list(decided.auto)
        self.auto_tip = decided.auto_tip or self.auto_tip
        self.ledger = decided.ledger
        self.inbox = {key: fact for key, fact in self.inbox.items() if key not in decided.ended}
        self.records = dict(decided.records)
        self.holds = dict(decided.holds)
        self.unreadable, self.foreign = (), None
        kept = {self.main, *(commit.sha for commit in self.auto)}
        self.checks = {key: record for key, record in self.checks.items() if key in kept}
        return decided

    def turn(self, maker: Maker | None = None) -> Plan:
        """Decide, and carry it out."""
        return self.carry_out(self.decide(maker))


def whats(decided: Plan) -> list[str]:
    """What the journal will say, in order."""
    return [entry.what for entry in decided.entries]


def waits_for(decided: Plan) -> str:
    """All that waits, as one text."""
    return "\n".join(
        f"{what(line)} waits for {for_(line)}: {runs_as(line_command(line), 'URL')}"
        for line in decided.waiting
    )


def what(line: Wait) -> str:
    """What waits, as people name it."""
    return subject(line.about)


def for_(line: Wait) -> str:
    """All that it waits for, in words."""
    return "; ".join(reasons(line, NOW))


def introduced(decided: Plan) -> list[tuple[str, int]]:
    """What auto will have: wave and position, the lowest commit first."""
    return [(commit.operation.wave, commit.operation.position) for commit in decided.auto]


def present(decided: Plan, wave: str = "lab", set_name: str = "app") -> Landing:
    """The set that a wave will have."""
    found = decided.ledger.present(wave, set_name)
    assert found is not None
    return found


def stack(size: int = 3, checks: str = "retries = 0", **lab: Any) -> tuple[Rollout, list[str]]:
    """Positions 2 and up on auto for lab, one upon the other; their commits."""
    rollout = Rollout(settings(lab={**LAB, "admit": "at once", **lab}, shop=SHOP, checks=checks))
    rollout.landing("shop", 1)
    rollout.landing("lab", 1)
    return rollout, [rollout.on_auto("lab", 2 + at) for at in range(size)]


def landed(minutes: float = 10) -> Rollout:
    """Position 2 landed in lab; nobody has reported it. shop wants it to soak for an hour."""
    rollout = Rollout(settings(lab=LAB, shop={**SHOP, "soak": "1h"}))
    rollout.landing("shop", 1)
    rollout.landing("lab", 1, landed=120, deployed=110)
    rollout.landing("lab", 2, landed=minutes, deployed=None)
    return rollout


def two_waves(**shop: Any) -> Rollout:
    """Position 2 is deployed in lab since half an hour; shop has 1."""
    rollout = Rollout(settings(lab=LAB, shop={**SHOP, **shop}))
    rollout.landing("shop", 1, landed=200, deployed=190)
    rollout.landing("lab", 1, landed=240, deployed=230)
    rollout.landing("lab", 2, landed=60, deployed=30)
    return rollout


def never(operation: Operation, parent: str) -> Outcome | None:
    """Nothing needs to be done."""
    raise AssertionError(f"{operation.position} on {parent} need not be done")
