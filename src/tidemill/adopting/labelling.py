"""Labels and annotations, added to a resource in the text of its file."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tidemill.facts.controllers import FLUX_TARGET, TARGET, WAVE, Deployed
from tidemill.words.documents import inside, loaded, text

_TARGET = {
    "Application": ("labels", TARGET),
    "Kustomization": ("annotations", FLUX_TARGET),
}


def missing(one: Deployed, wave: str, target: str) -> dict[str, dict[str, str]]:
    """What its metadata lacks, so that its reports are those of a target: by `labels` and so on."""
    wanted = {"labels": {WAVE: wave}}
    if target != one.name:
        group, key = _TARGET[one.kind]
        wanted.setdefault(group, {})[key] = target
    lacking = {
        group: {
            key: value for key, value in pairs.items() if text(one.metadata, group, key) != value
        }
        for group, pairs in wanted.items()
    }
    return {group: pairs for group, pairs in lacking.items() if pairs}


def labelled(file: str, one: Deployed, lacking: Mapping[str, Mapping[str, str]]) -> str | None:
    """The text of a file with what a resource in it lacks; None where that takes a person.

    It takes one where the metadata is in braces, where a key is there with another value, and where
    a template makes the resource.
    """
    if one.made_by or any(
        text(one.metadata, group, key) for group in lacking for key in lacking[group]
    ):
        return None
    parts = re.split(r"(?m)^(?=---)", file)
    for index, part in enumerate(parts):
        (value, *_), is_one = loaded(part.encode()) or [{}], False
        is_one = text(value, "kind") == one.kind and text(value, "metadata", "name") == one.name
        if not is_one:
            continue
        changed = part
        for group, pairs in lacking.items():
            changed = _added(changed, group, pairs)
        (found, *_) = loaded(changed.encode()) or [{}]
        metadata = dict(inside(value, "metadata"))
        for group, pairs in lacking.items():
            metadata[group] = {**(metadata.get(group) or {}), **pairs}
        is_right = found == {**value, "metadata": metadata}
        return "".join([*parts[:index], changed, *parts[index + 1 :]]) if is_right else None
    return None


def _added(part: str, group: str, pairs: Mapping[str, str]) -> str:
    """Lines below the group, or a new group above all else in the metadata."""
    found = re.search(rf"(?m)^metadata:[ ]*\n(?:[ ]+.*\n|\n)*?([ ]+){group}:[ ]*\n([ ]+)", part)
    if found:
        lines = "".join(f"{found[2]}{key}: {value}\n" for key, value in pairs.items())
        at = found.start(2)
        return f"{part[:at]}{lines}{part[at:]}"
    lines = "".join(f"\\1  {key}: {value}\n" for key, value in pairs.items())
    return re.sub(
        r"(?m)^metadata:[ ]*\n([ ]+)", rf"metadata:\n\1{group}:\n{lines}\1", part, count=1
    )
