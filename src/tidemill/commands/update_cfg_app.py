"""`tidemill update-cfg-app`: accept an announcement, then do a turn."""

from __future__ import annotations

from tidemill.announcing.announcement import Announcement
from tidemill.announcing.by_reference import AnnouncementReference
from tidemill.announcing.forms import Bare, read
from tidemill.asks.ask import Announce, BareAnnouncement
from tidemill.clients.machine import person
from tidemill.commands import _options
from tidemill.commands._accepting import accept_and_turn
from tidemill.commands._parameters import AnyResult, Arguments, Option, Section, below
from tidemill.errors import Refused

EXAMPLE = (
    "tidemill update-cfg-app --repo git@github.com:acme/cfg-app --announcement announcement.json"
)

PARAMETERS = (
    *_options.ACCEPT_AND_TURN,
    _options.SIGN,
    Option(
        "--announcement",
        required=True,
        metavar="FILE",
        help="the announcement as JSON, or a file with it; - for standard input. It may come by "
        "reference to an artifact, which is then fetched",
    ),
    Option(
        "--sender",
        metavar="LOGIN",
        help="the account that sent the event, for senders of [[sets]]; in a workflow that a "
        "repository_dispatch started, its actor by default",
    ),
    Option(
        "--override",
        metavar="REASON",
        help="let it in although its position goes back, is taken or jumps, or although it has "
        "ended before; then it counts as the newest, until another one is announced",
    ),
    *below(
        Section("for the bare form", 'where FILE is {"Service": {"Digest", "Tag"}}'),
        _options.image_set(),
        Option("--app-sha", metavar="SHA", help="the commit of app.git"),
        Option("--app-repository", metavar="OWNER/NAME", help="app.git"),
        Option("--position", type=int, metavar="N", help="what git rev-list --count SHA prints"),
        Option("--generation", type=int, metavar="N", help="of app.git's settings; 1 by default"),
    ),
)


def run(arguments: Arguments) -> AnyResult:
    """Accept and turn."""
    sender = arguments.sender if arguments.sender is not None else person.sender()
    found = read(
        _options.json_or_file(arguments.announcement), is_bare=arguments.app_sha is not None
    )
    if isinstance(found, Bare):
        announcement: Announcement | AnnouncementReference | BareAnnouncement = BareAnnouncement(
            found,
            set=arguments.set_name,
            sha=arguments.app_sha,
            repository=arguments.app_repository,
            position=arguments.position,
            generation=arguments.generation,
        )
    else:
        _refuse_contradiction(arguments, found)
        announcement = found
    ask = Announce(announcement, sender=sender, override=arguments.override)
    return accept_and_turn(arguments, ask)


def _refuse_contradiction(
    arguments: Arguments, whole: Announcement | AnnouncementReference
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
