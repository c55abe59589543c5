"""Registries: Debian's docker-registry, each with a folder and a port of its own."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from tests.components.absence import Missing, absent
from tests.components.daemon import Daemon, on_a_free_port, own_folder, start, surroundings
from tests.components.parts import DEBIAN_12
from tests.components.shapes import Registry, StartRegistry

# The registry knows only bcrypt, and Python's library has none: a pair made once.
USER, PASSWORD = "ada", "open sesame"
HTPASSWD = f"{USER}:$2y$05$abcdefghijklmnopqrstuupx2xBUC4954936wVIjyyPHmUBFu0wCW\n"


@contextmanager
def registries() -> Iterator[StartRegistry]:
    """Starts registries, and in the end stops all of them."""
    DEBIAN_12.ready()
    with ExitStack() as stack:

        def start_registry(overrides: Mapping[str, object] | None = None) -> Registry:
            try:
                return stack.enter_context(_registry(overrides or {}))
            except Missing as missing:
                absent(missing)

        yield start_registry


@contextmanager
def basic(start_registry: StartRegistry) -> Iterator[Registry]:
    """A registry that asks for USER and PASSWORD."""
    with own_folder("tm-htpasswd") as folder:
        file = folder / "htpasswd"
        file.write_text(HTPASSWD)
        started = start_registry({"auth": {"htpasswd": {"realm": "tests", "path": str(file)}}})
        yield Registry(**{**vars(started), "user": USER, "password": PASSWORD})


@contextmanager
def _registry(overrides: Mapping[str, object]) -> Iterator[Registry]:
    program = DEBIAN_12.ready() / "usr" / "bin" / "docker-registry"
    with own_folder("tm-registry") as folder:
        file, log, storage = folder / "config.yml", folder / "log", folder / "storage"

        def on(port: int) -> Daemon:
            settings = _merged(_configuration(f"127.0.0.1:{port}", storage), overrides)
            file.write_text(json.dumps(settings))
            command = [program, "serve", file]
            answers = partial(_answers, port)
            return start("docker-registry", command, log, answers, surroundings(folder))

        port, daemon = on_a_free_port(on, log)
        try:
            yield Registry(f"127.0.0.1:{port}", folder, storage, log, daemon.stop)
        finally:
            daemon.stop()


def _configuration(host: str, storage: Path) -> dict[str, Any]:
    return {
        "version": "0.1",
        "log": {"level": "info", "accesslog": {"disabled": False}},
        "storage": {
            "filesystem": {"rootdirectory": str(storage)},
            "delete": {"enabled": True},
            "maintenance": {"uploadpurging": {"enabled": False}},
        },
        "http": {"addr": host, "secret": "of these tests"},
    }


def _merged(settings: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(settings)
    for name, value in overrides.items():
        old = merged.get(name)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        merged[name] = _merged(old, value) if both else value  # type: ignore[arg-type]
    return merged


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/v2/")
        return bool(connection.getresponse().status)
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
