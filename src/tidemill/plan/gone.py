"""What the settings no longer name, without `was` to say what became of it.

It is not forgotten: its holds stay, and a wave or set that appears in its place is held, till a
person says whether it is the same one under another name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tidemill.announcing.order import Order, order_of
from tidemill.facts.holds import Hold
from tidemill.facts.ledger import Ledger, SetLedger
from tidemill.facts.settings import ALL_SETS, Settings

Place = tuple[str, str]


def gone_holds(settings: Settings, holds: Mapping[Place, Hold]) -> list[Hold]:
    """The holds whose wave or set the settings do not name."""
    return [hold for place, hold in sorted(holds.items()) if not settings.names(*place)]


def is_known(ledger: Ledger, wave: str, set_name: str) -> bool:
    """Whether a wave and a set were there when the last turn looked, or have the past of what was.

    One that was gone, and is named again, may have another one's place now.
    """
    kinds = (ledger.wave_names, wave), (ledger.set_names, set_name)
    if all(one in names.known for names, one in kinds):
        return True
    has_past = set_name in ledger.sets.get(wave, {})
    return has_past and not any(
        names.known and one not in names.known and one not in names.was for names, one in kinds
    )


def in_place_of(
    settings: Settings,
    ledger: Ledger,
    holds: Mapping[Place, Hold],
    place: Place,
    content: str | None,
) -> Place | None:
    """The wave and set that are gone, and that one which appears may be under another name.

    It may if it has images of theirs; or, whatever it has, if something that was kept out of them
    could come into it: they are held, or the newest set of the other waves is one that failed,
    was rolled back or was evicted there.

    Args:
        place: a wave and set that were not there before.
        content: of what main has there, None if it has nothing.
    """
    gone = list(_gone(settings, ledger, place))
    for other, part in gone:
        if content is not None and any(landing.content == content for landing in part.landings):
            return other
    newest = max(
        (ledger.history(wave.name, place[1]).newest for wave in settings.waves), default=Order()
    )
    for (wave, set_name), part in gone:
        is_held = (wave, set_name) in holds or (wave, ALL_SETS) in holds
        if is_held or _worst(ledger, (wave, set_name), part) >= max(newest, Order(position=1)):
            return wave, set_name
    return None


def why_held(place: Place, other: Place) -> str:
    """Why a wave that appears is held, and what to do."""
    kind, now, then = ("wave", place[0], other[0])
    if place[0] == other[0]:
        kind, now, then = ("set", place[1], other[1])
    return (
        f"it may be {then}, which the settings no longer name: if it is, give the {kind} {now} "
        f'was = "{then}" in tidemill.toml; if not, release it'
    )


def _gone(settings: Settings, ledger: Ledger, place: Place) -> Iterator[tuple[Place, SetLedger]]:
    """What is gone from the same wave or from one that is gone, and likewise of the set."""
    wave, set_name = place
    for other, sets in ledger.sets.items():
        if other != wave and settings.wave(other) is not None:
            continue
        for name, part in sets.items():
            is_kin = name == set_name or settings.image_set(name) is None
            is_kin &= (other, name) != place
            if is_kin and part.landings:
                yield (other, name), part


def _worst(ledger: Ledger, place: Place, part: SetLedger) -> Order:
    """The newest of those that were bad in a wave; older than any if none was."""
    bad = [order_of(landing) for landing in part.landings if landing.is_bad]
    evicted = [one.operation for one in ledger.evictions if one.operation and not one.retried]
    return max(
        (*bad, *(order_of(one) for one in evicted if (one.wave, one.set) == place)),
        default=Order(),
    )
