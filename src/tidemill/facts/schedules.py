"""Schedules: when GitHub starts a turn although nothing happens, as main's workflow files say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct

from tidemill.words import cron
from tidemill.words.documents import items, loaded, text

FOLDER = ".github/workflows"
_LOOP = re.compile(r"/\.github/workflows/gitops\.yml\b")
_LOOK = re.compile(r"/actions/accept-event\b")


class Schedule(Struct, frozen=True):
    """The schedule of the workflow that does turns: its lines, in the words of cron."""

    lines: tuple[str, ...]

    def next_turn(self, after: datetime) -> datetime | None:
        """When its first turn after some time is; None where its lines can't be read."""
        times = (cron.next_time(line, after) for line in self.lines)
        return min((one for one in times if one), default=None)


def only_schedule(workflows: Mapping[str, bytes]) -> Schedule | None:
    """The schedule that what time makes due has to wait for.

    Args:
        workflows: the files below `FOLDER`.

    Returns:
        None where no workflow has one, and where another workflow, such as tidemill-wake.yml, looks
        by a schedule of its own whether something is due.
    """
    lines: list[str] = []
    for data in workflows.values():
        said = data.decode(errors="replace")
        does_turns, looks = _LOOP.search(said), _LOOK.search(said)
        if not (does_turns or looks):
            continue
        for document in loaded(said):
            # In YAML 1.1, which the parser speaks, the word `on` means true.
            events = document.get("on", document.get(True))
            mine = [text(one, "cron") for one in items(events, "schedule")]
            if mine and not does_turns:
                return None
            lines += mine
    return Schedule(tuple(lines)) if lines else None
