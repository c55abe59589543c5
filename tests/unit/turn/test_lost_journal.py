"""What is left of a journal that is lost: whether there was one, and what commits of main say."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from msgspec.structs import replace
from tests.simulation.facts import AUTO, JOURNAL
from tests.simulation.memory import Client, Commit, Server
from tests.simulation.scene import START
from tests.simulation.small_worlds import one_landed, one_on_auto, one_red, two_everywhere
from tests.simulation.world import World
from tests.unit.sets import images
from tests.unit.turn.states import image_bytes

from tidemill.facts.evidence import Evidence
from tidemill.facts.image_files import FILES, Source, StandIn
from tidemill.facts.operation import Operation
from tidemill.facts.refs import RefNames, Refs
from tidemill.facts.settings import FILE
from tidemill.facts.settings_file import parse
from tidemill.facts.trailers import message
from tidemill.turn.lost_journal import gathered, has_left_refs, is_bereft
from tidemill.turn.read import read

SPACE = "refs/tidemill"
NAMES = RefNames(SPACE, "main", "auto")
SHA = "a" * 40


def evidence(world: World) -> Evidence | None:
    """What is found where the journal is gone."""
    del world.server.refs[JOURNAL]
    return read(Client(world.server, "look")).evidence


@pytest.mark.parametrize(
    ("ref", "is_left"),
    [
        (f"{SPACE}/deployed/lab/lab-1", True),
        (f"{SPACE}/holds/lab/_", True),
        (f"{SPACE}/evicted/{SHA}", True),
        (f"{SPACE}/rejected/x-1", True),
        (f"{SPACE}/rejected/unreadable-1", False),
        (f"{SPACE}/holds", False),
        (f"{SPACE}/holds/lab/_/more", False),
        (f"{SPACE}/evicted/x", False),
        (f"{SPACE}/inbox/hold-1", False),
        (f"{SPACE}/checks/{SHA}", False),
        ("refs/heads/auto", False),
    ],
)
def test_turn_leaves_refs_that_only_come_with_a_journal(ref: str, is_left: object) -> None:
    assert has_left_refs(Refs({"refs/heads/main": SHA, ref: SHA}), NAMES) is is_left
    assert has_left_refs(Refs({f"{SPACE}/inbox/x": SHA, ref: SHA}), NAMES) is is_left


def test_main_that_an_automatic_commit_is_on_had_a_journal(world: World) -> None:
    one_landed(world)
    found = evidence(world)
    assert found is not None
    [one] = found.landed
    assert (one.sha, one.operation.wave, one.operation.position) == (
        world.main,
        "staging",
        world.apps["app"][0]["position"],
    )
    assert set(one.targets) == {"staging-0"}
    assert one.operation.content


def test_images_that_a_turn_put_there_tell_of_a_journal_under_people_s_commits(
    world: World,
) -> None:
    one_landed(world)
    landed = world.main
    world.edit("the README", {**world.files, "README.md": b"more\n"})
    found = evidence(world)
    assert found is not None
    assert [one.sha for one in found.landed] == [landed]


def test_repository_without_any_of_that_had_none(world: World) -> None:
    world.do("turn")
    world.server.refs.pop(JOURNAL, None)
    world.server.refs.pop(AUTO, None)
    assert read(Client(world.server, "look")).evidence is None


SETTINGS = (
    '[images]\npath = "{path}"\n[deployments]\npath = "generated"\n[[sets]]\nname = "app"\n'
    '[[waves]]\nname = "lab"\ntargets = ["t"]\n'
)
INTRODUCED = Operation(
    kind="introduce",
    wave="lab",
    set="app",
    app_sha=images(3).app_sha,
    position=3,
    repository="acme/app",
    content="",
)


SOURCE = images(3).source


def committed(
    server: Server,
    parent: str | None = None,
    *,
    folder: str = "images/lab",
    text: str | None = SETTINGS.replace("{path}", "images/{wave}"),
    source: Source | None = SOURCE,
    said: str = message(INTRODUCED),
) -> str:
    """An automatic commit, or one with another message."""
    files = {} if text is None else {FILE: text.encode()}
    files |= image_bytes(replace(images(3), source=source), folder) if folder else {}
    return server.put(Commit(files, parent, said, START, "tidemill"))


@pytest.mark.parametrize(
    ("source", "said", "ref", "was_there"),
    [
        (None, "mine", "", False),
        (SOURCE, "mine", "", True),
        (None, message(INTRODUCED), "", True),
        (None, "mine", f"{SPACE}/holds/lab/_", True),
    ],
    ids=["nothing", "a source", "an automatic commit", "a hold"],
)
def test_there_was_a_journal_where_turns_have_left_anything(
    source: Source | None, said: str, ref: str, *, was_there: bool
) -> None:
    server = Server()
    main = committed(server, source=source, said=said)
    store = Client(server, "look")
    store.fetch([main], [], FILES)
    refs = Refs({"refs/heads/main": main, **({ref: main} if ref else {})})
    settings = parse(SETTINGS.replace("{path}", "images/{wave}"))
    assert is_bereft(store, refs, NAMES, main, settings) is was_there
    empty = committed(server, folder="", said=said)
    store.fetch([empty], [], FILES)
    nothing = Refs({"refs/heads/main": empty})
    assert is_bereft(store, nothing, NAMES, empty, settings) is (said != "mine")


@pytest.mark.parametrize(
    ("folder", "text"),
    [
        ("images/lab", SETTINGS.replace("{path}", "images/{wave}")),
        ("old/lab", SETTINGS.replace("{path}", "old/{wave}")),
        ("images/lab", None),
        ("images/lab", "waves = 1"),
    ],
    ids=["where they are", "where they were", "no settings", "unusable settings"],
)
def test_images_of_a_landing_are_where_its_own_settings_say(folder: str, text: str | None) -> None:
    server = Server()
    main = committed(server, folder=folder, text=text)
    found = gathered_on(server, main)
    assert [(one.sha, one.operation.content) for one in found.landed] == [(main, images(3).content)]


@pytest.mark.parametrize("hotfix", [None, StandIn(position=2, rewrites=1)])
def test_landing_is_a_hotfix_where_its_source_says_so(hotfix: StandIn | None) -> None:
    server, source = Server(), SOURCE
    assert source is not None
    main = committed(server, source=replace(source, hotfix=hotfix, rewrites=4))
    found = gathered_on(server, main)
    if hotfix:  # it stands where the set was that it replaced, and says so
        assert found.landed == []
        said = message(replace(INTRODUCED, kind="hotfix", position=2))
        main = committed(server, source=replace(source, hotfix=hotfix), said=said)
        found = gathered_on(server, main)
    [one] = found.landed
    assert one.operation.is_hotfix is (hotfix is not None)
    assert one.operation.rewrites == (1 if hotfix else 4)


def test_landing_of_nobody_is_no_hotfix() -> None:
    server = Server()
    said = message(replace(INTRODUCED, kind="roll back", app_sha=None, position=0))
    main = committed(server, source=None, said=said)
    [one] = gathered_on(server, main).landed
    assert (one.operation.is_hotfix, one.operation.app_sha) == (False, None)
    evicted = gathered_on(server, main, {f"{SPACE}/evicted/{main}": main}).evicted
    assert [one.operation and one.operation.is_hotfix for one in evicted] == [False]


def gathered_on(server: Server, main: str, more: Mapping[str, str] | None = None) -> Evidence:
    settings = parse(SETTINGS.replace("{path}", "images/{wave}"))
    refs = Refs({"refs/heads/main": main, **(more or {})})
    return gathered(Client(server, "look"), refs, NAMES, main, settings, "it is gone")


def test_each_landing_is_found_and_the_targets_of_the_last_of_each_wave(world: World) -> None:
    two_everywhere(world)
    found = evidence(world)
    assert found is not None
    told = [(one.operation.wave, one.operation.position, bool(one.targets)) for one in found.landed]
    first, second = (one["position"] for one in world.apps["app"])
    assert told == [
        ("staging", first, False),
        ("prod", first, False),
        ("staging", second, True),
        ("prod", second, True),
    ]


def test_commit_that_has_other_files_than_it_says_is_no_landing(world: World) -> None:
    one_landed(world)
    message = world.server.commits[world.main].message
    position = world.apps["app"][0]["position"]
    forged = message.replace(f"Position: {position}\n", f"Position: {position + 7}\n")
    assert forged != message
    commit = Commit(dict(world.files), world.main, forged, world.now, "mallory")
    world.server.refs["refs/heads/main"] = world.server.put(commit)
    found = evidence(world)
    assert found is not None
    assert [one.operation.position for one in found.landed] == [position]


def test_commit_of_nothing_that_a_turn_leaves_tells_of_no_journal(world: World) -> None:
    """Whoever writes a message like ours has had no journal for that."""
    said = Commit(dict(world.files), world.main, message(INTRODUCED), START, "mallory")
    world.server.refs["refs/heads/main"] = world.server.put(said)
    world.server.refs[JOURNAL] = world.main
    assert evidence(world) is None


def test_evicted_commits_tell_what_they_were(world: World) -> None:
    one_red(world)
    world.do("turn")
    evicted = [ref for ref in world.server.refs if ref.startswith(f"{SPACE}/evicted/")]
    assert len(evicted) == 1
    mine = Commit(dict(world.files), world.main, "mine", START, "ada")
    sha = world.server.put(mine)
    world.server.refs[f"{SPACE}/evicted/{sha}"] = sha
    found = evidence(world)
    assert found is not None
    told = {one.sha: one.operation for one in found.evicted}
    assert told.pop(sha) is None
    [operation] = told.values()
    assert operation is not None
    assert (operation.wave, operation.position) == ("staging", world.apps["app"][0]["position"])
    assert operation.content


def test_what_waits_and_what_was_rejected_is_known(world: World) -> None:
    one_on_auto(world)
    waiting = [ref for ref in world.server.refs if ref.startswith(f"{SPACE}/inbox/")]
    world.server.refs[f"{SPACE}/rejected/x-1"] = world.main
    found = evidence(world)
    assert found is not None
    assert found.waiting == {ref.rpartition("/")[2] for ref in waiting}
    assert found.rejected == ["x-1"]


def test_all_that_is_kept_below_evicted_is_known_again() -> None:
    server = Server()
    main = committed(server)
    found = [
        committed(server, main, said=message(replace(INTRODUCED, position=at))) for at in range(60)
    ]
    gone = gathered_on(server, main, {f"{SPACE}/evicted/{sha}": sha for sha in found}).evicted
    assert {one.sha for one in gone} == {*found}


# The names of their time

TWO = (
    '[images]\npath = "images/{wave}"\n[deployments]\npath = "generated/{wave}/{target}"\n'
    '[[sets]]\nname = "app"\n[[waves]]\nname = "lab"\ntargets = ["t"]\n'
    '[[waves]]\nname = "shop"\ntargets = ["u"]\n'
)
SWAPPED = TWO.replace('["t"]', '["t"]\nwas = "shop"').replace('["u"]', '["u"]\nwas = "lab"')


def names_change(server: Server, *texts: str | None) -> Evidence:
    """For each settings a commit that puts a set into lab, with another in shop."""
    main = None
    for position, text in enumerate(texts, start=1):
        files = {} if text is None else {FILE: text.encode()}
        files |= image_bytes(images(position), "images/lab") | image_bytes(images(9), "images/shop")
        said = message(replace(INTRODUCED, app_sha=images(position).app_sha, position=position))
        main = server.put(Commit(files, main, said, START, "tidemill"))
    assert main is not None
    return gathered_on(server, main)


def test_commits_have_their_own_settings_and_all_that_was_there_when_names_changed() -> None:
    found = names_change(Server(), TWO, SWAPPED, SWAPPED, None, TWO)
    assert [one.settings for one in found.landed] == [
        text and parse(text) for text in (TWO, SWAPPED, SWAPPED, None, TWO)
    ]
    assert [dict(one.contents) for one in found.landed] == [
        {("lab", "app"): images(position).content, ("shop", "app"): images(9).content}
        if position in (2, 5)
        else {}
        for position in (1, 2, 3, 4, 5)
    ]


def test_what_targets_had_is_that_of_the_wave_as_it_was_called_then() -> None:
    targets = TWO.replace('["t"]', '["x"]')
    found = names_change(Server(), targets, targets, SWAPPED)
    assert [set(one.targets) for one in found.landed] == [set(), {"x"}, {"t"}]


def test_evicted_commit_has_its_own_settings(world: World) -> None:
    one_red(world)
    world.do("turn")
    found = evidence(world)
    assert found is not None
    [gone] = found.evicted
    assert gone.settings == parse(world.files[FILE].decode())
