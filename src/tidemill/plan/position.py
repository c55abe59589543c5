"""Which announcements the settings and the history let in."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from tidemill.announcing.announcement import Announcement, Head, check_allowed, check_tags
from tidemill.announcing.order import HasOrder, Order, order_of
from tidemill.errors import Refused
from tidemill.facts.ledger import Ledger
from tidemill.facts.requests import AnnouncementRequest, announced_as
from tidemill.facts.settings import Settings
from tidemill.words.nearest import did_you_mean


def why_unwelcome(
    settings: Settings,
    ledger: Ledger,
    announced: AnnouncementRequest,
    earlier: Iterable[AnnouncementRequest],
) -> str | None:
    """Why an announcement can't be let in; None if it can.

    Args:
        earlier: the announcements that wait and were accepted before this one.
    """
    announcement = announced.announcement
    return (
        why_not_theirs(settings, announcement, announced.sender)
        or _why_of_another_generation(settings, ledger, announced)
        or _why_not_allowed(settings, announcement)
        or (None if announced.override else _why_clashing(settings, ledger, announced, earlier))
    )


def how_ended(settings: Settings, ledger: Ledger, request: str, announced: Head) -> str | None:
    """How an announcement ended; None where it did not, or may come in again.

    One that landed may, where a wave that comes first today has had neither it nor a newer one.
    """
    request = announced_as(request, announced.set)
    how = ledger.how_ended(request)
    if how != "landed":
        return how
    meant = (announced.generation, announced.position, announced.sha)
    orders = [
        order_of(one)
        for _, one in ledger.landings(announced.set)
        if (one.generation, one.position, one.app_sha) == meant
    ]
    order = max(orders, default=Order(announced.generation, position=announced.position))
    lacking = [
        wave
        for wave in first_waves(settings)
        if order > ledger.history(wave, announced.set).newest
        and not ledger.evicted_from(wave, announced.set, request)
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
        names = [one.name for one in settings.sets]
        meant = did_you_mean(source.set, names)
        return f"there is no set {source.set!r}; {meant}the sets are {', '.join(names)}"
    wanted, given = image_set.repository, source.repository
    # GitHub does not tell repositories apart by case.
    if wanted and given.lower() != wanted.lower():
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


def why_no_hotfix(settings: Settings, announcement: Announcement) -> str | None:
    """Why a person may not put a set into a wave as a hotfix; None if they may.

    Its branch and its position do not count, where it comes from and what it names does.
    """
    return why_not_from_there(settings, announcement) or _why_not_allowed(settings, announcement)


def why_not_from_there(settings: Settings, source: Head) -> str | None:
    """The same, as far as it does not take what the set names."""
    return why_not_theirs(settings, msgspec.structs.replace(source, branch=None), None)


def _why_not_allowed(settings: Settings, announcement: Announcement) -> str | None:
    try:
        check_allowed(announcement, settings.images.is_listed)
        check_tags(announcement, settings.images.is_tag, settings.images.tags)
    except Refused as error:
        return error.what
    return None


def rewrites_of(
    ledger: Ledger,
    waiting: Iterable[AnnouncementRequest],
    announcement: Announcement,
    *,
    overridden: bool,
) -> int:
    """How often positions of an announcement's generation have gone back, this time included.

    An override lets positions go back: what it lets in, and all that comes after, is newer than
    all that was accepted before.
    """
    generation, position = announcement.generation, announcement.position
    known = [
        (order_of(one), sha)
        for one, sha in _known(ledger, announcement.set, waiting)
        if one.generation == generation
    ]
    newest = max((order for order, _ in known), default=Order(generation))
    for order, sha in sorted(known, key=lambda one: one[0], reverse=True):
        if (order.position, sha) == (position, announcement.sha):
            return order.rewrites  # a wave has had it, or it waits: there is nothing to let in
    if not overridden:
        return newest.rewrites
    goes_back = bool(known) and Order(generation, newest.rewrites, position) <= newest
    return newest.rewrites + goes_back


def why_older(newest: Order, announced: AnnouncementRequest, wave: str) -> str:
    """Why an announcement is superseded that came after the newer one had landed: it may be late,
    or app.git may have been rewritten; nobody can know."""
    order = announced.order
    if order.generation != newest.generation:
        what = f"generation {order.generation} is older than {newest.generation}"
    elif order.rewrites != newest.rewrites:
        what = "it was accepted before an override let positions go back"
    else:
        what = f"position {order.position} is older than {newest.position}"
    return f"{what}, which {wave} has had; {_way_in(announced.announcement, newest)}"


def _way_in(announcement: Announcement, newest: Order) -> str:
    generation = max(announcement.generation, newest.generation) + 1
    return (
        f"if app.git was rewritten or moved, write generation = {generation} into its "
        f"tidemill.toml and, for the set {announcement.set}, into [[sets]] of cfg-app.git's, and "
        "announce it again; --override REASON lets this one in"
    )


def _known(
    ledger: Ledger, set_name: str, waiting: Iterable[AnnouncementRequest]
) -> list[tuple[HasOrder, str | None]]:
    """The places and SHAs of the sets that waves have had, and of those that wait."""
    parts = [sets[set_name] for sets in ledger.sets.values() if set_name in sets]
    landings = [one for part in parts for one in part.landings if one.app_sha and not one.is_hotfix]
    others = [one for one in waiting if one.announcement.set == set_name]
    return [
        *((one, one.app_sha) for one in landings),
        *((part.newest, None) for part in parts if part.highest),
        *((one.order, one.announcement.sha) for one in others),
    ]


def _why_of_another_generation(
    settings: Settings, ledger: Ledger, announced: AnnouncementRequest
) -> str | None:
    announcement = announced.announcement
    image_set = settings.image_set(announcement.set)
    highest = image_set.generation if image_set else 1
    if announcement.generation > highest:
        return (
            f"generation {announcement.generation} is higher than the {highest} that the settings "
            f"let in: write generation = {announcement.generation} for the set {announcement.set} "
            "into [[sets]] of tidemill.toml on main, and announce it again"
        )
    newest = ledger.newest(announcement.set)
    if announced.override and announcement.generation < newest.generation:
        return (
            f"generation {announcement.generation} is older than {newest.generation}, which the "
            f"waves have had, and no override changes that: write generation = "
            f"{newest.generation} into tidemill.toml of app.git, and announce it again"
        )
    return None


def _why_clashing(
    settings: Settings,
    ledger: Ledger,
    announced: AnnouncementRequest,
    earlier: Iterable[AnnouncementRequest],
) -> str | None:
    """Why the announcement does not fit the history of app.git as it is known."""
    announcement, order = announced.announcement, announced.order
    known = [
        (other.position, sha)
        for other, sha in _known(ledger, announcement.set, earlier)
        if other.generation == order.generation and other.rewrites == order.rewrites
    ]
    if (order.position, announcement.sha) in known or not known:
        return None
    newest = max(position for position, _ in known)
    way_in = _way_in(announcement, order)
    for position, sha in known:
        if position == order.position and sha is not None:
            return (
                f"position {position} of set {announcement.set} belongs to {sha}, not to "
                f"{announcement.sha}; {way_in}"
            )
        if sha == announcement.sha:
            return (
                f"the commit {sha} of set {announcement.set} has position {position}, not "
                f"{order.position}; {way_in}"
            )
    image_set = settings.image_set(announcement.set)
    if image_set is not None and order.position > newest + image_set.jump:
        return (
            f"position {order.position} of set {announcement.set} is more than {image_set.jump} "
            f"above {newest}, the highest so far, and would lock out what follows; if it is right, "
            "--override REASON lets it in, or a greater jump in [[sets]]"
        )
    moved = _moved_from(ledger, announced) if order.position < newest else None
    if moved is not None:
        return (
            f"the set {announcement.set} came from {moved} so far, and position {order.position} "
            f"of {announcement.repository} is older than its {newest}; {way_in}"
        )
    return None


def _moved_from(ledger: Ledger, announced: AnnouncementRequest) -> str | None:
    """The repository that the newest set came from, where the announcement is from another."""
    announcement = announced.announcement
    landings = [
        one
        for _, one in ledger.landings(announcement.set)
        if one.repository and not one.is_hotfix and order_of(one)[:2] == announced.order[:2]
    ]
    last = max(landings, key=order_of, default=None)
    if last is None or (last.repository or "").lower() == announcement.repository.lower():
        return None
    return last.repository
