"""`tidemill run-setup`: nothing that the setup started is there afterwards."""

from __future__ import annotations

import json
import os
import signal
from contextlib import suppress
from pathlib import Path

import pytest
from tests.clients.places import is_alive, pids
from tests.commands.as_action import act

LEFT = {
    "in the background": "sleep 300 & echo $! >>left",
    "in a session of its own": "setsid sleep 300 & echo $! >>left",
    "an orphan of an orphan": "( (setsid sh -c 'echo $$ >>left; exec sleep 300' &) & )",
    "with a child that starts others": "setsid sh -c 'echo $$ >>left; while :; do sleep 1; done' &",
    "deaf": "setsid sh -c 'trap \"\" TERM HUP INT; echo $$ >>left; sleep 300' &",
}
SETTLED = "\nuntil [ -s left ]; do sleep 0.05; done"


@pytest.mark.parametrize("command", LEFT.values(), ids=LEFT.keys())
def test_what_goes_on_in_the_background_is_ended(command: str, tmp_path: Path) -> None:
    done = act(tmp_path, "run-setup", {"run": command + SETTLED})
    assert done.code == 0, done.log
    found = pids(tmp_path / "left")
    assert found
    assert not [pid for pid in found if is_alive(pid)]
    ended = json.loads(done.outputs["ended"])
    assert any(f"({pid})" in one for one in ended for pid in found)
    assert "were ended: " in done.log


AGAIN = """
import os
os.setsid()
open("left", "w").write(str(os.getpid()))
while True:
    if os.fork():
        os._exit(0)
"""


def test_what_starts_itself_again_and_again_is_ended(tmp_path: Path) -> None:
    """It has a new id each time that somebody looks."""
    (tmp_path / "again.py").write_text(AGAIN)
    try:
        command = f"python3 again.py >log 2>&1 &{SETTLED}; sleep 0.3"
        done = act(tmp_path, "run-setup", {"run": command})
        assert done.code == 0, done.log
        with pytest.raises(ProcessLookupError):
            os.killpg(int((tmp_path / "left").read_text()), 0)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(int((tmp_path / "left").read_text()), signal.SIGKILL)


def test_it_is_ended_too_where_the_setup_fails(tmp_path: Path) -> None:
    done = act(tmp_path, "run-setup", {"run": LEFT["deaf"] + SETTLED + "; echo broken >&2; exit 3"})
    assert done.code == 1
    assert not [pid for pid in pids(tmp_path / "left") if is_alive(pid)]
    assert "broken" in done.log
    assert "the setup ended with code 3" in done.annotations("error")[0]
    assert json.loads(done.outputs["ended"]), "that it was ended is said nevertheless"


def test_a_setup_that_ends_this_process_leaves_no_word_that_all_has_ended(tmp_path: Path) -> None:
    done = act(tmp_path, "run-setup", {"run": "kill -9 $PPID"})
    assert done.code != 0
    assert "ended" not in done.outputs


def test_it_is_a_command_for_bash_with_what_the_step_has_but_no_token(tmp_path: Path) -> None:
    command = """
        files=(a b); echo "${files[1]} $PWD $OTHER" >said
        env | cut -d= -f1 >names
        false | true
        echo no >said
    """
    done = act(tmp_path, "run-setup", {"run": command}, OTHER="x y", TIDEMILL_TOKEN="ghs_secret")
    assert done.code == 1, "-e and pipefail hold"
    assert (tmp_path / "said").read_text() == f"b {tmp_path} x y\n"
    names = (tmp_path / "names").read_text().split()
    assert {"PATH", "HOME", "GITHUB_OUTPUT"} <= {*names}
    assert not [name for name in names if name.startswith(("TIDEMILL_", "INPUT_"))]


def test_an_empty_command_is_refused(tmp_path: Path) -> None:
    done = act(tmp_path, "run-setup", {"run": " "})
    assert done.code == 1
    assert "needs the input run" in done.annotations("error")[0]


def test_where_nothing_is_left_that_is_said(tmp_path: Path) -> None:
    done = act(tmp_path, "run-setup", {"run": "true"})
    assert (done.code, done.outputs["ended"]) == (0, "[]"), done.log
    assert "nothing of it runs" in done.log
