"""Requests: what their ids depend on, and that every kind survives being written down."""

import json
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from tidemill.announcing.announcement import Announcement, Image
from tidemill.errors import Refused
from tidemill.facts.records import Deployment, ReportedSet
from tidemill.facts.requests import (
    AnnouncementRequest,
    Drop,
    Fact,
    HoldRequest,
    Hotfix,
    Point,
    Promotion,
    Release,
    Retry,
    Rollback,
    WorkflowRun,
    decode,
    encode,
)

SHA = "7d1043473d55bfa90e8530d35801d4e381bc69f0"
DIGEST = "sha256:" + "6a9c" * 16
THEN = datetime(2026, 1, 5, 10, 0, 0, 123456, tzinfo=UTC)
ANNOUNCEMENT = Announcement(
    repository="acme/app",
    branch="main",
    sha=SHA,
    position=7,
    run_url="https://github.com/acme/app/actions/runs/1",
    images={"web": Image(Digest=f"r/web@{DIGEST}", Tag=f"r/web:{SHA}")},
)
POINT = Point(app_sha=SHA, position=7, content="c", commit="d" * 40, repository="acme/app")
NOWHERE = Point(app_sha=None, position=0, content="", commit="e" * 40)

FACTS: dict[str, Fact] = {
    "announcement": AnnouncementRequest(accepted_at=THEN, by="ada", announcement=ANNOUNCEMENT),
    "announcement-overridden": AnnouncementRequest(
        accepted_at=THEN, by="ada", announcement=ANNOUNCEMENT, override="rewritten"
    ),
    "announcement-again": AnnouncementRequest(
        accepted_at=THEN, announcement=ANNOUNCEMENT, retry=True
    ),
    "promotion": Promotion(
        accepted_at=THEN, by="ada", wave="shop", set="app", app_sha=SHA, position=7, override="x"
    ),
    "rollback": Rollback(
        accepted_at=THEN, by="ada", wave="shop", set="app", leaves=POINT, to=NOWHERE, reason="why"
    ),
    "hotfix": Hotfix(
        accepted_at=THEN, by="ada", wave="shop", announcement=ANNOUNCEMENT, override="down"
    ),
    "hold": HoldRequest(accepted_at=THEN, by="ada", wave="shop", set="_", reason="why"),
    "hold-everywhere": HoldRequest(
        accepted_at=THEN, by="ada", wave="*", set="_", reason="why", until=THEN
    ),
    "release": Release(accepted_at=THEN, wave="shop", ends=("hold-1", "hold-2"), reason="why"),
    "drop": Drop(accepted_at=THEN, by="ada", request="announcement-app-7-7d1043473d55"),
    "retry": Retry(accepted_at=THEN, by="ada", wave="shop", set="app", app_sha=SHA),
    "deployment": Deployment(
        accepted_at=THEN,
        wave="shop",
        target="north",
        revision="f" * 40,
        phase="Succeeded",
        health="Healthy",
        finished_at=THEN - timedelta(minutes=1),
        images=(f"r/web@{DIGEST}",),
        sets={"app": ReportedSet(app_sha=SHA, position=7, content="c", digests="d", uses=False)},
        tree="a" * 40,
        number=3,
    ),
}


@pytest.mark.parametrize("fact", FACTS.values(), ids=FACTS.keys())
def test_fact_survives_being_written_down(fact: Fact) -> None:
    again = decode(encode(fact))
    assert again == fact
    assert type(again) is type(fact)
    assert again.id == fact.id
    assert encode(again) == encode(fact)


def test_no_two_kinds_share_an_id() -> None:
    ids = [fact.id for fact in FACTS.values()]
    assert len(set(ids)) == len(ids)


def later(fact: Fact) -> Fact:
    return msgspec.structs.replace(fact, accepted_at=THEN + timedelta(seconds=1))


@pytest.mark.parametrize("name", ["announcement", "announcement-overridden", "deployment"])
def test_same_announcement_or_record_accepted_again_has_the_same_id(name: str) -> None:
    assert later(FACTS[name]).id == FACTS[name].id


@pytest.mark.parametrize(
    "name",
    ["announcement-again", "promotion", "rollback", "hotfix", "hold", "release", "drop", "retry"],
)
def test_same_request_of_a_person_at_another_time_is_another_request(name: str) -> None:
    assert later(FACTS[name]).id != FACTS[name].id


def test_id_of_an_announcement_can_be_read() -> None:
    assert FACTS["announcement"].id == f"announcement-app-7-{SHA[:12]}"


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("promotion", {"wave": "lab"}),
        ("promotion", {"override": None}),
        ("promotion", {"by": "grace"}),
        ("rollback", {"to": POINT}),
        ("rollback", {"reason": "other"}),
        ("hold", {"set": "app"}),
        ("hotfix", {"wave": "lab"}),
        ("hotfix", {"override": "other"}),
        ("hold", {"until": THEN}),
        ("release", {"ends": ("hold-1",)}),
        ("deployment", {"revision": "0" * 40}),
        ("deployment", {"health": "Degraded"}),
        ("deployment", {"phase": "Failed"}),
        ("deployment", {"finished_at": THEN}),
        ("deployment", {"images": ()}),
        ("deployment", {"target": "south"}),
    ],
    ids=str,
)
def test_each_field_that_was_said_makes_another_id(name: str, changes: dict[str, object]) -> None:
    assert msgspec.structs.replace(FACTS[name], **changes).id != FACTS[name].id


@pytest.mark.parametrize("fact", FACTS.values(), ids=FACTS.keys())
def test_id_is_fit_for_a_ref(fact: Fact) -> None:
    assert fact.id.replace("-", "").replace(".", "").isalnum()
    assert len(fact.id) < 200


def changed(name: str, **changes: object) -> bytes:
    return json.dumps(json.loads(encode(FACTS[name])) | changes).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b"[" * 100_000,
        changed("hold", kind="freeze"),
        changed("hold", extra=1),
        changed("hold", wave=None),
        changed("hold", accepted_at="yesterday"),
        changed("hold", version=2),
        changed("announcement", version=2),
        changed("deployment", version=2),
    ],
    ids=[
        "empty",
        "broken",
        "list",
        "no-kind",
        "nested",
        "unknown-kind",
        "unknown-field",
        "no-wave",
        "no-time",
        "hold-of-a-later-version",
        "announcement-of-a-later-version",
        "record-of-a-later-version",
    ],
)
def test_what_is_no_request_of_this_version_is_not_read(data: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode(data)


EVIL = "x\n::error::y"
WORLDS_END = "9999-01-01T00:00:00Z"


def point(**changes: object) -> dict[str, object]:
    found: dict[str, object] = json.loads(msgspec.json.encode(POINT))
    return found | changes


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("deployment", {"finished_at": "2026-01-05T10:00:00"}),
        ("deployment", {"finished_at": WORLDS_END}),
        ("deployment", {"accepted_at": "2026-01-05T10:00:00"}),
        ("deployment", {"phase": EVIL}),
        ("deployment", {"health": EVIL}),
        ("deployment", {"revision": "refs/heads/*"}),
        ("deployment", {"images": ["$(id)"]}),
        ("deployment", {"sets": {"../app": json.loads(msgspec.json.encode(POINT))}}),
        (
            "deployment",
            {"sets": {"app": {"app_sha": EVIL, "position": 1, "content": "c", "digests": "d"}}},
        ),
        (
            "deployment",
            {"sets": {"app": {"app_sha": SHA, "position": -1, "content": "c", "digests": "d"}}},
        ),
        ("rollback", {"to": point(commit="refs/heads/*:refs/heads/*")}),
        ("rollback", {"leaves": point(commit="")}),
        ("rollback", {"to": point(app_sha=EVIL)}),
        ("rollback", {"to": point(repository=EVIL)}),
        ("rollback", {"to": point(position=-1)}),
        ("rollback", {"leaves": point(position=2**53)}),
        ("promotion", {"position": 0}),
        ("promotion", {"app_sha": EVIL}),
        ("promotion", {"wave": "_"}),
        ("hold", {"accepted_at": WORLDS_END}),
        ("hold", {"wave": "_"}),
        ("promotion", {"wave": "*"}),
        ("hotfix", {"wave": "*"}),
        ("hotfix", {"override": EVIL}),
        ("deployment", {"wave": "*"}),
        ("hold", {"until": WORLDS_END}),
        ("hold", {"reason": EVIL}),
        ("hold", {"by": EVIL}),
    ],
    ids=str,
)
def test_value_that_whoever_writes_refs_may_have_made_up_is_refused(
    name: str, changes: dict[str, object]
) -> None:
    with pytest.raises((Refused, msgspec.DecodeError)):
        decode(changed(name, **changes))


def test_override_is_another_request_than_the_announcement_it_lets_in() -> None:
    plain, overridden = FACTS["announcement"], FACTS["announcement-overridden"]
    assert overridden.id.startswith(f"{plain.id}-")


@pytest.mark.parametrize(
    ("run", "is_one"),
    [
        ({"id": 1}, True),
        ({"id": 0}, False),
        ({"id": 2**63 - 1, "attempt": 2**31 - 1}, True),
        ({"id": 2**63}, False),
        ({"id": 1, "attempt": 2**31}, False),
        ({"id": 1, "attempt": 0}, False),
    ],
    ids=str,
)
def test_run_of_a_workflow_has_numbers_as_github_counts(
    run: dict[str, int], *, is_one: bool
) -> None:
    data = msgspec.json.encode(run)
    if is_one:
        found = msgspec.json.decode(data, type=WorkflowRun)
        assert (found.id, found.attempt) == (run["id"], run.get("attempt", 1))
    else:
        with pytest.raises(msgspec.ValidationError):
            msgspec.json.decode(data, type=WorkflowRun)


@pytest.mark.parametrize("kind", ["announcement", "hotfix"])
def test_announcement_that_is_not_well_formed_is_no_request(kind: str) -> None:
    written = json.loads(encode(FACTS[kind]))
    written["announcement"]["images"] = {}
    with pytest.raises(Refused, match="no image at all"):
        decode(json.dumps(written).encode())


def test_announcement_that_is_asked_for_again_is_that_whatever_it_overrides() -> None:
    asked = AnnouncementRequest(
        accepted_at=THEN, announcement=ANNOUNCEMENT, retry=True, override="now"
    )
    assert asked.id.startswith("retry-")
