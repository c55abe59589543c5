"""What the commands of the sandbox return."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from tidemill.commands._results import StatusReport


@dataclass(frozen=True)
class Told:
    """The demo has told its story, in `folder`, and everything held."""

    folder: Path
    seconds: float
    status: StatusReport
    exit_code: int = 0


@dataclass(frozen=True)
class Served:
    """The stand-in has ended; what there is to say of it was said while it ran."""

    exit_code: int = 0


Result: TypeAlias = Told | Served
