"""What an earlier commit has of a set, wherever its image files were then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from msgspec.structs import replace
from tests.simulation.memory import Client, Commit, Server
from tests.simulation.scene import START
from tests.unit.sets import images
from tests.unit.snapshots import Rollout
from tests.unit.turn.states import image_bytes

from tidemill.facts.image_files import ImageFiles
from tidemill.facts.operation import Operation
from tidemill.facts.settings import FILE, Settings
from tidemill.facts.settings_file import parse
from tidemill.facts.snapshot import Main
from tidemill.turn.copy import CopiedImages, MissingImages, copied, copied_from_main, settings_of

WANTED, OTHER = images(3), images(4)


def toml(path: str = "images/{wave}", waves: Sequence[str] = ("lab", "shop")) -> str:
    lines = [f'[images]\npath = "{path}"', '[[sets]]\nname = "app"']
    return "\n".join([*lines, *(f'[[waves]]\nname = "{one}"\ntargets = ["t"]' for one in waves)])


TODAY = parse(toml())


def there(server: Server, files: Mapping[str, ImageFiles], text: str | None = "") -> str:
    """A commit that has image files in some folders; "": with the settings of today."""
    held = {} if text is None else {FILE: (text or toml()).encode()}
    for folder, one in files.items():
        held |= image_bytes(one, folder)
    return server.put(Commit(held, None, "x", START, "ada"))


def wanting(commit: str | None, source: str | None = "lab", wave: str = "shop") -> Operation:
    """What puts the images in a wave that another one has in a commit."""
    return Operation(
        kind="promote",
        wave=wave,
        set="app",
        app_sha=WANTED.app_sha,
        position=3,
        repository="acme/app",
        content=WANTED.content,
        source=source,
        commit=commit,
    )


@pytest.mark.parametrize(
    ("files", "text"),
    [
        ({"images/lab": WANTED}, ""),
        ({"images/lab": WANTED}, None),
        ({"images/lab": WANTED}, "waves = 1"),
        ({"images/lab": OTHER, "images/shop": WANTED}, ""),
        ({"old/lab": WANTED}, toml("old/{wave}")),
        ({"old/lab": OTHER, "images/lab": WANTED}, toml("old/{wave}")),
        ({"old/first": WANTED}, toml("old/{wave}", ["first", "shop"])),
        ({"old/lab": OTHER, "old/last": WANTED}, toml("old/{wave}", ["lab", "last"])),
    ],
    ids=[
        "where it says",
        "without settings",
        "with settings that can't be used",
        "in another wave",
        "where they were then",
        "where they are today",
        "where the wave had another name",
        "in another wave where they were then",
    ],
)
def test_images_of_a_commit_are_found_wherever_they_were(
    files: Mapping[str, ImageFiles], text: str | None
) -> None:
    server = Server()
    operation = wanting(there(server, files, text))
    found = copied(Client(server, "turn"), TODAY, operation)
    expected = {path.rpartition("/")[2]: one for path, one in image_bytes(WANTED, "x").items()}
    assert found == CopiedImages(expected, operation)


def test_operation_without_a_source_copies_from_its_own_wave() -> None:
    server = Server()
    commit = there(server, {"images/shop": WANTED}, toml(waves=["shop"]))
    store = Client(server, "turn")
    assert isinstance(copied(store, TODAY, wanting(commit, None)), CopiedImages)
    assert isinstance(copied(store, TODAY, wanting(commit, None, "lab")), CopiedImages)
    in_lab = there(server, {"images/lab": WANTED}, toml(waves=["shop"]))
    assert copied(store, TODAY, wanting(in_lab, None)) == MissingImages(is_gone=False)


@pytest.mark.parametrize("files", [{}, {"images/lab": OTHER, "images/shop": OTHER}], ids=str)
def test_commit_that_has_other_images_is_not_gone(files: Mapping[str, ImageFiles]) -> None:
    server = Server()
    found = copied(Client(server, "turn"), TODAY, wanting(there(server, files)))
    assert found == MissingImages(is_gone=False)


class Losing(Client):
    """A server that gives a commit so many times, and then has it no more."""

    left = 0

    def exists(self, commit: str, paths: Sequence[str] = (), *, again: bool = True) -> bool:
        self.left -= 1
        return self.left >= 0 and super().exists(commit, paths, again=again)


@pytest.mark.parametrize("times", [0, 1, 2])
def test_commit_that_the_server_has_no_more_is_gone(times: int) -> None:
    server = Server()
    store = Losing(server, "turn")
    store.left = times
    found = copied(store, TODAY, wanting(there(server, {"images/shop": WANTED})))
    assert found == MissingImages(is_gone=True)
    assert copied(store, TODAY, wanting(None)) == MissingImages(is_gone=True)


def on_main(
    server: Server, files: Mapping[str, ImageFiles], known: Mapping[str, ImageFiles] | None = None
) -> CopiedImages | None:
    """What main has for an operation whose commit is gone.

    Args:
        known: what was read of main by wave, if that is not what is there.
    """
    main = there(server, {f"images/{wave}": one for wave, one in files.items()})
    sets = {(wave, "app"): one for wave, one in (files if known is None else known).items()}
    snapshot = replace(Rollout().snapshot(), main=Main(main, START, sets, {}), settings=TODAY)
    return copied_from_main(Client(server, "turn"), snapshot, wanting("f" * 40))


@pytest.mark.parametrize(
    ("files", "source"),
    [
        ({"lab": WANTED, "shop": WANTED}, "lab"),
        ({"lab": OTHER, "shop": WANTED}, "shop"),
        ({"shop": WANTED}, "shop"),
        ({"lab": WANTED}, "lab"),
    ],
    ids=["both", "another one", "the other alone", "the source alone"],
)
def test_wave_that_has_the_very_same_images_on_main_serves(
    files: Mapping[str, ImageFiles], source: str
) -> None:
    server = Server()
    found = on_main(server, files)
    assert found is not None
    commit = there(server, {f"images/{wave}": one for wave, one in files.items()})
    assert found.operation == replace(wanting(commit), source=source)


def test_main_without_these_images_does_not_serve() -> None:
    assert on_main(Server(), {"lab": OTHER, "shop": OTHER}) is None
    assert on_main(Server(), {}) is None
    assert on_main(Server(), {"shop": OTHER}, known={"lab": WANTED}) is None


def test_settings_of_a_commit_are_those_that_can_be_used() -> None:
    server = Server()
    store = Client(server, "turn")
    cases: list[tuple[str | None, Settings | None]] = [
        (toml("old/{wave}"), parse(toml("old/{wave}"))),
        ("waves = 1", None),
        (None, None),
    ]
    for text, expected in cases:
        commit = there(server, {}, text)
        store.fetch_below(commit, [FILE])
        assert settings_of(store, commit) == expected
