"""Waves and targets of paths."""

from __future__ import annotations

import pytest

from tidemill.adopting import rollout
from tidemill.adopting.rollout import wave_in

SEVERAL: dict[str, tuple[list[str], dict[str, tuple[str, ...]], tuple[str, ...]]] = {
    "one folder a wave, in the usual order": (
        ["o/prod", "o/staging", "o/dev"],
        {"dev": ("dev",), "staging": ("staging",), "prod": ("prod",)},
        ("o/{wave}",),
    ),
    "regions below a wave": (
        ["c/prod/eu", "c/prod/us", "c/staging/eu"],
        {"staging": ("eu",), "prod": ("eu", "us")},
        ("c/{wave}/{target}",),
    ),
    "regions beside a wave": (
        ["o/staging-eu", "o/production-eu", "o/production-us"],
        {"staging": ("eu",), "production": ("eu", "us")},
        ("o/{wave}-{target}",),
    ),
    "apps above their waves": (
        ["apps/api/o/dev", "apps/web/o/dev", "apps/web/o/prod"],
        {"dev": ("api", "web"), "prod": ("web",)},
        ("apps/{target}/o/{wave}",),
    ),
    "files of values": (
        ["chart/values-dev.yaml", "chart/values-prod.yaml"],
        {"dev": ("dev",), "prod": ("prod",)},
        ("chart/values-{wave}.yaml",),
    ),
    "values of regions": (
        ["v/prod/eu.yaml", "v/prod/us.yaml", "v/qa/eu.yaml"],
        {"qa": ("eu",), "prod": ("eu", "us")},
        ("v/{wave}/{target}.yaml",),
    ),
    "some with a region, some without": (
        ["o/dev", "o/prod-eu", "o/prod-us"],
        {"dev": ("dev",), "prod": ("prod-eu", "prod-us")},
        ("o/{target}",),
    ),
    "regions below some waves": (
        ["c/prod/eu", "c/prod/us", "c/qa"],
        {"qa": ("qa",), "prod": ("eu", "us")},
        ("c/{wave}",),
    ),
    "values of all beside those of regions": (
        [
            "v/prod/eu.yaml",
            "v/prod/us.yaml",
            "v/prod/values.yaml",
            "v/qa/eu.yaml",
            "v/qa/values.yaml",
        ],
        {"qa": ("eu",), "prod": ("eu", "us")},
        ("v/{wave}/values.yaml", "v/{wave}/{target}.yaml"),
    ),
    "numbered": (
        ["e/01-dev", "e/02-prod"],
        {"dev": ("01-dev",), "prod": ("02-prod",)},
        ("e/{target}",),
    ),
    "at different depths": (
        ["a/dev", "a/prod", "b/c/prod"],
        {"dev": ("dev",), "prod": ("prod",)},
        ("a/{wave}", "b/c/{wave}"),
    ),
    "paths without a wave count for nothing": (
        ["base", "o/dev", "products"],
        {"dev": ("dev",)},
        ("o/{wave}",),
    ),
}


@pytest.mark.parametrize(("paths", "waves", "templates"), SEVERAL.values(), ids=SEVERAL)
def test_rollout_of_paths(
    paths: list[str], waves: dict[str, tuple[str, ...]], templates: tuple[str, ...]
) -> None:
    found = rollout.found(paths)
    assert found
    assert (dict(found.waves), found.paths) == (waves, templates)
    assert list(found.waves) == list(waves)


def test_target_is_called_as_the_application_is() -> None:
    found = rollout.found(["o/dev", "o/prod"], [("shop-dev", ["o/dev"])])
    assert found
    assert dict(found.waves) == {"dev": ("shop-dev",), "prod": ("prod",)}


def test_several_that_are_made_from_one_place_are_targets_of_their_own() -> None:
    made = [(f"{app}-{site}", [f"{app}/prod"]) for app in ("api", "web") for site in ("p1", "p2")]
    made += [(f"{app}-s1", [f"{app}/qa"]) for app in ("api", "web")]
    found = rollout.found(["api/prod", "api/qa", "web/prod", "web/qa"], made)
    assert found
    assert dict(found.waves) == {
        "qa": ("api-s1", "web-s1"),
        "prod": ("api-p1", "api-p2", "web-p1", "web-p2"),
    }
    assert found.paths == ("api/{wave}", "web/{wave}")
    assert ("web/prod", "prod", "web-p2") in [*found.places()]
    assert ("api/prod", "prod", "web-p2") not in [*found.places()]


def test_nothing_is_found_where_nothing_is_called_as_usual() -> None:
    assert rollout.found(["base", "products/live1"]) is None


@pytest.mark.parametrize(
    ("path", "wave"),
    [
        ("test-runner/overlays/prod", "prod"),
        ("prod/test-runner", "prod"),
        ("values-pre-prod.yaml", "pre-prod"),
        ("products", None),
        ("devices/x", None),
    ],
)
def test_wave_in_a_path(path: str, wave: str | None) -> None:
    assert wave_in(path) == wave


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["s/x1", "s/x2", "s/y1"], ("s/{target}",)),
        (["s/first/x1", "s/first/x2", "s/last/y1"], ("s/{wave}/{target}",)),
        (["s/first/a.yaml", "s/last/b.yaml"], ("s/{wave}",)),
        (["s/x1", "s/x2"], None),
    ],
)
def test_waves_that_are_named_are_looked_for(
    paths: list[str], expected: tuple[str, ...] | None
) -> None:
    found = rollout.given({"first": ("x1", "x2"), "last": ("y1",)}, paths)
    assert (found and found.paths) == expected
