"""Argo CD reports by deployments: its own `github` service, and no right to write contents."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from tests.components.absence import running
from tests.integrations.applications import FIRST, App
from tests.integrations.argocd import Controller, controller

from tidemill.asks.ask import ReportDeployment
from tidemill.asks.event import ask_of

API = "/api/v3/repos/acme/cfg-app/deployments"


@pytest.fixture(scope="session")
def key() -> str:
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return made.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    ).decode()


@pytest.fixture
def argocd(tmp_path: Path, key: str) -> Iterator[Controller]:
    edits = {
        "appID: 0": "appID: 7",
        "installationID: 0": "installationID: 8\n    enterpriseBaseURL: http://127.0.0.1:{port}/",
        "https://github.com/OWNER/CFG": "https://github.com/acme/cfg-app",
    }
    made = controller(tmp_path, "deployment-status.yaml", edits, key)
    for engine in running(made):
        engine.github.answers = {
            ("POST", "/app/installations/8/access_tokens"): {
                "token": "of-the-installation",
                "expires_at": "2999-01-01T00:00:00Z",
            },
            ("GET", API): [],
            ("POST", API): {"id": 5},
            ("POST", f"{API}/5/statuses"): {"id": 6},
        }
        yield engine


@pytest.mark.parametrize(
    ("app", "state"),
    [
        (App(), "success"),
        (App(health="Degraded"), "failure"),
        (App(phase="Failed"), "failure"),
        (App(phase="Error", health="Unknown"), "failure"),
        (App(revisions=("1.2.3", FIRST)), "success"),
    ],
)
def test_deployment_and_its_status_become_the_report(
    argocd: Controller, app: App, state: str
) -> None:
    told = argocd.sees(app)
    assert told.errors == []
    *_, deployment, status = told.requests
    made = json.loads(deployment.body)
    assert made["ref"] == FIRST
    assert made["environment"] == "staging/staging-eu"
    assert made["auto_merge"] is False
    assert made["required_contexts"] == []
    assert json.loads(status.body)["state"] == state

    event = {
        "deployment": {"sha": made["ref"], "environment": made["environment"], "task": "deploy"},
        "deployment_status": {"state": state, "created_at": "2026-01-05T10:00:00Z"},
    }
    ask = ask_of("deployment_status", json.dumps(event).encode())
    assert isinstance(ask, ReportDeployment)
    assert (ask.wave, ask.target, ask.revisions) == ("staging", "staging-eu", (FIRST,))
    assert (ask.phase == "Succeeded") == (state == "success")


def test_deployment_is_told_once(argocd: Controller) -> None:
    assert argocd.sees(App()).requests
    assert argocd.sees(App(health="Progressing")).requests == []
    assert argocd.sees(App()).requests == []


def test_target_by_label_and_hostile_contents_stay_what_they_are(argocd: Controller) -> None:
    hostile = 'a"b\\c\n{{ .app }} ${{ github.token }}'
    app = App(labels=(("tidemill.dev/wave", "lab"), ("tidemill.dev/target", hostile)))
    *_, deployment, _status = argocd.sees(app).requests
    assert json.loads(deployment.body)["environment"] == f"lab/{hostile}"
