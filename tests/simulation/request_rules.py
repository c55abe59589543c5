"""Rule 2 of design.md, section 10, for requests of every kind: each ends once, and it is said how.

An announcement may go into several waves, and a rollback may be one of several sets: then lines
that name the wave say what became of it there, and where these differ one line that names none says
how the request ended.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.simulation.facts import (
    JOURNAL,
    SPACE,
    changed,
    demand,
    ended_in,
    record,
    said_in,
)
from tests.simulation.memory import Push
from tests.simulation.standing import Standing

ENDS = ("landed", "evicted", "rejected", "dropped", "superseded", "done")
_SAID = {
    "unchanged": "landed",
    "promoted already": "landed",
    "under way already": "superseded",
    "held": "done",
    "already held": "done",
    "retried": "done",
    "released already": "done",
    "ended already": "done",
}
_KINDS = ("announcement", "promotion", "rollback", "hotfix", "hold", "release", "drop", "retry")
_Fact = Mapping[str, Any]


@dataclass
class RequestRules:
    """How requests ended.

    Attributes:
        requests: every request that was ever accepted, by id.
        ended: how each one ended; what comes once more under the same name is another request: of
            announcements only those that the ledger knows no more.
        again: the announcements that came once more though they had ended, and how much the journal
            had said of each.
        said: what the journal said of each.
    """

    standing: Standing
    requests: Mapping[str, dict[str, Any]]
    ended: dict[str, str] = field(default_factory=dict)
    again: dict[str, int] = field(default_factory=dict)
    said: dict[str, list[_Fact]] = field(default_factory=dict)

    def note(self, entry: _Fact) -> None:
        """Take note of one line of the journal."""
        if "id" in entry:
            self.said.setdefault(entry["id"], []).append(entry)

    def pushed(self, push: Push) -> None:
        """Judge what leaves the inbox with one push."""
        server, journal = self.standing.server, push.before.get(JOURNAL)
        for name, (old, new) in changed(push, "inbox").items():
            if new is not None and name in self.ended:
                is_announced = record(server, new).get("kind") == "announcement"
                if is_announced and self._ended(name, journal):
                    self.again[name] = len(self.said.get(name, ()))
                else:
                    del self.ended[name]
                    self.said.pop(name, None)
            fact = record(server, old) if old is not None and new is None else {}
            if fact.get("kind") not in _KINDS or name.startswith("forged"):
                continue
            demand(2, push.by.startswith("tidemill"), f"{push.by} took {name} away")
            change = said_in(push)
            demand(2, change, f"{name} went without a word in the journal")
            assert change is not None
            hows, before = (self._ended(name, commit) for commit in change[::-1])
            demand(2, hows, f"{name} went, and the ledger does not say how")
            demand(2, len(hows) <= len(before) + 1, f"{name} ended twice at once: {hows}")
            at = self.again.pop(name, None)
            if at is not None and self.ended[name] == "landed" != hows[-1]:
                # It was for waves that come first since then, and this is how it ended there.
                self.ended[name] = hows[-1]
                self.said[name] = self.said[name][at:]
            how = self.ended.setdefault(name, hows[-1])
            demand(2, how in ENDS and hows[-1] == how, f"{name} ended {how}, and as {hows}")
            entries = record(server, change[1])["entries"]
            said = sorted(self._endings(name, fact, entries))
            if not said and any(_is_of_a_copy(name, one) for one in entries):
                continue  # what it asked for here had ended before, and was put there once more
            demand(2, said == [how], f"{name} ended {how}, and the journal says {said}")
            self._is_true(name, how)

    def _ended(self, name: str, journal: str | None) -> list[str]:
        """How a request ended, as the ledger says, as often as it says so."""
        known = ended_in(self.standing.server, journal) if journal else []
        return [one["how"] for one in known if one["id"] == name]

    def _endings(self, name: str, fact: _Fact, entries: list[_Fact]) -> set[str]:
        """How a request ended, as the journal says: one way, if it is right."""
        lines = [one for one in self.said.get(name, ()) if _word(one) in ENDS]
        words = {_word(one) for one in lines}
        if not words and any(_is_done(name, fact, one) for one in entries):
            words.add("done")
        as_a_whole = [one for one in lines if not one.get("wave")]
        return {_word(one) for one in as_a_whole} if len(words) > 1 else words

    def _is_true(self, name: str, how: str) -> None:
        """That a request ended as it is said to."""
        server, request = self.standing.server, self.requests[name]
        if how == "rejected":
            there = f"{SPACE}/rejected/{name}" in server.refs
            demand(2, there, f"{name} was rejected, and is not kept")
        if how == "dropped":
            drops = [one for one in self.requests.values() if one["kind"] == "drop"]
            asked = any(one["request"] == name for one in drops)
            demand(2, asked, f"{name} was dropped, and nobody asked for it")
        if request["kind"] == "promotion" and how == "landed":
            had = [
                one
                for name_since in self._names_since(request["wave"])
                for one in self.standing.had(name_since, request["set"])
            ]
            there = any(one.app_sha == request["app_sha"] for one in had)
            demand(2, there, f"{name} landed, and its wave has not had it")
        if request["kind"] == "announcement":
            self._is_true_of(name, how, request["announcement"])

    def _names_since(self, wave: str) -> set[str]:
        """What a wave is called, and what it may have been called since: a request keeps the name
        that it came with."""
        names = {wave}
        for one in self.standing.renamed:
            names |= {new for new, old in one.former.items() if old in names}
        return names

    def _is_true_of(self, name: str, how: str, announced: _Fact) -> None:
        if how == "landed":
            waves = [wave.name for wave in self.standing.scene.waves if not wave.after]
            hads = [one for wave in waves for one in self.standing.had(wave, announced["set"])]
            there = any(one.app_sha == announced["sha"] for one in hads)
            demand(2, there, f"{name} landed, and no first wave has had it")
        if how == "superseded":
            known = [one for one in self.requests.values() if one["kind"] == "announcement"]
            same = [one["announcement"] for one in known]
            newer = [one for one in same if one["set"] == announced["set"]]
            newer = [one for one in newer if one["position"] >= announced["position"]]
            demand(2, len(newer) > 1, f"{name} was superseded, and nothing newer came")


def _word(entry: _Fact) -> str:
    what: str = entry["what"]
    return _SAID.get(what, what)


def _is_of_a_copy(name: str, entry: _Fact) -> bool:
    """Whether a line says how a request ended in another one of the waves that its wave is now."""
    return str(entry.get("id", "")).startswith(f"{name}+") and _word(entry) in ENDS


def _is_or_becomes(hold: str, now: str) -> bool:
    """Whether a hold is called so now: of a wave that is split, each half has its own."""
    return now == hold or now.startswith(f"{hold}-")


def _is_done(name: str, fact: _Fact, entry: _Fact) -> bool:
    """Whether a line says what a request did to something else."""
    what, about = entry["what"], str(entry.get("id", ""))
    match fact["kind"]:
        case "hold":  # of all waves: each of its holds has its own name
            return what in ("held", "already held") and about.startswith(f"{name}-")
        case "release":
            return what == "released" and any(_is_or_becomes(one, about) for one in fact["ends"])
        case "drop":
            return what == "dropped" and bool(about == fact["request"])
        case _:
            return False
