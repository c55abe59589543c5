"""Tags as people have them: the digest is the identity, and a tag what the settings allow."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.loop.stories import assert_rests, file_at
from tests.loop.waves import Waves, waves
from tests.world import Result, announcement, git, sha_of


@pytest.fixture
def versions(tmp_path: Path) -> Waves:
    """Two waves, whose settings let versions and images of earlier commits in."""
    return world(tmp_path, '["v*", "{commit}"]')


def world(folder: Path, tags: str) -> Waves:
    found = waves(folder)
    found.change_settings("[images]", f"[images]\ntags = {tags}")
    return found


def tagged(position: int, tag: str, *, content: str | None = None) -> dict[str, Any]:
    """An announcement of one image, whose content is the position by default."""
    found = announcement(position, {"web": content or str(position)})
    found["images"]["web"]["Tag"] = f"ghcr.io/acme/web:{tag}"
    return found


def announce(w: Waves, found: dict[str, Any]) -> Result:
    file = w.folder / "announcement.json"
    file.write_text(json.dumps(found))
    return w.run("update-cfg-app", "--announcement", str(file))


def everywhere(w: Waves, found: dict[str, Any]) -> None:
    announce(w, found)
    w.green()
    for wave in w.targets:
        w.deploy(wave)
        w.green()


def test_version_goes_to_the_last_wave(versions: Waves) -> None:
    everywhere(versions, tagged(1, "v1.4.2"))
    assert versions.positions() == {"lab": 1, "shop": 1}
    assert json.loads(file_at(versions, "main", "images/shop/tags.json")) == {
        "web": "ghcr.io/acme/web:v1.4.2"
    }
    assert versions.state("shop") == "deployed"
    assert_rests(versions)


def test_image_that_was_carried_on_from_an_earlier_commit_goes_in(versions: Waves) -> None:
    versions.change_settings('"v*"', '"{sha}"')
    found = tagged(2, sha_of("app-2"))
    found["images"] |= {"api": announcement(1, {"api": "1"})["images"]["api"]}
    announce(versions, found)
    versions.green()
    assert versions.at("lab") == 2
    versions.deploy("lab")
    versions.green()
    assert versions.at("shop") == 2


def test_tag_of_another_form_is_refused_with_the_setting_to_change(versions: Waves) -> None:
    found = announce(versions, tagged(1, "latest"))
    assert found.code == 1
    assert "[images] tags of cfg-app.git's tidemill.toml" in found["error"]["what"]
    assert found["error"]["written"] == "nothing"
    assert versions.refs("inbox") == []


def test_same_tags_and_digests_of_a_newer_commit_make_no_commit(versions: Waves) -> None:
    everywhere(versions, tagged(1, "v1.4.2"))
    main = versions.ref("refs/heads/main")
    announce(versions, tagged(2, "v1.4.2", content="1"))
    versions.green()
    assert versions.ref("refs/heads/main") == main
    for wave in ("lab", "shop"):
        found = versions.wave(wave)["sets"][0]
        assert (found["app_sha"], found["state"]) == (sha_of("app-2"), "deployed"), wave
    assert_rests(versions)
    everywhere(versions, tagged(3, "v1.4.3"))
    assert versions.positions() == {"lab": 3, "shop": 3}


def test_version_that_moved_to_another_image_is_another_set(versions: Waves) -> None:
    everywhere(versions, tagged(1, "v1"))
    everywhere(versions, tagged(2, "v1"))
    assert versions.positions() == {"lab": 2, "shop": 2}


def test_rolled_back_version_comes_back_only_after_the_release(versions: Waves) -> None:
    everywhere(versions, tagged(1, "v1.4.2"))
    everywhere(versions, tagged(2, "v1.4.3"))
    versions.roll_back("shop")
    versions.green()
    assert versions.positions() == {"lab": 2, "shop": 1}
    assert_rests(versions)


def test_version_that_was_evicted_may_be_retried(versions: Waves) -> None:
    announce(versions, tagged(1, "v1.4.2"))
    versions.check(versions.ref("refs/heads/main") or "")
    versions.check(versions.ref("refs/heads/auto") or "", "failure")
    assert "evicted" in versions.turn()
    versions.later(minutes=1)
    asked = versions.run("retry", "--sha", sha_of("app-1"))
    assert asked.code == 0, asked
    versions.green()
    assert versions.at("lab") == 1


def edited(w: Waves, folder: str) -> str:
    """A person writes another version into tags.json, and pushes it."""
    git(w.clone, "fetch", "-q", str(w.bare), "main")
    git(w.clone, "reset", "-q", "--hard", "FETCH_HEAD")
    file = w.clone / folder / "tags.json"
    file.write_text(file.read_text().replace("v1.4.2", "v1.5.0"))
    return w.commit("another version by hand")


def test_version_that_a_person_edited_is_an_unknown_set(versions: Waves) -> None:
    everywhere(versions, tagged(1, "v1.4.2"))
    sha = edited(versions, "images/shop")
    assert versions.run("check-cfg-app", "--sha", sha).code == 1
    versions.turn()
    found = versions.wave("shop")["sets"][0]
    assert found["app_sha"] is None
    assert versions.refs("holds") == ["refs/tidemill/holds/shop/app"]
