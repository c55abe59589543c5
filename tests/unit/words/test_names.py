"""Names and SHAs: what may end up in a path, a ref or a commit message."""

import json
from collections.abc import Callable

import pytest

from tidemill.errors import Refused
from tidemill.words.names import (
    MAX_POSITION,
    checked_branch,
    checked_line,
    checked_name,
    checked_repository,
    checked_sha,
    checked_short_sha,
    is_name,
    one_line,
    shown,
    visible,
    visible_json,
)

SHA = "7d1043473d55bfa90e8530d35801d4e381bc69f0"

HOSTILE = {
    "empty": "",
    "space": " ",
    "parent": "..",
    "climbs": "../etc",
    "hidden-climb": "a..b",
    "slash": "a/b",
    "backslash": "a\\b",
    "line-break": "a\nb",
    "line-break-at-the-end": "a\n",
    "return": "a\r",
    "null": "a\0b",
    "shell": "$(id)",
    "backtick": "`id`",
    "glob": "a*",
    "ref-magic": "a@{1}",
    "caret": "a^",
    "tilde": "a~1",
    "colon": "a:b",
    "question": "a?",
    "option": "--upload-pack=x",
    "surrogate": "a\udc80",
    "right-to-left": "a\u202eb",
    "paragraph": "a\u2029b",
    "full-width": "\uff41",
    "digits-of-another-script": "a\u0661",
}


@pytest.mark.parametrize(
    "name",
    ["a", "A", "0", "app", "staging-eu", "a.b", "a_b", "a.b.c", "lock", "a.lock.b", "x" * 100],
)
def test_plain_name_is_taken(name: str) -> None:
    assert checked_name(name, "set") == name


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE.keys())
def test_name_that_could_leave_its_folder_or_break_a_ref_is_refused(name: str) -> None:
    assert not is_name(name)
    with pytest.raises(Refused, match="is not a valid name of a set"):
        checked_name(name, "set")


@pytest.mark.parametrize(
    "name", ["x" * 101, ".a", "-a", "_", "_a", "a.", "a.lock", ".lock"], ids=str
)
def test_name_that_git_or_a_folder_would_not_take_is_refused(name: str) -> None:
    assert not is_name(name)


@pytest.mark.parametrize("value", [None, 1, b"a", ["a"]], ids=str)
def test_only_text_is_a_name(value: object) -> None:
    assert not is_name(value)


@pytest.mark.parametrize(
    "text",
    [SHA[:39], SHA + "0", SHA.upper(), "g" * 40, SHA + "\n", "HEAD", *HOSTILE.values()],
)
def test_only_forty_lower_case_hex_digits_are_a_sha(text: str) -> None:
    assert checked_sha(SHA) == SHA
    with pytest.raises(Refused, match="is not the full SHA"):
        checked_sha(text)


@pytest.mark.parametrize(
    "text", [SHA[:6], SHA + "0", "ABCDEF0", "main", SHA[:12] + "\n", "-1234567"]
)
def test_only_seven_to_forty_hex_digits_are_a_short_sha(text: str) -> None:
    assert checked_short_sha(SHA[:7]) == SHA[:7]
    assert checked_short_sha(SHA) == SHA
    with pytest.raises(Refused, match="is not the SHA of a set"):
        checked_short_sha(text, "set")


@pytest.mark.parametrize("text", ["acme/app", "acme/app.js", "a/b/c/d", "app", "acme/_x"])
def test_repository_of_one_to_four_parts_is_taken(text: str) -> None:
    assert checked_repository(text) == text


@pytest.mark.parametrize(
    "text",
    ["a/b/c/d/e", "a//b", "/a", "a/", "a/..", "a/b..c", "https://a/b", "a/b c", *HOSTILE.values()],
)
def test_repository_of_another_form_is_refused(text: str) -> None:
    if text == HOSTILE["slash"]:
        return
    with pytest.raises(Refused, match="is not the name of a repository"):
        checked_repository(text)


@pytest.mark.parametrize("text", ["main", "release/1.2", "feature/a_b+c#1", "user@host", "a-b"])
def test_branch_is_taken(text: str) -> None:
    assert checked_branch(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "a//b",
        "a/.b",
        "a.lock",
        "a.lock/b",
        "a/",
        "a.",
        "-a",
        "/a",
        "a@{b",
        "x" * 201,
        *HOSTILE.values(),
    ],
)
def test_branch_that_git_refuses_is_refused(text: str) -> None:
    if text == HOSTILE["slash"]:
        return
    with pytest.raises(Refused, match="is not a valid name of a branch"):
        checked_branch(text)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("errors in checkout", "errors in checkout"),
        ("  spaces around  ", "spaces around"),
        ("ümläuts, 漢字 and $(id) are only text", "ümläuts, 漢字 and $(id) are only text"),
        ("x" * 500, "x" * 500),
    ],
)
def test_printable_line_is_taken_and_stripped(given: str, kept: str) -> None:
    assert checked_line(given, "--reason") == kept


LINES = {
    "empty": "",
    "blank": "   ",
    "too-long": "x" * 501,
    "two-lines": "a\nAutocommit-App-SHA: forged",
    "return": "a\rb",
    "line-break-at-the-end": "a\n",
    "tab": "a\tb",
    "escape": "\x1b[31m",
    "next-line": "a\x85b",
    "line-separator": "a\u2028b",
    "half-a-character": "a\udc80",
}


@pytest.mark.parametrize("text", LINES.values(), ids=LINES.keys())
def test_reason_that_could_forge_a_line_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="is not one printable line"):
        checked_line(text, "--reason")


@pytest.mark.parametrize(
    "check", [checked_sha, checked_short_sha, checked_repository, checked_branch]
)
def test_refusal_quotes_what_was_given_on_one_short_line(check: Callable[[str], str]) -> None:
    with pytest.raises(Refused) as refused:
        check("\x1b[31m\n" + "x" * 500)
    assert refused.value.what.isprintable()
    assert len(refused.value.what) < 150
    assert refused.value.remedy


def test_shown_text_is_quoted_escaped_and_cut() -> None:
    assert shown("a'b\n") == '"a\'b\\n"'
    assert shown("é") == "'\\xe9'"
    assert len(shown("x" * 1000)) == 83
    assert shown("x" * 1000).endswith("...'")


def test_highest_position_is_exact_in_json() -> None:
    assert int(float(MAX_POSITION)) == MAX_POSITION == 9007199254740991


UNSEEN = {
    "escape": "\x1b",
    "another control": "\x9b",
    "soft hyphen": "\xad",
    "grapheme joiner": "\u034f",
    "arabic letter mark": "\u061c",
    "hangul filler": "\u3164",
    "vowel separator": "\u180e",
    "zero width space": "\u200b",
    "joiner": "\u200d",
    "right-to-left mark": "\u200f",
    "line separator": "\u2028",
    "embedding": "\u202a",
    "override": "\u202e",
    "word joiner": "\u2060",
    "invisible plus": "\u2064",
    "isolate": "\u2066",
    "end of isolate": "\u2069",
    "variation selector": "\ufe0f",
    "byte order mark": "\ufeff",
    "interlinear": "\ufffb",
    "tag": "\U000e0041",
    "more variation selectors": "\U000e0100",
}


@pytest.mark.parametrize("mark", UNSEEN.values(), ids=UNSEEN.keys())
def test_what_people_do_not_see_is_written_out(mark: str) -> None:
    text = f"a{mark}b\nc{mark}"
    assert visible(text) == f"a{ascii(mark)[1:-1]}b\nc{ascii(mark)[1:-1]}"
    assert one_line(text) == f"a{ascii(mark)[1:-1]}b\\nc{ascii(mark)[1:-1]}"
    assert json.loads(visible_json(f'{{"a": "{text[:3]}"}}')) == {"a": text[:3]}
    assert mark not in visible_json(f'{{"a": "{mark}"}}')


@pytest.mark.parametrize(
    "text",
    [
        "שלום, הקפאה עד יום ראשון",
        "تجميد حتى الأحد",
        "冻结到周一",
        "gelé jusqu'à lundi\xa0!",
        "a\nb",
        "🚢 é",
    ],
)
def test_every_language_is_shown_as_it_is(text: str) -> None:
    assert visible(text) == text
    assert checked_line(text.replace("\n", " "), "reason") == text.replace("\n", " ")


def test_reason_with_a_mark_passes_and_one_of_marks_alone_says_nothing() -> None:
    assert checked_line("fix \u202eit", "reason") == "fix \u202eit"
    with pytest.raises(Refused, match="is not one printable line"):
        checked_line("\u200b \u2066\ufeff", "reason")
