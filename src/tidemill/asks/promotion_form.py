"""What a person fills in to get a set into a wave; with an announcement it is a hotfix."""

from __future__ import annotations

from tidemill.announcing.forms import read_whole
from tidemill.asks.ask import PromoteWave, PutHotfix
from tidemill.errors import Refused


def promotion(
    wave: str,
    set: str | None = None,  # noqa: A002 - the form's word
    sha: str | None = None,
    override: str | None = None,
    announcement: bytes | str | None = None,
) -> PromoteWave | PutHotfix:
    """The ask.

    Args:
        announcement: as JSON, whole or by reference to an artifact.

    Raises:
        Refused: it is none, or something is missing or said twice.
    """
    if announcement is None:
        return PromoteWave(wave, set=set, sha=sha, override=override)
    found = read_whole(announcement.encode() if isinstance(announcement, str) else announcement)
    if override is None:
        raise Refused(
            "a hotfix needs a reason, because it passes over everything but the check",
            remedy="say why: --override REASON",
        )
    for name, given, told in (("set", set, found.set), ("sha", sha, found.sha)):
        if given is not None and not (given == told or (name == "sha" and told.startswith(given))):
            raise Refused(
                f"--{name} says {given}, and the announcement {told}",
                remedy=f"leave --{name} out: the announcement says it",
            )
    return PutHotfix(wave, found, override)
