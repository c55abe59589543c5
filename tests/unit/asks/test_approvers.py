"""Who may not ask is told which command asks for the very same, for somebody who may."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

import pytest
from msgspec.structs import replace
from tests.unit.sets import LAB, NOW, SHOP, app_sha, landing, settings
from tests.unit.turn.states import state

from tidemill.asks.answer import answer
from tidemill.asks.ask import Ask, PromoteWave, RollBackWave
from tidemill.asks.asker import Asker, Lookup, Origin
from tidemill.commands._remedies import Remedies
from tidemill.errors import Refused
from tidemill.facts.ledger import Landing, Ledger, SetLedger
from tidemill.facts.requests import WorkflowRun
from tidemill.facts.settings import ImageSet
from tidemill.words.shas import short

BEFORE = (NOW - timedelta(hours=2)).isoformat()
SHA, NEWEST = app_sha(1), app_sha(2)


def since(hours: int, position: int, **given: Any) -> Landing:
    """A set that landed so many hours ago, and was well."""
    at = NOW - timedelta(hours=hours)
    return landing(position, landed_at=at, deployed_once=True, **given)


# Five hours ago lib was what nobody announced.
HAD = {
    "app": SetLedger(landings=[since(5, 1), since(1, 2)]),
    "lib": SetLedger(landings=[since(5, 0, app_sha=None), since(1, 2)]),
}


def remedy(ask: Ask, asks: str = "bob", **gate: Any) -> str:
    """What somebody is told who is no approver of lab."""
    of = settings(lab={**LAB, **(gate or {"approvers": ["ada"]})}, shop={**SHOP, "after": []})
    known = replace(of, sets=(ImageSet(name="app"), ImageSet(name="lib")))
    remedies = Remedies.of("https://github.com/acme/cfg", NOW)
    origin = Origin(WorkflowRun(id=1), (asks,), "workflow_dispatch") if asks else None
    asker = Asker(
        asks, NOW, remedies.typed, remedies.both, origin=origin, on_github=remedies.on_github
    )
    here = state(settings=known, journal=Ledger(sets={"lab": HAD, "shop": HAD}))
    with pytest.raises(Refused) as caught:
        answer(ask, here, asker, cast(Lookup, None))
    return caught.value.remedy


@pytest.mark.parametrize(
    ("given", "words", "fields"),
    [
        ({"set": "app"}, f"--set app --to {SHA}", f"sha={SHA}"),
        ({"set": "app", "at": BEFORE}, f"--set app --to {SHA}", f"sha={SHA}"),
        ({"set": "lib", "at": BEFORE}, f"--set lib --at {BEFORE}", f"at={BEFORE}"),
        ({"all_sets": True}, "--all-sets", None),
        ({"all_sets": True, "at": BEFORE}, f"--all-sets --at {BEFORE}", None),
    ],
    ids=["a-set", "a-time", "what-no-sha-names", "all-sets", "all-sets-at-a-time"],
)
def test_rollback_for_an_approver_goes_where_it_was_to_go(
    given: dict[str, Any], words: str, fields: str | None
) -> None:
    said = remedy(RollBackWave("lab", "broke", **given))
    assert f": tidemill rollback-wave --wave lab {words} --reason broke --repo " in said
    assert (f"-f {fields} -f reason=broke" in said) is (fields is not None)
    assert ("gh workflow run" in said) is (fields is not None), "no form takes all sets"


REVIEWED = {"environment": "review", "approval": True, "after": ["shop"]}


def test_of_reviewers_each_set_is_asked_for_by_itself() -> None:
    said = remedy(RollBackWave("lab", "broke", all_sets=True), asks="", **REVIEWED)
    assert said == "ask for each set by Run workflow on the page Actions of cfg-app.git"


FORM = "gh workflow run tidemill.yml -R acme/cfg -f"


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (
            PromoteWave("lab", set="app", sha=SHA),
            f"to go back: {FORM} 'operation=roll back' -f wave=lab -f set=app -f sha={SHA} "
            "-f reason=REASON",
        ),
        (
            PromoteWave("lab", set="app"),
            f"look at {short(NEWEST)}, then: {FORM} operation=promote -f wave=lab -f set=app "
            f"-f sha={NEWEST}",
        ),
        (
            RollBackWave("lab", "broke", set="app", to=NEWEST),
            "name an older set, or hold the wave: tidemill hold-wave --wave lab --reason REASON "
            "--repo https://github.com/acme/cfg",
        ),
    ],
    ids=["back", "approve", "hold"],
)
def test_command_that_reviewers_have_to_see_is_printed_as_their_form(ask: Ask, said: str) -> None:
    assert remedy(ask, asks="", **REVIEWED) == said
