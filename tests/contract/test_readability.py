"""The check of readability names what a reader stumbles over, and nothing else."""

from __future__ import annotations

import pytest
from tools.readability import MOST_WORDS, findings, sentences, terms_of

LONG = " ".join(["word"] * (MOST_WORDS + 1))
FITS = " ".join(["Word"] * MOST_WORDS)
NONE: frozenset[str] = frozenset()


def found(text: str, terms: frozenset[str] = NONE) -> list[tuple[int, str]]:
    return [(one.line, one.what[:12]) for one in findings("page.md", text, terms)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(f"# Title\n\nShort.\n\n{LONG}.\n", [(5, "a sentence o")], id="its place"),
        pytest.param(f"{FITS}. {FITS}.\n", [], id="two that fit"),
        pytest.param(f"- {FITS}\n- {FITS}\n", [], id="items of a list"),
        pytest.param(f"Text:\n\n- a\n- {LONG}\n", [(4, "a sentence o")], id="an item"),
        pytest.param(f"| a | b |\n|---|---|\n| {FITS} | {FITS} |\n", [], id="cells"),
        pytest.param(f"| a |\n|---|\n| {LONG} |\n", [(3, "a sentence o")], id="a cell"),
        pytest.param(f"```text\n{LONG}\n```\n", [], id="a block of code"),
        pytest.param(f"Say `{LONG}` there.\n", [], id="code is one word"),
        pytest.param(f"<!-- {LONG} -->\nText.\n", [], id="a comment"),
        pytest.param(f"Ours.\n\n<!-- Made by `make docs` -->\n\n{LONG}\n", [], id="what is made"),
    ],
)
def test_a_sentence_that_is_too_long_is_found_where_it_stands(
    text: str, expected: list[tuple[int, str]]
) -> None:
    assert found(text) == expected


@pytest.mark.parametrize(
    ("text", "terms", "expected"),
    [
        ("It is in the ledger. The ledger again.\n", NONE, [(1, "'ledger' is ")]),
        ("It is in the *ledger*, a file. The ledger again.\n", NONE, []),
        ("It is in the ledger.\n", frozenset({"ledger"}), []),
        ("It is in `ledger`.\n", NONE, []),
        ("Here.\n\n- The mill turns.\n", NONE, [(3, "'mill' is no")]),
    ],
)
def test_a_word_of_its_own_is_explained_first(
    text: str, terms: frozenset[str], expected: list[tuple[int, str]]
) -> None:
    assert found(text, terms) == expected


def test_the_glossary_s_first_column_is_what_it_explains() -> None:
    table = "| word | meaning |\n|---|---|\n| hold, release | stop |\n| ledger | the rest |\n"
    assert terms_of(table) == {"hold", "release", "ledger"}


def test_a_link_is_read_as_its_words() -> None:
    assert list(sentences("See [the page](a/b.md#c). It says so.\n")) == [
        (1, "See the page."),
        (1, "It says so."),
    ]
