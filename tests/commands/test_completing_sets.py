"""A builder that built only some services completes the set from that of the commit before."""

import itertools
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.commands.checkouts import Checkout, Said, new_checkout, service, tidemill
from tests.world import git

from tidemill.announcing.announcement import Announcement, as_json, parse
from tidemill.announcing.origin import Origin
from tidemill.clients.git.announced_sets import KEPT, AnnouncedSets
from tidemill.commands._completing import Completion
from tidemill.errors import Refused, ServerRefused

DIGEST = "sha256:" + "a" * 64
REFS = "refs/tidemill/announced"


@pytest.fixture
def app(tmp_path: Path) -> Checkout:
    """Three services of one set, and the repository that the checkout was pushed to."""
    app = new_checkout(tmp_path / "acme" / "app", "web", "api", "db")
    git(tmp_path, "init", "--quiet", "--bare", "acme/app.git")
    git(app.folder, "remote", "add", "origin", str(tmp_path / "acme" / "app.git"))
    push(app)
    return app


def push(app: Checkout) -> None:
    git(app.folder, "push", "--quiet", "origin", "HEAD:refs/heads/main")


def records(app: Checkout, *services: str) -> Path:
    """The records of services that were built of the checkout's commit."""
    folder = app.folder.parent / "records" / app.sha
    folder.mkdir(parents=True, exist_ok=True)
    for name in services:
        image = {
            "Digest": f"ghcr.io/acme/{name}@{DIGEST}",
            "Tag": f"ghcr.io/acme/{name}:{app.sha}",
        }
        (folder / f"{name}.json").write_text(json.dumps({name: image}))
    return folder


def merge(app: Checkout, *services: str, options: tuple[str | Path, ...] = ()) -> Said:
    given = options or ("--complete", "origin")
    return tidemill(
        *("record-image-artifact", "--merge", records(app, *services), "--branch", "main"),
        *("--checkout", app.folder, "--repository", "acme/app", *given),
    )


def tags(said: Said) -> dict[str, str]:
    """The commit that each service's image was built from."""
    assert said.code == 0, said.err
    return {name: image["Tag"].rpartition(":")[2] for name, image in said.json["images"].items()}


def known(app: Checkout) -> dict[str, str]:
    """The sets that app.git knows, by ref."""
    bare = app.folder.parent / "app.git"
    lines = git(bare, "for-each-ref", "--format=%(refname) %(objectname)", REFS).splitlines()
    return {ref: git(bare, "cat-file", "blob", blob) for ref, blob in map(str.split, lines)}


def built(app: Checkout, *services: str) -> tuple[str, dict[str, str]]:
    """The next commit, of which only these services are built."""
    sha = app.commit()
    push(app)
    return sha, tags(merge(app, *services))


def test_each_set_is_whole_and_a_carried_image_keeps_its_tag(app: Checkout) -> None:
    first = app.sha
    assert tags(merge(app, "web", "api", "db")) == dict.fromkeys(("web", "api", "db"), first)
    second, found = built(app, "web")
    assert found == {"web": second, "api": first, "db": first}
    third, found = built(app, "api")
    assert found == {"web": second, "api": third, "db": first}
    _, found = built(app)
    assert found == {"web": second, "api": third, "db": first}
    assert len(known(app)) == 4


def test_what_was_carried_is_said(app: Checkout) -> None:
    first = app.sha
    merge(app, "web", "api", "db")
    app.settings(service("web") + service("api"))
    app.commit("No database any more")
    said = merge(app, "web")
    assert f"app: complete, 2 images; carried on from {first}: api; removes: db" in said.err


def test_set_of_the_first_parent_that_is_not_known_is_refused(app: Checkout) -> None:
    parent = app.sha
    app.commit()
    said = merge(app, "web")
    assert (said.code, said.out) == (1, "")
    assert f"the set of {parent} is not known in {app.folder.parent}/app.git" in said.err
    assert "written: nothing" in said.err
    assert "--wait" in said.err
    assert "--base" in said.err
    assert known(app) == {}


def test_first_parent_counts_and_not_the_branch_that_was_merged(app: Checkout) -> None:
    first = app.sha
    merge(app, "web", "api", "db")
    git(app.folder, "checkout", "--quiet", "-b", "feature")
    app.commit("On a branch")
    git(app.folder, "checkout", "--quiet", "-")
    git(app.folder, "merge", "--quiet", "--no-ff", "--message", "Merge", "feature")
    assert tags(merge(app, "web")) == {"web": app.sha, "api": first, "db": first}


def test_commits_that_were_never_built_are_passed_over_by_name(app: Checkout) -> None:
    first = app.sha
    merge(app, "web", "api", "db")
    app.commit("Pushed together with the next one")
    app.commit()
    complete = ("--complete", "origin", "--base", first)
    assert tags(merge(app, "web", options=complete))["api"] == first
    for base, reason in ((app.sha, "no commit that leads to"), ("main", "is not the full SHA")):
        refused = merge(app, "web", options=("--complete", "origin", "--base", base))
        assert refused.code == 1
        assert reason in refused.err


def test_first_commit_has_nothing_to_be_completed_from(app: Checkout) -> None:
    git(app.folder, "checkout", "--quiet", "--orphan", "new")
    app.commit("Anew")
    assert "has no parent whose set could complete app" in merge(app, "web").err


def test_file_will_do_without_any_repository(app: Checkout, tmp_path: Path) -> None:
    whole = merge(app, "web", "api", "db", options=("--run-url", "https://ci.example.com/1"))
    file = tmp_path / "before.json"
    file.write_text(whole.out)
    first, second = app.sha, app.commit()
    found = tags(merge(app, "web", options=("--complete", file)))
    assert found == {"web": second, "api": first, "db": first}
    assert known(app) == {}, "a file is given for one commit, and nothing is written to app.git"
    app.commit()
    said = merge(app, "web", options=("--complete", file))
    assert said.code == 1
    assert f"this is the announcement of app at {first}" in said.err
    missing = merge(app, "web", options=("--complete", tmp_path / "missing.json"))
    assert "is not known in" in missing.err


def test_shallow_clone_knows_its_first_parent(app: Checkout, tmp_path: Path) -> None:
    first = app.sha
    merge(app, "web", "api", "db")
    app.commit()
    push(app)
    bare = app.folder.parent / "app.git"
    shallow = tmp_path / "acme" / "shallow"
    git(tmp_path, "clone", "--quiet", "--depth=1", "--branch=main", f"file://{bare}", str(shallow))
    found = merge(Checkout(shallow), "web", options=("--complete", "origin", "--position", "3"))
    assert tags(found)["api"] == first
    assert git(shallow, "rev-parse", "--is-shallow-repository") == "true"


def test_twice_is_once_and_of_two_that_differ_the_later_counts(app: Checkout) -> None:
    merge(app, "web", "api", "db")
    (before,) = known(app).values()
    merge(app, "web", "api", "db")
    assert list(known(app).values()) == [before]
    merge(
        *(app, "web", "api", "db"),
        options=("--complete", "origin", "--run-url", "https://ci.example.com/2"),
    )
    (after,) = known(app).values()
    assert json.loads(after)["run_url"] == "https://ci.example.com/2"


def test_without_the_right_to_push_nothing_is_written(app: Checkout, tmp_path: Path) -> None:
    hook = app.folder.parent / "app.git" / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    output = tmp_path / "sets"
    said = merge(app, "web", "api", "db", options=("--complete", "origin", "--output", output))
    assert said.code == 1
    assert "can't be written to" in said.err
    assert "contents: write" in said.err
    assert not output.exists()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--base", "a" * 40), "--base has no meaning without --complete"),
        (("--complete", "origin", "--wait", "soon"), "--wait: 'soon' is not a duration"),
        (("--complete=--upload-pack=x",), "is no repository"),
        (("--complete", "nowhere"), "nowhere can't be read"),
    ],
    ids=["base-alone", "wait", "an-option", "no-repository"],
)
def test_options_that_can_not_be_meant_are_refused(
    app: Checkout, options: tuple[str, ...], reason: str
) -> None:
    said = merge(app, "web", "api", "db", options=options)
    assert said.code == 1
    assert reason in said.err


def announcement(position: int, sha: str) -> Announcement:
    image: dict[str, Any] = {"Digest": f"r/web@{DIGEST}", "Tag": f"r/web:{sha}"}
    plain = {"set": "app", "repository": "acme/app", "sha": sha, "position": position}
    return parse(json.dumps({**plain, "images": {"web": image}}).encode())


def written(sets: AnnouncedSets, position: int, sha: str) -> None:
    one = announcement(position, sha)
    sets.write(one, json.dumps(as_json(one)).encode())


def test_it_waits_as_long_as_it_may_and_goes_on_when_the_set_is_there(app: Checkout) -> None:
    sets = AnnouncedSets(app.folder, "origin")
    base, pauses = "b" * 40, []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            written(sets, 7, base)

    origin = Origin("acme/app", "main", "c" * 40, 8)
    found = Completion(sets, base, timedelta(minutes=10), pause).base_of("app", origin)
    assert (found.sha, found.position, len(pauses)) == (base, 7, 3)
    never = Completion(sets, "d" * 40, timedelta(seconds=1))
    with pytest.raises(Refused, match=r"is not known in .* after 1s"):
        never.base_of("app", origin)


def test_sets_that_lie_far_back_go(app: Checkout) -> None:
    sets = AnnouncedSets(app.folder, "origin")
    for position in (1, 2, KEPT + 1, KEPT + 2):
        written(sets, position, f"{position:040x}")
    positions = sorted(int(ref.rpartition("/")[2].partition("-")[0]) for ref in known(app))
    assert positions == [2, KEPT + 1, KEPT + 2]
    written(sets, 3, f"{3:040x}")  # app.git was rewritten: positions begin anew
    assert sets.find("app", f"{3:040x}") is not None
    assert sets.find("app", f"{1:040x}") is None


def test_a_set_is_found_whatever_has_become_of_submodules(
    app: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sets = AnnouncedSets(app.folder, "origin")
    written(sets, 1, "1" * 40)
    lib = tmp_path / "lib"
    git(tmp_path, "init", "--quiet", "lib")
    git(lib, "commit", "--quiet", "--allow-empty", "--message", "Work")
    words = ("submodule", "--quiet", "add", str(lib), "lib")
    git(app.folder, "-c", "protocol.file.allow=always", *words)
    app.commit()
    lib.rename(tmp_path / "gone")
    (tmp_path / "gitconfig").write_text("[submodule]\n\trecurse = true\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    assert sets.find("app", "1" * 40) is not None


def test_somebody_who_writes_at_once_is_not_overwritten_unseen(
    app: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, theirs = AnnouncedSets(app.folder, "origin"), AnnouncedSets(app.folder, "origin")
    listed, count = mine._listed, itertools.count()

    def late(set_name: str) -> dict[str, str]:
        found = listed(set_name)
        theirs.write(announcement(1, "1" * 40), b'{"theirs": %d}' % next(count))
        return found

    monkeypatch.setattr(mine, "_listed", late)
    with pytest.raises(ServerRefused):
        written(mine, 1, "1" * 40)
    assert all("theirs" in text for text in known(app).values())


def test_set_that_lies_far_back_and_is_written_anew_meanwhile_does_not_go(
    app: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, theirs = AnnouncedSets(app.folder, "origin"), AnnouncedSets(app.folder, "origin")
    written(mine, 1, "1" * 40)
    listed = mine._listed

    def late(set_name: str) -> dict[str, str]:
        found = listed(set_name)
        monkeypatch.setattr(mine, "_listed", listed)
        theirs.write(announcement(1, "1" * 40), b'{"theirs": 1}')
        return found

    monkeypatch.setattr(mine, "_listed", late)
    written(mine, KEPT + 2, "2" * 40)
    assert known(app)[f"{REFS}/app/1-{'1' * 40}"] == '{"theirs": 1}'
