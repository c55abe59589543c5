"""What follows from a failure in a wave: nothing, a rollback, or a hold (`on_failure`)."""

from __future__ import annotations

from tidemill.facts.holds import Hold, HoldCause, each_hold
from tidemill.facts.ledger import Landing, OpenRollback
from tidemill.facts.settings import Wave
from tidemill.facts.snapshot import TIDEMILL
from tidemill.plan.draft import Draft
from tidemill.plan.failure import has_very_set
from tidemill.plan.holds import hold_by_itself, hold_on, release_hold, stays_held
from tidemill.plan.rollback import begin_rollback, healthy_before
from tidemill.words.names import one_line
from tidemill.words.shas import short


def answer_failures(draft: Draft) -> None:
    """Answer each failure once, where the wave says `on_failure = "roll back"`.

    A hold that was the answer ends with the failure. Reads landings and records; writes holds,
    rollbacks, and which failures have their answer.
    """
    for hold in list(each_hold(draft.holds.values())):
        if hold.failure is not None and _is_over(draft, hold, hold.failure):
            release_hold(draft, hold, hold.failure.ending)
    for wave in draft.settings.waves:
        for image_set in draft.settings.sets:
            landing = draft.ledger.present(wave.name, image_set.name)
            is_new = landing is not None and landing.has_failed and not landing.held
            if landing is not None and is_new and wave.on_failure == "roll back":
                landing.held = True
                _answer(draft, wave, image_set.name, landing)


def _is_over(draft: Draft, hold: Hold, failure: HoldCause) -> bool:
    """Whether every target that failed is Healthy on the very set that failed.

    One that the settings no longer list is not: no change of them ends a hold.
    """
    wave = draft.settings.wave(hold.wave)
    landings = draft.ledger.history(hold.wave, hold.set).landings
    failed = [landing for landing in landings if landing.content == failure.content]
    if wave is None or not failed or any(one.has_failed for one in failed):
        return False
    asked = {one.name for one in draft.settings.verifications_of(hold.wave, hold.set)}
    if not asked.issuperset(failure.verifications):
        return False
    records = [draft.records.get((hold.wave, target)) for target in failure.targets]
    return set(failure.targets) <= set(wave.targets) and all(
        record is not None and record.is_healthy and has_very_set(record, hold.set, failed[-1])
        for record in records
    )


def _answer(draft: Draft, wave: Wave, set_name: str, landing: Landing) -> None:
    if stays_held(draft, wave.name, set_name):
        return
    where = one_line(f"{short(landing.app_sha)} failed on {landing.failures}")
    goal = healthy_before(draft.ledger.history(wave.name, set_name).landings)
    if reason := _why_not_back(draft, wave, set_name, landing, goal):
        why = f"{where}; not rolled back by itself: {reason}"
        failure = HoldCause(
            content=landing.content,
            targets=tuple(sorted(landing.failed)),
            verifications=tuple(sorted(landing.refuted)),
        )
        hold_by_itself(draft, wave.name, set_name, landing.commit, why, failure=failure)
    elif goal is not None:
        back = OpenRollback(
            wave=wave.name,
            set=set_name,
            leaves=landing.point(),
            to=goal.point(),
            reason=where,
            at=landing.failed_since or draft.now,
        )
        begin_rollback(draft, back, by=TIDEMILL)


def _why_not_back(
    draft: Draft, wave: Wave, set_name: str, landing: Landing, goal: Landing | None
) -> str | None:
    if hold_on(draft, wave.name, set_name) is not None:
        return "the wave is held"
    if landing.how == "roll back":
        return "it is a rollback itself"
    landings = draft.ledger.history(wave.name, set_name).landings
    same = [one for one in landings if one.content == landing.content]
    if landing.failed and any(one.deployed_once for one in same):
        return "it had been deployed there before"
    if any(one.verified_once for one in same):
        return "it had been verified there before"
    if goal is None:
        return "no older set was healthy there"
    well_with = draft.ledger.well_with.get(wave.name, {})
    for other in draft.settings.sets:
        present = draft.ledger.present(wave.name, other.name)
        if other.name != set_name and present and well_with.get(other.name) != present.content:
            return f"the set {other.name} changed there too since the wave was last healthy"
    return None
