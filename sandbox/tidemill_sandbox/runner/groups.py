"""Concurrency groups: who may run, who waits, and who is cancelled (facts, section 2)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

MOST_PENDING = 100


@dataclass(frozen=True)
class Wish:
    """A `concurrency:`; `queue_max` is `queue: max`, else one waits and the next replaces it."""

    group: str
    cancel_in_progress: bool = False
    queue_max: bool = False


@dataclass(eq=False)
class Entry:
    """A run or a job in a group; `cancel` ends it where it runs."""

    cancel: Callable[[], None]
    is_running: bool = False
    is_cancelled: bool = False


@dataclass
class _Group:
    running: Entry | None = None
    pending: list[Entry] = field(default_factory=list)


class Groups:
    """The groups of all repositories; their names know no case."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._groups: dict[tuple[str, str], _Group] = {}
        self._line: list[int] = []
        self._last = 0

    def line_up(self) -> int:
        """A number in the line of those that will enter: they do so in the order of these."""
        with self._changed:
            self._last += 1
            self._line.append(self._last)
            return self._last

    def step_out(self, number: int) -> None:
        """It has entered, or never will."""
        with self._changed:
            if number in self._line:
                self._line.remove(number)
                self._changed.notify_all()

    def enter(self, repository: str, wish: Wish, entry: Entry, number: int | None = None) -> None:
        """Take a place in a group; `wait` then says whether its turn has come."""
        to_cancel: Entry | None = None
        with self._changed:
            if number is not None:
                self._changed.wait_for(lambda: self._line[:1] == [number])
                self._line.remove(number)
            group = self._groups.setdefault(_key(repository, wish), _Group())
            if wish.queue_max and len(group.pending) >= MOST_PENDING:
                entry.is_cancelled = True
            else:
                if not wish.queue_max:
                    for replaced in group.pending:
                        replaced.is_cancelled = True
                    group.pending.clear()
                if wish.cancel_in_progress:
                    to_cancel = group.running
                group.pending.append(entry)
                _promote(group)
            self._changed.notify_all()
        if to_cancel is not None:
            to_cancel.cancel()

    def wait(self, entry: Entry) -> bool:
        """Wait until it may run: True; or it was cancelled: False."""
        with self._changed:
            self._changed.wait_for(lambda: entry.is_running or entry.is_cancelled)
            return not entry.is_cancelled

    def withdraw(self, entry: Entry) -> None:
        """Cancel an entry that waits."""
        with self._changed:
            entry.is_cancelled = True
            self._changed.notify_all()

    def leave(self, repository: str, wish: Wish, entry: Entry) -> None:
        """It has ended, or was cancelled: the next one may run."""
        with self._changed:
            group = self._groups[_key(repository, wish)]
            if group.running is entry:
                group.running = None
            if entry in group.pending:
                group.pending.remove(entry)
            _promote(group)
            self._changed.notify_all()


def _promote(group: _Group) -> None:
    if group.running is None and group.pending:
        group.running = group.pending.pop(0)
        group.running.is_running = True


def _key(repository: str, wish: Wish) -> tuple[str, str]:
    return repository.lower(), wish.group.lower()
