"""Can the environments that waves name keep anything out?"""

from __future__ import annotations

from collections.abc import Iterator

from tidemill.checkup.checkup import Checkup
from tidemill.checkup.finding import AGAIN, Finding, ok, problem, unseen, warning
from tidemill.facts.on_github import OnGitHub, Unseen
from tidemill.facts.vouchers import Environment

_PRIVATE = "a private repository takes GitHub Enterprise for that"


def environments(known: Checkup) -> Iterator[Finding]:
    """`environments`: are the environments there, and do their rules ask a person?"""
    for wave in known.cfg.waves if known.cfg else ():
        if wave.environment is not None:
            yield from _of(wave.name, wave.environment, known.github)


def _of(wave: str, name: str, hub: OnGitHub | Unseen) -> Iterator[Finding]:
    if isinstance(hub, Unseen):
        found: Environment | Unseen | None = hub
        where = ""
    else:
        found = hub.environments.get(name)
        where = f"gh browse -R {hub.name} --settings"
    what = f"the environment {name}, which {wave} names,"
    if isinstance(found, Unseen):
        yield unseen(f"{what} can't be seen", found, "run this with a token", AGAIN)
    elif found is None:
        yield problem(
            f"{what} is not there, so that nothing gets into {wave}",
            f"make it, with required reviewers; {_PRIVATE}",
            where,
        )
    elif not found.has_reviewers:
        yield problem(
            f"{what} has no required reviewers, so that nothing gets into {wave}",
            f"name them there; {_PRIVATE}",
            where,
        )
    else:
        if found.may_review_own:
            yield warning(
                f"{what} lets reviewers approve what they have asked for themselves",
                "switch on there that nobody reviews their own, if two people have to look",
                where,
            )
        if found.may_bypass:
            yield warning(
                f"{what} lets administrators go past its rules",
                "switch that off there, unless they are to be able to",
                where,
            )
        if not (found.may_review_own or found.may_bypass):
            yield ok(f"{what} has reviewers")
