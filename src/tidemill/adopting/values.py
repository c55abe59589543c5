"""The repository beside each tag: what a chart says by default, said again in values of a wave.

Of which image a tag alone is, only the chart knows. `generate` has to know it, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any, TypeAlias

from tidemill.adopting.proposal import Paste, Wanted
from tidemill.adopting.rollout import Rollout
from tidemill.adopting.tree import Tree
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
            changed = _added(edited.get(place) or tree.text(place), keys, image)
            if changed is None:
                beside = f"beside {'.'.join((*keys, 'tag'))}"
                pasted[Paste(place, beside, _as_lines(image))] = None
            else:
                edited[place] = changed
    return [*pasted], [Wanted(file, new, is_edit=True) for file, new in edited.items()]


def _defaults(tree: Tree, prefix: str) -> dict[Keys, Mapping[str, str]]:
    """By its keys in the values, what charts say of an image of ours; nothing where they differ."""
    found: dict[Keys, list[Mapping[str, str]]] = {}
    for file in tree.paths:
        if file.name != "values.yaml" or str(file.parent / "Chart.yaml") not in tree.files:
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


def _added(file: str, keys: Keys, image: Mapping[str, str]) -> str | None:
    """The text with lines above the tag; None where that takes a person: in braces, or merged."""
    import yaml  # takes 15 ms, and few commands need it

    node: Any = next(yaml.compose_all(file, yaml.SafeLoader), None)
    tag: Any = None
    for key in (*keys, "tag"):
        tag, node = next((pair for pair in node.value if pair[0].value == key), (None, None))
        if tag is None:
            return None
    lines = file.splitlines(keepends=True)
    indent, rest = lines[tag.start_mark.line][: tag.start_mark.column], lines[tag.start_mark.line :]
    end = "\r\n" if rest[0].endswith("\r\n") else "\n"
    new = [f"{indent}{one}{end}" for one in _as_lines(image)]
    changed = "".join([*lines[: tag.start_mark.line], *new, *rest])
    is_right = not indent.strip() and loaded(changed) == [_with(loaded(file)[0], keys, image)]
    return changed if is_right else None


def _with(value: Mapping[str, Any], keys: Keys, image: Mapping[str, str]) -> dict[str, Any]:
    if not keys:
        return {**value, **image}
    return {**value, keys[0]: _with(value[keys[0]], keys[1:], image)}


def _as_lines(image: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(f"{key}: {value}" for key, value in image.items())
