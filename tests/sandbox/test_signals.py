"""Signals through the real gitops.yml: the addresses come as a secret, and stay one."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.loop.receiver import receiving
from tests.sandbox.loop_world import announced, loop

TOLD = """
[[signals.receivers]]
name = "ops"
kind = "webhook"
only = ["evicted"]
"""
SECRETS = 'secrets: {signals: "ops=${{ secrets.OPS_URL }}"}'


@pytest.mark.parametrize("check", ["same-job", "own-job"])
def test_what_was_evicted_is_told_once_and_no_log_has_the_address(
    tmp_path: Path, check: str
) -> None:
    with receiving() as ops, loop(tmp_path, waves=TOLD, check=check, more=SECRETS) as found:
        found.mill.repository.secrets["OPS_URL"] = ops.url
        found.announce(announced("app", 1, broken=True))
        found.rest()
        found.tick()
        assert [(one["state"], one["kind"]) for one in ops.came] == [("open", "evicted")]
        assert ops.came[0]["repository"].endswith("/acme/shop")
        assert "/actions/runs/" in ops.came[0]["run_url"]
        found.announce(announced("app", 2))
        found.rest()
        assert [one["state"] for one in ops.came] == ["open", "over"]
        assert len({one["id"] for one in ops.came}) == 1
        logs = [file for file in (found.hub.folder / "logs").rglob("*") if file.is_file()]
        assert logs
        assert not [file for file in logs if b"s3cr3t" in file.read_bytes()]
