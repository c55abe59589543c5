"""GitHub's refusals in words: what was refused, and which right is missing for which repository."""

from __future__ import annotations

import msgspec

from tidemill.clients.github.patience import Answer, Pause
from tidemill.errors import Refused, ServerRefused, TidemillError, Unreachable
from tidemill.words.names import one_line
from tidemill.words.unreadable import UNREADABLE


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


def limited(pause: Pause, until: str, repository: str) -> TidemillError:
    """The error for a pause that is too long to wait for; `until` is when it ends."""
    return Unreachable(
        f"{pause.why} for {repository}, until {until}",
        remedy=f"run it again after {until}; the next turn goes on with it",
    )


def silence(why: str, api: str) -> TidemillError:
    """The error for no answer at all."""
    return Unreachable(
        f"GitHub's API at {api} could not be reached: {why}",
        remedy="see that it may be reached from here (GITHUB_API_URL, HTTPS_PROXY), and run it "
        "again; the next turn goes on with it",
    )


def nonsense(doing: str, api: str) -> TidemillError:
    """The error for an answer that is not GitHub's."""
    return ServerRefused(
        f"what {api} answered, asked to {doing}, is not what GitHub's API answers",
        remedy="see that GITHUB_API_URL is the address of a REST API of GitHub",
    )


def _said(answer: Answer) -> str:
    """What the answer's body says, in one line; its status, if it says nothing."""
    try:
        body = msgspec.json.decode(answer.text, type=_Body)
    except UNREADABLE:
        return f"it answers {answer.status}"
    details = (body.errors,) if isinstance(body.errors, str) else body.errors
    parts = [body.message or f"it answers {answer.status}", *map(_detail, details[:3])]
    return one_line("; ".join(part.rstrip(".") for part in parts if part))


def _detail(detail: _Detail | str) -> str:
    if isinstance(detail, str):
        return detail
    return detail.message or " ".join(part for part in (detail.field, detail.code) if part)
