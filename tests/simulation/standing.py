"""What each wave has had, and what its targets have reported: an account of its own.

It is kept from what is pushed to main and to `deployed/`, and follows design.md, section 5, not
the code under test.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from tests.simulation.facts import changed, record, trailers, waves_in
from tests.simulation.memory import Push, Server
from tests.simulation.metrics import Key
from tests.simulation.scene import Scene
from tests.simulation.sources import digests_of, file_of

FILES = ("tags.json", "digests.json")
NOTHING = (b"{}", b"{}")


@dataclass
class Landing:
    """A set that came into a wave with a commit of main.

    Attributes:
        first: how many records of the wave were filed before it landed.
        latest: by target the last of these.
        refuted: the verifications that are red with it; `anew`: when that last passed.
    """

    wave: str
    set: str
    commit: str
    at: datetime
    files: tuple[bytes, bytes]
    app_sha: str | None
    position: int
    told: Mapping[str, str]
    first: int = 0
    latest: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    is_hotfix: bool = False
    is_rolled_back: bool = False
    was_deployed: bool = False
    refuted: frozenset[str] = frozenset()
    was_refuted: bool = False
    anew: datetime | None = None

    @property
    def kind(self) -> str:
        return self.told.get("Operation", "by hand")


@dataclass
class Renamed:
    """Names that a person has changed.

    Attributes:
        main: the last one before.
        former: what the new names were.
        commit: what changed them, once it is pushed.
        known: of commits whether they are from before.
    """

    main: str
    former: Mapping[str, str]
    commit: str | None = None
    known: dict[str, bool] = field(default_factory=dict)


@dataclass
class Standing:
    """See the module. Landings by wave and set, records by wave, and the last of each target.

    Attributes:
        renamed: the changes of names, the oldest first.
        reds: by wave, set and verification from when until when it was red.
        greens: when it was green, likewise.
        called_well: wave, set and short SHA of what was said to be verified to the end.
        taken_back: the commits that a person has taken off main by force.
        is_forgotten: whether the journal was lost, which alone knows of these.
        names: of commits of main what they call their waves.
    """

    scene: Scene
    server: Server
    landings: dict[tuple[str, str], list[Landing]] = field(default_factory=dict)
    filed: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    latest: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    renamed: list[Renamed] = field(default_factory=list)
    reds: dict[Key, list[tuple[datetime, datetime | None]]] = field(default_factory=dict)
    greens: dict[Key, list[datetime]] = field(default_factory=dict)
    called_well: set[tuple[str, str, str]] = field(default_factory=set)
    taken_back: set[str] = field(default_factory=set)
    is_forgotten: bool = False
    names: dict[str, frozenset[str]] = field(default_factory=dict)

    def called(self, wave: str, commit: str) -> str:
        """What a commit of main calls a wave of today; a name that was gone and is there again may
        be the one that a commit has, though the wave was another one since."""
        found = wave
        for one in reversed(self.renamed):
            if not self._is_from_before(one, commit):
                break
            found = one.former.get(found, found)
        if found == wave:
            return wave
        if commit not in self.names:
            self.names[commit] = frozenset(waves_in(self.server, commit))
        names = self.names[commit]
        return wave if wave in names and found not in names else found

    def _is_from_before(self, one: Renamed, commit: str) -> bool:
        if one.commit is None:
            return self.server.descends(one.main, commit)
        if commit not in one.known:
            one.known[commit] = not self.server.descends(commit, one.commit)
        return one.known[commit]

    def today(self, wave: str, commit: str) -> str:
        """What is called today as a commit of main calls a wave; itself where that has gone."""
        names = [one.name for one in self.scene.waves]
        return next((name for name in names if self.called(name, commit) == wave), wave)

    def take_records(self, push: Push) -> None:
        """Take note of the records that a turn filed."""
        if not push.by.startswith("tidemill"):
            return
        for place, (old, new) in changed(push, "deployed").items():
            wave, _, target = place.partition("/")
            new_ones = []
            at = new
            while at is not None and at != old:
                if (one := record(self.server, at))["kind"] == "deployment":
                    new_ones.append(one)
                at = self.server.commits[at].parent
            if not new_ones:
                continue
            self.filed.setdefault(wave, []).extend(new_ones[::-1])
            self.latest.setdefault(wave, {})[target] = new_ones[0]

    def is_red(self, key: Key) -> bool:
        """Whether a verification was red, and has not been green since."""
        spells = self.reds.get(key)
        return spells is not None and spells[-1][1] is None

    def hear(self, key: Key, landing: Landing, verdict: str, now: datetime) -> None:
        """Take note of what a verification says of the set that a wave has."""
        name = key[2]
        if verdict == "red":
            landing.refuted, landing.was_refuted = landing.refuted | {name}, True
            if not self.is_red(key):
                self.reds.setdefault(key, []).append((now, None))
        elif verdict == "green":
            heard = max(now, landing.at)  # it may have landed by a clock that was ahead
            self.greens.setdefault(key, []).append(heard)
            if self.is_red(key):
                self.reds[key][-1] = (self.reds[key][-1][0], now)
            if landing.refuted == {name}:
                landing.anew = now
            landing.refuted -= {name}

    def _end_reds(self, place: tuple[str, str], now: datetime) -> None:
        """Nothing is there any more that verifications could be red about."""
        for key, spells in self.reds.items():
            if key[:2] == place and spells[-1][1] is None:
                spells[-1] = (spells[-1][0], now)

    def forget_verdicts(self) -> None:
        """The journal is lost, and with it what was red, and what main does not have any more."""
        self.is_forgotten = True
        self.reds.clear()
        self.called_well.clear()
        for landing in [one for all_of in self.landings.values() for one in all_of]:
            landing.refuted, landing.anew = frozenset(), None

    def note_deployed(self) -> None:
        """Remember which sets have ever been deployed where they are."""
        for landings in self.landings.values():
            for landing in landings[-4:]:
                if not landing.was_deployed:
                    landing.was_deployed = self.deployed_at(landing) is not None

    def take_main(self, old: str | None, new: str, now: datetime) -> Iterator[Landing]:
        """Take note of what came to main, one landing after another."""
        is_back = old is not None and old != new and self.server.descends(old, new)
        if is_back and old:
            self.taken_back.update({*self.server.log(old)} - {*self.server.log(new)})
        for sha in [new] if is_back else self.server.since(new, old or ""):
            for landing in self._landings(sha, now, old if is_back else None):
                landing.first = len(self.filed.get(landing.wave, []))
                landing.latest = dict(self.latest.get(landing.wave, {}))
                mine = self.landings.setdefault((landing.wave, landing.set), [])
                for earlier in mine:
                    if earlier.position > landing.position:
                        earlier.is_rolled_back = True
                mine.append(landing)
                if landing.files == NOTHING:
                    self._end_reds((landing.wave, landing.set), now)
                yield landing

    def had(self, wave: str, set_name: str) -> list[Landing]:
        """All that a wave has had of a set, the oldest first."""
        return self.landings.get((wave, set_name), [])

    def known(self, landings: Iterable[Landing]) -> list[Landing]:
        """Of landings those that a turn can know of."""
        gone = self.taken_back if self.is_forgotten else ()
        return [one for one in landings if one.commit not in gone]

    def present(self, place: tuple[str, str], main: str) -> Landing | None:
        """What a wave has of a set in a commit of main."""
        landings = reversed(self.landings.get(place, []))
        return next((one for one in landings if self.server.descends(main, one.commit)), None)

    def deployed_at(self, landing: Landing) -> datetime | None:
        """Since when a set is deployed in its wave; None if it is not, or has failed."""
        since, deployed = landing.at, None
        failed: set[str] = set()
        concerned, spare = self.concerned(landing), self.spare(landing)
        latest = dict(landing.latest)
        taken = {target: since for target, one in latest.items() if self._runs(one, landing)}
        for one in self.filed.get(landing.wave, [])[landing.first :]:
            target, at = one["target"], max(_at(one), since)
            latest[target] = one
            is_after, was_failed = _at(one) >= landing.at, len(failed) > spare
            deployed = deployed or _enough(taken, failed, concerned, spare, since)
            if is_after and _is_failing(one) and self._has_very_set(one, landing):
                failed.add(target)
            elif target in failed and _is_healthy(one) and self._has_very_set(one, landing):
                failed.remove(target)
                if was_failed and len(failed) <= spare:
                    since = at
                    taken = {name: at for name, it in latest.items() if self._runs(it, landing)}
                elif not was_failed:
                    taken.setdefault(target, at)
            elif not was_failed and self._runs(one, landing):
                taken.setdefault(target, at)
            if len(failed) > spare:
                deployed = None
        if len(failed) > spare:
            return None
        return deployed or _enough(taken, failed, concerned, spare, since)

    def spare(self, landing: Landing) -> int:
        """How many of the targets that run a service of the set need not run it."""
        waves = {wave.name: wave for wave in self.scene.waves}
        wave = waves.get(landing.wave)
        asked = wave.spare if wave and wave.spare < len(wave.targets) else 0
        return min(asked, max(0, len(self.concerned(landing)) - 1))

    def begins(self, landing: Landing) -> datetime | None:
        """Since when a set is deployed, and no verification is red with it; None if it is not."""
        since = None if landing.refuted else self.deployed_at(landing)
        return max(since, landing.anew) if since and landing.anew else since

    def soaked(self, landing: Landing, now: datetime) -> timedelta:
        """For how long by a time a set has been deployed in a wave that was well."""
        since = self.begins(landing)
        if since is None:
            return timedelta()
        total, start = timedelta(), since
        failing: set[str] = set()
        spare = self.spare(landing)
        for one in (*self.filed.get(landing.wave, []), None):
            at = min(_at(one), now) if one else now
            if len(failing) <= spare and at > start:
                total += at - start - self._red(landing, start, at)
            start = max(start, at)
            if one:
                failing.discard(one["target"])
                if _is_failing(one) and self._uses(one, landing.set):
                    failing.add(one["target"])
        return total

    def _red(self, landing: Landing, start: datetime, end: datetime) -> timedelta:
        """For how long in a time some verification was red in the wave of a set."""
        spells = sorted(
            (max(start, begun), min(end, over or end))
            for name in self.scene.verifications
            for begun, over in self.reds.get((landing.wave, landing.set, name), ())
        )
        total, until = timedelta(), start
        for begun, over in spells:
            total += max(over - max(begun, until), timedelta())
            until = max(until, over)
        return total

    def failed_on(self, landing: Landing) -> set[str]:
        """The targets that have ever failed with a set, since it landed."""
        return {
            one["target"]
            for one in self.filed.get(landing.wave, [])[landing.first :]
            if _at(one) >= landing.at and _is_failing(one) and self._has_very_set(one, landing)
        }

    def _uses(self, one: Mapping[str, Any], set_name: str) -> bool:
        """Whether a target runs a service of a set, at the revision that it reported."""
        commit = self.server.commits[one["revision"]]
        files = self.files_of(commit.sha, one["wave"], set_name)
        there = Landing(one["wave"], set_name, commit.sha, commit.date, files, None, 0, {})
        return files[1] != b"{}" and one["target"] in self.concerned(there)

    def concerned(self, landing: Landing) -> list[str]:
        """The targets that run a service of the set; all where the files do not tell."""
        waves = {wave.name: wave for wave in self.scene.waves}
        if landing.wave not in waves:
            return []
        targets = list(waves[landing.wave].targets)
        if not self.scene.has_paths:
            return targets
        files = self.server.commits[landing.commit].files
        wave = self.called(landing.wave, landing.commit)
        named = {target: _named(files.get(file_of(wave, target), b"")) for target in targets}
        mine = {digest.partition("@")[0] for digest in json.loads(landing.files[1]).values()}
        users = [name for name in targets if mine & named[name]]
        # What the wave was split from may have had other targets, whose files told.
        folder = file_of(wave, "").removesuffix("/all.yaml")
        all_of = [_named(data) for path, data in files.items() if path.startswith(folder)]
        return users if users or any(all_of) else targets

    def _runs(self, one: Mapping[str, Any], landing: Landing) -> bool:
        """Whether a target that reported this is healthy and runs the set."""
        if not _is_healthy(one):
            return False
        files = self.server.commits[one["revision"]].files
        here = self.server.commits[landing.commit].files
        then = self.called(landing.wave, one["revision"])
        digests = digests_of(files, self.scene.rollout().folder(then, landing.set))
        path = file_of(then, one["target"])
        if self.scene.has_paths and _is_misled(files.get(path, b""), digests.values()):
            return False
        if digests == json.loads(landing.files[1]):
            return True
        path_here = file_of(self.called(landing.wave, landing.commit), one["target"])
        return self.scene.has_paths and files.get(path) == here.get(path_here)

    def _has_very_set(self, one: Mapping[str, Any], landing: Landing) -> bool:
        same = self.files_of(one["revision"], landing.wave, landing.set) == landing.files
        return same and self._uses(one, landing.set)

    def _landings(self, sha: str, now: datetime, left: str | None) -> Iterator[Landing]:
        """What a commit brings; `left` is what main was before a person moved it back there."""
        commit = self.server.commits[sha]
        parents = (left,) if left else commit.parents
        for wave in self.scene.waves:
            for name in self.scene.sets:
                files = self.files_of(sha, wave.name, name)
                before = [self.files_of(one, wave.name, name) for one in parents]
                if files in (before or [NOTHING]):
                    continue
                source = self._source(commit.files, wave.name, name)
                replaced = source.get("hotfix")
                yield Landing(
                    wave=wave.name,
                    set=name,
                    commit=sha,
                    at=now,
                    files=files,
                    app_sha=source.get("sha"),
                    position=(replaced or source).get("position", 0),
                    is_hotfix=replaced is not None,
                    told={} if left else trailers(commit.message),
                )

    def files_of(self, commit: str, wave: str, name: str) -> tuple[bytes, bytes]:
        """The image files of a set in a wave of today, in any commit of main."""
        files = self.server.commits[commit].files
        return self.image_files(files, self.called(wave, commit), name)

    def image_files(self, files: Mapping[str, bytes], wave: str, name: str) -> tuple[bytes, bytes]:
        folder = self.scene.rollout().folder(wave, name)
        tags, digests = (files.get(f"{folder}/{file}", b"{}") for file in FILES)
        return tags, digests

    def _source(self, files: Mapping[str, bytes], wave: str, name: str) -> dict[str, Any]:
        """`source.json`, empty where it is not valid or does not fit the tags."""
        folder = self.scene.rollout().folder(wave, name)
        try:
            source: dict[str, Any] = json.loads(files[f"{folder}/source.json"])
            tags = json.loads(files[f"{folder}/tags.json"]).values()
            return source if all(tag.endswith(f":{source['sha']}") for tag in tags) else {}
        except (KeyError, ValueError):
            return {}


@lru_cache(maxsize=4096)
def _named(file: bytes) -> frozenset[str]:
    """The repositories of the images that a file names."""
    return frozenset(re.findall(r"(\S+)@", file.decode()))


def _is_misled(file: bytes, images: Collection[str]) -> bool:
    """Whether a file names another image of a repository than these."""
    ours = {image.partition("@")[0] for image in images}
    named = re.findall(r"((\S+)@\S+)", file.decode())
    return any(name in ours and image not in images for image, name in named)


def _enough(
    taken: Mapping[str, datetime],
    failed: set[str],
    concerned: list[str],
    spare: int,
    since: datetime,
) -> datetime | None:
    """Since when as many as are needed have taken a set; None while too few have."""
    times = sorted(taken[one] for one in concerned if one in taken and one not in failed)
    needed = len(concerned) - spare
    return max([since, *times[:needed]]) if len(times) >= needed else None


def _at(one: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(one["accepted_at"])


def finished(one: Mapping[str, Any]) -> datetime:
    """When a target's last sync finished, as far as its clock can be believed."""
    said = datetime.fromisoformat(one["finished_at"])
    return _at(one) if said > _at(one) + timedelta(minutes=5) else said


def _is_healthy(one: Mapping[str, Any]) -> bool:
    return bool(one["phase"] == "Succeeded" and one["health"] == "Healthy")


def _is_failing(one: Mapping[str, Any]) -> bool:
    return one["phase"] in ("Failed", "Error") or one["health"] == "Degraded"
