"""Texts of others are texts on a run's page, and commits are links."""

import pytest

from tidemill.action.markdown import code, commit, plain, table

SHA = "a" * 40
URL = "https://github.com/acme/cfg-app"


def test_without_a_page_to_link_to_a_commit_stands_for_itself() -> None:
    assert commit(SHA, None) == f"`{SHA[:12]}`"
    assert commit("`x`](y", URL) == "&#96;x&#96;&#93;(y"


@pytest.mark.parametrize(
    "text",
    [
        "[a](b)",
        "![a](b)",
        "<b>",
        "`a`",
        "a|b",
        "@team",
        "#1",
        "https://a.b",
        "www.a.b",
        "*a*",
        "&lt;",
    ],
)
def test_no_text_of_others_is_markdown(text: str) -> None:
    escaped = plain(text)
    assert escaped != text
    for sign in "[]!<>`|@*":
        assert sign not in escaped
    assert "://" not in escaped
    assert "www.a" not in escaped


def test_a_text_of_others_is_one_line() -> None:
    assert "\n" not in plain("a\n### b")
    assert table(("a", "b"), []) == []


def test_a_command_is_one_line_and_never_cut() -> None:
    command = f"tidemill hold-wave --wave {'w' * 600} --reason x"
    assert code(command) == f"<code>{command}</code>"
    assert "\n" not in code("a\nb")


def test_a_text_that_is_cut_says_so() -> None:
    assert plain("x" * 500) == "x" * 500
    assert plain("x" * 501) == "x" * 500 + "…"
