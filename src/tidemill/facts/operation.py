"""An operation: what one automatic commit does."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from tidemill.announcing.order import order_of
from tidemill.facts.naming import Naming
from tidemill.facts.requests import Point
from tidemill.words.lists import listed
from tidemill.words.moments import Moment

MOST_NAMED = 20
Kind = Literal["introduce", "promote", "roll back", "hotfix", "regenerate"]


class Operation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Introduce, promote or roll back one image set in one wave, or regenerate the wave.

    A regeneration changes no images: its set is `_`, and it has no SHA, position and content.

    Attributes:
        position: of the set's commit of app.git; 0 for a set that is not known.
        generation, rewrites: what orders it before its position.
        content: identity of the tags and digests that the wave will have.
        request: id of the request that asked for it, if one did.
        source: the wave that the image files are copied from (promote, roll back), by the name
            that it has in `commit`.
        commit: the commit of main that they are copied from; of a regeneration the one on which
            `generate` was run.
        source_set: what that commit calls the set, where it had another name then.
        at: the commit's date, unless its parent's is later; without one it takes its parent's.
        reason: why, in one line; a person's words where a person gave them.
        override: the reason to pass over what would forbid it, if a person gave one.
        without: waves that are left alone, even where a file is theirs and the wave's (regenerate).
        after: the commit that a regeneration makes up for, in words.
        is_hotfix: what it puts there is or was a hotfix: its place in the history of app.git is
            that of the set that it replaced.
        removes: the services that the wave has in the parent, and will not have any more; known
            once it is tried.
    """

    kind: Kind
    wave: str
    set: str
    app_sha: str | None
    position: int
    repository: str | None
    content: str
    request: str | None = None
    source: str | None = None
    commit: str | None = None
    source_set: str | None = None
    at: Moment | None = None
    reason: str = ""
    override: str | None = None
    without: tuple[str, ...] = ()
    after: str = ""
    generation: int = 1
    rewrites: int = 0
    removes: tuple[str, ...] = ()
    is_hotfix: bool = False

    @property
    def removed(self) -> str:
        """What it removes, in words; empty where that is nothing."""
        return f"removes: {listed(self.removes, MOST_NAMED)}" if self.removes else ""

    @property
    def why(self) -> str:
        """Its reason, and what it removes."""
        return "; ".join(filter(None, (self.reason, self.removed)))

    @property
    def id(self) -> str:
        """Tells operations apart within one plan."""
        parts = (
            self.kind,
            self.wave,
            self.set,
            *order_of(self),
            self.content,
            self.commit,
            self.request,
            *self.without,
        )
        return "/".join(str(part) for part in parts)

    @classmethod
    def copying(
        cls, kind: Kind, wave: str, set_name: str, source: str, point: Point, **more: Any
    ) -> Operation:
        """One that copies what a commit of main has of a set.

        Args:
            source: what that commit's wave is called today; `point` has what it was called then.
        """
        return cls(
            kind=kind,
            wave=wave,
            set=set_name,
            app_sha=point.app_sha,
            **order_of(point)._asdict(),
            repository=point.repository,
            content=point.content,
            is_hotfix=point.is_hotfix is True,
            source=point.wave or source,
            source_set=point.set or None,
            commit=point.commit,
            **more,
        )

    @property
    def own_position(self) -> int | None:
        """Its position; None of a hotfix, which has another one's, and of what nobody announced."""
        return None if self.is_hotfix else self.position or None

    @property
    def is_regeneration(self) -> bool:
        """Whether it is about a wave, and no set."""
        return self.kind == "regenerate"

    def is_same_set(self, other: Operation) -> bool:
        """Whether both are about the same image set in the same wave."""
        return (self.wave, self.set) == (other.wave, other.set)


class Files(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a target has in one commit: the identity of all it renders from, None if nothing is
    there or the settings do not say where; and whether it runs any service of the set.
    """

    tree: str | None = None
    uses: bool = True


class AutoCommit(msgspec.Struct, frozen=True, kw_only=True):
    """A commit that a turn put on auto at `at`, and what the ledger needs once it lands.

    Attributes:
        naming: by set of its wave, what the wave's files do not name of it; `files` identifies
            what was looked at, "" where nothing was.
    """

    sha: str
    parent: str
    at: Moment | None = None
    operation: Operation
    digests: str
    targets: dict[str, Files] = {}
    naming: dict[str, Naming] = {}
    files: str = ""
