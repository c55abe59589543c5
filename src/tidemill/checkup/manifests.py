"""What Argo CD and Flux deploy, as manifests in the repository say it."""

from __future__ import annotations

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
    group = str(document.get("apiVersion", "")).partition("/")[0]
    match group, document.get("kind"):
        case "argoproj.io", "Application":
            yield _application(file, document)
        case "argoproj.io", "ApplicationSet":
            spec = _table(document.get("spec"))
            for values in _elements(spec) or [{}]:
                yield _application(file, _filled(spec.get("template"), values))
        case "kustomize.toolkit.fluxcd.io", "Kustomization":
            metadata, spec = _table(document.get("metadata")), _table(document.get("spec"))
            name = str(metadata.get("name", ""))
            labels, notes = _table(metadata.get("labels")), _table(metadata.get("annotations"))
            yield Deployed(
                file,
                "Kustomization",
                name,
                str(metadata.get("namespace", "flux-system")),
                _text(labels.get(WAVE)),
                str(notes.get(_FLUX_TARGET) or name),
                _paths(spec),
                bool(spec.get("wait") or spec.get("healthChecks")),
            )
        case _:
            pass


def _application(file: str, document: Mapping[str, Any]) -> Deployed:
    metadata, spec = _table(document.get("metadata")), _table(document.get("spec"))
    name = str(metadata.get("name", ""))
    labels, notes = _table(metadata.get("labels")), _table(metadata.get("annotations"))
    sources = [_table(spec.get("source")), *(map(_table, spec.get("sources") or ()))]
    return Deployed(
        file,
        "Application",
        name,
        str(metadata.get("namespace", "argocd")),
        _text(labels.get(WAVE) or notes.get(WAVE)),
        str(labels.get(TARGET) or notes.get(TARGET) or name),
        tuple(path for one in sources for path in _paths(one)),
        WAVE in labels or _SUBSCRIBES in notes,
    )


def _elements(spec: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [
        _table(element)
        for generator in spec.get("generators") or ()
        for element in _table(_table(generator).get("list")).get("elements") or ()
    ]


def _filled(value: Any, values: Mapping[str, Any]) -> Any:
    """A template with an element's values in it; what it does not have stays."""
    match value:
        case str():
            return _PLACE.sub(lambda one: str(values.get(one[1], one[0])), value)
        case dict():
            return {key: _filled(inner, values) for key, inner in value.items()}
        case list():
            return [_filled(inner, values) for inner in value]
        case _:
            return value if value is not None else {}


def _paths(source: Mapping[str, Any]) -> tuple[str, ...]:
    path = source.get("path")
    return (str(path).removeprefix("./").strip("/"),) if path else ()


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    return str(value) if value else None
