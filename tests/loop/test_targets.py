"""Which targets have to take a set, and which run it: digests, files, named images, silence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.loop.waves import Waves, short, waves
from tests.world import REGISTRY, git

ONE_SHOP = {"targets": ["s1"]}
TWO = {"lab": {"targets": ["l1", "l2"]}, "shop": ONE_SHOP}
SPLIT = {"lab": {"l1": None, "l2": ["web"]}, "shop": {"s1": None}}


def test_target_that_runs_none_of_the_changed_services_stays_silent_and_blocks_nobody(
    tmp_path: Path,
) -> None:
    w = waves(tmp_path, TWO, targets=SPLIT, first=("everywhere", 1, {"web": "a", "api": "a"}))
    w.ship(2, {"web": "a", "api": "b"})
    assert w.at("shop") == 1
    w.report("lab", "l1")
    w.green()
    assert w.at("shop") == 2


def test_target_that_runs_a_changed_service_is_waited_for(tmp_path: Path) -> None:
    w = waves(tmp_path, TWO, targets=SPLIT, first=("everywhere", 1, {"web": "a", "api": "a"}))
    w.ship(2, {"web": "b", "api": "b"})
    w.report("lab", "l1")
    w.green()
    assert w.at("shop") == 1
    assert "l2" in w.why()


def test_new_tags_of_the_same_digests_wait_for_nobody(tmp_path: Path) -> None:
    w = waves(tmp_path, TWO, first=("everywhere", 1, {"web": "a"}))
    generated = git(w.bare, "rev-parse", "main:generated")
    w.ship(2, {"web": "a"})
    assert w.positions() == {"lab": 2, "shop": 2}
    assert git(w.bare, "rev-parse", "main:generated") == generated
    assert w.state("shop") == "deployed"


def test_without_a_path_same_digests_still_count_as_running(tmp_path: Path) -> None:
    w = without_path(tmp_path)
    w.everywhere(1, {"web": "a"})
    w.ship(2, {"web": "a"})
    assert w.positions() == {"lab": 2, "shop": 2}


def test_without_a_path_every_target_must_report(tmp_path: Path) -> None:
    w = without_path(tmp_path, targets=SPLIT)
    w.ship(1, {"web": "a", "api": "a"})
    w.report("lab", "l1")
    w.green()
    assert w.at("shop") is None, "l2 has never reported"
    w.report("lab", "l2")
    w.green()
    assert w.at("shop") == 1
    w.deploy("shop")
    w.ship(2, {"web": "a", "api": "b"})
    w.report("lab", "l1")
    w.green()
    assert w.at("shop") == 1, "nothing says that l2 runs none of what changed"
    assert "l2" in w.why()


def test_target_that_never_reported_and_has_nothing_on_main_blocks_nobody(tmp_path: Path) -> None:
    planned: dict[str, dict[str, Any]] = {"lab": {"targets": ["l1", "planned"]}, "shop": ONE_SHOP}
    w = waves(
        tmp_path, planned, targets={"lab": {"l1": None}, "shop": {"s1": None}}, first=("ship", 1)
    )
    w.report("lab", "l1")
    w.green()
    assert w.at("shop") == 1


def test_target_that_never_reported_and_has_files_on_main_blocks_its_wave(tmp_path: Path) -> None:
    w = waves(tmp_path, TWO, first=("ship", 1))
    w.report("lab", "l1")
    w.green()
    assert w.at("shop") is None
    assert "l2" in w.why()


def test_one_healthy_one_progressing_one_silent_and_nothing_is_promoted(tmp_path: Path) -> None:
    w = waves(
        tmp_path,
        {"lab": {"targets": ["good", "slow", "mute"]}, "shop": ONE_SHOP},
        first=("ship", 1),
    )
    w.report("lab", "good")
    w.report("lab", "slow", health="Progressing")
    w.later(hours=3)
    assert not w.turn()["promoted"]
    late = next(line for line in w.status()["waiting"] if "in lab" in line["what"])
    assert "slow" in late["for"]
    assert "mute" in late["for"]
    assert "good" not in late["for"]
    assert late["since"] == "2026-01-05T10:00:00Z"
    assert w.state("lab") == "silent"


def test_target_that_skips_the_landing_commit_counts_by_its_digests(tmp_path: Path) -> None:
    w = waves(tmp_path, TWO, first=("ship", 1))
    for note in ("2", "3"):
        w.edit(note=note)
    w.deploy("lab")
    w.green()
    assert w.at("shop") == 1


def test_target_that_jumps_to_a_newer_set_never_had_the_older(tmp_path: Path) -> None:
    lab = {"targets": ["l1", "l2"], "admit": "at once"}
    w = waves(tmp_path, {"lab": lab, "shop": {**ONE_SHOP, "soak": "1h"}}, first=("ship", 1))
    w.report("lab", "l1")
    w.ship(2)
    w.report("lab", "l2")
    w.later(hours=2)
    w.green()
    assert w.at("shop") is None, "1 never was on l2, 2 is not on l1"
    assert "l1" in w.why()


def test_record_from_before_the_landing_counts_if_the_target_runs_the_set(tmp_path: Path) -> None:
    w = waves(tmp_path, TWO, targets=SPLIT, first=("everywhere", 1, {"web": "a", "api": "a"}))
    w.later(hours=1)
    w.ship(2, {"web": "a", "api": "b"})
    assert "l1" in w.why()
    assert "l2" not in w.why()
    w.report("lab", "l1")
    w.green()
    assert w.at("shop") == 2


def test_targets_need_not_be_healthy_all_at_once(tmp_path: Path) -> None:
    w = waves(tmp_path, TWO, first=("ship", 1))
    w.report("lab", "l1")
    w.later(minutes=1)
    w.report("lab", "l1", health="Progressing")
    assert "l1" not in w.why()
    w.report("lab", "l2")
    w.green()
    assert w.at("shop") == 1


@pytest.mark.parametrize(
    ("phase", "health"),
    [
        ("Running", "Healthy"),
        ("Succeeded", "Progressing"),
        ("Succeeded", "Suspended"),
        ("Succeeded", "Missing"),
        ("Succeeded", "Unknown"),
        ("Terminating", "Healthy"),
    ],
)
def test_what_is_not_both_succeeded_and_healthy_is_waited_for(
    tmp_path: Path, phase: str, health: str
) -> None:
    w = waves(tmp_path, {"lab": {"targets": ["l1"]}, "shop": ONE_SHOP}, first=("ship", 1))
    w.report("lab", "l1", phase, health)
    w.green()
    assert w.at("shop") is None
    assert w.state("lab") == "in flight", "nor has it failed"


def test_named_image_of_the_set_with_another_digest_is_not_the_set(tmp_path: Path) -> None:
    w = waves(tmp_path, {"lab": {"targets": ["l1"]}, "shop": ONE_SHOP}, first=("ship", 1))
    stale = f"{REGISTRY}/web@sha256:{'0' * 64}"
    w.report("lab", "l1", images=(stale,))
    w.green()
    assert w.at("shop") is None
    assert "l1" in w.why()


def test_named_images_that_fit_or_are_of_other_repositories_count(tmp_path: Path) -> None:
    w = waves(tmp_path, {"lab": {"targets": ["l1"]}, "shop": ONE_SHOP})
    turn = w.announce(1)
    w.green()
    assert turn["introduced"]
    digests = git(w.bare, "show", "main:images/lab/digests.json")
    mine = digests.split('"')[3]
    other = f"docker.io/library/postgres@sha256:{'1' * 64}"
    w.report("lab", "l1", images=(mine, other))
    w.green()
    assert w.at("shop") == 1


def test_named_image_is_right_again_with_the_next_report(tmp_path: Path) -> None:
    w = waves(tmp_path, {"lab": {"targets": ["l1"]}, "shop": ONE_SHOP}, first=("ship", 1))
    w.report("lab", "l1", images=(f"{REGISTRY}/web@sha256:{'0' * 64}",))
    w.later(minutes=1)
    w.report("lab", "l1", images=(f"{REGISTRY}/other@sha256:{'0' * 64}",))
    w.green()
    assert w.at("shop") == 1


def test_status_names_what_each_target_runs(tmp_path: Path) -> None:
    w = waves(tmp_path, TWO, first=("everywhere", 1))
    w.ship(2)
    w.report("lab", "l1")
    runs = {target["name"]: target["runs"]["app"][:12] for target in w.wave("lab")["targets"]}
    assert runs == {"l1": short(2), "l2": short(1)}


def without_path(folder: Path, **kw: Any) -> Waves:
    """Two waves whose settings do not say what a target renders from."""
    w = waves(folder, TWO, **kw)
    w.change_settings('[deployments]\npath = "generated/{wave}/{target}"\n', "")
    return w
