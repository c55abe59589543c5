"""A journal that is lost is made again, from what else is in Git.

The image files on main say what each wave has, the messages of main's automatic commits what it
had before and what it was rolled back from, the refs below `evicted/` and `rejected/` what must not
return. Holds and deployment records have refs of their own. What none of them says is not known any
more; then the careful answer counts.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from datetime import datetime

from msgspec.structs import replace as changed

from tidemill.facts.evidence import EvictedCommit, Evidence, MainCommit
from tidemill.facts.journal import Entry
from tidemill.facts.ledger import Eviction, Landing, Ledger, RequestEnding
from tidemill.facts.operation import Operation
from tidemill.facts.renames import mark_of, note_names, renamed_ledger
from tidemill.plan.deployment import recall_record
from tidemill.plan.draft import Draft

_EVICTED = "it was evicted before the journal was lost"
_UNKNOWN = (
    "not known any more: how long sets had soaked, which of the older ones were healthy, and "
    "rollbacks that Tidemill had begun by itself and that had not landed"
)


def recalled(evidence: Evidence) -> Ledger:
    """The ledger, as far as the evidence goes.

    Each commit says what it did by the names of its time. So they are gone through in order, and
    names change on the way as they did then. What the names became after the last of them, and
    when the turns took that over, nobody knows.
    """
    ledger = Ledger(rejected=list(evidence.rejected))
    copied = {one.operation.commit for one in evidence.landed if one.operation.kind == "promote"}
    for one in _in_order(evidence):
        operation = one.operation
        if isinstance(one, EvictedCommit):
            how = "evicted"
            ledger.evictions.append(
                Eviction(commit=one.sha, at=one.at, reason=_EVICTED, operation=operation)
            )
        else:
            how = "landed"
            ledger = _by_names_of(one, ledger)
            if not one.operation.is_regeneration:
                landing = Landing.of(one.operation, one.sha, one.digests, one.at, one.targets)
                landing.deployed_once = one.sha in copied
                ledger.of(one.operation.wave, one.operation.set).put(landing)
        if operation is not None:
            _end(ledger, operation, how, one.at, evidence.waiting)
    ledger.evictions.sort(key=lambda one: one.at)
    ledger.ended.sort(key=lambda one: one.how == "evicted")  # the last one counts
    ledger.ended += [
        RequestEnding(id=one, how="rejected")
        for one in evidence.rejected
        if one not in evidence.waiting
    ]
    return changed(
        ledger,
        wave_names=changed(ledger.wave_names, known=(), is_lost=True),
        set_names=changed(ledger.set_names, known=(), is_lost=True),
    )


def _end(
    ledger: Ledger, operation: Operation, how: str, at: datetime, waiting: Container[str]
) -> None:
    """What an operation's request has come to.

    A signature is known by the request's id, which commits name. What asks for one commit alone
    went with it: if it waits all the same, somebody has put it there again.
    """
    request = operation.request
    waits = request in waiting
    if request and not waits:
        ledger.ended.append(RequestEnding(id=request, how=how))
    if request and (not waits or operation.kind in ("promote", "hotfix")):
        ledger.spent[request] = at


def _by_names_of(one: MainCommit, ledger: Ledger) -> Ledger:
    """The ledger by the names that a commit of main knows."""
    if one.settings is None:
        return ledger
    ledger = renamed_ledger(one.settings, ledger, one.contents)
    note_names(ledger, one.settings, ())
    return ledger


def _in_order(evidence: Evidence) -> Iterator[MainCommit | EvictedCommit]:
    """Main's commits, and each evicted one after the last of them that has the same names and is no
    younger. Whoever committed had a clock, so the names count for more than the time."""
    marks = [one.settings and mark_of(one.settings) for one in evidence.landed]

    def place(gone: EvictedCommit) -> int:
        own = gone.settings and mark_of(gone.settings)
        older = {at for at, one in enumerate(evidence.landed, start=1) if one.at <= gone.at}
        same = {at for at, mark in enumerate(marks, start=1) if mark == own}
        return max(older & same, default=min(same, default=max(older, default=0)))

    places = [place(gone) for gone in evidence.evicted]
    for at, one in enumerate([None, *evidence.landed]):
        if one is not None:
            yield one
        yield from (
            gone for gone, after in zip(evidence.evicted, places, strict=True) if after == at
        )


def recall(draft: Draft) -> None:
    """Take up what the records say, and say that the journal was made again.

    Reads the evidence, if there is any, and the records; writes landings and the journal.
    """
    evidence = draft.snapshot.evidence
    if evidence is None:
        return
    for part in [part for sets in draft.ledger.sets.values() for part in sets.values()]:
        for one in part.landings:
            one.landed_at = min(one.landed_at, draft.now)  # whoever committed had a clock, too
    for record in sorted(draft.records.values(), key=lambda one: one.accepted_at):
        recall_record(draft, record)
    for wave in draft.settings.waves:
        for part in draft.ledger.sets.get(wave.name, {}).values():
            landing = part.present
            if (
                landing is not None
                and not landing.failed
                and not set(wave.targets) <= landing.taken.keys()
            ):
                landing.anew = draft.now
    counts = (
        f"{len(evidence.landed)} automatic commits of main",
        f"{len(evidence.evicted)} evicted commits",
        f"{len(evidence.rejected)} rejected requests",
        f"{len(draft.records)} deployment records",
    )
    made = f"made again from {', '.join(counts)} and the holds"
    reason = f"the journal was lost ({evidence.why}); {made}; {_UNKNOWN}"
    draft.entries.insert(0, Entry(what="made again", reason=reason))
