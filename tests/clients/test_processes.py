"""Processes with a time limit, whose whole process group ends with it."""

import os
import time
from pathlib import Path

import pytest
from tests.clients.places import eventually, is_alive, pids

from tidemill.clients.machine.processes import KEPT_OUTPUT, answer, run
from tidemill.errors import TimeLimit

ENV = {"PATH": os.environ["PATH"]}


def shell(script: str, folder: Path, seconds: float = 60) -> tuple[int, str]:
    ended = run(["sh", "-c", script], cwd=folder, env=ENV, seconds=seconds)
    return ended.code, ended.output


def test_exit_code_and_both_outputs_are_returned(tmp_path: Path) -> None:
    assert shell("echo out; echo err >&2; exit 3", tmp_path) == (3, "out\nerr")


def test_end_of_a_long_output_is_kept(tmp_path: Path) -> None:
    _, output = shell("seq 100000; echo the end", tmp_path)
    assert output.endswith("99999\n100000\nthe end")
    assert len(output) <= KEPT_OUTPUT


def test_environment_is_the_one_that_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "token")
    code, output = shell("env", tmp_path)
    assert code == 0
    assert "SECRET" not in output


def test_input_is_empty(tmp_path: Path) -> None:
    assert shell("cat; echo done", tmp_path) == (0, "done")


def test_end_is_seen_when_it_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever looks now and then sleeps in between, and sees it late."""

    def sleep(seconds: float) -> None:
        pytest.fail(f"slept for {seconds} s")

    monkeypatch.setattr(time, "sleep", sleep)
    command = ["sh", "-c", "sleep 0.1; echo here"]
    for seconds in (60.0, 1e9):
        assert answer(command, env=dict(os.environ), seconds=seconds)[:2] == (0, b"here\n")
        assert run(command, cwd=tmp_path, env=dict(os.environ), seconds=seconds).output == "here"


def test_process_that_takes_too_long_ends_with_its_children(tmp_path: Path) -> None:
    script = "echo $$ > started; sleep 600 & echo $! >> started; wait"
    with pytest.raises(TimeLimit, match="took longer than"):
        shell(script, tmp_path, seconds=3)
    assert eventually(lambda: not any(is_alive(pid) for pid in pids(tmp_path / "started")))


def test_process_that_ignores_signals_is_ended_too(tmp_path: Path) -> None:
    script = "trap '' TERM INT HUP; echo $$ > started; while :; do sleep 1; done"
    with pytest.raises(TimeLimit):
        shell(script, tmp_path, seconds=3)
    assert eventually(lambda: not any(is_alive(pid) for pid in pids(tmp_path / "started")))


def test_what_a_process_leaves_behind_ends_with_it_and_does_not_hold_it_up(tmp_path: Path) -> None:
    """A build server in the background keeps the output open: nobody waits for it."""
    code, output = shell("sleep 600 & echo $! > started; echo done", tmp_path, seconds=60)
    assert (code, output) == (0, "done")
    assert eventually(lambda: not any(is_alive(pid) for pid in pids(tmp_path / "started")))
