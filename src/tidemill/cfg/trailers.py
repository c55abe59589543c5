"""The message of an automatic commit, with trailers that `git interpret-trailers` reads."""

from __future__ import annotations

from tidemill.app.names import UNPRINTABLE
from tidemill.cfg.operation import Operation

_VERBS = {"introduce": "Introduce", "promote": "Promote", "roll back": "Roll back to"}


def message(operation: Operation) -> str:
    """The whole commit message of an operation.

    Raises:
        ValueError: a value could forge a trailer; the edge should have refused it.
    """
    lines = [f"{key}: {value}" for key, value in trailers(operation).items()]
    if bad := [line for line in lines if UNPRINTABLE.search(line)]:
        raise ValueError(f"not a trailer: {bad[0]!r}")
    return f"{_subject(operation)}\n\n" + "\n".join(lines) + "\n"


def _subject(operation: Operation) -> str:
    if operation.kind == "regenerate":
        return f"Regenerate {operation.wave} after {operation.after}"
    sha = operation.app_sha or "an unknown set"
    where = {"introduce": "to", "promote": "to", "roll back": "in"}[operation.kind]
    return f"{_VERBS[operation.kind]} {operation.set} {sha[:12]} {where} {operation.wave}"


def trailers(operation: Operation) -> dict[str, str]:
    """The trailers by name; those that do not apply are left out."""
    promoted_from = (
        f"{operation.source}@{operation.commit}" if operation.kind == "promote" else None
    )
    values = {
        "Autocommit-App-SHA": operation.app_sha,
        "Autocommit-Target": operation.wave,
        "Autocommit-Reason": operation.reason,
        "Autocommit-App-Repository": operation.repository,
        "Autocommit-App-Position": str(operation.position) if operation.position else None,
        "Autocommit-Image-Set": None if operation.is_regeneration else operation.set,
        "Autocommit-Operation": operation.kind,
        "Autocommit-Promoted-From": promoted_from,
        "Autocommit-Request": operation.request,
    }
    return {key: value for key, value in values.items() if value}
