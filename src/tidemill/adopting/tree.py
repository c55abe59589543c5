"""The files of a checkout, and the documents of its YAML."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

WORKFLOW_FOLDER = ".github/workflows"
# What tools bring along, and what tests are run with, says nothing of what is deployed.
_FOREIGN = re.compile(r"(^|/)(node_modules|vendor|third_party|testdata|\.venv|\.git)/")


@dataclass(frozen=True)
class Document:
    """A mapping in a YAML file, and the file."""

    file: str
    value: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """What Kubernetes calls the kind of the resource; empty if it is none."""
        return text(self.value, "kind") if "apiVersion" in self.value else ""


@dataclass(frozen=True)
class Tree:
    """The files of a checkout that a reader may want: bytes by path."""

    files: Mapping[str, bytes]

    @cached_property
    def paths(self) -> tuple[PurePosixPath, ...]:
        """The paths of the project's own files, in order."""
        return tuple(PurePosixPath(one) for one in sorted(self.files) if not _FOREIGN.search(one))

    @cached_property
    def documents(self) -> tuple[Document, ...]:
        """All mappings of all YAML files that can be read; templates of charts mostly can't."""
        return tuple(
            Document(str(path), value)
            for path in self.paths
            if path.suffix in (".yaml", ".yml") and not str(path).startswith(".github/")
            for value in loaded(self.files[str(path)])
        )

    def text(self, path: str) -> str:
        """The text of a file; empty if there is none."""
        return self.files.get(path, b"").decode(errors="replace")


def text(value: object, *keys: str) -> str:
    """The text that some keys lead to; empty where there is none."""
    found = inside(value, *keys)
    return found if isinstance(found, str) else ""


def inside(value: object, *keys: str) -> Any:
    """What some keys lead to; None where there is nothing."""
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def loaded(data: bytes) -> list[Mapping[str, Any]]:
    """The mappings of a YAML file; none where it can't be read: a template, or broken."""
    import yaml  # takes 15 ms, and only this needs it

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return [one for one in yaml.load_all(data, loader) if isinstance(one, Mapping)]
    except (yaml.YAMLError, ValueError, RecursionError):
        return []
