"""How GitHub says that a deployment went: the same, whether an event brings it or it is read."""

from __future__ import annotations

from msgspec import Struct


class DeploymentStatus(Struct, frozen=True):
    """One status of one deployment.

    Attributes:
        environment: where it went; of a target this is `WAVE/TARGET`.
        sha: the commit that was deployed.
        state: as webhooks have it, in small letters.
        created_at: when GitHub got the status, ISO 8601.
        is_mirrored: whether it is our own mirror of a record.
    """

    environment: str
    sha: str
    state: str
    created_at: str
    is_mirrored: bool = False


def is_mirror(task: str | None, deployed_by: object, set_by: object) -> bool:
    """Whether a deployment is our own mirror of a record; other accounts' statuses of it are not.

    Args:
        deployed_by: the account that made the deployment, `set_by`: the one that set the status.
    """
    return task == MIRROR and deployed_by == set_by


MIRROR = "tidemill"  # the task of our own deployments
