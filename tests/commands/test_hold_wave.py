"""`tidemill hold-wave`."""

import pytest
from tests.commands.promises import (
    assert_any_time_is_harmless,
    assert_help_has_an_example,
    assert_readable,
    assert_twice_is_once,
    assert_usage,
    dry_run,
    refused,
)
from tests.loop.stories import refs, says, waits_for
from tests.world import World, git

HOLD = ("hold-wave", "--wave", "lab", "--reason", "freeze")


def test_help_has_an_example() -> None:
    assert_help_has_an_example("hold-wave")


def test_hold_is_in_force_at_once_and_says_who_why_and_since(new: World) -> None:
    turn = assert_twice_is_once(new, *HOLD)
    assert turn["request"]["state"] == "accepted"
    assert new.refs("holds") == ["refs/tidemill/holds/lab/_"]
    hold = new.status()["waves"][0]["hold"]
    assert (hold["set"], hold["reason"], hold["since"]) == ("_", "freeze", "2026-01-05T10:00:00Z")
    assert hold["by"]
    assert "is held by" in waits_for(new.announce(1))


def test_hold_asked_for_again_later_leaves_the_first_as_it_is(new: World) -> None:
    new.run(*HOLD)
    before = refs(new)["refs/tidemill/holds/lab/_"]
    new.later(minutes=1)
    assert new.run("hold-wave", "--wave", "lab", "--reason", "again").code == 0
    assert refs(new)["refs/tidemill/holds/lab/_"] == before


def test_hold_of_one_set_leaves_the_others_alone(new: World) -> None:
    new.run(*HOLD, "--set", "app")
    assert new.refs("holds") == ["refs/tidemill/holds/lab/app"]


def test_dry_run_writes_nothing(new: World) -> None:
    assert dry_run(new, *HOLD)["changed"]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--wave", "moon", "--reason", "x"), "there is no wave 'moon': the waves are lab, shop"),
        (("--wave", "lab", "--set", "moon", "--reason", "x"), "there is no set 'moon'"),
        (("--wave", "../lab", "--reason", "x"), "is not a valid name of a wave"),
        (("--wave", "lab", "--set", "a/b", "--reason", "x"), "is not a valid name of a set"),
        (("--wave", "lab", "--reason", ""), "is not one printable line"),
        (("--wave", "lab", "--reason", "a\nAutocommit-App-SHA: x"), "is not one printable line"),
        (("--wave", "lab", "--reason", "a\udc80"), "is not one printable line"),
        (("--wave", "lab", "--reason", "x" * 501), "is not one printable line"),
    ],
    ids=["wave", "set", "wave-climbs", "set-climbs", "empty", "two-lines", "no-text", "long"],
)
def test_what_can_not_be_held_is_refused(
    new: World, arguments: tuple[str, ...], reason: str
) -> None:
    assert reason in refused(new, "hold-wave", *arguments)


def test_hold_without_a_reason_is_wrong_usage(new: World) -> None:
    assert_usage(new, "hold-wave", "--wave", "lab")


def test_reason_with_shell_words_is_only_text(new: World) -> None:
    reason = "$(touch x) `id` && rm -rf / # ::set-output"
    new.run("hold-wave", "--wave", "lab", "--reason", reason)
    assert new.status()["waves"][0]["hold"]["reason"] == reason


def test_person_is_told_what_was_done(new: World) -> None:
    code, out, _ = says(new, *HOLD)
    assert code == 0
    assert_readable(out)
    assert "accepted" in out
    assert "freeze" in out


def test_odd_time_stops_nobody(new: World) -> None:
    assert_any_time_is_harmless(new, *HOLD)


def test_reason_is_shown_with_what_nobody_would_see(new: World) -> None:
    """In every place where a person reads it; as data, it is what was given."""
    reason = "הקפאה \u202efreeze\u2066 \U000e0041\u200b"
    shown = "הקפאה \\u202efreeze\\u2066 \\U000e0041\\u200b"
    new.run("hold-wave", "--wave", "lab", "--reason", reason)
    code, out, _ = says(new, "status")
    assert code == 0
    assert shown in " ".join(out.split())
    message = git(new.bare, "log", "-1", "--format=%B", "refs/tidemill/journal")
    assert shown in message
    (hold,) = new.status()["waves"][0]["holds"]
    assert hold["reason"] == reason
    for text in (out, message, says(new, "status", "--json")[1]):
        assert not (set(reason) - set(shown)) & set(text)
