"""Who tells the demo: briefly by default, and whole where something does not hold."""

import io

import pytest

from tidemill_sandbox.demo.narrator import Narrator, Unexpected


def story(narrator: Narrator, *, ends_well: bool = True) -> None:
    with narrator.telling("the beginning"):
        narrator.say("a person", "prepares")
    with narrator.telling("chapter 1"):
        narrator.chapter("All is well")
        narrator.say("app.git", "a commit")
        narrator.expect(truth=True, what="it landed")
    with narrator.telling("chapter 2"):
        narrator.chapter("A wave waits")
        narrator.say("lab", "is sick")
        narrator.expect(truth=True, what="the status says so")
        narrator.expect(ends_well, "nobody was evicted")


def test_briefly_a_chapter_is_its_title_and_its_verdict() -> None:
    out = io.StringIO()
    story(Narrator(out, briefly=True))
    assert out.getvalue() == (
        "\n1. All is well\n   ✓ 1 check held, in 0 s\n"
        "\n2. A wave waits\n   ✓ 2 checks held, in 0 s\n"
    )


def test_else_every_step_is_told() -> None:
    out = io.StringIO()
    story(Narrator(out))
    assert out.getvalue() == (
        "   a person       prepares\n"
        "\n1. All is well\n   app.git        a commit\n   ✓ it landed\n"
        "\n2. A wave waits\n   lab            is sick\n   ✓ the status says so\n"
        "   ✓ nobody was evicted\n"
    )


def test_each_chapter_has_its_verdict() -> None:
    narrator = Narrator(io.StringIO(), briefly=True)
    story(narrator)
    assert [(one.number, one.title, one.checked) for one in narrator.verdicts] == [
        (1, "All is well", 1),
        (2, "A wave waits", 2),
    ]


@pytest.mark.parametrize("briefly", [True, False], ids=["briefly", "whole"])
def test_chapter_that_fails_is_told_whole_and_named(briefly: bool) -> None:
    out = io.StringIO()
    with pytest.raises(Unexpected, match="expected that nobody was evicted"):
        story(Narrator(out, briefly=briefly), ends_well=False)
    told = out.getvalue()
    assert told.count("   lab            is sick\n   ✓ the status says so\n") == 1
    assert told.endswith("\n\n✓ 1. All is well\n✗ 2. A wave waits\n")
    assert ("app.git" in told) is not briefly, "what went well before is not told again"


def test_what_fails_before_the_first_chapter_is_told_too() -> None:
    out = io.StringIO()

    def begin(narrator: Narrator) -> None:
        with narrator.telling("the beginning"):
            narrator.say("a person", "prepares")
            raise OSError("full")

    with pytest.raises(OSError, match="full"):
        begin(Narrator(out, briefly=True))
    assert out.getvalue() == "   a person       prepares\n\n"
