"""The rules of design.md, section 10, asserted at each push, from what was pushed so far.

Everything is judged by what the one who pushed could know: the refs as it had listed them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.simulation import gate_rules, signal_rules, verification_rules
from tests.simulation.asker_rules import AskerRules, why_not
from tests.simulation.auto_rules import AutoRules
from tests.simulation.facts import (
    AUTO,
    JOURNAL,
    MAIN,
    SPACE,
    below,
    change_of,
    changed,
    demand,
    is_over,
    record,
    runs,
    said_in,
    trailers,
    verdict,
)
from tests.simulation.landing_rules import judge
from tests.simulation.memory import Push, Server
from tests.simulation.reach import LESS, MORE, Reach
from tests.simulation.request_rules import RequestRules
from tests.simulation.scene import Scene
from tests.simulation.sources import ROLLOUT
from tests.simulation.standing import Landing, Standing, finished
from tidemill.facts.settings import FILE

KEPT = 50
MOST_KEPT_OUT = 500  # evicted before these, of sets that would come again by themselves


@dataclass
class Rules:
    """What is known of the past, and the rules.

    Attributes:
        requests: every request that was ever accepted, by id.
        endings: how they ended.
        presents: what each wave had of each set when a turn last looked.
        reach: what was reached.
        is_seen: whether a turn has seen the last change of names.
        appeared: what has come in the place of something that is gone, and no turn has seen yet.
        forgotten: the requests that had ended before the journal was lost.
        changes: the changes of names that no turn has seen yet: from a wave to its heirs.
        approved: wave, set and SHA that a person named for a wave.
    """

    scene: Scene
    server: Server
    requests: dict[str, dict[str, Any]] = field(default_factory=dict)
    presents: dict[tuple[str, str], Landing] = field(default_factory=dict)
    approved: set[tuple[str, str, str]] = field(default_factory=set)
    reach: Reach = field(default_factory=Reach)
    is_seen: bool = True
    appeared: set[tuple[str, str]] = field(default_factory=set)
    forgotten: set[str] = field(default_factory=set)
    changes: list[Callable[[str], list[str]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.standing = Standing(self.scene, self.server)
        self.endings = RequestRules(self.standing, self.requests)
        self.auto = AutoRules(self.server)
        self.askers = AskerRules(self.standing)

    def begin(self, main: str, now: datetime) -> None:
        """Take note of the first commit."""
        list(self.standing.take_main(None, main, now))

    def forget(self) -> None:
        """The journal is lost: what only it knew can't be asked of anyone any more.

        A hotfix and its release are known from main and from the holds, and so is an announcement
        that was evicted from one wave and landed in another.
        """
        waves = [wave.name for wave in self.scene.waves]
        for name, how in self.endings.ended.items():
            request = self.requests[name]
            said = request.get("announcement") or {"set": None, "sha": None}
            landings = (one for wave in waves for one in self.standing.had(wave, said["set"]))
            is_had = any(one.app_sha == said["sha"] for one in landings if said["sha"])
            if how != "landed" and request["kind"] not in ("hotfix", "release") and not is_had:
                del self.requests[name]
        self.forgotten |= self.requests.keys() - self.inbox().keys()
        self.endings.ended.clear()
        self.endings.said.clear()
        self.presents.clear()
        self.appeared.clear()
        self.auto.made.clear()
        self.askers.forget()
        self.standing.forget_verdicts()
        self.server.receiver.taken.clear()  # what is still so is told once more

    def asked(self, command: str, arguments: Mapping[str, Any]) -> None:
        """Take note of what a person names."""
        if command == "promote" and arguments.get("sha"):
            self.approved.add((arguments["wave"], arguments["set_name"], arguments["sha"]))

    def pushed(self, push: Push, now: datetime) -> None:
        """Judge one push."""
        when = self._when(push) or now
        self._take_note(push)
        self.standing.take_records(push)
        if changed(push, "deployed") or change_of(push, MAIN):  # one may take what it has already
            self.standing.note_deployed()
        if push.by.startswith("tidemill"):
            verification_rules.judge(self.standing, push, when)
        if change := change_of(push, MAIN):
            self.auto.mains.update(self.server.since(change[1], change[0] or ""))
            for landing in self.standing.take_main(change[0], change[1], when):
                if push.by.startswith("tidemill"):
                    judge(self.standing, self.requests, push, landing, when, now)
                    self._was_approved(landing)
                    self._has_what_was_announced(landing)
                    name = landing.told.get("Request", "")
                    self.askers.landed(landing, self.requests.get(name, {}))
        if push.by.startswith("tidemill"):
            self._main_moves_forward_to_green(push)
            self._what_people_wrote_stays(push)
            self._evicted_on_a_green_parent(push)
            self._the_journal_is_written(push)
            self.auto.pushed(push)
            self._held_after_a_step_back(push)
            self._no_report_is_late(push)
            self._no_hold_is_lost(push, now)
            self._what_a_check_said_stays(push)
            signal_rules.judge(self.server, push)
            gate_rules.judge(self.server, push)
        self.endings.pushed(push)

    def _what_a_check_said_stays(self, push: Push) -> None:
        """Who reports a run takes no other one's report away."""
        for sha, (_, new) in changed(push, "checks").items():
            if new is not None:
                now = runs(self.server, self.server.refs, sha)
                said = [run for run in runs(self.server, push.before, sha) if run not in now]
                lost = [run for run in said if run["state"] != "pending"]
                demand(12, not lost, f"of {sha}, these verdicts are lost: {lost}")

    def _take_note(self, push: Push) -> None:
        for name, (old, new) in changed(push, "inbox").items():
            if new is not None:
                is_free = old is None or record(self.server, old)["kind"] == "forged"
                is_ours = push.by.startswith("tidemill")
                what = f"{name} was accepted, and something else takes its place"
                demand(2, is_free or not is_ours, what)
                self.requests[name] = record(self.server, new)
                self.forgotten.discard(name)
                self.askers.authors[name] = self.server.commits[new].author
                self.auto.retried(self.requests[name])
        change = said_in(push)
        if change and push.by.startswith("tidemill"):
            parent, before = self.server.commits[change[1]].parent, change[0]
            is_sound = before is None or record(self.server, before).get("kind") != "forged"
            demand(7, parent == (before if is_sound else None), "the journal forks")
            self.reach.on_auto = set(self._on_auto(push))
            for entry in record(self.server, change[1])["entries"]:
                self.reach.note(entry)
                self.endings.note(entry)
                if entry["what"] == "made again":
                    self._is_known_again()

    def _is_known_again(self) -> None:
        """The journal is made again: of what had ended it knows what main has, and keeps that."""
        standing = self.standing
        there = {
            (landing.set, landing.app_sha)
            for mine in standing.landings.values()
            for landing in mine
            if landing.commit not in standing.taken_back
        }
        for name in list(self.forgotten & self.requests.keys()):
            told = self.requests[name].get("announcement")
            if told and (told["set"], told["sha"]) in there:
                self.forgotten.discard(name)

    def _on_auto(self, push: Push) -> Iterator[tuple[str | None, str | None]]:
        """Where auto was to bring sets to before a push."""
        for sha in self.auto.chain(push.before.get(AUTO), push.before[MAIN]):
            told = trailers(self.server.commits[sha].message)
            if told.get("Operation") in ("introduce", "promote"):
                yield told.get("Target"), told.get("Image-Set")

    def _when(self, push: Push) -> datetime | None:
        """What time it was for the turn that pushed."""
        change = change_of(push, JOURNAL) if push.by.startswith("tidemill") else None
        said = record(self.server, change[1]).get("at") if change else None
        return datetime.fromisoformat(said) if said else None

    def state(self, push: Push, sha: str) -> str:
        """The verdict on a commit, as the one who pushed could know it."""
        return verdict(runs(self.server, push.seen.shas, sha), self.scene.required)

    def _main_moves_forward_to_green(self, push: Push) -> None:
        change = change_of(push, MAIN)
        if change is None:
            return
        old, new = change
        demand(1, old and self.server.descends(new, old), f"main goes from {old} back to {new}")
        demand(1, self.state(push, new) == "green", f"main goes to {new}, which was not green")

    def _was_approved(self, landing: Landing) -> None:
        request = self.requests.get(landing.told.get("Request", ""), {})
        if landing.kind != "promote" or request.get("override"):
            return
        named = (landing.wave, landing.set, landing.app_sha) in self.approved
        fine = named or not self.scene.wave(landing.wave).approval
        what = f"{landing.app_sha} ({landing.set}) is promoted into {landing.wave}"
        demand(4, fine, f"{what}, and nobody named it in an approval")

    def _has_what_was_announced(self, landing: Landing) -> None:
        """All services of an announcement, and no other one: what has gone there, goes here."""
        request = self.requests.get(landing.told.get("Request", ""), {})
        there = json.loads(landing.files[1])
        if landing.kind == "introduce" and request.get("kind") == "announcement":
            images = request["announcement"]["images"]
            wanted = {service: one["Digest"] for service, one in images.items()}
            demand(4, there == wanted, f"{landing.wave} has {there}, and {wanted} was announced")
        if len(had := self.standing.had(landing.wave, landing.set)) > 1:
            before = json.loads(had[-2].files[1]).keys()
            self.reach.counts[LESS] += bool(before - there.keys())
            self.reach.counts[MORE] += bool(there.keys() - before)

    def _no_report_is_late(self, push: Push) -> None:
        """What a target reported last counts, whatever the clock of an earlier report said."""
        for name, (old, new) in changed(push, "inbox").items():
            one = record(self.server, old) if old and not new else {}
            if one.get("kind") != "deployment" or name in below(self.server.refs, "rejected"):
                continue
            filed = [
                finished(all_of[one["target"]])
                for all_of in self.standing.latest.values()
                if one["target"] in all_of
            ]
            hidden = f"{name} of {one['target']} was left aside, and nothing newer is known of it"
            demand(12, filed and max(filed) >= finished(one), hidden)

    def _what_people_wrote_stays(self, push: Push) -> None:
        change = change_of(push, MAIN)
        if change is None or change[0] is None:
            return
        for sha in self.server.since(change[1], change[0]):
            commit = self.server.commits[sha]
            before = self.server.commits[commit.parent or ""].files
            told = trailers(commit.message)
            wave = told["Target"]
            own = [f"generated/{wave}/" if b"[deployments]" in before[FILE] else "generated/"]
            if "Image-Set" in told:
                own.append(f"{self.scene.rollout().folder(wave, told['Image-Set'])}/")
            touched = {
                path
                for path in before.keys() | commit.files.keys()
                if before.get(path) != commit.files.get(path)
            }
            late = commit.date >= self.server.commits[commit.parent or ""].date
            demand(7, late, f"{sha} is older than its parent: dates on main run backwards")
            foreign = [path for path in touched if not path.startswith(tuple(own))]
            demand(11, not foreign, f"the turn's commit {sha} touches {foreign}")
            demand(6, {ROLLOUT, FILE} <= commit.files.keys(), f"{sha} lost the sources")

    def _evicted_on_a_green_parent(self, push: Push) -> None:
        for sha, (_, new) in changed(push, "evicted").items():
            if new is None or sha not in self.auto.made:
                continue
            parent = self.server.commits[sha].parent or ""
            demand(5, self.state(push, sha) == "red", f"{sha} was evicted, and is not red")
            if trailers(self.server.commits[sha].message)["Operation"] == "regenerate":
                reds = _runs(runs(self.server, push.seen.shas, sha), "failure")
                demand(5, len(reds) > 1, f"{sha} was evicted after {len(reds)} red runs")
                continue
            green = self.state(push, parent) == "green"
            demand(5, green, f"{sha} was evicted on {parent}, which is not green")
            landed = change_of(push, MAIN)  # which may be what mends a red one
            main = landed[1] if landed else push.seen.shas[MAIN]
            demand(5, self.state(push, main) != "red", f"{sha} was evicted while main was red")
            self._was_tried_again(push, sha, parent)

    def _was_tried_again(self, push: Push, sha: str, parent: str) -> None:
        """Red, then the parent green again, then red again, as often as the settings ask."""
        reds = _runs(runs(self.server, push.seen.shas, sha), "failure")
        greens = _runs(runs(self.server, push.seen.shas, parent), "success")
        needed = self.scene.retries
        demand(5, len(reds) > needed, f"{sha} was evicted after {len(reds)} red runs")
        demand(5, len(greens) >= max(1, needed), f"{sha} was evicted, its parent asked too little")

    def _the_journal_is_written(self, push: Push) -> None:
        """A turn changes nothing without the journal; accepting and checks need none.

        Where another turn has written the same commit of the journal, all that it says is so: then
        only what came meanwhile is left to take away.
        """
        others = (f"{SPACE}/inbox/", f"{SPACE}/checks/")
        may_end = said_in(push) is not None
        quiet = all(one.ref.startswith(others) and (one.new or may_end) for one in push.updates)
        written = change_of(push, f"{SPACE}/journal")
        before = push.before.get(f"{SPACE}/journal")
        is_there = before and record(self.server, before).get("kind") != "forged"
        demand(7, quiet or written or not is_there, "a turn changed state unsaid")
        if written:
            seen, refs = below(push.seen.shas, "checks"), self.server.refs
            left = seen.keys() & below(refs, "checks").keys()
            wanted = {refs[MAIN], push.seen.shas[MAIN], *self.auto.chain(refs.get(AUTO))}
            clears = any("/rejected/unreadable-" in one.ref for one in push.updates)
            clears |= signal_rules.is_note(self.server, push)
            demand(
                7,
                clears or left <= wanted,
                f"checks nobody asks about stay: {sorted(left - wanted)}",
            )
            for folder, most in (("evicted", KEPT + MOST_KEPT_OUT), ("rejected", KEPT)):
                demand(7, len(below(refs, folder)) <= most, f"too much is kept below {folder}/")

    def _has_looked(self, push: Push) -> bool:
        """Whether a push is of a turn, and not only sets aside what is in the way of one."""
        change = change_of(push, JOURNAL)
        if change is None:
            return False
        is_aside = any("/rejected/unreadable-" in one.ref for one in push.updates)
        entries = record(self.server, change[1]).get("entries", ())
        return not is_aside or any(one["what"] != "rejected" for one in entries)

    def _held_after_a_step_back(self, push: Push) -> None:
        """Where a person's commit takes a wave back, the first turn that sees it holds the wave."""
        if not self._has_looked(push):
            return
        released = any("/release-" in update.ref for update in push.updates)
        known = push.seen.shas[MAIN]
        holds = below(self.server.refs, "holds").keys()
        for place in self.standing.landings:
            now, before = self.standing.present(place, known), self.presents.get(place)
            if now and before and now is not before and now.kind == "by hand":
                is_back = now.position < before.position and now.files != before.files
                is_there = any(wave.name == place[0] for wave in self.scene.waves)
                held = {f"{place[0]}/_", "/".join(place)} & holds or released
                fine = held or not (is_back and is_there)
                demand(3, fine, f"{place} was put back by hand, and is not held")
            if change_of(push, MAIN):
                now = self.standing.present(place, self.server.refs[MAIN])
            if now:
                self.presents[place] = now

    def _no_hold_is_lost(self, push: Push, now: datetime) -> None:
        """A hold goes when it is released, or its time is over; where names have changed, it is on
        all heirs then."""
        if not self._has_looked(push):
            return
        heirs, self.changes = self.changes, []
        appeared, self.appeared = self.appeared, set()
        self.is_seen = True
        there = below(self.server.refs, "holds").keys()
        ended = [old for old, new in changed(push, "inbox").values() if old and not new]
        facts = [record(self.server, sha) for sha in ended]
        released = {hold for one in facts if one["kind"] == "release" for hold in one["ends"]}
        guarded = {wave.name: wave for wave in self.scene.waves if wave.is_guarded}
        proven = {
            name: {
                hold
                for sha, one in zip(ended, facts, strict=True)
                if one["kind"] == "release"
                and why_not(self.standing, wave, one, self.server.commits[sha].author) is None
                for hold in one["ends"]
            }
            for name, wave in guarded.items()
        }
        for wave, name in appeared if not released else ():
            held = {f"{wave}/_", f"{wave}/{name}"} & there
            fine = held or wave not in {one.name for one in self.scene.waves}
            demand(13, fine, f"{name} in {wave} is under another name, unsaid, and is not held")
        for place, sha in below(push.before, "holds").items():
            hold = record(self.server, sha)
            wave, _, set_name = place.partition("/")
            names = [wave]
            for change in heirs:
                names = [new for name in names for new in change(name)]
            lost = [name for name in names if f"{name}/{set_name}" not in there]
            if self.standing.is_forgotten:  # whether `was` had its effect before, nobody knows
                there_now = {one.name for one in self.scene.waves}
                free_now = {one["wave"] for one in facts if one["kind"] == "release"}
                lost = [name for name in lost if name in there_now - free_now]
            by_person = hold.get("by") == "ada"
            may = proven.get(wave, released)
            free = {one for one in may if one.startswith(hold.get("id", "none"))}
            fine = not lost or bool(free) or not by_person or is_over(hold, now)
            demand(13, fine, f"the hold {hold.get('id')} of {place} is lost in {lost}")

    def inbox(self) -> Mapping[str, str]:
        """What waits."""
        return below(self.server.refs, "inbox")


def _runs(found: list[dict[str, Any]], state: str) -> set[str]:
    return {run["run"] for run in found if run["state"] == state}
