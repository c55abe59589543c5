"""The gates of a wave: what the settings ask before anything goes in or on; and who changed them.

The ledger has each wave's as texts. A key that is as it is by itself is left out, so that one that
a later release adds is no change. Approvers' keys are always there where a wave has approvers: a
ledger without them is of a release that did not write them down.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import cache, lru_cache
from itertools import takewhile
from typing import Any, TypeAlias

import msgspec
from msgspec import Struct
from msgspec.structs import FieldInfo, fields

from tidemill.facts.freezes import Freeze
from tidemill.facts.settings import Approvals, Settings, Wave
from tidemill.facts.verification import Verification
from tidemill.facts.windows import Window
from tidemill.words.moments import Moment
from tidemill.words.shas import short

Values: TypeAlias = Mapping[str, str]
_KEYS = (
    *("after", "admit", "settle", "soak", "windows", "approval", "approvers"),
    *("environment", "on_failure", "failed_after", "need"),
)
_FOLDER = "approvals.keys"  # by whose keys a signature is an approver's
_LONGEST = 80  # characters of a value that are shown
_BETWEEN = ", "
_ITEMS = re.compile(r", (?![^(]*\))")  # not within what a verification asks


class GateChange(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A commit of main that changed a wave's gates.

    Attributes:
        commit: None where it can't be told which one it was.
        author: as the commit says it, which whoever makes one may make up.
        gates: by key what it was and what it is.
        at: when a turn first went by it.
        is_last: of more commits than were looked at: others may have changed them before.
    """

    commit: str | None = None
    author: str = ""
    gates: dict[str, tuple[str, str]]
    at: Moment
    is_last: bool = False

    @property
    def words(self) -> str:
        """What changed, in words."""
        said = [
            f"{key}: {_shown(now, was)}, was {_shown(was, now)}"
            for key, (was, now) in self.gates.items()
        ]
        more = ["commits before this one may have changed them, too"] if self.is_last else []
        return "; ".join([*said, *more])


class Gates(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A wave's gates as the last turn saw them, and what changed them lately, the latest last; all
    are values. `change` is the last one alone, as 0.3.0 wrote it."""

    values: Values = {}
    changes: tuple[GateChange, ...] = ()
    change: GateChange | None = None

    def renamed(self, heirs: Callable[[str], Sequence[str]]) -> Gates:
        """The same, where waves are called differently."""
        if "after" not in self.values:
            return self
        after = {heir for old in self.values["after"].split(_BETWEEN) for heir in heirs(old)}
        return msgspec.structs.replace(self, values={**self.values, "after": _text(tuple(after))})


class PastSettings(Struct, frozen=True):
    """A commit of main with settings or approvers' keys of its own, and its author; `keys` names
    what is in their folder."""

    commit: str
    author: str
    settings: Settings
    keys: str = ""


def gates_of(settings: Settings, wave: Wave, keys: str = "") -> dict[str, str]:
    """The gates of a wave, by their keys in the settings.

    Args:
        keys: names what is in the folder with the approvers' keys, if anything is.
    """
    folder = settings.approvals.keys
    ignored = (
        f"{one.name} until {one.ignored.until.isoformat()}"
        for one in settings.targets
        if one.ignored and one.name in wave.targets and one.wave in (None, wave.name)
    )
    found = _of_the_wave(wave) | {
        "freezes": _text(settings.freezes_of(wave.name)),
        "ignored": _text(tuple(ignored)),
        _FOLDER: (f"{folder} as {short(keys)}" if keys else folder) if wave.approvers else "",
        "verifications": _text(
            tuple(one for one in settings.verifications if not one.waves or wave.name in one.waves)
        ),
    }
    shown = {_FOLDER, *(key for key, value in found.items() if value != _DEFAULTS.get(key))}
    return {key: value for key, value in found.items() if value and key in shown}


@lru_cache(maxsize=512)
def _of_the_wave(wave: Wave) -> dict[str, str]:
    """What the wave says itself: the same in all decisions of a run, and there are many."""
    return {key: _text(getattr(wave, key)) for key in _KEYS}


def has_other_gates(known: Mapping[str, Gates], settings: Settings, keys: str = "") -> bool:
    """Whether any wave has other gates than those that are known of it."""
    mine = ((known.get(wave.name), wave) for wave in settings.waves)
    return any(
        one is not None and one.values != gates_of(settings, wave, keys) for one, wave in mine
    )


def changes(
    before: Values,
    settings: Settings,
    wave: Wave,
    past: Sequence[PastSettings],
    known: str | None,
    *,
    keys: str = "",
) -> Iterator[tuple[PastSettings | None, dict[str, tuple[str, str]]]]:
    """The commits that changed a wave's gates from what they were, with what each changed.

    Args:
        before: the gates as of the commit `known`.
        past: the settings of `known` and of each commit on main after it, the oldest first. Where
            it begins with another commit, only the last change is told, as if it were all.
    """
    today = gates_of(settings, wave, keys)
    if "approvers" in before and _FOLDER not in before:
        before = {**before, _FOLDER: today.get(_FOLDER, "")}
    is_whole = bool(past) and past[0].commit == known
    values = _then(settings, wave, past[0]) if past else None
    if is_whole and values is None:
        values = before
    steps: list[tuple[PastSettings | None, Values, Values]] = []
    for one in past[1:]:
        then = _then(settings, wave, one)
        if then is not None and then != values:
            steps.append((one, values or {}, then))
            values = then
    if is_whole and not steps and values == today:
        return  # an earlier release wrote them down in other words, or without some
    if not is_whole:
        steps = [(last, before, today) for last, _, _ in steps[-1:]]
    if not steps or steps[-1][2] != today:
        steps = [(None, before, today)]
    for by, was, now in steps:
        told = {key: (_said(key, was), _said(key, now)) for key in sorted({*was, *now})}
        if others := {key: one for key, one in told.items() if one[0] != one[1]}:
            yield by, others


def _then(settings: Settings, wave: Wave, past: PastSettings) -> Values | None:
    """The gates that a commit gave a wave of today, by today's names; None without such a wave."""
    found = (past.settings.wave(name) for name in (wave.name, *wave.formers))
    then = next((one for one in found if one is not None), None)
    if then is None:
        return None
    heirs = {old: one.name for one in settings.waves for old in one.formers}
    values = Gates(values=gates_of(past.settings, then, past.keys))
    return values.renamed(lambda old: [old if settings.wave(old) else heirs.get(old, old)]).values


def _said(key: str, values: Values) -> str:
    return values.get(key, _DEFAULTS.get(key, "")) or "none"


def _shown(text: str, other: str) -> str:
    """A value beside another one: of a long list what the other has not."""
    if len(text) <= _LONGEST:
        return text
    said = _own(text, other)
    both = zip(said, _own(other, text), strict=False)
    same = sum(1 for _ in takewhile(lambda one: one[0] == one[1], both))
    if len(said) > _LONGEST and same > _LONGEST // 2:  # what differs would be cut off
        said = f"{said[: _LONGEST // 4].rstrip()} … {said[said.rfind(' ', 0, same) + 1 :]}"
    return said if len(said) <= _LONGEST else f"{said[: _LONGEST - 2]} …"


def _own(text: str, other: str) -> str:
    items, others = _ITEMS.split(text), {*_ITEMS.split(other)}
    own = [one for one in items if one not in others]
    return _BETWEEN.join(own if len(own) == len(items) else ["…", *own])


def _text(value: Any) -> str:
    """A value of the settings as a text that another value does not have; order is no matter."""
    match value:
        case tuple():
            return _BETWEEN.join(sorted(map(_text, value)))
        case bool():
            return "yes" if value else "no"
        case timedelta():
            seconds = int(value.total_seconds())
            units = ((86400, "d"), (3600, "h"), (60, "m"))
            exact = (f"{seconds // size}{unit}" for size, unit in units if seconds % size == 0)
            return next(exact, f"{seconds}s") if seconds else "0s"
        case Window():
            return value.text
        case Freeze():
            return f"{value.start!r} to {value.end!r} {value.zone.key}"
        case Verification():
            said = ((one, getattr(value, one.name)) for one in _asked())
            told = (f"{one.encode_name} {_text(is_)}" for one, is_ in said if is_ != one.default)
            return f"{value.name} ({', '.join(told)})"
        case _:
            return "" if value is None else str(value)


@cache
def _asked() -> tuple[FieldInfo, ...]:
    """What a verification asks: to look its fields up takes as long as the rest of a plan."""
    return tuple(one for one in fields(Verification) if one.name not in _APART)


_APART = ("name", "waves")
_DEFAULTS = {one.name: _text(one.default) for one in fields(Wave) if one.name in _KEYS} | {
    _FOLDER: Approvals().keys
}
