"""What is proposed for a repository of manifests."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.unit.adopting.trees import resource, tree

from tidemill import adopting
from tidemill.adopting.cfg import Answers, proposed
from tidemill.adopting.place import Place
from tidemill.adopting.proposal import Proposal
from tidemill.errors import Refused
from tidemill.facts.settings_file import parse

FILES = Path(adopting.__file__).parent / "files"
TEXTS = {one.name: one.read_text() for one in FILES.iterdir() if one.is_file()}
SCRIPTS = {TEXTS[name]: name for name in ("generate_kustomize.py", "generate_yaml.py")}
POD = resource("Pod", spec="{image: ghcr.io/acme/web:v1}")
OVERLAY = "resources: [../base]\n"


def proposal(files: dict[str, str], url: str = "https://github.com/acme/cfg") -> Proposal:
    place = Place(".", url, "main", is_on_github="github" in url)
    return proposed(tree(files), place, Answers({}), TEXTS, None)


def settings(found: Proposal) -> dict[str, Any]:
    text = next(one.text for one in found.files if one.path == "tidemill.toml")
    parse(text)  # or it raises
    return tomllib.loads(text)


def application(path: str, values: str = "") -> str:
    name = path.replace("/", "-")
    helm = f", helm: {{valueFiles: [{values}]}}" if values else ""
    spec = f"{{source: {{path: {path}{helm}}}}}"
    return resource("Application", "argoproj.io/v1alpha1", spec=spec).replace("x}", f"{name}}}")


def flux(name: str, path: str) -> str:
    made = resource("Kustomization", "kustomize.toolkit.fluxcd.io/v1", spec=f"{{path: ./{path}}}")
    return made.replace("name: x", f"name: {name}")


SEVERAL = {
    "plain YAML, no controller": (
        {"k/dev/a.yaml": POD, "k/dev/db/a.yaml": POD, "k/prod/a.yaml": POD},
        "k/{wave}", "generate_yaml.py", {"dev": ["dev"], "prod": ["prod"]},
    ),
    "one file for each wave": (
        {"k/dev.yaml": POD, "k/prod.yaml": POD},
        "k/{wave}.yaml", "generate_yaml.py", {"dev": ["dev"], "prod": ["prod"]},
    ),
    "what is deployed decides, not what is there besides": (
        {"o/dev/kustomization.yaml": OVERLAY, "k/dev/a.yaml": POD, "k/prod/a.yaml": POD,
         "apps/a.yaml": application("k/dev"), "apps/b.yaml": application("k/prod")},
        "k/{wave}", "generate_yaml.py", {"dev": ["k-dev"], "prod": ["k-prod"]},
    ),
    "Flux, with its own folders of clusters": (
        {"clusters/dev/apps.yaml": flux("apps", "apps/dev"),
         "clusters/dev/system.yaml": flux("system", "clusters/dev"),
         "clusters/prod/apps.yaml": flux("apps", "apps/prod"),
         "apps/dev/kustomization.yaml": OVERLAY, "apps/prod/kustomization.yaml": OVERLAY,
         "apps/base/a.yaml": POD},
        "apps/{wave}", "generate_kustomize.py", {"dev": ["apps"], "prod": ["apps"]},
    ),
    "Flux, whose folders of clusters have nothing but its own": (
        {f"clusters/{wave}/{name}.yaml": flux(name, f"{folder}/{wave}")
         for wave in ("dev", "prod") for name, folder in (("x", "apps"), ("y", "clusters"))}
        | {f"apps/{wave}/a.yaml": POD for wave in ("dev", "prod")},
        "apps/{wave}", "generate_yaml.py", {"dev": ["x"], "prod": ["x"]},
    ),
    "Flux, with its components, and regions below one wave alone": (
        {**{f"clusters/{place}/flux-system/components.yaml": POD for place in ("qa", "prod-eu")},
         "clusters/qa/flux-system/sync.yaml": flux("flux-system", "clusters/qa"),
         "clusters/prod-eu/flux-system/sync.yaml": flux("flux-system", "clusters/prod-eu"),
         "clusters/qa/shop.yaml": flux("shop", "shop/qa"),
         "clusters/prod-eu/shop.yaml": flux("shop", "shop/production/eu"),
         "clusters/prod-us/shop.yaml": flux("shop", "shop/production/us"),
         "shop/qa/a.yaml": POD, "shop/production/eu/a.yaml": POD,
         "shop/production/us/a.yaml": POD,
         "shop/production/us/kustomization.yaml": "resources: [a.yaml]\n"},
        "shop/{wave}", "generate_yaml.py", {"qa": ["shop"], "production": ["eu", "us"]},
    ),
    "values of a chart that Argo CD renders": (
        {"chart/Chart.yaml": "name: x\n", "env/dev.yaml": "a: 1\n", "env/prod.yaml": "a: 1\n",
         "apps/a.yaml": application("chart", "../env/dev.yaml"),
         "apps/b.yaml": application("chart", "../env/prod.yaml"), "a.yaml": POD},
        "env/{wave}.yaml", "generate_yaml.py", {"dev": ["chart"], "prod": ["chart"]},
    ),
    "of the waves the controller here deploys one alone": (
        {"k/dev/a.yaml": POD, "k/prod/a.yaml": POD, "apps/a.yaml": application("k/prod")},
        "k/{wave}", "generate_yaml.py", {"dev": ["dev"], "prod": ["k-prod"]},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("files", "path", "script", "waves"), SEVERAL.values(), ids=SEVERAL)
def test_proposal(
    files: dict[str, str], path: str, script: str, waves: dict[str, list[str]]
) -> None:
    found = proposal(files)
    made = settings(found)
    assert made["deployments"]["path"] == path
    assert {one["name"]: one["targets"] for one in made["waves"]} == waves
    assert [SCRIPTS[one.text] for one in found.files if one.text in SCRIPTS] == [script]


BLOCK = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: NAME
spec: {source: {path: PATH}} # as it was
"""


def test_applications_get_their_labels_and_a_target_where_it_is_not_the_name() -> None:
    places = ("k/dev/a", "k/prod/a", "k/prod/b")
    files = {f"{place}/a.yaml": POD for place in places}
    one = BLOCK.replace("NAME", "b").replace("PATH", "k/prod/b")
    two = BLOCK.replace("NAME", "other").replace("PATH", "k/prod/a")
    found = proposal(
        {**files, "apps/all.yaml": f"{one}---\n{two}", "x.yaml": application("k/dev/a")}
    )
    edited = next(one.text for one in found.files if one.path == "apps/all.yaml")
    wave = "metadata:\n  labels:\n    tidemill.dev/wave: prod\n"
    assert edited == (
        one.replace("metadata:\n", wave)
        + "---\n"
        + two.replace("metadata:\n", f"{wave}    tidemill.dev/target: a\n")
    )
    (paste,) = found.pastes
    assert (paste.file, paste.where) == ("x.yaml", "to Application k-dev-a")
    assert yaml.safe_load("\n".join(paste.lines)) == {
        "metadata": {"labels": {"tidemill.dev/wave": "dev", "tidemill.dev/target": "a"}}
    }


@pytest.mark.parametrize(("go", "place"), [("", "{{%s}}"), ("  goTemplate: true\n", "{{.%s}}")])
def test_template_of_an_application_set_is_said_once_with_its_variables(
    go: str, place: str
) -> None:
    app, env = place % "app", place % "env"
    text = f"""\
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {{name: shop}}
spec:
{go}  generators:
    - list: {{elements: [{{app: a, env: dev}}, {{app: a, env: prod}}, {{app: b, env: prod}}]}}
  template:
    metadata: {{name: '{app}-{env}'}}
    spec: {{source: {{path: 'k/{env}/{app}'}}}}
"""
    places = ("k/dev/a", "k/prod/a", "k/prod/b")
    found = proposal({**{f"{one}/x.yaml": POD for one in places}, "set.yaml": text})
    (paste,) = found.pastes
    assert paste.where == "to the template of shop"
    assert yaml.safe_load("\n".join(paste.lines)) == {
        "metadata": {"labels": {"tidemill.dev/wave": env, "tidemill.dev/target": app}}
    }


SET = """\
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata:
  name: shop
spec:
  goTemplate: true
  generators:
    - list:
        elements:
          - {env: staging, region: eu}
          - {env: production, region: eu}
          - {env: production, region: us}
  template:
    metadata:
      name: 'shop-{{.env}}-{{.region}}'
      labels:
        team: shop
    spec:
      sources:
        - path: charts/shop
          helm:
            valueFiles:
              - $values/env/{{.env}}/values.yaml
              - $values/env/{{.env}}/{{.region}}.yaml
        - ref: values
"""
LABELLED = """\
        tidemill.dev/wave: '{{.env}}'
        tidemill.dev/target: '{{.region}}'
"""


def test_template_of_an_application_set_gets_its_labels_where_it_is_written_in_lines() -> None:
    files = {
        "charts/shop/Chart.yaml": "name: shop\n",
        "env/staging/values.yaml": "image: ghcr.io/acme/web:v1\n",
        "env/production/values.yaml": "image: ghcr.io/acme/web:v1\n",
        "env/production/eu.yaml": "a: 1\n",
        "env/production/us.yaml": "a: 1\n",
        "argocd/shop.yaml": SET,
    }
    found = proposal(files)
    made = settings(found)
    assert made["deployments"]["path"] == ["env/{wave}/values.yaml", "env/{wave}/{target}.yaml"]
    assert {one["name"]: one["targets"] for one in made["waves"]} == {
        "staging": ["eu"],
        "production": ["eu", "us"],
    }
    edited = {one.path: one.text for one in found.files}["argocd/shop.yaml"]
    assert edited == SET.replace("      labels:\n", f"      labels:\n{LABELLED}")
    assert found.pastes == ()
    again = proposal({**files, "argocd/shop.yaml": edited})
    assert "argocd/shop.yaml" not in [one.path for one in again.files]


TEAMS = """\
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata:
  name: teams
spec:
GO  generators:
    - git:
        directories:
          - path: apps/*/overlays/*
          - {path: apps/old/overlays/*, exclude: true}
  template:
    metadata:
      name: 'TEAM-WAVE'
    spec: {source: {path: 'PLACE'}}
"""


@pytest.mark.parametrize(
    ("go", "team", "wave", "place"),
    [
        (
            "  goTemplate: true\n",
            "{{index .path.segments 1}}",
            "{{.path.basename}}",
            "{{.path.path}}",
        ),
        ("", "{{path[1]}}", "{{path.basename}}", "{{path}}"),
    ],
    ids=["Go", "plain"],
)
def test_set_that_lists_the_folders_of_git_gets_its_labels(
    go: str, team: str, wave: str, place: str
) -> None:
    text = TEAMS.replace("GO", go)
    for name, value in (("TEAM", team), ("WAVE", wave), ("PLACE", place)):
        text = text.replace(name, value)
    overlays = [f"apps/{one}/overlays/{env}" for one in ("pay", "find") for env in ("qa", "live")]
    files = {f"{one}/kustomization.yaml": "resources: [../../base]\n" for one in overlays}
    files |= {"apps/old/overlays/qa/kustomization.yaml": "resources: []\n", "sets.yaml": text}
    files |= {f"apps/{one}/base/a.yaml": POD for one in ("pay", "find")}
    found = proposal(files)
    made = settings(found)
    assert made["deployments"]["path"] == "apps/{target}/overlays/{wave}"
    assert {one["name"]: one["targets"] for one in made["waves"]} == {
        "qa": ["find", "pay"],
        "live": ["find", "pay"],
    }
    edited = yaml.safe_load({one.path: one.text for one in found.files}["sets.yaml"])
    assert edited["spec"]["template"]["metadata"]["labels"] == {
        "tidemill.dev/wave": wave,
        "tidemill.dev/target": team,
    }


def test_values_of_a_helm_release_are_yaml_though_kustomize_patches_it() -> None:
    release = resource(
        "HelmRelease",
        "helm.toolkit.fluxcd.io/v2",
        spec="{values: {image: {repository: ghcr.io/acme/web, tag: v1}}}",
    )
    files = {f"clusters/{one}/x.yaml": flux("apps", f"apps/{one}") for one in ("qa", "prod")}
    files |= {f"apps/{one}/values.yaml": release for one in ("qa", "prod")}
    files |= {
        f"apps/{one}/kustomization.yaml": "resources: [../base]\npatches: [{path: values.yaml}]\n"
        for one in ("qa", "prod")
    }
    found = proposal(files)
    assert settings(found)["deployments"]["path"] == "apps/{wave}"
    assert [SCRIPTS[one.text] for one in found.files if one.text in SCRIPTS] == ["generate_yaml.py"]


def test_template_whose_generator_lists_nothing_is_left_to_a_person() -> None:
    text = SET.replace("    - list:\n", "    - clusters:\n")
    files = {"k/dev/a.yaml": POD, "k/prod/a.yaml": POD, "argocd/shop.yaml": text}
    found = proposal(files)
    (paste,) = found.pastes
    assert paste.where.startswith("to the template of shop, with what stands for the two")
    labels = yaml.safe_load("\n".join(paste.lines))["metadata"]["labels"]
    assert labels.keys() == {"tidemill.dev/wave", "tidemill.dev/target"}
    assert "tidemill/argocd-notifications.yaml" in [one.path for one in found.files]


def test_jsonnet_needs_a_command_of_its_own_and_says_so() -> None:
    files = {"env/dev.jsonnet": "", "env/prod.jsonnet": "", "a.yaml": POD}
    found = proposal(files)
    assert settings(found)["entrypoints"]["generate"] == "make generate"
    assert "Makefile" in found.missing[0]
    (reports,) = proposal({**files, "Makefile": "generate:\n\ttrue\n"}).missing
    assert "no Application and no Kustomization is in this repository" in reports


def test_elsewhere_than_on_github_verdicts_are_in_git_and_there_is_no_workflow() -> None:
    files = {"k/dev/a.yaml": POD, "k/prod/a.yaml": POD}
    found = proposal(files, "https://git.example.com/cfg.git")
    assert settings(found)["checks"] == {"source": "refs", "required": ["check"]}
    assert not [one for one in found.files if "workflows" in one.path]
    assert found.steps[-2].command == "tidemill loop --once --repo https://git.example.com/cfg.git"


@pytest.mark.parametrize(
    ("path", "script"),
    [("plain/{target}", "generate_yaml.py"), ("k/{target}", "generate_kustomize.py")],
)
def test_path_that_a_person_gives_decides_what_its_files_are_written_in(
    path: str, script: str
) -> None:
    files = {f"k/{one}/kustomization.yaml": OVERLAY for one in ("x", "y")}
    files |= {f"plain/{one}/a.yaml": POD for one in ("x", "y")}
    place = Place(".", "https://github.com/acme/cfg", "main", is_on_github=True)
    answers = Answers({"first": ("x",), "last": ("y",)}, path)
    found = proposed(tree(files), place, answers, TEXTS, None)
    assert settings(found)["deployments"]["path"] == path
    assert [SCRIPTS[one.text] for one in found.files if one.text in SCRIPTS] == [script]


def test_application_that_has_the_images_itself_is_labelled_by_its_name() -> None:
    text = BLOCK.replace("{path: PATH}", "{path: chart, helm: {valuesObject: {image: a/web:v1}}}")
    files = {f"argo/{one}.yaml": text.replace("NAME", f"web-{one}") for one in ("qa", "prod")}
    files["chart/values.yaml"] = "image: ghcr.io/acme/web:v1\n"
    place = Place(".", "https://github.com/acme/cfg", "main", is_on_github=True)
    answers = Answers({"qa": ("web-qa",), "prod": ("web-prod",)}, "argo/{wave}.yaml")
    found = proposed(tree(files), place, answers, TEXTS, None)
    texts = {one.path: one.text for one in found.files}
    assert "tidemill.dev/wave: qa\n" in texts["argo/qa.yaml"]
    assert "tidemill.dev/wave: prod\n" in texts["argo/prod.yaml"]


def test_a_login_of_a_company_has_an_underscore() -> None:
    files = {"k/dev/a.yaml": POD, "k/prod/a.yaml": POD}
    last = proposal(files, "https://github.com/jane_acme/cfg").steps[-1]
    assert "--cfg-repository jane_acme/cfg " in last.command


def test_folder_of_images_that_is_taken_is_left_alone() -> None:
    files = {"k/dev/a.yaml": POD, "k/prod/a.yaml": POD, "images/logo.yaml": "a: 1\n"}
    assert settings(proposal(files))["images"]["path"] == "tidemill/images/{wave}"


def test_targets_that_are_nowhere_are_asked_for_by_the_names_that_there_are() -> None:
    files = {f"sites/{one}/a.yaml": POD for one in ("fra", "iad", "sin")}
    place = Place(".", "https://github.com/acme/cfg", "main", is_on_github=True)
    answers = Answers({"first": ("fra",), "rest": ("iad", "sni")})
    with pytest.raises(
        Refused, match="manifests are in sites/fra, sites/iad, sites/sin"
    ) as refused:
        proposed(tree(files), place, answers, TEXTS, None)
    assert refused.value.remedy.startswith("did you mean sin? name each wave")


def test_what_is_deployed_under_a_name_that_says_no_wave_is_not_left_out_silently() -> None:
    places = {"test": "workloads/test", "emea": "workloads/emea", "amer": "workloads/amer"}
    files = {f"{place}/a.yaml": POD for place in places.values()}
    files |= {f"clusters/{one}/x.yaml": flux(f"w-{one}", at) for one, at in places.items()}
    files |= {"clusters/emea/infra.yaml": flux("infra", "infra"), "infra/a.yaml": "a: 1\n"}
    found = proposal(files)
    assert [one["name"] for one in settings(found)["waves"]] == ["test"]
    (missing,) = found.missing
    assert missing == (
        "a wave for Kustomization w-amer, Kustomization w-emea, which deploy your images from "
        "workloads/amer, workloads/emea: name all waves, in their order, with "
        "--targets test=test --targets NEXT=amer,emea --path 'workloads/{target}'"
    )


def test_what_is_in_no_file_is_asked_for() -> None:
    with pytest.raises(Refused, match="belong to waves") as refused:
        proposal({"a.yaml": POD})
    assert "--targets staging=" in refused.value.remedy


def test_files_that_a_person_has_to_edit_are_committed_and_applied_like_those_that_are_edited() -> (
    None
):
    found = proposal(
        {
            "k/dev/a.yaml": POD,
            "k/prod/a.yaml": POD,
            "argo/dev.yaml": application("k/dev"),
            "argo/prod.yaml": application("k/prod"),
        }
    )
    assert {one.file for one in found.pastes} == {"argo/dev.yaml", "argo/prod.yaml"}
    (commit,) = (one.command for one in found.steps if " add " in one.command)
    assert " argo/dev.yaml argo/prod.yaml && " in commit
    assert "kubectl apply -f argo/dev.yaml -f argo/prod.yaml" in [
        one.command for one in found.steps
    ]
