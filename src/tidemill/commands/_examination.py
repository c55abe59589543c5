"""Reading what doctor judges: files, what runs in a copy of them, and what servers say."""

from __future__ import annotations

import platform
import re
import shutil
import tomllib
from collections.abc import Callable
from pathlib import PurePosixPath

from msgspec.structs import replace

from tidemill.building import settings as of_app
from tidemill.checkup.calls import FOLDER
from tidemill.checkup.checkup import Checkup, Files, Fitness, Programs, Pushing
from tidemill.checkup.finding import AGAIN
from tidemill.checkup.repository import commands, first_words
from tidemill.checkup.server import announced_to
from tidemill.clients.git.checkout import Local
from tidemill.clients.git.git import Git, GitError
from tidemill.clients.git.inspection import Inspection
from tidemill.clients.github import place
from tidemill.clients.machine.environment import path as search_path
from tidemill.clients.machine.scratch import scratch
from tidemill.errors import EntryPointFailed, Refused, SettingsInvalid, TidemillError
from tidemill.facts import settings as of_cfg
from tidemill.facts import settings_file
from tidemill.facts.controllers import CHART, GROUPS, KUSTOMIZATIONS, WAVE
from tidemill.facts.on_github import Unseen
from tidemill.turn.check import Check, empty_folder
from tidemill.turn.trial import named_otherwise, tried
from tidemill.words.documents import fault
from tidemill.words.urls import redacted, without_credentials

_MOST_YAML = 4 << 20  # bytes that are looked through for what is no YAML: a second's work
_READ = (of_cfg.FILE, ".gitattributes", "Makefile", "makefile", "GNUmakefile")
_OFFLINE = Unseen("--offline was given", remedy="leave it out", paste="tidemill doctor")
_NO_ORIGIN = Unseen(
    "there is no remote origin", remedy="add it, or give --repo", paste="git remote add origin URL"
)
_NO_TOKEN = Unseen(
    "there is no token in TIDEMILL_TOKEN",
    remedy="give one that may see the repository's settings",
    paste=AGAIN,
)


class Examination:
    """Of one checkout; `say` is told what takes long."""

    def __init__(self, checkout: Inspection, say: Callable[[str], None]) -> None:
        self._checkout = checkout
        self._say = say

    def files(self) -> Checkup:
        """What the checkout has, without running anything of it."""
        top, modes = self._checkout.top, self._checkout.modes()
        wanted = [name for name in modes if name in _READ or name.startswith(FOLDER)]
        wanted += self._checkout.containing((*GROUPS, WAVE), ("*.yaml", "*.yml"))
        wanted += filter(_is_overlay, modes)
        texts = {
            name: (top / name).read_text(encoding="utf-8", errors="replace")
            for name in dict.fromkeys(wanted)
            if (top / name).is_file()
        }
        programs = Programs(self._checkout.release, platform.python_version())
        known = Checkup(Files(modes, texts, links=self._checkout.links()), programs, top=str(top))
        known = _with_settings(known, texts.get(of_cfg.FILE))
        words = [first_words(one) for one in commands(known).values()]
        names = {one[0] for one in words if one and "/" not in one[0]}
        found = {name: shutil.which(name, path=search_path()) is not None for name in names}
        return replace(
            known,
            files=replace(
                known.files,
                ignored=self._checkout.ignored(_written(known)),
                unreadable=self._unreadable(known),
            ),
            programs=replace(programs, found=found),
        )

    def _unreadable(self, known: Checkup) -> dict[str, str]:
        """Of the YAML that targets are made of, where and why it can't be read: as far as many."""
        files, size = known.files, 0
        found: dict[str, str] = {}
        charts = {_folder(name) for name in files.modes if name.endswith(f"/{CHART}")}
        places = {*known.rendered, *(_folder(name) for name in files.modes if _is_overlay(name))}
        for name in sorted(one for one in files.modes if one.endswith((".yaml", ".yml"))):
            # An overlay of the whole repository is not made of all that is below it.
            above = {_folder(name), *map(str, PurePosixPath(name).parents[:-1])}
            is_made_of = charts.isdisjoint(above) and not places.isdisjoint({name, *above})
            file = self._checkout.top / name
            if not (is_made_of and file.is_file()):
                continue
            size += file.stat().st_size
            text = file.read_text(encoding="utf-8", errors="replace") if size < _MOST_YAML else ""
            if "{{" not in text and (why := fault(text)):
                found[name] = why
        return found

    def running(self, known: Checkup) -> Checkup:
        """What check-cfg-app says, and where digests arrive: entry points run in copies."""
        if known.cfg is None:
            return known
        source = Local(self._checkout.top)
        with scratch() as folder:
            try:
                check = Check(source, folder, "this checkout", self._say)
                fitness: Fitness | Unseen = Fitness(check.run(), tuple(check.warnings))
            except (EntryPointFailed, Refused, SettingsInvalid) as error:
                fitness = Fitness(error=error)
            except TidemillError as error:
                fitness = Unseen(error.what, remedy=error.remedy)
            try:
                files = source.files(empty_folder(folder, "trial"))
                arrivals = tried(files, known.cfg, self._say)
                if not arrivals:
                    known = replace(known, unlisted=named_otherwise(files, known.cfg))
            except EntryPointFailed as error:
                return replace(known, fitness=fitness, arrivals=error)
            except TidemillError as error:
                unseen = Unseen(error.what, remedy=error.remedy)
                return replace(known, fitness=fitness, arrivals=unseen)
        return replace(known, fitness=fitness, arrivals=arrivals)

    def servers(self, known: Checkup, given: str | None, *, is_offline: bool) -> Checkup:
        """What the remote says, and GitHub, where it is there and a token is here."""
        url = given or Git(self._checkout.top).address()
        known = replace(known, url=without_credentials(url) if url else None)
        if is_offline or url is None:
            unseen = _OFFLINE if is_offline else _NO_ORIGIN
            return replace(known, pushing=unseen, github=unseen, other=unseen)
        where = place.of_remote(url)
        token = place.token_for(where.url) if where else None
        known = replace(known, pushing=self._pushing(known, url))
        if where is None:
            unseen = Unseen(f"{redacted(url)} is not on {place.server_url()}")
            return replace(known, github=unseen, other=unseen)
        if token is None:
            return replace(known, github=_NO_TOKEN, other=_NO_TOKEN)
        from tidemill.clients.github.about import About  # which takes long to import

        self._say(f"what GitHub says of {where.repository}")
        hub = About(where, token, say=self._say)
        branches = [known.cfg.main, known.cfg.auto] if known.cfg else []
        branches += [known.app.branch] if known.app else []
        waves = known.cfg.waves if known.cfg else ()
        named = [wave.environment for wave in waves if wave.environment]
        known = replace(known, github=hub.repository(branches, named))
        other = announced_to(known)
        if other is None:
            return known
        return replace(known, other=hub.other(other, of_cfg.FILE))

    def _pushing(self, known: Checkup, url: str) -> Pushing | Unseen:
        if not self._checkout.has_commit():
            return Unseen("there is no commit yet that could be pushed")
        namespace = known.cfg.namespace if known.cfg else of_cfg.NAMESPACE
        self._say("a push that sends nothing")
        try:
            has_state, refused = self._checkout.pushes(url, place.token_for(url), namespace)
        except TidemillError as error:
            return Unseen(error.said if isinstance(error, GitError) else error.what)
        return Pushing(has_state, refused)


def _with_settings(known: Checkup, text: str | None) -> Checkup:
    """The settings, by the keys that they have; an error where they are neither's."""
    if text is None:
        return known
    is_app = _is_of_app(text)
    try:
        if is_app:
            return replace(known, app=of_app.parse(text))
        return replace(known, cfg=settings_file.parse(text, commit="this checkout"))
    except SettingsInvalid as error:
        remedy = f"mend {of_cfg.FILE}"
        return replace(known, invalid=SettingsInvalid(error.what, remedy=remedy))


def _is_of_app(text: str) -> bool:
    try:
        table = tomllib.loads(text)
    except (ValueError, RecursionError):
        table = {key: 1 for key in ("services", "waves") if re.search(rf"(?m)^\[\[{key}\]\]", text)}
    return "services" in table and "waves" not in table


def _folder(name: str) -> str:
    return str(PurePosixPath(name).parent)


def _is_overlay(name: str) -> bool:
    return name.rpartition("/")[2] in KUSTOMIZATIONS


def _written(known: Checkup) -> list[str]:
    """Files that Tidemill writes, or commits for `generate`."""
    if known.cfg is None:
        return []
    images = [
        f"{known.cfg.folder(wave.name, one.name)}/digests.json"
        for wave in known.cfg.waves
        for one in known.cfg.sets
    ]
    return images + [f"{path}/all.yaml" for path in known.cfg.places]
