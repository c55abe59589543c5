"""Reports come late, twice, out of order and again and again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.loop.stories import refs
from tests.loop.waves import Waves, waves
from tests.world import git

ONE = {"lab": {"targets": ["l1"]}, "shop": {"targets": ["s1"]}}


def kept(w: Waves, wave: str, target: str) -> int:
    """How many records of a target are kept."""
    return int(git(w.bare, "rev-list", "--count", f"refs/tidemill/deployed/{wave}/{target}"))


def test_repeated_record_is_not_kept_and_changes_nothing(tmp_path: Path) -> None:
    w = waves(tmp_path, ONE, first=("ship", 1))
    w.report("lab", "l1")
    w.green()
    before, finished = refs(w), w.now
    for _ in range(3):
        w.later(minutes=1)
        assert not w.report("lab", "l1", finished=finished, revision=w.landing_of("lab"))["changed"]
    after = refs(w)
    assert {ref: sha for ref, sha in after.items() if "journal" not in ref} == {
        ref: sha for ref, sha in before.items() if "journal" not in ref
    }
    assert kept(w, "lab", "l1") == 1


def test_record_that_differs_is_kept_with_the_earlier_ones_as_ancestors(tmp_path: Path) -> None:
    w = waves(tmp_path, ONE, first=("ship", 1))
    for health in ("Progressing", "Healthy", "Progressing", "Healthy"):
        w.report("lab", "l1", health=health)
        w.later(minutes=1)
    assert kept(w, "lab", "l1") == 4


def test_late_record_of_something_earlier_does_not_undo_the_latest(tmp_path: Path) -> None:
    w = waves(tmp_path, ONE, first=("ship", 1))
    started = w.now
    w.later(minutes=5)
    w.report("lab", "l1")
    w.later(minutes=1)
    w.report("lab", "l1", health="Degraded", finished=started)
    assert w.state("lab") == "deployed"
    w.green()
    assert w.at("shop") == 1


def test_late_good_news_does_not_hide_later_bad_news(tmp_path: Path) -> None:
    w = waves(tmp_path, ONE, first=("ship", 1))
    started = w.now
    w.later(minutes=5)
    w.report("lab", "l1", "Failed", "Healthy")
    w.later(minutes=1)
    w.report("lab", "l1", finished=started)
    w.green()
    assert w.state("lab") == "failed"
    assert w.at("shop") is None


def test_records_that_were_accepted_together_are_filed_in_the_order_of_what_happened(
    tmp_path: Path,
) -> None:
    w = waves(
        tmp_path, {"lab": {"targets": ["l1"]}, "shop": {"targets": ["s1"]}}, first=("ship", 1)
    )
    finished = w.now
    w.later(minutes=10)
    broken = w.settings
    w.settings = "waves = 3\n"
    w.edit()
    revision = w.landing_of("lab")
    w.report("lab", "l1", finished=w.now, revision=revision)
    w.report("lab", "l1", health="Degraded", finished=finished, revision=revision)
    assert len(w.refs("inbox")) == 2, "the settings are broken: nothing is filed"
    w.settings = broken
    w.edit()
    w.turn()
    assert w.state("lab") in ("deployed", "failed")
    assert [one["health"] for one in w.wave("lab")["targets"]] == ["Healthy"]


def test_healthy_then_progressing_then_degraded_promotes_once_and_never_again(
    tmp_path: Path,
) -> None:
    w = waves(tmp_path, ONE, first=("ship", 1))
    promoted = []
    for health in ("Healthy", "Progressing", "Healthy", "Degraded", "Progressing", "Healthy"):
        promoted += w.report("lab", "l1", health=health)["promoted"]
        promoted += w.green()["promoted"]
        w.later(minutes=1)
    assert [one["wave"] for one in promoted] == ["shop"]
    assert w.positions() == {"lab": 1, "shop": 1}


def test_many_targets_that_notify_again_after_every_sync_change_nothing(tmp_path: Path) -> None:
    names = [f"l{number}" for number in range(12)]
    w = waves(tmp_path, {"lab": {"targets": names}, "shop": {"targets": ["s1"]}}, first=("ship", 1))
    finished, landed = w.now, w.landing_of("lab")
    for name in names:
        w.report("lab", name, finished=finished)
    w.green()
    main = w.edit(note="a ConfigMap")
    changed = [
        w.report("lab", name, finished=finished, revision=landed)["changed"] for name in names
    ]
    assert changed.count(True) <= 1, "the first turn may take note of main"
    w.green()
    assert w.at("shop") == 1
    assert w.ref("refs/heads/main") == main


def test_lost_report_is_made_up_for_by_any_later_one(tmp_path: Path) -> None:
    w = waves(
        tmp_path, {"lab": {"targets": ["l1", "l2"]}, "shop": {"targets": ["s1"]}}, first=("ship", 1)
    )
    w.report("lab", "l1")
    w.later(hours=5)
    w.edit(note="something else")
    w.report("lab", "l2")
    w.green()
    assert w.at("shop") == 1


def test_old_report_of_a_first_wave_after_the_second_advanced_moves_nothing(tmp_path: Path) -> None:
    w = waves(tmp_path, ONE, first=("everywhere", 1))
    old = w.landing_of("lab")
    w.later(hours=1)
    w.everywhere(2)
    assert w.positions() == {"lab": 2, "shop": 2}
    w.later(hours=1)
    w.report("lab", "l1", revision=old)
    w.green()
    assert w.positions() == {"lab": 2, "shop": 2}
    assert w.state("lab") == "deployed", "it was there; one old revision does not make it fail"


def test_chain_of_records_starts_anew_after_two_hundred(tmp_path: Path) -> None:
    w = waves(tmp_path, {"lab": {"targets": ["l1"]}}, first=("ship", 1))
    # Two hundred records through the command line take long: the chain is forged up to 198.
    tip = w.ref("refs/tidemill/deployed/lab/l1")
    assert tip is None
    w.report("lab", "l1")
    first = git(w.bare, "show", "refs/tidemill/deployed/lab/l1:record.json")
    forged = first.replace('"finished_at"', '"number": 199,\n "finished_at"')
    blob = git(w.bare, "hash-object", "-w", "--stdin", data=forged.encode())
    tree = git(w.bare, "mktree", data=f"100644 blob {blob}\trecord.json\n".encode())
    commit = git(w.bare, "commit-tree", tree, "-m", "forged")
    git(w.bare, "update-ref", "refs/tidemill/deployed/lab/l1", commit)
    lengths = []
    for _ in range(3):
        w.later(minutes=1)
        w.report("lab", "l1")
        lengths.append(kept(w, "lab", "l1"))
    assert lengths == [2, 1, 2], "after record 200 the chain begins again"


@pytest.mark.parametrize("last", ["Healthy", "Degraded"])
def test_what_a_target_says_again_counts_also_where_what_it_said_since_was_not_filed_yet(
    tmp_path: Path, last: str
) -> None:
    """Some say only when a sync finished, so that the same words come again."""
    w = waves(tmp_path, ONE, first=("ship", 1))
    finished, revision = w.now, w.landing_of("lab")
    w.report("lab", "l1", finished=finished, revision=revision)
    good, w.settings = w.settings, "waves = 3\n"
    w.edit()  # nothing is filed meanwhile
    healths = ["Degraded", "Healthy", "Degraded", "Healthy"]
    for health in healths if last == "Healthy" else healths[:-1]:
        w.later(minutes=1)
        w.report("lab", "l1", health=health, finished=finished, revision=revision)
    assert len(w.refs("inbox")) == 2
    w.settings = good
    w.edit()
    w.turn()
    assert [one["health"] for one in w.wave("lab")["targets"]] == [last]
    assert w.state("lab") == ("failed" if last == "Degraded" else "deployed")
