"""Plain YAML: the files that have manifests."""

from __future__ import annotations

from tidemill.adopting.tree import Tree
from tidemill.words.documents import text

# What controllers are told with these is not what runs.
_OF_CONTROLLERS = ("Application", "ApplicationSet", "AppProject", "Kustomization", "Component")
_OF_FLUX = ("source.", "notification.", "image.")


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
