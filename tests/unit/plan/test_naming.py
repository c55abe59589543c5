"""What a wave's files do not name is noted once, and not where a repository adopts Tidemill."""

from __future__ import annotations

import pytest
from tests.unit.snapshots import Rollout, two_waves

from tidemill.facts.naming import Naming
from tidemill.facts.snapshot import WaveNaming
from tidemill.plan.draft import Draft
from tidemill.plan.naming import forget_naming, note_naming

NOTHING = Naming(absent=("web",), nothing=True)


def noted(rollout: Rollout, naming: Naming | None, *, is_first: bool = False) -> list[str]:
    """What is told, once it was found out; and it is known then."""
    draft = Draft.of(rollout.snapshot())
    if is_first:
        draft.snapshot.ledger.sets = {}
    note_naming(draft, "lab", WaveNaming("f" * 40, {} if naming is None else {"app": naming}))
    present = draft.ledger.present("lab", "app")
    assert present is not None
    assert present.naming == naming
    assert draft.named == {"lab": "f" * 40}
    rollout.ledger = draft.ledger
    return [one.reason for one in draft.entries if one.what == "not in the files"]


@pytest.mark.parametrize("is_first", [False, True])
def test_what_files_do_not_name_is_told_but_not_at_first(*, is_first: bool) -> None:
    rollout = two_waves()
    assert noted(rollout, NOTHING, is_first=is_first) == ([] if is_first else [NOTHING.words])
    assert noted(rollout, NOTHING) == [], "it is known"
    assert noted(rollout, None) == [], "nothing is missing any more"


def test_what_was_named_is_forgotten_where_nobody_can_know_any_more() -> None:
    rollout = two_waves()
    noted(rollout, NOTHING)
    draft = Draft.of(rollout.snapshot())
    draft.ledger.named = {"lab": "f" * 40}
    forget_naming(draft)
    assert draft.ledger.named == {}
    assert [one.naming for _, one in draft.ledger.landings("app")] == [None] * 3
