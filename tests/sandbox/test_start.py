"""`tidemill-sandbox start`: two repositories, an App or not, and how it starts and ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from tests.sandbox.runner_world import ROOT

from tidemill_sandbox.__main__ import main
from tidemill_sandbox.clients import Rest
from tidemill_sandbox.commands.demo import MARK as DEMO_MARK
from tidemill_sandbox.commands.start import MARK, report_of

WORKFLOW = """
on: [push, repository_dispatch]
jobs:
  a:
    runs-on: x
    steps:
      - run: echo ${{ secrets.MINE }} | tr a-z b-za
      - run: git rev-parse --git-dir || echo none | tr n-z a-m
"""


def own_repository(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    for command in (["init", "-q", "-b", "trunk"], ["add", "-A"], ["commit", "-qm", "Mine"]):
        subprocess.run(["git", "-C", str(folder), *command], check=True)
    (folder / "not-committed").touch()
    return folder


def test_ones_own_two_repositories_are_served_until_it_is_ended(tmp_path: Path) -> None:
    app = own_repository(
        tmp_path / "app",
        {".github/workflows/a.yml": WORKFLOW, "tidemill.toml": 'images = "ghcr.io/me/{service}"\n'},
    )
    cfg = own_repository(
        tmp_path / "cfg",
        {
            "tidemill.toml": 'allow = ["ghcr.io/me/*"]\n',
            "base/web.yaml": "image: ghcr.io/me/web:1\nother: ghcr.io/them/web:1\n",
            "values.yaml": "".join(
                f"- registry: ghcr.io\n  repository: {owner}/web\n" for owner in ("me", "them")
            ),
        },
    )
    to = own_repository(tmp_path / "mine", {"README.md": "Where it is started.\n"}) / "to"
    process = subprocess.Popen(
        [sys.executable, "-m", "tidemill_sandbox", "start", "--to", str(to), "--json",
         "--app", str(app), "--cfg", str(cfg), "--app-name", "me/shop", "--cfg-name", "me/cfg",
         "--secret", "MINE"],
        stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": f"{ROOT}/src:{ROOT}/sandbox", "MINE": "geheim"},
    )  # fmt: skip
    try:
        assert process.stdout is not None
        text = ""
        while line := process.stdout.readline():
            text += line
            if line.startswith("}"):
                break
        found = json.loads(text)
        assert found["repositories"]["app"]["name"] == "me/shop"
        rest = Rest(found["api"], found["tokens"]["ada"])
        while rest("GET", "/repos/me/shop/actions/runs?status=completed")["total_count"] < 1:
            pass
        run = rest("GET", "/repos/me/shop/actions/runs")["workflow_runs"][0]
        assert (run["event"], run["conclusion"]) == ("push", "success")
        assert run["head_branch"] == "trunk"
        log = next((to / "hub" / "logs" / str(run["id"])).glob("*.log")).read_text()
        assert "hfifjn" in log, "the secret was there"
        assert "abae" in log, "jobs run beside all checkouts, as a runner's do"
        clone = Path(found["repositories"]["app"]["clone"])
        names = subprocess.run(
            ["git", "-C", str(clone), "ls-files"], capture_output=True, text=True, check=True
        )
        assert names.stdout.split() == [".github/workflows/a.yml", "tidemill.toml"]
        assert f'images = "{found["registry"]}/me/' in (clone / "tidemill.toml").read_text()
        settings = Path(found["repositories"]["cfg-app"]["clone"]) / "tidemill.toml"
        assert settings.read_text() == f'allow = ["{found["registry"]}/me/*"]\n'
        manifest = (settings.parent / "base/web.yaml").read_text()
        assert manifest == f"image: {found['registry']}/me/web:1\nother: ghcr.io/them/web:1\n"
        assert (settings.parent / "values.yaml").read_text() == (
            f"- registry: {found['registry']}\n  repository: me/web\n"
            "- registry: ghcr.io\n  repository: them/web\n"
        )
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        process.communicate()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--to", "{here}"], "exists, and no stand-in made it"),
        (["--app", "{here}/none"], "is no folder"),
        (["--story", "--app", "{here}"], "the story is about the examples"),
        (["--action", "actions/checkout"], "names no folder"),
        (["--secret", "NOT_SET"], "the variable 'NOT_SET' is not set"),
        (["--faults", "often"], "--faults is no JSON object"),
        (["--faults", '{"faults": [{"dorp": 1}]}'], "contains unknown field `dorp`"),
        (["--faults", '{"faults": [{"drop": "x"}]}'], "$.faults[0].drop"),
        (["--faults", '{"faults": 1}'], "$.faults"),
        (["--cfg-name", "cfg"], "'cfg' is not the name of a repository"),
        (["--app-name", "a/b", "--cfg-name", "A/b"], "both repositories are to be called a/b"),
        (["--port", "{taken}"], "can't be had: Address already in use"),
    ],
)
def test_what_it_can_not_do_is_said_before_anything_starts(
    tmp_path: Path,
    arguments: list[str],
    words: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        given = [one.replace("{here}", str(here)).replace("{taken}", port) for one in arguments]
        to = [] if "--to" in given else ["--to", str(tmp_path / "to")]
        assert main(["start", *to, *given]) == 1
    assert words in capsys.readouterr().err
    assert not (tmp_path / "to").exists()


@pytest.mark.parametrize(
    "given",
    [["--jobs", "0"], ["--clusters", "-1.0"], ["--port", "65536"]],
    ids=["no jobs", "reports before the push", "no port"],
)
def test_number_that_can_not_be_is_wrong_on_the_command_line(
    tmp_path: Path, given: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["start", "--to", str(tmp_path / "to"), *given]) == 2
    assert f"{given[0]}: {given[1]} is not in the range" in capsys.readouterr().err
    assert not (tmp_path / "to").exists()


@pytest.mark.parametrize(
    ("command", "mark", "given"),
    [
        ("start", MARK, ["--cfg", "{mine}"]),
        ("start", MARK, ["--app", "{mine}"]),
        ("start", MARK, ["--action", "actions/checkout={mine}"]),
        ("demo", DEMO_MARK, ["--examples", "{mine}"]),
    ],
    ids=["cfg", "app", "an action", "the demo's examples"],
)
def test_folder_that_is_needed_does_not_go_with_the_one_that_is_made_anew(
    tmp_path: Path, command: str, mark: str, given: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    to = tmp_path / "to"
    mine = to / "mine"
    for name in ("app", "cfg-app"):
        (mine / name).mkdir(parents=True)
    (to / mark).touch()
    words = [one.replace("{mine}", str(mine)) for one in given]
    assert main([command, "--to", str(to), *words]) == 1
    assert f"{mine} is in {to}, which is made anew" in capsys.readouterr().err
    assert (mine / "app").is_dir()


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('[[waves]]\nname = "lab"\ntargets = ["one", "two"]\n', ("lab", "one")),
        ("[[waves]\n", ("WAVE", "TARGET")),
    ],
    ids=["of the settings", "where these are of no use"],
)
def test_report_that_one_may_try_is_of_a_target(
    text: str, place: tuple[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "tidemill.toml"
    file.write_text(text)
    payload = json.loads(report_of(file))["client_payload"]
    assert (payload["wave"], payload["target"]) == place
