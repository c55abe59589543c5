"""Polling: which of the deployment statuses that were read are reports that nobody has yet.

What comes of it is the same as if each status had come as an event, under the same ids: so a report
that comes both ways is one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from tidemill.asks import report
from tidemill.asks.ask import Nothing, ReportDeployment
from tidemill.asks.asker import Lookup
from tidemill.asks.deployment_status import report_of
from tidemill.errors import Refused
from tidemill.facts.deployment_statuses import DeploymentStatus
from tidemill.facts.records import Deployment
from tidemill.facts.state import State

MOST_REPORTS = 5  # of each target, so that a short failure between two turns is seen


class Polled(Struct, frozen=True):
    """What was found.

    Attributes:
        records: by id; each is newer than the latest record of its target.
        unusable: why the newest status of a target is no report, in words.
    """

    records: Mapping[str, Deployment]
    unusable: tuple[str, ...] = ()


def polled(
    statuses: Mapping[str, Sequence[DeploymentStatus]], state: State, now: datetime, look: Lookup
) -> Polled:
    """The records that statuses become.

    Args:
        statuses: of each environment, in any order; of several that GitHub got in the same second
            the first one counts.
    """
    records: dict[str, Deployment] = {}
    unusable: list[str] = []
    for environment, found in statuses.items():
        for number, ask in enumerate(_newest(found)):
            if _is_known(ask, state):
                break
            try:
                record = report.answer(ask, state, now, look)
            except Refused as error:
                if number == 0:
                    unusable.append(f"the deployment status of {environment}: {error.what}")
                continue
            if isinstance(record, Deployment) and _is_news(record, state):
                records[record.id] = record
    return Polled(records, tuple(unusable))


def _newest(statuses: Iterable[DeploymentStatus]) -> list[ReportDeployment]:
    """The newest reports, the newest one first."""
    found: dict[datetime, ReportDeployment] = {}
    for status in statuses:
        ask = report_of(status)
        if not isinstance(ask, Nothing):
            found.setdefault(ask.finished_at, ask)
    return [found[when] for when in sorted(found, reverse=True)][:MOST_REPORTS]


def _is_known(ask: ReportDeployment, state: State) -> bool:
    """Whether the target has said this, or something later, and so all that came before it."""
    latest = state.deployed.get((ask.wave, ask.target))
    return latest is not None and ask.finished_at <= latest.finished


def _is_news(record: Deployment, state: State) -> bool:
    """The same where the wave of the status has another name today; and it does not wait yet."""
    latest = state.deployed.get((record.wave, record.target))
    is_later = latest is None or record.finished > latest.finished
    return is_later and record.id not in state.inbox
