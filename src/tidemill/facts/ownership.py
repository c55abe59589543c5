"""Whose a generated file is: the waves whose `[deployments] path` it matches (`design.md` 10.11).

Only where some path has `{wave}` do files tell: elsewhere there is no `Ownership`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from msgspec import Struct, field

from tidemill.facts.image_files import paths_in
from tidemill.facts.settings import Settings, Wave

_ANY_TARGET = "[^/]+"


class Ownership(Struct, frozen=True):
    """By path of a file the waves that it belongs to.

    Attributes:
        waves: all waves; what matches no path belongs to each of them.
        listed: for each path of a target that the settings list its waves.
        others: for other targets: the paths of a wave as patterns, each with its length.
    """

    waves: frozenset[str]
    listed: dict[str, frozenset[str]] = field(default_factory=dict)
    others: tuple[tuple[int, re.Pattern[str], str], ...] = ()

    @classmethod
    def of(cls, settings: Settings) -> Ownership | None:
        """As the settings have it; None where no path has `{wave}`."""
        if not any("{wave}" in template for template in settings.templates()):
            return None
        listed: dict[str, frozenset[str]] = {}
        others = []
        for wave in settings.waves:
            for path in _paths(settings, wave):
                listed[path] = listed.get(path, frozenset()) | {wave.name}
            for template in settings.templates():
                if "{wave}" in template and "{target}" in template:
                    filled = template.strip("/").replace("{wave}", wave.name)
                    parts = [re.escape(part) for part in filled.split("{target}")]
                    pattern = re.compile(f"{_ANY_TARGET.join(parts)}(?:/|$)")
                    others.append((len(filled), pattern, wave.name))
        return cls(frozenset(wave.name for wave in settings.waves), listed, tuple(others))

    def owners(self, path: str) -> frozenset[str]:
        """The waves that a file belongs to; never none.

        First comes the longest path of a target that the settings list, then the wave with the
        longest name that has a target of any name there: of a file of `eu-west-9`, where waves are
        named `eu` and `eu-west`, it is the second. What matches nothing belongs to all.
        """
        above = path
        while above:
            if above in self.listed:
                return self.listed[above]
            above = above.rpartition("/")[0]
        matching = [(size, wave) for size, pattern, wave in self.others if pattern.match(path)]
        longest = max((size for size, _ in matching), default=0)
        return frozenset(wave for size, wave in matching if size == longest) or self.waves


class Scope(Struct, frozen=True):
    """The generated files that one operation may change.

    Attributes:
        without: waves that are left alone: what belongs to one of them too is not changed.
    """

    ownership: Ownership
    wave: str
    without: frozenset[str] = frozenset()

    def has(self, path: str) -> bool:
        """Whether the operation may change the file at a path."""
        owners = self.ownership.owners(path)
        return self.wave in owners and not owners & self.without


def waves_of(settings: Settings, ownership: Ownership, changed: Iterable[str]) -> frozenset[str]:
    """The waves that a commit is about, by the files that it changes.

    It is about a wave if it changes nothing but image files and generated files of it; mostly that
    is one wave, or none: then the commit is a person's, or anybody's.
    """
    images = {
        path: wave.name
        for wave in settings.waves
        for one in settings.sets
        for path in paths_in(settings.folder(wave.name, one.name))
    }
    prefixes = tuple(f"{prefix}/" for prefix in settings.prefixes() if prefix)
    found: frozenset[str] | None = None
    for path in changed:
        if path in images:
            owners = frozenset({images[path]})
        elif path.startswith(prefixes):
            owners = ownership.owners(path)
        else:
            return frozenset()
        found = owners if found is None else found & owners
    return found or frozenset()


def found_stale(
    ownership: Ownership,
    waves: frozenset[str],
    stale: Mapping[str, str],
    before: Mapping[str, str],
) -> set[str]:
    """Of the stale files of a commit about `waves` those that its parent left stale.

    They are others' files, and just as stale in the parent. What belongs to others, too, is left
    alone by a rollback, and may come out otherwise then.

    Args:
        stale: what `generate` changes in the commit, by path; `before`: what in its parent.
    """
    found = set()
    for path, made in stale.items():
        owners = ownership.owners(path)
        is_shared = bool(owners & waves)
        if not owners <= waves and path in before and (is_shared or before[path] == made):
            found.add(path)
    return found


def _paths(settings: Settings, wave: Wave) -> list[str]:
    found = [path for target in wave.targets for path in settings.paths(wave.name, target)]
    whole = [one for one in settings.templates() if "{target}" not in one]
    return [*found, *(one.strip("/").replace("{wave}", wave.name) for one in whole)]
