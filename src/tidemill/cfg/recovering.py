"""What follows from a failure in a wave: nothing, a rollback, or a hold (`on_failure`)."""

from __future__ import annotations

from tidemill.cfg.draft import TIDEMILL, Draft
from tidemill.cfg.filing import begin_rollback
from tidemill.cfg.ledger import Back, Had
from tidemill.cfg.settings import Wave
from tidemill.cfg.wording import short


def recover(draft: Draft) -> None:
    """Answer each failure once, where the wave says `on_failure = "roll back"`."""
    for wave in draft.settings.waves:
        for image_set in draft.settings.sets:
            had = draft.ledger.present(wave.name, image_set.name)
            if had is not None and had.failed and not had.held and wave.on_failure == "roll back":
                had.held = True
                _answer(draft, wave, image_set.name, had)


def healthy_before(hads: list[Had], position: int) -> Had | None:
    """Where a rollback goes: the newest older set that was healthy, and not rolled back."""
    older = [had for had in hads if had.position < position]
    well = [
        had
        for had in older
        if had.deployed_once and not (had.failed or had.buried or had.rolled_back)
    ]
    return max(well, key=lambda had: had.position, default=None)


def _answer(draft: Draft, wave: Wave, set_name: str, had: Had) -> None:
    if draft.hold_on(wave.name, set_name) is not None:
        return
    where = f"{short(had.app_sha)} failed on {', '.join(sorted(had.failed))}"
    goal = healthy_before(draft.ledger.history(wave.name, set_name).had, had.position)
    if reason := _why_not_back(draft, wave, set_name, had, goal):
        why = f"{where}; not rolled back by itself: {reason}"
        draft.hold_by_itself(wave.name, set_name, had.commit, why)
    elif goal is not None:
        back = Back(
            wave=wave.name,
            set=set_name,
            leaves=had.point(),
            to=goal.point(),
            reason=where,
            at=min(had.failed.values()),
        )
        begin_rollback(draft, back, by=TIDEMILL)


def _why_not_back(
    draft: Draft, wave: Wave, set_name: str, had: Had, goal: Had | None
) -> str | None:
    if had.how == "roll back":
        return "it is a rollback itself"
    again = [
        one for one in draft.ledger.history(wave.name, set_name).had if one.content == had.content
    ]
    if any(one.deployed_once for one in again):
        return "it had been deployed there before"
    if goal is None:
        return "no older set was healthy there"
    well_with = draft.ledger.well_with.get(wave.name, {})
    for other in draft.settings.sets:
        present = draft.ledger.present(wave.name, other.name)
        if other.name != set_name and present and well_with.get(other.name) != present.content:
            return f"the set {other.name} changed there too since the wave was last healthy"
    return None
