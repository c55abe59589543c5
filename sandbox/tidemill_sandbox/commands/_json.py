"""What `--json` prints of the sandbox's results."""

from __future__ import annotations

from typing import Any

from tidemill.commands import _json
from tidemill_sandbox.commands._results import Counted, Result, Served, Told


def as_json(result: Result) -> dict[str, Any] | None:
    """A result as `--json` prints it; None of what has printed it already."""
    match result:
        case Told(folder, seconds, status, chapters):
            return {
                "folder": str(folder),
                "seconds": round(seconds, 1),
                "chapters": [
                    {"title": one.title, "checked": one.checked, "seconds": round(one.seconds, 1)}
                    for one in chapters
                ],
                "status": _json.as_json(status),
            }
        case Counted(found):
            return dict(found)
        case Served():
            return None
