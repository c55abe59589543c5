"""What a Dockerfile's instructions say about how a container is started.

Each function changes the `config` object of an image's config (image-spec, config.md).
"""

from __future__ import annotations

import posixpath
import re
import signal
from collections.abc import Iterable, Mapping
from typing import Any

from tidemill.images.dockerfile.instructions import Healthcheck, Start
from tidemill.images.dockerfile.words import Mistake
from tidemill.words.names import shown

_SHELL = ["/bin/sh", "-c"]
_PORT = re.compile(
    r"(?:(?P<ip>.*):)?(?:(?P<host>[0-9-]*):)?(?P<first>[0-9]{1,6})(?:-(?P<last>[0-9]{1,6}))?"
    r"(?:/(?P<protocol>[a-zA-Z]*))?"
)
_NUMBER = re.compile(r"[1-9][0-9]{0,2}")
_REAL_TIME = re.compile(r"RTMIN\+[0-9]{1,2}|RTMAX-[0-9]{1,2}")
_SIGNALS = {name.removeprefix("SIG") for name in signal.Signals.__members__}
_LAST_PORT = 65535


def start(run: dict[str, Any], words: Start, *, has_command: bool) -> None:
    """CMD, ENTRYPOINT or SHELL.

    Args:
        has_command: whether the stage has had a CMD: an ENTRYPOINT takes away any other one.
    """
    text = list(words.words)
    if words.is_shell:
        text = [*(run.get("Shell") or _SHELL), *text]
    match words.keyword:
        case "CMD":
            run["Cmd"] = text
        case "SHELL":
            run["Shell"] = text
        case _:
            run["Entrypoint"] = text
            if not has_command:
                run.pop("Cmd", None)


def healthcheck(run: dict[str, Any], check: Healthcheck) -> None:
    """HEALTHCHECK."""
    run["Healthcheck"] = {"Test": list(check.test), **dict(check.times)}


def expose(run: dict[str, Any], ports: Iterable[str]) -> None:
    """EXPOSE: ports and ranges of them, tcp if nothing else is said; raises `Mistake`."""
    found = dict(run.get("ExposedPorts") or {})
    for port in ports:
        found |= {key: {} for key in _ports(port)}
    run["ExposedPorts"] = found


def volumes(run: dict[str, Any], paths: Iterable[str]) -> None:
    """VOLUME; raises `Mistake`."""
    found = dict(run.get("Volumes") or {})
    for path in paths:
        if not path:
            raise Mistake("VOLUME has an empty path")
        found[path] = {}
    run["Volumes"] = found


def labels(run: dict[str, Any], pairs: Mapping[str, str]) -> None:
    """LABEL."""
    run["Labels"] = {**(run.get("Labels") or {}), **pairs}


def stop_signal(run: dict[str, Any], text: str) -> None:
    """STOPSIGNAL: a number, or a name with or without SIG; raises `Mistake`."""
    name = text.upper().removeprefix("SIG")
    if name not in _SIGNALS and not _NUMBER.fullmatch(text) and not _REAL_TIME.fullmatch(name):
        raise Mistake(f"{shown(text)} is not a signal: write it like SIGTERM")
    run["StopSignal"] = text


def work_folder(run: dict[str, Any], path: str) -> str:
    """WORKDIR; returns the folder, absolute and clean, without a slash at either end."""
    # An absolute path is written as it is, a relative one joined: so do the engines.
    absolute = path if path.startswith("/") else in_work_folder(run, path)
    run["WorkingDir"] = absolute
    return posixpath.normpath(absolute).strip("/")


def in_work_folder(run: Mapping[str, Any], path: str) -> str:
    """An absolute path for a relative one."""
    joined = posixpath.normpath(posixpath.join("/", run.get("WorkingDir") or "/", path))
    return f"/{joined.lstrip('/')}"


def _ports(text: str) -> list[str]:
    found = _PORT.fullmatch(text)
    if not found:
        raise Mistake(f"{shown(text)} is not a port: write it like 8080, 8000-8010 or 53/udp")
    protocol = (found["protocol"] or "tcp").lower()
    first, last = int(found["first"]), int(found["last"] or found["first"])
    if protocol not in ("tcp", "udp", "sctp") or not first <= last <= _LAST_PORT:
        raise Mistake(f"{shown(text)} is not a port: write it like 8080, 8000-8010 or 53/udp")
    return [f"{port}/{protocol}" for port in range(first, last + 1)]
