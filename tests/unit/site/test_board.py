"""What needs a person, and what does not."""

import msgspec
import pytest
from tests.unit.boards import shown
from tests.unit.sets import NOW, app_sha, sha
from tests.unit.snapshots import two_waves

from tidemill.plan import obstacles
from tidemill.plan.obstacles import Obstacle

HELD = obstacles.HoldInForce(wave="lab", set="_", by="ada", reason="freeze")


@pytest.mark.parametrize(
    ("one", "needs"),
    [
        (HELD, True),
        (msgspec.structs.replace(HELD, until=NOW), False),
        (obstacles.MissingApproval(wave="lab", set="app", app_sha=app_sha(1)), True),
        (obstacles.FailureThere(wave="lab", set="app", targets=("lab-1",)), True),
        (obstacles.PastEviction(app_sha=app_sha(1)), True),
        (obstacles.PastEnding(set="app", app_sha=app_sha(1), how="rejected"), True),
        (obstacles.PastEnding(set="app", app_sha=app_sha(1), how="superseded"), False),
        (obstacles.RedMain(sha=sha("main")), True),
        (obstacles.ClosedWindow(wave="lab", until=NOW), False),
        (obstacles.RunningSoak(wave="lab", until=NOW), False),
        (obstacles.MissingCheck(sha=None), False),
        (obstacles.NextTurn(), False),
        (obstacles.FailedVerification(wave="lab", set="app", names=("errors",)), True),
        (obstacles.MissingVerification(wave="lab", names=("errors",)), False),
        (obstacles.MissingVerification(wave="lab", names=("errors",), lost="timeout"), False),
        (obstacles.MissingVerification(wave="lab", names=("errors",), lost="malformed"), True),
        (obstacles.SetNotThere(wave="lab", because=(obstacles.PastEviction(app_sha=None),)), False),
    ],
    ids=lambda one: getattr(one, "__struct_config__", None) and one.__struct_config__.tag,
)
def test_only_some_obstacles_need_a_person(one: Obstacle, needs: bool) -> None:
    assert one.needs_a_person() is needs


def test_a_set_that_waits_has_the_position_of_its_announcement() -> None:
    rollout = two_waves()
    rollout.announced(7)
    (view,) = [one for one in shown(rollout).sets if one.app_sha == app_sha(7)]
    assert (view.position, view.repository) == (7, "acme/app")


def test_a_set_that_waits_for_approval_and_time_needs_a_person_now() -> None:
    (line,) = [
        line for line in shown(two_waves(approval=True, soak="2h")).lines if line.wave == "shop"
    ]
    assert set(line.kinds) == {"approval", "soak"}
    assert line.needs_a_person
    assert line.command.startswith("tidemill promote-wave --wave shop")


def test_what_only_a_form_on_github_can_approve_has_the_command_of_the_form() -> None:
    rollout = two_waves(approval=True, environment="shop")
    (line,) = [line for line in shown(rollout).lines if line.wave == "shop"]
    assert line.command.startswith("gh workflow run ")
    assert f"sha={app_sha(2)}" in line.command


def test_a_hotfix_has_no_position_for_it_has_that_of_the_set_that_it_replaced() -> None:
    rollout = two_waves()
    rollout.hotfix("shop", 9)
    rollout.green(rollout.turn().auto[0].sha)
    rollout.turn()
    (view,) = [one for one in shown(rollout).sets if one.app_sha == sha("fix", 9)]
    assert [(one.stay.wave, one.stay.how) for one in view.stays] == [("shop", "hotfix")]
    assert view.position is None
