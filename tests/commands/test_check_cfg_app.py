"""`tidemill check-cfg-app`: what CI runs on a checkout of auto."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.clients.git_server import serving
from tests.clients.own_user import own_user as own_user  # noqa: PLC0414 - it is a fixture
from tests.commands.promises import assert_readable
from tests.loop.stories import says
from tests.world import Result, World, git

from tidemill.__main__ import main


@pytest.fixture
def checkout(landed: World) -> World:
    """A checkout of main with one set in lab."""
    git(landed.clone, "fetch", "-q", str(landed.bare), "main")
    git(landed.clone, "reset", "-q", "--hard", "FETCH_HEAD")
    return landed


def check(world: World) -> Result:
    return world.run("check-cfg-app", "--repo", str(world.clone), repo=False)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a checkout, its own .git included."""
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }


def test_commit_of_the_mill_is_green(checkout: World) -> None:
    result = check(checkout)
    assert result.code == 0
    assert result["green"] is True
    assert result["checked"] == ["tidemill.toml", "images/lab", "python3 generate.py"]


def test_checking_twice_is_the_same_and_changes_nothing_in_the_checkout(checkout: World) -> None:
    (checkout.clone / "images" / "lab" / "digests.json").write_text("{}")
    before = contents(checkout.clone)
    first = check(checkout)
    assert first.code == 1
    assert check(checkout) == first
    assert contents(checkout.clone) == before


def test_check_of_the_repository_runs_last(checkout: World) -> None:
    (checkout.clone / "tidemill.toml").write_text(
        checkout.settings.replace(
            "[entrypoints]", '[entrypoints]\ncheck = "echo it is odd; exit 3"'
        )
    )
    error = check(checkout)["error"]
    assert "exit code 3: it is odd" in error["what"]


def test_check_sees_no_token(checkout: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "secret")
    (checkout.clone / "tidemill.toml").write_text(
        checkout.settings.replace("[entrypoints]", '[entrypoints]\ncheck = "! env | grep secret"')
    )
    assert check(checkout).code == 0


def stale(folder: Path) -> str:
    (folder / "generated" / "lab" / "lab-1" / "all.yaml").write_text("by hand\n")
    return "not what the sources generate: 'generated/lab/lab-1/all.yaml'"


def missing(folder: Path) -> str:
    (folder / "generated" / "lab" / "lab-2" / "all.yaml").unlink()
    return "not what the sources generate: 'generated/lab/lab-2/all.yaml'"


def broken_sources(folder: Path) -> str:
    (folder / "rollout.json").write_text(json.dumps({"broken": True}))
    return "rollout.json is broken"


def forged_lines(folder: Path) -> str:
    """Whoever proposes a change must not write workflow commands into the log of its check."""
    file = folder / "tidemill.toml"
    name = r"generated/a\n::error::b"
    file.write_text(file.read_text().replace("python3 generate.py", f"touch '{name}'"))
    return name


def no_settings(folder: Path) -> str:
    (folder / "tidemill.toml").unlink()
    return "there is no tidemill.toml"


def bad_settings(folder: Path) -> str:
    with (folder / "tidemill.toml").open("a") as file:
        file.write("[colours]\n")
    return "tidemill.toml of this checkout, line"


def settings_of_bytes(folder: Path) -> str:
    (folder / "tidemill.toml").write_bytes(b"\xff\xfe")
    return "tidemill.toml is not UTF-8"


def other_services(folder: Path) -> str:
    (folder / "images" / "lab" / "tags.json").write_text('{"api": "r/api:1"}')
    return "images/lab: tags.json and digests.json do not name the same services"


def broken_images(folder: Path) -> str:
    (folder / "images" / "lab" / "tags.json").write_text("<<<<<<< HEAD\n")
    return "images/lab: tags.json and digests.json"


def source_of_another_commit(folder: Path) -> str:
    file = folder / "images" / "lab" / "source.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"sha": "0" * 40}))
    return "images/lab/source.json is not valid"


RED = [
    stale, missing, broken_sources, forged_lines, no_settings, bad_settings, settings_of_bytes,
    other_services, broken_images, source_of_another_commit,
]  # fmt: skip


@pytest.mark.parametrize("change", RED, ids=lambda change: change.__name__)
def test_commit_that_must_not_land_is_red_with_the_reason_and_the_remedy(
    checkout: World, change: Callable[[Path], str]
) -> None:
    reason = change(checkout.clone)
    result = check(checkout)
    assert result.code == 1
    assert set(result["error"]) == {"what", "written", "remedy"}
    assert reason in result["error"]["what"]
    assert all(text.isprintable() for text in result["error"].values())
    assert result["error"]["written"] == "nothing"
    assert result["error"]["remedy"]


def test_files_that_are_ignored_do_not_matter(checkout: World) -> None:
    (checkout.clone / ".gitignore").write_text("cache/\n")
    (checkout.clone / "cache").mkdir()
    (checkout.clone / "cache" / "big").write_text("x")
    assert check(checkout).code == 0


def test_images_without_a_source_are_welcome(checkout: World) -> None:
    """A repository that has run by hand so far."""
    (checkout.clone / "images" / "lab" / "source.json").unlink()
    assert check(checkout).code == 0


@pytest.mark.parametrize("place", ["nowhere", "empty", "."])
def test_what_is_no_checkout_is_refused(
    new: World, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(new.folder)
    Path("empty").mkdir()
    result = new.run("check-cfg-app", "--repo", place, repo=False)
    assert result.code == 1
    assert "is not a checkout" in result["error"]["what"]


@pytest.mark.parametrize("repo", ["https://github.com/acme/cfg-app", "git@github.com:acme/cfg"])
def test_repository_elsewhere_is_checked_by_its_commits(
    repo: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check-cfg-app", "--repo", repo]) == 1
    said = capsys.readouterr().err
    assert f"{repo} is no checkout, and --sha names no commit of it" in said
    assert "--repo ." in said


def test_bare_repository_is_no_checkout(new: World) -> None:
    result = new.run("check-cfg-app", "--repo", str(new.bare), repo=False)
    assert "is not a checkout" in result["error"]["what"]


def test_folder_inside_a_checkout_is_the_checkout(checkout: World) -> None:
    inside = str(checkout.clone / "images")
    assert checkout.run("check-cfg-app", "--repo", inside, repo=False)["green"]


def test_person_is_told_what_was_checked(
    checkout: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check-cfg-app", "--repo", str(checkout.clone)]) == 0
    out = capsys.readouterr().out
    assert out == "green: tidemill.toml, images/lab, python3 generate.py\n"
    assert_readable(out)
    stale(checkout.clone)
    code, out, err = says(checkout, "check-cfg-app")
    assert (code, out) == (1, "")
    assert "error: " in err


@pytest.fixture
def commits(checkout: World) -> dict[str, str]:
    """Commits that are on no branch's tip: one is green, others are not, one there never was."""
    green = checkout.ref("refs/heads/main") or ""
    changes: dict[str, Callable[[Path], object]] = {
        "stale": stale,
        "without-settings": no_settings,
        "slow": slow,
    }
    found = {"green": green, "unknown": "0" * 40}
    for name, change in changes.items():
        git(checkout.clone, "reset", "-q", "--hard", green)
        change(checkout.clone)
        found[name] = checkout.commit(name, push=False)
        git(checkout.clone, "push", "-q", str(checkout.bare), f"HEAD:refs/heads/{name}")
    return found


def slow(folder: Path) -> None:
    file = folder / "tidemill.toml"
    text = file.read_text().replace("[checks]", '[checks]\ntimeout = "1s"')
    file.write_text(text.replace("python3 generate.py", "sleep 60"))


def check_commits(world: World, *shas: str) -> Result:
    options = [part for sha in shas for part in ("--sha", sha)]
    return world.run("check-cfg-app", "--repo", str(world.bare), *options, repo=False)


def test_commits_are_fetched_and_each_has_its_verdict(
    checkout: World, commits: dict[str, str]
) -> None:
    result = check_commits(checkout, *commits.values(), commits["green"])
    assert result.code == 1
    assert result["verdicts"] == {
        commits["green"]: "success",
        commits["unknown"]: "error",
        commits["stale"]: "failure",
        commits["without-settings"]: "failure",
        commits["slow"]: "error",
    }
    reasons = {name: result["reasons"][sha] for name, sha in commits.items()}
    assert reasons["green"] == "tidemill.toml, images/lab, python3 generate.py"
    assert "there is no commit" in reasons["unknown"]
    assert "generated/lab/lab-1/all.yaml" in reasons["stale"]
    assert reasons["without-settings"] == "there is no tidemill.toml"
    assert "longer than 1 seconds" in reasons["slow"]


def test_commit_that_is_not_green_is_no_failure_where_the_loop_takes_care_of_it(
    checkout: World, commits: dict[str, str]
) -> None:
    options = ("--sha", commits["stale"], "--no-fail-on-red")
    result = checkout.run("check-cfg-app", "--repo", str(checkout.bare), *options, repo=False)
    assert result.code == 0
    assert result["verdicts"] == {commits["stale"]: "failure"}


def test_green_commits_end_well(checkout: World, commits: dict[str, str]) -> None:
    result = check_commits(checkout, commits["green"])
    assert result.code == 0
    assert result["verdicts"] == {commits["green"]: "success"}
    assert check_commits(checkout, commits["green"]) == result


def test_verdicts_are_the_same_where_commands_have_a_user_of_their_own(
    checkout: World, commits: dict[str, str], own_user: None
) -> None:
    result = check_commits(checkout, commits["green"], commits["stale"], commits["slow"])
    assert [*result["verdicts"].values()] == ["success", "failure", "error"]


def test_where_commands_can_not_have_a_user_of_their_own_nothing_is_known(
    checkout: World, commits: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIDEMILL_ENTRYPOINTS", "own-user")
    monkeypatch.setattr("sys.platform", "darwin")
    result = check_commits(checkout, commits["green"])
    assert result.code == 1
    assert result["verdicts"] == {commits["green"]: "error"}


def test_check_of_a_commit_finds_no_remote_and_no_token(
    checkout: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIDEMILL_TOKEN", "secret")
    command = f"! (env; cat .git/config) | grep -e secret -e {checkout.bare} && ! git fetch origin"
    (checkout.clone / "tidemill.toml").write_text(
        checkout.settings.replace("[entrypoints]", f'[entrypoints]\ncheck = "{command}"')
    )
    commit = checkout.commit("looks for a token")
    assert check_commits(checkout, commit)["verdicts"] == {commit: "success"}


def test_one_person_reads_which_commit_is_which(
    checkout: World, commits: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    options = [part for name in ("green", "stale", "slow") for part in ("--sha", commits[name])]
    assert main(["check-cfg-app", "--repo", str(checkout.bare), *options]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(": ")[:2] for line in lines] == [
        ["green", commits["green"][:12]],
        ["red", commits["stale"][:12]],
        ["lost", commits["slow"][:12]],
    ]


def loop(folder: Path) -> None:
    (folder / "tidemill.toml").unlink()
    (folder / "tidemill.toml").symlink_to("tidemill.toml")


def deep(folder: Path) -> None:
    (folder / "tidemill.toml").write_text(f"x = {'[' * 5000}")


def zone(folder: Path) -> None:
    file = folder / "tidemill.toml"
    text = file.read_text()
    window = f"Mon 01:00-02:00 {'a' * 999}"
    file.write_text(f'{text}\n[[waves]]\nname="x"\ntargets=[]\nwindows=["{window}"]\n')


@pytest.mark.parametrize("change", [loop, deep, zone])
def test_hostile_commit_is_red_and_takes_no_other_with_it(
    checkout: World, change: Callable[[Path], object]
) -> None:
    good = checkout.ref("refs/heads/main") or ""
    change(checkout.clone)
    bad = checkout.commit("hostile")
    result = check_commits(checkout, bad, good)
    assert result["verdicts"] == {bad: "failure", good: "success"}


@pytest.mark.parametrize("sha", ["main", "abc1234", "-x", "A" * 40, "refs/heads/main"])
def test_commit_is_given_by_its_full_sha(new: World, sha: str) -> None:
    result = new.run("check-cfg-app", "--repo", str(new.bare), f"--sha={sha}", repo=False)
    assert result.code == 1
    assert "is not the full SHA of a commit" in result["error"]["what"]


def test_settings_that_link_to_a_file_outside_are_not_read(checkout: World, tmp_path: Path) -> None:
    """Whoever proposes a change must not have files of the machine quoted to them."""
    (tmp_path / "secret").write_text("secret =")
    (checkout.clone / "tidemill.toml").unlink()
    (checkout.clone / "tidemill.toml").symlink_to(tmp_path / "secret")
    result = check(checkout)
    assert result.code == 1
    assert "secret" not in json.dumps(result)


def test_in_a_workflow_its_own_repository_is_checked_with_its_token(
    checkout: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_user: None
) -> None:
    (tmp_path / "root/acme").mkdir(parents=True)
    (tmp_path / "root/acme/cfg-app").symlink_to(checkout.bare)
    with serving(tmp_path / "root", {"hush": "read"}) as server:
        monkeypatch.setenv("GITHUB_SERVER_URL", server.url)
        monkeypatch.setenv("GITHUB_REPOSITORY", "acme/cfg-app")
        commit = checkout.ref("refs/heads/main") or ""
        without = checkout.run("check-cfg-app", "--sha", commit, repo=False)
        assert without["verdicts"] == {commit: "error"}
        assert "could not be read" in without["reasons"][commit]
        monkeypatch.setenv("TIDEMILL_TOKEN", "hush")
        result = checkout.run("check-cfg-app", "--sha", commit, repo=False)
    assert result["verdicts"] == {commit: "success"}


def test_wave_that_is_renamed_without_was_is_warned_of(checkout: World) -> None:
    def renamed(how: str) -> None:
        """The second wave gets another name."""
        text = checkout.settings.replace('name = "shop"', f'name = "store"\n{how}')
        (checkout.clone / "tidemill.toml").write_text(text)

    assert check(checkout)["warnings"] == []
    renamed("")
    assert 'was = "shop"' in check(checkout)["warnings"][0]
    first, second = checkout.commit("store"), checkout.commit("something else")
    (text,) = check_commits(checkout, first, second)["warnings"]
    assert text.startswith(f"{first[:12]}: the wave shop is gone")
    git(checkout.clone, "reset", "-q", "--hard", "HEAD~2")
    renamed('was = "shop"')
    assert check(checkout)["warnings"] == []


def test_first_wave_is_renamed_and_its_image_files_are_left_behind(
    checkout: World, capsys: pytest.CaptureFixture[str]
) -> None:
    text = checkout.settings.replace('name = "lab"', 'name = "dev"\nwas = "lab"')
    (checkout.clone / "tidemill.toml").write_text(text)
    (said,) = check(checkout)["warnings"]
    assert "git mv images/lab images/dev" in said
    commit = checkout.commit("dev")
    (said,) = check_commits(checkout, commit)["warnings"]
    assert said.startswith(f"{commit[:12]}: the image files are still in images/lab")
    main(["check-cfg-app", "--repo", str(checkout.clone)])
    assert "warning: the image files are still in images/lab" in capsys.readouterr().out


OF_SHOP = "generated/shop/north/all.yaml"


@pytest.fixture
def on_stale(checkout: World) -> World:
    """A person left shop stale, and a commit about lab is on auto above that; it is checked out."""
    (checkout.clone / OF_SHOP).write_text("by hand\n")
    checkout.commit("by hand")
    checkout.later(hours=1)
    checkout.announce(2)
    git(checkout.clone, "fetch", "-q", str(checkout.bare), "auto")
    git(checkout.clone, "reset", "-q", "--hard", "FETCH_HEAD")
    return checkout


class TestFilesThatAreStale:
    def test_those_of_other_waves_that_the_parent_left_so_are_a_warning(
        self, on_stale: World, capsys: pytest.CaptureFixture[str]
    ) -> None:
        auto = on_stale.ref("refs/heads/auto") or ""
        fetched = check_commits(on_stale, auto)
        assert fetched["verdicts"] == {auto: "success"}
        copied = check(on_stale)
        assert copied["green"]
        for warnings in (fetched["warnings"], copied["warnings"]):
            assert len(warnings) == 1
            assert OF_SHOP in warnings[0]
            assert "run `python3 generate.py` and commit what it changes" in warnings[0]
        assert main(["check-cfg-app", "--repo", str(on_stale.clone)]) == 0
        assert f"warning: {copied['warnings'][0]}" in capsys.readouterr().out

    def test_on_the_persons_own_commit_they_are_red_with_the_remedy(self, on_stale: World) -> None:
        person = on_stale.ref("refs/heads/main") or ""
        told = check_commits(on_stale, person)
        assert told["verdicts"] == {person: "failure"}
        assert OF_SHOP in told["reasons"][person]
        assert "run `python3 generate.py` and commit" in told["reasons"][person]

    def test_in_a_commit_that_changes_anything_else_they_are_red(self, on_stale: World) -> None:
        (on_stale.clone / "README").write_text("x")
        on_stale.commit("about no wave", push=False)
        assert OF_SHOP in check(on_stale)["error"]["what"]

    def test_uncommitted_changes_make_it_nobodys(self, on_stale: World) -> None:
        (on_stale.clone / "README").write_text("x")
        assert OF_SHOP in check(on_stale)["error"]["what"]

    def test_its_own_are_red(self, on_stale: World) -> None:
        (on_stale.clone / "generated/lab/lab-1/all.yaml").write_text("by hand\n")
        commit = on_stale.commit("about lab, by hand", push=False)
        git(on_stale.clone, "push", "-q", str(on_stale.bare), "HEAD:refs/heads/other")
        told = check_commits(on_stale, commit)
        assert told["verdicts"] == {commit: "failure"}
        assert "generated/lab/lab-1/all.yaml" in told["reasons"][commit]
        assert OF_SHOP not in told["reasons"][commit]

    def test_without_the_parent_it_says_how_to_get_it(self, on_stale: World) -> None:
        shallow = on_stale.folder / "shallow"
        url = f"file://{on_stale.bare}"
        git(on_stale.folder, "clone", "-q", "--depth=1", "-b", "auto", url, str(shallow))
        told = on_stale.run("check-cfg-app", "--repo", str(shallow), repo=False)
        assert told.code == 1
        assert "fetch-depth: 2" in told["error"]["remedy"]
        git(shallow, "fetch", "-q", "--depth=2", "origin", "auto")
        assert on_stale.run("check-cfg-app", "--repo", str(shallow), repo=False)["green"]

    def test_those_that_its_own_images_make_stale_are_red(self, checkout: World) -> None:
        script = checkout.clone / "generate.py"
        script.write_text(script.read_text().replace('os.path.join("images", wave)', '"images"'))
        subprocess.run(["python3", "generate.py"], cwd=checkout.clone, check=True)
        checkout.commit("files of all from the images of all")
        checkout.later(hours=1)
        checkout.announce(2)
        auto = checkout.ref("refs/heads/auto") or ""
        told = check_commits(checkout, auto)
        assert told["verdicts"] == {auto: "failure"}
        assert "from images of that wave alone" in told["reasons"][auto]

    @pytest.mark.parametrize(
        "made",
        [
            "str(__import__('time').time_ns())",
            "os.getcwd()",
            "open('.git/HEAD').read()",
        ],
        ids=["time", "folder", "commit"],
    )
    def test_generate_that_is_not_deterministic_is_said_to_be_that(
        self, checkout: World, made: str
    ) -> None:
        script = checkout.clone / "generate.py"
        stamp = f'open("generated/shop/north/all.yaml", "w").write({made})\n'
        script.write_text(f"{script.read_text()}{stamp}")
        error = check(checkout)["error"]
        assert "`python3 generate.py` is not deterministic" in error["what"]
        assert f"first in '{OF_SHOP}'" in error["what"]
        assert "commit what it changes" not in error["remedy"]


def with_filter(checkout: World, monkeypatch: pytest.MonkeyPatch, files: str) -> None:
    """A person without the filter that some files go through."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(checkout.folder / "nothing"))
    (checkout.clone / ".gitattributes").write_text(f"{files} filter=lfs\n")
    checkout.commit("attributes")


def test_filter_that_is_not_here_is_a_warning_where_all_is_well(
    checkout: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_filter(checkout, monkeypatch, "*.yaml")
    result = check(checkout)
    assert result.code == 0
    assert "goes through the filter 'lfs', which is not configured here" in result["warnings"][0]


def test_filter_that_is_not_here_makes_nothing_red(
    checkout: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_filter(checkout, monkeypatch, "*.yaml")
    stale(checkout.clone)
    result = check(checkout)
    assert result.code == 1
    assert result["error"]["what"].startswith("nothing is known of this checkout: ")
    assert "git lfs install" in result["error"]["remedy"]
    sha = checkout.commit("stale")
    found = checkout.run("check-cfg-app", "--sha", sha)
    assert found["verdicts"] == {sha: "error"}
    assert "git lfs install" in found["reasons"][sha]


def test_line_ends_of_a_person_make_nothing_red(
    checkout: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = checkout.folder / "gitconfig"
    config.write_text("[core]\n\tautocrlf = true\n\tsafecrlf = true\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    git(checkout.clone, "rm", "-q", "--cached", "-r", ".")
    git(checkout.clone, "reset", "-q", "--hard")
    assert b"\r\n" in (checkout.clone / "generated/lab/lab-1/all.yaml").read_bytes()
    assert check(checkout).code == 0
