"""What happened to a cfg-app.git, told in order; `snapshots` makes a snapshot of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.unit.sets import LAB, NOW, SHOP, app_sha, images, settings, sha

from tidemill.announcing.announcement import Announcement, Image
from tidemill.facts.checks import CheckRecord, Run, RunState
from tidemill.facts.holds import Hold
from tidemill.facts.image_files import ImageFiles
from tidemill.facts.ledger import How, Landing, Ledger
from tidemill.facts.operation import AutoCommit, Files, Kind, Operation
from tidemill.facts.records import Deployment
from tidemill.facts.requests import (
    AnnouncementRequest,
    Fact,
    HoldRequest,
    Hotfix,
    Point,
    Promotion,
    Rollback,
)
from tidemill.facts.settings import Settings
from tidemill.facts.snapshot import UnreadableRef
from tidemill.facts.vouchers import Voucher


@dataclass
class Told:
    """A cfg-app.git in the making."""

    settings: Settings = field(default_factory=lambda: settings(lab=LAB, shop=SHOP))
    now: datetime = NOW
    main: str = sha("main")
    ledger: Ledger = field(default_factory=Ledger)
    auto: list[AutoCommit] = field(default_factory=list)
    auto_tip: str | None = None
    inbox: dict[str, Fact] = field(default_factory=dict)
    checks: dict[str, CheckRecord] = field(default_factory=dict)
    holds: dict[tuple[str, str], Hold] = field(default_factory=dict)
    records: dict[tuple[str, str], Deployment] = field(default_factory=dict)
    files: dict[tuple[str, str], ImageFiles] = field(default_factory=dict)
    trees: dict[tuple[str, str], str | None] = field(default_factory=dict)
    to_follow: set[tuple[str, str]] = field(default_factory=set)
    known: dict[str, ImageFiles] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    unreadable: tuple[UnreadableRef, ...] = ()
    foreign: str | None = None
    vouchers: dict[str, Voucher] = field(default_factory=dict)

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

    def landing(
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
    ) -> Landing:
        """A set landed in a wave, and was deployed there; both in minutes before now."""
        files = self.files_of(position, set_name, content=content)
        since = None if deployed is None else self.ago(deployed)
        targets = self.targets(wave, files)
        users = [target for target, one in targets.items() if one.uses]
        landing = Landing(
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
            setattr(landing, key, value)
        part = self.ledger.of(wave, set_name)
        part.landings.append(landing)
        part.highest = max(part.highest, position)
        self.put(wave, set_name, files)
        return landing

    def by_hand(self, wave: str, files: ImageFiles | None, set_name: str = "app") -> str:
        """A person's commit puts image files there, or takes them away; returns its SHA."""
        self.put(wave, set_name, files)
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
        generation: int = 1,
        rewrites: int = 0,
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
            generation=generation,
            images=held,
        )
        return self.asked(
            AnnouncementRequest(
                accepted_at=self.ago(ago),
                announcement=announcement,
                override=override,
                rewrites=rewrites,
            )
        )

    def promotion(self, wave: str, position: int, set_name: str = "app", **given: Any) -> str:
        """A person asked for a set in a wave; returns the request's id."""
        commit = app_sha(position, set_name)
        fields = {"wave": wave, "set": set_name, "app_sha": commit, "position": position}
        told = {"accepted_at": self.ago(5), "by": "ada", **fields, **given}
        return self.asked(Promotion(**told))

    def hotfix(
        self,
        wave: str,
        position: int,
        set_name: str = "app",
        *,
        ago: float = 5,
        content: object = "a fix",
        **given: Any,
    ) -> str:
        """A person puts a set of a release branch into a wave; returns the request's id."""
        files = self.files_of(position, set_name, content=content, sha_=sha("fix", position))
        told = Announcement(
            set=set_name,
            repository="acme/app",
            branch="release-1",
            sha=files.app_sha or "",
            position=position,
            images={
                service: Image(Digest=digest, Tag=files.tags[service])
                for service, digest in files.digests.items()
            },
        )
        fields = {"wave": wave, "announcement": told, "override": "checkout is down"}
        return self.asked(Hotfix(accepted_at=self.ago(ago), by="ada", **{**fields, **given}))

    def rollback(self, wave: str, to: Landing, set_name: str = "app", *, ago: float = 5) -> str:
        """A person asked for a rollback; returns the request's id."""
        present = self.ledger.present(wave, set_name)
        leaves = (
            present.point() if present else Point(app_sha=None, position=0, content="", commit="")
        )
        return self.asked(
            Rollback(
                accepted_at=self.ago(ago),
                by="ada",
                wave=wave,
                set=set_name,
                leaves=leaves,
                to=to.point(),
                reason="slow",
            )
        )

    def hold(
        self,
        wave: str,
        set_name: str = "_",
        *,
        ago: float = 5,
        reason: str = "freeze",
        until: datetime | None = None,
    ) -> str:
        """A person asked for a hold; returns the request's id."""
        return self.asked(
            HoldRequest(
                accepted_at=self.ago(ago),
                by="ada",
                wave=wave,
                set=set_name,
                reason=reason,
                until=until,
            )
        )

    def held(self, wave: str, set_name: str = "_", reason: str = "freeze", **given: Any) -> Hold:
        """A hold is in force."""
        found = Hold(
            id=f"hold-{wave}-{set_name}",
            wave=wave,
            set=set_name,
            reason=reason,
            by="ada",
            since=self.ago(9),
            **given,
        )
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
        landings = self.ledger.of(source, set_name).landings if source else []
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
            "commit": next((one.commit for one in landings if one.position == position), None),
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

    def made(self, operation: Operation, parent: str) -> AutoCommit:
        """The commit of an operation on a parent."""
        files = self.known[operation.content] if operation.content else None
        return AutoCommit(
            sha=sha("made", operation.id, parent),
            parent=parent,
            operation=operation,
            digests=files.digest_id if files else "",
            targets=self.targets(operation.wave, files),
        )

    def put(self, wave: str, set_name: str, files: ImageFiles | None) -> None:
        """Main has these image files from now on."""
        self.files.pop((wave, set_name), None)
        if files is not None:
            self.files[wave, set_name] = self.known.setdefault(files.content, files)
        for target, one in self.targets(wave, files).items():
            self.trees[wave, target] = one.tree
