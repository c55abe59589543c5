"""Argo CD's Applications, as its application controller leaves them."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

FIRST, SECOND, THIRD = "1" * 40, "2" * 40, "3" * 40
WAVE = "tidemill.dev/wave"


def ago(minutes: float) -> str:
    """A time as Kubernetes writes it.

    The engine's expressions read the real clock, so states are told as so long ago. They have
    limits of a minute and more; what a test gives is further from them than a slow machine takes.
    """
    return f"{datetime.now(UTC) - timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%SZ}"


@dataclass(frozen=True)
class App:
    """One state of an Application; minutes are before now.

    Attributes:
        phase: of the last operation; None: there was none.
        revisions: what it synced to: one, or one of each source.
        before: the revisions of earlier syncs that succeeded.
        finished: when it ended; None while it runs.
        changed: when the health changed last; None: Argo CD is too old to say so.
        reconciled: when Argo CD last looked; after the sync by default.
        recorded: whether the history has this sync; successful ones, by default.
    """

    phase: str | None = "Succeeded"
    health: str = "Healthy"
    revisions: Sequence[str] = (FIRST,)
    before: Sequence[Sequence[str]] = ()
    finished: float | None = 0.1
    changed: float | None = 0.05
    reconciled: float | None = None
    images: Sequence[str] = ()
    recorded: bool | None = None
    name: str = "staging-eu"
    labels: tuple[tuple[str, str], ...] = ((WAVE, "staging"),)
    annotations: tuple[tuple[str, str], ...] = ()

    def but(self, **changes: Any) -> App:
        """The same with some fields changed."""
        return replace(self, **changes)

    def object(self) -> dict[str, Any]:
        """The Application itself."""
        several = len(self.revisions) > 1
        status: dict[str, Any] = {
            "health": {"status": self.health},
            "sync": {"status": "Synced", **_revisions(self.revisions)},
            "summary": {"images": list(self.images)},
        }
        if self.changed is not None:
            status["health"]["lastTransitionTime"] = ago(self.changed)
        recorded = self.phase == "Succeeded" if self.recorded is None else self.recorded
        history = [*self.before, *([self.revisions] if recorded else [])]
        status["history"] = [
            {"id": number, "deployedAt": ago(1000 - number), **_revisions(one)}
            for number, one in enumerate(history)
        ]
        status["reconciledAt"] = ago(0 if self.reconciled is None else self.reconciled)
        if self.phase is not None:
            status["operationState"] = {
                "phase": self.phase,
                "message": 'a "message"\nof two lines',
                "startedAt": ago((self.finished or 0) + 1),
                "operation": {"sync": _revisions(self.revisions)},
                "syncResult": {"revision": "", **_revisions(self.revisions)},
            }
            if self.finished is not None:
                status["operationState"]["finishedAt"] = ago(self.finished)
        source = {"repoURL": "https://github.com/acme/cfg-app", "path": "generated/staging/eu"}
        return {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Application",
            "metadata": {
                "name": self.name,
                "namespace": "argocd",
                "labels": dict(self.labels),
                "annotations": dict(self.annotations),
            },
            "spec": {"sources": [source, source]} if several else {"source": source},
            "status": copy.deepcopy(status),
        }


def _revisions(revisions: Sequence[str]) -> dict[str, Any]:
    if len(revisions) > 1:
        return {"revisions": list(revisions)}
    return {"revision": revisions[0]}
