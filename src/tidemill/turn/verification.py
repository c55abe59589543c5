"""Ask verifications: of a command, of statuses, of Prometheus, of any address that answers in JSON.

Whatever goes wrong here is a lost answer, and never a red one: only who was asked can say red.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from urllib.parse import urlencode

import msgspec
from msgspec import Struct

from tidemill.clients.git.store import Store
from tidemill.clients.http.client import Body, Call
from tidemill.clients.http.verdicts import LARGEST, Asked
from tidemill.clients.machine.processes import KEPT_OUTPUT
from tidemill.errors import EntryPointFailed, TidemillError, TimeLimit, Unreachable
from tidemill.facts.checks import CheckRecord, verdict
from tidemill.facts.github_checks import RequiredCheck, record
from tidemill.facts.snapshot import Snapshot
from tidemill.facts.verification import (
    Answer,
    Lost,
    NotAsked,
    Question,
    answer_in,
    answer_of_prometheus,
    answer_of_statuses,
    answer_printed,
    words,
)
from tidemill.turn.forge import Forge

_JSON = {"Accept": "application/json"}
_PASSING = (408, 425, 429)


class Verifier(Struct, frozen=True):
    """Asks, for one turn.

    Attributes:
        may_try: whether commands may run.
    """

    store: Store
    forge: Forge
    say: Callable[[str], None]
    may_try: bool = True

    def __call__(self, known: Snapshot, questions: Sequence[Question]) -> dict[Question, Answer]:
        """The answers: all addresses are asked at once, the rest one after the other."""
        asked: dict[Question, Asked] = {}
        found: dict[Question, Answer] = {}
        for one in questions:
            self.say(f"verify {one.set} in {one.wave}: {one.verification.name}")
            if (call := call_of(one)) is not None:
                try:
                    asked[one] = Asked(call, one.verification.timeout.total_seconds())
                except TidemillError as error:  # tokens that are none stop no turn
                    found[one] = _lost(error)
        rest = [one for one in questions if one not in {**asked, **found}]
        found |= {one: self._answer(known, one) for one in rest}
        return found | {one: _fetched(one, each) for one, each in asked.items()}

    def _answer(self, known: Snapshot, one: Question) -> Answer:
        try:
            if one.verification.command is not None:
                return self._printed(known, one, one.verification.command)
            return self._reported(known, one, one.verification.status or "")
        except TidemillError as error:
            return _lost(error)

    def _printed(self, known: Snapshot, one: Question, command: str) -> Answer:
        if not self.may_try:
            return NotAsked()
        seconds = one.verification.timeout.total_seconds()
        output = self.store.ask(known.main.sha, one.filled(command), seconds)
        return answer_printed(output, KEPT_OUTPUT)

    def _reported(self, known: Snapshot, one: Question, context: str) -> Answer:
        checks = known.settings.checks
        records = [
            known.checks.get(sha)
            if checks.source == "refs"
            else self._on_forge(sha, RequiredCheck(context), one)
            for sha in one.revisions
        ]
        return answer_of_statuses(
            [verdict(each, (context,), checks.timeout, known.now).state for each in records]
        )

    def _on_forge(self, sha: str, wanted: RequiredCheck, one: Question) -> CheckRecord:
        return record(sha, (wanted,), self.forge.reports(sha, (wanted,)), one.since)


def call_of(one: Question) -> Call | None:
    """What is sent to an address; None where none is asked."""
    asked = one.verification
    if asked.prometheus is not None:
        query = urlencode({"query": one.filled(asked.query or "")})
        return Call("GET", f"{asked.prometheus.rstrip('/')}/api/v1/query?{query}", _JSON)
    if asked.url is not None:
        body = Body.of(msgspec.json.encode(one.as_json()))
        return Call("POST", asked.url, {**_JSON, "Content-Type": "application/json"}, body)
    return None


def _fetched(one: Question, asked: Asked) -> Answer:
    try:
        found = asked.answer()
    except TidemillError as error:
        return _lost(error)
    if found.status in _PASSING or found.status >= 500:
        return Lost("server error", f"it answered {found.status}")
    if found.status != 200:
        return Lost("refused", f"it answered {found.status}")
    if len(found.body) > LARGEST:
        who = "query" if one.verification.prometheus is not None else "server"
        much = f"the answer has more than {LARGEST >> 20} MiB"
        return Lost("too large", f"{much}: let the {who} give less")
    if one.verification.prometheus is not None:
        return answer_of_prometheus(one.verification, found.body)
    return answer_in(found.body)


def _lost(error: TidemillError) -> Lost:
    match error:
        case TimeLimit():
            return Lost("timeout", words(error.what))
        case EntryPointFailed():
            return Lost("failed", words(error.what))
        case Unreachable():
            return Lost("unreachable", words(error.what))
        case _:
            return Lost("refused", words(error.what))
