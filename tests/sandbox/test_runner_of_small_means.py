"""The real gitops.yml on a runner without sudo and pip, whose tool cache is read-only.

Its jobs run as a user who is not root. That user has no sudo, a Python that has no pip, and uv.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.components.absence import Missing, absent
from tests.sandbox.loop_world import AUTO, MAIN, Loop, announced, loop
from tests.sandbox.runner_world import ROOT, ended, log

from tidemill_sandbox.runner import acting
from tidemill_sandbox.state.shapes import Run

USER = 4711
# Everything that GitHub's runner has on PATH and a job of ours uses; and not sudo.
TOOLS = (
    "bash", "cat", "chmod", "cksum", "cp", "curl", "cut", "env", "find", "git", "grep", "head",
    "ln", "ls", "mkdir", "mktemp", "mv", "node", "readlink", "rm", "sed", "sh", "sort", "tail",
    "tar", "tr", "true", "uname",
)  # fmt: skip
# The stand-in starts act like this: as root, in a folder of the job's own, with its shell first.
ACT = """\
#!/bin/sh
chown -R {user} ../..
exec setpriv --reuid={user} --regid={user} --clear-groups --no-new-privs \\
  env PATH="${{PATH%%:*}}:{tools}" {act} "$@"
"""


def tools(folder: Path, *, with_uv: bool) -> str:
    """The PATH of the job, with all that is on it."""
    folder.mkdir()
    for name in TOOLS:
        (folder / name).symlink_to(shutil.which(name, path="/usr/local/bin:/usr/bin:/bin") or "")
    python = folder.parent / "python"
    made = subprocess.run(
        ["/usr/bin/python3", "-m", "venv", "--without-pip", str(python)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if made.returncode != 0:
        absent(Missing(f"A Python without pip can't be made: {made.stderr}.", "Install one."))
    if with_uv:
        shutil.copy(Path(sys.executable).parent / "uv", folder / "uv")
    return f"{python}/bin:{folder}"


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that another user may look into."""
    if os.geteuid() != 0:
        absent(Missing("This is not root, so nothing can run as another user.", "Be root."))
    with tempfile.TemporaryDirectory(prefix="tidemill-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def copied(folder: Path) -> Path:
    """Tidemill, where that user may read it, and with a tool cache that nobody else has."""
    for name in (".github", "actions", "bin", "src"):
        shutil.copytree(ROOT / name, folder / "tidemill" / name)
    for name in ("action.yml", "requirements.lock"):
        shutil.copy(ROOT / name, folder / "tidemill")
    return folder / "tidemill"


def act(folder: Path, monkeypatch: pytest.MonkeyPatch, *, with_uv: bool = True) -> None:
    """Jobs run as that user from now on."""
    own, script = shutil.copy(acting.program(), folder / "real-act"), folder / "act"
    path = tools(folder / "tools", with_uv=with_uv)
    script.write_text(ACT.format(user=USER, tools=path, act=own))
    script.chmod(0o755)
    monkeypatch.setattr(acting, "program", lambda: str(script))


def announce(shop: Loop) -> Run:
    """Announce a set; the run of that."""
    shop.announce(announced("app", 1))
    shop.settle()
    return next(run for run in shop.hub.runs if run.event == "repository_dispatch")


def assert_tools_are_as_they_were(folder: Path) -> None:
    cache = folder / "runs" / "tools"
    assert cache.stat().st_uid == 0
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize("kind", ["github-hosted", "self-hosted"])
def test_with_checks_in_a_job_of_their_own_a_set_lands(
    folder: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    act(folder, monkeypatch)
    given = "own-job, entrypoints: same-user"
    env = {"RUNNER_ENVIRONMENT": kind}
    with loop(folder, check=given, env=env, checkout=copied(folder)) as shop:
        run = announce(shop)
        others = {name: how for name, how in ended(run).items() if how != "success"}
        skipped = dict.fromkeys(("gitops / review", "gitops / rejected"), "skipped")
        assert others == skipped, log(run, "gitops / turn")
        assert shop.position("lab", "app") == 1
        shop.assert_the_rules_hold()
    assert_tools_are_as_they_were(folder)


REFUSALS = {
    "own-user needs root or sudo": (
        "same-job",
        "can't be given a user of their own here: this is not root, and there is no sudo",
        "entrypoints",
    ),
    "same-user would give checks the token": (
        "same-job, entrypoints: same-user",
        "checks run in the job of the turn only as a user of their own",
        "check: own-job",
    ),
}


@pytest.mark.parametrize(("given", "why", "remedy"), REFUSALS.values(), ids=REFUSALS.keys())
def test_one_job_for_all_is_refused_and_nothing_but_the_request_is_written(
    folder: Path, monkeypatch: pytest.MonkeyPatch, given: str, why: str, remedy: str
) -> None:
    act(folder, monkeypatch)
    with loop(folder, check=given, checkout=copied(folder)) as shop:
        run = announce(shop)
        assert ended(run)["gitops / turn"] == "failure"
        said = log(run, "gitops / turn")
        assert why in said
        assert remedy in said.partition(why)[2]
        assert shop.refs(AUTO) == {}
        assert shop.position("lab", "app") == 0
        main = shop.refs(MAIN)
    assert len(main) == 1


def test_without_uv_too_nothing_is_done_and_it_says_what_to_install(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    act(folder, monkeypatch, with_uv=False)
    given = "own-job, entrypoints: same-user"
    with loop(folder, check=given, checkout=copied(folder)) as shop:
        run = announce(shop)
        assert ended(run)["gitops / turn"] == "failure"
        said = log(run, "gitops / turn")
        assert "neither uv nor pip is there for" in said
        assert "apt install python3-pip" in said
        assert [one for one in shop.refs() if one.startswith("refs/tidemill/")] == []
    assert_tools_are_as_they_were(folder)
