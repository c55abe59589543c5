"""What each kind of ref has to hold: from its name and its bytes to a value, or why not."""

from __future__ import annotations

import msgspec

from tidemill.errors import Refused
from tidemill.facts import requests
from tidemill.facts.checks import CheckRecord
from tidemill.facts.holds import Hold
from tidemill.facts.records import Deployment
from tidemill.facts.requests import Fact
from tidemill.facts.settings import ALL_SETS
from tidemill.words.names import SHA, checked_line, is_name, shown


def fact(name: str, data: bytes) -> Fact:
    """The request or record that waits in the inbox as `name`.

    Raises, as all of these: what msgspec does, or `Refused`.
    """
    found = requests.decode(data)
    if found.id != name:
        raise _another(found.id)
    return found


def hold(name: str, data: bytes) -> Hold:
    """The hold of a place `<wave>/<set>`."""
    found = msgspec.json.decode(data, type=Hold)
    if f"{found.wave}/{found.set}" != name:
        raise _another(f"{found.wave}/{found.set}")
    for text, what in ((found.id, "the id"), (found.reason, "the reason"), (found.by or "-", "by")):
        checked_line(text, what)
    return found


def deployment(name: str, data: bytes) -> Deployment:
    """The latest record of a place `<wave>/<target>`."""
    found = requests.decode(data)
    if not isinstance(found, Deployment):
        raise _another("a request")
    if f"{found.wave}/{found.target}" != name:
        raise _another(f"{found.wave}/{found.target}")
    return found


def check(name: str, data: bytes) -> CheckRecord:
    """What was reported for the commit `name`."""
    found = msgspec.json.decode(data, type=CheckRecord)
    if found.sha != name:
        raise _another(found.sha)
    return found


def held_place(name: str) -> tuple[str, str] | None:
    """The wave and set that are held by a ref of that name below `holds/`, well-formed or not."""
    wave, _, rest = name.partition("/")
    set_name = rest.partition("/")[0]
    if not is_name(wave):
        return None
    return wave, set_name if is_name(set_name) else ALL_SETS


def is_place(name: str) -> bool:
    """Whether it is a wave and a target, or a set: two names with a slash between them."""
    wave, _, rest = name.partition("/")
    return is_name(wave) and is_name(rest)


def is_held_place(name: str) -> bool:
    """Whether it is a wave and a set, or all of them."""
    wave, _, rest = name.partition("/")
    return is_place(name) or (is_name(wave) and rest == ALL_SETS)


def is_sha(name: str) -> bool:
    """Whether it is a full SHA."""
    return SHA.fullmatch(name) is not None


def _another(what: str) -> Refused:
    return Refused(f"it belongs to another ref, {shown(what)}", remedy="put it there")
