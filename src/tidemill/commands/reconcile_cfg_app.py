"""`tidemill reconcile-cfg-app`: one turn, and what a workflow adds to it."""

from __future__ import annotations

from tidemill.clients.git.repository import opened
from tidemill.commands import _options
from tidemill.commands._parameters import AnyResult, Arguments, Option

EXAMPLE = "tidemill reconcile-cfg-app --repo https://github.com/acme/cfg-app --json"

PARAMETERS = (
    *_options.TURN,
    _options.ENTRYPOINTS,
    _options.WITHOUT_ENTRYPOINTS,
    _options.WITHOUT_BRANCHES,
    Option(
        "--verdicts",
        metavar="FILE",
        help="set these verdicts of check-cfg-app as commit statuses first: the JSON object, or a "
        "file with it (- is standard input)",
    ),
    Option(
        "--reasons",
        metavar="FILE",
        help="why each is what it is, as check-cfg-app says: the JSON object, or a file with it",
    ),
    Option(
        "--claim",
        is_flag=True,
        help="claim the checks that are wanted, because you run them now: no other turn asks for "
        "them until they answer, or [checks] timeout is over",
    ),
    Option(
        "--continue",
        "go_on",
        is_flag=True,
        help="where checks are wanted and not claimed, or an entry point may not run: send "
        "turn-due, which starts the next run",
    ),
    Option(
        "--check-requests",
        is_flag=True,
        help="send check-requested, with the commits whose checks are asked for, to another CI",
    ),
    _options.DEPLOYMENTS,
    _options.PAGE,
)


def run(arguments: Arguments) -> AnyResult:
    """Open the repository; while its server is asked who it is, import what a turn takes."""
    with opened(arguments.repo) as store:
        from tidemill.commands._reconciling import reconcile

        return reconcile(store, arguments)
