"""Retrying: what had ended comes in again, by the names and in the order of today."""

from __future__ import annotations

from typing import Any, cast

from msgspec.structs import replace
from tests.unit.plan.test_position import announced
from tests.unit.sets import LAB, SHOP, settings
from tests.unit.turn.states import state

from tidemill.asks import retry
from tidemill.asks.ask import Nothing, RetrySet
from tidemill.asks.asker import Asker, Lookup
from tidemill.facts.ledger import Ledger, Names, SetLedger
from tidemill.facts.requests import AnnouncementRequest
from tidemill.facts.settings import ImageSet

ANNOUNCED = announced("ada")
REJECTED = replace(ANNOUNCED, announcement=replace(ANNOUNCED.announcement, position=12))


class Kept:
    """What is kept below `rejected/`."""

    def rejected(self, request: str) -> AnnouncementRequest | None:
        return REJECTED if request == REJECTED.id else None


def retried(ledger: Ledger, **given: Any) -> AnnouncementRequest | object:
    """What becomes of a retry of that commit, since the set app has been called store."""
    names = Names(was={"store": ("app",)}, now={"app": ("store",)}, known=("store",))
    known = replace(settings(lab=LAB, shop=SHOP), sets=(ImageSet(name="store", was="app"),))
    here = state(settings=known, journal=replace(ledger, set_names=names), **given)
    asker: Any = Asker("ada", REJECTED.accepted_at, " ".join, " ".join)
    ask = RetrySet(REJECTED.announcement.sha, set="store")
    return retry.answer(ask, here, asker, cast(Lookup, Kept()))


def test_retry_of_a_set_that_has_another_name_since_is_newer_than_what_it_has_had() -> None:
    """Positions of the set had gone back by an override before it got its name."""
    had = SetLedger(highest=11, rewrites=1)
    found = retried(Ledger(sets={"lab": {"store": had}}, rejected=[REJECTED.id]))
    assert isinstance(found, AnnouncementRequest)
    assert found.order > had.newest
    assert found.announcement.set == "store"


def test_announcement_that_waits_under_an_earlier_name_is_not_retried() -> None:
    waits = Nothing(f"{REJECTED.id} waits already")
    assert retried(Ledger(), inbox={REJECTED.id: REJECTED}) == waits
    both = Ledger(rejected=[REJECTED.id])
    assert retried(both, inbox={REJECTED.id: REJECTED}) == waits
