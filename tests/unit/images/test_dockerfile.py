"""Parsing Dockerfiles: instructions, lines, flags, and what is wrong with them."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tidemill.errors import Refused
from tidemill.images.dockerfile import parse as dockerfile
from tidemill.images.dockerfile.instructions import (
    Arg,
    Copy,
    Healthcheck,
    Instruction,
    Pairs,
    Run,
    Start,
    Text,
    Words,
)
from tidemill.images.dockerfile.lines import Document


def parsed(text: str) -> dockerfile.Dockerfile:
    return dockerfile.parse(text.encode())


def only(text: str) -> Instruction:
    """The one instruction after FROM."""
    (found,) = parsed(f"FROM scratch\n{text}").stages[0].instructions
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("COPY a b /c/", Copy(2, "COPY", ("a", "b"), (), "/c/"), id="copy"),
        pytest.param("copy a /c", Copy(2, "COPY", ("a",), (), "/c"), id="lower case"),
        pytest.param(
            'COPY ["a b", "/c d"]', Copy(2, "COPY", ("a b",), (), "/c d"), id="copy as JSON"
        ),
        pytest.param('COPY ["a b" /c', Copy(2, "COPY", ('["a', 'b"'), (), "/c"), id="almost JSON"),
        pytest.param("COPY a /c\x1c", Copy(2, "COPY", ("a",), (), "/c\x1c"), id="no space"),
        pytest.param(
            "VOLUME /v\x1f \u2003\xa0", Words(2, "VOLUME", ("/v\x1f",)), id="spaces at the end"
        ),
        pytest.param(
            "COPY --from=x --chown=1:2 --chmod=0755 --link --exclude=*.a --exclude=b s /d",
            Copy(*(2, "COPY", ("s",), (), "/d", "x", "1:2", "0755", ("*.a", "b")), is_linked=True),
            id="flags",
        ),
        pytest.param(
            "COPY --link=false --parents s /d",
            Copy(2, "COPY", ("s",), (), "/d", others=("parents",)),
            id="switches",
        ),
        pytest.param(
            "ADD --checksum=sha256:1 https://a/b /d",
            Copy(2, "ADD", ("https://a/b",), (), "/d", others=("checksum",)),
            id="add",
        ),
        pytest.param(
            "COPY <<EOF /e\nhello $A\n\tx\nEOF",
            Copy(2, "COPY", (), (Document("EOF", "hello $A\n\tx\n", True),), "/e"),
            id="here-document",
        ),
        pytest.param(
            "COPY a <<'X' <<-Y /d/\n$A\nX\n\t\tin\n\tY",
            Copy(
                *(2, "COPY", ("a",)),
                (Document("X", "$A\n", False), Document("Y", "in\n", True)),
                "/d/",
            ),
            id="two here-documents",
        ),
        pytest.param(
            'ENV A=1 B="x y" C=a\\ b',
            Pairs(2, "ENV", (("A", "1"), ("B", '"x y"'), ("C", "a\\ b"))),
            id="env",
        ),
        pytest.param("ENV A b  c ", Pairs(2, "ENV", (("A", "b  c"),)), id="old env"),
        pytest.param(
            "LABEL a=b 'c d'=e", Pairs(2, "LABEL", (("a", "b"), ("'c d'", "e"))), id="label"
        ),
        pytest.param("ARG A=1 B C=", Arg(2, (("A", "1"), ("B", None), ("C", ""))), id="arg"),
        pytest.param('CMD ["a", "b"]', Start(2, "CMD", ("a", "b"), is_shell=False), id="cmd"),
        pytest.param("CMD a  b", Start(2, "CMD", ("a  b",), is_shell=True), id="cmd of a shell"),
        pytest.param(
            "ENTRYPOINT []", Start(2, "ENTRYPOINT", (), is_shell=False), id="no entrypoint"
        ),
        pytest.param(
            'SHELL ["/bin/bash"]', Start(2, "SHELL", ("/bin/bash",), is_shell=False), id="shell"
        ),
        pytest.param("EXPOSE 80 53/udp", Words(2, "EXPOSE", ("80", "53/udp")), id="expose"),
        pytest.param('VOLUME ["/a b"]', Words(2, "VOLUME", ("/a b",)), id="volume"),
        pytest.param("USER a:b", Text(2, "USER", "a:b"), id="user"),
        pytest.param("WORKDIR /a b", Text(2, "WORKDIR", "/a b"), id="a space in a path"),
        pytest.param("MAINTAINER me <a@b>", Text(2, "MAINTAINER", "me <a@b>"), id="maintainer"),
        pytest.param("ONBUILD RUN x", Text(2, "ONBUILD", "RUN x"), id="onbuild"),
        pytest.param("RUN a && b", Run(2, ()), id="run"),
        pytest.param(
            "RUN --mount=type=bind,from=one,target=/x --mount=type=cache,FROM=two,id=y make",
            Run(2, ("one", "two")),
            id="mounts",
        ),
        pytest.param("RUN <<EOF\nFROM x\nEOF", Run(2, ()), id="run with a here-document"),
        pytest.param(
            "HEALTHCHECK --interval=1m30s --timeout=.5s --retries=3 CMD curl x",
            Healthcheck(
                *(2, ("CMD-SHELL", "curl x")),
                (("Interval", 90 * 10**9), ("Timeout", 5 * 10**8), ("Retries", 3)),
            ),
            id="healthcheck",
        ),
        pytest.param(
            'HEALTHCHECK CMD ["a"]', Healthcheck(2, ("CMD", "a"), ()), id="healthcheck as JSON"
        ),
        pytest.param("HEALTHCHECK none", Healthcheck(2, ("NONE",), ()), id="no healthcheck"),
    ],
)
def test_each_instruction_is_read(text: str, expected: Instruction) -> None:
    assert only(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("CMD a \\\n  b", "a   b", id="continued"),
        pytest.param("CMD a \\\n# no\n\n   # no\nb", "a b", id="comments and empty lines between"),
        pytest.param("CMD a \\  \r\nb\r\n", "a b", id="white space and CR at the end"),
        pytest.param("  CMD a", "a", id="indented"),
        pytest.param("CMD a # b", "a # b", id="no comment at the end of a line"),
        pytest.param("CMD a \\\\\nENV a=b", None, id="an escaped escape continues nothing"),
    ],
)
def test_lines_are_joined_as_docker_joins_them(text: str, expected: str | None) -> None:
    found = parsed(f"FROM scratch\n{text}").stages[0].instructions
    assert isinstance(found[0], Start)
    if expected is None:
        assert len(found) == 2
    else:
        assert found[0].words == (expected,)


def test_the_escape_can_be_another_one() -> None:
    file = parsed("# syntax=x\n# Escape = `\nFROM scratch\nCMD a `\nb\\\n")
    assert file.escape == "`"
    assert file.stages[0].instructions == (Start(4, "CMD", ("a b\\",), is_shell=True),)


def test_a_directive_after_something_else_is_a_comment() -> None:
    assert parsed("\n# escape=`\nFROM scratch\n").escape == "\\"
    assert parsed("# a comment\n# escape=`\nFROM scratch\n").escape == "\\"


def test_stages_have_their_names_and_instructions() -> None:
    file = parsed(
        "\ufeffARG A=1\nFROM --platform=$BUILDPLATFORM a AS Build\nRUN x\n\nFROM b\nCMD y"
    )
    assert file.args == (Arg(1, (("A", "1"),)),)
    first, second = file.stages
    assert (first.name, first.image, first.platform, first.line) == (
        "build",
        "a",
        "$BUILDPLATFORM",
        2,
    )
    assert (second.name, second.index, second.line) == (None, 1, 5)
    assert [instruction.line for instruction in second.instructions] == [6]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        pytest.param("COPY a b", 1, "before the first FROM", id="no FROM before it"),
        pytest.param("FROM", 1, "followed by an image", id="FROM of nothing"),
        pytest.param("FROM a b", 1, "followed by an image", id="two words"),
        pytest.param("FROM a AS 1b", 1, "name of a stage", id="a stage that begins with a number"),
        pytest.param("FROM --from=x a", 1, "no flag '--from'", id="a flag of another instruction"),
        pytest.param("FROM a\nCOPY x", 2, "where to", id="no destination"),
        pytest.param("FROM a\nCOPY x <<E\nE", 2, "here-document", id="into a here-document"),
        pytest.param("FROM a\n\nCOPY <<E /x\nabc\n", 3, "no end", id="an endless here-document"),
        pytest.param("FROM a\nCOPY --chown x /y", 2, "no value", id="a flag without its value"),
        pytest.param("FROM a\nCOPY --link=1 x /y", 2, "true or false", id="a switch"),
        pytest.param("FROM a\nCOPY --from=a --from=b x /y", 2, "twice", id="a flag twice"),
        pytest.param("FROM a\nENV A", 2, "no value", id="a variable without a value"),
        pytest.param("FROM a\nENV A=1 B", 2, "name=value", id="a word without ="),
        pytest.param("FROM a\nENV =1", 2, "name=value", id="no name"),
        pytest.param("FROM a\nARG =1", 2, "no name", id="an argument without a name"),
        pytest.param('FROM a\nCMD ["a", 1]', 2, "not a string", id="a number in the JSON form"),
        pytest.param("FROM a\nSHELL sh", 2, "JSON", id="a shell that is not JSON"),
        pytest.param("FROM a\nSHELL []", 2, "no words", id="an empty shell"),
        pytest.param("FROM a\nCMD", 2, "nothing follows", id="nothing after it"),
        pytest.param("FROM a\nVOLUME []", 2, "empty path", id="no volume"),
        pytest.param("FROM a\nHEALTHCHECK x", 2, "CMD or NONE", id="a healthcheck of another kind"),
        pytest.param("FROM a\nHEALTHCHECK CMD", 2, "no command", id="a healthcheck of nothing"),
        pytest.param("FROM a\nHEALTHCHECK NONE x", 2, "after it", id="none, and more"),
        pytest.param("FROM a\nHEALTHCHECK --interval=5 CMD x", 2, "duration", id="no unit"),
        pytest.param("FROM a\nHEALTHCHECK --interval=1ns CMD x", 2, "too short", id="a short time"),
        pytest.param("FROM a\nHEALTHCHECK --retries=-1 CMD x", 2, "a number", id="retries"),
        pytest.param('FROM a\nRUN --mount=\\"a x', 2, "not a list", id="a mount"),
        pytest.param("FROM a\nCOPPY x y", 2, "no instruction 'COPPY'", id="unknown"),
        pytest.param("# escape=x\nFROM a", 1, "neither", id="another escape"),
        pytest.param("# escape=`\n# escape=`\nFROM a", 2, "twice", id="a directive twice"),
    ],
)
def test_a_mistake_is_refused_with_its_line(text: str, line: int, words: str) -> None:
    with pytest.raises(Refused, match=rf"^line {line} of Dockerfile: .*{words}"):
        parsed(text)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param(b"", "has no FROM", id="empty"),
        pytest.param(b"# nothing\n", "has no FROM", id="only a comment"),
        pytest.param(b"FROM a\nCMD \xff", "not UTF-8", id="not text"),
        pytest.param(b"FROM a\nCMD \0", "NUL", id="a NUL byte"),
        pytest.param(b"FROM a\n" + b"#" * (1 << 20), "1 MiB", id="too large"),
    ],
)
def test_what_is_no_dockerfile_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(Refused, match=words):
        dockerfile.parse(data)


def test_a_dockerfile_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="can't be read: No such file"):
        dockerfile.read(tmp_path / "Dockerfile")
    with pytest.raises(Refused, match="can't be read: Is a directory"):
        dockerfile.read(tmp_path)


def test_no_text_makes_the_parser_fail_otherwise_than_by_refusing() -> None:
    pieces = [
        *("FROM a\n", "FROM ", "RUN", "COPY", "ADD", "ENV", "LABEL", "ARG", "CMD", "ONBUILD"),
        *("HEALTHCHECK", "EXPOSE", "VOLUME", "SHELL", "USER", "NONE", "\n", "\n", " ", " ", "\\\n"),
        *("<<E", "<<-'F'", "E\n", "F\n", "[", "]", '"', "'", "\\", "`", "# escape=`\n", "--from="),
        *("--mount=", "--interval=", "1s", "=", "$", "${", "}", "a", "é", "\t", "\r", "\0", "\x0b"),
    ]
    chance = random.Random(4)
    read = 0
    for _ in range(3000):
        text = "".join(chance.choice(pieces) for _ in range(chance.randrange(1, 30)))
        try:
            parsed(f"FROM a\n{text}")
            read += 1
        except Refused:
            pass
    assert read > 30
