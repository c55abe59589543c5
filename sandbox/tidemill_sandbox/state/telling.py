"""Tells listeners what happened: each event to each of them, in order, from one thread."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

from tidemill_sandbox.state.shapes import Event

Listener = Callable[[Event], None]


class Teller:
    """A queue of events and the thread that empties it.

    Args:
        complain: is given one sentence where a listener fails; the others hear of the event still.
    """

    def __init__(self, complain: Callable[[str], None]) -> None:
        self._complain = complain
        self._listeners: list[Listener] = []
        self._queue: queue.Queue[Event | None] = queue.Queue()
        self._thread = threading.Thread(target=self._work, name="events", daemon=True)
        self._thread.start()

    def listen(self, listener: Listener) -> None:
        """Tell `listener` every event from now on."""
        self._listeners.append(listener)

    def tell(self, event: Event) -> None:
        """Tell it soon; nobody hears of it after the end."""
        if self._thread.is_alive():
            self._queue.put(event)

    def settle(self) -> None:
        """Wait until every event so far has been told."""
        self._queue.join()

    def close(self) -> None:
        """Tell what is still to tell, and end."""
        self._queue.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (event := self._queue.get()) is not None:
            for listener in tuple(self._listeners):
                try:
                    listener(event)
                except Exception as error:  # one may not stop the others
                    self._complain(f"a listener failed on {event.name}: {error!r}")
            self._queue.task_done()
        self._queue.task_done()
