"""`deployment_status`: how Argo CD's own `github` notifications report, without a contents token.

The environment says which target it is: `<wave>/<target>`. Other environments are other people's:
a deployment of GitHub Pages has the same event.
"""

from __future__ import annotations

import msgspec

from tidemill.asks.ask import Asked, Nothing, Run, options, read
from tidemill.words.names import is_name, shown

OUR_TASK = "tidemill"


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


def asked(payload: bytes) -> Asked:
    """What a `deployment_status` asks for."""
    remedy = "it is GitHub that sends this event: run this in the workflow that it starts"
    event = read(payload, _Event, "a deployment_status", remedy)
    deployment, status = event.deployment, event.deployment_status
    wave, slash, target = deployment.environment.partition("/")
    if not (slash and is_name(wave) and is_name(target)):
        return Nothing(
            f"the environment {shown(deployment.environment)} is no target's: "
            "these are named WAVE/TARGET"
        )
    if deployment.task == OUR_TASK and deployment.creator == status.creator:
        return Nothing("this deployment is Tidemill's own mirror of a record")
    match status.state:
        case "success":
            phase, health = "Succeeded", "Healthy"
        case "failure" | "error":
            phase, health = "Failed", "Degraded"
        case _:
            return Nothing(f"{wave}/{target} is {shown(status.state)}: that is not the end of it")
    return Run(
        "record-deployment",
        (
            *options(wave=wave, target=target, revision=deployment.sha),
            *options(phase=phase, health=health, finished_at=status.created_at),
            "--if-listed",
        ),
    )
