"""Building Dockerfiles that only copy, without an engine: what is where, with which mode and owner.

What is expected here is what BuildKit makes of the same Dockerfiles, in the canonical form.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.unit.dockerfile_images import RUN, World


@pytest.fixture(scope="module")
def workers() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as pool:
        yield pool


@pytest.fixture
def world(tmp_path: Path, workers: ThreadPoolExecutor) -> World:
    return World.made(tmp_path, workers)


WEB = [
    *("755 0:0 {}", "755 0:0 {}/css", "755 0:0 {}/css/deep", "644 0:0 {}/css/deep/z"),
    *("777 0:0 {}/home.html -> index.html", "644 0:0 {}/index.html", "644 0:0 {}/note.md"),
]


def web(at: str) -> list[str]:
    return [line.format(at) for line in WEB]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("COPY bin/app /", [["755 0:0 app"]], id="a file into a folder"),
        pytest.param("COPY bin/app /x", [["755 0:0 x"]], id="a file to a path"),
        pytest.param("COPY bin/tool x/", [["755 0:0 x", "644 0:0 x/tool"]], id="a new folder"),
        pytest.param("COPY web /w", [web("w")], id="what is in a folder"),
        pytest.param("COPY web/. /w/", [web("w")], id="with slashes"),
        pytest.param("COPY a.txt file /", [["644 0:0 a.txt", "644 0:0 file"]], id="several"),
        pytest.param("COPY ?.txt nothing* /", [["644 0:0 a.txt", "644 0:0 b.txt"]], id="wildcards"),
        pytest.param(
            "COPY w*/c* /", [["755 0:0 deep", "644 0:0 deep/z"]], id="a folder by wildcard"
        ),
        pytest.param("COPY x[[]1].y /", [["644 0:0 x[1].y"]], id="a set"),
        pytest.param('COPY ["with space", "/"]', [["644 0:0 with space"]], id="a space"),
        pytest.param(
            "COPY a.txt /a\nCOPY b.txt /b", [["644 0:0 a"], ["644 0:0 b"]], id="a layer each"
        ),
        pytest.param("COPY a.txt /a\nCOPY a.txt /a", [["644 0:0 a"]], id="nothing new, no layer"),
        pytest.param("COPY empty /", [], id="nothing at all"),
        pytest.param(
            "COPY --chown=7 --chmod=0640 a.txt /n/",
            [["640 7:7 n", "640 7:7 n/a.txt"]],
            id="an owner and a mode",
        ),
        pytest.param(
            "COPY --chown=7:8 web/css /w",
            [["755 7:8 w", "755 7:8 w/deep", "644 7:8 w/deep/z"]],
            id="a group",
        ),
        pytest.param("COPY --chmod=4755 a.txt /", [["4755 0:0 a.txt"]], id="set-user-ID"),
        pytest.param(
            "COPY --exclude=css --exclude=*.md web /w",
            [["755 0:0 w", "777 0:0 w/home.html -> index.html", "644 0:0 w/index.html"]],
            id="without some",
        ),
        pytest.param(
            "COPY --exclude=* --exclude=!css/deep/z web /w",
            [["755 0:0 w", "755 0:0 w/css", "755 0:0 w/css/deep", "644 0:0 w/css/deep/z"]],
            id="without all but one",
        ),
        pytest.param(
            "COPY --exclude=/css --exclude=./*.md --exclude=*.html web /w",
            [["755 0:0 w", "755 0:0 w/css", "755 0:0 w/css/deep", "644 0:0 w/css/deep/z"]],
            id="without what a slash is before, which nothing is",
        ),
        pytest.param("COPY --from=extra / /e", [["755 0:0 e", "644 0:0 e/ff"]], id="a folder"),
        pytest.param("ADD a.txt /", [["644 0:0 a.txt"]], id="a plain file added"),
        pytest.param(
            "WORKDIR /a\nCOPY a.txt .",
            [["755 0:0 a"], ["755 0:0 a", "644 0:0 a/a.txt"]],
            id="workdir",
        ),
        pytest.param("WORKDIR a\nWORKDIR ../b", [["755 0:0 a"], ["755 0:0 b"]], id="relative"),
        pytest.param("USER 5:6\nWORKDIR /a/b", [["755 5:6 a", "755 5:6 a/b"]], id="a user's"),
        pytest.param(
            "COPY a.txt /b\nUSER no\nWORKDIR /a", [["644 0:0 b"], ["755 0:0 a"]], id="a user's name"
        ),
        pytest.param("COPY <<E /d/\nx\nE", [["755 0:0 d", "644 0:0 d/E"]], id="a here-document"),
    ],
)
def test_files_of_the_context_come_where_buildkit_puts_them(
    world: World, text: str, expected: list[list[str]]
) -> None:
    assert world.listed(world.build(f"FROM scratch\n{text}\n")) == expected


DATA = ["600 10:11 {}/a", "640 12:13 {}/b", "640 12:13 {}/c -> {}/b"]


def test_stages_are_copied_from_and_built_on(world: World) -> None:
    text = """
        FROM scratch AS one
        COPY web /w
        COPY --from=base /var/data /w/css
        ENV A=1
        FROM scratch AS idle
        COPY is-not-there /
        FROM one
        COPY --from=ONE /w/css/b /x
        COPY --from=0 /w/css /y
        WORKDIR /$A
    """
    layers = world.listed(world.build(text))
    assert layers[0] == web("w")
    above = ["755 0:0 w", "755 0:0 w/css"]
    assert layers[1] == above + [line.format("w/css", "w/css") for line in DATA]
    assert layers[2] == ["640 12:13 x"]
    assert layers[3] == [
        *("755 0:0 y", "600 10:11 y/a", "640 12:13 y/b", "640 12:13 y/c -> y/b"),
        *("755 0:0 y/deep", "644 0:0 y/deep/z"),
    ]
    assert layers[4] == ["755 0:0 1"]


def test_a_here_document_has_its_variables_replaced_if_it_is_not_quoted(world: World) -> None:
    text = "FROM scratch\nENV A=1\nCOPY <<E {}/e\n$A '$A' \\$A\n\tx\nE\n"
    assert world.content(world.build(text.format("")), "e") == b"1 '1' $A\n\tx\n"
    quoted = text.format("").replace("<<E", "<<-'E'")
    assert world.content(world.build(quoted), "e") == b"$A '$A' \\$A\nx\n"


def test_the_same_files_in_another_checkout_give_the_same_image(
    world: World, tmp_path_factory: pytest.TempPathFactory, workers: ThreadPoolExecutor
) -> None:
    text = "FROM base\nCOPY . /all/\nCOPY --from=base /var /w\n"
    other = World.made(tmp_path_factory.mktemp("a longer name"), workers)
    for path in (other.root / "context").rglob("*"):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & 0o700)
    assert other.build(text).digest == world.build(text).digest


def test_a_base_is_not_written_and_its_files_are_not_read_for_a_config(world: World) -> None:
    image = world.build("FROM base\nENV A=1\n")
    assert world.run(image) == {**RUN, "Env": ["A=1", *RUN["Env"]]}
    assert not any(world.layout.has(layer) for layer in world.manifest(image).layers)
    assert not list((world.root / "scratch").iterdir())


@pytest.mark.parametrize(
    ("text", "digest"),
    [
        pytest.param(
            "FROM scratch\nCOPY . .\n",
            "8aa0b7e1d918f16a75024a1a3f2e946d01115b741eb1fd39fa6fc966e679e6b3",
            id="the context",
        ),
        pytest.param(
            "FROM scratch\nCOPY --from=base / /\n",
            "be518fcdf60979195f94b25a5455f564ca842d457f3db119c43fec3716ab1fd7",
            id="all of an image",
        ),
        pytest.param(
            "ARG B=base\nFROM $B AS a\nWORKDIR /new\nCOPY --chown=app web/ .\nFROM a\n"
            "COPY --from=a /new /bin/\nENV A=b\nEXPOSE 80-82\nENTRYPOINT run $A\n",
            "2876dea6275e305190ab52dee7b03ec4a2536b0606c972c79ea8e08ce2047c2d",
            id="two stages",
        ),
    ],
)
def test_the_digest_is_that_of_what_buildkit_builds(world: World, text: str, digest: str) -> None:
    assert world.build(text).digest == f"sha256:{digest}"
