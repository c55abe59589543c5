"""Which lines answer a question."""

from datetime import timedelta

from tests.unit.answers.test_history import landed, landing, made, minute, told

from tidemill.answers.history import history
from tidemill.answers.question import Question, Revisions, has_all_that_ran, lines, targets_at
from tidemill.facts.journal import Entry
from tidemill.facts.ledger import Ledger, SetLedger


def reported(said: str, sha: str = "c1") -> Entry:
    """A report as the first releases wrote it: in words alone."""
    return Entry(what="reported", sha=sha, wave="staging", reason=said)


TURNS = [
    told(1, made("introduced", "a1")),
    told(2, landed("c1", "a1"), landed("c2", "b1", "production")),
    told(3, reported("eu: Succeeded, Degraded at c1c1c1c1c1c1")),
    told(4, reported("eu: Succeeded, Healthy at c1c1c1c1c1c1")),
    told(5, Entry(what="held", id="hold-1", wave="production", set="_", reason="x", by="kim")),
]
PAST = history(TURNS, Ledger(), None)


def whats(question: Question) -> list[tuple[str, str | None]]:
    return [(line.how or line.what, line.wave) for line in lines(PAST, question)]


def test_what_was_only_made_on_auto_and_reports_of_health_are_left_out() -> None:
    assert whats(Question()) == [
        ("introduced", "staging"),
        ("landed", "production"),
        ("failed", "staging"),
        ("held", "production"),
    ]


def test_wave_and_set_leave_out_others_but_not_holds_on_all_sets() -> None:
    assert whats(Question(wave="production", set="app")) == [
        ("landed", "production"),
        ("held", "production"),
    ]


def test_target_has_all_of_its_reports_also_those_of_older_releases() -> None:
    found = lines(PAST, Question(target="eu"))
    assert [(line.what, line.target, line.reason) for line in found] == [
        ("failed", "eu", "Succeeded, Degraded"),
        ("reported", "eu", "Succeeded, Healthy"),
    ]
    assert lines(PAST, Question(target="us")) == []


def test_since_counts_the_moment_itself() -> None:
    assert [line.at for line in lines(PAST, Question(since=minute(5)))] == [minute(5)]


def test_target_had_reported_the_sets_of_its_revision_by_then() -> None:
    revisions = Revisions(PAST, {"c0": 0, "c1": 1, "c2": 2})
    (before,) = targets_at(PAST, revisions, minute(3))
    (after,) = targets_at(PAST, revisions, minute(9))
    assert (before.health, after.health) == ("Degraded", "Healthy")
    assert after.app_shas == {"app": "a1"}
    assert targets_at(PAST, revisions, minute(2)) == []
    assert revisions.sets("staging", "c0", minute(9)) == {}
    assert revisions.sets("staging", "c2", minute(9)) == {"app": "a1"}


def test_target_of_a_wave_that_was_renamed_has_the_name_of_the_time_and_its_sets() -> None:
    renamed = Entry(what="renamed", wave="lab", reason="the wave lab was staging")
    again = Entry(what="reported", sha="c2", wave="lab", target="eu", phase="Succeeded")
    past = history([*TURNS, told(6, renamed), told(8, again)], Ledger(), None)
    revisions = Revisions(past, {"c1": 1, "c2": 2})
    for when, wave, revision in ((5, "staging", "c1"), (7, "lab", "c1"), (9, "lab", "c2")):
        (one,) = targets_at(past, revisions, minute(when))
        assert (one.wave, one.revision, one.app_shas) == (wave, revision, {"app": "a1"})


def test_target_of_a_wave_with_two_heirs_is_in_the_one_that_lists_it() -> None:
    parted = [Entry(what="renamed", wave=one, reason=f"the wave {one} was staging") for one in "ab"]
    us = Entry(what="reported", sha="c1", wave="staging", target="us", phase="Succeeded")
    here = Entry(what="reported", sha="c1", wave="b", target="us", phase="Failed")
    past = history([*TURNS, told(5, us), told(6, *parted), told(8, here)], Ledger(), None)

    def places(when: int, *listed: tuple[str, str]) -> list[tuple[str, str]]:
        found = targets_at(past, Revisions(past, {}), minute(when), listed)
        return [(one.wave, one.target) for one in found]

    assert places(5, ("a", "eu")) == [("staging", "eu"), ("staging", "us")]
    assert places(9, ("a", "eu")) == [("a", "eu"), ("b", "us")]
    assert places(7, ("a", "eu"), ("b", "us")) == [("a", "eu"), ("b", "us")]
    assert places(9) == [("a", "eu"), ("b", "eu"), ("b", "us")], "nobody knows where eu is"


def test_new_name_of_a_wave_and_old_name_of_a_set_go_together() -> None:
    renamed = (
        Entry(what="renamed", wave="lab", reason="the wave lab was staging"),
        Entry(what="renamed", set="web", reason="the set web was app"),
    )
    past = history([*TURNS, told(6, *renamed)], Ledger(), None)
    for question in (Question(wave="lab", set="app"), Question(wave="lab", set="web")):
        assert [line.how for line in lines(past, question) if line.app_sha] == ["introduced"]


def test_turn_whose_clock_went_ahead_hides_no_report_that_came_in_time() -> None:
    ahead = Entry(what="reported", sha="c1", wave="staging", target="us", phase="Succeeded")
    late = Entry(what="reported", sha="c1", wave="staging", target="eu", phase="Succeeded")
    past = history([told(30, ahead), told(3, late)], Ledger(), None)
    (one,) = targets_at(past, Revisions(past, {"c1": 1}), minute(9))
    assert (one.target, one.at) == ("eu", minute(3))


def test_last_turns_are_not_enough_for_a_target_that_lags_behind_what_their_ledger_has() -> None:
    order = {f"c{number}": number for number in range(9)}
    there = landing("c5", "a5", minute(1))
    ledger = Ledger(sets={"staging": {"app": SetLedger(landings=[there])}})
    for sha, is_enough in (("c4", False), ("c5", True), ("c6", True)):
        turns = [told(2), told(3, landed("c6", "a6")), told(4, reported("eu: x, y at c", sha))]
        past = history(turns, ledger, None)
        listed = {("staging", "eu")}
        at = minute(0) + timedelta(days=9)
        assert has_all_that_ran(past, Question(), at, listed, order) is is_enough, sha
