"""Deployment records: what a target last reported."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Literal, get_args

import msgspec

from tidemill.words.fields import Name, PositionOrZero, Sha
from tidemill.words.moments import Moment

Phase = Literal["Running", "Succeeded", "Failed", "Error", "Terminating"]
Health = Literal["Healthy", "Progressing", "Degraded", "Suspended", "Missing", "Unknown"]
PHASES: tuple[Phase, ...] = get_args(Phase)
HEALTHS: tuple[Health, ...] = get_args(Health)
# What a target's clock may be ahead by, as clocks are; by more it is wrong.
AHEAD = timedelta(minutes=5)


class ReportedSet(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One set of the wave as the reported revision has it.

    `uses` says whether the target runs any service of it, `images_fit` whether every running
    image that the target named and that is from a repository of the set is one that a set of the
    wave has there, `is_named` whether its files name the set's images and no others.
    """

    app_sha: Sha | None
    position: PositionOrZero
    content: str
    digests: str
    uses: bool = True
    images_fit: bool = True
    is_named: bool = True


class Deployment(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    tag="deployment",
    omit_defaults=True,
):
    """What one target reported, and what accepting it found out.

    Attributes:
        revision: the commit of cfg-app.git that the target has synced.
        finished_at: when the target's last sync finished, by its own clock.
        sets: the wave's sets at that revision, None until that is known.
        tree: identity of what the target renders from at that revision.
        number: its place in the target's chain of records, from 1.
        named: as in requests.
    """

    version: Literal[1] = 1
    accepted_at: Moment
    wave: Name
    target: Name
    revision: Sha
    phase: Phase
    health: Health
    finished_at: Moment
    images: tuple[str, ...] = ()
    sets: dict[Name, ReportedSet] | None = None
    tree: str | None = None
    number: int = 1
    named: str | None = None

    @property
    def id(self) -> str:
        """Its name in the inbox: a digest of all that the target said, not of when it came."""
        said = (
            self.wave,
            self.target,
            self.revision,
            self.phase,
            self.health,
            self.finished_at,
            self.images,
        )
        return f"deployment-{hashlib.sha256(msgspec.json.encode(said)).hexdigest()[:20]}"

    @property
    def ahead(self) -> timedelta:
        """By how much the target's clock is wrong, as far as the record shows; mostly nothing."""
        by = self.finished_at - self.accepted_at
        return by if by > AHEAD else timedelta()

    @property
    def finished(self) -> datetime:
        """What orders the records of one target: when its last sync finished.

        By a clock that is wrong that would be later than all true reports to come.
        """
        return self.accepted_at if self.ahead else self.finished_at

    @property
    def is_healthy(self) -> bool:
        """Synced, and everything in it works."""
        return self.phase == "Succeeded" and self.health == "Healthy"

    @property
    def is_failing(self) -> bool:
        """The sync or the workload failed; not merely in progress."""
        return self.has_failed_sync or self.health == "Degraded"

    @property
    def has_failed_sync(self) -> bool:
        """The sync failed: that passes by itself for nobody."""
        return self.phase in ("Failed", "Error")
