"""What doctor reads of two healthy repositories, as values, to be changed by tests."""

from __future__ import annotations

from msgspec.structs import replace

from tidemill.building import settings as of_app
from tidemill.checkup.checkup import Checkup, Files, Fitness, Programs, Pushing
from tidemill.checkup.finding import Finding
from tidemill.checkup.order import findings
from tidemill.facts import settings_file
from tidemill.facts.arrival import Arrival
from tidemill.facts.github_checks import RequiredCheck
from tidemill.facts.on_github import (
    ActionsPolicy,
    BranchOnGitHub,
    OnGitHub,
    OtherRepository,
    Permissions,
    Repository,
    Rule,
    WorkflowDefaults,
)

SHA = "1" * 40
CFG = """\
[checks]
required = ["tidemill/check"]
[images]
allow = ["ghcr.io/acme/*"]
[[sets]]
name = "app"
repository = "acme/app"
branch = "main"
[entrypoints]
generate = "make generate"
check = "./check.sh"
[deployments]
path = "generated/{wave}/{target}"
[[waves]]
name = "staging"
targets = ["staging-eu"]
[[waves]]
name = "production"
targets = ["prod-eu"]
"""
APP = """\
images = "ghcr.io/acme/{service}"
[compile]
command = "python3 build.py"
[[services]]
name = "web"
files = [{ from = "web", to = "/web" }]
[[services]]
name = "api"
file = "Dockerfile"
"""
CFG_WORKFLOW = f"""\
name: tidemill
on:
  repository_dispatch:
  workflow_dispatch:
  push:
    branches: [main]
  schedule:
    - cron: "*/15 * * * *"
permissions: {{}}
jobs:
  gitops:
    permissions:
      contents: write
      statuses: write
      checks: read
      deployments: read
      actions: read
    uses: tidemill/tidemill/.github/workflows/gitops.yml@{SHA} # v1
    with:
      setup: make setup
"""
APP_WORKFLOW = f"""\
name: images
on:
  push:
    branches: [main]
jobs:
  publish:
    permissions:
      contents: read
      packages: write
    uses: tidemill/tidemill/.github/workflows/publish-images.yml@{SHA}
    with:
      cfg-repository: acme/cfg-app
    secrets:
      announce-token: ${{{{ secrets.ANNOUNCE_TOKEN }}}}
"""
APPLICATION = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: {name}
  labels:
    tidemill.dev/wave: {wave}
spec:
  source:
    path: generated/{wave}/{name}
"""
CFG_FILE, APP_FILE = ".github/workflows/tidemill.yml", ".github/workflows/images.yml"
SAID = Repository("main", permissions=Permissions(push=True))
BRANCH = BranchOnGitHub(rules=(Rule("deletion"), Rule("non_fast_forward")))


def cfg(settings: str = CFG, **texts: str) -> Checkup:
    """cfg-app.git, where all is well; `texts` are files in place of its own, by short names."""
    names = {"workflow": CFG_FILE, "attributes": ".gitattributes", "make": "Makefile"}
    found = {
        CFG_FILE: CFG_WORKFLOW,
        ".gitattributes": "/images/**/*.json -merge\n",
        "Makefile": "generate: setup\n\ttouch generated\n",
        "argocd/staging.yaml": APPLICATION.format(name="staging-eu", wave="staging"),
        "generated/staging/staging-eu/all.yaml": "",
        "generated/production/prod-eu/all.yaml": "",
        "argocd/production.yaml": APPLICATION.format(name="prod-eu", wave="production"),
    } | {names.get(name, name): text for name, text in texts.items()}
    arrives = {"web": ("generated/all.yaml",)}
    ours = ("ghcr.io/acme/web",)
    return Checkup(
        Files({**dict.fromkeys(found, False), "check.sh": True}, found),
        Programs("2.47.1", "3.12.1", {"make": True}),
        cfg=settings_file.parse(settings),
        url="https://github.com/acme/cfg-app",
        fitness=Fitness(("tidemill.toml",)),
        arrivals=tuple(
            Arrival(wave, "app", arrives, repositories=ours) for wave in ("staging", "production")
        ),
        pushing=Pushing(has_state=True),
        github=OnGitHub(
            "acme/cfg-app",
            SAID,
            policy=ActionsPolicy(enabled=True),
            defaults=WorkflowDefaults("read"),
            secrets=frozenset(),
            variables=frozenset(),
            branches={"main": BRANCH, "auto": BranchOnGitHub(is_there=False)},
        ),
    )


def app(settings: str = APP, workflow: str = APP_WORKFLOW, other: str = CFG) -> Checkup:
    """app.git, where all is well, and the settings of cfg-app.git in `other`."""
    texts = {APP_FILE: workflow}
    return Checkup(
        Files({APP_FILE: False, "build.py": False, "Dockerfile": False}, texts),
        Programs("2.47.1", "3.12.1", {"python3": True}),
        app=of_app.parse(settings),
        url="https://github.com/acme/app",
        pushing=Pushing(has_state=False),
        github=OnGitHub(
            "acme/app",
            SAID,
            policy=ActionsPolicy(enabled=True),
            defaults=WorkflowDefaults("read"),
            secrets=frozenset({"ANNOUNCE_TOKEN"}),
            variables=frozenset(),
            branches={"main": BRANCH},
        ),
        other=OtherRepository("acme/cfg-app", other),
    )


def on_github(known: Checkup, **changes: object) -> Checkup:
    """The same with another answer of GitHub's."""
    assert isinstance(known.github, OnGitHub)
    return replace(known, github=replace(known.github, **changes))


def with_main(known: Checkup, **changes: object) -> Checkup:
    """The same with another main."""
    return _with_branch(known, "main", **changes)


def with_auto(known: Checkup, **changes: object) -> Checkup:
    """The same with another auto."""
    return _with_branch(known, "auto", is_there=True, **changes)


def _with_branch(known: Checkup, name: str, **changes: object) -> Checkup:
    assert isinstance(known.github, OnGitHub)
    branches = dict(known.github.branches)
    branches[name] = replace(branches[name], **changes)
    return on_github(known, branches=branches)


def requiring(*contexts: str) -> tuple[RequiredCheck, ...]:
    return tuple(map(RequiredCheck, contexts))


def of(known: Checkup, check: str) -> list[Finding]:
    """What one check finds."""
    return [one for one in findings(known) if one.check == check]
