"""One turn, and what a workflow adds to it, in a repository that is open."""

from __future__ import annotations

from tidemill.clients.git.store import Store
from tidemill.clients.github.connecting import needed, needed_for_statuses
from tidemill.clients.machine import person
from tidemill.commands import _options
from tidemill.commands._parameters import Arguments
from tidemill.commands._results import Reconciliation
from tidemill.commands._turning import Turning
from tidemill.commands._writing import tell
from tidemill.errors import TidemillError
from tidemill.turn.notify import Notices, tell_github
from tidemill.turn.push import Clock
from tidemill.turn.read import read
from tidemill.turn.statuses import StatusChanges, parse, parse_reasons, set_statuses


def reconcile(store: Store, arguments: Arguments) -> Reconciliation:
    """Set verdicts, do the turn, and tell GitHub, as `reconcile-cfg-app` was asked to."""
    options = _options.options(arguments)
    turning = Turning(store, arguments.repo, options)
    given = _options.json_or_file(arguments.verdicts) if arguments.verdicts is not None else None
    verdicts = parse(given) if given else {}
    reasons = parse_reasons(_options.json_or_file(arguments.reasons)) if arguments.reasons else {}
    wanted = Notices(arguments.check_requests, arguments.go_on, arguments.deployments)
    if wanted:
        needed(turning.github)
    state, settled = read(store), StatusChanges()
    if verdicts and not options.dry_run:
        setter = needed_for_statuses(arguments.repo, tell)
        settled = set_statuses(
            state, verdicts, reasons, person.run_url(), by=setter, known_to=needed(turning.github)
        )
    try:
        done = turning.turn(
            Clock(options.now, read=options.clock),
            state=state,
            claim=arguments.claim or arguments.check_requests,
            may_try=not arguments.without_entrypoints,
            may_move=not arguments.without_branches,
        )
    except TidemillError as error:
        if settled.set and error.written == "nothing":
            error.written = f"the statuses of {', '.join(settled.set)}"
        raise
    if wanted and not options.dry_run:
        tell_github(done, wanted, needed(turning.github), person.run_url())
    taken = turning.taken(done)
    if arguments.page_to:
        from tidemill.commands._paging import with_page

        taken = with_page(store, arguments, taken)
    return Reconciliation(taken, settled)
