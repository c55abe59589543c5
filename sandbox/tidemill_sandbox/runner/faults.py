"""Events that go wrong on purpose: dropped, doubled, delayed; by chance, from a seed."""

from __future__ import annotations

import random
import threading
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

Chance = Annotated[float, msgspec.Meta(ge=0, le=1)]


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What may happen to events.

    Attributes:
        event: the name of the event, or `*`.
        action: its activity type; empty: all.
        seconds: how late a delayed one is.
    """

    event: str = "*"
    action: str = ""
    drop: Chance = 0.0
    double: Chance = 0.0
    delay: Chance = 0.0
    seconds: Annotated[float, msgspec.Meta(ge=0)] = 5.0

    def fits(self, event: str, action: str | None) -> bool:
        """Whether it is about such an event."""
        return self.event in ("*", event) and self.action in ("", action)


class FaultsAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All faults that there are to be; the first that fits an event counts."""

    faults: tuple[Fault, ...] = ()
    seed: int = 0


def asked(body: Mapping[str, Any]) -> FaultsAsked:
    """What JSON asks for: {"seed": 1, "faults": [{"event": "push", "drop": 0.5}, ...]}.

    Raises:
        ValueError: it is something else; the message says what and where.
    """
    try:
        return msgspec.convert(body, FaultsAsked)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None


class Faults:
    """The faults in force, and the chance that decides."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.set({})

    def set(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Set all faults anew, as `asked` reads them; what it refuses changes nothing."""
        found = asked(body)
        with self._lock:
            self._faults = found.faults
            # It has to come again, not to be secret.
            self._chance = random.Random(found.seed)  # noqa: S311
        return {"faults": len(found.faults)}

    def deliveries(self, event: str, action: str | None) -> list[float]:
        """When an event arrives, in seconds from now: once, twice, or not at all."""
        with self._lock:
            for fault in self._faults:
                if fault.fits(event, action):
                    if self._chance.random() < fault.drop:
                        return []
                    late = fault.seconds if self._chance.random() < fault.delay else 0.0
                    return [late] * (2 if self._chance.random() < fault.double else 1)
        return [0.0]
