"""Approvers: who alone may approve, override, roll back, release and retry in a wave.

What such a wave is asked for counts once a voucher says that an approver has asked. Where it says
that somebody else has, or nobody does, the request is rejected. Where that can't be found out, the
request waits, and does nothing meanwhile.

A wave that names an environment of GitHub's has no approvers of its own. There, anybody may ask by
the form. A job of that run waits until one of the environment's reviewers lets it go on, and then
what the run has asked for counts. The job needs no part in it: GitHub keeps what reviewers said.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from itertools import pairwise
from typing import TypeAlias

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from tidemill.errors import Refused
from tidemill.facts.holds import Hold, each_hold
from tidemill.facts.records import Deployment
from tidemill.facts.requests import (
    AnnouncementRequest,
    Fact,
    Hotfix,
    Promotion,
    Release,
    Request,
    Retry,
    Rollback,
    app_sha_of,
    approval,
    kept_as,
)
from tidemill.facts.run_titles import parse_title, why_other
from tidemill.facts.settings import ALL_WAVES, Settings, Wave
from tidemill.facts.vouchers import (
    COUNTS_FOR,
    Asked,
    Members,
    NoVoucher,
    OwnVoucher,
    RunVoucher,
    SignatureVoucher,
    UnknownVoucher,
    Voucher,
)
from tidemill.plan.draft import Draft
from tidemill.plan.obstacles import About, MissingReview, Obstacle, UnknownAsker, Wait
from tidemill.plan.position import first_waves, how_ended
from tidemill.plan.rollback import had_at, healthy_before
from tidemill.words.moments import parse_moment

_AHEAD = timedelta(hours=1)  # clocks may differ by so much
_SKEW = timedelta(minutes=5)  # and those of machines that do turns by so much
_NOBODY = Members()
FORM = "workflow_dispatch"
# The commands that a wave takes from its approvers alone.
_LETTING_IN = ("promote-wave", "rollback-wave", "release-wave", "retry")


class NotReviewed(Struct, frozen=True):
    """No reviewer of an environment has let its run go on yet; `asked` is what they would let."""

    asked: Asked
    environment: str
    url: str


Verdict: TypeAlias = Asked | NoVoucher | UnknownVoucher | NotReviewed


def guarded(settings: Settings, holds: Iterable[Hold], fact: Fact) -> tuple[Wave, ...]:
    """The waves that take a fact from their approvers alone, for it lets something in there, or
    takes it back."""
    match fact:
        case Promotion(wave=wave) | Rollback(wave=wave) | Hotfix(wave=wave) | Retry(wave=wave):
            names = [wave]
        case Release(wave=wave, ends=ends):
            names = [wave, *(hold.wave for hold in each_hold(holds) if hold.id in ends)]
        case AnnouncementRequest(retry=retry, override=override) if retry or override:
            names = [*first_waves(settings)]
        case _:
            return ()
    return tuple(wave for wave in settings.waves if wave.name in names and wave.is_guarded)


def is_for_reviewers(settings: Settings, words: Sequence[str]) -> bool:
    """Whether a wave takes what a command asks for from the reviewers of an environment alone."""
    name, *given = words
    if name not in _LETTING_IN:
        return False
    waves = [value for option, value in pairwise(given) if option == "--wave"]
    names = waves or first_waves(settings)
    return any(one.environment for one in settings.waves if one.name in names)


def takes_it_from(waves: Iterable[Wave]) -> str:
    """Whom waves take something from alone, in words."""
    found: dict[str, list[str]] = {}
    for wave in waves:
        whose = f"the reviewers of the environment {wave.environment} on GitHub"
        found.setdefault(whose if wave.environment else "its approvers", []).append(wave.name)
    return " and ".join(
        f"{' and '.join(names)} takes this from {whose} alone" for whose, names in found.items()
    )


def let_in(draft: Draft) -> None:
    """Keep from all that follows what no approver has asked for, where it takes one.

    Reads the inbox, the vouchers and what was used before; rejects what is wrong, hides what is not
    known, and puts down who asked for the rest.
    """
    holds = tuple(draft.holds.values())
    for request_id, fact in sorted(draft.inbox.facts.items()):
        waves = guarded(draft.settings, holds, fact)
        if not waves or isinstance(fact, Deployment) or _has_ended(draft, request_id, fact):
            continue
        voucher = draft.snapshot.vouchers.get(request_id)
        if voucher is None:
            draft.to_vouch.append(request_id)
            draft.inbox.take(request_id)
            continue
        match _verdict(draft, request_id, fact, waves, voucher):
            case Asked(by=by) as asked:
                draft.asked[request_id] = asked
                draft.inbox.replace(request_id, msgspec.structs.replace(fact, by=by or fact.by))
            case NoVoucher(reason):
                why = f"{takes_it_from(waves)}, and {reason}"
                wave = None if isinstance(fact, AnnouncementRequest) else waves[0].name
                draft.reject(request_id, why, set_name=_set_of(fact), wave=wave)
            case UnknownVoucher(reason, remedy):
                stop = UnknownAsker(wave=waves[0].name, reason=reason, remedy=remedy)
                _wait(draft, request_id, fact, waves[0], stop)
            case NotReviewed(asked, environment, url):
                draft.asked[request_id] = asked
                run = fact.run.id if fact.run else 0
                review = MissingReview(
                    wave=waves[0].name, environment=environment, run=run, url=url
                )
                if isinstance(fact, Promotion):
                    draft.reviews[fact.wave, fact.set, fact.app_sha] = review
                _wait(draft, request_id, fact, waves[0], review)


def _has_ended(draft: Draft, request_id: str, fact: Request) -> bool:
    """Whether it is an announcement that comes once more after its end: that is how it ends."""
    if not isinstance(fact, AnnouncementRequest):
        return False
    return how_ended(draft.settings, draft.ledger, request_id, fact.announcement) is not None


def environment_of(waiting: Iterable[Wait], run: int) -> str | None:
    """The environment whose reviewers have to look at what a run has asked for, if it is one."""
    found = (one for line in waiting for one in line.obstacles if isinstance(one, MissingReview))
    return next((one.environment for one in found if one.run == run), None)


def _wait(draft: Draft, request_id: str, fact: Request, wave: Wave, stop: Obstacle) -> None:
    """Name what a request waits for, and keep it from all that follows."""
    about = About(at="asked", app_sha=app_sha_of(fact), set=_set_of(fact), wave=wave.name)
    draft.wait(about, stop, since=fact.accepted_at, request=request_id)
    draft.keep_out(request_id)


def _set_of(fact: Fact) -> str | None:
    if isinstance(fact, AnnouncementRequest | Hotfix):
        return fact.announcement.set
    return getattr(fact, "set", None)


def _verdict(
    draft: Draft, request_id: str, fact: Request, waves: tuple[Wave, ...], voucher: Voucher
) -> Verdict:
    found = _of_voucher(draft, request_id, fact, waves, voucher)
    if not isinstance(found, Asked):
        return found
    if {found.key, kept_as(found.key)} & draft.ledger.spent.keys():  # a copy goes with its request
        return NoVoucher("what it says was said before, and has had its effect")
    if found.at > draft.now + _AHEAD:
        return NoVoucher("it is from a time to come")
    if draft.now - found.at > COUNTS_FOR:
        return NoVoucher(f"it is older than {COUNTS_FOR.days} days: ask again")
    ways: list[tuple[str, ...]]
    match voucher:
        case SignatureVoucher(logins, members):
            ways = [(login,) for login in logins]  # a key that several have may be either's
        case RunVoucher(actors=actors, members=members):
            ways = [actors]
        case _:
            return found
    verdicts = [may_all(waves, way, members) for way in ways]
    order = (type(None), UnknownVoucher, NoVoucher)
    refused = min(verdicts, key=lambda one: order.index(type(one)))
    return refused or _reviewed(waves, voucher, found)


def _reviewed(
    waves: Iterable[Wave], voucher: SignatureVoucher | RunVoucher, found: Asked
) -> Verdict:
    """What an approver has asked for, once reviewers let it through where waves name them."""
    names = {wave.environment.casefold(): wave.environment for wave in waves if wave.environment}
    if not names:
        return found
    if not isinstance(voucher, RunVoucher):
        return NoVoucher("a signature is no review: ask by the form on GitHub")
    if len(names) > 1:
        return NoVoucher(f"it is about {' and '.join(names.values())}: ask for one wave at a time")
    [(key, name)] = names.items()
    mine = [one for one in voucher.reviews if one.environment.casefold() == key]
    if no := next((one.by for one in mine if not one.is_approved), None):
        return NoVoucher(f"{no} rejected it there")
    if mine:
        return replace(found, by=f"{found.by} (reviewed by {mine[0].by})")
    environment = voucher.environments.get(name)
    if environment is None:
        return NoVoucher(
            "there is no such environment, or this plan of GitHub's has none for this repository"
        )
    if not environment.has_reviewers:
        return NoVoucher("that has no required reviewers")
    if voucher.is_over:
        return NoVoucher("its run has ended without a review")
    return NotReviewed(found, name, voucher.url)


def _of_voucher(
    draft: Draft, request_id: str, fact: Request, waves: Iterable[Wave], voucher: Voucher
) -> Verdict:
    match voucher:
        case NoVoucher() | UnknownVoucher():
            return voucher
        case OwnVoucher():
            return Asked("", request_id, fact.accepted_at)
        case SignatureVoucher(logins):
            return Asked(" or ".join(logins), request_id, fact.accepted_at)
        case RunVoucher():
            if wrong := _why_not_this_run(draft, fact, waves, voucher):
                return NoVoucher(wrong)
            run, copy = fact.run, request_id.removeprefix(kept_as(request_id))
            key = f"run-{run.id}-{run.attempt}{copy}" if run else request_id
            first, *again = voucher.actors
            by = f"{first} (re-run by {again[0]})" if again else first
            return Asked(by, key, voucher.at)


def _why_not_this_run(
    draft: Draft, fact: Request, waves: Iterable[Wave], run: RunVoucher
) -> str | None:
    settings = draft.settings
    if run.event != FORM:
        return f"its run was started by {run.event}, and not by a person's form"
    if run.branch != settings.main:
        return f"its run is of the workflow on {run.branch}, and not on {settings.main}"
    is_again = fact.run is not None and fact.run.attempt > 1
    if is_again and (approval(fact, ()) or any(wave.environment for wave in waves)):
        return "its run is a re-run, which approves nothing"
    if other := why_other(run.title, fact, settings):
        return f"its run is another one's: {other}"
    match fact:
        case Rollback():
            return _why_not_this_goal(draft, fact, run)
        case Release():
            return _why_not_these_holds(draft, fact, run)
        case _:
            return None


def _why_not_these_holds(draft: Draft, fact: Release, run: RunVoucher) -> str | None:
    """A form says of which wave and set it releases the holds that are there, and not by name."""
    told = parse_title(run.title)
    only = told.set if told else None
    for hold in (one for one in each_hold(draft.holds.values()) if one.id in fact.ends):
        is_meant = hold.everywhere if fact.wave == ALL_WAVES else hold.wave == fact.wave
        if not is_meant or only not in (None, hold.set):
            return "it would end other holds than its run was to end"
        if hold.since > run.at:
            return "it would end a hold that was placed after its run was started"
    return None


def _why_not_this_goal(draft: Draft, fact: Rollback, run: RunVoucher) -> str | None:
    """A form names the set to go back to; or a time, or neither: then it has to be what we would
    choose, from what the wave had when the run was started, or has had since."""
    told = parse_title(run.title)
    other = "it goes back to another set than its run was to go back to"
    part = draft.ledger.history(fact.wave, fact.set)
    landings = part.unbroken if told and told.at else part.landings
    goal = (fact.to.commit, fact.to.content)
    if told and told.sha:
        said = told.sha
        meant = [one for one in landings if (one.app_sha or one.commit).startswith(said)]
        return None if goal in [(one.commit, one.content) for one in meant] else other
    commits = [one.commit for one in landings]
    if fact.leaves.commit in commits:
        end = len(commits) - commits[::-1].index(fact.leaves.commit)
        if end < len(landings) and landings[end].landed_at + _SKEW < run.at:
            return "it leaves a set that its wave did not have any more when its run was started"
        landings = landings[:end]
    if told and told.at:
        try:
            found = had_at(landings, parse_moment(told.at, "at"))
        except Refused as error:
            return f"{error.what}: its form needs a moment, like 2026-01-31T12:00Z"
    else:
        found = healthy_before(landings)
    is_it = found is not None and found.content == fact.to.content
    return None if is_it else f"{other}: name that one"


def may_all(
    waves: Iterable[Wave], logins: Iterable[str], members: Members = _NOBODY
) -> NoVoucher | UnknownVoucher | None:
    """Why one of some people may not ask for something in one of some waves; None if all may."""
    unknown = None
    for wave in waves:
        for login in logins:
            found = _may(wave, login, members.known) if wave.approvers else True
            if found is False:
                named = ", ".join(wave.approvers)
                return NoVoucher(
                    f"{login or 'whoever asked'} is no approver of {wave.name}: these are {named}"
                )
            if found is None and unknown is None:
                reason = members.why or f"nobody knows whether {login} is in a team"
                unknown = UnknownVoucher(reason, members.remedy)
    return unknown


def _may(wave: Wave, login: str, members: Mapping[tuple[str, str], bool]) -> bool | None:
    """Whether a login is that of an approver; None where only a team that nobody knows can say."""
    name = login.casefold()
    said = [
        members.get((one.casefold(), name)) if "/" in one else one.casefold() == name
        for one in wave.approvers
    ]
    return True if True in said else None if None in said else False


def check_signature(
    waves: tuple[Wave, ...], found: SignatureVoucher | NoVoucher | UnknownVoucher, keys: str
) -> None:
    """Raise `Refused` where a signature is not that of an approver; `keys` is their folder."""
    match found:
        case NoVoucher(reason):
            raise Refused(
                f"this would not count: {reason}",
                remedy=f"add your public key to main, as {keys}/LOGIN.keys (SSH) or "
                f"{keys}/LOGIN.gpg (OpenPGP)",
            )
        case UnknownVoucher(reason, remedy):
            raise Refused(f"this would not count: {reason}", remedy=remedy)
        case SignatureVoucher(logins):
            verdicts = [may_all(waves, [login]) for login in logins]
            refused = [one for one in verdicts if isinstance(one, NoVoucher)]
            if len(refused) == len(verdicts):
                raise Refused(
                    f"this would not count: {refused[0].reason}",
                    remedy="let one of them sign it",
                )
