"""Lines added to a mapping in the text of a YAML file: where they belong, and all else stays."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tidemill.words.documents import loaded, table


def inserted(
    file: str,
    keys: Sequence[str],
    lines: Sequence[str],
    *,
    is_meant: Callable[[Mapping[str, Any]], bool] = bool,
    above: str = "",
) -> str | None:
    """The text of a file with more lines in what some keys lead to.

    None where that takes a person: it is in braces, or stands elsewhere by an alias, or a key has
    another value already.

    Args:
        keys: the last one is added where it is not there.
        is_meant: whether a document of the file is the one; the first by default.
        above: the key that the lines stand above; the first one by default.
    """
    (new, *_) = loaded("\n".join(lines)) or [{}]
    parts = re.split(r"(?m)^(?=---)", file)
    for number, part in enumerate(parts):
        (value, *_) = loaded(part) or [{}]
        if not value or not is_meant(value):
            continue
        wanted = _with(value, keys, new)
        changed = part if wanted == value else _inserted(part, keys, lines, above)
        if changed is None or loaded(changed) != [wanted]:
            return None
        return "".join([*parts[:number], changed, *parts[number + 1 :]])
    return None


def _inserted(part: str, keys: Sequence[str], lines: Sequence[str], above: str) -> str | None:
    import yaml  # takes 15 ms, and few commands need it

    node: Any = yaml.compose(part, yaml.SafeLoader)
    for key in keys:
        inner = next((value for name, value in node.value if name.value == key), None)
        if inner is None and key == keys[-1]:
            lines = [f"{key}:", *(f"  {line}" for line in lines)]
        elif isinstance(inner, yaml.MappingNode):
            node = inner
        else:
            return None
    names = [name for name, _ in node.value]
    first = next((one for one in names if one.value == above), names[0] if names else node)
    at = first.start_mark.index
    start = part.rfind("\n", 0, at) + 1
    indent, end = part[start:at], "\r\n" if "\r\n" in part[at:] else "\n"
    if indent.strip():
        return None
    return part[:start] + "".join(f"{indent}{line}{end}" for line in lines) + part[start:]


def _with(value: Mapping[str, Any], keys: Sequence[str], new: Mapping[str, Any]) -> dict[str, Any]:
    """A mapping in which that which some keys lead to has new values."""
    if not keys:
        return {**value, **new}
    return {**value, keys[0]: _with(table(value, keys[0]), keys[1:], new)}
