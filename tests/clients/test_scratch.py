"""A folder for one run: gone when the run ends, swept when it was killed."""

import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tidemill.clients.machine import scratch as scratch_module
from tidemill.clients.machine.scratch import scratch

RUN = """
import sys
from tidemill.clients.machine.scratch import scratch
with scratch() as folder:
    (folder / "something").write_text("x")
    print(folder, flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the folders of this test's runs are."""
    folder = tmp_path / "place"
    folder.mkdir()
    monkeypatch.setenv("TIDEMILL_TMPDIR", str(folder))
    return folder


def another_run() -> tuple[subprocess.Popen[str], Path]:
    """A run of another process, which is in the middle of its work."""
    process = subprocess.Popen(
        [sys.executable, "-c", RUN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def ended(process: subprocess.Popen[str]) -> int:
    with process:
        return process.wait(300)


def test_folder_is_private_and_gone_at_the_end(place: Path) -> None:
    with scratch() as folder:
        assert folder.parent == place
        assert folder.stat().st_mode & 0o077 == 0
        (folder / "below").mkdir()
        (folder / "below" / "file").touch()
    assert list(place.iterdir()) == []


def test_folder_is_gone_after_an_error_too(place: Path) -> None:
    with pytest.raises(KeyError), scratch():
        raise KeyError
    assert list(place.iterdir()) == []


def test_two_runs_have_two_folders(place: Path) -> None:
    with scratch() as one, scratch() as other:
        assert one != other
        assert one.is_dir()
        assert other.is_dir()
    assert list(place.iterdir()) == []


def test_folder_of_a_run_that_was_killed_is_swept_by_the_next(place: Path) -> None:
    process, left = another_run()
    process.send_signal(signal.SIGKILL)
    assert ended(process) == -signal.SIGKILL
    assert left.is_dir()
    with scratch() as folder:
        assert not left.exists()
        assert list(place.iterdir()) == [folder]


KILLED_AT_THE_END = """
import os, shutil, sys
from tidemill.clients.machine.scratch import scratch

def rmtree(folder, **_):
    (folder / "lock").unlink()
    os.kill(os.getpid(), 9)

shutil.rmtree = rmtree
with scratch() as folder:
    (folder / "something").write_text("x")
"""


def test_folder_of_a_run_that_was_killed_while_it_removed_it_is_swept_by_the_next(
    place: Path,
) -> None:
    """Its lock may be what went first, and others may have folders that never had one."""
    done = subprocess.run([sys.executable, "-c", KILLED_AT_THE_END], check=False)
    assert done.returncode == -signal.SIGKILL
    (left,) = place.iterdir()
    packages = place / f"tidemill-{os.getuid()}-4711-123" / "packages"
    packages.mkdir(parents=True)
    with scratch() as folder:
        assert not left.exists()
        assert sorted(place.iterdir()) == sorted([folder, packages.parent])
    assert packages.is_dir()


def test_folder_that_nobody_locked_is_swept_when_no_start_takes_that_long(place: Path) -> None:
    """Whoever made it may be about to lock it."""
    old, new = (place / f".tidemill-new-{os.getuid()}-{name}" for name in ("old", "new"))
    for folder in (old, new):
        folder.mkdir()
    os.utime(old, (0, 0))
    with scratch() as folder:
        assert sorted(place.iterdir()) == sorted([folder, new])


def test_folder_of_a_run_that_lives_is_left_alone(place: Path) -> None:
    process, living = another_run()
    with scratch():
        assert (living / "something").read_text() == "x"
    assert living.is_dir()
    process.communicate("\n", timeout=300)
    assert process.returncode == 0
    assert list(place.iterdir()) == []


def test_run_that_was_ended_by_a_signal_leaves_nothing(place: Path) -> None:
    script = RUN.replace(
        "import sys", "import sys, signal; signal.signal(15, lambda *_: sys.exit(1))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.terminate()
    assert ended(process) == 1
    assert list(place.iterdir()) == []


def test_folder_is_not_swept_between_being_made_and_being_locked(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another run begins at the very moment at which this one has made its folder."""
    real = fcntl.flock
    seen: list[int] = []

    def flock(file: int, how: int) -> None:
        if not seen:
            seen.append(how)
            with scratch():
                pass
        real(file, how)

    monkeypatch.setattr(fcntl, "flock", flock)
    with scratch() as folder:
        assert folder.is_dir()
    assert seen


def test_folder_that_is_not_ours_is_left_alone(place: Path) -> None:
    others = [place / "tidemill-other", place / f"tidemill-{os.getuid() + 1}-x", place / "x"]
    for other in others:
        other.mkdir()
        (other / "lock").touch()
    with scratch():
        pass
    assert sorted(place.iterdir()) == sorted(others)


def test_without_a_wish_memory_is_used_where_there_is_room(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    memory = tmp_path / "memory"
    memory.mkdir()
    monkeypatch.setattr(scratch_module, "_MEMORY", memory)
    monkeypatch.setattr(scratch_module, "_ROOM", 1)
    with scratch() as folder:
        assert folder.parent == memory
    monkeypatch.setattr(scratch_module, "_ROOM", 2**62)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with scratch() as folder:
        assert folder.parent == tmp_path
    monkeypatch.setattr(scratch_module, "_MEMORY", tmp_path / "nowhere")
    with scratch() as folder:
        assert folder.parent == tmp_path
