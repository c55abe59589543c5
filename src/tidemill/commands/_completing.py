"""Where a set that is not whole is completed from: `--complete`, `--base`, `--wait`."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from msgspec import Struct, field

from tidemill.announcing.announcement import Announcement
from tidemill.announcing.completion import base_set
from tidemill.announcing.origin import Origin
from tidemill.clients.git.announced_sets import AnnouncedSets
from tidemill.clients.git.app_checkout import AppCheckout
from tidemill.commands import _options
from tidemill.commands._parameters import Arguments, Option
from tidemill.commands._writing import tell
from tidemill.errors import Refused
from tidemill.words.durations import show_duration
from tidemill.words.names import checked_sha, shown_path

_TICK = 5.0
_FILE = ".json"

OPTIONS = (
    Option(
        "--complete",
        metavar="FROM",
        help="take the services that were not built from the announcement of the first parent. "
        "FROM is that announcement, a .json file; or app.git: a remote such as origin, or a URL. "
        "app.git is also given this announcement, for the next commit",
    ),
    Option(
        "--base",
        metavar="SHA",
        help="with --complete: the earlier commit that was built last, instead of the first parent",
    ),
    Option(
        "--wait",
        metavar="DURATION",
        default="0s",
        help="with --complete: how long to wait for that announcement; 0s by default",
    ),
)


class Completion(Struct, frozen=True):
    """Where sets are completed from: a file, or the announced sets of app.git."""

    place: Path | AnnouncedSets
    base: str | None
    limit: timedelta
    pause: Callable[[float], None] = field(default=time.sleep)

    def base_of(self, set_name: str, origin: Origin) -> Announcement:
        """The set of the commit before.

        Raises:
            Refused: it is not known in time.
        """
        if self.base is None:
            raise Refused(
                f"{origin.sha} has no parent whose set could complete {set_name}",
                remedy="build every service of its first commit",
            )
        end = time.monotonic() + self.limit.total_seconds()
        is_told = False
        while (data := self._find(set_name, self.base)) is None:
            left = end - time.monotonic()
            if left <= 0:
                raise self._unknown(set_name, self.base)
            if not is_told:
                tell(f"{set_name}: waiting for the set of {self.base}, which is not known yet")
                is_told = True
            self.pause(min(left, _TICK))
        return base_set(data, self.base, origin, set_name)

    def remember(self, announcement: Announcement, data: bytes) -> None:
        """Let the next commit be completed from this set."""
        if isinstance(self.place, AnnouncedSets):
            self.place.write(announcement, data)

    def _find(self, set_name: str, sha: str) -> bytes | None:
        if isinstance(self.place, AnnouncedSets):
            return self.place.find(set_name, sha)
        try:
            return self.place.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Refused(
                f"{shown_path(self.place)} can't be read: {error.strerror}",
                remedy="name a file with the announcement of the commit before",
            ) from None

    def _unknown(self, set_name: str, sha: str) -> Refused:
        place = self.place
        where = place.where if isinstance(place, AnnouncedSets) else shown_path(place)
        waited = f" after {show_duration(self.limit)}" if self.limit else ""
        return Refused(
            f"the image set {set_name} can't be completed: the set of {sha} is not known in "
            f"{where}{waited}",
            remedy="if that commit is being built, run this again, or wait longer with --wait; if "
            "it is never built, name the commit that was built last with --base, or build every "
            "service",
        )


def completion(arguments: Arguments, checkout: AppCheckout, sha: str) -> Completion | None:
    """What the options say of completing the sets of the commit `sha`; None without `--complete`.

    Raises:
        Refused: they contradict each other, or the base is no earlier commit.
    """
    if arguments.complete is None:
        if arguments.base is not None:
            raise Refused(
                "--base has no meaning without --complete", remedy="give both, or neither"
            )
        return None
    limit = _options.duration(arguments.wait, "--wait", "10m")
    where = arguments.complete
    is_file = where.endswith(_FILE) or Path(where).is_file()
    place = Path(where) if is_file else AnnouncedSets(checkout.folder, where)
    if arguments.base is None:
        return Completion(place, checkout.first_parent(sha), limit)
    base = checked_sha(arguments.base, "base")
    if not checkout.is_before(base, sha):
        raise Refused(
            f"the base {base} is no commit that leads to {sha}",
            remedy="name the commit of the same branch that was built last, in a full clone "
            "(fetch-depth: 0)",
        )
    return Completion(place, base, limit)
