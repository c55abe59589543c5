"""Where images come from: a commit of app.git."""

from __future__ import annotations

from msgspec import Struct

from tidemill.announcing.order import checked_generation
from tidemill.errors import Refused
from tidemill.words.names import (
    MAX_POSITION,
    checked_branch,
    checked_line,
    checked_repository,
    checked_sha,
)


class Origin(Struct, frozen=True):
    """app.git's `owner/name`, a commit on a branch of it, the commit's position and generation.

    Raises:
        Refused: one of them has not the form that an announcement needs.
    """

    repository: str
    branch: str
    sha: str
    position: int
    run_url: str | None = None
    generation: int = 1

    def __post_init__(self) -> None:
        checked_repository(self.repository)
        checked_branch(self.branch)
        checked_sha(self.sha, "commit of app.git")
        if self.run_url is not None:
            checked_line(self.run_url, "run_url")
        if not 1 <= self.position <= MAX_POSITION:
            raise Refused(
                f"the position {self.position} is not between 1 and 2^53 - 1",
                remedy="give what `git rev-list --count SHA` prints in a full clone",
            )
        checked_generation(self.generation)
