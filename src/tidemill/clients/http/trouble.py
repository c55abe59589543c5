"""What goes wrong between us and an HTTP server, what of it may pass, and how long we wait.

Nothing here shows an address beyond host and port: the rest of one may be a signed secret.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from tidemill.errors import Refused, ServerRefused, TidemillError, Unreachable
from tidemill.words.json_types import learnt
from tidemill.words.names import shown
from tidemill.words.unreadable import UNREADABLE

# Too many requests, and what servers and what stands before them say of a bad moment.
PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
TRIES = 6
TRIES_TO_CONNECT = 3
LONGEST = 60.0
_LONGEST_PAUSE = 20.0
_T = TypeVar("_T")


class Trouble(Exception):
    """A request failed in a way that may pass.

    Args:
        error: what to raise when it does not.
        after: seconds to wait, where the server said so.
        tries: how often the request is tried in all.
        is_tls: whether there is no common TLS, or no trust in it.
        why: what to say of it before each pause; what the error says, if None.
    """

    def __init__(
        self,
        error: TidemillError,
        *,
        after: float | None = None,
        tries: int = TRIES,
        is_tls: bool = False,
        why: str | None = None,
    ) -> None:
        super().__init__(error.what)
        self.error = error
        self.after = after
        self.tries = tries
        self.is_tls = is_tls
        self.why = why or error.what


@dataclass
class Patience:
    """How long one request is tried: a number of times, and with a limit for all pauses together.

    Pauses grow, with chance in them, so that runs that failed together do not come back together.

    Args:
        pause: waits for some seconds; `chance` gives a number from 0 to 1.
        progress: is given one line about each pause.
        longest: seconds that all pauses may last.
    """

    pause: Callable[[float], None]
    chance: Callable[[], float]
    progress: Callable[[str], None]
    longest: float = LONGEST
    tried: int = field(default=0, init=False)
    waited: float = field(default=0.0, init=False)

    def answer(self, ask: Callable[[], _T]) -> _T:
        """Ask until there is an answer; raise the trouble's error if there is to be none."""
        while True:
            try:
                return ask()
            except Trouble as trouble:
                self.wait(trouble)

    def wait(self, trouble: Trouble) -> None:
        """Wait before the next try; raise the trouble's error if there is to be none."""
        self.tried += 1
        growing = min(2.0**self.tried / 2, _LONGEST_PAUSE) * (0.5 + self.chance() / 2)
        seconds = max(trouble.after, 0.0) if trouble.after is not None else growing
        if self.tried >= trouble.tries or self.waited + seconds > self.longest:
            raise trouble.error from None
        self.waited += seconds
        self.progress(f"{trouble.why}; trying again in {round(seconds, 1):g} s")
        self.pause(seconds)


def asked_to_wait(headers: Mapping[str, str]) -> float | None:
    """Seconds that a Retry-After asks for, as a number or as a date (RFC 9110, 10.2.3).

    A date counts from the server's own clock, or says nothing.
    """
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdecimal() and len(text) < 10:
        return float(text)
    from email.utils import parsedate_to_datetime  # which few answers need

    try:
        until, now = parsedate_to_datetime(text), parsedate_to_datetime(headers.get("Date", ""))
        return max(0.0, (until - now).total_seconds())
    except (TypeError, ValueError, OverflowError):
        return None


def unwell(host: str, status: int, said: str, headers: Mapping[str, str]) -> Trouble:
    """The server answered with a status that passes."""
    asked = asked_to_wait(headers)
    wish = f", and asks for a pause of {asked:.0f} s" if asked is not None else ""
    return Trouble(
        Unreachable(
            f"{host} answered {status}{said}{wish}",
            remedy="try again later; what was sent already is not sent again",
        ),
        after=asked,
    )


class _Error(msgspec.Struct):
    code: str = ""
    message: str = ""


class _Errors(msgspec.Struct):
    errors: tuple[_Error, ...]


def said_in(body: bytes) -> str:
    """What a registry says in an error's body (distribution-spec, "Error Codes"), in brackets."""
    try:
        found = msgspec.json.decode(body, type=learnt(_Errors))
    except UNREADABLE:
        return ""
    said = [" ".join(filter(None, (error.code, error.message))) for error in found.errors[:3]]
    return f" ({'; '.join(shown(text)[1:-1] for text in said if text)})" if any(said) else ""


def failed(host: str, error: Exception, seconds: float) -> Trouble:
    """A request got no answer, or not all of one; `seconds` is how long it could have taken."""
    from urllib3 import exceptions

    match error:
        case exceptions.ProxyError(original_error=original):
            why = f"the proxy before {host} failed: {_reason(original)}"
            return _unreachable(why, "see HTTPS_PROXY and NO_PROXY", TRIES_TO_CONNECT)
        case exceptions.NameResolutionError():
            why = f"the name of {host} can't be resolved"
            return _unreachable(why, "mend the name, or the network's DNS", TRIES_TO_CONNECT)
        case exceptions.NewConnectionError():
            why = f"{host} can't be connected to: {_reason(error)}"
            return _unreachable(why, "see that it runs, and that it may be reached from here", 3)
        case exceptions.ConnectTimeoutError():
            why = f"{host} did not take a connection in time"
            return _unreachable(why, "see that it runs, and that it may be reached from here", 2)
        case exceptions.ReadTimeoutError() | TimeoutError():
            why = f"{host} did not go on within {seconds:g} s"
            return _unreachable(why, "try again; if it stays so, see how it does", 2)
        case exceptions.SSLError():
            return Trouble(_tls(host, error), tries=1, is_tls=True)
        case ValueError():
            refused = Refused(
                f"an address at {host} can't be used",
                remedy="see how it is written, and how proxies are",
            )
            return Trouble(refused, tries=1)
        case _:
            why = f"{host} broke the connection off"
            return _unreachable(
                why, "try again; if it stays so, see the log of the registry", TRIES
            )


def _unreachable(why: str, remedy: str, tries: int) -> Trouble:
    return Trouble(Unreachable(why, remedy=remedy), tries=tries)


def _reason(error: BaseException | None) -> str:
    """The system's own words for it, if there are any: the rest may show more than a host."""
    from ssl import SSLError  # which only trouble, and the first connection, need

    while error is not None:
        if isinstance(error, OSError) and error.strerror and not isinstance(error, SSLError):
            return error.strerror
        error = error.__cause__ or error.__context__
    return "no connection"


def _tls(host: str, error: BaseException) -> TidemillError:
    import ssl

    found: object = error
    while isinstance(found, Exception) and not isinstance(found, ssl.SSLError) and found.args:
        found = found.args[0]
    if isinstance(found, ssl.SSLCertVerificationError):
        return ServerRefused(
            f"the certificate of {host} can't be trusted: {shown(found.verify_message)}",
            remedy="let SSL_CERT_FILE name the file with the authority that signed it",
        )
    why = shown(found.reason) if isinstance(found, ssl.SSLError) and found.reason else "no TLS"
    return ServerRefused(
        f"{host} could not be spoken to over TLS: {why}",
        remedy="see that it is the right port, and one that speaks TLS",
    )
