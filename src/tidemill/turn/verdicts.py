"""Verdicts: write what a check says of a commit, beside what was said of it before."""

from __future__ import annotations

from msgspec import Struct

from tidemill.clients.git.store import Declined, Pushed, Raced, Store, Update
from tidemill.errors import Refused, StateUnreadable
from tidemill.facts.checks import CheckRecord, Run
from tidemill.facts.journal import RECORD
from tidemill.facts.settings import Settings
from tidemill.facts.snapshot import UnreadableRef, verified_commits
from tidemill.facts.state import State
from tidemill.turn.push import MOST_RACES, Clock, push, push_refused
from tidemill.turn.read import read
from tidemill.words.json_types import in_lines
from tidemill.words.names import SHA


class VerdictNote(Struct, frozen=True):
    """What became of a verdict on the commit `sha`: whether it was written, and why or why not."""

    sha: str
    changed: bool
    why: str


def note(store: Store, clock: Clock, short: str, report: Run, *, dry_run: bool) -> VerdictNote:
    """Write the verdict on the commit of auto or main that is meant, once.

    Raises:
        Refused: `short` is no commit, or the beginning of several.
        ServerRefused: the server does not take it.
    """
    declined = Declined("")
    for tries in range(MOST_RACES):
        state = read(store)
        sha = _resolved(store, state, short)
        if sha is None:
            why = "it is neither on auto nor main's tip: the verdict is of no use any more"
            return VerdictNote(short, changed=False, why=why)
        known = _known(state, sha)
        record = (known or CheckRecord(sha=sha)).reported(report)
        if record == known:
            return VerdictNote(sha, changed=False, why="this run has said so already")
        if dry_run:
            return VerdictNote(sha, changed=True, why="not written: a dry run")
        tip = state.refs.get(state.names.check(sha))
        data = in_lines(record)
        subject = f"{report.context}: {report.state}\n"
        commit = store.write({RECORD: data}, tip if known else None, subject, clock.now)
        match push(store, clock, [Update(state.names.check(sha), tip, commit)]):
            case Pushed():
                return VerdictNote(sha, changed=True, why=_what_follows(state, report))
            case Raced(name, _, _):
                declined = Declined(f"others kept writing {name}", remedy="run it again")
            case Declined() as declined:
                break
        clock.pause_after(tries)
    raise push_refused(declined, "the verdict could not be written")


def _known(state: State, sha: str) -> CheckRecord | None:
    """What was reported before; what can't be read is written over."""
    match state.checks.get(sha):
        case UnreadableRef(is_newer=True, ref=ref, reason=reason):
            raise StateUnreadable(
                f"{ref} can't be read: {reason}", remedy="report with the newer release"
            )
        case UnreadableRef():
            return None
        case known:
            return known


def _what_follows(state: State, report: Run) -> str:
    settings = state.usable_settings
    required = settings.checks.required if settings else ()
    if settings and settings.checks.source == "github":
        return 'written, but it decides nothing: the settings say source = "github"'
    if settings and _is_asked_for(settings, report.context):
        return "written; the next turn asks for it where it verifies"
    if required and report.context not in required:
        names = ", ".join(required)
        return f"written, but it decides nothing: the settings require {names}"
    return "written; the next turn acts on it"


def _is_asked_for(settings: Settings, context: str) -> bool:
    """Whether a verification of the settings is this status, and no check of main is."""
    is_verified = any(one.status == context for one in settings.verifications)
    return is_verified and context not in settings.checks.required


def _resolved(store: Store, state: State, short: str) -> str | None:
    """The commit of auto or main, or what targets run where a verification looks for a status, that
    is meant; None for one that is of no use any more."""
    tip = state.refs.get(state.names.auto)
    known = {
        state.main,
        *(commit.sha for commit in state.remembered.auto),
        *([tip] if tip else []),
    }
    if settings := state.usable_settings:
        known |= verified_commits(settings, state.remembered, state.written_records)
    found = [sha for sha in known if sha.startswith(short)]
    if len(found) > 1:
        raise Refused(f"{short} is the beginning of several commits", remedy="give more digits")
    if found:
        return found[0]
    if not SHA.fullmatch(short):  # a server is asked for whole ones alone
        raise Refused(
            f"neither main's tip nor a commit of auto begins with {short}",
            remedy="give the full SHA of the commit that was checked",
        )
    if not store.exists(short):
        raise Refused(
            f"there is no commit {short}",
            remedy="give the full SHA of a commit of auto or of main's tip",
        )
    return None
