"""HTTP with time limits, patience and proxies.

Redirects and credentials are not its business: whoever follows an address knows whom to trust.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Collection, Generator, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from msgspec import Struct, field

from tidemill.clients.http.proxies import PORTS, proxy_for
from tidemill.clients.http.trouble import LONGEST, PASSING, Patience, failed, said_in, unwell
from tidemill.errors import Refused
from tidemill.images.image_store import LARGEST_DOCUMENT, PIECE, quiet

if TYPE_CHECKING:
    import ssl

    from urllib3 import BaseHTTPResponse, PoolManager

CONNECT_SECONDS = 15.0
READ_SECONDS = 60.0
_SLOW = 5
MOST_OF_AN_ERROR = 8192
REDIRECTS = frozenset({301, 302, 303, 307, 308})
_CONNECTIONS = 16


class Body(Struct, frozen=True):
    """What is sent with a request: `size` bytes, which `pieces` gives from the start each time."""

    size: int
    pieces: Callable[[], Iterator[bytes]]

    @classmethod
    def of(cls, data: bytes) -> Body:
        return cls(len(data), lambda: iter((data,)))


class Tls(Struct, frozen=True):
    """Files with authorities that are trusted besides all others, and our certificate and key."""

    authorities: tuple[str, ...] = ()
    own: tuple[str, str] | None = None


class Call(Struct, frozen=True):
    """One request; `is_slow` if the server has much to do before it answers. No secret in it."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Body | None = None
    is_slow: bool = False


class Answer(Struct, frozen=True):
    """A whole answer; `url` is where it came from in the end."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str

    @property
    def is_fine(self) -> bool:
        """Whether what was asked for was done."""
        return 200 <= self.status < 300


class Http:
    """Connections to any number of servers, to be used by any number of threads.

    Args:
        environment: where the proxies are named, and who we are.
        seconds: how long a server may say nothing; where it has much to do, five times that.
        pause: waits for some seconds; `chance` gives a number from 0 to 1.
        progress: is given one line about each retry.
    """

    def __init__(
        self,
        environment: Mapping[str, str] = os.environ,
        *,
        seconds: float = READ_SECONDS,
        pause: Callable[[float], None] = time.sleep,
        chance: Callable[[], float] = random.random,
        progress: Callable[[str], None] = quiet,
    ) -> None:
        self.environment = environment
        self._seconds = seconds
        self._pause = pause
        self._chance = chance
        self._progress = progress
        self._lock = threading.Lock()
        self._pools: dict[tuple[str, str | None, Tls], PoolManager] = {}
        self.tls = Tls()

    def trusting(self, tls: Tls) -> Http:
        """The same connections, for servers of whom more is known."""
        other = copy(self)
        other.tls = tls
        return other

    def patience(self, longest: float = LONGEST) -> Patience:
        return Patience(self._pause, self._chance, self._progress, longest)

    @contextmanager
    def stream(
        self,
        call: Call,
        authorization: str | None = None,
        passing: Collection[int] = PASSING,
    ) -> Iterator[Response]:
        """Ask once; the answer's body is read meanwhile.

        Args:
            passing: the statuses that are no answer, as they pass.

        Raises:
            Trouble: no answer, one of the statuses that pass, or its body broke off.
        """
        host = host_of(call.url)
        headers = {"User-Agent": "tidemill", "Accept-Encoding": "identity", **call.headers}
        if authorization:
            headers["Authorization"] = authorization
        body = _WholeBody(call.body) if call.body else None
        if body:
            headers["Content-Length"] = str(body.size)
        response = self._open(call, host, headers, body)
        try:
            answer = Response(response, call.url, self._limit(call))
            if answer.status in passing:
                said = said_in(answer.start(MOST_OF_AN_ERROR))
                raise unwell(host, answer.status, said, answer.headers)
            yield answer
        finally:
            # What was not read to its end would hold the connection, or come in for nobody.
            if response.closed:
                response.release_conn()
            else:
                response.close()

    def _open(
        self, call: Call, host: str, headers: Mapping[str, str], body: _WholeBody | None
    ) -> BaseHTTPResponse:
        from urllib3 import Timeout
        from urllib3.exceptions import HTTPError

        sent = iter(body) if body else None
        try:
            response = self._pool(call.url).urlopen(
                call.method,
                call.url,
                headers=headers,
                body=sent,
                redirect=False,
                retries=False,
                preload_content=False,
                decode_content=False,
                timeout=Timeout(connect=CONNECT_SECONDS, read=self._limit(call)),
            )
        except (HTTPError, OSError, ValueError) as error:
            if body and body.failure:
                raise body.failure from None
            raise failed(host, error, self._limit(call)) from None
        finally:
            if sent:
                sent.close()  # a file that was not read to its end
        if body and body.failure:
            response.close()
            raise body.failure
        return response

    def _limit(self, call: Call) -> float:
        return self._seconds * (_SLOW if call.is_slow else 1)

    def _pool(self, url: str) -> PoolManager:
        import urllib3

        parts = urlsplit(url)
        proxy = proxy_for(parts.scheme, parts.hostname or "", parts.port, self.environment)
        with self._lock:
            key = (parts.scheme, proxy, self.tls)
            if key not in self._pools:
                # The system's authorities, or those that SSL_CERT_FILE names: slow to load.
                trusted = self._trusted() if parts.scheme == "https" else None
                self._pools[key] = (
                    urllib3.PoolManager(maxsize=_CONNECTIONS, ssl_context=trusted)
                    if proxy is None
                    else urllib3.ProxyManager(
                        proxy,
                        proxy_headers=_proxy_headers(proxy),
                        maxsize=_CONNECTIONS,
                        ssl_context=trusted,
                    )
                )
            return self._pools[key]

    def _trusted(self) -> ssl.SSLContext:
        import ssl

        file = self.environment.get("SSL_CERT_FILE")
        folder = self.environment.get("SSL_CERT_DIR")
        remedy = "let SSL_CERT_FILE name a file of certificates, or take it away"
        try:
            context = ssl.create_default_context(cafile=file or None, capath=folder or None)
            remedy = "let it be a file of certificates in PEM, or take it away"
            for file in self.tls.authorities:
                context.load_verify_locations(file)
            if self.tls.own:
                file = self.tls.own[0]
                context.load_cert_chain(*self.tls.own)
        except OSError as error:
            raise Refused(
                f"the certificates in {file} can't be read: {error.strerror or error}",
                remedy=remedy,
            ) from None
        return context


class Response:
    """An answer whose body is still to be read."""

    def __init__(self, response: BaseHTTPResponse, url: str, seconds: float) -> None:
        self._response = response
        self._host = host_of(url)
        self._seconds = seconds
        self.url = url
        self.status = response.status
        self.headers: Mapping[str, str] = response.headers

    def pieces(self) -> Iterator[bytes]:
        """The body, at most 1 MiB at a time; raises `Trouble` where it breaks off."""
        while piece := self._read(PIECE):
            yield piece

    def answer(self) -> Answer:
        """All of it, read to its end; raise as `whole` does."""
        return Answer(self.status, self.headers, self.whole(), self.url)

    def whole(self) -> bytes:
        """The body of a document; raise `Refused` if it has more than 4 MiB."""
        data = self.start(LARGEST_DOCUMENT + 1)
        if len(data) > LARGEST_DOCUMENT:
            raise Refused(
                f"{self._host} sent a document of more than {LARGEST_DOCUMENT} bytes",
                remedy="see whether this is a registry, and the image one that can be used",
            )
        return data

    def start(self, most: int) -> bytes:
        """The first bytes of the body, and no more of it than that."""
        data = bytearray()
        while piece := self._read(most - len(data)):
            data += piece
        return bytes(data)

    def _read(self, most: int) -> bytes:
        from urllib3.exceptions import HTTPError

        try:
            return self._response.read(most) if most else b""
        except (HTTPError, OSError) as error:
            raise failed(self._host, error, self._seconds) from None


class _WholeBody:
    """A body on its way, of exactly the size that was said.

    Its source's own errors must not be taken for the network's: they are kept.
    """

    def __init__(self, body: Body) -> None:
        self._body = body
        self.size = body.size
        self.failure: Exception | None = None

    def __iter__(self) -> Generator[bytes]:
        left = self.size
        try:
            for piece in self._body.pieces():
                left -= len(piece)
                if left < 0:
                    break
                yield piece
            if left:
                raise wrong_size(self.size)
        except Exception as error:
            self.failure = error
            raise


def wrong_size(size: int) -> Refused:
    """What was to be sent is not of the size that was said."""
    return Refused(
        f"a blob of {size} bytes has another size where it comes from",
        remedy="build or copy the image again",
    )


def host_of(url: str) -> str:
    """Host and port of an address, as people may see it: without a user, path or query."""
    return urlsplit(url).netloc.rpartition("@")[2] or "nowhere"


def origin(url: str) -> str:
    """The scheme, host and port of an address; empty for what is none."""
    parts = urlsplit(url)
    port = parts.port or PORTS.get(parts.scheme)
    return f"{parts.scheme}://{parts.hostname}:{port}" if parts.hostname and port else ""


def _proxy_headers(proxy: str) -> Mapping[str, str]:
    """The credentials that the proxy's address may hold, as the header that the proxy wants."""
    from urllib3.util import make_headers

    parts = urlsplit(proxy)
    if parts.username is None:
        return {}
    return make_headers(
        proxy_basic_auth=f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    )
