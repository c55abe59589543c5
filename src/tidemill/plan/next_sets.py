"""The next sets: what was announced is introduced, what is deployed and has soaked is promoted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import cache, partial
from typing import TypeAlias

from tidemill.announcing.order import Order, order_of
from tidemill.facts.ledger import Landing
from tidemill.facts.operation import Operation
from tidemill.facts.requests import AnnouncementRequest, Promotion
from tidemill.facts.settings import Wave
from tidemill.plan.admission import not_admitted
from tidemill.plan.announcements import is_newer
from tidemill.plan.draft import AutoStep, Draft
from tidemill.plan.due import obstacle, obstacles, spoilt
from tidemill.plan.obstacles import About, Obstacle, SetOnAuto
from tidemill.plan.regeneration import stale_main
from tidemill.plan.windows import closed, earliest

_Key: TypeAlias = tuple[Order, str | None]  # a set: its place in the history of app.git, its SHA


def advance(draft: Draft) -> None:
    """Put on auto, for each image set by itself, the next one that each wave may take.

    Reads the inbox, the ledger, the chain; writes the chain, and what waits for what.
    """
    for image_set in draft.settings.sets:
        for wave in draft.settings.waves:
            if not wave.sources:
                _introduce(draft, wave, image_set.name)
            _promote(draft, wave, image_set.name)  # into a first wave only what a person asks for


def _introduce(draft: Draft, wave: Wave, set_name: str) -> None:
    part = draft.ledger.history(wave.name, set_name)
    under_test = draft.on_auto(wave.name, set_name)
    above = max((order_of(operation) for operation in under_test), default=Order())
    waiting = [
        (request_id, announced)
        for request_id, announced in draft.inbox.announcements(set_name).items()
        if is_newer(part, announced)
        and announced.order > above
        and not draft.ledger.evicted_from(wave.name, set_name, request_id)
    ]
    if not waiting:
        _catch_up(draft, wave, set_name, above)
        return
    stops = [*closed(draft, wave, set_name), *stale_main(draft, wave)]
    if in_flight := not_admitted(draft, wave, set_name):
        stops.append(in_flight)
    if stops:
        when = earliest(draft.settings, wave, stops, draft.now)
        for request_id, announced in waiting:
            about = About(
                at="for", app_sha=announced.announcement.sha, set=set_name, wave=wave.name
            )
            mine = [one.for_what_came(announced.accepted_at) for one in stops]
            draft.wait(about, *mine, request=request_id, earliest=when)
        return
    next_ones = {_next_announced(draft, wave, set_name, waiting)[0]}
    if wave.admit == "at once":  # no event has to come before the newest is due, too
        next_ones.add(waiting[-1][0])
    for request_id, announced in waiting:
        if request_id in next_ones:
            operation = _introduction(wave, request_id, announced)
            if not _adopt(draft, operation):
                draft.chain.append(AutoStep(operation))


def _catch_up(draft: Draft, wave: Wave, set_name: str, above: Order) -> None:
    """Introduce what other waves have had, where the wave came first only after its announcement
    had ended: the newest that nothing speaks against."""
    newest = max(above, draft.ledger.history(wave.name, set_name).newest)
    found = {
        (order_of(one), one.app_sha): late_introduction(wave.name, set_name, other, one)
        for other, sets in draft.ledger.sets.items()
        if other != wave.name and set_name in sets and sets[set_name].newest > newest
        for one in sets[set_name].landings
        if one.is_known and not one.is_hotfix and order_of(one) > newest
    }
    newest_first = (found[key] for key in sorted(found, key=lambda key: key[0], reverse=True))
    for operation in newest_first:
        stops = list(obstacles(draft, operation))
        is_bad = spoilt(draft, set_name, order_of(operation), operation.app_sha) is not None
        if is_bad or any(one.is_over for one in stops):
            continue
        if in_flight := not_admitted(draft, wave, set_name):
            stops.append(in_flight)
        if stops:
            _say_why(draft, wave, operation, stops)
        elif not _adopt(draft, operation):
            draft.chain.append(AutoStep(operation))
        return


def late_introduction(wave: str, set_name: str, other: str, landing: Landing) -> Operation:
    """Of what another wave has had, with no announcement any more."""
    why = f"{other} has had it, and {wave} comes after no wave"
    return Operation.copying("introduce", wave, set_name, other, landing.point(), reason=why)


def _next_announced(
    draft: Draft, wave: Wave, set_name: str, waiting: list[tuple[str, AnnouncementRequest]]
) -> tuple[str, AnnouncementRequest]:
    """The newest; after an eviction the oldest; before a newer one what a sibling wave has due."""
    by_set = {(one.order, one.announcement.sha): (key, one) for key, one in waiting}
    for wanted in _join_lacks(draft, wave, set_name):
        if wanted in by_set:
            return by_set[wanted]
    return waiting[0] if draft.ledger.history(wave.name, set_name).oldest_next else waiting[-1]


def _introduction(wave: Wave, request_id: str, announced: AnnouncementRequest) -> Operation:
    announcement = announced.announcement
    return Operation(
        kind="introduce",
        wave=wave.name,
        set=announcement.set,
        app_sha=announcement.sha,
        **announced.order._asdict(),
        repository=announcement.repository,
        content=announced.content,
        request=request_id,
        at=announced.accepted_at,
        reason=announced.override or f"announced by {announcement.repository}",
        override=announced.override,
    )


def _adopt(draft: Draft, operation: Operation) -> bool:
    """Take what main has for the operation's set, if it has these very tags and digests.

    Then there is nothing to commit, but now one knows whose they are. Whether it was so.
    """
    part = draft.ledger.history(operation.wave, operation.set)
    present = part.present
    if present is None or present.content != operation.content:
        return False
    present.app_sha, present.repository = operation.app_sha, operation.repository
    present.is_hotfix = False
    order = max(order_of(present), order_of(operation))
    present.generation, present.rewrites, present.position = order
    part.raise_to(order)
    draft.ledger.forget_ending(operation.set, order, operation.app_sha)
    draft.note("unchanged", operation, reason="main has these tags and digests already")
    if operation.override:
        draft.note("overridden", operation, reason=operation.override)
    return True


def _promote(draft: Draft, wave: Wave, set_name: str) -> None:
    candidates = list(_candidates(draft, wave, set_name))
    by_set = {(order_of(one), one.app_sha): one for one in candidates}
    lacks = _join_lacks(draft, wave, set_name) if candidates else []
    first = [by_set[wanted] for wanted in lacks if wanted in by_set]
    stop_of = cache(partial(obstacle, draft))
    chosen = next((one for one in (*first, *candidates) if stop_of(one) is None), None)
    in_flight = not_admitted(draft, wave, set_name)
    for operation in _worth_explaining(draft, wave, candidates, stop_of):
        if stop_of(operation) is not None:
            _say_all(draft, wave, operation, in_flight)
    under_test = draft.on_auto(wave.name, set_name)
    if chosen is None:
        return
    newest = candidates[0]
    if newest is not chosen and stop_of(newest) is None and newest not in under_test:
        ahead = SetOnAuto(wave=wave.name, app_sha=chosen.app_sha)  # for the sake of a join
        _say_all(draft, wave, newest, in_flight or ahead)
    if newer := [one for one in under_test if order_of(one) >= order_of(chosen)]:
        if chosen.request and all(order_of(one) > order_of(chosen) for one in newer):
            _say_all(draft, wave, chosen, SetOnAuto(wave=wave.name, app_sha=newer[-1].app_sha))
        return
    if not chosen.override and in_flight is not None:
        _say_all(draft, wave, chosen, in_flight)
        return
    if _adopt(draft, chosen):
        return
    if chosen.override:
        draft.chain = [
            step
            for step in draft.chain
            if step.operation.kind in ("roll back", "hotfix")
            or not step.operation.is_same_set(chosen)
        ]
    draft.chain.append(AutoStep(chosen))


def _worth_explaining(
    draft: Draft,
    wave: Wave,
    candidates: list[Operation],
    stop_of: Callable[[Operation], Obstacle | None],
) -> list[Operation]:
    """The newest set, what a person asked for, and of those that have been deployed the next to go.

    That is the newest that waits for no time, as for an approval, and of those that are newer the
    one that time lets in first. What is kept out for good is neither.
    """
    by_time: list[tuple[datetime, Operation]] = []
    following: list[Operation] = []
    for one in candidates:
        if not _was_deployed(draft, wave, one):
            continue
        stop = stop_of(one)
        if stop is None or (stop.until is None and not stop.is_over):
            following.append(one)
            break
        if stop.until is not None:
            by_time.append((stop.until, one))
    following += [one for _, one in sorted(by_time, key=lambda each: each[0])[:1]]
    return [one for one in candidates if one.request or one is candidates[0] or one in following]


def _was_deployed(draft: Draft, wave: Wave, operation: Operation) -> bool:
    """Whether every wave before has had the set deployed, as far as it knows it."""
    return all(
        landing.is_set(order_of(operation), operation.app_sha) and landing.deployed_once
        for source in wave.sources
        for landing in [draft.ledger.last(source, operation.set, order_of(operation))]
        if landing is not None
    )


def _candidates(draft: Draft, wave: Wave, set_name: str) -> Iterator[Operation]:
    """The sets that could be promoted into a wave, the newest first: newer than all that the
    wave has had, or asked for by a person."""
    part = draft.ledger.history(wave.name, set_name)
    requests = draft.inbox.promotions(wave.name, set_name).items()
    asked: dict[_Key, tuple[str | None, Promotion | None]] = {  # of several, the last override
        (order_of(fact), fact.app_sha): (request_id, fact)
        for request_id, fact in sorted(requests, key=_weight)
    }
    landings: dict[_Key, tuple[str, Landing]] = {}
    own = (wave.name, *wave.sources)
    elsewhere = [other.name for other in draft.settings.waves if other.name not in own]
    for source in (*elsewhere, wave.name, *reversed(wave.sources)) if asked else wave.sources[::-1]:
        there = draft.ledger.history(source, set_name)
        is_ahead = source in wave.sources and there.newest > part.newest
        for landing in there.landings if asked or is_ahead else ():
            key = (order_of(landing), landing.app_sha)
            is_set = landing.is_known and not landing.is_hotfix
            if is_set and (key in asked or (is_ahead and key[0] > part.newest)):
                landings[key] = (source, landing)
    for key in sorted(landings, key=lambda one: one[0], reverse=True):
        source, landing = landings[key]
        yield _promotion(wave, set_name, source, landing, *asked.get(key, (None, None)))


def _weight(asked: tuple[str, Promotion]) -> tuple[bool, datetime]:
    """Which of several requests for a set counts: an override before others, then the latest."""
    _, fact = asked
    return bool(fact.override), fact.accepted_at


def _promotion(
    wave: Wave,
    set_name: str,
    source: str,
    landing: Landing,
    request_id: str | None,
    request: Promotion | None,
) -> Operation:
    override = request.override if request else None
    why = f"asked for by {request.by or 'a person'}" if request else f"deployed in {source}"
    return Operation.copying(
        "promote",
        wave.name,
        set_name,
        source,
        landing.point(),
        request=request_id,
        at=request.accepted_at if request else None,
        reason=override or why,
        override=override,
    )


def _join_lacks(draft: Draft, wave: Wave, set_name: str) -> list[_Key]:
    """The sets that a wave which comes after this one and others may lack only from this one.

    This wave takes the first of them that it can before any newer set, so that the join does not
    starve: what is due in a sibling, the newest first; then what is deployed there and still has
    to soak, for under a steady stream both waves would be past it by the time that it has.
    """
    own = draft.ledger.history(wave.name, set_name).newest
    found: dict[_Key, bool] = {}
    for follower in draft.settings.followers(wave.name):
        newest = max(own, draft.ledger.history(follower.name, set_name).newest)
        for sibling in (other for other in follower.sources if other != wave.name):
            for one in draft.ledger.history(sibling, set_name).landings:
                is_well = one.deployed_at is not None and not (one.buried or one.rolled_back)
                if is_well and one.is_known and not one.is_hotfix and order_of(one) > newest:
                    found[order_of(one), one.app_sha] = one.soaked(draft.now) >= follower.soak
    return sorted(found, key=lambda key: (found[key], key[0]), reverse=True)


def _say_all(draft: Draft, wave: Wave, operation: Operation, in_flight: Obstacle | None) -> None:
    stops = list(obstacles(draft, operation))
    if in_flight is not None and not any(stop.is_over for stop in stops):
        stops.append(in_flight)
    _say_why(draft, wave, operation, stops)


def _say_why(draft: Draft, wave: Wave, operation: Operation, stops: Sequence[Obstacle]) -> None:
    draft.wait(
        About.of(operation),
        *stops,
        since=operation.at,
        request=operation.request,
        earliest=earliest(draft.settings, wave, stops, draft.now),
    )
