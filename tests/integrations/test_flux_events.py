"""What Flux sends becomes the right deployment record, or nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.integrations.applications import FIRST, SECOND
from tests.integrations.flux import EVENTS, KUSTOMIZE, emitted, posted
from tests.world import World, announcement

from tidemill.asks import flux

HOSTILE = 'a"b\\c\n${{ github.token }} \u2028'


def report(event: dict[str, Any], *of_the_alert: dict[str, str]) -> dict[str, Any] | None:
    """What Tidemill reads of an event."""
    sent = posted(event, *of_the_alert)
    return flux.deployment(*sent) if sent else None


def test_passed_health_check_is_a_healthy_target() -> None:
    assert report(emitted()) == {
        "version": 1,
        "wave": "staging",
        "target": "staging-eu",
        "revision": FIRST,
        "phase": "Succeeded",
        "health": "Healthy",
        "finished_at": "2026-01-05T10:00:00Z",
    }


@pytest.mark.parametrize(
    ("reason", "state"),
    [
        ("HealthCheckFailed", ("Succeeded", "Degraded")),
        ("BuildFailed", ("Failed", "Unknown")),
        ("ReconciliationFailed", ("Failed", "Unknown")),
        ("PruneFailed", ("Failed", "Unknown")),
        ("ArtifactFailed", None),
        ("DependencyNotReady", None),
    ],
)
def test_errors_are_failures_unless_they_say_nothing_of_the_commit(
    reason: str, state: tuple[str, str] | None
) -> None:
    found = report(emitted(severity="error", reason=reason, message="Health check passed, no"))
    assert (found and (found["phase"], found["health"])) == state


@pytest.mark.parametrize(
    "message",
    [
        "Deployment/app/web configured",
        "New revision detected during health check, cancelling",
        "Dependencies do not meet ready condition, retrying in 30s",
    ],
)
def test_other_news_are_no_report(message: str) -> None:
    assert report(emitted(message=message)) is None


def test_finished_reconciliation_is_kept_by_flux() -> None:
    metadata = {f"{KUSTOMIZE}/commit_status": "update", f"{KUSTOMIZE}/revision": "main@sha1:x"}
    assert posted(emitted(metadata=metadata, reason="ReconciliationSucceeded")) is None


@pytest.mark.parametrize(
    ("said", "revision"),
    [
        ({"revision": f"main@sha1:{FIRST}"}, FIRST),
        ({"revision": f"main/{FIRST}"}, FIRST),
        ({"revision": f"sha1:{FIRST}"}, FIRST),
        ({"revision": f"release/a@b@sha1:{FIRST}"}, FIRST),
        ({"revision": FIRST}, FIRST),
        (
            {"revision": f"v1@sha256:{'a' * 64}", "originRevision": f"main@sha1:{SECOND}"},
            SECOND,
        ),
        ({"revision": f"main@sha1:{FIRST}", "commit": f"main@sha1:{SECOND}"}, SECOND),
        ({"revision": f"v1@sha256:{'a' * 64}"}, f"v1@sha256:{'a' * 64}"),
        ({"revision": "main@sha1:abc"}, "main@sha1:abc"),
        ({}, None),
    ],
)
def test_revision_is_the_commit_of_cfg_app(said: dict[str, str], revision: str | None) -> None:
    metadata = {f"{KUSTOMIZE}/{name}": value for name, value in said.items()}
    found = report(emitted(metadata=metadata))
    assert found
    assert found["revision"] == revision


def test_annotations_of_the_object_name_wave_and_target() -> None:
    metadata = {
        f"{EVENTS}/tidemill-wave": "lab",
        f"{EVENTS}/tidemill-target": "lab-1",
        f"{KUSTOMIZE}/revision": f"main@sha1:{FIRST}",
    }
    found = report(emitted(metadata=metadata), {})
    assert found
    assert (found["wave"], found["target"]) == ("lab", "lab-1")


def test_what_names_no_wave_is_not_ours() -> None:
    assert report(emitted(), {}) is None


def test_other_kinds_are_not_ours() -> None:
    about = emitted()["involvedObject"] | {"kind": "HelmRelease"}
    assert report(emitted(involvedObject=about)) is None
    sent = posted(emitted())
    assert sent
    assert flux.deployment("deploy", sent[1]) is None


def accept(world: World, event: dict[str, Any]) -> Any:
    """GitHub brings the event to cfg-app.git."""
    sent = posted(event, {"tidemill-wave": "lab"})
    assert sent
    file: Path = world.folder / "event.json"
    file.write_text(json.dumps({"action": sent[0], "client_payload": sent[1]}))
    return world.run("accept-event", "--event", "repository_dispatch", "--payload", str(file))


def test_event_becomes_the_record(tmp_path: Path) -> None:
    world = World(tmp_path, {"lab": {"targets": ["lab-1"]}, "shop": {"targets": ["north"]}})
    world.announce(1)
    world.green()
    main = world.ref("refs/heads/main")
    about = emitted()["involvedObject"] | {"name": "lab-1"}
    metadata = {f"{KUSTOMIZE}/revision": f"main@sha1:{main}"}
    at = f"{world.now:%Y-%m-%dT%H:%M:%SZ}"
    event = emitted(involvedObject=about, metadata=metadata, timestamp=at)

    sick = event | {"severity": "error", "reason": "HealthCheckFailed"}
    assert accept(world, sick).code == 0
    assert world.turn()["changed"]
    (target,) = world.status()["waves"][0]["targets"]
    assert (target["phase"], target["health"]) == ("Succeeded", "Degraded")

    world.later(minutes=1)
    later = f"{world.now:%Y-%m-%dT%H:%M:%SZ}"
    assert accept(world, event | {"timestamp": later}).code == 0
    world.green()
    assert world.on_main("shop") == announcement(1)["sha"]


def test_hostile_contents_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    world = World(tmp_path, {"lab": {"targets": ["lab-1"]}})
    about = emitted()["involvedObject"] | {"name": HOSTILE}
    metadata = {f"{KUSTOMIZE}/revision": HOSTILE}
    assert accept(world, emitted(involvedObject=about, metadata=metadata)).code == 1
    assert (world.refs("inbox"), world.refs("deployed")) == ([], [])
