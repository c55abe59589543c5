"""The simulation's Git in memory does what real Git does: otherwise its rules would prove nothing.

Longer histories, and more of them:

    python -m tests.simulation --twins --seed 100 --histories 100 --length 15
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import pytest

from tests.simulation.memory import Client
from tests.simulation.twins import Differs, tell_twice

SEEDS, BATCH = 20, 5


@pytest.mark.parametrize("first", range(0, SEEDS, BATCH))
def test_memory_and_real_git_tell_the_same_story(first: int, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)  # what generates runs as nobody
    for seed in range(first, first + BATCH):
        folder = tmp_path / str(seed)
        folder.mkdir()
        tell_twice(seed, 5, folder)


def test_memory_that_does_something_else_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = Client.write

    def write(
        self: Client, files: Mapping[str, bytes], parent: str | None, message: str, date: datetime
    ) -> str:
        return sound(self, {**files, "more": b""}, parent, message, date)

    monkeypatch.setattr(Client, "write", write)
    with pytest.raises(Differs, match="files of commit"):
        tell_twice(2, 6, tmp_path)
