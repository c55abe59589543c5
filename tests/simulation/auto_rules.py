"""What design.md, section 4, says of auto: what is done again, and what is left alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from tests.simulation.facts import AUTO, MAIN, below, change_of, changed, demand, trailers
from tests.simulation.memory import Push, Server

Operation: TypeAlias = tuple[str | None, ...]
_NAMES = ("Operation", "Target", "Image-Set", "App-SHA", "App-Position", "Request")


@dataclass
class AutoRules:
    """What auto has held, and what was taken off it for good.

    Attributes:
        made: every commit that a turn has put on auto.
        evicted: the operations of evicted commits that nobody has let try again.
        mains: the commits that main has had; what a person takes off it again is theirs to keep.
    """

    server: Server
    made: set[str] = field(default_factory=set)
    evicted: set[Operation] = field(default_factory=set)
    mains: set[str] = field(default_factory=set)

    def pushed(self, push: Push) -> None:
        """Judge one push of a turn."""
        before = self.chain(push.before.get(AUTO), push.before[MAIN])
        after = self.chain(self.server.refs.get(AUTO))
        if change_of(push, AUTO):
            self._nothing_twice(after)
            self._what_is_under_test_stays(push, before, after)
            self._evicted_stays_away(before, after)
            self._what_people_put_there_is_kept(before, after)
            self.made.update(after)
        for sha, (_, new) in changed(push, "evicted").items():
            if new is not None and sha in self.made:
                operation = self._operation(sha)
                if operation[0] != "regenerate":  # that is tried again when main has changed
                    self.evicted.add(operation)

    def retried(self, request: Mapping[str, Any]) -> None:
        """A person lets something try again."""
        if request["kind"] == "retry-promotion":
            place = (request["wave"], request["set"], request["app_sha"])
            self.evicted = {one for one in self.evicted if one[1:4] != place}

    def chain(self, tip: str | None, main: str | None = None) -> list[str]:
        """The commits of auto above main, the oldest first; all of its own where main moved."""
        main = main or self.server.refs[MAIN]
        if tip is None or self.server.descends(main, tip):
            return []
        found = []
        at: str | None = tip
        while at is not None and not self.server.descends(main, at):
            found.append(at)
            at = self.server.commits[at].parent
        return found[::-1]

    def _operation(self, sha: str) -> Operation:
        told = trailers(self.server.commits[sha].message)
        return tuple(told.get(name) for name in _NAMES)

    def _nothing_twice(self, after: list[str]) -> None:
        done = [self._operation(sha) for sha in after]
        twice = {one for one in done if any(one) and done.count(one) > 1}  # and not what people do
        demand(7, not twice, f"auto does twice: {sorted(map(str, twice))}")

    def _what_is_under_test_stays(self, push: Push, before: list[str], after: list[str]) -> None:
        """No commit is done again but for a main that moved, one gone beneath, or one that goes
        first."""
        left = [sha for sha in before if sha not in after]
        if not left or self.server.commits[before[0]].parent != self.server.refs[MAIN]:
            return
        if left[0] not in self.made:
            return  # the journal was lost, and with it whose commit that is
        first = before.index(left[0])
        instead = self._operation(after[first]) if first < len(after) else None
        again = {self._operation(sha) for sha in after}
        gone = self._operation(left[0]) not in again
        goes_first = instead is not None and instead[0] in ("roll back", "hotfix", "regenerate")
        demand(7, gone or goes_first, f"{left[0]} was under test, and was done again for nothing")

    def _evicted_stays_away(self, before: list[str], after: list[str]) -> None:
        for sha in set(after) - set(before):
            operation = self._operation(sha)
            demand(5, operation not in self.evicted, f"{sha} does again what was evicted")

    def _what_people_put_there_is_kept(self, before: list[str], after: list[str]) -> None:
        """It is taken off, with what stands on it, and anyone finds it among the evicted."""
        kept = below(self.server.refs, "evicted").values()
        commits = self.server.commits
        theirs = [sha for sha in before if commits[sha].author == "ada" and sha not in self.mains]
        tip = before[-1] if before else None
        lost = theirs and tip not in after and not {tip, *theirs} & {*kept}
        demand(5, not lost, f"{theirs} of a person was on auto, and is nowhere")
