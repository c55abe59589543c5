"""Hotfix: a person puts a set straight into one wave, past all waves before.

It is checked like any other, and goes on auto before all but rollbacks. Its branch and its position
do not count: it takes the place of the set that it replaces, so the wave goes on later with what is
newer than that. Its hold holds from when it was asked for, like a rollback's. It goes nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from tidemill.announcing.order import Order, order_of
from tidemill.facts.holds import each_hold
from tidemill.facts.journal import Entry
from tidemill.facts.ledger import Landing
from tidemill.facts.operation import Operation
from tidemill.facts.requests import Hotfix, Release
from tidemill.facts.settings import ALL_SETS, Wave
from tidemill.plan.announcements import supersede
from tidemill.plan.draft import Draft
from tidemill.plan.holds import hold_back, hold_on
from tidemill.plan.obstacles import EndedRequest, HotfixThere, Obstacle, OtherSetThere, PastEviction
from tidemill.plan.position import why_no_hotfix
from tidemill.plan.rollback import supersede_rollbacks
from tidemill.words.shas import short

# What comes in


def file_hotfixes(draft: Draft) -> None:
    """Begin the hotfixes that people ask for: their holds are placed, their commits follow.

    Of what people ask for in one place the last counts: a hotfix, a rollback, or a promotion that
    overrides.
    """
    waiting = draft.inbox.of(Hotfix)
    draft.ledger.hotfixes = [
        one for one in draft.ledger.hotfixes if one in waiting or one in draft.kept_out
    ]
    for ref_id, hotfix in sorted(waiting.items(), key=lambda one: (one[1].accepted_at, one[0])):
        if draft.reject_unless_named(ref_id, hotfix.wave, hotfix.set):
            continue  # also one that has begun: its wave may have gone since
        if ref_id in draft.ledger.hotfixes or _is_refused(draft, ref_id, hotfix):
            continue
        if any(_is_same(hotfix, other) for other in _going(draft)):
            what = "under way already"
            entry = Entry(what=what, id=ref_id, set=hotfix.set, wave=hotfix.wave)
            draft.end(ref_id, "superseded", entry)
            continue
        draft.ledger.hotfixes = [*draft.ledger.hotfixes, ref_id]
        hold_back(
            draft,
            f"hold-{ref_id}",
            hotfix.wave,
            hotfix.set,
            reason=hotfix.override,
            by=hotfix.by,
            since=hotfix.accepted_at,
        )
        _supersede_earlier(draft, ref_id, hotfix)
    for ref_id, hotfix in draft.inbox.of(Hotfix).items():
        if later := _later(draft, hotfix):
            supersede(draft, ref_id, hotfix.set, later, sha=hotfix.announcement.sha)


def end_hotfix(draft: Draft, ref_id: str, hotfix: Hotfix) -> None:
    """A hotfix has ended when the wave has its images, or had them beneath what landed on it."""
    present = draft.ledger.present(hotfix.wave, hotfix.set)
    is_there = present is not None and present.content == hotfix.content
    if is_there or draft.has_landed(ref_id):
        entry = Entry(
            what="landed",
            id=ref_id,
            app_sha=hotfix.announcement.sha,
            set=hotfix.set,
            wave=hotfix.wave,
        )
        draft.end_once(ref_id, "landed", entry)


def _is_refused(draft: Draft, ref_id: str, hotfix: Hotfix) -> bool:
    reason = why_no_hotfix(draft.settings, hotfix.announcement)
    if reason is not None:
        draft.reject(ref_id, reason, set_name=hotfix.set, wave=hotfix.wave)
    return reason is not None


def _is_same(hotfix: Hotfix, other: Hotfix) -> bool:
    places = ((one.wave, one.set, one.content) for one in (hotfix, other))
    return len(set(places)) == 1


def _going(draft: Draft) -> Iterator[Hotfix]:
    """The hotfixes that have begun, and that nothing else has overtaken."""
    waiting = draft.inbox.of(Hotfix)
    for ref_id in draft.ledger.hotfixes:
        if ref_id in waiting and not _overtaken(draft, waiting[ref_id]):
            yield waiting[ref_id]


def _supersede_earlier(draft: Draft, ref_id: str, hotfix: Hotfix) -> None:
    """End what people asked for in this place before."""
    place, why = (hotfix.wave, hotfix.set), "a hotfix was asked for"
    backs = [one for one in draft.ledger.rollbacks if (one.wave, one.set) == place]
    if backs and all(one.at <= hotfix.accepted_at for one in backs):
        supersede_rollbacks(draft, *place, why)
    for other, asked in list(draft.inbox.promotions(*place).items()):
        if asked.override and asked.accepted_at <= hotfix.accepted_at:
            supersede(draft, other, asked.set, why, sha=asked.app_sha)
    for other, earlier in draft.inbox.of(Hotfix).items():
        is_before = (earlier.accepted_at, other) < (hotfix.accepted_at, ref_id)
        if is_before and (earlier.wave, earlier.set) == place:
            supersede(draft, other, earlier.set, why, sha=earlier.announcement.sha)


def _later(draft: Draft, hotfix: Hotfix) -> str | None:
    """Why a hotfix goes no further: something was asked for in this place after it."""
    place, when = (hotfix.wave, hotfix.set), (hotfix.accepted_at, hotfix.id)
    others = (one for one in draft.inbox.of(Hotfix).values() if (one.wave, one.set) == place)
    is_later = any((one.accepted_at, one.id) > when for one in others)
    return _overtaken(draft, hotfix) or ("another hotfix was asked for" if is_later else None)


def _overtaken(draft: Draft, hotfix: Hotfix) -> str | None:
    """The same, where it is no other hotfix."""
    place, at = (hotfix.wave, hotfix.set), hotfix.accepted_at
    if any((one.wave, one.set) == place for one in draft.ledger.rollbacks):
        return "a rollback was asked for"
    if any(
        one.override and one.accepted_at > at for one in draft.inbox.promotions(*place).values()
    ):
        return "a promotion was asked for"
    return None


# On auto


def put_hotfixes_first(draft: Draft) -> None:
    """A hotfix goes on auto before all but rollbacks; everything else is replayed on it.

    Reads the inbox; writes the chain.
    """
    for ref_id, hotfix in sorted(draft.inbox.of(Hotfix).items()):
        operation = _operation(draft, ref_id, hotfix)
        if any(step.operation.id == operation.id for step in draft.chain):
            continue
        draft.chain = [step for step in draft.chain if not step.operation.is_same_set(operation)]
        draft.put_after(("roll back", "hotfix"), [operation])


def not_wanted(draft: Draft, operation: Operation) -> Iterator[Obstacle]:
    """Why a hotfix is not due: nobody asks for it any more, or not in the place of this set."""
    request = draft.inbox.get(operation.request or "")
    if not isinstance(request, Hotfix):
        yield EndedRequest(what="hotfix")
    elif gone := draft.ledger.evicted(operation):
        yield PastEviction.of(gone, operation.app_sha)
    elif order_of(operation) != _place_of(draft, request):
        yield OtherSetThere(wave=operation.wave)


def _operation(draft: Draft, ref_id: str, hotfix: Hotfix) -> Operation:
    return Operation(
        kind="hotfix",
        wave=hotfix.wave,
        set=hotfix.set,
        app_sha=hotfix.announcement.sha,
        **_place_of(draft, hotfix)._asdict(),
        repository=hotfix.announcement.repository,
        content=hotfix.content,
        request=ref_id,
        at=hotfix.accepted_at,
        reason=hotfix.override,
        override=hotfix.override,
        is_hotfix=True,
    )


def _place_of(draft: Draft, hotfix: Hotfix) -> Order:
    present = draft.ledger.present(hotfix.wave, hotfix.set)
    return order_of(present) if present else Order()


# In its wave


def hotfix_there(draft: Draft, wave: Wave, set_name: str, landing: Landing) -> HotfixThere:
    """What a wave with a hotfix waits for."""
    hold = hold_on(draft, wave.name, set_name)
    return HotfixThere(
        wave=wave.name,
        set=set_name,
        next=replacement(draft, wave, set_name),
        is_held=hold is not None,
        is_held_whole=hold is not None and hold.set == ALL_SETS,
        since=landing.landed_at,
    )


def note_replacements(draft: Draft, release: Release) -> None:
    """Name in the journal what would replace the hotfixes that a release lets go: those that
    nothing else holds.

    Reads the ledger, the holds and the inbox.
    """
    for wave in draft.settings.waves:
        for set_name, part in draft.ledger.sets.get(wave.name, {}).items():
            present = part.present
            there = (draft.holds.get((wave.name, one)) for one in (ALL_SETS, set_name))
            held = {one.id for one in each_hold(filter(None, there))}
            if present and present.is_hotfix and held and held <= {*release.ends}:
                sha = replacement(draft, wave, set_name)
                known = f"the next one is {short(sha)}" if sha else "there is none yet"
                why = f"a newer set may replace this hotfix from now on: {known}"
                draft.note_set("replaceable", wave.name, set_name, present, why)


def replacement(draft: Draft, wave: Wave, set_name: str) -> str | None:
    """The SHA of the newest set that would replace a hotfix by itself now, but for a hold, windows
    and soak: newer than all that the wave has had, and deployed in a wave before, or announced."""
    newest = draft.ledger.history(wave.name, set_name).newest
    found: list[tuple[Order, datetime, str]] = [
        (order_of(one), one.landed_at, one.app_sha)
        for source in wave.sources
        for one in draft.ledger.history(source, set_name).landings
        if one.app_sha and one.deployed_at and not (one.is_bad or one.is_hotfix)
    ]
    if not wave.sources:
        found += [
            (one.order, one.accepted_at, one.announcement.sha)
            for one in draft.inbox.announcements(set_name).values()
        ]
    return max((one for one in found if one[0] > newest), default=(None, None, None))[2]
