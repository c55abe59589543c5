"""Which sender may announce a set."""

from __future__ import annotations

import json

import msgspec
import pytest
from tests.unit.snapshots import Rollout

from tidemill.errors import Refused
from tidemill.facts.ledger import Ledger
from tidemill.facts.requests import AnnouncementRequest, decode, encode
from tidemill.facts.settings import ImageSet
from tidemill.plan.position import why_unwelcome

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
    with pytest.raises(Refused, match="is not the login of an account"):
        decode(json.dumps(record).encode())
