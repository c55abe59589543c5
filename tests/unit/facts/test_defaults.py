"""What is not written: records of earlier releases lack a field, and go on meaning the same."""

from __future__ import annotations

import pytest
from msgspec import Struct
from msgspec.structs import fields

from tidemill.facts.checks import CheckRecord
from tidemill.facts.holds import Hold
from tidemill.facts.image_files import Source, StandIn
from tidemill.facts.journal import TurnRecord
from tidemill.facts.ledger import (
    BadEnding,
    Eviction,
    Landing,
    Ledger,
    Names,
    SetLedger,
    Suspect,
)
from tidemill.facts.naming import Naming
from tidemill.facts.on_github import ActionsPolicy, Permissions, Repository, Switch
from tidemill.facts.operation import Files, Operation
from tidemill.facts.records import Deployment, ReportedSet
from tidemill.facts.requests import AnnouncementRequest, Point, Promotion, WorkflowRun
from tidemill.facts.settings import Checks, ImageSet, Wave
from tidemill.facts.signals import Delivery, Signal
from tidemill.facts.staleness import Finding, StaleFiles

FIRST = {"generation": 1, "rewrites": 0}
WRITTEN: dict[type[Struct], dict[str, int]] = {
    CheckRecord: {"version": 1},
    Hold: {"version": 1, "everywhere": False},
    Source: {"version": 1, **FIRST},
    StandIn: FIRST,
    TurnRecord: {"version": 1},
    BadEnding: FIRST,
    Eviction: {"retried": False, "dismissed": False},
    Landing: {
        **FIRST,
        **dict.fromkeys(("verified_once", "deployed_once", "rolled_back", "buried"), False),
        **dict.fromkeys(("held", "moved", "is_hotfix"), False),
    },
    Ledger: {"moved": 0},
    Names: {"is_lost": False},
    SetLedger: {"highest": 0, **FIRST, "oldest_next": False},
    Suspect: {"round": 0},
    Naming: {"more": 0, "nothing": False},
    Files: {"uses": True},
    Operation: {**FIRST, "is_hotfix": False},
    Deployment: {"version": 1, "number": 1},
    ReportedSet: {"uses": True, "images_fit": True, "is_named": True},
    AnnouncementRequest: {"version": 1, "retry": False, "rewrites": 0},
    Point: FIRST,
    Promotion: {"version": 1, **FIRST},
    WorkflowRun: {"attempt": 1},
    Delivery: {"tries": 0, "is_done": False},
    Signal: {"has_end": True},
    Finding: {"is_confirmed": False},
    StaleFiles: {"is_one": False},
}
SAID: dict[type[Struct], dict[str, int]] = {
    Checks: {"retries": 1},
    ImageSet: {"generation": 1, "jump": 100_000},
    Wave: {"approval": False},
    ActionsPolicy: {"sha_pinning_required": False},
    Permissions: {"push": False},
    Repository: {"archived": False, "disabled": False},
    Switch: {"enabled": False},
}


@pytest.mark.parametrize(
    ("kind", "expected"),
    [*WRITTEN.items(), *SAID.items()],
    ids=lambda one: getattr(one, "__name__", ""),
)
def test_numbers_and_choices_that_are_left_out_mean_what_they_always_meant(
    kind: type[Struct], expected: dict[str, int]
) -> None:
    found = {one.name: one.default for one in fields(kind) if isinstance(one.default, int)}
    assert found == expected
    assert {name: type(one) for name, one in found.items()} == {
        name: type(one) for name, one in expected.items()
    }
