"""Loop: turn, check what the turn asks for, and turn again, until nothing is due."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct

from tidemill.facts.state import State
from tidemill.turn.check import CommitVerdict
from tidemill.turn.outcome import LostTo
from tidemill.turn.turn import Turn


class Round(Struct, frozen=True):
    """A turn, and what the checks said that it asked for."""

    turn: Turn
    verdicts: tuple[CommitVerdict, ...] = ()


def rounds(
    take: Callable[[State | None, bool], Turn],
    choose: Callable[[Turn], Sequence[str]],
    check: Callable[[Sequence[str]], tuple[CommitVerdict, ...]],
    record: Callable[[Sequence[CommitVerdict]], State | None],
    has_time: Callable[[], bool],
) -> Iterator[Round]:
    """Do all rounds that are due; each is given out when its verdicts are written.

    Args:
        take: do a turn: from a state that was read just now, or from None; with True it claims the
            checks that it asks for.
        choose: of the commits whose check a turn asks for those that are to be judged here.
        check: judge commits.
        record: write verdicts where the next turn finds them; the state that was read for it.
        has_time: whether one more check may begin. Without, the last turn claims nothing, and its
            plan says whether something still wants a check.
    """
    state = None
    while True:
        is_claiming = has_time()
        done = take(state, is_claiming)
        chosen = choose(done) if is_claiming and not isinstance(done.outcome, LostTo) else ()
        if not chosen:
            yield Round(done)
            return
        verdicts = check(chosen)
        state = record(verdicts)
        yield Round(done, verdicts)
