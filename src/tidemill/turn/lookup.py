"""What an answer needs of the repository beyond its state (`tidemill.asks.asker.Lookup`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
from msgspec import Struct

from tidemill.announcing.announcement import Announcement
from tidemill.announcing.by_reference import AnnouncementReference
from tidemill.clients.git.store import Store
from tidemill.facts.image_files import ImageFiles, parse
from tidemill.facts.operation import Operation
from tidemill.facts.records import Deployment
from tidemill.facts.requests import AnnouncementRequest
from tidemill.facts.state import State
from tidemill.turn.copy import MissingImages, copied
from tidemill.turn.read import rejected_record
from tidemill.turn.targets import resolved
from tidemill.words.unreadable import UNREADABLE


class _Rejected(msgspec.Struct):
    request: AnnouncementRequest


class RepositoryLookup(Struct, frozen=True):
    """Looks up in cfg-app.git; `fetched` fetches the artifact of an announcement of app.git."""

    store: Store
    state: State
    fetched: Callable[[AnnouncementReference], Announcement]

    def announcement(self, referred: AnnouncementReference) -> Announcement:
        return self.fetched(referred)

    def rejected(self, request: str) -> AnnouncementRequest | None:
        return rejected_announcement(self.store, self.state, request)

    def image_files(self, operation: Operation) -> ImageFiles | str:
        commit = f"the commit {operation.commit}"
        match copied(self.store, self.state.valid_settings, operation):
            case MissingImages(is_gone=True):
                return f"{commit} is gone from the repository"
            case MissingImages():
                return f"{commit} does not have its images any more"
            case found:
                return parse(found.files) or f"the image files of {operation.commit} are broken"

    def oldest_on_main(self, commits: Sequence[str]) -> str | None:
        found = [one for one in commits if self._is_on_main(one)]
        oldest = found[0] if found else None
        for one in found[1:]:
            oldest = one if oldest and self.store.is_ancestor(one, oldest) else oldest
        return oldest

    def resolved(self, record: Deployment) -> Deployment:
        state = self.state
        return resolved(self.store, state.main, state.valid_settings, state.remembered, record)

    def _is_on_main(self, commit: str) -> bool:
        # Another repository's commit is not worth all of main's history.
        return self.store.exists(commit, again=False) and (
            self.state.remembered.has_landed(commit)
            or self.store.is_ancestor(commit, self.state.main)
        )


def rejected_announcement(store: Store, state: State, request: str) -> AnnouncementRequest | None:
    """What is kept below `rejected/` of a request, where it is an announcement."""
    try:
        return msgspec.json.decode(rejected_record(store, state, request), type=_Rejected).request
    except UNREADABLE:
        return None
