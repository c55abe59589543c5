"""What is known of main: which waves' generated files are not what main generates.

A turn runs `generate` once on a main that a person made, before the first operation that it makes
there. What it finds stands in the ledger. Where main is a commit of ours nothing is run: what was
found holds on, but for what that commit has generated.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Struct

from tidemill.facts.operation import AutoCommit, Operation
from tidemill.facts.ownership import Ownership
from tidemill.facts.settings import Settings
from tidemill.words.names import file_in_words
from tidemill.words.shas import short

KEPT_FILES = 10


class Inspection(Struct, frozen=True):
    """What `generate` changes in a commit as it is.

    Attributes:
        changed: by path what it makes of a file that is committed otherwise.
        parents: of the commit.
        author: who made it.
    """

    changed: Mapping[str, str]
    parents: tuple[str, ...] = ()
    author: str = ""


class FailedInspection(Struct, frozen=True):
    """`generate` fails there, or takes too long: nothing is known."""

    reason: str


class StaleFiles(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Files of the same waves that are not what main generates.

    Attributes:
        owners: the waves that each of them belongs to.
        files: the first of them; `count`: how many there are.
        made: identity of what `generate` makes of them.
        until: the person's commit since which they are stale, or the last of several that may be
            to blame; `after`: the last main before that on which they were not, if one is known.
        is_one: whether there is nothing between the two.
        by: who made `until`.
        unstable: the first that two runs of `generate` made different things of.
    """

    owners: tuple[str, ...]
    files: tuple[str, ...]
    count: int
    made: str
    until: str
    after: str | None = None
    is_one: bool = False
    by: str = ""
    unstable: str | None = None

    @property
    def since(self) -> str:
        """The commit that is to blame, or the range in which it is, and whose it is."""
        by = f" by {self.by}" if self.by else ""
        if self.is_one:
            return f"{short(self.until)}{by}"
        if self.after:
            return f"{short(self.after)}..{short(self.until)}, the last{by}"
        return f"{short(self.until)}{by}, or a commit before it"

    @property
    def named(self) -> str:
        """The files, as far as they are kept."""
        more = self.count - len(self.files)
        return ", ".join(self.files) + (f" and {more} more" if more else "")


class Finding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known of one commit of main.

    Attributes:
        main: the commit that it is true of; any other main is not known.
        seen: the commit on which `generate` was run: `main`, or a person's from which only commits
            of ours lead to it.
        is_confirmed: whether `generate` was run again where something was stale.
    """

    main: str
    seen: str
    stale: tuple[StaleFiles, ...] = ()
    is_confirmed: bool = False

    def of(self, wave: str) -> tuple[StaleFiles, ...]:
        """The files of a wave that are not what main generates."""
        return tuple(one for one in self.stale if wave in one.owners)


def is_watched(settings: Settings) -> bool:
    """Whether it is of interest what main generates, and files tell whose they are."""
    has_waves = any("{wave}" in template for template in settings.templates())
    return settings.entrypoints.generate is not None and has_waves


def found(
    ownership: Ownership, before: Finding | None, main: str, looks: Sequence[Inspection]
) -> Finding:
    """What one or two runs of `generate` on a main say.

    Args:
        before: what was known until now, of this main or an earlier one.
    """
    first, last = looks[0], looks[-1]
    files: dict[frozenset[str], list[str]] = {}
    for path in sorted({*first.changed, *last.changed}):
        files.setdefault(ownership.owners(path), []).append(path)
    stale = [_stale(before, main, owners, paths, looks) for owners, paths in files.items()]
    stale.sort(key=lambda one: one.owners)
    is_same = before is not None and before.main == main and _made(before.stale) == _made(stale)
    return Finding(
        main=main,
        seen=before.seen if before is not None and before.main == main else main,
        stale=tuple(stale),
        is_confirmed=bool(stale) and (len(looks) > 1 or is_same),
    )


def after_landing(finding: Finding | None, commit: AutoCommit) -> Finding | None:
    """What is known once a commit of ours has landed.

    A rollback or a hotfix leaves alone what belongs to other waves, too, if that is stale. It may
    as well have been made when nothing was known: then main is looked at again.
    """
    if finding is None or finding.main != commit.parent:
        return finding
    operation, stale = commit.operation, finding.stale
    match operation.kind:
        case "roll back" | "hotfix":
            if shared_with(finding, operation.wave):
                return finding
            stale = tuple(one for one in stale if one.owners != (operation.wave,))
        case "regenerate":
            stale = tuple(one for one in stale if not regenerates(operation, one))
        case _:
            pass
    return msgspec.structs.replace(finding, main=commit.sha, stale=stale)


def shared_with(finding: Finding, wave: str) -> frozenset[str]:
    """The other waves that stale files of a wave belong to."""
    return frozenset(name for one in finding.of(wave) for name in one.owners) - {wave}


def regenerates(operation: Operation, stale: StaleFiles) -> bool:
    """Whether a regeneration is about these files."""
    return operation.wave in stale.owners and not set(operation.without) & set(stale.owners)


def _stale(
    before: Finding | None,
    main: str,
    owners: frozenset[str],
    paths: Sequence[str],
    looks: Sequence[Inspection],
) -> StaleFiles:
    first, last = looks[0].changed, looks[-1].changed
    now = StaleFiles(
        owners=tuple(sorted(owners)),
        files=tuple(file_in_words(path) for path in paths[:KEPT_FILES]),
        count=len(paths),
        made=hashlib.sha256(
            "\n".join(f"{path} {last.get(path)}" for path in paths).encode(errors="surrogateescape")
        ).hexdigest()[:40],
        until=main,
        unstable=next(
            (file_in_words(path) for path in paths if first.get(path) != last.get(path)), None
        ),
    )
    was = next((one for one in before.stale if one.owners == now.owners), None) if before else None
    if was is not None and (was.files, was.count, was.made) == (now.files, now.count, now.made):
        return msgspec.structs.replace(was, unstable=now.unstable)
    after = was.after if was is not None else before.main if before is not None else None
    return msgspec.structs.replace(
        now,
        after=after if after != main else None,
        is_one=looks[0].parents[:1] == (after,),
        by=looks[0].author,
    )


def _made(stale: Sequence[StaleFiles]) -> dict[tuple[str, ...], str]:
    return {one.owners: one.made for one in stale}
