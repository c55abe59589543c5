"""A receiver of signals on loopback: it counts, fails, is slow, and may kill who sends."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class ReceiverServer:
    """The server, and what came.

    Attributes:
        statuses: what it answers, one after the other, and then for ever 200.
        seconds: how long it takes to answer.
        before, after: done before a request is read, and when it was read and not answered.
    """

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    seconds: float = 0.0
    before: Callable[[], None] = lambda: None
    after: Callable[[], None] = lambda: None
    came: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    tries: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def told(self) -> list[tuple[str, str]]:
        """What it has taken: state, and what it is about."""
        return [(one["state"], one["what"]) for one in self.came]


@contextmanager
def receiving() -> Iterator[ReceiverServer]:
    """A server of one's own, from its start to its end."""
    known = ReceiverServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            known.before()
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with known.lock:
                known.tries += 1
                status = known.statuses.pop(0) if known.statuses else 200
                if status == 200:
                    known.came.append(body)
                    known.keys.append(self.headers["Idempotency-Key"])
            known.after()
            known.over.wait(known.seconds)
            self.send_response(status)
            if status in (301, 302, 307, 308):
                self.send_header("Location", f"{known.url}/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def handle(self) -> None:
            with suppress(OSError):  # whoever sent was killed, or does not wait any more
                super().handle()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    known.url = f"http://127.0.0.1:{server.server_port}/hook/s3cr3t"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield known
    finally:
        known.over.set()
        server.shutdown()
        thread.join()
        server.server_close()
