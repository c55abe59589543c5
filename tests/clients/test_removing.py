"""Removing what other programs left, by somebody whom modes can stop."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tidemill.clients.machine.removing import remove

NOBODY = 65534


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder in which this process is nobody special, not even where root runs the tests."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o777)
        before = os.geteuid()
        if before == 0:
            os.seteuid(NOBODY)
        try:
            yield Path(name)
        finally:
            os.seteuid(before)


def test_folders_without_the_right_to_write_are_removed(folder: Path) -> None:
    place = folder / "home"
    (place / "mod" / "deep").mkdir(parents=True)
    (place / "mod" / "deep" / "file").write_text("x")
    (place / "link").symlink_to("/")
    for left, mode in ((place / "mod" / "deep", 0o500), (place / "mod", 0o000), (place, 0o500)):
        left.chmod(mode)
    remove(place)
    assert not list(folder.iterdir())


def test_link_is_removed_and_not_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "link").symlink_to("kept")
    remove(tmp_path / "link")
    remove(tmp_path / "nothing")
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
