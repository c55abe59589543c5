"""Whether asking GitHub again may help, and when: its limits, and its bad moments.

Both limits answer 403 or 429 (docs.github.com, "Rate limits for the REST API"): `retry-after` says
how long to wait; else, with nothing remaining, `x-ratelimit-reset` says until when; else it is a
minute, and twice as long each time. PyGithub's own GithubRetry knows no 429, sleeps without a
word, and as long as it is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

TRIES = 5
_AT_LEAST = 60.0
_LIMITED = ("rate limit", "abuse detection", "retry your request again later")
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 20.0


@dataclass(frozen=True)
class Answer:
    """What GitHub answered; the names of `headers` are in lower case."""

    status: int
    headers: Mapping[str, str]
    text: str


@dataclass(frozen=True)
class Pause:
    """Asking again may help after some seconds."""

    seconds: float
    why: str


def pause_after(answer: Answer, tried: int, now: float) -> Pause | None:
    """The pause before the next try, None where asking again does not help.

    Args:
        tried: how often it was tried so far, from 1.
        now: seconds since 1970, where the answer does not say what time it is for the server.
    """
    if answer.status in (403, 429):
        return _limit(answer, tried, now)
    if answer.status in (408, 500, 502, 503, 504) and tried < TRIES:
        growing = after_no_answer(tried)
        return Pause(_seconds(answer, "retry-after") or growing, f"GitHub answered {answer.status}")
    return None


def after_no_answer(tried: int) -> float:
    """Seconds to wait where there was no answer at all."""
    return float(min(_FIRST_PAUSE * 2.0 ** (tried - 1), _LONGEST_PAUSE))


def _limit(answer: Answer, tried: int, now: float) -> Pause | None:
    if (asked := _seconds(answer, "retry-after")) is not None:
        return Pause(max(asked, 1.0), "GitHub's secondary rate limit asks for a pause")
    if answer.headers.get("x-ratelimit-remaining") == "0":
        reset = _seconds(answer, "x-ratelimit-reset")
        if reset is not None:
            # One second more: it is not said when in that second the limit ends.
            seconds = max(0.0, reset - _server_time(answer, now)) + 1
            return Pause(seconds, "GitHub's rate limit is used up")
    said = answer.text.lower()
    if answer.status == 429 or any(words in said for words in _LIMITED):
        why = "GitHub's rate limit asks for a pause"
        return Pause(_AT_LEAST * 2.0 ** (tried - 1), why)
    return None


def _seconds(answer: Answer, name: str) -> float | None:
    text = answer.headers.get(name, "").strip()
    return float(text) if text.isascii() and text.isdecimal() and len(text) < 12 else None


def _server_time(answer: Answer, now: float) -> float:
    try:
        return parsedate_to_datetime(answer.headers["date"]).timestamp()
    except (KeyError, TypeError, ValueError, OverflowError):
        return now
