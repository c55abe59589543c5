"""GitHub's own examples of events, changed at random: no crash, nothing injected, nothing run.

Chance is seeded, so a failure can be seen again; `SEED` and `ROUNDS` are there to look further.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

from tests.components.absence import Missing, absent
from tests.loop.stories import refs
from tests.world import START, World, announcement, git
from tidemill.asks.ask import Ask, Nothing
from tidemill.asks.event import ask_of
from tidemill.errors import Refused, TidemillError
from tidemill_sandbox import npm_files

SEED = 20260105
ROUNDS = 4  # for each example
ON_GIT = 80  # events that are accepted for real
OURS = ("repository_dispatch", "workflow_dispatch", "deployment_status")
EXAMPLES = npm_files.Package(
    "@octokit/webhooks-examples",
    "7.6.1",
    "sha512-De6U3XB6O3DtCa7bKgCMzTHdeopqqZ6SNivMYJnK65ierKL1AnNIA0tkRYCRS7lwGT792d+Ps1WbfHlso6MynQ==",
)
HOSTILE: tuple[Any, ...] = (
    "$(touch pwned)", "`touch pwned`", "; touch pwned #", "a\nb", "::error::x", "##[error]x",
    "::add-mask::x", "../../x", "/etc/passwd", "-x", "--repo=https://evil.example", "--json",
    "a\x00b", "\u202egnp", "\ud800", "", " ", "refs/heads/main", "a" * 3000, "{", "@/etc/passwd",
    "${{ secrets.X }}", None, True, False, 0, -1, 2**70, 1.5, [], {}, [[]], [None], {"": 1},
    {"version": 2}, ["a", 1],
)  # fmt: skip


@pytest.fixture(scope="module")
def examples() -> dict[str, list[Any]]:
    """Real payloads by the name of their event."""
    try:
        file = npm_files.file_of(EXAMPLES, "api.github.com/index.json")
    except TidemillError as error:
        absent(Missing(error.what, error.remedy))
    found = json.loads(file.read_bytes())
    return {one["name"]: one["examples"] for one in found}


def nodes(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a payload, as its container and its key."""
    entries = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in list(entries):
        yield value, key
        if isinstance(inner, dict | list):
            yield from nodes(inner)


def changed(payload: Any, chance: random.Random) -> bytes:
    """A payload with one to four changes."""
    made = copy.deepcopy(payload)
    for _ in range(chance.randint(1, 4)):
        places = list(nodes(made))
        if not places:
            break
        container, key = chance.choice(places)
        match chance.choice(("replace", "replace", "replace", "remove", "swap", "rename")):
            case "replace":
                container[key] = copy.deepcopy(chance.choice(HOSTILE))
            case "remove":
                del container[key]
            case "swap":
                other, there = chance.choice(places)
                container[key] = copy.deepcopy(other[there]) if there in other else None
            case _ if isinstance(container, dict):
                container[str(chance.choice(HOSTILE))] = container.pop(key)
            case _:
                container.append(container[key])
    data = json.dumps(made).encode()
    if chance.random() < 0.1:
        at = chance.randrange(len(data))
        data = data[:at] + bytes([chance.randrange(256)]) + data[at + chance.randrange(3) :]
    return data


def sound(name: str, payload: bytes) -> Ask | Nothing | Refused:
    """What an event asks for; a value, or why not."""
    try:
        found = ask_of(name, payload)
    except Refused as refused:
        for text in (refused.what, refused.remedy):
            assert text.isprintable()
            assert len(text) < 1000
        return refused
    match found:
        case Nothing(why):
            assert why.isprintable()
            assert len(why) < 1000
        case ask:
            assert isinstance(ask, Ask)
    return found


def test_real_events_are_nothing_to_accept(examples: dict[str, list[Any]]) -> None:
    """Their environments are production and github-pages, their dispatches other people's."""
    assert len(examples) > 50
    for name, payloads in examples.items():
        for payload in payloads:
            assert isinstance(sound(name, json.dumps(payload).encode()), Nothing)


def test_real_events_changed_at_random_are_read_or_refused(
    examples: dict[str, list[Any]],
) -> None:
    chance = random.Random(SEED)
    for name, payloads in examples.items():
        for payload in payloads:
            for _ in range(ROUNDS):
                sound(chance.choice((name, *OURS)), changed(payload, chance))


def ours(examples: dict[str, list[Any]], main: str, chance: random.Random) -> tuple[str, Any]:
    """A real event that carries something of ours."""
    name = chance.choice(OURS)
    payload = copy.deepcopy(chance.choice(examples[name]))
    match name, chance.randrange(2):
        case "repository_dispatch", 0:
            payload |= {"action": "images-announced", "client_payload": announcement(7)}
        case "repository_dispatch", _:
            report = {"version": 1, "wave": "lab", "target": "lab-1", "revisions": ["1.0", main]}
            state = {"phase": "Succeeded", "health": "Healthy", "images": ["a/b:1"]}
            report |= state | {"finished_at": START.isoformat()}
            payload |= {"action": "target-deployed", "client_payload": report}
        case "workflow_dispatch", way:
            operation = ("hold", "promote", "roll back", "release")[chance.randrange(4)]
            payload["inputs"] = {"operation": operation, "wave": "lab", "reason": "why"}
            payload["inputs"] |= {"set": "app", "sha": "7d10434"} if way else {}
        case _:
            payload["deployment"] |= {"environment": "lab/lab-1", "sha": main}
            payload["deployment_status"]["created_at"] = START.isoformat()
    return name, payload


def test_events_of_ours_changed_at_random_are_read_or_refused(
    examples: dict[str, list[Any]],
) -> None:
    chance = random.Random(SEED)
    kinds = set()
    for _ in range(2000):
        name, payload = ours(examples, "a" * 40, chance)
        found = sound(name, changed(payload, chance))
        kinds.add(type(found).__name__)
    assert {"Announce", "ReportDeployment", "HoldWave", "Nothing", "Refused"} <= kinds


def test_events_of_ours_changed_at_random_write_to_the_inbox_at_most(
    examples: dict[str, list[Any]], landed: World
) -> None:
    chance = random.Random(SEED)
    file = landed.folder / "event.json"
    before = refs(landed)
    for _ in range(ON_GIT):
        name, payload = ours(examples, before["refs/heads/main"], chance)
        # Most of a real event is about its repository, which nobody reads.
        trimmed = {key: payload[key] for key in payload if key not in ("repository", "workflow")}
        file.write_bytes(changed(trimmed, chance))
        found = landed.run("accept-event", "--event", name, "--payload", str(file))
        assert found.code == (1 if "error" in found else 0)
        keys = {"event", "changed", "accepted", "state", "reason"}
        assert "error" in found or set(found) == keys | (set() if found["accepted"] else {"kind"})
        if "error" in found:
            assert found["error"]["written"] == "nothing"
            assert all(text.isprintable() for text in found["error"].values())
    after = refs(landed)
    new = {ref for ref in after if after[ref] != before.get(ref)}
    assert new
    assert all(ref.startswith("refs/tidemill/inbox/") for ref in new)
    assert before.items() <= after.items()
    assert not list(landed.folder.rglob("pwned"))
    git(landed.bare, "fsck", "--strict", "--no-dangling")
    assert landed.turn().code == 0
