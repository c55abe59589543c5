"""Steps of damage: refs that can't be read, a lost journal, forged announcements."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from tests.simulation.announcing import announcement
from tests.simulation.facts import SPACE, below, record
from tests.simulation.memory import SIGNED, Commit
from tests.simulation.world import World
from tidemill.clients.git.store import Update
from tidemill.facts import requests
from tidemill.facts.refs import Refs

RECORD = "record.json"
NEWER = b'{"version": 2, "kind": "spell"}\n'
FORGED: tuple[dict[str, bytes], ...] = (
    {},
    {RECORD: b"{"},
    {RECORD: b"[]"},
    {RECORD: b'{"kind": "hold", "accepted_at": "0001-01-01T00:00:00+23:59", "wave": "staging"}'},
)


def forge(world: World) -> None:
    """Somebody writes, in the place of something that turns read, what nobody can read."""
    rng, refs = world.rng, world.server.refs
    wave, target = rng.choice(world.targets())
    set_name = rng.choice(world.scene.sets)
    names = [f"inbox/forged-{world.next()}", f"deployed/{wave}/{target}", "deployed/nope/a"]
    names += ["holds/nope/_", "evicted/nope"]
    if not any(place.startswith(f"{wave}/") for place in below(refs, "holds")):
        names.append(f"holds/{wave}/{set_name}")
    names += [f"checks/{sha}" for sha in world.wanted[:1]]
    name = rng.choice(names)
    files = rng.choice(FORGED)
    if name.startswith("inbox/") and rng.random() < 0.3:
        files = {RECORD: NEWER}
    sha = _write(world, f"{SPACE}/{name}", files)
    world.forged[f"{SPACE}/{name}"] = (sha, NEWER in files.values())


def forge_request(world: World) -> None:
    """Somebody who may write refs puts a request of ada's making into the inbox; it may name a run
    of the form, and ask for what that was filled in with."""
    rng, waves = world.rng, [wave.name for wave in world.scene.waves]
    wave, name, override = rng.choice(waves), rng.choice(world.scene.sets), "it is urgent"
    fields: dict[str, Any] = {"accepted_at": world.now, "by": "ada"}
    sha = None
    if world.server.runs and rng.random() < 0.5:
        run = rng.choice(list(world.server.runs.values()))
        attempt = rng.randint(1, len(run.actors) + 1)
        fields["run"] = requests.WorkflowRun(id=run.id, attempt=attempt)
        if run.given["wave"] in waves and (sha := run.given.get("sha")):
            wave, name = run.given["wave"], run.given["set_name"]
            override = run.given["override"]
    hads = [one for other in waves for one in world.rules.standing.had(other, name)]
    had = [one for one in hads if one.app_sha and one.position and sha in (None, one.app_sha)]
    made: requests.Fact
    if not had or (sha is None and rng.random() < 0.3):
        holds = [record(world.server, sha) for sha in below(world.server.refs, "holds").values()]
        ends = tuple(one["id"] for one in holds if "id" in one)
        made = requests.Release(**fields, wave=wave, ends=ends, reason="go on")
    else:
        one = rng.choice(had)
        made = requests.Promotion(
            **fields,
            wave=wave,
            set=name,
            app_sha=one.app_sha or "",
            position=one.position,
            override=override,
        )
    _write(world, f"{SPACE}/inbox/{made.id}", {RECORD: requests.encode(made)})


def replay(world: World) -> None:
    """Somebody who may write refs puts what ada signed at some time into the inbox once more."""
    signed = [sha for sha, one in world.server.commits.items() if one.author.startswith(SIGNED)]
    if not signed:
        return
    sha = world.rng.choice(signed)
    ref = f"{SPACE}/inbox/{world.server.commits[sha].message.strip()}"
    if ref not in world.server.refs:
        world.now += timedelta(microseconds=1)  # no two things are said at the very same time
        world.tell(f"mallory puts {ref} there once more")
        update = Update(ref, None, sha)
        world.server.receive("mallory", Refs(dict(world.server.refs)), [update])


def lose_journal(world: World) -> None:
    """The journal goes, or becomes something else."""
    ref = f"{SPACE}/journal"
    if ref in world.server.refs:
        world.rules.forget()
        _write(world, ref, world.rng.choice((None, {RECORD: b"{"})))


def announce_far_ahead(world: World) -> None:
    """An announcement with a position that would lock out all that come after it."""
    name = world.rng.choice(world.scene.sets)
    had = world.rules.standing.had(world.scene.waves[0].name, name)
    is_known = any(one.app_sha and not one.is_hotfix for one in had)
    if is_known and world.apps.get(name):
        told = json.loads(announcement(world, kind="new", set_name=name))
        world.apps[name].pop()
        world.do("announce", announcement=json.dumps({**told, "position": 2**53 - 1}))


def repair(world: World) -> None:
    """What only a newer release can read goes away."""
    for ref, (sha, is_newer) in world.forged.items():
        if is_newer and world.server.refs.get(ref) == sha:
            _write(world, ref, None)
    world.forged.clear()


def _write(world: World, ref: str, files: dict[str, bytes] | None) -> str:
    made = Commit(files or {}, None, f"mine, at {ref}", world.now, "mallory")
    sha = world.server.put(made)
    world.tell(f"mallory makes {ref} {files if files is not None else 'go'}")
    update = Update(ref, world.server.refs.get(ref), None if files is None else sha)
    world.server.receive("mallory", Refs(dict(world.server.refs)), [update])
    return sha
