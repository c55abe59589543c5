"""Flux: its Kustomizations."""

from __future__ import annotations

import posixpath

from tidemill.adopting.controllers import Deployed
from tidemill.adopting.tree import Tree, inside, text


def kustomizations(tree: Tree) -> list[Deployed]:
    """Every Kustomization of Flux that the files have, but for what installs Flux itself."""
    return [
        Deployed(
            one.file,
            "Kustomization",
            name,
            (posixpath.normpath(path),),
            inside(one.value, "metadata"),
        )
        for one in tree.documents
        if one.kind == "Kustomization"
        and text(one.value, "apiVersion").startswith("kustomize.toolkit.fluxcd.io/")
        and (name := text(one.value, "metadata", "name"))
        and (path := text(one.value, "spec", "path").removeprefix("./"))
    ]
