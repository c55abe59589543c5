"""`tidemill reconcile-cfg-app`: one turn, and what a workflow adds to it."""

from __future__ import annotations

from tidemill.clients.git.repository import opened
from tidemill.clients.github.connecting import connected, needed, needed_for_statuses
from tidemill.clients.machine import person
from tidemill.commands import _options
from tidemill.commands._parameters import Arguments, Option
from tidemill.commands._remedies import Remedies
from tidemill.commands._results import Reconciliation, Result
from tidemill.commands._session import turn_taken
from tidemill.commands._writing import tell, teller
from tidemill.errors import TidemillError
from tidemill.turn.notify import Notices, tell_github
from tidemill.turn.push import Clock
from tidemill.turn.read import read
from tidemill.turn.statuses import StatusChanges, parse, parse_reasons, settle
from tidemill.turn.turn import turn

EXAMPLE = "tidemill reconcile-cfg-app --repo https://github.com/acme/cfg-app --json"

PARAMETERS = (
    *_options.TURN,
    _options.ENTRYPOINTS,
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
        help="claim the checks that are wanted, so that no other turn asks for them till they "
        "answer, or [checks] timeout is over: for whoever runs them now",
    ),
    Option(
        "--continue",
        "go_on",
        is_flag=True,
        help="where checks are wanted and not claimed: send turn-due, which starts the next run",
    ),
    Option(
        "--check-requests",
        is_flag=True,
        help="send check-requested, with the commits whose checks are asked for, to another CI",
    ),
    Option(
        "--deployments",
        is_flag=True,
        help="mirror deployment records to the Environments page on GitHub",
    ),
)


def run(arguments: Arguments) -> Result:
    """Set verdicts, do the turn, and tell GitHub."""
    options = _options.options(arguments)
    say = teller(as_json=options.json)
    github = connected(arguments.repo, tell)
    given = _options.json_or_file(arguments.verdicts) if arguments.verdicts is not None else None
    verdicts = parse(given) if given else {}
    reasons = parse_reasons(_options.json_or_file(arguments.reasons)) if arguments.reasons else {}
    wanted = Notices(arguments.check_requests, arguments.go_on, arguments.deployments)
    if wanted:
        needed(github)
    with opened(arguments.repo) as store:
        state, settled = read(store), StatusChanges()
        if verdicts and not options.dry_run:
            setter = needed_for_statuses(arguments.repo, tell)
            settled = settle(
                state, verdicts, reasons, person.run_url(), by=setter, known_to=needed(github)
            )
        try:
            done = turn(
                store,
                Clock(options.now),
                run_url=person.run_url(),
                dry_run=options.dry_run,
                state=state,
                say=say,
                forge=github,
                claim=arguments.claim or arguments.check_requests,
            )
        except TidemillError as error:
            if settled.set and error.written == "nothing":
                error.written = f"the statuses of {', '.join(settled.set)}"
            raise
        if wanted and not options.dry_run:
            tell_github(done, wanted, needed(github), person.run_url())
    remedies = Remedies.of(arguments.repo, options.now)
    return Reconciliation(turn_taken(done.plan, done.outcome, remedies, done.refused), settled)
