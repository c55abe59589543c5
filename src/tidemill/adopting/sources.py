"""What manifests are written in: overlays of Kustomize, values of Helm, Jsonnet, plain YAML."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from tidemill.adopting.tree import Tree
from tidemill.facts.controllers import CHART, KUSTOMIZATIONS
from tidemill.words.documents import text

# What controllers are told with these is not what runs.
_OF_CONTROLLERS = ("Application", "ApplicationSet", "AppProject", "Kustomization", "Component")
_OF_FLUX = ("source.", "notification.", "image.")


def overlays(tree: Tree) -> list[str]:
    """The folders that Kustomize can build, components left out."""
    components = {one.file for one in tree.documents if one.value.get("kind") == "Component"}
    return [
        str(path.parent)
        for path in tree.paths
        if path.name in KUSTOMIZATIONS
        and path.parent != PurePosixPath()
        and str(path) not in components
    ]


def value_files(tree: Tree) -> list[str]:
    """Every YAML file that is no manifest and no template; none where there is no chart."""
    if not any(path.name == CHART for path in tree.paths):
        return []
    return [
        one.file
        for one in tree.documents
        if not one.kind and "/templates/" not in one.file and not one.file.endswith(CHART)
    ]


def manifests(tree: Tree) -> list[str]:
    """The files with Kubernetes resources."""
    found = {
        one.file
        for one in tree.documents
        if one.kind
        and one.kind not in _OF_CONTROLLERS
        and not text(one.value, "apiVersion").startswith(_OF_FLUX)
    }
    return sorted(found)


def jsonnet_files(tree: Tree) -> list[str]:
    """The files that are written in Jsonnet, libraries of others left out."""
    return [str(path) for path in tree.paths if path.suffix in (".jsonnet", ".libsonnet")]


def has_make_generate(tree: Tree) -> bool:
    """Whether `make generate` is a target."""
    return re.search(r"(?m)^generate\s*:", tree.text("Makefile")) is not None
