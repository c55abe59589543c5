"""`[[freezes]]`: times of a zone, also where its clocks change."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from tests.unit.settings_texts import LEAST

from tidemill.errors import SettingsInvalid
from tidemill.facts.freezes import Freeze, parse_local
from tidemill.facts.settings_file import parse

YEAR_END = {
    "from": '"2026-12-18T18:00"',
    "until": '"2027-01-04T08:00"',
    "zone": '"Europe/Berlin"',
    "reason": '"Christmas"',
}


def frozen(**changes: str) -> Freeze:
    """The one freeze of settings, with other values than usual."""
    told = {**YEAR_END, **changes}
    lines = [f"{key} = {value}" for key, value in told.items() if value]
    return parse("\n".join([LEAST, "[[freezes]]", *lines])).freezes[0]


def test_a_freeze_is_from_one_moment_to_another_of_its_zone() -> None:
    found = frozen()
    assert found.begins == datetime(2026, 12, 18, 17, tzinfo=UTC)
    assert found.ends == datetime(2027, 1, 4, 7, tzinfo=UTC)


def test_a_freeze_over_the_change_of_the_clocks_has_the_offset_of_each_end() -> None:
    found = frozen(**{"from": '"2026-10-24T12:00"', "until": '"2026-10-26T12:00"'})
    assert (found.ends - found.begins).total_seconds() == 49 * 3600


@pytest.mark.parametrize("written", ["2026-12-18T18:00:00", "2026-12-18 18:00:00"])
def test_a_time_may_be_written_as_toml_does(written: str) -> None:
    assert frozen(**{"from": written}) == frozen()


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("from", '"2026-03-29T02:30"', "2026-03-29T02:30 is left out in Europe/Berlin"),
        ("until", '"2027-10-31T02:30"', "2027-10-31T02:30 comes twice in Europe/Berlin"),
        ("until", '"2026-12-18T18:00"', "must end after it begins"),
        ("from", '"2026-12-18T18:00+01:00"', "has an offset"),
        ("from", "2026-12-18T18:00:00Z", "has an offset"),
        ("from", '"2026-12-18"', "has no time of day"),
        ("from", "2026-12-18", "expected a time written as text"),
        ("from", '"Friday"', "is not a time"),
        ("from", '"1026-12-18T18:00"', "is not in this century"),
        ("from", '"1999-12-31T23:59"', "is not in this century"),
        ("until", '"2100-01-01T00:00"', "is not in this century"),
        ("from", "", "missing required field `from`"),
        ("zone", '"Europe/Bielefeld"', "is not a time zone"),
        ("zone", '"localtime"', "is not a time zone"),
        ("zone", '"right/Europe/Berlin"', "is not a time zone"),
        ("zone", "", "missing required field `zone`"),
        ("waves", '["produktion"]', "there is no wave 'produktion'"),
        ("reason", '" "', "needs a reason"),
        ("reason", '"a\\nb"', "needs a reason, in one line"),
        ("until_when", '"x"', "unknown field `until_when`"),
    ],
)
def test_a_freeze_that_can_not_be_meant_is_refused(key: str, value: str, reason: str) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        frozen(**{key: value})
    assert reason in str(caught.value)
    assert "line " in str(caught.value)


def test_a_minute_before_and_after_the_change_of_the_clocks_is_a_time() -> None:
    found = frozen(**{"from": '"2026-03-29T01:59"', "until": '"2026-03-29T03:00"'})
    assert (found.ends - found.begins).total_seconds() == 60


def test_a_freeze_may_be_at_any_time_of_this_century() -> None:
    found = frozen(**{"from": '"2000-01-01T00:00"', "until": '"2099-12-31T23:59"'})
    assert (found.begins.year, found.ends.year) == (1999, 2099), "in Berlin it is 2000"


def test_times_of_a_place_are_the_same_where_their_clocks_show_the_same() -> None:
    one = parse_local("2026-12-18T18:00")
    assert one == parse_local("2026-12-18 18:00")
    assert one != parse_local("2026-12-18T18:01")
    assert one != "2026-12-18T18:00"
