"""The repository's own commands: what they see, what they may change, and how they fail."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.loop.stories import (
    assert_rests,
    endings,
    file_at,
    inbox,
    land,
    parents,
    refs,
    trailers,
    waits_for,
)
from tests.world import World, git, sha_of

WAVES = {"lab": {"targets": ["lab-1"]}, "shop": {"targets": ["north"]}}
SECRET = "s3cret-token-0123456789"


def world_with(folder: Path, entrypoints: str, checks: str = "retries = 0") -> World:
    """A world with entry points of its own."""
    return World(folder, WAVES, entrypoints=entrypoints, checks=checks)


MAKEFILE = """\
introduce_images:
\t@python3 take.py "$(IMAGE_FILE)" images/$(WAVE)
\t@$(MAKE) -s generate
promote_images:
\t@mkdir -p images/$(TO)
\t@git show $(DEPLOYED_SHA):images/$(FROM)/tags.json > images/$(TO)/tags.json
\t@git show $(DEPLOYED_SHA):images/$(FROM)/digests.json > images/$(TO)/digests.json
\t@$(MAKE) -s generate
generate:
\t@python3 generate.py
check:
\t@! grep -rq FORBIDDEN generated
"""
TAKE = """\
import json, pathlib, sys
images = json.loads(pathlib.Path(sys.argv[1]).read_text())
folder = pathlib.Path(sys.argv[2])
folder.mkdir(parents=True, exist_ok=True)
for kind, name in (("Tag", "tags"), ("Digest", "digests")):
    text = json.dumps({service: image[kind] for service, image in images.items()}, indent=1)
    (folder / f"{name}.json").write_text(text)
"""
MAKE_TARGETS = """\
introduce = "make introduce_images WAVE={wave} SET={set} IMAGE_FILE={file}"
promote = "make promote_images FROM={source} TO={wave} SET={set} DEPLOYED_SHA={sha}"
generate = "make generate"
check = "make check"
"""


def test_make_targets_of_the_reference_are_enough(tmp_path: Path) -> None:
    world = world_with(tmp_path, MAKE_TARGETS)
    (world.clone / "Makefile").write_text(MAKEFILE)
    (world.clone / "take.py").write_text(TAKE)
    world.commit("make targets")
    world.announce(1, {"web": "1", "api": "1"})
    land(world)
    world.deploy("lab")
    land(world)
    assert world.on_main("lab") == world.on_main("shop") == sha_of("app-1")
    shop = json.loads(file_at(world, "main", "images/shop/digests.json"))
    assert shop == json.loads(file_at(world, "main", "images/lab/digests.json"))
    assert "@sha256:" in file_at(world, "main", "generated/shop/north/all.yaml")
    world.deploy("shop")
    world.later(hours=1)
    world.announce(2, {"web": "2", "api": "1"})
    land(world)
    back = world.run("rollback-wave", "--wave", "lab", "--reason", "errors")
    assert [one["sha"] for one in back["rolled_back"]] == back["to_check"]
    land(world)
    assert world.on_main("lab") == sha_of("app-1")
    assert_rests(world)


def test_entry_points_see_no_token_and_no_remote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = tmp_path / "seen"
    dump = f"(env; cat .git/config; git config -l; git remote -v; find .git) > {seen}"
    world = world_with(tmp_path, f'generate = "{dump}; python3 generate.py"')
    for name in ("GITHUB_TOKEN", "GH_TOKEN", "ACTIONS_RUNTIME_TOKEN", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, SECRET)
    monkeypatch.setenv("SSH_AUTH_SOCK", f"/tmp/{SECRET}")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "http.https://github.com/.extraheader")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", f"AUTHORIZATION: basic {SECRET}")
    assert len(world.announce(1)["introduced"]) == 1
    text = seen.read_text()
    assert "PATH=" in text
    assert SECRET not in text
    assert str(world.bare) not in text
    names = {line.partition("=")[0] for line in text.splitlines() if line.isupper()}
    assert not {name for name in names if name.startswith(("GITHUB_", "GIT_", "ACTIONS_"))}


def test_git_works_inside_an_entry_point(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    dump = f"(git rev-parse HEAD && git status --porcelain && git ls-files | head -1) > {seen}"
    world = world_with(tmp_path, f'generate = "{dump} && python3 generate.py"')
    world.announce(1)
    assert seen.read_text().splitlines()[0] == world.ref("refs/heads/main")


@pytest.mark.parametrize(
    "harm",
    [
        "echo x >> README.md",
        "echo x >> tidemill.toml",
        "mkdir -p .github/workflows; echo x > .github/workflows/x.yml",
        "mkdir -p images/shop; echo {{}} > images/shop/tags.json",
        "rm rollout.json",
        "ln -s /etc/passwd here",
        "chmod +x rollout.json",
    ],
)
def test_introduce_that_changes_what_is_not_its_own_rejects_its_request(
    tmp_path: Path, harm: str
) -> None:
    take = f"python3 take.py {{file}} images/{{wave}}; {harm.replace('{{}}', '{}')}"
    world = world_with(tmp_path, f"introduce = '{take}'\ngenerate = 'python3 generate.py'")
    (world.clone / "take.py").write_text(TAKE)
    main = world.commit("take")
    refused = world.announce(1)
    assert refused.code == 1
    assert "not its own" in refused["error"]["what"]
    assert "rejected" in refused["error"]["written"]
    assert world.ref("refs/heads/auto") in (None, main)
    assert list(endings(world).values()) == [["rejected"]]
    assert_rests(world)


@pytest.mark.parametrize(
    "harm",
    [
        "echo x >> outside.txt",
        "sed -i s/sha256:./sha256:0/ images/lab/digests.json",
        "sed -i s/web/evil/ images/lab/tags.json",
        "rm -f images/lab/source.json",
    ],
)
def test_generate_that_changes_what_is_not_its_own_commits_nothing(
    tmp_path: Path, harm: str
) -> None:
    command = f"python3 generate.py; if [ -e images/lab ]; then {harm}; fi"
    world = world_with(tmp_path, f"generate = '{command}'")
    main = world.ref("refs/heads/main")
    world.announce(1)
    assert world.ref("refs/heads/auto") in (None, main)
    assert world.ref("refs/heads/main") == main


def test_introduce_that_leaves_other_images_than_announced_is_refused(tmp_path: Path) -> None:
    take = (
        "python3 take.py {file} images/{wave}; sed -i s/sha256:./sha256:0/ images/lab/digests.json"
    )
    world = world_with(tmp_path, f"introduce = '{take}'\ngenerate = 'python3 generate.py'")
    (world.clone / "take.py").write_text(TAKE.replace("{service: ", "{service: 'x' + "))
    world.commit("take")
    refused = world.announce(1)
    assert refused.code == 1
    assert "announced images" in refused["error"]["what"]


def test_failing_entry_point_rejects_its_own_request_and_stops_nobody(tmp_path: Path) -> None:
    script = "if grep -rq zzz images; then echo no zzz please >&2; exit 3; fi; python3 generate.py"
    waves = {"lab": {"targets": ["lab-1"]}}
    sets = ("web", "data")
    world = World(tmp_path, waves, sets=sets, entrypoints=f'generate = "{script}"')
    refused = world.announce(1, {"zzz": "1"}, set_name="web")
    assert refused.code == 1
    assert "exit code 3" in refused["error"]["what"]
    assert "no zzz please" in refused["error"]["what"]
    assert len(world.announce(1, {"data": "1"}, set_name="data")["introduced"]) == 1
    assert len(world.announce(2, {"web": "2"}, set_name="web")["introduced"]) == 1
    land(world)
    assert world.on_main("lab", "data") == sha_of("data-1")
    assert world.on_main("lab", "web") == sha_of("web-2")
    assert len(world.refs("rejected")) == 1
    assert_rests(world)


def test_retry_of_what_an_entry_point_rejected(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    script = f"if [ -e {broken} ] && [ -e images/lab ]; then exit 1; fi; python3 generate.py"
    world = world_with(tmp_path, f'generate = "{script}"')
    broken.touch()
    assert world.announce(1).code == 1
    assert world.announce(1)["request"]["state"] == "has ended already: rejected"
    broken.unlink()
    assert len(world.run("retry", "--sha", sha_of("app-1"))["introduced"]) == 1
    land(world)
    assert world.on_main("lab") == sha_of("app-1")


def test_failing_promotion_counts_as_evicted_and_can_be_retried(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    script = f"if [ -e {broken} ] && [ -e images/shop ]; then exit 1; fi; python3 generate.py"
    world = world_with(tmp_path, f'generate = "{script}"')
    world.announce(1)
    land(world)
    broken.touch()
    turn = world.report("lab", "lab-1")
    assert turn.code == 0
    assert [one["wave"] for one in turn["evicted"]] == ["shop"]
    assert_rests(world)
    broken.unlink()
    assert len(world.run("retry", "--sha", sha_of("app-1")[:7])["promoted"]) == 1
    land(world)
    assert world.on_main("shop") == sha_of("app-1")


def test_entry_point_that_takes_too_long_is_lost_and_not_rejected(tmp_path: Path) -> None:
    slow = tmp_path / "slow"
    script = f"if [ -e {slow} ]; then sleep 60; fi; python3 generate.py"
    world = world_with(tmp_path, f'generate = "{script}"', checks='retries = 0\ntimeout = "1s"')
    slow.touch()
    turn = world.announce(1)
    assert turn.code == 0
    assert turn["rejected"] == turn["introduced"] == []
    assert "longer than 1 seconds" in waits_for(turn)
    assert len(inbox(world)) == 1
    slow.unlink()
    world.settings = world.settings.replace('timeout = "1s"', 'timeout = "60s"')
    world.edit()
    assert len(world.turn()["introduced"]) == 1


def test_names_reach_entry_points_as_single_words(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    waves = {"a.b_c-D": {"targets": ["t"]}}
    introduce = f'for word in {{wave}} {{set}}; do echo \\"<$word>\\" >> {seen}; done; '
    introduce += "python3 take.py {file} images/{wave}"
    world = World(tmp_path, waves, entrypoints=f'introduce = "{introduce}"')
    (world.clone / "take.py").write_text(TAKE)
    world.commit("take")
    world.announce(1)
    assert seen.read_text().split() == ["<a.b_c-D>", "<app>"]


def test_without_entry_points_the_files_are_written_and_nothing_is_run(tmp_path: Path) -> None:
    world = world_with(tmp_path, "")
    world.announce(1)
    commit = world.ref("refs/heads/auto") or ""
    changed = git(world.bare, "diff-tree", "-r", "--name-only", "--no-commit-id", commit).split()
    assert changed == [f"images/lab/{name}.json" for name in ("digests", "source", "tags")]
    assert parents(world, commit) == [world.ref("refs/heads/main")]
    land(world)
    assert trailers(world, "main")["Autocommit-App-SHA"] == sha_of("app-1")


def test_identity_of_automatic_commits_is_a_setting(tmp_path: Path) -> None:
    world = world_with(tmp_path, "")
    world.settings += '[bot]\nname = "Mühle"\nemail = "mill@example.com"\n'
    world.edit()
    world.announce(1)
    who = git(world.bare, "show", "-s", "--format=%an <%ae> %cn <%ce>", "auto")
    assert who == "Mühle <mill@example.com> Mühle <mill@example.com>"


def test_dry_run_of_a_turn_tries_the_entry_points_and_writes_nothing(new: World) -> None:
    file = new.folder / "announcement.json"
    new.announce(1)
    for name in refs(new):
        if name != "refs/heads/main":
            git(new.bare, "update-ref", "-d", name)
    before = refs(new)
    turn = new.run("update-cfg-app", "--announcement", str(file), "--dry-run")
    assert (turn.code, len(turn["introduced"])) == (0, 1)
    assert refs(new) == before
