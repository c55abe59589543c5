"""The outputs of an action: texts of what its command did."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.unit.results import ACCEPTED, announced, built, reconciled, shown
from tests.unit.snapshots import Rollout, landed, sha

from tidemill.action.outputs import OUTPUTS, texts
from tidemill.building.job_matrix import job_matrix
from tidemill.building.settings import parse
from tidemill.commands._results import (
    Acceptance,
    CheckoutCheck,
    CommitChecks,
    EventRequest,
    ImagePlan,
    Request,
    SetupDone,
)
from tidemill.turn.check import CommitVerdict


def test_every_kind_of_value_is_a_text() -> None:
    result = announced()
    found = texts("update-cfg-app", result)
    assert found["changed"] == "true"
    assert found["landed"] == ""
    assert found["to-check"] == json.dumps([*result.turn.to_check])
    assert found["rolled-back"] == "[]"
    assert (found["id"], found["state"]) == ("announcement-app-2", "accepted")
    (one,) = json.loads(found["introduced"])
    assert (one["set"], one["wave"], one["reason"]) == ("app", "lab", "announced by acme/app")
    assert [line["at"] for line in json.loads(found["waiting"])] == ["for", "on auto", "for"]


def test_a_landing_is_the_commit() -> None:
    rollout = Rollout()
    commit = rollout.on_auto("lab", 1)
    rollout.green(commit)
    found = texts("reconcile-cfg-app", reconciled(rollout))
    assert (found["landed"], found["more"]) == (commit, "false")


@pytest.mark.parametrize("name", OUTPUTS)
def test_an_output_that_a_result_has_not_is_empty(name: str) -> None:
    found = texts(name, SetupDone(()))
    assert set(found) == set(OUTPUTS[name])
    assert set(found.values()) <= {"", "true", "[]"}


def test_what_was_only_accepted_has_no_turn() -> None:
    found = texts("hold-wave", Acceptance(ACCEPTED))
    assert (found["id"], found["changed"], found["landed"]) == ("announcement-app-2", "true", "")


def test_an_event_that_brings_nothing_says_why() -> None:
    found = texts("accept-event", EventRequest("push", Request("nothing", how="no news")))
    assert found == {
        "changed": "false",
        "event": "push",
        "accepted": "",
        "state": "nothing to accept",
        "reason": "no news",
        "waiting": "",
        "environment": "",
        "next-due": "",
        "wake": "",
        "due": "",
        "operations": "",
        "checks": "",
        "branches": "",
    }


def test_checks_are_by_commit() -> None:
    red = sha("red")
    found = texts("check-cfg-app", CommitChecks((CommitVerdict(red, "failure", "é"),)))
    assert found["green"] == ""
    assert (found["verdicts"], found["reasons"]) == (f'{{"{red}":"failure"}}', f'{{"{red}":"é"}}')
    assert texts("check-cfg-app", CheckoutCheck((), ()))["green"] == "true"


def test_a_status_has_both_tips() -> None:
    rollout = landed()
    found = texts("status", shown(rollout))
    assert (found["main"], found["auto"]) == (rollout.main, "")


def test_a_matrix_is_what_from_json_takes() -> None:
    settings = parse('images = "acme/{service}"\n[[services]]\nname = "a"\nfile = "Dockerfile"\n')
    plan = ImagePlan(job_matrix(settings, settings.services, 1))
    (job,) = json.loads(texts("plan-images", plan)["matrix"])["include"]
    assert (job["services"], job["images"]) == ("a", {"a": "acme/a"})


def test_a_built_image_has_its_digests(tmp_path: Path) -> None:
    build = built(tmp_path / "web")
    (image,) = build.images
    found = texts("build-reproducible-image", build)
    assert found["digest"] == image.image.digest
    assert json.loads(found["digests"]) == {"web": image.image.digest}
    assert json.loads(found["metadata"])["containerimage.config.digest"] == found["imageid"]
    assert (found["changed"], found["verified"]) == ("true", "")
