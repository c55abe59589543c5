"""All checks on two healthy repositories, and on the same with one mistake each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from msgspec.structs import replace
from tests.unit.checkup_values import (
    APP,
    APP_FILE,
    APP_WORKFLOW,
    APPLICATION,
    CFG,
    CFG_FILE,
    CFG_WORKFLOW,
    SHA,
    app,
    cfg,
    of,
    on_github,
    requiring,
    with_auto,
    with_main,
)

from tidemill.checkup.checkup import Checkup, Files, Fitness, Programs, Pushing
from tidemill.checkup.finding import Fix, State
from tidemill.checkup.order import findings
from tidemill.errors import EntryPointFailed, SettingsInvalid
from tidemill.facts.arrival import Arrival, Nameless
from tidemill.facts.github_checks import ACTIONS, RequiredCheck
from tidemill.facts.need import TargetOptions
from tidemill.facts.on_github import (
    ActionsPolicy,
    Bypass,
    OtherRepository,
    Permissions,
    Protection,
    Repository,
    Rule,
    Ruleset,
    Switch,
    Unseen,
    WorkflowDefaults,
)
from tidemill.facts.vouchers import Environment
from tidemill.words.documents import loaded

Case = tuple[Callable[[], Checkup], str, State, str]


def edited(old: str, new: str) -> Checkup:
    """cfg-app.git with another workflow."""
    assert old in CFG_WORKFLOW
    return cfg(workflow=CFG_WORKFLOW.replace(old, new))


def app_edited(old: str, new: str) -> Checkup:
    """app.git with another workflow."""
    assert old in APP_WORKFLOW
    return app(workflow=APP_WORKFLOW.replace(old, new))


def with_second(workflow: str) -> Checkup:
    """app.git with one more workflow file, which comes after the other."""
    known = app()
    texts = {**known.files.texts, ".github/workflows/second.yml": workflow}
    return replace(known, files=replace(known.files, texts=texts))


def said(old: str, new: str, **texts: str) -> Checkup:
    """cfg-app.git with other settings."""
    assert old in CFG
    return cfg(CFG.replace(old, new), **texts)


def other(old: str, new: str) -> Checkup:
    """app.git that announces to a cfg-app.git with other settings."""
    assert old in CFG
    return app(other=CFG.replace(old, new))


def as_app(known: Checkup) -> Checkup:
    """The same, whose workflow pushes as a GitHub App."""
    lines = "      app-client-id: x\n    secrets:\n      app-private-key: ${{ secrets.KEY }}\n"
    texts = {**known.files.texts, CFG_FILE: CFG_WORKFLOW + lines}
    return replace(known, files=replace(known.files, texts=texts))


def reviewed(found: Environment | Unseen | None) -> Checkup:
    """cfg-app.git, whose production takes what the reviewers of `live` let through."""
    told = 'name = "production"\napproval = true\nenvironment = "live"'
    return on_github(said('name = "production"', told), environments={"live": found})


ASKED = '[[verifications]]\nname = "smoke"\ncommand = "make smoke"\n'
TOLD = """\
[[signals.receivers]]
name = "deploys"
kind = "slack"
[[signals.receivers]]
name = "cfg-issues"
kind = "issue"
"""
SLACK = "deploys=${{ secrets.SLACK_URL }}"
INTEGRATIONS = Path(__file__).parents[3] / "integrations"


def telling(*lines: str, secret: str | None = None, app: bool = True, own: str = TOLD) -> Checkup:
    """cfg-app.git with receivers of signals, whose workflow gives these addresses."""
    given = secret or "".join(["|", *(f"\n        {line}" for line in lines)])
    words = "      app-client-id: x\n      issues: true\n" if app else ""
    words += "    secrets:\n      app-private-key: ${{ secrets.KEY }}\n"
    words += f"      signals: {given}\n" if lines or secret else ""
    return cfg(own + CFG, workflow=CFG_WORKFLOW + words)


def flux(types: str = "", wait: str = "true") -> Checkup:
    """cfg-app.git that Flux deploys to staging."""
    text = (
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata:\n"
        "  name: staging-eu\n  labels: {tidemill.dev/wave: staging}\n"
        f"spec: {{wait: {wait}, path: ./generated/staging/staging-eu}}\n"
    )
    known = edited("  repository_dispatch:", f"  repository_dispatch: {{{types}}}")
    texts = {**known.files.texts, "argocd/staging.yaml": text}
    return replace(known, files=replace(known.files, texts=texts))


def alerting(of: str, **changes: str) -> Checkup:
    """The same with the Alerts of a wave."""
    known = flux(**changes)
    alert = (INTEGRATIONS / "flux/alert.yaml").read_text().replace(": staging\n", f": {of}\n")
    texts = {**known.files.texts, "tidemill/flux.yaml": alert}
    return replace(known, files=replace(known.files, texts=texts))


def publishing() -> Checkup:
    """cfg-app.git with the job that docs/page.md says to add."""
    page = (INTEGRATIONS.parent / "docs/page.md").read_text()
    (job,) = (one for one in page.split("```") if "/pages.yml@" in one)
    return cfg(workflow=CFG_WORKFLOW + job.removeprefix("yaml\n"))


def compiled(
    package: str, copied: str, module: str = "go.mod", before: str = "", more: tuple[str, ...] = ()
) -> Checkup:
    """app.git that compiles a program of Go."""
    command = f"{before}CGO_ENABLED=0 go build -trimpath -o bin/ {package}"
    known = app(
        'images = "ghcr.io/acme/{service}"\n'
        f"[compile]\ncommand = \"sh -c '{command}'\"\n"
        f'[[services]]\nname = "web"\nfiles = [{{ from = "{copied}", to = "/web" }}]\n'
    )
    modes = dict.fromkeys((APP_FILE, module, "cmd/web/main.go", *more), False)
    return replace(known, files=replace(known.files, modes=modes))


def asked_offline(required: str) -> Checkup:
    """cfg-app.git of which GitHub was not asked, and which requires a check."""
    return replace(said("tidemill/check", required), github=Unseen("--offline was given"))


def deploying(name: str, wave: str) -> Checkup:
    """cfg-app.git with another Application for staging."""
    return cfg(**{"argocd/staging.yaml": APPLICATION.format(name=name, wave=wave)})


def pull_request(bypass: tuple[Bypass, ...] | None = None) -> Checkup:
    rules = {"rules": (Rule("pull_request", 7),), "rulesets": {7: Ruleset("r", bypass)}}
    return with_main(cfg(), **rules)


OTHERS_CI = said('required = ["tidemill/check"]', 'required = ["ci"]')
CASES: dict[str, Case] = {
    # the machine and the settings
    "old Git": (
        lambda: replace(cfg(), programs=Programs("2.30.2", "3.12.1")),
        "releases", "warning", "the oldest that Tidemill is tested with is 2.39",
    ),
    "odd Git": (
        lambda: replace(cfg(), programs=Programs("odd", "3.12.1")),
        "releases", "unknown", "does not say which release",
    ),
    "no settings": (
        lambda: Checkup(Files({}, {}), Programs("2.47.1", "3"),
                        invalid=SettingsInvalid("there is no tidemill.toml", remedy="write one")),
        "settings", "problem", "there is no tidemill.toml",
    ),
    "ignored files": (
        lambda: replace(cfg(), files=replace(cfg().files, ignored=("images/staging/tags.json",))),
        "ignored", "problem", ".gitignore names images/staging/tags.json",
    ),
    # entry points
    "no script": (
        lambda: said("./check.sh", "./chek.sh"),
        "entry-points", "problem", "check calls './chek.sh', which is not there",
    ),
    "script that may not run": (
        lambda: replace(cfg(), files=replace(cfg().files, modes={"check.sh": False})),
        "entry-points", "problem", "which may not be executed",
    ),
    "no make target": (
        lambda: cfg(make="genrate:\n\ttrue\n"),
        "entry-points", "problem", "generate calls make 'generate'",
    ),
    "no Makefile": (
        lambda: replace(cfg(), files=replace(cfg().files, texts={CFG_FILE: CFG_WORKFLOW})),
        "entry-points", "problem", "there is no Makefile",
    ),
    "no program": (
        lambda: replace(cfg(), programs=Programs("2.47", "3", {"make": False})),
        "entry-points", "warning", "generate calls 'make', which is not in PATH here",
    ),
    "no file of an interpreter": (
        lambda: said("make generate", "A=1 python3 -X utf8 gen.py"),
        "entry-points", "problem", "generate calls",
    ),
    "no Dockerfile": (
        lambda: replace(app(), files=replace(app().files, modes={"build.py": False})),
        "dockerfiles", "problem", "api has the Dockerfile Dockerfile, which is not there",
    ),
    "no file behind flags of a shell": (
        lambda: said("make generate", "bash -euo pipefail gen.sh"),
        "entry-points", "problem", "generate calls 'gen.sh', which is not there",
    ),
    "no make target behind flags": (
        lambda: said("make generate", "make -s -j 2 genrate"),
        "entry-points", "problem", "generate calls make 'genrate'",
    ),
    "merges of other files": (
        lambda: cfg(attributes="package-lock.json -merge\n/web/*.json -merge\n"),
        "attributes", "warning", "Git may merge two sets",
    ),
    "merges of one wave": (
        lambda: cfg(attributes="/images/staging/** -merge\n"),
        "attributes", "warning", "Git may merge two sets",
    ),
    "merges that a later line lets in again": (
        lambda: cfg(attributes="*.json -merge\n/images/**/*.json merge\n"),
        "attributes", "warning", "Git may merge two sets",
    ),
    "image files may be merged": (
        lambda: cfg(attributes="* text=auto\n"),
        "attributes", "warning", "Git may merge two sets",
    ),
    # environments
    "no environment": (
        lambda: reviewed(None),
        "environments", "problem", "the environment live, which production names, is not there",
    ),
    "environment without reviewers": (
        lambda: reviewed(Environment(may_review_own=True)),
        "environments", "problem", "has no required reviewers",
    ),
    "environment that can't be seen": (
        lambda: reviewed(Unseen("403")),
        "environments", "unknown", "which production names, can't be seen: 403",
    ),
    "environment and no GitHub": (
        lambda: replace(reviewed(None), github=Unseen("--offline")),
        "environments", "unknown", "can't be seen: --offline",
    ),
    "reviewers of their own": (
        lambda: reviewed(Environment(has_reviewers=True, may_review_own=True)),
        "environments", "warning", "approve what they have asked for themselves",
    ),
    "administrators go past": (
        lambda: reviewed(Environment(has_reviewers=True, may_bypass=True)),
        "environments", "warning", "lets administrators go past its rules",
    ),
    "environment that asks somebody else": (
        lambda: reviewed(Environment(has_reviewers=True)),
        "environments", "ok", "has reviewers",
    ),
    "reviewers and another run-name": (
        lambda: reviewed(Environment(has_reviewers=True)),
        "approvers", "problem", "nothing that is asked for on GitHub counts for production",
    ),
    # workflows
    "no workflow": (
        lambda: replace(cfg(), files=Files({}, {})),
        "workflow", "problem", "no workflow here calls gitops.yml",
    ),
    "no workflow, and no GitHub": (
        lambda: replace(cfg(), files=Files({}, {}), github=Unseen("--offline")),
        "workflow", "unknown", "no workflow here calls gitops.yml",
    ),
    "workflow of the other repository": (
        lambda: edited("gitops.yml", "publish-images.yml"),
        "workflow", "problem", "calls publish-images.yml, and this is cfg-app.git",
    ),
    "workflow that is no YAML": (
        lambda: edited("jobs:", "jobs: ]["),
        "workflow", "problem", "is not a workflow",
    ),
    "pin to a branch": (
        lambda: edited(SHA, "main"),
        "pin", "warning", "names main of tidemill/tidemill",
    ),
    "pin to a branch, where GitHub wants a commit": (
        lambda: on_github(edited(SHA, "v1"), policy=ActionsPolicy(True, "all", True)),
        "pin", "problem", "names v1 of tidemill/tidemill",
    ),
    "no repository_dispatch": (
        lambda: edited("  repository_dispatch:\n", ""),
        "events", "problem", "hears of no announcement",
    ),
    "types without ours": (
        lambda: edited("  repository_dispatch:", "  repository_dispatch: {types: [turn-due]}"),
        "events", "problem", "leaves out images-announced, target-deployed",
    ),
    "push of another branch": (
        lambda: edited("branches: [main]", "branches: [master]"),
        "events", "warning", "not started by a push to main",
    ),
    "push of all but main": (
        lambda: edited("branches: [main]", 'branches: ["*", "!main"]'),
        "events", "warning", "not started by a push to main",
    ),
    "push of no branch": (
        lambda: edited("branches: [main]", "tags-ignore: [v*]"),
        "events", "warning", "not started by a push to main",
    ),
    "push of branches without a slash": (
        lambda: cfg('main = "run/main"\n' + CFG, workflow=CFG_WORKFLOW.replace(
            "branches: [main]", 'branches: ["*", "ru?n", "run/[n-z]ain"]')),
        "events", "warning", "not started by a push to run/main",
    ),
    "push of branches with a slash": (
        lambda: cfg('main = "run/v1.10"\n' + CFG, workflow=CFG_WORKFLOW.replace(
            "branches: [main]", 'branches: ["!**", "run/v[0-9].1[0-9]+"]')),
        "events", "ok", "is started by",
    ),
    "no schedule": (
        lambda: edited('  schedule:\n    - cron: "*/15 * * * *"\n', ""),
        "events", "warning", "has no schedule",
    ),
    "no workflow_dispatch": (
        lambda: edited("  workflow_dispatch:\n", ""),
        "events", "warning", "nobody can promote",
    ),
    "other CI that is not heard": (
        lambda: edited("setup: make setup", "check: other-ci"),
        "events", "warning", "does not hear when the other CI has answered",
    ),
    "statuses that are polled start runs": (
        lambda: cfg(
            CFG.replace("[deployments]\n", '[deployments]\nreports = "poll"\n'),
            workflow=CFG_WORKFLOW.replace("  schedule:", "  deployment_status:\n  schedule:"),
        ),
        "events", "warning", "these runs cost minutes and bring nothing",
    ),
    "app.git that is not started": (
        lambda: app(APP.replace("[compile]", 'branch = "trunk"\n[compile]', 1)),
        "events", "problem", "not started by a push to trunk",
    ),
    "permission is missing": (
        lambda: edited("      statuses: write\n", ""),
        "permissions", "problem", "lacks statuses: write",
    ),
    "permission is too small": (
        lambda: edited("contents: write", "contents: read"),
        "permissions", "problem", "lacks contents: write",
    ),
    "no permissions, read by default": (
        lambda: app_edited("    permissions:\n      contents: read\n      packages: write\n", ""),
        "permissions", "problem", "so it may only read",
    ),
    "no permissions, write by default": (
        lambda: on_github(
            app_edited("    permissions:\n      contents: read\n      packages: write\n", ""),
            defaults=WorkflowDefaults("write"),
        ),
        "permissions", "warning", "may write everything",
    ),
    "no permissions, and nobody knows the default": (
        lambda: on_github(
            app_edited("    permissions:\n      contents: read\n      packages: write\n", ""),
            defaults=Unseen("403", 403),
        ),
        "permissions", "unknown", "can't be seen from here",
    ),
    "unknown input": (
        lambda: edited("setup:", "setpu:"),
        "inputs", "problem", "gives the input setpu",
    ),
    "unknown secret": (
        lambda: app_edited("announce-token:", "anounce-token:"),
        "inputs", "problem", "gives the secret anounce-token",
    ),
    "no cfg-repository": (
        lambda: app_edited("      cfg-repository: acme/cfg-app\n", "      verify: true\n"),
        "inputs", "problem", "does not give the input cfg-repository",
    ),
    "nothing to announce with": (
        lambda: app_edited("announce-token: ${{ secrets.ANNOUNCE_TOKEN }}",
                           "registry-password: ${{ secrets.ANNOUNCE_TOKEN }}"),
        "inputs", "problem", "gives nothing to announce with",
    ),
    "App without a key": (
        lambda: edited("setup: make setup", "app-client-id: x"),
        "inputs", "problem", "not the App's key",
    ),
    "check that there is not": (
        lambda: edited("setup: make setup", "check: same-jbo"),
        "inputs", "problem", "says check: same-jbo",
    ),
    "checks beside the token": (
        lambda: edited("setup: make setup", "entrypoints: same-user"),
        "inputs", "problem", "as the user who has its token",
    ),
    "deployments without an App": (
        lambda: edited("setup: make setup", "deployments: true"),
        "inputs", "problem", "takes a GitHub App",
    ),
    "images that go to another registry": (
        lambda: app(APP.replace("ghcr.io", "registry.example.com")),
        "inputs", "warning", "go to registry.example.com, and .github/workflows/images.yml logs in",
    ),
    "verification of a set that does not soak": (
        lambda: cfg(CFG + ASKED),
        "verifications", "warning", "smoke may be asked only once of a set in staging, production",
    ),
    "verification that takes its time": (
        lambda: cfg(CFG + ASKED + 'for = "30m"\n'),
        "verifications", "ok", "sets are verified by smoke",
    ),
    "receiver without an address": (
        telling,
        "signals", "warning", "gives no address for deploys: nothing is sent there",
    ),
    "address of nobody": (
        lambda: telling(SLACK, "deplois=x"),
        "signals", "warning", "gives an address for deplois",
    ),
    "address without a name": (
        lambda: telling(SLACK, "https"),
        "signals", "warning", "line 2 of the receivers' addresses is not name=address",
    ),
    "addresses in one secret": (
        lambda: telling(secret="${{ secrets.ALL }}"),
        "signals", "unknown", "for each of deploys can't be seen",
    ),
    "issues without an App": (
        lambda: telling(SLACK, app=False),
        "signals", "warning", "does not let cfg-issues open issues",
    ),
    "receivers, and no workflow": (
        lambda: replace(telling(), files=Files({}, {})),
        "signals", "unknown", "whether TIDEMILL_SIGNALS has the addresses of deploys, cfg-issues",
    ),
    "secret that is not there": (
        lambda: on_github(app(), secrets=frozenset({"OTHER"})),
        "secrets", "problem", "names the secret ANNOUNCE_TOKEN",
    ),
    "secrets that can't be seen": (
        lambda: on_github(app(), secrets=Unseen("403", 403)),
        "secrets", "unknown", "can't be seen: 403",
    ),
    # clusters
    "path where nothing is": (
        lambda: said('path = "generated/', 'path = "made/'),
        "paths", "warning", "nothing is at made/staging/staging-eu, made/production/prod-eu",
    ),
    "path of several that no target has": (
        lambda: said(
            'path = "generated/{wave}/{target}"', 'path = ["generated/{wave}/{target}", "valeus"]'
        ),
        "paths", "warning", "nothing is at valeus",
    ),
    "path of several that some targets have": (
        lambda: said(
            'path = "generated/{wave}/{target}"',
            'path = ["generated/{wave}/{target}", "generated/{wave}/prod-eu"]',
        ),
        "paths", "ok", "something at each place",
    ),
    "target that is not listed": (
        lambda: deploying("staging-us", "staging"),
        "targets", "problem", "reports as staging-us in staging",
    ),
    "wave that is not listed": (
        lambda: deploying("staging-eu", "stagin"),
        "targets", "problem", "in stagin, so that staging-eu in staging never reports",
    ),
    "wave that is not listed, of a target that is not, either": (
        lambda: deploying("other", "stagin"),
        "targets", "problem", "only the waves staging, production",
    ),
    "label of another target": (
        lambda: cfg(**{"argocd/staging.yaml": APPLICATION.format(name="staging-eu", wave="staging")
                       .replace("wave: staging\n", "wave: production\n")
                       .replace("name: staging-eu", "name: prod-eu")}),
        "targets", "problem", "reports as prod-eu in production, so that staging-eu in staging",
    ),
    "no label": (
        lambda: cfg(**{"argocd/staging.yaml": APPLICATION.format(
            name="staging-eu", wave="staging").replace("    tidemill.dev/wave: staging\n", "")}),
        "targets", "problem", "is not labelled, so that staging-eu in staging never reports",
    ),
    "annotation that nothing subscribes": (
        lambda: cfg(**{"argocd/staging.yaml": APPLICATION.format(
            name="staging-eu", wave="staging").replace("labels:", "annotations:")}),
        "targets", "problem", "does not report",
    ),
    "another path": (
        lambda: cfg(**{"argocd/staging.yaml": APPLICATION.format(
            name="staging-eu", wave="staging").replace("path: generated", "path: made")}),
        "targets", "warning", "renders from made/staging/staging-eu",
    ),
    "target without an Application": (
        lambda: cfg(**{"argocd/staging.yaml": ""}),
        "targets", "warning", "reports as staging-eu (staging)",
    ),
    "no Application": (
        lambda: cfg(**{"argocd/staging.yaml": "", "argocd/production.yaml": ""}),
        "targets", "unknown", "nothing in this repository says how its targets report",
    ),
    "Kustomization that does not wait": (
        lambda: flux(wait="false"),
        "targets", "problem", "says nothing of health",
    ),
    "Kustomization whose events are left out": (
        lambda: flux("types: [images-announced, target-deployed, turn-due]"),
        "targets", "problem", "leaves out Kustomization/staging-eu.flux-system",
    ),
    # what runs
    "not fit to land": (
        lambda: replace(cfg(), fitness=Fitness(error=EntryPointFailed("it is not deterministic",
                                                                      remedy="mend it"))),
        "fit-to-land", "problem", "it is not deterministic",
    ),
    "warning of the check": (
        lambda: replace(cfg(), fitness=Fitness(("x",), ("a service is missing",))),
        "fit-to-land", "warning", "a service is missing",
    ),
    "check that could not run": (
        lambda: replace(cfg(), fitness=Unseen("no root")),
        "fit-to-land", "unknown", "no root",
    ),
    "no digest arrives": (
        lambda: replace(cfg(), arrivals=(Arrival("staging", "app", {"web": ()}, True),)),
        "digests", "problem", "no file names the digest of web (with invented digests)",
    ),
    "digest goes to one file, and another one has a copy": (
        lambda: replace(cfg(), arrivals=(
            Arrival("staging", "app", {"web": ("x",)}, elsewhere={"web": ("y", "r.test/web:1")}),
        )),
        "digests", "warning", "y names r.test/web:1, which stays as it is",
    ),
    "a region lacks a repository": (
        lambda: replace(cfg(), arrivals=(
            Arrival("staging", "app", {"web": ("x",)}, nameless=(
                Nameless("web", "us.yaml", "web.image", ("repository: ghcr.io/acme/web",)),
            )),
        )),
        "digests", "problem", "us.yaml has a tag at web.image and no repository",
    ),
    "a tag without a repository, beside the same image in another place": (
        lambda: replace(cfg(), arrivals=(
            Arrival("staging", "app", {"web": ("us.yaml",)}, nameless=(
                Nameless("web", "us.yaml", "web.image", ("repository: ghcr.io/acme/web",)),
            )),
        )),
        "digests", "warning", "us.yaml has a tag at web.image and no repository",
    ),
    "no image of the waves is allowed": (
        lambda: replace(cfg(), arrivals=(
            Arrival("staging", "app", {"web": ("x",)}, repositories=("ghcr.io/acm/web",)),
        )),
        "digests", "problem", "their next announcement is refused",
    ),
    "a pattern of allow is nearly that of an image": (
        lambda: said('"ghcr.io/acme/*"', '"ghcr.io/acme/*", "ghcr.io/amce/*"'),
        "digests", "warning", "ghcr.io/amce/*, and no image that a wave has matches it",
    ),
    "an overlay names what is not there": (
        lambda: cfg(**{
            "generated/staging/staging-eu/kustomization.yaml": "resources: [all.yaml, ../bse]",
        }),
        "rendering", "problem", "kustomization.yaml names ../bse, which is not there",
    ),
    "one digest does not arrive": (
        lambda: replace(cfg(), arrivals=(Arrival("staging", "app", {"web": (), "api": ("x",)}),)),
        "digests", "warning", "no file names the digest of web",
    ),
    "generate does not take images": (
        lambda: replace(cfg(), arrivals=EntryPointFailed("make generate failed", remedy="mend it")),
        "digests", "problem", "generate fails where a wave gets images: make generate failed",
    ),
    "nobody could generate": (
        lambda: replace(cfg(), arrivals=Unseen("generate took too long")),
        "digests", "unknown", "generate took too long",
    ),
    "images that are not allowed here": (
        lambda: replace(cfg(), arrivals=(), unlisted=("ghcr.io/acm/web",)),
        "digests", "problem", "files name ghcr.io/acm/web, of which [images] allow lists none",
    ),
    "no service is known": (
        lambda: replace(cfg(), arrivals=()),
        "digests", "unknown", "services are not known",
    ),
    # GitHub
    "no GitHub": (
        lambda: replace(cfg(), github=Unseen("there is no token")),
        "github", "unknown", "there is no token",
    ),
    "archived": (
        lambda: on_github(cfg(), repository=Repository("main", archived=True)),
        "github", "problem", "archived",
    ),
    "Actions off": (
        lambda: on_github(cfg(), policy=ActionsPolicy(False)),
        "github", "problem", "Actions may not run",
    ),
    "own actions only": (
        lambda: on_github(cfg(), policy=ActionsPolicy(True, "local_only")),
        "github", "problem", "not use workflows of other repositories",
    ),
    "selected actions only": (
        lambda: on_github(cfg(), policy=ActionsPolicy(True, "selected")),
        "github", "unknown", "selected actions",
    ),
    "policy that can't be seen": (
        lambda: on_github(cfg(), policy=Unseen("403")),
        "github", "unknown", "can't be seen: 403",
    ),
    "main that is not there": (
        lambda: with_main(cfg(), is_there=False),
        "branch", "problem", "main of tidemill.toml is not on GitHub",
    ),
    "another default branch": (
        lambda: on_github(cfg(), repository=Repository("trunk")),
        "branch", "warning", "the default branch is trunk",
    ),
    # required checks
    "nothing is required": (
        lambda: said('required = ["tidemill/check"]', ""),
        "required-checks", "problem", "nothing says which checks main requires",
    ),
    "nothing is required, and rules can't be seen": (
        lambda: with_main(said('required = ["tidemill/check"]', ""), required=Unseen("403")),
        "required-checks", "unknown", "tidemill.toml names no check",
    ),
    "own check that nothing sets": (
        lambda: edited("setup: make setup", "check: other-ci"),
        "required-checks", "problem", "with check: other-ci nothing sets it",
    ),
    "own check of another app": (
        lambda: with_main(cfg(), required=(RequiredCheck("tidemill/check", 7),)),
        "required-checks", "problem", "has to come from the app 7",
    ),
    "check that nobody reported": (
        lambda: OTHERS_CI,
        "required-checks", "unknown", "nothing has reported it of auto",
    ),
    "check of a rule that nobody reported": (
        lambda: with_main(cfg(), required=requiring("tidemill/check", "lint")),
        "required-checks", "unknown", "lint is required",
    ),
    "check that no push to auto starts": (
        lambda: with_main(OTHERS_CI, reported=frozenset({("ci", ACTIONS)})),
        "required-checks", "problem", "start none, so it never comes",
    ),
    "check that is reported": (
        lambda: with_auto(OTHERS_CI, reported=frozenset({("ci", 7)})),
        "required-checks", "ok", "ci is required, and is reported of auto",
    ),
    # rules
    "pull requests, without an App": (
        pull_request, "rules", "problem", "wants a pull request, and a workflow's own token",
    ),
    "pull requests, with an App that is not let by": (
        lambda: as_app(pull_request(())), "rules", "problem", "lets no App by",
    ),
    "pull requests, with an App that is let by in pull requests": (
        lambda: as_app(pull_request((Bypass("Integration", 9, "pull_request"),))),
        "rules", "problem", "lets no App by",
    ),
    "pull requests, with some App that is let by": (
        lambda: as_app(pull_request((Bypass("Integration", 9),))),
        "rules", "unknown", "whether that is yours can't be seen",
    ),
    "pull requests, with an App, and nobody sees whom it lets by": (
        lambda: as_app(pull_request(None)), "rules", "unknown", "can't be seen with this token",
    ),
    "force pushes to auto": (
        lambda: with_auto(cfg(), rules=(Rule("non_fast_forward", 1),)),
        "rules", "problem", "a rule of auto wants no force pushes",
    ),
    "auto that nobody may create": (
        lambda: with_auto(cfg(), rules=(Rule("creation", 1),)),
        "rules", "problem", "nobody to create it",
    ),
    "checks of auto": (
        lambda: with_auto(cfg(), rules=(Rule("required_status_checks", 1),)),
        "rules", "problem", "checks that have passed before the push",
    ),
    "signatures": (
        lambda: with_main(cfg(), rules=(Rule("required_signatures", 1),)),
        "rules", "problem", "signed commits",
    ),
    "a rule that we do not know": (
        lambda: with_main(cfg(), rules=(Rule("commit_message_pattern", 1),)),
        "rules", "unknown", "a rule commit_message_pattern",
    ),
    "rules that can't be seen": (
        lambda: with_main(cfg(), rules=Unseen("403")), "rules", "unknown", "403",
    ),
    "classic protection that can't be seen": (
        lambda: with_main(cfg(), classic=Unseen("403")), "rules", "unknown", "sees no more",
    ),
    "classic lock": (
        lambda: with_main(cfg(), classic=Protection(lock_branch=Switch(enabled=True))),
        "rules", "problem", "nobody to push to it",
    ),
    "classic protection of auto": (
        lambda: with_auto(cfg(), classic=Protection()),
        "rules", "problem", "the protection of auto wants no force pushes",
    ),
    # the token and the refs
    "token that only reads": (
        lambda: on_github(cfg(), repository=Repository("main", permissions=Permissions())),
        "token", "warning", "may only read",
    ),
    "token that may not push": (
        lambda: replace(cfg(), pushing=Pushing(False, "denied")),
        "token", "warning", "may not push to acme/cfg-app: denied",
    ),
    "token that was not tried": (
        lambda: replace(cfg(), pushing=Unseen("no commit")), "token", "unknown", "no commit",
    ),
    "refs that were never written": (
        lambda: replace(cfg(), pushing=Pushing(False)),
        "state-refs", "unknown", "whether it takes refs/tidemill/*",
    ),
    "refs that can't be written from here": (
        lambda: replace(cfg(), pushing=Pushing(False, "denied")),
        "state-refs", "warning", "takes no push from here: denied",
    ),
    "refs that were not tried": (
        lambda: replace(cfg(), pushing=Unseen("--offline")), "state-refs", "unknown", "--offline",
    ),
    # the announcement
    "cfg-repository that is no name": (
        lambda: app_edited("acme/cfg-app", "cfg-app"), "dispatch", "problem", "not OWNER/NAME",
    ),
    "second cfg-repository, which nobody looked at": (
        lambda: with_second(APP_WORKFLOW.replace("acme/cfg-app", "acme/cfg-other")),
        "dispatch", "unknown", "acme/cfg-other takes what this repository announces was not looked",
    ),
    "cfg-repository that is app.git": (
        lambda: app_edited("acme/cfg-app", "acme/app"), "dispatch", "problem", "itself",
    ),
    "a wave of Flux whose reports no Alert sends": (
        lambda: alerting("lab"), "targets", "problem",
        "no Alert in tidemill/flux.yaml sends what the Kustomizations of the wave staging report",
    ),
    "a Kustomization that is suspended": (
        lambda: flux(wait="true, suspend: true"), "targets", "warning",
        "the Kustomization staging-eu (argocd/staging.yaml) is suspended",
    ),
    "two that report as one target": (
        lambda: cfg(**{"argocd/more.yaml": APPLICATION.format(name="prod-eu", wave="production")}),
        "targets", "warning", "all report as prod-eu in production",
    ),
    "what renders another target's place, too": (
        lambda: cfg(**{"argocd/production.yaml": APPLICATION.format(
            name="prod-eu", wave="production").replace(
                "source:\n    path: generated/production/prod-eu",
                "sources:\n  - path: generated/production/prod-eu\n"
                "  - path: generated/staging/staging-eu")}),
        "targets", "warning", "renders from generated/staging/staging-eu, which is of staging-eu",
    ),
    "a package of Go that is not there": (
        lambda: compiled("./cmd/wbe", "bin/web"), "entry-points", "problem",
        "compile builds ./cmd/wbe, which is not there",
    ),
    "no module of Go": (
        lambda: compiled("./cmd/web", "bin/web", module="go.sum"), "entry-points", "problem",
        "compile calls go, and there is no go.mod",
    ),
    "a program that is not compiled": (
        lambda: compiled("./cmd/web", "bin/wbe"), "entry-points", "problem",
        "web copies bin/wbe, which compile does not make",
    ),
    "a workflow of ours that is not there": (
        lambda: edited("/gitops.yml@", "/gitop.yml@"),
        "workflow", "problem", "calls gitop.yml, and there is none",
    ),
    "a check that is nearly ours, offline": (
        lambda: asked_offline("tidemil/check"), "required-checks", "warning",
        "tidemil/check is required, and what the workflow sets is called tidemill/check",
    ),
    "notifications to another repository, offline": (
        lambda: replace(
            cfg(**{"tidemill/n.yaml": (INTEGRATIONS / "argocd/notifications.yaml").read_text()
                   .replace("OWNER/CFG", "acme/old") + "# tidemill.dev/wave\n"}),
            github=Unseen("--offline was given")),
        "targets", "problem", "sends reports to acme/old, and this repository is acme/cfg-app",
    ),
    "cfg-app.git that moved": (
        lambda: replace(app(), other=Unseen("redirect", 301)),
        "dispatch", "problem", "has another name now",
    ),
    "cfg-app.git that can't be seen": (
        lambda: replace(app(), other=Unseen("404", 404)), "dispatch", "unknown", "can't be seen",
    ),
    "cfg-app.git whose files can't be seen": (
        lambda: replace(app(), other=OtherRepository("acme/cfg-app", Unseen("403"))),
        "dispatch", "unknown", "its tidemill.toml can't be seen",
    ),
    "cfg-app.git without settings": (
        lambda: replace(app(), other=OtherRepository("acme/cfg-app", None)),
        "dispatch", "problem", "has no tidemill.toml",
    ),
    "cfg-app.git with broken settings": (
        lambda: other("[[waves]]", "[[wavs]]"), "dispatch", "problem", "acme/cfg-app",
    ),
    "set that is not there": (
        lambda: other('name = "app"', 'name = "ap"'), "dispatch", "problem", "app is not in",
    ),
    "announcement of another repository": (
        lambda: other('"acme/app"', '"acme/ap"'), "dispatch", "problem", "repository acme/ap",
    ),
    "announcement of another branch": (
        lambda: other('branch = "main"', 'branch = "trunk"'),
        "dispatch", "problem", "from the branch trunk alone",
    ),
    "generation that is not let in": (
        lambda: app(f"generation = 2\n{APP}"), "dispatch", "problem", "lets in generation 1",
    ),
    "images that are not allowed": (
        lambda: other("ghcr.io/acme/*", "ghcr.io/acm/*"),
        "dispatch", "problem", "does not allow the images ghcr.io/acme/web",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("made", "check", "state", "words"), CASES.values(), ids=CASES.keys())
def test_a_mistake_is_named(
    made: Callable[[], Checkup], check: str, state: State, words: str
) -> None:
    found = of(made(), check)
    mine = [one for one in found if one.state == state and words in one.what]
    assert mine, [(one.state, one.what) for one in found]
    for one in mine:
        assert one.stops_the_loop is (state == "problem")
        assert bool(one.remedy) is (state != "ok")
        assert "\n" not in f"{one.what}{one.remedy}"
        assert not one.what.endswith(".")


@pytest.mark.parametrize(
    "known",
    [
        cfg(),
        app(),
        other('"acme/app"', '"Acme/App"'),
        flux(),
        alerting("staging"),
        alerting('"${wave}"'),
        publishing(),
    ],
    ids=[
        "cfg",
        "app",
        "a name in capitals",
        "flux",
        "flux with alerts",
        "an alert that Flux fills in",
        "a page",
    ],
)
def test_where_all_is_well_nothing_is_found(known: Checkup) -> None:
    assert [one for one in findings(known) if one.state != "ok"] == []


@pytest.mark.parametrize(
    "known",
    [telling(SLACK), telling(SLACK, "cfg-issues=${{ secrets.ISSUES }}", app=False)],
    ids=["App", "token for issues"],
)
def test_receivers_with_an_address_each_are_fine(known: Checkup) -> None:
    assert [one.state for one in of(known, "signals")] == ["ok"]


@pytest.mark.parametrize(
    "known",
    [
        compiled("./cmd/web", "bin/web"),
        compiled("./cmd/...", "bin/web"),
        compiled("./cmd/$NAME", "bin/web"),
        compiled("./web", "bin/web", before="cd cmd && "),
        compiled("./cmd/web", "bin/page.html"),
        compiled("./cmd/wbe && go build -o bin/ ./cmd/web", "bin/web", more=("cmd/wbe/main.go",)),
        compiled("./cmd/web/main.go", "bin/main"),
        compiled("./...", "bin/x"),
        compiled("./cmd/web", "bin/{arch}/web"),
    ],
)
def test_what_is_compiled_otherwise_is_no_mistake(known: Checkup) -> None:
    assert [one for one in of(known, "entry-points") if one.state != "ok"] == []


@pytest.mark.parametrize(
    "generate",
    [
        "make -s generate",
        "make -j2 generate",
        "make -j 4 generate",
        "make -o x elsewhere",
        "bash -o pipefail ./check.sh",
        "sh -ec 'make generate'",
        "python3 -W ignore check.sh",
        "node -e 1",
        "cd . && make generate",
        "set -e; make generate",
    ],
)
def test_options_and_builtins_of_a_command_are_no_mistake(generate: str) -> None:
    known = said("make generate", generate)
    found = {"make": True, "cd": False, "set": False}
    known = replace(known, programs=replace(known.programs, found=found))
    assert [one for one in of(known, "entry-points") if one.state != "ok"] == []


@pytest.mark.parametrize(
    "attributes",
    [
        "*.json -merge",
        "/images/**/*.json merge=ours",
        "images/** binary",
        "* -merge",
        "**/*.json -merge",
    ],
)
def test_attributes_that_keep_image_files_are_fine(attributes: str) -> None:
    assert [one.state for one in of(cfg(attributes=attributes), "attributes")] == ["ok"]


def test_every_check_is_met_by_a_mistake() -> None:
    sound = (cfg(), app(), telling(SLACK), cfg(CFG + ASKED), reviewed(Environment(True)))
    told = {one.check for known in sound for one in findings(known)}
    assert told | {"ignored"} == {check for _, check, _, _ in CASES.values()}


def test_problems_come_first() -> None:
    known = replace(edited(SHA, "main"), pushing=Unseen("x"), fitness=Fitness(error=_failed()))
    states = [one.state for one in findings(known)]
    assert states[0] == "problem"
    assert states == sorted(states, key=["problem", "warning", "unknown", "ok"].index)


def _failed() -> EntryPointFailed:
    return EntryPointFailed("x", remedy="y")


def test_what_is_not_seen_is_never_fine() -> None:
    """Without any server, and with nothing run, no check of those says that all is well."""
    unseen = Unseen("--offline")
    for known in (cfg(), app()):
        blind = replace(known, github=unseen, pushing=unseen, other=unseen, arrivals=unseen,
                        fitness=unseen)  # fmt: skip
        of_servers = ("github", "branch", "rules", "token", "state-refs", "dispatch", "secrets",
                      "fit-to-land", "digests")  # fmt: skip
        found = [one for one in findings(blind) if one.check in of_servers]
        assert found
        assert {one.state for one in found} == {"unknown"}


def test_a_fix_of_permissions_is_what_the_healthy_workflow_has() -> None:
    lines = "    permissions:\n      contents: read\n      packages: write\n"
    (found,) = of(app_edited(lines, ""), "permissions")
    assert found.fix is not None
    mended = APP_WORKFLOW.replace(lines, "").splitlines()
    mended[found.fix.at : found.fix.at] = found.fix.lines
    assert mended == APP_WORKFLOW.splitlines()


def test_a_fix_of_attributes_adds_a_line() -> None:
    (found,) = of(cfg(attributes="* text=auto"), "attributes")
    assert found.fix == Fix(".gitattributes", ("/images/**/*.json -merge",))


def test_applications_of_a_set_are_told_apart() -> None:
    text = """\
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
spec:
  generators:
    - list:
        elements: [{wave: staging, target: staging-eu}, {wave: production, target: prod-eu}]
  template:
    metadata:
      name: "{{ .target }}"
      labels: {tidemill.dev/wave: "{{wave}}"}
    spec: {source: {path: "generated/{{wave}}/{{target}}"}}
"""
    known = cfg(**{"argocd/staging.yaml": text, "argocd/production.yaml": ""})
    assert [one.state for one in of(known, "targets")] == ["ok"]


def test_all_types_that_a_workflow_leaves_out_are_in_one_line_to_paste() -> None:
    known = flux("types: [images-announced, target-deployed, turn-due]")
    second = known.files.texts["argocd/staging.yaml"].replace("staging-eu", "staging-us")
    texts = {**known.files.texts, "argocd/second.yaml": second}
    known = replace(known, files=replace(known.files, texts=texts))
    (found,) = [one for one in of(known, "targets") if "leaves out" in one.what]
    assert found.paste == (
        "    types: [images-announced, target-deployed, turn-due, "
        "Kustomization/staging-us.flux-system, Kustomization/staging-eu.flux-system]"
    )


def test_a_secret_that_only_a_comment_names_is_not_needed() -> None:
    known = app_edited(
        "    secrets:", "    # app-private-key: ${{ secrets.APP_KEY }}\n    secrets:"
    )
    assert [one.state for one in of(known, "secrets")] == ["ok"]


@pytest.mark.parametrize("images", ["acme/{service}", "docker.io/acme/{service}"])
@pytest.mark.parametrize("registry", ["docker.io", "index.docker.io"])
def test_docker_hub_is_the_registry_of_images_that_name_none(images: str, registry: str) -> None:
    settings = APP.replace("ghcr.io/acme/{service}", images)
    assert "registry: docker.io\n" in of(app(settings), "inputs")[0].paste
    workflow = APP_WORKFLOW.replace("    with:", f"    with:\n      registry: {registry}")
    assert [one.state for one in of(app(settings, workflow), "inputs")] == ["ok"]


def test_a_login_of_a_company_has_an_underscore() -> None:
    found = of(app_edited("acme/cfg-app", "jane_acme/cfg-app"), "dispatch")
    assert "problem" not in [one.state for one in found]


def test_a_workflow_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []

    def noting(text: str) -> list[dict[Any, Any]]:
        parsed.append(text)
        return loaded(text)

    monkeypatch.setattr("tidemill.checkup.calls.loaded", noting)
    findings(flux())
    assert len(parsed) == 1


ODD: tuple[Any, ...] = (None, "x", 1, True, [], {}, [1], ["x", {}], {"a": 1}, "{{ x }}", [[[]]])


def _variants(value: Any) -> Iterator[Any]:
    """The same with each part in turn replaced by odd ones."""
    yield from ODD
    if isinstance(value, dict):
        for key in value:
            for other in _variants(value[key]):
                yield {**value, key: other}
    elif isinstance(value, list):
        for index in range(len(value)):
            for other in _variants(value[index]):
                yield [*value[:index], other, *value[index + 1 :]]


APPLICATION_SET = """\
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
spec:
  generators: [{list: {elements: [{wave: staging}]}}]
  template:
    metadata: {name: "{{wave}}", labels: {tidemill.dev/wave: "{{wave}}"}}
    spec: {sources: [{path: x}]}
"""
KUSTOMIZATION = """\
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: x, namespace: y, labels: {tidemill.dev/wave: staging}, annotations: {}}
spec: {wait: true, path: x}
"""
FILES = {
    "workflow": (CFG_FILE, CFG_WORKFLOW),
    "application": ("a.yaml", APPLICATION.format(name="staging-eu", wave="staging")),
    "application set": ("a.yaml", APPLICATION_SET),
    "kustomization": ("a.yaml", KUSTOMIZATION),
}


@pytest.mark.parametrize(("name", "text"), FILES.values(), ids=FILES.keys())
def test_no_form_of_a_file_is_too_odd(name: str, text: str) -> None:
    for document in _variants(yaml.safe_load(text)):
        assert findings(cfg(**{name: yaml.safe_dump(document)}))


def test_a_required_check_that_is_nearly_ours_is_asked_for() -> None:
    (found,) = of(said("tidemill/check", "tidemil/check"), "required-checks")
    assert found.remedy.startswith("did you mean tidemill/check? ")


HELM = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {{name: staging-eu, labels: {{tidemill.dev/wave: staging}}}}
spec: {{source: {{path: charts/web, helm: {{valueFiles: [{values}]}}}}}}
"""


@pytest.mark.parametrize(
    ("values", "states"),
    [
        ("../../generated/staging/staging-eu/values.yaml", ["ok"]),
        ("$values/generated/staging/staging-eu/values.yaml", ["ok"]),
        ("values.yaml", ["warning"]),
    ],
)
def test_values_of_a_chart_are_what_a_target_renders_from(values: str, states: list[str]) -> None:
    file = "generated/staging/staging-eu/values.yaml"
    known = cfg(**{"argocd/staging.yaml": HELM.format(values=values), file: ""})
    assert [one.state for one in of(known, "targets")] == states


@pytest.mark.parametrize(
    ("values", "is_named"),
    [
        ("../../generated/staging/staging-eu/gone.yaml", True),
        ("$values/generated/staging/staging-eu/gone.yaml", True),
        ("../../generated/staging/staging-eu/all.yaml", False),
        ("$values/of/another/repository.yaml", False),
        ("$values/gone.yaml", False),
        ("../../generated/staging/staging-eu/gone.yaml], ignoreMissingValueFiles: [true", False),
    ],
)
def test_values_that_are_gone_from_their_folder_are_named(values: str, is_named: bool) -> None:
    known = cfg(**{"argocd/staging.yaml": HELM.format(values=values)})
    found = [one for one in of(known, "rendering") if "which is not there" in one.what]
    assert [one.state for one in found] == (["problem"] if is_named else [])
    if is_named:
        assert found[0].paste == "git log -1 -- generated/staging/staging-eu/gone.yaml"


@pytest.mark.parametrize(
    ("allow", "meant"), [("r.test/payment", "r.test/payments"), ("ghcr.io/acme", "r.test/other")]
)
def test_repositories_to_allow_are_those_that_are_meant(allow: str, meant: str) -> None:
    known = cfg()
    assert known.cfg is not None
    images = msgspec.structs.replace(known.cfg.images, allow=(f"{allow}/*",))
    known = replace(known, cfg=msgspec.structs.replace(known.cfg, images=images))
    names = ("docker.io/envoy/envoy", "r.test/payments/a", "r.test/other/x", "r.test/other/y")
    (found,) = of(replace(known, arrivals=(), unlisted=names), "digests")
    assert found.paste == f'allow = ["{meant}/*"]'


def test_all_folders_of_what_the_waves_have_are_to_be_allowed() -> None:
    there = ("ghcr.io/acme/web", "ghcr.io/acme/api", "ghcr.io/batch/jobs")
    arrivals = [Arrival("staging", "app", {"web": ("x",)}, repositories=there)]
    known = cfg()
    assert known.cfg is not None
    images = msgspec.structs.replace(known.cfg.images, allow=("ghcr.io/acm/*",))
    settings = msgspec.structs.replace(known.cfg, images=images)
    known = replace(known, cfg=settings, arrivals=tuple(arrivals))
    found = [one for one in of(known, "digests") if "next announcement is refused" in one.what]
    assert [one.paste for one in found] == ['allow = ["ghcr.io/acme/*", "ghcr.io/batch/*"]']


def test_what_an_app_git_lacks_in_the_list_is_added_to_it() -> None:
    known = other("ghcr.io/acme/*", "ghcr.io/batch/*")
    (found,) = [one for one in of(known, "dispatch") if "does not allow" in one.what]
    assert found.paste == 'allow = ["ghcr.io/batch/*", "ghcr.io/acme/*"]'


def test_manifest_of_an_application_may_be_what_has_the_images() -> None:
    known = cfg(**{"generated/staging/staging-eu/app.yaml": HELM.format(values="values.yaml")})
    known.files.texts.pop("argocd/staging.yaml")  # type: ignore[attr-defined]
    assert [one.state for one in of(known, "targets")] == ["ok"]


def test_wave_without_targets_is_named_and_no_wave_is_asked_for_by_its_own_name() -> None:
    known = cfg(CFG.replace('targets = ["staging-eu"]', "targets = []"))
    first, second = (one for one in of(known, "targets") if one.state != "ok")
    assert first.what.endswith(
        "which tidemill.toml does not list: it has only the waves staging, production"
    )
    assert not first.remedy.startswith("did you mean")
    said = "has no targets: a set counts as deployed there at once"
    assert second.what == (
        f"the wave staging {said}, and goes on to production though nothing has run it"
    )
    assert second.state == "problem"
    last = cfg(CFG.replace('targets = ["prod-eu"]', "targets = []"))
    (third,) = (one for one in of(last, "targets") if said in one.what)
    assert (third.state, third.what) == ("warning", f"the wave production {said}")


def test_target_that_counts_as_made_of_what_others_render_from_is_named() -> None:
    known = cfg(
        **{
            f"argocd/{name}.yaml": APPLICATION.format(name=name, wave="staging")
            for name in ("staging-eu", "staging-us")
        }
    )
    assert known.cfg is not None
    places = tuple(f"generated/{{wave}}/{name}" for name in ("staging-eu", "staging-us"))
    listing = msgspec.structs.replace(known.cfg.waves[0], targets=("staging-eu", "staging-us"))
    deployments = msgspec.structs.replace(known.cfg.deployments, path=places)
    settings = msgspec.structs.replace(
        known.cfg, deployments=deployments, waves=(listing, *known.cfg.waves[1:])
    )
    every = of(replace(known, cfg=settings), "targets")
    (found,) = (one for one in every if one.paste.startswith("[[targets]]"))
    assert "staging-eu (staging), staging-us (staging) count as made of places" in found.what
    own = tuple(
        TargetOptions(name=name, wave="staging", path=path)
        for name, path in zip(listing.targets, places, strict=True)
    )
    assert found.paste.count("[[targets]]") == 2
    assert f'path = "{places[1]}"' in found.paste
    mended = replace(known, cfg=msgspec.structs.replace(settings, targets=own))
    assert not any("count as made" in one.what for one in of(mended, "targets"))


def test_wrong_label_is_one_finding_and_its_paths_are_no_second_one() -> None:
    wrong = APPLICATION.format(name="prod-eu", wave="production").replace(
        "wave: production", "wave: staging\n    tidemill.dev/target: staging-eu"
    )
    found = of(cfg(**{"argocd/production.yaml": wrong}), "targets")
    assert "so that prod-eu in production never reports" in found[0].what
    assert not any("renders from" in one.what for one in found)


def test_labels_to_paste_are_those_that_are_meant() -> None:
    wrong = cfg(
        **{
            "argocd/staging.yaml": APPLICATION.format(name="staging-eu", wave="staging")
            .replace("wave: staging\n", "wave: stagin\n")
            .replace("  name: staging-eu", "  name: shop")
        }
    )
    (found, *_) = of(wrong, "targets")
    assert loaded(found.paste) == [
        {"labels": {"tidemill.dev/wave": "staging", "tidemill.dev/target": "staging-eu"}}
    ]


def a_set(generators: str) -> Checkup:
    """cfg-app.git with an ApplicationSet for both targets, whose template has no labels."""
    text = f"""\
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata:
  name: shop
spec:
  goTemplate: true
  generators: {generators}
  template:
    metadata:
      name: '{{{{.wave}}}}-{{{{.site}}}}'
    spec:
      source:
        path: 'generated/{{{{.wave}}}}/{{{{.site}}}}'
"""
    return cfg(**{"argocd/staging.yaml": "", "argocd/production.yaml": text})


OTHER_LIST = "{list: {elements: [{a: b}]}}"


def test_a_template_that_lacks_labels_is_one_finding_with_its_variables() -> None:
    sites = "[{wave: staging, site: staging-eu}, {wave: production, site: prod-eu}]"
    for generators in (
        f"[{{list: {{elements: {sites}}}}}]",
        f"[{{matrix: {{generators: [{{list: {{elements: {sites}}}}}, {OTHER_LIST}]}}}}]",
    ):
        (found,) = [one for one in of(a_set(generators), "targets") if one.state == "problem"]
        assert "ApplicationSet shop" in found.what
        assert loaded(found.paste) == [
            {"labels": {"tidemill.dev/wave": "{{.wave}}", "tidemill.dev/target": "{{.site}}"}}
        ]


def test_a_template_whose_generator_lists_nothing_is_named_where_it_has_no_label() -> None:
    (found,) = [one for one in of(a_set("[{git: {}}]"), "targets") if one.state == "warning"]
    assert "the template of the ApplicationSet shop" in found.what
    assert found.paste.startswith("labels:\n  tidemill.dev/wave: ")


@pytest.mark.parametrize("file", ["argocd/notifications.yaml", "flux/provider.yaml"])
@pytest.mark.parametrize(("name", "is_named"), [("acme/cfg-app", False), ("acme/old", True)])
def test_notifications_to_another_repository_are_named(
    file: str, name: str, is_named: bool
) -> None:
    text = (INTEGRATIONS / file).read_text() + "# tidemill.dev/wave\n"
    known = cfg(**{"tidemill/notifications.yaml": text.replace("OWNER/CFG", name)})
    found = [one for one in of(known, "targets") if "sends reports to acme/old" in one.what]
    assert bool(found) is is_named
    for one in found:
        assert one.state == "problem"
        assert "acme/cfg-app" in one.paste


def test_of_settings_that_are_of_no_use_nothing_is_concluded() -> None:
    broken = replace(cfg(), cfg=None, invalid=SettingsInvalid("no", remedy="mend it"))
    assert [one.check for one in findings(broken) if one.state == "problem"] == ["settings"]
