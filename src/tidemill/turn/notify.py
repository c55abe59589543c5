"""What a turn tells GitHub after it: what needs a check, that a turn is due, what was deployed."""

from __future__ import annotations

from msgspec import Struct

from tidemill.clients.github.api import DeploymentState, GitHub, NewDeployment
from tidemill.errors import TidemillError
from tidemill.facts.records import Deployment
from tidemill.turn.outcome import LeftToNextRun, Wrote
from tidemill.turn.turn import Turn

CHECK_REQUESTED, TURN_DUE = "check-requested", "turn-due"


class Notices(Struct, frozen=True):
    """Which of it is wanted."""

    check_requests: bool = False
    go_on: bool = False
    deployments: bool = False

    def __bool__(self) -> bool:
        return self.check_requests or self.go_on or self.deployments


def tell_github(turn: Turn, wanted: Notices, github: GitHub, run_url: str | None) -> None:
    """Tell it, where there is something to tell.

    Raises:
        TidemillError: GitHub did not take it; what the turn wrote stays.
    """
    wrote = isinstance(turn.outcome, Wrote)
    try:
        if wanted.check_requests and wrote and turn.plan.to_check:
            github.dispatch(CHECK_REQUESTED, {"version": 1, "shas": list(turn.plan.to_check)})
        if wanted.go_on and (turn.plan.more or isinstance(turn.outcome, LeftToNextRun)):
            github.dispatch(TURN_DUE, {"version": 1})
        # Where clusters are polled, their own deployments are on that page.
        if wanted.deployments and wrote and not turn.snapshot.settings.deployments.is_polled:
            for record in turn.plan.filed:
                github.deploy(_mirrored(record, run_url))
    except TidemillError as error:
        if wrote:
            error.written = "all that the turn did; what it asked for is asked for again in time"
        raise


def _mirrored(record: Deployment, run_url: str | None) -> NewDeployment:
    state: DeploymentState = "in_progress"
    if record.is_failing:
        state = "failure"
    elif record.is_healthy:
        state = "success"
    return NewDeployment(
        sha=record.revision,
        environment=f"{record.wave}/{record.target}",
        state=state,
        description=f"{record.phase}, {record.health}",
        log_url=run_url,
    )
