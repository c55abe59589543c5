"""`tidemill-sandbox`: the demo, and the stand-in for GitHub, on one machine."""

import sys
from collections.abc import Sequence

from tidemill import __main__ as tidemill
from tidemill.commands._table import Table

COMMANDS = Table(
    "tidemill-sandbox",
    "Tidemill on this machine alone: its loop on two example repositories, and a stand-in for "
    "GitHub that runs the real workflow files.",
    "tidemill_sandbox.commands",
    {
        "on this machine": {
            "demo": "run the whole loop on the examples: real repositories, images, Jsonnet and "
            "checks",
            "start": "start a stand-in for GitHub here, and run the workflow files of two "
            "repositories on it",
            "count": "say what runs, job-minutes and calls the stand-in has seen",
        },
    },
    {
        "tidemill-sandbox demo": "the whole loop, from a commit to production, in a minute",
        "tidemill-sandbox start": "a stand-in for GitHub, to look at and to push to",
        "tidemill-sandbox count": "what the loop has cost there so far",
    },
    tells_all=True,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code, as `tidemill` does."""
    return tidemill.main(arguments, COMMANDS)


if __name__ == "__main__":
    sys.exit(main())
