"""What status calls deployed is in the files that targets render from."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.loop.stories import assert_rests, refs
from tests.loop.waves import Waves, built_once, waves
from tests.world import GENERATE, REGISTRY, git, sha_of

NAMES = {
    "another-image": (f"{REGISTRY}/web:v1", f"{REGISTRY}/web:v1"),
    "another-repository": ("registry.test/mirror/web:v1", "registry.test/mirror/web:v1"),
    "nothing": ("none", ""),
}


def generator(line: str) -> str:
    """A `generate` that writes a line of its own instead of what the image files say."""
    return GENERATE.replace('f"{service}: {digest}"', repr(f"image: {line}"))


@built_once
def ignoring(folder: Path, /, line: str, position: int = 1) -> Waves:
    """A world whose `generate` ignores the image files; the first set is on main, all healthy."""
    w = waves(folder / "w")
    change_generator(w, generator(line))
    w.ship(position)
    w.deploy("lab")
    w.green()
    return w


def change_generator(w: Waves, text: str) -> str:
    git(w.clone, "fetch", "-q", str(w.bare), "main")
    git(w.clone, "reset", "-q", "--hard", "FETCH_HEAD")
    (w.clone / "generate.py").write_text(text)
    w.commit("another generator")
    return w.edit()


def the_set(w: Waves, wave: str = "lab") -> dict[str, Any]:
    return dict(w.wave(wave)["sets"][0])


@pytest.mark.parametrize(("line", "named"), NAMES.values(), ids=NAMES.keys())
def test_set_that_the_files_do_not_name_is_not_deployed_and_not_promoted(
    tmp_path: Path, line: str, named: str
) -> None:
    w = ignoring(tmp_path, line)
    assert w.positions() == {"lab": 1, "shop": None}
    assert w.state("lab") == "not in the files"
    assert all(target["runs"] == {} for target in w.wave("lab")["targets"])
    assert the_set(w)["naming"]
    assert named in w.why()
    assert "generated/lab/l1/all.yaml" in w.why() or not named
    [entry] = w.journalled("not in the files")
    assert (entry["wave"], entry["set"]) == ("lab", "app")
    assert named in entry["reason"]
    w.later(days=1)
    w.turn()
    assert w.at("shop") is None
    assert_rests(w)


def test_set_is_deployed_once_the_files_name_it_and_the_targets_have_them(tmp_path: Path) -> None:
    w = ignoring(tmp_path, f"{REGISTRY}/web:v1")
    change_generator(w, GENERATE)
    w.turn()
    assert w.state("lab") != "deployed", "the targets have the old files"
    w.deploy("lab")
    assert w.state("lab") == "deployed"
    w.green()
    assert w.at("shop") == 1


def test_files_that_a_person_changes_later_are_looked_at_again(tmp_path: Path) -> None:
    w = waves(tmp_path, first=("everywhere", 1))
    assert w.state("lab") == "deployed"
    change_generator(w, generator(f"{REGISTRY}/web:v1"))
    assert w.state("lab") == "not in the files", "status says so before any turn"
    before = refs(w)
    w.turn()
    assert len(w.journalled("not in the files")) == 2
    assert refs(w) != before
    assert_rests(w)
    w.deploy("lab")
    assert w.state("lab") == "not in the files"
    change_generator(w, GENERATE)
    w.deploy("lab")
    assert w.state("lab") == "deployed"


def test_service_that_no_file_mentions_yet_stops_nothing_and_is_not_called_deployed(
    tmp_path: Path,
) -> None:
    split = {"lab": {"l1": ["web"], "l2": ["web"]}, "shop": {"s1": ["web"]}}
    w = waves(tmp_path, targets=split, first=("ship", 1, {"web": "a", "api": "a"}))
    w.deploy("lab")
    w.green()
    assert w.at("shop") == 1
    assert w.state("lab") == "deployed in part"
    assert the_set(w)["naming"] == {"absent": ["api"]}
    w.everywhere(2, {"web": "b"})
    assert w.state("lab") == "deployed"
    assert "naming" not in the_set(w) or the_set(w)["naming"] is None


def test_rollback_goes_past_a_set_that_was_never_in_the_files(tmp_path: Path) -> None:
    w = waves(tmp_path, first=("everywhere", 1))
    change_generator(w, generator(f"{REGISTRY}/web:v1"))
    w.later(minutes=20)
    w.ship(2)
    w.deploy("lab")
    assert w.state("lab") == "not in the files"
    change_generator(w, GENERATE)
    w.later(minutes=20)
    w.everywhere(3)
    w.roll_back("lab")
    w.green()
    assert w.at("lab") == 1


def test_without_a_path_nothing_is_known_of_files(tmp_path: Path) -> None:
    w = waves(tmp_path)
    change_generator(w, generator(f"{REGISTRY}/web:v1"))
    w.change_settings('path = "generated/{wave}/{target}"', "")
    w.everywhere(1)
    assert w.positions() == {"lab": 1, "shop": 1}
    assert w.state("lab") == "deployed"


def test_path_that_goes_takes_what_was_known_with_it(tmp_path: Path) -> None:
    w = ignoring(tmp_path, f"{REGISTRY}/web:v1")
    w.change_settings('path = "generated/{wave}/{target}"', "")
    w.turn()
    w.deploy("lab")
    assert w.state("lab") == "deployed"


def test_images_that_a_person_adopts_are_looked_for_as_well(tmp_path: Path) -> None:
    w = waves(tmp_path)
    change_generator(w, generator(f"{REGISTRY}/web:v1"))
    folder = w.clone / "images/lab"
    folder.mkdir(parents=True)
    (folder / "tags.json").write_text(json.dumps({"web": f"{REGISTRY}/web:v2"}))
    (folder / "digests.json").write_text(json.dumps({"web": f"{REGISTRY}/web@sha256:{'a' * 64}"}))
    w.commit("adopt")
    w.edit()
    assert w.state("lab") == "not in the files"
    w.turn()
    w.deploy("lab")
    assert w.state("lab") == "not in the files"


MONO = {"api": "1" * 64, "worker": "2" * 64}


def announce_mono(w: Waves, position: int, images: dict[str, str]) -> None:
    sha, name = sha_of(f"mono-{position}"), f"{REGISTRY}/mono"
    told = {
        "version": 1,
        "set": "app",
        "repository": "acme/app",
        "sha": sha,
        "position": position,
        "images": {
            service: {"Digest": f"{name}@sha256:{digest}", "Tag": f"{name}:{sha}"}
            for service, digest in images.items()
        },
    }
    file = w.folder / "mono.json"
    file.write_text(json.dumps(told))
    assert w.run("update-cfg-app", "--announcement", str(file)).code == 0
    w.green()


def test_a_file_whose_name_is_not_utf8_stops_no_turn(tmp_path: Path) -> None:
    w = waves(tmp_path, first=("ship", 1))
    git(w.clone, "fetch", "-q", str(w.bare), "main")
    git(w.clone, "reset", "-q", "--hard", "FETCH_HEAD")
    name = os.fsdecode(b"caf\xe9.yaml")
    (w.clone / "generated/lab/l1" / name).write_text(f"image: {REGISTRY}/web:v1\n")
    w.commit("a name in Latin-1")
    w.turn()
    assert r"'generated/lab/l1/caf\udce9.yaml' names " in w.why()
    assert w.state("lab") == "not in the files"
    assert_rests(w)


@pytest.mark.parametrize("with_path", [True, False], ids=["path", "no-path"])
@pytest.mark.parametrize(
    ("running", "is_deployed"),
    [
        ([f"{REGISTRY}/mono@sha256:{'1' * 64}", f"{REGISTRY}/mono@sha256:{'2' * 64}"], True),
        ([f"{REGISTRY}/mono@sha256:{'2' * 64}"], True),
        ([f"{REGISTRY}/mono:{sha_of('mono-1')}"], True),
        ([f"{REGISTRY}/mono@sha256:{'1' * 64}", f"{REGISTRY}/mono@sha256:{'3' * 64}"], False),
        ([f"{REGISTRY}/mono:v1"], False),
    ],
    ids=["both", "one", "tag", "an-old-one-too", "another-tag"],
)
def test_target_may_run_any_image_that_the_wave_has_in_a_repository(
    tmp_path: Path, running: list[str], is_deployed: bool, with_path: bool
) -> None:
    w = waves(tmp_path, {"lab": {"targets": ["l1"]}, "shop": {"targets": ["s1"]}})
    if not with_path:
        w.change_settings('path = "generated/{wave}/{target}"', "")
    announce_mono(w, 1, MONO)
    w.report("lab", "l1", images=running)
    w.green()
    assert (w.state("lab") == "deployed") == is_deployed
    assert (w.at("shop") == 1) == is_deployed
