"""Which of two sets is the newer, and how an override lets positions go back."""

from __future__ import annotations

import msgspec
import pytest
from tests.unit.sets import sha
from tests.unit.snapshots import Rollout

from tidemill.announcing.announcement import Announcement, Image
from tidemill.announcing.order import Order, as_before, order_of
from tidemill.facts import requests
from tidemill.facts.image_files import Source, render
from tidemill.facts.ledger import Landing, Ledger, SetLedger
from tidemill.facts.requests import Point, digest
from tidemill.plan.position import rewrites_of


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        (Order(position=1), Order(position=2)),
        (Order(rewrites=0, position=9), Order(rewrites=1, position=2)),
        (Order(generation=1, rewrites=5, position=9), Order(generation=2, position=1)),
        (Order(), Order(position=1)),
    ],
    ids=["position", "rewrites", "generation", "unknown"],
)
def test_generation_counts_before_rewrites_and_these_before_the_position(
    older: Order, newer: Order
) -> None:
    assert older < newer


def announcement(position: int, generation: int = 1, text: str = "") -> Announcement:
    return Announcement(
        repository="acme/app",
        sha=sha(text or f"app-{generation}-{position}"),
        position=position,
        generation=generation,
        images={"web": Image(Digest="", Tag="")},
    )


@pytest.mark.parametrize(
    ("position", "generation", "overridden", "rewrites"),
    [
        (6, 1, False, 0),
        (6, 1, True, 0),
        (10**9, 1, True, 0),
        (5, 1, True, 1),
        (3, 1, True, 1),
        (3, 1, False, 0),
        (1, 2, True, 0),
    ],
    ids=["newer", "needless", "jump", "taken", "back", "late", "another-generation"],
)
def test_override_that_lets_a_position_go_back_is_counted(
    position: int, generation: int, overridden: bool, rewrites: int
) -> None:
    rollout = Rollout()
    rollout.landing("shop", 4)
    rollout.landing("lab", 5)
    found = rewrites_of(
        rollout.ledger, [], announcement(position, generation, "new"), overridden=overridden
    )
    assert found == rewrites


def test_what_comes_after_an_override_that_waits_is_newer_than_it() -> None:
    rollout = Rollout()
    rollout.landing("shop", 100)
    rollout.landing("lab", 100)
    rollout.announced(50, override="rewritten", rewrites=1)
    waiting = [
        fact for fact in rollout.inbox.values() if isinstance(fact, requests.AnnouncementRequest)
    ]
    assert rewrites_of(rollout.ledger, waiting, announcement(51), overridden=False) == 1
    assert rewrites_of(rollout.ledger, waiting, announcement(49), overridden=True) == 2


def test_first_set_of_all_needs_no_rewrite() -> None:
    assert rewrites_of(Ledger(), [], announcement(1), overridden=True) == 0


def test_wave_remembers_the_newest_that_it_has_had() -> None:
    part = SetLedger(highest=9)
    part.raise_to(Order(position=3))
    assert part.newest == Order(position=9)
    part.raise_to(Order(rewrites=1, position=3))
    assert part.newest == Order(rewrites=1, position=3)
    assert (part.generation, part.rewrites, part.highest) == (1, 1, 3)


def test_ledger_of_an_earlier_release_is_still_read() -> None:
    old = b'{"sets": {"lab": {"app": {"highest": 7, "had": []}}}}'
    ledger = msgspec.json.decode(old, type=Ledger)
    assert ledger.newest("app") == Order(position=7)
    assert b"generation" not in msgspec.json.encode(ledger)
    assert "generation" not in Landing.__struct_fields__[:7]


def test_files_and_ids_of_the_first_generation_stay_as_they_were(rollout: Rollout) -> None:
    source = Source(repository="acme/app", sha=sha("a"), position=3, introduced_at=rollout.ago(1))
    assert b"generation" not in render(source)
    assert b"rewrites" not in render(source)
    second = msgspec.structs.replace(source, generation=2, rewrites=1)
    assert msgspec.json.decode(render(second), type=Source) == second
    assert announcement(3).id == f"announcement-app-3-{sha('app-1-3')[:12]}"
    assert announcement(3, 2).id == f"announcement-app-2.3-{sha('app-2-3')[:12]}"


def test_id_of_a_request_of_an_earlier_release_stays(rollout: Rollout) -> None:
    point = Point(app_sha=sha("a"), position=3, content="c", commit=sha("b"))
    plain = as_before(point)
    assert plain == {
        "app_sha": sha("a"), "position": 3, "content": "c", "commit": sha("b"), "repository": None,
    }  # fmt: skip
    hold = requests.HoldRequest(accepted_at=rollout.ago(1), wave="lab", set="app", reason="x")
    import hashlib

    before = hashlib.sha256(msgspec.json.encode(hold, order="sorted")).hexdigest()[:20]
    assert digest(hold) == before
    assert order_of(point) == Order(position=3)


@pytest.fixture
def rollout() -> Rollout:
    return Rollout()
