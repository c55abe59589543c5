"""What each wave has had, and what its targets have reported: an account of its own.

It is kept from what is pushed to main and to `deployed/`, and follows design.md, section 5, not
the code under test.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.simulation.facts import changed, record, trailers
from tests.simulation.memory import Push, Server
from tests.simulation.scene import Scene
from tests.simulation.sources import digests_of, file_of, rollout_of

FILES = ("tags.json", "digests.json")


@dataclass
class Landing:
    """A set that came into a wave with a commit of main."""

    wave: str
    set: str
    commit: str
    at: datetime
    files: tuple[bytes, bytes]
    app_sha: str | None
    position: int
    told: Mapping[str, str]
    is_rolled_back: bool = False

    @property
    def kind(self) -> str:
        return self.told.get("Operation", "by hand")


@dataclass
class Standing:
    """See the module. `landings` by wave and set, `reports` by wave and target, in order."""

    scene: Scene
    server: Server
    landings: dict[tuple[str, str], list[Landing]] = field(default_factory=dict)
    reports: dict[tuple[str, str], list[dict[str, Any]]] = field(default_factory=dict)
    filed: list[dict[str, Any]] = field(default_factory=list)

    def take_records(self, push: Push) -> None:
        """Take note of the records that a push filed."""
        for place, (old, new) in changed(push, "deployed").items():
            wave, _, target = place.partition("/")
            new_ones = []
            at = new
            while at is not None and at != old:
                new_ones.append(record(self.server, at))
                at = self.server.commits[at].parent
            self.reports.setdefault((wave, target), []).extend(new_ones[::-1])
            self.filed.extend(new_ones[::-1])

    def take_main(self, old: str | None, new: str, now: datetime) -> Iterator[Landing]:
        """Take note of what came to main, one landing after another."""
        for sha in self.server.since(new, old or ""):
            for landing in self._landings(sha, now):
                mine = self.landings.setdefault((landing.wave, landing.set), [])
                for earlier in mine:
                    if earlier.position > landing.position:
                        earlier.is_rolled_back = True
                mine.append(landing)
                yield landing

    def had(self, wave: str, set_name: str) -> list[Landing]:
        """All that a wave has had of a set, the oldest first."""
        return self.landings.get((wave, set_name), [])

    def present(self, place: tuple[str, str], main: str) -> Landing | None:
        """What a wave has of a set in a commit of main."""
        landings = reversed(self.landings.get(place, []))
        return next((one for one in landings if self.server.descends(main, one.commit)), None)

    def deployed_at(self, landing: Landing) -> datetime | None:
        """Since when a set is deployed in its wave; None if it is not, or has failed."""
        concerned = self.concerned(landing)
        since, taken, failed = landing.at, {}, set()
        for target in concerned:
            before = [one for one in self.reports.get((landing.wave, target), []) if _at(one) < since]
            if before and self._runs(before[-1], landing):
                taken[target] = since
        mine = [one for one in self.filed if one["wave"] == landing.wave and _at(one) >= landing.at]
        for one in mine:
            target = one["target"]
            if self._has_very_set(one, landing) and _is_failing(one):
                failed.add(target)
            elif target in failed and _is_healthy(one) and self._has_very_set(one, landing):
                failed.remove(target)
                if not failed:
                    since, taken = _at(one), self._taken_now(landing, one)
            elif not failed and self._runs(one, landing):
                taken.setdefault(target, max(_at(one), since))
        if failed or not set(concerned) <= taken.keys():
            return None
        return max([since, *(taken[target] for target in concerned)])

    def concerned(self, landing: Landing) -> list[str]:
        """The targets that run a service of the set; all where the files do not tell."""
        wave = self.scene.wave(landing.wave)
        services = set(json.loads(landing.files[1]))
        uses = rollout_of(self.server.commits[landing.commit].files).uses[wave.name]
        mine = [
            target
            for target in wave.targets
            if uses[target] is None or services & set(uses[target] or ())
        ]
        return mine if mine and self.scene.has_paths else list(wave.targets)

    def _taken_now(self, landing: Landing, last: Mapping[str, Any]) -> dict[str, datetime]:
        taken = {}
        for target in self.concerned(landing):
            known = [
                one
                for one in self.filed[: self.filed.index(last) + 1]  # type: ignore[arg-type]
                if (one["wave"], one["target"]) == (landing.wave, target)
            ]
            if known and self._runs(known[-1], landing):
                taken[target] = _at(last)
        return taken

    def _runs(self, one: Mapping[str, Any], landing: Landing) -> bool:
        """Whether a target that reported this is healthy and runs the set."""
        if not _is_healthy(one):
            return False
        files = self.server.commits[one["revision"]].files
        here = self.server.commits[landing.commit].files
        folder = self.scene.rollout().folder(landing.wave, landing.set)
        if digests_of(files, folder) == json.loads(landing.files[1]):
            return True
        path = file_of(landing.wave, one["target"])
        return self.scene.has_paths and files.get(path) == here.get(path)

    def _has_very_set(self, one: Mapping[str, Any], landing: Landing) -> bool:
        files = self.server.commits[one["revision"]].files
        return one["target"] in self.concerned(landing) and self._image_files(
            files, landing.wave, landing.set
        ) == landing.files

    def _landings(self, sha: str, now: datetime) -> Iterator[Landing]:
        commit = self.server.commits[sha]
        before = self.server.commits[commit.parent].files if commit.parent else {}
        for wave in self.scene.waves:
            for name in self.scene.sets:
                files = self._image_files(commit.files, wave.name, name)
                if files == self._image_files(before, wave.name, name):
                    continue
                source = self._source(commit.files, wave.name, name)
                yield Landing(
                    wave=wave.name,
                    set=name,
                    commit=sha,
                    at=now,
                    files=files,
                    app_sha=source.get("sha"),
                    position=source.get("position", 0),
                    told=trailers(commit.message),
                )

    def _image_files(
        self, files: Mapping[str, bytes], wave: str, name: str
    ) -> tuple[bytes, bytes]:
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


def _at(one: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(one["accepted_at"])


def _is_healthy(one: Mapping[str, Any]) -> bool:
    return bool(one["phase"] == "Succeeded" and one["health"] == "Healthy")


def _is_failing(one: Mapping[str, Any]) -> bool:
    return one["phase"] in ("Failed", "Error") or one["health"] == "Degraded"
