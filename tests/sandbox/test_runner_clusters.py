"""Clusters that watch main: who reports, when, and how it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.sandbox.runner_world import NAME, Mill, mill

from tidemill_sandbox.clients import Rest
from tidemill_sandbox.clusters import Clusters

SETTINGS = """
[images]
allow = ["ghcr.io/acme/*"]
[[sets]]
name = "app"
repository = "acme/app"
branch = "main"
[entrypoints]
generate = "make generate"
[deployments]
path = "generated/{wave}/{target}"
[[waves]]
name = "staging"
targets = ["eu", "us"]
[[waves]]
name = "production"
targets = ["all"]
"""


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Mill]:
    with mill(tmp_path) as found:
        yield found


@pytest.fixture
def clusters(shop: Mill) -> Iterator[Clusters]:
    token = shop.hub.tokens.mint(
        "user", login="argocd", repositories=[NAME], permissions={"contents": "write"}
    )
    found = Clusters(shop.hub, shop.repository, Rest(shop.hub.api_url, token), 0.0)
    yield found
    found.close()


def put(shop: Mill, settings: str = SETTINGS, **generated: str) -> str:
    (shop.clone.folder / "tidemill.toml").write_text(settings, encoding="utf-8")
    for name, text in generated.items():
        file = shop.clone.folder / "generated" / name.replace("_", "/") / "all.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    sha = shop.push()
    shop.hub.settle()
    return sha


def test_only_targets_whose_files_changed_report(shop: Mill, clusters: Clusters) -> None:
    first = put(shop, staging_eu="a", staging_us="a", production_all="a")
    clusters.settle()
    assert clusters.reported == [
        ("eu", first, "Healthy"), ("us", first, "Healthy"), ("all", first, "Healthy"),
    ]  # fmt: skip
    clusters.sick = {"us"}
    second = put(shop, staging_us="b")
    clusters.settle()
    assert clusters.reported[3:] == [("us", second, "Degraded")]
    put(shop)
    clusters.settle()
    assert len(clusters.reported) == 4, "a commit that changes nothing for them is not synced"


def test_targets_of_one_name_in_two_waves_are_two(shop: Mill, clusters: Clusters) -> None:
    both = SETTINGS.replace('targets = ["eu", "us"]', 'targets = ["all"]')
    put(shop, both, staging_all="a", production_all="b")
    put(shop, both, staging_all="a", production_all="c")
    put(shop, both, staging_all="c", production_all="c")
    clusters.settle()
    assert [target for target, _, _ in clusters.reported] == ["all"] * 4


def test_target_reports_where_one_of_its_places_is_not_there(
    shop: Mill, clusters: Clusters
) -> None:
    path = 'path = "generated/{wave}/{target}"'
    assert path in SETTINGS
    more = SETTINGS.replace(path, f'{path[:7]}[{path[7:]}, "values/{{wave}}.yaml"]')
    put(shop, more, production_all="a")
    clusters.settle()
    assert [target for target, _, _ in clusters.reported] == ["all"]


def test_a_report_is_the_event_that_argo_cd_sends(shop: Mill, clusters: Clusters) -> None:
    sha = put(shop, production_all="a")
    clusters.settle()
    event = next(one for one in shop.hub.events if one.name == "repository_dispatch")
    payload = dict(event.parts["client_payload"])
    assert payload.pop("finished_at").endswith("Z")
    assert event.action == "target-deployed"
    assert payload == {"version": 1, "wave": "production", "target": "all", "revision": sha,
                       "phase": "Succeeded", "health": "Healthy"}  # fmt: skip


def test_reports_of_a_target_are_in_order_whatever_the_clock_says(
    shop: Mill, clusters: Clusters
) -> None:
    sha = put(shop)
    for _ in range(3):
        clusters.report("production", "all", sha)
    shop.hub.settle()
    times = [one.parts["client_payload"]["finished_at"] for one in shop.hub.events
             if one.name == "repository_dispatch"]  # fmt: skip
    assert len(set(times)) == 3
    assert times == sorted(times)


def test_clusters_that_are_polled_set_statuses_and_send_nothing(shop: Mill) -> None:
    polled = SETTINGS.replace("[deployments]\n", '[deployments]\nreports = "poll"\n')
    clusters = Clusters(shop.hub, shop.repository, shop.rest, 0.0)
    clusters.sick.add("us")
    put(shop, polled, staging_eu="a", staging_us="a", production_all="a")
    clusters.settle()
    clusters.close()
    found = {one.environment: one.statuses[-1].state for one in shop.hub.deployments}
    assert found == {"staging/eu": "success", "staging/us": "failure", "production/all": "success"}
    assert not [one for one in shop.hub.events if one.name == "repository_dispatch"]


def test_clusters_go_on_where_the_settings_on_main_can_not_be_used(
    shop: Mill, clusters: Clusters
) -> None:
    first = put(shop, "[[waves]\n", staging_eu="a")
    second = put(shop, SETTINGS, staging_us="a", production_all="a")
    broken = put(shop, "[[waves]\n", staging_eu="b")
    clusters.settle()
    assert shop.hub.deviations == [], "that is a person's mistake, and none of the stand-in's"
    assert {revision for _, revision, _ in clusters.reported} == {second, broken}
    assert clusters.reported[3:] == [("eu", broken, "Healthy")]
    assert first not in clusters.reported[0]
