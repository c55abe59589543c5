"""What Flux sends, read as a report of a deployment.

Flux's provider `githubdispatch` chooses both parts itself: the event's type is
`KIND/NAME.NAMESPACE`, its payload the event of Flux's own API (event.toolkit.fluxcd.io/v1beta1).
What Tidemill needs beyond that is in the event's metadata: from annotations of the object or from
the alert (integrations/flux/README.md).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeAlias

KIND = "Kustomization"
WAVE, TARGET = "tidemill-wave", "tidemill-target"
# The first that is there: of manifests that came through a registry, `revision` is a digest.
_REVISIONS = ("commit", "originRevision", "revision")
# "main@sha1:<SHA>", "sha1:<SHA>", and before Flux 2.0 "main/<SHA>".
_SHA = re.compile(r"(?:.*[/:])?([0-9a-f]{40})", re.DOTALL)
# No field tells this event from one that lists what was applied: both have the severity, the reason
# (that of the object's Ready condition, which is still Progressing) and the metadata of the other.
_PASSED = "Health check passed"
# They say nothing of the commit: it could not be fetched, or was not tried.
_NOT_TRIED = ("ArtifactFailed", "DependencyNotReady")

_State: TypeAlias = tuple[str, str]


def deployment(event_type: str, payload: Mapping[str, Any]) -> dict[str, Any] | None:
    """The report of a deployment in an event of Flux's, in the form of `target-deployed`.

    Args:
        event_type: as the event was sent with: `Kustomization/NAME.NAMESPACE`.
        payload: the `client_payload`: an event of event.toolkit.fluxcd.io/v1beta1.

    Returns:
        `version`, `wave`, `target`, `revision`, `phase`, `health` and `finished_at`, unchecked; or
        None: it is not Flux's, is of no target's, or says neither that it works nor that it failed.
    """
    about, metadata = payload.get("involvedObject"), payload.get("metadata")
    if not isinstance(about, Mapping) or not isinstance(metadata, Mapping):
        return None
    if about.get("kind") != KIND or not event_type.startswith(f"{KIND}/"):
        return None
    state = _state(payload)
    if WAVE not in metadata or state is None:
        return None
    phase, health = state
    return {
        "version": 1,
        "wave": metadata[WAVE],
        "target": metadata.get(TARGET) or about.get("name"),
        "revision": _revision(metadata),
        "phase": phase,
        "health": health,
        "finished_at": payload.get("timestamp"),
    }


def _state(payload: Mapping[str, Any]) -> _State | None:
    """Phase and health.

    Of the good news only the passed health check comes here: Flux keeps "Reconciliation finished"
    for statuses of commits.
    """
    reason, message = payload.get("reason"), payload.get("message")
    match payload.get("severity"):
        case "error" if reason == "HealthCheckFailed":
            return "Succeeded", "Degraded"
        case "error" if reason not in _NOT_TRIED:
            return "Failed", "Unknown"
        case "info" if isinstance(message, str) and message.startswith(_PASSED):
            return "Succeeded", "Healthy"
        case _:
            return None


def _revision(metadata: Mapping[str, Any]) -> Any:
    """The full SHA; where there is none, what stands there, so that the refusal can name it."""
    said = next((metadata[key] for key in _REVISIONS if metadata.get(key)), None)
    found = _SHA.fullmatch(said) if isinstance(said, str) else None
    return found[1] if found else said
