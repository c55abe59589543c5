"""A command as an action: inputs in, outputs out, and a page that says what was done."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from tests.clients.registry_trouble import troubled
from tests.commands.as_action import act
from tests.commands.checkouts import new_checkout
from tests.components.shapes import Registry
from tests.world import World, announcement

from tidemill.action.outputs import outputs_of
from tidemill.commands._table import COMMANDS

HOSTILE = "::error::x ##[error]y | <b>@all</b> ![a](http://b) `c` $(d)"


def announced(world: World, position: int) -> str:
    file = world.folder / f"announcement-{position}.json"
    file.write_text(json.dumps(announcement(position)))
    return str(file)


def test_a_turn_sets_its_outputs_and_says_what_it_did(new: World) -> None:
    inputs = {"repo": str(new.bare), "announcement": announced(new, 1)}
    done = act(new.folder, "update-cfg-app", inputs)
    assert done.code == 0, done.log
    assert done.outputs.keys() == outputs_of("update-cfg-app").keys()
    assert done.outputs["changed"] == "true"
    assert done.outputs["landed"] == ""
    assert done.outputs["state"] == "accepted"
    (sha,) = json.loads(done.outputs["to-check"])
    assert sha == new.ref("refs/heads/auto")
    assert json.loads(Path(done.outputs["result"]).read_bytes())["to_check"] == [sha]
    assert "### update-cfg-app" in done.summary
    assert sha[:12] in done.summary
    assert "| introduced | app | lab |" in done.summary
    for kind in ("error", "warning", "notice"):
        assert done.annotations(kind) == []


def test_twice_is_once_and_the_second_says_why(new: World) -> None:
    inputs = {"repo": str(new.bare), "announcement": announced(new, 1)}
    act(new.folder, "update-cfg-app", inputs)
    again = act(new.folder, "update-cfg-app", inputs)
    assert again.code == 0
    assert again.outputs["changed"] == "false"
    (notice,) = again.annotations("notice")
    assert notice == f"{again.outputs['id']}: waits already"


def test_nothing_to_do_is_a_result(deployed: World) -> None:
    done = act(deployed.folder, "reconcile-cfg-app", {"repo": str(deployed.bare)})
    assert done.code == 0, done.log
    assert done.outputs["changed"] == "false"
    assert done.outputs["to-check"] == "[]"
    assert "Nothing is due yet" in done.summary
    assert "approval" in done.summary


def test_an_error_is_one_annotation_with_its_remedy(new: World) -> None:
    done = act(new.folder, "promote-wave", {"repo": str(new.bare), "wave": "shop"})
    assert done.code == 1
    assert done.outputs == {}
    (error,) = done.annotations("error")
    what, written, remedy = error.splitlines()
    assert what == "there is no set to promote into shop."
    assert written == "written: nothing"
    assert remedy.startswith("remedy: wait until one is deployed")
    assert "there is no set to promote into shop" in done.summary


def test_what_was_written_before_an_error_is_said(tmp_path: Path) -> None:
    done = act(tmp_path, "reconcile-cfg-app", {"repo": str(tmp_path / "nowhere")})
    assert done.code == 1
    assert len(done.annotations("error")) == 1


def test_a_missing_input_is_named(new: World) -> None:
    done = act(new.folder, "promote-wave", {"repo": str(new.bare)})
    assert done.code == 1
    (error,) = done.annotations("error")
    assert error.startswith("promote-wave needs the input wave.")


def test_a_wrong_value_is_one_error_and_not_a_usage_text(tmp_path: Path) -> None:
    done = act(tmp_path, "plan-images", {"max-jobs": "many"})
    assert done.code == 1
    (error,) = done.annotations("error")
    assert "'many' is not a valid integer" in error
    assert "usage:" not in done.log


def test_a_value_is_never_an_option(new: World) -> None:
    before = new.ref("refs/tidemill/journal")
    done = act(
        new.folder, "hold-wave", {"wave": "lab", "reason": "--dry-run", "repo": str(new.bare)}
    )
    assert done.code == 0, done.log
    assert new.ref("refs/tidemill/journal") != before


def test_what_came_from_outside_is_no_command_and_no_markdown(new: World) -> None:
    done = act(new.folder, "hold-wave", {"repo": str(new.bare), "wave": "lab", "reason": HOSTILE})
    assert done.code == 0, done.log
    (warning,) = done.annotations("warning")
    assert warning.endswith(f"is held: {HOSTILE}")
    assert done.annotations("error") == []
    for sign in ("<b>", "@all", "![", "http://", "`c`", "$("):
        assert sign not in done.summary
    assert "&#60;b&#62;" in done.summary


def test_what_nobody_would_see_is_written_out_on_the_page_and_in_the_log(new: World) -> None:
    reason = "freeze \u202eyadnom\u2066\u200b"
    inputs = {"repo": str(new.bare), "wave": "lab", "reason": reason}
    done = act(new.folder, "hold-wave", inputs)
    assert done.code == 0, done.log
    assert "freeze \\u202eyadnom\\u2066\\u200b" in done.annotations("warning")[0]
    assert "freeze &#92;u202eyadnom&#92;u2066&#92;u200b" in done.summary
    for text in (done.log, done.summary):
        assert not set(text) & set("\u202e\u2066\u200b")


def test_the_token_is_masked_in_both_of_its_forms(new: World) -> None:
    done = act(
        new.folder, "reconcile-cfg-app", {"repo": str(new.bare)}, TIDEMILL_TOKEN="ghs_secret"
    )
    basic = base64.b64encode(b"x-access-token:ghs_secret").decode()
    first, second, *rest = done.log.splitlines()
    assert (first, second) == ("::add-mask::ghs_secret", f"::add-mask::{basic}")
    assert not [line for line in rest if "ghs_secret" in line or basic in line]


def test_an_input_of_another_action_is_not_read(new: World) -> None:
    """Some runners hand the inputs of outer actions to inner ones."""
    inputs = {"repo": str(new.bare), "wave": "none", "dry-run": "", "sha": "0" * 40}
    done = act(new.folder, "reconcile-cfg-app", inputs)
    assert done.code == 0, done.log


def test_the_root_action_runs_any_command(new: World) -> None:
    inputs = {"command": "hold-wave", "repo": str(new.bare), "wave": "lab", "reason": "broken"}
    done = act(new.folder, None, inputs)
    assert done.code == 0, done.log
    assert done.outputs.keys() == outputs_of("hold-wave").keys()


@pytest.mark.parametrize("name", ["", "--help", "no-such"])
def test_the_root_action_names_the_commands_that_there_are(tmp_path: Path, name: str) -> None:
    done = act(tmp_path, None, {"command": name})
    assert done.code == 1
    (error,) = done.annotations("error")
    assert f"name one of: {', '.join(COMMANDS)}" in error


def test_the_root_action_refuses_an_input_that_the_command_has_not(new: World) -> None:
    inputs = {"command": "reconcile-cfg-app", "repo": str(new.bare), "wave": "lab"}
    done = act(new.folder, None, inputs)
    assert done.code == 1
    (error,) = done.annotations("error")
    assert error.startswith("reconcile-cfg-app has no input 'wave'.")


def test_long_output_is_folded_and_short_output_is_not(new: World, tmp_path: Path) -> None:
    many = World(tmp_path / "many", {f"wave-{n}": {"targets": [f"target-{n}"]} for n in range(12)})
    for world, folded in ((many, ["::group::status"]), (new, [])):
        done = act(world.folder, "status", {"repo": str(world.bare)})
        assert done.code == 0, done.log
        assert [line for line in done.log.splitlines() if line.startswith("::group::")] == folded
        assert done.log.count("::endgroup::") == len(folded)


def test_commits_that_are_not_green_are_errors_and_outputs_are_set(new: World) -> None:
    main, bad = new.ref("refs/heads/main") or "", new.edit(broken=True)
    inputs = {"repo": str(new.bare), "sha": json.dumps([main, bad])}
    done = act(new.folder, "check-cfg-app", inputs)
    assert done.code == 1
    assert json.loads(done.outputs["verdicts"]) == {main: "success", bad: "failure"}
    (error,) = done.annotations("error")
    assert error.startswith(f"{bad} is failure: ")
    assert bad[:12] in done.summary


def test_a_built_image_has_its_outputs(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "Dockerfile").write_text("FROM scratch\nCOPY web /web\n")
    (tmp_path / "app" / "web").write_text("hello")
    inputs = {
        "context": "app",
        "to": "oci:out",
        "sha": "1" * 40,
        "branch": "main",
        "verify": "true",
        "labels": "a=b\nc=d",
    }
    done = act(tmp_path, "build-reproducible-image", inputs)
    assert done.code == 0, done.log
    assert done.outputs.keys() == outputs_of("build-reproducible-image").keys()
    assert done.outputs["verified"] == "true"
    assert json.loads(done.outputs["digests"]) == {"app": done.outputs["digest"]}
    assert done.outputs["digest"] in done.summary
    recorded = act(
        tmp_path, "record-image-artifact", {"build": done.outputs["result"], "output": "records"}
    )
    assert recorded.code == 1  # an image in a folder has no repository to name
    assert len(recorded.annotations("error")) == 1


@pytest.mark.parametrize("password", ["", "ghs_of_the_workflow"], ids=["none", "the token"])
def test_a_registry_without_a_password_is_not_sent_the_workflow_s_token(
    password: str, basic_registry: Registry, tmp_path: Path
) -> None:
    """What publish-images gives to the action, for another registry than GitHub's."""
    token = "ghs_of_the_workflow"
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY web /web\n")
    (tmp_path / "web").write_text("hello")
    with troubled(basic_registry.host) as recorded:
        done = act(
            tmp_path,
            "build-reproducible-image",
            {"context": ".", "to": f"{recorded.host}/app", "sha": "1" * 40, "branch": "main"},
            TIDEMILL_REGISTRY=recorded.host,
            TIDEMILL_REGISTRY_PASSWORD=password,
            TIDEMILL_WORKFLOW_TOKEN=token,
            HOME=str(tmp_path),
        )
        sent = [seen.headers.get("Authorization") for seen in recorded.seen]
    assert done.code == 1
    assert set(sent) == {None}, "it was asked, and in nobody's name"
    assert token not in done.log.replace(f"::add-mask::{token}", "")


def test_records_go_on_through_outputs(tmp_path: Path) -> None:
    digest = "sha256:" + "a" * 64
    inputs = {
        "service": "web",
        "tag": f"ghcr.io/acme/web:{'1' * 40}",
        "digest": f"ghcr.io/acme/web@{digest}",
        "output": "records/web.json",
    }
    done = act(tmp_path, "record-image-artifact", inputs)
    assert done.code == 0, done.log
    assert json.loads(done.outputs["files"]) == ["records/web.json"]


def test_a_matrix_is_an_output(tmp_path: Path) -> None:
    new_checkout(tmp_path / "app", "web", "api")
    done = act(tmp_path, "plan-images", {"checkout": "app", "max-jobs": "1"})
    assert done.code == 0, done.log
    (job,) = json.loads(done.outputs["matrix"])["include"]
    assert job["services"] == "web,api"
    assert "| web, api | web,api |" in done.summary


def test_an_event_without_anything_to_accept_says_so(new: World) -> None:
    done = act(new.folder, "accept-event", {"repo": str(new.bare)}, GITHUB_EVENT_NAME="schedule")
    assert done.code == 0, done.log
    assert done.outputs.keys() == outputs_of("accept-event").keys()
    assert done.outputs["changed"] == "false"
    assert done.outputs["accepted"] == ""
    assert done.outputs["reason"]
    assert done.annotations("notice") == []


def test_a_mistake_of_ours_is_an_annotation_too(tmp_path: Path) -> None:
    """Here it is the runner's: the file that it names for outputs is not there."""
    new_checkout(tmp_path / "app", "web")
    done = act(tmp_path, "plan-images", {"checkout": "app"}, GITHUB_OUTPUT="/nowhere/output")
    assert done.code == 1
    (error,) = done.annotations("error")
    assert "broke off, and never should" in error
    assert "Traceback" in done.log


def test_what_a_mistake_of_ours_quotes_is_no_command_either(tmp_path: Path) -> None:
    new_checkout(tmp_path / "app", "web")
    nowhere = "/nowhere/##[error]x\n::error::y"
    done = act(tmp_path, "plan-images", {"checkout": "app"}, GITHUB_OUTPUT=nowhere)
    assert done.code == 1
    assert len(done.annotations("error")) == 1
    assert "##[error]x" in done.log
    assert [line for line in done.commands() if line[:2] != "::"] == []


def test_two_dashes_are_a_value_as_any_other(new: World) -> None:
    """A parser of command lines takes them for the end of the options."""
    inputs = {"repo": str(new.bare), "wave": "--", "reason": "--"}
    done = act(new.folder, "hold-wave", inputs)
    assert done.code == 1
    (error,) = done.annotations("error")
    assert error.startswith("'--' is not a valid name of a wave")
    report = {"wave": "shop", "target": "a", "revision": "a" * 40, "health": "Healthy"}
    times = {"finished-at": "2026-01-05T10:00:00Z", "phase": "--"}
    done = act(new.folder, "record-deployment", {"repo": str(new.bare), **report, **times})
    (error,) = done.annotations("error")
    assert "'--' is none of Running, Succeeded" in error


def test_without_a_workflow_it_is_only_a_command(new: World) -> None:
    done = act(new.folder, "reconcile-cfg-app", {"repo": str(new.bare)}, GITHUB_ACTIONS="false")
    assert done.code == 0
    assert "::" not in done.log
    assert (done.outputs, done.summary) == ({}, "")
