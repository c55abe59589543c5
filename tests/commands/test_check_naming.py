"""`tidemill check-cfg-app`: are the images that a wave is said to have in its targets' files?"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.loop.stories import says
from tests.loop.waves import Waves, waves
from tests.world import GENERATE, REGISTRY, Result, git, sha_of

ALL = 'f"{service}: {digest}"'
LAB = f"{REGISTRY}/web:v1"


def check(w: Waves) -> Result:
    return w.run("check-cfg-app", "--repo", str(w.clone), repo=False)


def write_images(w: Waves, folder: str, services: Mapping[str, str], letter: str = "a") -> None:
    """Image files of an unknown set; by service its repository."""
    place = w.clone / folder
    place.mkdir(parents=True, exist_ok=True)
    tags = {name: f"{repository}:{sha_of('1')}" for name, repository in services.items()}
    digests = {
        name: f"{one}@sha256:{number:x}{letter * 63}"
        for number, (name, one) in enumerate(services.items())
    }
    (place / "tags.json").write_text(json.dumps(tags))
    (place / "digests.json").write_text(json.dumps(digests))


def generated_by(w: Waves, line: str) -> None:
    """Generate with another generator: `line` is what it writes for each service."""
    (w.clone / "generate.py").write_text(GENERATE.replace(ALL, line))
    subprocess.run(["python3", "generate.py"], cwd=w.clone, check=True)


@pytest.fixture
def w(tmp_path: Path) -> Waves:
    made = waves(tmp_path)
    write_images(made, "images/lab", {"web": f"{REGISTRY}/web"})
    return made


RED = {
    "another-image": (repr(f"image: {LAB}"), f"generated/lab/l1/all.yaml names {LAB}"),
    "another-repository": ("'image: r.test/web:1'", "no file names any of its images (web)"),
    "nothing": ("''", "lab, set app: no file names any of its images (web)"),
}


@pytest.mark.parametrize(("line", "why"), RED.values(), ids=RED.keys())
def test_set_that_the_files_do_not_name_is_red(w: Waves, line: str, why: str) -> None:
    generated_by(w, line)
    result = check(w)
    assert result.code == 1
    assert why in result["error"]["what"]
    assert "images/lab/digests.json" in result["error"]["remedy"]


def test_set_that_the_files_name_is_green_without_a_warning(w: Waves) -> None:
    generated_by(w, ALL)
    result = check(w)
    assert (result.code, result["warnings"]) == (0, [])


def test_service_that_no_file_mentions_is_a_warning(w: Waves) -> None:
    write_images(w, "images/lab", {"web": f"{REGISTRY}/web", "api": f"{REGISTRY}/api"})
    generated_by(w, f"{ALL} if service == 'web' else 'old: r.test/x/api:v3'")
    result = check(w)
    assert result.code == 0
    [warning] = result["warnings"]
    assert "lab, set app: no file names the images of api" in warning
    assert "names r.test/x/api:v3" in warning


def test_without_a_path_nothing_is_looked_for(w: Waves) -> None:
    w.change_settings('path = "generated/{wave}/{target}"', "")
    write_images(w, "images/lab", {"web": f"{REGISTRY}/web"})
    generated_by(w, repr(f"image: {LAB}"))
    assert check(w).code == 0


def test_commit_is_red_for_the_waves_whose_images_it_changes(w: Waves) -> None:
    """What is wrong elsewhere was wrong before it."""
    write_images(w, "images/shop", {"web": f"{REGISTRY}/web"}, "b")
    generated_by(w, f"{ALL} if wave == 'lab' else 'none'")
    w.commit("shop is wrong")
    assert check(w).code == 1, "the person's own commit"
    write_images(w, "images/lab", {"web": f"{REGISTRY}/web"}, "c")
    generated_by(w, f"{ALL} if wave == 'lab' else 'none'")
    lab = w.commit("lab is right")
    result = check(w)
    assert result.code == 0
    assert "shop, set app: no file names any of its images (web)" in result["warnings"][0]
    git(w.bare, "update-ref", "refs/heads/main", lab)
    told = w.run("check-cfg-app", "--sha", lab)
    assert told["verdicts"] == {lab: "success"}
    assert "shop, set app" in told["warnings"][0]
    _, out, _ = says(w, "check-cfg-app", "--sha", lab)
    assert f"warning: {lab[:12]}: shop, set app" in out


def test_two_sets_of_a_wave_may_not_name_the_same_service(tmp_path: Path) -> None:
    w = waves(tmp_path, sets=("app", "lib"))
    write_images(w, "images/lab/app", {"web": f"{REGISTRY}/web"})
    write_images(w, "images/lab/lib", {"web": f"{REGISTRY}/web"})
    generated_by(w, ALL)
    result = check(w)
    assert result.code == 1
    assert "lab: the sets app and lib both name the service web" in result["error"]["what"]


def test_sets_may_share_a_repository(tmp_path: Path) -> None:
    w = waves(tmp_path, sets=("app", "lib"))
    write_images(w, "images/lab/app", {"web": f"{REGISTRY}/mono"})
    write_images(w, "images/lab/lib", {"job": f"{REGISTRY}/mono"}, "b")
    generated_by(w, ALL)
    assert check(w).code == 0
