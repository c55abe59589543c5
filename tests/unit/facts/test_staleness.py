"""What is known of a main that is not what it generates, and what of a path is kept."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from tidemill.facts.operation import AutoCommit, Kind, Operation
from tidemill.facts.ownership import Ownership
from tidemill.facts.settings import Settings
from tidemill.facts.settings_file import parse
from tidemill.facts.staleness import (
    Finding,
    Inspection,
    StaleFiles,
    after_landing,
    found,
    is_watched,
    regenerates,
)
from tidemill.words.names import file_in_words


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("x" * 200, "x" * 200),
        ("x" * 201, f"'{'x' * 78}...'"),
        ("a\nb", "'a\\nb'"),
        ("a b/ü", "a b/ü"),
        ("caf\udce9", r"'caf\udce9'"),
    ],
    ids=["as-long-as-may-be", "too-long", "two-lines", "odd", "no-utf8"],
)
def test_path_is_kept_as_it_is_if_it_is_one_printable_line_that_is_not_too_long(
    path: str, kept: str
) -> None:
    assert file_in_words(path) == kept


def settings(generate: str | None, *templates: str) -> Settings:
    """Waves `lab` and `live`, with these paths of deployments."""
    command = f"generate = {json.dumps(generate)}" if generate else ""
    return parse(
        f"[entrypoints]\n{command}\n[deployments]\npath = {json.dumps(templates)}\n"
        '[[waves]]\nname = "lab"\ntargets = ["one"]\n'
        '[[waves]]\nname = "live"\ntargets = ["two"]\n'
    )


@pytest.mark.parametrize(
    ("generate", "templates", "expected"),
    [
        ("make", ("g/{wave}",), True),
        ("make", ("base", "g/{wave}"), True),
        ("make", ("g",), False),
        ("make", (), False),
        (None, ("g/{wave}",), False),
    ],
)
def test_main_is_looked_at_where_something_is_generated_and_files_tell_whose_they_are(
    generate: str | None, templates: tuple[str, ...], *, expected: bool
) -> None:
    assert is_watched(settings(generate, *templates)) is expected


A, B = "g/lab/one/a", "g/lab/one/b"


def seen(
    *looks: dict[str, str], before: Finding | None = None, main: str = "m", parent: str = "p"
) -> Finding:
    ownership = Ownership.of(settings("make", "g/{wave}/{target}"))
    assert ownership is not None
    return found(ownership, before, main, [Inspection(one, (parent,), "ada") for one in looks])


@pytest.mark.parametrize(
    ("looks", "is_confirmed"),
    [([{A: "1"}], False), ([{A: "1"}] * 2, True), ([{}] * 2, False), ([{}, {A: "1"}], True)],
    ids=["once", "twice", "nothing-is-stale", "one-of-two"],
)
def test_finding_is_confirmed_by_a_second_look(
    looks: Sequence[dict[str, str]], *, is_confirmed: bool
) -> None:
    one = seen(*looks)
    assert (one.main, one.seen, one.is_confirmed) == ("m", "m", is_confirmed)


def test_finding_of_the_same_main_is_confirmed_where_it_is_the_same() -> None:
    before = Finding(main="m", seen="s", stale=seen({A: "1"}).stale)
    assert seen({A: "1"}, before=before).is_confirmed
    assert not seen({A: "2"}, before=before).is_confirmed
    assert seen({A: "2"}, before=before).seen == "s"
    later = seen({A: "1"}, before=before, main="n")
    assert (later.is_confirmed, later.seen, later.stale) == (False, "n", before.stale)


def test_what_two_looks_make_otherwise_is_named_and_the_last_one_counts() -> None:
    (one,) = seen({A: "1", B: "1"}, {A: "1", B: "2"}).stale
    assert (one.files, one.count, one.unstable) == ((A, B), 2, B)
    assert len(one.made) == 40
    assert one.made == seen({A: "1", B: "2"}).stale[0].made


@pytest.mark.parametrize(
    ("before", "parent", "since"),
    [
        (None, "p", "m by ada, or a commit before it"),
        (Finding(main="p", seen="p"), "p", "m by ada"),
        (Finding(main="o", seen="o"), "p", "o..m, the last by ada"),
        (Finding(main="m", seen="m"), "p", "m by ada, or a commit before it"),
    ],
    ids=["nothing-known", "one-commit", "several", "the-same-main"],
)
def test_who_is_to_blame_is_known_as_far_as_a_main_before_was_seen(
    before: Finding | None, parent: str, since: str
) -> None:
    (one,) = seen({A: "1"}, before=before, parent=parent).stale
    assert one.since == since


def test_files_that_became_stale_once_more_are_since_when_they_were_fine() -> None:
    before = seen({A: "1"}, before=Finding(main="o", seen="o"))
    (one,) = seen({A: "2"}, before=before, main="n").stale
    assert (one.after, one.until) == ("o", "n")


@pytest.mark.parametrize(("count", "said"), [(2, "a, b"), (3, "a, b and 1 more")])
def test_files_that_are_not_kept_are_counted(count: int, said: str) -> None:
    one = StaleFiles(owners=("lab",), files=("a", "b"), count=count, made="x", until="m")
    assert one.named == said


def test_commit_that_is_to_blame_is_one_where_it_has_one_parent_or_merges_what_was_fine() -> None:
    ownership = Ownership.of(settings("make", "g/{wave}/{target}"))
    assert ownership is not None
    before = Finding(main="p", seen="p")
    for parents, is_one in ((("p",), True), (("p", "q"), True), (("q", "p"), False), ((), False)):
        looks = [Inspection({A: "1"}, parents, "ada")]
        assert found(ownership, before, "m", looks).stale[0].is_one is is_one


def files(*owners: str) -> StaleFiles:
    return StaleFiles(owners=owners, files=("a",), count=1, made="x", until="m")


@pytest.mark.parametrize(
    ("wave", "without", "owners", "is_about"),
    [
        ("lab", (), ("lab",), True),
        ("lab", (), ("lab", "live"), True),
        ("lab", ("live",), ("lab", "live"), False),
        ("lab", ("moon",), ("lab", "live"), True),
        ("lab", (), ("live",), False),
    ],
)
def test_regeneration_is_about_files_of_its_wave_and_of_none_that_it_leaves_alone(
    wave: str, without: tuple[str, ...], owners: tuple[str, ...], *, is_about: bool
) -> None:
    assert regenerates(operation("regenerate", wave, without), files(*owners)) is is_about


def operation(kind: Kind, wave: str, without: tuple[str, ...] = ()) -> Operation:
    return Operation(
        kind=kind, wave=wave, set="app", app_sha=None, position=1, repository=None, content="",
        without=without,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "parent", "stale", "left"),
    [
        ("promote", "m", [("lab",)], [("lab",)]),
        ("regenerate", "m", [("lab",), ("live",)], [("live",)]),
        ("roll back", "m", [("lab",), ("live",)], [("live",)]),
        ("hotfix", "m", [("lab",)], []),
        ("hotfix", "m", [("lab", "live")], None),
        ("promote", "other", [("lab",)], None),
    ],
)
def test_what_is_stale_once_a_commit_has_landed(
    kind: Kind, parent: str, stale: list[tuple[str, ...]], left: list[tuple[str, ...]] | None
) -> None:
    """None where nothing is known of the new main."""
    before = Finding(main="m", seen="s", stale=tuple(files(*one) for one in stale))
    commit = AutoCommit(sha="n", parent=parent, operation=operation(kind, "lab"), digests="d")
    after = after_landing(before, commit)
    assert after is not None
    assert after.seen == "s"
    if left is None:
        assert after == before
    else:
        assert (after.main, [one.owners for one in after.stale]) == ("n", left)
