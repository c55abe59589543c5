"""Resources as YAML, in one form: the same resources are the same bytes."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import yaml

Resource = dict[str, Any]


class _Dumper(yaml.CSafeDumper):
    """Quotes every text that some YAML parser reads as a number, a date or a truth value."""

    def ignore_aliases(self, data: object) -> bool:
        return True


# PyYAML alone leaves 7104347e9, the start of a SHA, without quotes: a number to Kubernetes.
_PLAIN = re.compile(r"(?!(?:y|n|yes|no|on|off|true|false|null)$)[A-Za-z/][\w./@:-]*", re.I | re.A)
_EASY = re.compile(r"[ !#-\[\]-~]*")  # ASCII, but for what is escaped in double quotes
_LONGEST, _DEEPEST = 100, 40  # of what is certain to be one line


def _text(dumper: yaml.CSafeDumper, text: str) -> yaml.ScalarNode:
    style = None if _PLAIN.fullmatch(text) else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def to_yaml(documents: list[Resource]) -> str:
    """The text of one YAML file: keys sorted, one document for each resource."""
    try:
        return "".join(f"---\n{text}" for one in documents for text in ["".join(_lines(one, ""))])
    except _Unusual:
        return by_library(documents)


def by_library(documents: list[Resource]) -> str:
    """The same of any resources, by PyYAML, which takes four times as long."""
    return yaml.dump_all(documents, Dumper=_Dumper, explicit_start=True, width=1000)


class _Unusual(Exception):
    """A value that PyYAML may write in more than one line, or with escapes."""


def _lines(value: Any, indent: str, first: str | None = None) -> Iterator[str]:
    """The lines of a mapping or a list that is not empty; `first` begins the first of them."""
    if len(indent) > _DEEPEST or not value:
        raise _Unusual
    start = indent if first is None else first
    if isinstance(value, list):
        for item in value:
            if item and isinstance(item, dict | list):
                yield from _lines(item, f"{indent}  ", f"{start}- ")
            else:
                yield f"{start}- {_scalar(item)}\n"
            start = indent
        return
    for key, item in sorted(value.items()):
        if item and isinstance(item, dict):
            yield f"{start}{_of_text(key)}:\n"
            yield from _lines(item, f"{indent}  ")
        elif item and isinstance(item, list):
            yield f"{start}{_of_text(key)}:\n"
            yield from _lines(item, indent)
        else:
            yield f"{start}{_of_text(key)}: {_scalar(item)}\n"
        start = indent


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        return _of_text(value)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int):
        return str(value)
    if value in ({}, []):
        return "{}" if isinstance(value, dict) else "[]"
    raise _Unusual


@lru_cache(maxsize=1 << 14)
def _of_text(text: str) -> str:
    is_plain = _PLAIN.fullmatch(text) is not None
    if len(text) > _LONGEST or (text[-1:] == ":" if is_plain else not _EASY.fullmatch(text)):
        raise _Unusual
    return text if is_plain else f'"{text}"'
