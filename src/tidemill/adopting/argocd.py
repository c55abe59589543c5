"""Argo CD: Applications, and those that ApplicationSets make from lists."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from tidemill.adopting.controllers import Deployed
from tidemill.adopting.tree import Document, Tree, inside, text


def applications(tree: Tree) -> list[Deployed]:
    """Every Application that the files tell of."""
    found: list[Deployed] = []
    for one in tree.documents:
        if not text(one.value, "apiVersion").startswith("argoproj.io/"):
            continue
        if one.kind == "Application":
            found.append(_application(one.file, one.value))
        elif one.kind == "ApplicationSet":
            found += _listed(one)
    return [one for one in found if one.name and one.paths]


def _application(file: str, value: Mapping[str, Any]) -> Deployed:
    spec = inside(value, "spec") or {}
    sources = inside(spec, "sources") or [inside(spec, "source")]
    paths: list[str] = []
    for source in sources if isinstance(sources, list) else ():
        path = text(source, "path")
        for values in inside(source, "helm", "valueFiles") or ():
            # With several sources, `$NAME/` is the root of the one with that name.
            _, is_root, below = (
                str(values).partition("/") if str(values)[:1] == "$" else ("", "", "")
            )
            paths.append(
                posixpath.normpath(below if is_root else posixpath.join(path, str(values)))
            )
        if path:
            paths.append(posixpath.normpath(path))
    name = text(value, "metadata", "name")
    metadata = inside(value, "metadata") or {}
    return Deployed(file, "Application", name, tuple(paths), metadata)


def _listed(one: Document) -> Iterator[Deployed]:
    template = inside(one.value, "spec", "template")
    dot = "." if inside(one.value, "spec", "goTemplate") else ""
    for generator in inside(one.value, "spec", "generators") or ():
        for element in inside(generator, "list", "elements") or ():
            if isinstance(element, Mapping) and template is not None:
                made = _application(one.file, _filled(template, element))
                variables = {str(value): f"{{{{{dot}{key}}}}}" for key, value in element.items()}
                name = text(one.value, "metadata", "name")
                yield replace(made, made_by=name or one.kind, variables=variables)


def _filled(value: Any, element: Mapping[str, Any]) -> Any:
    """A template with the values of an element, in either of the two notations."""
    match value:
        case str():
            return re.sub(
                r"\{\{\s*\.?([\w.-]+)\s*\}\}",
                lambda found: str(inside(element, *found[1].split(".")) or found[0]),
                value,
            )
        case Mapping():
            return {key: _filled(inner, element) for key, inner in value.items()}
        case list():
            return [_filled(inner, element) for inner in value]
        case _:
            return value
