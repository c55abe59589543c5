"""Making: which work an operation is, and what is known of its commit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from tests.simulation.memory import Client, Commit, Server
from tests.simulation.scene import START
from tests.unit.sets import images
from tests.unit.snapshots import Rollout
from tests.unit.turn.states import image_bytes

from tidemill.announcing.announcement import Announcement, Image
from tidemill.clients.git.store import Committed, Work, WorkResult
from tidemill.facts import image_files
from tidemill.facts.image_files import DIGESTS, SOURCE, TAGS, ImageFiles, Source, StandIn, render
from tidemill.facts.operation import Operation
from tidemill.facts.requests import AnnouncementRequest, Fact, Hotfix
from tidemill.facts.settings import FILE
from tidemill.facts.settings_file import parse
from tidemill.facts.snapshot import (
    BrokenParent,
    Main,
    NewCommit,
    OperationFailure,
    Outcome,
    Snapshot,
    Timeout,
)
from tidemill.turn.make import look_at, make

APP, NEXT = images(3), images(4)
GENERATE = "make all"
ENTRIES = 'introduce = "introduce {wave} {set} {source}"\npromote = "promote {wave} {source} {sha}"'
WORDS = {
    "kind": "introduce",
    "wave": "lab",
    "set": "app",
    "app_sha": APP.app_sha,
    "position": 3,
    "repository": "acme/app",
    "content": APP.content,
    "reason": "it came",
}


def toml(entries: str = "", path: str = '"generated/{wave}/{target}"') -> str:
    lines = ['[images]\npath = "images/{wave}/{set}"', f"[deployments]\npath = {path}"]
    lines += [f'[entrypoints]\ngenerate = "{GENERATE}"\n{entries}'.rstrip()]
    lines += [f'[[sets]]\nname = "{one}"' for one in ("app", "lib")]
    lines += [f'[[waves]]\nname = "{one}"\ntargets = ["{one}-1"]' for one in ("lab", "shop")]
    return "\n".join(lines)


class Noting(Client):
    """Notes the work; it makes a commit of the image files alone, or what it is told to."""

    def __init__(self, server: Server, outcome: WorkResult | None = None) -> None:
        super().__init__(server, "turn")
        self.outcome = outcome
        self.did: list[Work] = []

    def work(self, work: Work) -> WorkResult:
        self.did.append(work)
        if self.outcome is not None:
            return self.outcome
        files = dict(self.server.commits[work.parent].files)
        if work.folder:
            files |= {f"{work.folder}/{TAGS}": work.tags, f"{work.folder}/{DIGESTS}": work.digests}
            files[f"{work.folder}/{SOURCE}"] = work.source or b""
        commit = Commit(files, work.parent, work.message, START, work.bot.name)
        return Committed(self._own(commit))


def there(server: Server, files: Mapping[str, ImageFiles], more: Mapping[str, bytes]) -> str:
    held = {FILE: toml().encode(), **more}
    for folder, one in files.items():
        held |= image_bytes(one, folder)
    return server.put(Commit(held, None, "x", START, "ada"))


def made(
    operation: Operation,
    *facts: Fact,
    text: str = "",
    files: Mapping[str, ImageFiles] | None = None,
    more: Mapping[str, bytes] | None = None,
    outcome: WorkResult | None = None,
    without: frozenset[str] = frozenset(),
) -> tuple[Outcome, Work | None, Snapshot]:
    """What becomes of an operation on a commit with image files, by folder."""
    server = Server()
    parent = there(server, files or {}, more or {})
    store = Noting(server, outcome)
    known = replace(
        Rollout().snapshot(),
        settings=parse(text or toml()),
        inbox={one.id: one for one in facts},
        main=Main(parent, START, {}, {}),
    )
    if operation.commit == "PARENT":
        operation = replace(operation, commit=parent)
    found = make(store, known, operation, parent, without)
    return found, store.did[0] if store.did else None, known


def announced(files: ImageFiles = APP, **given: Any) -> AnnouncementRequest:
    return AnnouncementRequest(accepted_at=START, announcement=announcement(files), **given)


def announcement(files: ImageFiles) -> Announcement:
    held = {
        service: Image(Digest=digest, Tag=files.tags[service])
        for service, digest in files.digests.items()
    }
    return Announcement(
        set="app", repository="acme/app", sha=files.app_sha or "", position=3, images=held
    )


def operation(fact: Fact | None = None, **given: Any) -> Operation:
    told = {**WORDS, **({"request": fact.id} if fact else {}), **given}
    return msgspec.convert(told, Operation)


def promotion(**given: Any) -> Operation:
    return operation(**{"kind": "promote", "wave": "shop", "source": "lab", **given})


def source_in(work: Work | None) -> Source:
    assert work is not None
    assert work.source is not None
    return msgspec.json.decode(work.source, type=Source)


# Introduce


def test_announced_images_are_introduced() -> None:
    fact = announced(rewrites=2)
    one = operation(fact, at=START + timedelta(hours=1))
    found, work, known = made(one, fact)
    assert work is not None
    assert isinstance(found, NewCommit)
    assert (work.folder, work.tags, work.digests) == (
        "images/lab/app",
        render(APP.tags),
        render(APP.digests),
    )
    assert source_in(work) == Source(
        repository="acme/app", sha=APP.app_sha or "", position=3, rewrites=2, introduced_at=START
    )
    assert (work.generate, work.entry, work.commit, work.date) == (GENERATE, None, None, one.at)
    assert work.bot == known.settings.bot
    assert work.seconds == known.settings.checks.timeout.total_seconds()
    commit = found.commit
    assert (commit.parent, commit.at, commit.operation) == (known.main.sha, known.now, one)
    assert commit.digests == APP.digest_id
    assert (list(commit.targets), list(commit.naming)) == (["lab-1"], ["app"])
    assert len(commit.files) == 40


def test_hotfix_says_in_whose_place_it_stands() -> None:
    fact = Hotfix(
        accepted_at=START, wave="lab", announcement=announcement(APP), override="it burns"
    )
    one = operation(fact, kind="hotfix", position=2, rewrites=1, is_hotfix=True)
    found, work, _ = made(one, fact)
    assert isinstance(found, NewCommit)
    source = source_in(work)
    assert (source.position, source.rewrites) == (3, 0)
    assert source.hotfix == StandIn(position=2, rewrites=1)


def test_images_that_are_not_what_was_meant_are_not_whole() -> None:
    fact = announced()
    found, work, _ = made(operation(fact, content=NEXT.content), fact)
    assert found == OperationFailure("the images of app that were announced are not whole")
    assert work is None


def test_services_that_the_wave_loses_are_said() -> None:
    fact = announced()
    digests = {**NEXT.digests, "old": "x", "two\nlines": "y"}
    before = replace(NEXT, digests=digests, source=None)
    one = operation(fact)
    found, work, _ = made(one, fact, files={"images/lab/app": before, "images/shop/app": NEXT})
    assert isinstance(found, NewCommit)
    assert found.commit.operation == replace(one, removes=("old", "'two\\nlines'"))
    assert work is not None
    assert "Autocommit-Removes: old, 'two\\nlines'" in work.message
    same, _, _ = made(one, fact, files={"images/lab/app": NEXT})
    assert isinstance(same, NewCommit)
    assert same.commit.operation == one


@pytest.mark.parametrize(
    "outcome",
    [OperationFailure("no"), Timeout("late"), BrokenParent("a" * 40, "broken")],
    ids=lambda one: type(one).__name__,
)
@pytest.mark.parametrize("kind", ["introduce", "regenerate"])
def test_what_becomes_of_the_work_is_handed_on(kind: str, outcome: WorkResult) -> None:
    fact = announced()
    assert made(operation(fact, kind=kind), fact, outcome=outcome)[0] == outcome


def test_words_that_no_message_can_have_are_a_failure() -> None:
    fact = announced()
    for kind in ("introduce", "regenerate"):
        found, work, _ = made(operation(fact, kind=kind, reason="two\nlines"), fact)
        assert isinstance(found, OperationFailure)
        assert work is None


# Copy


@pytest.mark.parametrize("source", [None, APP.source], ids=["a person's", "a set"])
def test_promoted_images_say_where_they_come_from(source: Source | None) -> None:
    there_ = replace(APP, source=source)
    one = promotion(commit="PARENT", rewrites=1)
    found, work, known = made(one, files={"images/lab/app": there_})
    assert isinstance(found, NewCommit)
    assert work is not None
    assert work.commit == known.main.sha
    assert source_in(work) == Source(
        repository="acme/app",
        sha=APP.app_sha or "",
        position=3,
        rewrites=1,
        introduced_at=APP.source.introduced_at if source and APP.source else START,
        promoted_from=f"lab@{known.main.sha}",
    )


def test_promoted_images_of_nobody_have_no_source() -> None:
    there_ = replace(APP, source=None)
    _, work, _ = made(promotion(commit="PARENT", app_sha=None), files={"images/lab/app": there_})
    assert work is not None
    assert work.source is None


def test_promoted_hotfix_stays_one() -> None:
    assert APP.source is not None
    mine = replace(APP.source, hotfix=StandIn(position=2))
    one = promotion(commit="PARENT", position=2, is_hotfix=True)
    _, work, known = made(one, files={"images/lab/app": replace(APP, source=mine)})
    assert source_in(work) == replace(mine, promoted_from=f"lab@{known.main.sha}")


def test_wave_is_rolled_back_to_the_very_files_that_it_had() -> None:
    one = operation(kind="roll back", source="lab", commit="PARENT")
    found, work, known = made(one, files={"images/lab/app": APP})
    assert isinstance(found, NewCommit)
    assert source_in(work) == APP.source
    assert found.commit.operation == replace(one, commit=known.main.sha)


@pytest.mark.parametrize("kind", ["promote", "roll back"])
@pytest.mark.parametrize("elsewhere", ["lab", "shop"])
def test_where_its_commit_is_gone_main_s_own_files_serve(kind: str, elsewhere: str) -> None:
    """The source says so where the files are another wave's."""
    server = Server()
    parent = there(server, {f"images/{elsewhere}/app": APP}, {})
    store = Noting(server)
    sets = {(elsewhere, "app"): APP}
    known = replace(
        Rollout().snapshot(), settings=parse(toml()), main=Main(parent, START, sets, {})
    )
    source = "lab" if kind == "promote" else "shop"
    one = promotion(kind=kind, source=source, commit="f" * 40)
    found = make(store, known, one, parent)
    assert isinstance(found, NewCommit)
    assert found.commit.operation == one, "what was wanted is what the ledger knows"
    is_another_s = elsewhere != "shop" or kind == "promote"
    expected = f"{elsewhere}@{parent}" if is_another_s else None
    assert source_in(store.did[0]).promoted_from == expected
    assert store.did[0].commit == parent


@pytest.mark.parametrize(
    ("commit", "why"), [("PARENT", "does not have them"), ("f" * 40, "is gone")]
)
def test_images_that_nobody_has_any_more_are_a_failure(commit: str, why: str) -> None:
    found, work, _ = made(promotion(commit=commit), files={"images/lab/app": NEXT})
    assert isinstance(found, OperationFailure)
    assert why in found.reason
    assert "no wave has them on main now" in found.reason
    assert work is None


def test_files_that_lack_one_half_are_not_whole() -> None:
    for name in (TAGS, DIGESTS):
        whole = image_bytes(APP, "images/lab/app")
        left = {path: one for path, one in whole.items() if not path.endswith(name)}
        one = promotion(commit="PARENT", content=content_of(left))
        found, work, _ = made(one, more=left)
        assert found == OperationFailure("the images of app that were announced are not whole")
        assert work is None


def content_of(files: Mapping[str, bytes]) -> str:
    """What identifies image files, by path."""
    found = image_files.parse({path.rpartition("/")[2]: one for path, one in files.items()})
    assert found is not None
    return found.content


# Whose command, and where it may write


@pytest.mark.parametrize(
    ("given", "entries", "entry"),
    [
        ({}, ENTRIES, "introduce lab app ''"),
        ({"kind": "hotfix"}, ENTRIES, "introduce lab app ''"),
        ({}, "", None),
        ({"kind": "promote", "wave": "shop", "source": "lab"}, ENTRIES, "promote shop lab PARENT"),
        ({"kind": "promote", "wave": "shop", "source": "lab"}, "", None),
        ({"kind": "roll back", "source": "lab"}, ENTRIES, None),
        ({"kind": "promote", "source": "shop", "source_set": "old"}, ENTRIES, None),
    ],
    ids=["introduce", "hotfix", "none", "promote", "no promote", "roll back", "another set"],
)
def test_repository_s_own_command_puts_images_there(
    given: Mapping[str, Any], entries: str, entry: str | None
) -> None:
    is_copy = given.get("kind") in ("promote", "roll back")
    fact = None if is_copy else announced()
    one = operation(fact, **given, **({"commit": "PARENT"} if is_copy else {}))
    files = {"images/lab/app": APP, "images/shop/app": APP} if is_copy else {}
    _, work, known = made(one, *([fact] if fact else []), text=toml(entries), files=files)
    assert work is not None
    assert work.entry == (entry.replace("PARENT", known.main.sha) if entry else None)
    assert work.generate == GENERATE


@pytest.mark.parametrize(
    ("given", "entry"),
    [
        ({"kind": "roll back", "source": "lab"}, "promote lab lab PARENT"),
        ({"source_set": "old"}, "promote shop lab PARENT"),
    ],
)
def test_without_generate_the_command_has_to_do_copies_too(
    given: Mapping[str, Any], entry: str
) -> None:
    text = toml(ENTRIES).replace(f'generate = "{GENERATE}"\n', "")
    fields = {"kind": "promote", "wave": "lab" if "kind" in given else "shop", "source": "lab"}
    one = operation(**{**fields, **given, "commit": "PARENT"})
    _, work, known = made(one, text=text, files={"images/lab/app": APP})
    assert work is not None
    assert (work.generate, work.entry) == (None, entry.replace("PARENT", known.main.sha))


def test_images_as_the_reference_architecture_writes_them_are_there_if_both_files_agree() -> None:
    _, work, _ = made(promotion(commit="PARENT"), files={"images/lab/app": APP})
    assert work is not None
    assert b"web" in work.bare
    other = replace(APP, tags={"api": APP.tags["web"]}, source=None)
    one = promotion(commit="PARENT", content=content_of(image_bytes(other, "x")), app_sha=None)
    _, work, _ = made(one, files={"images/lab/app": other})
    assert work is not None
    assert work.bare == b"{}\n"


FOLDERS = ("images/lab/app", "images/lab/lib", "images/shop/app", "images/shop/lib")


def test_settings_keys_of_approvers_and_image_files_of_others_are_barred() -> None:
    fact = announced()
    _, work, _ = made(operation(fact), fact)
    assert work is not None
    assert work.barred == (FILE, ".github", "approvers", *FOLDERS[1:])
    _, work, _ = made(operation(kind="regenerate"))
    assert work is not None
    assert work.barred == (FILE, ".github", "approvers", *FOLDERS)


@pytest.mark.parametrize(
    ("path", "own"),
    [
        ('"generated/{wave}/{target}"', ("generated",)),
        ('["generated/{wave}", "base/{target}"]', ("generated", "base")),
        ('["generated/{wave}", "{wave}/base"]', ()),
        ('["generated/{wave}", "base"]', ("generated", "base")),
    ],
)
def test_work_may_change_what_paths_begin_with(path: str, own: Sequence[str]) -> None:
    fact = announced()
    _, work, _ = made(operation(fact), fact, text=toml(path=path))
    assert work is not None
    assert work.own == own


@pytest.mark.parametrize("kind", ["introduce", "regenerate"])
@pytest.mark.parametrize("without", [frozenset[str](), frozenset({"shop"})], ids=str)
def test_files_of_other_waves_are_left_as_they_are(kind: str, without: frozenset[str]) -> None:
    fact = announced()
    _, work, _ = made(operation(fact, kind=kind), fact, without=without)
    assert work is not None
    assert work.scope is not None
    assert (work.scope.wave, work.scope.without) == ("lab", without)
    _, work, _ = made(operation(fact, kind=kind), fact, text=toml(path='"base"'))
    assert work is not None
    assert work.scope is None, "nobody knows whose they are"


def test_regeneration_writes_no_images() -> None:
    one = operation(kind="regenerate", set="_", app_sha=None, position=0, content="")
    found, work, known = made(one)
    assert work is not None
    assert (work.folder, work.entry, work.generate, work.date) == ("", None, GENERATE, None)
    assert "lab" in work.message
    assert isinstance(found, NewCommit)
    commit = found.commit
    assert (commit.parent, commit.at, commit.operation) == (known.main.sha, known.now, one)
    assert (commit.digests, commit.targets, commit.files) == ("", {}, "")


@pytest.mark.parametrize("is_second", [False, True])
def test_main_is_looked_at_as_it_is(*, is_second: bool) -> None:
    server, seen = Server(), list[tuple[str, str | None, bool]]()

    class Looking(Client):
        def look(self, work: Work, *, is_second: bool = False) -> Any:
            seen.append((work.parent, work.generate, is_second))
            return None

    parent = there(server, {}, {})
    more = {"is_second": True} if is_second else {}
    look_at(Looking(server, "turn"), parse(toml()), parent, **more)
    assert seen == [(parent, GENERATE, is_second)]
