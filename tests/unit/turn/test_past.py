"""The past: which turns of the journal are read, what of them can't be told, and which images
there were."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from tests.simulation.memory import Client, Commit, Server
from tests.simulation.scene import START
from tests.simulation.small_worlds import one_landed, one_on_auto
from tests.simulation.world import World
from tests.unit.sets import app_sha, images, landing
from tests.unit.turn.states import NAMES, image_bytes, state

from tidemill.answers import question
from tidemill.answers.history import History, Stay
from tidemill.clients.git.store import ALL_COMMITS, Wanted
from tidemill.facts import journal
from tidemill.facts.evidence import Evidence
from tidemill.facts.image_files import ImageFiles
from tidemill.facts.journal import Entry, Journal
from tidemill.facts.ledger import Eviction, Ledger
from tidemill.facts.operation import Operation
from tidemill.facts.refs import Refs
from tidemill.facts.requests import AnnouncementRequest
from tidemill.facts.settings import FILE
from tidemill.facts.settings_file import parse
from tidemill.turn import past
from tidemill.turn.past import digests_of, read_history, unlanded_images
from tidemill.turn.read import read
from tidemill.words.json_types import in_lines

FEW, MORE = past._PARTS
GARBAGE = b"garbage"
TOO_LATE = b'{"version": 2, "at": "9999-12-31T23:59:59-23:59"}'


def chain(server: Server, turns: int, odd: Mapping[int, bytes] | None = None) -> str:
    """A journal of so many turns, a minute each; `odd` are the records that are something else."""
    tip, ledger = None, Ledger()
    ledger.of("lab", "app").landings.append(landing())
    for number in range(turns):
        entries = (Entry(what="landed", reason=str(number)),)
        told = Journal(at=START + timedelta(minutes=number), entries=entries, ledger=ledger)
        files = journal.encode(told)
        if odd and number in odd:
            files = {**files, journal.RECORD: odd[number]}
        tip = server.put(Commit(files, tip, f"turn {number}\n", told.at, "tidemill"))
    assert tip is not None
    return tip


def read_of(
    server: Server,
    tip: str | None,
    is_enough: Callable[[History], bool] | None = None,
    store: Client | None = None,
    last: Ledger | None = None,
    evidence: Evidence | None = None,
    **given: Any,
) -> History:
    known = state({NAMES.journal: tip} if tip else {}, journal=last or Ledger(), evidence=evidence)
    return read_history(store or Client(server, "asks"), known, is_enough, **given)


def numbers(found: History) -> list[int]:
    return [int(one.record.entries[0].reason) for one in found.turns]


# How many turns are read


def test_without_a_journal_nothing_is_told() -> None:
    found = read_of(Server(), None)
    assert (found.turns, found.is_part) == ((), False)
    assert "There is no journal here" in found.missing[0]


def test_whole_journal_is_told_from_its_first_turn_on() -> None:
    server = Server()
    found = read_of(server, chain(server, 3))
    assert numbers(found) == [0, 1, 2]
    assert (found.is_part, found.missing) == (False, ())
    [stay] = found.stays["lab", "app"]
    assert stay.app_sha == app_sha(1), "the first turn's ledger says what was there before"


@pytest.mark.parametrize(
    ("least", "enough_at", "asked", "told"),
    [
        (0, FEW, [FEW], FEW),
        (FEW, FEW, [FEW], FEW),
        (FEW + 1, FEW, [], FEW + 1),
        (0, None, [FEW], FEW + 1),
        (MORE + 1, FEW, [], FEW + 1),
    ],
    ids=["enough", "just enough", "more are wanted", "not enough", "all are wanted"],
)
def test_last_turns_are_read_and_the_others_where_these_are_not_enough(
    least: int, enough_at: int | None, asked: Sequence[int], told: int
) -> None:
    server, seen = Server(), list[int]()

    def is_enough(part: History) -> bool:
        seen.append(len(part.turns))
        return len(part.turns) == enough_at

    found = read_of(server, chain(server, FEW + 1), is_enough, least=least)
    assert seen == asked, "what is no part is not looked at"
    assert numbers(found) == [*range(FEW + 1)][-told:]
    assert found.is_part is (told == FEW)
    assert found.missing == ()


def test_journal_that_is_just_as_long_as_a_part_is_whole() -> None:
    server = Server()
    found = read_of(server, chain(server, FEW), lambda _: pytest.fail("it is whole"))
    assert (len(found.turns), found.is_part, found.missing) == (FEW, False, ())


def test_turns_that_nobody_needs_are_left_out_but_for_the_first() -> None:
    server = Server()

    def is_needed(date: Callable[[], datetime], said: str) -> bool:
        return said == "turn 2" and date() == START + timedelta(minutes=2)

    tip = chain(server, 4)
    assert numbers(read_of(server, tip, is_needed=is_needed)) == [0, 2]
    assert numbers(read_of(server, tip, lambda _: False, is_needed=is_needed)) == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("enough_at", "told", "is_part"),
    [
        ([16, 20, 21, 22, 23], [16, 20, 21, 22, 23], True),
        (None, [0, 20, 21, 22, 23], False),
    ],
    ids=["enough", "not enough"],
)
def test_of_turns_since_a_time_and_some_before_it_those_that_are_needed_may_be_enough(
    enough_at: list[int] | None, told: list[int], is_part: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(past, "_PARTS", (1, 2))
    monkeypatch.setattr(past, "_LEEWAY", timedelta(minutes=2))
    server = Server()
    found = read_of(
        server,
        chain(server, 24),
        lambda part: numbers(part) == enough_at,
        is_needed=lambda _, said: int(said.split()[1]) >= 20,
        about=START + timedelta(minutes=20),
    )
    assert (numbers(found), found.is_part, found.missing) == (told, is_part, ())


def test_last_turns_are_not_read_where_all_are_newer_than_what_is_asked_about(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(past, "_PARTS", (4, 16))
    monkeypatch.setattr(past, "_LEEWAY", timedelta(minutes=2))
    monkeypatch.setattr(question, "_SKEW", timedelta(minutes=1))
    server, asked = Server(), list[list[int]]()
    tip = chain(server, 64)

    def is_enough(part: History) -> bool:
        asked.append(numbers(part))
        return False

    for minute, parts in ((62, (4, 16)), (61, (16,)), (49, ())):
        asked.clear()
        about = START + timedelta(minutes=minute)
        assert numbers(read_of(server, tip, is_enough, about=about)) == [*range(64)]
        around = 64 - (minute - 2) + 16
        assert asked == [[*range(64)][-most:] for most in (*parts, around)]


class Shallow(Client):
    """A copy of the repository that has the last turns alone."""

    def records(
        self, tip: str, name: str, most: int = ALL_COMMITS, is_wanted: Wanted | None = None
    ) -> tuple[Iterator[tuple[str, bytes]], bool]:
        return super().records(tip, name, min(most, 2), is_wanted)[0], False


def test_copy_that_is_shallow_is_told_from_one_that_was_read_in_part() -> None:
    server = Server()
    found = read_of(server, chain(server, 3), store=Shallow(server, "asks"))
    assert numbers(found) == [1, 2]
    [said] = found.missing
    assert "This copy of the repository is shallow" in said
    assert not found.is_part
    assert read_of(server, chain(server, 3), lambda _: False, Shallow(server, "x")) == found


# What can't be read


def test_turns_that_can_not_be_read_are_counted() -> None:
    server = Server()
    found = read_of(server, chain(server, 5, {1: GARBAGE, 2: b"", 3: TOO_LATE}))
    assert numbers(found) == [0, 4]
    assert found.missing == ("3 of the journal's commits can't be read as the record of a turn.",)


def test_turns_that_can_not_be_read_are_turns_of_a_part() -> None:
    server = Server()
    tip = chain(server, FEW + 3, {FEW: GARBAGE, FEW + 1: TOO_LATE})
    found = read_of(server, tip, lambda _: True)
    assert (len(found.turns), found.is_part) == (FEW - 2, True)
    assert [one.partition(" ")[0] for one in found.missing] == ["2"]


def test_first_turn_without_a_ledger_is_said() -> None:
    server = Server()
    found = read_of(server, chain(server, 2, {0: GARBAGE}))
    assert "The ledger of the first turn can't be read" in found.missing[0]


def test_last_ledger_completes_what_turns_tell_unless_it_was_made_again() -> None:
    server, last = Server(), Ledger()
    deployed = replace(landing(), deployed_at=START)
    last.of("lab", "app").landings.append(deployed)
    tip = chain(server, 2)
    known = read_of(server, tip, last=last)
    assert known.stays["lab", "app"][-1].landing == deployed
    lost = read_of(server, tip, last=last, evidence=Evidence(why="it is lost"))
    assert lost.stays["lab", "app"][-1].landing == landing()


@pytest.mark.parametrize("is_on", [True, False])
def test_python_throws_nothing_away_meanwhile_and_does_so_again_afterwards(*, is_on: bool) -> None:
    server, seen = Server(), list[bool]()
    tip = chain(server, 3)

    def is_needed(_: object, __: str) -> bool:
        seen.append(gc.isenabled())
        return True

    (gc.enable if is_on else gc.disable)()
    try:
        read_of(server, tip, is_needed=is_needed)
        assert seen == [False, False]
        assert gc.isenabled() is is_on
    finally:
        gc.enable()


# Images


def toml(path: str, wave: str = "lab") -> bytes:
    return (
        f'[images]\npath = "{path}"\n[[sets]]\nname = "app"\n'
        f'[[waves]]\nname = "{wave}"\ntargets = ["t"]\n'
    ).encode()


HERE, ELSEWHERE = toml("images/{wave}"), toml("old/{wave}")
TODAY = parse(HERE.decode())
ONE, TWO = images(1), images(2)


def there(server: Server, files: Mapping[str, ImageFiles], text: bytes | None = HERE) -> str:
    held = {} if text is None else {FILE: text}
    for folder, one in files.items():
        held |= image_bytes(one, folder)
    return server.put(Commit(held, None, "x", START, "ada"))


def stay(commit: str, how: str = "introduce") -> Stay:
    return Stay(wave="lab", set="app", commit=commit, app_sha=app_sha(1), since=START, how=how)


def test_images_of_stays_are_where_the_settings_of_today_or_of_then_say() -> None:
    server = Server()
    commits = [
        there(server, {"images/lab": ONE}),
        there(server, {"old/lab": TWO}, ELSEWHERE),
        there(server, {}),
        there(server, {"old/lab": TWO}, b"waves = 1"),
        there(server, {"old/lab": TWO}, None),
        there(server, {"images/lab": TWO, "old/lab": ONE}, ELSEWHERE),
    ]
    stays = [*map(stay, commits), stay(commits[2], "removed by hand")]
    found = digests_of(Client(server, "asks"), TODAY, stays)
    assert found == [ONE.digests, TWO.digests, None, None, None, TWO.digests, {}]
    assert digests_of(Client(server, "asks"), TODAY, []) == []


def test_images_that_are_no_mapping_are_none() -> None:
    server = Server()
    files = {FILE: HERE, "images/lab/digests.json": b"[]"}
    commit = server.put(Commit(files, None, "x", START, "ada"))
    assert digests_of(Client(server, "asks"), TODAY, [stay(commit)]) == [None]


@pytest.mark.parametrize(
    ("about", "is_told"),
    [("web", True), (ONE.digests["web"][-12:], True), ("", True), ("other", False)],
)
def test_images_that_nobody_asks_about_count_as_none(about: str, *, is_told: bool) -> None:
    server = Server()
    commit = there(server, {"images/lab": ONE})
    [found] = digests_of(Client(server, "asks"), TODAY, [stay(commit)], about=about)
    assert found == (ONE.digests if is_told else {})


def test_images_that_are_written_with_escapes_are_read_whoever_asks() -> None:
    server = Server()
    data = json.dumps({"w\\u0065b": "x"}).replace("\\\\", "\\").encode()
    assert b"web" not in data
    files = {FILE: HERE, "images/lab/digests.json": data}
    commit = server.put(Commit(files, None, "x", START, "ada"))
    asks = Client(server, "asks")
    assert digests_of(asks, TODAY, [stay(commit)], about="web") == [{"web": "x"}]
    nothing = there(server, {})
    assert digests_of(asks, TODAY, [stay(nothing)], about="web") == [None]


# What never landed


def unlanded(world: World, **given: Any) -> list[tuple[str, Mapping[str, str]]]:
    store = Client(world.server, "asks")
    return unlanded_images(store, replace(read(store), **given))


def told_of(world: World) -> list[str]:
    return [one["sha"] for one in world.apps.get("app", [])]


def test_commit_of_the_app_that_waits_is_unlanded(world: World) -> None:
    one_on_auto(world)
    [(sha, digests)] = unlanded(world)
    assert [sha] == told_of(world)[:1]
    assert list(digests) == ["app0"]
    assert unlanded(world, inbox={}) == []


def test_what_was_rejected_is_unlanded_as_long_as_git_has_it(world: World) -> None:
    one_landed(world)
    store = Client(world.server, "asks")
    known = read(store)
    [fact] = [one for one in asked(world) if isinstance(one, AnnouncementRequest)]
    record = {"version": 1, "id": "x-1", "reason": "no", "request": fact}
    commit = store.write({"record.json": in_lines(record)}, None, "x\n", START)
    refs = Refs({**known.refs.shas, known.names.rejected("x-1"): commit})
    known.written.rejected = ["x-0", "x-1"]
    found = unlanded_images(store, replace(known, refs=refs))
    assert found == [(fact.announcement.sha, fact.announcement.digests())]


def asked(world: World) -> list[Any]:
    """What a turn would read had the announcement just come."""
    told = json.dumps(world.apps["app"][1])
    world.do("announce", die_at=1, announcement=told)
    inbox = read(Client(world.server, "asks")).inbox
    for name in inbox:
        del world.server.refs[f"refs/tidemill/inbox/{name}"]
    return [*inbox.values()]


@pytest.mark.parametrize(
    ("has_commit", "has_operation", "is_known", "is_told"),
    [
        (True, True, True, True),
        (False, True, True, False),
        (True, False, True, False),
        (True, True, False, False),
    ],
)
def test_what_was_evicted_is_unlanded_where_it_is_known(
    world: World, *, has_commit: bool, has_operation: bool, is_known: bool, is_told: bool
) -> None:
    commit = there(world.server, {"images/staging": ONE})
    empty = there(world.server, {})
    operation = Operation(
        kind="introduce",
        wave="staging",
        set="app",
        app_sha=ONE.app_sha if is_known else None,
        position=1,
        repository="acme/app",
        content=ONE.content,
    )
    store = Client(world.server, "asks")
    known = read(store)
    known.written.evictions = [
        Eviction(
            commit=one if has_commit else None,
            at=START,
            reason="red",
            operation=operation if has_operation else None,
        )
        for one in (commit, empty)
    ]
    found = unlanded_images(store, known)
    assert found == ([(ONE.app_sha, ONE.digests)] if is_told else [])
