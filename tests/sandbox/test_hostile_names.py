"""Names with everything in them that a shell, a runner or Git might take for its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.sandbox.loop_world import Loop, announced, loop
from tests.sandbox.runner_world import NAME

from tidemill_sandbox.state.shapes import Run


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Loop]:
    with loop(tmp_path) as found:
        yield found


def hostile(marker: Path) -> list[str]:
    """Names of which each would leave `marker`, or a line of a runner's, if it were believed."""
    touch = f"touch {marker}"
    return [
        f"a'; {touch}; '",
        f'a"$({touch})`{touch}`',
        f"a\n::set-output name=to-check::[1]\n::error title=Boo::boo\n{touch}",
        "##[error]boo ${{ github.token }} %0A::warning::boo",
        f"--upload-pack={touch}",
        "x" * 5000,
    ]


RUNNERS = ("error", "", "Process completed with exit code 1")


def shown_on(run: Run) -> list[tuple[str, str, str]]:
    """What a run's page shows, but for the runner's own word on a step that failed."""
    return [one for part in run.jobs for one in part.annotations if one != RUNNERS]


def test_what_an_event_names_is_refused_in_one_annotation_and_never_believed(
    shop: Loop, tmp_path: Path
) -> None:
    marker = tmp_path / "marker"
    before = shop.refs()
    fields = ("branch", "set", "run_url", "sha", "repository", "service")
    for field, name in zip(fields, hostile(marker), strict=True):
        one = announced("app", 1)
        if field == "service":
            one["images"] = {name: one["images"].popitem()[1]}
        else:
            one[field] = name
        shop.announce(one)
    shop.settle()
    assert [run.conclusion for run in shop.hub.runs] == ["failure"] * len(fields)
    for run in shop.hub.runs:
        ((kind, title, text),) = shown_on(run)
        assert kind == "error"
        # act takes the last `::` of a command for the one before its text; GitHub takes the first.
        assert title == "Tidemill: loop" or "::" in str(run.trigger), text
        assert "remedy: " in text
        assert len(text) < 1000
        assert [part.conclusion for part in run.jobs] == ["failure", *4 * ["skipped"]]
    assert shop.refs() == before
    assert not marker.exists()


def test_environments_and_types_of_events_are_other_peoples(shop: Loop, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    before, main = shop.refs(), shop.git("rev-parse", "main")
    for name in hostile(marker)[:4]:
        deploy(shop, main, f"lab/{name}"[:250])
        shop.mill.dispatch(name[:100], {"revision": name, "x": {"y": name}})
    shop.settle()
    assert len(shop.hub.runs) == 8
    assert {run.conclusion for run in shop.hub.runs} == {"success"}
    for run in shop.hub.runs:
        assert {kind for kind, _, _ in shown_on(run)} <= {"notice"}
        assert [part.conclusion for part in run.jobs] == ["success", *4 * ["skipped"]]
    assert {ref for ref in shop.refs() if "inbox" in ref} == set()
    assert shop.refs()["refs/heads/main"] == before["refs/heads/main"]
    assert not marker.exists()


def deploy(shop: Loop, sha: str, environment: str) -> None:
    rest, where = shop.mill.rest, f"/repos/{NAME}/deployments"
    body: dict[str, Any] = {"ref": sha, "environment": environment, "auto_merge": False,
                            "required_contexts": []}  # fmt: skip
    made = rest("POST", where, body)
    rest("POST", f"{where}/{made['id']}/statuses", {"state": "success"})
