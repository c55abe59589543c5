"""What the answers about the past say to a person."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from tidemill.commands._parts import Paragraph, Part, Said, State, Title, Typed
from tidemill.facts.settings import ALL_SETS
from tidemill.words.shas import short

_ON_AUTO = frozenset({"introduced", "promoted", "rolled back", "hotfixed"})
_ENDED = frozenset({"evicted", "rejected", "dropped", "superseded"})
_BY_COMMIT = "gates changed"
_REMOVED = "removed by hand"
_NAMES = frozenset({"renamed", "removed", "named again"})  # of a wave or a set, by the settings

if TYPE_CHECKING:
    from tidemill.answers.explanation import Explanation
    from tidemill.answers.question import Line, RunningThen, ServiceStay, TargetThen
    from tidemill.commands._remedies import Remedies
    from tidemill.commands._results import HistoryReport


def history(found: HistoryReport) -> Iterator[Part]:
    """What happened, or what ran at a time."""
    if found.running is not None:
        yield from _running(found.running)
    else:
        if found.earlier != 0:
            yield Paragraph(f"{_earlier(found.earlier)}; --limit 0 shows all.")
        if found.services is not None:
            yield from map(_service, found.services)
        elif found.lines:
            yield from happened(found.lines)
        else:
            yield Paragraph("The journal tells of nothing like that.")
    yield from missing(found.missing)


def _earlier(count: int | None) -> str:
    """That lines are left out: so many, or nobody knows how many."""
    return "Earlier lines are left out" if count is None else f"{count} earlier lines are left out"


def missing(sentences: Iterable[str]) -> Iterator[Part]:
    """What can't be told."""
    return (Said(State("warning"), one) for one in sentences)


def explained(one: Explanation, remedies: Remedies) -> Iterator[Part]:
    """All that is known of one thing, but for what waits."""
    kind, name = one.thing.kind, one.thing.name
    yield Title(f"{kind} {name}")
    if one.earlier != 0:
        every = remedies.typed(("history", f"--{kind}", name, "--limit", "0"))
        yield Paragraph(f"{_earlier(one.earlier)}. To see all:")
        yield Typed(every, indent=2)
    if not (one.lines or one.services):
        yield Paragraph("No turn has done anything with it yet.")
    yield from happened(one.lines)
    yield from map(_service, one.services)
    for wave, target in one.targets:
        said = f"{target.phase}, {target.health}" if target.phase else "it has not reported yet"
        ran = ", ".join(f"{name} {short(sha)}" for name, sha in target.runs.items())
        yield Paragraph(
            f"target {target.name} of {wave}: {said}" + (f"; runs {ran}" if ran else "")
        )


def happened(lines: Iterable[Line]) -> Iterator[Part]:
    """Lines in their order, each as a sentence behind its time."""
    return (Paragraph(f"{clock(one.at)}  {sentence(one)}") for one in lines)


def clock(when: datetime | None) -> str:
    """A time in UTC, to the minute; nothing where there is none."""
    return f"{when:%Y-%m-%d %H:%M}Z" if when else ""


def sentence(line: Line) -> str:
    """What happened, to what, who decided it and why."""
    if line.what in _NAMES and line.reason:  # which says it with the name
        return line.what + decided(line) + why(line)
    said = " ".join(filter(None, (what(line), thing(line))))
    if line.wave:
        said += f" in {line.wave}"
    if line.what in _ON_AUTO:
        said += " on auto"  # else it has landed
    end = _end(line) if line.what == "landed" else ""
    return said + decided(line) + end + why(line)


def what(line: Line) -> str:
    """What was done, in a word or two; of a landing how it came."""
    if line.what != "landed":
        return line.what
    return "changed by hand" if line.how == "by hand" else line.how or line.what


def thing(line: Line) -> str:
    """What it was done to, besides the wave."""
    if line.target:
        return f"{line.target} at {short(line.sha, 'an unknown commit')}"
    which = "all sets" if line.set == ALL_SETS else line.set or ""
    if line.app_sha or (line.what == "landed" and line.how != _REMOVED):
        return f"{which} {short(line.app_sha, '(an unknown set)')}".strip()
    return which or short(line.sha, line.id or "")


def _end(line: Line) -> str:
    if line.how != _REMOVED:
        return f", {until(line.until)}"
    return f", until {clock(line.until)}" if line.until else ""


def until(when: datetime | None) -> str:
    """Until when something was there."""
    return f"there until {clock(when)}" if when else "there since"


def decided(line: Line) -> str:
    """By whom, and in which run."""
    run = (line.run_url or "").rstrip("/").rpartition("/")[2]
    # How these end nobody asked for, but somebody for what ends.
    by = ", asked for by " if line.what in _ENDED else " by "
    by = ", by the author " if line.what == _BY_COMMIT else by  # whoever that says it was
    return (f"{by}{line.by}" if line.by else "") + (f" (run {run})" if run else "")


def why(line: Line) -> str:
    """Why, behind a colon."""
    reason = f"override: {line.reason}" if line.override else line.reason
    return f": {reason}" if reason else ""


def _running(found: RunningThen) -> Iterator[Part]:
    yield Title(f"What ran at {clock(found.at)}")
    if not found.landings and not found.targets:
        yield Paragraph("No wave had any set that the journal knows of.")
    waves = [one.wave or "" for one in found.landings] + [one.wave for one in found.targets]
    for wave in dict.fromkeys(waves):
        yield Title(wave)
        for one in found.landings:
            if one.wave == wave:
                yield Paragraph(_ran(one), indent=2)
                if one.run_url:
                    yield Paragraph(one.run_url, indent=4)
        for target in found.targets:
            if target.wave == wave:
                yield Paragraph(_target(target), indent=2)


def _ran(line: Line) -> str:
    came = f"{what(line)} {clock(line.at)}"
    return f"{thing(line)}, {came}{decided(line)}, {until(line.until)}{why(line)}"


def _target(one: TargetThen) -> str:
    ran = ", ".join(f"{name} {short(sha)}" for name, sha in one.app_shas.items())
    said = f"{one.phase}, {one.health} at {short(one.revision)} ({clock(one.at)})"
    return f"target {one.target}: {said}" + (f", which has {ran}" if ran else "")


def _service(one: ServiceStay) -> Part:
    by = f" by {one.by}" if one.by else ""
    of = f"{one.set} {short(one.app_sha)}"
    when, came = until(one.until), f"{one.how}{by}"
    if one.image is None:
        said = f"{one.wave} has no image of {one.service} any more, with {of}, {when}; {came}"
    else:
        said = f"{one.wave} has {one.service} of {of}, {when}; {came}: {one.image}"
    return Paragraph(f"{clock(one.since)}  {said}")
