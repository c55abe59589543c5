"""What turns did, and the stays of sets that follow from it."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from tidemill.answers.history import History, Told, history
from tidemill.answers.question import Question, lines, service_stays
from tidemill.facts.journal import Entry, TurnRecord, decode_turn
from tidemill.facts.ledger import Landing, Ledger

START = datetime(2026, 1, 1, tzinfo=UTC)


def minute(number: int) -> datetime:
    return START + timedelta(minutes=number)


def told(number: int, *entries: Entry) -> Told:
    run_url = f"https://github.example/runs/{number}"
    return Told(f"{number:040}", TurnRecord(at=minute(number), run_url=run_url, entries=entries))


def landed(sha: str, app_sha: str | None, wave: str = "staging", **more: str) -> Entry:
    entry = Entry(what="landed", sha=sha, app_sha=app_sha, wave=wave, set="app")
    return msgspec.structs.replace(entry, **more)


def made(what: str, app_sha: str, wave: str = "staging", **more: str) -> Entry:
    entry = Entry(what=what, sha="0", app_sha=app_sha, wave=wave, set="app")
    return msgspec.structs.replace(entry, **more)


def ledger(*landings: Landing, wave: str = "staging") -> Ledger:
    found = Ledger()
    found.of(wave, "app").landings.extend(landings)
    return found


def landing(commit: str, app_sha: str | None, at: datetime) -> Landing:
    return Landing(
        app_sha=app_sha,
        position=1,
        content="files",
        digests="",
        commit=commit,
        landed_at=at,
        how="by hand",
    )


def summary(found: History, wave: str = "staging") -> list[tuple[str | None, int, int | None]]:
    return [
        (stay.app_sha, minutes(stay.since), minutes(stay.until) if stay.until else None)
        for stay in found.stays[wave, "app"]
    ]


def minutes(when: datetime) -> int:
    return round((when - START) / timedelta(minutes=1))


def test_a_set_stays_until_the_next_one_lands() -> None:
    turns = [told(1, landed("c1", "a1")), told(2), told(5, landed("c2", "a2"))]
    assert summary(history(turns, Ledger(), None)) == [("a1", 1, 5), ("a2", 5, None)]


def test_at_a_time_a_wave_has_the_set_that_landed_last() -> None:
    found = history([told(1, landed("c1", "a1")), told(5, landed("c2", "a2"))], Ledger(), None)
    ran = {at: found.at(minute(at)) for at in (0, 1, 4, 5, 9)}
    assert {at: [stay.app_sha for stay in places.values()] for at, places in ran.items()} == {
        0: [],
        1: ["a1"],
        4: ["a1"],
        5: ["a2"],
        9: ["a2"],
    }


def test_the_journal_says_what_came_after_what_also_where_a_clock_was_behind() -> None:
    ledgers = [landing(f"c{n}", f"a{n}", minute(at)) for n, at in ((1, 1), (2, 9), (3, 5))]
    turns = [told(at, landed(f"c{n}", f"a{n}")) for n, at in ((1, 1), (2, 9), (3, 5))]
    found = history(turns, Ledger(), ledger(*ledgers))
    assert summary(found) == [("a1", 1, 9), ("a2", 9, 9), ("a3", 5, None)]
    for at in (7, 20):
        assert found.at(minute(at))["staging", "app"].app_sha == "a3"
    assert [line.app_sha for line in lines(found, Question())] == ["a1", "a2", "a3"]
    images = [{"web": "old"}, {"web": "new"}, {"web": "new"}]
    stays = list(zip(found.stays["staging", "app"], images, strict=True))
    times = [(one.since, one.until) for one in service_stays(("staging", "app"), "web", stays)]
    assert times == [(minute(1), minute(9)), (minute(9), None)]


def test_a_stay_says_how_it_came_who_asked_for_it_and_in_which_run() -> None:
    why = {"id": "promotion-1", "by": "kim", "reason": "asked for by kim"}
    turns = [
        told(1, made("promoted", "a1", **why), made("overridden", "a1", id="promotion-1")),
        told(2, landed("c1", "a1", **why)),
    ]
    (stay,) = history(turns, Ledger(), None).stays["staging", "app"]
    assert (stay.how, stay.by, stay.is_override) == ("promote", "kim", True)
    assert stay.run_url == turns[1].record.run_url
    assert stay.turn == turns[1].sha


def test_what_was_there_before_the_first_turn_is_in_its_ledger() -> None:
    adopted = ledger(landing("c0", None, minute(-60)), landing("c1", "a1", minute(1)))
    found = history([told(1, landed("c1", "a1")), told(2)], adopted, None)
    assert summary(found) == [(None, -60, 1), ("a1", 1, None)]


@pytest.mark.parametrize("what", ["found", "changed by hand"])
def test_what_a_turn_finds_counts_from_when_its_ledger_says(what: str) -> None:
    adopted = ledger(landing("c0", None, minute(-60)))
    found = Entry(what=what, sha="c0", wave="staging", set="app")
    assert summary(history([told(1, found)], adopted, None)) == [(None, -60, None)]


def test_what_only_the_newest_ledger_knows_is_told_as_well() -> None:
    known = ledger(landing("c1", "a1", minute(1)), landing("c2", "a2", minute(3)))
    found = history([told(1), told(5, landed("c5", "a5"))], Ledger(), known)
    assert summary(found) == [("a1", 1, 3), ("a2", 3, 5), ("a5", 5, None)]


def test_images_that_were_there_already_get_the_name_of_their_commit() -> None:
    adopted = ledger(landing("c0", None, minute(0)))
    turns = [told(1), told(2, made("unchanged", "a1"))]
    assert summary(history(turns, adopted, None)) == [("a1", 0, None)]


def test_a_wave_that_was_renamed_has_the_past_of_the_old_name() -> None:
    renamed = Entry(what="renamed", wave="prod", reason="the wave prod was staging")
    turns = [told(1, landed("c1", "a1")), told(2, renamed), told(3, landed("c3", "a3", "prod"))]
    found = history(turns, Ledger(), None)
    assert summary(found, "prod") == [("a1", 1, 3), ("a3", 3, None)]
    assert summary(found) == [("a1", 1, 2)]
    assert [stay.wave for stay in found.stays["prod", "app"]] == ["staging", "prod"]


def test_waves_that_swap_their_names_swap_their_past() -> None:
    swapped = (
        Entry(what="renamed", wave="b", reason="the wave b was a"),
        Entry(what="renamed", wave="a", reason="the wave a was b"),
    )
    turns = [
        told(1, landed("c1", "a1", "a"), landed("c2", "a2", "b")),
        told(2, *swapped),
    ]
    found = history(turns, Ledger(), None)
    assert summary(found, "a") == [("a2", 1, None)]
    assert summary(found, "b") == [("a1", 1, None)]


def test_what_ran_at_a_time_is_told_once_by_the_names_of_that_time() -> None:
    renamed = Entry(what="renamed", wave="prod", reason="the wave prod was staging")
    turns = [told(1, landed("c1", "a1")), told(4, renamed), told(6, landed("c6", "a6", "prod"))]
    found = history(turns, Ledger(), None)
    for number, wave, sha, until in (
        (2, "staging", "a1", minute(6)),
        (5, "prod", "a1", minute(6)),
        (7, "prod", "a6", None),
    ):
        expected = {(wave, "app"): (sha, until)}
        for today in (None, "prod"):
            then = found.at(minute(number), today)
            assert {at: (one.app_sha, one.until) for at, one in then.items()} == expected
    assert found.present.keys() == {("prod", "app")}


def test_waves_that_swapped_their_names_or_split_had_the_names_of_then() -> None:
    changed = (
        Entry(what="renamed", wave="b", reason="the wave b was a"),
        Entry(what="renamed", wave="a", reason="the wave a was b"),
        Entry(what="renamed", wave="c", reason="the wave c was d"),
        Entry(what="renamed", wave="e", reason="the wave e was d"),
    )
    landings = [landed(f"c{wave}", f"a{wave}", wave) for wave in "abd"]
    found = history([told(1, *landings), told(3, *changed)], Ledger(), None)
    for number, expected in (
        (2, {"a": "aa", "b": "ab", "d": "ad"}),
        (4, {"a": "ab", "b": "aa", "c": "ad", "e": "ad"}),
    ):
        then = found.at(minute(number))
        assert {wave: one.app_sha for (wave, _), one in then.items()} == expected


def test_name_that_was_given_up_stays_given_up_when_others_change() -> None:
    first = Entry(what="renamed", wave="lab", was=("staging",))
    second = Entry(what="renamed", wave="live", was=("prod",))
    turns = [
        told(1, landed("c1", "a1"), landed("p1", "a1", "prod")),
        told(2, first),
        told(3, landed("c3", "a3", "lab")),
        told(4, second),
    ]
    found = history(turns, Ledger(), None)
    assert summary(found) == [("a1", 1, 2)]
    assert found.left == {("staging", "app"), ("prod", "app")}
    assert {place: one.app_sha for place, one in found.at(minute(3)).items()} == {
        ("lab", "app"): "a3",
        ("prod", "app"): "a1",
    }


def test_wave_that_shares_its_past_keeps_it() -> None:
    split = (
        Entry(what="renamed", wave="west", was=("staging",)),
        Entry(what="renamed", wave="staging", was=("staging",)),
    )
    found = history([told(1, landed("c1", "a1")), told(3, *split)], Ledger(), None)
    assert {wave for wave, _ in found.at(minute(4))} == {"staging", "west"}
    assert found.left == frozenset()


@pytest.mark.parametrize(("wave", "name"), [("staging", None), (None, "app")])
def test_what_the_settings_no_longer_name_is_there_no_more_till_they_do(
    wave: str | None, name: str | None
) -> None:
    turns = [
        told(1, landed("c1", "a1"), landed("p1", "a1", "prod")),
        told(3, Entry(what="removed", wave=wave, set=name)),
        told(6, Entry(what="named again", wave=wave, set=name)),
    ]
    before = history(turns[:2], Ledger(), None)
    assert summary(before) == [("a1", 1, 3)]
    assert ("staging", "app") not in before.at(minute(4))
    assert ("staging", "app") in before.present, "its past is nobody else's"
    found = history(turns, Ledger(), None)
    assert summary(found) == [("a1", 1, None)]
    assert ("staging", "app") in found.at(minute(7))


def test_what_went_has_an_heir_that_comes_later() -> None:
    turns = [
        told(1, landed("c1", "a1")),
        told(2, Entry(what="removed", wave="staging")),
        told(3, Entry(what="renamed", wave="prod", was=("staging",))),
    ]
    found = history(turns, Ledger(), None)
    assert summary(found, "prod") == [("a1", 1, None)]
    assert [*found.at(minute(4))] == [("prod", "app")]


def test_what_went_as_a_wave_and_as_a_set_is_there_again_with_both() -> None:
    turns = [
        told(1, landed("c1", "a1")),
        told(2, Entry(what="removed", set="app")),
        told(3, Entry(what="removed", wave="staging")),
        told(4, Entry(what="named again", wave="staging")),
    ]
    half = history(turns, Ledger(), None)
    assert (summary(half), half.at(minute(5))) == ([("a1", 1, 2)], {})
    found = history([*turns, told(6, Entry(what="named again", set="app"))], Ledger(), None)
    assert summary(found) == [("a1", 1, None)]
    assert [*found.at(minute(5))] == [("staging", "app")]


def test_name_that_another_wave_has_now_tells_of_that_one_alone() -> None:
    renamed = Entry(what="renamed", wave="prod", was=("staging",))
    turns = [told(1, landed("c1", "a1")), told(2, renamed), told(5, landed("c5", "a5"))]
    found = history(turns, Ledger(), None)
    assert (summary(found), summary(found, "prod")) == ([("a5", 5, None)], [("a1", 1, None)])


def test_what_was_made_before_a_wave_was_renamed_lands_as_what_it_is() -> None:
    why = {"id": "promotion-1", "by": "kim"}
    renamed = Entry(what="renamed", wave="prod", was=("staging",))
    turns = [
        told(1, made("promoted", "a1", **why), made("overridden", "a1", id="promotion-1")),
        told(2, renamed),
        told(3, landed("c1", "a1", "prod", **why)),
    ]
    (stay,) = history(turns, Ledger(), None).stays["prod", "app"]
    assert (stay.how, stay.is_override) == ("promote", True)


def test_what_a_turn_does_that_changes_names_is_by_the_new_ones() -> None:
    swapped = (Entry(what="renamed", wave=a, was=(b,)) for a, b in ("ab", "ba"))
    turns = [
        told(1, landed("c1", "a1", "a"), landed("c2", "a2", "b")),
        told(2, *swapped, landed("c3", "a3", "a")),
    ]
    found = history(turns, Ledger(), None)
    assert summary(found, "a") == [("a2", 1, 2), ("a3", 2, None)]
    assert summary(found, "b") == [("a1", 1, None)]
    now = found.at(minute(2))
    assert {wave: one.app_sha for (wave, _), one in now.items()} == {"a": "a3", "b": "a1"}
    after = Ledger()
    for wave, one in (("a", landing("c2", "a2", minute(1))), ("b", landing("c1", "a1", minute(1)))):
        after.of(wave, "app").landings.append(one)
    part = history(turns[1:], after, None)
    assert (part.stays.keys(), summary(part, "a")) == (found.stays.keys(), summary(found, "a"))


def test_image_files_that_somebody_took_away_are_not_there() -> None:
    taken = Entry(what="removed by hand", sha="c3", wave="staging", set="app")
    found = history([told(1, landed("c1", "a1")), told(3, taken)], Ledger(), None)
    assert summary(found) == [("a1", 1, 3), (None, 3, None)]
    assert found.at(minute(4)) == {}
    empty = msgspec.structs.replace(landing("c3", None, minute(3)), content="")
    before = msgspec.structs.replace(taken, what="changed by hand")
    old = history([told(1, landed("c1", "a1")), told(3, before)], Ledger(), ledger(empty))
    assert old.at(minute(4)) == {}, "though releases did not always say so"


def test_a_regeneration_puts_no_set_anywhere() -> None:
    entry = Entry(what="landed", sha="c1", wave="staging", set="_")
    assert history([told(1, entry)], Ledger(), None).stays == {}


def test_what_cannot_be_told_is_said_to_be_missing() -> None:
    again = Entry(what="made again", reason="the journal was lost")
    assert history([], None, None).missing
    assert history([told(1)], None, None).missing
    assert history([told(1, again)], Ledger(), None).missing
    assert not history([told(1)], Ledger(), None).missing


def test_records_of_the_first_releases_are_read_without_their_ledger() -> None:
    record = {"version": 1, "at": "2026-01-01T00:00:00Z", "entries": [], "ledger": {"waves": 1}}
    assert decode_turn(msgspec.json.encode(record)).at == START
