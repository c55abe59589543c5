"""The whole stand-in, started: server, registry, runner, two repositories, and who may do what."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from typing import Literal, Self

from tidemill.errors import Refused
from tidemill_sandbox.clients import Clone, Rest
from tidemill_sandbox.clusters import Clusters
from tidemill_sandbox.registry import Registry
from tidemill_sandbox.runner.acting import program
from tidemill_sandbox.runner.shelf import Shelf
from tidemill_sandbox.runner.starting import Starter
from tidemill_sandbox.runner.workshop import Machines
from tidemill_sandbox.server.listening import Server
from tidemill_sandbox.state.hub import Hub
from tidemill_sandbox.state.shapes import Access, Repository

Mode = Literal["github-token", "app"]

APP_PERMISSIONS: Mapping[str, Access] = {
    "contents": "write", "workflows": "write", "statuses": "read", "checks": "read",
    "actions": "read", "deployments": "write",
}  # fmt: skip
_PEOPLE = {"app": ("Ada", "ada@example.com"), "cfg-app": ("Grace", "grace@example.com")}
_MESSAGE = "Images go to the registry of the stand-in"
_CALL = re.compile(r"^(?P<indent> +)uses: \S+/(?:gitops|publish-images)\.yml@.*\n", re.MULTILINE)
_IMAGES = re.compile(r'^images = "(?P<host>[^/"]+)/(?P<path>[^"{]*)', re.MULTILINE)


@dataclass(frozen=True)
class Wishes:
    """How the stand-in is to be.

    Attributes:
        folder: where everything is put; made anew.
        checkout: Tidemill's own, whose actions and workflows are used.
        app: a folder with app.git's files; the examples' by default. With a `.git`, what is
            committed there counts; so for `cfg`.
        names: `owner/name` of the two.
        mode: "app": cfg-app.git's workflows push with a GitHub App's token, too.
        most: how many runs, and how many jobs, work at once.
        clusters: whether something deploys main and reports it, so many seconds after each push.
        edits: texts to replace in files of the two, by repository ("app", "cfg-app") and file.
        actions: folders of real actions by `owner/name@ref` or `owner/name`.
        secrets: more of the repositories' secrets.
        keep: whether jobs' folders stay.
        tools: a tool cache that others have, too; by default one that goes in the end.
    """

    folder: Path
    checkout: Path
    app: Path | None = None
    cfg: Path | None = None
    names: tuple[str, str] = ("acme/app", "acme/cfg-app")
    mode: Mode = "github-token"
    port: int = 0
    most: int = 2
    clusters: float | None = None
    edits: Mapping[tuple[str, str], tuple[tuple[str, str], ...]] = field(default_factory=dict)
    actions: Mapping[str, Path] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    keep: bool = False
    tools: Path | None = None


class World:
    """A context manager; everything ends with it.

    Attributes:
        app: Ada's clone of app.git; `cfg` is Grace's of cfg-app.git.
        rest: the API, as an owner of both.
        jobs: where each job has a folder of its own.
    """

    def __init__(self, wishes: Wishes) -> None:
        self.wishes = wishes
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        program()  # before anything is made
        with self._stack as stack:
            self._start(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def settle(self, seconds: float = 900) -> bool:
        """Wait until no run goes, no event is to come and no cluster has to report."""
        while True:
            if not self.starter.settle(seconds):
                return False
            if self.clusters is None:
                return True
            known = len(self.hub.events)
            self.clusters.settle()
            self.hub.settle()
            if len(self.hub.events) == known:
                return self.starter.settle(seconds)

    def clone_url(self, repository: Repository, token: str) -> str:
        """What Git clones, with a token in it."""
        return self.hub.url.replace("://", f"://x:{token}@") + f"/{repository.name}.git"

    def _start(self, stack: ExitStack) -> None:
        wishes = self.wishes
        self.hub = hub = Hub(wishes.folder / "hub")
        stack.callback(hub.close)
        self.registry = stack.enter_context(Registry(wishes.folder / "registry"))
        self.server = stack.enter_context(Server(hub, wishes.port))
        shelf = Shelf(wishes.folder / "actions", hub, wishes.checkout, wishes.actions)
        env = _caches(wishes.folder / "caches")
        free = threading.Semaphore(wishes.most)
        machines = Machines(hub, shelf, self._machine(stack), free, env, wishes.keep, wishes.tools)
        self.starter = Starter(hub, machines, most=wishes.most)
        stack.callback(self.starter.close)
        given = zip(("app", "cfg-app"), wishes.names, (wishes.app, wishes.cfg), strict=True)
        self.repositories = {
            short: hub.create_repository(name, default_branch=_branch(source))
            for short, name, source in given
        }
        self._give_rights()
        self.cfg = self._clone("cfg-app", wishes.cfg)
        self.clusters = None
        if wishes.clusters is not None:
            cluster = Rest(hub.api_url, self.tokens["cluster"])
            self.clusters = Clusters(hub, self.repositories["cfg-app"], cluster, wishes.clusters)
            stack.callback(self.clusters.close)
        self.cfg.commit(_MESSAGE if wishes.cfg else "Deploy the shop")
        self.app = self._clone("app", wishes.app)
        if wishes.app is None:  # the example's first commit is what cfg-app.git has already
            self.app.git("commit", "-q", "--allow-empty", "-m", "Begin")
        self.app.commit(_MESSAGE if wishes.app else "The shop, as it is")

    def _machine(self, stack: ExitStack) -> Path:
        """Where jobs run. It is in no checkout, for a runner's folders never are."""
        self.jobs = folder = Path(mkdtemp(prefix="tidemill-sandbox-")).resolve()
        if not self.wishes.keep:
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
        return folder

    def _rename_images(self, folder: Path, host: str, path: str) -> None:
        """Files of one's own name images of this registry: else an image announced is in none.

        The example's files stay, for its generator would quote this host as no replacement does.
        """
        here = self.registry.host.encode()
        old, new = f"{host}/{path}".encode(), here + f"/{path}".encode()
        apart = re.compile(  # values of a chart that name the registry by itself
            rb"(registry:[ ]*[\"']?)"
            + re.escape(host.encode())
            + rb"(?=[\"']?[ ]*(?:#.*)?\n[ ]*repository:[ ]*[\"']?"
            + re.escape(path.encode())
            + rb")"
        )
        for file in folder.rglob("*"):
            inside = ".git" not in file.relative_to(folder).parts
            if inside and file.is_file() and not file.is_symlink():
                data = file.read_bytes().replace(old, new)
                file.write_bytes(apart.sub(lambda found: found[1] + here, data))

    def _give_rights(self) -> None:
        hub, cfg = self.hub, self.wishes.names[1]
        contents: dict[str, Access] = {"contents": "write"}
        reports: dict[str, Access] = {**contents, "deployments": "write"}
        owner: dict[str, Access] = {
            "contents": "write", "workflows": "write", "actions": "write", "statuses": "write",
            "deployments": "write", "checks": "read",
        }  # fmt: skip
        self.tokens = {
            "ada": hub.tokens.mint("user", login="ada", repositories=None, permissions=owner),
            "grace": hub.tokens.mint("user", login="grace", repositories=None, permissions=owner),
            "cluster": hub.tokens.mint(
                "user", login="argocd", repositories=[cfg], permissions=reports
            ),
        }
        self.rest = Rest(hub.api_url, self.tokens["ada"])
        announce = hub.tokens.mint(
            "user", login="acme-ci", repositories=[cfg], permissions=contents
        )
        for repository in self.repositories.values():
            repository.secrets |= self.wishes.secrets
        self.repositories["app"].secrets.setdefault("ANNOUNCE_TOKEN", announce)
        self.client_id = ""
        if self.wishes.mode == "app":
            found, key = hub.register_app("acme-tidemill", cfg.partition("/")[0], APP_PERMISSIONS)
            hub.install_app(found, cfg.partition("/")[0])
            self.client_id = found.client_id
            self.repositories["cfg-app"].secrets["APP_PRIVATE_KEY"] = key
            self.repositories["app"].secrets["APP_PRIVATE_KEY"] = key
        cfg_repository = self.repositories["cfg-app"]
        rules = ({"type": "non_fast_forward"}, {"type": "deletion"})
        hub.add_ruleset(cfg_repository, "main moves forward", ("~DEFAULT_BRANCH",), rules)

    def _clone(self, short: str, source: Path | None) -> Clone:
        repository = self.repositories[short]
        folder = self.wishes.folder / short
        author = _PEOPLE[short]
        url = self.clone_url(repository, self.tokens[author[0].lower()])
        clone = Clone(folder, url, author, repository.default_branch)
        if source is not None and (source / ".git").exists():
            self._take_history(clone, source)
        else:
            example = source or self.wishes.checkout / "examples" / short
            shutil.copytree(example, folder, ignore=shutil.ignore_patterns("bin", "__pycache__"))
            clone.git("init", "-q", "-b", repository.default_branch)
        clone.git("remote", "add", "origin", url)
        self._adapt(short, folder)
        return clone

    def _take_history(self, clone: Clone, source: Path) -> None:
        """What is committed there, and nothing else of it."""
        head = _said(source, "rev-parse", "--verify", "HEAD")
        if not head:
            raise Refused(f"{source} has no commit", remedy="commit what is to be tried")
        clone.folder.mkdir(parents=True)
        clone.git("init", "-q", "-b", clone.branch)
        clone.git("fetch", "-q", str(source.absolute()), head)
        clone.git("reset", "-q", "--hard", "FETCH_HEAD")

    def _adapt(self, short: str, folder: Path) -> None:
        """Images go to the registry on this machine; with an App, callers name it."""
        app_toml = (self.wishes.app or self.wishes.checkout / "examples/app") / "tidemill.toml"
        named = _IMAGES.search(app_toml.read_text("utf-8")) if app_toml.is_file() else None
        settings = folder / "tidemill.toml"
        if named is not None and settings.is_file():
            text = settings.read_text(encoding="utf-8")
            text = text.replace(f'"{named["host"]}/', f'"{self.registry.host}/')
            settings.write_text(text, encoding="utf-8")
        if named is not None and short == "cfg-app" and self.wishes.cfg:
            self._rename_images(folder, named["host"], named["path"])
        for file in (folder / ".github/workflows").glob("*.y*ml"):
            text = file.read_text(encoding="utf-8")
            if short == "app" and "publish-images.yml" in text:
                text = re.sub(r"(?m)^( +registry: ).*", rf'\1"{self.registry.host}"', text)
                text = _with_input(text, "registry", self.registry.host)
            if self.client_id and ("publish-images.yml" in text or "gitops.yml" in text):
                text = _with_input(text, "app-client-id", self.client_id)
                text = _with_secret(text, "app-private-key", "APP_PRIVATE_KEY")
            file.write_text(text, encoding="utf-8")
        for (where, name), changes in self.wishes.edits.items():
            if where == short:
                file = folder / name
                text = file.read_text(encoding="utf-8")
                for old, new in changes:
                    text = text.replace(old, new)
                file.write_text(text, encoding="utf-8")


def _caches(folder: Path) -> dict[str, str]:
    """What a machine keeps for all jobs: its own caches, where it has any; HOME is each job's."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    own = {
        "GOCACHE": Path(sys.prefix) / "go-build",  # `make setup` has filled it
        "PIP_CACHE_DIR": home / "pip",
        "UV_CACHE_DIR": home / "uv",
    }
    return {
        name: os.environ.get(name) or str(path if path.is_dir() else folder / path.name)
        for name, path in own.items()
    }


def _branch(source: Path | None) -> str:
    """What a checkout is on; main, where that is nothing."""
    if source is None or not (source / ".git").exists():
        return "main"
    return _said(source, "symbolic-ref", "--short", "HEAD") or "main"


def _said(source: Path, *arguments: str) -> str:
    """What Git says of somebody's checkout; nothing where it fails."""
    done = subprocess.run(["git", "-C", str(source), *arguments], capture_output=True, check=False)
    return "" if done.returncode else done.stdout.decode(errors="replace").strip()


def _with_input(text: str, name: str, value: str) -> str:
    """Add an input to the call of our workflow, unless the caller gives it."""
    return _with(text, "with", name, f'"{value}"')


def _with_secret(text: str, name: str, secret: str) -> str:
    return _with(text, "secrets", name, f"${{{{ secrets.{secret} }}}}")


def _with(text: str, block: str, name: str, value: str) -> str:
    """A line in a block of the call, which is made where the caller has none."""
    if re.search(rf"^\s+{re.escape(name)}:", text, re.MULTILINE):
        return text
    if not re.search(rf"^ +{block}:\n", text, re.MULTILINE):
        text = _CALL.sub(rf"\g<0>\g<indent>{block}:\n", text)
    return re.sub(
        rf"^( +){block}:\n", rf"\g<0>\g<1>  {name}: {value}\n", text, count=1, flags=re.MULTILINE
    )
