"""What other people wrote in YAML, JSON or TOML, and what keys lead to in it, however odd it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

_MOST_DEEP = 100  # more than people write, and less than what makes a parser end the process
_MOST_VALUES = 1_000_000  # of a file, with each alias as what it stands for
_MOST_DIGITS = 1_000
_UNFIT = (ValueError, LookupError, AttributeError, ArithmeticError)


class Document(Struct, frozen=True):
    """A mapping in a YAML file, and the file."""

    file: str
    value: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """What Kubernetes calls the kind of the resource; empty if it is none."""
        return text(self.value, "kind") if "apiVersion" in self.value else ""


def loaded(data: bytes | str) -> list[dict[Any, Any]]:
    """The mappings of a YAML file; none where it can't be read: a template, or broken.

    A value that its tag does not fit, as `!!int ""`, makes the parser raise whatever comes.
    """
    import yaml  # takes 15 ms, and few commands need it

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        _refuse_traps(data)
        return [one for one in yaml.load_all(data, loader) if isinstance(one, dict)]
    except (yaml.YAMLError, *_UNFIT, RecursionError):
        return []


def fault(data: bytes | str) -> str | None:
    """Where a file is no YAML, and why; None where it is, or is nested deeper than people write."""
    import yaml

    depth = 0
    try:
        for event in yaml.parse(data, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > _MOST_DEEP:  # each level makes the parser slower
                return None
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        return f"{line}{error.problem}"
    except (yaml.YAMLError, ValueError) as error:
        return str(error).splitlines()[0]
    return None


def _refuse_traps(data: bytes | str) -> None:
    """Raise `ValueError` for YAML that nobody should build, or walk through, who wants to go on.

    The parser builds what is nested by calls of C, which end the process where they are too many.
    A few lines of aliases stand for more values than there is time for; and an alias in what it
    stands for has no end. A number of many digits can't be shown.
    """
    import yaml

    sizes: dict[str, int] = {}  # of what anchors are at
    opened: list[tuple[str | None, int]] = [(None, 0)]  # the values so far, outermost first
    for event in yaml.parse(data, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        anchor, size = getattr(event, "anchor", None), 0
        match event:
            case yaml.CollectionStartEvent():
                opened.append((anchor, 1))
                if len(opened) > _MOST_DEEP:  # before the parser, slower by each, has seen all
                    raise ValueError("more than anybody has written")
                continue
            case yaml.CollectionEndEvent():
                anchor, size = opened.pop()
            case yaml.AliasEvent():
                size = sizes.get(str(anchor), _MOST_VALUES)
            case yaml.ScalarEvent():
                size = 1
                is_long = event.implicit[0] and len(event.value) > _MOST_DIGITS
                if is_long and event.value.lstrip("+-")[:1].isdigit():
                    raise ValueError("a number that is too long")
            case _:
                continue
        if anchor:
            sizes[anchor] = size
        opened[-1] = (opened[-1][0], opened[-1][1] + size)
        if opened[-1][1] >= _MOST_VALUES:
            raise ValueError("more than anybody has written")


def inside(value: object, *keys: str) -> Any:
    """What some keys lead to; None where there is nothing."""
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def text(value: object, *keys: str) -> str:
    """The text that some keys lead to, or the number as a text; empty where there is neither."""
    found = inside(value, *keys)
    return str(found) if is_plain(found) and not isinstance(found, bool) else ""


def table(value: object, *keys: str) -> Mapping[str, Any]:
    """The table that some keys lead to; one without a key where there is none."""
    found = inside(value, *keys)
    return {str(key): one for key, one in found.items()} if isinstance(found, Mapping) else {}


def items(value: object, *keys: str) -> list[Any]:
    """The list that some keys lead to; an empty one where there is none."""
    found = inside(value, *keys)
    return found if isinstance(found, list) else []


def is_plain(value: object) -> bool:
    """Whether it is a text, a number, or true or false."""
    return isinstance(value, str | int | float)
