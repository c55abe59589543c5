"""The manifests are what a cluster takes, hold no secret, and are what their READMEs say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from tests.integrations.applications import WAVE

from tidemill.asks import flux

INTEGRATIONS = Path(__file__).parents[2] / "integrations"
FILES = sorted(INTEGRATIONS.glob("*/*.yaml"))
OBJECTS = [(path, one) for path in FILES for one in yaml.safe_load_all(path.read_text())]


def named(pairs: list[tuple[Path, dict[str, Any]]], kind: str) -> list[dict[str, Any]]:
    return [one for _path, one in pairs if one["kind"] == kind]


@pytest.mark.parametrize(
    "made",
    [one for _path, one in OBJECTS if one["apiVersion"] == "v1"],
    ids=lambda one: f"{one['kind']}-{one['metadata']['name']}",
)
def test_manifest_is_valid(made: dict[str, Any]) -> None:
    kubernetes_validate.validate(made, "1.30", strict=True)


def test_no_manifest_holds_a_secret() -> None:
    secrets = named(OBJECTS, "Secret")
    assert len(secrets) == 2
    for secret in secrets:
        assert "data" not in secret
        assert set(secret["stringData"].values()) == {""}


def test_every_manifest_is_in_its_readme() -> None:
    assert len(FILES) == 8
    for path in FILES:
        assert f"({path.name})" in (path.parent / "README.md").read_text()


def test_secrets_that_are_named_are_those_to_fill() -> None:
    folder = INTEGRATIONS / "argocd"
    asked = {
        name
        for path in (folder / "notifications.yaml", folder / "deployment-status.yaml")
        for key, text in yaml.safe_load(path.read_text())["data"].items()
        if key.startswith("service.")
        for name in re.findall(r"\$([\w-]+)", text)
    }
    (secret,) = (one for path, one in OBJECTS if path == folder / "secret.yaml")
    assert asked == set(secret["stringData"])


def test_labels_are_the_same_everywhere() -> None:
    examples = [*named(OBJECTS, "Application"), *named(OBJECTS, "Kustomization")]
    assert [set(one["metadata"]["labels"]) for one in examples] == [{WAVE}, {WAVE}]
    alerts = named(OBJECTS, "Alert")
    for alert in alerts:
        (source,) = alert["spec"]["eventSources"]
        wave = alert["spec"]["eventMetadata"][flux.WAVE]
        assert source["kind"] == flux.KIND
        assert source["matchLabels"] == {WAVE: wave}
    assert [alert["spec"]["eventSeverity"] for alert in alerts] == ["info", "error"]
    assert (
        f"event.toolkit.fluxcd.io/{flux.TARGET}"
        in (INTEGRATIONS / "flux" / "README.md").read_text()
    )
