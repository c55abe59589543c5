"""What histories have to reach, or they prove nothing of it: found in what turns wrote."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Entry = Mapping[str, Any]
RETRY = "a retry lets something in again"


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
    "a hold ends by itself": _says("released", "which is over"),
    "the server refuses a landing": _says("not landed"),
    "main is generated again": _says("regenerated"),
}


@dataclass
class Reach:
    """How often each thing was reached, in the entries of a journal, one after the other."""

    counts: Counter[str] = field(default_factory=Counter)
    _retried: set[str] = field(default_factory=set)

    def note(self, entry: Entry) -> None:
        """Take one more entry into account."""
        self.counts.update(name for name, is_it in REACHED.items() if is_it(entry))
        what, sha = entry["what"], entry.get("app_sha")
        if what == "retried" and sha:
            self._retried.add(sha)
        elif what in ("introduced", "promoted") and sha in self._retried:
            self.counts[RETRY] += 1
