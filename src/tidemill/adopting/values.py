"""The repository beside each tag: what a chart says by default, said again in values of a wave.

Of which image a tag alone is, only the chart knows. `generate` has to know it, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import TypeAlias

from tidemill.adopting.inserting import inserted
from tidemill.adopting.proposal import Paste, Wanted
from tidemill.adopting.rollout import Rollout
from tidemill.adopting.tree import Tree
from tidemill.facts.controllers import CHART, pairs_as_yaml
from tidemill.words.documents import inside, loaded, text

Keys: TypeAlias = tuple[str, ...]
_OF_IMAGE = ("registry", "repository")


def repositories(tree: Tree, rollout: Rollout, prefix: str) -> tuple[list[Paste], list[Wanted]]:
    """What the values of the waves lack: for a person to add, and as files that have it.

    Args:
        prefix: what the team's own images begin with; of others' nothing is said.
    """
    defaults = _defaults(tree, prefix)
    pasted: dict[Paste, None] = {}
    edited: dict[str, str] = {}
    for place in dict.fromkeys(place for place, *_ in rollout.places()):
        (value, *_) = loaded(tree.files.get(place, b"")) or [{}]
        for keys, image in defaults.items():
            here = inside(value, *keys)
            if not text(here, "tag") or "repository" in here:
                continue
            lines = pairs_as_yaml(image)
            changed = inserted(edited.get(place) or tree.text(place), keys, lines, above="tag")
            if changed is None:
                beside = f"beside {'.'.join((*keys, 'tag'))}"
                pasted[Paste(place, beside, tuple(lines))] = None
            else:
                edited[place] = changed
    return [*pasted], [Wanted(file, new, is_edit=True) for file, new in edited.items()]


def _defaults(tree: Tree, prefix: str) -> dict[Keys, Mapping[str, str]]:
    """By its keys in the values, what charts say of an image of ours; nothing where they differ."""
    found: dict[Keys, list[Mapping[str, str]]] = {}
    for file in tree.paths:
        if file.name != "values.yaml" or str(file.parent / CHART) not in tree.files:
            continue
        for value in loaded(tree.files[str(file)])[:1]:
            for keys, image in _images(value, _above(file.parent)):
                if "/".join(image.values()).startswith(f"{prefix}/"):
                    found.setdefault(keys, []).append(image)
    return {keys: all_[0] for keys, all_ in found.items() if all(one == all_[0] for one in all_)}


def _above(chart: PurePosixPath) -> Keys:
    """The keys below which the chart that a chart is part of has its values."""
    is_part = chart.parent.name == "charts" and len(chart.parts) > 2
    return (*_above(chart.parent.parent), chart.name) if is_part else ()


def _images(value: object, above: Keys) -> Iterator[tuple[Keys, Mapping[str, str]]]:
    if not isinstance(value, Mapping):
        return
    if text(value, "repository"):
        yield above, {key: one for key in _OF_IMAGE if (one := text(value, key))}
    for key, inner in value.items():
        yield from _images(inner, (*above, str(key)))
