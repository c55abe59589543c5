"""Verification on a real Git: by a command, a status, an address, and a real Prometheus."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.components.prometheus import METRIC, Prometheus
from tests.loop.stories import assert_rests, refs, waits_for
from tests.loop.waves import Waves, built_once, short, waves
from tests.world import git, sha_of

SOAKING = {"lab": {"targets": ["l1"]}, "shop": {"targets": ["s1"], "soak": "1h"}}
BACK = {**SOAKING, "lab": {"targets": ["l1"], "on_failure": "roll back"}}
CHECKS = 'retries = 0\nrequired = ["check"]'


@built_once
def everywhere(folder: Path, /, options: Any) -> Waves:
    """Position 1 is everywhere."""
    w = waves(folder, options, checks=CHECKS)
    w.ship(1)
    w.deploy("lab")
    w.later(hours=1)
    w.green()
    w.deploy("shop")
    return w


def soaking(folder: Path, options: Any = SOAKING, **verification: Any) -> Waves:
    """Position 1 is everywhere, and 2 is about to be deployed in lab, where it is verified."""
    w = everywhere(folder, options)
    told = {"name": "errors", "waves": ["lab"], **verification}
    lines = [f"{key} = {json.dumps(value)}" for key, value in told.items()]
    w.settings += "\n".join(["[[verifications]]", *lines]) + "\n"
    w.edit()
    w.green()
    w.ship(2)
    return w


def says(w: Waves, text: str) -> None:
    """The command prints that, from the next commit of main on."""
    git(w.clone, "fetch", "-q", str(w.bare), "main")
    git(w.clone, "reset", "-q", "--hard", "FETCH_HEAD")
    (w.clone / "verdict").write_text(text)
    w.commit("what the command says")
    w.green()


@pytest.fixture
def answering() -> Iterator[Any]:
    """A server whose answer tests set: a status and a body; it keeps what it was asked."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        answer = (200, b'{"verdict": "green"}')
        asked: list[tuple[Any, Any]]

    class Page(BaseHTTPRequestHandler):
        server: Server

        def do_POST(self) -> None:
            size = int(self.headers["Content-Length"])
            body = json.loads(self.rfile.read(size))
            self.server.asked.append((self.headers["Authorization"], body))
            status, data = self.server.answer
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    server = Server(("127.0.0.1", 0), Page)
    server.asked = []
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_metric_that_flaps_keeps_a_set_in_its_wave_until_it_stays_well(
    tmp_path: Path, metrics: Prometheus
) -> None:
    w = soaking(tmp_path, prometheus=metrics.url, query=f'{METRIC}{{wave="{{wave}}"}}', max=0.01)
    metrics.show("0.001")
    w.deploy("lab")
    for _ in range(3):
        w.later(minutes=50)
        metrics.show("0.2")
        w.turn()
        assert w.state("lab") == "failed"
        assert "errors, which is red in lab (0.2 is more than 0.01)" in w.why()
        w.later(minutes=50)
        metrics.show("0.001")
        w.turn()
        assert w.state("lab") == "deployed"
        assert w.at("shop") == 1
    w.later(minutes=60)
    w.green()
    assert w.at("shop") == 2
    assert [one["app_sha"] for one in w.journalled("refuted")] == [sha_of("app-2")] * 3
    assert_rests(w)


def test_prometheus_that_is_down_or_has_no_number_fails_nothing_and_promotes_nothing(
    tmp_path: Path, metrics: Prometheus
) -> None:
    w = soaking(tmp_path, prometheus=metrics.url, query=METRIC, max=0.01)
    w.deploy("lab")
    w.later(hours=2)
    for value, kind in ((None, "empty"), ("NaN", "not a number"), ("-Inf", "not a number")):
        metrics.show(value)
        w.turn()
        assert f"the last one was lost ({kind}" in w.why()
    metrics.stop()
    w.turn()
    assert "the last one was lost (unreachable" in w.why()
    assert w.state("lab") == "deployed"
    assert w.at("shop") == 1
    assert_rests(w)


def test_errors_divided_by_no_requests_are_red(tmp_path: Path, metrics: Prometheus) -> None:
    metrics.show("3")
    w = soaking(tmp_path, prometheus=metrics.url, query=f"{METRIC} / ({METRIC} * 0)", max=0.01)
    w.deploy("lab")
    assert "+Inf is more than 0.01" in w.why()
    assert w.state("lab") == "failed"


def test_a_query_that_prometheus_can_not_read_is_lost_and_named(
    tmp_path: Path, metrics: Prometheus
) -> None:
    w = soaking(tmp_path, prometheus=metrics.url, query="sum(", max=0.01)
    w.deploy("lab")
    assert "the last one was lost (refused: " in w.why()


@pytest.mark.parametrize(
    ("verdict", "state", "position"),
    [
        ('{"verdict": "green"}', "deployed", 2),
        ('{"verdict": "red", "reason": "slow"}', "failed", 1),
        ("Traceback (most recent call last):", "deployed", 1),
    ],
)
def test_a_command_of_the_repository_says_how_a_set_is(
    tmp_path: Path, verdict: str, state: str, position: int
) -> None:
    w = soaking(tmp_path, command="echo {wave} {set} {app_sha}; cat verdict; rm -f verdict")
    says(w, verdict)
    w.deploy("lab")
    w.later(hours=1)
    w.green()
    assert (w.state("lab"), w.at("shop")) == (state, position)


def test_a_red_set_that_was_replaced_waits_for_no_green_answer_any_more(tmp_path: Path) -> None:
    """Verifications ask about what the wave has: nobody will ever call the older set green."""
    w = soaking(tmp_path, command="cat verdict")
    says(w, '{"verdict": "red"}')
    w.deploy("lab")
    asked = w.promote("shop", "--sha", sha_of("app-2"))
    assert "errors, which is red in lab" in waits_for(asked)
    w.ship(3)
    said = waits_for(w.status())
    assert f"{short(2)} (app) for shop waits for it was replaced in lab while it was failed" in said
    assert "which is red" not in said


def test_a_command_that_fails_or_takes_too_long_is_a_lost_answer(tmp_path: Path) -> None:
    w = soaking(tmp_path, command="sh verdict", timeout="60s")
    w.deploy("lab")
    w.later(hours=1)
    for script, kind in (("exit 1", "failed"), ("sleep 600", "timeout")):
        if kind == "timeout":
            w.change_settings('timeout = "60s"', 'timeout = "1s"')
        says(w, script)
        assert f"the last one was lost ({kind}" in w.why()
        assert w.state("lab") == "deployed"
    assert w.at("shop") == 1


def test_a_status_on_the_deployed_revision_is_waited_for_however_main_moves(
    tmp_path: Path,
) -> None:
    w = soaking(tmp_path, status="smoke")
    w.deploy("lab")
    revision = w.ref("refs/heads/main") or ""
    w.later(hours=1)
    w.edit(note="2")
    w.green()
    assert "a green answer in lab from errors: the last one was lost (no verdict" in w.why()
    told = ("--context", "smoke", "--run", "1")
    assert w.run("record-check", "--sha", revision, *told, "--state", "success")["changed"]
    w.green()
    assert w.at("shop") == 2


def test_a_red_status_on_the_deployed_revision_fails_the_set(tmp_path: Path) -> None:
    w = soaking(tmp_path, BACK, status="smoke")
    w.deploy("lab")
    revision = w.ref("refs/heads/main") or ""
    w.run(
        "record-check", "--sha", revision, "--context", "smoke", "--run", "1", "--state", "failure"
    )
    w.green()
    assert w.at("lab") == 1
    [hold] = w.wave("lab")["holds"]
    assert f"{short(2)} failed on the verification errors" in hold["reason"]


def test_an_address_is_asked_about_the_set_with_the_token_that_is_for_it(
    tmp_path: Path, answering: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"http://127.0.0.1:{answering.server_address[1]}/verdict"
    tokens = (
        f"https://elsewhere.example.com Bearer other\n{url.removesuffix('/verdict')} Bearer own\n"
    )
    monkeypatch.setenv("TIDEMILL_VERIFICATION_TOKENS", tokens)
    w = soaking(tmp_path, url=url)
    w.deploy("lab")
    token, body = answering.asked[-1]
    assert token == "Bearer own"
    assert body == {
        "version": 1,
        "verification": "errors",
        "wave": "lab",
        "set": "app",
        "app_sha": sha_of("app-2"),
        "commit": w.landing_of("lab"),
        "landed_at": body["landed_at"],
        "revisions": [w.ref("refs/heads/main")],
    }
    answering.answer = (200, b'{"verdict": "red", "reason": "the cart is empty"}')
    w.turn()
    assert "which is red in lab (the cart is empty)" in w.why()
    assert "own" not in json.dumps(w.status())


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ((503, b""), "server error"),
        ((429, b""), "server error"),
        ((404, b'{"verdict": "red"}'), "refused"),
        ((302, b'{"verdict": "green"}'), "refused"),
        ((200, b"<html>"), "malformed"),
        ((200, b'{"verdict": "green", "more": "' + b"x" * (1 << 20) + b'"}'), "too large"),
        ((200, b'{"verdict": "unknown", "reason": "too few visits"}'), "no verdict"),
    ],
)
def test_what_is_no_verdict_is_lost(tmp_path: Path, answering: Any, answer: Any, kind: str) -> None:
    answering.answer = answer
    w = soaking(tmp_path, url=f"http://127.0.0.1:{answering.server_address[1]}/")
    w.deploy("lab")
    w.later(hours=1)
    w.green()
    assert f"lost ({kind}" in w.why()
    assert (w.state("lab"), w.at("shop")) == ("deployed", 1)


def test_tokens_that_are_none_stop_no_turn_and_are_not_shown(
    tmp_path: Path, answering: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIDEMILL_VERIFICATION_TOKENS", "Bearer my-token")
    w = soaking(tmp_path, url=f"http://127.0.0.1:{answering.server_address[1]}/")
    w.deploy("lab")
    w.later(hours=1)
    w.green()
    assert "lost (refused: line 1 of TIDEMILL_VERIFICATION_TOKENS is no address" in w.why()
    assert "my-token" not in json.dumps(w.status())
    assert (w.state("lab"), w.at("shop"), answering.asked) == ("deployed", 1, [])


def test_looking_asks_nobody_and_writes_nothing(tmp_path: Path, answering: Any) -> None:
    w = soaking(tmp_path, url=f"http://127.0.0.1:{answering.server_address[1]}/")
    w.deploy("lab")
    before, count = refs(w), len(answering.asked)
    w.status()
    assert (refs(w), len(answering.asked)) == (before, count)
    assert w.run("reconcile-cfg-app", "--dry-run")["changed"] is False
    assert refs(w) == before


def test_a_failure_that_on_failure_answers_with_a_hold_ends_with_a_green_answer(
    tmp_path: Path, answering: Any
) -> None:
    w = soaking(tmp_path, BACK, url=f"http://127.0.0.1:{answering.server_address[1]}/")
    w.deploy("lab")
    w.hold("shop")
    w.later(hours=1)
    w.green()
    answering.answer = (200, b'{"verdict": "red"}')
    w.turn()
    [hold] = w.wave("lab")["holds"]
    assert "it had been verified there before" in hold["reason"]
    answering.answer = (200, b'{"verdict": "green"}')
    w.turn()
    assert w.wave("lab")["holds"] == []
    assert "green again in errors" in w.journalled("released")[-1]["reason"]
