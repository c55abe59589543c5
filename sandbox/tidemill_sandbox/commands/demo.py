"""`tidemill-sandbox demo`: the whole loop on the examples, on this machine."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from tidemill.clients.machine.enclosure import SAME_USER, chosen
from tidemill.commands import _options
from tidemill.commands._parameters import Arguments, Option
from tidemill.errors import Refused
from tidemill_sandbox.commands._folders import make_anew
from tidemill_sandbox.commands._results import Told
from tidemill_sandbox.demo.narrator import Narrator
from tidemill_sandbox.demo.story import Story

EXAMPLE = "tidemill-sandbox demo --to .demo"
MARK = ".tidemill-demo"
_ROOT = Path(__file__).resolve().parents[3]

PARAMETERS = (
    Option(
        "--to",
        metavar="DIR",
        default=".demo",
        help="the folder that is made anew; .demo by default",
    ),
    Option(
        "--examples",
        metavar="DIR",
        default=str(_ROOT / "examples"),
        help="where app/ and cfg-app/ are",
    ),
    Option(
        "--verbose",
        is_flag=True,
        help="tell every step, and show all that `tidemill status` does; without it, each "
        "chapter's title and verdict, and one screen at the end",
    ),
    _options.NOW,
    _options.JSON,
)


def run(arguments: Arguments) -> Told:
    """Tell the story; it ends with the state of every wave."""
    options = _options.options(arguments)
    examples, folder = Path(arguments.examples), Path(arguments.to).absolute()
    if not (examples / "app").is_dir() or not (examples / "cfg-app").is_dir():
        raise Refused(
            f"{examples} has no app/ and cfg-app/",
            remedy="run the demo from a checkout of Tidemill",
        )
    make_anew(folder, MARK, "demo", [examples])
    began = time.monotonic()
    stream = sys.stderr if options.json else None
    narrator = Narrator(stream, briefly=not arguments.verbose)
    story = Story(examples, folder, narrator)
    if options.now_given:
        story.loop.now = options.now
    with chosen(SAME_USER):  # the repositories are made here, and there is no token for them
        story.tell()
    seconds = time.monotonic() - began
    chapters = tuple(narrator.verdicts)
    return Told(folder, seconds, story.loop.status(), chapters, is_whole=arguments.verbose)
