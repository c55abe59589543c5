"""Boards as pages show them: an empty one, a busy one, and one whose every text is hostile."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from tests.unit.sets import app_sha, settings, sha
from tests.unit.snapshots import Rollout

from tidemill.answers.history import History, Stay, Told, history
from tidemill.commands._remedies import Remedies
from tidemill.facts.journal import Entry, TurnRecord
from tidemill.facts.ledger import Eviction, Ledger
from tidemill.facts.operation import Operation
from tidemill.facts.verification import Lost, Red
from tidemill.site.board import Board, Place, board

PLACE = Place(
    "acme/cfg-app",
    "https://github.com/acme/cfg-app",
    "https://github.com/acme/cfg-app",
    "https://github.com",
)
HOSTILE = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>&amp;\u202e\x00{{7*7}}]]>"
TARGETS = {
    "staging": ("staging-eu", "staging-us"),
    "internal": ("internal-eu",),
    "production": tuple(f"prod-{number}" for number in range(1, 13)),
}
# What is no text of anybody's, but one of a few words that the code knows.
_WORDS = {"how", "state", "kind", "phase", "health", "admit", "on_failure"}


def shown(rollout: Rollout, told: History | None = None) -> Board:
    """The board of a rollout as it is; of its ledger alone, where nothing else is told."""
    snapshot, decided = rollout.snapshot(), rollout.decide(without_landing=True)
    found = told or history((), None, snapshot.ledger)
    remedies = Remedies.of(PLACE.repo, snapshot.now)
    return board(snapshot, decided, found, PLACE, remedies.that_ends)


def fresh() -> Board:
    """A repository in which nothing has happened."""
    return shown(Rollout())


def busy() -> Board:
    """Three waves with something of everything, twelve targets in the last."""
    rollout = Rollout(
        settings(
            staging={"targets": list(TARGETS["staging"])},
            internal={"targets": list(TARGETS["internal"]), "soak": "30m"},
            production={
                "targets": list(TARGETS["production"]),
                "soak": "5h",
                "approval": True,
                "windows": ["Mon-Fri 09:00-16:00 Europe/Berlin"],
            },
        )
    )
    for position in range(100, 110):
        since = (110 - position) * 80
        rollout.landing("staging", position, landed=since, deployed=since - 6)
    for position in range(100, 108):
        since = (110 - position) * 80 - 50
        rollout.landing("internal", position, landed=since, deployed=since - 7, how="promote")
    for position in (100, 104):
        since = (110 - position) * 80 - 100
        rollout.landing("production", position, landed=since, deployed=since - 12, how="promote")
    rollout.landing("staging", 110, landed=4, deployed=None)
    rollout.ledger.of("internal", "app").landings[3].rolled_back = True
    for wave, targets in TARGETS.items():
        for target in targets:
            rollout.reported(wave, target, images=("ghcr.io/acme/app@sha256:" + "0" * 64,))
    rollout.reported("staging", "staging-us", health="Progressing", phase="Running")
    rollout.reported("production", "prod-7", health="Suspended")
    del rollout.records["production", "prod-9"]
    rollout.held("production", reason="Black Friday, ask Ada")
    rollout.announced(111)
    rollout.announced(112, ago=2)
    rollout.ledger.evictions.append(_eviction(rollout))
    return shown(rollout, _told(rollout))


def gated() -> Board:
    """What gates stop: a verification that is red, one that is lost, two hotfixes and their
    hold, a freeze, approvers, an environment with reviewers, and a target that is ignored."""
    ignored = {"until": "2026-01-09T15:00Z", "reason": "it moves to another region"}
    freeze = {"from": "2026-01-05T00:00", "until": "2026-01-08T18:00", "zone": "UTC"}
    rollout = Rollout(
        settings(
            verifications=[
                {"name": name, "waves": [wave], "command": "smoke"}
                for name, wave in (("errors", "staging"), ("e2e", "internal"))
            ],
            freezes=[{**freeze, "reason": "stocktaking", "waves": ["internal"]}],
            targets=[{"name": "staging-us", "ignored": ignored}],
            staging={"targets": list(TARGETS["staging"])},
            internal={"targets": list(TARGETS["internal"])},
            production={"targets": ["prod-1"], "approval": True, "approvers": ["ada", "acme/ops"]},
            asia={
                "after": ["internal"],
                "targets": ["asia-1"],
                "approval": True,
                "environment": "asia",
            },
        )
    )
    for place, wave in enumerate(("staging", "internal", "production", "asia")):
        for position in (1, 2, 3)[: 3 - min(place, 2)]:
            since = 1000 - position * 200 - place
            rollout.landing(wave, position, landed=since, deployed=since - 10)
    rollout.verifications = {
        "errors": Red("0.5 is more than 0.2"),
        "e2e": Lost("unreachable", "nobody answers"),
    }
    rollout.hotfix("internal", 1)
    for commit in [step.sha for step in rollout.turn().auto]:
        rollout.green(commit)
    rollout.turn()
    rollout.hotfix("internal", 2)
    rollout.turn()
    return shown(rollout)


def hostile() -> Board:
    """The busy one, in which every text that could come from somebody ends like markup."""
    return soiled(busy())


def soiled(clean: Board) -> Board:
    """A board whose every text ends like markup."""
    found: Board = _soiled(clean)
    return found


def _eviction(rollout: Rollout) -> Eviction:
    operation = Operation(
        kind="introduce",
        wave="staging",
        set="app",
        app_sha=app_sha(106),
        position=106,
        repository="acme/app",
        content="",
    )
    return Eviction(
        commit=sha("evicted"),
        at=rollout.ago(300),
        reason="its check is red twice, and its parent is green",
        said="FAIL web_test.go:42: want 200, got 500\nexit status 1",
        operation=operation,
    )


def _told(rollout: Rollout) -> History:
    """A journal in which a person asked for the last landing in production."""
    landing = rollout.ledger.of("production", "app").landings[-1]
    entry = Entry(
        what="promoted", sha=landing.commit, app_sha=landing.app_sha, wave="production", set="app"
    )
    landed = {"what": "landed", "by": "ada", "reason": "approved by ada"}
    entries = (entry, msgspec.structs.replace(entry, **landed))
    run = "https://github.com/acme/cfg-app/actions/runs/1"
    record = TurnRecord(at=landing.landed_at, run_url=run, entries=entries)
    return history([Told(sha("journal"), record)], Ledger(), rollout.ledger)


def _soiled(value: Any, name: str = "") -> Any:
    """The same value, each of its texts with something at its end."""
    match value:
        case str():
            return value if name in _WORDS else value + HOSTILE
        case datetime() | int() | float() | None:
            return value
        case tuple() | list():
            return type(value)(_soiled(one, name) for one in value)
        case Mapping():
            return {_soiled(key): _soiled(one) for key, one in value.items()}
        case msgspec.Struct():
            given = {
                key: _soiled(getattr(value, key), key)
                for key in value.__struct_fields__
                if isinstance(getattr(value, key), str | tuple | list | Mapping | msgspec.Struct)
            }
            changed = msgspec.structs.replace(value, **given)
            if isinstance(changed, Stay):
                return msgspec.structs.replace(changed, run_url="javascript:alert(1)")
            return changed
        case _:
            return value
