"""In a CI, without the right to run entry points as another user: nothing of them is run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.world import World, announcement

SRC = Path(__file__).resolve().parents[2] / "src"
# No sudo, and for root no mount: <sys/prctl.h>, <linux/capability.h>
PERSON = """
import ctypes, sys
from tidemill.__main__ import main
DROP_FROM_BOUNDING_SET, SYS_ADMIN, NO_NEW_PRIVILEGES = 24, 21, 38
prctl = ctypes.CDLL(None).prctl
prctl(DROP_FROM_BOUNDING_SET, SYS_ADMIN, 0, 0, 0)
prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0)
sys.exit(main(sys.argv[1:]))
"""
ANNOUNCE = (
    "update-cfg-app", "--repo", "cfg-app.git", "--announcement", "announcement.json",
)  # fmt: skip


class Machine:
    """One where a person without rights runs Tidemill on a cfg-app.git that is theirs."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.ran = folder, folder / "ran"
        entrypoints = f'generate = "touch {self.ran}; python3 generate.py"'
        self.world = World(folder, {"lab": {"targets": ["lab-1"]}}, entrypoints=entrypoints)
        (folder / "announcement.json").write_text(json.dumps(announcement(1)))

    def run(self, command: str, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        environment = {"PYTHONPATH": str(SRC), "HOME": str(self.folder)}
        return subprocess.run(
            [sys.executable, "-c", PERSON, command, *words],
            cwd=self.folder,
            env={**os.environ, **environment, **more},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A set is announced."""
    made = Machine(tmp_path)
    assert made.run(*ANNOUNCE, "--accept-only", CI="true").returncode == 0
    return made


COMMANDS = {
    "a check": ("check-cfg-app", "--repo", "person"),
    "a turn": ("reconcile-cfg-app", "--repo", "cfg-app.git"),
    "what accepts, and turns": ANNOUNCE,
}
WITH = {"any CI": {"CI": "true"}, "a token": {"CI": "", "TIDEMILL_TOKEN": "ghs_0123456789hush"}}


@pytest.mark.parametrize("more", WITH.values(), ids=WITH.keys())
@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS.keys())
def test_without_the_right_the_command_refuses_and_names_the_option(
    machine: Machine, command: tuple[str, ...], more: dict[str, str]
) -> None:
    refused = machine.run(*command, **more)
    assert refused.returncode == 1, refused.stderr
    assert "can't be given a user of their own here" in refused.stderr
    assert "--entrypoints same-user" in refused.stderr
    assert not machine.ran.exists()
    done = machine.run(*command, "--entrypoints", "same-user", **more)
    assert done.returncode == 0, done.stderr
    assert machine.ran.exists()


def test_a_laptop_is_as_before(machine: Machine) -> None:
    done = machine.run(*COMMANDS["a check"], CI="")
    assert done.returncode == 0, done.stderr
    assert machine.ran.exists()


def test_what_runs_no_entry_point_needs_no_right(machine: Machine) -> None:
    words = ("--repo", "cfg-app.git", "--wave", "lab", "--reason", "a freeze")
    assert machine.run("hold-wave", *words, CI="true").returncode == 0
