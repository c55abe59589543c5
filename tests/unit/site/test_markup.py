"""Whatever is no markup is text."""

import pytest

from tidemill.site.markup import el, joined, web_address


@pytest.mark.parametrize(
    ("given", "seen"),
    [
        ("<b>", "&lt;b&gt;"),
        ("\"'&", "&quot;&#x27;&amp;"),
        ("&lt;", "&amp;lt;"),
        ("a\u202eb\x00", "a\\u202eb\\x00"),
    ],
)
def test_text_and_values_of_attributes_are_escaped(given: str, seen: str) -> None:
    assert el("p", given, title=given) == f'<p title="{seen}">{seen}</p>'


def test_markup_inside_markup_stays_what_it_is() -> None:
    assert el("p", el("b", "<"), ["x", None, [el("i")]]) == "<p><b>&lt;</b>x<i></i></p>"
    assert joined("<", el("br")) == "&lt;<br/>"


def test_text_made_of_markup_is_text_again() -> None:
    assert el("p", f"{el('b')}") == "<p>&lt;b&gt;&lt;/b&gt;</p>"


def test_attributes_are_left_out_have_no_value_or_another_name() -> None:
    made = el("input", hidden=True, disabled=False, id=None, aria_label="a", for_="q", rows=2)
    assert made == '<input hidden aria-label="a" for="q" rows="2"/>'


@pytest.mark.parametrize("good", ["https://github.com/a/b", "http://127.0.0.1:80/x?y#z"])
def test_web_addresses_may_be_linked_to(good: str) -> None:
    assert web_address(good) == good


@pytest.mark.parametrize(
    "bad",
    [
        None,
        "",
        "javascript:alert(1)",
        "JAVASCRIPT:alert(1)//https://x",
        "data:text/html,x",
        "//github.com",
        "https://",
        "https://user@host/",
        "https://host/a b",
        "https://host/\nx",
        " https://host/",
    ],
)
def test_other_addresses_may_not(bad: str | None) -> None:
    assert web_address(bad) is None
