"""What histories have to reach, or they prove nothing of it: found in what turns wrote."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Entry = Mapping[str, Any]
STALE = "a turn reads an old listing"
SILENT = "GitHub's API fails"
SEVERAL = "a person pushes several commits at once"
MERGE = "a person merges a branch"
BACK = "a person takes back by force what a turn has landed"
SKEW = "a turn goes by a wrong clock"
LESS = "a set comes without a service that its wave had"
MORE = "a set comes with a service that its wave had not"
TARGET = "a target with another name reports the set of its wave"
RETRY = "a retry lets something in again"
CROSSING = "a hotfix crosses what was on its way to its wave"

WITHOUT_THEME = (MERGE, BACK, SKEW, LESS, MORE, TARGET)
"""What happens often enough in all histories, and is noted by the steps themselves."""


def _says(what: str, reason: str = "", by: str = "") -> Callable[[Entry], bool]:
    return lambda entry: (
        entry["what"] == what
        and reason in (entry.get("reason") or "")
        and by in (entry.get("by") or "")
    )


REACHED: Mapping[str, Callable[[Entry], bool]] = {
    RETRY: lambda _: False,  # no entry says it by itself
    "a wave is rolled back by itself": _says("rolled back", " failed on "),
    "a person rolls a wave back": _says("rolled back", by="ada"),
    "a promotion passes over what stands in the way": _says("overridden", "it is urgent"),
    "a hotfix goes into a wave": _says("hotfixed"),
    "a wave gets another name": _says("renamed"),
    "more wait than may": _says("superseded", "more than"),
    "a culprit is evicted": _says("evicted", "its check is red"),
    "commits land together": _says("landed together"),
    "a verification is red": _says("refuted"),
    "a red verification rolls a wave back": _says("rolled back", "failed on the verification"),
    "a set is verified to the end": _says("verified", "its verifications are green"),
    "a verification is green again": _says("verified", " is green"),
    "an answer is lost": _says("answer lost"),
    "somebody who may not asks for something": _says("rejected", "from its approvers alone"),
    "what an approver asked for comes once more": _says("rejected", "was said before"),
    CROSSING: lambda _: False,
    "a hold ends by itself": _says("released", "which is over"),
    "the server refuses a landing": _says("not landed"),
    "main is generated again": _says("regenerated"),
    "a reviewer lets something through": _says("promoted", by="(reviewed by grace)"),
    "a reviewer rejects something": _says("rejected", "rejected it there"),
    "a re-run is to approve something": _says("rejected", "re-run, which approves nothing"),
}


@dataclass
class Reach:
    """How often each thing was reached, in the entries of a journal, one after the other.

    Attributes:
        on_auto: the waves and sets of what was on auto before the turn.
    """

    counts: Counter[str] = field(default_factory=Counter)
    on_auto: set[tuple[str | None, ...]] = field(default_factory=set)
    _retried: set[str] = field(default_factory=set)

    def note(self, entry: Entry) -> None:
        """Take one more entry into account."""
        self.counts.update(name for name, is_it in REACHED.items() if is_it(entry))
        what, sha = entry["what"], entry.get("app_sha")
        if what == "hotfixed" and (entry["wave"], entry["set"]) in self.on_auto:
            self.counts[CROSSING] += 1
        if what == "retried" and sha:
            self._retried.add(sha)
        elif what in ("introduced", "promoted") and sha in self._retried:
            self.counts[RETRY] += 1
