"""`tidemill announce-images`: send announcements to cfg-app.git, one event for each image set."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tidemill.announcing.announcement import Announcement, as_json, parse
from tidemill.announcing.by_reference import refer
from tidemill.asks.repository_dispatch import IMAGES_ANNOUNCED
from tidemill.clients.github import place
from tidemill.clients.github.place import Place
from tidemill.clients.machine.environment import variable
from tidemill.commands import _options
from tidemill.commands._options import Options
from tidemill.commands._writing import conclude, tell, write
from tidemill.errors import Refused, TidemillError
from tidemill.words.names import is_repository, shown, shown_path

HELP = "send announcements to cfg-app.git"
EXAMPLE = "tidemill announce-images --announcement announcement.json --to acme/cfg-app"
# What GitHub takes as client_payload.
MOST_CHARACTERS = 65_535


@dataclass(frozen=True)
class Event:
    """An announcement, and the payload that announces it."""

    announcement: Announcement
    payload: dict[str, Any]
    by_reference: bool


def add(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument(
        "--announcement",
        action="append",
        default=[],
        metavar="FILE",
        help="an announcement as JSON; may be repeated",
    )
    parser.add_argument(
        "--announcements",
        metavar="DIR",
        help="a folder with an announcement of each image set, as record-image-artifact --merge "
        "writes them",
    )
    parser.add_argument(
        "--to", required=True, metavar="OWNER/NAME", help="cfg-app.git; an address will do, too"
    )
    parser.add_argument(
        "--artifact",
        metavar="NAME",
        help="the artifact of this workflow run that has the same files: an announcement that is "
        "too large for an event travels as a reference to it; {set} stands for the set's name",
    )
    _options.add(parser, repo=False, dry_run=True)


def run(arguments: argparse.Namespace) -> int:
    """Send; or with `--dry-run` print what would be sent."""
    options = _options.options(arguments)
    where = _place(arguments.to)
    files = _files(arguments.announcement, arguments.announcements)
    events = [_event(_options.json_or_file(file), arguments.artifact) for file in files]
    _refuse_twice(events)
    if not options.dry_run:
        _send(where, events)
    announced = [_json(event, with_payload=options.dry_run) for event in events]
    result = {"changed": not options.dry_run, "to": where.repository, "announced": announced}
    conclude(result, lambda: _show(where, events, options), as_json=options.json)
    return 0


def _show(where: Place, events: Sequence[Event], options: Options) -> None:
    for event in events:
        how = ", by reference" if event.by_reference else ""
        if options.dry_run:
            write(json.dumps(event.payload, indent=2))
        else:
            write(f"{event.announcement.id}: announced to {where.repository}{how}")


def _place(to: str) -> Place:
    """cfg-app.git on the GitHub server of this run."""
    url = f"{place.server_url()}/{to}" if is_repository(to) else to
    found = place.of_url(url)
    if found is None:
        raise Refused(
            f"{shown(to)} is no repository on {place.server_url()}",
            remedy="give cfg-app.git as owner/name",
        )
    return found


def _files(given: Sequence[str], folder: str | None) -> list[str]:
    """All files that the options name."""
    inside = sorted(map(str, Path(folder).glob("*.json"))) if folder is not None else []
    if folder is not None and not inside:
        raise Refused(
            f"there is no announcement in {shown_path(folder)}",
            remedy="let record-image-artifact --merge write them there first",
        )
    if not (given or inside):
        raise Refused(
            "it is not said what to announce",
            remedy="give --announcement FILE, or --announcements DIR",
        )
    return [*given, *inside]


def _event(file: bytes, artifact: str | None) -> Event:
    announcement = parse(file)
    payload = as_json(announcement)
    characters = len(json.dumps(payload))
    if characters <= MOST_CHARACTERS:
        return Event(announcement, payload, by_reference=False)
    run_id, repository = variable("GITHUB_RUN_ID"), variable("GITHUB_REPOSITORY")
    too_large = (
        f"the announcement of {announcement.set} has {characters} characters, and an event takes "
        f"{MOST_CHARACTERS}"
    )
    if not artifact:
        raise Refused(
            too_large, remedy="upload its file as an artifact first, and name that with --artifact"
        )
    if not (run_id or "").isdecimal() or not repository:
        raise Refused(
            f"{too_large}; and this is no workflow run that could have it as an artifact",
            remedy="announce it in the workflow that uploads the artifact",
        )
    if repository.lower() != announcement.repository.lower():
        raise Refused(
            f"{too_large}; and it is of {announcement.repository}, but this run of {repository}",
            remedy=f"announce it in a workflow of {announcement.repository}",
        )
    name = artifact.replace("{set}", announcement.set)
    referred = refer(announcement, file, int(run_id or 0), name)
    return Event(announcement, as_json(referred), by_reference=True)


def _refuse_twice(events: Sequence[Event]) -> None:
    """Of two files that announce one set of one commit, and differ, only one could count."""
    seen: dict[str, Announcement] = {}
    for event in events:
        if seen.setdefault(event.announcement.id, event.announcement) != event.announcement:
            raise Refused(
                f"two files announce {event.announcement.id}, with different contents",
                remedy="announce each image set once",
            )


def _send(where: Place, events: Sequence[Event]) -> None:
    token = place.token_for(where.url)
    if token is None:
        raise Refused(
            f"there is no token to announce to {where.repository} with",
            remedy="make a fine-grained token that may write contents of "
            f"{where.repository}, or an App's; in a workflow give it to publish-images.yml as the "
            "secret announce-token (the workflow's own reaches its repository alone), else set "
            "TIDEMILL_TOKEN",
        )
    from tidemill.clients.github.api import GitHub

    client = GitHub(where, token, say=tell)
    for number, event in enumerate(events):
        try:
            client.dispatch(IMAGES_ANNOUNCED, event.payload)
        except TidemillError as error:
            if number:
                sent = ", ".join(one.announcement.id for one in events[:number])
                error.written = f"{sent} announced; nothing else"
            raise
        tell(f"{event.announcement.id}: sent to {where.repository}")


def _json(event: Event, *, with_payload: bool) -> dict[str, Any]:
    found = {
        "id": event.announcement.id,
        "set": event.announcement.set,
        "by_reference": event.by_reference,
    }
    return {**found, "payload": event.payload} if with_payload else found
