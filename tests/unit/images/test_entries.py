"""What a layer is made of, in the one order that it can have."""

import io
from collections.abc import Sequence

import pytest

from tidemill.errors import Refused
from tidemill.images.entries import Attributes, Entry, File, Folder, HardLink, Link, in_order


def file(path: str) -> File:
    return File(path, 0, io.BytesIO)


def paths(entries: Sequence[Entry], present: Sequence[str] = ()) -> list[str]:
    return [entry.path for entry in in_order(entries, present)]


def test_entries_are_sorted_by_bytes_with_folders_before_what_is_in_them() -> None:
    given = [file("b/x"), file("a.txt"), file("é"), file("a/z"), file("Z"), file("a-b")]
    wanted = ["Z", "a", "a-b", "a.txt", "a/z", "b", "b/x", "é"]
    assert paths(given) == wanted
    assert paths(given[::-1]) == wanted


def test_the_folders_above_are_added_once() -> None:
    assert paths([file("a/b/c/x"), file("a/b/y")]) == ["a", "a/b", "a/b/c", "a/b/c/x", "a/b/y"]


def test_a_folder_that_is_given_keeps_its_attributes_whichever_comes_first() -> None:
    private = Folder("a", Attributes(0o700))
    entries: list[Entry] = [private, file("a/x")]
    for given in (entries, entries[::-1]):
        assert in_order(given)[0] == private


def test_of_two_folders_at_one_path_the_last_counts() -> None:
    assert in_order([Folder("a", Attributes(0o700)), Folder("a")]) == [Folder("a")]


def test_folders_that_the_image_has_are_not_written_over() -> None:
    """One of them may be a link in the base: /lib, or /var/run."""
    assert paths([file("usr/bin/x"), Folder("etc")], ["usr", "usr/bin", "etc"]) == ["usr/bin/x"]
    assert paths([file("etc/x")], ["etc/x"]) == ["etc", "etc/x"], "a file is written over"


@pytest.mark.parametrize(
    "entries",
    [
        [file("a"), file("a")],
        [file("a"), Link("a", "b")],
        [file("a"), Folder("a")],
        [Folder("a"), HardLink("a", "b")],
        [file("a"), file("a/b")],
        [Link("a", "etc"), file("a/passwd")],
    ],
    ids=str,
)
def test_two_things_at_one_path_are_refused(entries: list[Entry]) -> None:
    for given in (entries, entries[::-1]):
        with pytest.raises(Refused, match="two things at /a"):
            in_order(given)


def test_a_path_that_is_no_text_is_refused() -> None:
    with pytest.raises(Refused, match=r"'\\udcff' is not UTF-8"):
        in_order([file("\udcff")])


def test_many_entries_in_deep_folders_take_no_long() -> None:
    deep = "/".join("d" * 100)
    found = in_order([file(f"{deep}/{n}") for n in range(2000)])
    assert len(found) == 2000 + 100
