"""Asking verifications: what is sent where, and what an answer that is none counts as."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

import msgspec
import pytest
from msgspec.structs import replace
from tests.unit.snapshots import NOW, Rollout, sha

from tidemill.clients.git.store import Store
from tidemill.clients.http.client import Answer as HttpAnswer
from tidemill.clients.http.client import Call
from tidemill.clients.http.verdicts import LARGEST
from tidemill.errors import EntryPointFailed, Refused, TidemillError, TimeLimit, Unreachable
from tidemill.facts.checks import CheckRecord, Run
from tidemill.facts.github_checks import CommitStatus, Reports, RequiredCheck
from tidemill.facts.settings import Settings
from tidemill.facts.snapshot import Snapshot
from tidemill.facts.verification import (
    Answer,
    Green,
    Lost,
    NotAsked,
    Question,
    Red,
    Verification,
)
from tidemill.turn import verification
from tidemill.turn.forge import Forge
from tidemill.turn.verification import Verifier, call_of

ONE, OTHER = sha("one"), sha("other")
PROMETHEUS: dict[str, Any] = {"prometheus": "https://p.example.com/", "query": 'up{wave="{wave}"}'}


def question(**asks: Any) -> Question:
    return Question(
        verification=Verification(name="smoke", **asks),
        wave="lab",
        set="app",
        commit=ONE,
        app_sha=OTHER,
        since=NOW - timedelta(hours=1),
        revisions=(ONE, OTHER),
    )


# What is sent


def test_prometheus_is_asked_its_query_at_its_api() -> None:
    call = call_of(question(**PROMETHEUS, max=1.0))
    assert call is not None
    assert (call.method, call.body) == ("GET", None)
    assert call.url == "https://p.example.com/api/v1/query?query=up%7Bwave%3D%22lab%22%7D"
    assert call.headers == {"Accept": "application/json"}


def test_address_is_sent_what_the_question_is_about() -> None:
    asked = question(url="https://v.example.com/ask")
    call = call_of(asked)
    assert call is not None
    assert (call.method, call.url) == ("POST", "https://v.example.com/ask")
    assert call.headers == {"Accept": "application/json", "Content-Type": "application/json"}
    assert call.body is not None
    said = b"".join(call.body.pieces())
    assert said == msgspec.json.encode(asked.as_json())
    assert call.body.size == len(said)


@pytest.mark.parametrize("asks", [{"command": "./smoke"}, {"status": "smoke"}], ids=str)
def test_command_and_status_send_nothing(asks: dict[str, Any]) -> None:
    assert call_of(question(**asks)) is None


# What is answered


@dataclass
class Address:
    """Answers what it is given, or raises it."""

    said: HttpAnswer | TidemillError
    calls: list[tuple[Call, float]] = field(default_factory=list)

    def __call__(self, call: Call, seconds: float) -> Address:
        self.calls.append((call, seconds))
        return self

    def answer(self) -> HttpAnswer:
        if isinstance(self.said, TidemillError):
            raise self.said
        return self.said


def answered(status: int, body: bytes = b"{}") -> HttpAnswer:
    return HttpAnswer(status, {}, body, "https://v.example.com/ask")


def asked(monkeypatch: pytest.MonkeyPatch, said: HttpAnswer | TidemillError, **asks: Any) -> Answer:
    address = Address(said)
    monkeypatch.setattr(verification, "Asked", address)
    one = question(**asks)
    found = verifier()(snapshot(), [one])
    assert [seconds for _, seconds in address.calls] == [30]
    return found[one]


@dataclass
class Shell:
    """A repository whose commands print that, or fail so."""

    said: str | TidemillError = ""
    asked: list[tuple[str, str, float]] = field(default_factory=list)

    def ask(self, commit: str, command: str, seconds: float) -> str:
        self.asked.append((commit, command, seconds))
        if isinstance(self.said, TidemillError):
            raise self.said
        return self.said


def verifier(
    store: Shell | None = None,
    forge: object = None,
    say: Callable[[str], None] = lambda _: None,
    **given: Any,
) -> Verifier:
    return Verifier(cast(Store, store or Shell()), cast(Forge, forge), say, **given)


def snapshot(source: str = "refs", **given: Any) -> Snapshot:
    known = Rollout().snapshot()
    checks = replace(known.settings.checks, source=source)
    settings: Settings = replace(known.settings, checks=checks)
    return replace(known, settings=settings, **given)


SAID: list[tuple[int, bytes, str]] = [
    (200, b'{"verdict": "green"}', "green"),
    (200, b'{"verdict": "red"}', "red"),
    (200, b"", "malformed"),
    (408, b"", "server error"),
    (425, b"", "server error"),
    (429, b"", "server error"),
    (409, b"", "refused"),
    (426, b"", "refused"),
    (430, b"", "refused"),
    (499, b"", "refused"),
    (500, b"", "server error"),
    (501, b"", "server error"),
    (599, b"", "server error"),
    (201, b'{"verdict": "green"}', "refused"),
    (301, b"", "refused"),
    (404, b'{"verdict": "red"}', "refused"),
    (200, b" " * LARGEST + b"1", "too large"),
]


def kind_of(answer: Answer) -> str:
    match answer:
        case Lost(kind, _):
            return kind
        case _:
            return type(answer).__name__.lower()


@pytest.mark.parametrize(("status", "body", "expected"), SAID, ids=lambda one: str(one)[:30])
def test_only_an_answer_says_red_or_green(
    monkeypatch: pytest.MonkeyPatch, status: int, body: bytes, expected: str
) -> None:
    found = asked(monkeypatch, answered(status, body), url="https://v.example.com/ask")
    assert kind_of(found) == expected
    if isinstance(found, Lost) and expected in ("refused", "server error"):
        assert found.why == f"it answered {status}"


def test_answer_as_large_as_one_may_be_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    said = b'{"verdict": "green"}'
    body = said + b" " * (LARGEST - len(said))
    found = asked(monkeypatch, answered(200, body), url="https://v.example.com/ask")
    assert isinstance(found, Green)


@pytest.mark.parametrize(
    ("asks", "who"),
    [({"url": "https://v.example.com/ask"}, "server"), ({**PROMETHEUS, "max": 1.0}, "query")],
    ids=["address", "prometheus"],
)
def test_too_large_an_answer_says_who_is_to_give_less(
    monkeypatch: pytest.MonkeyPatch, asks: dict[str, Any], who: str
) -> None:
    found = asked(monkeypatch, answered(200, b" " * (LARGEST + 1)), **asks)
    assert found == Lost("too large", f"the answer has more than 1 MiB: let the {who} give less")


@pytest.mark.parametrize(("value", "kind"), [("0.5", Green), ("1.5", Red)])
def test_prometheus_is_understood_as_prometheus(
    monkeypatch: pytest.MonkeyPatch, value: str, kind: type[Answer]
) -> None:
    data = {"resultType": "vector", "result": [{"metric": {}, "value": [1.0, value]}]}
    body = msgspec.json.encode({"status": "success", "data": data})
    assert isinstance(asked(monkeypatch, answered(200, body), **PROMETHEUS, max=1.0), kind)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (TimeLimit("late", remedy="x"), "timeout"),
        (EntryPointFailed("broken", remedy="x"), "failed"),
        (Unreachable("away", remedy="x"), "unreachable"),
        (Refused("no", remedy="x"), "refused"),
    ],
    ids=lambda one: type(one).__name__ if isinstance(one, TidemillError) else one,
)
def test_what_goes_wrong_is_a_lost_answer(
    monkeypatch: pytest.MonkeyPatch, error: TidemillError, kind: str
) -> None:
    found = asked(monkeypatch, error, url="https://v.example.com/ask")
    assert found == Lost(kind, error.what)  # type: ignore[arg-type]
    one = question(command="./smoke")
    assert verifier(Shell(error))(snapshot(), [one]) == {one: Lost(kind, error.what)}  # type: ignore[arg-type]


def test_tokens_that_are_none_lose_that_answer_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> Address:
        raise Refused("line 1 of the tokens is no address", remedy="x")

    monkeypatch.setattr(verification, "Asked", refused)
    one, other = question(url="https://v.example.com/ask"), question(command="./smoke")
    found = verifier(Shell('{"verdict": "green"}'))(snapshot(), [one, other])
    assert isinstance(found[one], Lost)
    assert isinstance(found[other], Green)


# Commands and statuses


def test_command_is_run_on_main_with_what_it_is_about() -> None:
    store, said = Shell('{"verdict": "green"}'), list[str]()
    one = question(command="./smoke {wave} {set}", timeout=timedelta(seconds=7))
    known = snapshot()
    found = verifier(store, say=said.append)(known, [one])
    assert isinstance(found[one], Green)
    assert store.asked == [(known.main.sha, one.filled("./smoke {wave} {set}"), 7)]
    assert said == ["verify app in lab: smoke"]


def test_command_is_not_run_by_a_turn_that_may_run_none() -> None:
    store, one = Shell(), question(command="./smoke")
    assert verifier(store, may_try=False)(snapshot(), [one]) == {one: NotAsked()}
    assert store.asked == []


def reported(commit: str, state: Any) -> CheckRecord:
    run = Run(context="smoke", run="1", state=state, at=NOW)
    return CheckRecord(sha=commit, runs=(run,))


@pytest.mark.parametrize(
    ("first", "second", "kind"),
    [("success", "success", Green), ("success", "failure", Red), ("success", None, Lost)],
    ids=["both-green", "one-red", "one-missing"],
)
def test_status_is_that_of_every_revision(first: str, second: str | None, kind: type) -> None:
    checks = {ONE: reported(ONE, first)}
    checks |= {OTHER: reported(OTHER, second)} if second else {}
    one = question(status="smoke")
    assert isinstance(verifier()(snapshot(checks=checks), [one])[one], kind)


@dataclass
class Statuses:
    """GitHub, where every commit has that status."""

    state: Any
    asked: list[tuple[str, Sequence[RequiredCheck]]] = field(default_factory=list)

    def reports(self, commit: str, required: Sequence[RequiredCheck]) -> Reports:
        self.asked.append((commit, tuple(required)))
        return Reports((CommitStatus(1, "smoke", self.state, NOW),))


@pytest.mark.parametrize(("state", "kind"), [("success", Green), ("failure", Red)])
def test_status_is_asked_of_github_where_checks_come_from_there(state: str, kind: type) -> None:
    forge, one = Statuses(state), question(status="smoke")
    found = verifier(forge=forge)(snapshot("github"), [one])
    assert isinstance(found[one], kind)
    assert forge.asked == [(each, (RequiredCheck("smoke"),)) for each in (ONE, OTHER)]
