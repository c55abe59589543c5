"""What a target has at a commit, and what a record's revision says of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from msgspec.structs import replace
from tests.simulation.memory import Client, Commit, Server
from tests.simulation.scene import START
from tests.unit.sets import images, landing
from tests.unit.turn.states import image_bytes

from tidemill.errors import Refused
from tidemill.facts.image_files import ImageFiles
from tidemill.facts.ledger import Ledger
from tidemill.facts.operation import Files
from tidemill.facts.records import Deployment, ReportedSet
from tidemill.facts.settings import FILE, Settings
from tidemill.facts.settings_file import parse
from tidemill.turn.targets import in_commit, looked_at, named_in, resolved, sets_of, tree_ids

APP, LIB = images(3), images(4, "lib")
PATH = "generated/{wave}/{target}"


def toml(
    path: str = PATH,
    waves: Mapping[str, Sequence[str]] | None = None,
    more: str = "",
    at: str = "images/{wave}/{set}",
) -> str:
    """Settings as they are written: two sets, and the targets by wave."""
    lines = [f'[images]\npath = "{at}"', '[[sets]]\nname = "app"', '[[sets]]\nname = "lib"']
    lines += [f'[deployments]\npath = "{path}"'] if path else []
    for name, of_wave in (waves or {"lab": ("a", "b"), "shop": ("c",)}).items():
        lines += [f'[[waves]]\nname = "{name}"\ntargets = {list(of_wave)}']
    return "\n".join([*lines, more])


TODAY = parse(toml())


def manifest(*sets: ImageFiles) -> bytes:
    """What names the images of some sets."""
    return b"".join(f"image: {one}\n".encode() for files in sets for one in files.digests.values())


RENDERED = {
    "generated/lab/a/all.yaml": manifest(APP),
    "generated/lab/b/all.yaml": manifest(LIB),
    "generated/shop/c/all.yaml": manifest(APP, LIB),
}


def there(
    server: Server,
    *,
    sets: Mapping[str, ImageFiles] | None = None,
    files: Mapping[str, bytes] = RENDERED,
    text: str = "",
    parent: str | None = None,
) -> str:
    """A commit with image files by folder, and with what targets render from."""
    held = {FILE: (text or toml()).encode(), **files}
    where = {"images/lab/app": APP, "images/lab/lib": LIB} if sets is None else sets
    for folder, one in where.items():
        held |= image_bytes(one, folder)
    return server.put(Commit(held, parent, "x", START, "ada"))


def reading(server: Server, commit: str) -> Client:
    """Who has fetched a commit, and none of its files."""
    store = Client(server, "turn")
    store.fetch_below(commit, [])
    return store


# What a wave has in a commit


def test_target_is_known_by_all_that_it_renders_from() -> None:
    server = Server()
    first = there(server)
    found = tree_ids(reading(server, first), first, TODAY, "lab")
    assert list(found) == ["a", "b"]
    assert all(one and len(one) == 40 for one in found.values())
    assert found["a"] != found["b"]
    other = there(server, files={**RENDERED, "generated/lab/b/more.yaml": b"x\n"})
    again = tree_ids(reading(server, other), other, TODAY, "lab")
    assert again["a"] == found["a"]
    assert again["b"] != found["b"]


def test_target_that_renders_from_nothing_has_no_identity() -> None:
    server = Server()
    commit = there(server, files={"generated/lab/a/all.yaml": b"x\n"})
    store = reading(server, commit)
    assert tree_ids(store, commit, TODAY, "lab")["b"] is None
    assert tree_ids(store, commit, parse(toml("")), "lab") == {"a": None, "b": None}
    assert tree_ids(store, commit, TODAY, "nowhere") == {}


def test_target_of_several_places_is_known_by_those_that_are_there() -> None:
    server = Server()
    path = '["generated/{wave}/{target}", "base"]'
    valid = parse(toml().replace(f'"{PATH}"', path))
    without = there(server)
    with_base = there(server, files={**RENDERED, "base/all.yaml": b"x\n"})
    one = tree_ids(reading(server, without), without, valid, "lab")
    other = tree_ids(reading(server, with_base), with_base, valid, "lab")
    assert one == tree_ids(reading(server, without), without, TODAY, "lab")
    assert one["a"] != other["a"]


def test_wave_has_the_sets_whose_image_files_are_there() -> None:
    server = Server()
    commit = there(server, sets={"images/lab/app": APP, "images/shop/lib": LIB})
    assert sets_of(reading(server, commit), commit, TODAY, "lab") == {"app": APP}
    assert sets_of(reading(server, commit), commit, TODAY, "shop") == {"lib": LIB}


def test_targets_use_the_sets_that_their_files_mention() -> None:
    server = Server()
    commit = there(server)
    found = looked_at(reading(server, commit), commit, TODAY, "lab", {"app": APP, "lib": LIB})
    assert {name: one.users for name, one in found.items()} == {"app": {"a"}, "lib": {"b"}}
    assert [one.naming for one in found.values()] == [None, None]
    assert looked_at(reading(server, commit), commit, TODAY, "nowhere", {"app": APP}) != {}


def test_commit_tells_what_each_target_has_of_a_set() -> None:
    server = Server()
    commit = there(server)
    found = in_commit(reading(server, commit), commit, TODAY, "lab")
    trees = tree_ids(reading(server, commit), commit, TODAY, "lab")
    assert found.targets("app") == {"a": Files(trees["a"], True), "b": Files(trees["b"], False)}
    assert found.targets("lib") == {"a": Files(trees["a"], False), "b": Files(trees["b"], True)}
    assert found.targets("new") == {name: Files(tree, True) for name, tree in trees.items()}
    assert found.naming == {}
    assert len(found.files) == 40


def test_commit_tells_which_images_nothing_names() -> None:
    server = Server()
    commit = there(server, files={"generated/lab/a/all.yaml": manifest(APP)})
    found = in_commit(reading(server, commit), commit, TODAY, "lab")
    assert list(found.naming) == ["lib"]
    assert found.naming["lib"].nothing


def test_without_a_path_nothing_was_looked_at() -> None:
    server = Server()
    commit = there(server)
    found = in_commit(reading(server, commit), commit, parse(toml("")), "lab")
    assert (found.files, found.naming) == ("", {})
    assert found.targets("app") == {"a": Files(None, True), "b": Files(None, True)}


def test_wave_is_looked_at_once_for_the_same_files() -> None:
    server = Server()
    commit = there(server, files={"generated/lab/a/all.yaml": manifest(APP)})
    found = named_in(reading(server, commit), commit, TODAY, "lab", None)
    assert found is not None
    assert list(found.naming) == ["lib"]
    assert found.users["app"] == {"a"}
    assert found.files == in_commit(reading(server, commit), commit, TODAY, "lab").files
    assert named_in(reading(server, commit), commit, TODAY, "lab", found.files) is None
    assert named_in(reading(server, commit), commit, TODAY, "lab", "f" * 40) == found


@pytest.mark.parametrize(
    ("valid", "sets"), [(parse(toml("")), None), (TODAY, {})], ids=["no path", "no sets"]
)
def test_wave_without_what_could_be_named_is_not_looked_at(
    valid: Settings, sets: Mapping[str, ImageFiles] | None
) -> None:
    server = Server()
    commit = there(server, sets=sets)
    assert named_in(reading(server, commit), commit, valid, "lab", None) is None


# Records


def record(revision: str, **given: Any) -> Deployment:
    fields: dict[str, Any] = {"wave": "lab", "target": "a", **given}
    return Deployment(
        accepted_at=START,
        revision=revision,
        phase="Succeeded",
        health="Healthy",
        finished_at=START,
        **fields,
    )


def found_of(
    server: Server,
    told: Deployment,
    valid: Settings = TODAY,
    ledger: Ledger | None = None,
    main: str | None = None,
) -> Deployment:
    store = Client(server, "turn")
    store.fetch([main or told.revision], [])
    return resolved(store, main or told.revision, valid, ledger or Ledger(), told)


def reported(files: ImageFiles, **given: Any) -> ReportedSet:
    return ReportedSet(
        app_sha=files.app_sha,
        position=files.position,
        content=files.content,
        digests=files.digest_id,
        **given,
    )


def test_record_knows_the_sets_of_its_wave_and_its_target_s_files() -> None:
    server = Server()
    commit = there(server)
    found = found_of(server, record(commit))
    assert found.sets == {"app": reported(APP), "lib": reported(LIB, uses=False)}
    assert found.tree == tree_ids(reading(server, commit), commit, TODAY, "lab")["a"]
    assert replace(found, sets=None, tree=None) == record(commit)
    other = found_of(server, record(commit, target="b"))
    assert other.sets == {"app": reported(APP, uses=False), "lib": reported(LIB)}


def test_set_that_the_revision_has_not_is_not_in_the_record() -> None:
    server = Server()
    assert found_of(server, record(there(server, sets={"images/lab/lib": LIB}))).sets == {
        "lib": reported(LIB, uses=False)
    }


@pytest.mark.parametrize(
    ("running", "fit"),
    [
        ((), True),
        ((APP.digests["web"],), True),
        ((APP.tags["web"],), True),
        (("ghcr.io/acme/app:other",), False),
        ((APP.digests["web"], "ghcr.io/acme/app:other"), False),
        (("ghcr.io/acme/app:other", APP.digests["web"]), False),
        (("ghcr.io/acme/other:1",), True),
        (("ghcr.io/acme/lib:other",), True),
    ],
    ids=str,
)
def test_images_that_run_fit_where_all_of_the_set_s_are_there(
    running: tuple[str, ...], *, fit: bool
) -> None:
    server = Server()
    found = found_of(server, record(there(server), images=running))
    assert found.sets is not None
    assert found.sets["app"].images_fit is fit


def test_set_that_the_target_s_files_name_otherwise_is_not_named() -> None:
    server = Server()
    files = {**RENDERED, "generated/lab/a/more.yaml": b"image: ghcr.io/acme/app:other\n"}
    sets = found_of(server, record(there(server, files=files))).sets
    assert sets is not None
    assert (sets["app"].is_named, sets["lib"].is_named) == (False, True)


@pytest.mark.parametrize(
    ("given", "what", "remedy"),
    [
        ({"wave": "lap"}, "no target a in a wave lap", "did you mean lab? report"),
        ({"target": "aa"}, "no target aa in a wave lab", "did you mean a? report"),
        ({"target": "c"}, "no target c in a wave lab", "report for a target that [[waves]]"),
    ],
)
def test_target_that_nothing_lists_is_refused(
    given: Mapping[str, str], what: str, remedy: str
) -> None:
    server = Server()
    with pytest.raises(Refused) as caught:
        found_of(server, record(there(server), **given))
    assert what in caught.value.what
    assert remedy in caught.value.remedy


def test_revision_counts_where_it_is_on_main_or_has_landed() -> None:
    server = Server()
    first = there(server)
    main = there(server, text=toml(more="# more"), parent=first)
    side = there(server, text=toml(more="# a branch"), parent=first)
    for revision in (main, first):
        assert found_of(server, record(revision), main=main).sets
    with pytest.raises(Refused, match=f"the revision {side} is not on main"):
        found_of(server, record(side), main=main)
    with pytest.raises(Refused, match="is not on main"):
        found_of(server, record("f" * 40), main=main)
    ledger = Ledger()
    ledger.of("lab", "app").landings.append(landing(commit=side))
    assert found_of(server, record(side), ledger=ledger, main=main).sets


def test_revision_that_landed_and_is_gone_is_refused() -> None:
    server = Server()
    main, ledger = there(server), Ledger()
    ledger.of("lab", "app").landings.append(landing(commit="f" * 40))
    with pytest.raises(Refused, match="is gone from the repository") as caught:
        found_of(server, record("f" * 40), ledger=ledger, main=main)
    assert "report a commit that main has" in caught.value.remedy


# What an earlier commit called it


LAB_WAS_FIRST = 'was = "first"'
RENAMED = parse(
    toml(waves={"lab": ("a", "b")}, more=LAB_WAS_FIRST),
)


@pytest.mark.parametrize(
    ("text", "folder", "path"),
    [
        (toml(waves={"first": ("a", "b")}), "images/first", "generated/first/a"),
        (
            toml("out/{wave}/{target}", {"first": ("a",)}, at="old/{wave}/{set}"),
            "old/first",
            "out/first/a",
        ),
        (toml(waves={"lab": ("a", "b")}), "images/lab", "generated/lab/a"),
        ("waves = 1", "images/lab", "generated/lab/a"),
        (toml("out/{wave}/{target}", {"lab": ("a",)}), "images/lab", "out/lab/a"),
        (toml(waves={"lab": ("a",)}, at="old/{wave}/{set}"), "old/lab", "generated/lab/a"),
    ],
    ids=["name", "name and places", "same name", "no settings", "other files", "other images"],
)
def test_revision_is_read_by_the_names_and_places_that_it_had(
    text: str, folder: str, path: str
) -> None:
    server = Server()
    files = {f"{path}/all.yaml": manifest(APP)}
    sets = {f"{folder}/app": APP, f"{folder}/lib": LIB}
    found = found_of(server, record(there(server, files=files, sets=sets, text=text)), RENAMED)
    assert found.sets == {
        "app": reported(APP),
        "lib": reported(LIB, uses=False, is_named=False),
    }
    assert found.tree is not None


def test_set_is_known_by_its_name_of_today() -> None:
    server = Server()
    text = toml().replace('name = "lib"', 'name = "tool"')
    today = parse(toml().replace('name = "lib"', 'name = "lib"\nwas = "tool"'))
    sets = {"images/lab/app": APP, "images/lab/tool": LIB}
    found = found_of(server, record(there(server, sets=sets, text=text), target="b"), today)
    assert found.sets == {"app": reported(APP, uses=False), "lib": reported(LIB)}


def test_files_of_targets_are_asked_for_once() -> None:
    """What is fetched in one go is not fetched again: each time costs a connection."""
    server = Server()
    store = Counting(server, "turn")
    commit = there(server)
    store.fetch([commit], [])
    resolved(store, commit, TODAY, Ledger(), record(commit))
    assert store.asked == [[FILE, *targets_paths("lab", ("a", "b"))]]


class Counting(Client):
    """Notes what is fetched."""

    def __init__(self, server: Server, by: str) -> None:
        super().__init__(server, by)
        self.asked: list[list[str]] = []

    def fetch_below(self, commit: str, paths: Sequence[str]) -> None:
        self.asked.append([*paths])
        super().fetch_below(commit, paths)


def targets_paths(wave: str, names: Sequence[str]) -> list[str]:
    return [
        *(f"images/{wave}/{one}" for one in ("app", "lib")),
        *(f"generated/{wave}/{one}" for one in names),
    ]
