"""Step 0 of the plan: what main has become, by a landing or by a person's own commit."""

from __future__ import annotations

from tidemill.announcing.order import order_of
from tidemill.facts.image_files import ImageFiles
from tidemill.facts.journal import Entry
from tidemill.facts.ledger import Landing, SetLedger
from tidemill.facts.operation import AutoCommit, Files
from tidemill.facts.settings import Wave
from tidemill.facts.snapshot import WaveNaming
from tidemill.facts.staleness import after_landing
from tidemill.plan.draft import Draft
from tidemill.plan.gone import in_place_of, is_known, why_held
from tidemill.words.shas import short


def observe(draft: Draft) -> None:
    """Take note of the sets on main that the ledger does not know of.

    Where a commit of auto got onto main without a turn it has landed. Where a person's commit
    takes a wave back to an older or an unknown set, the wave is held.
    """
    on_main = next(
        (i for i, step in enumerate(draft.chain) if step.commit and step.commit.sha == draft.main),
        None,
    )
    if on_main is not None:
        for step in draft.chain[: on_main + 1]:
            if step.commit:
                has_landed(draft, step.commit)
        del draft.chain[: on_main + 1]
    for wave in draft.settings.waves:
        for image_set in draft.settings.sets:
            _compare(draft, wave, image_set.name)
    for name, found in draft.snapshot.main.named.items():
        _named(draft, name, found)
    if not draft.settings.templates():
        _forget_named(draft)


def has_landed(draft: Draft, commit: AutoCommit) -> None:
    """A commit of auto is on main: its wave has its set, and is generated, from now on."""
    operation = commit.operation
    draft.ledger.finding = after_landing(draft.ledger.finding, commit)
    _has_set(draft, commit)
    draft.ledger.moved, draft.ledger.moved_since = 0, None
    draft.ledger.refused = None
    draft.note("landed", operation, sha=commit.sha, reason=operation.reason)


def _has_set(draft: Draft, commit: AutoCommit) -> None:
    operation = commit.operation
    if operation.kind == "regenerate":
        return
    put_on_top(
        draft.ledger.of(operation.wave, operation.set),
        Landing(
            app_sha=operation.app_sha,
            position=operation.position,
            content=operation.content,
            digests=commit.digests,
            commit=commit.sha,
            landed_at=draft.now,
            how=operation.kind,
            repository=operation.repository,
            generation=operation.generation,
            rewrites=operation.rewrites,
            targets=dict(commit.targets),
        ),
    )
    _named(draft, operation.wave, WaveNaming(commit.files, commit.naming))
    _forget_rollbacks(draft, operation.wave, operation.set, operation.content)


def _named(draft: Draft, wave: str, found: WaveNaming) -> None:
    """Take note of what the wave's files do not name of the sets that it has now."""
    is_first = not draft.snapshot.ledger.sets
    for name, part in draft.ledger.sets.get(wave, {}).items():
        present, naming = part.present, found.naming.get(name)
        if present is None or present.naming == naming:
            continue
        present.naming = naming
        if naming is not None and not is_first:
            draft.entries.append(
                Entry(
                    what="not in the files",
                    sha=present.commit,
                    app_sha=present.app_sha,
                    set=name,
                    wave=wave,
                    reason=naming.words,
                )
            )
    if found.files:
        draft.named[wave] = found.files


def _forget_named(draft: Draft) -> None:
    """The settings do not say what targets render from, so nothing is known of what is named."""
    draft.ledger.named = {}
    for sets in draft.ledger.sets.values():
        for part in sets.values():
            for landing in part.landings:
                landing.naming = None


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
        return
    if files is None and not present.is_known and not present.content:
        return
    if files is None and (present.wave or present.set) and not present.moved:
        return  # it has another name now, and its files are still where they were
    is_back = order_of(landing) < order_of(present) or not landing.is_known
    put_on_top(part, landing)
    _forget_rollbacks(draft, wave.name, set_name, landing.content)
    reason = f"a commit on main puts {wave.name} to {short(landing.app_sha)}"
    draft.entries.append(
        Entry(
            what="changed by hand",
            sha=landing.commit,
            app_sha=landing.app_sha,
            set=set_name,
            wave=wave.name,
            reason=reason,
        )
    )
    if is_back and present.is_known and draft.hold_on(wave.name, set_name) is None:
        why = f"{reason}, back from {short(present.app_sha)}"
        draft.hold_by_itself(wave.name, set_name, landing.commit, why)


def _hold_in_place_of_another(
    draft: Draft, wave: Wave, set_name: str, files: ImageFiles | None
) -> None:
    """Hold what appears, where it may be what is gone: what was kept out of that must not come."""
    place, content = (wave.name, set_name), files.content if files else None
    other = in_place_of(draft.settings, draft.ledger, draft.holds, place, content)
    if other is not None and draft.hold_on(*place) is None:
        reason = why_held(place, other)
        draft.hold_by_itself(*place, draft.main, reason, instead_of=other)


def put_on_top(part: SetLedger, landing: Landing) -> None:
    """Put `had` on top: what it replaces may be buried, what it goes back behind is rolled back."""
    if part.present is not None and part.present.failed:
        part.present.buried = True
    for newer in part.landings:
        if order_of(newer) > order_of(landing):
            newer.rolled_back = True
    part.landings.append(landing)
    part.raise_to(order_of(landing))


def _forget_rollbacks(draft: Draft, wave: str, set_name: str, content: str) -> None:
    """The rollbacks to what the wave has now are done."""
    done = (wave, set_name, content)
    draft.ledger.rollbacks = [
        back for back in draft.ledger.rollbacks if (back.wave, back.set, back.to.content) != done
    ]


def _by_hand(draft: Draft, wave: Wave, set_name: str, files: ImageFiles | None) -> Landing:
    """The set that main has without any turn's doing; the first one counts from main's date.

    What calls itself a set that the ledger knows, with other contents, is an unknown one.
    """
    main = draft.snapshot.main
    trees = {target: Files(main.trees.get((wave.name, target))) for target in wave.targets}
    source = files.source if files and not _is_forged(draft, set_name, files) else None
    return Landing(
        app_sha=source.sha if source else None,
        position=source.position if source else 0,
        content=files.content if files else "",
        digests=files.digest_id if files else "",
        commit=main.sha,
        landed_at=draft.now if draft.snapshot.ledger.sets else min(main.date, draft.now),
        how="by hand",
        repository=source.repository if source else None,
        generation=source.generation if source else 1,
        rewrites=source.rewrites if source else 0,
        targets=trees,
    )


def _is_forged(draft: Draft, set_name: str, files: ImageFiles) -> bool:
    return any(
        (landing.app_sha, order_of(landing)) == (files.app_sha, files.order)
        and landing.content != files.content
        for sets in draft.ledger.sets.values()
        if set_name in sets
        for landing in sets[set_name].landings
    )
