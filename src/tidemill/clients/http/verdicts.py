"""Addresses that are asked how something is: once each, all at the same time, within a limit."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from tidemill.clients.http.client import Answer, Call, Http
from tidemill.clients.http.trouble import Trouble
from tidemill.errors import Refused, TidemillError, TimeLimit
from tidemill.words.variables import TOKENS

LARGEST = 1 << 20


class Asked:
    """A question that is on its way.

    A server that says a little all the time keeps within the limit of each read. So the whole has
    that limit, too. What goes on after that is nobody's concern, and ends with this process.
    Redirects are not followed, for the token is for one server.
    """

    def __init__(
        self, call: Call, seconds: float, environment: Mapping[str, str] = os.environ
    ) -> None:
        self._call, self._seconds, self._environment = call, seconds, environment
        self._token = tokens_in(environment.get(TOKENS, "")).get(origin(call.url))
        self._answer: Answer | TidemillError = TimeLimit(
            f"no answer within {seconds:g} s", remedy="see how the server does"
        )
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._until = time.monotonic() + seconds
        self._thread.start()

    def answer(self) -> Answer:
        """What was answered; raise `TidemillError` where nothing was."""
        self._thread.join(max(0.0, self._until - time.monotonic()))
        found = self._answer
        if isinstance(found, TidemillError):
            raise found
        return found

    def _run(self) -> None:
        http, call = Http(self._environment, seconds=self._seconds), self._call
        try:
            with http.stream(call, self._token, passing=()) as response:
                data = response.start(LARGEST)
                self._answer = Answer(response.status, response.headers, data, call.url)
        except Trouble as trouble:
            if time.monotonic() < self._until:
                self._answer = trouble.error
        except TidemillError as error:
            self._answer = error


def tokens_in(text: str) -> dict[str, str]:
    """By origin the header `Authorization`: a line each, such as `https://example.com Bearer x`.

    So whoever edits the settings can't send a token anywhere else than where it belongs.

    Raises:
        Refused: a line is not of that form. It is not shown.
    """
    return dict(_tokens(text))


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        where, _, token = line.strip().partition(" ")
        if not where:
            continue
        try:
            found = origin(where)
        except ValueError:
            found = ""
        if not found or not token.strip() or urlsplit(where).path.strip("/"):
            raise Refused(
                f"line {number} of {TOKENS} is no address with a header",
                remedy="write each line like: https://prometheus.example.com Bearer TOKEN",
            )
        yield found, token.strip()


def origin(url: str) -> str:
    """The scheme, host and port of an address; empty for what is none."""
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    return f"{parts.scheme}://{parts.hostname}:{port}" if parts.hostname and port else ""
