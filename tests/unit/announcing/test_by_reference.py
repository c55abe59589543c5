"""Announcements by reference: what the event says, and what the artifact has to be."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from tidemill.announcing.announcement import Announcement, as_json, parse
from tidemill.announcing.by_reference import AnnouncementReference, refer, resolved
from tidemill.announcing.forms import read
from tidemill.errors import Refused

SHA = "7d1043473d55bfa90e8530d35801d4e381bc69f0"
WHOLE: dict[str, Any] = {
    "version": 1,
    "set": "app",
    "repository": "acme/app",
    "branch": "main",
    "sha": SHA,
    "position": 7,
    "run_url": "https://github.com/acme/app/actions/runs/42",
    "images": {
        "web": {"Digest": "r/web@sha256:" + "6a9c" * 16, "Tag": f"r/web:{SHA}"},
    },
}
FILE = json.dumps(WHOLE, indent=2).encode()
REFERENCE: dict[str, Any] = {
    **{key: value for key, value in WHOLE.items() if key != "images"},
    "artifact": {
        "run_id": 42,
        "name": "announcement-app",
        "sha256": hashlib.sha256(FILE).hexdigest(),
    },
}


def data(value: object) -> bytes:
    return json.dumps(value).encode()


def reference(value: object) -> AnnouncementReference:
    found = read(data(value))
    assert isinstance(found, AnnouncementReference)
    return found


def test_reference_says_all_but_the_images() -> None:
    referred = refer(parse(FILE), FILE, 42, "announcement-app")
    assert as_json(referred) == REFERENCE
    assert referred.id == parse(FILE).id
    assert reference(REFERENCE) == referred


def test_what_is_not_known_is_left_out_of_the_reference() -> None:
    little = {key: value for key, value in WHOLE.items() if key not in ("branch", "run_url")}
    made = as_json(refer(parse(data(little)), b"x", 42, "a"))
    assert set(made) == {"version", "set", "repository", "sha", "position", "artifact"}


def test_reference_is_told_from_a_whole_announcement() -> None:
    assert isinstance(read(data(REFERENCE)), AnnouncementReference)
    assert isinstance(read(FILE), Announcement)
    for other in (b"", b"[]", b'"artifact"', b"\xff", b"[" * 100_000):
        with pytest.raises(Refused, match="is not an announcement"):
            read(other)


def test_file_with_the_checksum_is_the_announcement() -> None:
    assert resolved(reference(REFERENCE), [b"another", FILE]) == parse(FILE)


def test_file_with_another_checksum_is_refused() -> None:
    with pytest.raises(Refused, match="has no file with the sha256"):
        resolved(reference(REFERENCE), [FILE + b"\n"])


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("set", "other"),
        ("repository", "acme/other"),
        ("branch", "other"),
        ("branch", None),
        ("sha", "a" * 40),
        ("position", 8),
        ("run_url", "https://example.com"),
    ],
)
def test_event_that_says_something_else_than_its_file_is_refused(key: str, value: object) -> None:
    referred = reference({**REFERENCE, key: value})
    with pytest.raises(Refused, match=f"the event says {key}"):
        resolved(referred, [FILE])


def test_file_that_is_no_announcement_is_refused() -> None:
    file = b'{"images": {}}'
    artifact = {**REFERENCE["artifact"], "sha256": hashlib.sha256(file).hexdigest()}
    with pytest.raises(Refused, match="is not an announcement"):
        resolved(reference({**REFERENCE, "artifact": artifact}), [file])


Change = Callable[[dict[str, Any]], object]


def artifact(**fields: object) -> Change:
    return lambda reference: reference["artifact"].update(fields)


BAD: dict[str, Change] = {
    "version 2": lambda it: it.update(version=2),
    "unknown field": lambda it: it.update(extra=1),
    "images besides": lambda it: it.update(images=WHOLE["images"]),
    "no sha": lambda it: it.pop("sha"),
    "set climbs": lambda it: it.update(set="../x"),
    "repository climbs": lambda it: it.update(repository="../../x"),
    "branch is an option": lambda it: it.update(branch="--force"),
    "empty branch": lambda it: it.update(branch=""),
    "two lines": lambda it: it.update(run_url="https://x\n::error::"),
    "position 0": lambda it: it.update(position=0),
    "no artifact": lambda it: it.update(artifact=None),
    "run 0": artifact(run_id=0),
    "run as text": artifact(run_id="42"),
    "run of 20 digits": artifact(run_id=10**20),
    "name climbs": artifact(name="../x"),
    "name with a query": artifact(name="a&per_page=1"),
    "name with a newline": artifact(name="a\n"),
    "empty name": artifact(name=""),
    "checksum too short": artifact(sha256="ab"),
    "checksum in upper case": artifact(sha256="A" * 64),
    "checksum with a newline": artifact(sha256="a" * 64 + "\n"),
    "no checksum": lambda it: it["artifact"].pop("sha256"),
    "unknown field of the artifact": artifact(url="https://evil.example"),
}


@pytest.mark.parametrize("change", BAD.values(), ids=BAD.keys())
def test_bad_reference_is_one_clear_error(change: Change) -> None:
    made = json.loads(data(REFERENCE))
    change(made)
    with pytest.raises(Refused) as refused:
        read(data(made))
    assert refused.value.what.isprintable()
    assert refused.value.remedy.isprintable()


@pytest.mark.parametrize("name", ["", "a/b", "../x", "a b", "-x", "x" * 201])
def test_name_that_no_artifact_may_have_is_refused(name: str) -> None:
    with pytest.raises(Refused, match="is not the name of an artifact"):
        refer(parse(FILE), FILE, 42, name)
