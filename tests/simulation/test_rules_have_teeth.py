"""Each rule fails where the mill is broken on purpose: otherwise it would prove nothing."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import msgspec
import pytest
from msgspec import structs

from tests.simulation import damage, history, machines, names, people, requests, trouble
from tests.simulation.announcing import announce, announcement, change_services
from tests.simulation.facts import JOURNAL
from tests.simulation.history import Failed, play
from tests.simulation.memory import Client, Commit, Server
from tests.simulation.metrics import COMMAND, PROMETHEUS
from tests.simulation.scene import START, Scene, random_scene
from tests.simulation.steps import Step, turn
from tests.simulation.world import World
from tidemill.announcing.order import Order, order_of
from tidemill.asks import promotion
from tidemill.asks.places import wave_of
from tidemill.clients.git.store import (
    Committed,
    Logged,
    Pushed,
    PushResult,
    Update,
    Work,
    WorkResult,
)
from tidemill.facts import ledger, naming, ownership
from tidemill.facts.checks import Verdict
from tidemill.facts.journal import Entry
from tidemill.facts.ledger import Landing, Ledger
from tidemill.facts.need import Need
from tidemill.facts.operation import AutoCommit, Operation
from tidemill.facts.records import Deployment
from tidemill.facts.refs import Refs
from tidemill.facts.renames import RenamedSnapshot
from tidemill.facts.requests import Hotfix, Release
from tidemill.facts.settings import Wave
from tidemill.facts.signals import Delivery
from tidemill.facts.snapshot import Snapshot
from tidemill.facts.state import State
from tidemill.facts.verification import Green, Red
from tidemill.plan import (
    announcements,
    approvers,
    due,
    eviction,
    landing,
    next_sets,
    signals,
    verification,
    waits,
)
from tidemill.plan.draft import Draft
from tidemill.plan.holds import release_hold
from tidemill.plan.obstacles import (
    About,
    FailedVerification,
    FailureThere,
    FreezeInForce,
    HoldInForce,
    Obstacle,
)
from tidemill.plan.plan import Plan, plan

MOST = 60
ALL = (70, 15, 5, 5, 5)
WELL = (1, 0, 0, 0, 0)
RED = (50, 50, 0, 0, 0)
Patch = pytest.MonkeyPatch


def seeds(near: int) -> list[int]:
    """All seeds; first the one whose history is known to show it, which spares the others."""
    return [near, *(seed for seed in range(MOST) if seed != near)]


def first_broken(
    natures: tuple[int, ...] = ALL, often: Mapping[Step, float] | None = None, *, near: int = 0
) -> str:
    """What the first history with a broken rule says."""
    for seed in seeds(near):
        try:
            play(seed, natures=natures, often=often)
        except Failed as failed:
            return str(failed.error)
    return "nothing"


def tell_nobody(monkeypatch: Patch) -> None:
    """No history has a receiver of signals: what it hears of such a mill is another matter."""

    def scene(rng: random.Random) -> Scene:
        return replace(random_scene(rng), is_told=False)

    monkeypatch.setattr("tests.simulation.history.random_scene", scene)


def bend(monkeypatch: Patch, *verifications: str, **options: Any) -> None:
    """Every history has such waves, is asked these questions, and tells nobody."""

    def scene(rng: random.Random) -> Scene:
        found = random_scene(rng)
        waves = tuple(replace(wave, **options) for wave in found.waves)
        return replace(found, waves=waves, verifications=verifications, is_told=False)

    monkeypatch.setattr(history, "random_scene", scene)


def hurry(monkeypatch: Patch, *verifications: str, **options: Any) -> None:
    """Sets go on as soon as they may, and each wave comes after the one before it."""
    plain = {"window": None, "approval": False, "spare": 0, "admit": "when deployed"}
    bend(monkeypatch, *verifications, **{**plain, "on_failure": "wait", "soak": 0, **options})


def is_noticed(
    words: str,
    natures: tuple[int, ...] = ALL,
    often: Mapping[Step, float] | None = None,
    *,
    near: int = 0,
) -> bool:
    """Whether a history is broken with these words; others may break in other ways before."""
    for seed in seeds(near):
        try:
            play(seed, natures=natures, often=often)
        except Failed as failed:
            if re.search(words, str(failed.error)):
                return True
    return False


def test_a_main_that_goes_to_an_untested_commit_is_noticed(monkeypatch: Patch) -> None:
    def land(draft: Draft) -> None:
        for step in draft.chain:
            if step.commit:
                draft.verdicts[step.commit.sha] = Verdict("green")
        landing.land(draft)

    monkeypatch.setattr("tidemill.plan.plan.land", land)
    assert first_broken().startswith("rule 1: main goes to")


def test_a_look_that_rests_past_the_time_of_something_is_noticed(monkeypatch: Patch) -> None:
    monkeypatch.setattr("tidemill.plan.rest._times", lambda *_: iter(()))
    monkeypatch.setattr(history, "OFTEN", 0.5)
    assert is_noticed("it was to rest until", near=5)


def test_a_service_that_stays_where_app_git_has_it_no_more_is_noticed(monkeypatch: Patch) -> None:
    sound = Client.work

    def work(self: Client, work: Work) -> WorkResult:
        there = self.server.commits[work.parent].files.get(f"{work.folder}/digests.json", b"{}")
        kept = json.dumps({**json.loads(there), **json.loads(work.digests or b"{}")}).encode()
        return sound(self, structs.replace(work, digests=kept) if work.digests else work)

    monkeypatch.setattr(Client, "work", work)
    often: Mapping[Step, float] = {change_services: 80, machines.run_well: 80}
    assert is_noticed("was announced", WELL, often)


def test_a_wave_that_waits_for_a_target_by_its_former_name_is_noticed(monkeypatch: Patch) -> None:
    def counted(draft: Draft, wave: Wave) -> list[str]:
        known = (target for name, target in draft.records if name == wave.name)
        return [*dict.fromkeys((*wave.targets, *known))]

    monkeypatch.setattr("tidemill.plan.silent_targets.counted", counted)
    often: Mapping[Step, float] = {names.rename_target: 40, machines.run_well: 80}
    assert is_noticed("rule 10: .* good rounds for nothing", WELL, often)


def test_a_wave_that_is_not_held_when_main_goes_back_is_noticed(monkeypatch: Patch) -> None:
    monkeypatch.setattr("tidemill.plan.new_main.hold_by_itself", lambda *_, **__: None)
    often: Mapping[Step, float] = {people.move_back: 60, machines.run_well: 120}
    assert is_noticed("was put back by hand, and is not held", WELL, often)


def test_a_change_of_gates_that_is_not_told_is_noticed(monkeypatch: Patch) -> None:
    monkeypatch.setattr("tidemill.plan.new_main.note_gates", lambda _: None)
    said = first_broken(often={people.change_settings: 5})
    assert said.startswith("rule 16: nobody is told that"), said


def test_a_change_of_gates_that_is_called_anothers_is_noticed(monkeypatch: Patch) -> None:
    sound = Client.history

    def history(self: Client, commit: str, most: int) -> list[Logged]:
        return [structs.replace(one, author="mallory") for one in sound(self, commit, most)]

    monkeypatch.setattr(Client, "history", history)
    said = first_broken(often={people.change_settings: 5})
    assert re.match("rule 16: .* by mallory", said), said


def test_a_change_of_gates_that_nobody_is_said_to_have_made_is_noticed(monkeypatch: Patch) -> None:
    monkeypatch.setattr(Client, "history", lambda *_: [])
    said = first_broken(often={people.change_settings: 5})
    assert said.startswith("rule 16: nobody is said to have changed"), said


def only(monkeypatch: Patch, *steps: Step) -> Mapping[Step, float]:
    """No history has other steps than these."""
    monkeypatch.setattr(history, "mixture", lambda _: {})
    return dict.fromkeys(steps, 1)


def test_what_was_merged_that_is_taken_for_commits_of_main_is_noticed(monkeypatch: Patch) -> None:
    """A branch has the settings that it began with, and who merges it changes none of main's."""
    sound = Client.history

    def history(self: Client, commit: str, most: int) -> list[Logged]:
        found = sound(self, commit, most)
        before = [None, *(one.sha for one in found[:-1])]
        return [structs.replace(one, parent=last) for one, last in zip(found, before, strict=True)]

    monkeypatch.setattr(Client, "history", history)
    often = only(monkeypatch, people.change_settings, people.merge, announce)
    assert is_noticed("rule 16: .* and changes no settings", WELL, often)


def test_commits_that_go_by_a_wrong_clock_are_noticed(monkeypatch: Patch) -> None:
    """All clocks are right in these histories but those of some turns."""
    sound = Client.work

    def work(self: Client, work: Work) -> WorkResult:
        outcome = sound(self, work)
        if not isinstance(outcome, Committed) or work.date is None:
            return outcome
        made = self.server.commits[outcome.sha]
        return Committed(self._own(replace(made, date=work.date)))

    monkeypatch.setattr(Client, "work", work)
    often = only(monkeypatch, trouble.skew, machines.run_well)
    assert is_noticed("dates on main run backwards", WELL, often)


def test_a_forgotten_lease_is_noticed(monkeypatch: Patch) -> None:
    sound = Server.receive

    def receive(self: Server, by: str, seen: Refs, updates: Sequence[Update]) -> PushResult:
        forced = [structs.replace(update, old=self.refs.get(update.ref)) for update in updates]
        forced = [update for update in forced if update.old != update.new]
        return sound(self, by, seen, forced)

    monkeypatch.setattr(Server, "receive", receive)
    tell_nobody(monkeypatch)
    assert is_noticed("rule 1: main goes|rule 2:|rule 7: the journal forks", near=5)


def test_a_request_that_vanishes_is_noticed(monkeypatch: Patch) -> None:
    def end(self: Draft, request: str, how: str, entry: Entry | None = None) -> None:
        if self.inbox.take(request) is not None:
            self.ended.append(request)

    monkeypatch.setattr(Draft, "end", end)
    assert first_broken().startswith("rule 2:")


def test_a_promotion_that_ends_without_a_word_is_noticed(monkeypatch: Patch) -> None:
    sound = Draft.end

    def end(self: Draft, request: str, how: str, entry: Entry | None = None) -> None:
        sound(self, request, how, None if request.startswith("promotion") else entry)

    monkeypatch.setattr(Draft, "end", end)
    found = first_broken(WELL, {requests.promote: 60, machines.run_well: 80}, near=11)
    assert re.match("rule 2: promotion-.* the journal says", found)


def test_an_older_set_that_comes_back_is_noticed(monkeypatch: Patch) -> None:
    for module in (due, next_sets, announcements):
        monkeypatch.setattr(module, "is_newer", lambda *_: True)
    assert first_broken().startswith(("rule 3:", "rule 2:"))


def test_a_set_that_is_promoted_too_early_is_noticed(monkeypatch: Patch) -> None:
    monkeypatch.setattr(due, "not_ready", lambda *_: ())
    assert first_broken().startswith("rule 4:")


def test_a_hold_that_does_not_hold_is_noticed(monkeypatch: Patch) -> None:
    for module in (due, next_sets):
        monkeypatch.setattr(module, "closed", lambda *_: ())
    assert "landed " in first_broken()


def test_a_freeze_that_does_not_freeze_is_noticed(monkeypatch: Patch) -> None:
    monkeypatch.setattr("tidemill.plan.windows.freezes_on", lambda *_: ())
    often: Mapping[Step, float] = {people.freeze: 40, machines.run_well: 120}
    assert is_noticed("landed in a freeze", WELL, often, near=14)


def test_a_hold_that_ends_before_its_time_is_noticed(monkeypatch: Patch) -> None:
    def end_holds(draft: Draft) -> None:
        for place, hold in draft.snapshot.holds.items():
            if hold.until and draft.holds.get(place) == hold:
                release_hold(draft, hold, "too early")

    monkeypatch.setattr("tidemill.plan.filing.end_holds", end_holds)
    found = first_broken(WELL, {requests.hold: 60, machines.run_well: 60})
    assert found.startswith(("rule 13: the hold", "rule 4:"))


def test_a_hotfix_that_is_promoted_onward_is_noticed(monkeypatch: Patch) -> None:
    sound = next_sets._candidates

    def candidates(draft: Draft, wave: Wave, set_name: str) -> Iterator[Operation]:
        fixes = [one for _, one in draft.ledger.landings(set_name) if one.is_hotfix]
        for one in fixes:
            one.is_hotfix = False
        found = list(sound(draft, wave, set_name))
        for one in fixes:
            one.is_hotfix = True
        return iter(found)

    monkeypatch.setattr(next_sets, "_candidates", candidates)
    often: Mapping[Step, float] = {
        requests.hotfix: 60,
        machines.check_all: 100,
        turn: 60,
        machines.run_well: 50,
    }
    found = first_broken(WELL, often, near=18)
    assert "which goes nowhere else" in found


def test_a_hotfix_that_shifts_the_order_of_sets_is_noticed(monkeypatch: Patch) -> None:
    def place_of(_: Draft, hotfix: Hotfix) -> Order:
        return Order(position=hotfix.announcement.position)

    monkeypatch.setattr("tidemill.plan.hotfix._place_of", place_of)
    found = first_broken(WELL, {requests.hotfix: 40, machines.run_well: 80})
    assert "it is to stand where" in found


def test_a_hotfix_that_is_undone_by_itself_is_noticed(monkeypatch: Patch) -> None:
    monkeypatch.setattr("tidemill.plan.hotfix.hold_back", lambda *_, **__: None)
    found = first_broken(WELL, {requests.hotfix: 60, machines.run_well: 200})
    assert "it undoes a hotfix, and nobody released that" in found


def test_a_wave_that_needs_less_than_it_says_is_noticed(monkeypatch: Patch) -> None:
    monkeypatch.setattr(Need, "of", lambda _, count: min(count, 1))
    found = first_broken(ALL, {machines.deliver: 60, machines.sync: 60, machines.check_all: 60})
    assert "is not deployed in" in found


def test_an_innocent_that_is_evicted_is_noticed(monkeypatch: Patch) -> None:
    monkeypatch.setattr(eviction, "_judge", lambda *_: True)
    assert first_broken(RED).startswith("rule 5:")


def test_a_repeat_that_is_spared_is_noticed(monkeypatch: Patch) -> None:
    def judge(draft: Draft, culprit: AutoCommit) -> bool:
        return draft.require_verdict(culprit.parent).state == "green"

    monkeypatch.setattr(eviction, "_judge", judge)
    assert first_broken(RED).startswith("rule 5:")


def test_an_evicted_set_that_comes_back_is_noticed(monkeypatch: Patch) -> None:
    monkeypatch.setattr(ledger.Ledger, "evicted", lambda *_: None)
    assert first_broken(RED, near=7).startswith(("rule 5:", "rule 7:"))


def test_a_turn_that_touches_what_people_wrote_is_noticed(monkeypatch: Patch) -> None:
    sound = Client.work

    def work(self: Client, work: Work) -> WorkResult:
        outcome = sound(self, work)
        if not isinstance(outcome, Committed):
            return outcome
        made = self.server.commits[outcome.sha]
        files = {**made.files, "README.md": b"ours\n"}
        return Committed(
            self._own(Commit(files, made.parent, made.message, made.date, made.author))
        )

    monkeypatch.setattr(Client, "work", work)
    assert first_broken().startswith("rule 11:")


def test_what_a_person_left_undone_that_rides_along_is_noticed(monkeypatch: Patch) -> None:
    monkeypatch.setattr(ownership.Scope, "has", lambda *_: True)
    found = first_broken(WELL, {people.forget_to_generate: 60, machines.run_well: 120}, near=5)
    assert found.startswith("rule 11:")


def test_a_turn_that_writes_for_nothing_is_noticed(monkeypatch: Patch) -> None:
    def eager(snapshot: Snapshot, **how: Any) -> Plan:
        return structs.replace(plan(snapshot, **how), is_change=True)

    monkeypatch.setattr("tidemill.turn.turn.plan", eager)
    assert first_broken().startswith("rule 7: a third turn")


def test_a_commit_under_test_that_is_rewritten_is_noticed(monkeypatch: Patch) -> None:
    def advance(draft: Draft) -> None:
        next_sets.advance(draft)
        draft.chain.reverse()

    monkeypatch.setattr("tidemill.plan.plan.advance", advance)
    tell_nobody(monkeypatch)
    assert first_broken().startswith("rule 7:")


def test_a_push_in_pieces_is_noticed(monkeypatch: Patch) -> None:
    def push(self: Client, updates: Sequence[Update]) -> PushResult:
        outcome: PushResult = Pushed()
        for update in updates:
            self.gate("push")
            outcome = self.server.receive(self.by, self.seen, [update])
        return outcome

    monkeypatch.setattr(Client, "push", push)
    assert first_broken().startswith(("rule 2:", "rule 7:", "rule 8:", "rule 12:"))


def test_a_journal_that_goes_ahead_of_what_it_says_is_noticed(monkeypatch: Patch) -> None:
    sound = Client.push

    def push(self: Client, updates: Sequence[Update]) -> PushResult:
        if journal := [one for one in updates if one.ref == JOURNAL]:
            self.server.receive(self.by, self.seen, journal)
        return sound(self, updates)

    monkeypatch.setattr(Client, "push", push)
    assert first_broken() == "rule 7: a turn changed state unsaid"


def test_a_journal_that_is_only_named_is_noticed(monkeypatch: Patch) -> None:
    sound = Client.push

    def push(self: Client, updates: Sequence[Update]) -> PushResult:
        tip = self.seen.shas.get(JOURNAL)
        stays = [
            structs.replace(one, new=tip) if tip and one.ref == JOURNAL else one for one in updates
        ]
        return sound(self, stays)

    monkeypatch.setattr(Client, "push", push)
    assert first_broken() == "rule 7: the journal forks"


def test_a_wave_that_waits_for_ever_is_noticed(monkeypatch: Patch) -> None:
    def nothing(*_: object) -> Iterator[Operation]:
        return iter(())

    monkeypatch.setattr(next_sets, "_candidates", nothing)
    assert first_broken().startswith(("rule 10:", "rule 12:"))


def test_a_set_that_is_not_there_and_that_no_line_names_is_noticed(monkeypatch: Patch) -> None:
    monkeypatch.setattr(waits, "_newest", lambda *_: None)
    assert re.search("rule 12: .* and no line says why", first_broken())


def test_a_remedy_that_does_not_run_as_printed_is_noticed(monkeypatch: Patch) -> None:
    monkeypatch.setattr(
        "tidemill.commands._remedies.line_command", lambda *_: ("release-wave", "--every", "wave")
    )
    assert first_broken().startswith("rule 12: this does not run as printed")


def test_what_is_called_deployed_and_is_in_no_file_is_noticed(monkeypatch: Patch) -> None:
    monkeypatch.setattr(naming, "_naming", lambda *_: None)
    monkeypatch.setattr(naming, "_others", lambda *_: [])
    found = first_broken(WELL, {people.pin: 20, machines.run_well: 80}, near=2)
    assert "no file names all of its images" in found


def test_a_report_that_hides_later_ones_is_noticed(monkeypatch: Patch) -> None:
    monkeypatch.setattr(Deployment, "finished", property(lambda self: self.finished_at))
    assert "nothing newer is known of it" in first_broken(often={machines.hurry: 40})


def test_dates_on_main_that_run_backwards_are_noticed(monkeypatch: Patch) -> None:
    sound = Client.work

    def work(self: Client, work: Work) -> WorkResult:
        outcome = sound(self, work)
        if not isinstance(outcome, Committed) or work.date is None:
            return outcome
        made = self.server.commits[outcome.sha]
        return Committed(self._own(replace(made, date=work.date)))

    monkeypatch.setattr(Client, "work", work)
    assert "dates on main run backwards" in first_broken()


def test_an_approval_that_names_no_set_is_noticed(monkeypatch: Patch) -> None:
    monkeypatch.setattr(promotion, "wave_of", _without_approval)
    monkeypatch.setattr(history, "random_scene", _with_approvals)
    assert "nobody named it in an approval" in first_broken(WELL, {requests.promote: 40}, near=21)


def _with_approvals(rng: random.Random) -> Scene:
    scene = random_scene(rng)
    waves = tuple(replace(wave, approval=bool(wave.after)) for wave in scene.waves)
    return replace(scene, waves=waves)


def _without_approval(state: State, name: str) -> Wave:
    found = wave_of(state, name)
    return msgspec.structs.replace(found, approval=False)


def test_a_ref_that_stays_in_the_way_is_noticed(monkeypatch: Patch) -> None:
    monkeypatch.setattr(Draft, "set_aside", lambda *_: None)
    tell_nobody(monkeypatch)
    assert is_noticed("can't be read, and", often={damage.forge: 40}, near=4)


def test_a_lost_journal_that_is_not_made_again_is_noticed(monkeypatch: Patch) -> None:
    monkeypatch.setattr("tidemill.turn.read.recalled", lambda _: Ledger())
    found = first_broken(RED, {damage.lose_journal: 100, machines.run_well: 200}, near=21)
    assert found.startswith(("rule 3:", "rule 5:", "rule 12:", "rule 13:"))


def test_a_forged_position_that_locks_a_set_out_is_noticed(monkeypatch: Patch) -> None:
    monkeypatch.setattr("tidemill.plan.position._why_clashing", lambda *_: None)
    assert first_broken(WELL, {damage.announce_far_ahead: 40}).startswith("rule ")


def test_a_name_that_forgets_its_past_is_noticed(monkeypatch: Patch) -> None:
    as_it_is = partial(RenamedSnapshot, is_due=False)
    monkeypatch.setattr("tidemill.plan.plan.renamed", as_it_is)
    found = first_broken(often={names.rename: 40, requests.hold: 40})
    assert found.startswith(("rule 13: the hold", "rule 3:"))


def test_a_wave_that_comes_back_unheld_under_another_name_is_noticed(monkeypatch: Patch) -> None:
    monkeypatch.setattr("tidemill.plan.new_main.in_place_of", lambda *_: None)
    monkeypatch.setattr(names, "SAID", 0)
    found = first_broken(WELL, {names.rename: 20, machines.run_well: 80})
    assert "under another name, unsaid" in found


def test_a_hold_that_is_not_shown_because_its_wave_is_gone_is_noticed(monkeypatch: Patch) -> None:
    monkeypatch.setattr("tidemill.plan.status.gone_holds", lambda *_: [])
    monkeypatch.setattr(names, "SAID", 0)
    monkeypatch.setattr(history, "OFTEN", 0.5)
    found = first_broken(often={names.rename: 60, requests.hold: 60, turn: 60}, near=6)
    assert "rule 13: held, and not shown" in found


FORGED: Mapping[Step, float] = {
    damage.forge_request: 40,
    requests.hold: 30,
    machines.run_well: 120,
}


def test_a_request_that_no_approver_made_is_noticed(monkeypatch: Patch) -> None:
    bend(monkeypatch, soak=10, settle=5, window=None, approval=False, admit="at once")
    monkeypatch.setattr("tidemill.plan.approvers.guarded", lambda *_: ())
    often = {**FORGED, damage.forge_request: 120, requests.hold: 0}
    assert is_noticed("rule 4: .* was asked for by (mallory|tidemill)", WELL, often, near=8)


def test_a_release_that_no_approver_made_is_noticed(monkeypatch: Patch) -> None:
    sound = approvers.guarded

    def guarded(settings: Any, holds: Any, fact: Any) -> Any:
        return () if isinstance(fact, Release) else sound(settings, holds, fact)

    monkeypatch.setattr("tidemill.plan.approvers.guarded", guarded)
    assert is_noticed("rule 13: the hold .* is lost", WELL, FORGED)


REVIEWED: Mapping[Step, float] = {
    requests.promote: 100,
    requests.run_again: 100,
    damage.forge_request: 150,
    machines.run_well: 100,
}


def _with_reviews(rng: random.Random) -> Scene:
    scene = random_scene(rng)
    waves = (replace(one, approval=bool(one.after), soak=0, settle=15) for one in scene.waves)
    return replace(scene, waves=tuple(waves))


def test_a_set_that_no_reviewer_let_through_is_noticed(monkeypatch: Patch) -> None:
    monkeypatch.setattr(history, "random_scene", _with_reviews)
    monkeypatch.setattr(approvers, "_reviewed", lambda *given: given[2])
    assert is_noticed("in a run that no reviewer let through", WELL, REVIEWED)


def test_a_run_that_approves_something_else_is_noticed(monkeypatch: Patch) -> None:
    """A run that was to release what was not held has approved nothing yet: it is there to name."""

    def scene(rng: random.Random) -> Scene:
        found = random_scene(rng)
        waves = (
            replace(one, approval=bool(one.after), soak=10, window=None) for one in found.waves
        )
        return replace(found, waves=tuple(waves))

    monkeypatch.setattr(history, "random_scene", scene)
    monkeypatch.setattr(approvers, "why_other", lambda *_: None)
    often: Mapping[Step, float] = {
        requests.release: 100,
        damage.forge_request: 150,
        machines.run_well: 100,
    }
    assert is_noticed("in a run that was for something else", WELL, often, near=14)


def test_a_message_that_is_not_noted_when_it_was_taken_is_noticed(monkeypatch: Patch) -> None:
    monkeypatch.setattr("tidemill.turn.signalling.confirmed", lambda known, *_: known)
    assert re.match(r"rule 15: .* comes again, and nobody died", first_broken())


def test_a_message_that_two_runs_may_send_at_once_is_noticed(monkeypatch: Patch) -> None:
    monkeypatch.setattr(Delivery, "free_at", None)
    assert is_noticed(r"rule 15: .* comes (again, and nobody died|after its end)")


def test_a_message_that_is_called_told_and_never_sent_is_noticed(monkeypatch: Patch) -> None:
    def tell(draft: Draft, *, is_part: bool) -> None:
        signals.tell(draft, is_part=is_part)
        keys = {one.key for one in draft.messages}
        draft.ledger.signals = signals.confirmed(draft.ledger.signals, keys)
        draft.messages.clear()

    monkeypatch.setattr("tidemill.plan.plan.tell", tell)
    assert re.match(r"rule 15: .* (is called told, and was not taken|goes untold)", first_broken())


def test_a_signal_that_is_forgotten_is_noticed(monkeypatch: Patch) -> None:
    monkeypatch.setattr("tidemill.plan.signals._holds", lambda _: iter(()))
    said = first_broken(WELL, {requests.hold: 9}, near=5)
    assert re.match(r"rule 15: .* is held, and nobody is told", said)


FLAPPING: Mapping[Step, float] = {machines.flap: 60, machines.run_well: 150}


def ask_about_all(monkeypatch: Patch) -> None:
    """Every history has verifications, and waves that roll back."""
    bend(monkeypatch, COMMAND, PROMETHEUS, on_failure="roll back")


def test_a_set_that_is_promoted_unverified_is_noticed(monkeypatch: Patch) -> None:
    ask_about_all(monkeypatch)
    monkeypatch.setattr(due, "unverified", lambda *_: None)
    assert re.search("rule 17: .* was not green in", first_broken(WELL, FLAPPING))


def test_a_lost_answer_that_counts_as_green_is_noticed(monkeypatch: Patch) -> None:
    ask_about_all(monkeypatch)
    monkeypatch.setattr("tidemill.turn.verification._lost", lambda _: Green())
    assert first_broken(WELL, FLAPPING).startswith("rule 17:")


def test_a_lost_answer_that_counts_as_red_is_noticed(monkeypatch: Patch) -> None:
    ask_about_all(monkeypatch)
    monkeypatch.setattr("tidemill.turn.verification._lost", lambda _: Red())
    assert first_broken(WELL, FLAPPING).startswith("rule 17: red begins in []")


def test_a_red_answer_that_is_told_of_each_time_is_noticed(monkeypatch: Patch) -> None:
    ask_about_all(monkeypatch)
    sound = verification._tell

    def tell(draft: Draft, wave: Wave, name: str, landing: Landing, known: Any) -> None:
        sound(draft, wave, name, landing, known)
        for each, answer in known.items():
            if isinstance(answer, Red):
                draft.note_set("refuted", wave.name, name, landing, f"the verification {each}")

    monkeypatch.setattr(verification, "_tell", tell)
    assert first_broken(WELL, FLAPPING).startswith("rule 17: red begins in")


def _ship_and_turn_red(world: World) -> None:
    """A set goes as far as it may, all being well; then it is red wherever it is."""
    world.server.metrics.moods.clear()
    world.do("announce", announcement=announcement(world, kind="fresh"))
    machines.run_well(world)
    for wave in world.scene.waves:
        world.server.metrics.moods[wave.name, COMMAND] = "red"
    world.do("turn")


def test_a_verified_set_that_is_rolled_back_by_itself_is_noticed(monkeypatch: Patch) -> None:
    hurry(monkeypatch, COMMAND, on_failure="roll back")
    monkeypatch.setattr("tidemill.plan.on_failure._why_not_back", lambda *given: _no_goal(given[4]))
    assert is_noticed("rule 17: .* had been verified to the end", WELL, {_ship_and_turn_red: 300})


def _no_goal(goal: object) -> str | None:
    return None if goal else "no older set was healthy there"


SPOILT: Mapping[Step, float] = {machines.spoil_on_its_way: 120, machines.run_well: 60}


@pytest.mark.parametrize(
    ("ignored", "words"),
    [(FailedVerification, "it is red in"), (FailureThere, "it is not deployed in")],
)
def test_a_set_that_fails_on_its_way_and_goes_on_is_noticed(
    monkeypatch: Patch, ignored: type[Obstacle], words: str
) -> None:
    """A turn that knows of it takes the set off auto; here it lands first."""

    def obstacle(draft: Draft, operation: Operation) -> Obstacle | None:
        found = due.obstacles(draft, operation)
        return next((one for one in found if not isinstance(one, ignored)), None)

    hurry(monkeypatch, COMMAND)
    monkeypatch.setattr(landing, "obstacle", obstacle)
    assert is_noticed(words, WELL, SPOILT, near=3)


def test_a_red_set_that_is_still_deployed_and_goes_on_is_noticed(monkeypatch: Patch) -> None:
    """What is red is not deployed: so it takes both to let it go on."""
    hurry(monkeypatch, COMMAND)
    monkeypatch.setattr(Landing, "end_deployment", lambda _: None)
    monkeypatch.setattr(due, "failed_there", lambda *_: None)
    assert is_noticed("rule 17: .* it is red in", WELL, SPOILT)


def _red_in_its_last_stay(world: World) -> None:
    """A set is well in a wave, and kept out of the next. A newer one replaces it there, a person
    puts it back, and it is red by the time that the next wave is let go."""
    moods, after = world.server.metrics.moods, [one for one in world.scene.waves if one.after]
    if not after:
        return
    name, wave = world.scene.sets[0], after[0]
    moods.clear()
    world.do("hold", wave=wave.name, set_name=None, all_waves=False, reason="wait", until=None)
    mains = []
    for _ in range(2):
        world.do("announce", announcement=announcement(world, set_name=name, kind="fresh"))
        machines.run_well(world)
        mains.append(world.files)
    folders = tuple(f"{world.rollout.folder(one, name)}/" for one in wave.after)
    files = {path: data for path, data in mains[1].items() if not path.startswith(folders)}
    files |= {path: data for path, data in mains[0].items() if path.startswith(folders)}
    world.edit("back", files)
    machines.run_well(world)
    moods.update({(one, COMMAND): "red" for one in wave.after})
    world.do("release", wave=wave.name, set_name=None, reason="go on")
    machines.run_well(world)


def test_a_set_that_is_red_in_its_last_stay_and_goes_on_is_noticed(monkeypatch: Patch) -> None:
    """One stay that is well is enough, but for that."""
    sound = due._unready

    def unready(draft: Draft, source: Wave, wave: Wave, name: str, one: Landing) -> Obstacle | None:
        part = draft.ledger.history(source.name, name)
        stays = part.landings_of(order_of(one), one.app_sha)
        stops = [sound(draft, source, wave, name, each) for each in (*stays, one)]
        return None if None in stops else stops[-1]

    hurry(monkeypatch, COMMAND)
    monkeypatch.setattr(due, "_unready", unready)
    assert is_noticed("rule 17: .* it is red in", WELL, {_red_in_its_last_stay: 300})


def test_a_red_set_that_status_calls_something_else_is_noticed(monkeypatch: Patch) -> None:
    """It goes nowhere, as it is not deployed, and that is not why."""
    hurry(monkeypatch, COMMAND)
    monkeypatch.setattr(due, "failed_there", lambda *_: None)
    assert is_noticed("rule 12: .* that it is red is not named", WELL, SPOILT)


def test_a_turn_that_lands_by_the_time_it_began_is_noticed(monkeypatch: Patch) -> None:
    monkeypatch.setattr("tidemill.turn.turn._STALE", timedelta(days=1))
    assert "landed in a freeze" in first_broken(WELL, {people.freeze_meanwhile: 60})


FREEZE = FreezeInForce(wave="all", reason="none", until=START + timedelta(days=9999))
RED_ANSWER = FailedVerification(wave="all", set="all", names=("smoke",))


@pytest.mark.parametrize(
    ("gate", "words"), [(FREEZE, "freeze.* is not so"), (RED_ANSWER, "and it is not red")]
)
def test_a_gate_that_status_names_and_that_is_not_so_is_noticed(
    monkeypatch: Patch, gate: Obstacle, words: str
) -> None:
    """Nothing is held up by it: it is only said."""
    sound = Draft.wait

    def wait(self: Draft, about: About, *stops: Obstacle, **given: Any) -> None:
        more = [gate] if about.at == "for" else []
        sound(self, about, *stops, *more, **given)

    monkeypatch.setattr(Draft, "wait", wait)
    assert is_noticed(f"rule 12: .*{words}", WELL, {machines.run_well: 120})


@pytest.mark.parametrize("gate", [HoldInForce, FreezeInForce])
def test_a_gate_that_status_does_not_name_is_noticed(
    monkeypatch: Patch, gate: type[Obstacle]
) -> None:
    """It still holds: only what is said of it leaves it out."""
    sound = Draft.wait

    def wait(self: Draft, about: About, *stops: Obstacle, **given: Any) -> None:
        told = [one for one in stops if not isinstance(one, gate)]
        sound(self, about, *(told or stops), **given)

    monkeypatch.setattr(Draft, "wait", wait)
    often: Mapping[Step, float] = {people.freeze: 40, requests.hold: 40, machines.run_well: 120}
    assert is_noticed("rule 12: .* is not named", WELL, often)
