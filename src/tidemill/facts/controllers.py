"""What controllers in the clusters deploy, as the manifests of Argo CD and Flux say it."""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Literal, NamedTuple

from tidemill.facts.generators import filled, listed, placeholder
from tidemill.words.documents import Document, inside, is_plain, items, loaded, table, text
from tidemill.words.urls import named_by

WAVE, TARGET = "tidemill.dev/wave", "tidemill.dev/target"
FLUX_TARGET = "event.toolkit.fluxcd.io/tidemill-target"
SUBSCRIBES = "notifications.argoproj.io/subscribe.tidemill.tidemill"
GROUPS = ("argoproj.io/", "kustomize.toolkit.fluxcd.io/", "source.toolkit.fluxcd.io/")
CHART = "Chart.yaml"  # what makes a folder a chart of Helm; and what makes it one of Kustomize's
KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_TARGET_IN = {
    "Application": ("labels", TARGET),
    "Kustomization": ("annotations", FLUX_TARGET),
}
_NAMESPACE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
# A file of values that Argo CD finds by a pattern, or once it has filled in its own variables.
_FOUND_LATER = re.compile(r"[*?\[]|\$\{?(?:ARGOCD|KUBE)_")
# What the template of a set needs whose generators list nothing that is written there.
UNLISTED = {"labels": {WAVE: "{{ the wave }}", TARGET: "{{ the target }}"}}


class Needed(NamedTuple):
    """A path that has to be there, and which repository has it.

    Attributes:
        source: its host and path; what Flux calls it where no file here says that.
        revision: what is rendered of it; empty where it is not known.
        said_in: the GitRepository that says both, and its file; empty where it is said beside path.
    """

    path: str
    source: str
    revision: str = ""
    said_in: str = ""


@dataclass(frozen=True)
class Deployed:
    """An Application of Argo CD, or a Kustomization of Flux.

    Attributes:
        file: where it stands; `kind` and `name` as Kubernetes has them.
        paths: the folders and the files of values that it is made of, from the root.
        needed: of these all but the files of values that may be missing, or have other names here.
        made_by: the ApplicationSet that makes it; empty if it stands in a file itself.
        variables: by value what stands for it in the set's template; empty where the set's
            generators list nothing, and the template is as it stands.
        waits: whether a Kustomization looks at the health of what it applies.
        is_suspended: whether Flux leaves it as it is, until somebody resumes it.
    """

    file: str
    kind: Literal["Application", "Kustomization"]
    name: str
    paths: tuple[str, ...]
    metadata: Mapping[str, Any] = field(default_factory=dict, hash=False)
    made_by: str = ""
    variables: Mapping[str, str] = field(default_factory=dict, hash=False)
    waits: bool = False
    is_suspended: bool = False
    needed: tuple[Needed, ...] = ()

    @property
    def namespace(self) -> str:
        """Its own, or that which the installation of each controller uses.

        It gets into commands and manifests; so what Kubernetes does not take for one is none.
        """
        usual = "argocd" if self.kind == "Application" else "flux-system"
        own = text(self.metadata, "namespace")
        return own if _NAMESPACE.fullmatch(own) else usual

    @property
    def wave(self) -> str | None:
        """What it reports as its wave; None where it is said nowhere."""
        annotated = self.kind == "Application" and text(self.metadata, "annotations", WAVE)
        return text(self.metadata, "labels", WAVE) or annotated or None

    @property
    def target(self) -> str:
        """What it reports as its target: its own name where nothing else is said."""
        if self.kind == "Kustomization":
            return text(self.metadata, "annotations", FLUX_TARGET) or self.name
        said = (text(self.metadata, group, TARGET) for group in ("labels", "annotations"))
        return next(filter(None, said), self.name)

    @property
    def reports(self) -> bool:
        """Whether it is subscribed to our notifications, or waits for health."""
        if self.kind == "Kustomization":
            return self.waits
        labels, notes = table(self.metadata, "labels"), table(self.metadata, "annotations")
        return WAVE in labels or SUBSCRIBES in notes

    @property
    def is_unlisted(self) -> bool:
        """Whether a set makes it by what is not written there, and says nothing of its wave."""
        return bool(self.made_by) and not self.variables and self.wave is None

    @property
    def title(self) -> str:
        """What people look for it by: its kind and name, or those of the set that makes it."""
        return f"ApplicationSet {self.made_by}" if self.made_by else f"{self.kind} {self.name}"

    def lacks(self, wave: str, target: str) -> dict[str, dict[str, str]]:
        """What its metadata lacks to report as a target: by `labels` and so on, keys and values.

        In a template, what stands for the values there.
        """
        wanted = {"labels": {WAVE: wave}}
        if target != self.name:
            group, key = _TARGET_IN[self.kind]
            wanted.setdefault(group, {})[key] = target
        lacking = {
            group: {
                key: self.variables.get(value, value)
                for key, value in pairs.items()
                if text(self.metadata, group, key) != value
            }
            for group, pairs in wanted.items()
        }
        return {group: pairs for group, pairs in lacking.items() if pairs}

    @property
    def is_whole(self) -> bool:
        """Whether no template is left in what identifies it."""
        return "{{" not in f"{self.name}{self.wave}{self.target}"

    @property
    def has_files(self) -> bool:
        """Whether its manifest says which files it is made of, and under which name."""
        is_listed = bool(self.variables) or not self.made_by
        return bool(self.name and self.paths) and is_listed


def deployed(documents: Iterable[Document], files: Iterable[str] = ()) -> list[Deployed]:
    """All Applications and Kustomizations; those that a set lists one by one.

    Args:
        files: all that the repository has: a set may list its folders.
    """
    folders = {str(folder) for file in files for folder in PurePosixPath(file).parents} - {"."}
    every = [*documents]
    sources = [one for one in every if one.kind == "GitRepository"]
    return [found for one in every for found in _in(one, folders, sources)]


def as_yaml(lacking: Mapping[str, Mapping[str, str]]) -> list[str]:
    """The lines of metadata that say what is lacking."""
    return [
        line
        for group, pairs in lacking.items()
        for line in (f"{group}:", *(f"  {pair}" for pair in pairs_as_yaml(pairs)))
    ]


def pairs_as_yaml(pairs: Mapping[str, str]) -> list[str]:
    """A line each: a value that YAML would take for a number, or for more, in quotes."""
    plain = {value: loaded(f"a: {value}") == [{"a": value}] for value in pairs.values()}
    return [
        f"{key}: {value}" if plain[value] else "{}: '{}'".format(key, value.replace("'", "''"))
        for key, value in pairs.items()
    ]


def place_of(one: Deployed, places: Iterable[tuple[str, str, str]]) -> tuple[str, str] | None:
    """Wave and target of what a controller makes, by what it is made of; None where that is open.

    Where targets share a path, the one counts that has most of the paths, or is called so.

    Args:
        places: each path of each target, with its wave and the target.
    """
    votes: Counter[tuple[str, str]] = Counter()
    names = {one.name, one.target}
    for place, wave, target in places:
        for path in one.paths:
            if path == place:
                votes[wave, target] += 2 + (target in names)
            elif path.startswith(f"{place}/") and target in {*names, below(path, place)}:
                votes[wave, target] += 1
    most = max(votes.values(), default=None)
    first = [place for place, count in votes.items() if count == most]
    return first[0] if len(first) == 1 else None


def below(path: str, place: str) -> str:
    """What a path has below a place, as one word."""
    rest = path.removeprefix(place).strip("/")
    return rest.removesuffix(".yaml").removesuffix(".yml").replace("/", "-")


def _in(one: Document, folders: Collection[str], sources: Sequence[Document]) -> Iterator[Deployed]:
    spec = inside(one.value, "spec")
    match text(one.value, "apiVersion").partition("/")[0], one.kind:
        case "argoproj.io", "Application":
            yield _application(one.file, one.value)
        case "argoproj.io", "ApplicationSet":
            yield from _of_set(one, spec, folders)
        case "kustomize.toolkit.fluxcd.io", "Kustomization":
            yield Deployed(
                one.file,
                "Kustomization",
                text(one.value, "metadata", "name"),
                paths := _paths(spec),
                table(one.value, "metadata"),
                waits=bool(inside(spec, "wait") or inside(spec, "healthChecks")),
                needed=tuple(Needed(path, *_flux_origin(one, sources)) for path in paths),
                is_suspended=inside(spec, "suspend") is True,
            )
        case _:
            pass


def _application(
    file: str, value: object, made_by: str = "", variables: Mapping[str, str] | None = None
) -> Deployed:
    sources = items(value, "spec", "sources") or [inside(value, "spec", "source")]
    paths = tuple(path for source in sources for path in _paths(source))
    needed = tuple(found for source in sources for found in _needed(source, sources))
    name, metadata = text(value, "metadata", "name"), table(value, "metadata")
    known = variables or {}
    return Deployed(file, "Application", name, paths, metadata, made_by, known, needed=needed)


def _of_set(one: Document, spec: object, folders: Collection[str]) -> Iterator[Deployed]:
    made_by = text(one.value, "metadata", "name") or one.kind
    is_go = bool(inside(spec, "goTemplate"))
    elements = listed(items(spec, "generators"), folders, is_go=is_go)
    for element in elements or [{}]:
        variables = {str(value): placeholder(key, is_go=is_go) for key, value in element.items()}
        made = filled(inside(spec, "template"), element)
        yield _application(one.file, made, made_by, variables)


def _paths(source: object) -> tuple[str, ...]:
    """Where a source is, and the values of its chart."""
    path = text(source, "path")
    return (*([_normal(path)] if path else []), *(path for _, path in _values(source)))


def _values(source: object) -> list[tuple[str, str]]:
    """The files of values of a source's chart, as it says them and from the root of their source.

    `$NAME/` is the root of another source. An address is no file of any source.
    """
    path = text(source, "path")
    given = [str(one) for one in items(source, "helm", "valueFiles") if one and is_plain(one)]
    values = [one for one in given if "://" not in one]
    files = [
        (one, one.partition("/")[2] if one.startswith("$") else posixpath.join(path, one))
        for one in values
    ]
    return [(one, _normal(file)) for one, file in files if file]


def _needed(source: object, sources: Sequence[object]) -> Iterator[Needed]:
    if path := text(source, "path"):
        yield Needed(_normal(path), *_origin(source))
    if path and inside(source, "helm"):
        yield Needed(_normal(f"{path}/{CHART}"), *_origin(source))
    if inside(source, "helm", "ignoreMissingValueFiles"):
        return
    by_name = {text(one, "ref"): one for one in sources if text(one, "ref")}
    for said, path in _values(source):
        if _FOUND_LATER.search(said):
            continue
        is_elsewhere = said.startswith("$")
        of = by_name.get(said[1:].partition("/")[0]) if is_elsewhere else source
        yield Needed(path, *_origin(of))


def _origin(source: object) -> tuple[str, str]:
    return named_by(text(source, "repoURL")), text(source, "targetRevision")


def _flux_origin(one: Document, sources: Iterable[Document]) -> tuple[str, ...]:
    kind, name = (text(one.value, "spec", "sourceRef", key) for key in ("kind", "name"))
    space = text(one.value, "spec", "sourceRef", "namespace")
    called = (space or _flux_namespace(one.value), name)
    named = [
        source
        for source in sources
        if kind == source.kind
        and called == (_flux_namespace(source.value), text(source.value, "metadata", "name"))
    ]
    if not named:
        return (" ".join(filter(None, (kind, space, name))),)
    # Clusters have sources of the same name, each in its own folder.
    source = max(named, key=lambda each: len(posixpath.commonprefix([each.file, one.file])))
    ref = table(source.value, "spec", "ref")
    # The first of these counts for Flux, and master where there is none.
    revisions = (text(ref, key) for key in ("commit", "name", "semver", "tag", "branch"))
    revision = next(filter(None, revisions), "master")
    url = text(source.value, "spec", "url")
    return named_by(url), revision, f"GitRepository {name} ({source.file})"


def _flux_namespace(value: object) -> str:
    return text(value, "metadata", "namespace") or "flux-system"


def _normal(path: str) -> str:
    return posixpath.normpath(path).strip("/")
