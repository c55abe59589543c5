"""Work that is done beside, and waited for so long at most; what goes on then ends with the run.

The limits of connections begin anew at each byte, so what takes them needs one for the whole, too.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

_T = TypeVar("_T")


class Late(Exception):
    """It was not done in time; it goes on, and nobody waits for it."""


class Beside(Generic[_T]):
    """Work that has begun.

    Args:
        seconds: how long it may take from now on, until `result` gives it up.
    """

    def __init__(self, work: Callable[[], _T], seconds: float) -> None:
        from concurrent.futures import Future  # which most commands don't need

        self.until = time.monotonic() + seconds
        self._done: Future[_T] = Future()
        threading.Thread(target=self._do, args=(work,), daemon=True).start()

    def result(self) -> _T:
        """What it gave, or raised; raises `Late` where that takes too long."""
        try:
            return self._done.result(max(0.0, self.until - time.monotonic()))
        except TimeoutError:
            if self._done.done():
                raise
            raise Late from None

    def _do(self, work: Callable[[], _T]) -> None:
        try:
            self._done.set_result(work())
        except BaseException as error:
            self._done.set_exception(error)
