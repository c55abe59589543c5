"""Verification: what is asked about the set that a wave has, and what follows from the answers.

It is asked at each turn from when the set is deployed, for as long as the verification says, and
for as long as a wave that follows may still take the set. What is decided from an answer is in the
ledger, so that the next turn needs no answer to know it, and nothing is written of an answer that
changes nothing.

- Red is a failure of the set that the wave has: as where a target fails, it is not deployed any
  more, and for the sets before it soak stands still. Green ends that; then all targets count anew.
- A lost answer is no failure, and ends none. It is named, and asked for again.
- A set is promoted only once each verification was green after it had soaked.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta

from msgspec.structs import replace

from tidemill.announcing.order import order_of
from tidemill.facts.ledger import Landing, SetLedger
from tidemill.facts.settings import Wave
from tidemill.facts.verification import (
    Answer,
    Green,
    Lost,
    NotAsked,
    Question,
    Red,
    Standing,
    Verification,
)
from tidemill.plan.deployment import refresh
from tidemill.plan.draft import Draft
from tidemill.plan.failure import count_anew, has_very_set
from tidemill.plan.obstacles import MissingVerification, Obstacle
from tidemill.plan.silent_targets import counted


def verify(draft: Draft) -> None:
    """Take in the answers that are known, and note what has to be asked for the others.

    Reads what is deployed and the answers; writes what landings are refuted and verified, and the
    questions.
    """
    places = [
        (wave, name)
        for wave in draft.settings.waves
        for name in draft.ledger.sets.get(wave.name, {})
        if draft.settings.image_set(name) is not None
    ]
    while sum(_verify(draft, *place) for place in places):  # the same answers end changing anything
        refresh(draft)


def unverified(
    draft: Draft, source: Wave, wave: Wave, set_name: str, landing: Landing
) -> Obstacle | None:
    """Whether a set that has soaked in `source` for `wave` still has to be verified there."""
    asked = draft.settings.verifications_of(source.name, set_name)
    names = [one.name for one in asked if landing.verified.get(one.name, _NEVER) < wave.soak]
    return _missing(draft, source.name, set_name, names) if names else None


def lost_answers(draft: Draft, wave: str, set_name: str) -> Obstacle | None:
    """Whether the last answers about what a wave has were lost."""
    answers = draft.ledger.history(wave, set_name).answers
    names = [name for name, one in answers.items() if one.lost]
    return _missing(draft, wave, set_name, names) if names else None


_NEVER = timedelta(-1)


def _missing(draft: Draft, wave: str, set_name: str, names: Collection[str]) -> Obstacle:
    answers = draft.ledger.history(wave, set_name).answers
    lost = next((answers[name] for name in names if name in answers and answers[name].lost), None)
    return MissingVerification(
        wave=wave,
        names=tuple(sorted(names)),
        lost=lost.kind if lost else "",
        why=lost.why if lost else "",
        since=lost.lost if lost else None,
    )


def _verify(draft: Draft, wave: Wave, set_name: str) -> bool:
    """Whether anything followed for what is deployed."""
    part = draft.ledger.history(wave.name, set_name)
    asked = draft.settings.verifications_of(wave.name, set_name)
    is_changed = _forget(draft, part, {one.name for one in asked})
    landing = part.present
    if landing is None or not landing.content:  # a person has taken it out: there is nothing to ask
        return is_changed
    due = [one for one in asked if _is_due(draft, wave, set_name, one, landing)]
    questions = [_question(draft, wave, set_name, one, landing) for one in due]
    answers = {one: draft.snapshot.answers.get(one) for one in questions}
    draft.to_ask |= {one: None for one, answer in answers.items() if answer is None}
    known = {
        one.verification.name: answer
        for one, answer in answers.items()
        if answer is not None and not isinstance(answer, NotAsked)
    }
    if not known:
        return is_changed
    _tell(draft, wave, set_name, landing, known)
    is_changed |= _judge(draft, part, landing, known)
    if not any(one.red for one in part.answers.values()):
        _mark(draft, wave, set_name, asked, {name for name in known if name not in part.answers})
    return is_changed


def _forget(draft: Draft, part: SetLedger, names: set[str]) -> bool:
    """What the settings do not ask any more, nobody has to answer for."""
    if not part.answers.keys() <= names:
        part.answers = {name: one for name, one in part.answers.items() if name in names}
    is_changed = False
    for landing in part.landings:
        if not (landing.verified or landing.refuted):
            continue
        if not landing.verified.keys() <= names:
            landing.verified = {key: one for key, one in landing.verified.items() if key in names}
        if not landing.refuted.keys() <= names:
            is_changed = True
            _refute(
                draft, landing, {key: one for key, one in landing.refuted.items() if key in names}
            )
    return is_changed


def _is_due(draft: Draft, wave: Wave, set_name: str, one: Verification, landing: Landing) -> bool:
    """Whether a question is to be asked now about the set that a wave has."""
    if landing.refuted:
        return True
    if landing.deployed_at is None:
        return False
    verified = landing.verified.get(one.name, _NEVER)
    is_known = one.name not in draft.ledger.history(wave.name, set_name).answers
    if not is_known or verified < one.span:
        return True
    goes_on = [
        order_of(known)
        for known in draft.ledger.history(wave.name, set_name).landings
        if known.deployed_at and known.is_known and not (known.is_hotfix or known.is_bad)
    ]
    return any(
        order > draft.ledger.history(other.name, set_name).newest
        for other in draft.settings.followers(wave.name)
        for order in goes_on
    )


def _question(
    draft: Draft, wave: Wave, set_name: str, one: Verification, landing: Landing
) -> Question:
    records = (draft.records.get((wave.name, target)) for target in counted(draft, wave))
    revisions = {
        record.revision for record in records if record and has_very_set(record, set_name, landing)
    }
    return Question(
        verification=one,
        wave=wave.name,
        set=set_name,
        commit=landing.commit,
        app_sha=landing.app_sha,
        since=landing.landed_at,
        revisions=tuple(sorted(revisions)) or (landing.commit,),
    )


def _tell(
    draft: Draft, wave: Wave, set_name: str, landing: Landing, known: Mapping[str, Answer]
) -> None:
    """Write into the journal what is new."""
    before = draft.ledger.history(wave.name, set_name).answers
    for name, answer in known.items():
        was = before.get(name, Standing())
        match answer:
            case Red(said) if not was.red:
                what, reason = "refuted", f"the verification {name} is red: {said}"
            case Lost(kind, why) if was.kind != kind:
                what, reason = "answer lost", f"the verification {name}: {kind}: {why}"
            case Green(said) if name in before:
                what, reason = "verified", f"the verification {name} is green: {said}"
            case _:
                continue
        draft.note_set(what, wave.name, set_name, landing, reason.removesuffix(": "))


def _judge(draft: Draft, part: SetLedger, landing: Landing, known: Mapping[str, Answer]) -> bool:
    """Let follow what red and green say of the set that a wave has, and keep what is not green."""
    answers, refuted = dict(part.answers), dict(landing.refuted)
    for name, answer in known.items():
        was = answers.get(name, Standing())
        match answer:
            case Green():
                answers.pop(name, None)
                refuted.pop(name, None)
            case Red(said):
                answers[name] = Standing(
                    red=was.red or draft.now, said=was.said if was.red else said
                )
                refuted.setdefault(name, draft.now)
            case Lost(kind, why) if was.kind != kind:
                lost = was.lost or draft.now
                answers[name] = replace(was, lost=lost, kind=kind, why=why)
            case _:
                pass
    if is_changed := (answers != part.answers or refuted != landing.refuted):
        part.answers = answers
        _refute(draft, landing, refuted)
    return is_changed


def _refute(draft: Draft, landing: Landing, refuted: Mapping[str, object]) -> None:
    """A set has failed by these verifications, or by none any more."""
    had_failed = bool(landing.refuted)
    landing.refuted = refuted  # type: ignore[assignment]
    if refuted:
        landing.end_deployment()
    elif had_failed:
        count_anew(landing, draft.now)


def _mark(
    draft: Draft,
    wave: Wave,
    set_name: str,
    asked: Collection[Verification],
    green: Collection[str],
) -> None:
    """Note for how long sets had soaked when they were found well, where that decides anything: of
    the set that the wave has, and of those before it, which soak as long as the wave is well."""
    soaks = {follower.soak for follower in draft.settings.followers(wave.name)}
    for landing in draft.ledger.history(wave.name, set_name).landings:
        if landing.deployed_at is None or landing.healthy_since is None or landing.is_bad:
            continue
        soaked = landing.soaked(draft.now)
        for one in asked:
            reached = max((span for span in {*soaks, one.span} if span <= soaked), default=_NEVER)
            if one.name in green and landing.verified.get(one.name, _NEVER) < reached:
                landing.verified = {**landing.verified, one.name: timedelta(0) + reached}
        longest = max((*soaks, *(one.span for one in asked)), default=_NEVER)
        is_done = all(landing.verified.get(one.name, _NEVER) >= longest for one in asked)
        if is_done and not landing.verified_once:
            landing.verified_once = True
            draft.note_set("verified", wave.name, set_name, landing, "its verifications are green")
