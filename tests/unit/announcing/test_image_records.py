"""Records of images: read with suspicion, and merged into whole announcements or refused."""

import json
from typing import Any

import pytest

from tidemill.announcing.announcement import Image
from tidemill.announcing.image_records import image_set, merged, of_build, record
from tidemill.announcing.origin import Origin
from tidemill.errors import Refused

SHA, OTHER_SHA = "1" * 40, "2" * 40
DIGEST, OTHER_DIGEST = "sha256:" + "a" * 64, "sha256:" + "b" * 64
ORIGIN = Origin("acme/app", "main", SHA, 7)


def image(service: str, sha: str = SHA, digest: str = DIGEST) -> dict[str, str]:
    return {"Digest": f"ghcr.io/acme/{service}@{digest}", "Tag": f"ghcr.io/acme/{service}:{sha}"}


def encoded(*services: str, **more: Any) -> bytes:
    return json.dumps({**{name: image(name) for name in services}, **more}).encode()


def test_a_record_has_the_form_of_the_reference_architecture() -> None:
    wanted = {"web": Image(**image("web"))}
    assert record("web", f"ghcr.io/acme/web@{DIGEST}", f"ghcr.io/acme/web:{SHA}") == wanted
    assert record("web", DIGEST, f"ghcr.io/acme/web:{SHA}") == wanted


@pytest.mark.parametrize(
    ("service", "digest", "tag"),
    [
        ("../web", DIGEST, f"acme/web:{SHA}"),
        ("", DIGEST, f"acme/web:{SHA}"),
        ("web", "sha256:abc", f"acme/web:{SHA}"),
        ("web", "", f"acme/web:{SHA}"),
        ("web", DIGEST, "acme/web"),
        ("web", DIGEST, f"acme/web@{DIGEST}"),
        ("web", f"acme/api@{DIGEST}", f"acme/web:{SHA}"),
        ("web", DIGEST, f"acme/web:{SHA}\n"),
    ],
)
def test_a_record_that_is_none_is_refused(service: str, digest: str, tag: str) -> None:
    with pytest.raises(Refused) as refused:
        record(service, digest, tag)
    assert refused.value.what.isprintable()


def test_records_are_merged_whatever_their_order() -> None:
    files = {"b.json": encoded("web"), "a/a.json": encoded("api"), "c.json": encoded("web", "db")}
    assert sorted(merged(files)) == ["api", "db", "web"]
    assert merged(dict(reversed(files.items()))) == merged(files)


def test_records_that_contradict_each_other_are_refused_with_both_names() -> None:
    files = {"one.json": encoded("web"), "two.json": encoded(web=image("web", digest=OTHER_DIGEST))}
    with pytest.raises(
        Refused, match=r"'one\.json' and 'two\.json' have different images of 'web'"
    ):
        merged(files)


def test_a_record_that_says_two_things_of_one_service_is_refused() -> None:
    """Which of the two counts is up to the reader."""
    first, second = (json.dumps(image("web", digest=one)) for one in (DIGEST, OTHER_DIGEST))
    for data in (
        f'{{"web": {first}, "web": {second}}}',
        f'{{"web": {first}, "\\u0077eb": {first}}}',
        f'{{"web": {first[:-1]}, "Tag": "acme/web:{SHA}"}}}}',
    ):
        with pytest.raises(Refused, match="twice"):
            merged({"x.json": data.encode()})


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"\xff", b"[]", b"null", b"{}", b'"x"', b"{", b'{"web": null}', b'{"web": {}}'),
        *(b"[" * 100_000, b'{"web":' * 100_000, b'{"web": "' + b"x" * 100_000 + b'"}'),
        encoded(**{"../web": image("web")}),
        encoded(**{"a\nb": image("web")}),
        encoded(**{"\x1b[2J": image("web")}),
        encoded(**{"": image("web")}),
        encoded(web={**image("web"), "Sneaky": "x"}),
        encoded(web={"Digest": image("web")["Digest"]}),
        encoded(web={**image("web"), "Digest": f"evil.example.com/acme/web@{DIGEST}"}),
        encoded(web={**image("web"), "Digest": DIGEST}),
        encoded(web={**image("web"), "Tag": "ghcr.io/acme/web"}),
        encoded(web={**image("web"), "Tag": "$(curl evil)"}),
        encoded(web={**image("web"), "Tag": 7}),
    ],
    ids=lambda data: data[:40],
)
def test_a_tampered_record_is_refused_by_the_name_of_its_file(data: bytes) -> None:
    with pytest.raises(Refused) as refused:
        merged({"web.json": data})
    assert "'web.json'" in refused.value.what
    for text in (refused.value.what, refused.value.remedy):
        assert text.isprintable()
        assert len(text) < 500


def test_the_name_of_a_file_may_be_hostile() -> None:
    name = "a\n::set-output name=x::y\x1b[2J\udcff.json"
    for files in (
        {name: b"x"},
        {name: encoded("web"), "b.json": encoded(web=image("web", digest=OTHER_DIGEST))},
    ):
        with pytest.raises(Refused) as refused:
            merged(files)
        assert refused.value.what.isprintable()


def test_a_set_is_complete_and_has_nothing_of_other_sets() -> None:
    images = merged({"x.json": encoded("web", "api", "nightly")})
    found = image_set(images, ["web", "api"], ORIGIN, "shop")
    assert (found.set, found.sha, found.position, found.repository) == ("shop", SHA, 7, "acme/app")
    assert list(found.images) == ["api", "web"]


def test_a_set_with_a_service_missing_is_refused_with_all_that_miss() -> None:
    with pytest.raises(Refused, match="set shop is not complete: there is no record of api, db"):
        image_set(merged({"x.json": encoded("web")}), ["web", "db", "api"], ORIGIN, "shop")


def test_an_image_of_another_commit_is_refused() -> None:
    images = merged({"x.json": encoded("web", api=image("api", sha=OTHER_SHA))})
    with pytest.raises(Refused, match=f"the tag of api is '{OTHER_SHA}', not the announced"):
        image_set(images, ["web", "api"], ORIGIN, "shop")


def test_a_set_has_at_least_one_service() -> None:
    with pytest.raises(Refused, match="no image at all"):
        image_set({}, [], ORIGIN, "shop")


def built(**more: Any) -> bytes:
    one = {
        "service": "web",
        "image": f"ghcr.io/acme/web@{DIGEST}",
        "tag": f"ghcr.io/acme/web:{SHA}",
        "published": True,
    }
    return json.dumps({"changed": True, "images": [{**one, **more}]}).encode()


def test_what_a_build_printed_is_its_records() -> None:
    assert of_build(built()) == record("web", DIGEST, f"ghcr.io/acme/web:{SHA}")


def test_an_image_that_was_not_published_is_not_recorded() -> None:
    with pytest.raises(Refused, match="the image of 'web' was not published"):
        of_build(built(published=False))


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"\xff", b"{}", b"[]", b"[" * 100_000, b'{"images": [{}]}', b'{"images": {}}'),
        b'{"error": {"what": "x", "written": "nothing", "remedy": "y"}}',
        built(service="../web"),
        built(tag=f"oci:out:{SHA}"),
        built(image=f"oci:out@{DIGEST}"),
        built(image=f"ghcr.io/acme/api@{DIGEST}"),
        built(published="yes"),
    ],
    ids=lambda data: data[:40],
)
def test_what_no_build_printed_is_refused(data: bytes) -> None:
    with pytest.raises(Refused) as refused:
        of_build(data)
    assert refused.value.what.isprintable()


def test_carried_images_complete_a_set_and_what_was_built_counts_more() -> None:
    earlier = {name: Image(**image(name, OTHER_SHA)) for name in ("web", "api", "gone")}
    built_now = merged({"x.json": encoded("web")})
    found = image_set(built_now, ["web", "api"], ORIGIN, "shop", earlier)
    assert found.tags() == {"web": image("web")["Tag"], "api": image("api", OTHER_SHA)["Tag"]}


def test_set_may_have_versions_for_tags() -> None:
    tag = "ghcr.io/acme/web:v1.4.2"
    assert image_set(record("web", DIGEST, tag), ["web"], ORIGIN, "shop").tags() == {"web": tag}


def test_one_of_the_tags_that_a_build_set_may_be_recorded() -> None:
    place = "ghcr.io/acme/web"
    data = built(tags=[f"{place}:{SHA}", f"{place}:v1.4.2"])
    assert of_build(data, "v1.4.2") == record("web", DIGEST, f"{place}:v1.4.2")
    for tag in ("v1.4.3", "../x", ""):
        with pytest.raises(Refused, match="was not tagged"):
            of_build(data, tag)
