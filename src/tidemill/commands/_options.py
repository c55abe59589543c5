"""The options that many commands share, and what they say as values."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from msgspec import Struct

from tidemill.clients.github import place as github
from tidemill.commands._parameters import Arguments, Option
from tidemill.errors import Refused
from tidemill.words.durations import parse_duration
from tidemill.words.moments import parse_time
from tidemill.words.names import shown

NOW = Option("--now", metavar="TIME", help="act as at this time, ISO 8601; now by default")
JSON = Option("--json", is_flag=True, help="print one JSON object on standard output")
DRY_RUN = Option("--dry-run", is_flag=True, help="say what would be done, and write nothing")
ENTRYPOINTS = Option(
    "--entrypoints",
    choices=("own-user", "same-user"),
    help="who runs the repository's own commands: own-user is another user, away from every "
    "token, and needs root or sudo; same-user is you. By default own-user in any CI and where "
    "Tidemill has a token, else same-user",
)
WITHOUT_ENTRYPOINTS = Option(
    "--without-entrypoints",
    is_flag=True,
    help="run none of the repository's own commands, because nothing was installed for them here; "
    "what needs one is left to the next run, which this one starts",
)
WITHOUT_BRANCHES = Option(
    "--without-branches",
    is_flag=True,
    help="move neither main nor auto, because no token for that was made here; what moves one is "
    "left to the next run, which this one starts",
)
DEPLOYMENTS = Option(
    "--deployments",
    is_flag=True,
    help="mirror deployment records to the Environments page on GitHub",
)
ACCEPT_ONLY = Option(
    "--accept-only",
    is_flag=True,
    help="only write the request to Git; the next turn acts on it",
)
SIGN = Option(
    "--sign",
    is_flag=True,
    help="sign it, as Git is configured to (gpg.format, user.signingkey), so that a wave with "
    "approvers takes it from you without GitHub",
)
WAVE = Option("--wave", required=True, help="the wave")
WAVE_OR_ALL = (
    Option("--wave", help="the wave"),
    Option("--all", "all_waves", is_flag=True, help="all waves, instead of one"),
)


class Repository(Option):
    """`--repo`, which a workflow knows.

    Args:
        takes_origin: whether it is the remote `origin` of the checkout here by default, which is
            not for commands that write.
    """

    def __init__(
        self, metavar: str = "URL", about: str = "", *, takes_origin: bool = False
    ) -> None:
        default = "in a workflow, its repository by default"
        if takes_origin:
            default += "; in a checkout, its remote origin"
        about = about or "where cfg-app.git is, as git clone takes it"
        super().__init__("--repo", metavar=metavar, help=f"{about}; {default}")
        self.takes_origin = takes_origin

    def known(self) -> str | None:
        """What it is where it is not given; None where nothing here knows."""
        here = github.here()
        if here is not None or not self.takes_origin:
            return here.url if here else None
        from tidemill.clients.git.git import Git
        from tidemill.clients.git.remote import is_path

        git = Git(Path())
        address = git.address()
        if address and ":" not in address and (top := git.top()):
            path = str(top / address)  # from the root of the checkout, wherever in it this runs
            if is_path(path) or is_path(f"{path}.git"):
                return path
        return address

    @property
    def missing(self) -> str:
        """What is wrong where it is neither given nor known."""
        places = "a workflow nor a checkout with a remote origin"
        here = f"neither {places}" if self.takes_origin else "no workflow"
        return f"nothing says where cfg-app.git is: --repo is not given, and this is {here}"

    @property
    def remedy(self) -> str:
        """What to add then."""
        if self.takes_origin:
            return "run it in a checkout of cfg-app.git, or add --repo URL"
        return 'in a checkout of cfg-app.git, add --repo "$(git remote get-url origin)"'


PAGE = Option(
    "--page-to",
    metavar="DIR",
    help="once all is done, and if anything was written, write the page to this folder, as page "
    "does; if that fails, it is said, and the run has not failed",
)
TURN = (Repository(), DRY_RUN, NOW, JSON)
ACCEPT_AND_TURN = (Repository(), ACCEPT_ONLY, ENTRYPOINTS, DRY_RUN, NOW, JSON)


class Options(Struct, frozen=True):
    """What every command knows: the time, and how to speak.

    Attributes:
        accept_only: whether to accept, and leave the turn to others.
        sign: whether to sign what is asked for.
    """

    now: datetime
    now_given: bool
    json: bool
    dry_run: bool = False
    accept_only: bool = False
    sign: bool = False

    @property
    def clock(self) -> Callable[[], datetime] | None:
        """Says what time it is; None where somebody has said which time to act as."""
        return None if self.now_given else lambda: datetime.now(UTC)


def image_set(about: str = "may be left out where there is one") -> Option:
    """The option `--set`; `about` says what leaving it out means."""
    return Option("--set", "set_name", metavar="SET", help=f"the image set; {about}")


def options(arguments: Arguments) -> Options:
    """The shared options, as values."""
    given = arguments.now
    return Options(
        now=parse_time(given, "--now") if given is not None else datetime.now(UTC),
        now_given=given is not None,
        json=arguments.json,
        dry_run=getattr(arguments, "dry_run", False),
        accept_only=getattr(arguments, "accept_only", False),
        sign=getattr(arguments, "sign", False),
    )


def wave_or_all(arguments: Arguments) -> str:
    """The wave, or `*` for all; raises `Refused` unless exactly one of both options is given."""
    if arguments.all_waves == (arguments.wave is not None):
        raise Refused(
            f"{arguments.command} takes either --wave or --all",
            remedy="name the wave with --wave, or say --all for all of them",
        )
    from tidemill.facts.settings import ALL_WAVES  # which a build has no need of

    return arguments.wave or ALL_WAVES


def duration(text: str, option: str, example: str) -> timedelta:
    """A duration that an option was given; `example` is one, for an error."""
    try:
        return parse_duration(text)
    except ValueError as error:
        raise Refused(f"{option}: {error}", remedy=f"write it like {example}") from None


def json_or_file(given: str) -> bytes:
    """The bytes of a JSON object that was given as it is, or of the file that was named."""
    if given.lstrip().startswith("{"):
        return given.encode(errors="surrogateescape")
    return read_file(given)


def read_file(path: str) -> bytes:
    """The bytes of a file, or of standard input for `-`."""
    try:
        return Path("/dev/stdin" if path == "-" else path).read_bytes()
    except OSError as error:
        raise Refused(
            f"{shown(path)} can't be read: {error.strerror}", remedy="name a file that exists"
        ) from None
