"""Announcements come from another repository: everything in them is untrusted."""

import json
from typing import Any

import pytest

from tidemill.announcing.announcement import (
    Announcement,
    bare_form,
    check_allowed,
    check_tags,
    matches,
    parse,
)
from tidemill.announcing.forms import Bare, read
from tidemill.errors import Refused
from tidemill.facts.settings import Images

SHA = "7d1043473d55bfa90e8530d35801d4e381bc69f0"
DIGEST = "sha256:" + "6a9c" * 16
WEB = {"Digest": f"ghcr.io/acme/web@{DIGEST}", "Tag": f"ghcr.io/acme/web:{SHA}"}


def whole(**changes: Any) -> dict[str, Any]:
    announced = {
        "version": 1,
        "set": "app",
        "repository": "acme/app",
        "branch": "main",
        "sha": SHA,
        "position": 1234,
        "run_url": "https://github.com/acme/app/actions/runs/1",
        "images": {"web": WEB},
    } | changes
    return {key: value for key, value in announced.items() if value is not ...}


def data(value: object) -> bytes:
    return json.dumps(value).encode()


def test_announcement_is_read_whole() -> None:
    found = parse(data(whole()))
    assert (found.set, found.repository, found.branch) == ("app", "acme/app", "main")
    assert (found.sha, found.position) == (SHA, 1234)
    assert found.tags() == {"web": WEB["Tag"]}
    assert found.digests() == {"web": WEB["Digest"]}


def test_announcement_of_the_least_fields_has_the_set_app() -> None:
    found = parse(data(whole(version=..., set=..., branch=..., run_url=...)))
    assert (found.set, found.branch, found.run_url) == ("app", None, None)


def test_id_is_kind_set_position_and_short_sha() -> None:
    assert parse(data(whole())).id == f"announcement-app-1234-{SHA[:12]}"
    again = parse(data(whole(run_url=...)))
    assert again.id == parse(data(whole())).id, "the same announcement from another run"


def test_services_come_sorted() -> None:
    images = {
        name: {"Digest": f"r/{name}@{DIGEST}", "Tag": f"r/{name}:{SHA}"} for name in ("z", "a", "m")
    }
    found = parse(data(whole(images=images)))
    assert list(found.tags()) == list(found.digests()) == ["a", "m", "z"]


def image(**changes: str) -> dict[str, dict[str, str]]:
    return {"web": WEB | changes}


BAD: dict[str, tuple[object, str]] = {
    "no-json": (b"{", "not an announcement"),
    "nothing": (b"", "not an announcement"),
    "not-utf-8": (b'{"set": "\xff"}', "not an announcement"),
    "half-a-character": (b'{"set": "\\ud800"}', "not an announcement"),
    "a-list": ([], "not an announcement"),
    "null": (None, "not an announcement"),
    "unknown-field": (whole(extra=1), "unknown field `extra`"),
    "unknown-field-of-an-image": (whole(images=image(Size="1")), "unknown field `Size`"),
    "no-sha": (whole(sha=...), "missing required field `sha`"),
    "no-position": (whole(position=...), "missing required field `position`"),
    "no-images": (whole(images=...), "missing required field `images`"),
    "no-digest": (whole(images={"web": {"Tag": WEB["Tag"]}}), "missing required field `Digest`"),
    "later-version": (whole(version=2), "version 2"),
    "text-for-position": (whole(position="1234"), "Expected `int`"),
    "true-for-position": (whole(position=True), "Expected `int`"),
    "half-a-position": (whole(position=1.5), "Expected `int`"),
    "position-0": (whole(position=0), "not between 1 and"),
    "position-below-0": (whole(position=-1), "not between 1 and"),
    "position-too-high": (whole(position=2**53), "not between 1 and"),
    "position-huge": (whole(position=10**30), ""),
    "short-sha": (whole(sha=SHA[:12]), "is not the full SHA"),
    "branch-for-sha": (whole(sha="main"), "is not the full SHA"),
    "no-image-at-all": (whole(images={}), "no image at all"),
    "set-climbs": (whole(set="../app"), "not a valid name of a set"),
    "set-of-two-lines": (whole(set="app\n"), "not a valid name of a set"),
    "set-shell": (whole(set="$(id)"), "not a valid name of a set"),
    "set-all": (whole(set="_"), "not a valid name of a set"),
    "set-lock": (whole(set="app.lock"), "not a valid name of a set"),
    "service-climbs": (whole(images={"../web": WEB}), "not a valid name of a service"),
    "service-empty": (whole(images={"": WEB}), "not a valid name of a service"),
    "repository-climbs": (whole(repository="acme/../x"), "not the name of a repository"),
    "repository-of-two-lines": (whole(repository="a/b\nX: y"), "not the name of a repository"),
    "branch-option": (whole(branch="--force"), "not a valid name of a branch"),
    "branch-of-two-lines": (whole(branch="main\nx"), "not a valid name of a branch"),
    "run-url-of-two-lines": (whole(run_url="https://x\n::set-output"), "run_url"),
    "no-tag": (whole(images=image(Tag="ghcr.io/acme/web")), "repository:tag"),
    "tag-that-no-registry-takes": (whole(images=image(Tag="ghcr.io/acme/web:$(id)")), "form"),
    "tag-too-long": (whole(images=image(Tag=f"ghcr.io/acme/web:{'1' * 129}")), "form"),
    "tag-elsewhere": (whole(images=image(Tag=f"ghcr.io/evil/web:{SHA}")), "different repositories"),
    "digest-by-tag": (whole(images=image(Digest=WEB["Tag"])), "repository@sha256"),
    "digest-sha512": (whole(images=image(Digest="ghcr.io/acme/web@sha512:" + "0" * 128)), "form"),
    "digest-with-tag": (whole(images=image(Digest=f"ghcr.io/acme/web:1@{DIGEST}")), "form"),
    "another-repository": (
        whole(images=image(Digest=f"ghcr.io/evil/web@{DIGEST}")),
        "are in different repositories",
    ),
    "digest-of-two-lines": (whole(images=image(Digest=WEB["Digest"] + "\n")), "form"),
    "nested-lists": (b"[" * 200_000, "not an announcement"),
    "nested-objects": (b'{"a":' * 100_000, "not an announcement"),
}


@pytest.mark.parametrize(("given", "reason"), BAD.values(), ids=BAD.keys())
def test_whatever_comes_is_refused_with_a_reason(given: object, reason: str) -> None:
    raw = given if isinstance(given, bytes) else data(given)
    with pytest.raises(Refused) as refused:
        parse(raw)
    assert reason in refused.value.what
    assert refused.value.what.isprintable()
    assert refused.value.written == "nothing"


def test_announcement_that_is_too_large_is_refused_unread() -> None:
    with pytest.raises(Refused, match="bytes"):
        parse(b" " * (16 * 1024 * 1024 + 1))


def test_bare_form_takes_the_rest_from_outside() -> None:
    found = bare({"web": WEB}, position=7)
    assert found == parse(data(whole(position=7, branch=..., run_url=...)))


@pytest.mark.parametrize("given", [{"web": WEB}, {}], ids=["bare", "empty"])
def test_bare_form_is_told_by_its_keys(given: object) -> None:
    assert isinstance(read(data(given)), Bare)


@pytest.mark.parametrize(
    "given",
    [data({"version": 1}), data({"images": {}}), data([]), b"{", b"\xff"],
    ids=["version", "images", "list", "broken", "bytes"],
)
def test_what_has_a_key_of_ours_is_no_bare_form(given: bytes) -> None:
    assert isinstance(read(data(whole())), Announcement)
    with pytest.raises(Refused, match="is not an announcement"):
        read(given)


def test_services_may_have_the_names_of_our_fields_where_the_sender_says_it_is_bare() -> None:
    assert isinstance(read(data({"images": WEB, "version": WEB}), is_bare=True), Bare)
    assert isinstance(read(data(whole()), is_bare=True), Announcement)


def bare(images: object, position: int = 1) -> Announcement:
    found = read(data(images))
    assert isinstance(found, Bare)
    return found.of(set_name="app", repository="acme/app", sha=SHA, position=position, generation=1)


@pytest.mark.parametrize(
    ("images", "reason"),
    [
        ({}, "no image at all"),
        ({"a/b": WEB}, "not a valid name of a service"),
        ({"web": WEB | {"Size": "1"}}, "unknown field"),
        ({"web": WEB["Digest"]}, "Expected `object`"),
    ],
    ids=["none", "name", "unknown", "text"],
)
def test_bare_form_is_checked_like_any_other(images: dict[str, Any], reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        bare(images)


def test_bare_form_is_written_as_it_is_read() -> None:
    written = bare_form({"web": WEB["Digest"]}, {"web": WEB["Tag"]})
    assert json.loads(written) == {"web": WEB}
    assert isinstance(read(written), Bare)


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("ghcr.io/acme/web", "ghcr.io/acme/web", True),
        ("ghcr.io/acme/web", "ghcr.io/acme/webs", False),
        ("ghcr.io/acme/*", "ghcr.io/acme/web", True),
        ("ghcr.io/acme/*", "ghcr.io/acme/team/web", True),
        ("ghcr.io/acme/*", "ghcr.io/acme", False),
        ("ghcr.io/acme/*", "ghcr.io/acmetoo/web", False),
        ("ghcr.io/acme/*", "evil.io/ghcr.io/acme/web", False),
        ("*", "anything/at/all", True),
        ("*/web", "ghcr.io/acme/web", True),
        ("*/web", "ghcr.io/acme/web/evil", False),
        ("ghcr.io/*/web", "ghcr.io/a/b/web", True),
        ("ghcr.io/*/web", "ghcr.io/web", False),
        ("a*a", "a", False),
        ("a*a", "aa", True),
        ("a*b*c", "axbxc", True),
        ("a*b*c", "acb", False),
        ("*b*b*", "b", False),
        ("*b*b*", "bb", True),
        ("a.c", "abc", False),
        ("a?c", "abc", False),
        ("[a]", "a", False),
        ("", "a", False),
    ],
)
def test_star_matches_any_characters_and_nothing_else_is_special(
    pattern: str, text: str, expected: bool
) -> None:
    assert matches(pattern, text) is expected


def test_pattern_with_many_stars_does_not_run_for_ever() -> None:
    assert not matches("a*" * 200 + "b", "a" * 5000)


def test_image_outside_the_list_is_refused_and_the_list_is_named() -> None:
    announced = parse(data(whole()))
    check_allowed(announced, Images(allow=("docker.io/*", "ghcr.io/acme/*")).is_listed)
    with pytest.raises(Refused, match=r"ghcr.io/acme/web, which \[images\] allow does not list"):
        check_allowed(announced, Images(allow=("docker.io/*",)).is_listed)
    with pytest.raises(Refused):
        check_allowed(announced, Images(allow=()).is_listed)


OTHER = "0" * 40
TAGS: list[tuple[str, tuple[str, ...], bool]] = [
    (SHA, ("{sha}",), True),
    ("latest", ("{sha}",), False),
    (SHA[:12], ("{sha}",), False),
    (f"{SHA}-debug", ("{sha}",), False),
    (f"{SHA}-debug", ("{sha}-*",), True),
    (OTHER, ("{sha}",), False),
    (OTHER, ("{sha}", "{commit}"), True),
    (SHA, ("{commit}",), True),
    (f"v1-{OTHER}", ("v1-{commit}",), True),
    (f"v1-{OTHER[:39]}", ("v1-{commit}",), False),
    (f"{OTHER}0", ("{commit}",), False),
    (SHA, ("v*",), False),
    ("v1.4.2", ("{sha}",), False),
    ("v1.4.2", ("v*",), True),
    ("v1.4.2", ("{sha}", "v1.4.*"), True),
    ("v2.0.0", ("{sha}", "v1.4.*"), False),
    ("sha", ("{sha}",), False),
]


@pytest.mark.parametrize(("tag", "patterns", "expected"), TAGS, ids=str)
def test_tag_is_what_the_settings_allow(
    tag: str, patterns: tuple[str, ...], expected: bool
) -> None:
    announced = parse(data(whole(images=image(Tag=f"ghcr.io/acme/web:{tag}"))))
    allowed = Images(tags=patterns)
    if expected:
        check_tags(announced, allowed.is_tag, allowed.tags)
        return
    with pytest.raises(Refused, match=r"the tag of web is .*\[images\] tags") as refused:
        check_tags(announced, allowed.is_tag, allowed.tags)
    assert f'"{patterns[-1]}"' in refused.value.what, "what is allowed is said"


def test_tag_of_another_commit_is_said_to_be_that() -> None:
    announced = parse(data(whole(images=image(Tag=f"ghcr.io/acme/web:{OTHER}"))))
    with pytest.raises(Refused, match=f"not the announced commit {SHA}") as refused:
        check_tags(announced, Images().is_tag, Images().tags)
    assert '"{commit}" there lets in an image of an earlier commit' in refused.value.what
