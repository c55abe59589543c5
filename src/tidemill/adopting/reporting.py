"""How reports of the cluster come to cfg-app.git: labels, and notifications of Argo CD and Flux."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence

from tidemill.adopting import labelling
from tidemill.adopting.place import Place
from tidemill.adopting.proposal import Paste, Step, Wanted
from tidemill.adopting.rollout import Rollout
from tidemill.adopting.tree import Tree
from tidemill.facts import controllers
from tidemill.facts.controllers import Deployed
from tidemill.words.documents import text
from tidemill.words.urls import api_of

# In a folder of their own: what stands where a controller looks, it would apply by itself.
ARGOCD, FLUX = "tidemill/argocd-notifications.yaml", "tidemill/flux-notifications.yaml"
_CONFIG_MAP = "argocd-notifications-cm"
_SUBSCRIPTIONS = re.compile(r"(?m)^  # All Applications.*\n  subscriptions: \|\n((?:    .*\n)+)\n")
_TOKEN = "$TIDEMILL_TOKEN"  # noqa: S105 -- the name of a variable


def labels(
    tree: Tree, deployed: Sequence[Deployed], rollout: Rollout
) -> tuple[list[Paste], list[Wanted]]:
    """What controllers' resources lack: for a person to add, and as files that have it."""
    pasted: dict[Paste, None] = {}
    edited: dict[str, str] = {}
    called: dict[str, set[tuple[str, str]]] = {}
    for _, wave, target in rollout.places():
        called.setdefault(target, set()).add((wave, target))
    for one in deployed:
        belongs = controllers.place_of(one, rollout.places())
        if not belongs and len(so_called := called.get(one.name, set())) == 1:
            (belongs,) = so_called  # as where its own manifest has the images
        if not belongs:
            continue
        if one.kind == "Kustomization" and not one.waits:
            waiting = labelling.waiting(edited.get(one.file) or tree.text(one.file), one)
            if waiting is not None:
                edited[one.file] = waiting
            else:
                wait = ("spec:", "  wait: true")
                pasted[Paste(one.file, f"to {one.kind} {one.name}", wait)] = None
        if not (lacking := one.lacks(*belongs)):
            continue
        before = edited.get(one.file) or tree.text(one.file)
        changed = labelling.labelled(before, one, lacking)
        if changed is not None:
            edited[one.file] = changed
            continue
        resource = f"the template of {one.made_by}" if one.made_by else one.title
        lines = ("metadata:", *(f"  {line}" for line in controllers.as_yaml(lacking)))
        pasted[Paste(one.file, f"to {resource}", lines)] = None
    return [*pasted], [Wanted(file, new, is_edit=True) for file, new in edited.items()]


def unlisted(every: Sequence[Deployed]) -> list[Paste]:
    """What templates of sets lack whose generators list nothing that can be read here."""
    lines = ("metadata:", *(f"  {line}" for line in controllers.as_yaml(controllers.UNLISTED)))
    where = "to the template of {}, with what stands for the two in it"
    found = {(one.file, one.made_by) for one in every if one.is_unlisted}
    return [Paste(file, where.format(name), lines) for file, name in sorted(found)]


def applied(place: Place, every: Sequence[Deployed], labelled: Sequence[str]) -> list[Step]:
    """How labels get into the cluster, where nothing here applies the files that have them."""
    places = {path for one in every for path in one.paths}
    by_hand = [
        file
        for file in dict.fromkeys(labelled)
        if not any(file.startswith(f"{path}/") or path == "." for path in places)
    ]
    if not by_hand:
        return []
    files = " ".join(f"-f {place.file(one)}" for one in by_hand)
    return [
        Step(
            "apply the files that now have the labels; skip this if something applies them already",
            f"kubectl apply {files}",
        )
    ]


def notifications(
    tree: Tree,
    place: Place,
    deployed: Sequence[Deployed],
    waves: Sequence[str],
    texts: Mapping[str, str],
) -> tuple[list[Wanted], list[Paste], list[Step]]:
    """What the controllers send their reports by: files, lines to add, and how to apply them."""
    files: list[Wanted] = []
    pastes: list[Paste] = []
    steps: list[Step] = []
    by_kind = {
        kind: sorted({one.namespace for one in deployed if one.kind == kind})
        for kind in ("Application", "Kustomization")
    }
    if spaces := by_kind["Application"]:
        space = spaces[0] if len(spaces) == 1 else "argocd"
        made, pastes = _argocd(tree, place, space, texts)
        files.append(made)
        steps.append(_argocd_step(place, space))
    if spaces := by_kind["Kustomization"]:
        files.append(_flux(place, spaces, waves, texts))
        steps.append(_flux_step(place, spaces))
    return files, pastes, steps


def _argocd(
    tree: Tree, place: Place, namespace: str, texts: Mapping[str, str]
) -> tuple[Wanted, list[Paste]]:
    """The ConfigMap; subscriptions that another file has already can't be given a second time."""
    made = texts["argocd_notifications.yaml"].replace(
        "https://api.github.com/repos/OWNER/CFG", f"{api_of(place.server)}/repos/{_called(place)}"
    )
    made = re.sub(r"\A(?:#.*\n)+", _head(f"of {_called(place)}"), made)
    made = made.replace("namespace: argocd", f"namespace: {namespace}")
    subscriptions = _SUBSCRIPTIONS.search(made)
    pastes = []
    for one in tree.documents:
        is_other = text(one.value, "metadata", "name") == _CONFIG_MAP and one.file != ARGOCD
        has_own = text(one.value, "data", "subscriptions")
        if is_other and has_own and subscriptions:
            made = made.replace(subscriptions[0], "")
            lines = [line.removeprefix("    ") for line in subscriptions[1].splitlines()]
            if "selector: tidemill.dev/wave" not in has_own:
                pastes.append(Paste(one.file, "to the list in data.subscriptions", tuple(lines)))
    return Wanted(ARGOCD, made), pastes


def _flux(
    place: Place, namespaces: Sequence[str], waves: Sequence[str], texts: Mapping[str, str]
) -> Wanted:
    """In each namespace that has Kustomizations a Provider, and two Alerts for each wave."""
    parts = []
    for namespace in namespaces:
        provider = texts["flux_provider.yaml"].replace(
            "https://github.com/OWNER/CFG", f"{place.server}/{_called(place)}"
        )
        alerts = [
            texts["flux_alert.yaml"]
            .replace("name: tidemill-staging-", f"name: tidemill-{name}-")
            .replace(": staging\n", f": {json.dumps(wave)}\n")
            for wave, name in _fitting(waves).items()
        ]
        made = [re.sub(r"\A(?:#.*\n)+", "", one) for one in (provider, *alerts)]
        parts += [one.replace("namespace: flux-system", f"namespace: {namespace}") for one in made]
    return Wanted(FLUX, _head(f"of {_called(place)}") + "---\n".join(parts))


def _called(place: Place) -> str:
    return place.repository or "OWNER/CFG"


def _head(whose: str) -> str:
    return f"# How the cluster tells the workflow {whose} how each deployment went.\n"


def _fitting(waves: Sequence[str]) -> dict[str, str]:
    """Each wave as a part of a name in Kubernetes, which no other wave has."""
    found: dict[str, str] = {}
    for wave in waves:
        name = re.sub(r"[^a-z0-9]+", "-", wave.lower()).strip("-")
        taken = name in found.values()
        found[wave] = f"{name}-{hashlib.sha256(wave.encode()).hexdigest()[:8]}" if taken else name
    return found


def _argocd_step(place: Place, namespace: str) -> Step:
    secret = json.dumps(json.dumps({"stringData": {"tidemill-token": _TOKEN}}))
    return Step(
        "let Argo CD report, once in each cluster where it runs; TIDEMILL_TOKEN is a token that "
        "may write the contents of this repository",
        f"kubectl -n {namespace} patch secret argocd-notifications-secret --type merge -p {secret} "
        f"&& kubectl apply --server-side --field-manager=tidemill -f {place.file(ARGOCD)}",
    )


def _flux_step(place: Place, namespaces: Sequence[str]) -> Step:
    secrets = [
        f'kubectl -n {one} create secret generic tidemill --from-literal=token="{_TOKEN}" && '
        for one in namespaces
    ]
    return Step(
        "let Flux report, once in each cluster; TIDEMILL_TOKEN is a token that may write the "
        "contents of this repository",
        f"{''.join(secrets)}kubectl apply -f {place.file(FLUX)}",
    )
