"""A process that is spoken to while it runs: each reading and writing has a time limit."""

from __future__ import annotations

import os
import select
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, cast

from tidemill.clients.machine.processes import end, too_slow

_MOST = 1 << 20  # bytes that are read at once


class Pipe:
    """The process of a command, in a group of its own, that is ended by `close`.

    Args:
        name: what to call it in an error.
        env: its whole environment.

    Raises:
        FileNotFoundError: there is no such program.
    """

    def __init__(
        self, command: Sequence[str], name: str, *, cwd: Path, env: Mapping[str, str]
    ) -> None:
        self._name = name
        self._rest = bytearray()
        self._seconds, self._end = 0.0, 0.0
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        try:
            self._process = subprocess.Popen(
                command,
                cwd=cwd,
                env=dict(env),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                bufsize=0,
                start_new_session=True,
            )
        except BaseException:
            self._errors.close()
            raise
        self._in = cast(IO[bytes], self._process.stdin)
        self._out = cast(IO[bytes], self._process.stdout)
        os.set_blocking(self._in.fileno(), False)

    def allow(self, seconds: float) -> None:
        """From now on, what is read and written may take so long altogether."""
        self._seconds, self._end = seconds, time.monotonic() + seconds

    def write(self, data: bytes) -> None:
        """Say something; lost without an error where the process has ended, as reading will show.

        Raises:
            TimeLimit: it is not taken in time.
        """
        left = memoryview(data)
        with suppress(BrokenPipeError):
            while left:
                self._wait(self._in.fileno(), select.POLLOUT)
                with suppress(BlockingIOError):
                    left = left[os.write(self._in.fileno(), left) :]

    def exactly(self, size: int) -> bytes:
        """The next so many bytes that it says.

        Raises:
            EOFError: it ended before.
            TimeLimit: they do not come in time.
        """
        while len(self._rest) < size:
            self._read_on()
        found = bytes(self._rest[:size])
        del self._rest[:size]
        return found

    def line(self) -> bytes:
        """The next line that it says, without its end.

        Raises:
            EOFError, TimeLimit: as `exactly`.
        """
        while (end := self._rest.find(b"\n")) < 0:
            self._read_on()
        return self.exactly(end + 1)[:-1]

    def ended(self) -> tuple[int, str]:
        """Let it end by itself, now that nothing more is said; its exit code, and its errors.

        Raises:
            TimeLimit: it does not end in time.
        """
        self._in.close()
        try:
            code = self._process.wait(max(0.0, self._end - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise too_slow(self._name, self._seconds) from None
        self._errors.seek(0)
        return code, self._errors.read().decode(errors="replace")

    def close(self) -> None:
        """End it, and all that it started."""
        end(self._process)
        for file in (self._in, self._out, self._errors):
            with suppress(OSError):
                file.close()

    def _read_on(self) -> None:
        self._wait(self._out.fileno(), select.POLLIN)
        more = os.read(self._out.fileno(), _MOST)
        if not more:
            raise EOFError
        self._rest += more

    def _wait(self, descriptor: int, event: int) -> None:
        poll = select.poll()
        poll.register(descriptor, event)
        if not poll.poll(max(0.0, self._end - time.monotonic()) * 1000):
            raise too_slow(self._name, self._seconds)
