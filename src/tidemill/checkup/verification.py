"""Do verifications ask when it matters?"""

from __future__ import annotations

from collections.abc import Iterator

from tidemill.checkup.checkup import Checkup
from tidemill.checkup.finding import Finding, ok, warning
from tidemill.facts.settings import Settings
from tidemill.facts.verification import Verification
from tidemill.words.lists import listed


def verifications(known: Checkup) -> Iterator[Finding]:
    """`verifications`: is each asked for as long as a set soaks, and of nothing else?"""
    if known.cfg is None or not known.cfg.verifications:
        return
    found = [bad for one in known.cfg.verifications for bad in _odd(known.cfg, one)]
    names = listed([one.name for one in known.cfg.verifications])
    yield from found or [ok(f"sets are verified by {names}")]


def _odd(settings: Settings, one: Verification) -> Iterator[Finding]:
    brief = [
        wave.name
        for wave in settings.waves
        if (not one.waves or wave.name in one.waves)
        and not one.span
        and not any(follower.soak for follower in settings.followers(wave.name))
    ]
    if brief:
        what = f"{one.name} may be asked only once of a set in {listed(brief)}: no wave after wants"
        yield warning(
            f"{what} it to soak, and the verification does not say for how long",
            f"give [[verifications]] {one.name} a time, or the wave after a soak",
            'for = "30m"',
        )
    checks = settings.checks
    if one.status is not None and checks.source == "refs" and not checks.required:
        yield warning(
            f"the status {one.status}, which {one.name} waits for, counts as a check of main, too",
            "name in [checks] the checks that a commit needs to land",
            'required = ["tidemill/check"]',
        )
