"""What the sandbox's results say to people."""

from __future__ import annotations

from collections.abc import Iterator

from tidemill.commands import _text
from tidemill.commands._parts import Part
from tidemill_sandbox.commands._results import Result, Served, Told

_THERE = """\
  app.git, cfg-app.git   the two repositories; the journal is refs/tidemill/journal
  app, cfg-app           the people's clones of them
  images                 an OCI layout for each service
  announcements          what was announced"""


def text(result: Result) -> Iterator[Part]:
    """A result in words."""
    match result:
        case Told(folder, seconds, status):
            yield "\nThe state of every wave, as `tidemill status` shows it:\n"
            yield from _text.text(status)
            yield f"Everything held, in {seconds:.0f} s. It is all in {folder}:"
            yield _THERE
            yield f"Look around:\n  git -C {folder / 'cfg-app.git'} log --oneline main"
            yield f"  git -C {folder / 'cfg-app.git'} log refs/tidemill/journal"
        case Served():
            return
