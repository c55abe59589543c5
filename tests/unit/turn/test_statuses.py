"""Commit statuses for our own verdicts: of which commits, with which words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import pytest
from tests.unit.snapshots import Rollout, sha
from tests.unit.turn.states import MAIN, NAMES, state

from tidemill.clients.github.api import MOST_DESCRIPTION, GitHub, NewStatus, StatusState
from tidemill.errors import Refused, ServerRefused, Unreachable
from tidemill.facts.ledger import Ledger
from tidemill.turn.statuses import StatusChanges, parse, parse_reasons, set_statuses

TIP, GONE = sha("tip"), sha("gone")


@dataclass
class Set:
    """What was set, and what was remembered of it."""

    statuses: list[NewStatus] = field(default_factory=list)
    remembered: list[tuple[str, object]] = field(default_factory=list)

    def set_status(self, new: NewStatus) -> str:
        self.statuses.append(new)
        return f"status of {new.sha}"

    def remember(self, commit: str, status: object) -> None:
        self.remembered.append((commit, status))


def described(state_: StatusState, reason: str | None = None) -> str:
    """What the status of main says."""
    by = Set()
    reasons = {} if reason is None else {MAIN: reason}
    github = cast(GitHub, by)
    set_statuses(state(), {MAIN: state_}, reasons, "https://run", by=github, known_to=github)
    [one] = by.statuses
    assert (one.context, one.state, one.target_url) == ("tidemill/check", state_, "https://run")
    return one.description


def test_status_is_set_of_main_and_of_what_is_on_auto_and_known_to_who_reads() -> None:
    rollout = Rollout()
    own = rollout.on_auto("lab", 2)
    known = state({NAMES.auto: TIP}, journal=Ledger(auto=list(rollout.auto)))
    by, known_to = Set(), Set()
    verdicts: dict[str, StatusState] = dict.fromkeys((MAIN, GONE, TIP, own), "success")
    found = set_statuses(
        known, verdicts, {}, None, by=cast(GitHub, by), known_to=cast(GitHub, known_to)
    )
    assert found == StatusChanges(set=(MAIN, TIP, own), gone=(GONE,))
    assert [one.sha for one in by.statuses] == [MAIN, TIP, own]
    assert known_to.remembered == [(one, f"status of {one}") for one in (MAIN, TIP, own)]
    assert by.remembered == []


@pytest.mark.parametrize(
    ("state_", "reason", "said"),
    [
        ("failure", "the pods crash", "the pods crash"),
        ("error", "it was cancelled", "it was cancelled"),
        ("success", "all is well", "What is committed is what the sources generate"),
        ("pending", "soon", "The check is on its way."),
        ("failure", None, "It is not fit to land: the log of the run says why."),
        ("failure", "", "It is not fit to land: the log of the run says why."),
        ("error", None, "No verdict: the check was cancelled, timed out, or could not be run."),
    ],
)
def test_status_says_why_it_is_not_green(
    state_: StatusState, reason: str | None, said: str
) -> None:
    assert described(state_, reason).startswith(said)


@pytest.mark.parametrize("length", [MOST_DESCRIPTION - 1, MOST_DESCRIPTION])
def test_reason_that_fits_is_said_whole(length: int) -> None:
    assert described("failure", "x" * length) == "x" * length


def test_of_a_long_reason_the_end_is_said() -> None:
    reason = "begin " + "x" * MOST_DESCRIPTION + " end"
    said = described("failure", reason)
    assert said == "…" + reason[-(MOST_DESCRIPTION - 1) :]
    assert len(said) == MOST_DESCRIPTION


@dataclass
class Refusing(Set):
    """GitHub, which refuses the statuses of some commits."""

    errors: dict[str, Exception] = field(default_factory=dict)

    def set_status(self, new: NewStatus) -> str:
        if error := self.errors.get(new.sha):
            raise error
        return super().set_status(new)


def test_status_that_is_refused_keeps_no_other_from_being_set() -> None:
    first, second = Refused("no", remedy="mend it"), ServerRefused("not you", remedy="ask")
    rollout = Rollout()
    own = rollout.on_auto("lab", 2)
    known = state({NAMES.auto: TIP}, journal=Ledger(auto=list(rollout.auto)))
    by = Refusing(errors={MAIN: first, own: second})
    github = cast(GitHub, by)
    verdicts: dict[str, StatusState] = dict.fromkeys((MAIN, TIP, own), "success")
    with pytest.raises(Refused) as caught:
        set_statuses(known, verdicts, {}, None, by=github, known_to=github)
    assert caught.value is first
    assert caught.value.written == f"the statuses of {TIP}"
    assert by.remembered == [(TIP, f"status of {TIP}")]


def test_github_that_does_not_answer_is_not_asked_for_each_status() -> None:
    by = Refusing(errors={MAIN: Unreachable("away", remedy="wait")})
    github = cast(GitHub, by)
    verdicts: dict[str, StatusState] = {MAIN: "success", TIP: "success"}
    with pytest.raises(Unreachable):
        set_statuses(state({NAMES.auto: TIP}), verdicts, {}, None, by=github, known_to=github)
    assert by.statuses == []


def test_github_that_stops_answering_leaves_the_statuses_that_were_set() -> None:
    rollout = Rollout()
    own = rollout.on_auto("lab", 2)
    known = state({NAMES.auto: TIP}, journal=Ledger(auto=list(rollout.auto)))
    away = Unreachable("away", remedy="wait")
    by = Refusing(errors={MAIN: Refused("no", remedy="mend it"), own: away})
    github = cast(GitHub, by)
    verdicts: dict[str, StatusState] = dict.fromkeys((MAIN, TIP, own), "success")
    with pytest.raises(Unreachable) as caught:
        set_statuses(known, verdicts, {}, None, by=github, known_to=github)
    assert caught.value.written == f"the statuses of {TIP}"


def test_verdicts_are_those_of_full_shas() -> None:
    assert parse(f'{{"{MAIN}": "success", "{TIP}": "error"}}'.encode()) == {
        MAIN: "success",
        TIP: "error",
    }


@pytest.mark.parametrize(
    "data", [b"", b"[]", b'{"main": "success"}', f'{{"{MAIN}": "fine"}}'.encode()]
)
def test_verdicts_that_are_none_are_refused(data: bytes) -> None:
    with pytest.raises(Refused, match="--verdicts holds no verdicts") as caught:
        parse(data)
    assert "success, failure, error, pending" in (caught.value.remedy or "")


def test_reasons_are_texts_by_commit() -> None:
    assert parse_reasons(f'{{"{MAIN}": "red"}}'.encode()) == {MAIN: "red"}
    with pytest.raises(Refused, match="--reasons holds no reasons"):
        parse_reasons(b'{"x": 1}')
