"""`bin/run`: packages once on a machine, whole or not at all, and then a start without delay."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from tests.commands.actions_checkout import (
    ROOT,
    Actions,
    Ended,
    bare_tools,
    silent_index,
    wheel,
    with_python,
)
from tests.components.absence import Missing, absent

INSTALLING = "Installing what Tidemill needs"
HERE = Path(sys.executable).parent


@pytest.fixture(scope="session")
def uv() -> Path:
    found = shutil.which("uv", path=os.pathsep.join((str(HERE), os.environ["PATH"])))
    if found is None:
        absent(Missing("uv is not there.", "Install it: https://docs.astral.sh/uv"))
    return Path(found)


@pytest.fixture
def nothing(tmp_path: Path) -> Path:
    """Tools, and no Python."""
    return bare_tools(tmp_path / "tools")


@pytest.fixture
def actions(tmp_path: Path, nothing: Path) -> Actions:
    """Nothing is installed; there are a Python and its pip."""
    return Actions(tmp_path, [nothing, with_python(tmp_path / "python")]).make()


@pytest.fixture
def warm(actions: Actions) -> Actions:
    """All is installed."""
    assert actions.run().code == 0
    return actions


def assert_clear(ended: Ended, *parts: str) -> None:
    """One error of three lines at the end, and exit code 1."""
    assert ended.code == 1
    *before, what, written, remedy = ended.err.splitlines()
    assert not [line for line in before if line.startswith("error: ")]
    assert what.startswith("error: ")
    assert written == "  written: nothing"
    assert remedy.startswith("  remedy: ")
    for part in parts:
        assert part in ended.err


def test_the_first_run_installs_with_pip_and_starts(actions: Actions) -> None:
    ended = actions.run("status", "--repo=a b", "", "$(x)")
    assert ended.said["level"] == "high"
    assert ended.said["words"] == ["status", "--repo=a b", "", "$(x)"]
    assert INSTALLING in ended.err


def test_the_first_run_installs_with_uv_where_pip_is_not(
    actions: Actions, uv: Path, tmp_path: Path
) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True)
    without = with_python(tmp_path / "without", tmp_path / "bare" / "bin" / "python")
    (without / "uv").symlink_to(uv)
    actions.tools[1] = without
    ended = actions.run()
    assert ended.said["level"] == "high"
    # An environment may go; the Python that it is made from stays.
    assert not ended.said["python"].startswith(str(tmp_path))


def test_a_later_run_installs_nothing_and_asks_no_python(warm: Actions) -> None:
    (warm.tools[1] / "python3").write_text("#!/bin/sh\necho asked >&2; exit 1\n")
    shutil.rmtree(warm.wheels)
    ended = warm.run("status")
    assert ended.said["words"] == ["status"]
    assert ended.err == ""


def test_another_python_first_on_path_gets_packages_of_its_own(
    warm: Actions, tmp_path: Path
) -> None:
    warm.tools.insert(0, with_python(tmp_path / "another"))
    assert INSTALLING in warm.run().err
    assert len(warm.kept()) == 2


def test_a_virtual_environment_first_on_path_is_the_python_that_it_was_made_of(
    warm: Actions, tmp_path: Path
) -> None:
    (tmp_path / "venv").mkdir()
    (tmp_path / "venv" / "python3").symlink_to(warm.tools[1] / "python3")
    warm.tools.insert(0, tmp_path / "venv")
    assert warm.run("status").err == ""
    assert len(warm.kept()) == 1


def test_what_runs_knows_no_package_of_the_machine(warm: Actions) -> None:
    said = warm.run(PYTHONPATH="/nowhere", PYTHONHOME="/nowhere", PYTHONUTF8="0").said
    assert said["site"] is False
    assert said["utf8"] == 1


def test_the_exit_code_is_the_commands(warm: Actions) -> None:
    assert warm.run(END="7").code == 7


def test_of_two_at_once_one_installs_and_both_start(actions: Actions) -> None:
    both = [actions.start(str(n)) for n in range(2)]
    ended = [(one.communicate(timeout=300), one.returncode) for one in both]
    assert [code for _, code in ended] == [0, 0]
    assert sum(INSTALLING in err for (_, err), _ in ended) == 1
    assert len(actions.kept()) == 1


def test_one_that_was_killed_leaves_nothing_that_counts(actions: Actions) -> None:
    with silent_index() as (url, asked):
        process = actions.start(PIP_NO_INDEX="", PIP_FIND_LINKS="", PIP_INDEX_URL=url)
        assert asked.wait(60)
        assert [name for name in actions.kept() if ".making-" in name]
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        ended = actions.run()
    assert ended.said["level"] == "high"
    assert INSTALLING in ended.err
    assert [name for name in actions.kept() if ".making-" in name] == []


def test_an_index_out_of_reach_is_said_with_what_to_do(actions: Actions) -> None:
    ended = actions.run(
        PIP_NO_INDEX="", PIP_FIND_LINKS="", PIP_INDEX_URL="http://127.0.0.1:9", PIP_RETRIES="1"
    )
    assert_clear(ended, "pip could not install", "PIP_INDEX_URL", "Connection refused")
    assert actions.kept() == []


def test_uv_without_an_index_is_said_with_what_to_do(actions: Actions, uv: Path) -> None:
    (actions.tools[1] / "uv").symlink_to(uv)
    ended = actions.run(UV_FIND_LINKS="")
    assert_clear(ended, "uv could not install", "UV_INDEX_URL")
    assert actions.kept() == []


def test_another_file_than_the_lock_names_is_not_installed(actions: Actions) -> None:
    wheel(actions.wheels, level="forged")
    ended = actions.run()
    assert_clear(ended, "a package that is not the one of requirements.lock")
    assert actions.kept() == []


def test_another_file_than_the_lock_names_is_not_installed_by_uv(
    actions: Actions, uv: Path
) -> None:
    (actions.tools[1] / "uv").symlink_to(uv)
    wheel(actions.wheels, level="forged")
    assert_clear(actions.run(), "a package that is not the one of requirements.lock")
    assert actions.kept() == []


def test_without_a_python_it_says_which_to_install(actions: Actions, nothing: Path) -> None:
    actions.tools = [nothing]
    assert_clear(actions.run(), "Tidemill needs Python 3.11 or later", "actions/setup-python")


def test_an_old_python_does_not_count(actions: Actions) -> None:
    old = actions.tools[1] / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    assert_clear(actions.run(), "Tidemill needs Python 3.11 or later")


def test_a_newer_python_beside_an_old_one_is_taken(actions: Actions) -> None:
    here = actions.tools[1]
    (here / "python3").rename(here / "python3.12")
    (here / "python3").write_text("#!/bin/sh\nexit 1\n")
    (here / "python3").chmod(0o755)
    assert actions.run().said["level"] == "high"


def test_a_python_without_pip_is_said_where_there_is_no_uv(
    actions: Actions, tmp_path: Path
) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True)
    actions.tools[1] = with_python(tmp_path / "without", tmp_path / "bare" / "bin" / "python")
    assert_clear(actions.run(), "neither uv nor pip is there for", "python3-pip")


def test_in_a_workflow_an_error_is_one_annotation(actions: Actions, nothing: Path) -> None:
    actions.extra["GITHUB_ACTIONS"] = "true"
    offline = actions.run(
        PIP_NO_INDEX="", PIP_FIND_LINKS="", PIP_INDEX_URL="http://127.0.0.1:9", PIP_RETRIES="1"
    )
    actions.tools = [nothing]
    for ended in (offline, actions.run()):
        (line,) = ended.out.splitlines()
        assert line.startswith("::error title=Tidemill::")
        assert "Remedy: " in line


@pytest.mark.parametrize(
    "setting",
    [
        {"PIP_USER": "1"},
        {"PIP_TARGET": "elsewhere"},
        {"PIP_PREFIX": "elsewhere"},
        {"PIP_REQUIRE_VIRTUALENV": "1"},
        {"PIP_NO_BINARY": ":all:"},
        {"PIP_CONSTRAINT": "/nowhere"},
        {"PYTHONDONTWRITEBYTECODE": "1"},
    ],
    ids="".join,
)
def test_pips_settings_change_nothing_but_where_packages_come_from(
    actions: Actions, setting: dict[str, str]
) -> None:
    assert actions.run(**setting).said["level"] == "high"


def test_another_lock_is_installed_beside(warm: Actions) -> None:
    warm.lock(wheel(warm.wheels, level="higher"))
    assert warm.run().said["level"] == "higher"
    assert len(warm.kept()) == 2


def test_a_change_of_the_tools_alone_installs_nothing(warm: Actions) -> None:
    lock = warm.root / "requirements.lock"
    lock.write_text(lock.read_text().replace("nowhere==9", "nowhere==10"))
    assert warm.run().err == ""


def test_when_its_python_is_gone_another_one_is_taken(warm: Actions) -> None:
    noted = warm.home() / "python"
    noted.write_text("/nowhere/python3\n")
    ended = warm.run()
    assert ended.said["python"] != "/nowhere/python3"
    assert INSTALLING in ended.err
    assert len(warm.kept()) == 1


def test_half_of_it_is_not_taken_for_ready(warm: Actions) -> None:
    (warm.home() / "python").unlink()
    assert INSTALLING in warm.run().err


def test_others_can_not_write_what_will_run(actions: Actions) -> None:
    before = os.umask(0)
    try:
        ended = actions.run()
    finally:
        os.umask(before)
    assert ended.code == 0
    for one in (actions.cache, *actions.cache.rglob("*")):
        if not one.is_symlink() and actions.home() / "pycache" not in one.parents:
            assert stat.S_IMODE(one.stat().st_mode) & 0o022 == 0, one
    assert stat.S_IMODE((actions.home() / "pycache").stat().st_mode) == 0o700


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize("which", ["the folder", "what is in it"])
def test_what_another_user_made_is_not_run(warm: Actions, which: str) -> None:
    (warm.home() / "packages" / "tidepool" / "__init__.py").write_text("raise SystemExit('ran')")
    os.chown(warm.cache if which == "the folder" else warm.home() / "python", 12345, 12345)
    ended = warm.run()
    assert "ran" not in ended.err
    if which == "the folder":
        assert_clear(ended, "belongs to another user")
    else:
        assert ended.said["level"] == "high"


def test_it_works_without_a_home_and_from_a_folder_that_is_gone(
    warm: Actions, tmp_path: Path
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    script = f'cd "{gone}" && {shutil.which("rmdir")} "{gone}" && exec "{warm.root}/bin/run" x'
    done = subprocess.run(
        ["bash", "-c", script], env=warm.environment(HOME=""), capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()


@pytest.mark.parametrize("cache", ["", "/nowhere"], ids=["none", "one that is not there"])
def test_without_a_tool_cache_it_keeps_to_the_users(actions: Actions, cache: str) -> None:
    assert actions.run(RUNNER_TOOL_CACHE=cache).code == 0
    assert (actions.folder / "home" / ".cache" / "tidemill" / "packages").is_dir()
    assert (
        actions.run(RUNNER_TOOL_CACHE=cache, XDG_CACHE_HOME=str(actions.folder / "xdg")).code == 0
    )
    assert (actions.folder / "xdg" / "tidemill" / "packages").is_dir()


def test_nothing_is_written_beside_the_actions(warm: Actions) -> None:
    before = sorted(warm.root.rglob("*"))
    assert warm.run().code == 0
    assert sorted(warm.root.rglob("*")) == before
    assert "__pycache__" not in {one.name for one in before}


def test_a_link_to_the_script_starts_it(warm: Actions, tmp_path: Path) -> None:
    link = tmp_path / "tidemill"
    link.symlink_to(warm.root / "bin" / "run")
    done = subprocess.run([link], env=warm.environment(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


def test_it_finds_itself_whatever_cd_would_find(warm: Actions) -> None:
    """With CDPATH in the environment, cd looks elsewhere, and prints where it went."""
    done = subprocess.run(
        ["bin/run"],
        cwd=warm.root,
        env=warm.environment(CDPATH=f".:{warm.root}"),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()


def test_the_real_lock_runs_the_real_commands(tmp_path: Path, nothing: Path) -> None:
    """Every package that the tool needs, from the index; what the tests' environment has is out."""
    network = {
        name: value
        for name, value in os.environ.items()
        if name.startswith("PIP_") or name.lower().endswith("_proxy")
    }
    environment = {
        **network,
        "PATH": os.pathsep.join(map(str, (nothing, with_python(tmp_path / "python")))),
        "HOME": os.environ.get("HOME", str(tmp_path)),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }
    done = subprocess.run(
        [ROOT / "bin" / "run", "--help"], env=environment, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    assert b"usage: tidemill" in done.stdout


@pytest.fixture
def self_hosted(actions: Actions) -> Actions:
    """A runner on a machine that outlives its jobs, in the middle of one."""
    for name in ("temp", "another temp"):
        (actions.folder / name).mkdir()
    (actions.folder / "env").touch()
    actions.extra |= {
        "RUNNER_ENVIRONMENT": "self-hosted",
        "RUNNER_TEMP": str(actions.folder / "temp"),
        "GITHUB_ENV": str(actions.folder / "env"),
    }
    return actions


def next_step(actions: Actions) -> dict[str, str]:
    """What a runner adds to the environment of the steps that follow in a job."""
    lines = (actions.folder / "env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines)


def test_where_the_machine_outlives_a_job_nothing_of_earlier_jobs_is_run(
    self_hosted: Actions,
) -> None:
    """Neither what is in the tool cache, nor what another job left among temporary files."""
    tool_cache = {"RUNNER_ENVIRONMENT": "github-hosted"}
    assert self_hosted.run(**tool_cache).code == 0
    assert self_hosted.run().code == 0
    (left,) = (self_hosted.folder / "temp").iterdir()
    (left_home,) = (one for one in left.iterdir() if one.name[0] != ".")
    for home in (self_hosted.home(), left_home):
        (home / "packages" / "tidepool" / "__init__.py").write_text("raise SystemExit('ran')")
        shutil.rmtree(home / "pycache")
    assert "ran" in self_hosted.run(**tool_cache).err, "that this test can fail"
    ended = self_hosted.run()
    assert ended.said["level"] == "high"
    assert INSTALLING in ended.err


def test_the_steps_of_one_job_share_their_packages(self_hosted: Actions) -> None:
    assert INSTALLING in self_hosted.run().err
    later = next_step(self_hosted)
    assert self_hosted.run(**later).err == ""
    assert self_hosted.kept() == []
    (folder,) = (self_hosted.folder / "temp").iterdir()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    another_job = {**later, "RUNNER_TEMP": str(self_hosted.folder / "another temp")}
    assert INSTALLING in self_hosted.run(**another_job).err


def test_a_folder_for_one_job_must_be_new(self_hosted: Actions) -> None:
    there = self_hosted.folder / "there"
    there.mkdir()
    prepare, lock = self_hosted.root / "bin" / "prepare.py", self_hosted.root / "requirements.lock"
    done = subprocess.run(
        [sys.executable, "-I", str(prepare), str(lock), str(there / "packages"), "new"],
        env=self_hosted.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert_clear(Ended(done.returncode, done.stdout, done.stderr), "can't be made: File exists")
    assert list(there.iterdir()) == []


def test_no_cache_of_pip_or_uv_is_believed(actions: Actions, uv: Path) -> None:
    caches = {name: str(actions.folder / name) for name in ("PIP_CACHE_DIR", "UV_CACHE_DIR")}
    assert actions.run(**caches).code == 0
    (actions.tools[1] / "uv").symlink_to(uv)
    actions.lock(wheel(actions.wheels, level="higher"))
    assert actions.run(**caches).said["level"] == "higher"
    assert not [one for one in caches.values() if Path(one).exists()]


def test_a_configuration_in_the_workspace_does_not_count(actions: Actions) -> None:
    """There pip's may name another Python, which pip starts."""
    workspace = actions.folder / "workspace"
    workspace.mkdir()
    (workspace / "pip.conf").write_text("[global]\npython = /nowhere\n")
    file = {"PIP_CONFIG_FILE": str(workspace / "pip.conf")}
    assert actions.run(**file).code == 1, "that this test can fail"
    assert actions.run(**file, GITHUB_WORKSPACE=str(workspace)).code == 0


@pytest.mark.parametrize("cache", [".cache", "a/b"])
def test_a_cache_in_the_working_directory_is_not_used(actions: Actions, cache: str) -> None:
    assert actions.run(RUNNER_TOOL_CACHE=cache, XDG_CACHE_HOME=cache).code == 0
    assert (actions.folder / "home" / ".cache" / "tidemill" / "packages").is_dir()
    assert not (actions.folder / cache).exists()


@pytest.mark.parametrize("variable", ["RUNNER_TOOL_CACHE", "XDG_CACHE_HOME", "HOME"])
@pytest.mark.parametrize("which", ["a checkout", "the workspace", "a link to the workspace"])
def test_packages_that_came_with_a_checkout_are_not_run(
    actions: Actions, variable: str, which: str
) -> None:
    """Other CIs keep caches in the checkout, and then its files may say that they are packages."""
    place = actions.folder / "place"
    cache = place / "a" / "cache"
    cache.mkdir(parents=True)
    link = actions.folder / "link"
    link.symlink_to(place)
    inside = {"RUNNER_TOOL_CACHE": "", variable: str(cache)}
    if which != "a checkout":
        inside[variable] = str(link / "a" / "cache") if "link" in which else str(cache)
    assert actions.run(**inside).code == 0
    for file in cache.rglob("tidepool/__init__.py"):
        file.write_text("raise SystemExit('ran')")
    for file in cache.rglob("*.pyc"):
        file.unlink()
    assert "ran" in actions.run(**inside).err, "that this test can fail"
    if which == "a checkout":
        (place / ".git").mkdir()
    else:
        inside["GITHUB_WORKSPACE"] = str(place)
    ended = actions.run(**inside)
    if variable == "HOME":
        assert_clear(ended, "would be in a checkout", "XDG_CACHE_HOME")
    else:
        assert ended.said["level"] == "high"
        assert INSTALLING in ended.err
