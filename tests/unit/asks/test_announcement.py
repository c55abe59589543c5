"""An announcement is held against those that wait, whatever their set was called then."""

from __future__ import annotations

from typing import cast

import pytest
from msgspec.structs import replace
from tests.unit.plan.test_position import announced
from tests.unit.sets import LAB, SHOP, settings
from tests.unit.turn.states import state

from tidemill.asks import announcement
from tidemill.asks.ask import Announce
from tidemill.asks.asker import Asker, Lookup
from tidemill.errors import Refused
from tidemill.facts.ledger import Ledger, Names
from tidemill.facts.settings import ImageSet

WAITS = announced("ada")
# The same commit, at another position.
OTHER = replace(WAITS.announcement, set="store", position=2)
KEPT = Names(was={"store": ("app",)}, known=("app", "store"))


@pytest.mark.parametrize(
    ("ledger", "sets"),
    [
        (Ledger(set_names=replace(KEPT, now={"app": ("store",)})), ("store",)),
        (Ledger(set_names=KEPT, meant={WAITS.id: (None, "store")}), ("app", "store")),
    ],
    ids=["its name is gone", "another set has its name"],
)
def test_commit_that_waits_under_an_earlier_name_has_the_position_that_it_has(
    ledger: Ledger, sets: tuple[str, ...]
) -> None:
    named = tuple(ImageSet(name=one, was="app" if one == "store" else ()) for one in sets)
    known = replace(settings(lab=LAB, shop=SHOP), sets=named)
    here = state(settings=known, journal=ledger, inbox={WAITS.id: WAITS})
    asker = Asker("ada", WAITS.accepted_at, " ".join, " ".join)
    with pytest.raises(Refused, match="has position 1, not 2"):
        announcement.answer(Announce(OTHER), here, asker, cast(Lookup, None))
