"""What an action hands to its command by the environment: secrets, and what many commands share."""

from __future__ import annotations

from msgspec import Struct

from tidemill.words.variables import TOKENS


class Surrounding(Struct, frozen=True):
    """An input that the command finds in its environment: secrets, and what several commands share.

    Attributes:
        variable: where it is then.
        commands: those that have it.
    """

    name: str
    variable: str
    about: str
    commands: tuple[str, ...]
    default: str = ""


_TURNS = (
    "update-cfg-app", "reconcile-cfg-app", "loop", "record-deployment", "promote-wave",
    "rollback-wave", "hold-wave", "release-wave", "drop", "retry",
)  # fmt: skip
_BUILDS = ("build-reproducible-image", "compare", "record-image-artifact")
_ON_GIT = (*_TURNS, "accept-event", "check-cfg-app", "record-check", "status", "page")

SURROUNDINGS = (
    Surrounding(
        "token",
        "TIDEMILL_TOKEN",
        "the token for Git and for GitHub's API; the workflow's own by default",
        (*_ON_GIT, "announce-images"),
        "${{ github.token }}",
    ),
    Surrounding(
        "status-token",
        "TIDEMILL_STATUS_TOKEN",
        "the token that sets statuses, where it is to be another one; token by default",
        ("reconcile-cfg-app", "loop"),
    ),
    Surrounding(
        "artifact-token",
        "TIDEMILL_ARTIFACT_TOKEN",
        "a token that may read artifacts of app.git, for announcements too large for an event; "
        "token by default",
        ("accept-event", "update-cfg-app", "loop"),
    ),
    Surrounding(
        "signals",
        "TIDEMILL_SIGNALS",
        "where the receivers of signals are: lines of name=address, with the names of "
        "[[signals.receivers]]",
        _TURNS,
    ),
    Surrounding(
        "verification-tokens",
        TOKENS,
        "what the addresses of [[verifications]] want: a line each, with an address and what the "
        "header Authorization has to be there",
        _TURNS,
    ),
    Surrounding(
        "registry", "TIDEMILL_REGISTRY", "the registry that the next two inputs are for", _BUILDS
    ),
    Surrounding(
        "registry-username",
        "TIDEMILL_REGISTRY_USERNAME",
        "who logs in there; what docker login left by default, and on GitHub's own whoever started "
        "the workflow",
        _BUILDS,
    ),
    Surrounding(
        "registry-password",
        "TIDEMILL_REGISTRY_PASSWORD",
        "the password or token for it; where it is GitHub's own, the next input by default",
        _BUILDS,
    ),
    Surrounding(
        "workflow-token",
        "TIDEMILL_WORKFLOW_TOKEN",
        "the workflow's own token, for the registry of GitHub alone (ghcr.io)",
        _BUILDS,
        "${{ github.token }}",
    ),
)


def surroundings_of(name: str) -> tuple[Surrounding, ...]:
    """What the action of a command hands over by the environment."""
    return tuple(one for one in SURROUNDINGS if name in one.commands)
