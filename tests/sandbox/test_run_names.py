"""What expressions of workflows say, as act reads them: the names of runs, runners, tokens."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from tests.sandbox.runner_world import NAME, ROOT, Mill, log, mill

from tidemill.facts.run_titles import parse_title

RUN_NAME = YAML(typ="safe").load(
    (ROOT / "examples/cfg-app/.github/workflows/tidemill.yml").read_text()
)["run-name"]
GITOPS = YAML(typ="safe").load((ROOT / ".github/workflows/gitops.yml").read_text())
TURN = GITOPS["jobs"]["turn"]
RUNS_ON = TURN["runs-on"]
CALLER = f"""
on:
  status:
  deployment_status:
  repository_dispatch:
  push:
  workflow_dispatch:
    inputs:
      operation: {{type: string}}
      wave: {{type: string}}
      set: {{type: string}}
      sha: {{type: string}}
      at: {{type: string}}
      override: {{type: string}}
      announcement: {{type: string}}
jobs:
  show:
    runs-on: x
    steps:
      - run: echo "[$NAME]"
        env: {{NAME: {json.dumps(RUN_NAME)}}}
"""
LABELS = f"""
on:
  workflow_dispatch:
    inputs:
      runs-on: {{type: string}}
jobs:
  show:
    runs-on: x
    steps:
      - run: echo "[$LABELS]"
        env: {{LABELS: {json.dumps(RUNS_ON.replace("${{ ", "${{ toJSON(").replace(" }}", ") }}"))}}}
"""
EVICTED = re.sub(
    r"jobs\.(turn|settle)\.outputs\.evicted",
    r"inputs.\1",
    GITOPS["on"]["workflow_call"]["outputs"]["evicted"]["value"],
)
EVICTIONS = f"""
on:
  workflow_dispatch:
    inputs:
      turn: {{type: string}}
      settle: {{type: string}}
jobs:
  show:
    runs-on: x
    steps:
      - run: echo "[$EVICTED]"
        env: {{EVICTED: {json.dumps(EVICTED)}}}
"""
FIRST, ARTIFACTS = "Accept what the event brings", "Make a token of the App that may read the"
WHEN = {
    name: next(one["if"] for one in TURN["steps"] if one["name"].startswith(name))
    for name in (FIRST, ARTIFACTS)
}
WITH_AN_APP = f"""
on:
  repository_dispatch:
  workflow_dispatch:
    inputs:
      announcement: {{type: string}}
jobs:
  show:
    runs-on: x
    steps:
      - id: setup
        if: ${{{{ false }}}}
        run: "true"
      - if: {json.dumps(WHEN[FIRST].replace("inputs.app-client-id", "'Iv1'"))}
        run: echo "[by the workflow's token]"
      - if: {json.dumps(WHEN[ARTIFACTS].replace("inputs.app-client-id", "'Iv1'"))}
        run: echo "[by the App's token]"
"""


# What a form is filled in with, by the title that its run has.
FORMS = {
    "promote production  @7d10434": {
        "operation": "promote", "wave": "production", "sha": "7d10434"
    },
    "promote production app @7d10434 (override)": {
        "operation": "promote", "wave": "production", "set": "app", "sha": "7d10434",
        "override": "it @is urgent",
    },
    "promote production  (override) (hotfix)": {
        "operation": "promote", "wave": "production", "override": "down", "announcement": "{}"
    },
    "roll back production  at:2026-11-24T14:00Z": {
        "operation": "roll back", "wave": "production", "at": "2026-11-24T14:00Z"
    },
    "release * ": {"operation": "release", "wave": "*"},
    "retry   @7d10434": {"operation": "retry", "sha": "7d10434"},
}  # fmt: skip


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Mill]:
    with mill(tmp_path) as found:
        yield found


def shown(shop: Mill) -> list[str]:
    """What each run has printed between brackets."""
    printed = [log(run, "show") for run in shop.settled()]
    return [text[text.rindex("\n[") + 2 : text.rindex("]")].replace("\n", "") for text in printed]


def test_a_run_is_called_by_what_started_it(shop: Mill) -> None:
    sha = shop.push(a=CALLER)
    shop.settled()
    shop.dispatch("images-announced", {"set": "app", "sha": "7d104347"})
    shop.dispatch("images-announced", {"artifact": {"run_id": 1}})
    report = {"wave": "staging", "target": "staging-eu", "health": "Healthy"}
    shop.dispatch("target-deployed", report)
    shop.dispatch("turn-due")
    shop.rest("POST", f"/repos/{NAME}/statuses/{sha}", {"state": "success", "context": "ci"})
    shop.rest(
        "POST",
        f"/repos/{NAME}/actions/workflows/a.yml/dispatches",
        {"ref": "main", "inputs": {"operation": "promote", "wave": "production", "set": "app"}},
    )
    for inputs in FORMS.values():
        where = f"/repos/{NAME}/actions/workflows/a.yml/dispatches"
        shop.rest("POST", where, {"ref": "main", "inputs": inputs})
    assert sorted(shown(shop)) == sorted(
        [
            "",
            "app is announced: 7d104347",
            "a set is announced: ",
            "staging/staging-eu reports Healthy",
            "turn-due",
            "ci is success",
            "promote production app",
            *FORMS,
        ]
    )


def test_title_of_a_form_is_what_approvers_are_held_against() -> None:
    """The workflow file writes it, and a turn reads it."""
    for title, inputs in FORMS.items():
        told = parse_title(title)
        assert told is not None
        said = {
            "operation": told.operation,
            "wave": told.wave,
            "set": told.set,
            "sha": told.sha,
            "at": told.at,
        }
        assert {key: one for key, one in said.items() if one} == {
            key: one for key, one in inputs.items() if key in said
        }
        assert told.is_override == ("override" in inputs)
        assert told.is_hotfix == ("announcement" in inputs)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("ubuntu-24.04", "ubuntu-24.04"),
        ('["self-hosted", "linux"]', ["self-hosted", "linux"]),
        ('{"group": "cfg"}', {"group": "cfg"}),
    ],
    ids=["a label", "labels", "a group"],
)
def test_runner_is_a_label_labels_or_a_group(shop: Mill, given: str, expected: Any) -> None:
    shop.push(a=LABELS)
    where = f"/repos/{NAME}/actions/workflows/a.yml/dispatches"
    shop.rest("POST", where, {"ref": "main", "inputs": {"runs-on": given}})
    assert json.loads(shown(shop)[0]) == expected


@pytest.mark.parametrize(
    ("turn", "settle", "said"),
    [
        ('["a"]', "", '["a"]'),
        ('["a"]', "[]", '["a"]'),
        ("[]", '["b"]', '["b"]'),
        ('["a"]', '["b"]', '["b"]'),
        ("[]", "[]", "[]"),
        ("", "", "[]"),
    ],
)
def test_what_one_of_two_turns_took_off_is_an_output(
    shop: Mill, turn: str, settle: str, said: str
) -> None:
    shop.push(a=EVICTIONS)
    where = f"/repos/{NAME}/actions/workflows/a.yml/dispatches"
    shop.rest("POST", where, {"ref": "main", "inputs": {"turn": turn, "settle": settle}})
    (run,) = shop.settled()
    assert f"\n[{said}]" in log(run, "show")


def test_what_is_by_reference_is_accepted_with_the_apps_token(shop: Mill) -> None:
    shop.push(a=WITH_AN_APP)
    artifact = {"run_id": 1, "name": "announcements", "sha256": "0" * 64}
    shop.dispatch("images-announced", {"sha": "7d104347"})
    assert shown(shop) == ["by the workflow's token"]
    shop.dispatch("images-announced", {"artifact": artifact})
    where = f"/repos/{NAME}/actions/workflows/a.yml/dispatches"
    for announced in ({"sha": "7d104347"}, {"artifact": artifact}):
        inputs = {"announcement": json.dumps(announced, indent=1)}
        shop.rest("POST", where, {"ref": "main", "inputs": inputs})
    said = sorted(shown(shop))
    assert said == ["by the App's token"] * 2 + ["by the workflow's token"] * 2
