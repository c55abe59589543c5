"""What Argo CD posts is a right deployment record, whatever the Application contains."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.integrations.applications import FIRST, SECOND, App
from tests.integrations.argocd import PATH, TOKEN, Controller, Request
from tests.loop.stories import fork
from tests.world import REGISTRY, Result, World, announcement

from tidemill.errors import Refused
from tidemill.words import references

MOST = 65_535  # characters of a client_payload
HOSTILE = 'a"b\\c\n{{ .app }} $tidemill-token </script> ${{ github.token }} \u2028\U0001f480'
WAVES = {"lab": {"targets": ["lab-1", "lab-2"]}, "shop": {"targets": ["north"]}}


@pytest.fixture(scope="module")
def _deploying(tmp_path_factory: pytest.TempPathFactory) -> World:
    world = World(tmp_path_factory.mktemp("deploying"), WAVES)
    world.now = datetime.now(UTC)  # as the times that Argo CD tells
    world.announce(1)
    world.green()
    return world


@pytest.fixture
def landed(_deploying: World, tmp_path: Path) -> World:
    """Position 1 is on main in lab; no target has reported it."""
    return fork(_deploying, tmp_path)


def brought(world: World, request: Request) -> Result:
    """GitHub brings the request to cfg-app.git, as its event."""
    sent = json.loads(request.body)
    event = {
        "action": sent["event_type"],
        "branch": "main",
        "client_payload": sent["client_payload"],
        "sender": {"login": "argo-cd"},
    }
    file = world.folder / "event.json"
    file.write_text(json.dumps(event))
    return world.run("accept-event", "--event", "repository_dispatch", "--payload", str(file))


def accepted(world: World, request: Request) -> dict[str, object]:
    """What status says of the target after this request, and a turn."""
    result = brought(world, request)
    assert result.code == 0, result
    world.turn()
    targets = [t for wave in world.status()["waves"] for t in wave["targets"]]
    return next(t for t in targets if t["name"] == request.payload["target"])


def of(world: World, **changes: object) -> App:
    """The Application lab-1 with main."""
    main = world.ref("refs/heads/main")
    assert main
    given = {"revisions": (main,), "name": "lab-1", "labels": (("tidemill.dev/wave", "lab"),)}
    return App(**(given | changes))  # type: ignore[arg-type]


def test_request_is_one_that_github_takes(argocd: Controller) -> None:
    app = App().object()
    (request,) = argocd.sees(app).requests
    assert (request.method, request.path) == ("POST", f"{PATH}/dispatches")
    headers = {name.lower(): value for name, value in request.headers.items()}
    assert headers["authorization"] == f"Bearer {TOKEN}"
    assert headers["accept"] == "application/vnd.github+json"
    assert headers["content-type"] == "application/json"
    assert json.loads(request.body) == {
        "event_type": "target-deployed",
        "client_payload": {
            "version": 1,
            "wave": "staging",
            "target": "staging-eu",
            "revision": FIRST,
            "phase": "Succeeded",
            "health": "Healthy",
            "finished_at": app["status"]["health"]["lastTransitionTime"],
        },
    }


def test_report_becomes_the_record(argocd: Controller, landed: World) -> None:
    digest = announcement(1)["images"]["web"]["Digest"]
    (request,) = argocd.sees(of(landed, images=(digest, "docker.io/library/redis:7"))).requests
    assert accepted(landed, request) == {
        "name": "lab-1",
        "revision": landed.ref("refs/heads/main"),
        "phase": "Succeeded",
        "health": "Healthy",
        "runs": {"app": announcement(1)["sha"]},
        "clock_ahead": None,
        "ignored": None,
    }
    assert landed.refs("inbox") == []


def test_of_several_sources_the_one_of_cfg_app_counts(argocd: Controller, landed: World) -> None:
    main = landed.ref("refs/heads/main") or ""
    app = of(landed, revisions=("1.2.3", main, "a" * 40))
    (request,) = argocd.sees(app).requests
    assert request.payload["revisions"] == ["1.2.3", main, "a" * 40]
    assert accepted(landed, request)["revision"] == main
    assert argocd.sees(app).requests == []


@pytest.mark.parametrize(
    ("phase", "health"),
    [("Succeeded", "Degraded"), ("Failed", "Healthy"), ("Failed", "Missing"), ("Error", "Unknown")],
)
def test_failure_becomes_the_record_and_recovery_ends_it(
    argocd: Controller, landed: World, phase: str, health: str
) -> None:
    (failed,) = argocd.sees(of(landed, phase=phase, health=health, finished=9, changed=8)).requests
    record = accepted(landed, failed)
    assert (record["phase"], record["health"]) == (phase, health)
    (mended,) = argocd.sees(of(landed, finished=5, changed=4)).requests
    record = accepted(landed, mended)
    assert (record["phase"], record["health"]) == ("Succeeded", "Healthy")


def test_all_targets_of_a_wave_take_the_set_to_the_next(argocd: Controller, landed: World) -> None:
    for name in ("lab-1", "lab-2"):
        (request,) = argocd.sees(of(landed, name=name)).requests
        accepted(landed, request)
    landed.green()
    assert landed.on_main("shop") == announcement(1)["sha"]


def test_old_image_that_still_runs_holds_the_set_back_until_it_ends(
    argocd: Controller, landed: World
) -> None:
    old = f"{REGISTRY}/web@sha256:{'0' * 64}"
    new = announcement(1)["images"]["web"]["Digest"]
    (ending,) = argocd.sees(of(landed, images=(old, new))).requests
    assert accepted(landed, ending).get("runs") in (None, {})
    (ended,) = argocd.sees(of(landed, images=(new,))).requests
    assert accepted(landed, ended)["runs"] == {"app": announcement(1)["sha"]}


def test_labels_and_annotations_name_wave_and_target(argocd: Controller) -> None:
    wave, target = "tidemill.dev/wave", "tidemill.dev/target"
    by_label = App(labels=((wave, "lab"), (target, "lab-7")), annotations=((wave, "x"),))
    told = argocd.sees(by_label).payload
    assert (told["wave"], told["target"]) == ("lab", "lab-7")
    subscribed = (("notifications.argoproj.io/subscribe.tidemill.tidemill", ""),)
    by_annotation = App(
        name="another", labels=(), annotations=((wave, "w" * 100), (target, "t"), *subscribed)
    )
    told = argocd.sees(by_annotation).payload
    assert (told["wave"], told["target"]) == ("w" * 100, "t")


def test_hostile_contents_stay_contents(argocd: Controller) -> None:
    app = App(labels=(("tidemill.dev/wave", HOSTILE),)).object()
    app["metadata"]["annotations"] = {"tidemill.dev/target": HOSTILE, "other": HOSTILE}
    status = app["status"]
    status["operationState"]["message"] = HOSTILE
    status["operationState"]["syncResult"] |= {"revisions": [HOSTILE, FIRST]}
    status["history"][-1]["revisions"] = [HOSTILE, FIRST]
    status["conditions"] = [{"type": HOSTILE, "message": HOSTILE}]
    status["summary"]["images"] = [HOSTILE, "ghcr.io/acme/app:1", "--image"]
    told = argocd.sees(app)
    assert told.errors == []
    assert json.loads(told.requests[0].body) == {
        "event_type": "target-deployed",
        "client_payload": {
            "version": 1,
            "wave": HOSTILE,
            "target": HOSTILE,
            "revisions": [HOSTILE, FIRST],
            "phase": "Succeeded",
            "health": "Healthy",
            "finished_at": status["health"]["lastTransitionTime"],
            "images": ["ghcr.io/acme/app:1"],
        },
    }
    assert argocd.sees(app).requests == []


def test_hostile_names_are_refused_and_nothing_is_written(
    argocd: Controller, landed: World
) -> None:
    app = of(landed, labels=(("tidemill.dev/wave", HOSTILE),))
    (request,) = argocd.sees(app).requests
    assert brought(landed, request).code == 1
    assert (landed.refs("inbox"), landed.refs("deployed")) == ([], [])


@pytest.mark.parametrize(
    "image",
    [
        "nginx",
        "nginx:1.27",
        "localhost:5000/a/b:latest",
        "ghcr.io/acme/app@sha256:" + "a" * 64,
        "ghcr.io/acme/a__b.c-d:v1@sha256:" + "a" * 64,
        "sha256:" + "a" * 64,
        "ghcr.io/Acme/app:1",
        "ghcr.io/acme//app:1",
        "ghcr.io/acme/app:",
        "ghcr.io/acme/app:-1",
        "ghcr.io/acme/app@sha256:abc",
        "ghcr.io/acme/app:1\n",
        "a/" * 250 + "b:1",
    ],
)
def test_images_are_told_just_where_tidemill_reads_them(argocd: Controller, image: str) -> None:
    try:
        references.running(image)
        known = [image]
    except Refused:
        known = []
    assert argocd.sees(App(images=(image,))).payload.get("images", []) == known


@pytest.mark.parametrize(("count", "fit"), [(100, True), (480, True), (600, False), (5000, False)])
def test_payload_fits_however_many_images_there_are(
    argocd: Controller, count: int, fit: bool
) -> None:
    images = tuple(f"ghcr.io/acme/service-{n:06}@sha256:{n:064x}" for n in range(count))
    (request,) = argocd.sees(App(images=images, revisions=(SECOND,))).requests
    assert len(request.payload.get("images", ())) == (count if fit else 0)
    assert len(json.dumps(request.payload)) < MOST
    assert request.payload["revision"] == SECOND
