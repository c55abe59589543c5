"""A server with a cfg-app.git, and a run that works on it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.clients.bench import FILES, Bench
from tests.clients.own_user import own_user as own_user  # noqa: PLC0414 - it is a fixture
from tests.clients.places import bare
from tests.world import git

from tidemill.clients.git.repository import opened


@pytest.fixture(scope="session")
def _first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built once, then copied: the server, and a person's clone of it."""
    folder = tmp_path_factory.mktemp("first")
    server, clone = bare(folder / "cfg-app.git"), folder / "person"
    git(folder, "clone", "-q", "--template=", str(server), str(clone))
    for name, text in FILES.items():
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        (clone / name).write_text(text)
    git(clone, "add", "-A")
    git(clone, "commit", "-q", "-m", "first")
    git(clone, "push", "-q", "origin", "HEAD:main")
    git(clone, "remote", "set-url", "origin", "../cfg-app.git")
    return folder


@pytest.fixture
def bench(_first: Path, tmp_path: Path) -> Iterator[Bench]:
    """A cfg-app.git with images for lab and shop, and generated files."""
    shutil.copytree(_first, tmp_path, dirs_exist_ok=True)
    server = tmp_path / "cfg-app.git"
    with opened(str(server)) as repository:
        yield Bench(server, repository, tmp_path / "person")
