"""Is there everything that Argo CD and Flux render the targets from?"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections import Counter
from collections.abc import Iterator

from tidemill.checkup.checkup import Checkup
from tidemill.checkup.finding import Finding, ok, problem, warning
from tidemill.facts.controllers import CHART, KUSTOMIZATIONS, Deployed, Needed
from tidemill.words.documents import items, loaded, text
from tidemill.words.lists import listed
from tidemill.words.nearest import did_you_mean
from tidemill.words.urls import host_and_path

_YAML = (".yaml", ".yml")
_NAMING = (
    *("resources", "bases", "components", "patchesStrategicMerge"),
    *("generators", "transformers", "validators", "configurations", "crds"),
)
# Keys of lists of tables, and what names files there.
_NAMING_IN = (
    ("patches", "path"),
    ("patchesJson6902", "path"),
    ("replacements", "path"),
    ("helmCharts", "valuesFile"),
    *(
        (made, key)
        for made in ("configMapGenerator", "secretGenerator")
        for key in ("files", "envs")
    ),
)
_OPEN = re.compile(r"\{\{|\$\{")  # what Argo CD or Flux fills in has another name
# What is not the name of a file in here: of another repository, or a patch as it stands.
_REMOTE = re.compile(r"://|\?ref=|^git@|^github\.com/|[\n{]|:\s")


def rendered(known: Checkup) -> Iterator[Finding]:
    """`rendering`: is there what Applications, Kustomizations and their overlays name?"""
    if known.cfg is None:
        return
    found = [
        *_of_controllers(known),
        *dict.fromkeys(_of_sources(known)),
        *_of_overlays(known),
        *_unreadable(known),
    ]
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
    for path, source, revision, _ in one.needed:
        is_below = any(path.startswith(f"{other}/") for other in missing)
        if files.may_have(path) or _OPEN.search(path) or is_below:
            continue
        folder = posixpath.dirname(path)
        has_folder = path.endswith(_YAML) and folder != "" and folder in files.places
        is_told = (source or revision) and ours
        if (source, revision) in ours or (has_folder and not is_told):
            missing.append(path)
    return missing


def _of_controllers(known: Checkup) -> Iterator[Finding]:
    users = Counter(path for one in known.deployed for path in one.paths)
    for one in known.deployed:
        for path in gone(known, one) if one.is_whole else ():
            # What one other alone renders from is that one's own, and not what was meant.
            near = did_you_mean(path, [each for each in known.files.places if users[each] != 1])
            is_of_values = path.endswith(_YAML) and not path.endswith(f"/{CHART}")
            key = "valueFiles" if is_of_values else "path"
            yield problem(
                f"the {one.title} ({one.file}) renders from {path}, which is not there",
                f"{near}add it, or mend {key}; this says who took it away",
                f"git log -1 -- {shlex.quote(path)}",
            )


def _of_sources(known: Checkup) -> Iterator[Finding]:
    """Targets that follow another repository, or another branch, than the one that lands."""
    if known.cfg is None:
        return
    yield from _of_others(known)
    main = known.cfg.main
    usual = ("", "HEAD", main, f"refs/heads/{main}")
    for one in known.deployed:
        own = known.cfg.paths(one.wave, one.target) if one.wave and one.is_whole else ()
        needs = [need for need in one.needed if need.path in own and need.source]
        # Another repository may have the same path: one of ours is enough.
        ours = [need for need in needs if need.source == known.ours or _OPEN.search(need.source)]
        for need in needs if not ours else ():
            yield from _elsewhere(known, one, need)
        for need in ours:
            if need.revision not in usual and not _OPEN.search(need.revision):
                yield problem(
                    f"the {_said_in(one, need)} follows {need.revision}, and what Tidemill lands "
                    f"is on {main}",
                    f"let it follow {main} with this; or, if {need.revision} is what you deploy, "
                    f'write main = "{need.revision}" in tidemill.toml',
                    f"ref:\n  branch: {main}" if need.said_in else f"targetRevision: {main}",
                )


def _of_others(known: Checkup) -> Iterator[Finding]:
    """What all render from, held against the remote: a copy may have another host and name."""
    host, name = host_and_path(known.url or "")
    ours_host, _, ours_name = known.ours.partition("/")
    # A server may have all below a path over HTTPS, and not over SSH.
    own = name.casefold()
    is_same = f"/{own}".endswith(f"/{ours_name}") or f"/{ours_name}".endswith(f"/{own}")
    if not host or not ours_name or is_same:
        return
    say = problem if host == ours_host else warning
    yield say(
        f"what is deployed is rendered from {known.ours}, and this repository is {host}/{name}",
        "if that is no copy of this one, let all sources name this one; these lines name it",
        f"git grep -n -F {shlex.quote(ours_name)}",
    )


def _elsewhere(known: Checkup, one: Deployed, need: Needed) -> Iterator[Finding]:
    if "/" in need.source:
        yield problem(
            f"the {_said_in(one, need)} is of {need.source}, and what Tidemill lands is in "
            f"{known.ours}",
            "let it name this repository, so that what lands gets there",
            f"{'url' if need.said_in else 'repoURL'}: https://{known.ours}",
        )
        return
    # A source of Flux that no file here has may be made by other means.
    there = {each.said_in.split()[1] for of in known.deployed for each in of.needed if each.said_in}
    kind, name = need.source.partition(" ")[0], need.source.rpartition(" ")[2]
    is_unknown = kind == "GitRepository" and name not in there
    if is_unknown and (near := did_you_mean(name, there)):
        yield problem(
            f"the {_said_in(one, need)} renders from the {kind} {name}, which is not here",
            f"{near}mend sourceRef; these lines name what there is",
            f"git grep -n -A 4 'kind: {kind}'",
        )


def _said_in(one: Deployed, need: Needed) -> str:
    return need.said_in or f"{one.title} ({one.file})"


def _of_overlays(known: Checkup) -> Iterator[Finding]:
    """What overlays that are deployed name in turn, each file once."""
    left = [*known.rendered]
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
                f"git log -1 -- {shlex.quote(named[missing[0]])}",
            )


def _unreadable(known: Checkup) -> Iterator[Finding]:
    """Files that are no YAML, as after a merge that nobody finished."""
    for file, why in known.files.unreadable.items():
        yield problem(
            f"{file} can't be read as YAML, {why}, so that nothing renders what it is part of",
            "mend it; this says who changed it last",
            f"git log -1 -- {shlex.quote(file)}",
        )


def _named(known: Checkup, file: str) -> list[str]:
    """What an overlay names in this repository: files, and folders of others."""
    value = next(iter(loaded(known.files.texts[file])), {})
    words = [one for key in _NAMING for one in items(value, key) if isinstance(one, str)]
    for table, key in _NAMING_IN:
        for one in items(value, table):
            files = [*items(one, key), text(one, key)]
            # As `name=file`, where what is made from it has another name.
            words += [file.rpartition("=")[2] for file in files if isinstance(file, str) and file]
    return [one for one in dict.fromkeys(words) if not _REMOTE.search(one)]
