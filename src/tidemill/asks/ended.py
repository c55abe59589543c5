"""What was announced and has ended: whether it is where it was to go, and what lets it in again."""

from __future__ import annotations

from tidemill.asks.ask import Nothing
from tidemill.asks.asker import OVERRIDING, Ended
from tidemill.facts.requests import AnnouncementRequest, Drop, Fact, announced_set
from tidemill.facts.state import State
from tidemill.plan.position import first_waves


def is_in_first_waves(fact: Fact | Nothing | Ended, state: State) -> bool:
    """Whether every wave that comes first today has what was announced; of all else it is true."""
    match fact:
        case AnnouncementRequest(announcement=announcement):
            sha, set_name = announcement.sha, announcement.set
        case Ended(id=request, app_sha=sha):
            set_name = announced_set(request) or ""
        case _:
            return True
    waves = first_waves(state.usable_settings) if state.usable_settings else ()
    present = (state.remembered.present(wave, set_name) for wave in waves)
    return all(one is not None and one.app_sha == sha for one in present)


def way_in(fact: Fact | Nothing | Ended, state: State, how: str | None) -> tuple[str, ...] | None:
    """The command that lets in what has ended, or what is being dropped, as words without `--repo`.

    Args:
        how: how it ended; None where it has not.
    """
    set_name: str | None
    about = state.inbox.get(fact.request) if isinstance(fact, Drop) else fact
    match about:
        case AnnouncementRequest(announcement=announcement):
            sha, set_name = announcement.sha, announcement.set
            newest = state.remembered.newest(announcement.set)
            if how == "superseded" and announcement.generation < newest.generation:
                return None  # no override changes that
        case Ended(id=request, app_sha=sha):
            set_name = announced_set(request)
        case _:
            return None
    if isinstance(fact, Drop) or how in ("rejected", "evicted", "dropped"):
        return retry_of(sha, set_name)
    return OVERRIDING if how == "superseded" else None


def retry_of(app_sha: str, set_name: str | None) -> tuple[str, ...]:
    """The command that lets an announcement in again, as words without `--repo`; it names the set
    where that is known."""
    return "retry", "--sha", app_sha, *(("--set", set_name) if set_name else ())
