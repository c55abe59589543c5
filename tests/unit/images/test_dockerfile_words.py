"""Variables, quotes and escapes in the words of a Dockerfile."""

from __future__ import annotations

import re
from itertools import product

import pytest

from tidemill.images.dockerfile.words import Mistake, expanded, split

VARIABLES = {"A": "one", "EMPTY": "", "FILE": "a/b/c.tar.gz", "TWO": "x y", "QUOTE": "'$A'"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$A", "one"),
        ("${A}s", "ones"),
        ("$As$A-$A", "one-one"),
        ("$UNSET.${UNSET}", "."),
        (r"\$A \${A}", "$A ${A}"),
        ("'$A' \"$A\"", "$A one"),
        ('"a\\"b\\n"', 'a"b\\n'),
        ("a\\ b\\", "a b"),
        ("${EMPTY:-d}${EMPTY-d}${UNSET-d}${A:-d}", "ddone"),
        ("${EMPTY:+w}${EMPTY+w}${UNSET+w}${A:+w}", "ww"),
        ("${UNSET:-${A}/$TWO}", "one/x y"),
        ("${UNSET:-'a}b'}", "a}b"),
        ("${A?no}${A:?no}", "oneone"),
        ("${FILE#*/}", "b/c.tar.gz"),
        ("${FILE##*/}", "c.tar.gz"),
        ("${FILE%.*}", "a/b/c.tar"),
        ("${FILE%%.*}", "a/b/c"),
        ("${FILE%x}", "a/b/c.tar.gz"),
        (r"${FILE/\//-}", "a-b/c.tar.gz"),
        (r"${FILE//\//-}", "a-b-c.tar.gz"),
        ("${FILE//?.*/x}", "a/b/x"),
        ("${A//*/x}", "x"),
        ("$QUOTE", "'$A'"),
        ("$", "$"),
        ("a$ b", "a$ b"),
        ("$1$@", ""),
        ("é$A", "éone"),
        ("$A²$Aé.", "one²."),
    ],
)
def test_variables_are_replaced_as_in_a_shell(text: str, expected: str) -> None:
    assert expanded(text, VARIABLES) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("${A", "missing"),
        ("${", "no name"),
        ("${}", "no name"),
        ("${:-x}", "no name"),
        ("${A!x}", "no form"),
        ("${A:#x}", "no form"),
        ("${A/x}", "missing"),
        ("'a", "not closed"),
        ('"a', "not closed"),
        ("${UNSET?}", "UNSET is not set: it has to be"),
        ("${EMPTY:?give one}", "EMPTY is not set: give one"),
        (r"${A#\a}", "escapes what needs none"),
        ("${A:-" * 60 + "}" * 60, "inside each other"),
    ],
)
def test_what_is_no_variable_is_a_mistake(text: str, words: str) -> None:
    with pytest.raises(Mistake, match=words):
        expanded(text, VARIABLES)


def test_another_escape_leaves_backslashes_alone() -> None:
    assert expanded(r"C:\dir\$A `$A", VARIABLES, "`") == r"C:\dir\one $A"


def test_quotes_may_mean_nothing() -> None:
    assert expanded("'$A' \"\\$A\"", VARIABLES, has_quotes=False) == "'one' \"$A\""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a  b", ["a", "b"]),
        ("$TWO", ["x", "y"]),
        ('"$TWO" c', ["x y", "c"]),
        ("a\\ b", ["a b"]),
        ("$UNSET", []),
        ("a$TWO", ["ax", "y"]),
        ("<< EOF x", ["<< EOF", "x"]),
    ],
)
def test_a_text_is_split_after_its_variables_are_replaced(text: str, expected: list[str]) -> None:
    assert split(text, VARIABLES) == expected


@pytest.mark.parametrize(
    "pattern", ["".join(one) for n in (1, 2, 3) for one in product("a*?", repeat=n)]
)
def test_every_small_pattern_takes_what_it_is_said_to_take(pattern: str) -> None:
    """By what the words mean: the shortest or longest start or end that the pattern fits."""
    form = re.compile(pattern.replace("*", ".*").replace("?", "."))
    for value in ("".join(one) for n in range(5) for one in product("ab\n", repeat=n)):
        starts = [value[at:] for at in range(len(value) + 1) if form.fullmatch(value, 0, at)]
        ends = [value[:at] for at in range(len(value) + 1) if form.fullmatch(value, at)]
        variables = {"V": value}
        # A second sign at its start would say that the longest is meant.
        assert expanded(f"${{V#{pattern}}}", variables) == [*starts, value][0]
        assert expanded(f"${{V##{pattern}}}", variables) == [value, *starts][-1]
        assert expanded(f"${{V%{pattern}}}", variables) == [value, *ends][-1]
        assert expanded(f"${{V%%{pattern}}}", variables) == [*ends, value][0]
        assert expanded(f"${{V/{pattern}/<x>}}", variables) == form.sub("<x>", value, count=1)
