"""Whether commands can be given a user of their own on this machine: a fixture."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from tests.components.absence import Missing, absent

from tidemill.clients.machine.enclosure import NotEnclosed
from tidemill.clients.machine.entrypoints import run_entry_point


@pytest.fixture
def own_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands have a user of their own, as in GitHub Actions."""
    monkeypatch.setenv("TIDEMILL_ENTRYPOINTS", "own-user")
    with tempfile.TemporaryDirectory() as folder:
        work, home = Path(folder, "work"), Path(folder, "home")
        work.mkdir()
        home.mkdir()
        try:
            run_entry_point("true", folder=work, home=home, seconds=60)
        except NotEnclosed as error:
            absent(Missing(error.what, error.remedy))
