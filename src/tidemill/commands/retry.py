"""`tidemill retry`: let what was evicted, rejected or dropped happen again."""

from __future__ import annotations

import argparse
from datetime import datetime

import msgspec

from tidemill.announcing.announcement import Announcement, Image
from tidemill.announcing.order import order_of
from tidemill.clients.machine import person
from tidemill.commands import _options
from tidemill.commands._resolving import rewrites
from tidemill.commands._session import Nothing, accept_and_turn, overriding
from tidemill.errors import Refused
from tidemill.facts.image_files import parse
from tidemill.facts.ledger import Eviction
from tidemill.facts.operation import Operation
from tidemill.facts.requests import AnnouncementRequest, Retry
from tidemill.plan.next_sets import late_introduction
from tidemill.plan.position import first_waves
from tidemill.turn.copy import MissingImages, copied
from tidemill.turn.read import Reading, record_of
from tidemill.words.names import checked_line, checked_short_sha
from tidemill.words.unreadable import UNREADABLE

HELP = "let a set that was evicted, rejected or dropped, or that a first wave lacks, try again"
EXAMPLE = "tidemill retry --repo URL --sha 7d1043473d55"


class _Rejected(msgspec.Struct):
    request: AnnouncementRequest


def add(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    _options.add(parser, dry_run=True, accepts=True)
    parser.add_argument("--sha", required=True, help="the commit of app.git, 7 digits or more")
    parser.add_argument(
        "--override",
        metavar="REASON",
        help="let it in although its position goes back, is taken or jumps",
    )


def run(arguments: argparse.Namespace) -> int:
    """Accept and turn."""
    options = _options.options(arguments)
    checked_short_sha(arguments.sha, "set")
    if arguments.override is not None:
        checked_line(arguments.override, "--override")

    def resolve(reading: Reading) -> AnnouncementRequest | Retry | Nothing:
        for fact_id, fact in reading.inbox().items():
            if isinstance(fact, AnnouncementRequest) and fact.announcement.sha.startswith(
                arguments.sha
            ):
                return Nothing(f"{fact_id} waits already")
        for eviction in reversed(reading.ledger.evictions):
            operation = eviction.operation
            if (
                operation
                and (operation.app_sha or "").startswith(arguments.sha)
                and not eviction.retried
            ):
                return _evicted_again(reading, eviction, operation, arguments)
        for rejected in reversed(reading.ledger.rejected):
            if found := _rejected(reading, rejected, arguments.sha):
                override = arguments.override or found.override
                again = _again(reading, found.announcement, options.now, override)
                return msgspec.structs.replace(again, sender=found.sender)
        if missed := _missed(reading, arguments):
            return missed
        raise Refused(
            f"nothing of commit {arguments.sha} was evicted, rejected or dropped lately",
            remedy="tidemill status says what runs where; what ended otherwise is let in with its "
            f"announcement: {overriding(arguments.repo)}",
        )

    return accept_and_turn(arguments.repo, options, resolve)


def _again(
    reading: Reading, announcement: Announcement, now: datetime, override: str | None
) -> AnnouncementRequest:
    return AnnouncementRequest(
        accepted_at=now,
        by=person.name(),
        announcement=announcement,
        override=override,
        retry=True,
        rewrites=rewrites(reading, announcement, overridden=override is not None),
    )


def _evicted_again(
    reading: Reading, eviction: Eviction, operation: Operation, arguments: argparse.Namespace
) -> AnnouncementRequest | Retry:
    now, override = _options.options(arguments).now, arguments.override
    again = f"announce the set again: {overriding(arguments.repo)}"
    if operation.kind == "promote":
        if override:
            where = f"--wave {operation.wave} --set {operation.set} --sha {operation.app_sha}"
            raise Refused(
                "a promotion is not overridden by a retry",
                remedy=f"ask for it: tidemill promote-wave {where} --override REASON",
            )
        return Retry(
            accepted_at=now,
            by=person.name(),
            wave=operation.wave,
            set=operation.set,
            app_sha=operation.app_sha or "",
        )
    if operation.kind == "roll back":
        raise Refused(
            "a rollback is not retried",
            remedy=f"ask again: tidemill rollback-wave --wave {operation.wave}",
        )
    if eviction.commit is None:
        raise Refused(f"no commit of {operation.app_sha} was ever made", remedy=again)
    made = msgspec.structs.replace(operation, commit=eviction.commit)
    return _announced(reading, made, arguments)


def _announced(
    reading: Reading, operation: Operation, arguments: argparse.Namespace
) -> AnnouncementRequest:
    """The announcement of a set, made anew from the commit that has its image files."""
    now, override = _options.options(arguments).now, arguments.override
    again = f"announce the set again: {overriding(arguments.repo)}"
    found = copied(reading.store, reading.valid_settings(), operation)
    if isinstance(found, MissingImages):
        why = (
            "is gone from the repository" if found.is_gone else "does not have its images any more"
        )
        raise Refused(f"the commit {operation.commit} {why}", remedy=again)
    files = parse(found.files)
    if files is None or files.tags.keys() != files.digests.keys():
        raise Refused(f"the image files of {operation.commit} are broken", remedy=again)
    images = {
        service: Image(Digest=digest, Tag=files.tags[service])
        for service, digest in files.digests.items()
    }
    announcement = Announcement(
        set=operation.set,
        repository=operation.repository or "",
        sha=operation.app_sha or "",
        position=operation.position,
        generation=operation.generation,
        images=images,
    )
    return _again(reading, announcement, now, override or operation.override)


def _missed(reading: Reading, arguments: argparse.Namespace) -> AnnouncementRequest | None:
    """What other waves have had, and a wave that comes first today has not: announced anew."""
    settings = reading.valid_settings()
    for wave, sets in reading.ledger.sets.items():
        for name, part in sets.items():
            for landing in part.landings if settings.image_set(name) else ():
                newest = [
                    reading.ledger.history(first, name).newest for first in first_waves(settings)
                ]
                is_meant = landing.is_known and (landing.app_sha or "").startswith(arguments.sha)
                if is_meant and any(one < order_of(landing) for one in newest):
                    return _announced(
                        reading, late_introduction(wave, name, wave, landing), arguments
                    )
    return None


def _rejected(reading: Reading, fact: str, sha: str) -> AnnouncementRequest | None:
    tip = reading.refs.get(reading.names.rejected(fact))
    if tip is None:
        return None
    reading.store.fetch([], [tip])
    try:
        request = msgspec.json.decode(record_of(reading.store, tip), type=_Rejected).request
    except UNREADABLE:
        return None
    return request if request.announcement.sha.startswith(sha) else None
