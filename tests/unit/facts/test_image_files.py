"""Image files: what a person broke is an unknown set, never an error."""

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from tidemill.facts.image_files import (
    DIGESTS,
    SOURCE,
    TAGS,
    Source,
    content_id,
    from_maps,
    parse,
    render,
    source_of,
)

SHA = "7d1043473d55bfa90e8530d35801d4e381bc69f0"
TAG_FILE = {"api": f"r/api:{SHA}", "web": f"r/web:{SHA}"}
DIGEST_FILE = {"api": "r/api@sha256:" + "a" * 64, "web": "r/web@sha256:" + "b" * 64}
WHERE_FROM = Source(
    repository="acme/app",
    sha=SHA,
    position=1234,
    introduced_at=datetime(2026, 1, 5, 10, tzinfo=UTC),
    promoted_from="staging@" + "c" * 40,
)


def written(**changes: bytes | None) -> dict[str, bytes]:
    files = {
        TAGS: render(TAG_FILE),
        DIGESTS: render(DIGEST_FILE),
        SOURCE: render(WHERE_FROM),
    } | {f"{name}.json": data for name, data in changes.items()}
    return {name: data for name, data in files.items() if data is not None}


def source(**changes: Any) -> bytes:
    fields = json.loads(render(WHERE_FROM)) | changes
    return json.dumps({key: value for key, value in fields.items() if value is not ...}).encode()


def test_files_are_read_as_they_were_written() -> None:
    found = parse(written())
    assert found == from_maps(TAG_FILE, DIGEST_FILE, WHERE_FROM)
    assert found is not None
    assert (found.app_sha, found.position) == (SHA, 1234)


def test_files_are_sorted_and_end_with_a_line_break() -> None:
    assert render({"b": "2", "a": "1"}) == b'{\n  "a": "1",\n  "b": "2"\n}\n'
    assert json.loads(render(WHERE_FROM)) == {
        "version": 1,
        "repository": "acme/app",
        "sha": SHA,
        "position": 1234,
        "introduced_at": "2026-01-05T10:00:00Z",
        "promoted_from": "staging@" + "c" * 40,
    }


@pytest.mark.parametrize(
    "files", [{}, {SOURCE: render(WHERE_FROM)}, {"other.json": b"{}"}], ids=str
)
def test_without_tags_and_digests_there_is_no_set(files: dict[str, bytes]) -> None:
    assert parse(files) is None


UNKNOWN = {
    "no-source": written(source=None),
    "empty": written(source=b""),
    "broken": written(source=b"{"),
    "not-utf-8": written(source=b"\xff"),
    "a-list": written(source=b"[]"),
    "nested": written(source=b"[" * 100_000),
    "unknown-field": written(source=source(extra=1)),
    "no-sha": written(source=source(sha=...)),
    "short-sha": written(source=source(sha=SHA[:12])),
    "sha-of-another-commit": written(source=source(sha="0" * 40)),
    "position-0": written(source=source(position=0)),
    "position-too-high": written(source=source(position=2**53)),
    "position-as-text": written(source=source(position="1")),
    "later-version": written(source=source(version=2)),
    "no-zone": written(source=source(introduced_at="2026-01-05T10:00:00")),
    "no-time": written(source=source(introduced_at="yesterday")),
    "repository-of-two-lines": written(source=source(repository="a/b\nAutocommit-App-SHA: x")),
    "no-repository": written(source=source(repository="")),
    "promoted-from-two-lines": written(source=source(promoted_from="a\nb")),
    "one-tag-of-another-commit": written(tags=render(TAG_FILE | {"web": "r/web:latest"})),
    "a-tag-that-only-ends-like-it": written(tags=render(TAG_FILE | {"web": f"r/web:x-{SHA}"})),
}


@pytest.mark.parametrize("files", UNKNOWN.values(), ids=UNKNOWN.keys())
def test_set_whose_source_is_not_valid_or_does_not_fit_is_unknown(files: dict[str, bytes]) -> None:
    found = parse(files)
    assert found is not None
    assert (found.source, found.app_sha, found.position) == (None, None, 0)
    assert found.digests == DIGEST_FILE


BROKEN = {
    "tags-broken": written(tags=b"{"),
    "tags-missing": written(tags=None),
    "digests-broken": written(digests=b"[]"),
    "digests-missing": written(digests=None),
    "digests-of-numbers": written(digests=b'{"web": 1}'),
    "not-utf-8": written(tags=b'{"web": "\xff"}'),
    "conflict-marks": written(tags=b"<<<<<<< HEAD\n{}\n"),
    "nested": written(tags=b"[" * 100_000),
    "nested-objects": written(tags=b'{"a":' * 100_000),
}


@pytest.mark.parametrize("files", BROKEN.values(), ids=BROKEN.keys())
def test_files_that_a_person_broke_are_an_unknown_set(files: dict[str, bytes]) -> None:
    found = parse(files)
    assert found is not None
    assert (found.source, found.tags, found.digests, found.digest_id) == (None, {}, {}, "")


def test_differently_broken_files_are_different_sets() -> None:
    contents = {found.content for files in BROKEN.values() if (found := parse(files))}
    assert len(contents) == len(BROKEN)


@pytest.mark.parametrize(
    ("tags", "digests", "same_content", "same_digests"),
    [
        (TAG_FILE, dict(reversed(DIGEST_FILE.items())), True, True),
        (TAG_FILE | {"web": "r/web:1"}, DIGEST_FILE, False, True),
        (TAG_FILE, DIGEST_FILE | {"web": "r/web@sha256:" + "c" * 64}, False, False),
        (TAG_FILE, {"web": DIGEST_FILE["web"]}, False, False),
    ],
    ids=["another-order", "another-tag", "another-digest", "one-less"],
)
def test_content_is_of_tags_and_digests_and_not_of_their_order(
    tags: dict[str, str], digests: dict[str, str], same_content: bool, same_digests: bool
) -> None:
    one, other = from_maps(TAG_FILE, DIGEST_FILE, None), from_maps(tags, digests, WHERE_FROM)
    assert (one.content == other.content) is same_content
    assert (one.digest_id == other.digest_id) is same_digests
    assert one.content == content_id(TAG_FILE, DIGEST_FILE)


def test_layout_of_the_files_does_not_matter() -> None:
    squeezed = written(tags=msgspec.json.encode(TAG_FILE), digests=json.dumps(DIGEST_FILE).encode())
    assert parse(squeezed) == parse(written())


def test_source_of_tags_that_are_its_sha_is_written_as_it_always_was() -> None:
    bound = source_of(WHERE_FROM, TAG_FILE, content_id(TAG_FILE, DIGEST_FILE))
    assert bound == WHERE_FROM
    assert "content" not in json.loads(render(bound))


VERSIONS = {"api": "r/api:v1.4.2", "web": f"r/web:{SHA}"}


def test_source_of_other_tags_says_which_files_it_is_of() -> None:
    bound = source_of(WHERE_FROM, VERSIONS, content_id(VERSIONS, DIGEST_FILE))
    found = parse(written(tags=render(VERSIONS), source=render(bound)))
    assert found is not None
    assert (found.app_sha, found.position) == (SHA, 1234)
    assert found.content == content_id(VERSIONS, DIGEST_FILE), "what identifies a set stays"


@pytest.mark.parametrize(
    "edited",
    [
        {"tags": render({**VERSIONS, "api": "r/api:v1.4.3"})},
        {"tags": render(TAG_FILE)},
        {"digests": render({**DIGEST_FILE, "api": "r/api@sha256:" + "c" * 64})},
        {"source": render(WHERE_FROM)},
    ],
    ids=["tag", "tags-of-the-sha", "digest", "source-without-content"],
)
def test_other_tags_that_somebody_edited_are_an_unknown_set(edited: dict[str, bytes]) -> None:
    bound = source_of(WHERE_FROM, VERSIONS, content_id(VERSIONS, DIGEST_FILE))
    found = parse(written(**{"tags": render(VERSIONS), "source": render(bound), **edited}))
    assert found is not None
    assert found.source is None
