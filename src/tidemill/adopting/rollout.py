"""Waves and their targets, found out from paths like `overlays/staging` or `values-prod.yaml`."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import PurePosixPath

from tidemill.words.names import is_name

# What people call the steps of a rollout, in the order in which sets go through them.
USUAL = (
    ("sandbox", "playground", "preview"),
    ("dev", "develop", "development"),
    ("test", "testing", "tst"),
    ("int", "integration", "sit"),
    ("qa",),
    ("uat", "acceptance"),
    ("stage", "staging", "stg"),
    ("preprod", "pre-prod", "preproduction", "pre-production"),
    ("internal", "canary"),
    ("prod", "production", "prd", "live"),
)
_RANKS = {name: rank for rank, names in enumerate(USUAL) for name in names}
_LONGEST_FIRST = "|".join(sorted(map(re.escape, _RANKS), key=len, reverse=True))
_WAVE = re.compile(rf"(?<![A-Za-z0-9])(?:{_LONGEST_FIRST})(?![A-Za-z0-9])")


@dataclass(frozen=True)
class Rollout:
    """Waves in their order, each with its targets, and where their files are.

    Attributes:
        paths: templates with `{wave}` and `{target}`, as `[deployments] path` has them.
        why: how it was found out, in a sentence.
    """

    waves: Mapping[str, tuple[str, ...]]
    paths: tuple[str, ...]
    why: str

    def places(self) -> dict[str, tuple[str, str]]:
        """By each target's paths its wave and its name."""
        return {
            path.replace("{wave}", wave).replace("{target}", target).strip("/"): (wave, target)
            for wave, targets in self.waves.items()
            for target in targets
            for path in self.paths
        }


def wave_in(path: str) -> str | None:
    """The usual name of a wave in a path: a whole part of it if there is one, else the last."""
    found = _WAVE.findall(path)
    whole = [one for one in found if one in re.split(r"[/.]", path)]
    return str((whole or found)[-1]) if found else None


def without_inner(paths: Iterable[str]) -> list[str]:
    """Those that are in none of the others."""
    kept: list[str] = []
    for path in sorted(set(paths)):
        if not kept or not path.startswith(f"{kept[-1]}/"):
            kept.append(path)
    return kept


def without_outer(paths: Iterable[str]) -> list[str]:
    """Those that have none of the others in them."""
    every = sorted(set(paths))
    return [one for one in every if not any(other.startswith(f"{one}/") for other in every)]


def up_to_the_wave(path: str) -> str:
    """The path as far as the part that names the wave."""
    wave, parts = wave_in(path), path.split("/")
    last = max(index for index, part in enumerate(parts) if wave in _WAVE.findall(part))
    return "/".join(parts[: last + 1])


def found(paths: Collection[str], names: Mapping[str, Sequence[str]]) -> Rollout | None:
    """The rollout that some paths tell of; None where none of them has the name of a wave.

    Args:
        names: by path, what controllers call that which they make from it.
    """
    by_wave = {path: wave for path in sorted(paths) if (wave := wave_in(path))}
    if not by_wave:
        return None
    waves = sorted(set(by_wave.values()), key=lambda wave: (_RANKS[wave], wave))
    templates = {path: _templated(path, wave) for path, wave in by_wave.items()}
    why = f"{', '.join(sorted(by_wave))}; in the usual order of these names"
    one, target_of = _in_one({*templates.values()})
    targets: dict[str, list[str]] = {wave: [] for wave in waves}
    for path, wave in by_wave.items():
        if one and "{target}" in one:
            targets[wave].append(target_of[templates[path]])
        else:
            targets[wave] += names.get(path, ())
    if one is None and (whole := _by_whole_part(by_wave)):
        one, targets = whole
    return Rollout(
        {wave: tuple(dict.fromkeys(targets[wave])) or (wave,) for wave in waves},
        (one,) if one else tuple(sorted({*templates.values()})),
        why,
    )


def given(waves: Mapping[str, tuple[str, ...]], paths: Collection[str]) -> Rollout | None:
    """The rollout of waves that a person named; None where no path has a place for them all."""
    places = {
        str(one) for path in paths for one in (PurePosixPath(path), *PurePosixPath(path).parents)
    }
    candidates = set()
    for place, (wave, targets) in ((one, two) for one in sorted(places) for two in waves.items()):
        for target in targets:
            by_target = _named(place, target, "{target}")
            candidates |= {
                by_target,
                _named(by_target, wave, "{wave}"),
                _named(place, wave, "{wave}"),
            }
    fitting = [
        one
        for one in candidates
        if "{" in one and Rollout(waves, (one,), "").places().keys() <= places
    ]
    if not fitting:
        return None
    best = max(fitting, key=lambda one: (one.count("{"), "{wave}" in one, -len(one), one))
    return Rollout(waves, (best,), "as --targets says")


def _named(path: str, name: str, placeholder: str) -> str:
    return re.sub(rf"(?<![A-Za-z0-9]){re.escape(name)}(?![A-Za-z0-9])", placeholder, path)


def _templated(path: str, wave: str) -> str:
    """A path with `{wave}` once: in the last part that is the wave, or has it."""
    parts = path.split("/")
    whole = [i for i, part in enumerate(parts) if part == wave]
    at = (whole or [i for i, part in enumerate(parts) if wave in _WAVE.findall(part)])[-1]
    parts[at] = _named(parts[at], wave, "{wave}") if not whole else "{wave}"
    return "/".join(parts)


def _in_one(templates: Collection[str]) -> tuple[str | None, dict[str, str]]:
    """One template for several that differ in one part, and the target of each."""
    if len(templates) == 1:
        return next(iter(templates)), {}
    split = {template: template.split("/") for template in templates}
    if len({len(parts) for parts in split.values()}) > 1:
        return None, {}
    columns = list(zip(*split.values(), strict=True))
    apart = [index for index, column in enumerate(columns) if len(set(column)) > 1]
    if len(apart) != 1:
        return None, {}
    (index,) = apart
    parts = columns[index]
    before = next((x for x in ("{wave}-", "{wave}_") if all(p.startswith(x) for p in parts)), "")
    ends = ("-{wave}", "_{wave}", "-{wave}.yaml", "-{wave}.yml", ".yaml", ".yml")
    after = next((x for x in ends if all(p.endswith(x) for p in parts)), "")
    targets = {t: p[index].removeprefix(before).removesuffix(after) for t, p in split.items()}
    if not all(is_name(one) for one in targets.values()):
        return None, {}
    shared = [column[0] for column in columns]
    shared[index] = f"{before}{{target}}{after}"
    return "/".join(shared), targets


def _by_whole_part(by_wave: Mapping[str, str]) -> tuple[str, dict[str, list[str]]] | None:
    """`overlays/{target}`, where paths differ in one part that names the wave among others."""
    split = [path.split("/") for path in by_wave]
    if len({len(parts) for parts in split}) > 1:
        return None
    columns = list(zip(*split, strict=True))
    apart = [index for index, column in enumerate(columns) if len(set(column)) > 1]
    if len(apart) != 1 or not all(is_name(one) for one in columns[apart[0]]):
        return None
    targets: dict[str, list[str]] = {wave: [] for wave in by_wave.values()}
    for path, wave in by_wave.items():
        targets[wave].append(path.split("/")[apart[0]])
    shared = [*chain(column[0] for column in columns)]
    shared[apart[0]] = "{target}"
    return "/".join(shared), targets
