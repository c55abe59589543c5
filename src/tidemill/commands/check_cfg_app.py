"""`tidemill check-cfg-app`: is cfg-app.git fit to land? What CI runs on auto."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tidemill.clients.git.checkout import Local
from tidemill.clients.git.repository import opened
from tidemill.clients.machine.removing import remove
from tidemill.clients.machine.scratch import scratch
from tidemill.commands import _options
from tidemill.commands._parameters import Arguments, Option
from tidemill.commands._results import CheckoutCheck, CommitChecks, Result
from tidemill.commands._writing import teller
from tidemill.errors import Refused
from tidemill.turn.check import Check, CommitVerdict, judged
from tidemill.words.names import checked_sha
from tidemill.words.urls import host_and_path, redacted

EXAMPLE = "tidemill check-cfg-app --repo ."

PARAMETERS = (
    _options.Repository(
        "DIR",
        "a checkout of cfg-app.git, in which nothing is changed; with --sha, anything that "
        "git clone takes",
    ),
    Option(
        "--sha",
        multiple=True,
        metavar="SHA",
        help="a commit to fetch and check, in full; again for more, one after the other",
    ),
    Option(
        "--fail-on-red/--no-fail-on-red",
        default=True,
        help="with --sha, end with 1 where a commit is not green; the other only warns of it",
    ),
    _options.ENTRYPOINTS,
    _options.NOW,
    _options.JSON,
)


def run(arguments: Arguments) -> Result:
    """Check one checkout, or with `--sha` each of these commits."""
    options = _options.options(arguments)
    say = teller(as_json=options.json)
    if arguments.sha:
        shas = [checked_sha(sha, "commit of cfg-app.git") for sha in dict.fromkeys(arguments.sha)]
        return CommitChecks(_verdicts(arguments.repo, shas, say), arguments.fail_on_red)
    if host_and_path(arguments.repo)[0]:
        raise Refused(
            f"{redacted(arguments.repo)} is no checkout, and --sha names no commit of it",
            remedy="name the commits with --sha, or a checkout with --repo, such as --repo .",
        )
    with scratch() as folder:
        check = Check(Local(Path(arguments.repo)), folder, "this checkout", say)
        return CheckoutCheck(check.run(), tuple(check.warnings))


def _verdicts(url: str, shas: list[str], say: Callable[[str], None]) -> tuple[CommitVerdict, ...]:
    """Check one after the other, and say of each what is known, whatever became of the others."""
    verdicts = []
    with opened(url) as repository, scratch() as folder:
        for sha in shas:
            place = folder / sha
            place.mkdir()
            verdicts.append(judged(repository, sha, place, say))
            remove(place)
    return tuple(verdicts)
