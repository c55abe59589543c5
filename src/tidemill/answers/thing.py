"""A thing that somebody asks about by a name or by some digits: which one it is, and its way."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

import msgspec

from tidemill.answers.history import LANDINGS, History
from tidemill.answers.older import report
from tidemill.answers.question import Line, in_order, landed, line_of

Kind = Literal["app commit", "cfg-app commit", "image", "service", "target", "wave"]
_DIGITS = re.compile(r"(?:sha256:)?[0-9a-f]{7,64}")


class Thing(msgspec.Struct, frozen=True, kw_only=True):
    """One thing; `name` is whole: all digits of a SHA or of a digest."""

    kind: Kind
    name: str


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """All that one may ask about, by its whole name."""

    app_shas: frozenset[str] = frozenset()
    commits: frozenset[str] = frozenset()
    services: frozenset[str] = frozenset()
    targets: frozenset[str] = frozenset()
    waves: frozenset[str] = frozenset()

    @property
    def names(self) -> list[str]:
        """Those that are no digits, in order."""
        return sorted({*self.services, *self.targets, *self.waves})


def known(history: History, now: Known) -> Known:
    """What a history knows of, besides what there is now."""
    app_shas, commits = {*now.app_shas}, {*now.commits}
    targets, waves = {*now.targets}, {*now.waves}
    for (wave, _), stays in history.stays.items():
        waves.add(wave)
        app_shas |= {stay.app_sha for stay in stays if stay.app_sha}
    for event in history.events():
        entry = event.entry
        if entry.app_sha:
            app_shas.add(entry.app_sha)
        if entry.sha:
            commits.add(entry.sha)
        if entry.what == "reported" and (found := report(entry)):
            targets.add(found[0])
    return Known(
        app_shas=frozenset(app_shas),
        commits=frozenset(commits),
        services=now.services,
        targets=frozenset(targets),
        waves=frozenset(waves),
    )


def named(text: str, known: Known) -> list[Thing]:
    """All that have a name."""
    kinds: tuple[tuple[Kind, frozenset[str]], ...] = (
        ("target", known.targets),
        ("service", known.services),
        ("wave", known.waves),
    )
    return [Thing(kind=kind, name=text) for kind, names in kinds if text in names]


def things(text: str, all_known: Known) -> list[Thing]:
    """What a text may mean: a name means exactly that one, digits all that begin with them."""
    found = named(text, all_known)
    if found or not could_be_digits(text):
        return found
    shas: tuple[tuple[Kind, frozenset[str]], ...] = (
        ("app commit", all_known.app_shas),
        ("cfg-app commit", all_known.commits),
    )
    return [
        Thing(kind=kind, name=sha)
        for kind, names in shas
        for sha in sorted(names)
        if sha.startswith(text)
    ]


def asked(text: str) -> str:
    """What somebody means who gives a whole reference of an image: its digest, or else the commit
    of app.git in its tag. Digits are as Git writes them."""
    _, at, digest = text.rpartition("@")
    _, colon, tag = text.rpartition(":")
    digits = digest if at else tag if colon and not _DIGITS.match(text.lower()) else text
    return digits.lower() if could_be_digits(digits.lower()) else text


def could_be_digits(text: str) -> bool:
    """Whether a text may begin a SHA or a digest."""
    return _DIGITS.fullmatch(text) is not None


def images(text: str, digests: Iterable[Mapping[str, str]]) -> list[str]:
    """The digests that begin with a text, of all references in image files."""
    wanted = text.removeprefix("sha256:")
    found = {image.partition("@sha256:")[2] for one in digests for image in one.values()}
    return sorted(f"sha256:{digest}" for digest in found if digest and digest.startswith(wanted))


def way(history: History, name: str) -> list[Line]:
    """All that turns did with a commit of app.git, or with one of cfg-app.git, in order."""
    stays = {
        (stay.commit, stay.wave, stay.set): stay
        for held in history.stays.values()
        for stay in held
        if name in (stay.app_sha, stay.commit)
    }
    found = [landed(stay) for stay in stays.values() if stay.turn is None]
    for event in history.events():
        entry = event.entry
        if name not in (entry.app_sha, entry.sha):
            continue
        stay = stays.get((entry.sha or "", entry.wave or "", entry.set or ""))
        is_landing = entry.what in LANDINGS
        found.append(landed(stay) if stay is not None and is_landing else line_of(event))
    return in_order(found)


def similar(text: str, all_known: Known) -> Iterator[str]:
    """Names to compare a text with that means nothing."""
    yield from all_known.names
    if could_be_digits(text):
        yield from sorted(all_known.app_shas)[:100]
