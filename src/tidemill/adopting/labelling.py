"""Labels and annotations, added to a resource in the text of its file."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tidemill.facts.controllers import Deployed, pairs_as_yaml
from tidemill.words.documents import loaded, table, text


def labelled(file: str, one: Deployed, lacking: Mapping[str, Mapping[str, str]]) -> str | None:
    """The text of a file with what a resource, or the template of a set, in it lacks.

    None where that takes a person: the metadata is in braces, or a key has another value.
    """
    where = ("spec", "template", "metadata") if one.made_by else ("metadata",)

    def change(part: str, value: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        for group, pairs in lacking.items():
            new = {key: one for key, one in pairs.items() if not text(value, *where, group, key)}
            part = _added(part, where[-2:], group, pairs_as_yaml(new)) if new else part
        wanted = {group: {**table(value, *where, group), **lacking[group]} for group in lacking}
        return part, _with(value, where, wanted)

    return _changed(file, one, change)


def waiting(file: str, one: Deployed) -> str | None:
    """The text of a file in which a Kustomization waits for health; None where that takes a person.

    Flux says nothing of the health of one that does not wait.
    """
    first = re.compile(r"(?m)^spec:[ ]*\n([ ]+)(?=\S)")
    return _changed(
        file,
        one,
        lambda part, value: (
            first.sub(r"spec:\n\1wait: true\n\1", part, count=1),
            _with(value, ("spec",), {"wait": True}),
        ),
    )


def _changed(
    file: str,
    one: Deployed,
    change: Callable[[str, Mapping[str, Any]], tuple[str, dict[str, Any]]],
) -> str | None:
    """The text of a file in which one resource is changed; None where it is not what it has to be.

    Args:
        change: the new text of the resource, and what that has to say.
    """
    kind, name = ("ApplicationSet", one.made_by) if one.made_by else (one.kind, one.name)
    parts = re.split(r"(?m)^(?=---)", file)
    for index, part in enumerate(parts):
        (value, *_) = loaded(part) or [{}]
        if (text(value, "kind"), text(value, "metadata", "name")) != (kind, name):
            continue
        changed, wanted = change(part, value)
        is_right = loaded(changed) == [wanted]
        return "".join([*parts[:index], changed, *parts[index + 1 :]]) if is_right else None
    return None


def _with(value: Mapping[str, Any], keys: Sequence[str], new: Mapping[str, Any]) -> dict[str, Any]:
    """A mapping in which that which some keys lead to has new values."""
    if not keys:
        return {**value, **new}
    return {**value, keys[0]: _with(table(value, keys[0]), keys[1:], new)}


def _added(part: str, keys: Sequence[str], group: str, new: Sequence[str]) -> str:
    """Lines below the group, or a new group above all else in what the keys lead to."""
    text = part.splitlines(keepends=True)
    at = 0
    for key in keys:
        keyed = re.compile(rf"{' *' if keys[1:] else ''}{key}: *(#.*)?\n?")
        at = next((i for i in range(at, len(text)) if keyed.fullmatch(text[i])), len(text)) + 1
    if at >= len(text):
        return part
    inner = _indent(text[at])
    end = next((i for i in range(at, len(text)) if _indent(text[i]) < inner), len(text))
    is_there = re.compile(rf" {{{inner}}}{group}: *(#.*)?\n?")
    below = next((i + 1 for i in range(at, end) if is_there.fullmatch(text[i])), None)
    if below is None:
        made = [f"{' ' * inner}{group}:\n", *(f"{' ' * (inner + 2)}{one}\n" for one in new)]
        return "".join([*text[:at], *made, *text[at:]])
    made = [f"{' ' * _indent(text[below])}{one}\n" for one in new] if below < end else []
    return "".join([*text[:below], *made, *text[below:]])


def _indent(line: str) -> int:
    """How far a line is indented; one without anything belongs to what is around it."""
    return len(line) - len(line.lstrip(" ")) if line.strip() else sys.maxsize
