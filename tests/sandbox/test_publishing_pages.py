"""The workflow `pages.yml` hands GitHub Pages what a fresh machine makes of Git, or nothing."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest
from tests.sandbox.runner_world import Mill, ended, log, mill

from tidemill_sandbox.state.shapes import Run

SETTINGS = '[checks]\nsource = "refs"\n[[waves]]\nname = "lab"\ntargets = ["lab-1"]\n'
CALLER = """
on: [repository_dispatch]
permissions: {}
jobs:
  page:
    permissions: {contents: read, statuses: read, checks: read, pages: write, id-token: write}
    uses: tidemill/tidemill/.github/workflows/pages.yml@main
    with: {allow-public: "${{ github.event.action == 'allowed' }}"}
"""
# As GitHub's own: it packs the folder, and keeps it as the artifact that the other one publishes.
UPLOAD = """
name: upload-pages-artifact
description: a stand-in
inputs: {path: {description: the folder, required: true}}
runs:
  using: composite
  steps:
    - shell: sh
      run: tar -C "$FOLDER" -cf "$RUNNER_TEMP/artifact.tar" .
      env: {FOLDER: "${{ inputs.path }}"}
    - uses: actions/upload-artifact@v7
      with: {name: github-pages, path: "${{ runner.temp }}/artifact.tar"}
"""
DEPLOY = """
name: deploy-pages
description: a stand-in
outputs: {page_url: {description: where it is, value: "${{ steps.deploy.outputs.page_url }}"}}
runs:
  using: composite
  steps:
    - {id: deploy, shell: sh, run: 'echo page_url=https://acme.example/shop/ >> "$GITHUB_OUTPUT"'}
"""


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Mill]:
    actions = {}
    for name, text in (("upload-pages-artifact", UPLOAD), ("deploy-pages", DEPLOY)):
        actions[f"actions/{name}"] = tmp_path / name
        actions[f"actions/{name}"].mkdir()
        (actions[f"actions/{name}"] / "action.yml").write_text(text)
    (tmp_path / "mill").mkdir()
    with mill(tmp_path / "mill", most=1, actions=actions) as found:
        (found.clone.folder / "tidemill.toml").write_text(SETTINGS)
        found.push(pages=CALLER)
        yield found


def published(shop: Mill, run: Run) -> dict[str, bytes]:
    """The files that a run handed to GitHub Pages."""
    found = [
        one for one in shop.hub.artifacts if one.run_id == run.id and one.name == "github-pages"
    ]
    if not found:
        return {}
    with ZipFile(found[0].path) as archive:
        packed = io.BytesIO(archive.read("artifact.tar"))
    with tarfile.open(fileobj=packed) as files:
        return {
            one.name.removeprefix("./"): content.read()
            for one in files
            if (content := files.extractfile(one))
        }


def test_the_page_of_a_private_repository_is_published_only_where_that_is_asked_for(
    shop: Mill,
) -> None:
    shop.repository.is_private, shop.repository.pages = True, "public"
    shop.dispatch("usual")
    shop.settled()
    shop.dispatch("allowed")
    refused, allowed = shop.settled()
    (job,) = refused.jobs
    assert ended(refused) == {job.name: "failure"}
    assert "everybody could see its site" in log(refused, job.name)
    assert published(shop, refused) == {}
    assert ended(allowed) == {job.name: "success"}
    files = published(shop, allowed)
    assert b"waves/lab.html" in files["index.html"]
    assert {"style.css", "find.js", "waves/lab.html", "landings.xml"} <= files.keys()
