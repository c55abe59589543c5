"""What has ended: whether it is where it was to go, and what lets it in again."""

from __future__ import annotations

import pytest
from tests.unit.plan.test_position import announced
from tests.unit.sets import LAB, SHOP, landing, settings
from tests.unit.turn.states import state

from tidemill.announcing.order import Order
from tidemill.asks.ask import Nothing
from tidemill.asks.asker import OVERRIDING, Ended
from tidemill.asks.ended import is_in_first_waves, way_in
from tidemill.errors import SettingsInvalid
from tidemill.facts.decoding import IllegibleRecord
from tidemill.facts.ledger import Ledger, SetLedger
from tidemill.facts.requests import AnnouncementRequest, Drop, Fact

REQUEST = announced("ada")
SHA = REQUEST.announcement.sha
ENDED = Ended(REQUEST.id, "landed", SHA)
DROP = Drop(accepted_at=REQUEST.accepted_at, request=REQUEST.id)
RETRY = ("retry", "--sha", SHA, "--set", "app")
TWO_FIRST = settings(lab=LAB, shop={**SHOP, "after": []})


def had(*waves: str, sha: str = SHA, set_name: str = "app") -> Ledger:
    """What is known where these waves have a set."""
    return Ledger(
        sets={wave: {set_name: SetLedger(landings=[landing(app_sha=sha)])} for wave in waves}
    )


@pytest.mark.parametrize("fact", [REQUEST, ENDED], ids=["accepted", "ended"])
@pytest.mark.parametrize(
    ("ledger", "is_there"),
    [
        (had("lab", "shop"), True),
        (had("lab"), False),
        (had("lab", "shop", sha="f" * 40), False),
        (had("lab", "shop", set_name="lib"), False),
        (Ledger(), False),
    ],
    ids=["both", "one of two", "another set", "another image set", "nothing"],
)
def test_a_set_is_there_where_each_wave_that_comes_first_has_it(
    fact: AnnouncementRequest | Ended, ledger: Ledger, is_there: bool
) -> None:
    assert is_in_first_waves(fact, state(settings=TWO_FIRST, journal=ledger)) is is_there


def test_a_wave_that_comes_later_need_not_have_it() -> None:
    one_first = settings(lab=LAB, shop=SHOP)
    assert is_in_first_waves(REQUEST, state(settings=one_first, journal=had("lab")))


def test_of_what_can_not_be_read_nothing_is_concluded() -> None:
    newer = IllegibleRecord("it is of version 9", is_newer=True)
    assert not is_in_first_waves(REQUEST, state(journal=newer))
    invalid = SettingsInvalid("no", remedy="mend it")
    assert is_in_first_waves(REQUEST, state(settings=invalid))


@pytest.mark.parametrize("fact", [DROP, Nothing("no")], ids=["a drop", "nothing"])
def test_what_announces_nothing_is_there(fact: Fact | Nothing) -> None:
    assert is_in_first_waves(fact, state())


@pytest.mark.parametrize("fact", [REQUEST, ENDED], ids=["accepted", "ended"])
@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("rejected", RETRY),
        ("evicted", RETRY),
        ("dropped", RETRY),
        ("superseded", OVERRIDING),
        ("landed", None),
        (None, None),
    ],
)
def test_what_lets_in_again_follows_from_how_it_ended(
    fact: AnnouncementRequest | Ended, how: str | None, words: tuple[str, ...] | None
) -> None:
    assert way_in(fact, state(), how) == words


def test_no_override_lets_in_an_older_generation() -> None:
    newer = Ledger(sets={"lab": {"app": SetLedger(generation=Order(2).generation)}})
    assert way_in(REQUEST, state(journal=newer), "superseded") is None
    assert way_in(REQUEST, state(journal=newer), "evicted") == RETRY


def test_what_is_being_dropped_comes_back_as_what_was_dropped() -> None:
    waiting = state(inbox={REQUEST.id: REQUEST})
    assert way_in(DROP, waiting, None) == RETRY
    assert way_in(DROP, state(), None) is None
    assert way_in(Nothing("no"), waiting, "dropped") is None
