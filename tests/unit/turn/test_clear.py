"""Clearing the way: what stands where Git could write none of ours is set aside, in this order."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta

import pytest
from tests.simulation.facts import JOURNAL
from tests.simulation.memory import Client, Commit, Server
from tests.simulation.scene import START
from tests.simulation.small_worlds import one_landed
from tests.simulation.world import World

from tidemill.clients.git.store import Declined, Pushed, PushResult, Raced, Update
from tidemill.errors import ServerRefused
from tidemill.facts.decoding import IllegibleRecord
from tidemill.facts.journal import Entry, Journal
from tidemill.facts.ledger import KEPT_REFS
from tidemill.facts.refs import RefNames, Refs
from tidemill.facts.requests import HoldRequest
from tidemill.facts.state import State
from tidemill.turn.clear import cleared_way
from tidemill.turn.push import MOST_RACES, Clock
from tidemill.turn.read import read
from tidemill.turn.write import journal_commit

SPACE = "refs/tidemill"
INBOX, REJECTED = f"{SPACE}/inbox", f"{SPACE}/rejected"
LOCK = "it is locked"


@pytest.fixture
def world(world: World) -> World:
    one_landed(world)
    world.server.watchers.clear()  # the rules are about what ours write there
    return world


class Strict(Client):
    """A server that, as Git, writes no ref inside of another one that is there.

    Attributes:
        answers: what it says to the first pushes.
        tried: how often something was pushed.
    """

    def __init__(self, server: Server, answers: Sequence[PushResult] = ()) -> None:
        super().__init__(server, "tidemill")
        self.answers, self.tried = [*answers], 0

    def push(self, updates: Sequence[Update]) -> PushResult:
        self.tried += 1
        if self.answers:
            return self.answers.pop(0)
        there = self.server.refs
        for one in updates:
            if one.new and RefNames.are_in_the_way(there, one.ref):
                return Declined(f"{one.ref} is in the way")
        return super().push(updates)


def put(world: World, *refs: str) -> dict[str, str]:
    """Somebody lets refs point to a commit each."""
    for ref in refs:
        commit = Commit({"record.json": b"{}"}, None, ref, START, "mallory")
        world.server.refs[ref] = world.server.put(commit)
    return {ref: world.server.refs[ref] for ref in refs}


def cleared(
    world: World, store: Strict | None = None, pauses: list[float] | None = None
) -> tuple[State, tuple[Entry, ...]]:
    store = store or Strict(world.server)
    clock = Clock(world.now, pause=([] if pauses is None else pauses).append)
    return cleared_way(store, read(store), clock)


def aside(world: World) -> set[str]:
    """What stands below `rejected/`."""
    return {*Refs(world.server.refs).below(REJECTED).values()}


def test_where_nothing_is_in_the_way_nothing_is_pushed(world: World) -> None:
    store, before = Strict(world.server), dict(world.server.refs)
    state, entries = cleared(world, store)
    assert (store.tried, entries, world.server.refs) == (0, (), before)
    assert state.refs.shas == before


@pytest.mark.parametrize(
    ("stray", "is_kept", "pushes"),
    [
        ([f"{INBOX}/a/b"], True, 1),
        ([f"{SPACE}/checks/{'a' * 40}/b", f"{JOURNAL}/b"], True, 1),
        ([INBOX], True, 1),
        ([REJECTED], False, 1),
        ([INBOX, f"{SPACE}/holds"], True, 2),
        ([f"{REJECTED}/a/b", f"{INBOX}/a/b"], True, 1),
    ],
    ids=["in the inbox", "elsewhere", "the inbox", "rejected", "inbox and holds", "several"],
)
def test_what_is_in_the_way_is_set_aside(
    world: World, stray: list[str], *, is_kept: bool, pushes: int
) -> None:
    if f"{JOURNAL}/b" in stray:  # Git has no journal then
        del world.server.refs[JOURNAL]
    lost, store = put(world, *stray), Strict(world.server)
    before = read(store)
    state, entries = cleared(world, store)
    assert not lost.keys() & world.server.refs.keys()
    assert store.tried == pushes
    assert state.strays == ()
    assert state.refs.shas == world.server.refs
    assert (set(lost.values()) <= aside(world)) is is_kept
    assert {one.id for one in entries} == {one.id for one in before.strays}
    assert {one.what for one in entries} == {"rejected"}
    assert all("no ref of that name is ours" in one.reason for one in entries)


def test_what_is_where_all_that_is_kept_would_be_goes_first_and_alone(world: World) -> None:
    lost = put(world, REJECTED, INBOX, f"{SPACE}/checks/x")
    store = Strict(world.server)
    _, entries = cleared(world, store)
    assert store.tried == 3
    assert [one.reason.split("'")[1] for one in entries] == [REJECTED, INBOX, f"{SPACE}/checks/x"]
    assert aside(world) == {lost[INBOX], lost[f"{SPACE}/checks/x"]}


def test_what_is_where_the_inbox_would_be_goes_before_a_hold_that_is_asked_for_anew(
    world: World,
) -> None:
    place = f"{SPACE}/holds/staging/app/more"
    lost, store = put(world, INBOX, place), Strict(world.server)
    state, _ = cleared(world, store)
    assert store.tried == 2
    assert aside(world) == {*lost.values()}
    [hold] = state.inbox.values()
    assert isinstance(hold, HoldRequest)
    assert (hold.wave, hold.set) == ("staging", "app")
    assert place in hold.reason


def test_journal_says_what_was_set_aside_and_keeps_its_name(world: World) -> None:
    before = world.server.refs[JOURNAL]
    put(world, f"{INBOX}/a/b")
    _, [entry] = cleared(world)
    tip = world.server.commits[world.server.refs[JOURNAL]]
    assert tip.parent == before
    written = json.loads(tip.files["record.json"])
    assert [one["id"] for one in written["entries"]] == [entry.id]
    after = read(Client(world.server, "look")).written
    assert after.rejected == [entry.id]
    assert after.present("staging", "app") is not None


@pytest.mark.parametrize(("minutes", "is_known"), [(60, True), (61, False)])
def test_what_the_last_turn_knew_is_still_known(
    world: World, minutes: int, *, is_known: bool
) -> None:
    store = Client(world.server, "tidemill")
    state = read(store)
    next_due = START + timedelta(minutes=minutes)
    record = Journal(at=START, read=("hold-1",), next=next_due, ledger=state.written)
    world.server.refs[JOURNAL] = journal_commit(store, state, record)
    put(world, f"{INBOX}/a/b")
    after, _ = cleared(world)
    assert after.read == {"hold-1"}
    assert after.next_due == (next_due if is_known else None), "to be seen to once, and not lost"


def test_names_of_what_was_set_aside_are_kept_up_to_a_bound(world: World) -> None:
    names = [f"{INBOX}/{number:03}/b" for number in range(KEPT_REFS + 1)]
    lost, store = put(world, *names), Strict(world.server)
    state, entries = cleared(world, store)
    assert store.tried == 2, "so many at once, and no more"
    assert len(entries) == len(lost)
    assert state.written.rejected == [one.id for one in entries][1:]


def test_journal_that_can_not_be_read_is_not_written_on(world: World) -> None:
    put(world, JOURNAL, f"{INBOX}/a/b")
    garbage = {"record.json": b'{"version": 9}'}
    tip = world.server.put(Commit(garbage, None, "newer", START, "newer"))
    world.server.refs[JOURNAL] = tip
    state, _ = cleared(world)
    assert isinstance(state.journal, IllegibleRecord)
    assert world.server.refs[JOURNAL] == tip
    assert state.strays == ()


@pytest.mark.parametrize("races", [1, MOST_RACES - 1])
def test_race_is_run_again(world: World, races: int) -> None:
    put(world, f"{INBOX}/a/b")
    pauses: list[float] = []
    state, [entry] = cleared(world, Strict(world.server, [raced()] * races), pauses)
    assert (state.strays, entry.what) == ((), "rejected")
    assert len(pauses) == races
    longest = [min(5.0, 0.05 * 2.0**tries) for tries in range(1, races + 1)]
    assert all(most / 4 <= one <= most for one, most in zip(pauses, longest, strict=True))


def test_way_that_is_never_clear_is_an_error(world: World) -> None:
    before = put(world, f"{INBOX}/a/b")
    store = Strict(world.server, [raced()] * MOST_RACES)
    with pytest.raises(ServerRefused, match=f"'{INBOX}/a/b' kept moving"):
        cleared(world, store)
    assert store.tried == MOST_RACES
    assert before.items() <= world.server.refs.items()


def test_way_that_the_server_does_not_let_be_cleared_is_an_error(world: World) -> None:
    put(world, f"{INBOX}/a/b")
    with pytest.raises(ServerRefused, match=LOCK):
        cleared(world, Strict(world.server, [Declined(LOCK)] * 3))


def test_each_push_counts_once_among_races(world: World) -> None:
    put(world, INBOX, f"{SPACE}/checks/x")
    one, most = Pushed(), [raced()] * (MOST_RACES - 1)
    store = Strict(world.server, [*most, one])  # it says that it has done it, and another is faster
    with pytest.raises(ServerRefused, match="kept moving"):
        cleared(world, Strict(world.server, [*most, one, raced()]))
    assert cleared(world, store)[0].strays == ()


def raced() -> Raced:
    return Raced(f"{INBOX}/a/b", None, "a" * 40)
