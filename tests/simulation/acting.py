"""A command that goes on one step at a time, so that others act between its steps."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tests.simulation.actors import Deed, do
from tests.simulation.memory import Killed, Server


class Acting:
    """A command on its way.

    Attributes:
        stands_at: what it does to the server next: `list`, `push`, or `pushed`, where the server
            has answered a push and the command does not know it yet; None once it has ended.
        deed: what became of it, once it has ended.
    """

    def __init__(
        self, server: Server, now: datetime, command: str, arguments: Mapping[str, Any]
    ) -> None:
        self.stands_at: str | None = None
        self.deed: Deed | None = None
        self._error: BaseException | None = None
        self._dies = False
        self._go, self._back = threading.Semaphore(0), threading.Semaphore(0)
        given = (server, now, command, arguments, self._stop)
        threading.Thread(target=self._act, args=given, daemon=True).start()
        self._back.acquire()
        self._check()

    def go(self, *, dies: bool = False) -> None:
        """Do what it stands at, and what follows until it meets the server again; or let it die.

        Raises:
            BaseException: what broke in it, such as a rule.
        """
        self._dies = dies
        self._go.release()
        self._back.acquire()
        self._check()

    def _check(self) -> None:
        if self._error is not None:
            raise self._error

    def _act(self, *given: Any) -> None:
        try:
            self.deed = do(*given)
        except BaseException as error:
            self._error = error
        self.stands_at = None
        self._back.release()

    def _stop(self, what: str) -> None:
        self.stands_at = what
        self._back.release()
        self._go.acquire()
        if self._dies:
            raise Killed
