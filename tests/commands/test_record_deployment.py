"""`tidemill record-deployment`."""

import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest
from tests.commands.promises import (
    assert_any_time_is_harmless,
    assert_readable,
    assert_twice_is_once,
    assert_usage,
    refused,
)
from tests.loop.stories import refs, says
from tests.world import World, announcement, git, sha_of

DIGEST = "sha256:" + "0" * 64


def report(world: World, **changes: str) -> tuple[str, ...]:
    """The command line of one report; None leaves an option out."""
    options = {
        "wave": "lab",
        "target": "lab-1",
        "revision": world.ref("refs/heads/main") or "",
        "phase": "Succeeded",
        "health": "Healthy",
        "finished_at": world.now.isoformat(),
    } | changes
    words = [part for key, value in options.items() for part in (f"--{key}", value)]
    return ("record-deployment", *(word.replace("_at", "-at") for word in words))


def test_report_is_filed_and_shown(landed: World) -> None:
    turn = assert_twice_is_once(landed, *report(landed))
    assert turn["changed"]
    assert landed.refs("deployed") == ["refs/tidemill/deployed/lab/lab-1"]
    assert landed.refs("inbox") == []
    target = landed.status()["waves"][0]["targets"][0]
    assert target == {
        "name": "lab-1",
        "revision": landed.ref("refs/heads/main"),
        "phase": "Succeeded",
        "health": "Healthy",
        "runs": {"app": sha_of("app-1")},
        "clock_ahead": None,
        "ignored": None,
    }


def test_last_report_of_a_wave_goes_on_at_once(landed: World) -> None:
    landed.run(*report(landed))
    turn = landed.run(*report(landed, target="lab-2"))
    assert "approval for shop. To go on: tidemill promote-wave" in turn["waiting"][0]["for"]


def test_same_time_in_another_zone_is_the_same_report(landed: World) -> None:
    landed.run(*report(landed, finished_at="2026-01-05T10:00:00Z"))
    before = refs(landed)
    landed.run(*report(landed, finished_at="2026-01-05T19:00:00+09:00"))
    assert refs(landed) == before


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"wave": "moon"}, "the settings name no target lab-1 in a wave moon"),
        ({"target": "north"}, "the settings name no target north in a wave lab"),
        ({"wave": "../lab"}, "is not a valid name of a wave"),
        ({"target": "a\nb"}, "is not a valid name of a target"),
        ({"revision": "0" * 40}, "is not on main"),
        ({"revision": "abcdef0"}, "is not the full SHA"),
        ({"revision": "main"}, "is not the full SHA"),
        ({"finished_at": "now"}, "is not a time"),
        ({"finished_at": ""}, "is not a time"),
        ({"image": "ghcr.io/acme/web"}, "has neither tag nor digest"),
        ({"image": "$(id)"}, "is not an image reference"),
    ],
    ids=lambda part: "-".join(part) if isinstance(part, dict) else "",
)
def test_report_that_can_not_be_is_one_clear_error(
    landed: World, changes: dict[str, str], reason: str
) -> None:
    assert reason in refused(landed, *report(landed, **changes))


@pytest.mark.parametrize("option", [{"phase": "Done"}, {"health": "Fine"}])
def test_phase_and_health_are_those_of_argo_cd(landed: World, option: dict[str, str]) -> None:
    assert_usage(landed, *report(landed, **option))


def test_commit_that_is_only_on_auto_is_not_on_main(under_test: World) -> None:
    auto = under_test.ref("refs/heads/auto") or ""
    assert "is not on main" in refused(under_test, *report(under_test, revision=auto))


def test_commit_of_a_fork_is_not_on_main_though_it_can_be_fetched(landed: World) -> None:
    fork = landed.edit(push=False, note="a fork")
    git(landed.clone, "push", "-q", str(landed.bare), "HEAD:refs/pull/1/head")
    assert "is not on main" in refused(landed, *report(landed, revision=fork))


def test_commit_of_main_s_history_is_on_main(landed: World) -> None:
    first = git(landed.bare, "rev-list", "--max-parents=0", "main")
    assert landed.run(*report(landed, revision=first)).code == 0
    assert landed.status()["waves"][0]["targets"][0]["runs"] == {}


def image_of(world: World, position: int) -> str:
    return str(announcement(position)["images"]["web"]["Digest"])


@pytest.mark.parametrize(
    ("image", "runs"),
    [
        ("its own", {"app": sha_of("app-1")}),
        ("of the set before", {}),
        (f"ghcr.io/acme/web@{DIGEST}", {}),
        ("ghcr.io/acme/web:latest", {}),
        (f"ghcr.io/acme/web:{sha_of('app-1')}", {"app": sha_of("app-1")}),
        (f"ghcr.io/other/sidecar@{DIGEST}", {"app": sha_of("app-1")}),
    ],
)
def test_images_that_a_target_names_decide_whether_it_runs_the_set(
    landed: World, image: str, runs: dict[str, str]
) -> None:
    names = {"its own": image_of(landed, 1), "of the set before": image_of(landed, 9)}
    landed.run(*report(landed, image=names.get(image, image)))
    shown = landed.status()["waves"][0]["targets"][0]
    assert shown["runs"] == runs


@pytest.mark.parametrize("digest", ["latest", "", "ghcr.io/acme/web:1", "$(id)"])
def test_images_that_a_person_wrote_by_hand_are_never_an_error(landed: World, digest: str) -> None:
    git(landed.clone, "fetch", "-q", str(landed.bare), "main")
    git(landed.clone, "reset", "-q", "--hard", "FETCH_HEAD")
    file = landed.clone / "images" / "lab" / "digests.json"
    file.write_text(json.dumps({"web": digest}))
    landed.commit("by hand")
    result = landed.run(*report(landed, image=image_of(landed, 1)))
    assert result.code == 0


def test_person_is_told_what_was_filed(landed: World) -> None:
    code, out, _ = says(landed, *report(landed))
    assert code == 0
    assert_readable(out)
    assert "lab-1: Succeeded, Healthy at" in out


def test_odd_time_stops_nobody(landed: World) -> None:
    assert_any_time_is_harmless(landed, *report(landed))


def reported(world: World) -> dict[str, object]:
    """What the first target of the first wave has said."""
    found = json.loads(git(world.bare, "show", "refs/tidemill/deployed/lab/lab-1:record.json"))
    return {key: found[key] for key in ("phase", "health", "finished_at")}


def told_by(world: World, command: str, *more: str) -> tuple[str, ...]:
    """The command line of a report that a command tells."""
    revision = world.ref("refs/heads/main") or ""
    words = ("--wave", "lab", "--target", "lab-1", "--revision", revision, "--exec", command)
    return ("record-deployment", *words, *more)


def test_report_without_a_time_is_of_now(landed: World) -> None:
    words = report(landed)
    at = words.index("--finished-at")
    landed.later(minutes=7)
    assert landed.run(*words[:at], *words[at + 2 :]).code == 0
    assert reported(landed)["finished_at"] == "2026-01-05T10:07:00Z"


@pytest.mark.parametrize(
    ("command", "phase", "health"),
    [
        ("true", "Succeeded", "Healthy"),
        ("exit 3", "Failed", "Degraded"),
        ("no-such-program", "Failed", "Degraded"),
        ("kill -9 $$", "Failed", "Degraded"),
    ],
)
def test_exit_code_of_a_command_tells_how_it_went(
    landed: World, command: str, phase: str, health: str
) -> None:
    assert landed.run(*told_by(landed, command)).code == 0
    assert reported(landed) == {
        "phase": phase,
        "health": health,
        "finished_at": "2026-01-05T10:00:00Z",
    }


def test_command_runs_where_the_caller_is_with_the_caller_s_variables(
    landed: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KUBECONFIG", "of the caller")
    assert landed.run(*told_by(landed, 'echo "$KUBECONFIG" > told')).code == 0
    assert (tmp_path / "told").read_text() == "of the caller\n"


def test_time_is_that_of_the_command_s_end(landed: World, tmp_path: Path) -> None:
    """Without `--now`; the command itself says until when it ran."""
    words = told_by(landed, f"sleep 1.1; date +%s > {tmp_path}/end")
    done = subprocess.run(
        [sys.executable, "-m", "tidemill", *words, "--repo", str(landed.bare), "--json"],
        capture_output=True,
        check=True,
    )
    assert json.loads(done.stdout)["changed"]
    finished = datetime.fromisoformat(str(reported(landed)["finished_at"]))
    assert finished.timestamp() >= int((tmp_path / "end").read_text())


def test_what_the_command_prints_is_kept_out_of_the_result(
    landed: World, capfd: pytest.CaptureFixture[str]
) -> None:
    assert landed.run(*told_by(landed, "echo rolled out")).code == 0
    out, err = capfd.readouterr()
    assert (out, err) == ("", "rolled out\n")


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        (("--phase", "Succeeded"), "--exec stands in place of"),
        (("--health", "Healthy"), "--exec stands in place of"),
        (("--dry-run",), "a dry run does not run the command"),
        (("--finished-at", "soon"), "is not a time"),
    ],
)
def test_command_that_must_not_tell_is_not_run(
    landed: World, tmp_path: Path, more: tuple[str, ...], reason: str
) -> None:
    assert reason in refused(landed, *told_by(landed, f"touch {tmp_path}/ran", *more))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("left_out", "reason"),
    [
        (("phase",), "--phase is not given"),
        (("health",), "--health is not given"),
        (("phase", "health"), "neither --phase nor --health is given"),
    ],
)
def test_report_that_says_nothing_is_refused(
    landed: World, left_out: tuple[str, ...], reason: str
) -> None:
    words = report(landed)
    kept = [
        word
        for pair in zip(words[1::2], words[2::2], strict=True)
        if pair[0].removeprefix("--") not in left_out
        for word in pair
    ]
    assert reason in refused(landed, words[0], *kept)


def test_empty_command_tells_nothing(landed: World) -> None:
    assert "--exec is empty" in refused(landed, *told_by(landed, " "))
