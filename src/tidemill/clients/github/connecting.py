"""The GitHub that a repository's address is on, for commands that may need it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NoReturn

from tidemill.clients.github import place
from tidemill.errors import Refused
from tidemill.facts.checks import CONTEXT
from tidemill.facts.deployment_statuses import DeploymentStatus
from tidemill.facts.github_checks import CommitStatus, Reports, RequiredCheck
from tidemill.facts.settings import Settings
from tidemill.facts.vouchers import Environment, Review, RunVoucher
from tidemill.words.names import shown
from tidemill.words.urls import redacted

if TYPE_CHECKING:
    from tidemill.clients.github.api import GitHub


class NoGitHub:
    """There is none to ask: whoever asks is told why, by `Refused`."""

    def __init__(self, why: str, remedy: str) -> None:
        self._why = why
        self._remedy = remedy

    def required(self, branch: str) -> tuple[RequiredCheck, ...]:
        self.refuse()

    def reports(self, sha: str, required: Sequence[RequiredCheck]) -> Reports:
        self.refuse()

    def run(self, run_id: int, attempt: int) -> RunVoucher | None:
        self.refuse()

    def reviews(self, run_id: int) -> tuple[Review, ...]:
        self.refuse()

    def environment(self, name: str) -> Environment | None:
        self.refuse()

    def is_member(self, team: str, login: str) -> bool:
        self.refuse()

    def deployment_statuses(
        self, environments: Sequence[str]
    ) -> dict[str, tuple[DeploymentStatus, ...]]:
        self.refuse()

    def refuse(self) -> NoReturn:
        raise Refused(self._why, remedy=self._remedy)


class Unasked(NoGitHub):
    """The same for who only looks, and has an answer in Git: each check is still to come."""

    WORDS = (
        "What checks say is on GitHub, and nobody could ask it here: each check counts as still to "
        "come. To ask it, let --repo be the repository's address there, and TIDEMILL_TOKEN hold a "
        "token."
    )

    def __init__(self, none: NoGitHub, now: datetime) -> None:
        super().__init__(none._why, none._remedy)
        self._now = now

    def required(self, branch: str) -> tuple[RequiredCheck, ...]:
        return (RequiredCheck(CONTEXT),)

    def reports(self, sha: str, required: Sequence[RequiredCheck]) -> Reports:
        return Reports(tuple(CommitStatus(0, one.name, "pending", self._now) for one in required))


NO_GITHUB = NoGitHub(
    "there is no GitHub API to ask",
    "let --repo name the repository on GitHub, and TIDEMILL_TOKEN hold a token",
)


def connected(url: str, say: Callable[[str], None]) -> GitHub | NoGitHub:
    """GitHub as the token of this run sees it; asks nothing yet, and imports nothing yet.

    Args:
        url: of the repository, over SSH, too; `say` is given one line about each pause.
    """
    where = place.of_remote(url)
    if where is None:
        return NoGitHub(
            f"GitHub's API is needed, and {shown(redacted(url))} is not a repository on "
            f"{place.server_url()}",
            "let --repo be its address there (GITHUB_SERVER_URL names another server), or set "
            'source = "refs" in [checks] of tidemill.toml',
        )
    token = place.token_for(where.url)
    if token is None:
        return NoGitHub(
            f"GitHub's API is needed for {where.repository}, and there is no token for it",
            "set TIDEMILL_TOKEN (input `token`): in a workflow GITHUB_TOKEN will do; a server that "
            "is not on this machine is spoken to over HTTPS alone",
        )
    from tidemill.clients.github.api import GitHub  # which a repository elsewhere does not need

    return GitHub(where, token, place.status_token_for(where.url), say=say)


def connected_to_look(
    url: str, say: Callable[[str], None], settings: Settings, now: datetime
) -> GitHub | NoGitHub:
    """The same for who only looks: where checks are on GitHub and nobody can ask it, `Unasked`."""
    found = connected(url, say)
    is_needed = settings.checks.source == "github"
    return Unasked(found, now) if isinstance(found, NoGitHub) and is_needed else found


def connected_by_workflow(url: str, say: Callable[[str], None]) -> GitHub | NoGitHub:
    """GitHub as the workflow's own token sees it: TIDEMILL_STATUS_TOKEN, or the one of this run."""
    usual = connected(url, say)
    if isinstance(usual, NoGitHub):
        return usual
    token = place.status_token_for(usual.place.url)
    return usual if token is None else type(usual)(usual.place, token, say=say)


def needed_for_statuses(url: str, say: Callable[[str], None]) -> GitHub:
    """GitHub as whoever sets statuses sees it.

    Raises:
        Refused: there is none, and why.
    """
    return needed(connected_by_workflow(url, say))


def needed(found: GitHub | NoGitHub) -> GitHub:
    """GitHub itself.

    Raises:
        Refused: there is none, and why.
    """
    if isinstance(found, NoGitHub):
        found.refuse()
    return found
