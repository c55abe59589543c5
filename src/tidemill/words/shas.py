"""SHAs of commits, as people read them."""

from __future__ import annotations

SHORT = 12


def short(sha: str | None, unknown: str = "an unknown set") -> str:
    """The first 12 digits of a SHA; `unknown`, whole, where there is none."""
    return sha[:SHORT] if sha else unknown
