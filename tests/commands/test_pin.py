"""`tidemill pin`: what a tag stands for is written behind it, and then the build takes it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.commands.checkouts import Said, new_checkout, service, tidemill
from tests.components.shapes import Registry

DOCKERFILE = """\
# {name}/base/web:1 is our base; any other line stays as it is.
ARG BASE={name}/base/web:1
ARG OTHER
FROM  --platform=linux/amd64 \\
    {name}/tools/web:2 AS tools
FROM $BASE
COPY --from=tools /web /web
COPY --from={name}/tools/web:2 /web /web2\r
RUN --mount=from={name}/base/web,target=/x true
"""


@pytest.fixture
def bases(registry: Registry, tmp_path: Path) -> tuple[str, str, str]:
    """Where the images base and tools are, and their digests."""
    place = registry.name("pinned")
    base = pushed(tmp_path, place, "base", "1", "latest")
    return place, base, pushed(tmp_path, place, "tools", "2", "1")


def pushed(folder: Path, place: str, name: str, *tags: str) -> str:
    """An image of its own behind these tags; its digest."""
    app = folder / f"{name}-{'-'.join(tags)}-{len(list(folder.iterdir()))}"
    made = new_checkout(app, "web")
    made.write("web", f"{app}")
    made.commit()
    given = [word for tag in tags for word in ("--tag", tag)]
    [image] = made.built("--to", f"{place}/{name}", *given, "--service", "web").values()
    where, _, digest = str(image["image"]).partition("@")
    assert where.endswith("/web")
    return digest


def pin(*options: str | Path) -> Said:
    return tidemill("pin", "--json", *options)


@pytest.fixture
def file(tmp_path: Path, bases: tuple[str, str, str]) -> Path:
    found = tmp_path / "Dockerfile"
    found.write_bytes(DOCKERFILE.format(name=bases[0]).encode())
    return found


def test_tags_get_their_digests_and_nothing_else_changes(
    file: Path, bases: tuple[str, str, str]
) -> None:
    name, base, tools = bases
    said = pin("--file", file)
    assert (said.code, said.json["changed"], len(said.json["pins"])) == (0, True, 4)
    expected = (
        DOCKERFILE.format(name=name)
        .replace(f"ARG BASE={name}/base/web:1", f"ARG BASE={name}/base/web:1@{base}")
        .replace(f"{name}/tools/web:2", f"{name}/tools/web:2@{tools}")
        .replace(f"from={name}/base/web,", f"from={name}/base/web:latest@{base},")
    )
    assert file.read_bytes() == expected.encode()
    again = pin("--file", file)
    assert (again.code, again.json) == (0, {"changed": False, "pins": []})
    assert file.read_bytes() == expected.encode()


def test_a_tag_that_moved_gets_its_new_digest_where_that_is_asked_for(
    file: Path, bases: tuple[str, str, str], tmp_path: Path
) -> None:
    name, base, _ = bases
    pin("--file", file)
    before = file.read_text()
    newer = pushed(tmp_path, name, "base", "1")
    assert newer != base
    assert pin("--file", file).json["changed"] is False
    said = pin("--file", file, "--update")
    assert [(p["before"], p["after"]) for p in said.json["pins"]] == [
        (f"{name}/base/web:1@{base}", f"{name}/base/web:1@{newer}")
    ]
    assert file.read_text() == before.replace(f":1@{base}", f":1@{newer}")


def test_the_settings_and_the_dockerfiles_of_a_checkout_are_pinned_and_build(
    bases: tuple[str, str, str], tmp_path: Path
) -> None:
    name, base, tools = bases
    app = new_checkout(tmp_path / "app", "plain")
    app.settings(
        "# a comment\n"
        + service("plain", f'base = "{name}/base/web:1"')
        + '[[services]]\nname = "built"\nfile = "Dockerfile"\n'
        + f'build_contexts = {{ tools = "docker-image://{name}/tools/web:2" }}\n'
    )
    app.write("Dockerfile", f"FROM {name}/base/web:1\nCOPY --from=tools /web /tool\n")
    app.commit()
    refused = app.error("--no-push")
    said = pin("--checkout", app.folder)
    assert said.code == 0, said.out
    settings = (app.folder / "tidemill.toml").read_text()
    assert f'base = "{name}/base/web:1@{base}"' in settings
    assert f'"docker-image://{name}/tools/web:2@{tools}"' in settings
    assert f"FROM {name}/base/web:1@{base}\n" in (app.folder / "Dockerfile").read_text()
    assert set(app.built("--no-push")) == {"plain", "built"}
    assert "not given by digest" in refused["what"]


@pytest.mark.parametrize("settings", ["tidemill.toml", "other.toml"])
def test_the_command_that_a_build_of_services_names_knows_what_their_settings_say(
    bases: tuple[str, str, str], tmp_path: Path, settings: str
) -> None:
    """The Dockerfile alone does not say what its variable stands for."""
    name, base, _ = bases
    app = new_checkout(tmp_path / "app", "plain")
    app.settings('base.file = "Base"\n[[services]]\nname = "web"\nfile = "web/Dockerfile"\n')
    (app.folder / "tidemill.toml").rename(app.folder / settings)
    app.write("Base", "FROM scratch\nCOPY plain /\n")
    text = f"ARG BASE_IMAGE\nFROM {name}/base/web:1 AS a\nFROM $BASE_IMAGE\nCOPY --from=a / /\n"
    app.write("web/Dockerfile", text)
    app.commit()
    options = ("--no-push", *(("--settings", settings) if settings == "other.toml" else ()))
    error = app.error(*options)
    assert error["what"].startswith(f"line 2 of web/Dockerfile names the image '{name}/base")
    said = tidemill(*error["remedy"].split()[1:])
    assert said.code == 0, said.err
    pinned = text.replace("web:1 AS", f"web:1@{base} AS")
    assert (app.folder / "web/Dockerfile").read_text() == pinned
    assert [*app.built(*options)] == ["web"]


def test_the_tag_that_an_argument_gives_to_a_from_gets_the_digest(
    file: Path, bases: tuple[str, str, str]
) -> None:
    name, base, _ = bases
    text = 'ARG VERSION="1"\nFROM {0}/base/web:${{VERSION}} AS one\nFROM {0}/base/web:$VERSION\n'
    file.write_text(text.format(name))
    assert pin("--file", file).json["changed"] is True
    assert file.read_text() == text.format(name).replace('"1"', f'"1@{base}"')
    assert pin("--file", file).json["changed"] is False
    two = "ARG V=1\nFROM {0}/base/web:$V AS one\nFROM {0}/tools/web:${{V}}\nCOPY --from=one / /\n"
    for seen in (text + "ARG VERSION\nLABEL version=$VERSION\n", two):
        file.write_text(seen.format(name))
        assert "put together from variables" in pin("--file", file).error["what"]
        assert file.read_text() == seen.format(name)


def test_what_can_not_be_written_is_refused_and_nothing_is(
    file: Path, bases: tuple[str, str, str]
) -> None:
    name = bases[0]
    one, other = f"FROM {name}/base/web:1 AS one", f"FROM {name}/base/web:${{V:-1}}"
    text = f"{one}\nARG V=1\n{other}\nCOPY --from=one / /\n"
    file.write_text(text)
    error = pin("--file", file).error
    assert "line 3" in error["what"]
    assert "put together from variables" in error["what"]
    file.write_text(f"FROM {name}/base/web:1\nFROM {name}/none:1\nCOPY --from=0 / /")
    text = file.read_text()
    assert "no image" in pin("--file", file).error["what"]
    assert file.read_text() == text


def test_a_checkout_without_settings_is_told_of_the_option(tmp_path: Path) -> None:
    assert "--file" in pin("--checkout", tmp_path).error["remedy"]
