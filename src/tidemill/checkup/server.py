"""Where the repository is: is it reached, and what may this token and app.git's announcement do?"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tidemill.building.settings import Settings as AppSettings
from tidemill.checkup.checkup import Checkup
from tidemill.checkup.finding import AGAIN, Finding, listed, ok, problem, unknown, unseen, warning
from tidemill.checkup.workflows import our_calls
from tidemill.errors import SettingsInvalid
from tidemill.facts import settings_file
from tidemill.facts.on_github import OnGitHub, Unseen
from tidemill.facts.settings import Settings
from tidemill.words.nearest import did_you_mean

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+")


def github(known: Checkup) -> Iterator[Finding]:
    """`github`: can GitHub be asked, and does the repository run workflows?"""
    hub = known.github
    if isinstance(hub, Unseen):
        yield unseen("GitHub was not asked", hub, "run this with a token", AGAIN)
        return
    if hub.repository.archived or hub.repository.disabled:
        yield problem(
            f"{hub.name} is archived or disabled: nothing can be pushed",
            "make it active again",
            f"gh repo unarchive {hub.name}",
        )
    policy = hub.policy
    if isinstance(policy, Unseen):
        yield unseen(
            f"whether Actions is switched on for {hub.name} can't be seen",
            policy,
            "look yourself",
            f"gh api repos/{hub.name}/actions/permissions",
        )
    elif not policy.enabled or policy.allowed_actions == "local_only":
        how = "not run" if not policy.enabled else "not use workflows of other repositories"
        yield problem(
            f"the settings of {hub.name} say that Actions may {how}",
            "change it: Settings → Actions → General",
            f"gh api -X PUT repos/{hub.name}/actions/permissions -F enabled=true "
            "-f allowed_actions=all",
        )
    elif policy.allowed_actions == "selected":
        yield unknown(
            f"{hub.name} lets selected actions run alone",
            "see that ours and those that they use are among them: actions/* and tidemill/tidemill",
            f"gh api repos/{hub.name}/actions/permissions/selected-actions",
        )
    else:
        yield ok(f"GitHub answers for {hub.name}, and Actions is switched on")


def token(known: Checkup) -> Iterator[Finding]:
    """`token`: what may the token that this runs with? Found without changing anything."""
    hub = known.github
    if isinstance(hub, Unseen):
        return
    role, scopes = hub.repository.permissions, hub.scopes
    tried = known.pushing
    if role is not None and not role.push:
        yield warning(
            f"this token may only read {hub.name}; what it can't see is unknown here",
            "take one of somebody who may write",
            AGAIN,
        )
    elif not isinstance(tried, Unseen) and tried.refused is None:
        more = f", and has the scopes {listed(sorted(scopes))}" if scopes else ""
        yield ok(f"this token may write the contents of {hub.name}{more}")
    elif not isinstance(tried, Unseen):
        yield warning(
            f"this token may not push to {hub.name}: {tried.refused}",
            "a token that announces or turns needs contents: write",
            AGAIN,
        )
    else:
        yield unseen(
            f"whether this token may push to {hub.name} was not tried",
            tried,
            "run this where Git reaches it",
            AGAIN,
        )


def state_refs(known: Checkup) -> Iterator[Finding]:
    """`state-refs`: can the refs of the state be written?"""
    if known.cfg is None:
        return
    place = f"{known.cfg.namespace}/*"
    look = (
        "tidemill reconcile-cfg-app --repo URL"
        if known.url is None
        else (f"tidemill reconcile-cfg-app --repo {known.url}")
    )
    match known.pushing:
        case Unseen() as why:
            yield unseen(
                f"whether {place} can be written is not known",
                why,
                "run this where Git reaches the repository",
                "tidemill doctor",
            )
        case one if one.has_state:
            yield ok(f"{place} was written before")
        case one if one.refused is not None:
            yield warning(
                f"the server takes no push from here: {one.refused}",
                "where Tidemill runs, its token needs contents: write",
                look,
            )
        case _:
            yield unknown(
                f"the server takes pushes from here; whether it takes {place} it "
                "says at the first one only",
                "do the first turn",
                look,
            )


def dispatch(known: Checkup) -> Iterator[Finding]:
    """`dispatch`: does what app.git announces get to a cfg-app.git that takes it?"""
    if known.app is None:
        return
    for call in our_calls(known):
        name = str(call.inputs.get("cfg-repository", ""))
        if "${{" in name or not name:
            continue
        line = "cfg-repository: OWNER/NAME"
        hub = known.github
        if not _NAME.fullmatch(name):
            yield problem(
                f"cfg-repository of {call.file} is {name}, and not OWNER/NAME",
                "write the name of cfg-app.git there",
                line,
            )
        elif isinstance(hub, OnGitHub) and name.casefold() == hub.name.casefold():
            yield problem(
                f"cfg-repository of {call.file} is this repository itself",
                "write the name of cfg-app.git there",
                line,
            )
        else:
            yield from _elsewhere(known, known.app, name)


def _elsewhere(known: Checkup, app: AppSettings, name: str) -> Iterator[Finding]:
    other = known.other
    if isinstance(other, Unseen):
        if other.status in (301, 302, 307, 308):
            yield problem(
                f"{name} has another name now, and a token is not sent along with a redirect",
                "write the new name of cfg-app.git into cfg-repository",
                f"gh api repos/{name} --jq .full_name",
            )
            return
        yield unseen(
            f"whether {name} is there can't be seen",
            other,
            "see that it is, and that the announcing token is for it",
            f"gh repo view {name}",
        )
        return
    if isinstance(other.settings, Unseen):
        yield unseen(
            f"{name} is there; its tidemill.toml can't be seen",
            other.settings,
            "run this with a token that may read both",
            AGAIN,
        )
        return
    if other.settings is None:
        yield problem(
            f"{name} has no tidemill.toml, so that nothing there takes an announcement",
            "add one, or name the right repository",
            "cfg-repository: OWNER/NAME",
        )
        return
    try:
        settings = settings_file.parse(other.settings, commit=name)
    except SettingsInvalid as error:
        yield problem(error.what, "mend it there: as it is, no announcement is used")
        return
    own = known.github.name if isinstance(known.github, OnGitHub) else None
    found = list(_taken(app, settings, name, own))
    yield from found or [ok(f"{name} takes what this repository announces")]


def _taken(app: AppSettings, settings: Settings, name: str, own: str | None) -> Iterator[Finding]:
    """What of an announcement cfg-app.git would refuse."""
    for one in dict.fromkeys(service.set for service in app.services):
        image_set = settings.image_set(one)
        if image_set is None:
            known = [each.name for each in settings.sets]
            yield problem(
                f"the set {one} is not in tidemill.toml of {name}, which has {', '.join(known)}",
                f"{did_you_mean(one, known)}add it there, or mend set in [[services]] here",
                f'[[sets]]\nname = "{one}"',
            )
            continue
        for mine, theirs, key in (
            (own, image_set.repository, "repository"),
            (app.branch, image_set.branch, "branch"),
        ):
            if mine and theirs and mine != theirs:
                yield problem(
                    f"{name} takes the set {one} from the {key} {theirs} alone, and "
                    f"this one is {mine}",
                    "mend it there, below [[sets]]",
                    f'{key} = "{mine}"',
                )
        if app.generation > image_set.generation:
            yield problem(
                f"{name} lets in generation {image_set.generation} of the set {one}, "
                f"and this repository announces {app.generation}",
                "raise it there, below [[sets]]",
                f"generation = {app.generation}",
            )
    images = [app.repository(service.name) for service in app.services]
    if barred := [one for one in images if not settings.images.is_listed(one)]:
        yield problem(
            f"{name} does not allow the images {listed(barred)}",
            "list them there, below [images]",
            f'allow = ["{barred[0].rpartition("/")[0]}/*"]',
        )
