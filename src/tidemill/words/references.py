"""References to images, as registries write them: `repository:tag` and `repository@digest`.

The grammar is that of the distribution specification: an optional host with a port, then
lower-case path components.
"""

from __future__ import annotations

import re

from msgspec import Struct

from tidemill.errors import Refused
from tidemill.words.names import shown

_HOST = r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?(?::[0-9]{1,5})?/)?"
_PART = r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*"
_REPOSITORY = rf"(?P<repository>{_HOST}{_PART}(?:/{_PART})*)"
TAG = r"(?P<tag>[A-Za-z0-9_][A-Za-z0-9._-]{0,127})"
_DIGEST = r"(?P<digest>sha256:[0-9a-f]{64})"
_BY_TAG = re.compile(rf"{_REPOSITORY}:{TAG}")
_BY_DIGEST = re.compile(rf"{_REPOSITORY}@{_DIGEST}")
ANY = re.compile(rf"{_REPOSITORY}(?::{TAG})?(?:@{_DIGEST})?")
MAX_LENGTH = 500
DOCKER_HUB = "docker.io"
# What it is called elsewhere; as docker login writes it, first.
OF_DOCKER_HUB = ("index.docker.io", DOCKER_HUB, "registry-1.docker.io")


class Reference(Struct, frozen=True):
    """A parsed reference: at least one of `tag` and `digest` (`sha256:` and 64 hex digits)."""

    repository: str
    tag: str | None = None
    digest: str | None = None


def by_tag(text: str) -> Reference:
    """Parse `repository:tag`; raise `Refused` for anything else."""
    return _parsed(_BY_TAG, text, "repository:tag")


def by_digest(text: str) -> Reference:
    """Parse `repository@sha256:<64 hex>`; raise `Refused` for anything else."""
    return _parsed(_BY_DIGEST, text, "repository@sha256:<64 hex digits>")


def is_tag(text: str) -> bool:
    """Whether a registry takes `text` as a tag (distribution-spec, "Pulling manifests")."""
    return re.fullmatch(TAG, text) is not None


def running(text: str) -> Reference:
    """Parse what a target says it runs: a repository with a tag, a digest, or both."""
    reference = _parsed(ANY, text, "repository[:tag][@sha256:<64 hex digits>]")
    if reference.tag is None and reference.digest is None:
        raise Refused(
            f"the image {shown(text)} has neither tag nor digest",
            remedy="give the reference that runs, in full",
        )
    return reference


def canonical(repository: str) -> str:
    """A repository with its host, as registries resolve it: `x` is `docker.io/library/x`."""
    host, slash, rest = repository.partition("/")
    if not slash or not ("." in host or ":" in host or host == "localhost"):
        host, rest = DOCKER_HUB, repository
    if host.lower() in OF_DOCKER_HUB:
        host, rest = DOCKER_HUB, rest if "/" in rest else f"library/{rest}"
    return f"{host}/{rest}"


def registry_of(repository: str) -> str:
    """The `host[:port]` of a repository's registry."""
    return canonical(repository).partition("/")[0].lower()


def in_lower_case(text: str) -> str | None:
    """What a reference is without its capitals, if these are what keeps it from being one."""
    found = re.fullmatch(ANY.pattern, text, re.IGNORECASE) if len(text) <= MAX_LENGTH else None
    if found is None or ANY.fullmatch(text):
        return None
    repository = found["repository"]
    lower = text.replace(repository, repository.lower(), 1)
    return lower if ANY.fullmatch(lower) else None


def capitals(text: str) -> Refused | None:
    """What is wrong with a reference, if that is its capitals."""
    lower = in_lower_case(text)
    if lower is None:
        return None
    return Refused(
        f"the name of the image {shown(text)} has capitals, which no registry takes",
        remedy=f"write {lower}",
    )


def _parsed(form: re.Pattern[str], text: str, wanted: str) -> Reference:
    found = form.fullmatch(text) if len(text) <= MAX_LENGTH else None
    if found is None:
        raise capitals(text) or Refused(
            f"{shown(text)} is not an image reference of the form {wanted}",
            remedy="give it in that form",
        )
    parts = found.groupdict()
    return Reference(parts["repository"], parts.get("tag"), parts.get("digest"))
