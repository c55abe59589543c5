"""Which rounds there are: each turn that asks for checks is followed by another one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tidemill.facts.state import State
from tidemill.turn.check import CommitVerdict
from tidemill.turn.loop import Round, rounds
from tidemill.turn.outcome import LostTo, NothingDue, TurnOutcome, Wrote
from tidemill.turn.turn import Turn

ONE, OTHER = "1" * 40, "2" * 40
READ = cast(State, object())


@dataclass
class Repository:
    """What turns ask for, one after the other; what was done is noted.

    Attributes:
        time: for how many turns there is time.
    """

    asked: list[tuple[tuple[str, ...], TurnOutcome]]
    time: int = 100
    noted: list[Any] = field(default_factory=list)

    def take(self, state: State | None, is_claiming: bool) -> Turn:
        self.noted.append(("turn", "read" if state is READ else None, is_claiming))
        to_check, outcome = self.asked.pop(0)
        return cast(Turn, SimpleNamespace(plan=SimpleNamespace(to_check=to_check), outcome=outcome))

    def check(self, shas: Sequence[str]) -> tuple[CommitVerdict, ...]:
        self.noted.append(("check", *shas))
        return tuple(CommitVerdict(sha, "success", "") for sha in shas)

    def record(self, verdicts: Sequence[CommitVerdict]) -> State | None:
        self.noted.append(("record", *(one.sha for one in verdicts)))
        return READ

    def has_time(self) -> bool:
        self.time -= 1
        return self.time >= 0

    def loop(self) -> list[Round]:
        return list(
            rounds(
                self.take, lambda done: done.plan.to_check, self.check, self.record, self.has_time
            )
        )


def test_turn_that_asks_for_nothing_is_the_only_one() -> None:
    repository = Repository([((), NothingDue())])
    assert [one.verdicts for one in repository.loop()] == [()]
    assert repository.noted == [("turn", None, True)]


def test_each_turn_that_asks_for_checks_is_followed_by_one_on_what_was_read_for_them() -> None:
    repository = Repository([((ONE, OTHER), Wrote()), ((ONE,), NothingDue()), ((), Wrote())])
    done = repository.loop()
    assert [[verdict.sha for verdict in one.verdicts] for one in done] == [[ONE, OTHER], [ONE], []]
    assert repository.noted == [
        ("turn", None, True),
        ("check", ONE, OTHER),
        ("record", ONE, OTHER),
        ("turn", "read", True),
        ("check", ONE),
        ("record", ONE),
        ("turn", "read", True),
    ]


def test_turn_that_was_lost_to_others_leaves_the_checks_to_them() -> None:
    repository = Repository([((ONE,), LostTo("refs/heads/auto"))])
    repository.loop()
    assert repository.noted == [("turn", None, True)]


@pytest.mark.parametrize("turns", [0, 1])
def test_when_time_is_over_the_last_turn_claims_nothing(turns: int) -> None:
    repository = Repository([((ONE,), Wrote())] * 3, time=turns)
    done = repository.loop()
    assert len(done) == turns + 1
    assert done[-1].verdicts == ()
    assert repository.noted[-1] == ("turn", "read" if turns else None, False)
