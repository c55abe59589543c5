"""The fixtures: started when the first test asks for one, and once in each process of pytest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.components import browsers, buildkits, engines, prometheus, registries
from tests.components.absence import Missing, absent, running
from tests.components.browsers import Browser
from tests.components.node import GITHUB_PACKAGES
from tests.components.parts import (
    BUILDKIT_FIRST,
    BUILDKIT_SECOND,
    DEBIAN_12,
    RENDERERS,
    SERVER,
    TOOLS,
)
from tests.components.prometheus import Prometheus
from tests.components.shapes import BuildKit, Engine, Registry, StartRegistry
from tests.components.store import Part

ENGINES = {"old_engine", "docker26", "buildkit_go126", "buildkit_go127"}
PROGRAMS = {"skopeo", "crane", "busybox", "renderers", "browser", "axe", "metrics", "nginx"}
REGISTRIES = {"registry", "basic_registry", "start_registry"}


@pytest.hookimpl(tryfirst=True)  # before `-m` picks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test by the components that it uses, itself or through other fixtures."""
    for item in items:
        used = set(getattr(item, "fixturenames", ()))
        if used & ENGINES:
            item.add_marker(pytest.mark.docker)
        if used & REGISTRIES:
            item.add_marker(pytest.mark.registry)
        if used & (ENGINES | REGISTRIES | PROGRAMS):
            item.add_marker(pytest.mark.components)


@pytest.fixture(scope="session")
def start_registry() -> Iterator[StartRegistry]:
    yield from running(registries.registries())


@pytest.fixture(scope="session")
def registry(start_registry: StartRegistry) -> Registry:
    return start_registry()


@pytest.fixture(scope="session")
def basic_registry(start_registry: StartRegistry) -> Iterator[Registry]:
    yield from running(registries.basic(start_registry))


@pytest.fixture(scope="session")
def buildkit_go126() -> Iterator[BuildKit]:
    yield from running(buildkits.buildkit(BUILDKIT_FIRST))


@pytest.fixture(scope="session")
def buildkit_go127() -> Iterator[BuildKit]:
    yield from running(buildkits.buildkit(BUILDKIT_SECOND))


@pytest.fixture(scope="session")
def old_engine() -> Iterator[Engine]:
    yield from running(engines.old_engine())


@pytest.fixture(scope="session")
def docker26() -> Iterator[Engine]:
    yield from running(engines.docker26())


@pytest.fixture(scope="session")
def skopeo() -> Path:
    return _prepared(DEBIAN_12) / "wrapped" / "skopeo"


@pytest.fixture(scope="session")
def crane() -> Path:
    return _prepared(TOOLS) / "crane"


@pytest.fixture(scope="session")
def renderers() -> Path:
    """The folder of kustomize and helm."""
    return _prepared(RENDERERS)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A Chromium without a screen."""
    yield from running(browsers.browser())


@pytest.fixture(scope="session")
def axe() -> str:
    """The script of axe-core, whose rules say what keeps people from using a page."""
    return (_prepared(GITHUB_PACKAGES) / "node_modules/axe-core/axe.min.js").read_text()


@pytest.fixture
def metrics() -> Iterator[Prometheus]:
    """A Prometheus that has one metric, which tests set."""
    yield from running(prometheus.prometheus())


@pytest.fixture(scope="session")
def nginx() -> Path:
    return _prepared(SERVER) / "usr" / "sbin" / "nginx"


@pytest.fixture(scope="session")
def busybox() -> Path:
    """A static one: as /bin/sh, it is all the shell that an image needs."""
    return _prepared(DEBIAN_12) / "bin" / "busybox"


def _prepared(part: Part) -> Path:
    try:
        return part.ready()
    except Missing as missing:
        absent(missing)
