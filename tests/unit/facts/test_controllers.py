"""What Argo CD and Flux deploy is read from whatever form their manifests have."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.adopting.trees import resource, tree

from tidemill.facts.controllers import (
    FLUX_TARGET,
    SUBSCRIBES,
    TARGET,
    WAVE,
    Deployed,
    deployed,
    pairs_as_yaml,
    place_of,
)

APPLICATION = resource("Application", "argoproj.io/v1alpha1", spec="{source: {path: live/a}}")
SET = """\
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: all}
spec:
  generators:
    - list: {elements: [{env: dev, at: {region: eu}}, {env: prod, at: {region: us}}]}
  template:
    metadata: {name: 'shop-{{env}}'}
    spec: {source: {path: 'live/{{ .env }}/{{at.region}}'}}
"""
VALUES = "{repoURL: x, path: chart, helm: {valueFiles: [../env/dev.yaml, $cfg/env/eu.yaml]}}"
FLUX = resource("Kustomization", "kustomize.toolkit.fluxcd.io/v1", spec="{path: ./live/dev}")


FOUND: dict[str, tuple[dict[str, str], list[tuple[str, tuple[str, ...], str]]]] = {
    "Argo CD: an Application": ({"a.yaml": APPLICATION}, [("x", ("live/a",), "")]),
    "Argo CD: values of a chart": (
        {"a.yaml": resource("Application", "argoproj.io/v1alpha1", spec=f"{{source: {VALUES}}}")},
        [("x", ("chart", "env/dev.yaml", "env/eu.yaml"), "")],
    ),
    "Argo CD: values that are no list": (
        {
            "a.yaml": resource(
                "Application",
                "argoproj.io/v1alpha1",
                spec="{source: {path: a, helm: {valueFiles: 1}}}",
            )
        },
        [("x", ("a",), "")],
    ),
    "Argo CD: a list of an ApplicationSet": (
        {"a.yaml": SET},
        [("shop-dev", ("live/dev/eu",), "all"), ("shop-prod", ("live/prod/us",), "all")],
    ),
    "Argo CD: an ApplicationSet whose folders no file lists": (
        {"a.yaml": SET.replace("list: {elements:", "git: {directories:")},
        [],
    ),
    "Argo CD: what is no Application": (
        {
            "a.yaml": resource("Application", "app.k8s.io/v1beta1", spec="{source: {path: a}}"),
            "b.yaml": resource("Application", "argoproj.io/v1alpha1", spec="[]"),
        },
        [],
    ),
    "Flux": (
        {"a.yaml": FLUX, "live/dev/kustomization.yaml": "kind: Kustomization\n"},
        [("x", ("live/dev",), "")],
    ),
}


@pytest.mark.parametrize(("files", "found"), FOUND.values(), ids=FOUND)
def test_what_is_made_of_files_is_found(
    files: dict[str, str], found: list[tuple[str, tuple[str, ...], str]]
) -> None:
    mine = [one for one in deployed(tree(files).documents) if one.has_files]
    assert [(one.name, one.paths, one.made_by) for one in mine] == found


def test_an_application_set_without_a_list_is_its_template() -> None:
    text = SET.replace("list: {elements:", "git: {directories:")
    (one,) = deployed(tree({"a.yaml": text}).documents)
    assert (one.name, one.is_whole, one.has_files) == ("shop-{{env}}", False, False)


PLACES = (
    ("live/lab", "lab", "lab-1"),
    ("live/lab", "lab", "lab-2"),
    ("live/shop", "shop", "north"),
    ("all", "edge", "one"),
    ("all", "edge", "two-b"),
)


def made(*paths: str, name: str = "x", target: str = "") -> Deployed:
    """An Application of these paths."""
    labels = {"labels": {"tidemill.dev/target": target}} if target else {}
    return Deployed("a.yaml", "Application", name, paths, labels)


@pytest.mark.parametrize(
    ("one", "place"),
    [
        (made("live/shop"), ("shop", "north")),
        (made("live/none"), None),
        (made(), None),
        (made("live/lab"), None),
        (made("live/lab", name="lab-2"), ("lab", "lab-2")),
        (made("live/lab", target="lab-1"), ("lab", "lab-1")),
        (made("live/shopping"), None),
        (made("all/one"), ("edge", "one")),
        (made("all/one.yaml"), ("edge", "one")),
        (made("all/two/b.yml"), ("edge", "two-b")),
        (made("all/three"), None),
        (made("all/three", name="one"), ("edge", "one")),
        (made("all"), None),
        (made("all", "all/one"), ("edge", "one")),
        (made("live/shop", "all/one", "all/one.yaml"), None),
        (made("live/shop", "all/one"), ("shop", "north")),
    ],
    ids=lambda one: (
        " ".join((one.name, one.target, *one.paths)) if isinstance(one, Deployed) else ""
    ),
)
def test_what_a_controller_makes_is_of_the_target_that_has_most_of_its_paths(
    one: Deployed, place: tuple[str, str] | None
) -> None:
    assert place_of(one, PLACES) == place
    assert place_of(one, PLACES[::-1]) == place


@pytest.mark.parametrize(
    ("kind", "metadata", "target"),
    [
        ("Application", {}, "x"),
        ("Application", {"labels": {TARGET: "a"}, "annotations": {TARGET: "b"}}, "a"),
        ("Application", {"annotations": {TARGET: "b"}}, "b"),
        ("Application", {"annotations": {FLUX_TARGET: "c"}}, "x"),
        ("Kustomization", {"annotations": {FLUX_TARGET: "c"}}, "c"),
        ("Kustomization", {"labels": {TARGET: "a"}, "annotations": {TARGET: "b"}}, "x"),
    ],
)
def test_target_is_what_the_metadata_says_in_the_way_of_its_controller(
    kind: Any, metadata: dict[str, Any], target: str
) -> None:
    assert Deployed("a.yaml", kind, "x", (), metadata).target == target


@pytest.mark.parametrize(
    ("made_by", "variables", "labels", "is_unlisted"),
    [
        ("all", {}, {}, True),
        ("", {}, {}, False),
        ("all", {"dev": "{{env}}"}, {}, False),
        ("all", {}, {WAVE: "lab"}, False),
    ],
    ids=["unlisted", "no-set", "listed", "says-its-wave"],
)
def test_what_a_set_makes_is_unlisted_where_nothing_tells_its_wave(
    made_by: str, variables: dict[str, str], labels: dict[str, str], *, is_unlisted: bool
) -> None:
    one = Deployed("a", "Application", "x", (), {"labels": labels}, made_by, variables)
    assert one.is_unlisted is is_unlisted


@pytest.mark.parametrize(
    ("kind", "metadata", "waits", "reports"),
    [
        ("Application", {}, True, False),
        ("Application", {"labels": {WAVE: "lab"}}, False, True),
        ("Application", {"annotations": {SUBSCRIBES: ""}}, False, True),
        ("Application", {"annotations": {WAVE: "lab"}}, False, False),
        ("Kustomization", {"labels": {WAVE: "lab"}}, False, False),
        ("Kustomization", {}, True, True),
    ],
)
def test_what_is_subscribed_or_waits_for_health_reports(
    kind: Any, metadata: dict[str, Any], *, waits: bool, reports: bool
) -> None:
    assert Deployed("a", kind, "x", (), metadata, waits=waits).reports is reports


def test_what_is_deployed_can_be_told_apart_by_its_hash() -> None:
    one, same, other = (
        deployed(tree({f"{name}.yaml": APPLICATION}).documents)[0] for name in ("a", "a", "b")
    )
    assert len({one, same, other}) == 2


def application(spec: str) -> Deployed:
    text = resource("Application", "argoproj.io/v1alpha1", spec=spec)
    (one,) = deployed(tree({"a.yaml": text}).documents)
    return one


def test_files_of_values_are_needed_from_the_source_that_they_name() -> None:
    chart = (
        "{repoURL: https://x/charts, targetRevision: v1, path: chart, "
        "helm: {valueFiles: [../dev.yaml, $cfg/eu.yaml, $other/us.yaml, $bc/v.yaml]}}"
    )
    cfg = "{repoURL: https://x/cfg, targetRevision: main, ref: cfg}"
    short = "{repoURL: https://x/short, ref: bc}"
    found = application(f"{{sources: [{chart}, {cfg}, {short}]}}").needed
    assert [(one.path, one.source, one.revision) for one in found] == [
        ("chart", "x/charts", "v1"),
        ("chart/Chart.yaml", "x/charts", "v1"),
        ("dev.yaml", "x/charts", "v1"),
        ("eu.yaml", "x/cfg", "main"),
        ("us.yaml", "", ""),
        ("v.yaml", "x/short", ""),
    ]


@pytest.mark.parametrize(
    ("source", "paths"),
    [
        ("{path: a}", ["a"]),
        ("{path: a, helm: {valueFiles: [v.yaml]}}", ["a", "a/Chart.yaml", "a/v.yaml"]),
        (
            "{path: a, helm: {ignoreMissingValueFiles: true, valueFiles: [v.yaml]}}",
            ["a", "a/Chart.yaml"],
        ),
        ("{chart: redis, helm: {valueFiles: ['', [], $x/v.yaml]}}", ["v.yaml"]),
        (
            "{path: a, helm: {valueFiles: ['https://x/v.yaml', 'v/*.yaml', 'v/?.yaml', "
            "'v/[ab].yaml', $ARGOCD_APP_NAME/v.yaml, '$x/${ARGOCD_APP_NAME}.yaml', "
            "$KUBE_VERSION.yaml]}}",
            ["a", "a/Chart.yaml"],
        ),
    ],
)
def test_what_an_application_needs_is_its_folder_its_chart_and_its_values(
    source: str, paths: list[str]
) -> None:
    assert [one.path for one in application(f"{{source: {source}}}").needed] == paths


def test_an_address_of_values_is_no_file_that_an_application_is_made_of() -> None:
    source = "{path: a, helm: {valueFiles: ['https://x/v.yaml', 'v/*.yaml']}}"
    assert application(f"{{source: {source}}}").paths == ("a", "a/v/*.yaml")


@pytest.mark.parametrize(
    ("kind", "metadata", "namespace", "wave"),
    [
        ("Application", {}, "argocd", None),
        ("Kustomization", {}, "flux-system", None),
        ("Application", {"namespace": "apps", "annotations": {WAVE: "lab"}}, "apps", "lab"),
        ("Kustomization", {"namespace": "apps", "annotations": {WAVE: "lab"}}, "apps", None),
        ("Application", {"namespace": "No!", "labels": {WAVE: "lab"}}, "argocd", "lab"),
        ("Kustomization", {"namespace": "x" * 64, "labels": {WAVE: "lab"}}, "flux-system", "lab"),
    ],
)
def test_namespace_and_wave_are_those_that_the_controller_takes(
    kind: Any, metadata: dict[str, Any], namespace: str, wave: str | None
) -> None:
    one = Deployed("a.yaml", kind, "x", (), metadata)
    assert (one.namespace, one.wave) == (namespace, wave)
    assert (one.waits, one.is_suspended) == (False, False), "nothing is said of that"


@pytest.mark.parametrize(
    ("spec", "waits", "is_suspended"),
    [
        ("{path: a}", False, False),
        ("{path: a, wait: true}", True, False),
        ("{path: a, healthChecks: [{kind: Deployment}]}", True, False),
        ("{path: a, suspend: true}", False, True),
        ("{path: a, suspend: 'true'}", False, False),
    ],
)
def test_kustomization_says_whether_it_waits_for_health_and_whether_it_is_suspended(
    spec: str, *, waits: bool, is_suspended: bool
) -> None:
    text = resource("Kustomization", "kustomize.toolkit.fluxcd.io/v1", spec=spec)
    (one,) = deployed(tree({"a.yaml": text}).documents)
    assert (one.waits, one.is_suspended) == (waits, is_suspended)


def test_metadata_lacks_what_says_other_things_or_nothing() -> None:
    application = Deployed("a", "Application", "x", (), {"labels": {WAVE: "lab", TARGET: "one"}})
    assert application.lacks("lab", "x") == {}
    assert application.lacks("lab", "one") == {}
    assert application.lacks("shop", "two") == {"labels": {WAVE: "shop", TARGET: "two"}}
    kustomization = Deployed("a", "Kustomization", "x", (), {"labels": {WAVE: "lab"}})
    assert kustomization.lacks("lab", "x") == {}
    assert kustomization.lacks("lab", "one") == {"annotations": {FLUX_TARGET: "one"}}


def test_values_that_yaml_would_take_for_something_else_are_in_quotes() -> None:
    pairs = {"a": "lab", "b": "10", "c": "it's: x", "d": "yes"}
    assert pairs_as_yaml(pairs) == ["a: lab", "b: '10'", "c: 'it''s: x'", "d: 'yes'"]
