"""Dockerfiles that can't be built without an engine, or not at all: the line, and the remedy."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.unit.dockerfile_images import World

from tidemill.errors import Refused


@pytest.fixture(scope="module")
def workers() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as pool:
        yield pool


@pytest.fixture
def world(tmp_path: Path, workers: ThreadPoolExecutor) -> World:
    return World.made(tmp_path, workers)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        pytest.param("RUN make", 2, "has RUN, which assemble can't do", id="run"),
        pytest.param("ONBUILD CMD x", 2, "has ONBUILD, which", id="onbuild"),
        pytest.param("ADD https://a/b /", 2, "has ADD of 'https://a/b'", id="url"),
        pytest.param("ADD git@a:b /", 2, "has ADD of 'git@a:b'", id="git"),
        pytest.param("ADD *.tgz /", 2, "has ADD of the archive '*.tgz'", id="tar"),
        pytest.param("COPY --parents a.txt /", 2, "has COPY --parents", id="parents"),
        pytest.param("COPY no /", 2, ": 'no' is not in the build context", id="missing"),
        pytest.param("COPY no/x* /", 2, ": 'no/x*' is not in the", id="no folder"),
        pytest.param("COPY no* /", 2, "copies 'no*', which nothing", id="no match"),
        pytest.param("COPY secret /", 2, ": 'secret' is not in the", id="ignored"),
        pytest.param("COPY ../x /", 2, ": '../x' leads out of the", id="outside"),
        pytest.param("COPY web/home.html /", 2, ": 'web/home.html' leads through", id="a link"),
        pytest.param("COPY a.txt b.txt /c", 2, "has a mistake: several", id="no slash"),
        pytest.param("COPY [a /\nCOPY [a /", 2, ": '[a' has a mistake", id="an open set"),
        pytest.param("COPY a*\\\\ /", 2, r": 'a*\\' has a mistake", id="escapes nothing"),
        pytest.param(
            "COPY a.txt /d\nCOPY web /d", 3, ": /d is a file in the image", id="over a file"
        ),
        pytest.param(
            "COPY web /d\nCOPY a.txt /d/css\nCOPY a.txt /e/css\nCOPY web /e",
            5,
            ": /e/css is a file in the image, and would become a folder",
            id="a folder over a file",
        ),
        pytest.param(
            "COPY web /d/a.txt\nCOPY a.txt /d",
            3,
            ": /d/a.txt is a folder in the image, and would become a file",
            id="a file over a folder",
        ),
        pytest.param(
            "COPY --chown=app a.txt /", 2, "has a mistake: the user 'app' is not", id="no such user"
        ),
        pytest.param(
            "COPY --chown=1:x a.txt /", 2, "has a mistake: the group 'x' is not", id="no such group"
        ),
        pytest.param(
            "COPY --chown=4294967295 a.txt /",
            2,
            "has a mistake: '4294967295' is too high",
            id="an owner",
        ),
        pytest.param(
            "COPY --chown=:1 a.txt /", 2, "has a mistake: ':1' is not an owner", id="no owner"
        ),
        pytest.param(
            "COPY --chown=1:2:3 a.txt /", 2, "has a mistake: '1:2:3' is not an owner", id="three"
        ),
        pytest.param(
            "USER 1:2:3\nWORKDIR /n", 3, "has a mistake: '1:2:3' is not an owner", id="a third part"
        ),
        pytest.param(
            "USER 7:+7\nWORKDIR /n", 3, "has a mistake: '+7' is not an owner", id="a signed number"
        ),
        pytest.param(
            "COPY --exclude=ü web /", 2, r"has --exclude='\xfc', of which", id="beyond ASCII"
        ),
        pytest.param("COPY --chmod=u+x a.txt /", 2, "has --chmod='u+x', which is", id="a mode"),
        pytest.param(
            "COPY --link --chown=x a.txt /", 2, "has a mistake: --link is", id="linked, a name"
        ),
        pytest.param(
            "EXPOSE 80/icmp", 2, "has a mistake: '80/icmp' is not a port", id="a protocol"
        ),
        pytest.param("EXPOSE 65536", 2, "has a mistake: '65536' is not a port", id="a port"),
        pytest.param(
            "EXPOSE 80${X:-81}", 2, "has a mistake: '80${X:-81}' has something", id="text before"
        ),
        pytest.param(
            "EXPOSE ${X:-8}${X+1}", 2, "has a mistake: '${X:-8}${X+1}' has", id="two variables"
        ),
        pytest.param("VOLUME $X", 2, "has a mistake: VOLUME has an empty", id="a volume"),
        pytest.param("STOPSIGNAL a b", 2, "has a mistake: 'a b' is not a signal", id="a signal"),
        pytest.param("ENV $X=1", 2, "has a mistake: a name is empty", id="a variable"),
        pytest.param('ENV A="${X:?set it}"', 2, "has a mistake: X is not set: set it", id="unset"),
    ],
)
def test_what_can_not_be_copied_or_needs_an_engine_is_refused(
    world: World, text: str, line: int, words: str
) -> None:
    with tarfile.open(world.root / "context" / "x.tgz", "w:gz") as archive:
        archive.add(world.root / "context" / "a.txt")
    with pytest.raises(Refused) as refused:
        world.build(f"FROM scratch\n{text}\n")
    assert f"line {line} of Dockerfile{'' if words[0] == ':' else ' '}{words}" in refused.value.what
    assert refused.value.remedy


@pytest.mark.parametrize(
    ("base", "words"),
    [
        ({"Env": ["A=1", "A=2"]}, "its base has the variable 'A' twice"),
        ({"OnBuild": ["COPY . /src"]}, "builds on an image with ONBUILD"),
        ({"WorkingDir": "srv"}, "builds on an image whose WORKDIR is not an absolute path"),
    ],
)
def test_a_base_that_can_not_be_built_on_as_engines_do_is_refused(
    world: World, base: dict[str, object], words: str
) -> None:
    with pytest.raises(Refused, match=r"^line [23] of Dockerfile ") as refused:
        world.on(**base).build("# x\nFROM base\nENV A=3\n")
    assert words in refused.value.what
    image = world.on(**base).build("FROM scratch\nCOPY --from=base /srv/file /\n")
    assert world.listed(image) == [["644 0:0 file"]]
