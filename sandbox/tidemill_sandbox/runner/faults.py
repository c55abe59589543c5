"""Events that go wrong on purpose: dropped, doubled, delayed; by chance, from a seed."""

from __future__ import annotations

import random
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Fault:
    """What may happen to events; chances are between 0 and 1.

    Attributes:
        event: the name of the event, or `*`.
        action: its activity type; empty: all.
        seconds: how late a delayed one is.
    """

    event: str = "*"
    action: str = ""
    drop: float = 0.0
    double: float = 0.0
    delay: float = 0.0
    seconds: float = 5.0

    def fits(self, event: str, action: str | None) -> bool:
        """Whether it is about such an event."""
        return self.event in ("*", event) and self.action in ("", action)


class Faults:
    """The faults in force, and the chance that decides."""

    def __init__(self, faults: tuple[Fault, ...] = (), seed: int = 0) -> None:
        self._lock = threading.Lock()
        self._faults = faults
        self._chance = random.Random(seed)  # noqa: S311 - it has to come again, not to be secret

    def set(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Set all faults anew: {"seed": 1, "faults": [{"event": "push", "drop": 0.5}, ...]}."""
        faults = tuple(Fault(**one) for one in body.get("faults", ()))
        with self._lock:
            self._faults = faults
            self._chance = random.Random(body.get("seed", 0))  # noqa: S311 - as above
        return {"faults": len(faults)}

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
