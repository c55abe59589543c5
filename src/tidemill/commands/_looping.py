"""The rounds of `tidemill loop`, in a repository that is open."""

from __future__ import annotations

import os
import platform
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextvars import copy_context
from datetime import UTC, datetime

from msgspec import Struct

from tidemill.asks.ask import Ask, Nothing
from tidemill.clients.git.repository import Repository, opened
from tidemill.clients.github.api import GitHub
from tidemill.clients.github.connecting import needed, needed_for_statuses
from tidemill.clients.machine import person
from tidemill.clients.machine.scratch import scratch
from tidemill.clients.machine.threads import Threads
from tidemill.commands import _options
from tidemill.commands._acceptance import accept_ask
from tidemill.commands._results import CommitChecks, EventRequest, LoopDone, Request
from tidemill.commands._turning import Turning, together
from tidemill.commands._writing import tell
from tidemill.errors import Refused, TidemillError
from tidemill.facts.checks import CONTEXT, Run, RunState, last_words, verdict
from tidemill.facts.requests import Fact
from tidemill.facts.state import State
from tidemill.turn.check import CommitVerdict, judged
from tidemill.turn.loop import Round, rounds
from tidemill.turn.notify import Notices, tell_github
from tidemill.turn.outcome import LeftToNextRun, Wrote
from tidemill.turn.push import Clock
from tidemill.turn.read import read
from tidemill.turn.senders import is_left_to_another
from tidemill.turn.statuses import set_statuses
from tidemill.turn.turn import Turn
from tidemill.turn.verdicts import note
from tidemill.words.names import shown
from tidemill.words.shas import short

_MOST_ANSWERS = 3  # on one commit: a red one is checked again before it is taken off auto


class Wishes(Struct, frozen=True):
    """How a loop is to go.

    Attributes:
        context: the name of the check that is answered; None: by the settings.
        seconds: after which no check begins.
        deployments: whether records are mirrored on GitHub.
        may_try: whether entry points may run, the check among them.
        may_move: whether main and auto may move; if not, no check begins, for a landing follows it.
        accepted: the id of what this run has accepted before.
        fails_on_red: whether a commit that is not green makes a failure of it all.
    """

    context: str | None
    seconds: float
    deployments: bool = False
    may_try: bool = True
    may_move: bool = True
    accepted: str | None = None
    fails_on_red: bool = False


class Loop:
    """The rounds of one run, and what they have in common.

    Raises:
        Refused: records are to be mirrored, and there is no GitHub to mirror them on.
    """

    def __init__(
        self, store: Repository, url: str, options: _options.Options, wishes: Wishes
    ) -> None:
        self.done: list[Round] = []
        self.event: EventRequest | None = None
        self._store, self._url, self._options, self._wishes = store, url, options, wishes
        may_check = wishes.may_try and wishes.may_move
        self._until = time.monotonic() + wishes.seconds if may_check else 0.0
        self._turning = Turning(store, url, options)
        if wishes.deployments:
            needed(self._turning.github)
        self._name = CONTEXT
        self._extra: Mapping[str, Fact] = {}
        self._state: State | None = None
        where = person.run_url() or platform.node()
        self._run = f"{where} {os.getpid()} {options.now.isoformat()}"

    def accept(self, name: str, ask: Ask | Nothing) -> None:
        if isinstance(ask, Nothing):
            self.event = EventRequest(name, Request("nothing", how=ask.why), ask.is_foreign)
            return
        _, accepted, request = accept_ask(self._store, self._turning.remedies, self._options, ask)
        self._state, self._extra = accepted.state, accepted.extra
        self.event = EventRequest(name, request)

    def rounds(self) -> Iterator[Round]:
        """Do them; an error says what those before it have written."""
        try:
            yield from rounds(
                self._turn,
                self._chosen,
                self._check,
                self._record,
                lambda: time.monotonic() < self._until,
            )
        except TidemillError as error:
            if error.written == "nothing":
                error.written = self._written()
            raise

    def tell_github(self, done: Turn) -> None:
        """Mirror deployments; and where something is left, let another run go on."""
        go_on = not self._is_left_to_senders(done)
        wanted = Notices(go_on=go_on, deployments=self._wishes.deployments)
        github = self._turning.github
        if not self._options.dry_run and isinstance(github, GitHub):
            tell_github(done, wanted, github, person.run_url())

    def _is_left_to_senders(self, done: Turn) -> bool:
        """Whether what may not be done here is needed, and somebody else's run knows: it has
        accepted something lately, and looks after that what it needs."""
        return isinstance(done.outcome, LeftToNextRun) and is_left_to_another(
            done.state, self._wishes.accepted, self._clock.now
        )

    def result(self) -> LoopDone:
        turns = [self._turning.taken(one.turn) for one in self.done]
        verdicts = tuple(each for one in self.done for each in one.verdicts)
        checks = CommitChecks(verdicts, self._wishes.fails_on_red)
        return LoopDone(self.event, together(turns), checks)

    @property
    def _clock(self) -> Clock:
        """A run may take long, so the time is asked each time."""
        given = self._options
        return Clock(given.now if given.now_given else datetime.now(UTC), read=given.clock)

    def _turn(self, state: State | None, is_claiming: bool) -> Turn:
        state, self._state = state or self._state, None
        done = self._turning.turn(
            self._clock,
            state=state,
            extra=self._extra,
            claim=is_claiming,
            may_try=self._wishes.may_try,
            may_move=self._wishes.may_move,
        )
        self._settings = done.snapshot.settings
        return done

    def _chosen(self, done: Turn) -> tuple[str, ...]:
        """What this can still say something about: not where only another check has to answer."""
        if self._options.dry_run or not done.plan.to_check:
            return ()
        known, checks = done.snapshot, self._settings.checks
        required = known.required or checks.required
        name = self._name = self._named(required)
        if required and name not in required:
            return ()  # then other CI reports, and what waits for it is said
        answered = Counter(each.sha for one in self.done for each in one.verdicts)

        def is_of_others(sha: str) -> bool:
            found = verdict(known.checks.get(sha), required, checks.timeout, known.now)
            return bool(found.missing) and name not in found.missing

        return tuple(
            sha
            for sha in done.plan.to_check
            if answered[sha] < _MOST_ANSWERS and not is_of_others(sha)
        )

    def _check(self, shas: Sequence[str]) -> tuple[CommitVerdict, ...]:
        """Judge commits, as many at once as there are cores; each has an enclosure of its own."""
        checks = self._settings.checks
        if checks.source == "refs":
            for sha in shas:  # so that no other run does the same
                self._note(sha, "pending", "")
        with scratch() as folder, Threads(os.cpu_count() or 1) as threads:
            for sha in shas:
                (folder / sha).mkdir()

            def judge(sha: str) -> CommitVerdict:
                self._turning.say(f"check {short(sha)}")
                if len(shas) == 1:
                    return judged(self._store, sha, folder / sha, self._turning.say)
                with opened(self._url) as own:  # one process reads objects, for one thread
                    return judged(own, sha, folder / sha, self._turning.say)

            contexts = {sha: copy_context() for sha in shas}
            return tuple(threads.each(lambda sha: contexts[sha].run(judge, sha), shas))

    def _record(self, verdicts: Sequence[CommitVerdict]) -> State | None:
        """Write verdicts where the settings say that a turn finds them."""
        if self._settings.checks.source == "refs":
            for one in verdicts:
                self._note(one.sha, "cancelled" if one.state == "error" else one.state, one.reason)
            return None
        state = read(self._store)
        set_statuses(
            state,
            {one.sha: one.state for one in verdicts},
            {one.sha: one.reason for one in verdicts},
            person.run_url(),
            by=needed_for_statuses(self._url, tell),
            known_to=needed(self._turning.github),
        )
        return state

    def _note(self, sha: str, state: RunState, said: str) -> None:
        clock = self._clock
        report = Run(
            context=self._name,
            run=f"{self._run} {len(self.done)}",
            state=state,
            at=clock.now,
            said=last_words(said) if state == "failure" else "",
        )
        note(self._store, clock, sha, report, dry_run=False)

    def _named(self, required: Sequence[str]) -> str:
        """The name of the check that is answered; on GitHub that is always our own status.

        Raises:
            Refused: the settings do not ask for it, so an answer would decide nothing.
        """
        if self._settings.checks.source == "github":
            if self._wishes.context not in (None, CONTEXT):
                raise Refused(
                    f'with [checks] source = "github" the verdict is the status {CONTEXT}',
                    remedy='leave out --context; where only Git is used, set source = "refs"',
                )
            return CONTEXT
        only = required[0] if len(required) == 1 else CONTEXT
        name = self._wishes.context or only
        if required and name not in required:
            raise Refused(
                f"[checks] requires {' and '.join(map(shown, required))}, and not {shown(name)}",
                remedy="name with --context the one that this is to answer",
            )
        return name

    def _written(self) -> str:
        parts = []
        if self.event and self.event.request.is_new:
            parts.append(f"{self.event.request.id} was accepted")
        if any(isinstance(one.turn.outcome, Wrote) for one in self.done):
            parts.append("what the turns before this one did")
        return "; ".join(parts) or "nothing"
