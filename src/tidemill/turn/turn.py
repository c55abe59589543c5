"""A turn: read everything, decide, write everything that is due in one compare-and-swap."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import chain
from typing import TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from tidemill.clients.git.store import Declined, Pushed, Raced, Store
from tidemill.clients.github.connecting import NO_GITHUB
from tidemill.errors import TidemillError
from tidemill.facts.journal import Entry
from tidemill.facts.ledger import Refusal
from tidemill.facts.requests import Fact
from tidemill.facts.settings import Settings
from tidemill.facts.signals import Reach
from tidemill.facts.snapshot import Outcome, Snapshot
from tidemill.facts.staleness import FailedInspection, Inspection
from tidemill.facts.state import State
from tidemill.facts.verification import Answer, Question
from tidemill.plan.plan import Plan, of_dry_run, plan
from tidemill.plan.portion import surplus
from tidemill.plan.regeneration import InspectionTodo
from tidemill.plan.replay import Todo, Trial
from tidemill.turn.clear import cleared_way
from tidemill.turn.forge import Forge, Judge
from tidemill.turn.make import look_at, make
from tidemill.turn.outcome import (
    LeftToAnother,
    LeftToNextRun,
    LostTo,
    NothingDue,
    TurnOutcome,
    WouldWrite,
    Wrote,
)
from tidemill.turn.push import MOST_RACES, Clock, push, push_refused
from tidemill.turn.read import read, snapshot
from tidemill.turn.senders import awaited, has_been_read, why_refused
from tidemill.turn.verification import Verifier
from tidemill.turn.vouching import vouched
from tidemill.turn.write import updates
from tidemill.words.shas import short

_T = TypeVar("_T")
_MOST_DECISIONS = 3  # where even deciding is slow, as on a machine that swaps
_STALE = timedelta(seconds=10)  # after so long, a window may have closed or a freeze begun


class Turn(Struct, frozen=True):
    """What a turn decided, and what became of it.

    Attributes:
        refused: what the server said to a landing, where it refused one.
    """

    plan: Plan
    outcome: TurnOutcome
    state: State
    snapshot: Snapshot
    refused: str | None = None

    def after(self, entries: tuple[Entry, ...], parts: Sequence[Plan] = ()) -> Turn:
        """This turn, where something was written before it: what cleared the way, and parts."""
        if not (entries or parts):
            return self
        if isinstance(self.outcome, LostTo | LeftToNextRun):  # what was written before it is there
            *before, last = parts or [_undone(self.plan)]
            more = isinstance(self.outcome, LeftToNextRun)
            done = replace(last, to_check=(), more=more)
            return replace(self, plan=done, outcome=Wrote()).after(entries, before)
        decided = replace(
            self.plan,
            entries=(*entries, *_all(one.entries for one in (*parts, self.plan))),
            filed=_all(one.filed for one in (*parts, self.plan)),
            rejected=dict(_all(tuple(one.rejected.items()) for one in (*parts, self.plan))),
            messages=_all(one.messages for one in (*parts, self.plan)),
        )
        outcome = Wrote() if isinstance(self.outcome, NothingDue) else self.outcome
        return replace(self, plan=decided, outcome=outcome)


def _undone(decided: Plan) -> Plan:
    """What was decided and not written: what waits, and nothing that was done."""
    return replace(decided, landed=None, entries=(), filed=(), rejected={}, messages=())


def _all(parts: Iterable[tuple[_T, ...]]) -> tuple[_T, ...]:
    return tuple(chain.from_iterable(parts))


def turn(  # noqa: PLR0913 - each has a name
    store: Store,
    clock: Clock,
    *,
    run_url: str | None = None,
    dry_run: bool = False,
    state: State | None = None,
    extra: Mapping[str, Fact] | None = None,
    request: str | None = None,
    say: Callable[[str], None] = lambda _: None,
    forge: Forge = NO_GITHUB,
    claim: bool = False,
    may_try: bool = True,
    may_move: bool = True,
    reported: Callable[[State], Mapping[str, Fact]] = lambda _: {},
    reach: Callable[[Settings], Reach] = lambda _: Reach(),
) -> Turn:
    """Do everything that is due; write nothing if nothing is.

    Args:
        state: what was read just now; read anew without it, and after each lost race.
        extra: facts to take for accepted (a dry run's).
        request: what was accepted just now, and is in `state`: another turn that reads it does for
            this one.
        forge: where verdicts are read, if the settings say that they come from GitHub.
        claim: whether the checks that are wanted are claimed, by a caller who sees to them.
        may_try: whether entry points may run. If not, a turn that would need one writes nothing.
        may_move: whether main and auto may move. If not, a turn that would move one writes nothing.
        reported: gives the records that are to be filed besides those in the inbox, in the light
            of a state that was read.
        reach: of which receivers in the settings the caller sends the plan's messages, once all is
            written.

    Raises:
        SettingsInvalid: the settings on main can't be used; nothing was written.
        ServerRefused: the server refuses even what is not a landing.
    """
    state = state or read(store)
    verifier = Verifier(store, forge, say, may_try=may_try)
    decide = Decider(store, Judge(forge), say, verifier, claim=claim, may_try=may_try)
    races = 0
    cleared: tuple[Entry, ...] = ()
    parts: list[Plan] = []
    state.check_usable()
    if request and request in state.read:  # an earlier one of that name
        request = None
    if request:
        state = awaited(store, state, request, clock)
    while True:
        if request and has_been_read(state, request):
            known, decided = look(store, state, clock.now, forge)
            reason = why_refused(store, state, request)
            return Turn(decided, LeftToAnother(reason), state, known).after(cleared, parts)
        if not dry_run:
            state, entries = cleared_way(store, state, clock, run_url)
            cleared += entries
        facts = {**(extra or {}), **reported(state)}
        known = snapshot(store, state, clock.by_now(), facts)
        known = replace(known, reach=reach(known.settings))
        known, decided, is_part = _decided(decide, clock, known, may_part=not dry_run)
        if decided.todo is not None:
            return Turn(decided, LeftToNextRun(), state, known).after(cleared, parts)
        if decided.moves_branches and not may_move:
            return Turn(decided, LeftToNextRun("branches"), state, known).after(cleared, parts)
        if dry_run or not decided.is_change:
            outcome = WouldWrite() if decided.is_change else NothingDue()
            said = of_dry_run(decided, known) if dry_run else decided
            return Turn(said, outcome, state, known).after(cleared, parts)
        done = _write(decide, clock, state, known, decided, run_url)
        if isinstance(done, Turn) and not is_part:
            return done.after(cleared, parts)
        if isinstance(done, Turn):
            parts.append(decided)
            request = None  # it may be among what is left
            say(f"much waits: {len(decided.ended)} of it are done; going on with the rest")
        else:
            races += 1
            if races == MOST_RACES:
                return Turn(decided, LostTo(done.ref), state, known).after(cleared, parts)
            say(f"{done.ref} moved while this turn ran; reading again")
            clock.pause_after(races)
        state = read(store)
        decide.judge.read_again()


def look(
    store: Store,
    state: State,
    now: datetime,
    forge: Forge,
    *,
    extra: Mapping[str, Fact] | None = None,
    landing: bool = False,
) -> tuple[Snapshot, Plan]:
    """What is known, and the plan made of it as far as that takes no try; nothing is written.

    Args:
        extra: facts to take for accepted.
        landing: whether it has what is to land, too, and leaves the checks unclaimed.
    """
    return look_from(store, snapshot(store, state, now, extra), forge, landing=landing)


def look_from(
    store: Store, known: Snapshot, forge: Forge, *, landing: bool = False
) -> tuple[Snapshot, Plan]:
    """The same, where the snapshot is there already."""
    judge = Judge(forge)
    if landing:  # whoever does that turn may reach all of them
        names = frozenset(one.name for one in known.settings.signals.receivers)
        known = replace(known, reach=Reach(names))
    while True:
        decided = plan(known, without_landing=not landing, claim=not landing)
        more = _looked_up(store, judge, known, decided)
        if more is None:
            return known, decided
        known = more


def _looked_up(store: Store, judge: Judge, known: Snapshot, decided: Plan) -> Snapshot | None:
    """What is known with the first thing more that the plan has to know of Git or GitHub; None if
    there is none."""
    if decided.to_vouch:
        return vouched(store, judge.forge, known, decided.to_vouch[0])
    return judge.look_up(known, decided.to_read[0]) if decided.to_read else None


class Decider(Struct, frozen=True):
    """Plans, finds out what the plan has to know, and plans again, until the plan is complete.

    Attributes:
        ask: asks verifications. After a lost race they are asked again, as all is read again.
        may_try: if not, a plan that takes an entry point is given out as it is, with its `todo`.
    """

    store: Store
    judge: Judge
    say: Callable[[str], None]
    ask: Callable[[Snapshot, Sequence[Question]], Mapping[Question, Answer]]
    claim: bool
    may_try: bool
    looks: dict[str, list[Inspection | FailedInspection]] = field(default_factory=dict)

    def __call__(
        self, known: Snapshot, *, refused: Refusal | None = None, is_part: bool = False
    ) -> tuple[Snapshot, Plan]:
        """The complete plan, and all that was found out for it.

        Args:
            is_part: not all that came is known. What then has to wait does so, and no check is
                asked for.
        """
        while True:
            decided = plan(
                known,
                refused=refused,
                is_part=is_part,
                claim=self.claim and not is_part,
            )
            if more := _looked_up(self.store, self.judge, known, decided):
                known = more
                continue
            if decided.to_ask:
                known = known.having_asked(self.ask(known, decided.to_ask))
                continue
            if not self.may_try:
                return known, decided
            match decided.todo:
                case None:
                    return known, decided
                case InspectionTodo(commit, is_second=is_second):
                    look = self._look(known, commit, is_second=is_second)
                    known = known.having_looked(commit, look)
                case Todo() as todo:
                    known = todo.tried(known, partial(self._try, known))

    def _look(
        self, known: Snapshot, commit: str, *, is_second: bool
    ) -> Inspection | FailedInspection:
        """What one more run of `generate` says, also if all else is read again."""
        looks = self.looks.setdefault(commit, [])
        if len(looks) <= len(known.looks.get(commit, ())):
            self.say(f"generate {short(commit)} as it is")
            looks.append(look_at(self.store, known.settings, commit, is_second=is_second))
        return looks[len(known.looks.get(commit, ()))]

    def _try(self, known: Snapshot, trial: Trial, parent: str) -> Outcome:
        operation = trial.operation
        sha = short(operation.app_sha, "")
        self.say(f"{operation.kind} {operation.set} {sha} in {operation.wave}")
        return make(self.store, known, operation, parent, trial.without)


def _decided(
    decide: Decider, clock: Clock, known: Snapshot, *, may_part: bool
) -> tuple[Snapshot, Plan, bool]:
    """What to do, in time; and whether it is but a part, because too much waits for one push."""
    known, decided = decide(known)
    if may_part and surplus(known, decided):
        some, part = _part(decide, known)
        if part.ended or part.aside:  # or all of it ends because something lands
            return some, part, True
    for _ in range(_MOST_DECISIONS):
        now = clock.by_now()
        if not (decided.landed or decided.messages) or now - known.now <= _STALE:
            break
        decide.say("making commits took a while: deciding again, by the time it is now")
        known, decided = decide(replace(known, now=now))  # what was made is known
    return known, decided, False


def _part(decide: Decider, known: Snapshot) -> tuple[Snapshot, Plan]:
    """As much as one push can end of what ends although nothing lands.

    What is under way is not left out: it would be taken off auto, as if nobody had asked for it.
    """
    known, decided = decide(known, is_part=True)
    while left := surplus(known, decided):
        known, decided = decide(known.without(left), is_part=True)
    return known, decided


def _write(
    decide: Decider,
    clock: Clock,
    state: State,
    known: Snapshot,
    decided: Plan,
    run_url: str | None,
) -> Turn | Raced:
    """Push; where the server refuses a landing, push again without it."""
    store, say = decide.store, decide.say
    if decided.landed and not store.is_ancestor(state.main, decided.landed):
        raise TidemillError(
            f"{decided.landed} does not descend from main at {state.main}",
            remedy="delete the branch auto; the next turn makes it anew",
        )
    refused: str | None = None
    while True:
        match push(store, clock, updates(store, state, known, decided, run_url), say):
            case Pushed():
                return Turn(decided, Wrote(), state, known, refused)
            case Raced() as raced:
                return raced
            case Declined() as declined:
                if refused is not None or not decided.landed:
                    raise push_refused(declined)
                refused = declined.reason
        say(f"the server refuses to move main: {refused}")
        refusal = Refusal(sha=decided.landed, reason=refused, since=known.now)
        known, decided = decide(known, refused=refusal)
        if decided.todo is not None:
            return Turn(decided, LeftToNextRun(), state, known, refused)
        if not decided.is_change:
            return Turn(decided, NothingDue(), state, known, refused)
