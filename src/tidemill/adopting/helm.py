"""Helm: the files that have the values of a chart, without the chart's own defaults."""

from __future__ import annotations

from tidemill.adopting.tree import Tree


def charts(tree: Tree) -> list[str]:
    """The folders of charts."""
    return [str(path.parent) for path in tree.paths if path.name == "Chart.yaml"]


def value_files(tree: Tree) -> list[str]:
    """Every YAML file that is no manifest and no template; none where there is no chart."""
    if not charts(tree):
        return []
    return [
        one.file
        for one in tree.documents
        if not one.kind and "/templates/" not in one.file and not one.file.endswith("Chart.yaml")
    ]
