"""What the fixtures hand to tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Registry:
    """Debian's docker-registry, on a loopback port, over plain HTTP."""

    host: str  # "127.0.0.1:PORT", as names of images begin
    folder: Path  # configuration, storage and log
    storage: Path
    log: Path
    stop: Callable[[], None]
    user: str | None = None
    password: str | None = None

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    def name(self, repository: str) -> str:
        """The name of a repository in it."""
        return f"{self.host}/{repository}"


class StartRegistry(Protocol):
    """Starts a registry of one's own; `overrides` are merged deeply into its configuration."""

    def __call__(self, overrides: Mapping[str, object] | None = None) -> Registry: ...


@dataclass(frozen=True)
class BuildKit:
    """A buildkitd without Docker, and a buildx that builds on it."""

    address: str  # "unix://..."
    version: str
    go: str  # the release of Go that compiled it, such as "go1.26.8"
    builder: str  # its name in buildx, where it is also the default
    buildx: Path
    docker: Path  # Debian 12's client, to which buildx is a plugin
    config: Path  # DOCKER_CONFIG; BUILDX_CONFIG is inside it
    environment: dict[str, str]  # a whole one, for `buildx ...` and `docker buildx ...`
    log: Path


@dataclass(frozen=True)
class Engine:
    """A Docker Engine with its own client; its containers have no network, or the host's."""

    host: str  # DOCKER_HOST, "unix://..."
    version: str
    docker: Path
    buildx: Path | None
    config: Path  # DOCKER_CONFIG
    environment: dict[str, str]  # a whole one, for `docker ...`
    log: Path
