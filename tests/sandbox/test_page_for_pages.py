"""Who may see a site on GitHub Pages is asked before anything is written, and a refusal says so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import pytest
from tests.sandbox.server_world import World

from tidemill.__main__ import main

SETTINGS = '[checks]\nsource = "refs"\n[[waves]]\nname = "lab"\ntargets = ["lab-1"]\n'


@pytest.fixture
def rollout(pushed: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """acme/app with the settings of a cfg-app.git; and what a workflow has of the server."""
    (pushed.clone / "tidemill.toml").write_text(SETTINGS)
    pushed.git("add", ".")
    pushed.git("commit", "-q", "-m", "settings")
    pushed.git("push", "-q", str(pushed.repository.path), "HEAD:main")
    monkeypatch.setenv("GITHUB_SERVER_URL", pushed.hub.url)
    monkeypatch.setenv("GITHUB_API_URL", pushed.hub.api_url)
    token = pushed.mint(contents="read", pages="read", metadata="read")
    monkeypatch.setenv("TIDEMILL_TOKEN", token)
    return pushed


@pytest.mark.parametrize(
    ("is_private", "site", "more", "is_written"),
    [
        (False, "public", (), True),
        (True, "private", (), True),
        (True, "public", (), False),
        (True, None, (), False),
        (True, "public", ("--allow-public",), True),
    ],
)
def test_a_private_repository_is_not_shown_to_everybody(
    rollout: World,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    is_private: bool,
    site: Literal["public", "private"] | None,
    more: tuple[str, ...],
    is_written: bool,
) -> None:
    rollout.repository.is_private, rollout.repository.pages = is_private, site
    out, repo = tmp_path / "page", f"{rollout.hub.url}/acme/app"
    code = main(["page", "--repo", repo, "--out", str(out), "--for-github-pages", "--json", *more])
    said = json.loads(capsys.readouterr().out)
    assert (code == 0, out.exists()) == (is_written, is_written), said
    if not is_written:
        assert said["error"]["written"] == "nothing"
        assert "Pages" in said["error"]["remedy"]
