"""From an ask and the state to the fact that is accepted; or why there is nothing to accept."""

from __future__ import annotations

from tidemill.asks import announcement, drop, hold, hotfix, promotion, report, retry, rollback
from tidemill.asks.approvers import in_whose_name, told_as_it_counts
from tidemill.asks.ask import (
    Announce,
    Ask,
    DropRequest,
    HoldWave,
    Nothing,
    PromoteWave,
    PutHotfix,
    ReleaseWave,
    ReportDeployment,
    RetrySet,
    RollBackWave,
)
from tidemill.asks.asker import Answer, Asker, Ended, Lookup
from tidemill.facts.state import State


def answer(ask: Ask, state: State, asker: Asker, look: Lookup) -> Answer:
    """What is accepted of an ask.

    Raises:
        Refused: it can't be carried out: what is meant does not exist, or is not allowed.
    """
    asker = told_as_it_counts(asker, state)
    found = _answer(ask, state, asker, look)
    return found if isinstance(found, Nothing | Ended) else in_whose_name(ask, found, state, asker)


def _answer(ask: Ask, state: State, asker: Asker, look: Lookup) -> Answer:
    match ask:
        case Announce():
            return announcement.answer(ask, state, asker, look)
        case ReportDeployment():
            return report.answer(ask, state, asker.now, look)
        case PromoteWave():
            return promotion.answer(ask, state, asker)
        case PutHotfix():
            return hotfix.answer(ask, state, asker, look)
        case RollBackWave():
            return rollback.answer(ask, state, asker)
        case HoldWave() | ReleaseWave():
            return hold.answer(ask, state, asker)
        case DropRequest():
            return drop.answer(ask, state, asker)
        case RetrySet():
            return retry.answer(ask, state, asker, look)
