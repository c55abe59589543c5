"""What `tidemill init` writes as it is: the workflows of the examples, which the linters like."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from tests.contract.test_actions import LINTERS, lint
from tests.grown import KUSTOMIZE, Grown

from tidemill.__main__ import main

ROOT = Path(__file__).resolve().parents[2]
FILES = ROOT / "src/tidemill/adopting/files"
SETUP = re.compile(r"(?m)^ +setup: .*\n")


def without_setup(text: str) -> str:
    """A workflow of an example, without what its own sources have to be built with."""
    return re.sub(r"(?m)^    with:\n(?! {6})", "", SETUP.sub("", text))


@pytest.mark.parametrize(
    ("file", "example"),
    [
        ("cfg_workflow.yml", "examples/cfg-app/.github/workflows/tidemill.yml"),
        ("cfg_wake.yml", "examples/cfg-app/.github/workflows/tidemill-wake.yml"),
        ("app_workflow.yml", "examples/app/.github/workflows/images.yml"),
    ],
)
def test_workflow_is_that_of_the_example(file: str, example: str) -> None:
    text = (ROOT / example).read_text()
    assert (FILES / file).read_text() == without_setup(text)


@pytest.mark.parametrize("linter", LINTERS)
@pytest.mark.parametrize("has_ci", [True, False], ids=["with a CI", "without one"])
def test_workflow_that_is_written_is_lint_free(linter: str, has_ci: bool, tmp_path: Path) -> None:
    ci = {".github/workflows/ci.yml": "name: ci\non: push\n"} if has_ci else {}
    grown = Grown(tmp_path, {**KUSTOMIZE, **ci}, "https://github.com/acme/cfg")
    assert main(["init", "cfg", str(grown.clone), "--yes"]) == 0
    file = grown.clone / ".github/workflows/tidemill.yml"
    assert ("workflow_run" in yaml.safe_load(file.read_text())[True]) is has_ci
    lint(LINTERS[linter], file)


@pytest.mark.parametrize("name", ["generate_kustomize.py", "generate_yaml.py"])
def test_script_needs_nothing_but_python(name: str) -> None:
    words = [sys.executable, "-I", "-S", str(FILES / name)]
    done = subprocess.run(words, cwd=ROOT / "docs", capture_output=True, text=True, check=False)
    assert "No such file or directory: 'tidemill.toml'" in done.stderr


@pytest.mark.parametrize(
    ("file", "manifest"),
    [
        ("argocd_notifications.yaml", "argocd/notifications.yaml"),
        ("flux_provider.yaml", "flux/provider.yaml"),
        ("flux_alert.yaml", "flux/alert.yaml"),
    ],
)
def test_manifest_is_that_of_the_integration(file: str, manifest: str) -> None:
    assert (FILES / file).read_text() == (ROOT / "integrations" / manifest).read_text()
