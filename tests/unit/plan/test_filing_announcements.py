"""Step 1, announcements: which are welcome, and which end at once."""

from typing import Any

import msgspec
import pytest
from tests.unit.snapshots import (
    Rollout,
    app_sha,
    sha,
    whats,
)

from tidemill.facts.ledger import Ledger, RequestEnding
from tidemill.facts.requests import AnnouncementRequest
from tidemill.facts.settings import ImageSet
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
