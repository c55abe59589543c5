"""`tidemill loop`: turn, check, and turn again, in one run."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from tests.clients.own_user import own_user as own_user  # noqa: PLC0414 - it is a fixture
from tests.commands.promises import (
    assert_readable,
    assert_twice_is_once,
    dry_run,
    refused,
)
from tests.loop.stories import journal, refs, says, waits_for
from tests.world import World, announcement, git

LOOP = ("loop", "--once")


def with_check(world: World, script: str) -> None:
    """The repository's own check is a script from now on."""
    world.settings = world.settings.replace(
        "[entrypoints]\n", '[entrypoints]\ncheck = "sh check.sh"\n'
    )
    (world.clone / "check.sh").write_text(script)
    world.edit()


def by_event(payload: object, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A workflow that an announcement has started."""
    file = folder / "event.json"
    event = {"action": "images-announced", "client_payload": payload, "branch": "main"}
    file.write_text(json.dumps(event))
    monkeypatch.setenv("GITHUB_EVENT_NAME", "repository_dispatch")
    monkeypatch.setenv("GITHUB_EVENT_PATH", str(file))
    monkeypatch.setenv("GITHUB_ACTOR", "ci")


def test_what_is_announced_is_checked_and_landed_in_one_run(under_test: World) -> None:
    commit = under_test.ref("refs/heads/auto") or ""
    done = assert_twice_is_once(under_test, *LOOP)
    assert (done["changed"], done["landed"]) == (True, commit)
    assert done["verdicts"] == {commit: "success"}
    assert under_test.ref("refs/heads/main") == commit
    assert done["to_check"] == []


def test_it_is_said_in_words(under_test: World) -> None:
    code, out, _ = says(under_test, *LOOP)
    assert code == 0
    assert_readable(out)
    assert "green: " in out
    assert "landed" in out


def test_red_commit_is_evicted_in_one_run_and_the_reason_is_kept(new: World) -> None:
    with_check(new, "test ! -e images/lab || { echo the shop is shut; exit 3; }\n")
    new.announce(1)
    done = new.run(*LOOP)
    assert done.code == 0
    assert len(done["evicted"]) == 1
    assert new.ref("refs/heads/auto") in (None, new.ref("refs/heads/main"))
    assert "the shop is shut" in json.dumps(new.status())


def test_red_commit_ends_the_run_as_failed_where_that_is_wanted(new: World) -> None:
    with_check(new, "test ! -e images/lab || exit 3\n")
    new.announce(1)
    done = new.run(*LOOP, "--fail-on-red")
    assert (done.code, len(done["evicted"])) == (1, 1)
    assert new.run(*LOOP, "--fail-on-red").code == 0, "nothing was checked"


def test_culprit_among_several_is_found_in_one_run(tmp_path: Path) -> None:
    waves = {"lab": {"targets": ["lab-1"], "admit": "at once"}}
    world = World(tmp_path, waves, sets=("red", "green", "blue"))
    with_check(world, "! grep -q broken images/lab/green/tags.json\n")
    for position, name in enumerate(("red", "green", "blue"), start=1):
        service = "broken" if name == "green" else name
        world.announce(position, {service: "1"}, set_name=name)
    done = world.run(*LOOP)
    assert [one["set"] for one in done["evicted"]] == ["green"]
    assert world.on_main("lab", "red")
    assert world.on_main("lab", "blue")
    assert not world.on_main("lab", "green")
    assert done["to_check"] == []


def test_check_that_can_not_be_run_condemns_nothing(
    under_test: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIDEMILL_MOST_SCRATCH", "none")  # so that none can be started
    monkeypatch.setenv("TIDEMILL_ENTRYPOINTS", "own-user")
    commit = under_test.ref("refs/heads/auto") or ""
    done = under_test.run(*LOOP)
    assert done["verdicts"] == {commit: "error"}
    assert done["evicted"] == []
    assert under_test.ref("refs/heads/auto") == commit


def test_several_commits_are_checked_side_by_side(tmp_path: Path) -> None:
    """Each check waits until the other one has begun; one after the other, both would fail."""
    meeting = tmp_path / "meeting"
    meeting.mkdir()
    waves = {"lab": {"targets": ["lab-1"], "admit": "at once"}}
    world = World(tmp_path, waves, sets=("red", "blue"), checks='retries = 0\ntest = "each"')
    with_check(
        world,
        f"touch {meeting}/$(git rev-parse HEAD)\n"
        f"for i in $(seq 300); do test $(ls {meeting} | wc -l) = 2 && exit 0; sleep 0.1; done\n"
        "exit 1\n",
    )
    for position, name in enumerate(("red", "blue"), start=1):
        world.announce(position, {name: "1"}, set_name=name)
    done = world.run(*LOOP)
    assert sorted(done["verdicts"].values()) == ["success", "success"]
    assert world.on_main("lab", "red")
    assert world.on_main("lab", "blue")


def test_dry_run_checks_and_writes_nothing(under_test: World) -> None:
    done = dry_run(under_test, *LOOP)
    assert (done["changed"], done["verdicts"]) == (False, {})
    assert done["to_check"] == [under_test.ref("refs/heads/auto")]


def test_dry_run_says_what_an_event_would_bring(
    new: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_event(announcement(1), tmp_path, monkeypatch)
    done = dry_run(new, *LOOP, "--accept")
    assert [one["set"] for one in done["introduced"]] == ["app"]


def test_deployments_take_github_and_that_is_said_before_anything_is_done(
    under_test: World,
) -> None:
    assert "GitHub's API is needed" in refused(under_test, *LOOP, "--deployments")


def test_run_without_time_checks_nothing_and_says_that_something_wants_it(
    under_test: World,
) -> None:
    commit = under_test.ref("refs/heads/auto")
    done = under_test.run(*LOOP, "--within", "0s")
    assert (done["verdicts"], done["more"]) == ({}, True)
    assert done["to_check"] == [commit]
    assert "left to the next run" in says(under_test, *LOOP, "--within", "0s")[1]


@pytest.mark.parametrize("within", ["", "soon", "-1m", "1.5h"])
def test_time_that_is_none_is_refused(under_test: World, within: str) -> None:
    assert "--within" in refused(under_test, *LOOP, f"--within={within}")


def test_check_that_nobody_requires_is_not_answered(under_test: World) -> None:
    under_test.settings = under_test.settings.replace(
        'source = "refs"\n', 'source = "refs"\nrequired = ["a", "b"]\n'
    )
    under_test.edit()
    before = under_test.ref("refs/heads/main")
    result = under_test.run(*LOOP)
    assert result.code == 1
    assert "requires 'a' and 'b'" in result["error"]["what"]
    assert "--context" in result["error"]["remedy"]
    assert under_test.ref("refs/heads/main") == before


def test_one_of_several_checks_is_answered_by_name(under_test: World) -> None:
    under_test.settings = under_test.settings.replace(
        'source = "refs"\n', 'source = "refs"\nrequired = ["a", "b"]\n'
    )
    under_test.edit()
    first = under_test.run(*LOOP, "--context", "a")
    assert first.code == 0
    assert first["landed"] is None
    assert "b" in waits_for(first)
    under_test.later(minutes=1)
    assert under_test.run(*LOOP, "--context", "b")["landed"] == under_test.ref("refs/heads/main")


def test_event_of_a_workflow_is_accepted_first(
    new: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_event(announcement(1), tmp_path, monkeypatch)
    done = new.run(*LOOP, "--accept")
    assert done.code == 0, done
    assert done["request"]["kind"] == "accepted"
    assert done["landed"] == new.ref("refs/heads/main")
    again = new.run(*LOOP, "--accept")
    assert (again["changed"], again["request"]["kind"]) == (False, "ended")


def test_event_that_brings_nothing_starts_a_turn_all_the_same(
    under_test: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_EVENT_NAME", "schedule")
    done = under_test.run(*LOOP, "--accept")
    assert done["request"]["kind"] == "nothing"
    assert done["landed"] == under_test.ref("refs/heads/main")


def test_error_says_what_the_turns_before_it_have_written(under_test: World) -> None:
    """The server takes the first push of a turn after the verdict no more."""
    hook = under_test.bare / "hooks" / "update"
    hook.write_text(
        "#!/bin/sh\ncase $1 in refs/tidemill/journal) test ! -e stop || exit 1;; esac\n"
    )
    hook.chmod(0o755)
    with_check(under_test, f"touch {under_test.bare}/stop\n")
    before = len(journal(under_test))
    result = under_test.run(*LOOP)
    assert result.code == 1
    assert result["error"]["written"] != "nothing"
    assert len(journal(under_test)) > before


def test_in_a_workflow_checks_need_a_user_of_their_own(
    under_test: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    why = refused(under_test, *LOOP, "--entrypoints", "same-user")
    assert "own-job" in why


def test_check_reaches_no_token_of_the_run(
    under_test: World, own_user: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It looks into the environment, and into the memory of all that runs beside it."""
    monkeypatch.setenv("TIDEMILL_TOKEN", "ghs_secret")
    with_check(
        under_test,
        "cat /proc/*/environ 2>/dev/null | tr '\\0' '\\n' | grep -q ghs_secret && exit 9\n"
        "env | grep -q ghs_secret && exit 8\n"
        "test $(id -un) = nobody\n",
    )
    done = under_test.run(*LOOP)
    assert set(done["verdicts"].values()) == {"success"}


def test_two_at_once_do_not_check_the_same(under_test: World, tmp_path: Path) -> None:
    """The check of the first run starts the second, which finds the check claimed."""
    said = tmp_path / "second.json"
    command = f"tidemill loop --once --repo {under_test.bare} --now {under_test.now.isoformat()}"
    with_check(under_test, f"test -e {said} || {command} --json > {said}\n")
    done = under_test.run(*LOOP)
    assert set(done["verdicts"].values()) == {"success"}
    assert json.loads(said.read_text())["verdicts"] == {}
    subprocess.run(["git", "-C", under_test.bare, "fsck", "--strict"], check=True)
    assert refs(under_test)
    assert git(under_test.bare, "rev-parse", "main") == done["landed"]


def test_without_entry_points_a_check_is_left_to_the_next_run(under_test: World) -> None:
    done = under_test.run(*LOOP, "--without-entrypoints")
    assert (done["verdicts"], done["more"]) == ({}, True)


def test_without_entry_points_an_operation_is_left_to_the_next_run(
    new: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_event(announcement(1), tmp_path, monkeypatch)
    new.run("accept-event")
    before = refs(new)
    done = new.run(*LOOP, "--without-entrypoints")
    assert (done.code, done["changed"], done["introduced"], done["more"]) == (0, False, [], True)
    assert refs(new) == before
    assert "here none may" in says(new, *LOOP, "--without-entrypoints")[1]
    assert new.run(*LOOP)["introduced"]


def test_without_entry_points_all_else_is_done(under_test: World) -> None:
    under_test.check(under_test.ref("refs/heads/auto") or "")
    done = under_test.run(*LOOP, "--without-entrypoints")
    assert done["landed"] == under_test.ref("refs/heads/main")
    assert done["more"] is False


def test_without_branches_a_landing_is_left_to_the_next_run(under_test: World) -> None:
    under_test.check(under_test.ref("refs/heads/auto") or "")
    before = refs(under_test)
    done = under_test.run(*LOOP, "--without-branches")
    assert (done.code, done["changed"], done["landed"], done["more"]) == (0, False, None, True)
    assert refs(under_test) == before
    assert "here neither may" in says(under_test, *LOOP, "--without-branches")[1]
    assert under_test.run(*LOOP)["landed"]


def test_without_branches_neither_a_check_nor_an_operation_begins(
    under_test: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = under_test.run(*LOOP, "--without-branches")
    assert (done["verdicts"], done["more"]) == ({}, True)
    by_event(announcement(2), tmp_path, monkeypatch)
    done = under_test.run(*LOOP, "--accept", "--without-branches")
    assert (done["introduced"], done["more"]) == ([], True)
    assert under_test.refs("inbox/"), "it was accepted all the same"


def test_without_branches_a_report_is_filed(landed: World) -> None:
    landed.run(
        "record-deployment", "--accept-only", "--wave=lab", "--target=lab-1", "--health=Healthy",
        "--phase=Succeeded", f"--revision={landed.ref('refs/heads/main')}",
        f"--finished-at={landed.now.isoformat()}",
    )  # fmt: skip
    before = refs(landed)
    done = landed.run(*LOOP, "--without-branches")
    assert (done["changed"], done["more"]) == (True, False)
    assert landed.refs("deployed/") == ["refs/tidemill/deployed/lab/lab-1"]
    heads = {name: sha for name, sha in before.items() if name.startswith("refs/heads/")}
    assert heads.items() <= refs(landed).items()
