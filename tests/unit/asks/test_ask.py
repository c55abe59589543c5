"""The forms of asks are checked when they are made, whoever asks."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.unit.asks.test_event import REPORTED

from tidemill.asks.ask import (
    Ask,
    HoldWave,
    PromoteWave,
    ReleaseWave,
    ReportDeployment,
    RetrySet,
    RollBackWave,
)
from tidemill.errors import Refused

BAD: dict[str, Callable[[], Ask]] = {
    "a SHA that is empty": lambda: PromoteWave("p", sha=""),
    "a SHA that is a word": lambda: PromoteWave("p", sha="main"),
    "a SHA of four digits": lambda: RetrySet("7d10"),
    "a goal that is empty": lambda: RollBackWave("p", reason="errors", to=""),
    "a wave that climbs": lambda: PromoteWave("../p"),
    "a set that climbs": lambda: HoldWave("p", reason="x", set="../app"),
    "an override of two lines": lambda: PromoteWave("p", override="a\nb"),
    "no reason to hold": lambda: HoldWave("p", reason=" "),
    "no reason to release": lambda: ReleaseWave("p", reason=""),
    "a target that climbs": lambda: ReportDeployment(
        "p", "../x", REPORTED.revisions, "Succeeded", "Healthy", REPORTED.finished_at
    ),
}


@pytest.mark.parametrize("make", BAD.values(), ids=BAD.keys())
def test_what_has_not_the_form_it_needs_is_refused(make: Callable[[], Ask]) -> None:
    with pytest.raises(Refused) as refused:
        make()
    assert refused.value.written == "nothing"
    assert refused.value.remedy
