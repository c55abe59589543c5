"""A preview: what a promotion would change, made in a scratch checkout. Nothing is written."""

from __future__ import annotations

from tidemill.answers.difference import FileChange, file_change
from tidemill.clients.git.store import Store
from tidemill.errors import Refused
from tidemill.facts.ledger import Landing
from tidemill.facts.operation import AutoCommit, Operation
from tidemill.facts.snapshot import BrokenParent, NewCommit, OperationFailure, Snapshot, Timeout
from tidemill.turn.make import make


def promoted(
    store: Store, known: Snapshot, wave: str, set_name: str, source: str, landing: Landing
) -> AutoCommit:
    """The commit that a promotion onto main would be; it is in the scratch repository alone.

    Raises:
        Refused: the promotion can't be done.
    """
    operation = Operation.copying(
        "promote", wave, set_name, source, landing.point(), reason="to see what it would change"
    )
    match make(store, known, operation, known.main.sha):
        case NewCommit(commit):
            return commit
        case OperationFailure(reason) | Timeout(reason):
            why = reason
        case BrokenParent(reason=reason):
            why = f"main does not generate: {reason}"
    raise Refused(f"the promotion can't be done: {why}", remedy="mend on main what the reason says")


def changes(store: Store, before: str, after: str) -> tuple[FileChange, ...]:
    """The files that differ between two commits, by path."""
    modes = store.differing(before, after)
    there = [*store.objects(before, [*modes])]
    store.fetch_files({before: there})
    had, has = store.files(before, there), store.files(after, [*store.objects(after, [*modes])])
    return tuple(file_change(path, had.get(path), has.get(path), modes[path]) for path in modes)
