"""What makes a repository of manifests a cfg-app.git: from what is in it, and from what is said."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Mapping, Sequence
from itertools import chain
from pathlib import PurePosixPath
from typing import Literal, TypeAlias

from msgspec import Struct

from tidemill.adopting import images_seen, reporting, sources, values
from tidemill.adopting import rollout as rollouts
from tidemill.adopting.place import DOCUMENTS, EXAMPLES, INTEGRATIONS, Place, quoted
from tidemill.adopting.proposal import Paste, Proposal, Step, Wanted, with_lines
from tidemill.adopting.rollout import Rollout, wave_in
from tidemill.adopting.tree import WORKFLOW_FOLDER, Tree
from tidemill.errors import Refused
from tidemill.facts import controllers
from tidemill.facts.controllers import Deployed
from tidemill.facts.image_files import FILES
from tidemill.facts.settings import FILE, Settings
from tidemill.words.lists import MOST_NAMED, listed
from tidemill.words.nearest import did_you_mean

Tool: TypeAlias = Literal["kustomize", "helm", "jsonnet", "yaml"]
SCRIPT = "scripts/generate.py"
WORKFLOW = f"{WORKFLOW_FOLDER}/tidemill.yml"
WAKE = f"{WORKFLOW_FOLDER}/tidemill-wake.yml"
SCRIPTS: Mapping[Tool, str] = {
    "kustomize": "generate_kustomize.py",
    "helm": "generate_yaml.py",
    "yaml": "generate_yaml.py",
}
_TOLD: Mapping[Tool, str] = {
    "kustomize": f"overlays of Kustomize: whoever renders them goes on to, and {SCRIPT} writes "
    "`images:` in them",
    "helm": f"values of Helm charts: whoever renders them goes on to, and {SCRIPT} writes the tags",
    "yaml": f"plain YAML: {SCRIPT} writes the images",
    "jsonnet": "Jsonnet: your sources have to read digests.json of each wave",
}
_ATTRIBUTES = """\
# A set is one unit: two of them are never merged line by line, a person chooses.
/{folder}/**/*.json -merge
"""


class Answers(Struct, frozen=True):
    """What a person says where the files don't.

    Attributes:
        targets: by wave, in their order; empty: as found.
        path: a template for `[deployments] path`.
        prefix: what the images' repositories begin with.
    """

    targets: Mapping[str, tuple[str, ...]]
    path: str | None = None
    prefix: str | None = None


def proposed(
    tree: Tree, place: Place, answers: Answers, texts: Mapping[str, str], there: Settings | None
) -> Proposal:
    """What has to be there.

    Args:
        texts: the files that are written as they are, by name.
        there: the settings that the repository has already.

    Raises:
        Refused: something can't be found out, and has to be said.
    """
    every = controllers.deployed(tree.documents, tree.files)
    deployed = [one for one in every if one.has_files]
    if there is not None:
        waves = {wave.name: wave.targets for wave in there.waves}
        own = {
            (name, target): there.templates_of(name, target)
            for name, targets in waves.items()
            for target in targets
        }
        rollout = Rollout(waves, there.templates(), f"{FILE} is there, and stays as it is", own)
        script = tree.text(SCRIPT)
        tool = next((one for one, text in SCRIPTS.items() if texts[text] == script), None)
        files: list[Wanted] = []
        images = there.images.path
        prefix = next((one[:-2] for one in there.images.allow if one.endswith("/*")), "")
    else:
        tool, rollout = _found(tree, deployed, answers)
        prefix, why = _prefix(tree, place, answers)
        images = "images/{wave}" if not _is_taken(tree, "images") else "tidemill/images/{wave}"
        generate = "make generate" if tool == "jsonnet" else f"python3 {SCRIPT}"
        files = [Wanted(FILE, _settings(place, rollout, prefix, images, generate))]
    if tool and tool in SCRIPTS:
        files.append(Wanted(SCRIPT, texts[SCRIPTS[tool]]))
    folder = images.partition("{")[0].strip("/") or images
    attributes = with_lines(tree.text(".gitattributes"), _ATTRIBUTES.format(folder=folder))
    files.append(Wanted(".gitattributes", attributes, is_edit=True))
    if place.is_on_github:
        files.append(Wanted(WORKFLOW, _workflow(tree, place, texts["cfg_workflow.yml"])))
        files.append(Wanted(WAKE, texts["cfg_wake.yml"]))
    reasons = [f"waves {', '.join(rollout.waves)}: {rollout.why}"]
    missing = []
    if there is None:
        reasons += [_TOLD[tool or "yaml"], f"images from {prefix}/*: {why}"]
        missing += _left_out(deployed, rollout, images_seen.naming(tree, f"{prefix}/"))
        if tool == "jsonnet" and not sources.has_make_generate(tree):
            missing.append(
                "a target `generate` in the Makefile, which writes the YAML; "
                f"{EXAMPLES}/cfg-app has one to copy"
            )
    if not every and place.is_on_github:
        missing.append(
            "reports of the targets: no Application and no Kustomization is in this repository; "
            f"what Argo CD or Flux needs where they are: {INTEGRATIONS}"
        )
    pastes, labelled = reporting.labels(tree, deployed, rollout)
    pastes += reporting.unlisted(every)
    to_apply = [*(one.path for one in labelled), *(one.file for one in pastes)]
    files += labelled
    if tool == "helm":
        more, edited = values.repositories(tree, rollout, prefix)
        pastes += more
        files += edited
    steps: list[Step] = []
    if place.is_on_github:
        made, more, steps = reporting.notifications(tree, place, every, [*rollout.waves], texts)
        files += made
        pastes += more
        steps += reporting.applied(place, every, to_apply)
    steps = _steps(place, _named(files, pastes), steps, prefix)
    return Proposal(tuple(files), tuple(reasons), tuple(missing), tuple(pastes), tuple(steps))


def _found(tree: Tree, deployed: Sequence[Deployed], answers: Answers) -> tuple[Tool, Rollout]:
    """The tool, and the rollout that its files tell of."""
    roots = _roots(deployed)
    there = {"/".join(one.parts[:end]) for one in tree.paths for end in range(len(one.parts) + 1)}
    made = [
        (one.name, of_one)
        for one in deployed
        if (of_one := [path for path in one.paths if wave_in(path) and f"{path}/" not in roots])
        and not there.isdisjoint(of_one)
    ]
    told = [path for path in dict.fromkeys(chain(*(of for _, of in made))) if path in there]
    releases = images_seen.in_releases(tree)
    overlays = [one for one in sources.overlays(tree) if not _is_in(one, releases)]
    values = sources.value_files(tree)
    manifests = [one for one in sources.manifests(tree) if not one.startswith(roots)]
    jsonnet, naming = sources.jsonnet_files(tree), images_seen.naming(tree)
    by_tool: dict[Tool, list[str]] = {
        "kustomize": [one for one in told if one in overlays],
        "helm": [one for one in told if one in values],
        "yaml": [
            one
            for one in told
            if one not in values and (one not in overlays or _is_in(one, naming))
        ],
        "jsonnet": [],
    }
    by_name: dict[Tool, list[str]] = {
        "kustomize": rollouts.without_outer(_of_waves(overlays)),
        "helm": _of_waves(values),
        "yaml": rollouts.without_inner(map(rollouts.up_to_the_wave, _of_waves(manifests))),
        "jsonnet": _of_waves(jsonnet),
    }
    # What a controller deploys comes first, unless it is deployed from elsewhere, too.
    tools = {
        tool: told_of if _waves(told_of) >= _waves(by_name[tool]) else by_name[tool]
        for tool, told_of in by_tool.items()
    }
    tools = {tool: tools[tool] for tool in sorted(tools, key=lambda one: -len(by_tool[one]))}
    if answers.targets:
        tools = {"kustomize": overlays, "helm": values, "yaml": manifests, "jsonnet": jsonnet}
    if answers.targets and answers.path:
        told_by_person = Rollout(answers.targets, (answers.path,), "as --targets and --path say")
        places = [place for place, *_ in told_by_person.places()]
        tool = next(
            (one for one in tools if any(_is_at(places, path) for path in tools[one])), None
        )
        return tool or "yaml", told_by_person
    for tool, paths in tools.items():
        if not paths:
            continue
        of_tool = [
            (name, mine)
            for name, of in made
            if (mine := [path for path in of if path in paths or path not in there])
        ]
        rollout = _rollout({*paths, *chain(*(of for _, of in of_tool))}, of_tool, answers)
        if rollout and tool == "jsonnet":
            return tool, Rollout(rollout.waves, (answers.path or "generated/{wave}",), rollout.why)
        if rollout:
            return tool, rollout
    folders = {*overlays, *values, *(str(PurePosixPath(one).parent) for one in manifests)}
    raise _nothing_found(answers, sorted(folders - {"."}))


def _left_out(deployed: Sequence[Deployed], rollout: Rollout, naming: Collection[str]) -> list[str]:
    """A wave for what has images of ours and a name that says none."""
    taken = list(dict.fromkeys(place for place, *_ in rollout.places()))
    left = {
        path: one.title
        for one in deployed
        if not any(_is_at(taken, path) or _is_at([path], at) for path in one.paths for at in taken)
        for path in one.paths
        if _is_in(path, naming)
    }
    if not left:
        return []
    example = "--targets WAVE=TARGET,TARGET for each, and --path"
    if found := rollouts.alike((*taken, *left)):
        template, parts = found
        named = dict(zip((*taken, *left), parts, strict=True))
        of = {one: [named[at] for at, wave, _ in rollout.places() if wave == one]
              for one in rollout.waves}  # fmt: skip
        of["NEXT"] = [named[path] for path in left]
        given = " ".join(f"--targets {wave}={','.join(targets)}" for wave, targets in of.items())
        example = f"{given} --path {shlex.quote(template)}"
    return [
        f"a wave for {listed([*left.values()])}, which deploy your images from {listed([*left])}: "
        f"name all waves, in their order, with {example}"
    ]


def _nothing_found(answers: Answers, places: Sequence[str]) -> Refused:
    """Which waves were looked for, what there is, and the nearest names of what is not there."""
    waves = ", ".join(answers.targets)
    there = f"; manifests are in {listed(places)}" if places else ""
    names = {part for one in places for part in PurePosixPath(one).parts}
    targets = [one for of_wave in answers.targets.values() for one in of_wave]
    near = (did_you_mean(one, names) for one in targets if one not in names)
    meant = "".join(dict.fromkeys(near))
    return Refused(
        "no files were found that belong to waves"
        + (f" {waves}" if waves else " (such as staging and production)")
        + there,
        remedy=f"{meant}name each wave with its targets, in their order, and where their files "
        "are: --targets staging=staging-eu,staging-us --targets production=prod-eu "
        "--path 'deploy/{wave}/{target}'",
    )


def _rollout(
    paths: Collection[str], made: Sequence[tuple[str, Collection[str]]], answers: Answers
) -> Rollout | None:
    if answers.targets:
        return rollouts.given(answers.targets, paths)
    one = rollouts.found(paths, made)
    return Rollout(one.waves, (answers.path,), one.why) if one and answers.path else one


def _waves(paths: Collection[str]) -> int:
    """Of how many waves they are; none is never enough."""
    return len({*map(wave_in, paths)}) if paths else -1


def _of_waves(paths: Collection[str]) -> list[str]:
    return [path for path in paths if wave_in(path)]


def _is_at(places: Sequence[str], path: str) -> bool:
    """Whether a path is one of some places, or in one."""
    return any(path == one or path.startswith(f"{one}/") for one in places)


def _is_in(folder: str, files: Collection[str]) -> bool:
    """Whether one of some files is in a folder."""
    return any(file.startswith(f"{folder}/") for file in files)


def _roots(deployed: Sequence[Deployed]) -> tuple[str, ...]:
    """The folders that have nothing but controllers' own resources, with what they bring along."""
    return tuple(
        sorted(
            f"{path}/"
            for path in {path for one in deployed for path in one.paths}
            if any(one.file.startswith(f"{path}/") for one in deployed)
        )
    )


def _is_taken(tree: Tree, folder: str) -> bool:
    """Whether a folder holds something else than image files."""
    return any(
        path.parts[0] == folder and path.name not in FILES for path in tree.paths if path.parts
    )


def _prefix(tree: Tree, place: Place, answers: Answers) -> tuple[str, str]:
    if answers.prefix:
        return answers.prefix, "as --image-prefix says"
    found = images_seen.prefix(tree, place.owner)
    if found is None:
        raise Refused(
            "no file names an image with its registry, and nothing says which images are yours",
            remedy="say what they begin with: --image-prefix ghcr.io/OWNER",
        )
    return found


def _settings(place: Place, rollout: Rollout, prefix: str, images: str, generate: str) -> str:
    paths = [quoted(one) for one in rollout.paths]
    lines = [
        "# How Tidemill carries images into this repository and from wave to wave. Every key:",
        f"# {DOCUMENTS}/reference/settings.md",
        *([f"main = {quoted(place.branch)}"] if place.branch != "main" else []),
        "[checks]",
        *(
            ['required = ["tidemill/check"] # the status that gitops.yml sets']
            if place.is_on_github
            else ['source = "refs" # verdicts are in Git, not on GitHub', 'required = ["check"]']
        ),
        "",
        "[images]",
        f"path = {quoted(images)}",
        f"allow = [{quoted(f'{prefix}/*')}] # the only repositories that an announcement may name",
        "",
        "[entrypoints]",
        f"generate = {quoted(generate)}",
        "",
        "[deployments]",
        f"path = {paths[0]}" if len(paths) == 1 else f"path = [{', '.join(paths)}]",
    ]
    for wave, targets in rollout.waves.items():
        listed = ", ".join(map(quoted, targets))
        lines += ["", "[[waves]]", f"name = {quoted(wave)}", f"targets = [{listed}]"]
    every = [(wave, target) for wave, targets in rollout.waves.items() for target in targets]
    named = [target for _, target in every]
    for wave, target in every:
        if not (own := rollout.own.get((wave, target))):
            continue
        lines += ["", "[[targets]]", f"name = {quoted(target)}"]
        lines += [f"wave = {quoted(wave)}"] if named.count(target) > 1 else []
        listed = ", ".join(map(quoted, own))
        lines.append(f"path = {listed}" if len(own) == 1 else f"path = [{listed}]")
    return "\n".join(lines) + "\n"


def _workflow(tree: Tree, place: Place, text: str) -> str:
    """The workflow: for this branch, and for the repository's own CI; without one, without that."""
    text = place.in_workflow(text)
    own = sorted(
        found[1].strip("\"' ")
        for path in tree.files
        if path.startswith(f"{WORKFLOW_FOLDER}/") and path not in (WORKFLOW, WAKE)
        if (found := re.search(r"(?m)^name:\s*([^#\n]+)", tree.text(path)))
    )
    if own:
        return text.replace("workflows: [ci]", f"workflows: [{', '.join(map(quoted, own))}]")
    return re.sub(r"(?m)^  workflow_run:.*\n(?:    .*\n)+", "", text)


def _named(files: Sequence[Wanted], pastes: Sequence[Paste]) -> list[str]:
    """What to add to a commit: each file, or the folders of edited ones, where these are many."""
    new = [one.path for one in files if not one.is_edit or "/" not in one.path]
    edited = [one.path for one in files if one.path not in new]
    edited += [one.file for one in pastes if one.file not in (*new, *edited)]
    if len(edited) > MOST_NAMED:
        edited = sorted({path.rpartition("/")[0] for path in edited})
    return [*dict.fromkeys((FILE, *new, *edited))]


def _as_path(file: str) -> str:
    """A file in a command, where it is neither an option nor a pattern."""
    return shlex.quote(f"./{file}" if file.startswith(("-", ":")) else file)


def _steps(place: Place, files: Sequence[str], reports: Sequence[Step], prefix: str) -> list[Step]:
    check = Step(
        "see that the checkout is fit to land",
        f"tidemill check-cfg-app --repo {shlex.quote(place.folder)}",
    )
    commit = Step(
        "commit it, and push it to the branch that is deployed",
        f"{place.git} add {' '.join(map(_as_path, files))} "
        f"&& {place.git} commit -m 'Tidemill carries the images' && {place.git} push",
    )
    if not place.is_on_github:
        url = shlex.quote(place.url or place.folder)
        turn = Step("let this run every few minutes", f"tidemill loop --once --repo {url}")
        report = Step("let each target report", "tidemill record-deployment --help")
        return [check, commit, turn, report]
    app = Step(
        "then, in a checkout of the repository that builds the images",
        f"tidemill init app --cfg-repository {place.repository or 'OWNER/CFG'}"
        + (f" --image-prefix {shlex.quote(prefix)}" if prefix else ""),
    )
    return [check, commit, *reports, app]
