"""What Argo CD and Flux deploy, as manifests in the repository say it."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

WAVE, TARGET = "tidemill.dev/wave", "tidemill.dev/target"
_FLUX_TARGET = "event.toolkit.fluxcd.io/tidemill-target"
_SUBSCRIBES = "notifications.argoproj.io/subscribe.tidemill.tidemill"
_PLACE = re.compile(r"\{\{ *\.?([A-Za-z0-9_.]+) *\}\}")


@dataclass(frozen=True)
class Deployed:
    """An Application of Argo CD's or a Kustomization of Flux's.

    Attributes:
        wave: None where it is said nowhere.
        paths: what it renders from.
        reports: whether it is subscribed to our notifications, or looks at health.
    """

    file: str
    kind: Literal["Application", "Kustomization"]
    name: str
    namespace: str
    wave: str | None
    target: str
    paths: tuple[str, ...]
    reports: bool = True

    @property
    def is_whole(self) -> bool:
        """Whether no template is left in what identifies it."""
        return "{{" not in f"{self.name}{self.wave}{self.target}"


def documents(text: str) -> list[dict[Any, Any]]:
    """The objects of a YAML file; none where it can't be read, as a template of Helm can't."""
    import yaml  # which few commands need

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return [one for one in yaml.load_all(text, loader) if isinstance(one, dict)]
    except (yaml.YAMLError, ValueError, RecursionError):
        return []


def deployed(texts: Mapping[str, str]) -> list[Deployed]:
    """All Applications and Kustomizations in some files; those of list generators one by one."""
    found = []
    for file, text in sorted(texts.items()):
        if "argoproj.io" in text or "kustomize.toolkit.fluxcd.io" in text:
            for document in documents(text):
                found += list(_in(file, document))
    return found


def _in(file: str, document: Mapping[str, Any]) -> Iterator[Deployed]:
    group = _text(document.get("apiVersion")).partition("/")[0]
    match group, document.get("kind"):
        case "argoproj.io", "Application":
            yield _application(file, document)
        case "argoproj.io", "ApplicationSet":
            spec = table(document.get("spec"))
            for values in _elements(spec) or [{}]:
                yield _application(file, table(_filled(spec.get("template"), values)))
        case "kustomize.toolkit.fluxcd.io", "Kustomization":
            metadata, spec = table(document.get("metadata")), table(document.get("spec"))
            name = _text(metadata.get("name"))
            labels, notes = table(metadata.get("labels")), table(metadata.get("annotations"))
            yield Deployed(
                file,
                "Kustomization",
                name,
                _text(metadata.get("namespace"), "flux-system"),
                _text(labels.get(WAVE)) or None,
                _text(notes.get(_FLUX_TARGET), name),
                _paths(spec),
                bool(spec.get("wait") or spec.get("healthChecks")),
            )
        case _:
            pass


def _application(file: str, document: Mapping[str, Any]) -> Deployed:
    metadata, spec = table(document.get("metadata")), table(document.get("spec"))
    name = _text(metadata.get("name"))
    labels, notes = table(metadata.get("labels")), table(metadata.get("annotations"))
    sources = [table(spec.get("source")), *map(table, _list(spec.get("sources")))]
    return Deployed(
        file,
        "Application",
        name,
        _text(metadata.get("namespace"), "argocd"),
        _text(labels.get(WAVE), notes.get(WAVE)) or None,
        _text(labels.get(TARGET), notes.get(TARGET), name),
        tuple(path for one in sources for path in _paths(one)),
        WAVE in labels or _SUBSCRIBES in notes,
    )


def _elements(spec: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [
        table(element)
        for generator in _list(spec.get("generators"))
        for element in _list(table(table(generator).get("list")).get("elements"))
    ]


def _filled(value: Any, values: Mapping[str, Any]) -> Any:
    """A template with an element's values in it; what it does not have stays."""
    match value:
        case str():
            return _PLACE.sub(lambda one: _text(values.get(one[1]), one[0]), value)
        case dict():
            return {key: _filled(inner, values) for key, inner in value.items()}
        case list():
            return [_filled(inner, values) for inner in value]
        case _:
            return value


def _paths(source: Mapping[str, Any]) -> tuple[str, ...]:
    """Where a source is, and the values of its chart; `$NAME/` is the root of another source."""
    path = _text(source.get("path"))
    values = map(_text, _list(table(source.get("helm")).get("valueFiles")))
    files = [
        one.partition("/")[2] if one.startswith("$") else posixpath.join(path, one)
        for one in values
    ]
    return tuple(posixpath.normpath(one).strip("/") for one in (path, *files) if one)


def table(value: object) -> Mapping[str, Any]:
    """A table, with no key where it is none."""
    return {str(key): one for key, one in value.items()} if isinstance(value, dict) else {}


def is_plain(value: object) -> bool:
    """Whether it is a text, a number, or true or false."""
    return isinstance(value, str | int | float)


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(*values: object) -> str:
    """The first of them that says something."""
    return next((str(one) for one in values if one and is_plain(one)), "")
