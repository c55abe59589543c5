"""What main has become without a turn: by a landing of a person's, or by a commit of theirs."""

from __future__ import annotations

from tidemill.announcing.order import Order, order_of
from tidemill.facts.image_files import ImageFiles
from tidemill.facts.ledger import Landing
from tidemill.facts.operation import Files
from tidemill.facts.settings import Wave
from tidemill.plan.draft import Draft
from tidemill.plan.freezes import note_freezes
from tidemill.plan.gates import note_gates
from tidemill.plan.gone import in_place_of, is_known, why_held
from tidemill.plan.holds import hold_by_itself, stays_held
from tidemill.plan.landing import record_landing
from tidemill.plan.naming import forget_naming, note_naming
from tidemill.plan.rollback import leave_to_a_person
from tidemill.words.shas import short


def observe(draft: Draft) -> None:
    """Take note of the sets on main that the ledger does not know of.

    Where a commit of auto got onto main without a turn it has landed. Where a person's commit
    takes a wave back to an older or an unknown set, the wave is held. Who changed a wave's gates is
    told, and which freezes of the settings begin and end.

    Reads main and auto; writes the chain, landings, what files name, gates, freezes, holds and the
    journal.
    """
    note_gates(draft)
    note_freezes(draft)
    shas = [step.commit.sha if step.commit else None for step in draft.chain]
    if draft.main in shas:
        landed = shas.index(draft.main) + 1
        for step in draft.chain[:landed]:
            if step.commit:
                record_landing(draft, step.commit)
        del draft.chain[:landed]
    for wave in draft.settings.waves:
        for image_set in draft.settings.sets:
            _compare(draft, wave, image_set.name)
    for name, found in draft.snapshot.main.named.items():
        note_naming(draft, name, found)
    if not draft.settings.templates():
        forget_naming(draft)


def _compare(draft: Draft, wave: Wave, set_name: str) -> None:
    files = draft.snapshot.main.sets.get((wave.name, set_name))
    present = draft.ledger.present(wave.name, set_name)
    if not is_known(draft.ledger, wave.name, set_name):
        _hold_in_place_of_another(draft, wave, set_name, files)
    if files is None and present is None:
        return
    if files is not None and present is not None and files.content == present.content:
        present.moved = bool(present.wave or present.set)
        return
    landing = _by_hand(draft, wave, set_name, files)
    part = draft.ledger.of(wave.name, set_name)
    if present is None:
        part.landings.append(landing)
        part.raise_to(order_of(landing))
        draft.note_set(
            "found", wave.name, set_name, landing, "main has it, and no turn put it there"
        )
        return
    if files is None and not present.is_known and not present.content:
        return
    if files is None and (wave.name, set_name) in draft.snapshot.main.to_follow:
        return  # it has another name now, and its files are still where they were
    is_back = order_of(landing) < order_of(present) or not landing.is_known
    leave_to_a_person(draft, wave.name, set_name, landing.content)
    part.put(landing)
    if files is None:
        part.answers = {}  # they were about what is not there any more
        draft.ledger.named.pop(wave.name, None)  # the same files may come back, as another landing
        what = "removed by hand"
        reason = f"a commit on main takes the image files of {set_name} out of {wave.name}"
    else:
        what = "changed by hand"
        reason = f"a commit on main puts {wave.name} to {short(landing.app_sha)}"
    draft.note_set(what, wave.name, set_name, landing, reason)
    if is_back and present.is_known and not stays_held(draft, wave.name, set_name):
        why = reason if files is None else f"{reason}, back from {short(present.app_sha)}"
        hold_by_itself(draft, wave.name, set_name, landing.commit, why)


def _hold_in_place_of_another(
    draft: Draft, wave: Wave, set_name: str, files: ImageFiles | None
) -> None:
    """Hold what appears, where it may be what is gone: what was kept out of that must not come."""
    place, content = (wave.name, set_name), files.content if files else None
    other = in_place_of(draft.settings, draft.ledger, draft.holds, place, content)
    if other is not None and not stays_held(draft, *place):
        reason = why_held(place, other)
        hold_by_itself(draft, *place, draft.main, reason, instead_of=other)


def _by_hand(draft: Draft, wave: Wave, set_name: str, files: ImageFiles | None) -> Landing:
    """The set that main has without any turn's doing; the first one counts from main's date.

    What calls itself a set that the ledger knows, with other contents, is an unknown one.
    """
    main = draft.snapshot.main
    named = main.named.get(wave.name)
    users = named.users.get(set_name, wave.targets) if named else wave.targets
    trees = {
        target: Files(main.trees.get((wave.name, target)), target in users)
        for target in wave.targets
    }
    source = files.source if files and not _is_forged(draft, set_name, files) else None
    order = source.order if source else Order()
    return Landing(
        app_sha=source.sha if source else None,
        content=files.content if files else "",
        digests=files.digest_id if files else "",
        commit=main.sha,
        landed_at=draft.now if draft.snapshot.ledger.sets else min(main.date, draft.now),
        how="by hand",
        repository=source.repository if source else None,
        **order._asdict(),
        targets=trees,
        is_hotfix=bool(source and source.hotfix),
    )


def _is_forged(draft: Draft, set_name: str, files: ImageFiles) -> bool:
    return any(
        one.is_set(files.order, files.app_sha) and one.content != files.content
        for _, one in draft.ledger.landings(set_name)
    )
