"""The wheel, and what the lock has for running it, are all that a laptop needs."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from runpy import run_path

import pytest
from tests.clients.github_api import REPOSITORY, TOKEN, serving
from tests.world import World, announcement

from tidemill.commands._table import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
BEGIN = "import sys; sys.path[:0] = sys.argv[1:3]; del sys.argv[1:3]\n"
BEGIN += "from tidemill.__main__ import main\n"
RUN = f"{BEGIN}sys.exit(main())"
HELPS = f"""{BEGIN}
for name in sys.argv[1:]:
    print("== " + name, flush=True)
    try:
        main([name, "--help"])
    except SystemExit as end:
        assert end.code == 0, name
"""
ASK = f"""{BEGIN}
from tidemill.clients.github.api import GitHub
from tidemill.clients.github.place import Place
print(*(one.context for one in GitHub(Place(*sys.argv[1:4]), sys.argv[4]).required("main")))
"""


class Laptop:
    """A Python that has the wheel, the packages that actions install, and nothing else."""

    def __init__(self, folder: Path) -> None:
        build = "import sys, flit_core.buildapi as api; print(api.build_wheel(sys.argv[1]))"
        self.wheel = folder / self._python(["-c", build, str(folder)]).splitlines()[-1]
        self.packages = folder / "packages"
        self.packages.mkdir()
        needed = run_path(str(ROOT / "bin" / "prepare.py"))["needed"]
        runtime = needed((ROOT / "requirements.lock").read_text())
        for name in re.findall(r"(?m)^([\w.-]+)==(?!.*win32)", runtime):
            for file in metadata.files(name) or ():
                top = file.parts[0]
                place = self.packages / top
                if not top.startswith("..") and not place.exists():
                    place.symlink_to(Path(str(metadata.distribution(name).locate_file(top))))

    @staticmethod
    def _python(words: list[str]) -> str:
        done = subprocess.run(
            [sys.executable, *words], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def run(self, *words: str, program: str = RUN) -> str:
        """What `tidemill` prints, which has to end well."""
        paths = [str(self.wheel), str(self.packages)]
        return self._python(["-I", "-S", "-X", "utf8", "-c", program, *paths, *words])


@pytest.fixture(scope="module")
def laptop(tmp_path_factory: pytest.TempPathFactory) -> Laptop:
    return Laptop(tmp_path_factory.mktemp("laptop"))


def test_the_wheel_needs_what_the_lock_has_for_running(laptop: Laptop) -> None:
    assert {one.name for one in laptop.packages.iterdir()} >= {"click", "git", "msgspec", "rich"}
    assert not {"tidemill", "pytest", "flit_core"} & {one.name for one in laptop.packages.iterdir()}


def test_each_command_that_the_help_lists_has_its_own_help(laptop: Laptop) -> None:
    told = laptop.run("--help")
    helps = laptop.run(*COMMANDS, program=HELPS)
    each = dict(part.split("\n", 1) for part in helps.split("== ")[1:])
    for name in COMMANDS:
        assert f"  {name} " in told
        assert f"example:\n  tidemill {name}" in each[name]


def test_github_is_asked_without_the_package_that_only_keys_of_an_app_need(laptop: Laptop) -> None:
    assert "cryptography" not in {one.name for one in laptop.packages.iterdir()}
    with serving() as api:
        api.requires("build")
        assert laptop.run(api.url, REPOSITORY, api.api, TOKEN, program=ASK) == "build\n"


def test_a_set_goes_from_its_announcement_to_a_target(laptop: Laptop, tmp_path: Path) -> None:
    world = World(tmp_path, {"lab": {"targets": ["lab-1"]}})
    file, repo = tmp_path / "announcement.json", str(world.bare)
    file.write_text(json.dumps(announcement(1)))
    now = ("--repo", repo, "--now", world.now.isoformat(), "--json")
    accepted = json.loads(laptop.run("update-cfg-app", "--announcement", str(file), *now))
    (sha,) = accepted["to_check"]
    assert "green" in laptop.run("check-cfg-app", "--repo", repo, "--sha", sha)
    verdict = ("--context", "check", "--state", "success", "--run", "1")
    laptop.run("record-check", "--sha", sha, *verdict, *now)
    assert json.loads(laptop.run("reconcile-cfg-app", *now))["landed"] == sha
    report = ("--phase", "Succeeded", "--health", "Healthy", "--finished-at", now[3])
    laptop.run(
        "record-deployment", "--wave=lab", "--target=lab-1", "--revision", sha, *report, *now
    )
    assert "deployed" in laptop.run("status", *now[:4])
