"""One turn, and what a workflow adds to it, in a repository that is open."""

from __future__ import annotations

from tidemill.clients.git.store import Store
from tidemill.clients.github.connecting import connected, needed, needed_for_statuses
from tidemill.clients.machine import person
from tidemill.commands import _options
from tidemill.commands._parameters import Arguments
from tidemill.commands._polling import Polling
from tidemill.commands._remedies import Remedies
from tidemill.commands._results import Reconciliation
from tidemill.commands._session import taken
from tidemill.commands._signalling import Signalling
from tidemill.commands._writing import tell, teller
from tidemill.errors import TidemillError
from tidemill.turn.notify import Notices, tell_github
from tidemill.turn.push import Clock
from tidemill.turn.read import read
from tidemill.turn.statuses import StatusChanges, parse, parse_reasons, settle
from tidemill.turn.turn import turn


def reconcile(store: Store, arguments: Arguments) -> Reconciliation:
    """Set verdicts, do the turn, and tell GitHub, as `reconcile-cfg-app` was asked to."""
    options = _options.options(arguments)
    say = teller(as_json=options.json)
    github = connected(arguments.repo, tell)
    given = _options.json_or_file(arguments.verdicts) if arguments.verdicts is not None else None
    verdicts = parse(given) if given else {}
    reasons = parse_reasons(_options.json_or_file(arguments.reasons)) if arguments.reasons else {}
    wanted = Notices(arguments.check_requests, arguments.go_on, arguments.deployments)
    if wanted:
        needed(github)
    state, settled = read(store), StatusChanges()
    if verdicts and not options.dry_run:
        setter = needed_for_statuses(arguments.repo, tell)
        settled = settle(
            state, verdicts, reasons, person.run_url(), by=setter, known_to=needed(github)
        )
    polling, clock = Polling(store, arguments.repo, options.now), Clock(options.now)
    signalling = Signalling(store, arguments.repo, clock, say)
    try:
        done = turn(
            store,
            clock,
            run_url=person.run_url(),
            dry_run=options.dry_run,
            state=state,
            say=say,
            forge=github,
            claim=arguments.claim or arguments.check_requests,
            may_try=not arguments.without_entrypoints,
            may_move=not arguments.without_branches,
            reported=polling,
            reach=signalling.reach,
        )
    except TidemillError as error:
        if settled.set and error.written == "nothing":
            error.written = f"the statuses of {', '.join(settled.set)}"
        raise
    signalling.after(done)
    if wanted and not options.dry_run:
        tell_github(done, wanted, needed(github), person.run_url())
    remedies = Remedies.of(arguments.repo, options.now)
    return Reconciliation(taken(done, remedies, polling.unread, signalling.unsent), settled)
