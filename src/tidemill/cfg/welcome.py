"""Which announcements the settings and the history let in."""

from __future__ import annotations

from collections.abc import Iterable

from tidemill.app.announcement import Announcement, Head, check_allowed
from tidemill.cfg.ledger import Ledger
from tidemill.cfg.requests import Announced
from tidemill.cfg.settings import Settings
from tidemill.errors import Refused


def why_unwelcome(
    settings: Settings, ledger: Ledger, announced: Announced, earlier: Iterable[Announced]
) -> str | None:
    """Why an announcement can't be let in; None if it can.

    Args:
        earlier: the announcements that wait and were accepted before this one.
    """
    announcement = announced.announcement
    return (
        why_not_theirs(settings, announcement, announced.sender)
        or _why_not_allowed(settings, announcement)
        or (None if announced.override else _why_clashing(settings, ledger, announced, earlier))
    )


def how_ended(settings: Settings, ledger: Ledger, request: str, announced: Head) -> str | None:
    """How an announcement ended; None where it did not, or may come in again.

    One that landed may, where a wave that comes first today has had neither it nor a newer one.
    """
    how = ledger.how_ended(request)
    if how != "landed":
        return how
    lacking = [
        wave
        for wave in first_waves(settings)
        if announced.position > ledger.history(wave, announced.set).highest
        and not ledger.evicted_from(wave, request)
    ]
    return None if lacking else how


def first_waves(settings: Settings) -> list[str]:
    """The waves that come after none: announcements go to them."""
    return [wave.name for wave in settings.waves if not wave.sources]


def why_not_theirs(settings: Settings, source: Head, sender: str | None) -> str | None:
    """Why this set may not be announced from there, or by this sender; None if it may.

    `senders` is about events. What came without one was written to Git, and whoever may write there
    is past this border: no list of ours stops them.
    """
    image_set = settings.image_set(source.set)
    if image_set is None:
        names = ", ".join(one.name for one in settings.sets)
        return f"there is no set {source.set!r}; the sets are {names}"
    wanted, given = image_set.repository, source.repository
    if wanted and given != wanted:
        return f"the set {source.set} comes from {wanted}, not from {given}"
    if image_set.branch and source.branch and source.branch != image_set.branch:
        branches = f"the branch {image_set.branch}, not from {source.branch}"
        return f"the set {source.set} comes from {branches}"
    if sender is not None and not _may_send(image_set.senders, sender):
        who = sender or "somebody unknown"
        return f"the set {source.set} is announced by {', '.join(image_set.senders)}, not by {who}"
    return None


def _may_send(senders: tuple[str, ...], sender: str) -> bool:
    """GitHub does not tell logins apart by case."""
    return not senders or sender.lower() in (one.lower() for one in senders)


def _why_not_allowed(settings: Settings, announcement: Announcement) -> str | None:
    try:
        check_allowed(announcement, settings.images.allow)
    except Refused as error:
        return error.what
    return None


def _why_clashing(
    settings: Settings, ledger: Ledger, announced: Announced, earlier: Iterable[Announced]
) -> str | None:
    """Why the announcement's position is another commit's."""
    announcement = announced.announcement
    firsts = [wave.name for wave in settings.waves if not wave.sources]
    parts = [ledger.sets.get(wave, {}).get(announcement.set) for wave in firsts]
    taken = [(had.position, had.app_sha) for part in parts if part for had in part.had]
    taken += [
        (other.announcement.position, other.announcement.sha)
        for other in earlier
        if other.announcement.set == announcement.set
    ]
    for position, sha in taken:
        if position == announcement.position and sha not in (None, announcement.sha):
            return (
                f"position {position} of set {announcement.set} belongs to {sha}, not to "
                f"{announcement.sha}: was the branch rewritten? --override REASON lets it in"
            )
    return None
