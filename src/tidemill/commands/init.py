"""`tidemill init`: make a repository a cfg-app.git or an app.git, from what is in it."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path

import click

from tidemill.adopting import app, cfg
from tidemill.adopting.place import Place
from tidemill.adopting.proposal import Change, Proposal, changes
from tidemill.adopting.tree import WORKFLOW_FOLDER, Tree, as_bytes
from tidemill.building import settings as app_settings
from tidemill.clients.git import files_of_checkout
from tidemill.clients.git.files_of_checkout import CheckoutFiles
from tidemill.clients.github.place import of_url
from tidemill.commands import _options
from tidemill.commands._parameters import Argument, Arguments, OneOf, Option
from tidemill.commands._results import Adoption, Result
from tidemill.commands._writing import write
from tidemill.errors import Refused, SettingsInvalid
from tidemill.facts.settings import FILE, Settings
from tidemill.facts.settings_file import parse
from tidemill.words import references
from tidemill.words.names import checked_name, checked_repository, shown
from tidemill.words.urls import without_credentials

EXAMPLE = "tidemill init cfg"

PARAMETERS = (
    Argument(
        ["kind"],
        type=OneOf(("cfg", "app")),
        help="cfg makes a cfg-app.git, the repository that says what runs; app an app.git, whose "
        "images are built",
    ),
    Argument(
        ["folder"], metavar="[DIR]", default=".", help="the root of the checkout; here by default"
    ),
    Option(
        "--targets",
        multiple=True,
        metavar="WAVE=TARGET,TARGET",
        help="cfg: a wave and its targets, in place of what is found; again for the next wave",
    ),
    Option(
        "--path",
        metavar="TEMPLATE",
        help="cfg: where the files of a target are, such as 'deploy/{wave}/{target}'",
    ),
    Option(
        "--image-prefix",
        metavar="PREFIX",
        help="what the names of your images begin with, such as ghcr.io/acme",
    ),
    Option(
        "--cfg-repository",
        metavar="OWNER/NAME",
        help="app: the repository on GitHub to which images are announced",
    ),
    Option("--yes", is_flag=True, help="write without asking"),
    Option("--dry-run", is_flag=True, help="show the change, and write nothing"),
    Option(
        "--force", is_flag=True, help="overwrite files that are there, and differ from the proposal"
    ),
    _options.JSON,
)


def run(arguments: Arguments) -> Result:
    """Read the checkout, propose, show, ask, and write."""
    _refuse_options_of_the_other(arguments)
    folder = arguments.folder or "."
    checkout = files_of_checkout.read(Path(folder))
    place = _place(folder, checkout)
    # What is to be overwritten says nothing.
    ignored = (FILE,) if arguments.force else ()
    tree = Tree({name: data for name, data in checkout.files.items() if name not in ignored})
    _refuse_the_other(arguments.kind, tree)
    prefix = _prefix(arguments.image_prefix)
    if arguments.kind == "cfg":
        answers = cfg.Answers(_targets(arguments.targets), arguments.path, prefix)
        proposal = cfg.proposed(tree, place, answers, _texts(), _settings(tree))
    else:
        proposal = app.proposed(tree, place, prefix, _to(arguments.cfg_repository), _texts())
    _refuse_invalid(arguments.kind, proposal)
    changed = changes(proposal, checkout.files, force=arguments.force)
    if not arguments.json:
        write(line for one in changed for line in one.diff())
    wanted = tuple(one for one in changed if one.act != "keep")
    is_agreed = bool(wanted) and not arguments.dry_run and (arguments.yes or _is_wanted(arguments))
    if is_agreed:
        _write(checkout, wanted)
    return Adoption(proposal, changed, is_agreed)


def _refuse_options_of_the_other(arguments: Arguments) -> None:
    others = {
        "cfg": {"--cfg-repository": arguments.cfg_repository},
        "app": {"--targets": arguments.targets, "--path": arguments.path},
    }
    other = "app" if arguments.kind == "cfg" else "cfg"
    for option, value in others[arguments.kind].items():
        if value:
            raise Refused(
                f"{option} is an option of `tidemill init {other}`",
                remedy=f"leave it out, or run `tidemill init {other}`",
            )


def _refuse_the_other(kind: str, tree: Tree) -> None:
    """The settings of a cfg-app.git are no place for services, nor the other way."""
    own, other = ("waves", "services") if kind == "cfg" else ("services", "waves")
    tables = {found[1] for found in re.finditer(r"(?m)^\[\[(\w+)\]\]", tree.text(FILE))}
    if other in tables and own not in tables:
        names = {"waves": "a cfg-app.git", "services": "an app.git"}
        raise Refused(
            f"{FILE} is that of {names[other]}, and a repository is one of the two",
            remedy="run this in the other repository; if one repository has both, let one of them "
            "have a repository of its own",
        )


def _refuse_invalid(kind: str, proposal: Proposal) -> None:
    """What people call branches and folders gets into settings, which do not take every name."""
    settings = next((one.text for one in proposal.files if one.path == FILE), None)
    try:
        if settings is not None and kind == "cfg":
            parse(settings, commit="this proposal")
        elif settings is not None:
            app_settings.parse(settings, f"{FILE} of this proposal")
    except SettingsInvalid as error:
        say = "say it with --targets, --path or --image-prefix" if kind == "cfg" else "rename it"
        raise Refused(
            f"what was found here makes no valid settings: {error.what}",
            remedy=f"{say}, or write {FILE} by hand, and run this again",
        ) from None


def _prefix(given: str | None) -> str | None:
    """What the names of images begin with; empty is as good as not given."""
    prefix = (given or "").rstrip("/")
    image = references.ANY.fullmatch(f"{prefix}/x")
    if prefix and (image is None or image["tag"] or image["digest"]):
        raise Refused(
            f"--image-prefix: no image's name begins with {shown(prefix)}",
            remedy="write a registry, and what is below it in lower case, like ghcr.io/acme",
        )
    return prefix or None


def _to(given: str | None) -> str | None:
    if given is not None and checked_repository(given).count("/") != 1:
        raise Refused(
            f"--cfg-repository: {shown(given)} is no repository on GitHub",
            remedy="give it as owner/name",
        )
    return given


def _is_wanted(arguments: Arguments) -> bool:
    """Whether a person at a terminal says so; without one there is nobody to ask."""
    if arguments.json or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return False
    return click.confirm("\nWrite this?", default=False)


def _write(checkout: CheckoutFiles, wanted: Sequence[Change]) -> None:
    written: list[str] = []
    for one in wanted:
        try:
            files_of_checkout.write(checkout.folder, one.path, as_bytes(one.after))
        except Refused as error:
            error.written = ", ".join(written) or error.written
            raise
        written.append(one.path)


def _place(folder: str, checkout: CheckoutFiles) -> Place:
    url = without_credentials(checkout.url or "")
    host = url.removeprefix("https://").removeprefix("ssh://").replace(":", "/").partition("/")[0]
    has_workflows = any(name.startswith(f"{WORKFLOW_FOLDER}/") for name in checkout.files)
    is_on_github = not url or has_workflows or "github" in host or ".ghe.com" in host
    return Place(folder, url, checkout.branch, is_on_github or of_url(url) is not None)


def _settings(tree: Tree) -> Settings | None:
    if FILE not in tree.files:
        return None
    try:
        return parse(tree.text(FILE), commit="this checkout")
    except SettingsInvalid as error:
        raise Refused(
            error.what, remedy=f"mend it, or let --force write {FILE} anew, from what is found"
        ) from None


def _targets(given: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for text in (line for one in given for line in one.splitlines()):
        wave, equals, targets = text.partition("=")
        if not equals or not targets:
            raise Refused(
                f"--targets: {shown(text)} has no targets",
                remedy="write it like staging=staging-eu,staging-us",
            )
        name = checked_name(wave.strip(), "wave")
        if name in found:
            raise Refused(
                f"--targets names the wave {name} twice",
                remedy="name it once, with all of its targets: WAVE=TARGET,TARGET",
            )
        listed = (checked_name(one.strip(), "target") for one in targets.split(","))
        found[name] = tuple(dict.fromkeys(listed))
    return found


def _texts() -> dict[str, str]:
    """The files that are written as they are."""
    folder = resources.files("tidemill.adopting") / "files"
    return {one.name: one.read_text(encoding="utf-8") for one in folder.iterdir() if one.is_file()}
