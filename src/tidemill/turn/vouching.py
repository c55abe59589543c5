"""Who has asked: what stands for that is looked up, of one request, and nothing decided."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from tidemill.clients.git.store import Store
from tidemill.errors import TidemillError
from tidemill.facts.requests import WorkflowRun, kept_as
from tidemill.facts.settings import Settings
from tidemill.facts.snapshot import Snapshot
from tidemill.facts.vouchers import (
    Members,
    NoVoucher,
    OwnVoucher,
    RunVoucher,
    SignatureVoucher,
    UnknownVoucher,
    Voucher,
)
from tidemill.turn.forge import Forge


def vouched(store: Store, forge: Forge, known: Snapshot, request: str) -> Snapshot:
    """The snapshot, and what stands for who asked for one more request."""
    return known.having_vouched(request, _voucher(store, forge, known, request))


def keys_on(store: Store, settings: Settings, main: str) -> dict[str, bytes]:
    """The files with public keys that a main has, by name."""
    folder = settings.approvals.keys.strip("/")
    store.fetch_below(main, [folder])
    found = dict(store.texts(main, [folder]))
    return {path.removeprefix(f"{folder}/"): data for path, data in found.items()}


def _voucher(store: Store, forge: Forge, known: Snapshot, request: str) -> Voucher:
    kept = kept_as(request)
    fact, commit = known.inbox[kept], known.commits.get(kept)
    if commit is None:
        return OwnVoucher()
    run, main = getattr(fact, "run", None), getattr(fact, "main", None)
    if run is not None:
        return _of_run(forge, known.settings, run)
    found = store.signed_by(commit, keys_on(store, known.settings, known.main.sha))
    if not isinstance(found, SignatureVoucher):
        return found
    if main is None or not _is_of(store, known.main.sha, main):
        return NoVoucher("it was signed for another repository: its main is no commit of this one")
    return replace(found, members=_members(forge, known.settings, found.logins))


def _is_of(store: Store, main: str, commit: str) -> bool:
    """Whether a commit is on main."""
    return commit == main or (store.exists(commit, again=False) and store.is_ancestor(commit, main))


def _of_run(forge: Forge, settings: Settings, run: WorkflowRun) -> Voucher:
    try:
        found = forge.run(run.id, run.attempt)
        found = found and _reviewed(forge, settings, run.id, found)
    except TidemillError as error:
        return UnknownVoucher(error.what, error.remedy)
    if found is None:
        return NoVoucher(f"GitHub knows no attempt {run.attempt} at a run {run.id}")
    return replace(found, members=_members(forge, settings, found.actors))


def _reviewed(forge: Forge, settings: Settings, run: int, found: RunVoucher) -> RunVoucher:
    """With what reviewers said, and with the environments of which they have said nothing."""
    names = dict.fromkeys(wave.environment for wave in settings.waves if wave.environment)
    if not names:
        return found
    reviews = forge.reviews(run)
    told = {one.environment.casefold() for one in reviews}
    unsaid = {name: forge.environment(name) for name in names if name.casefold() not in told}
    return replace(found, reviews=reviews, environments=unsaid)


def _members(forge: Forge, settings: Settings, logins: Iterable[str]) -> Members:
    """Who of some people is in the teams that waves name, as far as that can be seen."""
    teams = dict.fromkeys(
        one.casefold() for wave in settings.waves for one in wave.approvers if "/" in one
    )
    known: dict[tuple[str, str], bool] = {}
    why, remedy = "", ""
    for team in teams:
        for login in filter(None, logins):
            try:
                known[team, login.casefold()] = forge.is_member(team, login)
            except TidemillError as error:
                why, remedy = error.what, error.remedy
    return Members(known, why, remedy)
