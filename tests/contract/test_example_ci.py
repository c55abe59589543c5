"""examples/ci: the parts that a CI would run, run by sh against a real Git server with a login."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from tests.clients.git_server import GitServer, serving
from tests.clients.own_user import own_user as own_user  # noqa: PLC0414 - it is a fixture
from tests.world import Result, World

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "ci"
GITLAB = yaml.safe_load((EXAMPLES / ".gitlab-ci.yml").read_text())
JENKINS = (EXAMPLES / "Jenkinsfile").read_text()
CRONTAB = (EXAMPLES / "crontab").read_text()
WAVES = {"staging": {"targets": ["staging-eu"]}, "production": {"targets": ["prod-eu"]}}
# As kubectl itself: of a folder it tells no rollout, where something else than workloads is in it.
KUBECTL = """\
#!/bin/sh
echo "$*" >> {log}
case "$*" in
get*) printf '%-12s %s\\n' Deployment 'acme web' Service 'acme web' StatefulSet 'data db' ;;
"rollout status Deployment/"* | "rollout status StatefulSet/"*) test ! -e {log}.sick ;;
rollout*) echo "no status viewer has been implemented for Service" >&2 && exit 1 ;;
esac
"""
ASKPASS = """\
#!/bin/sh
case "$1" in Username*) echo tidemill ;; *) echo "$CFG_TOKEN" ;; esac
"""


@dataclass
class Machine:
    """Where a CI runs its jobs: a home folder, programs, a server that wants a login."""

    world: World
    server: GitServer
    folder: Path
    env: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"{self.server.url}/cfg-app.git"

    def sh(self, script: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """What a shell of the CI runs, with its variables."""
        env = self.env | variables
        return subprocess.run(
            ["sh", "-ec", script],
            cwd=self.folder,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )

    def status(self) -> Result:
        """The status now: jobs of a CI go by the clock of the machine."""
        self.world.now = datetime.now(UTC)
        return self.world.status()

    def must(self, script: str, **variables: str) -> subprocess.CompletedProcess[str]:
        done = self.sh(script, **variables)
        assert done.returncode == 0, done.stdout + done.stderr
        return done


@pytest.fixture
def machine(tmp_path: Path, own_user: None) -> Iterator[Machine]:
    (tmp_path / "world").mkdir()
    world = World(tmp_path / "world", WAVES)
    folder = tmp_path / "job"
    (folder / "bin").mkdir(parents=True)
    (folder / "ci").mkdir()
    (folder / "ci/deploy.sh").write_text((EXAMPLES / "deploy.sh").read_text())
    for name, text in (("kubectl", KUBECTL.format(log=folder / "kubectl.log")), ("ask", ASKPASS)):
        (folder / "bin" / name).write_text(text)
        (folder / "bin" / name).chmod(0o755)
    with serving(world.folder, {"secret": "write"}) as server:
        server.user = "tidemill"
        path = f"{folder}/bin:{Path(sys.executable).parent}:{os.environ['PATH']}"
        env = {"PATH": path, "HOME": str(folder), "CFG_TOKEN": "secret", "LC_ALL": "C.UTF-8"}
        yield Machine(world, server, folder, env)


def by_gitlab(machine: Machine, job: str = "loop") -> subprocess.CompletedProcess[str]:
    script = "\n".join([*GITLAB["default"]["before_script"], *GITLAB[job]["script"]])
    variables = {"CI": "true", "GITLAB_CI": "true", "CI_PROJECT_URL": machine.url[:-4]}
    variables["CFG"] = GITLAB["variables"]["CFG"].replace(
        "$CI_PROJECT_URL", variables["CI_PROJECT_URL"]
    )
    return machine.must(script, **variables)


def by_jenkins(machine: Machine) -> subprocess.CompletedProcess[str]:
    (script,) = re.findall(r"\bsh '(.*)'", JENKINS)
    askpass = f"{machine.folder}/bin/ask"  # what gitUsernamePassword sets
    return machine.must(script, JENKINS_URL="http://jenkins", CFG=machine.url, GIT_ASKPASS=askpass)


def by_cron(machine: Machine) -> subprocess.CompletedProcess[str]:
    (line,) = re.findall(r"(?m)^\*/5 \* \* \* \* (.*)", CRONTAB)
    assert "https://git.example.com/acme/cfg-app.git" in line
    command = line.replace("https://git.example.com/acme/cfg-app.git", machine.url)
    variables = dict(re.findall(r"(?m)^([A-Z_]+)=(.*)$", CRONTAB))
    variables["PATH"] = machine.env["PATH"]
    store = f"http://tidemill:secret@127.0.0.1:{machine.server.port}\n"
    (machine.folder / ".git-credentials").write_text(store)
    machine.must("git config --global credential.helper store")
    return machine.must(command, **variables)


def deploy(machine: Machine, wave: str, target: str) -> None:
    machine.must(f"sh ci/deploy.sh {wave} {target}", CFG=machine.url, GIT_ASKPASS="ask")


@pytest.mark.parametrize("run", [by_gitlab, by_jenkins, by_cron])
def test_a_set_goes_from_its_announcement_to_the_last_wave(
    machine: Machine, run: Callable[[Machine], subprocess.CompletedProcess[str]]
) -> None:
    world = machine.world
    announced = world.announce(1)["introduced"][0]["app_sha"]
    for wave, options in WAVES.items():
        assert world.on_main(wave) is None
        run(machine)
        assert world.on_main(wave) == announced
        deploy(machine, wave, options["targets"][0])
    run(machine)
    assert [one["sets"][0]["state"] for one in machine.status()["waves"]] == ["deployed"] * 2
    asked = {header for headers in machine.server.headers for header in headers}
    assert len(asked) == 1, "all of it came with the login, and only that one"


def test_cron_mails_nothing_where_nothing_is_wrong(machine: Machine) -> None:
    machine.world.announce(1)
    for _ in range(2):
        done = by_cron(machine)
        assert (done.stdout, done.stderr) == ("", "")
    assert machine.world.on_main("staging")
    machine.server.tokens.clear()
    assert "error: " in by_cron(machine).stdout


def test_gitlab_s_own_job_deploys_and_reports(machine: Machine) -> None:
    machine.world.announce(1)
    by_gitlab(machine)
    by_gitlab(machine, "staging-eu")
    files = "--filename generated/staging/staging-eu"
    assert (machine.folder / "kubectl.log").read_text().splitlines() == [
        f"apply {files}",
        f"get {files} --no-headers "
        "--output custom-columns=KIND:.kind,IN:.metadata.namespace,NAME:.metadata.name",
        "rollout status Deployment/web --namespace acme --timeout 5m",
        "rollout status StatefulSet/db --namespace data --timeout 5m",
    ]
    by_gitlab(machine)
    assert machine.world.on_main("production")


def test_a_deployment_that_fails_is_reported_and_goes_no_further(machine: Machine) -> None:
    machine.world.announce(1)
    by_gitlab(machine)
    (machine.folder / "kubectl.log.sick").touch()
    by_gitlab(machine, "staging-eu")
    by_gitlab(machine)
    assert machine.world.on_main("production") is None
    target = machine.status()["waves"][0]["targets"][0]
    assert (target["phase"], target["health"]) == ("Failed", "Degraded")


def test_gitlab_s_file_is_one() -> None:
    program = Path(sys.executable).with_name("check-jsonschema")
    schema = ["--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci"]
    subprocess.run([program, *schema, EXAMPLES / ".gitlab-ci.yml"], check=True)


def test_the_documents_show_the_files_as_they_are() -> None:
    page = (EXAMPLES.parents[1] / "docs" / "adopt-anywhere.md").read_text()
    for name in (".gitlab-ci.yml", "Jenkinsfile", "crontab", "deploy.sh"):
        assert (EXAMPLES / name).read_text() in page, name
