"""Who may say what was deployed chooses a commit of the repository, and nothing of it runs."""

from __future__ import annotations

import json
from pathlib import Path

from tests.sandbox.loop_world import CALLER, announced, loop
from tests.sandbox.runner_world import NAME, log

from tidemill.__main__ import main

SETUP = """\
setsid sleep 300 &
until [ "$(cat /proc/$!/comm)" = sleep ]; do :; done
echo $! >>{left}
echo main >>{ran}
"""
HOSTILE = 'echo "stolen: $0" >>{stolen}\n'


def test_the_setup_of_a_deployed_commit_does_not_run(tmp_path: Path) -> None:
    left, ran, stolen = (tmp_path / name for name in ("left", "ran", "stolen"))
    with loop(tmp_path / "world") as world:
        clone = world.mill.clone
        (clone.folder / "setup.sh").write_text(SETUP.format(left=left, ran=ran))
        world.mill.push(
            "Set up",
            tidemill=CALLER.replace("check: CHECK", "setup: sh setup.sh"),
        )
        world.settle()
        main_before = world.refs()["refs/heads/main"]
        for name in ("setup.sh", "generate.sh"):
            (clone.folder / name).write_text(HOSTILE.format(stolen=stolen))
        clone.git("add", "-A")
        clone.git("commit", "-q", "-m", "Hostile")
        hostile = clone.git("rev-parse", "HEAD").strip()
        clone.git("push", "-q", "origin", f"{hostile}:refs/heads/hostile")
        world.announce(announced("app", 1))
        world.settle()
        before = len(ran.read_text().splitlines())
        # Something that takes an entry point is due, for else no setup would run.
        event = tmp_path / "event.json"
        sent = {"client_payload": announced("app", 2), "sender": {"login": "ada"}}
        event.write_text(json.dumps({"action": "images-announced", **sent}))
        accepting = ["--repo", str(world.bare), "--event", "repository_dispatch"]
        assert main(["accept-event", *accepting, "--payload", str(event)]) == 0
        # For a target that there is not: for one of ours it would be refused before the setup.
        made = world.mill.rest(
            "POST", f"/repos/{NAME}/deployments",
            {"ref": hostile, "auto_merge": False, "required_contexts": [],
             "environment": "no/ours"},
        )  # fmt: skip
        where = f"/repos/{NAME}/deployments/{made['id']}/statuses"
        world.mill.rest("POST", where, {"state": "success"})
        world.settle()
        run = next(one for one in world.hub.runs if one.event == "deployment_status")
        assert run.head_sha == hostile
        assert not stolen.exists(), log(run, "gitops / turn")
        assert run.conclusion == "success", log(run, "gitops / turn")
        assert "were ended: sleep" in "".join(
            log(one, "gitops / turn")
            for one in world.hub.runs
            if one.event == "repository_dispatch"
        )
        assert world.refs()["refs/heads/main"] != main_before
    assert len(ran.read_text().splitlines()) > before, "the setup of main ran instead"
