"""Addresses that are asked: within a limit however they answer, each with its own token."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tidemill.clients.http.client import Call, origin
from tidemill.clients.http.verdicts import Asked, tokens_in, without
from tidemill.errors import Refused, TimeLimit, Unreachable
from tidemill.words.variables import TOKENS

OPEN: dict[str, str] = {"no_proxy": "*"}


@pytest.fixture
def server() -> Iterator[Any]:
    """A server whose paths are ways to answer badly."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        over = threading.Event()
        tokens: list[str | None]

    class Page(BaseHTTPRequestHandler):
        server: Server

        def do_GET(self) -> None:
            self.server.tokens.append(self.headers["Authorization"])
            match self.path:
                case "/silent":
                    self.server.over.wait(600)
                case "/drip":
                    self.send_response(200)
                    self.send_header("Content-Length", "1000")
                    self.end_headers()
                    while not self.server.over.wait(0.2):
                        self.wfile.write(b" ")
                case "/echo":
                    said = f'{{"reason": "{self.headers["Authorization"]}"}}'.encode()
                    self.send_response(200)
                    self.send_header("Content-Length", str(len(said)))
                    self.end_headers()
                    self.wfile.write(said)
                case "/away":
                    self.send_response(302)
                    self.send_header("Location", "http://elsewhere.invalid/")
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                case _:
                    self.send_response(200)
                    self.send_header("Content-Length", "2")
                    self.end_headers()
                    self.wfile.write(b"{}")

        def handle(self) -> None:
            with suppress(OSError):
                super().handle()

        def log_message(self, *_: object) -> None:
            pass

    server = Server(("127.0.0.1", 0), Page)
    server.over.clear()
    server.tokens = []
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.over.set()
    server.shutdown()
    server.server_close()


def address(server: Any, path: str) -> str:
    return f"http://127.0.0.1:{server.server_address[1]}{path}"


def test_an_answer_is_given_whole(server: Any) -> None:
    found = Asked(Call("GET", address(server, "/")), 10, OPEN).answer()
    assert (found.status, found.body) == (200, b"{}")


@pytest.mark.parametrize(
    ("token", "said"), [("Bearer my-secret", b"Bearer ***"), ("my-secret", b"***"), ("t k", b"t k")]
)
def test_a_token_that_a_server_repeats_is_left_out(server: Any, token: str, said: bytes) -> None:
    known = {**OPEN, TOKENS: f"{address(server, '')} {token}"}
    found = Asked(Call("GET", address(server, "/echo")), 10, known).answer()
    assert found.body == b'{"reason": "' + said + b'"}'


def test_a_token_is_left_out_however_its_characters_are_escaped() -> None:
    secret = "YWRhOnMvZWM+cmV0Lw=="
    for text in (
        secret.replace("+", "\\u002b").replace("=", "\\u003D"),
        secret.replace("/", "\\/"),
        "".join(f"\\u{ord(one):04x}" for one in secret),
    ):
        said = f'{{"reason": "{text} is no user"}}'.encode()
        assert json.loads(said) == {"reason": f"{secret} is no user"}
        assert without(f"Basic {secret}", said) == b'{"reason": "*** is no user"}'


@pytest.mark.parametrize("path", ["/silent", "/drip"])
def test_there_is_a_limit_however_slowly_a_server_speaks(server: Any, path: str) -> None:
    begun = time.monotonic()
    with pytest.raises(TimeLimit, match="no answer within 1 s"):
        Asked(Call("GET", address(server, path)), 1, OPEN).answer()
    assert time.monotonic() - begun < 60


def test_many_are_asked_at_the_same_time(server: Any) -> None:
    begun = time.monotonic()
    asked = [Asked(Call("GET", address(server, "/silent")), 3, OPEN) for _ in range(20)]
    for one in asked:
        with pytest.raises(TimeLimit):
            one.answer()
    assert time.monotonic() - begun < 40, "one after the other, they take 60 s"


def test_a_server_that_is_not_there_can_not_be_reached() -> None:
    with pytest.raises(Unreachable, match="can't be connected to"):
        Asked(Call("GET", "http://127.0.0.1:1/"), 10, OPEN).answer()


def test_a_token_goes_to_its_own_server_alone_and_follows_no_redirect(server: Any) -> None:
    own = address(server, "")
    told = {**OPEN, TOKENS: f"{own} Bearer own\nhttp://elsewhere.invalid Bearer other\n"}
    assert Asked(Call("GET", address(server, "/away")), 10, told).answer().status == 302
    assert Asked(Call("GET", address(server, "/")), 10, OPEN).answer().status == 200
    assert server.tokens == ["Bearer own", None]


def test_tokens_are_by_origin() -> None:
    text = "\n https://a.example.com Bearer x y \nhttps://b.example.com:8443/ Basic eA==\n\n"
    assert tokens_in(text) == {
        "https://a.example.com:443": "Bearer x y",
        "https://b.example.com:8443": "Basic eA==",
    }
    assert origin("https://A.example.com/api?x=y") == "https://a.example.com:443"


@pytest.mark.parametrize(
    "line",
    [
        "https://a.example.com",
        "Bearer secret",
        "a.example.com Bearer secret",
        "https://a.example.com/path Bearer secret",
        "https://a.example.com:port Bearer secret",
        "https:// Bearer secret",
    ],
)
def test_a_line_that_says_not_where_a_token_goes_is_refused_and_not_shown(line: str) -> None:
    with pytest.raises(Refused) as caught:
        tokens_in(f"https://b.example.com Bearer x\n{line}")
    assert f"line 2 of {TOKENS}" in caught.value.what
    assert "secret" not in f"{caught.value.what} {caught.value.remedy}"
