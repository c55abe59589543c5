"""A comparison in words, for a person: what differs, why, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from textwrap import wrap

from tidemill.images.causes.cause import Cause
from tidemill.images.comparison.difference import (
    Comparison,
    Difference,
    Image,
    LayerAt,
    Verdict,
    Where,
)

LIMIT = 50
# As many entries with the same difference are listed one by one; more are counted.
_ONE_BY_ONE = 3
_COLUMNS = 100
_SIDES = ("  left  ", "  right ")
_LONGEST = 160
_VALUES_ALIKE = ("mtime", "mode", "uid", "gid", "uname", "gname", "missing")


def render(comparison: Comparison, limit: int = LIMIT) -> str:
    """The text of a comparison, without a line break at its end.

    Args:
        limit: how many differences, or groups of like ones, are listed.
    """
    return "\n".join(part for line in _lines(comparison, limit) for part in _wrapped(line))


def _lines(comparison: Comparison, limit: int) -> Iterator[str]:
    match comparison.verdict:
        case Verdict.IDENTICAL:
            yield "identical"
        case Verdict.SAME_CONTENTS:
            yield "same contents, stored in another way"
        case Verdict.DIFFERENT:
            yield "different"
    yield f"{_SIDES[0]}{_name(comparison.left)}"
    yield f"{_SIDES[1]}{_name(comparison.right)}"
    if comparison.verdict is Verdict.IDENTICAL:
        return
    for note in comparison.notes:
        yield f"{note}."
    groups = [
        (where, list(_alike(list(found))))
        for where, found in groupby(comparison.differences, key=lambda one: one.where)
    ]
    left, more = limit, comparison.found
    told: set[Cause] = set()
    for where, alike in groups:
        if not left:
            break
        yield ""
        yield f"{_where(where)}:"
        shown = alike[:left]
        left -= len(shown)
        more -= sum(map(len, shown))
        yield from _block(shown, told)
    if more:
        yield ""
        yield f"... and {more} more differences"
    yield ""
    yield _summary(comparison)


def _alike(found: Sequence[Difference]) -> Iterator[list[Difference]]:
    """Differences in groups: many entries with one field and cause together, others alone."""
    groups: dict[tuple[str, str, bool], list[Difference]] = {}
    for difference in found:
        if difference.path is not None and difference.field in _VALUES_ALIKE:
            groups.setdefault(_kind(difference), []).append(difference)
    many = {key: group for key, group in groups.items() if len(group) > _ONE_BY_ONE}
    yield from many.values()
    for difference in found:
        if difference.path is None or _kind(difference) not in many:
            yield [difference]


def _kind(difference: Difference) -> tuple[str, str, bool]:
    """What differences have in common that are told as one: field, cause, and the side lacking."""
    cause = difference.cause.name if difference.cause else ""
    return difference.field, cause, difference.left is None


def _block(groups: Sequence[Sequence[Difference]], told: set[Cause]) -> Iterator[str]:
    path: str | None = None
    for place, group in enumerate(groups):
        first = group[0]
        following = groups[place + 1][0] if place + 1 < len(groups) else None
        if len(group) > 1:
            names = ", ".join(f"/{one.path}" for one in group[:_ONE_BY_ONE])
            yield f"  {_cut(names)} and {len(group) - _ONE_BY_ONE} more"
            yield f"    {_value(first)}{' in the first' if first.field != 'missing' else ''}"
            path = None
        elif first.path is None:
            yield f"  {_value(first)}"
        else:
            if first.path != path:
                yield f"  /{first.path}"
            yield f"    {_value(first)}"
            if first.field == "content":
                yield f"      left  {first.left or '(its end)'}"
                yield f"      right {first.right or '(its end)'}"
            path = first.path
        same = (
            following is not None
            and following.path == first.path
            and following.cause == first.cause
            and len(groups[place + 1]) == 1
        )
        if not same:
            yield from _cause(first, told)


def _cause(difference: Difference, told: set[Cause]) -> Iterator[str]:
    """The cause and its remedy; what was told once is only named."""
    indent = "    " if difference.path is None else "      "
    if difference.cause in told:
        yield f"{indent}cause: as above ({difference.cause.name})."
    elif difference.cause is not None:
        told.add(difference.cause)
        yield f"{indent}cause: {difference.cause.meaning}."
        yield f"{indent}remedy: {difference.cause.remedy}."
    elif difference.field == "content":
        yield f"{indent}cause: not known."


def _value(difference: Difference) -> str:
    left, right = difference.left, difference.right
    match difference.field, left, right:
        case "missing", None, _:
            return f"only in the right image: {right or 'nothing'}"
        case "missing", _, None:
            return f"only in the left image: {left}"
        case "content", _, _:
            return f"content, from byte {difference.at}:"
        case field, None, _:
            return f"{field}: only in the right image: {_cut(right)}"
        case field, _, None:
            return f"{field}: only in the left image: {_cut(left)}"
        case field, _, _:
            return f"{field}: {_cut(left)} -> {_cut(right)}"


def _where(where: Where) -> str:
    suffix = f" ({where.platform})" if where.platform else ""
    match where.part, where.left, where.right:
        case "layer" | "compression" | "layers" | "manifest", one, other if one and other:
            numbers = "/".join(dict.fromkeys((str(one.number), str(other.number))))
            ids = " and ".join(map(_short, dict.fromkeys((one.diff_id, other.diff_id))))
            what = {"compression": "compression of layer", "manifest": "manifest, layer"}
            return f"{what.get(where.part, 'layer')} {numbers}{suffix}, {ids}"
        case "layers", LayerAt() as layer, None:
            return f"layer {layer.number} of the left image{suffix}, {_short(layer.diff_id)}"
        case "layers", None, LayerAt() as layer:
            return f"layer {layer.number} of the right image{suffix}, {_short(layer.diff_id)}"
        case "layers", _, _:
            return f"layers, taken together{suffix}"
        case part, _, _:
            return f"{part}{suffix}"


def _summary(comparison: Comparison) -> str:
    parts = []
    if comparison.layers:
        of = f"{comparison.equal_layers} of {comparison.layers}"
        layers = "layer is" if comparison.layers == 1 else "layers are"
        parts.append(f"{of} {layers} equal")
    if comparison.paths:
        differ = "path differs" if comparison.paths == 1 else "paths differ"
        parts.append(f"{comparison.paths} {differ}")
    count = f"{comparison.found} difference{'' if comparison.found == 1 else 's'}"
    return f"{'; '.join([*parts, count])}."


def _wrapped(line: str) -> list[str]:
    """A line in lines of at most 100 columns; a long name stays whole, to be copied."""
    if len(line) <= _COLUMNS:
        return [line]
    indent = " " * (len(line) - len(line.lstrip()) + 2)
    if line.startswith(_SIDES):
        return [line]
    return wrap(
        line, _COLUMNS, subsequent_indent=indent, break_on_hyphens=False, break_long_words=False
    )


def _name(image: Image) -> str:
    return f"{image.where}@{_short(image.descriptor.digest)}"


def _short(digest: str) -> str:
    return digest[:19]


def _cut(text: str | None) -> str:
    if text is None or text == "":
        return "(nothing)"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
