"""Repositories of manifests as people have them before they hear of Tidemill."""

from __future__ import annotations

import subprocess
from pathlib import Path
from textwrap import dedent

from tests.world import REGISTRY, START, World, git


def deployment(service: str, image: str) -> str:
    """A Deployment with one container of ours, and one of others."""
    return dedent(f"""\
        apiVersion: apps/v1
        kind: Deployment
        metadata:
          name: {service}
        spec:
          selector: {{matchLabels: {{app: {service}}}}}
          template:
            metadata: {{labels: {{app: {service}}}}}
            spec:
              containers:
                - name: {service}
                  image: {image} # ours
                - name: redis
                  image: redis:7
        """)


def application(name: str, path: str, values: str = "") -> str:
    """An Application of Argo CD."""
    helm = f"\n    helm:\n      valueFiles: [{values}]" if values else ""
    return (
        dedent(f"""\
        apiVersion: argoproj.io/v1alpha1
        kind: Application
        metadata:
          name: {name}
          namespace: argocd
        spec:
          project: default
          source:
            repoURL: https://git.example.com/cfg.git
            path: {path}""")
        + f"{helm}\n"
    )


SERVICES = ("web", "orders")
KUSTOMIZE = {
    **{f"base/{one}.yaml": deployment(one, f"{REGISTRY}/{one}:v1") for one in SERVICES},
    "base/kustomization.yaml": "resources:\n- web.yaml\n- orders.yaml\n",
    "overlays/staging/kustomization.yaml": (
        "resources:\n- ../../base\nimages:\n"
        f"- name: redis\n  newTag: '8'\n- name: {REGISTRY}/web\n  newTag: v2\nnamePrefix: s-\n"
    ),
    "overlays/production/kustomization.yaml": "resources: [../../base]",
    "argocd/staging.yaml": application("shop-staging", "overlays/staging"),
    "argocd/production.yaml": application("shop-production", "overlays/production"),
}
CHART = {
    "Chart.yaml": "apiVersion: v2\nname: shop\nversion: 0.1.0\n",
    "values.yaml": "replicas: 1\n",
    "templates/web.yaml": (
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: {{ .Release.Name }}\nspec:\n  containers:\n"
        "  - name: web\n"
        '    image: "{{ .Values.web.image.repository }}:{{ .Values.web.image.tag }}"\n'
    ),
}


def values(tag: str) -> str:
    """The values of one environment: three ways to name an image."""
    return dedent(f"""\
        replicas: 2
        web:
          image:
            repository: {REGISTRY}/web
            tag: {tag} # of the release
            digest: ""
            pullPolicy: Always
        orders: {{env: {{A: b}}}}
        jobs:
          - tag: "{tag}"
            repository: "{REGISTRY}/orders"
          - image: {REGISTRY}/orders:{tag}
        """)


HELM = {
    **{f"charts/shop/{name}": text for name, text in CHART.items()},
    **{f"charts/shop/values-{wave}.yaml": values("v1") for wave in ("dev", "staging", "prod")},
}
PLAIN = {
    f"clusters/{wave}/{region}/{one}.yaml": deployment(one, f"{REGISTRY}/{one}:v1")
    for wave, region in (("staging", "eu"), ("production", "eu"), ("production", "us"))
    for one in SERVICES
} | {
    f"apps/{wave}-{region}.yaml": application(f"{wave}-{region}", f"clusters/{wave}/{region}")
    for wave, region in (("staging", "eu"), ("production", "eu"), ("production", "us"))
}

# Odd names: what bases call an image is renamed in each place; a component; places that name both
# the wave and the site, in short; one Application of all others.
_PLACES = ("stg-euw1", "prd-euw1", "prd-use1")
RENAMED = {
    **{f"k8s/bases/{one}/d.yaml": deployment(one, f"shop/{one}") for one in SERVICES},
    **{f"k8s/bases/{one}/kustomization.yaml": "resources:\n- d.yaml\n" for one in SERVICES},
    "k8s/bases/kustomization.yaml": "resources:\n- web\n- orders\n",
    "k8s/components/tracing/kustomization.yaml": (
        "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"
        "patches:\n- path: sidecar.yaml\n  target: {kind: Deployment}\n"
    ),
    "k8s/components/tracing/sidecar.yaml": deployment("any", "otel/collector:0.1"),
    **{
        f"k8s/envs/{place}/kustomization.yaml": (
            "resources:\n- ../../bases\ncomponents:\n- ../../components/tracing\n"
            "# by hand, on release day\nimages:\n"
        )
        + "".join(
            f"- name: shop/{one}\n  newName: {REGISTRY}/{one}\n  newTag: v1\n" for one in SERVICES
        )
        for place in _PLACES
    },
    **{f"argocd/apps/{one}.yaml": application(f"shop-{one}", f"k8s/envs/{one}") for one in _PLACES},
    "argocd/root.yaml": application("root", "argocd/apps"),
}

# A chart of charts; values that all sites of a wave share, beside some of one site; one
# ApplicationSet for all; notifications that go elsewhere already.
UMBRELLA = {
    "charts/shop/Chart.yaml": "apiVersion: v2\nname: shop\nversion: 1.0.0\n",
    "charts/shop/values.yaml": "global: {}\n",
    **{
        f"environments/{wave}/values.yaml": "".join(
            f"{one}:\n  image:\n    registry: ghcr.io\n    repository: acme/{one}\n    tag: v1\n"
            for one in SERVICES
        )
        for wave in ("dev", "staging", "production")
    },
    **{
        f"environments/{site}.yaml": f"global:\n  site: {site}\n"
        for site in ("staging/eu", "production/eu", "production/us")
    },
    "argocd/shop.yaml": dedent("""\
        apiVersion: argoproj.io/v1alpha1
        kind: ApplicationSet
        metadata:
          name: shop
        spec:
          goTemplate: true
          generators:
            - list:
                elements:
                  - {env: dev, site: eu}
                  - {env: staging, site: eu}
                  - {env: production, site: eu}
                  - {env: production, site: us}
          template:
            metadata:
              name: 'shop-{{.env}}-{{.site}}'
            spec:
              sources:
                - path: charts/shop
                  helm:
                    ignoreMissingValueFiles: true
                    valueFiles:
                      - $values/environments/{{.env}}/values.yaml
                      - $values/environments/{{.env}}/{{.site}}.yaml
                - ref: values
        """),
    "argocd/notifications.yaml": dedent("""\
        apiVersion: v1
        kind: ConfigMap
        metadata:
          name: argocd-notifications-cm
        data:
          subscriptions: |
            - recipients: [slack:deploys]
              triggers: [on-sync-failed]
        """),
}


def kustomization(name: str, path: str) -> str:
    """A Kustomization of Flux."""
    return dedent(f"""\
        apiVersion: kustomize.toolkit.fluxcd.io/v1
        kind: Kustomization
        metadata:
          name: {name}
          namespace: flux-system
        spec:
          interval: 10m
          path: ./{path}
          prune: true
        """)


# What Flux brings along in each cluster; the same name everywhere; sites below one wave alone; a
# kustomization by hand in one of them.
_CLUSTERS = {
    "staging": "staging",
    "prod-eu-west": "production/eu-west",
    "prod-us-east": "production/us-east",
}
FLEET = {
    **{
        f"clusters/{one}/flux-system/components.yaml": deployment(
            "source-controller", "ghcr.io/x/y:1"
        )
        for one in _CLUSTERS
    },
    **{
        f"clusters/{one}/flux-system/sync.yaml": kustomization("flux-system", f"clusters/{one}")
        for one in _CLUSTERS
    },
    **{
        f"clusters/{one}/shop.yaml": kustomization("shop", f"platform/{place}")
        for one, place in _CLUSTERS.items()
    },
    **{
        f"platform/{place}/{one}.yaml": deployment(one, f"{REGISTRY}/{one}:v1")
        for place in _CLUSTERS.values()
        for one in SERVICES
    },
    "platform/production/us-east/kustomization.yaml": "resources:\n- web.yaml\n- orders.yaml\n",
}

# The chart has the repositories, and each site its tags alone.
TAGS = {
    "charts/shop/Chart.yaml": CHART["Chart.yaml"],
    "charts/shop/values.yaml": "".join(
        f"{one}:\n  image:\n    repository: {REGISTRY}/{one}\n    tag: latest\n" for one in SERVICES
    ),
    **{
        f"environments/{place}/values.yaml": "".join(
            f"{one}:\n  image:\n    tag: v1\n" for one in SERVICES
        )
        for place in ("qa/eu", "prod/eu", "prod/us")
    },
}

# Several apps, each with its waves and regions, and an Application for each folder. Argo CD syncs
# only what changed, so a set that changes one app is reported by that app's Applications alone.
MONOREPO = {
    **{f"apps/{one}/base/d.yaml": deployment(one, f"{REGISTRY}/{one}:v1") for one in SERVICES},
    **{f"apps/{one}/base/kustomization.yaml": "resources: [d.yaml]\n" for one in SERVICES},
    **{
        f"apps/{one}/overlays/{place}/kustomization.yaml": "resources: [../../../base]\n"
        for one in SERVICES
        for place in ("dev/eu", "live/eu", "live/us")
    },
    "argocd/apps.yaml": dedent("""\
        apiVersion: argoproj.io/v1alpha1
        kind: ApplicationSet
        metadata:
          name: apps
        spec:
          goTemplate: true
          generators:
            - git:
                repoURL: https://git.example.com/cfg.git
                revision: HEAD
                directories:
                  - path: apps/*/overlays/*/*
          template:
            metadata:
              name: '{{index .path.segments 1}}-{{index .path.segments 3}}-{{.path.basename}}'
            spec:
              source:
                path: '{{.path.path}}'
        """),
}


class Grown(World):
    """A checkout with some files and one commit, and the bare repository that it pushes to."""

    def __init__(self, folder: Path, files: dict[str, str], remote: str = "") -> None:
        self.folder, self.now, self.runs, self.asked = folder, START, 0, []
        self.bare, self.clone = folder / "cfg.git", folder / "person"
        for words in (["--bare", str(self.bare)], [str(self.clone)]):
            subprocess.run(["git", "init", "-q", "-b", "main", *words], check=True)
        git(self.clone, "remote", "add", "origin", remote or str(self.bare))
        for path, text in files.items():
            file = self.clone / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        self.commit("as it has grown")

    def pull(self) -> None:
        """The person takes what is on main."""
        git(self.clone, "fetch", "-q", str(self.bare), "main")
        git(self.clone, "reset", "-q", "--hard", "FETCH_HEAD")

    def in_git(self) -> str:
        """What is in the repository, and in the checkout."""
        status = git(self.clone, "status", "--porcelain", "--untracked-files=all")
        has_turned = bool(self.ref("refs/tidemill/journal"))
        return f"{super().in_git() if has_turned else 'no turn was done'}\n{status}"
