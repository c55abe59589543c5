"""Copies onto an image, and from one: what is where, with which mode and owner.

What is expected here is what BuildKit makes of the same Dockerfiles, in the canonical form.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.unit.dockerfile_images import World

from tidemill.images.dockerfile.context import BuildContext
from tidemill.images.dockerfile.copy import named


@pytest.fixture(scope="module")
def workers() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as pool:
        yield pool


@pytest.fixture
def world(tmp_path: Path, workers: ThreadPoolExecutor) -> World:
    return World.made(tmp_path, workers)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "COPY bin /bin",
            [["755 0:0 usr", "755 0:0 usr/bin", "755 0:0 usr/bin/app", "644 0:0 usr/bin/tool"]],
            id="through a link",
        ),
        pytest.param(
            "COPY a.txt /up/", [["755 0:0 etc", "644 0:0 etc/a.txt"]], id="a link out of the root"
        ),
        pytest.param(
            "COPY a.txt /opt/dangling",
            [["755 0:0 nowhere", "644 0:0 nowhere/there"]],
            id="a link to nothing",
        ),
        pytest.param(
            "COPY a.txt /opt/link/../b",
            [["755 0:0 opt", "644 0:0 opt/b"]],
            id="beside a link",
        ),
        pytest.param(
            "COPY a.txt /opt/link/../n/.",
            [["755 0:0 opt", "755 0:0 opt/n", "644 0:0 opt/n/a.txt"]],
            id="beside a link, into a new folder",
        ),
        pytest.param(
            "WORKDIR /opt/link\nCOPY a.txt ../b",
            [["755 0:0 opt", "644 0:0 opt/b"]],
            id="beside a link that is the work folder",
        ),
        pytest.param(
            "COPY a.txt /srv",
            [["755 0:0 srv", "644 0:0 srv/a.txt"]],
            id="into a folder that is there",
        ),
        pytest.param(
            "COPY a.txt x", [["755 0:0 srv", "644 0:0 srv/x"]], id="into the base's work folder"
        ),
        pytest.param("COPY file ./", [], id="what is there already"),
        pytest.param("COPY a.txt file", [["755 0:0 srv", "644 0:0 srv/file"]], id="over a file"),
        pytest.param(
            "COPY a.txt /people/app/new/",
            [
                [
                    "755 0:0 people",
                    "2700 1234:1235 people/app",
                    "2755 0:1235 people/app/new",
                    "644 0:0 people/app/new/a.txt",
                ]
            ],
            id="into a set-group-ID folder",
        ),
        pytest.param(
            "COPY --chown=app:data a.txt /", [["644 1234:77 a.txt"]], id="names of owners"
        ),
        pytest.param("COPY --chown=app a.txt /", [["644 1234:1235 a.txt"]], id="a user's group"),
        pytest.param(
            "WORKDIR rel", [["755 0:0 srv", "755 1234:1235 srv/rel"]], id="a user's work folder"
        ),
        pytest.param(
            "WORKDIR /opt/link/x",
            [["755 0:0 var", "750 10:11 var/data", "755 1234:1235 var/data/x"]],
            id="a linked work folder",
        ),
        pytest.param("WORKDIR /usr/bin", [], id="a work folder that is there"),
        pytest.param(
            "COPY --link a.txt /bin/",
            [["755 0:0 bin", "644 0:0 bin/a.txt"]],
            id="linked, so through no link",
        ),
        pytest.param(
            "COPY --link --chmod=600 a.txt /bin/",
            [["755 0:0 usr", "755 0:0 usr/bin", "600 0:0 usr/bin/a.txt"]],
            id="not linked, for its mode",
        ),
        pytest.param(
            "COPY --link a.txt /var/data/",
            [["755 0:0 var", "755 0:0 var/data", "644 0:0 var/data/a.txt"]],
            id="linked, with its folders",
        ),
        pytest.param(
            "VOLUME /n\nCOPY empty /n/m\nCOPY a.txt /etc/hosts",
            [["755 0:0 n", "755 0:0 n/m"], ["755 0:0 etc", "644 0:0 etc/hosts"]],
            id="volumes",
        ),
    ],
)
def test_files_come_onto_a_base_where_buildkit_puts_them(
    world: World, text: str, expected: list[list[str]]
) -> None:
    assert world.listed(world.build(f"FROM base\n{text}\n")) == expected


DATA = ["600 10:11 {}/a", "640 12:13 {}/b", "640 12:13 {}/c -> {}/b"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("/usr/bin/su /", ["4755 0:0 su"], id="its mode stays"),
        pytest.param("/bin/n* /", ["711 5:6 new"], id="through a link, its owner stays"),
        pytest.param(
            "/var/data /d",
            ["755 0:0 d", *(line.format("d", "d") for line in DATA)],
            id="two paths of one file",
        ),
        pytest.param(
            "/var/data/b /var/data/c /d/",
            ["755 0:0 d", "640 12:13 d/b", "640 12:13 d/c"],
            id="copied one by one",
        ),
        pytest.param(
            "/var /v",
            ["755 0:0 v", "750 10:11 v/data", *(line.format("v/data", "v/data") for line in DATA)],
            id="a folder below keeps its owner",
        ),
        pytest.param("/opt/link/a /", ["600 10:11 a"], id="through a link in the image"),
        pytest.param(
            "/opt/link /d/",
            ["755 0:0 d", *(line.format("d", "d") for line in DATA)],
            id="what a link leads to",
        ),
        pytest.param("/gone /", ["644 0:0 y"], id="what a layer took away is not there"),
        pytest.param(
            "--chown=3:4 --chmod=640 /var /v",
            [
                "640 3:4 v",
                "640 3:4 v/data",
                *("640 3:4 v/data/" + name for name in ("a", "b", "c -> v/data/b")),
            ],
            id="another owner and mode",
        ),
    ],
)
def test_files_of_another_image_come_with_what_they_have(
    world: World, text: str, expected: list[str]
) -> None:
    assert world.listed(world.build(f"FROM scratch\nCOPY --from=base {text}\n")) == [expected]


def test_a_folder_that_is_only_above_what_exclude_keeps_takes_over_the_mode_alone(
    world: World,
) -> None:
    text = """
        FROM scratch
        COPY --chown=5:6 --chmod=700 web /w
        COPY --chown=7 --chmod=640 --exclude=* --exclude=!css/deep/z web /w
    """
    assert world.listed(world.build(text))[1] == [
        "700 5:6 w",
        "755 5:6 w/css",
        "755 5:6 w/css/deep",
        "640 7:7 w/css/deep/z",
    ]


@pytest.mark.parametrize("size", range(1, 16))
def test_a_gzip_that_is_cut_off_is_added_as_the_file_that_it_is(world: World, size: int) -> None:
    (world.root / "context" / "cut.gz").write_bytes(b"\x1f\x8b\x08\x08\0\0\0\0\0\3a name"[:size])
    assert world.listed(world.build("FROM scratch\nADD cut.gz /\n")) == [["644 0:0 cut.gz"]]


def test_no_path_with_wildcards_takes_long(tmp_path: Path) -> None:
    (tmp_path / ("a" * 80)).write_text("")
    source = BuildContext(tmp_path)
    assert named(source, f"{'*a' * 12}b") == []
    assert named(source, f"{'*a' * 12}*") == ["a" * 80]
