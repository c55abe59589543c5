"""Snapshots in words: a cfg-app.git as a turn may find it, told in the order of what happened."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tidemill.app.announcement import Announcement, Image
from tidemill.cfg.checks import CheckRecord, Run, RunState
from tidemill.cfg.images import ImageFiles, Source, from_maps
from tidemill.cfg.ledger import Had, How, Ledger
from tidemill.cfg.operation import AutoCommit, Files, Kind, Operation
from tidemill.cfg.plan import Plan, plan
from tidemill.cfg.records import Deployment, Seen
from tidemill.cfg.requests import Announced, Fact, Hold, Point, Promotion, Rollback
from tidemill.cfg.settings import Settings
from tidemill.cfg.settings_file import parse
from tidemill.cfg.snapshot import Held, Made, Main, Outcome, Snapshot, Unreadable

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)  # a Monday
LAB, SHOP = {"targets": ["lab-1", "lab-2"]}, {"targets": ["north", "south"]}
MOST_TODO = 50

Maker = Callable[[Operation, str], Outcome | None]


def sha(*words: object) -> str:
    """A made-up SHA, the same for the same words."""
    return hashlib.sha1(repr(words).encode()).hexdigest()


def app_sha(position: int, set_name: str = "app") -> str:
    """The commit of app.git at a position."""
    return sha("app.git", set_name, position)


def images(
    position: int, set_name: str = "app", *, content: object = None, sha_: str | None = None
) -> ImageFiles:
    """A set of one service; `content` is what its image holds, the position by default."""
    commit = sha_ or app_sha(position, set_name)
    held = hashlib.sha256(repr(content or position).encode()).hexdigest()
    source = Source(repository="acme/app", sha=commit, position=position, introduced_at=NOW)
    name = f"ghcr.io/acme/{set_name}"
    return from_maps({"web": f"{name}:{commit}"}, {"web": f"{name}@sha256:{held}"}, source)


def settings(
    *, sets: tuple[str, ...] = ("app",), checks: str = "retries = 0", **waves: Mapping[str, Any]
) -> Settings:
    """Settings with the given waves; a wave's `targets` and options as in `tidemill.toml`."""
    several = "/{set}" if len(sets) > 1 else ""
    lines = [
        "[checks]",
        'source = "refs"',
        checks,
        "[images]",
        f'path = "images/{{wave}}{several}"',
    ]
    lines += ["[deployments]", 'path = "generated/{wave}/{target}"']
    for name in sets:
        lines += ["[[sets]]", f'name = "{name}"']
    for name, options in waves.items():
        lines += ["[[waves]]", f'name = "{name}"']
        lines += [f"{key} = {json.dumps(value)}" for key, value in options.items()]
    return parse("\n".join(lines))


@dataclass
class Rollout:
    """A cfg-app.git in the making; `snapshot` is what a turn reads of it."""

    settings: Settings = field(default_factory=lambda: settings(lab=LAB, shop=SHOP))
    now: datetime = NOW
    main: str = sha("main")
    ledger: Ledger = field(default_factory=Ledger)
    auto: list[AutoCommit] = field(default_factory=list)
    auto_tip: str | None = None
    inbox: dict[str, Fact] = field(default_factory=dict)
    checks: dict[str, CheckRecord] = field(default_factory=dict)
    holds: dict[tuple[str, str], Held] = field(default_factory=dict)
    records: dict[tuple[str, str], Deployment] = field(default_factory=dict)
    files: dict[tuple[str, str], ImageFiles] = field(default_factory=dict)
    trees: dict[tuple[str, str], str | None] = field(default_factory=dict)
    known: dict[str, ImageFiles] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    unreadable: tuple[Unreadable, ...] = ()
    foreign: str | None = None

    def ago(self, minutes: float) -> datetime:
        """That many minutes before now."""
        return self.now - timedelta(minutes=minutes)

    def later(self, minutes: float) -> None:
        """Let time pass."""
        self.now += timedelta(minutes=minutes)

    def files_of(self, position: int, set_name: str = "app", **given: Any) -> ImageFiles:
        """The image files of a set, remembered by their content."""
        found = images(position, set_name, **given)
        return self.known.setdefault(found.content, found)

    def targets(self, wave: str, files: ImageFiles | None) -> dict[str, Files]:
        """What each target of a wave has in a commit; `silent` ones run nothing of any set."""
        found = self.settings.wave(wave)
        tree = files.digest_id[:8] if files else "nothing"
        return {
            target: Files("same" if target in self.silent else tree, target not in self.silent)
            for target in (found.targets if found else ())
        }

    def had(
        self,
        wave: str,
        position: int,
        set_name: str = "app",
        *,
        landed: float = 60,
        deployed: float | None = 30,
        how: How = "introduce",
        content: object = None,
        **changes: Any,
    ) -> Had:
        """A set landed in a wave, and was deployed there; both in minutes before now."""
        files = self.files_of(position, set_name, content=content)
        since = None if deployed is None else self.ago(deployed)
        targets = self.targets(wave, files)
        users = [target for target, one in targets.items() if one.uses]
        had = Had(
            app_sha=files.app_sha,
            position=position,
            content=files.content,
            digests=files.digest_id,
            commit=sha("landed", wave, set_name, position, content, landed),
            landed_at=self.ago(landed),
            how=how,
            repository="acme/app",
            targets=targets,
            taken={} if since is None else dict.fromkeys(users, since),
            deployed_at=since,
            deployed_once=since is not None,
            healthy_since=since,
        )
        for key, value in changes.items():
            setattr(had, key, value)
        part = self.ledger.of(wave, set_name)
        part.had.append(had)
        part.highest = max(part.highest, position)
        self._put(wave, set_name, files)
        return had

    def by_hand(self, wave: str, files: ImageFiles | None, set_name: str = "app") -> str:
        """A person's commit puts image files there, or takes them away; returns its SHA."""
        self._put(wave, set_name, files)
        return self.pushed("image files", wave, files.content if files else None)

    def pushed(self, *words: object) -> str:
        """A person pushes a commit to main; returns its SHA."""
        self.main = sha("pushed", self.main, *words)
        return self.main

    def announced(
        self,
        position: int,
        set_name: str = "app",
        *,
        ago: float = 5,
        override: str | None = None,
        **given: Any,
    ) -> str:
        """An announcement was accepted; returns its id."""
        files = self.files_of(position, set_name, **given)
        held = {
            service: Image(Digest=digest, Tag=files.tags[service])
            for service, digest in files.digests.items()
        }
        announcement = Announcement(
            set=set_name,
            repository="acme/app",
            sha=files.app_sha or "",
            position=position,
            images=held,
        )
        return self.asked(
            Announced(accepted_at=self.ago(ago), announcement=announcement, override=override)
        )

    def promotion(self, wave: str, position: int, set_name: str = "app", **given: Any) -> str:
        """A person asked for a set in a wave; returns the request's id."""
        commit = app_sha(position, set_name)
        fields = {"wave": wave, "set": set_name, "app_sha": commit, "position": position}
        return self.asked(Promotion(accepted_at=self.ago(5), by="ada", **{**fields, **given}))

    def rollback(self, wave: str, to: Had, set_name: str = "app", *, ago: float = 5) -> str:
        """A person asked for a rollback; returns the request's id."""
        present = self.ledger.present(wave, set_name)
        leaves = (
            present.point() if present else Point(app_sha=None, position=0, content="", commit="")
        )
        return self.asked(
            Rollback(
                accepted_at=self.ago(ago), by="ada", wave=wave, set=set_name, leaves=leaves, to=to.point(), reason="slow"
            )
        )  # fmt: skip

    def hold(
        self, wave: str, set_name: str = "_", *, ago: float = 5, reason: str = "freeze"
    ) -> str:
        """A person asked for a hold; returns the request's id."""
        return self.asked(
            Hold(accepted_at=self.ago(ago), by="ada", wave=wave, set=set_name, reason=reason)
        )

    def held(self, wave: str, set_name: str = "_", reason: str = "freeze") -> Held:
        """A hold is in force."""
        found = Held(
            id=f"hold-{wave}-{set_name}", wave=wave, set=set_name, reason=reason, by="ada", since=self.ago(9)
        )  # fmt: skip
        self.holds[wave, set_name] = found
        return found

    def asked(self, fact: Fact) -> str:
        """Any request or record was accepted; returns its id."""
        self.inbox[fact.id] = fact
        return fact.id

    def on_auto(self, wave: str, position: int, set_name: str = "app", **given: Any) -> str:
        """The next commit on auto: an introduction, or a promotion of what another wave has."""
        found = self.settings.wave(wave)
        kind: Kind = "promote" if found and found.sources else "introduce"
        request = self.announced(position, set_name) if kind == "introduce" else None
        source = found.sources[0] if found and found.sources else None
        files = self.files_of(position, set_name)
        hads = self.ledger.of(source, set_name).had if source else []
        fields = {
            "kind": kind,
            "wave": wave,
            "set": set_name,
            "app_sha": files.app_sha,
            "position": position,
            "repository": "acme/app",
            "content": files.content,
            "request": request,
            "source": source,
            "commit": next((one.commit for one in hads if one.position == position), None),
            "reason": "as it was",
        }
        operation = Operation(**{**fields, **given})
        commit = self.made(operation, self.auto[-1].sha if self.auto else self.main)
        self.auto.append(commit)
        self.auto_tip = commit.sha
        self.ledger.auto = list(self.auto)
        return commit.sha

    def check(self, commit: str, *states: RunState, ago: float = 1) -> None:
        """Runs of the check answer, one after the other."""
        record = self.checks.get(commit) or CheckRecord(sha=commit)
        for state in states:
            run = f"run-{len(record.runs) + 1}"
            record = record.reported(Run(context="check", run=run, state=state, at=self.ago(ago)))
        self.checks[commit] = record

    def green(self, *commits: str) -> None:
        """The check of each is green."""
        for commit in commits:
            self.check(commit, "success")

    def red(self, *commits: str) -> None:
        """The check of each is red."""
        for commit in commits:
            self.check(commit, "failure")

    def record(
        self,
        wave: str,
        target: str,
        health: str = "Healthy",
        phase: str = "Succeeded",
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
            name: Seen(
                app_sha=one.app_sha, position=one.position, content=one.content, digests=one.digest_id, uses=uses
            )
            for name, one in files.items()
        }  # fmt: skip
        tree = next((self.targets(wave, one)[target].tree for one in files.values()), None)
        fields = {"revision": self.main, "sets": sets, "tree": tree, "finished_at": self.ago(ago)}
        return Deployment(
            accepted_at=self.ago(ago), wave=wave, target=target, phase=phase, health=health, **{**fields, **given}
        )  # fmt: skip

    def reports(
        self,
        wave: str,
        target: str,
        health: str = "Healthy",
        phase: str = "Succeeded",
        **given: Any,
    ) -> str:
        """A record was accepted; returns its id."""
        return self.asked(self.record(wave, target, health, phase, **given))

    def reported(
        self,
        wave: str,
        target: str,
        health: str = "Healthy",
        phase: str = "Succeeded",
        **given: Any,
    ) -> None:
        """A record was accepted and filed earlier."""
        self.records[wave, target] = self.record(wave, target, health, phase, **given)

    def snapshot(self) -> Snapshot:
        """What a turn reads."""
        return Snapshot(
            now=self.now,
            settings=self.settings,
            main=Main(self.main, self.ago(600), dict(self.files), dict(self.trees)),
            auto_tip=self.auto_tip,
            ledger=self.ledger.copy(),
            inbox=dict(self.inbox),
            unreadable=self.unreadable,
            foreign=self.foreign,
            auto=tuple(self.auto),
            checks=dict(self.checks),
            holds=dict(self.holds),
            records=dict(self.records),
        )

    def made(self, operation: Operation, parent: str) -> AutoCommit:
        """The commit of an operation on a parent."""
        files = self.known[operation.content]
        return AutoCommit(
            sha=sha("made", operation.id, parent),
            parent=parent,
            operation=operation,
            digests=files.digest_id,
            targets=self.targets(operation.wave, files),
        )

    def decide(self, maker: Maker | None = None, *, without_landing: bool = False) -> Plan:
        """The plan, after all that it needs to have tried was tried.

        `maker` says what becomes of an operation on a parent; None: it is done.
        """
        known = self.snapshot()
        for _ in range(MOST_TODO):
            decided = plan(known, without_landing=without_landing)
            if decided.todo is None:
                return decided
            operation, parent = decided.todo.operation, decided.todo.parent
            outcome = maker(operation, parent) if maker else None
            known = known.knowing(
                operation.id, parent, outcome or Made(self.made(operation, parent))
            )
        raise AssertionError("the plan never has what it needs")

    def carry_out(self, decided: Plan) -> Plan:
        """Write what was decided, as the shell does."""
        landed = [commit for commit in self.auto if commit.sha == decided.landed]
        if landed:
            for commit in self.auto[: self.auto.index(landed[0]) + 1]:
                self._put(
                    commit.operation.wave,
                    commit.operation.set,
                    self.known[commit.operation.content],
                )
        self.main = decided.main
        self.auto = list(decided.auto)
        self.auto_tip = decided.auto_tip or self.auto_tip
        self.ledger = decided.ledger
        self.inbox = {key: fact for key, fact in self.inbox.items() if key not in decided.ended}
        self.records |= {(record.wave, record.target): record for record in decided.filed}
        self.holds = dict(decided.holds)
        self.unreadable, self.foreign = (), None
        kept = {self.main, *(commit.sha for commit in self.auto)}
        self.checks = {key: record for key, record in self.checks.items() if key in kept}
        return decided

    def turn(self, maker: Maker | None = None) -> Plan:
        """Decide, and carry it out."""
        return self.carry_out(self.decide(maker))

    def _put(self, wave: str, set_name: str, files: ImageFiles | None) -> None:
        self.files.pop((wave, set_name), None)
        if files is not None:
            self.files[wave, set_name] = self.known.setdefault(files.content, files)
        for target, one in self.targets(wave, files).items():
            self.trees[wave, target] = one.tree


def whats(decided: Plan) -> list[str]:
    """What the journal will say, in order."""
    return [entry.what for entry in decided.entries]


def waits_for(decided: Plan) -> str:
    """All that waits, as one text."""
    return "\n".join(f"{line.what} waits for {line.for_}" for line in decided.waiting)


def introduced(decided: Plan) -> list[tuple[str, int]]:
    """What auto will have: wave and position, the lowest commit first."""
    return [(commit.operation.wave, commit.operation.position) for commit in decided.auto]
