"""Reading: from the refs of a repository in memory to what a turn knows."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace as changed
from tests.simulation.actors import do, stage
from tests.simulation.facts import AUTO, JOURNAL, MAIN
from tests.simulation.memory import Client, Commit, Server
from tests.simulation.scene import START
from tests.simulation.small_worlds import (
    SCENE,
    one_deployed,
    one_landed,
    one_on_auto,
    two_everywhere,
)
from tests.simulation.world import ACCEPTED, World

from tidemill.errors import Refused, SettingsInvalid, StateUnreadable, Unreachable
from tidemill.facts.checks import CheckClaim
from tidemill.facts.decoding import IllegibleRecord
from tidemill.facts.ledger import Ledger
from tidemill.facts.refs import Refs
from tidemill.facts.requests import HoldRequest
from tidemill.facts.settings import FILE
from tidemill.facts.snapshot import LONG_AGO, UnreadableRef
from tidemill.facts.state import State
from tidemill.turn.read import read, snapshot
from tidemill.turn.write import fact_commit

SPACE = "refs/tidemill"


def state_of(world: World) -> State:
    return read(Client(world.server, "look"))


def known_of(world: World, **given: Any) -> Any:
    store = Client(world.server, "look")
    return snapshot(store, read(store), world.now, **given)


def put(world: World, ref: str, files: Mapping[str, bytes] | None = None, **given: Any) -> str:
    """Somebody lets a ref point to a commit of theirs."""
    fields: dict[str, Any] = {"parent": None, "message": "mine", "date": START, "author": "ada"}
    commit = world.server.put(Commit(files or {}, **{**fields, **given}))
    world.server.refs[ref] = commit
    return commit


# Which branch is main


class Headed(Client):
    """A server whose HEAD names that branch."""

    def __init__(self, server: Server, head: str | None) -> None:
        super().__init__(server, "look")
        self.head = head

    def refs(self) -> Refs:
        self.seen = Refs(dict(super().refs().shas), self.head)
        return self.seen


@pytest.mark.parametrize(
    ("head", "branches", "expected"),
    [
        ("trunk", ("main", "trunk"), "trunk"),
        (None, ("master", "main"), "main"),
        (None, ("master",), "master"),
        ("gone", ("main",), "main"),
        ("trunk", ("trunk",), "trunk"),
    ],
)
def test_main_is_what_head_names_or_else_main_or_master(
    world: World, head: str | None, branches: Sequence[str], expected: str
) -> None:
    sha = world.server.refs.pop(MAIN)
    files = world.server.commits[sha].files
    for branch in branches:
        text = f'main = "{branch}"\n'.encode() + files[FILE]
        put(world, f"refs/heads/{branch}", {**files, FILE: text})
    found = read(Headed(world.server, head))
    assert found.names.main == f"refs/heads/{expected}"
    assert found.main == world.server.refs[f"refs/heads/{expected}"]


def test_repository_without_main_says_what_to_do() -> None:
    with pytest.raises(Refused, match="the repository is empty"):
        read(Client(Server(), "look"))
    server = Server()
    server.refs["refs/heads/topic"] = server.put(Commit({}, None, "x", START, "ada"))
    with pytest.raises(Refused, match="none of the 1 refs that the server lists is main"):
        read(Headed(server, "gone"))


def test_settings_name_main_auto_and_the_namespace(world: World) -> None:
    files = dict(world.files)
    files[FILE] = b'main = "release"\nauto = "machine"\nnamespace = "refs/mill"\n'
    put(world, MAIN, files)
    other = {**files, "README.md": b"released\n"}
    released = put(world, "refs/heads/release", other)
    found = state_of(world)
    assert (found.main, found.names.main) == (released, "refs/heads/release")
    assert (found.names.auto, found.names.namespace) == ("refs/heads/machine", "refs/mill")


def test_branch_that_settings_name_and_that_is_not_there_leaves_main(world: World) -> None:
    files = {**world.files, FILE: b'main = "release"\n' + world.files[FILE]}
    main = put(world, MAIN, files)
    found = state_of(world)
    assert (found.main, found.names.main) == (main, MAIN)
    assert isinstance(found.settings, SettingsInvalid)
    assert "it names the branch release as main" in found.settings.what


@pytest.mark.parametrize("data", [None, b"\xff"], ids=["not-there", "not-utf-8"])
def test_settings_that_are_not_there_are_an_error_to_who_needs_them(
    world: World, data: bytes | None
) -> None:
    files = {path: one for path, one in world.files.items() if path != FILE}
    put(world, MAIN, files if data is None else {**files, FILE: data})
    found = state_of(world)
    assert isinstance(found.settings, SettingsInvalid)
    assert "the file is not there, or not UTF-8" in found.settings.what


# What is not given


class Losing(Client):
    """A server that does not give some commits, though it lists them; so often, or for ever."""

    def __init__(self, server: Server, lost: set[str], times: int = 1000) -> None:
        super().__init__(server, "look")
        self.lost, self.times = lost, times

    def fetch(self, tips: Sequence[str], facts: Iterable[str], names: Sequence[str] = ()) -> None:
        facts = list(facts)
        if self.lost & {*tips, *facts} and self.times:
            self.times -= 1
            raise Unreachable("not our ref", remedy="run it again")
        super().fetch(tips, facts, names)


def holds(world: World, *reasons: str) -> list[str]:
    """Requests to hold, in the inbox; their refs."""
    store, refs = Client(world.server, "ada"), []
    for reason in reasons:
        one = HoldRequest(accepted_at=world.now, wave="staging", set="_", reason=reason)
        refs.append(f"{SPACE}/inbox/{one.id}")
        world.server.refs[refs[-1]] = fact_commit(store, one)
    return refs


@pytest.mark.parametrize("which", [(0,), (1,), (2,), (0, 2), (0, 1, 2)], ids=str)
def test_refs_that_the_server_does_not_give_are_named(world: World, which: tuple[int, ...]) -> None:
    refs = sorted(holds(world, "a", "b", "c"))
    lost = [refs[at] for at in which]
    store = Losing(world.server, {world.server.refs[one] for one in lost})
    with pytest.raises(StateUnreadable) as caught:
        read(store)
    for one in refs:
        assert (one in caught.value.what) is (one in lost)
    assert "(not our ref)" in caught.value.what
    assert f"git push URL :{lost[0]}, then ask again for what was asked" in caught.value.remedy


def test_branch_of_a_person_is_not_named_where_a_ref_of_ours_is_lost(world: World) -> None:
    [ref] = holds(world, "a")
    world.server.refs["refs/heads/topic"] = world.server.refs[ref]
    evicted = put(world, f"{SPACE}/evicted/{'a' * 40}", {}, message="also lost")
    with pytest.raises(StateUnreadable) as caught:
        read(Losing(world.server, {world.server.refs[ref], evicted}))
    assert "refs/heads/topic" not in caught.value.what
    assert "evicted" not in caught.value.what, "nobody reads that"


@pytest.mark.parametrize(
    ("ref", "after"),
    [
        (f"{SPACE}/holds/staging/app", ", then hold the wave again"),
        (f"{SPACE}/deployed/staging/staging-0", ", then let the target report again"),
        (AUTO, ""),
        (JOURNAL, ""),
    ],
)
def test_what_to_do_about_a_lost_ref_is_said(world: World, ref: str, after: str) -> None:
    lost = put(world, ref, {}, message="lost")
    with pytest.raises(StateUnreadable) as caught:
        read(Losing(world.server, {lost}))
    assert caught.value.remedy.endswith(f"git push URL :{ref}{after}")


def test_server_that_gives_it_the_second_time_has_lost_nothing(world: World) -> None:
    [ref] = holds(world, "a")
    found = read(Losing(world.server, {world.server.refs[ref]}, times=1))
    assert len(found.inbox) == 1


def test_where_main_can_not_be_had_no_ref_is_to_blame(world: World) -> None:
    with pytest.raises(Unreachable, match="not our ref"):
        read(Losing(world.server, {world.main}))


# Records, and what can't be read


def test_what_can_not_be_read_is_named_by_its_request_or_by_a_name_of_its_own(
    world: World,
) -> None:
    when = START + timedelta(hours=3)
    put(world, f"{SPACE}/inbox/x-1", {"record.json": b"garbage"}, date=when)
    put(world, f"{SPACE}/holds/staging/app", {"record.json": b"garbage"}, date=when)
    found = state_of(world)
    asked, held = found.inbox["x-1"], found.kept_holds["staging/app"]
    assert isinstance(asked, UnreadableRef)
    assert isinstance(held, UnreadableRef)
    assert (asked.id, asked.at) == ("x-1", LONG_AGO)
    assert held.at == when, "who knows what it was for: so it is a hold as of then"
    assert held.id.startswith("unreadable-")
    assert len(held.id) == len("unreadable-") + 12


def test_strays_are_no_records(world: World) -> None:
    put(world, f"{SPACE}/inbox", {"record.json": b"{}"})
    put(world, f"{SPACE}/holds/staging/app/more", {"record.json": b"{}"})
    found = state_of(world)
    assert {one.ref for one in found.strays} == {
        f"{SPACE}/inbox",
        f"{SPACE}/holds/staging/app/more",
    }
    assert (found.inbox, found.kept_holds) == ({}, {})


# The journal


def test_repository_that_adopts_it_has_an_empty_ledger(world: World) -> None:
    found = state_of(world)
    assert (found.journal, found.evidence, found.written_at) == (Ledger(), None, None)


def test_journal_that_is_not_there_any_more_is_made_from_what_is_left(world: World) -> None:
    one_landed(world)
    del world.server.refs[JOURNAL]
    found = state_of(world)
    assert found.evidence is not None
    assert "it is not there any more" in found.evidence.why
    assert found.lost_journal is None, "there is no ref to set aside"
    assert isinstance(found.journal, Ledger)
    assert found.journal.present("staging", "app") is not None


def test_journal_that_can_not_be_read_is_made_anew_and_set_aside(world: World) -> None:
    one_landed(world)
    put(world, JOURNAL, {"record.json": b"garbage"})
    found = state_of(world)
    assert found.evidence is not None
    assert found.lost_journal is not None
    assert found.lost_journal.ref == JOURNAL


def test_journal_of_a_newer_release_ends_the_turn(world: World) -> None:
    one_landed(world)
    put(world, JOURNAL, {"record.json": b'{"version": 9}'})
    found = state_of(world)
    assert isinstance(found.journal, IllegibleRecord)
    assert found.journal.is_newer
    assert (found.evidence, found.lost_journal) == (None, None)


@pytest.mark.parametrize("is_there", [False, True], ids=["gone", "garbage"])
def test_nothing_is_made_anew_while_settings_can_not_be_used(
    world: World, *, is_there: bool
) -> None:
    one_landed(world)
    world.edit("bad settings", {**world.files, FILE: b"waves = 1\n"})
    del world.server.refs[JOURNAL]
    if is_there:
        put(world, JOURNAL, {"record.json": b"garbage"})
    found = state_of(world)
    assert found.evidence is None
    assert isinstance(found.journal, IllegibleRecord if is_there else Ledger)


def test_what_an_adopted_repository_had_rejected_is_known(world: World) -> None:
    put(world, f"{SPACE}/rejected/x-1", {"record.json": b"{}"})
    put(world, MAIN, {**world.files, FILE: b"waves = 1\n"})
    found = state_of(world)
    assert isinstance(found.journal, Ledger)
    assert found.journal.rejected == ["x-1"]


# What of auto is the mill's own


def test_auto_that_a_turn_left_is_its_own(world: World) -> None:
    one_on_auto(world)
    found = known_of(world)
    assert [one.sha for one in found.auto] == [world.server.refs[AUTO]]
    assert found.foreign is None


def test_commit_of_a_person_on_auto_is_foreign_and_what_is_beneath_is_not(world: World) -> None:
    one_on_auto(world)
    own = world.server.refs[AUTO]
    foreign = put(world, AUTO, dict(world.files), parent=own)
    found = known_of(world)
    assert ([one.sha for one in found.auto], found.foreign) == ([own], foreign)


def test_auto_that_was_taken_back_has_less_of_the_mill_s_own(world: World) -> None:
    one_on_auto(world)
    world.server.refs[AUTO] = world.main
    found = known_of(world)
    assert (found.auto, found.foreign) == ((), None)


def test_auto_that_is_gone_has_nothing(world: World) -> None:
    one_on_auto(world)
    del world.server.refs[AUTO]
    found = known_of(world)
    assert (found.auto, found.foreign, found.auto_tip) == ((), None, None)


def test_auto_at_what_landed_is_empty_also_where_people_have_gone_on(world: World) -> None:
    one_landed(world)
    landed = world.server.refs[AUTO]
    world.edit("the README", {**world.files, "README.md": b"more\n"})
    assert landed != world.main
    found = known_of(world)
    assert (found.auto, found.foreign) == ((), None)


def test_auto_elsewhere_is_foreign(world: World) -> None:
    foreign = put(world, AUTO, dict(world.files))
    found = known_of(world)
    assert (found.auto, found.foreign) == ((), foreign)


@pytest.mark.parametrize("is_ours", [False, True], ids=["a-person-s", "says-what-it-does"])
def test_auto_is_ours_without_a_journal_where_its_message_says_so(
    world: World, *, is_ours: bool
) -> None:
    one_landed(world)
    message = world.server.commits[world.main].message if is_ours else "mine"
    tip = put(world, AUTO, dict(world.files), parent=world.main, message=message)
    del world.server.refs[JOURNAL]
    assert known_of(world).foreign == (None if is_ours else tip)


def test_auto_that_was_taken_back_by_one_has_what_is_beneath(world: World) -> None:
    one_on_auto(world)
    waves = tuple(replace(one, admit="at once", after=()) for one in SCENE.waves)
    world.settle_on(replace(SCENE, waves=waves))
    world.do("turn")
    both = known_of(world).auto
    assert len(both) > 1
    world.server.refs[AUTO] = both[0].sha
    assert (known_of(world).auto, known_of(world).foreign) == (both[:1], None)


def test_auto_that_is_gone_with_the_journal_has_nothing(world: World) -> None:
    one_landed(world)
    del world.server.refs[AUTO], world.server.refs[JOURNAL]
    found = known_of(world)
    assert found.evidence is not None
    assert (found.auto, found.foreign) == ((), None)


@pytest.mark.parametrize("which", ["main", "green main", "landed"])
def test_auto_at_a_place_of_ours_is_empty(world: World, which: str) -> None:
    """Where main has gone on, or is another one; a turn that put it there may have died."""
    one_landed(world)
    landed = world.main
    side = put(world, "refs/heads/side", dict(world.files))
    world.server.refs[AUTO] = {"main": landed, "green main": side, "landed": landed}[which]
    if which != "main":
        put(world, MAIN, dict(world.files), message="another main")
    store = Client(world.server, "look")
    again = read(store)
    again.written.green_main = side if which == "green main" else None
    assert again.written.auto == []
    found = snapshot(store, again, world.now)
    assert (found.auto, found.foreign) == ((), None)


def test_auto_of_which_something_is_known_is_not_empty_because_it_is_at_main(world: World) -> None:
    one_on_auto(world)
    world.server.refs[AUTO] = put(world, MAIN, dict(world.files), message="another main")
    found = known_of(world)
    assert (found.auto, found.foreign) == ((), None)


# Who changed what a wave asks for


def with_soak(world: World, soak: str, what: str = "soak", author: str = "ada") -> str:
    """A person lets the first wave soak for so long."""
    text = world.files[FILE].decode()
    before, _, after = text.partition("soak = ")
    text = f'{before}soak = "{soak}"\n{after.partition(chr(10))[2]}'
    return put(
        world, MAIN, {**world.files, FILE: text.encode()}, parent=world.main, author=author,
        message=what,
    )  # fmt: skip


def past_of(world: World, store: Client | None = None) -> list[tuple[str, str]]:
    store = store or Client(world.server, "look")
    return [(one.commit, one.author) for one in snapshot(store, read(store), world.now).main.past]


def renamed_to_live(world: World, *, keep: bool = True) -> Any:
    """A person names staging live; its files stay where they were, or are gone."""
    text = world.files[FILE].decode().replace('name = "staging"', 'name = "live"\nwas = "staging"')
    text = text.replace('after = ["staging"]', 'after = ["live"]')
    files = {
        path: data
        for path, data in world.files.items()
        if keep or not path.startswith("images/staging/")
    }
    put(world, MAIN, {**files, FILE: text.encode()}, parent=world.main)
    return known_of(world).main


def test_files_of_a_former_name_are_to_follow_as_long_as_they_are_there(world: World) -> None:
    one_landed(world)
    world.server.watchers.clear()
    main = renamed_to_live(world)
    assert main.to_follow == {("live", "app")}
    assert ("live", "app") not in main.sets
    do(world.server, world.now, "turn", {})
    assert known_of(world).main.to_follow == {("live", "app")}
    moved = {
        path.replace("images/staging/", "images/live/"): data for path, data in world.files.items()
    }
    put(world, MAIN, moved, parent=world.main)
    assert known_of(world).main.to_follow == frozenset()
    do(world.server, world.now, "turn", {})
    back = {
        path.replace("images/live/", "images/staging/"): data for path, data in world.files.items()
    }
    put(world, MAIN, back, parent=world.main)
    assert known_of(world).main.to_follow == frozenset(), "once they have followed, they are gone"


def test_files_that_are_gone_under_a_former_name_too_do_not_follow(world: World) -> None:
    one_landed(world)
    world.server.watchers.clear()
    assert renamed_to_live(world, keep=False).to_follow == frozenset()


def test_files_of_a_name_that_is_another_wave_s_now_do_not_follow(world: World) -> None:
    one_landed(world)
    world.server.watchers.clear()
    renamed_to_live(world)
    new = b'[[waves]]\nname = "staging"\nafter = ["live"]\ntargets = ["new"]\n'
    put(world, MAIN, {**world.files, FILE: world.files[FILE] + new}, parent=world.main)
    found = known_of(world).main
    assert ("staging", "app") in found.sets
    assert found.to_follow == frozenset()


def test_other_files_under_a_former_name_do_not_follow(world: World) -> None:
    one_landed(world)
    world.server.watchers.clear()
    other = {
        path: data.replace(b"app0:", b"app0:other-")
        for path, data in world.files.items()
        if path.startswith("images/staging/")
    }
    put(world, MAIN, {**world.files, **other}, parent=world.main)
    assert renamed_to_live(world).to_follow == frozenset()


def test_settings_since_the_last_turn_are_known_where_gates_are_others(world: World) -> None:
    one_landed(world)
    world.server.watchers.clear()
    assert past_of(world) == []
    known = read(Client(world.server, "look")).ledger.gates_main
    assert known is not None
    put(world, MAIN, {**world.files, "README.md": b"x\n"}, parent=world.main)
    assert past_of(world) == [], "no gate is another one"
    first = with_soak(world, "1h", author="grace")
    put(world, MAIN, {**world.files, FILE: b"waves = 1\n"}, parent=world.main)
    world.server.refs[MAIN] = first
    put(world, MAIN, {**world.files, "README.md": b"y\n"}, parent=first)
    second = with_soak(world, "2h")
    found = past_of(world)
    assert found[0][0] == known
    assert found[1:] == [(first, "grace"), (second, "ada")], "the same settings are told once"


def test_settings_that_can_not_be_used_opened_no_gate(world: World) -> None:
    one_landed(world)
    world.server.watchers.clear()
    good = dict(world.files)
    first = with_soak(world, "1h")
    bad = put(world, MAIN, {**good, FILE: b"waves = 1\n"}, parent=first)
    world.server.refs[MAIN] = put(world, MAIN, {**good}, parent=bad, message="mended")
    last = with_soak(world, "2h")
    told = [commit for commit, _ in past_of(world)]
    assert bad not in told
    assert (first in told, last in told) == (True, True)


def test_of_a_merge_only_the_merge_is_told(world: World) -> None:
    one_landed(world)
    world.server.watchers.clear()
    main = world.main
    merged = with_soak(world, "1h", what="on a branch")
    files = dict(world.files)
    merge = put(world, MAIN, files, parent=main, merged=merged, message="merge", author="eve")
    told = past_of(world)
    assert told[-1] == (merge, "eve")
    assert merged not in [commit for commit, _ in told]


def test_where_the_last_turn_s_main_is_gone_all_there_is_is_looked_through(world: World) -> None:
    one_landed(world)
    world.server.watchers.clear()
    last = with_soak(world, "1h")
    store = Client(world.server, "look")
    state = read(store)
    state.written.gates_main = "f" * 40
    told = [one.commit for one in snapshot(store, state, world.now).main.past]
    assert told[-1] == last
    first = world.server.log(world.main)[0]
    assert told[0] == first


@pytest.mark.parametrize("approvers", [(), ("prod",), ("staging", "prod")], ids=str)
def test_keys_of_approvers_are_known_where_any_wave_has_some(
    world: World, approvers: Sequence[str]
) -> None:
    text = world.files[FILE].decode()
    for name in approvers:
        start, rest = text.split(f'name = "{name}"', 1)
        rest = rest.replace("approvers = []", 'approvers = ["ada"]', 1)
        text = f'{start}name = "{name}"{rest}'
    world.server.watchers.clear()
    put(world, MAIN, {**world.files, FILE: text.encode()}, parent=world.main)
    assert bool(known_of(world).main.keys) is bool(approvers)


def test_server_that_does_not_give_the_past_away_stops_no_turn(world: World) -> None:
    one_landed(world)
    world.server.watchers.clear()
    with_soak(world, "1h")

    class Mute(Client):
        def versions(self, places: Sequence[tuple[str, str]]) -> list[bytes]:
            raise Unreachable("it does not answer", remedy="run it again")

    assert past_of(world, Mute(world.server, "look")) == []


def test_commits_whose_keys_are_looked_at_are_fetched_together(world: World) -> None:
    one_landed(world)
    world.server.watchers.clear()
    text = world.files[FILE].decode().replace("approvers = []", 'approvers = ["ada"]', 1)
    last = put(world, MAIN, {**world.files, FILE: text.encode()}, parent=world.main)
    fetched: list[set[str]] = []

    class Noting(Client):
        def fetch_files(self, places: Mapping[str, Sequence[str]]) -> None:
            fetched.append({*places})
            super().fetch_files(places)

    told = {commit for commit, _ in past_of(world, Noting(world.server, "look"))}
    assert last in told
    assert any(told <= one for one in fetched)


# What is looked up on GitHub


@pytest.mark.parametrize(("test", "is_each"), [("head", False), ("each", True)])
def test_verdicts_are_unread_of_main_and_of_what_on_auto_may_have_one(
    test: str, is_each: object
) -> None:
    waves = tuple(replace(one, admit="at once", after=()) for one in SCENE.waves)
    with stage():
        scene = replace(SCENE, source="github", test=test, waves=waves)
        world = World.of(scene, random.Random(0))
        one_on_auto(world)
        told = json.dumps(world.apps["app"][1])
        world.do("announce", die_at=ACCEPTED, announcement=told)
        world.do("turn")
        found = known_of(world)
        shas = [one.sha for one in found.auto]
        assert len(shas) > 2
        ledger = state_of(world).ledger
        asked = {*ledger.asked, *ledger.tips} & {*shas}
        assert found.unread == {world.main, shas[-1], *asked, *(shas if is_each else ())}
        assert found.checks == {}
        store = Client(world.server, "look")
        state = read(store)
        for sha in shas:
            state.written.asked.pop(sha, None)
        state.written.asked[shas[0]] = CheckClaim(at=world.now)
        state.written.tips[:] = [shas[1]]
        unread = snapshot(store, state, world.now).unread
        assert unread == {world.main, shas[-1], *shas[:2], *(shas if is_each else ())}


def test_verdicts_in_refs_are_read_at_once(world: World) -> None:
    one_on_auto(world)
    sha = world.server.refs[AUTO]
    world.do("check", sha=sha, context="check", state="failure", run="1")
    found = known_of(world)
    assert (found.unread, list(found.checks)) == (frozenset(), [sha])


def test_verdicts_on_what_targets_run_are_read_where_a_verification_looks_for_one(
    world: World,
) -> None:
    one_deployed(world)
    deployed = world.main
    world.do("check", sha=deployed, context="smoke", state="success", run="1")
    world.edit("the README", {**world.files, "README.md": b"more\n"})
    assert known_of(world).checks == {}
    smoke = b'[[verifications]]\nname = "smoke"\nstatus = "smoke"\n'
    world.edit("a verification", {**world.files, FILE: world.files[FILE] + smoke})
    assert list(known_of(world).checks) == [deployed]


# Facts


def test_report_is_read_with_what_its_commit_has_and_one_of_another_commit_is_unfit(
    world: World,
) -> None:
    two_everywhere(world)
    record = next(iter(state_of(world).written_records.values()))
    plain = changed(record, sets=None, accepted_at=world.now)
    nowhere = changed(plain, revision="f" * 40)
    found = known_of(world, extra={"one": plain, "other": nowhere})
    assert found.inbox["one"].sets == record.sets
    assert list(found.unfit) == ["other"]
    assert "is not on main" in found.unfit["other"]
    assert known_of(world).unfit == {}


def test_requests_are_known_by_the_commits_that_hold_them(world: World) -> None:
    [ref] = holds(world, "a")
    name = ref.rpartition("/")[2]
    assert known_of(world).commits == {name: world.server.refs[ref]}
    assert known_of(
        world, extra={"x": HoldRequest(accepted_at=world.now, wave="staging", set="_", reason="b")}
    ).commits == {name: world.server.refs[ref]}
