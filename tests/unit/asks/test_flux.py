"""Flux's events, read without Flux: tests/integrations/test_flux_events.py has Flux's own."""

from __future__ import annotations

from typing import Any

import pytest

from tidemill.asks import flux

SHA = "1" * 40
EVENT = {
    "involvedObject": {"kind": "Kustomization", "name": "staging-eu", "namespace": "flux-system"},
    "severity": "info",
    "timestamp": "2026-01-05T10:00:00Z",
    "message": "Health check passed in 5s",
    "reason": "Progressing",
    "metadata": {"revision": f"main@sha1:{SHA}", "tidemill-wave": "staging"},
}


def test_event_is_the_report() -> None:
    assert flux.deployment("Kustomization/staging-eu.flux-system", EVENT) == {
        "version": 1,
        "wave": "staging",
        "target": "staging-eu",
        "revision": SHA,
        "phase": "Succeeded",
        "health": "Healthy",
        "finished_at": "2026-01-05T10:00:00Z",
    }


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"involvedObject": None, "metadata": {}},
        {"involvedObject": [], "metadata": []},
        {"involvedObject": {"kind": ["Kustomization"]}, "metadata": {"tidemill-wave": "w"}},
        {"involvedObject": {"kind": "Kustomization"}, "metadata": {"tidemill-wave": "w"}},
        {
            "involvedObject": {"kind": "Kustomization"},
            "metadata": {"tidemill-wave": "w"},
            "severity": {},
            "reason": [],
            "message": 5,
        },
    ],
)
def test_what_only_looks_like_it_is_no_report(payload: dict[str, Any]) -> None:
    assert flux.deployment("Kustomization/a.b", payload) is None
