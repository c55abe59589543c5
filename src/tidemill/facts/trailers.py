"""The message of an automatic commit, with trailers that `git interpret-trailers` reads."""

from __future__ import annotations

import re
from typing import get_args

from tidemill.announcing.order import MAX_GENERATION
from tidemill.facts.operation import Kind, Operation
from tidemill.words.names import MAX_POSITION, SHA, UNPRINTABLE, is_name, is_repository
from tidemill.words.shas import short

_PREFIX = "Autocommit-"
_POSITION = re.compile(r"[0-9]{1,16}")

_VERBS = {
    "introduce": "Introduce",
    "promote": "Promote",
    "roll back": "Roll back to",
    "hotfix": "Hotfix",
}


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
    where = "to" if operation.kind in ("introduce", "promote") else "in"
    what = (
        f"{_VERBS[operation.kind]} {operation.set} {short(operation.app_sha, '(an unknown set)')}"
    )
    return f"{what} {where} {operation.wave}"


def trailers(operation: Operation) -> dict[str, str]:
    """The trailers by name; those that do not apply are left out."""
    promoted_from = (
        f"{operation.source}@{operation.commit}" if operation.kind == "promote" else None
    )
    values = {
        "Autocommit-App-SHA": operation.app_sha,
        "Autocommit-Target": operation.wave,
        "Autocommit-Reason": operation.reason,
        "Autocommit-Removes": operation.removed.removeprefix("removes: "),
        "Autocommit-App-Repository": operation.repository,
        "Autocommit-App-Position": str(operation.position) if operation.position else None,
        "Autocommit-App-Generation": str(operation.generation)
        if operation.generation > 1
        else None,
        "Autocommit-Image-Set": None if operation.is_regeneration else operation.set,
        "Autocommit-Operation": operation.kind,
        "Autocommit-Promoted-From": promoted_from,
        "Autocommit-Request": operation.request,
    }
    return {key: value for key, value in values.items() if value}


def parse(text: str) -> Operation | None:
    """The operation on a set that an automatic commit did; None for any other commit.

    The inverse of `message`, but for what no trailer says whole: `content`, `at`, override,
    `rewrites`, `removes`.
    Whoever may write to main may have written it, so every value has to be what it may be.
    """
    found = {}
    for line in text.rstrip().rpartition("\n\n")[2].splitlines():
        key, _, value = line.partition(": ")
        found[key.removeprefix(_PREFIX)] = value if key.startswith(_PREFIX) else ""
    kind = next((one for one in get_args(Kind) if one == found.get("Operation")), None)
    position, generation = found.get("App-Position", "0"), found.get("App-Generation", "1")
    wave, set_name = found.get("Target", ""), found.get("Image-Set", "")
    app_sha, repository = found.get("App-SHA"), found.get("App-Repository")
    source, _, commit = found.get("Promoted-From", "").partition("@")
    if (
        kind is None
        or not (is_name(wave) and is_name(set_name))
        or (app_sha is not None and not SHA.fullmatch(app_sha))
        or (repository is not None and not is_repository(repository))
        or not (_POSITION.fullmatch(position) and int(position) <= MAX_POSITION)
        or not (_POSITION.fullmatch(generation) and 1 <= int(generation) <= MAX_GENERATION)
        or not (source == commit == "" or (is_name(source) and SHA.fullmatch(commit)))
    ):
        return None
    return Operation(
        kind=kind,
        wave=wave,
        set=set_name,
        app_sha=app_sha,
        position=int(position),
        generation=int(generation),
        repository=repository,
        content="",
        request=found.get("Request"),
        source=source or None,
        commit=commit or None,
        reason=found.get("Reason", ""),
    )
