"""Try what `generate` makes of images: which service's digest arrives in which file?"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tidemill.clients.git.checkout import Checkout
from tidemill.facts import image_files
from tidemill.facts.arrival import (
    Arrival,
    arriving,
    elsewhere,
    guessed,
    invented,
    nameless,
    repositories,
    tags,
    unlisted,
)
from tidemill.facts.image_files import ImageFiles
from tidemill.facts.settings import Settings


def tried(
    checkout: Checkout, settings: Settings, say: Callable[[str], None]
) -> tuple[Arrival, ...]:
    """Invent images for each wave and set that has none yet, generate once, and look.

    Args:
        checkout: its files change.

    Returns:
        Nothing of a set that no wave has, where no file tells its services.

    Raises:
        EntryPointFailed: `generate` does not take the images.
        TimeLimit, NotEnclosed: as with any entry point.
    """
    places = [(wave.name, one.name) for wave in settings.waves for one in settings.sets]
    here = {
        place: image_files.parse(checkout.image_files(settings.folder(*place))) for place in places
    }
    is_known = any(here.values())
    guess: dict[str, str] = {}
    if not is_known and len(settings.sets) == 1:
        waves = [one.name for one in settings.waves]
        guess = guessed(settings, _texts(checkout, settings, *waves))
        guess = guess or guessed(settings, checkout.texts(["."]))  # a base that they share
    new: dict[tuple[str, str], ImageFiles] = {}
    for wave, name in places:
        mine = repositories(one for (_, of), one in here.items() if one and of == name) or guess
        if here[wave, name] is None and mine:
            new[wave, name] = invented(wave, mine)
    for place, made in new.items():
        folder = settings.folder(*place)
        checkout.write(f"{folder}/{image_files.TAGS}", image_files.render(made.tags))
        checkout.write(f"{folder}/{image_files.DIGESTS}", image_files.render(made.digests))
    if new and settings.entrypoints.generate:
        say("generate, with invented digests")
        checkout.run(settings.entrypoints.generate, settings.checks.timeout.total_seconds())
    checkout.changed()  # so that what is new is among its texts
    by_wave = {one.name: tags(_texts(checkout, settings, one.name)) for one in settings.waves}
    every = [tag for of_wave in by_wave.values() for tag in of_wave]
    return tuple(
        Arrival(
            wave,
            name,
            arriving(files, _texts(checkout, settings, wave)),
            (wave, name) in new,
            elsewhere(files, _texts(checkout, settings, wave)),
            nameless(files, by_wave[wave], every),
            tuple(repositories([files]).values()),
        )
        for wave, name in places
        if (files := here[wave, name] or new.get((wave, name))) is not None and files.digests
    )


def named_otherwise(checkout: Checkout, settings: Settings) -> tuple[str, ...]:
    """The repositories of images that files name, none of which `[images] allow` lists."""
    waves = [one.name for one in settings.waves]
    return unlisted(settings, _texts(checkout, settings, *waves)) or unlisted(
        settings, checkout.texts(["."])
    )


def _texts(checkout: Checkout, settings: Settings, *waves: str) -> Iterator[tuple[str, bytes]]:
    """All that the targets of some waves render from."""
    paths = {
        path: None
        for wave in settings.waves
        if wave.name in waves
        for target in wave.targets
        for path in settings.paths(wave.name, target)
    }
    return checkout.texts(list(paths)) if paths else iter(())
