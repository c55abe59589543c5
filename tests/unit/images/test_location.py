"""Where an image is: a layout or a repository, with a tag, a digest or both."""

import pytest

from tidemill.errors import Refused
from tidemill.images.location import Location, parse

DIGEST = "sha256:" + "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("oci:out", Location(folder="out")),
        ("oci:/a/b", Location(folder="/a/b")),
        ("oci:a b", Location(folder="a b")),
        ("oci:out:1.0", Location(folder="out", tag="1.0")),
        (f"oci:out@{DIGEST}", Location(folder="out", digest=DIGEST)),
        (f"oci:out:1.0@{DIGEST}", Location(folder="out", tag="1.0", digest=DIGEST)),
        ("oci:a:b:c", Location(folder="a:b", tag="c")),
        ("oci:a:b/c", Location(folder="a:b/c")),
        ("acme/web", Location(repository="acme/web")),
        ("localhost:5000/web", Location(repository="localhost:5000/web")),
        ("localhost:5000/web:1.0", Location(repository="localhost:5000/web", tag="1.0")),
        (f"acme/web@{DIGEST}", Location(repository="acme/web", digest=DIGEST)),
        (f"acme/web:1@{DIGEST}", Location(repository="acme/web", tag="1", digest=DIGEST)),
        ("web:5000", Location(repository="web", tag="5000")),
    ],
)
def test_each_form_is_read_and_written_back(text: str, found: Location) -> None:
    assert parse(text) == found
    assert str(found) == text


@pytest.mark.parametrize(
    "text",
    [
        *("", "oci:", "oci:\0", "oci:a\nb", "oci:\x7f", "oci:\udcff", "oci:\u2028", "oci::tag"),
        *(f"oci:@{DIGEST}", f"oci:a@{DIGEST}x", "oci:a@sha256:abc", f"oci:a@{DIGEST.upper()}"),
        *("acme/", "/acme", "acme/web:", "acme/web@", f"acme/web@{DIGEST[:-1]}"),
        *("docker://acme/web", "acme/web:-x", "acme/web:1 ", " acme/web", "a" * 501, "acme/we\nb"),
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(Refused) as refused:
        parse(text)
    assert "does not say where an image is" in refused.value.what
    assert refused.value.what.isprintable()


@pytest.mark.parametrize(
    ("text", "lower"),
    [
        ("ghcr.io/Acme/web", "ghcr.io/acme/web"),
        ("GHCR.io/Acme/web:V1", "ghcr.io/acme/web:V1"),
        (f"Web@{DIGEST}", f"web@{DIGEST}"),
    ],
)
def test_capitals_in_a_name_are_named(text: str, lower: str) -> None:
    with pytest.raises(Refused, match="has capitals") as refused:
        parse(text)
    assert refused.value.remedy == f"write {lower}"
    assert str(parse(lower)) == lower


def test_a_long_text_that_is_none_is_refused_at_once() -> None:
    """No pattern takes longer than the text is long."""
    with pytest.raises(Refused):
        parse("oci:" + "a:" * 20_000 + "\0")
    with pytest.raises(Refused):
        parse("a-" * 100_000)
