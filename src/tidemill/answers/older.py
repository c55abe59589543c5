"""What older releases wrote into the journal in words alone, read back from these words.

Names have no spaces, so their sentences can be read in one way only. A release that has the value
in a field of its own writes it there; what is read here is told apart by that.
"""

from __future__ import annotations

import re

from tidemill.facts.journal import Entry

_RENAMED = re.compile(r"the (?:wave|set) \S+ was (\S+(?: and \S+)*)")
_REPORTED = re.compile(r"(\S+): (\w+), (\w+) at [0-9a-f]+")


def names_before(entry: Entry) -> tuple[str, ...]:
    """The names that a wave or set had before, by the entry that says that it was renamed."""
    if entry.was:
        return entry.was
    match = _RENAMED.fullmatch(entry.reason)
    return tuple(match[1].split(" and ")) if match else ()


def report(entry: Entry) -> tuple[str, str, str] | None:
    """The target, phase and health of what was reported; None if the entry is about no report."""
    if entry.target:
        return entry.target, entry.phase, entry.health
    match = _REPORTED.fullmatch(entry.reason) if entry.what == "reported" else None
    return (match[1], match[2], match[3]) if match else None
