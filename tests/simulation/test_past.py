"""What `history` says of random histories, against a walk over main's own commits.

At each turn's push a watcher writes down what main was as the turn saw it. What the history then
says that each wave had has to be what the image files of that commit say.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache

import pytest

from tests.simulation.history import play
from tests.simulation.memory import Client, Server
from tests.simulation.names import rename
from tests.simulation.steps import wait
from tests.simulation.trouble import skew
from tests.simulation.world import MAIN, World
from tidemill.answers import question as question_
from tidemill.answers.history import History, history
from tidemill.answers.question import (
    Question,
    ends_a_stay,
    has_all_that_ran,
    has_line,
    has_report,
    lines,
    moves_a_set,
    running,
)
from tidemill.clients.git.store import PushResult, Update
from tidemill.facts import image_files, journal, settings_file
from tidemill.facts import ledger as ledger_
from tidemill.facts.image_files import FILES, ImageFiles
from tidemill.facts.ledger import KEPT_SETS, Ledger
from tidemill.facts.refs import Refs
from tidemill.facts.settings import FILE, Settings
from tidemill.turn import past as turn_past
from tidemill.turn.past import read_history
from tidemill.turn.read import read

JOURNAL = "refs/tidemill/journal"
# They rename what waves have by then, leave waves out of the settings, or take image files away.
SEEDS = (4, 5, 7, 9, 11, 20, 25, 27, 29)


def test_history_says_what_main_had_at_every_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[Server, str, str]] = []  # server, commit of the journal, main as it was seen
    receive = Server.receive

    def watched(self: Server, by: str, refs: Refs, updates: Sequence[Update]) -> PushResult:
        result = receive(self, by, refs, updates)
        new = {update.ref: update.new for update in updates}
        if (turn := new.get(JOURNAL)) and self.refs.get(JOURNAL) == turn:
            seen.append((self, turn, new.get(MAIN) or refs.shas[MAIN]))
        return result

    monkeypatch.setattr(Server, "receive", watched)
    compared = 0
    for seed in SEEDS:
        world = play(seed, length=40, often={rename: 1.5})
        mains = {turn: main for server, turn, main in seen if server is world.server}
        client = Client(world.server, "who asks")
        past = read_history(client, read(client))
        for number, turn in enumerate(past.turns, start=1):
            if turn.sha in mains:
                told = history(past.turns[:number], first_ledger(client, past), None)
                when = f"seed {seed}, turn {number}"
                compared += agrees(world.server, mains[turn.sha], told, turn.at, when)
    assert compared > 200, "there was too little to compare"


def test_last_turns_tell_what_came_after_them_as_the_whole_journal_does() -> None:
    compared = 0
    for seed in SEEDS:
        world = renaming(seed)
        client = Client(world.server, "who asks")
        state = read(client)
        whole = read_history(client, state)
        last = state.journal if isinstance(state.journal, Ledger) else None
        waves = {None, *(wave for wave, _ in whole.present)}
        for number, turn in enumerate(whole.turns):
            part = history(whole.turns[number:], first_ledger(client, whole, number), last)
            for wave in waves:
                question = Question(wave=wave, since=turn.at + timedelta(microseconds=1))
                told, meant = lines(part, question), lines(whole, question)
                assert told == meant, f"seed {seed}, after turn {number + 1}, {wave}"
                compared += len(meant)
    assert compared > 2000, "there was too little to compare"


@pytest.mark.parametrize("kept", [1, KEPT_SETS], ids=["one landing", "landings"])
def test_last_turns_that_are_enough_tell_what_ran_as_the_whole_journal_does(
    kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also of targets that lag behind all landings that a ledger has."""
    monkeypatch.setattr(ledger_, "KEPT_SETS", kept)
    monkeypatch.setattr(question_, "_SKEW", timedelta())  # there is one clock, and days are long
    compared = 0
    for seed in SEEDS:
        world = play(seed, length=40, often={wait: 1.5, skew: 0})
        client = Client(world.server, "who asks")
        state = read(client)
        whole = read_history(client, state)
        last = state.journal if isinstance(state.journal, Ledger) else None
        order = {sha: place for place, sha in enumerate(client.commits(state.main))}
        listed = set(state.written_records)
        for number in range(0, len(whole.turns), 3):
            part = history(whole.turns[number:], first_ledger(client, whole, number), last)
            for turn in whole.turns[number::5]:
                question, when = Question(), turn.at
                if has_all_that_ran(part, question, when, listed, order):
                    told = running(part, question, when, order, listed)
                    meant = running(whole, question, when, order, listed)
                    assert told == meant, f"seed {seed}, after turn {number + 1}, at {when}"
                    compared += 1
    assert compared > 50, f"there was too little to compare: {compared}"


def test_turns_around_a_time_tell_what_ran_as_the_whole_journal_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(question_, "_SKEW", timedelta())
    monkeypatch.setattr(turn_past, "_LEEWAY", timedelta())
    monkeypatch.setattr(turn_past, "_PARTS", (1, 8))
    compared = 0
    for seed in SEEDS:
        world = play(seed, length=40, often={wait: 1.5, skew: 0})
        client = Client(world.server, "who asks")
        state = read(client)
        whole = read_history(client, state)
        order = {sha: place for place, sha in enumerate(client.commits(state.main))}
        listed = set(state.written_records)
        for turn in whole.turns[:: max(1, len(whole.turns) // 12)]:
            question, when = Question(), turn.at
            past = read_history(
                client,
                state,
                lambda one: has_all_that_ran(one, question, when, listed, order),  # noqa: B023
                is_needed=lambda date, said: date() <= when or ends_a_stay(date, said),  # noqa: B023
                about=when,
            )
            told = running(past, question, when, order, listed)
            assert told == running(whole, question, when, order, listed), f"seed {seed}, at {when}"
            compared += past.is_part
    assert compared > 10, f"there was too little to compare: {compared}"


def test_turns_that_are_left_out_would_have_changed_no_answer() -> None:
    left_out = 0
    for seed in SEEDS:
        world = renaming(seed)
        client = Client(world.server, "who asks")
        state = read(client)
        whole = read_history(client, state)
        told = read_history(client, state, is_needed=has_line)
        moved = read_history(client, state, is_needed=moves_a_set)
        for wave in {None, *(wave for wave, _ in whole.present)}:
            question = Question(wave=wave)
            assert lines(told, question) == lines(whole, question), f"seed {seed}, {wave}"
        reported = read_history(client, state, is_needed=has_report)
        for target in {line.target for line in lines(whole, Question()) if line.target}:
            question = Question(target=target)
            assert lines(reported, question) == lines(whole, question), f"seed {seed}, {target}"
        for part in (told, moved):
            assert dict(part.stays) == dict(whole.stays), f"seed {seed}"
            assert part.missing == whole.missing, f"seed {seed}"
            left_out += len(whole.turns) - len(part.turns)
        for turn in whole.turns[::5]:
            assert moved.at(turn.at) == whole.at(turn.at), f"seed {seed}"
    assert left_out > 200, "there was too little to leave out"


@cache
def renaming(seed: int) -> World:
    """A history in which waves are often renamed."""
    return play(seed, length=40, often={rename: 1.5})


def first_ledger(client: Client, past: History, number: int = 0) -> Ledger:
    files = client.server.commits[past.turns[number].sha].files
    return journal.decode(files).ledger


def agrees(server: Server, main: str, past: History, at_: datetime, when: str) -> int:
    """Compare all places that the settings at a commit of main name; how many there were."""
    files = server.commits[main].files
    settings = settings_file.parse(files[FILE].decode(), commit="main")
    assert isinstance(settings, Settings)
    compared = 0
    ran = past.at(at_)
    named = {(wave.name, one.name) for wave in settings.waves for one in settings.sets}
    assert ran.keys() <= named, f"{when}: the settings name no {ran.keys() - named}"
    for wave in settings.waves:
        for one in settings.sets:
            there = at(server, main, settings.folder(wave.name, one.name))
            stays = past.stays.get((wave.name, one.name), ())
            if there is None:
                continue
            assert stays, f"{when}: nothing is told of {wave.name}"
            assert ran[wave.name, one.name] == stays[-1], f"{when}: {wave.name} ran another set"
            told = at(server, stays[-1].commit, settings.folder(stays[-1].wave, stays[-1].set))
            assert told is not None, f"{when}: {stays[-1]} has no image files"
            assert told.content == there.content, f"{when}: {wave.name} has other images than told"
            if stays[-1].app_sha is not None and there.app_sha is not None:
                assert stays[-1].app_sha == there.app_sha, when
            compared += 1
    return compared


def at(server: Server, commit: str, folder: str) -> ImageFiles | None:
    files = server.commits[commit].files
    return image_files.parse(
        {name: files[f"{folder}/{name}"] for name in FILES if f"{folder}/{name}" in files}
    )
