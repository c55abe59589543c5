"""In which files digests arrive, and which services files tell of."""

from __future__ import annotations

import pytest

from tidemill.facts import settings_file
from tidemill.facts.arrival import (
    Nameless,
    arriving,
    elsewhere,
    guessed,
    invented,
    nameless,
    repositories,
    tags,
    unlisted,
)

SETTINGS = """\
[images]
allow = ["{allow}"]
[[waves]]
name = "lab"
targets = ["lab-1"]
"""
WEB = "ghcr.io/acme/web"
IMAGES = invented("lab", {"web": WEB, "api": "ghcr.io/acme/api"})
DIGEST = IMAGES.digests["web"].partition("@")[2]
SHA = IMAGES.tags["web"].rpartition(":")[2]

NAMED = {
    "by reference": (f"image: {WEB}@{DIGEST}", True),
    "by digest alone": (f"digest: {DIGEST}", True),
    "by tag": (f"image: {WEB}:{SHA}", True),
    "by a tag beside the repository": (f"name: {WEB}\nnewTag: {SHA}", True),
    "in a comment": (f"# {WEB}@{DIGEST}", False),
    "not": (f"image: {WEB}:v1", False),
}


@pytest.mark.parametrize(("text", "is_named"), NAMED.values(), ids=NAMED.keys())
def test_a_file_names_an_image(text: str, is_named: bool) -> None:
    found = arriving(IMAGES, [("a.yaml", text.encode()), ("b.yaml", b"")])
    assert found == {"api": (), "web": ("a.yaml",) if is_named else ()}


def test_full_sha_beside_no_repository_is_taken_for_the_tag_of_all_as_the_loop_takes_it() -> None:
    found = arriving(IMAGES, [("a.yaml", f"registry: ghcr.io\ntag: {SHA}".encode())])
    assert found == {"api": ("a.yaml",), "web": ("a.yaml",)}


GUESSED = {
    "whose registry stands by itself": (
        "values.yaml",
        'image:\n  registry: ghcr.io # ours\n  repository: "acme/web"\n',
        {"web": WEB},
    ),
    "with a tag": ("a.yaml", f"image: {WEB}:v1", {"web": WEB}),
    "without a tag": ("a.yaml", f"image: {WEB}", {"web": WEB}),
    "with a digest": ("a.json", f'"{WEB}@{DIGEST}"', {"web": WEB}),
    "of others": ("a.yaml", "image: ghcr.io/other/web:v1", {}),
    "of a workflow": (".github/workflows/a.yaml", f"image: {WEB}:v1", {}),
    "of a text": ("README.md", f"image: {WEB}:v1", {}),
}


@pytest.mark.parametrize(("file", "text", "services"), GUESSED.values(), ids=GUESSED.keys())
def test_services_are_told_by_allowed_images(
    file: str, text: str, services: dict[str, str]
) -> None:
    settings = settings_file.parse(SETTINGS.format(allow="ghcr.io/acme/*"))
    assert guessed(settings, [(file, text.encode())]) == services


def test_where_everything_is_allowed_nothing_is_told() -> None:
    settings = settings_file.parse(SETTINGS.format(allow="*"))
    assert guessed(settings, [("a.yaml", f"image: {WEB}:v1".encode())]) == {}


def test_invented_images_differ_from_wave_to_wave() -> None:
    other = invented("shop", repositories([IMAGES]))
    assert other.digests.keys() == IMAGES.digests.keys()
    assert set(other.digests.values()).isdisjoint(IMAGES.digests.values())


def test_copy_of_a_services_image_in_another_repository_is_found() -> None:
    texts = [
        ("a.yaml", f"image: {WEB}:v1\nimage: redis:7\n# web:v1\n".encode()),
        ("b.yaml", b"image: mirror.test/acme/web:v1\nurl: http://x/api:80\n# image: x/api:1\n"),
        ("c.md", b"mirror.test/acme/api:v1"),
    ]
    assert elsewhere(IMAGES, texts) == {"web": ("b.yaml", "mirror.test/acme/web:v1")}


BOTH = "web: {image: {repository: ghcr.io/acme/web, tag: v1}}\nredis: {tag: '7'}\n"
APART = "web: {image: {registry: ghcr.io, repository: acme/web, tag: v1}}\n"


@pytest.mark.parametrize(
    ("eu", "us", "lines"),
    [
        (BOTH, "web: {image: {tag: v1}}\nredis: {tag: '7'}\n", ("repository: ghcr.io/acme/web",)),
        (APART, "web: {image: {tag: 1.0}}\n", ("registry: ghcr.io", "repository: acme/web")),
        (BOTH, BOTH, None),
        (BOTH, "replicas: 1\n", None),
        (BOTH, "web: {image: {tag: v1}", None),
        (BOTH.replace("acme", "other"), "web: {image: {tag: v1}}\n", None),
        ("web: {image: {tag: v1}}\n", "web: {image: {tag: v1}}\n", None),
    ],
    ids=["lacking", "lacking two", "both", "no tag", "no YAML", "of others", "nobody has it"],
)
def test_region_whose_values_lack_the_repository_that_others_have_is_found(
    eu: str, us: str, lines: tuple[str, ...] | None
) -> None:
    mine = tags([("us.yaml", us.encode())])  # the only region of its wave
    found = nameless(IMAGES, mine, [*mine, *tags([("eu.yaml", eu.encode())])])
    assert found == ((Nameless("web", "us.yaml", "web.image", lines),) if lines else ())


@pytest.mark.parametrize(
    ("image", "is_another"),
    [
        ("web:1", False),
        ("ghcr.io/acme/web:1", False),
        ("mirror.test/web:1", True),
        ("mirror.test/web", False),
        ("mirror.test/other:1", False),
    ],
)
def test_image_from_elsewhere_has_a_place_of_its_own(image: str, *, is_another: bool) -> None:
    found = elsewhere(IMAGES, [("a.yaml", f"image: {image}\n".encode())])
    assert found == ({"web": ("a.yaml", image)} if is_another else {})


def test_repositories_that_settings_do_not_list_are_told_of_manifests_alone() -> None:
    settings = settings_file.parse(SETTINGS.format(allow="ghcr.io/acme/*"))
    image = b"image: mirror.test/acme/web:v1\n"
    assert unlisted(settings, [("a.yaml", image), ("README.md", image)]) == (
        "mirror.test/acme/web",
    )
    assert unlisted(settings, [("README.md", image)]) == ()
    assert unlisted(settings, [("a.yaml", f"image: {WEB}:v1\n".encode())]) == ()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("image:\n  repository: ghcr.io/other/web\n  tag: v1", ("ghcr.io/other/web",)),
        ("- name: ghcr.io/other/web\n  newTag: v1", ("ghcr.io/other/web",)),
        ("registry: ghcr.io\nrepository: other/web", ("ghcr.io/other/web",)),
        ("repository: other/web", ()),
        (f"repository: {WEB}", ()),
        ("# repository: ghcr.io/other/web", ()),
    ],
    ids=["chart", "kustomize", "registry-apart", "no-registry", "listed", "comment"],
)
def test_repository_without_a_tag_is_unlisted_where_it_names_its_registry(
    text: str, found: tuple[str, ...]
) -> None:
    settings = settings_file.parse(SETTINGS.format(allow="ghcr.io/acme/*"))
    assert unlisted(settings, [("a.yaml", f"{text}\n".encode())]) == found


@pytest.mark.parametrize(
    ("file", "text", "count"),
    [
        ("a.yaml", "image: {tag: v1}\n", 1),
        ("a.yaml", "image: {name: v1}\n", 0),
        ("a.txt", "image: {tag: v1}\n", 0),
        (".github/a.yaml", "image: {tag: v1}\n", 0),
    ],
)
def test_tags_are_looked_for_in_files_of_values_alone(file: str, text: str, count: int) -> None:
    assert len(tags([(file, text.encode())])) == count
