"""Which obstacles need a person: the page shows them first, and signals go out for them."""

from __future__ import annotations

from tidemill.facts.verification import PASSING
from tidemill.plan.obstacles import (
    BrokenMain,
    EarlierAnnouncement,
    FailedVerification,
    FailingTargets,
    FailureThere,
    HoldInForce,
    HotfixThere,
    MissingApproval,
    MissingReview,
    MissingVerification,
    Obstacle,
    PastEnding,
    PastEviction,
    PastRollback,
    RedMain,
    ReplacedFailure,
    ServerRefusal,
    SetNotInFiles,
    StaleMain,
    UnknownAsker,
)


def needs_a_person(one: Obstacle) -> bool:
    """Whether somebody has to do something before this ends; what follows from another thing, that
    is named as well, does not count."""
    match one:
        case PastEnding(how=how):
            return how != "superseded"
        case HoldInForce(until=until):
            return until is None
        case HotfixThere(is_held=is_held):
            return is_held
        case MissingVerification(lost=lost):  # what passes by itself is asked again
            return bool(lost) and lost not in PASSING
        case (
            MissingApproval()
            | MissingReview()
            | UnknownAsker()
            | StaleMain()
            | FailureThere()
            | FailingTargets()
            | FailedVerification()
            | ReplacedFailure()
            | PastEviction()
            | PastRollback()
            | EarlierAnnouncement()
            | SetNotInFiles()
            | ServerRefusal()
            | RedMain()
            | BrokenMain()
        ):
            return True
        case _:
            return False
