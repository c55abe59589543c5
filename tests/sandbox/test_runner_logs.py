"""Logs and annotations as GitHub's own program `gh` reads them, and how it reaches this server."""

from __future__ import annotations

import io
import re
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.sandbox.runner_world import NAME, Mill, log, mill

WORKFLOW = """
on: [repository_dispatch]
jobs:
  a:
    name: 'say / it: twice'
    runs-on: x
    steps:
      - run: echo one; echo '::warning title=Mind::the gap'
      - {name: The second, run: 'echo two; echo three'}
"""


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Mill]:
    with mill(tmp_path) as found:
        found.push(a=WORKFLOW)
        found.settled()
        found.dispatch()
        found.settled()
        yield found


def test_archive_of_logs_has_a_file_for_each_job_and_for_each_of_its_steps(shop: Mill) -> None:
    (run,) = shop.hub.runs
    url = f"{shop.hub.api_url}/repos/{NAME}/actions/runs/{run.id}/logs"
    request = urllib.request.Request(url, headers={"User-Agent": "tests"})
    request.add_unredirected_header("Authorization", f"Bearer {shop.ada}")
    with urllib.request.urlopen(request, timeout=60) as answer:
        archive = zipfile.ZipFile(io.BytesIO(answer.read()))
    texts = {name: archive.read(name).decode() for name in archive.namelist()}
    job = "say  it twice"  # without what a path can't have
    steps = {name: text for name, text in texts.items() if name.startswith(f"{job}/")}
    assert [re.sub(r"_.*", "", name) for name in steps] == [f"{job}/1", f"{job}/2"]
    first, second = steps.values()
    assert " one\n" in first
    assert " two\n" not in first
    assert " two\n" in second
    assert " three\n" in second
    assert texts[f"0_{job}.txt"].endswith(first + second)


def test_annotations_of_a_job_are_those_of_its_check_run(shop: Mill) -> None:
    (run,) = shop.hub.runs
    where = f"/repos/{NAME}/check-runs/{run.jobs[0].id}/annotations"
    (found,) = shop.rest("GET", where)
    assert (found["annotation_level"], found["title"]) == ("warning", "Mind")
    assert found["message"] == "the gap"


@pytest.mark.parametrize("host", ["api.github.localhost", "api.github.localhost:80"])
def test_server_is_a_proxy_for_names_of_this_machine(shop: Mill, host: str) -> None:
    """`gh` speaks plain HTTP with github.localhost alone, at port 80: a proxy sends it here."""
    proxy = urllib.request.ProxyHandler({"http": shop.hub.url})
    request: Any = urllib.request.Request(
        f"http://{host}/repos/{NAME}",
        headers={"User-Agent": "tests", "Authorization": f"Bearer {shop.ada}"},
    )
    with urllib.request.build_opener(proxy).open(request, timeout=60) as answer:
        assert answer.status == 200


@pytest.mark.parametrize("shell", ["", "shell: sh, ", "shell: '/bin/bash -p {0}', "], ids=repr)
def test_last_lines_of_steps_that_fail_are_there(tmp_path: Path, shell: str) -> None:
    """Act reads no more of a step that has failed; now and then its last lines are lost."""
    begun = f"      - {{continue-on-error: true, {shell}"
    steps = "".join(
        f"{begun}run: 'seq 30; printf the_last_of_{one}; exit 3'}}\n" for one in range(30)
    )
    with mill(tmp_path) as shop:
        shop.push(a=f"on: [repository_dispatch]\njobs:\n  a:\n    runs-on: x\n    steps:\n{steps}")
        shop.settled()
        shop.dispatch()
        shop.settled()
        said = log(shop.hub.runs[0], "a").splitlines()
    assert [one for one in range(30) if f"the_last_of_{one}" not in said] == []
    assert len(said) == 30 * (2 + 30 + 1)
