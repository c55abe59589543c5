"""Bisecting: which checks are asked for, so that one culprit among N costs about log2 N of them.

A red commit is judged only on a green parent. Until then the check of a commit in the middle of
those that are not known is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence

from tidemill.facts.checks import CheckClaim
from tidemill.facts.operation import AutoCommit
from tidemill.plan.draft import Draft


def find_first_red(draft: Draft, commits: Sequence[AutoCommit]) -> int | None:
    """The place of the first red commit; what has to be read to know it is noted."""
    reds = (at for at, one in enumerate(commits) if draft.require_verdict(one.sha).state == "red")
    return next(reds, None)


def choose_checks(draft: Draft, commits: Sequence[AutoCommit]) -> list[str]:
    """The commits whose verdict is needed and not there, nor being worked on.

    Reads main, the ledger's suspect and verdicts; writes which of these have to be read first, and
    main, where it is green, as the last one known green.

    Args:
        commits: auto as it will be, the oldest first.
    """
    shas = [commit.sha for commit in commits]
    main = draft.require_main_verdict()
    if main.state == "green":
        draft.ledger.green_main = draft.main
    wanted: list[str] = []
    again = main.since and draft.now >= main.since + draft.settings.checks.timeout
    if main.state == "red" and again:
        wanted.append(draft.main)
    if shas and not draft.require_verdict(shas[-1]).is_known:
        wanted.append(shas[-1])
    if draft.settings.checks.test == "each":
        wanted += [sha for sha in shas if not draft.require_verdict(sha).is_known]
    red = find_first_red(draft, commits)
    if red is not None:
        kinds = [commit.operation.kind for commit in commits[: red + 1]]
        if kinds[-1] == "regenerate":
            wanted += _find_culprit(draft, shas[: red + 1])
        elif main.state != "red":
            wanted += _find_culprit(draft, [draft.main, *shas[: red + 1]])
        elif "regenerate" in kinds:
            last = len(kinds) - kinds[::-1].index("regenerate")
            wanted += _find_culprit(draft, shas[: last + 1])
    return [sha for sha in dict.fromkeys(wanted) if not draft.require_verdict(sha).claimed]


def claim_checks(draft: Draft, commits: Sequence[AutoCommit], wanted: Sequence[str]) -> bool:
    """Write down what is asked for, where no runner does; whether that is worth a write.

    A claim goes with its commit; that alone is not. Reads verdicts; writes the ledger's claims, and
    which commits auto has pointed to.
    """
    if draft.settings.checks.source != "github":
        draft.ledger.asked, draft.ledger.tips = {}, []
        return False
    shas = [commit.sha for commit in commits]
    current = {draft.main, *shas}
    draft.ledger.tips = [sha for sha in shas if sha in {*draft.ledger.tips, shas[-1]}]
    kept = {sha: asked for sha, asked in draft.ledger.asked.items() if sha in current}
    runs = {sha: tuple(sorted(draft.verdict(sha).finished)) for sha in wanted}
    new = {sha: CheckClaim(at=draft.now, runs=runs[sha]) for sha in wanted}
    draft.ledger.asked = {**kept, **new}
    return bool(new)


def _find_culprit(draft: Draft, shas: list[str]) -> list[str]:
    """`shas`: main, then auto up to the first red commit. Main need not be checked for itself
    if what is above it turns out green; nor where it is left out, for it can't be to blame."""
    verdicts = [draft.require_verdict(sha) for sha in shas]
    green = max((at for at, one in enumerate(verdicts) if one.state == "green"), default=-1)
    unknown = [at for at in range(green + 1, len(shas) - 1) if not verdicts[at].is_known]
    if unknown:
        is_asked_for = any(verdicts[at].claimed for at in unknown)
        return [] if is_asked_for else [shas[unknown[len(unknown) // 2]]]
    suspect = draft.ledger.suspect
    if suspect is None or suspect.sha != shas[-1]:
        return []
    return [suspect.parent if suspect.runs is None else suspect.sha]
