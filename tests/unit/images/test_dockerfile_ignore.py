"""What an ignore file leaves out."""

from __future__ import annotations

import itertools
import re

import pytest

from tidemill.errors import Refused
from tidemill.images.dockerfile.ignore import Matched, parse, pattern


def leaves_out(text: str, path: str) -> bool:
    ignore = parse(text.encode(), ".dockerignore")
    parts = path.split("/")
    above: Matched = ()
    is_out = False
    for count, _ in enumerate(parts, start=1):
        is_out, above = ignore.leaves_out("/".join(parts[:count]), above)
    return is_out


@pytest.mark.parametrize(
    ("text", "out", "kept"),
    [
        pytest.param("a", ["a", "a/b"], ["b", "ab", "b/a"], id="a name at the top"),
        pytest.param("/a/", ["a", "a/b/c"], ["b"], id="slashes around it"),
        pytest.param("  ./x/../a  ", ["a"], ["x"], id="cleaned"),
        pytest.param("*", ["a", "a/b"], [], id="everything"),
        pytest.param("*.md", ["x.md", ".md"], ["a/x.md", "x.mdx"], id="a star"),
        pytest.param("a/*", ["a/b", "a/b/c"], ["a"], id="a star below"),
        pytest.param("**/x.md", ["x.md", "a/x.md", "a/b/x.md"], ["ax.md"], id="at any depth"),
        pytest.param("a/**", ["a/b", "a/b/c"], ["a", "ab"], id="all below"),
        pytest.param("a/**/c", ["a/c", "a/b/c", "a/b/b/c/d"], ["a/b"], id="any depth between"),
        pytest.param("**", ["a", "a/b"], [], id="two stars"),
        pytest.param("**c", ["c", "abc", "x/abc"], ["cx"], id="two stars and an end"),
        pytest.param("?.t", ["a.t"], ["ab.t", ".t"], id="one character"),
        pytest.param("[a-c^].t", ["b.t", "^.t"], ["d.t"], id="a set"),
        pytest.param("[^a].t", ["b.t"], ["a.t"], id="not in a set"),
        pytest.param(r"\*.t", ["*.t"], ["a.t"], id="an escaped star"),
        pytest.param("a+b(c)", ["a+b(c)"], ["aab", "aabc"], id="nothing else is special"),
        pytest.param("*\n!a", ["b", "b/a"], ["a", "a/c"], id="an exception"),
        pytest.param("*\n!a\na/c", ["b", "a/c"], ["a", "a/b"], id="the last one counts"),
        pytest.param("!a\n*", ["a", "b"], [], id="an exception that comes too early"),
        pytest.param("a\n!a/b", ["a", "a/c"], ["a/b", "a/b/c"], id="an exception below"),
        pytest.param("a/**\n!**/k", ["a/b"], ["a/k", "a/b/k"], id="an exception at any depth"),
        pytest.param("# a\n\n #b", [" #b".strip()], ["a", "# a"], id="comments and empty lines"),
        pytest.param("\ufeffa\r\nb\r\n", ["a", "b"], [], id="a BOM, and CR"),
    ],
)
def test_patterns_mean_what_they_mean_to_docker(text: str, out: list[str], kept: list[str]) -> None:
    assert {path: leaves_out(text, path) for path in (*out, *kept)} == {
        **dict.fromkeys(out, True),
        **dict.fromkeys(kept, False),
    }


@pytest.mark.parametrize("text", ["!", "!/", "[a", "[]", "[b-a]", "a\\", "[a-]"])
def test_a_pattern_with_a_mistake_is_refused(text: str) -> None:
    with pytest.raises(Refused, match=r"\.dockerignore has"):
        parse(text.encode(), ".dockerignore")


def test_what_is_not_text_is_refused() -> None:
    with pytest.raises(Refused, match="not UTF-8"):
        parse(b"\xff", ".dockerignore")


def test_a_folder_that_is_left_out_may_have_something_that_is_not() -> None:
    ignore = parse(b"*\n!a/b", "f")
    assert ignore.may_keep_below("a")
    assert not ignore.may_keep_below("ab")
    assert parse(b"*\n!**/b", "f").may_keep_below("x")
    assert not parse(b"*", "f").may_keep_below("a")


LONG = "a" * 80
SLOW = {
    "folders": (f"{'**/' * 12}x", f"{'a/' * 40}b"),
    "folders with names": (f"{'**/a*/' * 12}x", f"{'a/' * 40}b"),
    "stars": (f"{'*a' * 12}b", LONG),
    "stars and sets": (f"{'*[a-c]' * 12}x?", LONG),
}


@pytest.mark.parametrize(("text", "path"), SLOW.values(), ids=SLOW.keys())
def test_no_pattern_takes_long(text: str, path: str) -> None:
    assert not pattern(text, "f").form.matches(path)


def as_expression(text: str) -> str:
    """What a pattern means, as a regular expression: slow, and easily seen to be right."""
    meanings = {"**/": "(?:.*/)?", "*": "[^/]*", "?": "[^/]", "[^b]": "[^b]"}
    parts = re.findall(r"\*\*/|\*|\?|\[\^b\]|.", text)
    return "".join(meanings.get(part, part) for part in parts)


@pytest.mark.parametrize(
    "text", ["*a*b", "**/a*b", "a**/b", "**/a?**/b*", "*[^b]*/b", "**/*a", "?**/*b*", "a*/**/*"]
)
def test_every_path_matches_as_its_expression_does(text: str) -> None:
    form = pattern(text, "f").form
    for length in range(1, 7):
        for letters in itertools.product("ab/", repeat=length):
            path = "".join(letters)
            expected = re.fullmatch(as_expression(text), path) is not None
            assert form.matches(path) == expected, path
