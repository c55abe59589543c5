"""Accepting: a fact is written to the inbox once, and what is not written is said."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from tests.simulation.facts import below
from tests.simulation.memory import Client, Commit, Server
from tests.simulation.world import World
from tests.unit.snapshots import Rollout
from tests.unit.turn.states import state

from tidemill.clients.git.store import Declined, PushResult, Raced, Update
from tidemill.errors import Refused, ServerRefused
from tidemill.facts.requests import AnnouncementRequest, Fact, HoldRequest
from tidemill.turn.accept import Accepted, accept
from tidemill.turn.push import MOST_RACES, Clock
from tidemill.turn.read import read
from tidemill.turn.turn import turn
from tidemill.turn.write import fact_commit


def hold(world: World, **given: Any) -> HoldRequest:
    fields = {"accepted_at": world.now, "wave": "staging", "set": "_", "reason": "a freeze"}
    return HoldRequest(**{**fields, **given})


def announcement(**given: Any) -> AnnouncementRequest:
    rollout = Rollout()
    found = rollout.inbox[rollout.announced(3, **given)]
    assert isinstance(found, AnnouncementRequest)
    return found


def taken(world: World, fact: Fact, store: Client | None = None, **given: Any) -> Accepted:
    store = store or Client(world.server, "tidemill ask")
    clock = given.pop("clock", None) or Clock(world.now, pause=lambda _: None)
    return accept(store, read(store), fact, clock, **given)


def inbox(world: World) -> dict[str, str]:
    return below(world.server.refs, "inbox")


def test_fact_is_in_the_inbox_and_known_to_be(world: World) -> None:
    asked = hold(world)
    found = taken(world, asked)
    assert (found.is_new, found.ended, found.extra) == (True, None, {})
    assert list(inbox(world)) == [asked.id]
    assert found.state.inbox[asked.id] == asked
    assert found.state.refs.get(f"refs/tidemill/inbox/{asked.id}") == inbox(world)[asked.id]


def test_fact_that_waits_already_is_not_written_again(world: World) -> None:
    asked = hold(world)
    taken(world, asked)
    before = inbox(world)
    again = taken(world, asked)
    assert (again.is_new, again.ended) == (False, None)
    assert inbox(world) == before


def test_fact_that_has_ended_says_how(world: World) -> None:
    asked = hold(world)
    taken(world, asked)
    turn(Client(world.server, "tidemill turn"), Clock(world.now))
    again = taken(world, asked)
    assert (again.is_new, again.ended) == (False, "done")
    assert inbox(world) == {}


def test_announcement_that_has_ended_says_how_and_one_that_comes_late_waits(world: World) -> None:
    asked = announcement()
    taken(world, asked)
    turn(Client(world.server, "tidemill turn"), Clock(world.now))
    again = taken(world, asked)
    assert not again.is_new
    later = replace(asked, accepted_at=asked.accepted_at + timedelta(hours=1))
    assert not taken(world, later).is_new


def test_dry_run_writes_nothing_and_takes_it_for_accepted(world: World) -> None:
    asked = hold(world)
    found = taken(world, asked, dry_run=True)
    assert (found.is_new, found.extra) == (True, {asked.id: asked})
    assert inbox(world) == {}


def test_dry_run_says_of_a_fact_that_waits_that_it_is_not_new(world: World) -> None:
    asked = hold(world)
    taken(world, asked)
    again = taken(world, asked, dry_run=True)
    assert (again.is_new, again.extra) == (False, {})


class Unsigned(Client):
    """Git can't sign here."""

    def signed(self, commit: str) -> str:
        raise Refused("there is no key", remedy="make one")


def test_who_can_not_sign_changes_nothing(world: World) -> None:
    """Not even what is in the way."""
    asked = hold(world, main=world.main)
    stray = Commit({"record.json": b"{}"}, None, "mine", world.now, "mallory")
    ref = f"refs/tidemill/inbox/{asked.id}/x"
    world.server.watchers.clear()
    world.server.refs[ref] = world.server.put(stray)
    before = dict(world.server.refs)
    with pytest.raises(Refused, match="there is no key"):
        taken(world, asked, Unsigned(world.server, "tidemill ask"))
    assert world.server.refs == before
    assert taken(world, asked).is_new
    assert ref not in world.server.refs


def test_same_announcement_later_is_the_same_one_and_with_other_images_is_refused(
    world: World,
) -> None:
    asked = announcement()
    taken(world, asked)
    later = replace(asked, accepted_at=asked.accepted_at + timedelta(hours=1))
    assert not taken(world, later).is_new
    other = announcement(content="something else")
    assert other.id == asked.id
    with pytest.raises(Refused, match="waits already, with other contents"):
        taken(world, other)


def test_same_report_later_is_the_same_one(world: World) -> None:
    report = Rollout().record("lab", "lab-1")
    taken(world, report)
    again = replace(report, accepted_at=report.accepted_at + timedelta(minutes=9), number=4)
    assert not taken(world, again).is_new


@pytest.mark.parametrize(
    ("since", "is_new"), [(None, False), (-1, False), (0, True), (1, False)], ids=str
)
def test_report_that_waits_is_written_anew_where_it_is_the_last_that_counts(
    world: World, since: int | None, *, is_new: bool
) -> None:
    """A target says again what it has said before something else, within the same second."""
    report = Rollout().record("staging", "staging-0")
    world.server.watchers.clear()  # that a report takes the place of itself is the point
    taken(world, report)
    if since is not None:
        finished = report.finished_at + timedelta(minutes=since)
        later = report.accepted_at + timedelta(minutes=5)
        taken(world, replace(report, health="Degraded", finished_at=finished, accepted_at=later))
    again = replace(report, accepted_at=report.accepted_at + timedelta(minutes=9))
    assert taken(world, again).is_new is is_new


def forged(world: World, asked: HoldRequest, data: bytes) -> None:
    """What stands in a fact's place is something else."""
    commit = Commit({"record.json": data}, None, "mine", world.now, "mallory")
    world.server.refs[f"refs/tidemill/inbox/{asked.id}"] = world.server.put(commit)


def test_what_can_not_be_read_gives_way(world: World) -> None:
    asked = hold(world)
    forged(world, asked, b"garbage")
    assert taken(world, asked).is_new
    store = Client(world.server, "ada")
    assert inbox(world)[asked.id] == fact_commit(store, asked)


def test_what_a_newer_release_wrote_stays(world: World) -> None:
    asked = hold(world)
    forged(world, asked, b'{"version": 9, "kind": "hold"}')
    before = inbox(world)
    with pytest.raises(Refused, match="waits already") as caught:
        taken(world, asked)
    assert "a newer release wrote it (version 9)" in caught.value.what
    assert "with the newer release" in caught.value.remedy, "this one does not drop it"
    assert inbox(world) == before


class Answering(Client):
    """A server that answers so to the first pushes."""

    def __init__(self, server: Server, answers: Sequence[PushResult]) -> None:
        super().__init__(server, "tidemill ask")
        self.answers = [*answers]
        self.pushes = 0

    def push(self, updates: Sequence[Update]) -> PushResult:
        self.pushes += 1
        return self.answers.pop(0) if self.answers else super().push(updates)


def test_fact_that_somebody_else_has_written_meanwhile_is_not_new(world: World) -> None:
    asked = hold(world)

    class Late(Client):
        """Somebody is first, between this one's reading and its push."""

        def push(self, updates: Sequence[Update]) -> PushResult:
            if not inbox(world):
                taken(world, asked)
            return super().push(updates)

    world.server.refs.pop(f"refs/tidemill/inbox/{asked.id}", None)
    other = hold(world, by="grace")
    world.server.refs[f"refs/tidemill/inbox/{other.id}"] = fact_commit(
        Client(world.server, "ada"), other
    )
    found = taken(world, other, Late(world.server, "tidemill ask"))
    assert not found.is_new


def test_ref_that_is_in_motion_is_pushed_again_after_a_pause(world: World) -> None:
    asked, pauses = hold(world), list[float]()
    ref = f"refs/tidemill/inbox/{asked.id}"
    store = Answering(world.server, [Raced(ref, None, None)] * 2)
    found = taken(world, asked, store, clock=Clock(world.now, pause=pauses.append))
    assert found.is_new
    assert (store.pushes, len(pauses)) == (3, 2)


def test_ref_that_goes_on_moving_is_an_error(world: World) -> None:
    asked = hold(world)
    ref = f"refs/tidemill/inbox/{asked.id}"
    store = Answering(world.server, [Raced(ref, None, None)] * MOST_RACES)
    with pytest.raises(ServerRefused, match="it kept changing"):
        taken(world, asked, store)
    assert store.pushes == MOST_RACES


@pytest.mark.parametrize(
    ("expected", "found"), [("a" * 40, None), (None, "b" * 40)], ids=["it-went", "it-came"]
)
def test_ref_that_another_has_moved_is_read_again(
    world: World, expected: str | None, found: str | None
) -> None:
    asked, pauses = hold(world), list[float]()
    store = Answering(world.server, [Raced(f"refs/tidemill/inbox/{asked.id}", expected, found)])
    assert taken(world, asked, store, clock=Clock(world.now, pause=pauses.append)).is_new
    assert pauses == [], "there is nothing to wait for"


def test_server_that_does_not_take_the_ref_is_an_error_that_names_it(world: World) -> None:
    asked = hold(world)
    store = Answering(world.server, [Declined("no")] * 3)
    with pytest.raises(ServerRefused) as caught:
        taken(world, asked, store)
    assert f"the server did not take refs/tidemill/inbox/{asked.id}: no" in caught.value.what


ACCEPTED_ONE = "x was accepted and waits in the inbox"


@pytest.mark.parametrize(
    ("given", "since", "said"),
    [
        ({}, "nothing", ACCEPTED_ONE),
        ({}, "a commit", f"{ACCEPTED_ONE}; a commit"),
        ({"is_new": False}, "nothing", "nothing"),
        ({"is_new": False}, "a commit", "a commit"),
        ({"extra": {"x": Rollout().record("lab", "lab-1")}}, "nothing", "nothing"),
    ],
    ids=["new", "new-and-more", "known", "known-and-more", "dry-run"],
)
def test_error_after_accepting_says_what_was_written(
    given: dict[str, Any], since: str, said: str
) -> None:
    accepted = Accepted("x", **{"is_new": True, "state": state(), **given})
    assert accepted.written(since) == said
