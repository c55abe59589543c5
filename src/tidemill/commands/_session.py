"""What the commands that accept something have in common: open, accept, turn, report."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import Any

from tidemill.asks.answer import answer
from tidemill.asks.ask import Ask, Nothing
from tidemill.asks.asker import Asker, Ended
from tidemill.clients.git.git import redacted
from tidemill.clients.git.repository import opened
from tidemill.clients.git.store import Store
from tidemill.clients.github.api import GitHub
from tidemill.clients.github.connecting import connected
from tidemill.clients.machine import person
from tidemill.commands._artifacts import announcement_in
from tidemill.commands._options import Options
from tidemill.commands._remedies import Remedies
from tidemill.commands._report import exit_code, show_turn, turn_json
from tidemill.commands._writing import conclude, tell, teller, write
from tidemill.errors import Refused, TidemillError
from tidemill.facts.requests import AnnouncementRequest, Drop, Fact, approval
from tidemill.facts.settings import Settings
from tidemill.facts.state import State
from tidemill.plan.position import first_waves
from tidemill.turn.accept import Accepted, accept
from tidemill.turn.forge import Forge
from tidemill.turn.lookup import RepositoryLookup
from tidemill.turn.notify import Notices, tell_github
from tidemill.turn.push import Clock
from tidemill.turn.read import read
from tidemill.turn.turn import Turn, Wrote, turn

_AGAIN = "mend what the reason says, and ask again"


def accept_only(url: str, options: Options, ask: Ask) -> Accepted:
    """Accept what is asked for; whoever does the next turn goes on from there."""
    with opened(url) as store:
        return _accepted(store, url, options, ask)[1]


def _accepted(
    store: Store, url: str, options: Options, ask: Ask
) -> tuple[Fact | Nothing | Ended, Accepted]:
    state, remedies = read(store), Remedies.of(url, options.now)
    asker = Asker(person.name(), options.now, remedies.typed, remedies.both)
    fact = answer(ask, state, asker, RepositoryLookup(store, state, announcement_in))
    match fact:
        case Nothing():
            accepted = Accepted("", is_new=False, state=state, ended=fact.why)
        case Ended():
            accepted = Accepted(fact.id, is_new=False, state=state, ended=fact.how)
        case _:
            _refuse_rerun(fact, remedies)
            accepted = accept(store, state, fact, Clock(options.now), dry_run=options.dry_run)
    way_in = _way_in(url, state, fact, accepted.ended)
    return fact, replace(accepted, way_in=way_in, is_there=_is_there(state, fact))


def accept_and_turn(url: str, options: Options, ask: Ask) -> int:
    """Accept what is asked for, do a turn, and report both.

    With `--accept-only`, whoever does the next turn goes on from there.
    """
    clock = Clock(options.now)
    say = teller(as_json=options.json)
    github = connected(url, tell)
    with opened(url) as store:
        fact, accepted = _accepted(store, url, options, ask)
        if options.accept_only:
            _report_accepted(options, accepted)
            return 0
        try:
            done = turn(
                store,
                clock,
                run_url=person.run_url(),
                dry_run=options.dry_run,
                state=accepted.state,
                extra=accepted.extra,
                say=say,
                forge=github,
            )
            _pass_on(done, github)
        except TidemillError as error:
            error.written = accepted.written(error.written)
            raise
        if reason := done.plan.rejected.get(accepted.id):
            again = _AGAIN
            if isinstance(fact, AnnouncementRequest):
                again = f"mend what the reason says, then: {retrying(url, fact.announcement.sha)}"
            raise Refused(
                f"{accepted.id} can't be carried out: {reason}",
                written=f"it is kept below rejected/, as {accepted.id}"
                if isinstance(done.outcome, Wrote)
                else accepted.written(),
                remedy=again,
            )
        if reason := _given_up(done, accepted.id):
            raise Refused(
                f"{accepted.id} can't be carried out: {reason}",
                written="all else that the turn did; the journal has why this ended"
                if isinstance(done.outcome, Wrote)
                else accepted.written(),
                remedy=_AGAIN,
            )
        how = accepted.ended or done.plan.ledger.how_ended(accepted.id)
        accepted = replace(accepted, way_in=_way_in(url, accepted.state, fact, how))
        _report(options, accepted, done, Remedies.of(url, options.now))
    return exit_code(done)


def _refuse_rerun(fact: Fact, remedies: Remedies) -> None:
    """A re-run says again what somebody said once, of what there was then: it approves nothing.

    GitHub lets whoever may re-run a run do so, under the name of who started it.
    """
    words = approval(fact)
    if words and person.is_rerun():
        raise Refused(
            f"this is a re-run, by {person.name()}, and a re-run approves nothing",
            remedy=f"start a new run, which is in your own name: {remedies.both(words)}",
        )


def retrying(url: str, sha: str) -> str:
    """The command that lets a commit of app.git in again that was evicted, rejected or dropped."""
    return f"tidemill retry --repo {shlex.quote(redacted(url))} --sha {sha}"


def overriding(url: str) -> str:
    """The command that lets an announcement in whatever came before it."""
    where = shlex.quote(redacted(url))
    return f"tidemill update-cfg-app --repo {where} --announcement FILE --override REASON"


def _is_there(state: State, fact: Fact | Nothing | Ended) -> bool:
    """Whether every wave that comes first today has what was announced."""
    match fact:
        case AnnouncementRequest(announcement=announcement):
            sha = announcement.sha
        case Ended(app_sha=sha):
            pass
        case _:
            return True
    if not isinstance(state.settings, Settings):
        return True
    has = {
        wave
        for wave, sets in state.ledger.sets.items()
        for part in sets.values()
        if part.present and part.present.app_sha == sha
    }
    return has.issuperset(first_waves(state.settings))


def _way_in(url: str, state: State, fact: Fact | Nothing | Ended, how: str | None) -> str | None:
    """The command that lets in what has ended, or what is being dropped."""
    match fact:
        case Drop():
            dropped = state.inbox.get(fact.request)
            if isinstance(dropped, AnnouncementRequest):
                return retrying(url, dropped.announcement.sha)
            return None
        case AnnouncementRequest(announcement=announcement):
            sha = announcement.sha
            newest = state.remembered.newest(announcement.set)
            if how == "superseded" and announcement.generation < newest.generation:
                return None  # no override changes that
        case Ended(app_sha=sha):
            pass
        case _:
            return None
    if how in ("rejected", "evicted", "dropped"):
        return retrying(url, sha)
    return overriding(url) if how == "superseded" else None


def _given_up(done: Turn, request: str) -> str | None:
    """Why the turn that took a request in ended it without ever making a commit."""
    mine = (one for one in done.plan.entries if request and one.id == request)
    return next((one.reason for one in mine if one.what == "evicted" and one.sha is None), None)


def _pass_on(done: Turn, github: Forge) -> None:
    """Where the turn has left something to check, start the workflow that checks it."""
    is_on_github = done.snapshot.settings.checks.source == "github"
    if is_on_github and done.plan.more and isinstance(done.outcome, Wrote):
        if isinstance(github, GitHub):
            tell_github(done, Notices(go_on=True), github, person.run_url())
        else:
            tell("Something wants a check: the next run of cfg-app.git's workflow sees to it.")


def _report_accepted(options: Options, accepted: Accepted) -> None:
    result = {"request": _request_json(accepted), "changed": accepted.is_new}
    conclude(result, lambda: _show_accepted(accepted), as_json=options.json)


def _report(options: Options, accepted: Accepted, done: Turn, remedies: Remedies) -> None:
    def show() -> None:
        _show_accepted(accepted)
        show_turn(done, remedies)

    result = {"request": _request_json(accepted), **turn_json(done, remedies), "error": {}}
    conclude(result, show, as_json=options.json)


def _show_accepted(accepted: Accepted) -> None:
    write(f"{accepted.id}: {state_of(accepted)}" if accepted.id else state_of(accepted))
    if accepted.way_in:
        write(f"To let it in again:\n  {accepted.way_in}")


def _request_json(accepted: Accepted) -> dict[str, Any]:
    found = {
        "id": accepted.id,
        "kind": _kind_of(accepted),
        "state": state_of(accepted),
        "way_in": accepted.way_in,
    }
    return {key: value for key, value in found.items() if value}


def _kind_of(accepted: Accepted) -> str:
    match accepted:
        case Accepted(id=""):
            return "nothing"
        case Accepted(ended=str()):
            return "ended"
        case Accepted(is_new=True):
            return "accepted"
        case _:
            return "waits"


def state_of(accepted: Accepted) -> str:
    """What became of what was to be accepted, in words; why there is nothing, where it is that."""
    match accepted:
        case Accepted(id="", ended=str(why)):
            return why
        case Accepted(ended="landed", is_there=True):
            return "already there"
        case Accepted(ended=str(how)):
            return f"has ended already: {how}"
        case Accepted(is_new=True):
            return "would be accepted" if accepted.extra else "accepted"
        case _:
            return "waits already"
