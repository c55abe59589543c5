"""The environment that a command runs in."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.conftest import process_as_it_was

from tidemill.clients.machine.environment import outside

ASCII = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
WORDS = ("compare", "oci:é", "oci:é")
FROM_PYTHON = "import sys; from tidemill.__main__ import main; sys.exit(main(sys.argv[1:]))"


def run(
    folder: Path, start: Sequence[str], environment: dict[str, str]
) -> subprocess.CompletedProcess[bytes]:
    """Compare an image that is not there with itself."""
    return subprocess.run(
        [sys.executable, *start, *WORDS],
        cwd=folder,
        env={**os.environ, "PYTHONIOENCODING": "utf-8", **environment},
        capture_output=True,
        check=False,
        timeout=60,
    )


def test_names_of_files_are_utf_8_whatever_the_locale(tmp_path: Path) -> None:
    start = ("-m", "tidemill")
    wanted, done = (run(tmp_path, start, locale) for locale in ({}, ASCII))
    assert "é" in wanted.stderr.decode()
    assert (done.returncode, done.stdout, done.stderr) == (1, wanted.stdout, wanted.stderr)


def test_who_can_not_be_started_anew_is_told_what_to_set(tmp_path: Path) -> None:
    start = ("-c", FROM_PYTHON)
    done = run(tmp_path, start, ASCII)
    assert done.returncode == 1
    assert b"names of files are ascii here, and not UTF-8" in done.stderr
    for remedy in ({"PYTHONUTF8": "1"}, {"LC_ALL": "C.UTF-8"}):
        assert b"names of files" not in run(tmp_path, start, ASCII | remedy).stderr


def test_what_a_test_does_to_its_process_is_gone_before_the_next(tmp_path: Path) -> None:
    before, folder = dict(os.environ), Path.cwd()
    with process_as_it_was():
        os.environ["ONE_MORE"], os.environ["TZ"] = "x", "Asia/Tokyo"
        del os.environ["GIT_COMMITTER_DATE"]
        os.chdir(tmp_path)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    assert dict(os.environ) == before
    assert Path.cwd() == folder
    assert signal.getsignal(signal.SIGTERM) is not signal.SIG_IGN


PATHS = {
    "nothing to leave out": ("/usr/bin:/bin", "/work/app", "/usr/bin:/bin"),
    "the working directory": (".:/usr/bin::bin:../bin:", None, "/usr/bin"),
    "the workspace": ("/work/app:/work/app/bin:/bin:/work/apple", "/work/app", "/bin:/work/apple"),
    "the workspace by another way": ("/work/other/../app/bin:/bin", "/work/app", "/bin"),
    "all of it": (".:bin", "/work/app", "/usr/bin:/bin"),
    "none is set": ("", None, "/usr/bin:/bin"),
}  # fmt: skip


@pytest.mark.parametrize(("given", "workspace", "kept"), PATHS.values(), ids=PATHS.keys())
def test_programs_are_looked_for_outside_of_the_checkout(
    given: str, workspace: str | None, kept: str
) -> None:
    assert outside(given, workspace) == kept
