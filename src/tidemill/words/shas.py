"""SHAs of commits, as people read them."""

from __future__ import annotations

import re

SHORT = 12
_FULL = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{28}\b")


def short(sha: str | None, unknown: str = "an unknown set") -> str:
    """The first 12 digits of a SHA; `unknown`, whole, where there is none."""
    return sha[:SHORT] if sha else unknown


def shortened(text: str) -> str:
    """A text in which every full SHA is short: a narrow column would cut it in two."""
    return _FULL.sub(r"\1", text)
