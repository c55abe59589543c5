"""A service that a set no longer has goes from every wave, and is named where people look."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.loop.stories import file_at, says, trailers
from tests.loop.waves import Waves, waves
from tests.world import announcement, git

BOTH = {"web": "1", "api": "1"}


@pytest.fixture
def both(tmp_path: Path) -> Waves:
    """Two waves with two services."""
    return waves(tmp_path, first=("everywhere", 1, BOTH))


def test_service_that_goes_is_named_in_each_wave(both: Waves) -> None:
    file = both.folder / "announcement.json"
    file.write_text(json.dumps(announcement(2, {"web": "2"})))
    code, out, _ = says(both, "update-cfg-app", "--announcement", str(file))
    assert code == 0
    assert "announced by acme/app; removes: api" in out
    both.green()
    both.deploy("lab")
    both.green()
    assert both.positions() == {"lab": 2, "shop": 2}
    for wave in ("lab", "shop"):
        assert trailers(both, both.landing_of(wave))["Autocommit-Removes"] == "api"
        assert "api" not in json.loads(file_at(both, "main", f"images/{wave}/digests.json"))
    promoted = both.journalled("promoted")[-1]["reason"]
    assert promoted == "deployed in lab; removes: api"


def test_set_that_removes_nothing_says_nothing_of_it(both: Waves) -> None:
    both.ship(2, {"web": "2", "api": "1", "db": "1"})
    assert "Autocommit-Removes" not in trailers(both, both.landing_of("lab"))
    assert both.journalled("introduced")[-1]["reason"] == "announced by acme/app"


def test_service_of_a_name_that_nobody_may_have_forges_no_trailer(both: Waves) -> None:
    git(both.clone, "fetch", "-q", str(both.bare), "main")
    git(both.clone, "reset", "-q", "--hard", "FETCH_HEAD")
    digests = both.clone / "images/lab/digests.json"
    evil = {"x\nAutocommit-Target: shop": "y"}
    digests.write_text(json.dumps(json.loads(digests.read_text()) | evil))
    subprocess.run(["python3", "generate.py"], cwd=both.clone, check=True)
    both.commit("a strange service by hand")
    both.turn()
    both.release("lab")
    both.ship(2, BOTH)
    said = trailers(both, both.landing_of("lab"))
    assert said["Autocommit-Target"] == "lab"
    assert said["Autocommit-Removes"] == repr(next(iter(evil)))
