"""Announcements: which are let in, which wait, and how each one ends."""

from typing import Any

import msgspec
import pytest
from tests.unit.snapshots import LAB, Rollout, app_sha, introduced, settings, sha, stack, whats

from tidemill.facts.ledger import Ledger, RequestEnding
from tidemill.facts.operation import Operation
from tidemill.facts.requests import AnnouncementRequest
from tidemill.facts.settings import ImageSet
from tidemill.facts.snapshot import OperationFailure, Outcome
from tidemill.plan.position import why_unwelcome


def test_announcement_that_came_again_after_it_ended_changes_nothing() -> None:
    rollout = Rollout()
    request = rollout.announced(1)
    rollout.ledger.ended.append(RequestEnding(id=request, how="evicted"))
    decided = rollout.decide()
    assert decided.ended == (request,)
    assert decided.auto == ()
    assert decided.ledger.how_ended(request) == "evicted"


def test_other_commit_at_a_position_that_was_had_is_rejected_naming_the_override() -> None:
    rollout = Rollout()
    rollout.landing("lab", 5)
    request = rollout.announced(5, sha_=sha("rewritten"))
    decided = rollout.decide()
    assert f"belongs to {app_sha(5)}" in decided.rejected[request]
    assert "--override REASON" in decided.rejected[request]


def test_other_commit_at_a_position_is_let_in_with_an_override() -> None:
    rollout = Rollout()
    rollout.landing("shop", 5)
    rollout.landing("lab", 5)
    request = rollout.announced(5, sha_=sha("rewritten"), override="we rewrote it", rewrites=1)
    decided = rollout.decide()
    assert decided.rejected == {}
    assert [one.operation.request for one in decided.auto] == [request]
    assert "overridden" in whats(decided)


def test_of_two_that_wait_at_one_position_the_later_is_rejected() -> None:
    rollout = Rollout()
    first = rollout.announced(5, ago=9)
    second = rollout.announced(5, ago=3, sha_=sha("rewritten"))
    decided = rollout.decide()
    assert set(decided.rejected) == {second}
    assert [one.operation.request for one in decided.auto] == [first]


def test_set_that_the_settings_do_not_know_is_rejected() -> None:
    rollout = Rollout()
    request = rollout.announced(1, "batch")
    assert "there is no set 'batch'" in rollout.decide().rejected[request]


@pytest.mark.parametrize(
    ("allowed", "announced", "reason"),
    [
        ({"repository": "acme/app"}, {}, None),
        ({"repository": "acme/other"}, {}, "comes from acme/other, not from acme/app"),
        ({"branch": "main"}, {"branch": "main"}, None),
        ({"branch": "main"}, {"branch": "feature"}, "from the branch main, not from feature"),
        ({}, {"branch": "feature"}, None),
    ],
    ids=["repository", "other-repository", "branch", "other-branch", "any-branch"],
)
def test_set_is_announced_from_where_the_settings_say(
    allowed: dict[str, Any], announced: dict[str, str], reason: str | None
) -> None:
    rollout = Rollout()
    fact = rollout.inbox[rollout.announced(1)]
    assert isinstance(fact, AnnouncementRequest)
    announcement = msgspec.structs.replace(fact.announcement, **announced)
    fact = msgspec.structs.replace(fact, announcement=announcement)
    strict = msgspec.structs.replace(rollout.settings, sets=(ImageSet(name="app", **allowed),))
    found = why_unwelcome(strict, Ledger(), fact, ())
    assert found is None if reason is None else reason in (found or "")


def test_image_outside_the_list_is_not_welcome() -> None:
    rollout = Rollout()
    request = rollout.announced(1)
    narrow = msgspec.structs.replace(rollout.settings.images, allow=("docker.io/*",))
    rollout.settings = msgspec.structs.replace(rollout.settings, images=narrow)
    assert "does not list" in rollout.decide().rejected[request]


def test_landing_ends_the_announcements_of_all_that_landed() -> None:
    rollout, commits = stack()
    rollout.green(commits[2])
    decided = rollout.decide()
    assert {end.how for end in decided.ledger.ended} == {"landed"}
    assert set(decided.ended) == set(rollout.inbox)


def test_landing_supersedes_the_older_announcements_that_wait() -> None:
    rollout = Rollout()
    rollout.landing("shop", 1)
    rollout.landing("lab", 1)
    older = [rollout.announced(position) for position in (2, 3)]
    newest = rollout.announced(4)
    rollout.turn()
    assert set(rollout.inbox) == {*older, newest}, "the newest goes first, the others wait"
    rollout.green(rollout.auto[0].sha)
    decided = rollout.turn()
    assert [decided.ledger.how_ended(one) for one in older] == ["superseded", "superseded"]
    assert [entry.what for entry in decided.entries].count("superseded") == 2
    assert decided.ledger.how_ended(newest) == "landed"


def test_fifty_announcements_of_a_set_wait_and_the_oldest_are_superseded() -> None:
    rollout = Rollout()
    rollout.landing("shop", 1)
    rollout.landing("lab", 1, landed=1, deployed=None)
    ids = [rollout.announced(position) for position in range(2, 62)]
    decided = rollout.decide()
    assert set(decided.ended) == set(ids[:10])
    assert {entry.reason for entry in decided.entries} == {"more than 50 announcements waited"}


def test_each_set_has_fifty_of_its_own() -> None:
    rollout = Rollout(settings(sets=("app", "batch"), lab=LAB))
    for name in ("app", "batch"):
        rollout.landing("lab", 1, name, landed=1, deployed=None)
        for position in range(2, 42):
            rollout.announced(position, name)
    assert rollout.decide().ended == ()


def test_announcement_ends_when_every_first_wave_has_had_it() -> None:
    rollout = Rollout(settings(east={"targets": ["e"]}, west={"targets": ["w"], "after": []}))
    request = rollout.announced(1)
    first = rollout.turn()
    assert introduced(first) == [("east", 1), ("west", 1)]
    rollout.green(first.auto[0].sha)
    assert rollout.turn().ledger.how_ended(request) is None
    rollout.green(first.auto[1].sha)
    assert rollout.turn().ledger.how_ended(request) == "landed"


@pytest.mark.parametrize(
    ("ago", "why"),
    [
        (70, "the wave has had a newer one"),
        (45, "the wave has had a newer one"),
        (30, "position 1 is older than 3, which lab has had"),
    ],
    ids=["before-both", "between", "when-the-newest-landed"],
)
def test_superseded_announcement_says_whether_it_came_too_late(ago: float, why: str) -> None:
    """Only one that came when the newer one was there already is told what that was."""
    rollout = Rollout()
    rollout.landing("shop", 1)
    rollout.landing("lab", 2, landed=60)
    rollout.landing("lab", 3, landed=30)
    request = rollout.announced(1, ago=ago)
    decided = rollout.decide()
    assert [why in entry.reason for entry in decided.entries if entry.id == request] == [True]


def two_first_waves() -> Rollout:
    """East tests sets as they come; west, which comes after none either, is held."""
    rollout = Rollout(
        settings(east={"targets": ["e"], "admit": "at once"}, west={"targets": ["w"], "after": []})
    )
    for wave in ("east", "west"):
        rollout.landing(wave, 1, landed=90)
    rollout.held("west")
    return rollout


def test_what_one_first_wave_has_had_or_tests_waits_for_the_other_beside_the_fifty() -> None:
    rollout = two_first_waves()
    rollout.landing("east", 2, landed=1, deployed=None)
    rollout.announced(2)
    rollout.on_auto("east", 3)
    waiting = [rollout.announced(position) for position in range(4, 54)]
    assert rollout.decide().ended == ()
    oldest = waiting[0]
    rollout.announced(54)
    assert rollout.decide().ended == (oldest,)


def test_what_a_first_wave_has_passed_over_is_not_on_its_way() -> None:
    rollout = two_first_waves()
    rollout.landing("east", 60, landed=1, deployed=None)
    requests = [rollout.announced(position) for position in range(2, 54)]
    assert rollout.decide().ended == tuple(requests[:2])


def two_first() -> Rollout:
    """Two waves come first, and have the first set."""
    east = {"targets": ["e"], "admit": "at once"}
    rollout = Rollout(settings(east=east, west={**east, "targets": ["w"], "after": []}))
    rollout.landing("east", 1)
    rollout.landing("west", 1)
    return rollout


def test_announcement_that_one_first_wave_has_and_one_evicted_ends_one_way() -> None:
    """Lines that name a wave say how it went there; one that names none says how it ended."""
    rollout = two_first()
    request = rollout.announced(2)
    first, second = rollout.turn().auto
    rollout.green(rollout.main, first.sha)
    rollout.red(second.sha)
    decided = rollout.turn()
    assert (decided.landed, decided.evicted) == (first.sha, (second.sha,))
    assert decided.ledger.how_ended(request) == "evicted"
    found = [(one.what, one.wave, one.reason) for one in decided.entries if one.id == request]
    assert found[-1] == ("evicted", None, "landed in east; evicted in west")
    assert [what for what, wave, _ in found if wave is None] == ["evicted"]


def test_announcement_that_fails_in_one_of_two_first_waves_is_rejected_as_a_whole() -> None:
    rollout = two_first()
    request = rollout.announced(2)

    def maker(operation: Operation, _: str) -> Outcome | None:
        return OperationFailure("no such chart") if operation.wave == "west" else None

    decided = rollout.decide(maker)
    found = [(one.what, one.wave, one.reason) for one in decided.entries if one.id == request]
    assert ("rejected", None, "west: no such chart") in found


def test_announcement_that_one_first_wave_has_and_one_passed_over_ends_as_a_whole() -> None:
    rollout = two_first()
    request = rollout.announced(2)
    rollout.landing("east", 2)
    rollout.landing("west", 3)
    decided = rollout.decide()
    assert decided.ledger.how_ended(request) == "landed"
    found = [(one.what, one.wave, one.reason) for one in decided.entries if one.id == request]
    assert found == [("landed", None, "landed in east; superseded in west")]


def test_announcement_that_landed_in_one_first_wave_has_landed_where_another_never_takes_it() -> (
    None
):
    rollout = two_first()
    rollout.held("west")
    first = rollout.announced(2, ago=0)
    for position in range(3, 56):
        rollout.green(rollout.turn().auto[-1].sha)
        assert rollout.turn().landed
        rollout.later(5)
        rollout.announced(position, ago=0)
    assert rollout.ledger.how_ended(first) == "landed"
    assert {one.how for one in rollout.ledger.ended} == {"landed"}
