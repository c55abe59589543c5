"""What the commands of the sandbox return."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from tidemill.commands._results import StatusReport
from tidemill_sandbox.demo.narrator import Verdict


@dataclass(frozen=True)
class Told:
    """The demo has told its story, in `folder`, and everything held.

    `is_whole`: whether it tells all that there is to see, and not one screen of it.
    """

    folder: Path
    seconds: float
    status: StatusReport
    chapters: tuple[Verdict, ...] = ()
    is_whole: bool = False
    exit_code: int = 0


@dataclass(frozen=True)
class Served:
    """The stand-in has ended; what there is to say of it was said while it ran."""

    exit_code: int = 0


@dataclass(frozen=True)
class Counted:
    """What the stand-in has seen so far, as it says it."""

    found: Mapping[str, Any]
    exit_code: int = 0


Result: TypeAlias = Told | Served | Counted
