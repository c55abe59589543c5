"""A limit on how long something takes in all; those of connections begin anew at each byte."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

_T = TypeVar("_T")


class TookTooLong(Exception):
    """It was not done in time; it goes on, and nobody waits for it."""


def within(seconds: float, work: Callable[[], _T]) -> _T:
    """What `work` returns or raises.

    Raises:
        TookTooLong: that takes longer than `seconds`.
    """
    done: Future[_T] = Future()

    def run() -> None:
        try:
            done.set_result(work())
        except BaseException as error:
            done.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    try:
        return done.result(seconds)
    except TimeoutError:
        if done.done():
            raise
        raise TookTooLong from None
