"""What makes a repository of services an app.git."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from msgspec import Struct

from tidemill.adopting import dockerfiles, programs
from tidemill.adopting.place import DOCUMENTS, Place, quoted
from tidemill.adopting.proposal import Proposal, Step, Wanted, with_lines
from tidemill.adopting.tree import WORKFLOW_FOLDER, Tree
from tidemill.errors import Refused
from tidemill.words.documents import text
from tidemill.words.names import is_name
from tidemill.words.references import registry_of

FILE = "tidemill.toml"
WORKFLOW = f"{WORKFLOW_FOLDER}/images.yml"
_GO = (
    "sh -c 'CGO_ENABLED=0 GOOS=linux GOARCH=amd64 go build -trimpath -buildvcs=false "
    '"-ldflags=-s -w -buildid=" -o bin/ {}\''
)
# Of a registry that takes no token of GitHub's.
_LOGIN = """\
      registry: {}
      registry-username: ${{{{ vars.REGISTRY_USERNAME }}}}
    secrets:
      registry-password: ${{{{ secrets.REGISTRY_PASSWORD }}}}
"""


class Service(Struct, frozen=True):
    """A service: its name, why it is one, and its keys in `[[services]]`."""

    name: str
    why: str
    keys: tuple[str, ...]


def proposed(
    tree: Tree,
    place: Place,
    prefix: str | None,
    cfg_repository: str | None,
    texts: Mapping[str, str],
) -> Proposal:
    """What has to be there.

    Args:
        prefix: what the images' repositories begin with; None: the owner's place at ghcr.io.
        cfg_repository: `owner/name`.

    Raises:
        Refused: something can't be found out, and has to be said.
    """
    is_there = FILE in tree.files
    files = []
    reasons: list[str] = [f"{FILE} is there, and stays as it is"] if is_there else []
    missing: list[str] = []
    if not is_there:
        settings, reasons, missing = _settings(tree, place, prefix)
        files.append(Wanted(FILE, settings))
        if "[compile]" in settings and not any(path.startswith("bin/") for path in tree.files):
            ignored = with_lines(
                tree.text(".gitignore"), "# What is compiled for the images.\n/bin/\n"
            )
            files.append(Wanted(".gitignore", ignored, is_edit=True))
    if cfg_repository is None and WORKFLOW in tree.files:
        reasons.append(f"{WORKFLOW} is there, and stays as it is")
    elif place.is_on_github:
        if cfg_repository is None:
            raise Refused(
                "nothing here says which repository is cfg-app.git, to which images are announced",
                remedy="name it: --cfg-repository OWNER/NAME",
            )
        workflow = place.in_workflow(texts["app_workflow.yml"])
        workflow = workflow.replace("acme/cfg-app", cfg_repository)
        registry = _registry(files[0].text if files else tree.text(FILE))
        if registry not in ("", "ghcr.io"):
            workflow = workflow.replace("    secrets:\n", _LOGIN.format(quoted(registry)))
        files.append(Wanted(WORKFLOW, workflow))
    paths = [one.path for one in files]
    is_elsewhere = any("registry-password" in one.text for one in files)
    return Proposal(
        tuple(files),
        tuple(reasons),
        tuple(missing),
        steps=_steps(place, paths, is_elsewhere=is_elsewhere),
    )


def _registry(settings: str) -> str:
    """Where the images of these settings go; empty where they don't say."""
    try:
        images = text(tomllib.loads(settings), "images")
    except (ValueError, RecursionError):
        return ""
    return registry_of(images) if images else ""


def _settings(tree: Tree, place: Place, prefix: str | None) -> tuple[str, list[str], list[str]]:
    if prefix is None and not place.owner:
        raise Refused(
            "nothing here says to which registry images go",
            remedy="say what their names begin with: --image-prefix ghcr.io/OWNER",
        )
    where = prefix if prefix else f"ghcr.io/{place.owner.lower()}"
    found = dockerfiles.dockerfiles(tree)
    commands = [] if found else programs.go_commands(tree)
    names = {**programs.python_projects(tree), **programs.node_packages(tree)}
    root = names.get(".") or programs.go_module(tree) or place.repository.rpartition("/")[2]
    services = [_of_dockerfile(one, root) for one in found]
    services += [_of_command(one, root) for one in commands]
    folders = {str(PurePosixPath(one.file).parent) for one in found}
    missing = [
        f"a Dockerfile in {folder}, if {name} is a service"
        for folder, name in sorted(names.items())
        if found and folder not in folders and folder != "."
    ]
    unique = _unique(services)
    missing += [
        f"another name for the service {one.name} of {one.why}: {same.why} has that one"
        for one in services
        for same in unique
        if same is not one and same.name == one.name
    ]
    if not services:
        seen = f"; there are packages in {', '.join(sorted(names))}" if names else ""
        raise Refused(
            f"there is no Dockerfile, and no main package of Go{seen}",
            remedy="write a Dockerfile for each service, and run this again; if something else "
            f"builds your images, let it announce them: {DOCUMENTS}/jobs/announce.md",
        )
    lines = [
        "# What this repository ships. One service is one image. Every key:",
        f"# {DOCUMENTS}/reference/app-settings.md",
        *([f"branch = {quoted(place.branch)}"] if place.branch != "main" else []),
        f"images = {quoted(f'{where}/{{service}}')}",
        *(['engine = "buildkit" # a Dockerfile has RUN'] if any(one.runs for one in found) else []),
    ]
    if commands:
        wanted = " ".join("." if one == "." else f"./{one}" for one in commands)
        lines += [
            "",
            "[compile]",
            f"command = {quoted(_GO.format(wanted))}",
            'caches = ["GOCACHE", "GOMODCACHE"]',
        ]
    for one in unique:
        lines += ["", "[[services]]", f"name = {quoted(one.name)}", *one.keys]
    reasons = [f"service {one.name}: {one.why}" for one in unique]
    how = "as --image-prefix says" if prefix else f"{place.owner} owns this repository"
    return "\n".join(lines) + "\n", [*reasons, f"images at {where}/: {how}"], missing


def _of_dockerfile(one: dockerfiles.Dockerfile, root: str) -> Service:
    keys = [f"file = {quoted(one.file)}"]
    if one.context:
        keys.append(f"context = {quoted(one.context)}")
    return Service(_fit(one.name or root), one.file, tuple(keys))


def _of_command(folder: str, root: str) -> Service:
    program = PurePosixPath(folder).name or root
    name = _fit(program)
    keys = (
        f"files = [{{ from = {quoted(f'bin/{program}')}, to = {quoted(f'/{program}')} }}]",
        f"entrypoint = [{quoted(f'/{program}')}]",
        'user = "65532:65532"',
    )
    return Service(name, f"package main in {folder}", keys)


def _unique(services: Sequence[Service]) -> list[Service]:
    """Of each name the first."""
    return list({one.name.lower(): one for one in reversed(services)}.values())[::-1]


def _fit(name: str) -> str:
    fit = re.sub(r"[^a-z0-9._-]+", "-", name.lower()).strip("-._")
    return fit if is_name(fit) else "app"


def _steps(place: Place, files: Sequence[str], *, is_elsewhere: bool) -> tuple[Step, ...]:
    at = shlex.quote(place.folder)
    build = Step(
        "build all images, and push none",
        f"tidemill build-reproducible-image --checkout {at} --no-push",
    )
    commit = Step(
        "commit it, and push it",
        f"{place.git} add {' '.join(dict.fromkeys((FILE, *files)))} "
        f"&& {place.git} commit -m 'Tidemill builds the images' && {place.git} push",
    )
    if not place.is_on_github:
        how = Step("see how any CI announces what it has pushed", "tidemill update-cfg-app --help")
        return build, commit, how
    secret = Step(
        "allow the workflow to announce: a token that may write the contents of cfg-app.git",
        f"gh secret set ANNOUNCE_TOKEN{place.gh}",
    )
    login = Step(
        "allow it to push the images: who logs in at the registry, and the password",
        f"gh variable set REGISTRY_USERNAME{place.gh} && gh secret set REGISTRY_PASSWORD{place.gh}",
    )
    return build, secret, *([login] if is_elsewhere else []), commit
