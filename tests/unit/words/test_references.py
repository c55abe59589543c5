"""References to images: by tag, by digest, and as a target names what it runs."""

from collections.abc import Callable

import pytest

from tidemill.errors import Refused
from tidemill.words.references import Reference, by_digest, by_tag, running

HEX = "6a9c" * 16
DIGEST = f"sha256:{HEX}"


@pytest.mark.parametrize(
    ("text", "repository"),
    [
        (f"ghcr.io/acme/web@{DIGEST}", "ghcr.io/acme/web"),
        (f"localhost:5000/web@{DIGEST}", "localhost:5000/web"),
        (f"registry.example.com:443/a/b/c/d@{DIGEST}", "registry.example.com:443/a/b/c/d"),
        (f"web@{DIGEST}", "web"),
        (f"a/b_c/d__e/f-g/h--i/j.k@{DIGEST}", "a/b_c/d__e/f-g/h--i/j.k"),
    ],
)
def test_reference_by_digest_is_read(text: str, repository: str) -> None:
    assert by_digest(text) == Reference(repository, digest=DIGEST)


@pytest.mark.parametrize(
    ("text", "repository", "tag"),
    [
        ("ghcr.io/acme/web:7d10", "ghcr.io/acme/web", "7d10"),
        ("localhost:5000/web:latest", "localhost:5000/web", "latest"),
        ("web:v1.2_3-4", "web", "v1.2_3-4"),
        ("web:" + "x" * 128, "web", "x" * 128),
    ],
)
def test_reference_by_tag_is_read(text: str, repository: str, tag: str) -> None:
    assert by_tag(text) == Reference(repository, tag=tag)


NO_DIGEST = {
    "empty": "",
    "no-digest": "ghcr.io/acme/web",
    "a-tag": "ghcr.io/acme/web:1",
    "both": f"ghcr.io/acme/web:1@{DIGEST}",
    "sha512": "web@sha512:" + "0" * 128,
    "upper-case-digest": f"web@sha256:{HEX.upper()}",
    "short": f"web@sha256:{HEX[:63]}",
    "long": f"web@sha256:{HEX}0",
    "no-repository": f"@{DIGEST}",
    "scheme": f"https://ghcr.io/acme/web@{DIGEST}",
    "climbs": f"ghcr.io/../web@{DIGEST}",
    "empty-part": f"ghcr.io//web@{DIGEST}",
    "line-break": f"web@{DIGEST}\n",
    "shell": f"$(id)@{DIGEST}",
    "space": f"we b@{DIGEST}",
    "too-long": "a/" * 250 + f"web@{DIGEST}",
    "ends-in-a-dash": f"web-@{DIGEST}",
}


@pytest.mark.parametrize("text", NO_DIGEST.values(), ids=NO_DIGEST.keys())
def test_what_is_no_reference_by_digest_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="not an image reference of the form repository@sha256"):
        by_digest(text)


@pytest.mark.parametrize(("parse", "end"), [(by_digest, f"@{DIGEST}"), (by_tag, ":v1")])
def test_capitals_are_refused_with_the_name_that_is_meant(
    parse: Callable[[str], Reference], end: str
) -> None:
    with pytest.raises(Refused, match="has capitals") as refused:
        parse(f"ghcr.io/acme/Web{end}")
    assert refused.value.remedy == f"write ghcr.io/acme/web{end}"


NO_TAG = {
    "empty": "",
    "no-tag": "ghcr.io/acme/web",
    "port-only": "localhost:5000/web",
    "a-digest": f"web@{DIGEST}",
    "long-tag": "web:" + "x" * 129,
    "dash-first": "web:-x",
    "dot-first": "web:.x",
    "line-break": "web:x\n",
    "shell": "web:$(id)",
}


@pytest.mark.parametrize("text", NO_TAG.values(), ids=NO_TAG.keys())
def test_what_is_no_reference_by_tag_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="not an image reference of the form repository:tag"):
        by_tag(text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"ghcr.io/acme/web@{DIGEST}", Reference("ghcr.io/acme/web", digest=DIGEST)),
        ("ghcr.io/acme/web:1", Reference("ghcr.io/acme/web", tag="1")),
        (f"ghcr.io/acme/web:1@{DIGEST}", Reference("ghcr.io/acme/web", tag="1", digest=DIGEST)),
    ],
    ids=["digest", "tag", "both"],
)
def test_running_image_has_a_tag_or_a_digest_or_both(text: str, found: Reference) -> None:
    assert running(text) == found


def test_running_image_with_neither_is_refused() -> None:
    with pytest.raises(Refused, match="has neither tag nor digest"):
        running("ghcr.io/acme/web")
    with pytest.raises(Refused, match="not an image reference"):
        running("ghcr.io/acme/web@latest")


@pytest.mark.parametrize("text", ["a" * 500, "a-" * 249, "a." * 249 + "!", "a" * 499 + "!"])
def test_hostile_reference_is_refused_quickly(text: str) -> None:
    """The pattern does not backtrack without end: this test would not end."""
    with pytest.raises(Refused):
        by_digest(text)
