"""Where an image is: `oci:PATH`, or a repository of a registry, with a tag, a digest or both."""

from __future__ import annotations

import re

from msgspec import Struct

from tidemill.errors import Refused
from tidemill.words import references
from tidemill.words.names import UNPRINTABLE, shown
from tidemill.words.references import ANY, MAX_LENGTH, TAG

_LAYOUT = re.compile(
    r"oci:(?P<folder>[^@:][^@]*?)(?::" + TAG + r")?"
    r"(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
_FORMS = (
    "oci:PATH, oci:PATH:TAG, oci:PATH@sha256:DIGEST, or REGISTRY/REPOSITORY with :TAG or "
    "@sha256:DIGEST"
)


class Location(Struct, frozen=True):
    """A place for images, and which one of it.

    Either `folder` (an OCI image layout) or `repository` (`host[:port]/path`) is set.
    """

    folder: str | None = None
    repository: str | None = None
    tag: str | None = None
    digest: str | None = None

    def __str__(self) -> str:
        place = self.repository if self.folder is None else f"oci:{self.folder}"
        return (
            f"{place}{f':{self.tag}' if self.tag else ''}{f'@{self.digest}' if self.digest else ''}"
        )


def parse(text: str) -> Location:
    """Parse one of the forms; raise `Refused` for anything else."""
    if text.startswith("oci:"):
        found = _LAYOUT.fullmatch(text)
        if found and not UNPRINTABLE.search(text):
            return Location(found["folder"], None, found["tag"], found["digest"])
    elif len(text) <= MAX_LENGTH and (found := ANY.fullmatch(text)):
        return Location(None, found["repository"], found["tag"], found["digest"])
    raise references.capitals(text) or Refused(
        f"{shown(text)} does not say where an image is", remedy=f"write {_FORMS}"
    )
