"""`tidemill-sandbox count`: what runs, job-minutes and calls the stand-in has seen."""

from __future__ import annotations

import re
from http.client import HTTPException
from pathlib import Path

from tidemill.commands import _options
from tidemill.commands._parameters import Arguments, Option
from tidemill.errors import Refused, ServerRefused, Unreachable
from tidemill.words.names import shown
from tidemill_sandbox.clients import Rest
from tidemill_sandbox.commands._results import Counted

EXAMPLE = "tidemill-sandbox count --json"

PARAMETERS = (
    Option(
        "--to",
        metavar="DIR",
        default=".sandbox",
        help="the folder of the stand-in, as `start` was given it; .sandbox by default",
    ),
    Option("--url", metavar="URL", help="its address; by default what is in that folder"),
    _options.JSON,
)


def run(arguments: Arguments) -> Counted:
    """Ask it; nothing is changed by that, and no token is needed."""
    url = arguments.url or _address(Path(arguments.to))
    try:
        return Counted(Rest(url, "")("GET", "/_count"))
    except (ServerRefused, HTTPException, ValueError, OSError) as error:
        raise Unreachable(
            f"no stand-in answers at {shown(url)}: {error}",
            remedy="start it: tidemill-sandbox start",
        ) from None


def _address(folder: Path) -> str:
    """The address that the stand-in has written into its folder."""
    try:
        text = (folder / "env").read_text(encoding="utf-8")
    except OSError:
        text = ""
    found = re.search(r"^export GITHUB_SERVER_URL=(\S+)$", text, re.MULTILINE)
    if found is None:
        raise Refused(
            f"{folder} is no folder of a stand-in that was started",
            remedy="name it by --to, or its address by --url",
        )
    return found[1]
