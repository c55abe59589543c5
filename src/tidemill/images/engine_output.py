"""What an engine says while it builds, and what is made of it when it fails."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable

from tidemill.errors import EntryPointFailed, Refused, TidemillError, Unreachable
from tidemill.images.build import Say

_LAST = 20
_WIDTH = 500
_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_NO_ENGINE = (
    *("cannot connect to the docker daemon", "connection refused", "no such host", "no builder"),
    *("failed to dial", "error while dialing", "failed to find any drivers", "no valid drivers"),
    *("connection reset by peer", "transport is closing", "permission denied while trying"),
)
_NO_EXPORTER = ("exporter is not supported for the docker driver", "switch to a different driver")
_DISK_FULL = ("no space left on device", "disk quota exceeded")
START_A_BUILDER = (
    "use docker/setup-buildx-action in a workflow, `docker buildx create --use` elsewhere, "
    "or `--engine classic`"
)


class Output:
    """The lines of one build: each is passed on as it comes, the last ones are kept."""

    def __init__(self, name: str, say: Say) -> None:
        self._name = name
        self._say = say
        self._last: deque[str] = deque(maxlen=_LAST)

    def take(self, lines: Iterable[str]) -> None:
        """Pass lines on, as plain text without what would move a terminal."""
        for line in lines:
            for part in re.split(r"[\r\n]+", _COLOURS.sub("", line)):
                plain = "".join(c if c.isprintable() else " " for c in part).rstrip()[:_WIDTH]
                if plain:
                    self._last.append(plain)
                    self._say(f"{self._name}: {plain}")

    def failed(self, how: str) -> TidemillError:
        """The error for a build that failed, by what the engine said last."""
        said = "\n".join(self._last)
        what = f"the image {self._name} was not built: {how}\n{said}".rstrip()
        lower = f"{how}\n{said}".lower()
        if any(sign in lower for sign in _NO_EXPORTER):
            return Refused(
                f"this builder can't write an image to a folder, so {self._name} was not built",
                remedy=START_A_BUILDER,
            )
        if any(sign in lower for sign in _DISK_FULL):
            return Refused(what, remedy="make room on the disk of the engine, and build again")
        if any(sign in lower for sign in _NO_ENGINE):
            return Unreachable(
                what, remedy="start the engine, or see DOCKER_HOST, the Docker context and --builder"
            )
        return EntryPointFailed(what, remedy="mend the Dockerfile, or what it copies or runs")
