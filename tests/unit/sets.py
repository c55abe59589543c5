"""Made-up commits, image sets and settings."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from tidemill.facts.image_files import ImageFiles, Source, from_maps
from tidemill.facts.ledger import Landing
from tidemill.facts.settings import Settings
from tidemill.facts.settings_file import parse
from tidemill.facts.snapshot import UnreadableRef

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)  # a Monday
LAB, SHOP = {"targets": ["lab-1", "lab-2"]}, {"targets": ["north", "south"]}
STOCKTAKING = {
    "from": "2026-01-05T12:00",
    "until": "2026-01-06T00:00",
    "zone": "Europe/Berlin",
    "reason": "stocktaking",
}
CHRISTMAS = {
    "from": "2026-12-18T18:00",
    "until": "2027-01-04T08:00",
    "zone": "Europe/Berlin",
    "reason": "Christmas",
}
AT_ONCE = {**LAB, "admit": "at once"}


def sha(*words: object) -> str:
    """A made-up SHA, the same for the same words."""
    return hashlib.sha1(repr(words).encode()).hexdigest()


def app_sha(position: int, set_name: str = "app") -> str:
    """The commit of app.git at a position."""
    return sha("app.git", set_name, position)


def images(
    position: int, set_name: str = "app", *, content: object = None, sha_: str | None = None
) -> ImageFiles:
    """A set of one service; `content` is what its image holds, the position by default."""
    commit = sha_ or app_sha(position, set_name)
    held = hashlib.sha256(repr(content or position).encode()).hexdigest()
    source = Source(repository="acme/app", sha=commit, position=position, introduced_at=NOW)
    name = f"ghcr.io/acme/{set_name}"
    return from_maps({"web": f"{name}:{commit}"}, {"web": f"{name}@sha256:{held}"}, source)


def landing(position: int = 1, **given: Any) -> Landing:
    """A set that a wave has had; what is not given follows from its position."""
    fields: dict[str, Any] = {
        "app_sha": app_sha(position),
        "position": position,
        "content": f"content {position}",
        "digests": f"digests {position}",
        "commit": sha("landed", position),
        "landed_at": NOW,
        "how": "introduce",
    }
    return Landing(**{**fields, **given})


def unreadable(fact: str, *, is_newer: bool = False) -> UnreadableRef:
    """A ref of the inbox that can't be read."""
    ref = f"refs/tidemill/inbox/{fact}"
    return UnreadableRef(ref=ref, sha=sha(fact), id=fact, reason="broken", is_newer=is_newer)


def settings(
    *,
    sets: tuple[str, ...] = ("app",),
    checks: str = "retries = 0",
    freezes: Sequence[Mapping[str, Any]] = (),
    targets: Sequence[Mapping[str, Any]] = (),
    verifications: Sequence[Mapping[str, Any]] = (),
    **waves: Mapping[str, Any],
) -> Settings:
    """Settings with the given waves, freezes and so on; options as in `tidemill.toml`."""
    several = "/{set}" if len(sets) > 1 else ""
    lines = [
        "[checks]",
        'source = "refs"',
        checks,
        "[images]",
        f'path = "images/{{wave}}{several}"',
    ]
    lines += ["[deployments]", 'path = "generated/{wave}/{target}"']
    for name in sets:
        lines += ["[[sets]]", f'name = "{name}"']
    for name, options in waves.items():
        lines += ["[[waves]]", f'name = "{name}"']
        lines += [f"{key} = {json.dumps(value)}" for key, value in options.items()]
    tables = {"freezes": freezes, "targets": targets, "verifications": verifications}
    for table, ones in tables.items():
        for options in ones:
            lines += [f"[[{table}]]", *(f"{key} = {_toml(one)}" for key, one in options.items())]
    return parse("\n".join(lines))


def _toml(value: object) -> str:
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{key} = {_toml(one)}' for key, one in value.items())} }}"
    return json.dumps(value)
