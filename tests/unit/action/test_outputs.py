"""A command's result as texts, on the run's page and in its annotations."""

from __future__ import annotations

from typing import Any

import pytest

from tidemill.action.annotations import errors, notices, warnings
from tidemill.action.markdown import commit, plain, table
from tidemill.action.outputs import OUTPUTS, texts
from tidemill.action.summary import MOST_ROWS, summary, summary_of_error
from tidemill.errors import Refused

SHA, APP = "a" * 40, "b" * 40
URL = "https://github.com/acme/cfg-app"


def waits(kind: str, what: str, words: str = "words", at: str = "for") -> dict[str, Any]:
    """A line of what waits, as commands print it."""
    return {
        "what": what,
        "for": words,
        "kind": kind,
        "since": None,
        "at": at,
        "obstacles": [{"kind": kind, "words": words}],
    }


TURN: dict[str, Any] = {
    "changed": True,
    "landed": SHA,
    "evicted": [],
    "introduced": [{"app_sha": APP, "set": "app", "wave": "lab"}],
    "promoted": [],
    "rolled_back": [],
    "replayed": [],
    "superseded": [],
    "rejected": [],
    "to_check": [SHA],
    "waiting": [
        {
            **waits("approval", f"{APP} (app)", "approval for lab"),
            "since": "2026-01-05T10:00:00Z",
            "command": f"tidemill promote-wave --sha {APP}",
        }
    ],
    "notes": [{"what": "reported", "sha": SHA, "wave": "lab", "reason": "Healthy"}],
    "request": {"id": "announcement-app-1", "kind": "accepted", "state": "accepted"},
}
IGNORED = {"changed": False, "kind": "nothing", "state": "nothing to accept"}
NOTHING = {**TURN, "changed": False, "landed": None, "introduced": [], "to_check": [], "notes": []}


def test_every_kind_of_value_is_a_text() -> None:
    found = texts("update-cfg-app", TURN)
    assert found["changed"] == "true"
    assert found["landed"] == SHA
    assert found["to-check"] == f'["{SHA}"]'
    assert found["rolled-back"] == "[]"
    assert found["id"] == "announcement-app-1"
    assert found["state"] == "accepted"
    assert texts("update-cfg-app", NOTHING)["landed"] == ""


@pytest.mark.parametrize("name", OUTPUTS)
def test_an_output_that_a_result_has_not_is_empty(name: str) -> None:
    assert set(texts(name, {})) == set(OUTPUTS[name])


def test_the_page_of_a_turn_says_all_of_it() -> None:
    page = summary("update-cfg-app", TURN, URL)
    assert page.startswith("### update-cfg-app\n")
    assert "announcement-app-1: accepted." in page
    assert f"Landed [`{SHA[:12]}`]({URL}/commit/{SHA}) on main." in page
    assert f"| introduced | app | lab | `{APP[:12]}` |  |" in page
    assert f"| reported |  | lab | [`{SHA[:12]}`]({URL}/commit/{SHA}) | Healthy |" in page
    assert "Statuses set" not in page
    settled = summary("reconcile-cfg-app", {**TURN, "settled": [SHA]}, URL)
    assert f"Statuses set: [`{SHA[:12]}`]({URL}/commit/{SHA})." in settled
    assert f"To check: [`{SHA[:12]}`]({URL}/commit/{SHA})." in page
    assert f"| {APP[:12]} (app) | approval for lab | 2026-01-05T10:00:00Z |" in page
    assert f"<code>tidemill promote-wave --sha {APP}</code>" in page, "in full, to copy"


def test_the_page_of_a_turn_that_did_nothing_says_what_waits() -> None:
    assert "Nothing is due yet." in summary("reconcile-cfg-app", NOTHING, None)
    assert "Nothing to do." in summary("reconcile-cfg-app", {**NOTHING, "waiting": []}, None)


def test_the_page_of_a_turn_says_how_to_approve_there() -> None:
    page = summary("reconcile-cfg-app", {**TURN, "waiting": [waits("approval", "x")]}, URL)
    assert f"[*Actions*]({URL}/actions) → *tidemill* → *Run workflow*" in page
    held = {**TURN, "waiting": [waits("hold", "x")]}
    assert "Run workflow" not in summary("reconcile-cfg-app", held, URL)


def test_the_page_of_an_event_says_what_it_brought() -> None:
    brought = {"accepted": "announcement-app-1", "state": "accepted", "reason": None}
    assert "\nannouncement-app-1: accepted." in summary("accept-event", brought, None)
    nothing = {**IGNORED, "accepted": None, "reason": "a push only starts a turn"}
    assert "Nothing to accept: a push only" in summary("accept-event", nothing, None)


def test_without_a_page_to_link_to_a_commit_stands_for_itself() -> None:
    assert commit(SHA, None) == f"`{SHA[:12]}`"
    assert commit("`x`](y", URL) == "&#96;x&#96;&#93;(y"


def test_a_long_table_is_cut_and_says_so() -> None:
    lines = [waits("check", str(n), "x") for n in range(MOST_ROWS + 3)]
    page = summary("reconcile-cfg-app", {**NOTHING, "waiting": lines}, None)
    assert "And 3 more." in page
    assert f"| {MOST_ROWS - 1} | x |" in page
    assert f"| {MOST_ROWS} | x |" not in page


def test_the_page_of_an_error_has_its_remedy() -> None:
    page = summary_of_error("drop", Refused("a | b", written="nothing", remedy="c"))
    assert "| what | a &#124; b |" in page
    assert "| remedy | c |" in page


@pytest.mark.parametrize(
    "text",
    [
        "[a](b)",
        "![a](b)",
        "<b>",
        "`a`",
        "a|b",
        "@team",
        "#1",
        "https://a.b",
        "www.a.b",
        "*a*",
        "&lt;",
    ],
)
def test_no_text_of_others_is_markdown(text: str) -> None:
    escaped = plain(text)
    assert escaped != text
    for sign in "[]!<>`|@*":
        assert sign not in escaped
    assert "://" not in escaped
    assert "www.a" not in escaped


def test_a_text_of_others_is_one_line() -> None:
    assert "\n" not in plain("a\n### b")
    assert table(("a", "b"), []) == []


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"evicted": [{"app_sha": APP, "set": "app", "wave": "lab", "reason": "red"}]},
         f"{APP[:12]} app in lab was evicted: red"),
        ({"rejected": [{"id": "promotion-1", "reason": "no such wave"}]},
         "promotion-1 was rejected: no such wave"),
        ({"notes": [{"what": "held", "set": "_", "wave": "lab", "reason": "broken"}]},
         "all sets in lab is held: broken"),
        ({"waiting": [waits("red main", f"main at {SHA}", "a commit that mends it", at="main")]},
         f"main at {SHA} waits for a commit that mends it"),
        ({"waiting": [waits("main does not generate", "it", "a commit on main that mends it: no")]},
         "it waits for a commit on main that mends it: no"),
        ({"waiting": [waits("stale main", "it", "a commit on main with what it generates")]},
         "it waits for a commit on main with what it generates"),
        ({"warnings": ["these files of other waves are stale"]},
         "these files of other waves are stale"),
    ],
    ids=[
        "evicted", "rejected", "held", "red main", "main that does not generate", "stale main",
        "what a check found",
    ],
)  # fmt: skip
def test_what_needs_a_person_is_a_warning(change: dict[str, Any], found: str) -> None:
    assert warnings({**TURN, **change}) == [found]


def test_a_turn_that_needs_nobody_warns_of_nothing() -> None:
    assert warnings(TURN) == []
    assert notices(TURN) == []


@pytest.mark.parametrize(
    ("result", "found"),
    [
        ({"request": {"id": "a-1", "kind": "waits", "state": "waits already"}},
         ["a-1: waits already"]),
        ({"request": {"kind": "nothing", "state": "lab has it already"}}, ["lab has it already"]),
        ({"changed": False, "reason": "a push brings nothing"}, ["a push brings nothing"]),
        ({"changed": True, "reason": "said"}, []),
        ({**IGNORED, "reason": "a push only starts a turn"}, []),
        ({**IGNORED, "kind": "foreign", "reason": "x is not an event of Tidemill's"},
         ["x is not an event of Tidemill's"]),
    ],
)  # fmt: skip
def test_why_nothing_was_done_is_a_notice(result: dict[str, Any], found: list[str]) -> None:
    assert notices(result) == found


def test_what_is_red_is_an_error() -> None:
    red = {"verdicts": {SHA: "failure", APP: "success"}, "reasons": {SHA: "stale"}}
    assert errors("check-cfg-app", red) == [f"{SHA} is failure: stale"]
    differs = {"images": [{"service": "web", "verified": False}]}
    assert errors("build-reproducible-image", differs)[0].startswith("web is not reproducible")
    assert errors("compare", {}) == ["compare says no; see the log"]


def test_what_files_do_not_name_is_in_the_summary_and_on_top_of_it() -> None:
    text = "lab, set app: no file names the images of job"
    checked = {"verdicts": {"a" * 40: "success"}, "reasons": {}, "warnings": [text]}
    assert text in summary("check-cfg-app", checked, None)
    assert warnings(checked) == [text]
    note = {"what": "not in the files", "app_sha": "b" * 40, "set": "app", "wave": "lab"}
    turn = {"landed": None, "notes": [{**note, "reason": "no file names any of its images"}]}
    assert "no file names any of its images" in summary("reconcile-cfg-app", turn, None)
    assert "is not in the files as it should be: no file names" in warnings(turn)[0]


def test_what_files_do_not_name_is_in_the_summary_of_status() -> None:
    one = {"set": "app", "app_sha": "b" * 40, "state": "deployed in part", "since": None}
    wave = {
        "name": "lab",
        "holds": [],
        "targets": [],
        "sets": [{**one, "naming": {"absent": ["job"]}}],
    }
    found = summary("status", {"main": "a" * 40, "auto": None, "waves": [wave]}, None)
    assert "app: no file names the images of job." in found
