"""`tidemill.toml`: its defaults, and for everything that can't be used the line that says so."""

from datetime import timedelta
from typing import Any, Literal

import pytest
from tests.unit.sets import LAB, NOW, SHOP, settings
from tests.unit.settings_texts import LEAST, WHOLE

from tidemill.announcing.announcement import SHA_PLACE
from tidemill.facts.settings import (
    Bot,
    Checks,
    Deployments,
    EntryPoints,
    Images,
    ImageSet,
)
from tidemill.facts.settings_file import parse


def test_least_settings_have_the_defaults_of_the_documentation() -> None:
    found = parse(LEAST)
    assert (found.main, found.auto, found.namespace) == ("main", "auto", "refs/tidemill")
    assert found.checks == Checks(
        source="github", required=(), test="head", retries=1, timeout=found.checks.timeout
    )
    assert found.checks.timeout == timedelta(minutes=60)
    assert found.images.path == "images/{wave}"
    assert found.sets == (ImageSet(name="app"),)
    assert found.entrypoints == EntryPoints(introduce=None, promote=None, generate=None, check=None)
    assert found.bot == Bot(name="tidemill", email="tidemill@users.noreply.github.com", sign="")
    staging, production = found.waves
    assert (staging.after, production.after) == ((), ("staging",))
    assert (production.admit, production.on_failure) == ("when deployed", "wait")
    assert (production.settle, production.soak) == (timedelta(minutes=15), timedelta())
    assert (production.windows, production.approval) == ((), False)


def test_whole_settings_are_read() -> None:
    found = parse(WHOLE)
    assert (found.main, found.auto, found.namespace) == ("trunk", "tide", "refs/mill")
    assert (found.checks.test, found.checks.retries, found.checks.timeout) == (
        "each",
        2,
        timedelta(minutes=30),
    )
    assert [one.name for one in found.sets] == ["app", "batch"]
    assert found.sets[0].senders == ("acme-ci[bot]",)
    assert found.entrypoints.check == "make check"
    staging, production = found.waves
    assert (staging.admit, staging.settle) == ("when soaked", timedelta(minutes=5))
    assert (production.soak, production.approval) == (timedelta(hours=1), True)
    assert production.windows[0].text == "Mon-Fri 09:00-16:00 Europe/Berlin"
    assert production.on_failure == "roll back"
    assert found.bot.sign == "ABCD"


def test_waves_come_after_the_one_before_unless_they_say_otherwise() -> None:
    text = "".join(
        f'[[waves]]\nname = "{name}"\ntargets = ["{name}"]\n{after}\n'
        for name, after in {
            "a": "",
            "b": "",
            "c": 'after = ["a"]',
            "d": 'after = ["b", "c"]',
            "e": "after = []",
            "f": "",
        }.items()
    )
    found = parse(text)
    assert {wave.name: wave.sources for wave in found.waves} == {
        "a": (),
        "b": ("a",),
        "c": ("a",),
        "d": ("b", "c"),
        "e": (),
        "f": ("e",),
    }
    assert [wave.name for wave in found.followers("a")] == ["b", "c"]
    assert found.followers("f") == ()


def test_waves_may_be_written_in_any_order() -> None:
    text = '[[waves]]\nname = "b"\nafter = ["a"]\ntargets = []\n'
    found = parse(text + '[[waves]]\nname = "a"\nafter = []\ntargets = []\n')
    assert [wave.sources for wave in found.waves] == [("a",), ()]


def test_names_are_looked_up() -> None:
    found = parse(WHOLE)
    wave, image_set = found.wave("staging"), found.image_set("batch")
    assert wave is not None
    assert wave.name == "staging"
    assert image_set is not None
    assert image_set.name == "batch"
    assert found.wave("nowhere") is None
    assert found.image_set("nothing") is None


def test_paths_are_filled_in() -> None:
    found = parse(WHOLE)
    assert found.folder("staging", "app") == "images/staging/app"
    assert found.paths("staging", "eu") == ("generated/staging/eu", "common/staging")
    assert found.prefixes() == ("generated", "common")
    least = parse(LEAST)
    assert least.folder("staging", "app") == "images/staging"
    assert least.paths("staging", "eu") == ()
    assert least.prefixes() == ()


def test_target_may_render_from_some_of_the_places() -> None:
    own = '[[targets]]\nname = "prod-eu"\nwave = "production"\npath = "common/{wave}"\n'
    found = parse(f"{WHOLE}{own}")
    assert found.paths("production", "prod-eu") == ("common/production",)
    assert found.paths("staging", "prod-eu") == ("generated/staging/prod-eu", "common/staging")
    everywhere = parse(f"{WHOLE}{own}".replace('wave = "production"\n', ""))
    assert everywhere.paths("staging", "prod-eu") == ("common/staging",)
    assert everywhere.prefixes() == found.prefixes() == ("generated", "common")


@pytest.mark.parametrize(
    ("path", "paths", "prefixes"),
    [
        ("'generated/{wave}/{target}'", ("generated/w/t",), ("generated",)),
        ("'generated/{wave}/{target}/'", ("generated/w/t",), ("generated",)),
        ("'/generated/{wave}'", ("generated/w",), ("generated",)),
        ("'{wave}/{target}'", ("w/t",), ("",)),
        ("'out/k8s-{wave}/{target}'", ("out/k8s-w/t",), ("out",)),
        ("['a/{wave}', 'b/c/{target}.yaml']", ("a/w", "b/c/t.yaml"), ("a", "b/c")),
        ("['b/c', '/base/', 'x.yaml']", ("b/c", "base", "x.yaml"), ("b", "base", "x.yaml")),
        ("[]", (), ()),
    ],
)
def test_deployment_path_has_a_fixed_beginning(
    path: str, paths: tuple[str, ...], prefixes: tuple[str, ...]
) -> None:
    found = parse(f"{LEAST}[deployments]\npath = {path}\n")
    assert found.paths("w", "t") == paths
    assert found.prefixes() == prefixes


@pytest.mark.parametrize(
    ("changes", "wave", "target", "is_ignored"),
    [
        ({}, "lab", "lab-1", True),
        ({}, "lab", "lab-2", False),
        ({"wave": "lab"}, "lab", "lab-1", True),
        ({"wave": "lab"}, "shop", "lab-1", False),
        ({"until": "2026-01-05T11:00:00Z"}, "lab", "lab-1", False),
        ({"path": "generated/{wave}/{target}"}, "lab", "lab-1", False),
    ],
    ids=["any-wave", "another", "its-wave", "another-wave", "over", "not-ignored"],
)
def test_target_is_ignored_until_a_time_where_the_settings_say_so(
    changes: dict[str, str], wave: str, target: str, *, is_ignored: bool
) -> None:
    told: dict[str, Any] = {"name": "lab-1", **changes}
    until = told.pop("until", "2026-01-05T13:00:00Z")
    if "path" not in changes:
        told["ignored"] = {"until": until, "reason": "it moves"}
    found = settings(lab=LAB, shop=SHOP, targets=[told]).ignored(wave, target, NOW)
    assert (found is not None) is is_ignored


@pytest.mark.parametrize(
    ("options", "is_guarded"),
    [
        ({}, False),
        ({"approvers": ["ada"]}, True),
        ({"environment": "live", "approval": True}, True),
        ({"approval": True}, False),
    ],
    ids=str,
)
def test_wave_with_approvers_or_an_environment_is_guarded(
    options: dict[str, Any], *, is_guarded: bool
) -> None:
    assert settings(lab=LAB, shop={**SHOP, **options}).waves[1].is_guarded is is_guarded


@pytest.mark.parametrize(("reports", "is_polled"), [("events", False), ("poll", True)])
def test_reports_are_polled_where_the_settings_say_so(
    reports: Literal["events", "poll"], *, is_polled: bool
) -> None:
    assert Deployments(reports=reports).is_polled is is_polled


def test_one_pattern_that_fits_is_enough() -> None:
    sha = "7d1043473d55bfa90e8530d35801d4e381bc69f0"
    images = Images(allow=("docker.io/*", "ghcr.io/acme/*"), tags=("v*", SHA_PLACE))
    assert [images.is_listed(one) for one in ("ghcr.io/acme/web", "quay.io/web")] == [True, False]
    assert [images.is_tag(one, sha) for one in (sha, "v1", "latest")] == [True, True, False]
