"""`tidemill explain`."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.commands.promises import (
    assert_readable,
    refused,
    watched_turns,
)
from tests.loop.stories import refs, says
from tests.world import World, announcement, git, sha_of

from tidemill.answers import explanation


def explained(world: World, what: str) -> dict[str, Any]:
    """The only thing that is meant."""
    (found,) = world.run("explain", what)["things"]
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("what", [sha_of("app-2")[:12], "web", "lab-1", "shop"])
def test_explain_writes_nothing_and_says_the_same_twice(second: World, what: str) -> None:
    before = refs(second)
    first = second.run("explain", what)
    assert first.code == 0
    assert second.run("explain", what) == first
    assert refs(second) == before
    code, out, err = says(second, "explain", what)
    assert (code, err) == (0, "")
    assert_readable(out)


def test_commit_of_app_git_has_its_way_and_what_it_waits_for(second: World) -> None:
    found = explained(second, sha_of("app-2")[:7])
    assert (found["kind"], found["name"]) == ("app commit", sha_of("app-2"))
    assert [one["what"] for one in found["lines"]] == ["introduced", "landed", "deployed"]
    (wait,) = found["waiting"]
    assert wait["kind"] == "approval"
    assert {one["name"] for one in found["targets"]} == {"lab-1", "lab-2"}


def test_commit_that_was_only_announced_is_explained_by_what_it_waits_for(landed: World) -> None:
    landed.announce(2)
    found = explained(landed, sha_of("app-2"))
    assert found["lines"] == []
    assert found["waiting"]


def test_hotfix_that_no_turn_has_seen_is_known_by_its_commit(second: World) -> None:
    file = second.folder / "hotfix.json"
    file.write_text(json.dumps(announcement(7, sha=sha_of("fix-7"))))
    why = ("--override", "checkout is down", "--accept-only")
    second.run("promote-wave", "--wave", "shop", "--announcement", str(file), *why)
    found = explained(second, sha_of("fix-7")[:12])
    assert (found["kind"], found["name"]) == ("app commit", sha_of("fix-7"))
    assert {one["wave"] for one in found["waiting"]} == {"shop"}


def test_commit_of_main_says_what_it_put_where(second: World) -> None:
    main = second.ref("refs/heads/main") or ""
    found = explained(second, main[:12])
    assert (found["kind"], found["name"]) == ("cfg-app commit", main)
    assert {one["app_sha"] for one in found["lines"] if one["what"] == "landed"} == {
        sha_of("app-2")
    }


def test_digest_says_which_service_had_it_where_and_when(second: World) -> None:
    image = announcement(1)["images"]["web"]["Digest"]
    digest = image.partition("@")[2]
    for given in (digest, digest.removeprefix("sha256:")[:10]):
        found = explained(second, given)
        assert (found["kind"], found["name"]) == ("image", digest)
        (stay,) = found["services"]
        assert (stay["service"], stay["wave"], stay["app_sha"]) == ("web", "lab", sha_of("app-1"))
        assert stay["until"]


def test_digest_of_the_set_that_runs_says_which_targets_run_it(second: World) -> None:
    digest = announcement(2)["images"]["web"]["Digest"].partition("@")[2]
    found = explained(second, digest)
    assert {one["name"] for one in found["targets"]} == {"lab-1", "lab-2"}
    assert [one["kind"] for one in found["waiting"]] == ["approval"]


def test_whole_reference_of_an_image_is_taken(second: World) -> None:
    image = announcement(2)["images"]["web"]
    for given in (image["Digest"], f"docker-pullable://{image['Digest']}", image["Digest"].upper()):
        assert explained(second, given)["name"] == image["Digest"].partition("@")[2]
    assert explained(second, image["Tag"])["name"] == sha_of("app-2")


def test_digest_of_a_set_that_no_wave_has_had_leads_to_its_commit(evicted: World) -> None:
    (line,) = [one for one in evicted.run("history")["lines"] if one["what"] == "evicted"]
    evicted.run("hold-wave", "--wave", "lab", "--reason", "stocktaking")
    evicted.announce(8)
    evicted.announce(9)
    evicted.run("drop", "--id", f"announcement-app-9-{sha_of('app-9')[:12]}")
    gone = git(evicted.bare, "show", f"{line['sha']}:images/lab/digests.json")
    (image,) = json.loads(gone).values()
    found = explained(evicted, image)
    assert "evicted" in [one["what"] for one in found["lines"]]
    assert {one["app_sha"] for one in found["lines"]} == {line["app_sha"]}
    waits, dropped = (
        explained(evicted, announcement(position)["images"]["web"]["Digest"]) for position in (8, 9)
    )
    assert waits["lines"] == []
    assert waits["waiting"][0]["app_sha"] == sha_of("app-8")
    (end,) = dropped["lines"]
    assert (end["what"], end["app_sha"]) == ("dropped", sha_of("app-9"))


def test_service_says_which_images_it_had(second: World) -> None:
    found = explained(second, "web")
    assert [one["app_sha"] for one in found["services"]] == [sha_of("app-1"), sha_of("app-2")]


def test_target_says_what_it_runs_and_reported(second: World) -> None:
    found = explained(second, "lab-1")
    assert [one["what"] for one in found["lines"]] == ["reported", "reported"]
    (target,) = found["targets"]
    assert (target["wave"], target["runs"]) == ("lab", {"app": sha_of("app-2")})


def test_evicted_commit_says_why(evicted: World) -> None:
    shas = {one["app_sha"] for one in evicted.run("history")["lines"] if one["what"] == "evicted"}
    (sha,) = shas
    found = explained(evicted, sha)
    assert "evicted" in [one["what"] for one in found["lines"]]


def test_digits_that_begin_several_are_refused_with_all_of_them(new: World) -> None:
    for position, sha in ((1, "abcdef1" + "0" * 33), (2, "abcdef1" + "1" * 33)):
        new.announce(position, sha=sha)
        new.green()
        new.deploy("lab")
    said = refused(new, "explain", "abcdef1")
    assert f"app commit abcdef1{'0' * 33}" in said
    assert f"app commit abcdef1{'1' * 33}" in said
    assert explained(new, "abcdef11")["name"] == "abcdef1" + "1" * 33


@pytest.mark.parametrize(("what", "meant"), [("wep", "web"), ("lab1", "lab-1"), ("shpo", "shop")])
def test_unknown_name_is_refused_with_the_one_that_is_near(
    second: World, what: str, meant: str
) -> None:
    assert f"did you mean {meant}?" in refused(second, "explain", what)


@pytest.mark.parametrize("what", ["0000000", "sha256:0000000", "-", "\x1b[31mred"])
def test_what_nobody_knows_is_refused(second: World, what: str) -> None:
    refused(second, "explain", what)


def test_what_nobody_knows_is_said_without_asking_github(new: World) -> None:
    file = new.clone / "tidemill.toml"
    file.write_text(file.read_text().replace('source = "refs"', 'source = "github"'))
    new.commit("checks are GitHub's")
    new.announce(1)
    assert "GitHub's API is needed" in refused(new, "status")
    assert "nothing that Git knows here is called 'wep'" in refused(new, "explain", "wep")


def test_newest_lines_of_a_target_and_a_wave_take_the_last_turns_alone(
    second: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = {name: explained(second, name)["lines"] for name in ("lab-1", "lab")}
    turns, asked = watched_turns(second, monkeypatch)
    monkeypatch.setattr(explanation, "MOST_LINES", 1)
    for name, lines in whole.items():
        asked.clear()
        found = explained(second, name)
        assert (found["lines"], found["earlier"]) == (lines[-1:], None)
        assert asked[-1] < turns
        _, out, _ = says(second, "explain", name)
        kind = found["kind"]
        command = f"tidemill history --{kind} {name} --limit 0 --repo {second.bare}"
        assert f"Earlier lines are left out. To see all:\n  {command}\n" in out, "to be copied"


def test_of_a_service_the_newest_images_are_told_and_those_that_are_there(
    second: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    second.run("promote-wave", "--wave", "shop", "--sha", sha_of("app-2"))
    second.green()
    whole = explained(second, "web")
    assert whole["earlier"] == 0
    monkeypatch.setattr(explanation, "MOST_LINES", 1)
    found = explained(second, "web")
    there = [one for one in whole["services"] if one["until"] is None]
    assert len(there) > 1
    assert found["services"] == there
    assert found["earlier"] == len(whole["services"]) - len(there) > 0
    _, out, _ = says(second, "explain", "web")
    left = f"{found['earlier']} earlier lines are left out. To see all:\n  tidemill history"
    assert f"{left} --service web --limit 0" in out


def test_the_last_turns_are_enough_for_a_service_that_changed_in_them_everywhere(
    deployed: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployed.later(days=3)
    for position in (2, 3):
        deployed.announce(position)
        deployed.green()
        deployed.later(hours=30)
        deployed.run("promote-wave", "--wave", "shop", "--sha", sha_of(f"app-{position}"))
        deployed.green()
        deployed.later(hours=30)
    whole = explained(deployed, "web")
    turns, asked = watched_turns(deployed, monkeypatch)
    monkeypatch.setattr(explanation, "MOST_LINES", 2)
    found = explained(deployed, "web")
    assert asked[-1] < turns
    assert found["services"] == whole["services"][-len(found["services"]) :]
    assert found["earlier"] is None


def test_where_nobody_can_ask_github_git_still_answers_and_the_answer_says_so(
    second: World,
) -> None:
    second.settings = second.settings.replace('source = "refs"', 'source = "github"')
    second.edit()
    code, out, _ = says(second, "explain", sha_of("app-2")[:12])
    assert code == 0
    assert "introduced" in out
    assert "nobody could ask it here" in " ".join(out.split())
    told = second.run("explain", "shop")
    assert any("each check counts as still to come" in one for one in told["missing"])


@pytest.mark.parametrize("name", ["Facade2", "facade2"])
def test_service_whose_name_could_be_digits_is_found(new: World, name: str) -> None:
    new.announce(1, {name: "1"})
    new.green()
    (found,) = new.run("explain", name)["things"]
    assert (found["kind"], found["name"]) == ("service", name)


def test_service_that_is_gone_is_found_though_its_name_could_be_digits(new: World) -> None:
    new.announce(1, {"facade2": "1", "web": "1"})
    new.green()
    new.deploy("lab")
    new.later(minutes=20)
    new.announce(2, {"web": "2"})
    new.green()
    (found,) = new.run("explain", "facade2")["things"]
    assert (found["kind"], found["name"]) == ("service", "facade2")


def test_what_a_hand_wrote_in_another_way_is_found_by_service_and_digest(second: World) -> None:
    digest = "abcdef0123456789" * 4
    second.edit()
    file = second.clone / "images/lab/digests.json"
    escaped = f"ghcr.io/acme/site@sha256:\\u0061{digest[1:]}"
    file.write_text(f'{{"w\\u0065b": "{escaped}"}}\n')
    second.commit("by hand")
    second.turn()
    for what in ("web", digest[:20]):
        newest = explained(second, what)["services"][-1]
        assert (newest["service"], newest["how"]) == ("web", "by hand")
        assert newest["image"].endswith(digest)
