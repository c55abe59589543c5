"""The files of a checkout, and the documents of its YAML."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import PurePosixPath

from msgspec import Struct

from tidemill.words.documents import Document, loaded

WORKFLOW_FOLDER = ".github/workflows"
# What tools bring along, and what tests are run with, says nothing of what is deployed.
_FOREIGN = re.compile(r"(^|/)(node_modules|vendor|third_party|testdata|\.venv|\.git)/")


class Tree(Struct, frozen=True, dict=True):
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
        """A file as text, of which every byte comes back where it is written (`as_text`)."""
        return as_text(self.files.get(path, b""))


def as_text(data: bytes) -> str:
    """The text of a file, in whatever encoding it is."""
    return data.decode(errors="surrogateescape")


def as_bytes(text: str) -> bytes:
    """The bytes of a file that is written, and those that were there as they were."""
    return text.encode(errors="surrogateescape")
