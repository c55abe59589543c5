"""Regeneration: what main generates is looked at, and generated anew where settings ask.

A person who forgot `generate` must not find their change in a commit that says something else,
least of all in a wave that is held. So each operation changes files of its own wave alone
(`ownership`), and no set goes into a wave whose files on main are not what main generates.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

import msgspec
from msgspec import Struct

from tidemill.facts.journal import Entry
from tidemill.facts.operation import Operation
from tidemill.facts.ownership import Ownership
from tidemill.facts.requests import Hotfix
from tidemill.facts.settings import ALL_SETS, Wave
from tidemill.facts.staleness import (
    FailedInspection,
    Finding,
    Inspection,
    StaleFiles,
    found,
    is_watched,
    regenerates,
    shared_with,
)
from tidemill.plan.draft import Draft
from tidemill.plan.obstacles import NothingStale, Obstacle, RegenerationFirst, StaleMain
from tidemill.plan.windows import closed, is_shut


class InspectionTodo(Struct, frozen=True):
    """`generate` has to be run on a commit of main as it is, before the plan is complete.

    `operation` is what is to be made there after that, if that is known; `is_second`: it is done
    to see whether the same is made once more.
    """

    commit: str
    operation: Operation | None = None
    is_second: bool = False


# Looking


def assess(draft: Draft) -> None:
    """Take note of what `generate` said of main, and say in the journal what is stale.

    Reads the looks at main; writes the ledger's finding and the journal.
    """
    ownership = Ownership.of(draft.settings)
    looks = [one for one in _looks(draft) if isinstance(one, Inspection)]
    if ownership is None or not looks:
        return
    before = draft.ledger.finding
    finding = draft.ledger.finding = found(ownership, before, draft.main, looks)
    for one in finding.stale:
        if before is not None and one in before.stale:
            continue
        what = f"{one.named}: not what main generates, since {one.since}"
        if one.unstable:
            what = f"`generate` is not deterministic: two runs differ, first in {one.unstable}"
        entry = Entry(what="stale", sha=one.until, wave=", ".join(one.owners), reason=what)
        if entry not in draft.entries:
            draft.entries.append(entry)


def first_look(draft: Draft, operation: Operation) -> InspectionTodo | None:
    """Whether main has to be looked at before `operation` is made."""
    if not is_watched(draft.settings) or _known_finding(draft) or _has_failed(draft):
        return None
    return InspectionTodo(draft.main, operation)


def second_look(draft: Draft) -> InspectionTodo | None:
    """Whether `generate` has to be run again: a set waits for it; it may not be deterministic."""
    finding = _known_finding(draft)
    if finding is None or finding.is_confirmed or _has_failed(draft):
        return None
    is_all = any(
        line.obstacles and all(isinstance(one, StaleMain) for one in line.obstacles)
        for line in draft.waiting
    )
    return InspectionTodo(draft.main, is_second=True) if is_all else None


def _known_finding(draft: Draft) -> Finding | None:
    """What is known of main as it will be; None where nothing is, or nobody asks."""
    finding = draft.ledger.finding
    is_true = finding is not None and finding.main == draft.main
    return finding if is_true and is_watched(draft.settings) else None


def _looks(draft: Draft) -> tuple[Inspection | FailedInspection, ...]:
    return draft.snapshot.looks.get(draft.main, ())


def _has_failed(draft: Draft) -> bool:
    return any(isinstance(one, FailedInspection) for one in _looks(draft))


# Why sets wait, and why a regeneration is not due


def stale_main(draft: Draft, wave: Wave) -> Iterator[Obstacle]:
    """Why no set may go into a wave now: what a person left undone there would ride along."""
    finding = _known_finding(draft)
    if finding is None or not finding.of(wave.name):
        return
    operations = _regenerations(draft)
    for stale in finding.of(wave.name):
        going = next((one for one in operations if regenerates(one, stale)), None)
        was_red = draft.ledger.was_taken_off(_regenerated(finding, wave.name))
        is_asked_for = draft.settings.entrypoints.stale == "regenerate"
        if going is not None:
            yield RegenerationFirst(wave=going.wave, after=going.after, named=stale.named)
        elif is_asked_for and not (was_red or stale.unstable):
            yield RegenerationFirst(wave=wave.name, after=stale.since, named=stale.named)
            yield from _shut_with(draft, wave, stale)
        else:
            yield StaleMain(
                wave=wave.name,
                generate=draft.settings.entrypoints.generate or "",
                stale=stale,
                was_red=was_red,
            )


def _shut_with(draft: Draft, wave: Wave, stale: StaleFiles) -> Iterator[Obstacle]:
    """What keeps files of a wave from being regenerated that belong to other waves, too."""
    for other in draft.settings.waves:
        if other.name != wave.name and other.name in stale.owners and is_shut(draft, other):
            yield from closed(draft, other, draft.settings.sets[0].name)


def not_stale(draft: Draft, wave: Wave, operation: Operation) -> Iterator[Obstacle]:
    """Why a regeneration is not due: its wave is held or closed, or nothing there is stale."""
    is_wanted = operation.id in {one.id for one in _regenerations(draft)}
    is_asked_for = draft.settings.entrypoints.stale == "regenerate"
    if is_shut(draft, wave):
        yield from closed(draft, wave, draft.settings.sets[0].name)
    elif not is_asked_for or not (is_wanted or _known_finding(draft) is None):
        yield NothingStale(wave=wave.name)


# On auto


def put_regenerations_first(draft: Draft) -> None:
    """Put those that are due on auto; only rollbacks and hotfixes go before them.

    Reads the finding, holds and windows; writes the chain.
    """
    there = {step.operation.id for step in draft.chain}
    new = [one for one in _regenerations(draft) if one.id not in there]
    draft.put_after(("roll back", "hotfix", "regenerate"), new)


def left_alone(draft: Draft, operation: Operation) -> frozenset[str]:
    """The waves whose files an operation leaves alone even where they are its own wave's, too.

    A rollback or a hotfix does not wait for a main that is what it generates, nor carry anything to
    others.
    """
    finding = _known_finding(draft)
    if operation.kind in ("roll back", "hotfix") and finding is not None:
        return shared_with(finding, operation.wave)
    return frozenset(operation.without)


def _regenerations(draft: Draft) -> list[Operation]:
    """One operation for each wave that is to be generated anew, in the order of the waves.

    What belongs to a wave that is held or closed is left alone, also where it is another's, too.
    """
    finding = _known_finding(draft)
    if finding is None or draft.settings.entrypoints.stale != "regenerate":
        return []
    shut = {wave.name for wave in draft.settings.waves if is_shut(draft, wave)}
    urgent = {back.wave for back in draft.ledger.rollbacks}
    urgent |= {hotfix.wave for hotfix in draft.inbox.of(Hotfix).values()}
    operations: list[Operation] = []
    for wave in draft.settings.waves:
        mine = finding.of(wave.name)
        owners = {name for one in mine for name in one.owners}
        operation = _regenerated(finding, wave.name, owners & shut)
        about = [
            one
            for one in mine
            if regenerates(operation, one)
            and not any(regenerates(earlier, one) for earlier in operations)
        ]
        is_due = about and wave.name not in shut | urgent
        is_sure = not any(one.unstable for one in about)
        if is_due and is_sure and not draft.ledger.was_taken_off(operation):
            after = " and ".join(dict.fromkeys(one.since for one in about))
            named = ", ".join(one.named for one in about)
            reason = f"main has other files than it generates: {named}"
            operations.append(msgspec.structs.replace(operation, after=after, reason=reason))
    return operations


def _regenerated(finding: Finding, wave: str, without: Collection[str] = ()) -> Operation:
    return Operation(
        kind="regenerate",
        wave=wave,
        set=ALL_SETS,
        app_sha=None,
        position=0,
        repository=None,
        content="",
        commit=finding.seen,
        without=tuple(sorted(without)),
    )
