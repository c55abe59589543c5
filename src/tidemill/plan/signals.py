"""Signals: each thing that needs a person is told once, and once more when it is over.

What is to be told stands in the ledger, so it is written by the push that makes it so. A turn that
can reach a receiver takes its messages on in that same push, and sends them when the push is done.
What was taken is noted after that (`confirmed`). Where it is not, the run has died or the receiver
was down: a later turn takes the same message on, with the same id, up to `MOST_TRIES` times.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from msgspec.structs import replace as changed

from tidemill.facts.holds import each_hold
from tidemill.facts.journal import Entry
from tidemill.facts.ledger import Eviction
from tidemill.facts.operation import Operation
from tidemill.facts.requests import AnnouncementRequest
from tidemill.facts.settings import ALL_SETS
from tidemill.facts.signals import MOST_TRIES, Delivery, Message, Receiver, Signal, SignalKind
from tidemill.plan.draft import Draft
from tidemill.plan.eviction import as_missed, is_missed
from tidemill.plan.obstacles import (
    About,
    BrokenMain,
    ClosedWindow,
    FailedVerification,
    FailingTargets,
    FailureThere,
    FreezeInForce,
    HoldInForce,
    HotfixThere,
    LostCheck,
    MissingApproval,
    MissingCheck,
    MissingReport,
    MissingReview,
    MissingVerification,
    Obstacle,
    PastEnding,
    PastEviction,
    PausedSoak,
    RedCheck,
    RedMain,
    ServerRefusal,
    SetNotInFiles,
    StaleMain,
    Starvation,
    TimeLimit,
    Wait,
)
from tidemill.plan.verification import lost_answers
from tidemill.plan.wording import subject
from tidemill.words.lists import listed
from tidemill.words.names import one_line
from tidemill.words.shas import short

MOST_OPEN = 100  # of those that end; of the others; and of those that only some have heard of
KEPT_FOR = timedelta(days=7)  # what is over, or has no end, for whom a run can't send to
MOST_AT_ONCE = 20  # messages to one receiver in one turn
_RED_MAIN = ("red main",)
_Cause = tuple[str, ...]
_LOST = "lost verification"


def tell(draft: Draft, *, is_part: bool) -> None:
    """Note what has to be told, and take on what can be sent now.

    Where a part of what came is not known, all but what has no end is left as it is: it may be over
    once the rest is read.

    Reads all that was decided, and what waits; writes the ledger's signals, the messages, and a
    line of the journal for each message that nobody took.
    """
    receivers, known = draft.settings.signals.receivers, draft.ledger.signals
    if not receivers:
        draft.ledger.signals = []
        return
    troubles = (one for one in _troubles(draft) if not (is_part and one.has_end))
    now = {one.cause: one for one in reversed([*troubles])}
    told = {one.cause for one in known}
    untold = {cause: one for cause, one in now.items() if cause not in told}
    known = [one if one.cause in now else _by_its_own_cause(one, untold) for one in known]
    found = [*known] if is_part else [_as_it_is(draft, one, now) for one in known]
    is_open = {one.cause for one in found if one.over is None}
    new = [
        one
        for cause, one in reversed(now.items())
        if cause not in is_open and any(each.wants(one.kind) for each in receivers)
    ]
    for has_end in (True, False):  # one kind takes no room from the other
        count = sum(
            one.over is None and one.has_end == has_end and not _is_half_told(one) for one in found
        )
        mine, room = [one for one in new if one.has_end == has_end], max(0, MOST_OPEN - count)
        found += mine[:room]
        if mine[room:] and not has_end:  # the others are so at the next turn, too
            what = listed([one.what for one in mine[room:]])
            reason = one_line(f"{MOST_OPEN} others wait to be told: {what}")
            draft.entries.append(Entry(what="signal lost", reason=reason))
    found = [_to_those_who_are_told(one, receivers) for one in found]
    for receiver in receivers:
        found = _taken_on(draft, receiver, found)
    draft.ledger.signals = _but_the_oldest(draft, [one for one in found if not _is_told(one)])


def confirmed(
    signals: Sequence[Signal],
    taken: Collection[tuple[str, str, str]],
    untried: Collection[tuple[str, str, str]] = (),
) -> list[Signal]:
    """The signals once some messages were taken, and others were not tried for want of time, by
    their keys: those may be sent by the next turn, as if this one had left them."""
    found = []
    for one in signals:
        state = "open" if one.over is None else "over"
        now: dict[str, Delivery] = {}
        for name, delivery in one.deliveries.items():
            key = (one.id, state, name)
            if key in taken:
                now[name] = changed(delivery, is_done=True)
            elif key in untried and delivery.tries:
                now[name] = Delivery(tries=delivery.tries - 1)
        found.append(changed(one, deliveries={**one.deliveries, **now}) if now else one)
    return [one for one in found if not _is_told(one)]


def _signal(
    draft: Draft,
    kind: SignalKind,
    cause: _Cause,
    what: str,
    *,
    reason: str,
    command: tuple[str, ...] | None = None,
    **about: Any,
) -> Signal:
    """Something that is so now, and needs a person."""
    # The time is part of it: the same trouble, later, is another one.
    name = "\n".join((*cause, draft.now.isoformat())).encode()
    return Signal(
        id=hashlib.sha256(name).hexdigest()[:16],
        kind=kind,
        cause=cause,
        since=draft.now,
        what=one_line(what),
        reasons=(one_line(reason),),
        command=command or ("status",),
        **about,
    )


def _by_its_own_cause(one: Signal, untold: Mapping[_Cause, Signal]) -> Signal:
    """A failure's hold has a cause of its own: 0.3.0 gave it that of a person's, and the words."""
    its = untold.get((*one.cause, "failure"))
    return changed(one, cause=its.cause) if its and its.reasons == one.reasons else one


def _as_it_is(draft: Draft, one: Signal, now: Collection[_Cause]) -> Signal:
    """A signal that is known, over if what it says is not so any more.

    Whoever may have been told that it began is told. Who was never tried, is not.
    """
    if one.over is not None or not one.has_end or one.cause in now:
        return one
    if one.cause == _RED_MAIN and not _is_green(draft):
        return one  # its check has not answered, or did not have to
    if one.cause[0] == _LOST and lost_answers(draft, *one.cause[1:3]):
        return one  # a newer set is on its way there, and nobody has answered about any yet
    ended = {
        name: Delivery(at=None if delivery.is_done else delivery.at)
        for name, delivery in one.deliveries.items()
        if delivery.tries
    }
    return changed(one, over=draft.now, deliveries=ended)


def _is_green(draft: Draft) -> bool:
    return draft.main == draft.ledger.green_main or draft.verdict(draft.main).state == "green"


def _to_those_who_are_told(one: Signal, receivers: Sequence[Receiver]) -> Signal:
    """With a delivery for each receiver that the settings have; the end only where it began."""
    wanted = [
        each.name
        for each in receivers
        if each.wants(one.kind) and (one.over is None or each.name in one.deliveries)
    ]
    known = {name: one.deliveries.get(name, Delivery()) for name in wanted}
    return one if known == one.deliveries else changed(one, deliveries=known)


def _taken_on(draft: Draft, receiver: Receiver, signals: Sequence[Signal]) -> list[Signal]:
    """The signals, where this turn sends what is due to one receiver, or gives it up."""
    reach = draft.snapshot.reach
    is_reached = receiver.name in reach.receivers
    found, left = [], MOST_AT_ONCE if is_reached else 0
    for one in signals:
        delivery = one.deliveries.get(receiver.name)
        if delivery is None or delivery.is_done or not _is_free(draft, delivery):
            found.append(one)
        elif delivery.tries >= MOST_TRIES or (not is_reached and _is_stale(draft, one)):
            when = f"in {delivery.tries} tries"
            if delivery.tries < MOST_TRIES:
                when = f"in {KEPT_FOR.days} days, and this run can't send it"
            reason = f"{receiver.name} did not take it {when}: {one.what}"
            draft.entries.append(Entry(what="signal lost", id=one.id, reason=reason))
            found.append(_with(one, receiver, changed(delivery, is_done=True)))
        elif left:
            left -= 1
            again = Delivery(tries=delivery.tries + 1, at=draft.now, by=reach.sender)
            found.append(_with(one, receiver, again))
            draft.messages.append(Message(signal=found[-1], receiver=receiver))
        else:
            found.append(one)
    return found


def _is_half_told(one: Signal) -> bool:
    """Whether it has no end, and some receiver has heard of it, and another has not."""
    return not one.has_end and any(each.is_done for each in one.deliveries.values())


def _but_the_oldest(draft: Draft, signals: Sequence[Signal]) -> list[Signal]:
    """The signals but for what some have heard of, where too many newer ones wait for the rest."""
    old = [one for one in signals if _is_half_told(one)][:-MOST_OPEN]
    for one in old:
        late = ", ".join(name for name, each in one.deliveries.items() if not each.is_done)
        reason = f"{late} did not take it, and {MOST_OPEN} newer ones wait: {one.what}"
        draft.entries.append(Entry(what="signal lost", id=one.id, reason=reason))
    return [one for one in signals if one not in old]


def _with(one: Signal, receiver: Receiver, delivery: Delivery) -> Signal:
    return changed(one, deliveries={**one.deliveries, receiver.name: delivery})


def _is_free(draft: Draft, delivery: Delivery) -> bool:
    return delivery.free_at is None or draft.now >= delivery.free_at


def _is_stale(draft: Draft, one: Signal) -> bool:
    """Whether it is over, or has no end, for so long that nobody waits to be told."""
    last = one.over or (None if one.has_end else one.since)
    return last is not None and draft.now - last > KEPT_FOR


def _is_told(one: Signal) -> bool:
    """Whether nothing is left to be said of it, now or later."""
    is_last = one.over is not None or not one.has_end
    return is_last and all(each.is_done for each in one.deliveries.values())


def _troubles(draft: Draft) -> Iterator[Signal]:
    """All that needs a person now; what comes first of the same cause counts."""
    yield from _holds(draft)
    for line in sorted(draft.waiting, key=lambda one: one.about.at != "in"):  # where it is, first
        for one in line.obstacles:
            yield from _of_obstacle(draft, line, one)
    for eviction in draft.ledger.evictions:
        operation = eviction.operation
        if operation is not None and is_missed(draft, eviction, operation):
            yield _evicted(draft, eviction, operation)
    for entry in draft.entries:
        fact = draft.snapshot.inbox.get(entry.id or "")
        if entry.what == "rejected" and not isinstance(fact, AnnouncementRequest):
            yield _signal(
                draft,
                "rejected",
                ("rejected", entry.id or ""),
                f"{entry.id} was rejected",
                reason=entry.reason,
                wave=entry.wave,
                set=entry.set,
                has_end=False,
            )


def _holds(draft: Draft) -> Iterator[Signal]:
    """The holds that end only when a person releases them, whether anything waits or not."""
    for hold in each_hold(draft.holds.values()):
        if hold.until is not None:
            continue
        stop = HoldInForce.of(hold, hold.wave)
        only = "" if hold.set == ALL_SETS else f" for {hold.set}"
        cause: _Cause
        if hold.everywhere:
            cause, what = ("held", "*", hold.since.isoformat()), f"all waves are held{only}"
            words: tuple[str, ...] = ("release-wave", "--all", "--reason", "it may go on")
        else:
            cause, what = ("held", hold.wave, hold.set), f"{hold.wave} is held{only}"
            if hold.failure:  # a person's may be in the same place, and ends by something else
                cause, what = (*cause, "failure"), f"{what} because a set failed there"
            words = stop.command()
        yield _signal(
            draft,
            "held",
            cause,
            what,
            reason=stop.words(),
            command=words,
            wave=None if hold.everywhere else hold.wave,
            set=None if hold.set == ALL_SETS else hold.set,
        )


# What keeps a set out that could go in, were it not for the wave.
_OF_A_WAVE = (MissingApproval, MissingReview, HoldInForce, FreezeInForce, ClosedWindow, StaleMain)


def _of_obstacle(draft: Draft, line: Wait, one: Obstacle) -> Iterator[Signal]:
    about = line.about
    match one:
        case HoldInForce() | HotfixThere() | PastEviction():
            return  # told as what they are: the hold itself, the eviction itself
        case MissingApproval() if not all(isinstance(each, _OF_A_WAVE) for each in line.obstacles):
            return  # the set itself is not ready: nobody has to look at it yet
        case MissingReport(wave=name, since=since):
            wave = draft.settings.wave(name)
            if wave is None or since is None or draft.now < since + wave.settle:
                return
            kind: SignalKind = "reports"
            cause: _Cause = ("no report", name, about.set or "")
        case _ if one.needs_a_person():
            kind, cause = _named(one, about)
        case (
            MissingCheck()
            | RedCheck()
            | LostCheck()
            | MissingVerification()
            | Starvation()
            | TimeLimit()
            | PausedSoak()
        ) if one.since and draft.now >= one.since + draft.settings.signals.stuck_after:
            kind, cause = "stuck", ("stuck", about.at, about.wave or "", about.set or "")
        case _:
            return
    yield _signal(
        draft,
        kind,
        cause,
        subject(about),
        reason=one.words(),
        command=one.command(),
        wave=about.wave,
        set=None if about.set == ALL_SETS else about.set,
        app_sha=about.app_sha,
    )


def _named(one: Obstacle, about: About) -> tuple[SignalKind, _Cause]:
    """Its kind, and what tells it from others: not the set that waits, where others would, too."""
    match one:
        case MissingApproval(wave=wave, set=set_name, app_sha=sha):
            return "approval", ("approval", wave, set_name, sha)
        case MissingReview(wave=wave):  # of a promotion, the same as the approval before it
            return "approval", ("approval", wave, about.set or "", about.app_sha or "")
        case FailureThere(wave=wave, set=set_name) | FailingTargets(wave=wave, set=set_name):
            return "failed", ("failed", wave, set_name)
        case FailedVerification(wave=wave, set=set_name):
            return "failed", ("red verification", wave, set_name)
        case MissingVerification(wave=wave):
            return "stuck", (_LOST, wave, about.set or "")
        case PastEnding(how="rejected", app_sha=sha):
            return "rejected", ("rejected", about.set or "", sha)
        case RedMain():
            return "main", _RED_MAIN
        case BrokenMain():
            return "main", ("broken main",)
        case ServerRefusal():
            return "main", ("refused",)
        case StaleMain(wave=wave):
            return "main", ("stale", wave)
        case SetNotInFiles(wave=wave):
            return "main", ("not in the files", wave, about.set or "")
        case _:
            which = (about.at, about.wave or "", about.set or "", about.app_sha or "")
            return "other", (str(one.__struct_config__.tag), *which)


def _evicted(draft: Draft, eviction: Eviction, operation: Operation) -> Signal:
    wave, set_name, sha = operation.wave, operation.set, operation.app_sha
    stop = as_missed(draft, eviction, operation)
    return _signal(
        draft,
        "evicted",
        ("evicted", operation.kind, wave, set_name, sha or ""),
        f"{short(sha, 'a rollback')} ({set_name}) for {wave}",
        reason=stop.words(),
        command=stop.command(),
        wave=wave,
        set=set_name,
        app_sha=sha,
    )
