"""GitHub's refusals: which of them pass, and the words for those that do not.

Both of its limits answer 403 or 429 (docs.github.com, "Rate limits for the REST API"):
`retry-after` says how long to wait; else, with nothing remaining, `x-ratelimit-reset` says until
when; else it is a minute, and twice as long each time. PyGithub's own GithubRetry knows no 429,
sleeps without a word, and as long as it is told.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime

import msgspec

from tidemill.clients.http.client import Answer
from tidemill.clients.http.trouble import Trouble, asked_to_wait
from tidemill.errors import Refused, ServerRefused, TidemillError, Unreachable
from tidemill.words.moments import to_the_second
from tidemill.words.names import one_line
from tidemill.words.unreadable import UNREADABLE

PATIENCE = 300.0  # seconds that all pauses of one call may last
_TRIES = 5
_TRIES_AT_LIMITS = 12
_AT_LEAST = 60.0
_LIMITED = (b"rate limit", b"abuse detection", b"retry your request again later")
LIMITS = (403, 429)
_PASSING = (408, 500, 502, 503, 504)


class _Detail(msgspec.Struct):
    message: str | None = None
    field: str | None = None
    code: str | None = None


class _Body(msgspec.Struct):
    message: str = ""
    errors: tuple[_Detail | str, ...] | str = ()


def refusal(answer: Answer, doing: str, need: str, repository: str) -> TidemillError:
    """The error for an answer that is not what was asked for.

    Args:
        doing: what was asked for, as in "could not read the rules of main".
        need: the permission for it, as in `statuses: write`.
    """
    said = _said(answer)
    what = f"GitHub refuses to {doing} in {repository}: {said}"
    right = f"give the token `{need}` for {repository}"
    ways = "in a workflow by `permissions:`, of an App or a fine-grained token in its settings"
    match answer.status:
        case 401:
            return ServerRefused(
                f"GitHub does not take the token for {repository}: {said}",
                remedy="let TIDEMILL_TOKEN (input `token`) be one that is valid now, with "
                f"`{need}`",
            )
        case 403:
            return ServerRefused(f"{what}; the token lacks `{need}`", remedy=f"{right}, {ways}")
        case 404:
            return ServerRefused(
                f"{what}, or the token may not see it",
                remedy=f"see that {repository} and what is asked for exist, and {right}, {ways}",
            )
        case 301 | 302 | 307 | 308:
            return Refused(
                f"{repository} has moved: GitHub answers {doing} with a redirect",
                remedy="use the repository's new name",
            )
        case 409 | 410 | 422:
            return Refused(what, remedy="mend what GitHub names, and run it again")
        case status if status >= 500:
            return Unreachable(what, remedy="run it again later; the next turn goes on with it")
        case _:
            return ServerRefused(what, remedy=f"see what GitHub says; {right}, {ways}")


def refused_query(
    doing: str, need: str, repository: str, kinds: Collection[str], said: str
) -> TidemillError:
    """The error for what a query of the GraphQL API did not give.

    Args:
        kinds: GitHub's types of the errors, such as `FORBIDDEN`; `said` is what they say.
    """
    what = f"GitHub refuses to {doing} in {repository}: {one_line(said)}"
    if "RATE_LIMITED" in kinds:
        return Unreachable(what, remedy="run it again in an hour; a later turn goes on with it")
    return ServerRefused(
        what, remedy=f"give the token `{need}` for {repository}, in a workflow by `permissions:`"
    )


def trouble_in(
    answer: Answer, refused: TidemillError, tried: int, now: float, repository: str
) -> Trouble | None:
    """What in an answer may pass; None where asking again does not help.

    Args:
        refused: the error for the answer.
        tried: how often it was tried before.
        now: seconds since 1970, where the answer does not say what time it is for the server.
    """
    asked = asked_to_wait(answer.headers)
    if answer.status in _PASSING:
        why = f"GitHub answered {answer.status}"
        if asked and asked > PATIENCE:
            refused = _limited(why, now + asked, repository)
        return Trouble(refused, after=asked or None, tries=_TRIES, why=why)
    if answer.status not in LIMITS:
        return None
    reset = answer.headers.get("X-RateLimit-Reset", "").strip()
    if asked is not None:
        why, seconds = "GitHub's secondary rate limit asks for a pause", max(asked, 1.0)
    elif (
        answer.headers.get("X-RateLimit-Remaining") == "0" and reset.isascii() and reset.isdecimal()
    ):
        # One second more: it is not said when in that second the limit ends.
        seconds = max(0.0, float(reset[:12]) - _server_time(answer, now)) + 1
        why = "GitHub's rate limit is used up"
    elif answer.status == 429 or any(words in answer.body.lower() for words in _LIMITED):
        why, seconds = "GitHub's rate limit asks for a pause", _AT_LEAST * 2.0**tried
    else:
        return None
    error = _limited(why, now + seconds, repository)
    return Trouble(error, after=seconds, tries=_TRIES_AT_LIMITS, why=why)


def _server_time(answer: Answer, now: float) -> float:
    from email.utils import parsedate_to_datetime  # which few answers need

    try:
        return parsedate_to_datetime(answer.headers["Date"]).timestamp()
    except (KeyError, TypeError, ValueError, OverflowError):
        return now


def _limited(why: str, end: float, repository: str) -> TidemillError:
    """The error for a pause that is too long to wait for, and when it ends."""
    until = to_the_second(datetime.fromtimestamp(end, UTC))
    return Unreachable(
        f"{why} for {repository}, until {until}",
        remedy=f"run it again after {until}; the next turn goes on with it",
    )


def silence(why: str, api: str, remedy: str | None = None) -> Trouble:
    """The trouble of no answer at all; with a remedy of its own it does not pass."""
    usual = (
        "see that it may be reached from here (GITHUB_API_URL, HTTPS_PROXY), and run it again; the "
        "next turn goes on with it"
    )
    error = Unreachable(
        f"GitHub's API at {api} could not be reached: {why}", remedy=remedy or usual
    )
    return Trouble(error, tries=1 if remedy else _TRIES, why=f"GitHub's API: {why}")


def nonsense(doing: str, api: str) -> TidemillError:
    """The error for an answer that is not GitHub's."""
    return ServerRefused(
        f"what {api} answered, asked to {doing}, is not what GitHub's API answers",
        remedy="see that GITHUB_API_URL is the address of a REST API of GitHub",
    )


def _said(answer: Answer) -> str:
    """What the answer's body says, in one line; its status, if it says nothing."""
    try:
        body = msgspec.json.decode(answer.body, type=_Body)
    except UNREADABLE:
        return f"it answers {answer.status}"
    details = (body.errors,) if isinstance(body.errors, str) else body.errors
    parts = [body.message or f"it answers {answer.status}", *map(_detail, details[:3])]
    return one_line("; ".join(part.rstrip(".") for part in parts if part))


def _detail(detail: _Detail | str) -> str:
    if isinstance(detail, str):
        return detail
    return detail.message or " ".join(part for part in (detail.field, detail.code) if part)
