"""Verification: what is asked about a set that is deployed in a wave, and what was answered.

An answer is green, red, or lost. Lost is what says nothing of the set: nobody answered, or not in
time, or something that is no answer. Only red is a failure. A lost question is asked again.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from ipaddress import IPv6Address
from typing import Any, Literal, TypeAlias

import msgspec
from msgspec import Struct

from tidemill.facts.checks import State
from tidemill.words.durations import Duration
from tidemill.words.moments import Moment
from tidemill.words.names import UNPRINTABLE, one_line
from tidemill.words.unreadable import UNREADABLE
from tidemill.words.variables import TOKENS

WAYS = ("command", "status", "prometheus", "url")
MOST_SAID = 200
LONGEST_TIMEOUT = timedelta(minutes=10)
_WAYS = ", ".join(WAYS)
_LAST_PORT = 65535
_ADDRESS = re.compile(
    r"https?://(?:[A-Za-z0-9._-]+|\[(?P<six>[0-9A-Fa-f:.]+)\])(?::(?P<port>[0-9]{1,5}))?"
    r"(/[!-~]*)?(\?[!-~]*)?"
)
# What Go writes of a float. Python would also read "infinity", "1_000" and digits of any script.
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?|Inf)|NaN", re.ASCII)
LostKind: TypeAlias = Literal[
    "timeout",
    "unreachable",
    "server error",
    "refused",
    "empty",
    "not a number",
    "incomplete",
    "too large",
    "malformed",
    "no verdict",
    "failed",
]
PASSING: frozenset[str] = frozenset({"timeout", "unreachable", "server error", "no verdict"})


class Verification(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One question of the settings. It is asked in one of the `WAYS`.

    Attributes:
        name: its name.
        waves: the waves whose sets it is about (default: all).
        sets: the image sets that it is about (default: all).
        command: a command of cfg-app.git that prints the answer.
        status: a commit status, or a check run, on the revisions that targets have deployed.
        prometheus: the address of a Prometheus.
        query: what it is asked. `{wave}`, `{set}`, `{app_sha}` and `{sha}` are filled in, as in
            `command`.
        min: each number of the result is at least this.
        max: each number of the result is at most this.
        url: an address that answers in JSON.
        span: how long a set is asked about at least, once it is deployed.
        timeout: after this time the answer is lost; 10 minutes at most.
    """

    name: str
    waves: tuple[str, ...] = ()
    sets: tuple[str, ...] = ()
    command: str | None = None
    status: str | None = None
    prometheus: str | None = None
    query: str | None = None
    min: float | None = None
    max: float | None = None
    url: str | None = None
    span: Duration = msgspec.field(name="for", default=Duration())
    timeout: Duration = Duration(seconds=30)

    @property
    def ways(self) -> tuple[str, ...]:
        """How it is asked: one, if the settings are valid."""
        return tuple(way for way in WAYS if getattr(self, way) is not None)


def why_not(one: Verification) -> tuple[str, str] | None:
    """The key at which a verification can't be used, and why, where types can't say it."""
    if len(one.ways) != 1:
        found = f", and not {' and '.join(one.ways)}" if one.ways else ""
        return (one.ways or ("name",))[-1], f"it takes one of {_WAYS}{found}"
    [way] = one.ways
    text = getattr(one, way)
    if not text.strip() or UNPRINTABLE.search(text):
        return way, f"the {way} is not one printable line"
    if way in ("prometheus", "url") and (said := _why_no_address(text)):
        return way, said
    if not timedelta(seconds=1) <= one.timeout <= LONGEST_TIMEOUT:
        return "timeout", "the timeout is 1s at least and 10m at most: a turn waits so long"
    return _why_no_query(one, way)


def _why_no_address(text: str) -> str | None:
    """Why a text is no address to ask. It is in the repository, so it has no secret in it."""
    if "@" in text.partition("://")[2].partition("/")[0]:
        return f"an address has no user or password in it: give these in {TOKENS}"
    found = _ADDRESS.fullmatch(text)
    try:
        if found and found["six"]:
            IPv6Address(found["six"])
        is_one = found is not None and 0 < int(found["port"] or 80) <= _LAST_PORT
    except ValueError:
        is_one = False
    return None if is_one else f"{text!r} is not an address like https://prometheus.example.com"


def _why_no_query(one: Verification, way: str) -> tuple[str, str] | None:
    """What is wrong with the query and its bounds."""
    if way != "prometheus":
        strange = [key for key in ("query", "min", "max") if getattr(one, key) is not None]
        said = f"{strange[0]} is for prometheus, and this asks a {way}" if strange else ""
        return (strange[0], said) if strange else None
    if "?" in (one.prometheus or ""):
        return way, "the address of Prometheus has no query in it: write that in query"
    if not (one.query or "").strip():
        return ("query" if one.query is not None else way), "it needs the query to send there"
    bounds = [bound for bound in (one.min, one.max) if bound is not None]
    if not bounds:
        return "query", "it needs a bound that the numbers keep: min, max or both"
    if not all(map(math.isfinite, bounds)) or bounds != sorted(bounds):
        return "max" if one.max is not None else "min", "no number is within these bounds"
    return None


class Question(Struct, frozen=True):
    """A verification, about one set in one wave.

    Attributes:
        commit: the commit of main that put the set there, at `since`.
        revisions: what the targets that run it have deployed, in order; the commit that put it
            there while none of them has said so.
    """

    verification: Verification
    wave: str
    set: str
    commit: str
    app_sha: str | None
    since: datetime
    revisions: tuple[str, ...] = ()

    def filled(self, text: str) -> str:
        """A command or a query, with its placeholders filled in. No name has anything in it that a
        shell or PromQL would read otherwise."""
        values = {
            "wave": self.wave,
            "set": self.set,
            "sha": self.commit,
            "app_sha": self.app_sha or "",
        }
        for name, value in values.items():
            text = text.replace(f"{{{name}}}", value)
        return text

    def as_json(self) -> dict[str, Any]:
        """What an address of `url` is asked."""
        return {
            "version": 1,
            "verification": self.verification.name,
            "wave": self.wave,
            "set": self.set,
            "app_sha": self.app_sha,
            "commit": self.commit,
            "landed_at": self.since,
            "revisions": list(self.revisions),
        }


class Green(Struct, frozen=True):
    """The set is well, as far as this verification sees it."""

    said: str = ""


class Red(Struct, frozen=True):
    """It is not."""

    said: str = ""


class Lost(Struct, frozen=True):
    """Nothing is known."""

    kind: LostKind
    why: str = ""


class NotAsked(Struct, frozen=True):
    """It could not be asked here: another turn does."""


Answer: TypeAlias = Green | Red | Lost | NotAsked


class Standing(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a later turn has to know of a verification whose last answer was not green.

    Attributes:
        red: since when it has been red, and what was `said` at first; a lost answer ends it not.
        lost: since when answers have been lost; `kind` and `why` of the first of that kind.
    """

    red: Moment | None = None
    said: str = ""
    lost: Moment | None = None
    kind: str = ""
    why: str = ""


class _Said(msgspec.Struct):
    verdict: Literal["green", "red", "unknown"]
    version: Literal[1] | msgspec.UnsetType = msgspec.UNSET
    reason: str = ""


def answer_in(data: bytes) -> Answer:
    """The answer of an address: `{"version": 1, "verdict": "green", "reason": "…"}`."""
    if not data.strip():
        return Lost("malformed", "the answer is empty")
    try:
        said = msgspec.json.decode(data, type=_Said)
    except UNREADABLE as error:
        return Lost("malformed", words(str(error)))
    reason = words(said.reason)
    match said.verdict:
        case "green":
            return Green(reason)
        case "red":
            return Red(reason)
        case "unknown":
            return Lost("no verdict", reason)


def answer_printed(output: str, most: int) -> Answer:
    """The answer of a command: its last line that is a JSON object, whatever stands around it.

    Args:
        output: the end of what it printed, of at most so many bytes.
    """
    lines = [line.strip() for line in re.split(r"[\r\n]", output)]  # a text may hold other ends
    found = next((line for line in reversed(lines) if line.startswith("{")), None)
    if found is None:
        return Lost(
            "no verdict", f"the last {most} bytes that it printed have no whole line with a verdict"
        )
    return answer_in(found.encode())


class _Data(msgspec.Struct):
    result_type: str = msgspec.field(name="resultType")
    result: Any


class _Result(msgspec.Struct):
    """An answer of Prometheus: HTTP API, "Instant queries"."""

    status: str
    data: _Data | None = None
    error: str = ""
    warnings: tuple[str, ...] = ()


class _Sample(msgspec.Struct):
    value: tuple[float, str]


def answer_of_prometheus(one: Verification, data: bytes) -> Answer:
    """The answer in the result of an instant query.

    Every number has to be within the bounds. What gives no number at all says nothing; and so does
    a result of which the server says that something is missing.
    """
    try:
        found = msgspec.json.decode(data, type=_Result)
        if found.status != "success" or found.data is None:
            return Lost("refused", words(found.error or "the query was refused"))
        match found.data.result_type:
            case "scalar":
                texts = [msgspec.convert(found.data.result, tuple[float, str])[1]]
            case "vector":
                samples = msgspec.convert(found.data.result, list[_Sample])
                texts = [sample.value[1] for sample in samples]
            case other:
                return Lost("malformed", words(f"it gives a {other}, and not numbers"))
    except UNREADABLE as error:
        return Lost("malformed", words(str(error)))
    strange = next((text for text in texts if not _NUMBER.fullmatch(text)), None)
    if strange is not None:
        return Lost("malformed", words(f"{strange!r} is not a number as Prometheus writes it"))
    if found.warnings:
        return Lost("incomplete", words(found.warnings[0]))
    return _judged(one, [float(text) for text in texts])


def _judged(one: Verification, numbers: Sequence[float]) -> Answer:
    """What numbers say, one of which may be none.

    Prometheus gives NaN where 0 is divided by 0, and an infinity where another number is. Beyond a
    bound an infinity is red, for errors without a single success are more than any share of them.
    Within the bounds it says nothing: who looks for green wants something that was measured. NaN
    is beyond no bound, and takes nothing back from another number that is.
    """
    if not numbers:
        return Lost("empty", "the query gives no number")
    known = [number for number in numbers if not math.isnan(number)]
    if known and one.max is not None and max(known) > one.max:
        return Red(f"{_shown(max(known))} is more than {one.max:g}")
    if known and one.min is not None and min(known) < one.min:
        return Red(f"{_shown(min(known))} is less than {one.min:g}")
    strange = next((number for number in numbers if not math.isfinite(number)), None)
    if strange is not None:
        return Lost("not a number", f"the query gives {_shown(strange)}")
    return Green(f"{max(numbers):g}")


def _shown(number: float) -> str:
    """A number, as Prometheus writes one that is none."""
    if math.isfinite(number):
        return f"{number:g}"
    return "NaN" if math.isnan(number) else f"{number:+}".replace("inf", "Inf")


def answer_of_statuses(states: Sequence[State]) -> Answer:
    """The answer of a status on all deployed revisions: one that is red is enough for red."""
    if "red" in states:
        return Red("it is red on a deployed revision")
    if states and all(state == "green" for state in states):
        return Green()
    return Lost("no verdict", "it has not answered on every deployed revision")


def words(text: str) -> str:
    """What is kept of what somebody said."""
    return one_line(text)[:MOST_SAID]
