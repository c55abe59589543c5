"""A journal that is lost is made again, from what else is in Git.

The image files on main say what each wave has, the messages of main's automatic commits what it
had before and what it was rolled back from, the refs below `evicted/` and `rejected/` what must not
return. Holds and deployment records have refs of their own. What none of them says is not known any
more; then the careful answer counts.
"""

from __future__ import annotations

from tidemill.facts.evidence import Evidence
from tidemill.facts.journal import Entry
from tidemill.facts.ledger import Eviction, Landing, Ledger, Names, RequestEnding
from tidemill.plan.deployment import recall_record
from tidemill.plan.draft import Draft

_EVICTED = "it was evicted before the journal was lost"
_UNKNOWN = (
    "not known any more: how long sets had soaked, which of the older ones were healthy, and "
    "rollbacks that Tidemill had begun by itself and that had not landed"
)


def recalled(evidence: Evidence) -> Ledger:
    """The ledger, as far as the evidence goes."""
    names = Names(is_lost=True)
    ledger = Ledger(rejected=list(evidence.rejected), wave_names=names, set_names=names)
    copied = {one.operation.commit for one in evidence.landed if one.operation.kind == "promote"}
    for one in evidence.landed:
        operation = one.operation
        if not operation.is_regeneration:
            landing = Landing.of(operation, one.sha, one.digests, one.at, one.targets)
            landing.deployed_once = one.sha in copied
            ledger.of(operation.wave, operation.set).put(landing)
    for gone in evidence.evicted:
        ledger.evictions.append(
            Eviction(commit=gone.sha, at=gone.at, reason=_EVICTED, operation=gone.operation)
        )
    ended = [
        *((one.operation.request, "landed") for one in evidence.landed),
        *((gone.operation.request, "evicted") for gone in evidence.evicted if gone.operation),
        *((one, "rejected") for one in evidence.rejected),
    ]
    ledger.ended = [
        RequestEnding(id=request, how=how)
        for request, how in ended
        if request and request not in evidence.waiting
    ]
    # A signature is known by the request's id, which commits name. What asks for one commit alone
    # went with it: if it waits all the same, somebody has put it there again.
    done = [*((one.operation, one.at) for one in evidence.landed)]
    done += [(gone.operation, gone.at) for gone in evidence.evicted if gone.operation]
    ledger.spent = {
        one.request: at
        for one, at in done
        if one.request
        and (one.kind in ("promote", "hotfix") or one.request not in evidence.waiting)
    }
    return ledger


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
