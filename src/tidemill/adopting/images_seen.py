"""The images that manifests and values name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from tidemill.adopting.tree import Tree
from tidemill.words import references
from tidemill.words.documents import text

# Registries and owners whose images other people build.
_OF_OTHERS = (
    "docker.io/",
    "gcr.io/distroless/",
    "ghcr.io/fluxcd/",
    "k8s.gcr.io/",
    "mcr.microsoft.com/",
    "public.ecr.aws/",
    "quay.io/argoproj/",
    "quay.io/prometheus/",
    "registry.k8s.io/",
)


def repositories(tree: Tree) -> Counter[str]:
    """How often each repository with a registry is named."""
    named = (name for one in tree.documents for name in _named(one.value))
    parsed = (references.ANY.fullmatch(name) for name in named if len(name) < 300)
    whole = (found["repository"] for found in parsed if found)
    return Counter(one for one in whole if references.canonical(one) == one)


def naming(tree: Tree, prefix: str = "") -> list[str]:
    """The files that name an image, whose name begins so."""
    return [
        one.file
        for one in tree.documents
        if any(name.startswith(prefix) for name in _named(one.value))
    ]


def in_releases(tree: Tree) -> list[str]:
    """The files that name an image in the values of a HelmRelease, where Kustomize puts none."""
    return [
        one.file
        for one in tree.documents
        if one.kind == "HelmRelease" and next(_named(one.value), None)
    ]


def prefix(tree: Tree, owner: str) -> tuple[str, str] | None:
    """What the team's own images begin with, without a slash at its end, and why.

    Args:
        owner: who owns the repository; empty where that is not known.
    """
    found: Counter[str] = Counter()
    for repository in repositories(tree):
        above, _, _ = repository.rpartition("/")
        if not repository.startswith(_OF_OTHERS):
            found[above] += 1
    if not found:
        return (
            (f"ghcr.io/{owner.lower()}", f"no image is named, and {owner} owns this")
            if owner
            else None
        )
    of_owner = [one for one in found if owner and owner.lower() in one.split("/")]
    best = max(of_owner or sorted(found), key=lambda one: found[one])
    return best, f"{found[best]} of the images that files name begin so"


def _named(value: Any, key: str = "") -> Iterator[str]:
    match value:
        case Mapping():
            registry, repository = text(value, "registry"), text(value, "repository")
            if repository:
                yield f"{registry}/{repository}" if registry else repository
            for name, inner in value.items():
                yield from _named(inner, str(name))
        case list():
            for inner in value:
                if key == "images":  # Kustomize's
                    yield from filter(None, (text(inner, "newName") or text(inner, "name"),))
                yield from _named(inner, key)
        case str() if key == "image":
            yield value
