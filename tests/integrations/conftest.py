"""Argo CD's controller for one test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.components.absence import running
from tests.integrations.argocd import Controller, controller


@pytest.fixture
def argocd(tmp_path: Path) -> Iterator[Controller]:
    yield from running(controller(tmp_path))
