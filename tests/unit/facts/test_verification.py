"""`[[verifications]]`, and what is read in the answers."""

from __future__ import annotations

import json
import math
from datetime import timedelta
from typing import Any

import pytest
from tests.unit.sets import NOW, app_sha, sha
from tests.unit.settings_texts import LEAST

from tidemill.errors import SettingsInvalid
from tidemill.facts.checks import State
from tidemill.facts.ledger import Ledger
from tidemill.facts.records import Deployment
from tidemill.facts.settings_file import parse
from tidemill.facts.snapshot import verified_commits
from tidemill.facts.verification import (
    Answer,
    Green,
    Lost,
    Question,
    Red,
    Verification,
    answer_in,
    answer_of_prometheus,
    answer_of_statuses,
    answer_printed,
    why_not,
)

ERRORS: dict[str, Any] = {
    "name": "errors",
    "prometheus": "https://prometheus.example.com",
    "query": "sum(rate(errors[5m]))",
    "max": 0.01,
}


def asked(without: tuple[str, ...] = (), **changes: Any) -> Verification:
    """The one verification of settings, with other values than usual."""
    told = {**ERRORS, **changes, **dict.fromkeys(without)}
    told = {key: value for key, value in told.items() if value is not None}
    lines = [f"{key} = {json.dumps(value)}" for key, value in told.items()]
    return parse("\n".join([LEAST, "[[verifications]]", *lines])).verifications[0]


def test_a_verification_has_defaults_for_all_but_what_it_asks() -> None:
    found = asked()
    assert (found.waves, found.sets, found.span) == ((), (), timedelta())
    assert found.timeout == timedelta(seconds=30)


@pytest.mark.parametrize(
    ("changes", "without", "reason"),
    [
        ({"name": "a/b"}, (), "'a/b' is not a valid name"),
        ({"waves": ["produktion"]}, (), "there is no wave 'produktion'"),
        ({"sets": ["ap"]}, (), "there is no set 'ap'"),
        ({}, ("prometheus",), "it takes one of command, status, prometheus, url"),
        ({"command": "make verify"}, (), "and not command and prometheus"),
        ({"prometheus": "prometheus:9090"}, (), "is not an address like https://"),
        ({"prometheus": "file:///etc/passwd"}, (), "is not an address like https://"),
        ({"prometheus": "https://prometheus:99999"}, (), "is not an address like https://"),
        ({"prometheus": "https://prometheus:0"}, (), "is not an address like https://"),
        ({"prometheus": "https://prometheus:x"}, (), "is not an address like https://"),
        ({"prometheus": "https://[::1"}, (), "is not an address like https://"),
        ({"prometheus": "https://[1::2::3]"}, (), "is not an address like https://"),
        ({"prometheus": "https://:9090"}, (), "is not an address like https://"),
        ({"prometheus": "https://ada:secret@prometheus"}, (), "has no user or password in it"),
        ({"prometheus": "https://prometheus?a=b"}, (), "has no query in it"),
        ({"prometheus": "https://a\nb"}, (), "is not one printable line"),
        ({}, ("query",), "it needs the query to send there"),
        ({"query": " "}, (), "it needs the query to send there"),
        ({}, ("max",), "it needs a bound"),
        ({"min": 1}, (), "no number is within these bounds"),
        ({"url": "https://verdict.example.com"}, ("prometheus",), "query is for prometheus"),
        ({"command": ""}, ("prometheus", "query", "max"), "the command is not one printable line"),
        ({"timeout": "0s"}, (), "the timeout is 1s at least"),
        ({"timeout": "11m"}, (), "and 10m at most"),
        ({"maximum": 1}, (), "unknown field `maximum`"),
        ({"max": "0.1"}, (), "Expected `float | null`, got `str`"),
    ],
    ids=lambda one: str(one)[:40],
)
def test_a_verification_that_can_not_be_meant_is_refused(
    changes: Any, without: tuple[str, ...], reason: str
) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        asked(without, **changes)
    assert reason in str(caught.value)
    assert "line " in str(caught.value)


@pytest.mark.parametrize(("said", "seconds"), [("1s", 1), ("10m", 600)])
def test_a_timeout_may_be_as_short_and_as_long_as_is_said(said: str, seconds: int) -> None:
    assert asked(timeout=said).timeout == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({}, "name"),
        ({"command": "make", "prometheus": "https://p.example.com"}, "prometheus"),
        ({"command": "make", "query": "up"}, "query"),
        ({"command": "make", "max": 1.0}, "max"),
        ({"prometheus": "https://p.example.com", "max": 1.0}, "prometheus"),
        ({"prometheus": "https://p.example.com", "max": 1.0, "query": ""}, "query"),
    ],
    ids=str,
)
def test_what_is_wrong_is_said_at_its_key(changes: dict[str, Any], key: str) -> None:
    found = why_not(Verification(name="x", **changes))
    assert found is not None
    assert found[0] == key


@pytest.mark.parametrize("bound", ["nan", "inf", "-inf"])
def test_a_bound_is_a_number(bound: str) -> None:
    lines = [f"{key} = {json.dumps(value)}" for key, value in ERRORS.items() if key != "max"]
    text = "\n".join([LEAST, "[[verifications]]", *lines, f"max = {bound}"])
    with pytest.raises(SettingsInvalid, match="no number is within these bounds"):
        parse(text)


def test_two_of_one_name_are_refused() -> None:
    lines = ["[[verifications]]", *(f"{key} = {json.dumps(one)}" for key, one in ERRORS.items())]
    with pytest.raises(SettingsInvalid, match="'errors' is there twice"):
        parse("\n".join([LEAST, *lines, *lines]))


def test_a_command_and_a_query_know_what_they_are_asked_about() -> None:
    about = Question(asked(), "staging", "app", sha(1), app_sha(2), NOW)
    text = 'sum(errors{wave="{wave}", set="{set}"}) {sha} {app_sha}'
    filled = f'sum(errors{{wave="staging", set="app"}}) {sha(1)} {app_sha(2)}'
    assert about.filled(text) == filled


def vector(*numbers: str) -> dict[str, Any]:
    """What Prometheus answers to a query that gives some numbers."""
    result = [{"metric": {}, "value": [1435781451.781, number]} for number in numbers]
    return {"status": "success", "data": {"resultType": "vector", "result": result}}


SCALAR = {"status": "success", "data": {"resultType": "scalar", "result": [1435781451.781, "0"]}}


@pytest.mark.parametrize(
    ("body", "bounds", "expected"),
    [
        (vector("0.001"), {}, Green),
        (vector("0.01"), {}, Green),
        (vector("0.001", "0.02"), {}, Red),
        (vector("+Inf"), {}, Red),
        (vector("+Inf"), {"min": 1, "max": 9}, Red),
        (vector("-Inf"), {"min": 1, "max": 9}, Red),
        (vector("+Inf", "NaN"), {}, Red),
        (vector("-Inf"), {}, "not a number"),
        (vector("0.001", "-Inf"), {}, "not a number"),
        (vector("+Inf"), {"min": 1, "max": None}, "not a number"),
        (vector("-Inf"), {"min": 1, "max": None}, Red),
        (vector("5"), {"min": 1, "max": 9}, Green),
        (vector("0"), {"min": 1, "max": 9}, Red),
        (SCALAR, {}, Green),
        (vector(), {}, "empty"),
        (vector("NaN"), {}, "not a number"),
        (vector("0.001", "NaN"), {}, "not a number"),
        (vector("0.02", "NaN"), {}, Red),
        (vector("NaN", "0.02"), {}, Red),
        (vector("1e-05"), {}, Green),
        (vector("1.5e+300"), {}, Red),
        *[
            (vector(one), {}, "malformed")
            for one in ("five", "", " 0", "0.", "1_0", "infinity", "inf", "nan", "+NaN", "\u0665")
        ],
        ({**vector("0"), "warnings": ["a store did not answer"]}, {}, "incomplete"),
        ({"status": "error", "error": "parse error"}, {}, "refused"),
        ({**vector("0"), "status": "error"}, {}, "refused"),
        ({"status": "success"}, {}, "refused"),
        (
            {"status": "success", "data": {"resultType": "matrix", "result": []}},
            {},
            "malformed",
        ),
        ({"status": "success", "data": {"resultType": "vector", "result": 1}}, {}, "malformed"),
        ([], {}, "malformed"),
        ("<html>", {}, "malformed"),
    ],
)
def test_an_answer_of_prometheus(body: Any, bounds: Any, expected: Any) -> None:
    data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    check(answer_of_prometheus(asked(**bounds), data), expected)


@pytest.mark.parametrize(
    ("error", "said"), [("parse error", "parse error"), ("", "the query was refused")]
)
def test_a_query_that_is_refused_says_why(error: str, said: str) -> None:
    data = json.dumps({"status": "error", "error": error}).encode()
    assert answer_of_prometheus(asked(), data) == Lost("refused", said)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"version": 1, "verdict": "green", "reason": "fine"}', Green),
        (b'{"verdict": "green", "more": [1]}', Green),
        (b'{"version": 1, "verdict": "red", "reason": "slow"}', Red),
        (b'{"version": 1, "verdict": "unknown"}', "no verdict"),
        (b'{"version": 2, "verdict": "red"}', "malformed"),
        (b'{"version": 1, "verdict": "yellow"}', "malformed"),
        (b'{"version": 1}', "malformed"),
        (b"red", "malformed"),
        (b"\xff", "malformed"),
        (b"[" * 100_000, "malformed"),
        (b"", "malformed"),
    ],
)
def test_an_answer_in_json(body: bytes, expected: Any) -> None:
    check(answer_in(body), expected)


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ('{"verdict": "green"}', Green),
        ('{"verdict": "green"}\nlater\n{"verdict": "red"}\nmake: Leaving directory', Red),
        ("all is well", "no verdict"),
        ("", "no verdict"),
        ("Traceback (most recent call last):\n  {broken", "malformed"),
        ('{"verdict": "red", "reason": "in {a\u2028{b\u0085{c"}', Red),
        ('10 %\r{"verdict": "red"}\r\n', Red),
    ],
)
def test_what_a_command_prints(output: str, expected: Any) -> None:
    check(answer_printed(output, 4000), expected)


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        (["green", "green"], Green),
        (["green", "red"], Red),
        (["missing", "red"], Red),
        (["green", "missing"], "no verdict"),
        (["pending"], "no verdict"),
        (["lost"], "no verdict"),
        ([], "no verdict"),
    ],
)
def test_a_status_counts_on_every_revision_that_is_deployed(
    states: list[State], expected: Any
) -> None:
    check(answer_of_statuses(states), expected)


def test_what_somebody_said_is_one_short_line() -> None:
    answer = answer_in(json.dumps({"verdict": "red", "reason": "\x1b[2J\n" + "a" * 999}).encode())
    assert isinstance(answer, Red)
    assert len(answer.said) == 200
    assert answer.said.isprintable()


def check(answer: Answer, expected: Any) -> None:
    """A kind is that of a lost answer."""
    found = answer.kind if isinstance(answer, Lost) else type(answer)
    assert found == expected, answer


@pytest.mark.parametrize("port", [1, 65535])
def test_every_port_that_there_is_may_be_asked(port: int) -> None:
    assert asked(prometheus=f"https://prometheus:{port}").prometheus


@pytest.mark.parametrize(
    ("changes", "waves"),
    [
        ({"url": "https://verdict.example.com"}, set()),
        ({"status": "smoke"}, {"staging", "production"}),
        ({"status": "smoke", "waves": ["staging"]}, {"staging"}),
    ],
    ids=["no status", "of all waves", "of one wave"],
)
def test_revisions_that_a_status_is_looked_for_on(changes: dict[str, Any], waves: set[str]) -> None:
    told = {"name": "errors", **changes}
    lines = [f"{key} = {json.dumps(value)}" for key, value in told.items()]
    settings = parse("\n".join([LEAST, "[[verifications]]", *lines]))
    records = {
        (wave.name, target): Deployment(
            accepted_at=NOW,
            finished_at=NOW,
            wave=wave.name,
            target=target,
            phase="Succeeded",
            health="Healthy",
            revision=sha(wave.name),
        )
        for wave in settings.waves
        for target in wave.targets
    }
    assert verified_commits(settings, Ledger(), records) == {sha(wave) for wave in waves}


def test_number_at_a_bound_is_within_it_and_the_one_furthest_beyond_is_named() -> None:
    least = asked(min=0.5, max=0.9)

    def said(*numbers: str) -> Answer:
        return answer_of_prometheus(least, json.dumps(vector(*numbers)).encode())

    assert said("0.5", "0.9") == Green("0.9")
    assert said("0.3", "0.1", "0.7") == Red("0.1 is less than 0.5")
    assert said("1", "2", "0.7") == Red("2 is more than 0.9")


@pytest.mark.parametrize(
    ("bounds", "key"),
    [
        ({"min": math.inf}, "min"),
        ({"max": math.nan}, "max"),
        ({"min": 1.0, "max": math.inf}, "max"),
        ({"min": 2.0, "max": 1.0}, "max"),
        ({"min": 1.0, "max": 1.0}, None),
        ({"min": 1.0}, None),
        ({"max": 1.0}, None),
    ],
    ids=str,
)
def test_bounds_within_which_is_no_number_are_refused_at_the_one_that_is_wrong(
    bounds: dict[str, Any], key: str | None
) -> None:
    one = Verification(name="x", prometheus="https://p.example.com", query="up", **bounds)
    assert why_not(one) == (key and (key, "no number is within these bounds"))


def test_an_address_is_asked_in_the_first_version_of_the_form() -> None:
    question = Question(
        verification=asked(), wave="lab", set="app", commit="c" * 40, app_sha=None, since=NOW
    )
    told = question.as_json()
    assert (told["version"], told["verification"], told["wave"]) == (1, "errors", "lab")
