"""`tidemill history`."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest
from tests.commands.promises import (
    assert_readable,
    refused,
    watched_turns,
)
from tests.loop.stories import refs, says
from tests.world import World, git, sha_of

from tidemill.answers.question import Line
from tidemill.clients.git.repository import opened
from tidemill.commands._history_text import sentence
from tidemill.commands._past_time import parse_past
from tidemill.errors import Refused
from tidemill.turn.read import read

JOURNAL = "refs/tidemill/journal"


def told(world: World, *arguments: str) -> list[tuple[str, str | None, str | None]]:
    """What was done, where, and to which commit of app.git."""
    found = world.run("history", *arguments)
    return [(one["how"] or one["what"], one["wave"], one["app_sha"]) for one in found["lines"]]


@pytest.mark.parametrize("how", ["--mirror", "--no-checkout"])
def test_a_clone_that_lacks_files_is_refused_with_the_repository_that_has_them(
    second: World, tmp_path: Path, how: str
) -> None:
    copy, origin = tmp_path / "copy", f"file://{second.bare}"
    git(second.bare, "config", "uploadpack.allowFilter", "true")
    git(tmp_path, "clone", "-q", "--filter=blob:none", how, origin, str(copy))
    found = second.run("history", "--repo", str(copy), repo=False)
    assert found.code == 1
    assert "partial clone" in found["error"]["what"]
    assert f"--repo {origin}" in found["error"]["remedy"]
    whole = second.run("history")
    assert second.run("history", "--repo", origin, repo=False) == whole
    git(copy, "remote", "set-url", "origin", "https://ada:secret@git.acme/cfg")
    found = second.run("history", "--repo", str(copy), repo=False)
    assert "--repo https://git.acme/cfg;" in found["error"]["remedy"]


def test_a_clone_that_lacks_files_is_refused_however_it_is_named(
    second: World, tmp_path: Path
) -> None:
    copy, tree = tmp_path / "a copy", tmp_path / "tree"
    git(second.bare, "config", "uploadpack.allowFilter", "true")
    git(tmp_path, "clone", "-q", "--filter=blob:none", f"file://{second.bare}", str(copy))
    git(copy, "worktree", "add", "-q", "--detach", str(tree))
    for name in (str(tree), f"file://{tree}", f"file://{copy}", f"{copy.as_uri()}/.git"):
        found = second.run("history", "--repo", name, repo=False)
        assert found.code == 1, name
        assert "partial clone" in found["error"]["what"]
        assert f"--repo file://{second.bare}" in found["error"]["remedy"]


def test_a_linked_worktree_stands_for_its_repository(second: World, tmp_path: Path) -> None:
    copy, tree = tmp_path / "copy", tmp_path / "tree"
    git(tmp_path, "clone", "-q", "--mirror", str(second.bare), str(copy))
    git(copy, "worktree", "add", "-q", "--detach", str(tree), "main")
    assert second.run("history", "--repo", str(tree), repo=False) == second.run("history")


@pytest.mark.parametrize("state", ["new", "landed", "second", "evicted"], ids=str)
def test_history_writes_nothing_and_says_the_same_twice(
    state: str, request: pytest.FixtureRequest
) -> None:
    world: World = request.getfixturevalue(state)
    before = refs(world)
    first = world.run("history")
    assert first.code == 0
    assert world.run("history") == first
    assert refs(world) == before
    code, out, err = says(world, "history")
    assert (code, err) == (0, "")
    assert_readable(out)


def test_repository_without_a_turn_says_what_is_missing(new: World) -> None:
    found = new.run("history")
    assert (found["lines"], len(found["missing"])) == ([], 1)


def test_sets_follow_each_other_with_the_times_that_they_stayed(second: World) -> None:
    lines = [one for one in second.run("history")["lines"] if one["what"] == "landed"]
    assert [one["app_sha"] for one in lines] == [sha_of("app-1"), sha_of("app-2")]
    assert [one["how"] for one in lines] == ["introduced", "introduced"]
    assert [one["until"] for one in lines] == [lines[1]["at"], None]
    main = second.ref("refs/heads/main")
    assert lines[1]["sha"] == main


def test_what_landed_within_a_second_ran_at_that_second(deployed: World) -> None:
    deployed.later(minutes=5, microseconds=400_000)
    deployed.announce(2)
    deployed.green()
    newest = deployed.run("history")["lines"][-1]
    assert (newest["what"], newest["app_sha"]) == ("landed", sha_of("app-2"))
    deployed.later(minutes=5)
    (there,) = deployed.run("history", "--at", newest["at"], "--wave", "lab")["sets"]
    assert there["app_sha"] == sha_of("app-2")


def test_approval_has_the_name_of_whoever_gave_it(second: World) -> None:
    approve = ("promote-wave", "--wave", "shop", "--sha", sha_of("app-2"))
    second.run(*approve)
    second.green()
    (line,) = second.run("history", "--wave", "shop")["lines"]
    assert (line["how"], line["app_sha"]) == ("promoted", sha_of("app-2"))
    assert line["by"]
    assert line["reason"].startswith("asked for by ")
    assert line["id"].startswith("promotion-")


def test_override_is_told_as_one(deployed: World) -> None:
    approve = ("promote-wave", "--wave", "shop", "--sha", sha_of("app-1"))
    deployed.run(*approve, "--override", "the fair begins")
    deployed.green()
    lines = deployed.run("history", "--wave", "shop")["lines"]
    assert [one["what"] for one in lines] == ["overridden", "landed"]
    assert (lines[1]["override"], lines[1]["reason"]) == (True, "the fair begins")


def test_eviction_is_told_with_its_reason(evicted: World) -> None:
    (line,) = [one for one in evicted.run("history")["lines"] if one["what"] == "evicted"]
    assert line["wave"] == "lab"
    assert "red" in line["reason"]


def test_hold_and_release_are_told_with_who_and_why(deployed: World) -> None:
    deployed.run("hold-wave", "--wave", "shop", "--reason", "stocktaking")
    deployed.run("release-wave", "--wave", "shop", "--reason", "counted")
    held, released = deployed.run("history", "--wave", "shop")["lines"]
    assert (held["what"], held["reason"], bool(held["by"])) == ("held", "stocktaking", True)
    assert (released["what"], "counted" in released["reason"]) == ("released", True)


def test_failure_of_a_target_is_told_and_its_reports_are_where_it_is_asked_for(
    landed: World,
) -> None:
    landed.report("lab", "lab-1", health="Degraded")
    landed.later(minutes=5)
    landed.report("lab", "lab-1")
    failed = [one for one in landed.run("history")["lines"] if one["what"] == "failed"]
    assert [(one["target"], one["reason"]) for one in failed] == [("lab-1", "Succeeded, Degraded")]
    reports = landed.run("history", "--target", "lab-1")["lines"]
    assert [one["what"] for one in reports] == ["failed", "reported"]


def test_what_ran_at_a_time_is_the_set_that_had_landed_last(second: World) -> None:
    at_first = second.now - timedelta(minutes=1, seconds=1)
    for when, sha in ((second.now, sha_of("app-2")), (at_first, None)):
        found = second.run("history", "--at", when.isoformat())
        assert [one["app_sha"] for one in found["sets"]] == ([sha] if sha else [])
    found = second.run("history", "--at", second.now.isoformat(), "--target", "lab-1")
    (target,) = found["targets"]
    assert target["app_shas"] == {"app": sha_of("app-2")}
    assert found["sets"] == []


def test_service_has_an_image_until_a_set_with_another_one_lands(new: World) -> None:
    for position, content in enumerate(("a", "a", "b"), start=1):
        new.later(minutes=30)
        new.announce(position, {"web": content, "api": str(position)})
        new.green()
        new.deploy("lab")
    web = new.run("history", "--service", "web", "--wave", "lab")["services"]
    assert [(one["app_sha"], one["until"] is None) for one in web] == [
        (sha_of("app-1"), False),
        (sha_of("app-3"), True),
    ]
    assert web[0]["until"] == web[1]["since"]
    assert len(new.run("history", "--service", "api")["services"]) == 3


def test_image_files_are_found_where_the_settings_of_then_had_them(deployed: World) -> None:
    git(deployed.clone, "pull", "-q", str(deployed.bare), "main")
    git(deployed.clone, "mv", "images", "sets")
    settings = deployed.settings.replace("images/{wave}", "sets/{wave}")
    (deployed.clone / "tidemill.toml").write_text(settings)
    deployed.commit("the image files are elsewhere")
    found = deployed.run("history", "--service", "web", "--wave", "lab")
    assert [one["app_sha"] for one in found["services"]] == [sha_of("app-1")]
    assert found["missing"] == []


def test_what_people_had_before_the_first_turn_is_told(new: World) -> None:
    folder = new.clone / "images/lab"
    folder.mkdir(parents=True)
    (folder / "tags.json").write_text('{"web": "ghcr.io/acme/web:v1"}')
    (folder / "digests.json").write_text(f'{{"web": "ghcr.io/acme/web@sha256:{"0" * 64}"}}')
    new.edit(note="by hand")
    new.later(minutes=10)
    new.announce(1)
    new.green()
    assert told(new)[0] == ("by hand", "lab", None)
    assert [one[0] for one in told(new)].count("by hand") == 1
    _, said, _ = says(new, "history", "--wave", "lab")
    assert "changed by hand app (an unknown set) in lab" in " ".join(said.split())
    image = new.run("history", "--service", "web")["services"][0]["image"]
    assert image == f"ghcr.io/acme/web@sha256:{'0' * 64}"


def test_journal_of_the_first_releases_is_read_with_what_its_ledger_has(second: World) -> None:
    with opened(str(second.bare)) as store:
        ledger = msgspec.to_builtins(read(store).written)
    second.later(minutes=1)
    entries = [{"what": "renamed", "wave": "lab", "reason": "the wave lab was bench"}]
    record = {"version": 1, "at": second.now.isoformat(), "entries": entries, "ledger": ledger}
    blob = git(second.bare, "hash-object", "-w", "--stdin", data=json.dumps(record).encode())
    tree = git(second.bare, "mktree", data=f"100644 blob {blob}\trecord.json\n".encode())
    git(second.bare, "update-ref", JOURNAL, git(second.bare, "commit-tree", tree, "-m", "x"))
    second.later(minutes=30)
    second.announce(3)
    second.green()
    lines = second.run("history")["lines"]
    landings = [one for one in lines if one["what"] == "landed"]
    assert [one["app_sha"] for one in landings] == [sha_of(f"app-{n}") for n in (1, 2, 3)]
    assert [one["until"] for one in landings] == [one["at"] for one in landings[1:]] + [None]
    assert second.run("history")["missing"] == []


def test_wave_that_was_renamed_has_its_past(deployed: World) -> None:
    deployed.later(minutes=5)
    git(deployed.clone, "pull", "-q", str(deployed.bare), "main")
    git(deployed.clone, "mv", "images/lab", "images/bench")
    git(deployed.clone, "mv", "generated/lab", "generated/bench")
    settings = deployed.settings.replace('name = "lab"', 'name = "bench"\nwas = "lab"')
    (deployed.clone / "tidemill.toml").write_text(settings)
    rollout = (deployed.clone / "rollout.json").read_text().replace('"lab"', '"bench"')
    (deployed.clone / "rollout.json").write_text(rollout)
    deployed.commit("lab is called bench")
    deployed.turn()
    lines = deployed.run("history", "--wave", "bench")["lines"]
    assert [one["what"] for one in lines][:1] == ["landed"]
    assert lines[0]["wave"] == "lab"
    assert "renamed" in [one["what"] for one in lines]
    _, said, _ = says(deployed, "history", "--wave", "bench")
    assert "renamed: the wave bench was lab" in " ".join(said.split())
    of_bench = deployed.run("history", "--service", "web", "--wave", "bench")["services"]
    assert of_bench
    assert deployed.run("history", "--service", "web")["services"] == of_bench
    (then,) = deployed.run("history", "--at", lines[0]["at"])["sets"]
    now = deployed.run("history", "--at", deployed.now.isoformat())
    assert (then["wave"], [one["wave"] for one in now["sets"]]) == ("lab", ["bench"])
    assert then["until"] is None
    targets = [(one["wave"], one["target"], one["app_shas"]) for one in now["targets"]]
    assert targets == [("bench", name, {"app": sha_of("app-1")}) for name in ("lab-1", "lab-2")]
    assert deployed.run("explain", "web")["things"][0]["services"] == of_bench


def test_wave_that_is_gone_is_named_as_what_was_removed() -> None:
    line = Line(
        at=datetime(2026, 1, 5, tzinfo=UTC),
        what="removed",
        wave="staging",
        reason="tidemill.toml names no wave staging any more",
        run_url="https://github.com/acme/cfg-app/actions/runs/7",
    )
    assert sentence(line) == "removed (run 7): tidemill.toml names no wave staging any more"


def test_newest_lines_are_shown_and_the_others_counted(second: World) -> None:
    everything = second.run("history")["lines"]
    found = second.run("history", "--limit", "1")
    assert found["lines"] == everything[-1:]
    assert found["earlier"] == len(everything) - 1
    assert told(second, "--limit", "0") == told(second)


def test_since_leaves_out_what_was_before(second: World) -> None:
    lines = second.run("history")["lines"]
    newest = second.run("history", "--since", lines[-1]["at"])["lines"]
    assert newest == [one for one in lines if one["at"] == lines[-1]["at"]]


@pytest.mark.parametrize("way", ["", "file://"], ids=["a folder", "a connection"])
def test_since_reads_no_more_turns_than_it_needs(
    second: World, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = second.run("history")["lines"]
    turns, asked = watched_turns(second, monkeypatch)
    read_ = []
    for since in sorted({line["at"] for line in whole}):
        asked.clear()
        found = second.run("history", "--since", since, "--repo", f"{way}{second.bare}", repo=False)
        assert found["lines"] == [line for line in whole if line["at"] >= since]
        read_.append(asked[-1])
    assert read_[-1] < turns, "the later the time, the fewer turns"
    assert read_ == sorted(read_, reverse=True)
    asked.clear()
    assert "did you mean" in refused(second, "history", "--since", since, "--wave", "shopp")
    assert asked[-1] > turns, "that there was no such wave is found out from the first turn on"


def test_newest_lines_take_the_last_turns_alone(
    second: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, whole, _ = says(second, "history", "--limit", "2")
    assert "earlier lines are left out" in whole
    newest = whole.partition("shows all.")[2].split()
    watched_turns(second, monkeypatch)
    _, part, _ = says(second, "history", "--limit", "2")
    assert " ".join(part.split()).startswith("Earlier lines are left out; --limit 0 shows all. 20")
    assert part.partition("shows all.")[2].split() == newest
    counted = second.run("history", "--limit", "2")["earlier"]
    assert f"{counted} earlier" in whole, "programs are told how many, whatever that takes"


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (("--wave", "shopp"), "did you mean shop?"),
        (("--target", "lab-11"), "did you mean lab-1?"),
        (("--set", "apps"), "did you mean app?"),
        (("--service", "wep"), "did you mean web?"),
    ],
)
def test_name_that_is_nobodys_is_refused_with_the_one_that_is_near(
    second: World, arguments: tuple[str, ...], meant: str
) -> None:
    assert meant in refused(second, "history", *arguments)


def test_where_there_are_many_names_the_first_are_said_and_how_many_more(tmp_path: Path) -> None:
    targets = [f"lab-{number}" for number in range(100, 400)]
    w = World(tmp_path, {"lab": {"targets": targets}})
    said = refused(w, "history", "--target", "elsewhere")
    assert "there are lab-100, lab-101," in said
    assert "lab-109 and 290 more" in said


@pytest.mark.parametrize(
    "arguments",
    [
        ("--at", "2026-01-05T10:00"),
        ("--at", "noon"),
        ("--since", "2099-01-01T00:00:00Z"),
        ("--limit", "few"),
        ("--at", "2026-01-05T10:00:00Z", "--since", "2026-01-05T10:00:00Z"),
        ("--target", "lab-1", "--service", "web"),
    ],
    ids=" ".join,
)
def test_question_that_can_not_be_answered_is_refused(
    second: World, arguments: tuple[str, ...]
) -> None:
    refused(second, "history", *arguments)


def test_history_is_the_same_over_a_connection(second: World) -> None:
    there = second.run("history", "--repo", f"file://{second.bare}", repo=False)
    assert there == second.run("history")
    services = ("history", "--service", "web")
    assert second.run(*services, "--repo", f"file://{second.bare}", repo=False) == second.run(
        *services
    )


def test_shallow_copy_says_that_turns_are_missing(second: World, tmp_path: Path) -> None:
    copy = tmp_path / "copy.git"
    git(tmp_path, "init", "-q", "--bare", "-b", "main", str(copy))
    wanted = ("+refs/heads/*:refs/heads/*", "+refs/tidemill/*:refs/tidemill/*")
    git(copy, "fetch", "-q", "--depth=1", f"file://{second.bare}", *wanted)
    found = second.run("history", "--repo", str(copy), repo=False)
    assert any("--mirror without --depth gets all" in one for one in found["missing"])
    assert [one["app_sha"] for one in found["lines"] if one["what"] == "landed"] == [
        sha_of("app-1"),
        sha_of("app-2"),
    ], "the ledger still knows"


NOW = datetime(2026, 1, 8, 15, 30, tzinfo=UTC)  # a Thursday


BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("2026-01-06T14:00:00+01:00", datetime(2026, 1, 6, 13, tzinfo=UTC)),
        ("2026-01-06T14:00Z", datetime(2026, 1, 6, 14, tzinfo=UTC)),
        ("2 h ago", NOW - timedelta(hours=2)),
        ("90min ago", NOW - timedelta(minutes=90)),
        ("5 mins ago", NOW - timedelta(minutes=5)),
        ("3 days ago", NOW - timedelta(days=3)),
        ("Tuesday 14:00", datetime(2026, 1, 6, 13, tzinfo=UTC)),
        ("today 16:30", datetime(2026, 1, 8, 15, 30, tzinfo=UTC)),
        ("yesterday 09:05", datetime(2026, 1, 7, 8, 5, tzinfo=UTC)),
        ("thursday 16:31", datetime(2026, 1, 1, 15, 31, tzinfo=UTC)),
        ("tue 14:00", datetime(2026, 1, 6, 13, tzinfo=UTC)),
        ("Tuesday at 14:00", datetime(2026, 1, 6, 13, tzinfo=UTC)),
        ("2 weeks ago", NOW - timedelta(weeks=2)),
        ("2026-01-06 14:00 UTC", datetime(2026, 1, 6, 14, tzinfo=UTC)),
        ("2026-01-06 14:00 America/New_York", datetime(2026, 1, 6, 19, tzinfo=UTC)),
        ("yesterday 14:00 UTC", datetime(2026, 1, 7, 14, tzinfo=UTC)),
    ],
)
def test_times_are_read_as_people_say_them(text: str, when: datetime) -> None:
    assert parse_past(text, "--at", NOW, BERLIN) == when


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-06T14:00",
        "2026-01-06T14:00Z UTC",
        "2026-01-06 14:00 Berlin",
        "2026-01-06 14:00 ../../etc/passwd",
        "14:00",
        "tuesday",
        "next week",
        "today 25:00",
        "today 23:00",
        "999999 days ago",
        "3 hays ago",
        "٢ h ago",
        "today ١٤:00",
        "",
    ],
)
def test_times_that_could_be_several_or_none_are_refused_with_examples(text: str) -> None:
    with pytest.raises(Refused) as error:
        parse_past(text, "--at", NOW, BERLIN)
    assert "tuesday 14:00" in error.value.remedy


@pytest.mark.parametrize(
    "text", ["2025-10-26 02:30 Europe/Berlin", "2025-03-30T02:30 Europe/Berlin"]
)
def test_clock_of_a_zone_that_was_changed_is_refused_there(text: str) -> None:
    with pytest.raises(Refused, match="came twice, or not at all"):
        parse_past(text, "--at", NOW, BERLIN)


def test_hour_that_came_twice_is_refused() -> None:
    after = datetime(2026, 10, 25, 12, tzinfo=UTC)
    with pytest.raises(Refused) as error:
        parse_past("today 02:30", "--at", after, BERLIN)
    assert "came twice" in error.value.what


@pytest.fixture
def in_new_york(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The machine's clock shows the time of New York."""
    with monkeypatch.context() as patched:
        patched.setenv("TZ", "America/New_York")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("in_new_york")
@pytest.mark.parametrize(
    ("now", "text"),
    [
        (datetime(2026, 11, 1, 4, 43, tzinfo=UTC), "today 00:42"),
        (datetime(2026, 11, 1, 4, 43, tzinfo=UTC), "sunday 00:42"),
        (datetime(2026, 3, 8, 4, 43, tzinfo=UTC), "today 23:42"),
        (datetime(2026, 3, 8, 4, 43, tzinfo=UTC), "saturday 23:42"),
    ],
)
def test_days_are_those_of_the_clock_here_when_the_clocks_change(now: datetime, text: str) -> None:
    assert parse_past(text, "--at", now) == now - timedelta(minutes=1)
