"""What a turn says of main, auto and the waves: what waits for what, and since when."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from operator import itemgetter

import msgspec
from msgspec import Struct, field

from tidemill.announcing.order import Order, age, order_of
from tidemill.facts.ledger import BadEnding, Landing, Refusal
from tidemill.facts.operation import AutoCommit, Operation
from tidemill.facts.requests import AnnouncementRequest, Promotion
from tidemill.facts.settings import Wave
from tidemill.plan.draft import Draft
from tidemill.plan.due import spoilt
from tidemill.plan.eviction import as_missed, is_missed
from tidemill.plan.failure import refuted_there
from tidemill.plan.hotfix import hotfix_there
from tidemill.plan.naming import not_in_files
from tidemill.plan.obstacles import (
    About,
    EarlierAnnouncement,
    FailingTargets,
    LostCheck,
    MissingCheck,
    MissingReport,
    NewerOnAuto,
    NextTurn,
    Nowhere,
    Obstacle,
    PastEnding,
    PastEviction,
    PastRollback,
    RedCheck,
    RedMain,
    ReplacedByHotfix,
    ServerRefusal,
    SetNotThere,
    Starvation,
    Wait,
)
from tidemill.plan.position import first_waves
from tidemill.plan.rollback import back_to
from tidemill.plan.silent_targets import Reporters
from tidemill.plan.verification import lost_answers
from tidemill.plan.windows import closed

STARVES_AFTER = 3
_RULES = ("GH006", "GH013")  # GitHub's codes: a protected branch, a ruleset


def say_what_waits(
    draft: Draft, commits: list[AutoCommit], to_check: list[str], *, is_partial: bool
) -> None:
    """Add what the checks and the targets keep waiting, and why the newest sets are not deployed.

    Reads all that was decided; writes what waits, and nothing else.

    Args:
        is_partial: the plan has an operation to try, so some of the chain has no commit yet.
    """
    planned = [step.operation for step in draft.chain] if is_partial else []
    under_test = [*planned, *(commit.operation for commit in commits)]
    _main(draft)
    _auto(draft, commits, to_check)
    _requests(draft, under_test)
    for wave in draft.settings.waves:
        for image_set in draft.settings.sets:
            landing = draft.ledger.present(wave.name, image_set.name)
            if landing is not None and landing.is_known:
                _present(draft, wave, image_set.name, landing)
    _newest(draft, under_test)
    _evicted(draft)
    made = {commit.operation.id for commit in commits}
    for operation in planned:
        if operation.id not in made:
            what = About.of(operation)  # only a turn tries it
            draft.wait(what, NextTurn(), since=operation.at, request=operation.request)


def _requests(draft: Draft, under_test: list[Operation]) -> None:
    """What was asked for and is not on auto: whatever else is said, each is named."""
    said = {one.request for one in under_test} | {line.id for line in draft.waiting}
    going = {(one.wave, one.set, one.app_sha) for one in under_test}
    introduced = {one.set: one.app_sha for one in under_test if one.kind == "introduce"}
    for request_id, fact in draft.inbox.facts.items():
        if request_id in said:
            continue
        if isinstance(fact, Promotion):
            if (fact.wave, fact.set, fact.app_sha) not in going:
                about = About(at="for", app_sha=fact.app_sha, set=fact.set, wave=fact.wave)
                same = next((one for one in draft.waiting if one.about == about), None)
                if same is not None:  # somebody else asked for it, too
                    draft.waiting[msgspec.structs.replace(same, id=request_id)] = None
                else:
                    draft.wait(about, Nowhere(), since=fact.accepted_at, request=request_id)
        elif isinstance(fact, AnnouncementRequest):
            announcement = fact.announcement
            about = About(at="announced", app_sha=announcement.sha, set=announcement.set)
            is_behind = announcement.set in introduced
            ahead = introduced.get(announcement.set)
            stop = NewerOnAuto(app_sha=ahead) if is_behind else NextTurn()
            draft.wait(about, stop, since=fact.accepted_at, request=request_id)


def _main(draft: Draft) -> None:
    if (refused := draft.ledger.refused) is not None:
        line = Wait(about=About(at="main", sha=draft.main), obstacles=(_let_land(refused),))
        draft.waiting = {line: None, **draft.waiting}
    verdict = draft.verdict(draft.main)
    if verdict.state == "red":
        stop = RedMain(sha=draft.main, last_green=draft.ledger.green_main, since=verdict.since)
        draft.wait(About(at="main", sha=draft.main), stop)


def _auto(draft: Draft, commits: list[AutoCommit], to_check: list[str]) -> None:
    greens = [at for at, one in enumerate(commits) if draft.verdict(one.sha).state == "green"]
    for at, commit in enumerate(commits):
        operation, verdict = commit.operation, draft.verdict(commit.sha)
        stop: Obstacle
        if greens and at <= greens[-1]:
            stop = _landing(draft, commits[greens[-1]].sha)
        else:
            is_own = commit.sha in to_check or verdict.claimed
            stop = _check(draft, commit.sha, commit.sha if is_own else commits[-1].sha)
        draft.wait(About.of(operation, "on auto"), stop, since=verdict.since or commit.at)
    if draft.ledger.moved >= STARVES_AFTER and commits:
        stop = Starvation(times=draft.ledger.moved, since=draft.ledger.moved_since)
        draft.wait(About(at="auto"), stop)


def _landing(draft: Draft, sha: str) -> Obstacle:
    refused = draft.ledger.refused
    if refused is not None and refused.sha == sha:
        return _let_land(refused)
    return NextTurn(lands=sha)


def is_by_rule(reason: str) -> bool:
    """Whether a rule of GitHub's refused main: that lasts until a person changes it."""
    return any(code in reason for code in _RULES)


def _let_land(refused: Refusal) -> ServerRefusal:
    return ServerRefusal(
        sha=refused.sha,
        reason=refused.reason,
        is_rule=is_by_rule(refused.reason),
        since=refused.since,
    )


def _check(draft: Draft, sha: str, asked: str) -> Obstacle:
    """Which check a commit waits for; `asked` is the commit whose check would do."""
    verdict = draft.verdict(sha)
    match verdict.state:
        case "red":
            return RedCheck(sha=sha, said=verdict.said)
        case "lost":
            return LostCheck(sha=sha)
        case _:
            is_asked_for = asked in draft.snapshot.ledger.asked
            return MissingCheck(
                sha=asked, missing=draft.verdict(asked).missing, is_asked_for=is_asked_for
            )


def _present(draft: Draft, wave: Wave, set_name: str, landing: Landing) -> None:
    about = About(at="in", app_sha=landing.app_sha, set=set_name, wave=wave.name)
    if landing.is_hotfix:
        draft.wait(about, hotfix_there(draft, wave, set_name, landing))
    if landing.failed:
        since = min(landing.failed.values())
        targets = tuple(sorted(landing.failed))
        stop = FailingTargets(
            wave=wave.name,
            set=set_name,
            targets=targets,
            back_to=back_to(draft.ledger.history(wave.name, set_name)),
            since=since,
        )
        draft.wait(about, stop)
    elif landing.refuted:
        draft.wait(about, refuted_there(draft, wave.name, set_name, landing))
    elif absent := not_in_files(wave.name, landing):
        draft.wait(about, absent)
    elif landing.deployed_at is None and (late := _missing_report(draft, wave, landing)):
        draft.wait(about, late)
    elif lost := lost_answers(draft, wave.name, set_name):
        draft.wait(about, lost)


def _missing_report(draft: Draft, wave: Wave, landing: Landing) -> MissingReport | None:
    reporters = Reporters.of(draft, wave)
    late, since = reporters.missing(landing), landing.landed_at
    if not (late or reporters.has_nobody):
        return None
    spare = reporters.spare(landing)
    return MissingReport(wave=wave.name, targets=late, spare=spare, since=since)


def _evicted(draft: Draft) -> None:
    """What people asked for last in a place, where it was evicted and is no announced set: a hotfix
    or a rollback."""
    for eviction in draft.ledger.evictions:
        gone = eviction.operation
        if gone and gone.kind in ("hotfix", "roll back") and is_missed(draft, eviction, gone):
            draft.wait(About.of(gone), as_missed(draft, eviction, gone))


def _newest(draft: Draft, under_test: list[Operation]) -> None:
    """For each set and wave in which the newest announced one is not deployed, why; unless it was
    said."""
    said = {(line.about.wave, line.about.set, line.about.app_sha) for line in draft.waiting}
    going: dict[tuple[str, str | None], set[str]] = {}
    for one in under_test:
        going.setdefault((one.set, one.app_sha), set()).add(one.wave)
    first = set(first_waves(draft.settings))
    for image_set in draft.settings.sets:
        set_name = image_set.name
        newest = max(_announced(draft, set_name), key=itemgetter(0, 2), default=None)
        rejected = draft.ledger.last_rejected(set_name)
        if rejected is not None and (newest is None or newest[2] <= rejected.at):
            about = About(at="announced", app_sha=rejected.app_sha, set=set_name)
            draft.wait(about, _ended(set_name, rejected))
        if newest is None:
            continue
        order, app_sha, _ = newest
        on_its_way = going.get((set_name, app_sha), set())
        if _is_waiting(draft, set_name, app_sha):
            on_its_way = on_its_way | first
        absence = _Absence(draft, set_name, order, app_sha, on_its_way)
        for wave in draft.settings.waves:
            if (wave.name, set_name, app_sha) in said:
                continue
            if stops := absence.from_(wave):
                about = About(at="for", app_sha=app_sha, set=set_name, wave=wave.name)
                draft.wait(about, *stops)


def _announced(draft: Draft, set_name: str) -> Iterator[tuple[Order, str, datetime]]:
    """The sets that were announced and not refused, as far as is known, and when: all that may be
    the newest."""
    for fact in draft.inbox.announcements(set_name).values():
        yield fact.order, fact.announcement.sha, fact.accepted_at
    for sets in draft.ledger.sets.values():
        landings = sets[set_name].landings if set_name in sets else ()
        known = [one for one in landings if one.app_sha is not None and not one.is_hotfix]
        if newest := max(known, key=age, default=None):
            yield order_of(newest), newest.app_sha or "", newest.landed_at
    for ending in draft.ledger.endings.get(set_name, ()):
        if ending.how != "rejected":
            yield order_of(ending), ending.app_sha, ending.at


def _is_waiting(draft: Draft, set_name: str, app_sha: str) -> bool:
    waiting = draft.inbox.announcements(set_name).values()
    return any(one.announcement.sha == app_sha for one in waiting)


class _Absence(Struct):
    """Why a set is not in waves, where nothing of what waits says so.

    Attributes:
        on_its_way: the waves into which it is going, for all that is known.
        found: by wave, what was found out so far.
    """

    draft: Draft
    set_name: str
    order: Order
    app_sha: str
    on_its_way: set[str]
    found: dict[str, tuple[Obstacle, ...]] = field(default_factory=dict)

    def from_(self, wave: Wave) -> tuple[Obstacle, ...]:
        """Why it is not in a wave; nothing if it is there."""
        if wave.name not in self.found:
            self.found[wave.name] = tuple(self._stops(wave))
        return self.found[wave.name]

    def _stops(self, wave: Wave) -> Iterator[Obstacle]:
        draft, set_name, order, app_sha = self.draft, self.set_name, self.order, self.app_sha
        if wave.name in self.on_its_way:
            return
        landing = draft.ledger.last(wave.name, set_name, order)
        if landing is not None and landing.app_sha == app_sha:
            present = draft.ledger.present(wave.name, set_name)
            if landing is not present:
                yield self._replaced(wave, landing, present)
                stops = closed(draft, wave, set_name)
                yield from (one.for_what_came(landing.landed_at) for one in stops)
            return
        wanted = (wave.name, set_name, app_sha)
        for eviction in reversed(draft.ledger.evictions):
            gone = eviction.operation
            if gone and (gone.wave, gone.set, gone.app_sha) == wanted and order_of(gone) == order:
                yield PastEviction.of(eviction, app_sha)
                return
        for source in wave.sources:
            before = draft.settings.wave(source)
            if before is not None and draft.ledger.last(source, set_name, order) is None:
                because = tuple(
                    one for one in self.from_(before) if one.is_over or isinstance(one, SetNotThere)
                )
                yield SetNotThere(wave=source, because=because)
        if not wave.sources:
            yield from self._of_first(wave)

    def _of_first(self, wave: Wave) -> Iterator[Obstacle]:
        """Why a wave that comes first has never had it."""
        draft, set_name, order, app_sha = self.draft, self.set_name, self.order, self.app_sha
        for ending in draft.ledger.endings.get(set_name, ()):
            if (order_of(ending), ending.app_sha) == (order, app_sha):
                yield _ended(set_name, ending)
                return
        part = draft.ledger.history(wave.name, set_name)
        if order > part.newest:
            bad = spoilt(draft, set_name, order, app_sha)
            yield EarlierAnnouncement(
                wave=wave.name, set=set_name, app_sha=app_sha, because=(bad,) if bad else ()
            )
        elif part.present and part.present.is_hotfix:
            yield self._by_hotfix(wave, part.present)

    def _replaced(self, wave: Wave, landing: Landing, present: Landing | None) -> Obstacle:
        """Why a set that a wave has had is not there any more, and nothing newer is."""
        if present and present.is_hotfix and not landing.rolled_back:
            return self._by_hotfix(wave, present)
        return PastRollback(wave=wave.name, set=self.set_name, app_sha=self.app_sha)

    def _by_hotfix(self, wave: Wave, hotfix: Landing) -> Obstacle:
        return ReplacedByHotfix(
            wave=wave.name,
            set=self.set_name,
            app_sha=self.app_sha,
            hotfix=hotfix.app_sha or "",
        )


def _ended(set_name: str, ending: BadEnding) -> PastEnding:
    return PastEnding(
        set=set_name,
        app_sha=ending.app_sha,
        how=ending.how,
        reason=ending.reason,
        since=ending.at,
    )
