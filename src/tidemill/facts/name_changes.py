"""What a person is told beforehand of a commit that changes names, or which waves come first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

from tidemill.facts.settings import ImageSet, Settings, Wave


def warnings_of(before: Settings, after: Settings) -> list[str]:
    """What a person should know of a commit that changes names, or which waves come first."""
    return [
        *_name_warnings("wave", before.waves, after.waves),
        *_name_warnings("set", before.sets, after.sets),
        *_first_warnings(before, after),
    ]


def folders_to_move(before: Settings, after: Settings) -> list[tuple[str, str]]:
    """Where image files were, and where they belong now, by what has another name."""
    found = []
    for wave, image_set in product(after.waves, after.sets):
        olds = product(
            _olds(wave, before.waves) or (wave.name,),
            _olds(image_set, before.sets) or (image_set.name,),
        )
        old = next(olds)
        if old != (wave.name, image_set.name):
            found.append((before.folder(*old), after.folder(wave.name, image_set.name)))
    return found


def _olds(one: Wave | ImageSet, before: Sequence[Wave | ImageSet]) -> tuple[str, ...]:
    """What a commit says for the first time that a wave or set was."""
    said = next((other.formers for other in before if other.name == one.name), ())
    return tuple(old for old in one.formers if old not in said)


def _name_warnings(
    kind: str, before: Sequence[Wave | ImageSet], after: Sequence[Wave | ImageSet]
) -> Iterator[str]:
    known = {one.name for one in before}
    earlier = {old for one in before for old in one.formers}
    now = {one.name: _olds(one, before) for one in after}
    heirs: dict[str, list[str]] = {}
    for name, olds in now.items():
        for old in olds:
            heirs.setdefault(old, []).append(name)
    for name in sorted(known - now.keys() - heirs.keys()):
        yield (
            f"the {kind} {name} is gone, and nothing says what became of it: its holds and its "
            f"past stay behind, and what takes its place may be held. If it has another name now, "
            f'say so there: was = "{name}"'
        )
    for old, names in heirs.items():
        which = " and ".join(names)
        if old not in known and old not in earlier:
            yield f'{which} says was = "{old}", and the commit before has no {kind} of that name'
        elif old in now and not now[old]:
            still = f"the {kind} {old} is still there: both have its past"
            yield f'{which} says was = "{old}", and {still}'
        elif len(names) > 1:
            yield f"{which} were {old}: each of them has its past, holds and rollbacks, from now on"


def _first_warnings(before: Settings, after: Settings) -> Iterator[str]:
    first = {wave.name for wave in before.waves if not wave.sources}
    mine = {wave.name: _olds(wave, before.waves) or (wave.name,) for wave in after.waves}
    for wave in after.waves:
        if not wave.sources and not first & set(mine[wave.name]):
            yield (
                f"{wave.name} comes first now: the newest set that any wave has had is introduced "
                f"there by itself, and announcements go there"
            )
    stays = {old for wave in after.waves if not wave.sources for old in mine[wave.name]}
    for name in sorted(first - stays):
        yield f"{name} was a first wave, and is none now: announcements do not go there any more"
