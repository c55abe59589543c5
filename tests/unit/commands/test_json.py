"""What `--json` prints, of results that commands really return.

docs/reference/commands.md has the keys.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.unit.results import ACCEPTED, announced, built, kept_main, reconciled, shown
from tests.unit.sets import LAB, SHOP, STOCKTAKING, settings
from tests.unit.snapshots import NOW, Rollout, app_sha, landed, sha

from tidemill.action.summary import summary
from tidemill.commands._json import DONE, as_json
from tidemill.commands._results import (
    Acceptance,
    CommitChecks,
    EventRequest,
    RecordedCheck,
    Request,
    Result,
)
from tidemill.commands._text import text
from tidemill.plan.obstacles import HoldInForce
from tidemill.turn.check import CommitVerdict
from tidemill.turn.outcome import LostTo
from tidemill.turn.verdicts import VerdictNote


def plain(result: Result) -> dict[str, object]:
    """As who reads it finds it."""
    found: dict[str, object] = json.loads(msgspec.json.encode(as_json(result)))
    return found


def test_a_turn_after_a_request_has_both() -> None:
    result = announced()
    found = plain(result)
    kept = {"id": "announcement-app-2", "kind": "accepted", "state": "accepted"}
    assert (found["request"], found["error"], found["changed"]) == (kept, {}, True)
    assert found["introduced"] == [
        {
            "id": result.turn.entries[0].id,
            "sha": result.turn.to_check[0],
            "app_sha": app_sha(2),
            "set": "app",
            "wave": "lab",
            "reason": "announced by acme/app",
        }
    ]
    assert found["to_check"] == list(result.turn.to_check)


def test_one_thing_that_waits_has_its_command_and_its_obstacles() -> None:
    waiting, *_ = as_json(announced())["waiting"]
    typed = f"promote-wave --wave shop --set app --sha {app_sha(1)}"
    assert waiting["what"] == f"{app_sha(1)[:12]} (app) for shop"
    assert waiting["command"].startswith(f"tidemill {typed} --repo ")
    assert waiting["for"] == f"approval for shop. To go on: {waiting['command']}"
    assert waiting["on_github"].startswith("gh workflow run ")
    assert (waiting["kind"], waiting["at"], waiting["wave"]) == ("approval", "for", "shop")
    assert waiting["since"] == "2026-01-05T11:30:00Z"
    (obstacle,) = waiting["obstacles"]
    assert obstacle["kind"] == "approval"
    assert obstacle["words"] == "approval for shop"


def test_several_things_that_one_waits_for_are_counted() -> None:
    turn = announced().turn
    line, *_ = turn.waiting
    held = HoldInForce(wave="shop", set="app", by="kim", reason="stocktaking")
    several = msgspec.structs.replace(line, obstacles=(*line.obstacles, held))
    assert turn.remedies.reasons(several) == (
        "(1) approval for shop. (2) shop is held by kim: stocktaking. "
        f"To go on: {turn.remedies.ending(line)[0]}"
    )


def test_a_rendering_reads_nothing_but_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    result = announced()
    before = as_json(result), [*text(result)], summary("x", result, None)
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://elsewhere.example")
    monkeypatch.setenv("GITHUB_WORKFLOW_REF", "a/b/.github/workflows/other.yml@refs/heads/main")
    assert (as_json(result), [*text(result)], summary("x", result, None)) == before


def test_a_turn_that_was_lost_claims_nothing() -> None:
    rollout = Rollout()
    rollout.announced(1)
    found = plain(reconciled(rollout, LostTo("refs/tidemill/journal")))
    assert (found["changed"], found["landed"], found["to_check"]) == (False, None, [])
    assert not any(found[what.replace(" ", "_")] for what in DONE)


def test_a_rule_that_keeps_main_ends_the_command_with_1() -> None:
    assert kept_main("GH006: Protected branch").exit_code == 1
    assert kept_main("cannot lock ref").exit_code == 0


def test_a_status_is_values_all_the_way_down() -> None:
    rollout = landed()
    found = plain(shown(rollout))
    assert set(found) == {"main", "auto", "waves", "waiting", "gone_holds", "unreadable"}
    assert (found["main"], found["auto"]) == (rollout.main, None)


def test_a_status_says_until_when_a_target_does_not_count() -> None:
    rollout = landed()
    down = {"until": "2026-01-06T12:00+01:00", "reason": "it moves"}
    rollout.settings = settings(
        lab=LAB,
        shop={**SHOP, "need": "all but 1", "soak": "1h"},
        targets=[{"name": "lab-2", "ignored": down}],
        freezes=(STOCKTAKING,),
    )
    waves: Any = plain(shown(rollout))["waves"]
    told = {one["name"]: one["ignored"] for one in waves[0]["targets"]}
    assert told == {
        "lab-1": None,
        "lab-2": {"until": "2026-01-06T11:00:00Z", "reason": "it moves"},
    }


def test_what_was_only_accepted_has_no_turn() -> None:
    assert plain(Acceptance(ACCEPTED)).keys() == {"request", "changed"}
    ended = Request("ended", "a-1", "landed", way_in="tidemill retry")
    wanted = {"id": "a-1", "kind": "ended", "state": "already there", "way_in": "tidemill retry"}
    assert plain(Acceptance(ended)) == {"request": wanted, "changed": False}


def test_an_event_that_brings_nothing_says_of_which_kind_it_is() -> None:
    nothing = EventRequest("push", Request("nothing", how="no news"), is_foreign=True)
    assert plain(nothing) == {
        "event": "push",
        "changed": False,
        "accepted": None,
        "state": "nothing to accept",
        "kind": "foreign",
        "reason": "no news",
    }
    assert "kind" not in plain(EventRequest("x", ACCEPTED))


def test_verdicts_are_by_commit_and_one_that_is_not_green_ends_with_1() -> None:
    red, green = sha("red"), sha("green")
    verdicts = CommitVerdict(red, "error", "x"), CommitVerdict(green, "success", "y", ("z",))
    checks = CommitChecks(verdicts)
    assert plain(checks) == {
        "verdicts": {red: "error", green: "success"},
        "reasons": {red: "x", green: "y"},
        "warnings": [f"{green[:12]}: z"],
    }
    assert (checks.exit_code, CommitChecks(verdicts[1:]).exit_code) == (1, 0)


def test_a_recorded_check_has_its_time() -> None:
    recorded = RecordedCheck("check", "failure", VerdictNote("a" * 40, changed=True, why="x"), NOW)
    assert plain(recorded)["at"] == "2026-01-05T12:00:00Z"


def test_one_image_alone_stands_at_the_top_too(tmp_path: Path) -> None:
    build = built(tmp_path / "web")
    found = plain(build)
    assert found["digest"] == build.images[0].image.digest
    assert (found["changed"], found["verified"]) == (True, None)
