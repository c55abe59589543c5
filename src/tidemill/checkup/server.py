"""Where the repository is: is it reached, and what may this token and app.git's announcement do?"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from tidemill.building.settings import Settings as AppSettings
from tidemill.checkup.checkup import Checkup
from tidemill.checkup.finding import (
    AGAIN,
    Finding,
    allowing,
    ok,
    problem,
    unknown,
    unseen,
    warning,
)
from tidemill.errors import SettingsInvalid
from tidemill.facts import settings_file
from tidemill.facts.on_github import OnGitHub, Unseen
from tidemill.facts.settings import Settings
from tidemill.words.lists import listed
from tidemill.words.nearest import did_you_mean

_LINE = "cfg-repository: OWNER/NAME"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*/[A-Za-z0-9._-]+")


def github(known: Checkup) -> Iterator[Finding]:
    """`github`: can GitHub be asked, and does the repository run workflows?"""
    hub = known.github
    if isinstance(hub, Unseen):
        yield unseen("GitHub was not asked", hub, "run this with a token", AGAIN)
        return
    if hub.repository.archived or hub.repository.disabled:
        what = f"{hub.name} is archived or disabled: nothing can be pushed"
        yield problem(what, "make it active again", f"gh repo unarchive {hub.name}")
    policy, page = hub.policy, f"repos/{hub.name}/actions/permissions"
    if isinstance(policy, Unseen):
        what = f"whether Actions is switched on for {hub.name} can't be seen"
        yield unseen(what, policy, "look yourself", f"gh api {page}")
    elif not policy.enabled or policy.allowed_actions == "local_only":
        how = "not run" if not policy.enabled else "not use workflows of other repositories"
        yield problem(
            f"the settings of {hub.name} say that Actions may {how}",
            "change it: Settings → Actions → General",
            f"gh api -X PUT {page} -F enabled=true -f allowed_actions=all",
        )
    elif policy.allowed_actions == "selected":
        yield unknown(
            f"{hub.name} lets selected actions run alone",
            "see that ours and those that they use are among them: actions/* and tidemill/tidemill",
            f"gh api {page}/selected-actions",
        )
    else:
        yield ok(f"GitHub answers for {hub.name}, and Actions is switched on")


def token(known: Checkup) -> Iterator[Finding]:
    """`token`: what may the token that this runs with? Found without changing anything."""
    hub, tried = known.github, known.pushing
    if isinstance(hub, Unseen):
        return
    if hub.repository.permissions is not None and not hub.repository.permissions.push:
        what = f"this token may only read {hub.name}; what it can't see is unknown here"
        yield warning(what, "take one of somebody who may write", AGAIN)
    elif isinstance(tried, Unseen):
        what = f"whether this token may push to {hub.name} was not tried"
        yield unseen(what, tried, "run this where Git reaches it", AGAIN)
    elif tried.refused is not None:
        what = f"this token may not push to {hub.name}: {tried.refused}"
        yield warning(what, "a token that announces or turns needs contents: write", AGAIN)
    else:
        more = f", and has the scopes {listed(sorted(hub.scopes))}" if hub.scopes else ""
        yield ok(f"this token may write the contents of {hub.name}{more}")


def state_refs(known: Checkup) -> Iterator[Finding]:
    """`state-refs`: can the refs of the state be written?"""
    if known.cfg is None:
        return
    place, look = (
        f"{known.cfg.namespace}/*",
        f"tidemill reconcile-cfg-app --repo {shlex.quote(known.url or 'URL')}",
    )
    match known.pushing:
        case Unseen() as why:
            what = f"whether {place} can be written is not known"
            yield unseen(what, why, "run this where Git reaches the repository", "tidemill doctor")
        case one if one.has_state:
            yield ok(f"{place} was written before")
        case one if one.refused is not None:
            what = f"the server takes no push from here: {one.refused}"
            yield warning(what, "where Tidemill runs, its token needs contents: write", look)
        case _:
            what = "the server takes pushes from here; whether it takes "
            yield unknown(f"{what}{place} it says at the first one only", "do the first turn", look)


def announced_to(known: Checkup) -> str | None:
    """The cfg-app.git that is looked at: the first that a workflow of app.git announces to."""
    names = (str(call.inputs.get("cfg-repository", "")) for call in known.calls if known.app)
    return next((name for name in names if NAME.fullmatch(name)), None)


def dispatch(known: Checkup) -> Iterator[Finding]:
    """`dispatch`: does what app.git announces get to a cfg-app.git that takes it?"""
    own = known.github.name if isinstance(known.github, OnGitHub) else ""
    for call in known.calls if known.app else ():
        name = str(call.inputs.get("cfg-repository", ""))
        if "${{" in name or not name:
            continue
        wrong = "" if NAME.fullmatch(name) else f"{name}, and not OWNER/NAME"
        if name.casefold() == own.casefold():
            wrong = "this repository itself"
        if wrong:
            what = f"cfg-repository of {call.file} is {wrong}"
            yield problem(what, "write the name of cfg-app.git there", _LINE)
        elif name != (looked_at := announced_to(known)):
            what = f"whether {name} takes what this repository announces was not looked at"
            see = f"only {looked_at}, which is named first, was: see whether this one does, too"
            yield unknown(what, see, f"gh repo view {name}")
        elif known.app:
            yield from _elsewhere(known, known.app, own, name)


def _elsewhere(known: Checkup, app: AppSettings, own: str, name: str) -> Iterator[Finding]:
    other = known.other
    if isinstance(other, Unseen) and other.status in (301, 302, 307, 308):
        yield problem(
            f"{name} has another name now, and a token is not sent along with a redirect",
            "write the new name of cfg-app.git into cfg-repository",
            f"gh api repos/{name} --jq .full_name",
        )
    elif isinstance(other, Unseen):
        what = f"whether {name} is there can't be seen"
        see = "see that it is, and that the announcing token is for it"
        yield unseen(what, other, see, f"gh repo view {name}")
    elif isinstance(other.settings, Unseen):
        what = f"{name} is there; its tidemill.toml can't be seen"
        yield unseen(what, other.settings, "run this with a token that may read both", AGAIN)
    elif other.settings is None:
        what = f"{name} has no tidemill.toml, so that nothing there takes an announcement"
        yield problem(what, "add one, or name the right repository", _LINE)
    else:
        try:
            settings = settings_file.parse(other.settings, commit=name)
        except SettingsInvalid as error:
            yield problem(error.what, "mend it there: as it is, no announcement is used")
            return
        found = list(_refused(app, settings, name, own))
        yield from found or [ok(f"{name} takes what this repository announces")]


def _refused(app: AppSettings, settings: Settings, name: str, own: str) -> Iterator[Finding]:
    """What of an announcement cfg-app.git would refuse."""
    below = "there, below [[sets]]"
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
        for key, mine, theirs in (
            ("repository", own, image_set.repository),
            ("branch", app.branch, image_set.branch),
        ):
            # GitHub tells branches apart by case, and not repositories.
            folded = str.lower if key == "repository" else str
            if mine and theirs and folded(mine) != folded(theirs):
                what = f"{name} takes the set {one} from the {key} {theirs} alone"
                yield problem(
                    f"{what}, and this one is {mine}", f"mend it {below}", f'{key} = "{mine}"'
                )
        if app.generation > image_set.generation:
            yield problem(
                f"{name} lets in generation {image_set.generation} of the set {one}, "
                f"and this repository announces {app.generation}",
                f"raise it {below}",
                f"generation = {app.generation}",
            )
    images = [app.repository(service.name) for service in app.services]
    if barred := [one for one in images if not settings.images.is_listed(one)]:
        what = f"{name} does not allow the images {listed(barred)}"
        paste = allowing(barred, settings.images.allow)
        yield problem(what, "list them there, below [images]", paste)
