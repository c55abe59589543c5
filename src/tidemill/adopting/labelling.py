"""Labels and annotations, added to a resource in the text of its file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tidemill.adopting.inserting import inserted
from tidemill.facts.controllers import Deployed, pairs_as_yaml
from tidemill.words.documents import text


def labelled(file: str, one: Deployed, lacking: Mapping[str, Mapping[str, str]]) -> str | None:
    """The text of a file with what a resource, or the template of a set, in it lacks.

    None where that takes a person.
    """
    where = ("spec", "template", "metadata") if one.made_by else ("metadata",)
    changed: str | None = file
    for group, pairs in lacking.items():
        lines = pairs_as_yaml(pairs)
        changed = changed and inserted(changed, (*where, group), lines, is_meant=_is(one))
    return changed


def waiting(file: str, one: Deployed) -> str | None:
    """The text of a file in which a Kustomization waits for health; None where that takes a person.

    Flux says nothing of the health of one that does not wait.
    """
    return inserted(file, ("spec",), ["wait: true"], is_meant=_is(one))


def _is(one: Deployed) -> Callable[[Mapping[str, Any]], bool]:
    """Whether a document is what makes it."""
    which = ("ApplicationSet", one.made_by) if one.made_by else (one.kind, one.name)
    return lambda value: (text(value, "kind"), text(value, "metadata", "name")) == which
