"""Which of two sets is the newer: by generation, then by rewrites, then by position."""

from __future__ import annotations

from operator import attrgetter
from typing import Annotated, Any, NamedTuple, Protocol, TypeAlias

import msgspec

from tidemill.errors import Refused

MAX_GENERATION = 2**31 - 1
Generation: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=MAX_GENERATION)]
Rewrites: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=MAX_GENERATION)]


class Order(NamedTuple):
    """Where a set is in the history of its app.git; the greater is the newer.

    Attributes:
        generation: one more each time that app.git is rewritten or moves; app.git's settings say.
        rewrites: how often a person's override has let positions of this generation go back.
        position: how many commits lead to the set's commit; 0 where that is not known.
    """

    generation: int = 1
    rewrites: int = 0
    position: int = 0


class HasOrder(Protocol):
    """What says where a set is in the history of its app.git."""

    @property
    def generation(self) -> int: ...
    @property
    def rewrites(self) -> int: ...
    @property
    def position(self) -> int: ...


def order_of(one: HasOrder) -> Order:
    """Where a set is in the history of its app.git."""
    return Order(one.generation, one.rewrites, one.position)


# The same as a plain tuple: quicker, where many are compared with each other.
age = attrgetter("generation", "rewrites", "position")


def as_before(value: object) -> Any:
    """A value as plain JSON, as releases without generations wrote it, where it is of the first:
    what is called by a digest of its bytes keeps its name, and who reads it can."""
    return _without_usual(msgspec.to_builtins(value))


def _without_usual(plain: Any) -> Any:
    if not isinstance(plain, dict):
        return plain
    usual = {"generation": 1, "rewrites": 0}
    kept = {key: one for key, one in plain.items() if usual.get(key, ...) != one}
    return {key: _without_usual(one) for key, one in kept.items()}


def checked_generation(generation: int) -> int:
    """Return `generation` if it may be one; else raise `Refused`."""
    if not 1 <= generation <= MAX_GENERATION:
        raise Refused(
            f"the generation {generation} is not between 1 and 2^31 - 1",
            remedy="take generation of [[sets]] in cfg-app.git's tidemill.toml, or one more",
        )
    return generation
