"""What the stand-in counts for whoever only watches: runs, job-minutes, calls."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.sandbox.runner_world import NAME, Mill, mill

from tidemill.__main__ import main as tidemill
from tidemill_sandbox.__main__ import main
from tidemill_sandbox.state.shapes import Job

WORKFLOW = """
on: [repository_dispatch]
jobs:
  work: {runs-on: x, steps: [{run: 'true'}]}
  never: {runs-on: x, if: false, steps: [{run: 'true'}]}
  judged: {runs-on: x, if: "${{ github.event.action == 'other' }}", steps: [{run: 'true'}]}
  later: {needs: never, runs-on: x, steps: [{run: 'true'}]}
"""


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Mill]:
    with mill(tmp_path) as found:
        found.push(a=WORKFLOW)
        found.settled()
        yield found


def counted(shop: Mill) -> dict[str, Any]:
    """What anybody sees, without a token."""
    with urllib.request.urlopen(f"{shop.hub.url}/_count", timeout=60) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def of_shop(shop: Mill) -> dict[str, Any]:
    found: dict[str, Any] = counted(shop)["repositories"][NAME]
    return found


def test_job_that_is_skipped_costs_nothing(shop: Mill) -> None:
    shop.dispatch("go")
    shop.settled()
    found = of_shop(shop)
    assert found["runs_by_event"] == {"repository_dispatch": 1}
    assert (found["runs_that_cost_nothing"], found["jobs"], found["job_minutes"]) == (0, 1, 1)


def test_minutes_are_those_that_have_begun(shop: Mill) -> None:
    shop.dispatch("go")
    (run,) = shop.settled()
    job = next(one for one in run.jobs if one.name == "work")
    assert job.started_at is not None
    for seconds, billed in ((0, 1), (59, 1), (60, 1), (61, 2), (600, 10)):
        job.completed_at = job.started_at.fromtimestamp(
            job.started_at.timestamp() + seconds, job.started_at.tzinfo
        )
        assert of_shop(shop)["job_minutes"] == billed


def test_job_that_never_got_a_machine_costs_nothing(shop: Mill) -> None:
    shop.dispatch("go")
    (run,) = shop.settled()
    run.jobs.append(Job(1, "cancelled", "completed", "cancelled", started_at=run.created_at,
                        completed_at=run.created_at))  # fmt: skip
    run.jobs.append(Job(2, "queued"))
    assert of_shop(shop)["jobs"] == 1


def test_calls_are_counted_by_who_and_by_kind(shop: Mill) -> None:
    before = of_shop(shop)["calls"].get("ada", {})
    for _ in range(2):
        shop.rest("GET", f"/repos/{NAME}/actions/runs?per_page=1")
    call = "GET /repos/{owner}/{repo}/actions/runs"
    assert of_shop(shop)["calls"]["ada"][call] == before.get(call, 0) + 2


def test_whoever_watches_may_not_change_anything(shop: Mill) -> None:
    before = counted(shop)
    assert counted(shop) == before  # to look is no call
    request = urllib.request.Request(f"{shop.hub.url}/_count", method="POST", data=b"{}")
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(request, timeout=60)


def test_command_shows_it(shop: Mill, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "env").write_text(f"export GITHUB_SERVER_URL={shop.hub.url}\n")
    assert main(["count", "--to", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == counted(shop)
    assert main(["count", "--url", shop.hub.url]) == 0
    assert "job-minutes" in capsys.readouterr().out


def test_without_a_stand_in_there_is_nothing_to_count(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["count", "--to", str(tmp_path)]) != 0
    assert "no folder of a stand-in" in capsys.readouterr().err
    assert main(["count", "--url", "http://127.0.0.1:9"]) != 0
    assert "no stand-in answers" in capsys.readouterr().err
    assert tidemill(["count"]) != 0  # it is the sandbox's
