"""`tidemill announce-images`: send announcements to cfg-app.git, one event for each image set."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from tidemill.announcing.announcement import Announcement, as_json, parse
from tidemill.announcing.by_reference import AnnouncementReference, refer
from tidemill.asks.repository_dispatch import IMAGES_ANNOUNCED
from tidemill.clients.github import place
from tidemill.clients.github.place import Place
from tidemill.clients.machine.environment import variable
from tidemill.commands import _options
from tidemill.commands._parameters import Arguments, Option
from tidemill.commands._results import Announcements, Result
from tidemill.commands._writing import tell
from tidemill.errors import Refused, TidemillError
from tidemill.words.names import is_repository, shown, shown_path

EXAMPLE = "tidemill announce-images --announcement announcement.json --to acme/cfg-app"
# What GitHub takes as client_payload.
MOST_CHARACTERS = 65_535


PARAMETERS = (
    Option(
        "--announcement",
        multiple=True,
        metavar="FILE",
        help="an announcement as JSON; may be repeated",
    ),
    Option(
        "--announcements",
        metavar="DIR",
        help="a folder with an announcement of each image set, as record-image-artifact --merge "
        "writes them",
    ),
    Option(
        "--to", required=True, metavar="OWNER/NAME", help="cfg-app.git; an address will do, too"
    ),
    Option(
        "--artifact",
        metavar="NAME",
        help="the artifact of this workflow run that has the same files: an announcement that is "
        "too large for an event travels as a reference to it; {set} stands for the set's name",
    ),
    _options.DRY_RUN,
    _options.NOW,
    _options.JSON,
)


def run(arguments: Arguments) -> Result:
    """Send; or with `--dry-run` only say what would be sent."""
    options = _options.options(arguments)
    where = _place(arguments.to)
    files = _files(arguments.announcement, arguments.announcements)
    data = [_options.json_or_file(file) for file in files]
    announcements = [parse(one) for one in data]
    _refuse_twice(announcements)
    sent = tuple(
        _whole_or_by_reference(*pair, arguments.artifact)
        for pair in zip(announcements, data, strict=True)
    )
    if not options.dry_run:
        _send(where, sent)
    return Announcements(where.repository, sent, options.dry_run)


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


def _whole_or_by_reference(
    announcement: Announcement, file: bytes, artifact: str | None
) -> Announcement | AnnouncementReference:
    """What an event can carry."""
    characters = len(json.dumps(as_json(announcement)))
    if characters <= MOST_CHARACTERS:
        return announcement
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
    return refer(announcement, file, int(run_id or 0), name)


def _refuse_twice(announcements: Sequence[Announcement]) -> None:
    """Of two files that announce one set of one commit, and differ, only one could count."""
    seen: dict[str, Announcement] = {}
    for one in announcements:
        if seen.setdefault(one.id, one) != one:
            raise Refused(
                f"two files announce {one.id}, with different contents",
                remedy="announce each image set once",
            )


def _send(where: Place, sent: Sequence[Announcement | AnnouncementReference]) -> None:
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
    for number, one in enumerate(sent):
        try:
            client.dispatch(IMAGES_ANNOUNCED, as_json(one))
        except TidemillError as error:
            if number:
                before = ", ".join(each.id for each in sent[:number])
                error.written = f"{before} announced; nothing else"
            raise
        tell(f"{one.id}: sent to {where.repository}")
