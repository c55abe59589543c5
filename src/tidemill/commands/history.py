"""`tidemill history`: what ran where, from when to when, and who decided it. Writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

from tidemill.answers.history import History, Place
from tidemill.answers.older import report
from tidemill.answers.question import (
    Question,
    ServiceStay,
    by_time,
    ends_a_stay,
    has_all_that_ran,
    has_line,
    has_newest,
    has_none_before,
    has_report,
    lines,
    moves_a_set,
    running,
    service_stays,
)
from tidemill.clients.git.repository import opened
from tidemill.clients.git.store import Store, Wanted
from tidemill.commands import _options
from tidemill.commands._parameters import Arguments, Option
from tidemill.commands._past_time import EXAMPLES, parse_past
from tidemill.commands._results import HistoryReport, Result
from tidemill.errors import Refused
from tidemill.facts.settings import Settings
from tidemill.facts.state import State
from tidemill.turn.past import digests_of, read_history
from tidemill.turn.read import read
from tidemill.words.lists import listed
from tidemill.words.moments import end_of_second
from tidemill.words.names import shown
from tidemill.words.nearest import did_you_mean

EXAMPLE = "tidemill history --repo https://github.com/acme/cfg-app --at 'tuesday 14:00'"

LINES = 50
MOST_NAMED = 10  # of those that there are, where there is no such one
_T = TypeVar("_T")

PARAMETERS = (
    _options.Repository(takes_origin=True),
    Option("--wave", help="only what concerns this wave"),
    Option("--target", help="what this target reported, and so ran"),
    _options.image_set("all of them by default"),
    Option("--service", help="from when to when each wave had which image of this service"),
    Option("--at", metavar="TIME", help=f"what ran at this time, like {EXAMPLES}"),
    Option("--since", metavar="TIME", help="only what happened at this time or later"),
    Option(
        "--limit",
        metavar="COUNT",
        help=f"at most so many lines, the newest ones; 0 for all. {LINES} by default, and with "
        "--json all",
    ),
    _options.NOW,
    _options.JSON,
)


def run(arguments: Arguments) -> Result:
    """Read the journal, and answer."""
    options = _options.options(arguments)
    at = _time(arguments.at, "--at", options.now)
    if at is not None:
        at = end_of_second(at)
    since = _time(arguments.since, "--since", options.now)
    if at is not None and since is not None:
        raise Refused("--at and --since are both given", remedy="give one of them")
    if arguments.target and arguments.service:
        raise Refused("--target and --service are both given", remedy="give one of them")
    limit = _limit(arguments.limit, LINES if not options.json else 0)
    question = Question(arguments.wave, arguments.set_name, arguments.target, since)
    with opened(arguments.repo) as store:
        state = read(store)

        listed, order = _listed(state), dict[str, int]()
        if at is not None and not arguments.service:
            order = {sha: number for number, sha in enumerate(store.commits(state.main))}

        def is_enough(past: History) -> bool:
            """Whether the last turns have all that is wanted."""
            if at is not None:
                has_all = has_all_that_ran(past, question, at, listed, order)
            elif since is not None:
                has_all = has_none_before(past, since)
            else:
                has_all = has_newest(past, question, limit)
            return has_all and _unknown(past, state, arguments) is None

        # Programs are told how many lines are left out, which takes all of them.
        is_in_part = since is not None or at is not None or (limit > 0 and not options.json)
        past = read_history(
            store,
            state,
            is_enough if is_in_part and not arguments.service else None,
            is_needed=_needed(arguments, at),
            about=at or since,
        )
        if unknown := _unknown(past, state, arguments):
            raise unknown
        if arguments.service:
            services, missing = _services(store, state, past, question, arguments.service)
            kept = [
                one
                for one in services
                if (at is None or (one.since <= at and (one.until is None or at < one.until)))
                and (since is None or one.until is None or one.until > since)
            ]
            shown_, earlier = _newest(kept, limit)
            return HistoryReport(services=shown_, earlier=earlier, missing=missing, at=at)
        if at is not None:
            then = running(past, question, at, order, listed)
            return HistoryReport(running=then, missing=past.missing, at=at)
    newest, earlier = _newest(lines(past, question), limit)
    # Of what was not read nobody knows how many lines there are.
    left_out = None if past.is_part and since is None else earlier
    return HistoryReport(lines=newest, earlier=left_out, missing=past.missing)


def _listed(state: State) -> set[tuple[str, str]]:
    """The waves and targets that the settings name, or that have reported something."""
    listed = state.settings.listed_targets if isinstance(state.settings, Settings) else ()
    return {*listed, *state.written_records}


def _needed(arguments: Arguments, at: datetime | None) -> Wanted | None:
    """Which turns have to be read; all, where it is about what a target ran."""
    if arguments.target:
        is_by_names = at is not None or arguments.wave or arguments.set_name
        return None if is_by_names else has_report
    if arguments.service:
        return moves_a_set
    if at is None:
        return has_line
    return lambda date, first_line: ends_a_stay(date, first_line) or date() <= at


def _services(
    store: Store, state: State, past: History, question: Question, service: str
) -> tuple[list[ServiceStay], tuple[str, ...]]:
    """The stays of the images of a service, and what can't be told."""
    settings = state.valid_settings
    found: list[list[ServiceStay]] = []
    names: set[str] = set()
    unread = 0
    meant = {place: stays for place, stays in past.stays.items() if _is_meant(place, question)}
    # A name that was given up tells only what another name does not.
    present = {place: stays for place, stays in past.present.items() if place in meant}
    for place, stays in sorted((present or meant).items()):
        digests = digests_of(store, settings, stays)
        unread += sum(one is None for one in digests)
        names |= next((one.keys() for one in reversed(digests) if one), set())
        found.append(service_stays(place, service, list(zip(stays, digests, strict=True))))
    if not any(found):
        raise Refused(
            f"no wave has had an image of a service {shown(service)}",
            remedy=f"{did_you_mean(service, sorted(names))}give the name that digests.json has",
        )
    missing = past.missing
    if unread:
        missing += (f"The image files of {unread} landings are not on main, or can't be read.",)
    return by_time(found), missing


def _is_meant(place: Place, question: Question) -> bool:
    wave, name = place
    return question.wave in (None, wave) and question.set in (None, name)


def _newest(found: Sequence[_T], limit: int) -> tuple[tuple[_T, ...], int]:
    kept = found[-limit:] if limit else found
    return tuple(kept), len(found) - len(kept)


def _time(text: str | None, what: str, now: datetime) -> datetime | None:
    return None if text is None else parse_past(text, what, now)


def _limit(text: str | None, default: int) -> int:
    if text is None:
        return default
    if not text.isdecimal() or len(text) > 9:
        raise Refused(f"--limit {shown(text)} is no whole number", remedy="write one, like 100")
    return int(text)


def _unknown(past: History, state: State, arguments: Arguments) -> Refused | None:
    """The error for a name that nothing has or had."""
    settings = state.settings if isinstance(state.settings, Settings) else None
    waves, sets = {wave for wave, _ in past.stays}, {name for _, name in past.stays}
    targets: set[str] = set()
    if settings is not None:
        waves |= {one.name for one in settings.waves}
        sets |= {one.name for one in settings.sets}
        targets |= {one for wave in settings.waves for one in wave.targets}
    if arguments.target not in (None, *targets):
        targets |= {one[0] for event in past.events() if (one := report(event.entry))}
    asked = (
        ("wave", arguments.wave, waves),
        ("set", arguments.set_name, sets),
        ("target", arguments.target, targets),
    )
    for what, name, known in asked:
        if name is not None and name not in known:
            names = sorted(known)
            there = listed(names, MOST_NAMED) or "none"
            return Refused(
                f"there is, and was, no {what} {shown(name)}",
                remedy=f"{did_you_mean(name, names)}there are {there}",
            )
    return None
