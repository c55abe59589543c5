"""`deployment_status`: how Argo CD's own `github` notifications report, without a contents token.

The environment says which target it is: `<wave>/<target>`. Other environments are other people's:
a deployment of GitHub Pages has the same event.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from tidemill.asks.ask import FROM_GITHUB, Nothing, ReportDeployment, read
from tidemill.facts.deployment_statuses import DeploymentStatus, is_mirror
from tidemill.facts.records import Health, Phase
from tidemill.words.moments import parse_time
from tidemill.words.names import is_name, shown

_FAILED: tuple[Phase, Health] = ("Failed", "Degraded")
_OUTCOMES: Mapping[str, tuple[Phase, Health]] = {
    "success": ("Succeeded", "Healthy"),
    "failure": _FAILED,
    "error": _FAILED,
}


class _Creator(msgspec.Struct):
    id: int | None = None


class _Deployment(msgspec.Struct):
    sha: str
    environment: str = ""
    task: str | None = None
    creator: _Creator | None = None


class _Status(msgspec.Struct):
    state: str
    created_at: str
    creator: _Creator | None = None


class _Event(msgspec.Struct):
    deployment: _Deployment
    deployment_status: _Status


def ask_of(payload: bytes) -> ReportDeployment | Nothing:
    """What a `deployment_status` asks for."""
    event = read(payload, _Event, "a deployment_status", FROM_GITHUB)
    deployment, status = event.deployment, event.deployment_status
    return report_of(
        DeploymentStatus(
            environment=deployment.environment,
            sha=deployment.sha,
            state=status.state,
            created_at=status.created_at,
            is_mirrored=is_mirror(deployment.task, deployment.creator, status.creator),
        )
    )


def report_of(status: DeploymentStatus) -> ReportDeployment | Nothing:
    """What a status reports of a target, whichever way it came; or why it is no report."""
    wave, slash, target = status.environment.partition("/")
    if not (slash and is_name(wave) and is_name(target)):
        return Nothing(
            f"the environment {shown(status.environment)} is no target's: "
            "these are named WAVE/TARGET"
        )
    if status.is_mirrored:
        return Nothing("this deployment is Tidemill's own mirror of a record")
    outcome = _OUTCOMES.get(status.state)
    if outcome is None:
        return Nothing(f"{wave}/{target} is {shown(status.state)}: that is not the end of it")
    return ReportDeployment(
        wave=wave,
        target=target,
        revisions=(status.sha,),
        phase=outcome[0],
        health=outcome[1],
        finished_at=parse_time(status.created_at, "created_at"),
        if_listed=True,
    )
