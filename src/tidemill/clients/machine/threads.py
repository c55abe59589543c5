"""The threads of one run: images side by side, blobs on their way, pieces that are compressed."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from types import TracebackType
from typing import Any, Self, TypeVar

from tidemill.clients.machine import processes

_SIDE_BY_SIDE = 8
_CONNECTIONS = 8
# What is on its way to a slow registry may take longer; who interrupts does not want to wait.
_GRACE = 5.0
_T = TypeVar("_T")
_R = TypeVar("_R")


class Interrupted(Exception):
    """The run is to end, so this is not wanted any more."""


class Threads:
    """All threads of a run. When it is interrupted, they end as soon as they can.

    `workers` compress, `lines` send; what runs on neither is done by `each`.

    Args:
        side_by_side: how much `each` does at once.
    """

    def __init__(self, side_by_side: int = _SIDE_BY_SIDE) -> None:
        self._stopped = threading.Event()
        self._of_others = processes.children()
        self.workers = _Pool(os.cpu_count() or 1, self.go_on)
        self.lines = _Pool(_CONNECTIONS, self.go_on)
        self._several = _Pool(side_by_side, self.go_on)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        is_over = error is None or isinstance(error, Exception)
        if not is_over:
            self._stopped.set()
        for pool in (self._several, self.lines, self.workers):
            pool.shutdown(wait=is_over)

    def go_on(self) -> None:
        """Raise `Interrupted` if the run is to end; what takes long asks now and then."""
        if self._stopped.is_set():
            raise Interrupted

    def each(self, act: Callable[[_T], _R], things: Sequence[_T]) -> list[_R]:
        """Do it for each, side by side; after the first error nothing new is begun."""
        running: list[Future[_R]] = [self._several.submit(act, thing) for thing in things]
        try:
            wait(running, return_when=FIRST_EXCEPTION)
            for future in running:
                future.cancel()
            wait(running)
        except BaseException:
            self._stopped.set()
            for child in processes.children() - self._of_others:
                processes.end_group(child)
            wait(running, _GRACE)
            raise
        for future in running:
            if not future.cancelled() and (error := future.exception()) is not None:
                raise error
        return [future.result() for future in running]


class _Pool(ThreadPoolExecutor):
    """Threads that begin nothing any more when the run is to end.

    Work is not taken back from them: who waits for work that was would wait for ever.
    """

    def __init__(self, size: int, go_on: Callable[[], None]) -> None:
        super().__init__(size)
        self._go_on = go_on

    def submit(self, fn: Callable[..., _R], /, *args: Any, **kwargs: Any) -> Future[_R]:
        def work() -> _R:
            self._go_on()
            return fn(*args, **kwargs)

        self._go_on()
        return super().submit(work)
