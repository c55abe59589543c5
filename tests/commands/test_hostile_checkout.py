"""Steps of a workflow run in a checkout, with a token: nothing of that folder runs in them."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
import yaml
from tests.commands.actions_checkout import ROOT, Actions, bare_tools, with_python
from tests.world import git

NAMES = (*sorted(one.name for one in (ROOT / "actions").iterdir()), "root")
SECRET = "ghs_0123456789hush"
PROGRAMS = (
    "bash", "cat", "chown", "cksum", "dirname", "docker", "env", "git", "mkdir", "mktemp", "pip",
    "pip3", "pyenv", "python", "python3", "python3.11", "python3.12", "python3.13", "python3.14",
    "readlink", "sed", "sh", "sudo", "uv",
)  # fmt: skip
MODULES = (
    "actions_toolkit.py", "encodings/__init__.py", "git.py", "json.py", "msgspec.py", "os.py",
    "pip.py", "re.py", "site.py", "sitecustomize.py", "start.py", "subprocess.py", "tempfile.py",
    "tidemill/__init__.py", "tidemill/__main__.py", "tidepool.py", "usercustomize.py",
)  # fmt: skip


class Hostile:
    """A checkout in which every file tells that it ran, and an environment that leads to them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.ran = folder / "workspace", folder / "ran"
        self.ran.mkdir()
        for name in MODULES:
            self._write(name, f"open({str(self.ran / name.replace('/', '.'))!r}, 'w')\n")
        version = f"lib/python{sys.version_info[0]}.{sys.version_info[1]}"
        for place in (".", f"{version}/site-packages", version):
            self._write(f"{place}/x.pth", f"import os; open({str(self.ran / 'pth')!r}, 'w')\n")
        for place in (".", "bin"):
            for name in PROGRAMS:
                file = self._write(f"{place}/{name}", f'#!/bin/sh\n: >"{self.ran}/{name}"\n')
                file.chmod(0o755)
        self._write("start.sh", f': >"{self.ran}/start.sh"\n')
        self._write("pip.conf", f"[global]\npython = {self.folder}/python3\n")
        self._write("setup.cfg", f"[install]\nprefix = {self.ran}\n")
        self._write("uv.toml", "this is = no TOML\n")
        self._write("pyproject.toml", "[tool.uv]\nthis is = no TOML\n")
        self._write(".python-version", "../../../../workspace\n")

    def _write(self, name: str, text: str) -> Path:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def _disguised(self) -> tuple[str, ...]:
        """Its folder of programs, by names that don't begin as its own does."""
        link = self.folder.parent / "link"
        if not link.is_symlink():
            link.symlink_to(self.folder)
        here = str(self.folder)
        return f"{here}/bin", f"{here}/../workspace/bin", f"/{here}/bin", f"{link}/bin"

    def environment(self, path: str) -> dict[str, str]:
        here, function = str(self.folder), f'() {{ : >"{self.ran}/a function"\n}}'
        return {
            "PATH": os.pathsep.join((".", "", "bin", here, *self._disguised(), path, "")),
            "GITHUB_WORKSPACE": here,
            "TIDEMILL_TOKEN": SECRET,
            "BASH_ENV": f"{here}/start.sh",
            "ENV": f"{here}/start.sh",
            "SHELLOPTS": "xtrace",
            "PS4": f'$(: >"{self.ran}/PS4")+',
            "CDPATH": here,
            **{f"BASH_FUNC_{name}%%": function for name in ("cd", "exec", "git", "hash", "set")},
            "PYTHONPATH": f"{here}:.",
            "PYTHONHOME": here,
            "PYTHONSTARTUP": f"{here}/start.py",
            "PYTHONINSPECT": "1",
            "PYTHONUSERBASE": here,
            "PYTHONPLATLIBDIR": "lib",
            "VIRTUAL_ENV": here,
            "PIP_CONFIG_FILE": f"{here}/pip.conf",
            "PIP_PYTHON": f"{here}/python3",
            "PIP_TARGET": here,
            "UV_CONFIG_FILE": f"{here}/uv.toml",
            "UV_PYTHON": f"{here}/python3",
            "UV_PROJECT_ENVIRONMENT": here,
            "XDG_CACHE_HOME": ".cache",
            "TIDEMILL_PACKAGES": f"{here}/packages",
        }


def step(name: str, root: Path, script: Path) -> list[str]:
    """The program and its arguments that a runner starts for the one step of an action."""
    own = root if name == "root" else root / "actions" / name
    (only,) = yaml.safe_load((own / "action.yml").read_text())["runs"]["steps"]
    script.write_text(only["run"])
    program, *words = shlex.split(only["shell"].replace("{0}", str(script)))
    return [shutil.which(program) or program, *words]


@pytest.fixture
def hostile(tmp_path: Path) -> Hostile:
    return Hostile(tmp_path)


@pytest.fixture
def actions(tmp_path: Path) -> Actions:
    """What is of the actions themselves, with the tools of a machine."""
    made = Actions(
        tmp_path, [bare_tools(tmp_path / "tools"), with_python(tmp_path / "python")]
    ).make()
    shutil.copytree(ROOT / "actions", made.root / "actions")
    shutil.copyfile(ROOT / "action.yml", made.root / "action.yml")
    return made


def run(
    name: str, actions: Actions, hostile: Hostile, **more: str
) -> subprocess.CompletedProcess[str]:
    """Run the step of an action where everything is planted."""
    script = actions.folder / "script.sh"
    words = step(name, actions.root, script)
    own = actions.root if name == "root" else actions.root / "actions" / name
    environment = actions.environment() | hostile.environment(actions.environment()["PATH"]) | more
    return subprocess.run(
        words,
        cwd=hostile.folder,
        env={**environment, "GITHUB_ACTIONS": "true", "GITHUB_ACTION_PATH": str(own)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize("name", NAMES)
def test_no_file_of_the_checkout_runs_where_packages_are_installed(
    name: str, actions: Actions, hostile: Hostile
) -> None:
    (actions.folder / "temp").mkdir()
    more = {"RUNNER_TEMP": str(actions.folder / "temp"), "RUNNER_ENVIRONMENT": "self-hosted"}
    done = run(name, actions, hostile, **more)
    assert [one.name for one in hostile.ran.iterdir()] == []
    assert '"level": "high"' in done.stdout, done.stderr


def test_no_file_of_the_checkout_runs_in_the_commands_either(
    actions: Actions, hostile: Hostile
) -> None:
    """The real commands: Git is the machine's, and the input `command` is all that is missing."""
    assert actions.run().code == 0
    packages, source = actions.home() / "packages", actions.root / "src"
    for place, real in ((packages, sysconfig.get_path("purelib")), (source, str(ROOT / "src"))):
        shutil.rmtree(place)
        place.symlink_to(real)
    (actions.tools[0] / "git").symlink_to(shutil.which("git") or "")
    git(actions.folder, "init", "-q", "--bare", "cfg-app.git")
    given = {"INPUT_REPO": str(actions.folder / "cfg-app.git"), "GITHUB_REPOSITORY": "acme/cfg-app"}
    for name in NAMES:
        done = run(name, actions, hostile, **given, INPUT_COMMAND="status")
        assert [one.name for one in hostile.ran.iterdir()] == [], name
        assert "::error title=Tidemill" in done.stdout, name
        assert "Traceback" not in done.stderr, name
    assert "has no branch" in done.stdout or "HEAD" in done.stdout, done.stdout
