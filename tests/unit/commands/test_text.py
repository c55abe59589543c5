"""What a person reads at a terminal, of results that commands really return."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.unit.results import ACCEPTED, announced, built, printed, reconciled, shown, unnamed
from tests.unit.sets import CHRISTMAS, LAB, SHOP, STOCKTAKING, settings
from tests.unit.snapshots import NOW, Rollout, app_sha, landed, sha

from tidemill.answers.difference import asked_for, difference
from tidemill.commands._difference_text import MOST_COMMITS, commits_of, in_short
from tidemill.commands._parts import Paragraph, When
from tidemill.commands._results import (
    Acceptance,
    AppCommit,
    CheckoutCheck,
    CommitChecks,
    Difference,
    EventRequest,
    RecordedCheck,
    RecordFiles,
    Request,
    Result,
    SetupDone,
)
from tidemill.commands._text import text
from tidemill.turn.check import CommitVerdict
from tidemill.turn.outcome import LostTo, WouldWrite
from tidemill.turn.verdicts import VerdictNote
from tidemill.words.shas import short

RED, GREEN = sha("red"), sha("green")


def lines(result: Result) -> list[str]:
    """The lines, each without the space around it."""
    return [line.strip() for line in printed(text(result)).splitlines() if line.strip()]


def test_a_turn_says_what_was_accepted_done_and_waits() -> None:
    result = announced()
    found = lines(result)
    assert found[:2] == ["announcement-app-2: accepted", "Done:"]
    assert any(line.split()[:4] == ["introduced", "app", "lab", app_sha(2)[:12]] for line in found)
    at = found.index("To check:")
    assert found[at + 1] == result.turn.to_check[0]
    command = "tidemill promote-wave --wave shop --set app --sha"
    assert any(line.startswith(f"{command} {app_sha(1)} --repo") for line in found)


def test_a_turn_says_what_became_of_it() -> None:
    rollout = Rollout()
    rollout.announced(1)
    lost = lines(reconciled(rollout, LostTo("refs/tidemill/journal")))
    assert lost == [
        "Other turns kept moving refs/tidemill/journal: nothing was written here, they go on."
    ]
    assert "This would be done:" in lines(reconciled(rollout, WouldWrite()))
    assert lines(reconciled(Rollout())) == ["Nothing to do."]
    assert lines(reconciled(landed()))[0] == "Nothing is due yet."


def test_statuses_that_were_set_come_first() -> None:
    assert lines(reconciled(Rollout(), settled=(RED,)))[0] == f"The status of {RED} is set."


def test_what_something_waits_since_is_past_though_a_clock_is_behind() -> None:
    late = NOW + timedelta(seconds=2)
    assert [When(late, NOW, is_past=one).ago for one in (True, False)] == [
        "just now",
        "in a moment",
    ]
    since = [one.at for one in text(announced()) if isinstance(one, Paragraph) and one.at]
    assert since
    assert all(one.is_past for one in since)


def test_a_status_has_every_wave_with_its_holds() -> None:
    rollout = landed()
    rollout.held("shop")
    found = lines(shown(rollout))
    assert found[0].split() == ["main", rollout.main, "auto", "not", "there"]
    held = "all sets ada 2026-01-05T11:51:00Z it is released freeze"
    assert held in [" ".join(line.split()) for line in found]
    assert any(line.split()[:2] == ["app", app_sha(2)[:12]] for line in found)


def test_a_status_names_a_hold_beneath_another_one() -> None:
    rollout = landed()
    beneath = rollout.held("shop", reason="audit", until=rollout.ago(-60), everywhere=True)
    rollout.held("shop", beneath=beneath)
    found = [" ".join(line.split()) for line in lines(shown(rollout))]
    assert "all sets ada 2026-01-05T11:51:00Z it is released freeze" in found
    assert "all sets ada 2026-01-05T11:51:00Z 2026-01-05T13:00:00Z audit" in found


def test_a_status_says_until_when_a_wave_is_held_and_frozen() -> None:
    rollout = landed()
    rollout.settings = settings(lab=LAB, shop=SHOP, freezes=(STOCKTAKING, CHRISTMAS))
    rollout.held("shop", until=rollout.ago(-60))
    found = [" ".join(line.split()) for line in lines(shown(rollout))]
    assert "all sets ada 2026-01-05T11:51:00Z 2026-01-05T13:00:00Z freeze" in found
    assert "in force 2026-01-05T11:00:00Z 2026-01-05T23:00:00Z stocktaking" in found
    assert "to come 2026-12-18T17:00:00Z 2027-01-04T07:00:00Z Christmas" in found


def test_a_status_says_which_targets_do_not_count_and_who_does_not_run_what_is_deployed() -> None:
    rollout = landed()
    down = {"until": "2026-01-06T12:00Z", "reason": "it moves"}
    rollout.settings = settings(lab=LAB, shop=SHOP, targets=[{"name": "lab-2", "ignored": down}])
    rollout.reports("lab", "lab-1", ago=5)
    rollout.reports("lab", "lab-2", "Degraded", ago=4)
    rollout.turn()
    found = " ".join(" ".join(lines(shown(rollout))).split())
    assert "app in lab is deployed without lab-2 (need: all)" in found
    assert "ignored until" in found
    assert "it moves)" in found


def test_a_status_says_what_files_do_not_name() -> None:
    rollout = unnamed()
    rollout.turn()
    assert "app in lab: no file names any of its images (web)" in lines(shown(rollout))


@pytest.mark.parametrize(
    ("request_", "found"),
    [
        (ACCEPTED, ["announcement-app-2: accepted"]),
        (Request("accepted", "a-1", is_dry_run=True), ["a-1: would be accepted"]),
        (Request("waits", "a-1"), ["a-1: waits already"]),
        (Request("nothing", how="lab has it already"), ["lab has it already"]),
        (Request("ended", "a-1", "landed"), ["a-1: already there"]),
        (Request("ended", "a-1", "landed", is_there=False), ["a-1: has ended already: landed"]),
        (Request("ended", "a-1", "evicted", way_in="tidemill retry"),
         ["a-1: has ended already: evicted", "To let it in again:", "tidemill retry"]),
    ],
)  # fmt: skip
def test_what_became_of_a_request(request_: Request, found: list[str]) -> None:
    assert lines(Acceptance(request_)) == found


@pytest.mark.parametrize(
    ("result", "found"),
    [
        (EventRequest("push", Request("nothing", how="no news")),
         ["'push': nothing to accept: no news"]),
        (EventRequest("x", Request("ended", "a-1", "evicted", way_in="tidemill retry")),
         ["'x': a-1: has ended already: evicted; to let it in again: tidemill retry"]),
        (RecordedCheck("check", "success", VerdictNote(RED, changed=True, why="written"), NOW),
         [f"check of {RED}: success (written)"]),
        (CheckoutCheck(("tidemill.toml",), ("no file names job",)),
         ["green: tidemill.toml", "warning: no file names job"]),
        (CommitChecks((CommitVerdict(RED, "failure", "stale"), CommitVerdict(GREEN, "error", "x"))),
         [f"red: {RED[:12]}: stale", f"lost: {GREEN[:12]}: x"]),
        (SetupDone(()), ["The setup has ended, and nothing of it runs."]),
        (RecordFiles((), '{"web": 1}'), ['{"web": 1}']),
        (RecordFiles(("web.json",)), []),
    ],
)  # fmt: skip
def test_the_others_are_lines(result: Result, found: list[str]) -> None:
    assert lines(result) == found


def test_a_build_has_a_line_for_each_image(tmp_path: Path) -> None:
    first, again = built(tmp_path / "web"), built(tmp_path / "web")
    (line,) = lines(first)
    assert line.startswith(f"web: {first.images[0].reference} (changed, ")
    assert "(unchanged, in oci:" in lines(again)[0]


def test_what_nobody_would_see_is_written_out() -> None:
    assert lines(Acceptance(Request("nothing", how="a\u202eb"))) == ["a\\u202eb"]


def test_a_wave_that_has_no_images_of_a_set_yet_has_nothing_and_no_unknown_set() -> None:
    rollout = Rollout()
    known, unknown = rollout.files_of(1), replace(rollout.files_of(1), source=None)
    one = short(known.app_sha)
    said = [
        (None, known, f"app.git nothing yet → {one}"),
        (unknown, known, f"app.git an unknown set → {one}"),
        (known, None, f"app.git {one} → nothing"),
        (known, unknown, f"app.git {one} → an unknown set"),
        (None, None, "Neither side has any images of it on main."),
        (unknown, unknown, "The commit of app.git is known on neither side."),
    ]
    for before, after, words in said:
        assert commits_of(difference("shop", "app", before, after)) == words
    new, old = difference("shop", "app", None, known), difference("shop", "app", unknown, known)
    assert in_short(new) == f"shop would get app {one}: added web"
    assert in_short(old).startswith(f"shop would get app {one} in place of ")
    asked = asked_for({}, "shop", "app", known.app_sha or "")
    assert commits_of(asked) == f"app.git nothing yet → {one}"


def test_of_many_commits_it_is_said_how_many_are_left_out() -> None:
    found = tuple(AppCommit(sha(f"{n}"), "Ada", "Work") for n in range(MOST_COMMITS + 3))
    said = lines(Difference((), come=found))
    assert said[-1] == "Older ones are left out: 3; --json has all."
    assert sum("Work (Ada)" in line for line in said) == MOST_COMMITS
    assert "left out" not in "".join(lines(Difference((), come=found[3:])))
