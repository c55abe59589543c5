"""A process that is spoken to: what it says, in time or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.clients.places import eventually, is_alive, pids

from tidemill.clients.machine.pipes import Pipe
from tidemill.errors import TimeLimit


@contextmanager
def spoken_to(script: str, seconds: float = 20) -> Iterator[Pipe]:
    pipe = Pipe(["sh", "-c", script], "sh", cwd=Path.cwd(), env=dict(os.environ))
    pipe.allow(seconds)
    try:
        yield pipe
    finally:
        pipe.close()


def test_lines_and_bytes_come_as_they_were_said() -> None:
    with spoken_to("printf 'one\\ntwo\\n'; cat") as pipe:
        assert pipe.line() == b"one"
        assert pipe.exactly(2) == b"tw"
        assert pipe.line() == b"o"
        pipe.write(b"said")
        assert pipe.exactly(4) == b"said"
        assert pipe.ended() == (0, "")


def test_more_goes_through_than_a_pipe_holds() -> None:
    data = os.urandom(3_000_000)
    with spoken_to("wc -c; exit 3") as pipe:
        pipe.write(data)
        code, _ = pipe.ended()
        assert code == 3
        assert int(pipe.line()) == len(data)


def test_end_before_all_was_said_is_told_and_errors_are_kept() -> None:
    with spoken_to("printf abc; echo trouble >&2; exit 1") as pipe:
        with pytest.raises(EOFError):
            pipe.exactly(4)
        assert pipe.ended() == (1, "trouble\n")


def test_what_is_said_to_a_process_that_has_ended_is_no_error() -> None:
    with spoken_to("exit 0") as pipe:
        with pytest.raises(EOFError):
            pipe.line()
        pipe.write(b"x" * 1_000_000)
        assert pipe.ended() == (0, "")


def test_process_that_says_nothing_has_a_time_limit() -> None:
    with spoken_to("sleep 600", 0.1) as pipe, pytest.raises(TimeLimit, match=r"sh took .* 0\.1 s"):
        pipe.exactly(1)


def test_process_that_takes_nothing_has_a_time_limit() -> None:
    with spoken_to("sleep 600", 0.1) as pipe, pytest.raises(TimeLimit):
        pipe.write(b"x" * 1_000_000)


def test_process_that_does_not_end_has_a_time_limit() -> None:
    with spoken_to("sleep 600", 0.1) as pipe, pytest.raises(TimeLimit):
        pipe.ended()


def test_all_that_it_started_ends_with_it(tmp_path: Path) -> None:
    started = tmp_path / "started"
    script = f"sleep 600 & echo $! >> {started}; echo $$ >> {started}; echo; wait"
    with spoken_to(script) as pipe:
        pipe.line()
    assert len(pids(started)) == 2
    assert eventually(lambda: not any(is_alive(pid) for pid in pids(started)))
