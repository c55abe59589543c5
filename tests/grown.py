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
