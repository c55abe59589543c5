"""Kustomize: the folders of overlays."""

from __future__ import annotations

from pathlib import PurePosixPath

from tidemill.adopting.tree import Tree

NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")


def overlays(tree: Tree) -> list[str]:
    """The folders that Kustomize can build, components left out."""
    components = {one.file for one in tree.documents if one.value.get("kind") == "Component"}
    return [
        str(path.parent)
        for path in tree.paths
        if path.name in NAMES and path.parent != PurePosixPath() and str(path) not in components
    ]
