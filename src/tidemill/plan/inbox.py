"""The inbox of a draft: what waits, also by kind and by what it is for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from tidemill.facts.requests import AnnouncementRequest, Fact, Promotion, kept_as

_Kind = TypeVar("_Kind", bound=Fact)


class Inbox:
    """Facts by id. They come from the snapshot; one that has ended is taken out."""

    def __init__(self, facts: Mapping[str, Fact]) -> None:
        self._facts = dict(facts)
        self._announcements: dict[str, dict[str, AnnouncementRequest]] = {}
        self._promotions: dict[tuple[str, str], dict[str, Promotion]] = {}
        announced = self.of(AnnouncementRequest)
        for fact_id in sorted(announced, key=lambda one: (announced[one].order, one)):
            fact = announced[fact_id]
            self._announcements.setdefault(fact.announcement.set, {})[fact_id] = fact
        for fact_id, asked in sorted(self.of(Promotion).items()):
            self._promotions.setdefault((asked.wave, asked.set), {})[fact_id] = asked

    def __contains__(self, fact_id: object) -> bool:
        return fact_id in self._facts

    @property
    def facts(self) -> Mapping[str, Fact]:
        """All that waits."""
        return self._facts

    def get(self, fact_id: str) -> Fact | None:
        """One that waits, None where it does not."""
        return self._facts.get(fact_id)

    def copies(self, request: str) -> list[str]:
        """A request that waits, and what it is for other waves or sets since names have changed."""
        return [one for one in self._facts if kept_as(one) == request]

    def of(self, kind: type[_Kind]) -> dict[str, _Kind]:
        """All of a kind."""
        return {name: fact for name, fact in self._facts.items() if isinstance(fact, kind)}

    def announcements(self, set_name: str) -> Mapping[str, AnnouncementRequest]:
        """The announcements of a set, the oldest first."""
        return self._announcements.get(set_name, {})

    def promotions(self, wave: str, set_name: str) -> Mapping[str, Promotion]:
        """The promotions of a set that people ask for in a wave, by id."""
        return self._promotions.get((wave, set_name), {})

    def replace(self, fact_id: str, fact: Fact) -> None:
        """Put another one of the same kind, for the same place, where one waits."""
        self._facts[fact_id] = fact
        match fact:
            case AnnouncementRequest(announcement=announcement):
                self._announcements[announcement.set][fact_id] = fact
            case Promotion(wave=wave, set=set_name):
                self._promotions[wave, set_name][fact_id] = fact
            case _:
                pass

    def take(self, fact_id: str) -> Fact | None:
        """Take one out; None where it was not there."""
        fact = self._facts.pop(fact_id, None)
        match fact:
            case AnnouncementRequest(announcement=announcement):
                del self._announcements[announcement.set][fact_id]
            case Promotion(wave=wave, set=set_name):
                del self._promotions[wave, set_name][fact_id]
            case _:
                pass
        return fact
