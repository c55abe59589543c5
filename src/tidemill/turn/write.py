"""Write: from a plan to the ref updates of one atomic push."""

from __future__ import annotations

from datetime import datetime

import msgspec

from tidemill.clients.git.store import Store, Update
from tidemill.facts import journal, requests
from tidemill.facts.holds import Hold
from tidemill.facts.journal import RECORD, Journal
from tidemill.facts.records import Deployment
from tidemill.facts.refs import RefNames
from tidemill.facts.requests import Fact
from tidemill.facts.snapshot import Snapshot, UnreadableRef, verified_commits
from tidemill.facts.state import State
from tidemill.plan.plan import Plan
from tidemill.plan.waking import next_time
from tidemill.turn.read import record_of
from tidemill.words.json_types import in_lines

LONGEST_CHAIN = 200
_MOST_SWEPT = 500  # in one push, which names each ref


def updates(
    store: Store, state: State, snapshot: Snapshot, plan: Plan, run_url: str | None
) -> list[Update]:
    """Every ref that the plan changes, each with what it was; the journal is always among them."""
    names = state.names
    changes: dict[str, str | None] = {}
    kept = {*plan.ledger.rejected}  # what a later turn would sweep away is not written
    for one in plan.aside:
        aside = set_aside(names, one)
        changes |= aside if one.id in kept else {one.ref: None}
    if plan.landed:
        changes[names.main] = plan.landed
    if plan.auto_tip:
        changes[names.auto] = plan.auto_tip
    for fact in plan.ended:
        changes[names.inbox(fact)] = None
    for record in plan.filed:
        ref = names.deployed(record.wave, record.target)
        place = (record.wave, record.target)
        origin = names.deployed(*plan.moved.get(place, place))
        before = None if changes.get(origin, "") is None else state.refs.get(origin)
        changes[ref] = _filed(store, record, changes.get(ref) or before)
    _moved(store, state, snapshot, plan, changes)
    _holds(store, state, snapshot, plan, changes)
    for sha in plan.evicted:
        changes[names.evicted(sha)] = sha
    for fact_id, reason in plan.rejected.items():
        if fact_id in kept:
            changes[names.rejected(fact_id)] = _rejected(store, snapshot, fact_id, reason)
    _sweep(state, snapshot, plan, changes)
    changes[names.journal] = _journal(store, state, snapshot, plan, run_url)
    return [
        Update(ref, state.refs.get(ref), new)
        for ref, new in changes.items()
        if state.refs.get(ref) != new
    ]


def set_aside(names: RefNames, unreadable: UnreadableRef) -> dict[str, str | None]:
    """A ref that can't be read, under its name below `rejected/`."""
    return {unreadable.ref: None, names.rejected(unreadable.id): unreadable.sha}


def fact_commit(store: Store, fact: Fact) -> str:
    """The commit that holds a request or record: the same for the same fact."""
    return store.write({RECORD: requests.encode(fact)}, None, f"{fact.id}\n", fact.accepted_at)


def _filed(store: Store, record: Deployment, parent: str | None) -> str:
    number = 1
    if parent is not None:
        latest = requests.decode(record_of(store, parent))
        number = latest.number + 1 if isinstance(latest, Deployment) else 1
    if number > LONGEST_CHAIN:
        number, parent = 1, None
    data = requests.encode(msgspec.structs.replace(record, number=number))
    subject = f"{record.target}: {record.phase}, {record.health} at {record.revision}\n"
    return store.write({RECORD: data}, parent, subject, record.accepted_at)


def _moved(
    store: Store, state: State, snapshot: Snapshot, plan: Plan, changes: dict[str, str | None]
) -> None:
    """Records of waves that have another name now go where that one's are."""
    for place, origin in plan.moved.items():
        ref, tip = state.names.deployed(*place), state.refs.get(state.names.deployed(*origin))
        if ref not in changes:
            changes[ref] = _filed(store, plan.records[place], tip)
    for place in snapshot.records.keys() - plan.records.keys():
        changes[state.names.deployed(*place)] = None


def _holds(
    store: Store, state: State, snapshot: Snapshot, plan: Plan, changes: dict[str, str | None]
) -> None:
    for (wave, set_name), hold in plan.holds.items():
        if snapshot.holds.get((wave, set_name)) != hold:
            changes[state.names.hold(wave, set_name)] = _held(store, hold)
    for wave, set_name in snapshot.holds.keys() - plan.holds.keys():
        changes[state.names.hold(wave, set_name)] = None


def _held(store: Store, hold: Hold) -> str:
    return store.write(
        {RECORD: in_lines(hold)}, None, f"hold {hold.wave} ({hold.set})\n", hold.since
    )


def _rejected(store: Store, snapshot: Snapshot, fact_id: str, reason: str) -> str:
    fact = snapshot.inbox.get(fact_id)
    record = {"version": 1, "id": fact_id, "reason": reason, "request": fact}
    when = fact.accepted_at if fact else snapshot.now
    return store.write({RECORD: in_lines(record)}, None, f"rejected: {fact_id}\n", when)


def _sweep(state: State, snapshot: Snapshot, plan: Plan, changes: dict[str, str | None]) -> None:
    """Drop the checks of commits that have gone, and all but the last evicted and rejected; of
    very many the rest goes with a later turn."""
    names, refs = state.names, state.refs
    current = {plan.main, *(commit.sha for commit in plan.auto)}
    current |= verified_commits(snapshot.settings, plan.ledger, plan.records)
    kept = {eviction.commit for eviction in plan.ledger.evictions}
    gone = [
        *map(names.check, refs.below(names.folder("checks")).keys() - current),
        *map(names.evicted, refs.below(names.folder("evicted")).keys() - kept),
        *map(names.rejected, refs.below(names.folder("rejected")).keys() - {*plan.ledger.rejected}),
    ]
    changes |= dict.fromkeys(sorted(gone)[:_MOST_SWEPT])


def _journal(
    store: Store, state: State, snapshot: Snapshot, plan: Plan, run_url: str | None
) -> str:
    record = Journal(
        at=snapshot.now,
        run_url=run_url,
        entries=plan.entries,
        read=tuple(sorted(state.came_lately(snapshot.now) & snapshot.inbox.keys() - {*plan.ended})),
        next=next_time(plan.waiting, snapshot.now),
        ledger=plan.ledger,
    )
    return journal_commit(store, state, record)


def journal_commit(store: Store, state: State, record: Journal) -> str:
    """The journal's next commit; its first, where what is there can't be read."""
    tip = state.refs.get(state.names.journal)
    parent = tip if state.is_journal_sound else None
    said = journal.message(record.entries)
    return store.write(journal.encode(record), parent, said, _whole(record.at))


def _whole(when: datetime) -> datetime:
    return when.replace(microsecond=0)
