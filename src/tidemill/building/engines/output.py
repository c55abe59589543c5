"""What an engine says while it builds, and the error that is made of it when it fails."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable

from tidemill.errors import EntryPointFailed, Refused, ServerRefused, TidemillError, Unreachable
from tidemill.images.build import Say

_LAST = 20
_WIDTH = 500
_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_ERROR = re.compile(r"error\b", re.IGNORECASE)
_MEND = "mend the Dockerfile, or what it copies or runs"
_DISK_FULL = ("no space left on device", "disk quota exceeded")
# In the errors of engines and clients of many releases, in lower case. The first one found counts.
_MEANINGS: tuple[tuple[tuple[str, ...], type[TidemillError], str], ...] = (
    # What commands it may name, and what they are about, says nothing of the engine.
    (("did not complete successfully", "returned a non-zero code"), EntryPointFailed, _MEND),
    (
        ("exporter is not supported for the docker driver", "switch to a different driver"),
        Refused,
        "use docker/setup-buildx-action in a workflow, `docker buildx create --use` elsewhere, "
        "or `--engine classic`",
    ),
    (
        ("empty export",),
        Refused,
        "copy a file into the image, or use another engine: this one can't hand over an empty one",
    ),
    (
        ("requires buildkit", "with buildkit enabled", "unknown flag: "),
        Refused,
        "use `--engine buildkit`",
    ),
    (
        ("failed to do request", 'get "http'),
        Unreachable,
        "can the engine reach the registry? see its network, and its proxy",
    ),
    (
        ("source metadata", "pull access denied", "manifest unknown", "resolve reference"),
        ServerRefused,
        "is the image there, and may this machine read it? `docker login` gives it the right",
    ),
    (("failed to solve",), EntryPointFailed, _MEND),  # the engine did answer
    (
        (
            *("cannot connect to the docker daemon", "connection refused", "no such host"),
            *("failed to dial", "error while dialing", "connection reset by peer", "no builder"),
            *("failed to find driver", "no valid drivers", "permission denied while trying"),
            "context deadline exceeded",
        ),
        Unreachable,
        "start the engine, or see DOCKER_HOST, the Docker context and `docker buildx ls`",
    ),
)


class Output:
    """The lines of one build: each is passed on as it comes, the last ones are kept."""

    def __init__(self, name: str, say: Say) -> None:
        self.name = name
        self._say = say
        self._last: deque[str] = deque(maxlen=_LAST)

    def take(self, lines: Iterable[str]) -> None:
        """Pass lines on, as plain text without what would move a terminal."""
        for line in lines:
            for part in re.split(r"[\r\n]+", _COLOURS.sub("", line)):
                plain = "".join(c if c.isprintable() else " " for c in part).rstrip()[:_WIDTH]
                if plain:
                    self._last.append(plain)
                    self._say(f"{self.name}: {plain}")

    def failed(self, how: str) -> TidemillError:
        """The error for a build that failed.

        Only lines that the engine calls errors say what kind it is: a command of the Dockerfile may
        print anything.
        """
        what = "\n".join((f"{self.name} was not built: {how}", *self._last))
        if any(sign in what.lower() for sign in _DISK_FULL):
            return Refused(what, remedy="make room on the engine's disk or this machine's")
        errors = "\n".join([how, *(line for line in self._last if _ERROR.match(line))]).lower()
        for signs, kind, remedy in _MEANINGS:
            if any(sign in errors for sign in signs):
                return kind(what, remedy=remedy)
        return EntryPointFailed(what, remedy=_MEND)

    def unreachable(self, how: str) -> TidemillError:
        return Unreachable(
            f"{self.name} was not built, because the engine does not answer: {how}",
            remedy="start it, or see DOCKER_HOST and the Docker context",
        )
