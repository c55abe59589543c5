"""The threads of one run: images side by side, blobs on their way, pieces that are compressed."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from types import TracebackType
from typing import Self, TypeVar

_SIDE_BY_SIDE = 8
_CONNECTIONS = 8
# What is on its way to a slow registry may take longer; who interrupts does not want to wait.
_GRACE = 5.0
_T = TypeVar("_T")
_R = TypeVar("_R")


class Interrupted(Exception):
    """The run is to end, so this is not wanted any more."""


class Hands:
    """All threads of a run. When it is interrupted, they end as soon as they can.

    `workers` compress, `lines` send; what runs on neither is done by `each`.
    """

    def __init__(self) -> None:
        self.workers = ThreadPoolExecutor(os.cpu_count())
        self.lines = ThreadPoolExecutor(_CONNECTIONS)
        self._several = ThreadPoolExecutor(_SIDE_BY_SIDE)
        self._stopped = threading.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        is_over = error is None or isinstance(error, Exception)
        for pool in (self._several, self.lines, self.workers):
            pool.shutdown(wait=is_over, cancel_futures=True)

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
            self._stop(running)
            raise
        for future in running:
            if not future.cancelled() and (error := future.exception()) is not None:
                raise error
        return [future.result() for future in running]

    def _stop(self, running: Sequence[Future[_R]]) -> None:
        self._stopped.set()
        for pool in (self._several, self.lines, self.workers):
            pool.shutdown(wait=False, cancel_futures=True)
        wait(running, _GRACE)
