"""What a turn says of main, auto and the waves: what waits for what, and since when."""

from __future__ import annotations

from datetime import datetime

from tidemill.cfg.deployed import missing
from tidemill.cfg.draft import Draft, Waiting
from tidemill.cfg.due import short
from tidemill.cfg.ledger import Had, Refusal
from tidemill.cfg.operation import AutoCommit
from tidemill.cfg.requests import Announced, Promotion
from tidemill.cfg.settings import Wave

STARVES_AFTER = 3
_MOST_SAID = 230  # so that the remedy fits on the line, too
_RULES = ("GH006", "GH013")  # GitHub's codes: a protected branch, a ruleset


def say_what_waits(
    draft: Draft, commits: list[AutoCommit], to_check: list[str], *, is_partial: bool = False
) -> None:
    """Add what the checks and the targets keep waiting.

    Args:
        is_partial: the plan has an operation to try, so some of the chain has no commit yet.
    """
    _main(draft)
    _auto(draft, commits, to_check)
    _announced(draft, commits, is_partial=is_partial)
    for wave in draft.settings.waves:
        for image_set in draft.settings.sets:
            had = draft.ledger.present(wave.name, image_set.name)
            if had is not None and had.is_known:
                _set(draft, wave, image_set.name, had)


def state_of(wave: Wave, had: Had, now: datetime) -> str:
    """A set's state in its wave: in flight, deployed, failed, or silent."""
    if had.failed:
        return "failed"
    if had.deployed_at is not None:
        return "deployed"
    if had.is_known and now < had.landed_at + wave.settle:
        return "in flight"
    return "silent"


def _announced(draft: Draft, commits: list[AutoCommit], *, is_partial: bool) -> None:
    """What was announced and is not on auto: whatever else is said, each is named."""
    planned = [step.operation.request for step in draft.chain] if is_partial else []
    under_test = {*planned, *(commit.operation.request for commit in commits)}
    told = {line.id for line in draft.waiting}
    for request_id, fact in draft.inbox.items():
        if request_id in under_test | told:
            continue
        if isinstance(fact, Promotion) and not _is_on_auto(fact, commits):
            what = f"{fact.app_sha[:12]} ({fact.set}) for {fact.wave}"
            why = "a wave that has had it, or has it: the turns know of none"
            draft.wait(what, why, fact.accepted_at, request_id)
        if not isinstance(fact, Announced):
            continue
        announcement = fact.announcement
        others = [one.operation for one in commits if one.operation.set == announcement.set]
        ahead = [one for one in others if one.kind == "introduce"]
        reason = "another turn"
        if ahead:
            sha = (ahead[-1].app_sha or "")[:12]
            reason = f"{sha}, which goes first: the older of the two ends when the newer lands"
        what = f"{announcement.sha[:12]} ({announcement.set})"
        draft.wait(what, reason, fact.accepted_at, request_id)


def _is_on_auto(promotion: Promotion, commits: list[AutoCommit]) -> bool:
    wanted = (promotion.wave, promotion.set, promotion.app_sha)
    operations = [commit.operation for commit in commits]
    return any((one.wave, one.set, one.app_sha) == wanted for one in operations)


def _main(draft: Draft) -> None:
    if (refused := draft.ledger.refused) is not None:
        line = Waiting(what=f"main at {draft.main}", for_=_let_land(refused), since=refused.since)
        draft.waiting.insert(0, line)
    verdict = draft.main_verdict
    if verdict.state == "red":
        green = draft.ledger.green_main
        last = f"; the last main known green is {green}" if green else ""
        draft.wait(
            f"main at {draft.main}",
            f"a commit that mends it: its check is red{last}; nobody is evicted meanwhile",
            verdict.since,
        )


def _auto(draft: Draft, commits: list[AutoCommit], to_check: list[str]) -> None:
    greens = [at for at, one in enumerate(commits) if draft.seen(one.sha).state == "green"]
    for at, commit in enumerate(commits):
        operation, verdict = commit.operation, draft.seen(commit.sha)
        sha = (operation.app_sha or "a rollback")[:12]
        what = f"{sha} ({operation.set}) on auto for {operation.wave}"
        if greens and at <= greens[-1]:
            reason = _landing(draft, commits[greens[-1]].sha)
        else:
            is_own = commit.sha in to_check or verdict.claimed
            reason = _check(draft, commit.sha, commit.sha if is_own else commits[-1].sha)
        draft.wait(what, reason, verdict.since or commit.at)
    if draft.ledger.moved >= STARVES_AFTER and commits:
        times = f"main moved {draft.ledger.moved} times before a check could answer"
        draft.wait("auto", f"main to rest: it starves, {times}", draft.ledger.moved_since)


def _landing(draft: Draft, sha: str) -> str:
    refused = draft.ledger.refused
    if refused is not None and refused.sha == sha:
        return _let_land(refused)
    return f"the next turn, which lands {sha}"


def is_by_rule(reason: str) -> bool:
    """Whether a rule of GitHub's refused main: that lasts until a person changes it."""
    return any(code in reason for code in _RULES)


def _let_land(refused: Refusal) -> str:
    """What a landing waits for, with the remedy where it is a rule of GitHub's that stops it."""
    said = refused.reason
    why = "the server to let it land: "
    why += said if len(said) <= _MOST_SAID else f"{said[: _MOST_SAID - 1]}…"
    if is_by_rule(refused.reason):
        why += (
            "; let the rules of main require the checks that run on auto, by these names, and no "
        )
        why += "more, or let the app that pushes bypass them (GITHUB_TOKEN can't)"
    return why


def _check(draft: Draft, sha: str, asked: str) -> str:
    """Which check a commit waits for; `asked` is the commit whose check would do."""
    match draft.seen(sha).state:
        case "red":
            return f"the check of {sha} to be repeated: it is red"
        case "lost":
            why = "it was cancelled or timed out, and is asked for again"
            return f"the check of {sha}: {why}"
        case _:
            names = ", ".join(draft.seen(asked).missing)
            claim = ", which was asked for" if asked in draft.snapshot.ledger.asked else ""
            return f"the check of {asked}" + (f" ({names})" if names else "") + claim


def _set(draft: Draft, wave: Wave, set_name: str, had: Had) -> None:
    what = f"{short(had)} ({set_name}) in {wave.name}"
    if had.failed:
        names = ", ".join(sorted(had.failed))
        draft.wait(
            what,
            f"{names}, which failed: a healthy report, or a newer set",
            min(had.failed.values()),
        )
    elif had.deployed_at is None and (late := missing(draft, wave, had)):
        draft.wait(what, f"{', '.join(late)} to report it healthy", had.landed_at)
