"""What becomes of an ask: it is accepted, or why not; and the turn after it."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from tidemill.answers.difference import SetDifference, asked_for, difference, sets_on_main
from tidemill.asks.answer import answer
from tidemill.asks.ask import Ask, Nothing
from tidemill.asks.asker import Asker, Ended, Origin
from tidemill.asks.ended import is_in_first_waves, retry_of, way_in
from tidemill.clients.git.store import Store
from tidemill.clients.machine import person
from tidemill.commands._artifacts import announcement_in
from tidemill.commands._options import Options
from tidemill.commands._remedies import Remedies
from tidemill.commands._results import Acceptance, Difference, Request, RequestAndTurn
from tidemill.commands._turning import Turning
from tidemill.commands._writing import tell
from tidemill.errors import Refused, TidemillError
from tidemill.facts.image_files import ImageFiles
from tidemill.facts.operation import AutoCommit
from tidemill.facts.requests import (
    AnnouncementRequest,
    Fact,
    Hotfix,
    Promotion,
    Rollback,
    WorkflowRun,
    approval,
)
from tidemill.facts.state import State
from tidemill.turn.accept import Accepted, accept
from tidemill.turn.forge import Forge
from tidemill.turn.lookup import RepositoryLookup
from tidemill.turn.outcome import (
    LeftToAnother,
    Wrote,
)
from tidemill.turn.preview import changes
from tidemill.turn.push import Clock
from tidemill.turn.read import read
from tidemill.turn.targets import image_files_in
from tidemill.turn.turn import Turn


def accepted_and_turned(
    store: Store, url: str, options: Options, ask: Ask
) -> Acceptance | RequestAndTurn:
    """Accept what is asked for, and do a turn.

    With `--accept-only`, whoever does the next turn goes on from there.
    """
    turning = Turning(store, url, options)
    remedies = turning.remedies
    fact, accepted, request = accept_ask(store, remedies, options, ask)
    if options.accept_only:
        return Acceptance(request)
    try:
        done = turning.turn(
            Clock(options.now, read=options.clock),
            state=accepted.state,
            extra=accepted.extra,
            request=accepted.id if accepted.is_new and not accepted.extra else None,
        )
        _pass_on(done, turning.github)
    except TidemillError as error:
        error.written = accepted.written(error.written)
        raise
    _refuse_what_ended(done, accepted, fact, remedies)
    how = accepted.ended or done.plan.ledger.how_ended(accepted.id)
    request = replace(request, way_in=_way_in(remedies, accepted.state, fact, how))
    change = _tried(store, remedies, done, fact) if options.dry_run else None
    return RequestAndTurn(request, turning.taken(done), change)


def _tried(
    store: Store, remedies: Remedies, done: Turn, fact: Fact | Nothing | Ended
) -> Difference | None:
    """What would change: in services and files, if the turn has made it; else what services of a
    promotion would be."""
    on_main = sets_on_main(done.snapshot)
    if isinstance(fact, Promotion | Hotfix | Rollback):
        made = [one for one in done.plan.auto if one.operation.request == fact.id]
        if made:
            parent, sha = made[0].parent, made[-1].sha
            found = tuple(_changed(store, done, on_main, one) for one in made)
            return Difference(found, url=remedies.server, files=changes(store, parent, sha))
    if not isinstance(fact, Promotion):
        return None
    asked = asked_for(on_main, fact.wave, fact.set, fact.app_sha)
    return Difference((asked,), url=remedies.server)


def _changed(
    store: Store, done: Turn, on_main: Mapping[tuple[str, str], ImageFiles], one: AutoCommit
) -> SetDifference:
    of = one.operation
    folder = done.snapshot.settings.folder(of.wave, of.set)
    after = image_files_in(store, one.sha, folder)
    return difference(of.wave, of.set, on_main.get((of.wave, of.set)), after)


def accept_ask(
    store: Store, remedies: Remedies, options: Options, ask: Ask
) -> tuple[Fact | Nothing | Ended, Accepted, Request]:
    """Read, and accept what is asked for."""
    state = read(store)
    asker = _asker(remedies, options)
    fact = answer(ask, state, asker, RepositoryLookup(store, state, announcement_in))
    match fact:
        case Nothing():
            accepted = Accepted("", is_new=False, state=state, ended=fact.why)
        case Ended():
            accepted = Accepted(fact.id, is_new=False, state=state, ended=fact.how)
        case _:
            _refuse_rerun(fact, state, remedies)
            accepted = accept(store, state, fact, Clock(options.now), dry_run=options.dry_run)
    request = replace(
        _request(accepted),
        is_there=is_in_first_waves(fact, state),
        way_in=_way_in(remedies, state, fact, accepted.ended),
    )
    return fact, accepted, request


def _way_in(
    remedies: Remedies, state: State, fact: Fact | Nothing | Ended, how: str | None
) -> str | None:
    words = way_in(fact, state, how)
    return remedies.typed(words) if words else None


def _asker(remedies: Remedies, options: Options) -> Asker:
    origin = None
    if found := person.run():
        run = WorkflowRun(id=found[0], attempt=found[1])
        origin = Origin(run, person.logins(), person.started_by())
    return Asker(
        person.name(),
        options.now,
        remedies.typed,
        remedies.both,
        origin=origin,
        signs=options.sign,
        on_github=remedies.on_github,
    )


def _request(accepted: Accepted) -> Request:
    match accepted:
        case Accepted(id="", ended=str(why)):
            return Request("nothing", how=why)
        case Accepted(ended=str(how)):
            return Request("ended", accepted.id, how)
        case Accepted(is_new=True):
            return Request("accepted", accepted.id, is_dry_run=bool(accepted.extra))
        case _:
            return Request("waits", accepted.id)


def _refuse_what_ended(
    done: Turn, accepted: Accepted, fact: Fact | Nothing | Ended, remedies: Remedies
) -> None:
    """Raise `Refused` where the turn that took a request in found that it can't be carried out."""
    again = "mend what the reason says, and ask again"
    kept = "all else that the turn did; the journal has why this ended"
    other = done.outcome.reason if isinstance(done.outcome, LeftToAnother) else None
    if reason := done.plan.rejected.get(accepted.id) or other:
        kept = f"it is kept below rejected/, as {accepted.id}"
        if isinstance(fact, AnnouncementRequest):
            announced = fact.announcement
            retry = remedies.typed(retry_of(announced.sha, announced.set))
            again = f"mend what the reason says, then: {retry}"
    elif not (reason := _given_up(done, accepted.id)):
        return
    raise Refused(
        f"{accepted.id} can't be carried out: {reason}",
        written=kept if isinstance(done.outcome, Wrote | LeftToAnother) else accepted.written(),
        remedy=again,
    )


def _refuse_rerun(fact: Fact, state: State, remedies: Remedies) -> None:
    """A re-run says again what somebody said once, of what there was then: it approves nothing.

    GitHub lets whoever may re-run a run do so, under the name of who started it.
    """
    words = approval(fact, state.holds.values())
    if words and person.is_rerun():
        raise Refused(
            f"this is a re-run, by {person.name()}, and a re-run approves nothing",
            remedy=f"start a new run, which is in your own name: {remedies.both(words)}",
        )


def _given_up(done: Turn, request: str) -> str | None:
    """Why the turn that took a request in ended it without ever making a commit."""
    mine = (one for one in done.plan.entries if request and one.id == request)
    return next((one.reason for one in mine if one.what == "evicted" and one.sha is None), None)


def _pass_on(done: Turn, github: Forge) -> None:
    """Where the turn has left something to check, start the workflow that checks it."""
    is_on_github = done.snapshot.settings.checks.source == "github"
    if is_on_github and done.plan.more and isinstance(done.outcome, Wrote):
        from tidemill.clients.github.api import GitHub
        from tidemill.turn.notify import Notices, tell_github

        if isinstance(github, GitHub):
            tell_github(done, Notices(go_on=True), github, person.run_url())
        else:
            tell("Something wants a check: the next run of cfg-app.git's workflow sees to it.")
