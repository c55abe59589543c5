"""Do digests arrive in what is deployed, and do the targets report?"""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Iterator, Sequence, Set

from tidemill.announcing.announcement import matches
from tidemill.checkup import reports
from tidemill.checkup.checkup import Checkup
from tidemill.checkup.finding import (
    Finding,
    allowing,
    ok,
    problem,
    unknown,
    unseen,
    warning,
)
from tidemill.checkup.rendering import gone
from tidemill.errors import EntryPointFailed
from tidemill.facts.arrival import Arrival
from tidemill.facts.controllers import (
    SUBSCRIBES,
    TARGET,
    UNLISTED,
    WAVE,
    Deployed,
    as_yaml,
    place_of,
)
from tidemill.facts.on_github import Unseen
from tidemill.facts.settings import Settings
from tidemill.words.lists import listed
from tidemill.words.nearest import did_you_mean, nearest

# Where it is told how each kind reports, and the lines that let it.
_REPORTING = {
    "Application": ("integrations/argocd", f'annotations:\n  {SUBSCRIBES}: ""'),
    "Kustomization": ("integrations/flux", "spec:\n  wait: true"),
}
_PAGE = "https://github.com/tidemill/tidemill/tree/main"


def digests(known: Checkup) -> Iterator[Finding]:
    """`digests`: which service's digest arrives in which file?"""
    if known.cfg is None:
        return
    if isinstance(known.arrivals, Unseen):
        what = "which digests arrive in which files can't be told"
        yield unseen(what, known.arrivals, "mend that first, and run this again", "tidemill doctor")
        return
    if isinstance(known.arrivals, EntryPointFailed):
        what = f"generate fails where a wave gets images: {known.arrivals.what}"
        yield problem(what, "let it take the images of each wave", "tidemill doctor")
        return
    if not known.arrivals and known.unlisted:
        what = f"files name {listed(known.unlisted)}, of which [images] allow lists none"
        remedy = "let it list the repositories of your images"
        yield problem(what, remedy, allowing([_likely(known.unlisted, known.cfg.images.allow)]))
    elif not known.arrivals:
        what = "no wave has images yet, and no file names one, so that services are not known here"
        yield unknown(what, "run this again after the first announcement", "tidemill doctor")
    yield from _allowed(known.cfg, known.arrivals)
    for one in known.arrivals:
        yield from _arrival(known.cfg, one, known.files.places)


def _likely(unlisted: Sequence[str], allow: Sequence[str]) -> str:
    """Of those that are not allowed, one that is meant: nearly allowed, or with most others."""
    folders = Counter(one.rpartition("/")[0] for one in unlisted)
    near = [nearest(one.rpartition("/")[0], folders) for one in allow]
    return max(unlisted, key=lambda one: ((at := one.rpartition("/")[0]) in near, folders[at]))


def _allowed(settings: Settings, arrivals: Sequence[Arrival]) -> Iterator[Finding]:
    """Whether `allow` lists what the waves have, and the waves have what it lists."""
    there = sorted({name for one in arrivals for name in one.repositories})
    if there and not any(map(settings.images.is_listed, there)):
        yield problem(
            f"the waves have images of {listed(there)}, of which [images] allow lists none: their "
            "next announcement is refused",
            "list their folders in [images] allow, beside what else you use",
            allowing(there),
        )
        return
    folders = [name.rpartition("/")[0] for name in there]
    for pattern in settings.images.allow:
        meant = nearest(pattern.rpartition("/")[0], folders)
        if meant and not any(matches(pattern, name) for name in there):
            yield warning(
                f"[images] allow lists {pattern}, and no image that a wave has matches it",
                f"did you mean {meant}/*? change the entry, or take it out",
                "git grep -n -F " + shlex.quote(pattern),
            )


def _arrival(settings: Settings, one: Arrival, there: Set[str]) -> Iterator[Finding]:
    where = f"{one.wave}, set {one.image_set}"
    with_ = " (with invented digests)" if one.is_invented else ""
    tagged = {left.service for left in one.nameless}
    absent = [name for name, files in one.services.items() if not files and name not in tagged]
    left_out = _left_out(settings, one, there)
    told = []
    for service, files in one.services.items():
        without = [target for target, lacks in left_out.items() if service in lacks]
        but = f" (none at {listed(without)})" if without else ""
        told += [f"{service} in {listed(files, 1)}{but}"] if files else []
    named = {service for service, files in one.services.items() if files}
    bare = [target for target, lacks in left_out.items() if lacks and lacks == named]
    if bare and len(settings.sets) == 1:
        yield problem(
            f"{where}: no file of {listed(bare)} names an image of the set{with_}, so that no "
            "image ever gets there",
            "name the images there as the files of the wave's other targets do, or take the target "
            "out of tidemill.toml",
            f"git grep -n image -- {' '.join(map(shlex.quote, settings.paths(one.wave, bare[0])))}",
        )
    if told:
        yield ok(f"{where}: these digests arrive{with_}: {listed(told)}")
    if absent:
        say = warning if told else problem
        never = "" if told else ": the set would never count as deployed"
        yield say(
            f"{where}: no file names the digest of {listed(absent)}{with_}{never}",
            f"let generate read {settings.folder(one.wave, one.image_set)}/digests.json, and let "
            "[deployments] path list all that a target renders from",
        )
    for left in one.nameless:
        # Where the file names it in another place, that tag may be for something else.
        say = warning if left.file in one.services.get(left.service, ()) else problem
        yield say(
            f"{where}: {left.file} has a tag at {left.keys} and no repository, so that the image "
            f"of {left.service} stays as it is there",
            "write this beside the tag, as other files have it",
            "\n".join(left.lines),
        )
    for service, (file, name) in one.elsewhere.items():
        yield warning(
            f"{where}: {file} names {name}, which stays as it is: the set's image of {service} is "
            "in another repository",
            "if that is a copy of the set's image, name the set's there, so that it is not left "
            "behind",
            "git grep -n " + shlex.quote(name),
        )


def _left_out(settings: Settings, one: Arrival, there: Set[str]) -> dict[str, set[str]]:
    """By target the services that its files don't name, and those of the wave's like targets do."""
    arrives: dict[str, set[str]] = {}
    for target in next(wave.targets for wave in settings.waves if wave.name == one.wave):
        places = settings.paths(one.wave, target)
        if not there.isdisjoint(places):
            arrives[target] = {
                service
                for service, files in one.services.items()
                if any(_meet(path, file) for file in files for path in places)
            }
    alike: dict[tuple[str, ...], set[str]] = {}
    for target, mine in arrives.items():
        alike.setdefault(settings.templates_of(one.wave, target), set()).update(mine)
    return {
        target: alike[settings.templates_of(one.wave, target)] - mine
        for target, mine in arrives.items()
    }


def paths(known: Checkup) -> Iterator[Finding]:
    """`paths`: is there something that each target renders from?"""
    if known.cfg is None or not known.cfg.templates():
        return
    there = known.files.places
    wanted = [
        dict(zip(known.cfg.paths(*each), known.cfg.templates_of(*each), strict=True))
        for each in known.cfg.listed_targets
    ]
    # Of several places, one that only some targets have is a choice; one that none has is a slip.
    used = {one for of_one in wanted for path, one in of_one.items() if path in there}
    named = {path for one in known.deployed for path in gone(known, one)}  # by `rendering`
    empty = [
        path
        for of_one in wanted
        for path, template in of_one.items()
        if path
        and path not in {*there, *named}
        and (template not in used or there.isdisjoint(of_one))
    ]
    if empty := list(dict.fromkeys(empty)):
        yield warning(
            f"nothing is at {listed(empty)}, from which targets render by [deployments] path",
            "mend path in tidemill.toml; if generate makes these files, run it and commit them",
            "git ls-files",
        )
    else:
        yield ok("there is something at each place that [deployments] path names")


def targets(known: Checkup) -> Iterator[Finding]:
    """`targets`: do those of the settings and those of Argo CD or Flux fit together?"""
    if known.cfg is None:
        return
    found = [one for one in known.deployed if one.is_whole]
    wanted = known.cfg.listed_targets
    yield from reports.sent_elsewhere(known)
    wrong = [each for one in found for look in (_reporting, _apart) for each in look(known, one)]
    wrong += reports.left_out(known, found)
    yield from {(one.what, one.paste): one for one in wrong}.values()
    yield from _with_others_places(known.cfg, found)
    yield from reports.twice(found)
    yield from reports.suspended(known.cfg, found)
    yield from reports.unheard(known, found)
    for wave in known.cfg.waves:
        if not wave.targets:
            what = f"the wave {wave.name} has no targets: a set counts as deployed there at once"
            followers = [one.name for one in known.cfg.followers(wave.name)]
            on = f", and goes on to {listed(followers)} though nothing has run it"
            say = problem if followers else warning
            what += on if followers else ""
            yield say(what, "list its targets in tidemill.toml", 'targets = ["…"]')
    for one in known.deployed:
        if one.is_unlisted:
            yield warning(
                f"the template of the {one.title} ({one.file}) has no label {WAVE}, without which "
                "nothing reports",
                "let these lines be in its metadata, with what stands for the two in the template",
                "\n".join(as_yaml(UNLISTED)),
            )
    told = {(one.wave, one.target) if one.wave else _meant(known.cfg, one) for one in found}
    missing = [f"{target} ({wave})" for wave, target in wanted if (wave, target) not in told]
    look = "see which ones have reported"
    if not missing and not wrong:
        yield ok("each target is named by an Application or a Kustomization here")
    elif len(missing) == len(wanted) and not wrong:
        what = "nothing in this repository says how its targets report; no wave goes on before"
        yield unknown(f"{what} they do", look, "tidemill status")
    elif missing:
        what = f"no Application and no Kustomization here reports as {listed(missing)}"
        yield warning(what, f"label it where it is; {look}", "tidemill status")


def _reporting(known: Checkup, one: Deployed) -> Iterator[Finding]:
    settings = known.cfg
    if settings is None:
        return
    what = f"the {one.title} ({one.file})"
    is_listed = one.wave is not None and settings.listing(one.wave, one.target) is not None
    meant = _meant(settings, one, by_name=not is_listed)
    if meant and meant != (one.wave, one.target):
        says = f"reports as {one.target} in {one.wave}" if one.wave else "is not labelled"
        never = f"{says}, so that {meant[1]} in {meant[0]} never reports"
        if one.made_by:
            never = "makes what does not report as the targets of tidemill.toml"
        yield problem(
            f"{what} {never}",
            "let these lines be in its metadata",
            "\n".join(as_yaml(one.lacks(*meant))),
        )
    elif one.wave and not is_listed:
        waves = {wave.name: wave.targets for wave in settings.waves}
        there = waves.get(one.wave, ())
        names = ", ".join(there) or f"only the waves {', '.join(waves)}"
        near = did_you_mean(one.target, there)
        if one.wave not in waves:
            near = near or did_you_mean(one.wave, waves)
        yield problem(
            f"{what} reports as {one.target} in {one.wave}, which tidemill.toml does not list: it "
            f"has {names}",
            f"{near}mend its labels {WAVE} and {TARGET}, or list it in tidemill.toml",
            "\n".join(
                ["[[waves]]", f'name = "{one.wave}"', f"targets = {_toml([*there, one.target])}"]
            ),
        )
    if one.wave is None or not is_listed or (meant and meant != (one.wave, one.target)):
        return
    if not one.reports:
        page, lines = _REPORTING[one.kind]
        remedy = f"add these lines; {_PAGE}/{page} says why"
        yield problem(f"{what} does not report, or says nothing of health", remedy, lines)


def _apart(known: Checkup, one: Deployed) -> Iterator[Finding]:
    """What renders from other places than the settings say, though all of them are there."""
    settings = known.cfg
    if settings is None or one.wave is None or not settings.listing(one.wave, one.target):
        return
    if (meant := _meant(settings, one, by_name=False)) and meant != (one.wave, one.target):
        return  # its labels are wrong, and not its paths
    mine, paths = one.paths, settings.paths(one.wave, one.target)
    read = (*mine, one.file)  # whose manifest may have the images itself
    is_apart = not any(_meet(path, other) for path in read for other in paths)
    if mine and paths and is_apart and not gone(known, one):
        yield warning(
            f"the {one.title} ({one.file}) renders from {', '.join(mine)}, and [deployments] path "
            f"says {', '.join(paths)}",
            "list in [deployments] path all that a target renders from",
            f"path = {_toml([*settings.templates(), *mine])}",
        )
        return
    for path in mine:
        owners = [each for each in settings.listed_targets if path in settings.paths(*each)]
        if owners and (one.wave, one.target) not in owners:
            yield warning(
                f"the {one.title} ({one.file}) renders from {path}, which is of "
                f"{listed([f'{target} ({wave})' for wave, target in owners])}",
                f"name what is of {one.target} there; or, if that is meant, list it in "
                "[[targets]] path",
                f"git grep -n -F {shlex.quote(path.rpartition('/')[2])} -- {shlex.quote(one.file)}",
            )


def _with_others_places(settings: Settings, found: Sequence[Deployed]) -> Iterator[Finding]:
    """Targets that count as made of what others alone render from: Argo CD is silent of that."""
    users: dict[tuple[str | None, str], set[str]] = {}
    for one in found:
        for path in one.paths:
            users.setdefault((one.wave, path), set()).add(one.target)
    lines: dict[str, list[str]] = {}
    for one in found:
        if one.wave is None or not settings.listing(one.wave, one.target):
            continue
        templates = settings.templates_of(one.wave, one.target)
        places = [*zip(templates, settings.paths(one.wave, one.target), strict=True)]
        own = [text for text, path in places if any(_meet(path, mine) for mine in one.paths)]
        rest = (path for text, path in places if text not in own)
        if own and any(users.get((one.wave, path), set()) - {one.target} for path in rest):
            path = json.dumps(own[0]) if len(own) == 1 else _toml(own)
            head = ["[[targets]]", f'name = "{one.target}"', f'wave = "{one.wave}"']
            lines[f"{one.target} ({one.wave})"] = [*head, f"path = {path}"]
    if lines:
        yield warning(
            f"{listed([*lines])} count as made of places that only others render from: a set that "
            "changes nothing of theirs would wait for their reports",
            "say in tidemill.toml which places are their own",
            "\n".join(line for of_one in lines.values() for line in of_one),
        )


def _meant(settings: Settings, one: Deployed, *, by_name: bool = True) -> tuple[str, str] | None:
    """Wave and target of what is deployed, by its paths, or else by its name."""
    every = settings.listed_targets
    places = [(path, *each) for each in every for path in settings.paths(*each)]
    called = [each for each in every if by_name and each[1] == one.name]
    return place_of(one, places) or (called[0] if len(called) == 1 else None)


def _toml(names: Sequence[str]) -> str:
    return f"[{', '.join(map(json.dumps, names))}]"


def _meet(one: str, other: str) -> bool:
    """Whether one of the paths is the other, or in it."""
    return f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/")
