"""Addresses that are asked how something is: once each, all at the same time, within a limit."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

from tidemill.clients.http.client import Answer, Call, Http, origin
from tidemill.clients.http.trouble import Trouble
from tidemill.clients.machine.beside import Beside, Late
from tidemill.errors import Refused, TimeLimit
from tidemill.words.variables import TOKENS

LARGEST = 1 << 20  # bytes of an answer; of a larger one that much and a byte more is read
_LEAST_SECRET = 6  # characters: what is shorter may be part of anything


class Asked:
    """A question that is on its way.

    Redirects are not followed, for the token is for one server. Where that says it in its answer,
    it is left out there: what is answered may be kept.
    """

    def __init__(
        self, call: Call, seconds: float, environment: Mapping[str, str] = os.environ
    ) -> None:
        self._call, self._seconds, self._environment = call, seconds, environment
        self._token = tokens_in(environment.get(TOKENS, "")).get(origin(call.url))
        self._work = Beside(self._ask, seconds)

    def answer(self) -> Answer:
        """What was answered; raise `TidemillError` where nothing was."""
        late = TimeLimit(f"no answer within {self._seconds:g} s", remedy="see how the server does")
        try:
            return self._work.result()
        except Late:
            raise late from None
        except Trouble as trouble:
            is_late = time.monotonic() >= self._work.until
            raise (late if is_late else trouble.error) from None

    def _ask(self) -> Answer:
        http, call = Http(self._environment, seconds=self._seconds), self._call
        with http.stream(call, self._token, passing=()) as response:
            data = without(self._token, response.start(LARGEST + 1))
            return Answer(response.status, response.headers, data, call.url)


def without(token: str | None, data: bytes) -> bytes:
    """What was answered, where it does not have the secret part of a header `Authorization`, nor in
    the way of those who escape more of JSON than they have to, such as each `/`."""
    secret = (token or "").rpartition(" ")[2]
    if len(secret) < _LEAST_SECRET:
        return data
    form = "".join(rf"(?:\\?{re.escape(one)}|\\u(?i:{ord(one):04x}))" for one in secret)
    return re.sub(form.encode(), b"***", data)


def tokens_in(text: str) -> dict[str, str]:
    """By origin the header `Authorization`: a line each, such as `https://example.com Bearer x`.

    So whoever edits the settings can't send a token anywhere else than where it belongs.

    Raises:
        Refused: a line is not of that form. It is not shown.
    """
    tokens = {}
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
        tokens[found] = token.strip()
    return tokens
