"""`tidemill update-cfg-app`: accept an announcement, then do a turn."""

from __future__ import annotations

import argparse
from typing import TypeVar

import msgspec

from tidemill.announcing.announcement import Announcement, Head, from_bare, is_bare, parse
from tidemill.announcing.by_reference import AnnouncementReference, is_referred, parse_referred
from tidemill.clients.machine import person
from tidemill.commands import _options
from tidemill.commands._artifacts import announcement_in
from tidemill.commands._resolving import rewrites, set_of, waiting
from tidemill.commands._session import Ended, accept_and_turn, overriding
from tidemill.errors import Refused
from tidemill.facts.requests import AnnouncementRequest, checked_login
from tidemill.facts.settings import Settings
from tidemill.plan.position import how_ended, why_not_theirs, why_unwelcome
from tidemill.turn.read import Reading
from tidemill.words.names import checked_line

HELP = "accept an announcement of an image set, then do a turn"
EXAMPLE = (
    "tidemill update-cfg-app --repo git@github.com:acme/cfg-app --announcement announcement.json"
)

_Head = TypeVar("_Head", bound=Head)


def add(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    _options.add(parser, dry_run=True, accepts=True)
    parser.add_argument(
        "--announcement",
        required=True,
        metavar="FILE",
        help="the announcement as JSON, or a file with it; - for standard input. It may come by "
        "reference to an artifact, which is then fetched",
    )
    parser.add_argument(
        "--sender",
        metavar="LOGIN",
        help="the account that sent the event, for senders of [[sets]]; in a workflow that a "
        "repository_dispatch started, its actor by default",
    )
    parser.add_argument(
        "--override",
        metavar="REASON",
        help="let it in although its position goes back, is taken or jumps, or although it has "
        "ended before; it is the newest then, and what is announced after it comes after it",
    )
    bare = parser.add_argument_group(
        "for the bare form", 'where FILE is {"Service": {"Digest", "Tag"}}'
    )
    bare.add_argument(
        "--set",
        dest="set_name",
        metavar="SET",
        help="the image set; may be left out where there is one",
    )
    bare.add_argument("--app-sha", metavar="SHA", help="the commit of app.git")
    bare.add_argument("--app-repository", metavar="OWNER/NAME", help="app.git")
    bare.add_argument(
        "--position", type=int, metavar="N", help="what git rev-list --count SHA prints"
    )
    bare.add_argument(
        "--generation", type=int, metavar="N", help="of app.git's settings; 1 by default"
    )


def run(arguments: argparse.Namespace) -> int:
    """Accept and turn."""
    options = _options.options(arguments)
    if arguments.override is not None:
        checked_line(arguments.override, "--override")
    sender = arguments.sender if arguments.sender is not None else person.sender()
    if sender:
        checked_login(sender)
    data = _options.json_or_file(arguments.announcement)
    given = _given(arguments, data)
    if given is not None:
        _refuse_contradiction(arguments, given)

    def resolve(reading: Reading) -> AnnouncementRequest | Ended:
        settings = reading.settings if isinstance(reading.settings, Settings) else None
        match given:
            case None:
                announcement = _bare(arguments, data, reading)
            case AnnouncementReference():
                meant = _by_todays_name(reading, given)
                if arguments.override is None and (known := _known(reading, meant)):
                    return known
                if settings and (reason := why_not_theirs(settings, meant, sender)):
                    raise _unwelcome(reason, arguments.repo)
                announcement = announcement_in(given)
            case Announcement():
                announcement = given
        announcement = _by_todays_name(reading, announcement)
        announced = AnnouncementRequest(
            accepted_at=options.now,
            by=person.name(),
            announcement=announcement,
            sender=sender,
            override=arguments.override,
            rewrites=rewrites(reading, announcement, overridden=arguments.override is not None),
        )
        if settings is not None:
            _refuse_unwelcome(reading, settings, announced, arguments.repo)
        return announced

    return accept_and_turn(arguments.repo, options, resolve)


def _given(
    arguments: argparse.Namespace, data: bytes
) -> Announcement | AnnouncementReference | None:
    """What `data` says by itself; None for the bare form, which is only half of it."""
    if is_bare(data, expected=arguments.app_sha is not None):
        return None
    return parse_referred(data) if is_referred(data) else parse(data)


def _known(reading: Reading, referred: AnnouncementReference) -> AnnouncementRequest | Ended | None:
    """The same announcement, where it was accepted before: its artifact may be gone by now."""
    how = reading.remembered.how_ended(referred.id)
    if how and isinstance(reading.settings, Settings):
        how = how_ended(reading.settings, reading.remembered, referred.id, referred)
    if how:
        return Ended(referred.id, how, referred.sha)
    waiting = reading.inbox().get(referred.id)
    if isinstance(waiting, AnnouncementRequest) and waiting.announcement.sha == referred.sha:
        return waiting
    return None


def _refuse_contradiction(
    arguments: argparse.Namespace, whole: Announcement | AnnouncementReference
) -> None:
    """The options of the bare form may stand beside the whole one only if they say the same."""
    said = {
        "--set": (arguments.set_name, whole.set),
        "--app-sha": (arguments.app_sha, whole.sha),
        "--app-repository": (arguments.app_repository, whole.repository),
        "--position": (arguments.position, whole.position),
        "--generation": (arguments.generation, whole.generation),
    }
    for option, (given, announced) in said.items():
        if given is not None and given != announced:
            raise Refused(
                f"{option} says {given}, and the announcement {announced}",
                remedy=f"leave {option} out: it is for the bare form",
            )


def _by_todays_name(reading: Reading, head: _Head) -> _Head:
    """Under what its set is called today: app.git may not know yet that the name has changed."""
    meant = reading.sets_meant(head.set)
    return msgspec.structs.replace(head, set=meant[0]) if len(meant) == 1 else head


def _bare(arguments: argparse.Namespace, data: bytes, reading: Reading) -> Announcement:
    missing = [
        option
        for option in ("app_sha", "app_repository", "position")
        if getattr(arguments, option) is None
    ]
    if missing:
        names = ", ".join(f"--{option.replace('_', '-')}" for option in missing)
        raise Refused("this announcement is in the bare form", remedy=f"add {names}")
    is_known = isinstance(reading.settings, Settings)
    set_name = set_of(reading, arguments.set_name) if is_known else arguments.set_name or "app"
    return from_bare(
        data,
        set_name=set_name,
        repository=arguments.app_repository,
        sha=arguments.app_sha,
        position=arguments.position,
        generation=1 if arguments.generation is None else arguments.generation,
    )


def _refuse_unwelcome(
    reading: Reading, settings: Settings, announced: AnnouncementRequest, url: str
) -> None:
    """What a turn would reject is refused before it is written."""
    if reason := why_unwelcome(settings, reading.remembered, announced, waiting(reading)):
        raise _unwelcome(reason, url)


def _unwelcome(reason: str, url: str) -> Refused:
    return Refused(
        reason,
        remedy="announce what [[sets]] and [images] of tidemill.toml allow, each commit once; "
        "where these are wrong, mend them on main, and announce again: in app.git, run the job "
        f"announce again; where the reason names an override: {overriding(url)}",
    )
