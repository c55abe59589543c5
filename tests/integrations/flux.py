"""Flux's events as GitHub gets them: by Flux's own type (tests/integrations/engines/flux)."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from typing import Any

from tests.components.absence import Missing, absent
from tests.components.parts import INTEGRATIONS
from tests.integrations.applications import FIRST

EVENTS, KUSTOMIZE = "event.toolkit.fluxcd.io", "kustomize.toolkit.fluxcd.io"
PASSED = "Health check passed in 5.01s"
OF_THE_ALERT = {"tidemill-wave": "staging"}


def emitted(**changes: Any) -> dict[str, Any]:
    """What kustomize-controller emits, with some fields changed."""
    event = {
        "involvedObject": {
            "apiVersion": f"{KUSTOMIZE}/v1",
            "kind": "Kustomization",
            "name": "staging-eu",
            "namespace": "flux-system",
            "uid": "7d0cdc51-ddcf-4743-b223-83ca5c699632",
            "resourceVersion": "1234",
        },
        "severity": "info",
        "timestamp": "2026-01-05T10:00:00Z",
        "message": PASSED,
        "reason": "Progressing",
        "metadata": {f"{KUSTOMIZE}/revision": f"main@sha1:{FIRST}"},
        "reportingController": "kustomize-controller",
        "reportingInstance": "kustomize-controller-5bbbc5d4f7-x2vtq",
    }
    return event | changes


def posted(
    event: Mapping[str, Any], of_the_alert: Mapping[str, str] = OF_THE_ALERT
) -> tuple[str, dict[str, Any]] | None:
    """Type and payload of the dispatch that comes of an event; None: Flux keeps it."""
    try:
        program = INTEGRATIONS.ready() / "flux"
    except Missing as missing:
        absent(missing)
    line = json.dumps({"event": event, "eventMetadata": of_the_alert})
    done = subprocess.run([program], input=line + "\n", capture_output=True, text=True, check=True)
    body = json.loads(done.stdout)
    return None if body is None else (body["event_type"], body["client_payload"])
