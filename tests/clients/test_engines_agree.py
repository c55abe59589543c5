"""Every engine gives the same digest for what has the same contents, and only for that."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.clients.building import (
    AMD64,
    ARM64,
    COPY_ONLY,
    Maker,
    a_base,
    a_context,
    buildkit,
    classic,
    dockerfile,
    elsewhere,
    push,
)
from tests.components.shapes import BuildKit, Engine, Registry

from tidemill.errors import Refused

# BASE stands for an image with a shell, by digest; TAGGED for the same, as `pin` writes it.
COPYING = {
    "a file": "FROM scratch\nCOPY a /a",
    "into new folders": "FROM scratch\nCOPY a /x/y/z/a\nCOPY b.txt /x/y/b",
    "folders": "FROM scratch\nCOPY dir /dir\nCOPY dir other /both/\nCOPY *.txt /txt/",
    "everything": "FROM scratch\nCOPY . /all",
    "working folders": "FROM scratch\nWORKDIR /app\nCOPY a .\nWORKDIR sub\nCOPY a ./\nWORKDIR /app",
    "the same again": "FROM scratch\nCOPY a /a\nCOPY a /a\nCOPY b.txt /a",
    "what a container is told": """
        FROM scratch
        COPY a /a
        ENV B=2 A="1 and more"
        ENV OLD style
        LABEL z=1 y="2 3"
        EXPOSE 80 53/udp 9000-9002
        VOLUME /data
        STOPSIGNAL SIGINT
        SHELL ["/bin/x", "-c"]
        HEALTHCHECK --interval=5s --retries=2 CMD ["/a", "health"]
        ENTRYPOINT ["/a", "-x"]
        CMD b c
        USER 1000:100
    """,
    "a command of the base's entry point": 'FROM BASE\nCMD ["x"]\nENTRYPOINT ["y"]',
    "into folders of the base": "FROM BASE\nCOPY a /srv/a\nCOPY a /usr/share/data/one\nCOPY dir d",
    "nothing but the base": "FROM BASE",
    "a base with its tag and digest": "FROM TAGGED\nCOPY a /a\nCOPY --from=TAGGED /etc /e",
    "what the base has already": "FROM BASE\nCOPY etc /etc",
    "stages": """
        FROM scratch AS one
        COPY dir /o/dir
        COPY a /o/a
        FROM scratch
        COPY --from=one /o /p
        COPY --from=0 /o/a /q/
    """,
    "a stage on a stage": "FROM scratch AS x\nCOPY a /a\nENV A=1\nFROM x\nCOPY a /b\nENV B=$A",
    "another image's files": "FROM scratch\nCOPY --from=BASE /usr/share/data /data",
    "another owner": "FROM BASE\nCOPY --chown=5:6 a /a\nCOPY --chown=app dir /d",
    "what is asked of every engine": """
        ARG TARGETOS=other
        FROM scratch
        ARG TARGETARCH TARGETPLATFORM BUILDPLATFORM TARGETVARIANT
        ARG BUILDARCH=own
        ARG TARGETOS
        COPY a /$TARGETOS-$TARGETARCH$TARGETVARIANT-$BUILDARCH/a
        LABEL p=$TARGETPLATFORM b=$BUILDPLATFORM
    """,
    "the time of the form": "FROM scratch\nARG SOURCE_DATE_EPOCH\nCOPY a /$SOURCE_DATE_EPOCH",
    "its default": "FROM scratch\nARG SOURCE_DATE_EPOCH=5\nCOPY a /$SOURCE_DATE_EPOCH",
    "arguments": "ARG V=1\nFROM scratch\nARG V\nARG W=$V-2\nCOPY a /$W/a\nLABEL v=${V:+set}",
}
RUNNING = {
    "an archive, extended attributes": """
        FROM scratch AS x
        ADD x.tar /t/
        FROM BASE
        ADD x.tar /t/
        COPY --from=x /t /u
        RUN chmod 711 /t/in/capable
    """,
    "a file and a folder of the base go": """
        FROM BASE
        RUN rm /usr/share/data/one
        RUN rm -r /usr/share/data
    """,
    "a folder goes and comes again": """
        FROM BASE
        RUN rm -r /usr/share/data && mkdir /usr/share/data && echo n > /usr/share/data/two
        RUN rm -r /usr/share/data && echo f > /usr/share/data
        RUN rm /usr/share/data && mkdir -p /usr/share/data/deep
    """,
    "touched without a change": """
        FROM BASE
        RUN touch /usr/share/data/one
        RUN cp /usr/share/data/one /x && cp /x /usr/share/data/one && rm /x
        RUN chmod 600 /usr/share/data/two && chmod 644 /usr/share/data/two
        RUN true
    """,
    "owners and modes": """
        FROM BASE
        RUN chown 1000:1000 /usr/share/data/one && chown -R app /srv
        RUN chmod u+s /bin/busybox && mkdir -m 750 -p /usr/share/data && chmod 1777 /tmp
        RUN chmod 750 /usr/share/data
        COPY a /usr/share/data/a
    """,
    "hard and symbolic links": """
        FROM BASE
        RUN ln /usr/share/data/one /usr/share/data/uno && ln -s /nowhere /dangling
        RUN ln /usr/share/data/two /usr/share/data/a && echo more >> /usr/share/data/two
        RUN echo q > /q1 && ln /q1 /q2 && ln /q2 /a0
        RUN rm /q1
    """,
    "moved": "FROM BASE\nRUN mv /usr/share/data /moved\nRUN mv /moved/deep/three /three",
    "something else at a path": """
        FROM BASE
        RUN rm /usr/share/data/one && mkdir /usr/share/data/one && echo x > /usr/share/data/one/x
        RUN rm -r /usr/share/data/one && ln -s two /usr/share/data/one
        RUN rm /usr/share/data/one && mkfifo /usr/share/data/one
    """,
    "folders that runtimes mount on": """
        FROM scratch
        COPY bin /bin
        RUN true
        RUN mkdir -p /etc && echo x > /etc/x && rm /etc/x; cp /etc/hosts /h && rm /h
        COPY a /etc/a
        COPY a /dev/a
    """,
    "volumes": "FROM BASE\nVOLUME /vol/of /usr/share/data\nRUN touch /q\nCOPY a /vol/of/a",
    "an empty volume": "FROM BASE\nRUN mkdir -p /vol/x\nVOLUME /vol/x",
    "another user": """
        FROM BASE
        RUN chmod 1777 /tmp
        USER app
        RUN echo h > /tmp/h && mkdir /tmp/d
    """,
    "odd and long names": 'FROM BASE\nRUN mkdir "/ü ñ" && echo x > "/ü ñ/日本"; echo > /'
    + 120 * "l",
    "a stage that runs": """
        FROM BASE AS b
        RUN mkdir -p /out/d && echo x > /out/f && ln /out/f /out/g && ln -s f /out/s
        RUN chmod 600 /out/f && chown 5:6 /out/f && chmod 2770 /out/d
        FROM scratch
        COPY --from=b /out /in
    """,
}


def named(text: str, base: str) -> str:
    return text.replace("TAGGED", base.replace("@", ":any@")).replace("BASE", base)


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory, busybox: Path) -> Path:
    return a_context(tmp_path_factory.mktemp("engines"), busybox)


@pytest.fixture(scope="module")
def base(context: Path, tmp_path_factory: pytest.TempPathFactory, registry: Registry) -> str:
    return a_base(context, tmp_path_factory.mktemp("base"), registry.name("base"))


@pytest.fixture(scope="module")
def makers(buildkit_go126: BuildKit, docker26: Engine, old_engine: Engine) -> list[Maker]:
    """BuildKit 0.34 and 0.13, and the classic builder of 20.10."""
    return [
        buildkit("buildkit", buildkit_go126.environment),
        buildkit("docker26", docker26.environment),
        classic("classic", old_engine.environment),
    ]


@pytest.mark.parametrize("text", COPYING.values(), ids=COPYING.keys())
def test_what_only_copies_has_one_digest_whoever_builds_it(
    text: str, context: Path, base: str, makers: list[Maker], tmp_path: Path
) -> None:
    build = dockerfile(context, named(text, base))
    images = {maker.name: maker.image(build, tmp_path) for maker in (COPY_ONLY, *makers)}
    first = images["assemble"]
    for image in images.values():
        assert image.layers == first.layers
        assert image.config == first.config
        assert image.digest == first.digest


def test_target_arguments_labels_and_a_dockerfile_elsewhere_are_heeded(
    context: Path, makers: list[Maker], tmp_path: Path
) -> None:
    build = dockerfile(
        context,
        "FROM scratch AS one\nARG WHO\nCOPY a /$WHO\nFROM one\nCOPY b.txt /b",
        target="one",
        build_args={"WHO": "me=you"},
        labels={"org.example": "a=b, c"},
    )
    for maker in (COPY_ONLY, *makers):
        image = maker.image(build, tmp_path)
        assert image.layers == [["0 0644 0:0 1 me=you"]]
        assert image.config["config"] == {"Labels": {"org.example": "a=b, c"}}


@pytest.mark.parametrize("text", RUNNING.values(), ids=RUNNING.keys())
def test_what_runs_commands_has_one_digest_whoever_builds_it(
    text: str, context: Path, base: str, makers: list[Maker], tmp_path: Path
) -> None:
    build = dockerfile(context, named(text, base))
    first, *others = (maker.image(build, tmp_path) for maker in makers)
    for image in others:
        assert image.layers == first.layers
        assert image.config == first.config
        assert image.digest == first.digest


def test_neither_the_compiler_of_buildkit_nor_the_store_of_docker_is_in_the_digest(
    buildkit_go126: BuildKit,
    buildkit_go127: BuildKit,
    docker26: Engine,
    tmp_path: Path,
    context: Path,
    base: str,
) -> None:
    text = RUNNING["hard and symbolic links"] + RUNNING["owners and modes"].split("BASE")[1]
    build = dockerfile(context, named(text, base))
    assert len({
        maker.image(build, tmp_path).digest
        for maker in (
            buildkit("go126", buildkit_go126.environment),
            buildkit("go127", buildkit_go127.environment),
            classic("classic26", docker26.environment),
        )
    }) == 1  # fmt: skip


def test_neither_the_checkout_nor_a_cache_is_in_the_digest(
    context: Path, base: str, makers: list[Maker], tmp_path: Path
) -> None:
    text = f"FROM {base}\nCOPY . /all\nRUN echo x > /x"
    build = dockerfile(context, text)
    for maker in makers:
        cached = maker.image(build, tmp_path)
        again = dockerfile(context, text, no_cache=True)
        (tmp_path / maker.name).mkdir()
        assert (
            maker.image(elsewhere(again, tmp_path / maker.name), tmp_path).digest == cached.digest
        )


def test_a_change_that_keeps_size_and_time_is_a_change(makers: list[Maker], tmp_path: Path) -> None:
    context = tmp_path / "context"
    context.mkdir()
    build = dockerfile(context, "FROM scratch\nCOPY . /all")
    seen = []
    for maker in makers:
        for text in ("one", "two"):
            (context / "file").write_text(text)
            os.utime(context / "file", (7, 7))
            seen.append(maker.image(build, tmp_path).digest)
    assert seen[:2] == seen[2:4] == seen[4:]
    assert seen[0] != seen[1]


def test_another_platform_needs_no_emulation_where_nothing_runs(
    buildkit_go126: BuildKit, docker26: Engine, context: Path, tmp_path: Path
) -> None:
    build = dockerfile(context, "FROM scratch\nARG TARGETARCH\nCOPY a /$TARGETARCH/a\nUSER 5")
    makers = [
        COPY_ONLY,
        buildkit("buildkit", buildkit_go126.environment),
        buildkit("docker26", docker26.environment),
    ]
    there = {maker.image(build, tmp_path, ARM64).digest for maker in makers}
    here = {maker.image(build, tmp_path, AMD64).digest for maker in makers}
    assert len(there) == len(here) == 1
    assert there != here


def test_buildkit_tells_a_dockerfile_which_machine_builds_and_others_for_which_it_does(
    buildkit_go126: BuildKit, context: Path, tmp_path: Path
) -> None:
    text = "ARG BUILDARCH\nFROM scratch\nARG BUILDPLATFORM BUILDARCH\nCOPY a /$BUILDARCH/a\n"
    build = dockerfile(context, f"{text}LABEL p=$BUILDPLATFORM")
    maker = buildkit("buildkit", buildkit_go126.environment)
    here, there = (made.image(build, tmp_path, ARM64) for made in (maker, COPY_ONLY))
    assert here.config["config"]["Labels"] != {"p": "linux/arm64"}
    assert there.config["config"]["Labels"] == {"p": "linux/arm64"}
    build = dockerfile(context, text.replace("BUILD", "TARGET"))
    assert len({made.image(build, tmp_path, ARM64).digest for made in (maker, COPY_ONLY)}) == 1


KNOWN = {
    "parents that COPY --chown makes": "FROM scratch\nCOPY --chown=5:6 dir /new/dir",
    "an ARG after an ENV": "FROM scratch\nENV A=1\nARG A=2\nCOPY a /of-$A",
    "an ARG of the stage below": "FROM scratch AS b\nARG A=2\nCOPY a /\nFROM b\nCOPY a /of-$A",
    "a working folder after USER": "FROM scratch\nCOPY a /a\nUSER 5:6\nWORKDIR /w",
    "a RUN that writes to a volume": "FROM BASE\nVOLUME /v\nRUN mkdir -p /v && echo x > /v/x",
    "a RUN that writes what is mounted": "FROM BASE\nRUN echo x > /etc/hostname",
}


@pytest.mark.parametrize("text", KNOWN.values(), ids=KNOWN.keys())
def test_where_the_classic_builder_makes_other_contents_the_digest_says_so(
    text: str, context: Path, base: str, makers: list[Maker], tmp_path: Path
) -> None:
    build = dockerfile(context, named(text, base))
    new, docker26, old = (maker.image(build, tmp_path) for maker in makers)
    assert new.digest == docker26.digest
    assert new.layers != old.layers


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """A context with what can be in no image: in a folder each, and side by side with files."""
    context = tmp_path / "odd"
    for folder in ("fine", "fifo", "socket", "bytes", "marks", "links", "mixed"):
        (context / folder).mkdir(parents=True)
        (context / folder / "file").write_text(folder)
    for place in ("fifo", "mixed"):
        os.mkfifo(context / place / "pipe")
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(os.path.relpath(context / "socket/sock"))
    (context / "bytes" / os.fsdecode(b"caf\xe9")).write_text("")
    (context / "marks/.wh.file").write_text("")
    (context / "links/to").symlink_to(os.fsdecode(b"caf\xe9"))
    return context


@pytest.mark.parametrize(
    "copied",
    [
        "COPY fine /fine",
        "COPY fine/* mixed/f* mixed/[^p]* /d/",
        "COPY */file /d/",
        "COPY fine fifo/file marks/file /d/",
        "ADD f*e /d/",
    ],
)
def test_what_nothing_copies_is_as_good_as_not_there(
    copied: str, odd: Path, makers: list[Maker], tmp_path: Path
) -> None:
    build = dockerfile(odd, f"FROM scratch\n{copied}\n")
    digests = {m.name: m.image(build, tmp_path).digest for m in (COPY_ONLY, *makers)}
    assert len(set(digests.values())) == 1, digests


def test_what_only_a_mount_could_see_is_left_out(
    base: str, odd: Path, makers: list[Maker], tmp_path: Path
) -> None:
    build = dockerfile(odd, f"FROM {base}\nRUN --mount=target=/c cp /c/mixed/* /etc/")
    assert len({maker.image(build, tmp_path).digest for maker in makers[:2]}) == 1


@pytest.mark.parametrize(
    ("copied", "said"),
    [
        ("COPY . /all", "is not"),
        ("COPY fifo /d", "is neither a file"),
        ("COPY fine fifo/pipe /d/", "is neither a file"),
        ("COPY mixed/* /d/", "is neither a file"),
        ("COPY [a-z]i*o /d/", "is neither a file"),
        ("ADD socket /d", "is neither a file"),
        ("COPY bytes /d", "is not UTF-8"),
        ("COPY bytes/caf? /d/", "is not UTF-8"),
        ("COPY links/ /d/", "is not UTF-8"),
        ("COPY marks/.wh.file /d/", "would take a file"),
        ("COPY mar*/ /d/", "would take a file"),
        ("ARG what=fif\nCOPY ${what}o /d/", "is neither a file"),
        ("ENV what=${LANG%.*}\nARG more=fifo\nCOPY $more /d/", "is neither a file"),
    ],
)
def test_what_something_copies_and_can_be_in_no_image_is_refused_with_the_line(
    copied: str, said: str, odd: Path, base: str, makers: list[Maker], tmp_path: Path
) -> None:
    """Before an engine gets anything, and by all with the same words."""
    line = 1 + len(copied.splitlines())
    build = dockerfile(odd, f"FROM {base}\n{copied}\nENV last=1\n")
    whats = set()
    for maker in (COPY_ONLY, *makers):
        with pytest.raises(Refused, match=rf"^line {line} of odd\.Dockerfile: .*{said}") as refused:
            maker.image(build, tmp_path)
        whats.add(refused.value.what)
    assert len(whats) == 1


def test_a_stage_that_is_not_built_copies_nothing(
    odd: Path, makers: list[Maker], tmp_path: Path
) -> None:
    text = "FROM scratch AS other\nCOPY . /\nFROM scratch AS mine\nCOPY fine /\n"
    build = dockerfile(odd, text, target="mine")
    assert len({m.image(build, tmp_path).digest for m in (COPY_ONLY, *makers)}) == 1


def test_another_folder_is_looked_at_as_the_context_is(
    odd: Path, makers: list[Maker], tmp_path: Path
) -> None:
    for copied, is_refused in (("fine", False), ("fifo", True)):
        text = f"FROM scratch\nCOPY --from=other {copied} /d\n"
        build = dockerfile(tmp_path / "none", text, folders={"other": odd})
        build.context.mkdir(exist_ok=True)
        digests = set()
        for maker in (COPY_ONLY, *makers[:2]):
            if is_refused:
                with pytest.raises(Refused, match=r"^line 2 of none\.Dockerfile: "):
                    maker.image(build, tmp_path)
            else:
                digests.add(maker.image(build, tmp_path).digest)
        assert len(digests) == (0 if is_refused else 1)


@pytest.mark.parametrize(
    "copied",
    [
        "--exclude=**/p* mixed",
        "--exclude=/file fine",
        "--exclude=./file fine",
        "--chown=5:6 --chmod=700 fine /d/fine\nCOPY --exclude=* --exclude=!fine/file .",
    ],
)
def test_what_exclude_leaves_out_is_not_copied(
    copied: str, odd: Path, buildkit_go126: BuildKit, tmp_path: Path
) -> None:
    build = dockerfile(odd, f"FROM scratch\nCOPY {copied} /d\n")
    makers = (COPY_ONLY, buildkit("buildkit", buildkit_go126.environment))
    assert len({maker.image(build, tmp_path).digest for maker in makers}) == 1


def test_what_a_base_copies_by_onbuild_is_refused_where_it_is_built_on(
    odd: Path, base: str, buildkit_go126: BuildKit, registry: Registry, tmp_path: Path
) -> None:
    maker = buildkit("buildkit", buildkit_go126.environment)
    text = f"FROM {base}\nENV what=fifo\nONBUILD COPY $what /all\n"
    image = maker.image(dockerfile(odd, text), tmp_path)
    push(image, registry.name("base"))
    build = dockerfile(odd, f"# x\nFROM {registry.name('base')}@{image.digest}\n")
    with pytest.raises(Refused, match=r"^line 2 of odd\.Dockerfile: .*is neither a file"):
        maker.image(build, tmp_path)


def test_what_is_behind_a_link_is_copied_by_engines_and_refused_if_it_can_be_in_no_image(
    odd: Path, buildkit_go126: BuildKit, tmp_path: Path
) -> None:
    (odd / "to-fine").symlink_to("/fine")
    (odd / "fine/to-fifo").symlink_to("../fifo")
    maker = buildkit("buildkit", buildkit_go126.environment)
    image = maker.image(dockerfile(odd, "FROM scratch\nCOPY to-fine/f* /d/\n"), tmp_path)
    assert image.layers[-1][-1].endswith("d/file")
    for copied in ("to-fine/to-fifo/", "to-fine/to-fifo/p*"):
        build = dockerfile(odd, f"FROM scratch\nCOPY {copied} /d/\n")
        with pytest.raises(Refused, match=r"^line 2 of odd\.Dockerfile: .*is neither a file"):
            maker.image(build, tmp_path)


@pytest.mark.parametrize(
    ("ignored", "inside"),
    [("b", None), ("b\nDockerfile", "Dockerfile"), ("b\ndocker", "docker/Dockerfile")],
    ids=["beside the context", "left out", "left out with its folder"],
)
def test_an_ignore_file_is_copied_as_it_is_wherever_the_dockerfile_is(
    ignored: str, inside: str | None, makers: list[Maker], tmp_path: Path
) -> None:
    context = tmp_path / "context"
    context.mkdir()
    (context / ".dockerignore").write_text(ignored)
    for name in "ab":
        (context / name).write_text(name)
    build = dockerfile(context, "FROM scratch\nCOPY . /all\n")
    if inside:
        file = context / inside
        file.parent.mkdir(exist_ok=True)
        build = replace(build, file=build.file.rename(file))
    images = {m.name: m.image(build, tmp_path) for m in (COPY_ONLY, *makers)}
    first = images["assemble"]
    (copied,) = (line for line in first.layers[0] if line.endswith(".dockerignore"))
    assert f" {len(ignored)} " in copied
    assert {name: image.layers for name, image in images.items()} == dict.fromkeys(
        images, first.layers
    )
    assert {name: image.digest for name, image in images.items()} == dict.fromkeys(
        images, first.digest
    )
