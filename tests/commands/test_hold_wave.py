"""`tidemill hold-wave`."""

import pytest
from tests.commands.promises import (
    assert_any_time_is_harmless,
    assert_readable,
    assert_twice_is_once,
    refused,
)
from tests.loop.stories import refs, says, waits_for
from tests.world import World, git

HOLD = ("hold-wave", "--wave", "lab", "--reason", "freeze")


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
        (("--wave", "lab", "--reason", " "), "is not one printable line"),
        (("--wave", "lab", "--reason", "a\x1b[31mb"), "is not one printable line"),
        (("--wave", "lab", "--set", "_", "--reason", "x"), "is not a valid name of a set"),
        (("--wave", "lab", "--reason", "x" * 501), "is not one printable line"),
        (("--reason", "x"), "takes either --wave or --all"),
        (("--wave", "lab", "--all", "--reason", "x"), "takes either --wave or --all"),
        (
            ("--all", "--until", "2026-01-06T08:00", "--reason", "x"),
            "does not say its time zone",
        ),
        (("--all", "--until", "tomorrow", "--reason", "x"), "is not a time"),
        (
            ("--all", "--until", "2026-01-05T09:00Z", "--reason", "x"),
            "would have ended before it began",
        ),
    ],
    ids=[
        "wave",
        "set",
        "wave-climbs",
        "set-climbs",
        "empty",
        "two-lines",
        "no-text",
        "blank",
        "colour",
        "all-sets",
        "long",
        "nowhere",
        "everywhere-and-somewhere",
        "no-zone",
        "no-time",
        "over",
    ],
)
def test_what_can_not_be_held_is_refused(
    new: World, arguments: tuple[str, ...], reason: str
) -> None:
    assert reason in refused(new, "hold-wave", *arguments)


def test_hold_of_all_waves_ends_at_its_time_and_the_journal_says_so(new: World) -> None:
    until = "2026-01-05T13:00+01:00"
    told = new.run("hold-wave", "--all", "--until", until, "--reason", "freeze")
    assert [one["what"] for one in told["notes"]] == ["held", "held"]
    assert new.refs("holds") == ["refs/tidemill/holds/lab/_", "refs/tidemill/holds/shop/_"]
    assert {wave["hold"]["until"] for wave in new.status()["waves"]} == {"2026-01-05T12:00:00Z"}
    assert "until 2026-01-05 12:00 UTC" in waits_for(new.announce(1))
    new.later(minutes=120)
    done = new.run("reconcile-cfg-app")
    over = "it was until 2026-01-05T12:00Z, which is over (held: freeze)"
    assert [one["reason"] for one in done["notes"]] == [over, over]
    assert new.refs("holds") == []
    assert done["introduced"]


def test_release_of_all_waves_ends_what_was_placed_on_all_at_once_and_no_other(
    new: World,
) -> None:
    new.run("hold-wave", "--wave", "lab", "--set", "app", "--reason", "its own")
    new.run("hold-wave", "--all", "--reason", "freeze")
    new.run("release-wave", "--all", "--reason", "go on")
    assert new.refs("holds") == ["refs/tidemill/holds/lab/app"]
    again = new.run("release-wave", "--all", "--reason", "go on")
    assert "there is no hold of all waves" in str(again)


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
