"""`tidemill diff`, and what a dry run of `promote-wave` and the summary of a turn say of it."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.commands.as_action import act
from tests.commands.promises import assert_readable, refused
from tests.loop.stories import fork, refs, says
from tests.world import World, announcement, git, sha_of

from tidemill.answers.difference import file_change
from tidemill.commands import diff
from tidemill.errors import Refused
from tidemill.words.shas import short


@pytest.fixture(scope="session")
def _grown(_new: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    world = fork(_new, tmp_path_factory.mktemp("grown"))
    world.announce(1, {"web": "1", "old": "1", "same": "0"})
    world.green()
    world.deploy("lab")
    world.run("promote-wave", "--wave", "shop", "--sha", sha_of("app-1"))
    world.green()
    world.deploy("shop")
    world.later(minutes=30)
    # The service that stays has the same image; its reference is by digest.
    world.announce(2, {"web": "2", "api": "1", "same": "0"})
    world.green()
    world.deploy("lab")
    return world


@pytest.fixture
def grown(_grown: World, tmp_path: Path) -> World:
    """Lab has position 2, shop position 1: web is another one, api is new, old is gone."""
    return fork(_grown, tmp_path)


def services(found: dict[str, Any]) -> dict[str, str]:
    return {one["service"]: one["what"] for one in found["sets"][0]["services"]}


CHANGED = {"api": "added", "old": "removed", "web": "changed"}


@pytest.mark.parametrize("words", [("shop",), ("--promote", "shop")], ids=" ".join)
def test_diff_writes_nothing_and_says_the_same_twice(grown: World, words: tuple[str, ...]) -> None:
    before = refs(grown)
    first = grown.run("diff", *words)
    assert first.code == 0
    assert grown.run("diff", *words) == first
    assert refs(grown) == before
    code, out, err = says(grown, "diff", *words)
    assert (code, err) == (0, "")
    assert_readable(out.partition("Files of cfg-app.git")[0])  # a line of a file is as it is


def test_wave_is_compared_with_the_one_before(grown: World) -> None:
    found = grown.run("diff", "shop")
    (one,) = found["sets"]
    assert (found["against"], one["wave"]) == ("lab", "shop")
    assert (one["before"], one["after"]) == (sha_of("app-1"), sha_of("app-2"))
    assert services(found) == CHANGED
    assert found["files"] is None
    web = next(each for each in one["services"] if each["service"] == "web")
    assert web["after"] == announcement(2, {"web": "2"})["images"]["web"]["Digest"]


def test_two_waves_are_compared_the_way_round_that_is_asked_for(grown: World) -> None:
    found = grown.run("diff", "lab", "shop")
    assert services(found) == {"api": "removed", "old": "added", "web": "changed"}


def test_promotion_says_which_files_it_would_change(grown: World) -> None:
    found = grown.run("diff", "--promote", "shop")
    assert services(found) == CHANGED
    changed = {one["path"]: one["diff"] for one in found["files"]}
    image_files = {f"images/shop/{name}.json" for name in ("tags", "digests", "source")}
    assert changed.keys() == {*image_files, "generated/shop/north/all.yaml"}
    yaml = changed["generated/shop/north/all.yaml"].splitlines()
    assert yaml[:3] == [
        "diff --git a/generated/shop/north/all.yaml b/generated/shop/north/all.yaml",
        "--- a/generated/shop/north/all.yaml",
        "+++ b/generated/shop/north/all.yaml",
    ]
    assert any(line.startswith("+api: ") for line in yaml)
    assert any(line.startswith("-old: ") for line in yaml)


def test_promotion_changes_what_it_was_said_to_change(grown: World) -> None:
    said = {one["path"] for one in grown.run("diff", "--promote", "shop")["files"]}
    before = grown.ref("refs/heads/main") or ""
    grown.run("promote-wave", "--wave", "shop", "--sha", sha_of("app-2"))
    grown.green()
    names = git(grown.bare, "diff", "--name-only", before, "main").splitlines()
    assert said == set(names)


def test_older_set_can_be_asked_for_by_its_commit(grown: World) -> None:
    found = grown.run("diff", "--promote", "lab", "--sha", sha_of("app-1")[:10])
    assert found["sets"][0]["after"] == sha_of("app-1")


def test_dry_run_of_a_promotion_shows_what_it_changes(grown: World) -> None:
    promote = ("promote-wave", "--wave", "shop", "--sha", sha_of("app-2"), "--dry-run")
    before = refs(grown)
    found = grown.run(*promote)["change"]
    assert services(found) == CHANGED
    assert "generated/shop/north/all.yaml" in {one["path"] for one in found["files"]}
    assert refs(grown) == before
    assert "+api: " in says(grown, *promote)[1]


def test_dry_run_of_a_promotion_that_has_to_wait_shows_services_alone(grown: World) -> None:
    grown.run("hold-wave", "--wave", "shop", "--reason", "stocktaking")
    promote = ("promote-wave", "--wave", "shop", "--sha", sha_of("app-2"), "--dry-run")
    found = grown.run(*promote)["change"]
    assert services(found) == CHANGED
    assert found["files"] is None


def test_turn_says_what_waits_for_an_approval(grown: World) -> None:
    (one,) = grown.turn()["approvals"]
    assert (one["wave"], one["before"], one["after"]) == ("shop", sha_of("app-1"), sha_of("app-2"))
    assert {each["service"]: each["what"] for each in one["services"]} == CHANGED


def test_summary_of_a_turn_says_what_waits_for_an_approval(grown: World, tmp_path: Path) -> None:
    done = act(tmp_path, "reconcile-cfg-app", {"repo": str(grown.bare)})
    (line,) = [one for one in done.summary.splitlines() if one.startswith("shop would get app")]
    assert "added api; removed old; changed web" in line


def three_commits(grown: World, app: Path) -> list[str]:
    """Of three commits of app.git `lab` has the last one, and `shop` the first one."""
    shas = []
    for number in (3, 4, 5):
        git(app, "commit", "-q", "--allow-empty", "-m", f"change {number}")
        shas.append(git(app, "rev-parse", "HEAD"))
    for position, sha in ((3, shas[0]), (5, shas[2])):
        grown.later(minutes=30)
        grown.announce(position, sha=sha)
        grown.green()
        grown.deploy("lab")
        if position == 3:
            grown.run("promote-wave", "--wave", "shop", "--sha", sha)
            grown.green()
            grown.deploy("shop")
    return shas


def test_commits_come_from_a_checkout_of_app_git(grown: World, tmp_path: Path) -> None:
    app = tmp_path / "app"
    git(tmp_path, "init", "-q", "-b", "main", str(app))
    shas = three_commits(grown, app)
    come = grown.run("diff", "shop", "--app", str(app))
    assert [one["subject"] for one in come["commits"]] == ["change 5", "change 4"]
    go = grown.run("diff", "lab", "shop", "--app", str(app))
    assert (go["is_back"], go["gone"]) == (True, go["commits"])
    assert len(go["commits"]) == 2
    git(app, "checkout", "-q", "--detach", shas[0])
    git(app, "commit", "-q", "--allow-empty", "-m", "fix")
    fix = git(app, "rev-parse", "HEAD")
    file = tmp_path / "hotfix.json"
    file.write_text(json.dumps(announcement(4, sha=fix)))
    hotfix = ("promote-wave", "--wave", "lab", "--announcement", str(file), "--override", "now")
    grown.run(*hotfix)
    grown.green()
    again = ("diff", "--promote", "lab", "--sha", shas[2], "--app", str(app))
    both = grown.run(*again)
    assert [one["subject"] for one in both["commits"]] == ["change 5", "change 4"]
    assert ([one["subject"] for one in both["gone"]], both["is_back"]) == (["fix"], False)
    assert "that would go\n" + short(fix) in says(grown, *again)[1]
    shutil.rmtree(app)
    assert "there is no folder" in refused(grown, "diff", "shop", "--app", str(app))
    git(tmp_path, "init", "-q", "-b", "main", str(app))
    assert "fetch" in refused(grown, "diff", "shop", "--app", str(app))


def test_a_shallow_checkout_of_app_git_does_not_say_that_commits_would_go(
    grown: World, tmp_path: Path
) -> None:
    app = tmp_path / "app"
    git(tmp_path, "init", "-q", "-b", "main", str(app))
    git(app, "config", "uploadpack.allowAnySHA1InWant", "true")
    shas = three_commits(grown, app)
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "-q", "--depth=1", app.as_uri(), str(shallow))
    git(shallow, "fetch", "-q", "origin", shas[0])
    said = refused(grown, "diff", "shop", "--app", str(shallow))
    assert f"git -C {shallow} fetch --unshallow" in said
    git(shallow, "fetch", "-q", "--unshallow")
    come = grown.run("diff", "shop", "--app", str(shallow))
    assert [one["subject"] for one in come["commits"]] == ["change 5", "change 4"]
    assert come["gone"] == []


def test_a_hotfix_and_a_rollback_show_on_trial_what_would_change(
    grown: World, tmp_path: Path
) -> None:
    file = tmp_path / "hotfix.json"
    file.write_text(json.dumps(announcement(9, {"web": "fixed"}, sha=sha_of("fix"))))
    hotfix = ("promote-wave", "--wave", "lab", "--announcement", str(file), "--override", "now")
    (change,) = grown.run(*hotfix, "--dry-run")["change"]["sets"]
    assert (change["wave"], change["after"]) == ("lab", sha_of("fix"))
    assert "changed" in {one["what"] for one in change["services"]}
    grown.run(*hotfix)
    grown.green()
    back = grown.run("rollback-wave", "--wave", "lab", "--reason", "worse", "--dry-run")["change"]
    (undone,) = back["sets"]
    assert (undone["before"], undone["after"]) == (change["after"], change["before"])
    assert "images/lab/digests.json" in {one["path"] for one in back["files"]}


def test_wave_may_be_called_as_it_was_before(grown: World) -> None:
    shop = 'name = "shop"'
    assert shop in grown.settings
    grown.settings = grown.settings.replace(shop, 'name = "store"\nwas = "shop"')
    git(grown.clone, "pull", "-q", str(grown.bare), "main")
    (grown.clone / "images/shop").rename(grown.clone / "images/store")
    (grown.clone / "tidemill.toml").write_text(grown.settings)
    grown.commit("shop is the store now")
    assert grown.run("diff", "shop")["sets"] == grown.run("diff", "store")["sets"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "name one or two waves"),
        (("shop", "--promote", "shop"), "name one or two waves"),
        (("lab",), "comes after no wave"),
        (("shpo",), "did you mean shop?"),
        (("shop", "laab"), "did you mean lab?"),
        (("shop", "--set", "ap"), "did you mean app?"),
        (("shop", "--sha", "abcdef1"), "without --promote"),
        (("--promote", "shop", "--sha", "abcdef1"), "no wave has had"),
        (("--promote", "shop", "--sha", "abc"), "7 to 40 lower-case hex digits"),
    ],
    ids=str,
)
def test_question_that_means_nothing_is_refused(
    grown: World, words: tuple[str, ...], said: str
) -> None:
    assert said in refused(grown, "diff", *words)


def test_promotion_that_can_not_be_made_says_why(grown: World) -> None:
    grown.edit(broken=True)
    assert "rollout.json is broken" in refused(grown, "diff", "--promote", "shop")


def test_first_wave_takes_no_promotion_by_itself(grown: World) -> None:
    assert "lab comes after no wave" in refused(grown, "diff", "--promote", "lab")


def test_image_that_somebody_put_there_by_hand_is_of_no_known_commit(
    grown: World, tmp_path: Path
) -> None:
    git(grown.clone, "pull", "-q", str(grown.bare), "main")
    file = grown.clone / "images/shop/digests.json"
    digest = announcement(1, {"web": "1"})["images"]["web"]["Digest"].rpartition(":")[2]
    file.write_text(file.read_text().replace(digest, "f" * 64))
    grown.commit("try another image")
    for _ in range(2):  # before a turn has seen it, and afterwards
        (one,) = grown.run("diff", "shop")["sets"]
        assert (one["before"], one["after"]) == (None, sha_of("app-2"))
        (web,) = [each for each in one["services"] if each["service"] == "web"]
        assert web["before"].endswith("f" * 64)
        grown.turn()
    grown.run("page", "--out", str(tmp_path / "page"))
    find = (tmp_path / "page" / "find.html").read_text()
    (said,) = re.findall(r"<code>f{12}</code>(.*?)</span>", find)
    assert "unknown" in said
    assert sha_of("app-1")[:12] not in said


def test_what_is_no_commit_is_no_option_of_git_either(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "x")
    with pytest.raises(Refused, match="does not have the commits"):
        diff._log(tmp_path, f"--output={tmp_path}/made", "HEAD")
    assert [one.name for one in tmp_path.iterdir()] == [".git"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"a: 1\n", b"a: 1"),
        (b"a: 1", b"a: 1\nb: 2"),
        (b"a: 1\r\n", b"a: 1\n"),
        (b"a: 1\n", b""),
        (b"\n", b"\n\n"),
        ("a: x\u2028y\x0cz\x85\n".encode(), "a: x\u2028z\n".encode()),
    ],
    ids=["newline-goes", "newline-stays-away", "line-ends", "empty", "empty-lines", "other-ends"],
)
def test_change_of_a_file_is_a_patch_that_git_applies(
    before: bytes, after: bytes, tmp_path: Path
) -> None:
    said = file_change("x", before, after).diff
    (tmp_path / "x").write_bytes(before)
    git(tmp_path, "apply", "-", data=f"{said}\n".encode())
    assert (tmp_path / "x").read_bytes() == after


_ODD = ["a b", "tab\there", 'a"quote', "back\\slash", "new\nline", "no-utf-\udcff8", "ü ö", " x "]


@pytest.mark.parametrize("name", _ODD, ids=ascii)
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((b"1\n", "100644"), (b"2\n", "100644")),
        (None, (b"1\n", "100644")),
        (None, (b"", "100644")),
        (None, (b"", "100755")),
        ((b"", "100644"), None),
        ((b"1\n", "100755"), None),
        ((b"1\n", "100644"), (b"1\n", "100755")),
        ((b"1\n", "100755"), (b"2\n", "100644")),
        ((b"1\n", "100644"), (b"elsewhere", "120000")),
        ((b"elsewhere", "120000"), (b"nowhere", "120000")),
    ],
    ids=["changed", "new", "empty", "x", "empty-goes", "goes", "mode", "both", "link", "leads"],
)
def test_git_applies_the_change_of_any_file(
    before: tuple[bytes, str] | None, after: tuple[bytes, str] | None, name: str, tmp_path: Path
) -> None:
    def tree(*files: tuple[str, tuple[bytes, str] | None]) -> str:
        git(tmp_path, "read-tree", "--empty")
        for path, file in files:
            if file is not None:
                sha = git(tmp_path, "hash-object", "-w", "--stdin", data=file[0])
                line = f"{file[1]} {sha}\t{path}\0".encode(errors="surrogateescape")
                git(tmp_path, "update-index", "-z", "--index-info", data=line)
        return git(tmp_path, "write-tree")

    git(tmp_path, "init", "-q")
    wanted = tree((f"in/{name}", after))
    tree((f"in/{name}", before))
    old, new = (one[0] if one else None for one in (before, after))
    modes = (before[1] if before else None, after[1] if after else None)
    said = file_change(f"in/{name}", old, new, modes).diff
    git(tmp_path, "apply", "--cached", "-", data=f"{said}\n".encode())
    assert git(tmp_path, "write-tree") == wanted


def test_promotion_would_not_take_a_hotfix_along(grown: World) -> None:
    file = grown.folder / "hotfix.json"
    fix = {**announcement(1, {"web": "fix"}, sha=sha_of("fix")), "branch": "release-1"}
    file.write_text(json.dumps(fix))
    grown.run(
        "promote-wave", "--wave", "lab", "--announcement", str(file), "--override", "it is down"
    )
    grown.green()
    grown.deploy("lab")
    found = grown.run("diff", "--promote", "shop")
    assert found["sets"][0]["after"] == sha_of("app-2")
    said = refused(grown, "diff", "--promote", "shop", "--sha", sha_of("fix"))
    assert "nothing can be promoted into shop" in said
