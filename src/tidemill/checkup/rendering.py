"""Is there everything that Argo CD and Flux render the targets from?"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections import Counter
from collections.abc import Iterator
from statistics import mode

from tidemill.checkup.checkup import Checkup
from tidemill.checkup.finding import Finding, ok, problem
from tidemill.facts.controllers import Deployed
from tidemill.words.documents import items, loaded, text
from tidemill.words.lists import listed
from tidemill.words.nearest import did_you_mean

KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_YAML = (".yaml", ".yml")
_NAMING = ("resources", "bases", "components", "patchesStrategicMerge")
# What is not the name of a file in here: of another repository, or a patch as it stands.
_REMOTE = re.compile(r"://|\?ref=|^git@|^github\.com/|[\n{]|:\s")


def rendered(known: Checkup) -> Iterator[Finding]:
    """`rendering`: is there what Applications, Kustomizations and their overlays name?"""
    if known.cfg is None:
        return
    found = [*_of_controllers(known), *_of_revisions(known), *_of_overlays(known)]
    if not found and known.deployed:
        found = [ok("all that Argo CD and Flux render from this repository is there")]
    yield from found


def gone(known: Checkup, one: Deployed) -> list[str]:
    """Without what it can't be rendered, and is not there: only of what belongs in here.

    That is told by URL and revision, where something else of the same is here; else files of
    values count whose folder is here.
    """
    files, ours = known.files, known.origins
    missing: list[str] = []
    for path, *origin in one.needed:
        is_below = any(path.startswith(f"{other}/") for other in missing)
        if files.may_have(path) or "{{" in path or is_below:
            continue
        folder = posixpath.dirname(path)
        has_folder = path.endswith(_YAML) and folder != "" and folder in files.places
        if tuple(origin) in ours or (has_folder and not (any(origin) and ours)):
            missing.append(path)
    return missing


def _of_controllers(known: Checkup) -> Iterator[Finding]:
    users = Counter(path for one in known.deployed for path in one.paths)
    for one in known.deployed:
        for path in gone(known, one) if one.is_whole else ():
            # What one other alone renders from is that one's own, and not what was meant.
            near = did_you_mean(path, [each for each in known.files.places if users[each] != 1])
            key = "valueFiles" if path.endswith(_YAML) else "path"
            yield problem(
                f"the {one.title} ({one.file}) renders from {path}, which is not there",
                f"{near}add it, or mend {key}; this says who took it away",
                f"git log --oneline -- {shlex.quote(path)}",
            )


def _of_revisions(known: Checkup) -> Iterator[Finding]:
    """Targets that follow another branch than the one that Tidemill moves."""
    if known.cfg is None:
        return
    main = known.cfg.main
    # Another repository may have the same path: most of what is rendered is in this one.
    sources = [source for source, _ in known.origins.elements()]
    ours = mode(sources) if sources else ""
    for one in known.deployed:
        own = known.cfg.paths(one.wave, one.target) if one.wave and one.is_whole else ()
        others = {
            need.revision
            for need in one.needed
            if need.path in own
            and need.source == ours
            and need.revision not in ("", "HEAD", main, f"refs/heads/{main}")
            and "{{" not in need.revision
        }
        for revision in sorted(others):
            yield problem(
                f"the {one.title} ({one.file}) follows {revision}, and what Tidemill lands is on "
                f"{main}",
                f"let it follow {main} with this line; or, if {revision} is what you deploy, write "
                f'main = "{revision}" in tidemill.toml',
                f"targetRevision: {main}",
            )


def _of_overlays(known: Checkup) -> Iterator[Finding]:
    """What overlays that are deployed name in turn, each file once."""
    left = [*_of_settings(known), *(path for one in known.deployed for path in one.paths)]
    seen: set[str] = set()
    while left:
        folder = left.pop(0)
        files = (posixpath.normpath(f"{folder}/{name}") for name in KUSTOMIZATIONS)
        file = next((one for one in files if one in known.files.texts), None)
        if file is None or file in seen:
            continue
        seen.add(file)
        named = {one: posixpath.normpath(f"{folder}/{one}") for one in _named(known, file)}
        left += named.values()
        missing = [one for one, path in named.items() if not known.files.may_have(path)]
        if missing:
            yield problem(
                f"{file} names {listed(missing)}, which is not there, so that Kustomize can't "
                "build it",
                f"add what is missing, or take it out of {file}; this says who took it away",
                f"git log --oneline -- {shlex.quote(named[missing[0]])}",
            )


def _named(known: Checkup, file: str) -> list[str]:
    """What an overlay names in this repository: files, and folders of others."""
    value = next(iter(loaded(known.files.texts[file])), {})
    words = [one for key in _NAMING for one in items(value, key) if isinstance(one, str)]
    patches = [*items(value, "patches"), *items(value, "patchesJson6902")]
    words += [path for one in patches if (path := text(one, "path"))]
    return [one for one in dict.fromkeys(words) if not _REMOTE.search(one)]


def _of_settings(known: Checkup) -> list[str]:
    """All places of [deployments] path."""
    if known.cfg is None:
        return []
    targets = [(wave.name, target) for wave in known.cfg.waves for target in wave.targets]
    return [path for each in targets for path in known.cfg.paths(*each)]
