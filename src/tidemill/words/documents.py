"""What other people wrote in YAML, JSON or TOML, and what keys lead to in it, however odd it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Document:
    """A mapping in a YAML file, and the file."""

    file: str
    value: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """What Kubernetes calls the kind of the resource; empty if it is none."""
        return text(self.value, "kind") if "apiVersion" in self.value else ""


def loaded(data: bytes | str) -> list[dict[Any, Any]]:
    """The mappings of a YAML file; none where it can't be read: a template, or broken."""
    import yaml  # takes 15 ms, and few commands need it

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return [one for one in yaml.load_all(data, loader) if isinstance(one, dict)]
    except (yaml.YAMLError, ValueError, RecursionError):
        return []


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
