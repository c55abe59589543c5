"""What is different between two sets."""

import pytest

from tidemill.answers.difference import SetDifference, file_change, services


def test_services_are_added_removed_or_changed_and_those_that_are_the_same_are_left_out() -> None:
    found = services({"a": "1", "b": "1", "c": "1"}, {"b": "1", "c": "2", "d": "1"})
    assert {one.service: one.what for one in found} == {
        "a": "removed",
        "c": "changed",
        "d": "added",
    }


@pytest.mark.parametrize(
    ("before", "after", "repository", "path"),
    [
        ("a" * 40, "b" * 40, "acme/app", f"acme/app/compare/{'a' * 40}...{'b' * 40}"),
        ("a" * 40, "a" * 40, "acme/app", None),
        (None, "b" * 40, "acme/app", None),
        ("a" * 40, "b" * 40, None, None),
    ],
    ids=["two", "same", "unknown", "two repositories"],
)
def test_github_compares_two_commits_of_one_repository(
    before: str | None, after: str | None, repository: str | None, path: str | None
) -> None:
    found = SetDifference(set="app", wave="shop", before=before, after=after, repository=repository)
    assert found.path == path


def test_file_that_is_new_or_gone_is_shown_whole() -> None:
    assert "+++ b/x" in file_change("x", None, b"1\n").diff
    assert "+++ /dev/null" in file_change("x", b"1\n", None).diff


def test_what_is_no_text_has_no_diff() -> None:
    assert file_change("x", b"\xff", b"\xfe").diff == ""
