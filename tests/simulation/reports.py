"""GitHub in memory: of each check only what was reported last can be read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from tests.simulation.facts import runs
from tests.simulation.forms import environment_called
from tests.simulation.memory import Client
from tidemill.errors import Unreachable
from tidemill.facts.github_checks import CommitStatus, Reports, RequiredCheck
from tidemill.facts.vouchers import Environment, Review, RunVoucher

_STATES = {"cancelled": "error"}


class LatestReports:
    """What a client can read: `record-check` keeps all reports, and this shows the last ones.

    It shows them as they were when the client listed the refs, by which the rules judge it.
    """

    def __init__(self, client: Client) -> None:
        self.client = client

    def required(self, _: str) -> tuple[RequiredCheck, ...]:
        return (RequiredCheck("check"),)

    def reports(self, sha: str, _: Sequence[RequiredCheck]) -> Reports:
        if self.client.server.is_mute:
            raise Unreachable("GitHub does not answer", remedy="run it again")
        latest = {}
        for number, run in enumerate(runs(self.client.server, self.client.seen.shas, sha)):
            at = datetime.fromisoformat(run["at"])
            state = _STATES.get(run["state"], run["state"])
            latest[run["context"]] = CommitStatus(number, run["context"], state, at)
        return Reports(tuple(latest.values()))

    def run(self, run_id: int, attempt: int) -> RunVoucher | None:
        run = self.client.server.runs.get(run_id)
        return run.voucher(attempt) if run else None

    def reviews(self, run_id: int) -> tuple[Review, ...]:
        return tuple(self.client.server.runs[run_id].reviews)

    def environment(self, name: str) -> Environment | None:
        return environment_called(name)
