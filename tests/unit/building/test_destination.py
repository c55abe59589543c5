"""Where the image of a service goes, and which tags it gets there."""

import pytest

from tidemill.building.destination import exactly, extra_tags, of_service
from tidemill.errors import Refused
from tidemill.images.location import Location

A_DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("place", "service", "goes_to"),
    [
        ("ghcr.io/acme", "web", "ghcr.io/acme/web"),
        ("ghcr.io/acme", "Web", "ghcr.io/acme/web"),
        ("ghcr.io/acme/web", "web", "ghcr.io/acme/web"),
        ("ghcr.io/acme/web", "Web", "ghcr.io/acme/web"),
        ("ghcr.io/acme/myweb", "web", "ghcr.io/acme/myweb/web"),
        ("ghcr.io/{service}/image", "Web", "ghcr.io/web/image"),
        ("ghcr.io/acme/shop-{service}", "web", "ghcr.io/acme/shop-web"),
        ("localhost:5000", "web", "localhost:5000/web"),
        ("127.0.0.1:5000", "web", "127.0.0.1:5000/web"),
        ("registry.example.com", "web", "registry.example.com/web"),
        ("acme", "web", "acme/web"),
    ],
)
def test_a_place_in_a_registry_is_that_of_each_service(
    place: str, service: str, goes_to: str
) -> None:
    assert of_service(place, service) == Location(repository=goes_to)


@pytest.mark.parametrize(
    ("place", "service", "goes_to"),
    [
        ("oci:out", "web", "out/web"),
        ("oci:out/", "web", "out/web"),
        ("oci:out/web", "web", "out/web"),
        ("oci:out/Web", "web", "out/Web/web"),
        ("oci:out", "Web", "out/Web"),
        ("oci:/a/{service}/b", "Web", "/a/Web/b"),
        ("oci:a b", "web", "a b/web"),
        ("oci:/", "web", "/web"),
    ],
)
def test_a_layout_has_a_folder_for_each_service_with_its_capitals(
    place: str, service: str, goes_to: str
) -> None:
    assert of_service(place, service) == Location(folder=goes_to)


@pytest.mark.parametrize(
    "place",
    [
        *("", " ", "a b", "oci:", "oci:\0", "oci:a\nb", "oci:a\x1b[2J", "oci:\udcff", "acme/UPPER"),
        *("https://ghcr.io/acme", "../x", "ghcr.io/acme/", "/acme", "ghcr.io//acme", "x" * 501),
        *("-x", "a:b:c", "acme/web:tag@sha256:abc", "localhost:port", "$(id)", "oci:x@y"),
    ],
)
def test_what_is_no_place_is_refused_by_the_name_that_was_given(place: str) -> None:
    for read in (exactly, lambda text: of_service(text, "web")):
        with pytest.raises(Refused) as refused:
            read(place)
        assert refused.value.what.isprintable()
        assert ascii(place)[:70].rstrip("'") in refused.value.what


@pytest.mark.parametrize(
    "place",
    ["acme/web:1.0", f"acme/web@{A_DIGEST}", "oci:out:1.0", f"oci:out@{A_DIGEST}", "alpine:edge"],
)
def test_an_image_is_no_place_for_one(place: str) -> None:
    with pytest.raises(Refused, match="names an image, not a place for one"):
        of_service(place, "web")


PLACE = Location(repository="ghcr.io/acme/web")


def test_more_tags_are_names_or_whole_references() -> None:
    given = ["v1.2.3", "latest", "ghcr.io/acme/web:edge", "_x", "a" * 128]
    assert extra_tags(given, PLACE) == ("v1.2.3", "latest", "edge", "_x", "a" * 128)
    assert extra_tags([], PLACE) == ()


@pytest.mark.parametrize("tag", ["ghcr.io/acme/api:edge", "web:edge", "ghcr.io/acme/web2:edge"])
def test_a_tag_of_another_repository_is_refused(tag: str) -> None:
    with pytest.raises(Refused, match=r"is in another repository than ghcr\.io/acme/web"):
        extra_tags([tag], PLACE)


def test_a_layout_has_no_repository_that_a_tag_could_be_in() -> None:
    with pytest.raises(Refused, match="is in another repository than oci:out"):
        extra_tags(["acme/web:edge"], Location(folder="out"))
    assert extra_tags(["edge"], Location(folder="out")) == ("edge",)


@pytest.mark.parametrize(
    "tag",
    ["", "-x", ".x", "a b", "a" * 129, "a\n", "ä", "a/b", "a:", f"ghcr.io/acme/web@{A_DIGEST}"],
)
def test_what_is_no_tag_is_refused(tag: str) -> None:
    with pytest.raises(Refused) as refused:
        extra_tags([tag], PLACE)
    assert refused.value.what.isprintable()
