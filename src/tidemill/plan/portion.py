"""Portion: of what has come, as much as one turn can end.

Git takes the names of what a push changes, and of what it has to be, as arguments. A machine
bounds these, and Git compares each with each. So a turn ends so much, and then goes on.
"""

from __future__ import annotations

from tidemill.facts.records import Deployment
from tidemill.facts.snapshot import Snapshot
from tidemill.plan.plan import Plan

MOST_ENDED = 1000


def surplus(snapshot: Snapshot, decided: Plan) -> frozenset[str]:
    """What of the inbox a plan would end, and is too much for one turn; none if it is not.

    What people ask for comes first, so that a hold that is known holds; then what can't be read;
    then reports, as they are filed.
    """
    ended = [one for one in decided.ended if one in snapshot.inbox]
    reports = [one for one in ended if isinstance(snapshot.inbox[one], Deployment)]
    asked = [one for one in ended if not isinstance(snapshot.inbox[one], Deployment)]
    ends = [*asked, *(one.id for one in decided.aside), *reports]
    return frozenset(ends[MOST_ENDED:])
