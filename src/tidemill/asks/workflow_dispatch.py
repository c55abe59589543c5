"""`workflow_dispatch`: what a person fills in on the Actions page, or sends with `gh workflow run`.

The workflow's inputs are `operation` and those that it takes; an empty one was not filled in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from tidemill.asks.ask import (
    FROM_GITHUB,
    Ask,
    DropRequest,
    HoldWave,
    Nothing,
    ReleaseWave,
    RetrySet,
    RollBackWave,
    read,
)
from tidemill.asks.promotion_form import promotion
from tidemill.errors import Refused
from tidemill.words.names import shown
from tidemill.words.nearest import no_such

TURN = "turn"
# These say what is meant, so they are never passed over in silence.
_TELLING = ("sha", "id", "override", "until", "at", "announcement")


class _Form(Struct, frozen=True):
    """What an operation takes: the command's option by the input, and which must be there.

    The options are the fields of `ask` as well.
    """

    ask: Callable[..., Ask]
    command: str
    takes: Mapping[str, str]
    needs: tuple[str, ...]


_PLACE = {"wave": "wave", "set": "set"}
_FORMS = {
    "promote": _Form(
        promotion,
        "promote-wave",
        {
            **_PLACE,
            "sha": "sha",
            "override": "override",
            "announcement": "announcement",
        },
        ("wave",),
    ),
    "roll back": _Form(
        RollBackWave,
        "rollback-wave",
        {**_PLACE, "sha": "to", "at": "at", "reason": "reason"},
        ("wave", "reason"),
    ),
    "hold": _Form(
        HoldWave,
        "hold-wave",
        {**_PLACE, "reason": "reason", "until": "until"},
        ("wave", "reason"),
    ),
    "release": _Form(
        ReleaseWave, "release-wave", {**_PLACE, "reason": "reason"}, ("wave", "reason")
    ),
    "drop": _Form(DropRequest, "drop", {"id": "id"}, ("id",)),
    "retry": _Form(RetrySet, "retry", {**_PLACE, "sha": "sha", "override": "override"}, ("sha",)),
}
OPERATIONS = (TURN, *_FORMS)


class _Event(msgspec.Struct):
    inputs: dict[str, Any] | None = None


def ask_of(payload: bytes) -> Ask | Nothing:
    """What a `workflow_dispatch` asks for.

    Raises:
        Refused: there is no such operation, or an input is missing, or one too many.
    """
    given = _filled(read(payload, _Event, "a workflow_dispatch", FROM_GITHUB).inputs or {})
    operation = given.pop("operation", TURN)
    form = _FORMS.get(operation)
    if form is None and operation != TURN:
        raise no_such("operation", operation, OPERATIONS, "as operation choose one of")
    takes = form.takes if form else {}
    for name in given:
        if name in _TELLING and name not in takes:
            raise Refused(f"{operation} takes no {name}", remedy=f"leave {name} empty")
    if form is None:
        return Nothing("a person asked for a turn")
    for name in form.needs:
        if name not in given:
            raise Refused(f"{operation} needs the input {name}", remedy=f"fill in {name}")
    return form.ask(**{option: given[name] for name, option in takes.items() if name in given})


def inputs_of(words: Sequence[str]) -> dict[str, str] | None:
    """The inputs that ask for what a command line asks for; None if the form can't.

    Args:
        words: the command, then `--option` and value in turn; no form has an option without one.
    """
    name, *given = (word for word in words if word != "--sign")  # GitHub knows who it is
    if len(given) % 2:
        return None
    values = dict(zip(given[::2], given[1::2], strict=True))
    for operation, form in _FORMS.items():
        if form.command != name:
            continue
        fields = {f"--{option}": field for field, option in form.takes.items()}
        if values.keys() <= fields.keys():
            return {"operation": operation, **{fields[key]: one for key, one in values.items()}}
    return None


def _filled(inputs: Mapping[str, Any]) -> dict[str, str]:
    """The inputs of ours that are filled in."""
    ours = ("operation", "wave", "set", "reason", *_TELLING)
    found = {}
    for name in ours:
        value = inputs.get(name)
        if value is None:
            continue
        if not isinstance(value, str):
            raise Refused(
                f"the input {name} is {shown(value)}, and no text",
                remedy=f"give {name} the type string, or choice, in the workflow",
            )
        if value.strip():
            found[name] = value.strip()
    return found
