"""Waves and their targets, found out from paths like `overlays/staging` or `values-prod.yaml`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath

from msgspec import Struct, field

from tidemill.facts import controllers
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
# What files of values are called that count for all targets beside them.
_OF_ALL = ("values", "common", "default", "defaults", "shared", "base", "all")
_WAVE = re.compile(rf"(?<![A-Za-z0-9])(?:{_LONGEST_FIRST})(?![A-Za-z0-9])")


class Rollout(Struct, frozen=True):
    """Waves in their order, each with its targets, and where their files are.

    Attributes:
        paths: templates with `{wave}` and `{target}`, as `[deployments] path` has them.
        why: how it was found out, in a sentence.
        own: by wave and target those of the templates that it is made of; all where it is not here.
    """

    waves: Mapping[str, tuple[str, ...]]
    paths: tuple[str, ...]
    why: str
    own: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)

    def places(self) -> Iterator[tuple[str, str, str]]:
        """Each path of each target, with its wave and the target."""
        for wave, targets in self.waves.items():
            for target in targets:
                for path in self.own.get((wave, target), self.paths):
                    filled = path.replace("{wave}", wave).replace("{target}", target)
                    yield filled.strip("/"), wave, target


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


def found(
    paths: Collection[str], made: Sequence[tuple[str, Collection[str]]] = ()
) -> Rollout | None:
    """The rollout that some paths tell of; None where none of them has the name of a wave.

    Args:
        made: what controllers make: its name, and those of the paths that it is made from.
    """
    by_wave = {path: wave for path in sorted(paths) if (wave := wave_in(path))}
    if not by_wave:
        return None
    waves = sorted(set(by_wave.values()), key=lambda wave: (_RANKS[wave], wave))
    templates = {path: _templated(path, wave) for path, wave in by_wave.items()}
    shared = _shared(templates, made)
    own = {path: one for path, one in templates.items() if one not in shared}
    if any(len(own.keys() & {*of_one}) > 1 for _, of_one in made):
        shared, own = {*templates.values()}, {}
    # Several that are made from one place have names of their own, and the place none of theirs.
    is_one_each = max(
        Counter(path for _, of in made for path in own.keys() & {*of}).values() or [0]
    )
    template, target_of = _by_place(own, by_wave) if is_one_each < 2 else (None, {})
    targets: dict[str, list[str]] = {wave: [] for wave in waves}
    for path in own:
        called = [name for name, of_one in made if path in of_one]
        targets[by_wave[path]] += [target_of[path]] if path in target_of else called
    for wave in waves:
        called = [name for name, of_one in made if wave in map(by_wave.get, of_one)]
        targets[wave] = targets[wave] or called
    listed = [template] if template else sorted({*own.values()})
    return Rollout(
        {wave: tuple(dict.fromkeys(targets[wave])) or (wave,) for wave in waves},
        (*sorted(shared), *listed),
        f"{', '.join(by_wave)}; in the usual order of these names",
        {} if template else _own(templates, made, by_wave),
    )


def _own(
    templates: Mapping[str, str],
    made: Sequence[tuple[str, Collection[str]]],
    by_wave: Mapping[str, str],
) -> dict[tuple[str, str], tuple[str, ...]]:
    """By wave and target its own of several templates; nothing where each has all of them."""
    found: dict[tuple[str, str], set[str]] = {}
    for name, of_one in made:
        for path in of_one:
            if path in by_wave:
                found.setdefault((by_wave[path], name), set()).add(templates[path])
    if all(mine == {*templates.values()} for mine in found.values()):
        return {}
    return {place: tuple(sorted(mine)) for place, mine in found.items()}


def _shared(templates: Mapping[str, str], made: Sequence[tuple[str, Collection[str]]]) -> set[str]:
    """Those that several targets of a wave have beside their own: none, where they have no own."""
    users = Counter(path for _, of_one in made for path in of_one)
    beside = Counter(PurePosixPath(one).parent for one in {*templates.values()})
    shared = {
        one
        for path, one in templates.items()
        if users[path] > 1
        or (PurePosixPath(one).stem in _OF_ALL and beside[PurePosixPath(one).parent] > 1)
    }
    return shared if shared < {*templates.values()} else set()


def _by_place(
    templates: Mapping[str, str], by_wave: Mapping[str, str]
) -> tuple[str | None, Mapping[str, str]]:
    """One template for all paths, and the targets of those whose place names one."""
    one, target_of = _in_one({*templates.values()})
    if one:
        return one, {path: target_of[own] for path, own in templates.items() if own in target_of}
    return _by_whole_part(templates) or _by_folder(templates, by_wave) or (None, {})


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
        if "{" in one and {path for path, *_ in Rollout(waves, (one,), "").places()} <= places
    ]
    if not fitting:
        return None
    best = max(fitting, key=lambda one: (one.count("{"), "{wave}" in one, -len(one), one))
    return Rollout(waves, (best,), "as --targets says")


def alike(paths: Collection[str]) -> tuple[str, tuple[str, ...]] | None:
    """The template of paths that differ in one part, and that part of each."""
    found = _apart(paths)
    return ("{target}".join(found[0]), found[1]) if found and all(map(is_name, found[1])) else None


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
    if len(templates) < 2:
        return next(iter(templates), None), {}
    found = _apart(templates)
    if found is None:
        return None, {}
    around, parts = found
    before = next((x for x in ("{wave}-", "{wave}_") if all(p.startswith(x) for p in parts)), "")
    ends = ("-{wave}", "_{wave}", "-{wave}.yaml", "-{wave}.yml", ".yaml", ".yml")
    after = next((x for x in ends if all(p.endswith(x) for p in parts)), "")
    named = zip(templates, parts, strict=True)
    targets = {one: part.removeprefix(before).removesuffix(after) for one, part in named}
    if not all(is_name(one) and not one.isdigit() for one in targets.values()):
        return None, {}
    return f"{before}{{target}}{after}".join(around), targets


def _by_whole_part(paths: Collection[str]) -> tuple[str, Mapping[str, str]] | None:
    """`overlays/{target}`, where paths differ in one part that names the wave among others."""
    found = _apart(paths)
    if found is None or not all(map(is_name, found[1])):
        return None
    around, parts = found
    return "{target}".join(around), dict(zip(paths, parts, strict=True))


def _apart(paths: Collection[str]) -> tuple[tuple[str, str], tuple[str, ...]] | None:
    """What stands before and after the one part in which paths differ, and that part of each.

    None where they differ in more, or in none.
    """
    split = [path.split("/") for path in paths]
    if len({*map(len, split)}) > 1:
        return None
    columns = list(zip(*split, strict=True))
    apart = [index for index, column in enumerate(columns) if len(set(column)) > 1]
    if len(apart) != 1:
        return None
    first, at = split[0], apart[0]
    before, after = ("/".join([*first[:at], ""]), "/".join(["", *first[at + 1 :]]))
    return (before, after), columns[at]


def _by_folder(
    templates: Mapping[str, str], by_wave: Mapping[str, str]
) -> tuple[str, Mapping[str, str]] | None:
    """`sites/{wave}`, where the places of some waves are folders in it, at whatever depth."""
    above = {f"/{one}/".partition("/{wave}/")[:2] for one in templates.values()}
    if len(above) != 1 or not all("/{wave}/" in f"/{one}/" for one in templates.values()):
        return None
    folder = "".join(above.pop()).strip("/")
    below = {
        path: controllers.below(path, folder.replace("{wave}", by_wave[path])) for path in templates
    }
    targets = {path: rest for path, rest in below.items() if rest}
    return (folder, targets) if all(map(is_name, targets.values())) else None
