"""Each page of docs/jobs is followed: edits are made, commands run, outputs compared.

The repository is a copy of examples/cfg-plain. Between two blocks of a page the loop runs to its
end, and every target reports what main has, unless the page is about one that does not.
"""

from __future__ import annotations

import copy
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from tests.adopted import Adopted
from tests.contract.test_documents import DOCUMENTS
from tests.followed import is_same
from tests.world import announcement, git

from tidemill.commands import _table

ROOT = Path(__file__).resolve().parents[2]
PLAIN = ROOT / "examples" / "cfg-plain"
JOBS = [name for name in DOCUMENTS if name.startswith("docs/jobs/")]
ADOPT = "docs/adopt-anywhere.md"
URL = "https://git.example.com/acme/cfg-app.git"  # what the pages call the repository
SERVICES = {"web": "1", "worker": "1"}


@dataclass(frozen=True)
class Step:
    """A block of a page, and what it is said to print."""

    kind: str
    text: str
    prints: str | None


def steps(page: str) -> list[Step]:
    """The blocks of a page that are done: commands and edits."""
    page = re.sub(r"(?ms)^<!-- test: not here: [^\n]* -->\n^```sh\n.*?^```\n", "", page)
    blocks = re.findall(r"(?ms)^```(\w+)\n(.*?)^```\n", page)
    following = [*blocks, ("", "")][1:]
    return [
        Step(kind, text, then if what == "text" else None)
        for (kind, text), (what, then) in zip(blocks, following, strict=False)
        if kind == "diff" or (kind == "sh" and not re.search(r"\bgh ", text))
    ]


class Shop(Adopted):
    """A cfg-app.git with plain YAML, which a person has checked out, and its two newest sets.

    Attributes:
        silent: targets that report nothing any more.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, PLAIN)
        git(self.clone, "remote", "add", "origin", str(self.bare))
        git(self.clone, "fetch", "-q")
        git(self.clone, "branch", "-q", "--set-upstream-to", "origin/main")
        self.silent: set[str] = set()

    def copy_to(self, folder: Path) -> Shop:
        """The same repositories at another place."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        other = copy.copy(self)
        other.folder, other.silent = folder, set()
        other.bare, other.clone = folder / self.bare.name, folder / self.clone.name
        git(other.clone, "remote", "set-url", "origin", str(other.bare))
        return other

    def loop(self) -> None:
        """All that is due is done, and checked."""
        done = self.run("loop", "--once")
        assert done.code == 0, done

    def deploy_to(self, *waves: str) -> None:
        """What is due lands, and the targets of these waves report it, one wave after the other."""
        for wave in waves:
            self.loop()
            for target in self.targets[wave]:
                if target not in self.silent:
                    self.report(wave, target)

    def go_on(self) -> None:
        """As long as a branch moves: what is due lands, and every target reports it."""
        for _ in range(8):
            self.later(minutes=1)
            before = git(self.bare, "for-each-ref", "refs/heads")
            settings = tomllib.loads(git(self.bare, "show", "main:tidemill.toml"))
            self.targets = {one["name"]: dict.fromkeys(one["targets"]) for one in settings["waves"]}
            self.deploy_to(*self.targets)
            self.loop()
            if git(self.bare, "for-each-ref", "refs/heads") == before:
                return
        raise AssertionError("it does not come to rest")


class Newcomer(Shop):
    """A cfg-app.git with plain YAML, in which nothing is of Tidemill yet."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        for name in ("tidemill.toml", ".github", ".gitattributes", "scripts", "README.md"):
            git(self.clone, "rm", "-qr", name)
        git(self.clone, "commit", "-q", "--amend", "-m", "What is there")
        git(self.clone, "push", "-qf")

    def go_on(self) -> None:
        """Nothing: the page does all of it."""


@pytest.fixture(scope="session")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """The third set is deployed everywhere, and so was the second."""
    shop = Shop(tmp_path_factory.mktemp("settled"))
    for position in (2, 3):
        shop.announce(position, {"web": str(position), "worker": "1"})
        shop.deploy_to("staging")
        shop.later(minutes=20)
        shop.deploy_to("production")
    git(shop.clone, "pull", "-q")
    return shop


# What is there before a page begins, besides that


def an_approval_is_wanted(shop: Shop) -> None:
    """A set waits for a person before production."""
    edit(shop.clone / "tidemill.toml", ' soak = "10m"\n+approval = true\n')
    git(shop.clone, "commit", "-qam", "production needs an approval")
    git(shop.clone, "push", "-q")
    shop.announce(4, SERVICES)
    shop.deploy_to("staging")
    shop.later(minutes=20)
    shop.loop()


def a_set_is_evicted(shop: Shop) -> None:
    """A set without a service that the manifests name is red."""
    shop.announce(4, {"worker": "2"})
    shop.loop()


def an_announcement_waits(shop: Shop) -> None:
    """Staging is busy with a set that nobody reports."""
    shop.silent = {"staging-eu"}
    shop.announce(4, SERVICES)
    shop.loop()
    shop.announce(5, {"web": "5", "worker": "1"})


def a_service_is_announced(shop: Shop) -> None:
    """A set with one service more than the manifests name is everywhere."""
    shop.announce(4, {**SERVICES, "mailer": "1"})
    shop.deploy_to("staging")
    shop.later(minutes=20)
    shop.deploy_to("production")


def a_set_soaks_before_a_wave_on_hold(shop: Shop) -> None:
    """Production is on hold, and waits for a set that soaks in staging, too."""
    shop.run("hold-wave", "--wave", "production", "--reason", "the database is being moved")
    shop.announce(4, SERVICES)
    shop.deploy_to("staging")


def a_set_soaks(shop: Shop) -> None:
    """A set soaks in staging."""
    shop.announce(4, SERVICES)
    shop.deploy_to("staging")
    git(shop.clone, "pull", "-q")


def a_fix_is_built(shop: Shop) -> None:
    """A release branch has a fix, whose images are announced to nobody yet."""
    file = shop.clone / "announcements" / "app.json"
    file.parent.mkdir()
    file.write_text(json.dumps(announcement(9, {"web": "fixed", "worker": "1"})))


SCENES = {
    "hotfix": a_fix_is_built,
    "add-a-service": a_service_is_announced,
    "why-not-in-production": a_set_soaks_before_a_wave_on_hold,
    "approve": an_approval_is_wanted,
    "verify": a_set_soaks,
    "retry": a_set_is_evicted,
    "drop": an_announcement_waits,
}

# What has to be so when a page has been followed


def production_has(position: int) -> Callable[[Shop], None]:
    """Production has the set of this position, deployed, and main holds nothing else back."""

    def check(shop: Shop) -> None:
        (wave,) = [one for one in shop.status()["waves"] if one["name"] == "production"]
        assert wave["sets"][0]["position"] == position, wave
        assert wave["sets"][0]["state"] == "deployed", wave

    return check


def a_set_from_the_new_registry_lands(shop: Shop) -> None:
    """What app.git announces next goes through both waves."""
    text = json.dumps(announcement(4, SERVICES))
    file = shop.folder / "announcement.json"
    file.write_text(text.replace("ghcr.io/acme", "registry.example.com/acme"))
    assert shop.run("update-cfg-app", "--announcement", str(file)).code == 0
    shop.deploy_to("staging")
    shop.later(minutes=20)
    shop.deploy_to("production")
    production_has(4)(shop)


def the_set_is_verified(shop: Shop) -> None:
    """It soaks from the beginning, and then goes on."""
    shop.later(minutes=20)
    shop.deploy_to("staging", "production")
    production_has(4)(shop)


def the_hotfix_runs(shop: Shop) -> None:
    """Production has the fix, and nothing newer has come to replace it."""
    (wave,) = [one for one in shop.status()["waves"] if one["name"] == "production"]
    assert wave["sets"][0]["is_hotfix"], wave
    assert wave["sets"][0]["state"] == "deployed", wave


def a_new_generation_lands(shop: Shop) -> None:
    """What the rewritten app.git announces goes through both waves, from a lower position."""
    file = shop.folder / "announcement.json"
    file.write_text(json.dumps(announcement(1, SERVICES) | {"generation": 2}))
    assert shop.run("update-cfg-app", "--announcement", str(file)).code == 0
    shop.deploy_to("staging")
    shop.later(minutes=20)
    shop.deploy_to("production")
    production_has(1)(shop)


ENDS: dict[str, Callable[[Shop], None]] = {
    "rewrite-app-git": a_new_generation_lands,
    "hotfix": the_hotfix_runs,
    "move-a-registry": a_set_from_the_new_registry_lands,
    "rename-a-wave": production_has(3),
    "roll-back": production_has(2),
    "approve": production_has(4),
    "verify": the_set_is_verified,
}


def edit(file: Path, change: str) -> None:
    """Make an edit that is shown as a diff without line numbers."""
    lines = change.splitlines(keepends=True)
    old = "".join(line[1:] for line in lines if line[0] in " -")
    new = "".join(line[1:] for line in lines if line[0] in " +")
    text = file.read_text()
    assert text.count(old) == 1, f"{file} has not this, once:\n{old}"
    file.write_text(text.replace(old, new))


def at_the_time_of(shop: Shop) -> Path:
    """A folder with a `tidemill` whose clock is the repository's, not this machine's."""
    clocked = [
        name
        for name in _table.COMMANDS
        if any(one.name == "now" for one in _table.command(name).PARAMETERS)
    ]
    file = shop.folder / "bin" / "tidemill"
    file.parent.mkdir(exist_ok=True)
    file.write_text(
        f"""#!/bin/sh
case $1 in
{"|".join(clocked)}) exec {sys.executable} -m tidemill "$@" --now {shop.now.isoformat()} ;;
*) exec {sys.executable} -m tidemill "$@" ;;
esac
"""
    )
    file.chmod(0o755)
    return file.parent


def run(shop: Shop, script: str) -> str:
    """What a script prints, which a person runs in their checkout."""
    own = Path(sys.executable).parent
    env = os.environ | {
        "PATH": f"{at_the_time_of(shop)}:{own}:{os.environ['PATH']}",
        "HOME": str(shop.folder),
        "CFG": str(shop.bare),
    }
    done = subprocess.run(
        ["sh", "-ec", script], cwd=shop.clone, env=env, text=True, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert done.returncode == 0, f"{script}\n{done.stdout}"
    return done.stdout.replace(str(shop.bare), URL).replace(str(shop.folder), "/srv")


@pytest.mark.parametrize("name", [name for name in [*JOBS, ADOPT] if steps(DOCUMENTS[name])])
def test_a_page_does_what_it_says(
    name: str, settled: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "ada")
    job = Path(name).stem
    shop = Newcomer(tmp_path) if name == ADOPT else settled.copy_to(tmp_path)
    if job in SCENES:
        SCENES[job](shop)
    done = steps(DOCUMENTS[name])
    for number, step in enumerate(done):
        if number and done[number - 1].kind == "sh":
            shop.go_on()
        if step.kind == "diff":
            edit(shop.clone / "tidemill.toml", step.text)
            continue
        printed = run(shop, step.text)
        if step.prints is not None:
            assert is_same(printed, step.prints), printed
    shop.go_on()
    ENDS.get(job, nothing_waits)(shop)


def nothing_waits(shop: Shop) -> None:
    """All that is due has been done."""
    assert not shop.turn()["to_check"]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_what_github_is_asked_for_is_in_the_form(name: str) -> None:
    """Each `gh workflow run tidemill.yml` of a page, by the example of that workflow."""
    text = (ROOT / "examples/cfg-app/.github/workflows/tidemill.yml").read_text()
    inputs = yaml.safe_load(text)[True]["workflow_dispatch"]["inputs"]  # `on` is YAML's true
    page = DOCUMENTS[name].replace("\\\n", " ")
    for command in re.findall(r"gh workflow run tidemill\.yml(.*)", page):
        given = dict(re.findall(r"-f \"?([\w-]+)=(\w+)", command))
        assert set(given) <= set(inputs), command
        if "operation" in given:
            operations = {one.split()[0] for one in inputs["operation"]["options"]}
            assert given["operation"] in operations, command
