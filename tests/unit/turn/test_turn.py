"""A turn, on Git in memory: what it writes, when it decides again, and when it leaves that."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any, cast

import pytest
from tests.simulation.actors import stage
from tests.simulation.announcing import announcement
from tests.simulation.facts import AUTO, JOURNAL, MAIN
from tests.simulation.memory import Client, Commit, Server
from tests.simulation.receiver import NAME
from tests.simulation.reports import LatestReports
from tests.simulation.small_worlds import SCENE, one_green, one_on_auto
from tests.simulation.world import ACCEPTED, World

from tidemill.clients.git.store import PushResult, Raced, Update
from tidemill.clients.github.connecting import NO_GITHUB
from tidemill.errors import ServerRefused, SettingsInvalid, TidemillError
from tidemill.facts.github_checks import Reports, RequiredCheck
from tidemill.facts.requests import HoldRequest, Release
from tidemill.facts.settings import FILE
from tidemill.facts.signals import NOBODY, Reach
from tidemill.plan import portion
from tidemill.turn.forge import Forge
from tidemill.turn.outcome import (
    LeftToAnother,
    LeftToNextRun,
    LostTo,
    NothingDue,
    WouldWrite,
    Wrote,
)
from tidemill.turn.push import MOST_RACES, Clock
from tidemill.turn.read import read, snapshot
from tidemill.turn.turn import Turn, look, look_from, turn
from tidemill.turn.write import fact_commit


def taken(world: World, store: Client | None = None, **given: Any) -> Turn:
    """One turn."""
    clock = given.pop("clock", None) or Clock(world.now, pause=lambda _: None)
    return turn(store or Client(world.server, "tidemill turn"), clock, **given)


def announce(world: World) -> None:
    """A set is announced, and no turn has been there since."""
    world.natures = (1, 0, 0, 0, 0)
    told = announcement(world, kind="fresh", set_name="app")
    world.do("announce", die_at=ACCEPTED, announcement=told)


def hold(world: World) -> None:
    """A person asks for a hold, and no turn has been there since."""
    world.do("hold", die_at=ACCEPTED, wave="staging", set_name="app", reason="a freeze")


def ask(world: World, **given: Any) -> HoldRequest:
    """Somebody who knows no better writes a hold to the inbox."""
    asked = HoldRequest(accepted_at=world.now, set="_", **{"wave": "staging", **given})
    store = Client(world.server, "ada")
    store.push([Update(f"refs/tidemill/inbox/{asked.id}", None, fact_commit(store, asked))])
    return asked


class Racing(Client):
    """Others are faster so many times."""

    def __init__(self, server: Server, times: int) -> None:
        self.listed = 0
        super().__init__(server, "tidemill turn", self._count)
        self.times = times

    def _count(self, what: str) -> None:
        self.listed += what == "list"

    def push(self, updates: Sequence[Update]) -> PushResult:
        if self.times:
            self.times -= 1
            return Raced(JOURNAL, "a" * 40, "b" * 40)
        return super().push(updates)


def test_turn_writes_what_is_due_and_soon_nothing(world: World) -> None:
    one_green(world)
    done = taken(world)
    assert isinstance(done.outcome, Wrote)
    assert world.server.refs[MAIN] == done.plan.landed
    taken(world)
    before = dict(world.server.refs)
    assert isinstance(taken(world).outcome, NothingDue)
    assert world.server.refs == before


def test_turn_starts_from_what_was_read_just_now(world: World) -> None:
    one_green(world)
    store = Racing(world.server, 0)
    known = read(store)
    assert isinstance(taken(world, store, state=known).outcome, Wrote)
    assert store.listed == 1


def test_dry_run_says_what_a_turn_would_do_and_names_no_commit_of_its_own(world: World) -> None:
    announce(world)
    before = dict(world.server.refs)
    done = taken(world, dry_run=True)
    assert isinstance(done.outcome, WouldWrite)
    assert world.server.refs == before
    assert len(done.plan.auto) == 1
    assert done.plan.to_check == ()
    assert [one.sha for one in done.plan.entries if one.what == "introduced"] == [None]


def test_dry_run_takes_for_accepted_what_it_is_given(world: World) -> None:
    asked = HoldRequest(accepted_at=world.now, wave="staging", set="_", reason="x")
    done = taken(world, dry_run=True, extra={asked.id: asked})
    assert isinstance(done.outcome, WouldWrite)
    assert list(done.plan.holds) == [("staging", "_")]
    assert isinstance(taken(world, dry_run=True).outcome, NothingDue)


def test_what_was_polled_is_filed_by_the_turn_that_has_it(world: World) -> None:
    asked = HoldRequest(accepted_at=world.now, wave="staging", set="_", reason="x")
    done = taken(world, reported=lambda _: {asked.id: asked})
    assert isinstance(done.outcome, Wrote)
    assert "refs/tidemill/holds/staging/_" in world.server.refs


def test_turn_says_what_it_makes(world: World) -> None:
    announce(world)
    said: list[str] = []
    taken(world, say=said.append)
    [sha] = [one["sha"] for one in world.apps["app"]]
    assert f"introduce app {sha[:12]} in staging" in said


def test_turn_that_may_run_no_entry_point_leaves_what_would_need_one(world: World) -> None:
    announce(world)
    before = dict(world.server.refs)
    done = taken(world, may_try=False)
    assert done.outcome == LeftToNextRun()
    assert world.server.refs == before


def test_turn_that_may_move_no_branch_leaves_what_would(world: World) -> None:
    one_green(world)
    before = dict(world.server.refs)
    assert taken(world, may_move=False).outcome == LeftToNextRun("branches")
    assert world.server.refs == before


def test_turn_that_may_move_no_branch_does_all_else(world: World) -> None:
    hold(world)
    assert isinstance(taken(world, may_move=False).outcome, Wrote)
    assert "refs/tidemill/holds/staging/app" in world.server.refs


def test_turn_with_bad_settings_writes_nothing(world: World) -> None:
    hold(world)
    world.edit("bad settings", {**world.files, "tidemill.toml": b"waves = 1\n"})
    before = dict(world.server.refs)
    with pytest.raises(SettingsInvalid):
        taken(world)
    assert world.server.refs == before


# Races


@pytest.mark.parametrize("races", [0, 1, MOST_RACES - 1])
def test_turn_that_loses_a_race_reads_all_again(world: World, races: int) -> None:
    one_green(world)
    store, pauses, said = Racing(world.server, races), list[float](), list[str]()
    clock = Clock(world.now, pause=pauses.append)
    assert isinstance(taken(world, store, clock=clock, say=said.append).outcome, Wrote)
    assert (store.listed, len(pauses)) == (races + 1, races)
    assert said.count(f"{JOURNAL} moved while this turn ran; reading again") == races


def test_turn_that_loses_eight_races_leaves_it_to_whoever_wins(world: World) -> None:
    one_green(world)
    before = dict(world.server.refs)
    pauses: list[float] = []
    clock = Clock(world.now, pause=pauses.append)
    done = taken(world, Racing(world.server, MOST_RACES), clock=clock)
    assert done.outcome == LostTo(JOURNAL)
    assert len(pauses) == MOST_RACES - 1
    assert world.server.refs == before


@pytest.mark.parametrize("races", [0, 1, 2])
def test_what_github_reports_is_read_again_with_all_else(races: int) -> None:
    asked: list[str] = []

    class Counting(LatestReports):
        def reports(self, sha: str, required: Sequence[RequiredCheck]) -> Reports:
            asked.append(sha)
            return super().reports(sha, required)

    with stage():
        world = World.of(replace(SCENE, source="github"), random.Random(0))
        one_on_auto(world)
        hold(world)
        store = Racing(world.server, races)
        assert isinstance(taken(world, store, forge=cast(Forge, Counting(store))).outcome, Wrote)
        assert asked.count(world.server.refs[AUTO]) == races + 1


@pytest.mark.parametrize("races", [0, 2])
def test_main_is_generated_as_it_is_no_more_often_for_a_lost_race(world: World, races: int) -> None:
    world.edit_rollout("sources alone", generate=False, notes={"staging-0": "new"})
    announce(world)
    said: list[str] = []
    taken(world, Racing(world.server, races), say=said.append)
    looks = [one for one in said if one == f"generate {world.main[:12]} as it is"]
    assert 1 <= len(looks) <= 2


# The server says no


def test_landing_that_the_server_refuses_is_left_out_and_said(world: World) -> None:
    one_green(world)
    world.server.protected = True
    main, said = world.main, list[str]()
    done = taken(world, say=said.append)
    assert isinstance(done.outcome, Wrote)
    assert (done.refused, done.plan.landed, world.main) == ("main is protected", None, main)
    assert done.plan.ledger.refused is not None
    assert "the server refuses to move main: main is protected" in said
    before = dict(world.server.refs)
    again = taken(world)
    assert isinstance(again.outcome, NothingDue)
    assert again.refused == "main is protected"
    assert world.server.refs == before


@pytest.mark.parametrize("before", [hold, one_green], ids=["no-landing", "a-landing"])
def test_server_that_takes_nothing_is_an_error(
    world: World, before: Callable[[World], None]
) -> None:
    before(world)
    world.server.locked = 100
    said: list[str] = []
    with pytest.raises(ServerRefused, match="it is locked"):
        taken(world, say=said.append)
    refusals = [one for one in said if "refuses to move main" in one]
    assert len(refusals) == (before is one_green)


def test_commit_that_does_not_descend_from_main_does_not_land(world: World) -> None:
    class Elsewhere(Client):
        def is_ancestor(self, ancestor: str, commit: str) -> bool:
            return False

    one_green(world)
    before = dict(world.server.refs)
    with pytest.raises(TidemillError, match="does not descend from main") as caught:
        taken(world, Elsewhere(world.server, "tidemill turn"))
    assert "delete the branch auto" in (caught.value.remedy or "")
    assert world.server.refs == before


# Time


def ticking(start: datetime, seconds: float) -> Clock:
    """A clock that goes on by so much whenever somebody looks."""
    looks = count()
    return Clock(
        start,
        pause=lambda _: None,
        read=lambda: start + next(looks) * timedelta(seconds=seconds),
    )


@pytest.mark.parametrize(("seconds", "again"), [(0, 0), (10, 0), (10.5, 3), (3600, 3)])
def test_what_lands_is_decided_again_by_the_time_it_is_where_that_took_long(
    world: World, seconds: float, again: int
) -> None:
    one_green(world)
    said: list[str] = []
    done = taken(world, clock=ticking(world.now, seconds), say=said.append)
    told = "making commits took a while: deciding again, by the time it is now"
    assert said.count(told) == again
    assert done.snapshot.now == world.now + again * timedelta(seconds=seconds)
    assert isinstance(done.outcome, Wrote)


def test_what_sends_signals_is_decided_again_too_so_that_no_other_run_sends_them_as_well(
    world: World,
) -> None:
    world.do("hold", wave="staging", set_name=None, all_waves=False, reason="wait", until=None)
    world.settle_on(replace(world.scene, is_told=True))
    done = taken(world, clock=ticking(world.now, 3600), reach=lambda _: Reach(frozenset({NAME})))
    [message] = done.plan.messages
    assert message.signal.deliveries[NAME].at == world.now + timedelta(hours=3)


def test_what_lands_nothing_is_decided_once_however_long_it_takes(world: World) -> None:
    announce(world)
    said: list[str] = []
    done = taken(world, clock=ticking(world.now, 3600), say=said.append)
    assert not [one for one in said if "deciding again" in one]
    assert done.snapshot.now == world.now


# What another turn has read


def test_request_that_another_turn_has_read_is_left_to_that(world: World) -> None:
    asked = ask(world, reason="x")
    taken(world)
    before = dict(world.server.refs)
    done = taken(world, request=asked.id)
    assert done.outcome == LeftToAnother(None)
    assert world.server.refs == before


def test_request_that_another_turn_has_rejected_says_why(world: World) -> None:
    asked = ask(world, wave="moon", reason="x")
    taken(world)
    done = taken(world, request=asked.id)
    assert isinstance(done.outcome, LeftToAnother)
    assert "moon" in (done.outcome.reason or "")


def test_request_that_nobody_has_read_is_done(world: World) -> None:
    asked = ask(world, reason="x")
    assert isinstance(taken(world, request=asked.id).outcome, Wrote)
    assert "refs/tidemill/holds/staging/_" in world.server.refs


def test_sender_leaves_the_turn_to_others_that_are_about_to_turn(world: World) -> None:
    ids = sorted(ask(world, reason=reason).id for reason in "ab")
    pauses: list[float] = []
    taken(world, request=ids[-1], clock=Clock(world.now, pause=pauses.append))
    assert pauses
    assert world.server.refs["refs/tidemill/holds/staging/_"], "they did not turn"


def test_sender_of_what_a_turn_has_read_before_turns_at_once(world: World) -> None:
    """What it sends again has the same name: nobody will read it once more."""
    announce(world)
    taken(world)
    [known] = read(Client(world.server, "look")).read
    ask(world, reason="another is about to turn")
    pauses: list[float] = []
    done = taken(world, request=known, clock=Clock(world.now, pause=pauses.append))
    assert isinstance(done.outcome, Wrote)
    assert pauses == []


def test_who_asked_is_looked_up_where_a_wave_takes_it_from_its_approvers_alone() -> None:
    with stage():
        waves = tuple(replace(one, soak=10) for one in SCENE.waves)
        world = World.of(replace(SCENE, waves=waves), random.Random(0))
        assert all(one.approvers for one in waves)
        asked = Release(accepted_at=world.now, wave="staging", ends=("hold-1",), reason="x")
        store = Client(world.server, "mallory")
        store.push([Update(f"refs/tidemill/inbox/{asked.id}", None, fact_commit(store, asked))])
        assert "approvers alone" in taken(world).plan.rejected[asked.id]


# Too much for one push


@pytest.mark.parametrize("is_dry", [False, True], ids=["turn", "dry-run"])
def test_turn_goes_on_with_what_one_push_can_not_name(
    world: World, monkeypatch: pytest.MonkeyPatch, *, is_dry: bool
) -> None:
    monkeypatch.setattr(portion, "MOST_ENDED", 2)
    ids = {ask(world, reason=reason).id for reason in "abcde"}
    said: list[str] = []
    done = taken(world, say=said.append, dry_run=is_dry)
    left = {name for name in ids if f"refs/tidemill/inbox/{name}" in world.server.refs}
    assert left == (ids if is_dry else set())
    assert (set(done.plan.ended) == ids) is is_dry, "what it says last is what it did last"
    parts = [one for one in said if one.startswith("much waits")]
    assert parts == ([] if is_dry else ["much waits: 2 of it are done; going on with the rest"] * 2)


@pytest.mark.parametrize("which", [0, -1])
def test_turn_whose_own_request_is_done_in_a_part_goes_on_with_the_rest(
    world: World, monkeypatch: pytest.MonkeyPatch, which: int
) -> None:
    monkeypatch.setattr(portion, "MOST_ENDED", 2)
    ids = sorted(ask(world, reason=reason).id for reason in "abcde")
    assert isinstance(taken(world, request=ids[which]).outcome, Wrote)
    assert not [one for one in world.server.refs if one.startswith("refs/tidemill/inbox/")]


def test_turn_that_did_it_in_parts_says_of_all_that_it_rejected_why(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has asked is told, also where the last part had nothing to do with that."""
    monkeypatch.setattr(portion, "MOST_ENDED", 2)
    ids = {ask(world, wave="nowhere", reason=reason).id for reason in "abcde"}
    done = taken(world)
    assert done.plan.rejected.keys() == ids
    assert all("nowhere" in why for why in done.plan.rejected.values())


class RacingLater(Racing):
    """Others are faster, but for the first time."""

    def push(self, updates: Sequence[Update]) -> PushResult:
        done = super().push(updates)
        self.times = MOST_RACES
        return done


def test_turn_whose_later_parts_lose_all_races_says_what_the_first_one_wrote(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(portion, "MOST_ENDED", 2)
    ids = {ask(world, reason=reason).id for reason in "abcde"}
    done = taken(world, RacingLater(world.server, 0))
    left = {name for name in ids if f"refs/tidemill/inbox/{name}" in world.server.refs}
    assert len(left) == 3
    assert isinstance(done.outcome, Wrote)
    assert set(done.plan.ended) == ids - left
    assert [one.what for one in done.plan.entries] == ["held", "already held"]
    assert done.plan.to_check == ()


def test_turn_that_leaves_the_rest_to_the_next_run_says_what_its_parts_wrote(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_green(world)
    monkeypatch.setattr(portion, "MOST_ENDED", 2)
    ids = {ask(world, wave="nowhere", reason=reason).id for reason in "abcde"}
    branches = {name: world.server.refs.get(name) for name in (MAIN, "refs/heads/auto")}
    done = taken(world, may_move=False)
    left = {name for name in ids if f"refs/tidemill/inbox/{name}" in world.server.refs}
    assert len(left) == 1
    assert branches == {name: world.server.refs.get(name) for name in branches}
    assert isinstance(done.outcome, Wrote)
    assert done.plan.rejected.keys() == ids - left
    assert [one.what for one in done.plan.entries] == ["rejected"] * 4
    assert done.plan.more, "nobody goes on with what is left"


# What is in the way


def test_what_cleared_the_way_is_told_where_the_rest_is_left_to_the_next_run(world: World) -> None:
    one_green(world)
    stray = world.server.put(Commit({}, None, "mine", world.now, "ada"))
    world.server.refs["refs/tidemill/inbox/a/b"] = stray
    done = taken(world, may_move=False)
    assert "refs/tidemill/inbox/a/b" not in world.server.refs
    assert isinstance(done.outcome, Wrote)
    assert [one.what for one in done.plan.entries] == ["rejected"]
    assert done.plan.landed is None
    assert done.plan.more


@pytest.mark.parametrize("is_newer", [False, True], ids=["settings", "journal"])
def test_nothing_is_set_aside_where_no_turn_can_be_done(world: World, *, is_newer: bool) -> None:
    taken(world)
    world.server.watchers.clear()
    stray = world.server.put(Commit({}, None, "mine", world.now, "ada"))
    world.server.refs["refs/tidemill/inbox/a/b"] = stray
    if is_newer:
        newer = Commit({"record.json": b'{"version": 9}'}, None, "newer", world.now, "newer")
        world.server.refs[JOURNAL] = world.server.put(newer)
    else:
        world.edit("bad settings", {**world.files, FILE: b"waves = 1\n"})
    before = dict(world.server.refs)
    with pytest.raises(TidemillError):
        taken(world)
    assert world.server.refs == before


@pytest.mark.parametrize("is_dry", [False, True], ids=["turn", "dry-run"])
def test_what_is_in_the_way_is_set_aside_first_but_not_by_a_dry_run(
    world: World, *, is_dry: bool
) -> None:
    taken(world)
    stray = "refs/tidemill/holds"
    world.server.refs[stray] = world.server.put(Commit({}, None, "mine", world.now, "ada"))
    done = taken(world, dry_run=is_dry)
    assert (stray in world.server.refs) is is_dry
    if not is_dry:
        assert isinstance(done.outcome, Wrote)
        assert [one.what for one in done.plan.entries] == ["rejected"]


# A look, and what is claimed


def test_look_writes_nothing_and_has_what_is_to_land_where_it_is_told_to(world: World) -> None:
    one_green(world)
    store = Client(world.server, "look")
    before, state = dict(world.server.refs), read(store)
    _, without = look(store, state, world.now, NO_GITHUB)
    _, decided = look(store, state, world.now, NO_GITHUB, landing=True)
    assert (without.landed, decided.landed) == (None, world.server.refs[AUTO])
    assert world.server.refs == before


def test_look_from_a_snapshot_has_nothing_that_is_to_land(world: World) -> None:
    one_green(world)
    store = Client(world.server, "look")
    known = snapshot(store, read(store), world.now)
    assert look_from(store, known, NO_GITHUB)[1].landed is None


def test_look_with_what_is_to_land_has_what_all_receivers_are_to_be_told() -> None:
    with stage():
        world = World.of(replace(SCENE, is_told=True), random.Random(0))
        store = Client(world.server, "look")
        state = read(store)
        known, _ = look(store, state, world.now, NO_GITHUB)
        assert known.reach == NOBODY
        known, _ = look(store, state, world.now, NO_GITHUB, landing=True)
        assert known.reach.receivers == {NAME}


@pytest.mark.parametrize("claim", [False, True])
def test_checks_are_claimed_by_who_sees_to_them(*, claim: bool) -> None:
    with stage():
        world = World.of(replace(SCENE, source="github"), random.Random(0))
        announce(world)
        store = Client(world.server, "tidemill turn")
        given = {"claim": True} if claim else {}
        done = taken(world, store, forge=cast(Forge, LatestReports(store)), **given)
        assert done.plan.to_check == (done.plan.auto[-1].sha,)
        assert (list(done.plan.ledger.asked) == list(done.plan.to_check)) is claim
        assert done.plan.more is not claim


def test_look_leaves_checks_unclaimed_where_it_has_what_is_to_land() -> None:
    with stage():
        world = World.of(replace(SCENE, source="github"), random.Random(0))
        one_on_auto(world)
        store = Client(world.server, "look")
        state, forge = read(store), cast(Forge, LatestReports(store))
        later = world.now + timedelta(days=1)
        assert look(store, state, later, forge, landing=True)[1].more
        assert not look(store, state, later, forge)[1].more
