"""The summary of each kind of result, made from results that commands really return."""

from __future__ import annotations

from html import unescape
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from msgspec.structs import replace
from tests.unit.results import (
    ACCEPTED,
    URL,
    announced,
    built,
    reconciled,
    shown,
    unnamed,
)
from tests.unit.sets import unreadable
from tests.unit.snapshots import Rollout, app_sha, landed, sha

from tidemill.action.summary import MOST_ROWS, summary, summary_of_error
from tidemill.answers.difference import FileChange, ServiceChange, SetDifference
from tidemill.checkup.finding import warning
from tidemill.commands._command_line import parse
from tidemill.commands._results import (
    CommitChecks,
    Diagnosis,
    Difference,
    EventRequest,
    Mended,
    RecordFiles,
    Request,
    SetupDone,
)
from tidemill.commands._table import run
from tidemill.errors import Refused
from tidemill.turn.check import CommitVerdict
from tidemill.turn.outcome import LostTo, WouldWrite

APP = app_sha(2)[:12]


def test_the_page_of_a_turn_says_all_of_it() -> None:
    result = announced()
    page = summary("update-cfg-app", result, URL)
    (wanted,) = result.turn.to_check
    assert page.startswith("### update-cfg-app\n")
    assert "announcement-app-2: accepted." in page
    assert f"| introduced | app | lab | `{APP}` | announced by acme/app |" in page
    assert f"To check: [`{wanted[:12]}`]({URL}/commit/{wanted})." in page
    waits = f"| {app_sha(1)[:12]} (app) for shop | approval for shop |"
    assert f"{waits} 2026-01-05T11:30:00Z |" in page
    command = f"tidemill promote-wave --wave shop --set app --sha {app_sha(1)}"
    assert f"<code>{command}" in page, "in full, to copy"
    assert f"[*Actions*]({URL}/actions) → *tidemill* → *Run workflow*" in page
    assert "Statuses set" not in page


def test_the_page_of_status_names_what_can_not_be_read() -> None:
    broken = unreadable("broken-one")
    page = summary("status", shown(Rollout(unreadable=(broken,))), URL)
    assert "Can't be read:" in page
    assert "broken-one" in page


def test_the_page_of_a_turn_that_landed_links_to_the_commit() -> None:
    rollout = Rollout()
    commit = rollout.on_auto("lab", 1)
    rollout.green(commit)
    page = summary("reconcile-cfg-app", reconciled(rollout, settled=(commit,)), URL)
    link = f"[`{commit[:12]}`]({URL}/commit/{commit})"
    assert f"Landed {link} on main." in page
    assert f"Statuses set: {link}." in page
    assert "Run workflow" not in page, "nothing is to be approved"


def test_what_is_about_a_commit_of_cfg_app_links_to_it() -> None:
    rollout = landed()
    rollout.reports("lab", "lab-1")
    page = summary("record-deployment", reconciled(rollout), URL)
    where = f"[`{rollout.main[:12]}`]({URL}/commit/{rollout.main})"
    assert f"| reported |  | lab | {where} |" in page


def test_a_hold_of_all_sets_says_so() -> None:
    rollout = landed()
    rollout.hold("lab", reason="x | y")
    page = summary("hold-wave", reconciled(rollout), None)
    assert "| held | all sets | lab |  | x &#124; y |" in page


def test_the_page_of_a_turn_that_did_nothing_says_what_waits() -> None:
    page = summary("reconcile-cfg-app", reconciled(landed()), None)
    assert "Nothing is due yet." in page
    assert "a healthy report from lab-1, lab-2 in lab" in page
    assert "Nothing to do." in summary("reconcile-cfg-app", reconciled(Rollout()), None)


def test_the_page_of_a_turn_that_was_lost_says_so_and_claims_nothing() -> None:
    rollout = Rollout()
    rollout.announced(1)
    page = summary("x", reconciled(rollout, LostTo("refs/tidemill/journal")), None)
    assert "Other turns kept moving refs/tidemill/journal" in page
    assert "| introduced |" not in page


def test_the_page_of_an_event_says_what_it_brought() -> None:
    page = summary("accept-event", EventRequest("repository_dispatch", ACCEPTED), None)
    assert "\nannouncement-app-2: accepted." in page
    nothing = EventRequest("push", Request("nothing", how="a push only starts a turn"))
    assert "Nothing to accept: a push only" in summary("accept-event", nothing, None)


def test_the_page_of_a_status_has_every_wave() -> None:
    rollout = landed()
    rollout.held("shop")
    page = summary("status", shown(rollout), URL)
    assert f"main {rollout.main[:12]}   auto not there" in page
    assert "**shop**" in page
    assert "| all sets | ada | 2026-01-05T11:51:00Z | it is released | freeze |" in page
    assert f"| app | `{APP}` | 2 | in flight | 2026-01-05T11:50:00Z |" in page
    assert "| lab-1 | no report |  |  |  |" in page
    rollout.reported("lab", "lab-1")
    reported = f"| lab-1 | [`{rollout.main[:12]}`]({URL}/commit/{rollout.main}) | Succeeded |"
    assert reported in summary("status", shown(rollout), URL)


def test_what_files_do_not_name_is_on_the_pages_of_a_status_and_of_a_turn() -> None:
    rollout = unnamed()
    page = summary("reconcile-cfg-app", reconciled(rollout), None)
    assert "| not in the files | app | lab |" in page
    rollout.turn()
    assert "app in lab: no file names any of its images (web)" in summary(
        "status", shown(rollout), None
    )


def test_a_long_table_is_cut_and_says_so() -> None:
    report = shown(landed())
    line = report.status.waiting[0]
    turn = reconciled(Rollout()).turn
    many = replace(turn, waiting=(line,) * (MOST_ROWS + 3))
    page = summary("reconcile-cfg-app", replace(reconciled(Rollout()), turn=many), None)
    assert "And 3 more." in page
    assert page.count("a healthy report from") == MOST_ROWS


def test_the_page_of_checks_has_each_commit_and_what_is_to_be_known() -> None:
    red, green = sha("red"), sha("green")
    checks = CommitChecks(
        (
            CommitVerdict(red, "failure", "generate ended with 1"),
            CommitVerdict(green, "success", "tidemill.toml", ("no file names the images of job",)),
        )
    )
    page = summary("check-cfg-app", checks, URL)
    assert f"| [`{red[:12]}`]({URL}/commit/{red}) | failure | generate ended with 1 |" in page
    assert f"| {green[:12]}: no file names the images of job |" in page


def test_the_page_of_a_build_has_each_image(tmp_path: Path) -> None:
    build = built(tmp_path / "web", "--verify")
    (image,) = build.images
    page = summary("build-reproducible-image", build, None)
    assert f"| web | `{image.reference}` | yes | yes |" in page


def test_the_page_of_a_comparison_says_what_the_terminal_says(tmp_path: Path) -> None:
    built(tmp_path / "web")
    images = [f"oci:{tmp_path}/web/out:{tag}" for tag in ("main", "1" * 40)]
    page = summary("compare", run(parse(["compare", *images])), None)  # type: ignore[arg-type]
    assert "identical" in page


@pytest.mark.parametrize(
    ("result", "found"),
    [
        (SetupDone(("agent (7)",)), "and they were ended: agent (7)."),
        (SetupDone(()), "The setup has ended, and nothing of it runs."),
        (RecordFiles(("records/web.json",)), "| records/web.json |"),
    ],
    ids=str,
)
def test_every_other_result_says_what_the_terminal_says(
    result: SetupDone | RecordFiles, found: str
) -> None:
    assert found in summary("x", result, None)


def test_what_is_to_be_copied_is_on_the_page_as_it_stands() -> None:
    lines, command = "permissions:\n  some_key: *all", 'TIDEMILL_TOKEN="$(gh auth token)" tidemill'
    found = (warning("a", "add these", lines), warning("b", "run this", command))
    mended = Mended("a_file", "--- a/a_file\n+++ b/a_file\n@@ -0,0 +1 @@\n+    - a_word")
    page = read(summary("doctor", Diagnosis("app.git", found, (mended,)), None))
    for text in (lines, command, mended.diff):
        assert f"<pre>{text}</pre>" in page


def test_the_page_of_a_difference_tells_what_goes_from_what_comes() -> None:
    change = ServiceChange(service="web", before="web@sha256:1", after="web@sha256:2")
    file = FileChange(path="a.yaml", diff="--- a/a.yaml\n+++ b/a.yaml\n-  - a_b\n+  - c_d")
    found = SetDifference(set="app", wave="lab", before=None, after=None, services=(change,))
    page = read(summary("diff", Difference((found,), files=(file,)), None))
    assert "<p>- web@sha256:1</p>\n<p>+ web@sha256:2</p>" in page
    assert f"<pre>{file.diff}</pre>" in page


def test_the_page_of_a_dry_run_says_that_nothing_was_done() -> None:
    rollout = Rollout()
    commit = rollout.on_auto("lab", 1)
    rollout.green(commit)
    page = summary("reconcile-cfg-app", reconciled(rollout, WouldWrite()), URL)
    assert f"This would be done:\n\nWould land [`{commit[:12]}`]" in page
    assert "Landed" not in page


def test_what_went_wrong_does_not_hide_what_became_of_a_turn() -> None:
    result = reconciled(Rollout())
    page = summary("x", replace(result, turn=replace(result.turn, unsent=("no mail",))), None)
    assert "**Warning**: no mail\n\nNothing to do." in page


def read(page: str) -> str:
    """A page as a browser shows it, with the elements that it is made of."""
    return unescape(MarkdownIt().render(page))


def test_the_page_of_an_error_has_its_remedy() -> None:
    page = summary_of_error("drop", Refused("a | b", written="nothing", remedy="c"))
    assert "| what | a &#124; b |" in page
    assert "| remedy | c |" in page
    command = f"git fetch origin {'a' * 40} {'b' * 600}"
    assert command in summary_of_error("diff", Refused("a", remedy=command))
