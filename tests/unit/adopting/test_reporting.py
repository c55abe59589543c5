"""What the cluster sends its reports by: files that are applied, and how."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.unit.adopting.trees import resource, tree

from tidemill import adopting
from tidemill.adopting.place import Place
from tidemill.adopting.reporting import ARGOCD, FLUX, applied, notifications
from tidemill.facts.controllers import deployed

TEXTS = {
    one.name: one.read_text() for one in (Path(adopting.__file__).parent / "files").glob("*.y*ml")
}
GITHUB = "git@github.com:acme/cfg.git"


def application(namespace: str = "argocd") -> str:
    text = resource("Application", "argoproj.io/v1alpha1", spec="{source: {path: k}}")
    return text.replace("{name: x}", f"{{name: x, namespace: {namespace}}}")


def flux(namespace: str) -> str:
    text = resource("Kustomization", "kustomize.toolkit.fluxcd.io/v1", spec="{path: k}")
    return text.replace("{name: x}", f"{{name: x, namespace: {namespace}}}")


def made(
    files: dict[str, str], url: str = GITHUB, waves: tuple[str, ...] = ("staging", "Prod_eu")
) -> tuple[dict[str, list[Any]], list[Any], Any]:
    found = tree(files)
    place = Place(".", url, "main", is_on_github=True)
    written, pastes, steps = notifications(found, place, deployed(found.documents), waves, TEXTS)
    objects = {one.path: list(yaml.safe_load_all(one.text)) for one in written}
    return objects, pastes, steps


@pytest.mark.parametrize(
    ("url", "api"),
    [
        (GITHUB, "https://api.github.com/repos/acme/cfg"),
        ("https://github.com/acme/cfg", "https://api.github.com/repos/acme/cfg"),
        ("ssh://git@acme.ghe.com/acme/cfg.git", "https://api.acme.ghe.com/repos/acme/cfg"),
        ("https://git.example.com/acme/cfg", "https://git.example.com/api/v3/repos/acme/cfg"),
        (
            "https://git.example.com:8443/acme/cfg",
            "https://git.example.com:8443/api/v3/repos/acme/cfg",
        ),
        ("ssh://git@git.example.com:22/acme/cfg", "https://git.example.com/api/v3/repos/acme/cfg"),
        ("ssh://git@ssh.github.com:443/acme/cfg.git", "https://api.github.com/repos/acme/cfg"),
        ("git@ssh.acme.com:acme/cfg", "https://ssh.acme.com/api/v3/repos/acme/cfg"),
        ("github-work:acme/cfg.git", "https://api.github.com/repos/acme/cfg"),
        ("git@github-work:acme/cfg.git", "https://api.github.com/repos/acme/cfg"),
        ("git@github.com-work:acme/cfg.git", "https://api.github.com/repos/acme/cfg"),
        ("git@10.1.2.3:acme/cfg.git", "https://10.1.2.3/api/v3/repos/acme/cfg"),
        ("", "https://api.github.com/repos/OWNER/CFG"),
    ],
)
def test_argo_cd_sends_to_the_api_of_this_repository(url: str, api: str) -> None:
    objects, pastes, steps = made({"a.yaml": application("argo")}, url)
    (config,) = objects[ARGOCD]
    assert config["metadata"] == {"name": "argocd-notifications-cm", "namespace": "argo"}
    assert yaml.safe_load(config["data"]["service.webhook.tidemill"])["url"] == api
    assert yaml.safe_load(config["data"]["subscriptions"])[0]["selector"] == "tidemill.dev/wave"
    assert {"trigger.tidemill", "template.tidemill"} <= config["data"].keys()
    assert pastes == []
    words = shlex.split(steps[0].command)
    assert words[:3] == ["kubectl", "-n", "argo"]
    assert json.loads(words[words.index("-p") + 1]) == {
        "stringData": {"tidemill-token": "$TIDEMILL_TOKEN"}
    }
    assert words[-1] == ARGOCD


def other(subscriptions: str) -> str:
    return (
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: argocd-notifications-cm\n"
        f"data:\n  subscriptions: |\n{subscriptions}"
    )


def test_subscriptions_that_are_there_get_one_more_by_a_person() -> None:
    slack = "    - recipients: [slack]\n      triggers: [x]\n"
    objects, (paste,), _ = made({"a.yaml": application(), "cm.yaml": other(slack)})
    assert "subscriptions" not in objects[ARGOCD][0]["data"]
    assert (paste.file, paste.where) == ("cm.yaml", "to the list in data.subscriptions")
    lines = "".join(f"    {line}\n" for line in paste.lines)
    pasted = yaml.safe_load(other(slack + lines))
    found = yaml.safe_load(pasted["data"]["subscriptions"])
    assert [one["recipients"] for one in found] == [["slack"], ["tidemill"]]
    _, pastes, _ = made({"a.yaml": application(), "cm.yaml": other(slack + lines)})
    assert pastes == []


def test_flux_has_two_alerts_for_each_wave_in_each_namespace() -> None:
    objects, _, steps = made({"a.yaml": flux("flux-system"), "b.yaml": flux("team")})
    found = objects[FLUX]
    assert [(one["kind"], one["metadata"]["namespace"]) for one in found] == [
        (kind, space)
        for space in ("flux-system", "team")
        for kind in ("Provider", "Alert", "Alert", "Alert", "Alert")
    ]
    assert found[0]["spec"]["address"] == "https://github.com/acme/cfg"
    assert [one["metadata"]["name"] for one in found[1:5]] == [
        "tidemill-staging-healthy",
        "tidemill-staging-failing",
        "tidemill-prod-eu-healthy",
        "tidemill-prod-eu-failing",
    ]
    for alert in found[3:5]:
        assert alert["spec"]["eventMetadata"] == {"tidemill-wave": "Prod_eu"}
        assert alert["spec"]["eventSources"][0]["matchLabels"] == {"tidemill.dev/wave": "Prod_eu"}
    assert steps[0].command.count("create secret generic tidemill") == 2


def test_waves_whose_names_are_alike_to_kubernetes_have_alerts_of_their_own() -> None:
    waves = ("a.b", "a-b", "A_B", "a--b", "c")
    objects, _, _ = made({"a.yaml": flux("flux-system")}, waves=waves)
    alerts = objects[FLUX][1:]
    names = [one["metadata"]["name"] for one in alerts]
    assert len({*names}) == len(names) == 10
    assert names[:2] == ["tidemill-a-b-healthy", "tidemill-a-b-failing"]
    assert names[-2:] == ["tidemill-c-healthy", "tidemill-c-failing"]
    told = [one["spec"]["eventMetadata"]["tidemill-wave"] for one in alerts]
    assert told == [wave for wave in waves for _ in range(2)]


@pytest.mark.parametrize("space", ["argo; touch x #", "a b", "{{.env}}", "a\n---\nkind: Pod", "A"])
def test_namespace_that_is_none_gets_into_no_command_and_no_manifest(space: str) -> None:
    quoted = json.dumps(space)
    objects, _, steps = made({"a.yaml": application(quoted), "b.yaml": flux(quoted)})
    assert [one.command.split()[:3] for one in steps] == [
        ["kubectl", "-n", "argocd"],
        ["kubectl", "-n", "flux-system"],
    ]
    spaces = [one["metadata"]["namespace"] for one in (*objects[ARGOCD], *objects[FLUX])]
    assert spaces == ["argocd", *["flux-system"] * 5]


def test_where_no_controller_is_seen_there_is_nothing() -> None:
    assert made({"a.yaml": resource("Pod")}) == ({}, [], [])


@pytest.mark.parametrize(
    ("files", "command"),
    [
        ({"argo/a b.yaml": "k/prod"}, "kubectl apply -f 'argo/a b.yaml'"),
        ({"argo/a.yaml": "k/prod", "root.yaml": "argo"}, ""),
        ({"argo/a.yaml": "k/prod", "root.yaml": "."}, ""),
    ],
    ids=["nothing applies it", "an Application of Applications does", "one of all that is here"],
)
def test_labels_get_into_the_cluster_by_hand_where_nothing_applies_their_files(
    files: dict[str, str], command: str
) -> None:
    texts = {file: application().replace("path: k", f"path: {at}") for file, at in files.items()}
    every = deployed(tree(texts).documents)
    place = Place(".", GITHUB, "main", is_on_github=True)
    steps = applied(place, every, [next(iter(files))])
    assert [one.command for one in steps] == ([command] if command else [])
