"""Every order in which a few actors can meet keeps the rules; and an order that would not is found.

`python -m tests.simulation --small` lists the small worlds, with how many states each has.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from tests.simulation.explorer import Failed, SmallWorld, explore, kind_of
from tests.simulation.memory import Server
from tests.simulation.small_worlds import SMALL_WORLDS
from tidemill.clients.git.store import PushResult, Update
from tidemill.facts.refs import Refs

# What else a turn writes never goes without the journal, whose lease so stands for theirs.
OWN_LEASES = {"main", "auto", "journal", "checks", "inbox"}


@pytest.mark.parametrize("small", SMALL_WORLDS, ids=str)
def test_the_rules_hold_in_every_order(small: SmallWorld) -> None:
    found = explore(small)
    assert found.states > 50, "the actors hardly met"
    assert found.ends > 1, "who is first makes no difference"
    assert found.guarded.keys() <= OWN_LEASES, "the journal's lease does not stand for this one"


@pytest.mark.parametrize(
    ("kind", "world", "broken"),
    [
        ("main", "a green commit lands while people push to main", "rule 1: main goes"),
        ("auto", "a person pushes to auto while a set is put there", "rule 5:"),
        ("journal", "an announcement comes again while it is dropped", "rule 7:"),
        ("checks", "two runs of a check disagree", "rule 12:"),
        ("inbox", "an announcement comes with other images than before", "rule 2:"),
    ],
)
def test_a_lease_that_is_taken_too_late_is_found(
    kind: str, world: str, broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = Server.receive

    def receive(self: Server, by: str, seen: Refs, updates: Sequence[Update]) -> PushResult:
        if by.startswith("tidemill"):
            late = [
                replace(one, old=self.refs.get(one.ref)) if kind_of(one.ref) == kind else one
                for one in updates
            ]
            updates = [one for one in late if one.old != one.new]
        return sound(self, by, seen, updates)

    monkeypatch.setattr(Server, "receive", receive)
    small = next(one for one in SMALL_WORLDS if one.name == world)
    with pytest.raises(Failed) as failed:
        explore(small)
    assert str(failed.value.error).startswith(broken)
