"""Verdicts on GitHub: what is required is asked once, and each commit once for each reading."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import cast

import pytest
from msgspec.structs import replace
from tests.unit.snapshots import NOW, Rollout, sha

from tidemill.errors import Refused
from tidemill.facts.github_checks import CheckRun, Reports, RequiredCheck
from tidemill.facts.snapshot import Snapshot
from tidemill.turn.forge import Forge, Judge


@dataclass
class Hub:
    """GitHub, where the check of every commit is queued."""

    rules: tuple[RequiredCheck, ...] = (RequiredCheck("check"),)
    asked: list[str] = field(default_factory=list)

    def required(self, branch: str) -> tuple[RequiredCheck, ...]:
        self.asked.append(branch)
        return self.rules

    def reports(self, commit: str, required: Sequence[RequiredCheck]) -> Reports:
        self.asked.append(commit)
        run = CheckRun(id=1, name=required[0].name, status="queued", conclusion=None, at=None)
        return Reports((), (run,))


def known() -> tuple[Snapshot, str]:
    rollout = Rollout()
    first, last = rollout.on_auto("lab", 2), rollout.on_auto("lab", 3)
    made = {first: NOW - timedelta(hours=2), last: NOW - timedelta(hours=1)}
    rollout.auto = [replace(one, at=made[one.sha]) for one in rollout.auto]
    return rollout.snapshot(), last


def test_commit_is_asked_about_once_until_all_is_read_again() -> None:
    hub, (snapshot, last) = Hub(), known()
    judge = Judge(cast(Forge, hub))
    for _ in range(2):
        found = judge.look_up(snapshot, last)
    assert hub.asked == ["main", last]
    assert found.required == ("check",)
    judge.read_again()
    judge.look_up(snapshot, last)
    assert hub.asked == ["main", last, last]


def test_check_that_has_not_begun_is_as_old_as_its_commit_and_on_main_as_that() -> None:
    snapshot, last = known()
    judge = Judge(cast(Forge, Hub()))
    [run] = judge.look_up(snapshot, last).checks[last].runs
    assert run.at == NOW - timedelta(hours=1)
    [run] = judge.look_up(snapshot, sha("x")).checks[sha("x")].runs
    assert run.at == snapshot.main.date


def test_settings_say_what_is_required_before_github_does() -> None:
    hub, (snapshot, last) = Hub(), known()
    checks = replace(snapshot.settings.checks, required=("lint",))
    asked = replace(snapshot, settings=replace(snapshot.settings, checks=checks))
    assert Judge(cast(Forge, hub)).look_up(asked, last).required == ("lint",)
    assert hub.asked == [last]


def test_nothing_lands_where_nothing_says_what_is_required() -> None:
    snapshot, last = known()
    with pytest.raises(Refused, match="nothing says which checks main requires"):
        Judge(cast(Forge, Hub(rules=()))).look_up(snapshot, last)
