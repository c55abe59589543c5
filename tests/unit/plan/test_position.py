"""Which sender may announce a set, which of two is newer, and what an override lets in."""

from __future__ import annotations

import json

import msgspec
import pytest
from tests.unit.sets import NOW, app_sha, sha
from tests.unit.snapshots import Rollout

from tidemill.announcing.announcement import Announcement, Image
from tidemill.announcing.order import Order, as_before, order_of
from tidemill.facts import requests
from tidemill.facts.image_files import Source, render
from tidemill.facts.ledger import Landing, Ledger, RequestEnding, SetLedger
from tidemill.facts.requests import AnnouncementRequest, Point, decode, digest, encode
from tidemill.facts.settings import ImageSet
from tidemill.plan.position import (
    how_ended,
    rewrites_of,
    why_no_hotfix,
    why_older,
    why_unwelcome,
)

SENDERS = ("acme-ci[bot]", "Ada")


def announced(sender: str | None, *, override: str | None = None) -> AnnouncementRequest:
    rollout = Rollout()
    found = rollout.inbox[rollout.announced(1)]
    assert isinstance(found, AnnouncementRequest)
    return msgspec.structs.replace(found, sender=sender, override=override)


def why(senders: tuple[str, ...], request: AnnouncementRequest) -> str | None:
    image_set = ImageSet(name="app", senders=senders)
    settings = msgspec.structs.replace(Rollout().settings, sets=(image_set,))
    return why_unwelcome(settings, Ledger(), request, [])


@pytest.mark.parametrize("sender", ["acme-ci[bot]", "Acme-CI[bot]", "ada", "ADA", None])
def test_listed_sender_is_welcome_whatever_the_case(sender: str | None) -> None:
    assert why(SENDERS, announced(sender)) is None


@pytest.mark.parametrize("sender", ["acme-ci", "ada[bot]", "mallory", "acme-ci[bot]x", ""])
def test_other_sender_is_not_welcome(sender: str) -> None:
    reason = why(SENDERS, announced(sender))
    assert reason is not None
    assert reason.startswith("the set app is announced by acme-ci[bot], Ada, not by ")
    assert reason.endswith(sender or "somebody unknown")


def test_override_does_not_make_another_sender_welcome() -> None:
    assert why(SENDERS, announced("mallory", override="because")) is not None


@pytest.mark.parametrize("sender", ["mallory", "", None])
def test_set_without_senders_takes_any(sender: str | None) -> None:
    assert why((), announced(sender)) is None


def test_turn_judges_the_sender_again() -> None:
    """The settings may have changed since it was accepted, or could not be read then."""
    rollout = Rollout()
    request = rollout.announced(1)
    found = rollout.inbox[request]
    rollout.inbox[request] = msgspec.structs.replace(found, sender="mallory")
    image_set = ImageSet(name="app", senders=SENDERS)
    rollout.settings = msgspec.structs.replace(rollout.settings, sets=(image_set,))
    assert "not by mallory" in rollout.decide().rejected[request]


def test_turn_judges_the_tags_again() -> None:
    rollout = Rollout()
    fact = rollout.inbox.pop(rollout.announced(1))
    assert isinstance(fact, AnnouncementRequest)
    images = {
        service: msgspec.structs.replace(one, Tag=f"{one.Tag.rpartition(':')[0]}:latest")
        for service, one in fact.announcement.images.items()
    }
    told = msgspec.structs.replace(fact.announcement, images=images)
    request = rollout.asked(msgspec.structs.replace(fact, announcement=told))
    assert "latest" in rollout.decide().rejected[request]


def test_sender_does_not_change_what_is_announced() -> None:
    assert announced("ada").id == announced(None).id


def test_request_of_a_release_before_senders_has_none() -> None:
    record = json.loads(encode(announced(None)))
    assert "sender" not in record
    again = decode(json.dumps(record).encode())
    assert isinstance(again, AnnouncementRequest)
    assert again.sender is None


@pytest.mark.parametrize("sender", ["a\nb", "$(id)", "a b", "-x", "[bot]", "x" * 102, "\u202ea"])
def test_request_with_a_sender_that_is_no_login_can_not_be_used(sender: str) -> None:
    record = json.loads(encode(announced("ada")))
    record["sender"] = sender
    with pytest.raises(msgspec.ValidationError, match=r"\$\.sender"):
        decode(json.dumps(record).encode())


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        (Order(position=1), Order(position=2)),
        (Order(rewrites=0, position=9), Order(rewrites=1, position=2)),
        (Order(generation=1, rewrites=5, position=9), Order(generation=2, position=1)),
        (Order(), Order(position=1)),
    ],
    ids=["position", "rewrites", "generation", "unknown"],
)
def test_generation_counts_before_rewrites_and_these_before_the_position(
    older: Order, newer: Order
) -> None:
    assert older < newer


def announcement(position: int, generation: int = 1, text: str = "") -> Announcement:
    return Announcement(
        repository="acme/app",
        sha=sha(text or f"app-{generation}-{position}"),
        position=position,
        generation=generation,
        images={"web": Image(Digest="", Tag="")},
    )


@pytest.mark.parametrize(
    ("position", "generation", "overridden", "rewrites"),
    [
        (6, 1, False, 0),
        (6, 1, True, 0),
        (10**9, 1, True, 0),
        (5, 1, True, 1),
        (3, 1, True, 1),
        (3, 1, False, 0),
        (1, 2, True, 0),
    ],
    ids=["newer", "needless", "jump", "taken", "back", "late", "another-generation"],
)
def test_override_that_lets_a_position_go_back_is_counted(
    position: int, generation: int, overridden: bool, rewrites: int
) -> None:
    rollout = Rollout()
    rollout.landing("shop", 4)
    rollout.landing("lab", 5)
    found = rewrites_of(
        rollout.ledger, [], announcement(position, generation, "new"), overridden=overridden
    )
    assert found == rewrites


def test_what_comes_after_an_override_that_waits_is_newer_than_it() -> None:
    rollout = Rollout()
    rollout.landing("shop", 100)
    rollout.landing("lab", 100)
    rollout.announced(50, override="rewritten", rewrites=1)
    waiting = [
        fact for fact in rollout.inbox.values() if isinstance(fact, requests.AnnouncementRequest)
    ]
    assert rewrites_of(rollout.ledger, waiting, announcement(51), overridden=False) == 1
    assert rewrites_of(rollout.ledger, waiting, announcement(49), overridden=True) == 2


def test_first_set_of_all_needs_no_rewrite() -> None:
    assert rewrites_of(Ledger(), [], announcement(1), overridden=True) == 0


def test_position_from_before_app_git_was_rewritten_is_free_again() -> None:
    rollout = Rollout()
    rollout.landing("shop", 5)
    rollout.landing("lab", 5)
    rollout.landing("lab", 3, content="rewritten", rewrites=1)
    request = rollout.announced(5, rewrites=1, sha_="f" * 40)
    decided = rollout.decide()
    assert request not in decided.rejected
    assert [one.operation.app_sha for one in decided.auto] == ["f" * 40]


def test_wave_remembers_the_newest_that_it_has_had() -> None:
    part = SetLedger(highest=9)
    part.raise_to(Order(position=3))
    assert part.newest == Order(position=9)
    part.raise_to(Order(rewrites=1, position=3))
    assert part.newest == Order(rewrites=1, position=3)
    assert (part.generation, part.rewrites, part.highest) == (1, 1, 3)


def test_ledger_of_an_earlier_release_is_still_read() -> None:
    old = b'{"sets": {"lab": {"app": {"highest": 7, "had": []}}}}'
    ledger = msgspec.json.decode(old, type=Ledger)
    assert ledger.newest("app") == Order(position=7)
    assert b"generation" not in msgspec.json.encode(ledger)
    assert "generation" not in Landing.__struct_fields__[:7]


def test_files_and_ids_of_the_first_generation_stay_as_they_were(rollout: Rollout) -> None:
    source = Source(repository="acme/app", sha=sha("a"), position=3, introduced_at=rollout.ago(1))
    assert b"generation" not in render(source)
    assert b"rewrites" not in render(source)
    second = msgspec.structs.replace(source, generation=2, rewrites=1)
    assert msgspec.json.decode(render(second), type=Source) == second
    assert announcement(3).id == f"announcement-app-3-{sha('app-1-3')[:12]}"
    assert announcement(3, 2).id == f"announcement-app-2.3-{sha('app-2-3')[:12]}"


def test_id_of_a_request_of_an_earlier_release_stays(rollout: Rollout) -> None:
    point = Point(app_sha=sha("a"), position=3, content="c", commit=sha("b"))
    plain = as_before(point)
    assert plain == {
        "app_sha": sha("a"), "position": 3, "content": "c", "commit": sha("b"), "repository": None,
    }  # fmt: skip
    hold = requests.HoldRequest(accepted_at=rollout.ago(1), wave="lab", set="app", reason="x")
    import hashlib

    before = hashlib.sha256(msgspec.json.encode(hold, order="sorted")).hexdigest()[:20]
    assert digest(hold) == before
    assert order_of(point) == Order(position=3)


@pytest.fixture
def rollout() -> Rollout:
    return Rollout()


@pytest.mark.parametrize(
    ("repository", "position", "is_welcome"),
    [
        ("acme/app", 5, True),
        ("Acme/App", 5, True),
        ("acme/fork", 5, False),
        ("acme/fork", 11, True),
    ],
)
def test_older_announcement_of_another_repository_than_the_set_s_is_unwelcome(
    repository: str, position: int, *, is_welcome: bool
) -> None:
    rollout = Rollout()
    rollout.landing("lab", 10)
    fact = rollout.inbox.pop(rollout.announced(position))
    assert isinstance(fact, AnnouncementRequest)
    told = msgspec.structs.replace(fact.announcement, repository=repository)
    request = rollout.asked(msgspec.structs.replace(fact, announcement=told))
    decided = rollout.decide()
    assert (request not in decided.rejected) is is_welcome
    assert is_welcome or "came from acme/app so far" in decided.rejected[request]


@pytest.mark.parametrize(("above", "is_welcome"), [(0, True), (1, False)])
def test_position_that_jumps_further_than_the_settings_let_it_is_unwelcome(
    above: int, *, is_welcome: bool
) -> None:
    rollout = Rollout()
    rollout.landing("lab", 1, landed=90)
    rollout.landing("lab", 10)
    request = rollout.announced(10 + ImageSet(name="app").jump + above)
    decided = rollout.decide()
    assert (request not in decided.rejected) is is_welcome
    assert is_welcome or "above 10, the highest so far" in decided.rejected[request]


@pytest.mark.parametrize(("overridden", "rewrites"), [(False, 1), (True, 1)])
def test_announcement_that_waves_have_had_is_where_it_was_last(
    overridden: bool, rewrites: int
) -> None:
    rollout = Rollout()
    told = announcement(5)
    for place, (position, times) in enumerate([(5, 0), (5, 1), (9, 3)]):
        one = rollout.landing("lab", position, landed=90 - place, rewrites=times)
        one.app_sha = told.sha if position == 5 else one.app_sha
    assert rewrites_of(rollout.ledger, [], told, overridden=overridden) == rewrites
    assert rewrites_of(rollout.ledger, [], announcement(10), overridden=False) == 3


@pytest.mark.parametrize(
    ("newest", "order", "what", "generation"),
    [
        (Order(position=5), (1, 0, 3), "position 3 is older than 5", 2),
        (Order(generation=3, position=5), (1, 0, 9), "generation 1 is older than 3", 4),
        (Order(rewrites=1, position=5), (1, 0, 9), "before an override let positions go back", 2),
    ],
)
def test_who_announces_what_is_older_is_told_how_it_may_come_in(
    newest: Order, order: tuple[int, int, int], what: str, generation: int
) -> None:
    told = announcement(order[2], order[0])
    fact = AnnouncementRequest(accepted_at=NOW, announcement=told, rewrites=order[1])
    said = why_older(newest, fact, "lab")
    assert what in said
    assert f"write generation = {generation} into" in said


def test_set_that_landed_comes_in_again_only_where_a_first_wave_lacks_it() -> None:
    rollout = Rollout()
    fact = rollout.inbox.pop(rollout.announced(5))
    assert isinstance(fact, AnnouncementRequest)
    rollout.landing("lab", 5)
    rollout.ledger.ended.append(RequestEnding(id=fact.id, how="landed"))

    def how(first: tuple[str, ...]) -> str | None:
        waves = tuple(
            msgspec.structs.replace(one, after=() if one.name in first else ("lab",))
            for one in rollout.settings.waves
        )
        now = msgspec.structs.replace(rollout.settings, waves=waves)
        return how_ended(now, rollout.ledger, fact.id, fact.announcement)

    assert how(("lab",)) == "landed"
    assert how(("lab", "shop")) is None
    rollout.landing("shop", 5)
    assert how(("lab", "shop")) == "landed"


@pytest.mark.parametrize(
    ("repository", "allow", "why"),
    [
        ("acme/app", ("ghcr.io/acme/*",), None),
        ("Acme/App", ("ghcr.io/acme/*",), None),
        ("evil/app", ("ghcr.io/acme/*",), "comes from acme/app, not from evil/app"),
        ("acme/app", ("ghcr.io/other/*",), "ghcr.io/acme/app"),
    ],
)
def test_hotfix_comes_from_where_its_set_does_and_names_what_is_allowed(
    repository: str, allow: tuple[str, ...], why: str | None
) -> None:
    rollout = Rollout()
    fact = rollout.inbox.pop(rollout.announced(5))
    assert isinstance(fact, AnnouncementRequest)
    told = msgspec.structs.replace(fact.announcement, repository=repository)
    images = msgspec.structs.replace(rollout.settings.images, allow=allow)
    sets = (ImageSet(name="app", repository="acme/app"),)
    now = msgspec.structs.replace(rollout.settings, images=images, sets=sets)
    said = why_no_hotfix(now, told)
    assert said is None if why is None else said is not None and why in said


def test_set_that_landed_again_after_positions_went_back_is_as_new_as_it_was_then() -> None:
    rollout = Rollout()
    fact = rollout.inbox.pop(rollout.announced(5))
    assert isinstance(fact, AnnouncementRequest)
    rollout.ledger.ended.append(RequestEnding(id=fact.id, how="landed"))
    for wave, rewrites in (("shop", 0), ("lab", 0), ("lab", 1)):
        landing = rollout.landing(wave, 5, rewrites=rewrites)
        rollout.ledger.of(wave, "app").raise_to(order_of(landing))
    lab, shop = rollout.settings.waves
    both = (lab, msgspec.structs.replace(shop, after=()))
    for waves, expected in (((lab, shop), "landed"), (both, None)):
        now = msgspec.structs.replace(rollout.settings, waves=waves)
        assert how_ended(now, rollout.ledger, fact.id, fact.announcement) == expected


def test_commit_of_a_hotfix_is_announced_like_any_other_later() -> None:
    """In its wave it has the position of the set that it replaced."""
    rollout = Rollout()
    rollout.landing("lab", 2)
    rollout.landing("shop", 2, app_sha=app_sha(7), is_hotfix=True)
    request = rollout.announced(7)
    assert request not in rollout.decide().rejected


@pytest.mark.parametrize(
    ("landings", "is_welcome"),
    [
        ([(1, 9, "acme/old"), (1, 10, "acme/new")], True),
        ([(1, 9, "acme/new"), (1, 10, "acme/old")], False),
        ([(1, 10, "acme/old")], True),
        ([(2, 10, "acme/new")], True),
    ],
    ids=["it-has-moved", "it-has-moved-away", "another-generation", "the-same"],
)
def test_newest_of_its_generation_says_which_repository_a_set_comes_from(
    landings: list[tuple[int, int, str]], *, is_welcome: bool
) -> None:
    rollout = Rollout()
    generation = 2 if len(landings) == 1 else 1
    for number, position, repository in landings:
        rollout.landing("lab", position, generation=number, repository=repository)
    fact = rollout.inbox.pop(rollout.announced(5, generation=generation))
    earlier = rollout.inbox.pop(rollout.announced(11, generation=generation))
    assert isinstance(fact, AnnouncementRequest)
    assert isinstance(earlier, AnnouncementRequest)
    told = msgspec.structs.replace(fact.announcement, repository="acme/new")
    sets = (ImageSet(name="app", generation=2),)
    now = msgspec.structs.replace(rollout.settings, sets=sets)
    mine = msgspec.structs.replace(fact, announcement=told)
    said = why_unwelcome(now, rollout.ledger, mine, [earlier])
    assert said is None if is_welcome else said is not None and "came from acme/old" in said


def test_position_as_high_as_the_highest_is_not_older() -> None:
    """Nobody knows the commit that had it, so it may be this very one."""
    rollout = Rollout()
    rollout.landing("lab", 9)
    rollout.ledger.of("lab", "app").highest = 10
    fact = rollout.inbox.pop(rollout.announced(10))
    assert isinstance(fact, AnnouncementRequest)
    told = msgspec.structs.replace(fact.announcement, repository="acme/new")
    mine = msgspec.structs.replace(fact, announcement=told)
    assert why_unwelcome(rollout.settings, rollout.ledger, mine, []) is None


@pytest.mark.parametrize(
    ("generation", "override", "why"),
    [
        (2, None, None),
        (2, "because", None),
        (3, None, "generation 3 is higher than the 2 that the settings let in"),
        (3, "because", "generation 3 is higher than the 2 that the settings let in"),
        (1, None, None),
        (1, "because", "generation 1 is older than 2, which the waves have had"),
    ],
)
def test_generation_is_one_that_the_settings_let_in_and_no_override_brings_an_older_one_back(
    generation: int, override: str | None, why: str | None
) -> None:
    """Without an override an older one is superseded, as it may just be late."""
    rollout = Rollout()
    landing = rollout.landing("lab", 5, generation=2)
    rollout.ledger.of("lab", "app").raise_to(order_of(landing))
    fact = rollout.inbox.pop(rollout.announced(7, generation=generation, override=override))
    assert isinstance(fact, AnnouncementRequest)
    now = msgspec.structs.replace(rollout.settings, sets=(ImageSet(name="app", generation=2),))
    said = why_unwelcome(now, rollout.ledger, fact, [])
    assert said is None if why is None else said is not None and said.startswith(why)
