"""Debian's Prometheus, with one metric that it scrapes from this process, as often as it can."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlencode

from tests.components.daemon import Daemon, on_a_free_port, own_folder, start, surroundings
from tests.components.parts import PROMETHEUS

METRIC = "error_ratio"
SECONDS, PAUSE = 120, 0.05
SCRAPE = "100ms"


class _Exporter(ThreadingHTTPServer):
    """What is scraped: the metric with its value, or nothing."""

    daemon_threads = True
    value: str | None = None


class _Page(BaseHTTPRequestHandler):
    server: _Exporter

    def do_GET(self) -> None:
        value = self.server.value
        text = f'{METRIC}{{wave="lab"}} {value}\n' if value is not None else ""
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """It says nothing."""


@dataclass
class Prometheus:
    """A server that runs.

    Attributes:
        port: on the loopback interface.
    """

    port: int
    daemon: Daemon
    exporter: _Exporter

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        """It goes down."""
        self.daemon.stop()

    def show(self, value: str | None) -> None:
        """Let the metric have a value, or none, and wait until the server gives that."""
        self.exporter.value = value
        until = time.monotonic() + SECONDS
        while (found := self._value()) != value:
            assert time.monotonic() < until, f"{METRIC} stays {found}, and not {value}"
            time.sleep(PAUSE)

    def _value(self) -> str | None:
        result = self._query(METRIC)["data"]["result"]
        return str(result[0]["value"][1]) if result else None

    def _query(self, query: str) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("GET", f"/api/v1/query?{urlencode({'query': query})}")
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()


@contextmanager
def prometheus() -> Iterator[Prometheus]:
    """A Prometheus of one's own."""
    program = PROMETHEUS.ready() / "usr" / "bin" / "prometheus"
    exporter = _Exporter(("127.0.0.1", 0), _Page)
    threading.Thread(target=exporter.serve_forever, daemon=True).start()
    with own_folder("tm-prometheus") as folder:
        file, log = folder / "prometheus.yml", folder / "log"
        file.write_text(json.dumps(_configuration(exporter.server_address[1])))

        def on(port: int) -> Daemon:
            words = (
                f"--config.file={file}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
            )
            ready = partial(_is_ready, port)
            return start("prometheus", [program, *words], log, ready, surroundings(folder))

        port, daemon = on_a_free_port(on, log)
        try:
            yield Prometheus(port, daemon, exporter)
        finally:
            daemon.stop()
            exporter.shutdown()
            exporter.server_close()


def _configuration(port: int) -> dict[str, Any]:
    """JSON is YAML."""
    targets = [{"targets": [f"127.0.0.1:{port}"]}]
    return {
        "global": {"scrape_interval": SCRAPE, "scrape_timeout": SCRAPE},
        "scrape_configs": [{"job_name": "tests", "static_configs": targets}],
    }


def _is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/-/ready")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
