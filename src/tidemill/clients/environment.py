"""Variables of this process's environment."""

from __future__ import annotations

import os


def variable(name: str) -> str | None:
    """The value of a variable; None if it is not set."""
    return os.environ.get(name)
