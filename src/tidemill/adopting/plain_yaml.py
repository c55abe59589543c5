"""Plain YAML: the folders that have manifests."""

from __future__ import annotations

from pathlib import PurePosixPath

from tidemill.adopting.tree import Tree

# What controllers are told with these is not what runs.
_OF_CONTROLLERS = ("Application", "ApplicationSet", "AppProject", "Kustomization", "Component")


def manifests(tree: Tree) -> list[str]:
    """The files with Kubernetes resources."""
    found = {one.file for one in tree.documents if one.kind and one.kind not in _OF_CONTROLLERS}
    return sorted(found)


def folders(tree: Tree) -> list[str]:
    """Their folders."""
    return sorted({str(PurePosixPath(file).parent) for file in manifests(tree)} - {"."})
