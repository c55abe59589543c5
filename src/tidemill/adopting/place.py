"""Where the repository is that adopts Tidemill."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

_HOME = "https://github.com/tidemill/tidemill/blob/main"
DOCUMENTS, EXAMPLES, INTEGRATIONS = f"{_HOME}/docs", f"{_HOME}/examples", f"{_HOME}/integrations"
_PATH = re.compile(r"[/:]([A-Za-z0-9-]+)/([A-Za-z0-9._-]+?)(?:\.git)?/?$")


@dataclass(frozen=True)
class Place:
    """A checkout, and what Git says of it.

    Attributes:
        folder: as it was named on the command line.
        url: of the remote `origin`, without credentials; empty if there is none.
        is_on_github: whether that is a GitHub server. Without an origin it is taken for one.
    """

    folder: str
    url: str
    branch: str
    is_on_github: bool

    @property
    def repository(self) -> str:
        """`owner/name`; empty where no origin says."""
        found = _PATH.search(self.url) if self.is_on_github else None
        return f"{found[1]}/{found[2]}" if found else ""

    @property
    def owner(self) -> str:
        """Who owns it on GitHub; empty where that is not known."""
        return self.repository.partition("/")[0]


def quoted(text: str) -> str:
    """A text as TOML and YAML both have it."""
    return json.dumps(text)
