"""Who may say what was deployed chooses a commit of the repository, and nothing of it runs."""

from __future__ import annotations

from pathlib import Path

from tests.sandbox.loop_world import CALLER, announced, loop
from tests.sandbox.runner_world import NAME, log

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
        world.mill.push("Set up", tidemill=CALLER.replace("check: CHECK", "setup: sh setup.sh"))
        world.settle()
        main = world.refs()["refs/heads/main"]
        for name in ("setup.sh", "generate.sh"):
            (clone.folder / name).write_text(HOSTILE.format(stolen=stolen))
        clone.git("add", "-A")
        clone.git("commit", "-q", "-m", "Hostile")
        hostile = clone.git("rev-parse", "HEAD").strip()
        clone.git("push", "-q", "origin", f"{hostile}:refs/heads/hostile")
        world.announce(announced("app", 1))
        world.settle()
        before = len(ran.read_text().splitlines())
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
        assert world.refs()["refs/heads/main"] != main
    assert before, "the setup of main ran where it was needed"
    assert len(ran.read_text().splitlines()) == before, "nothing was due, so no setup ran"
