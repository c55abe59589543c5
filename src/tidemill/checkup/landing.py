"""Does landing get by: rules of main and auto, and checks that can exist?"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from tidemill.checkup.checkup import Checkup
from tidemill.checkup.finding import AGAIN, Finding, ok, problem, unknown, unseen, warning
from tidemill.facts.checks import CONTEXT
from tidemill.facts.github_checks import ACTIONS, RequiredCheck
from tidemill.facts.on_github import BranchOnGitHub, OnGitHub, Protection, Unseen
from tidemill.facts.settings import Settings
from tidemill.words.nearest import did_you_mean, nearest

_REQUIRED = f'required = ["{CONTEXT}"]'
# What a fast-forward of commits that were tested meets no refusal by.
_HARMLESS = frozenset(
    {"deletion", "non_fast_forward", "required_linear_history", "required_status_checks"}
)
_OF_MAIN = {
    "pull_request": "a pull request",
    "update": "nobody to update it",
    "merge_queue": "a merge queue",
    "required_deployments": "deployments before a merge",
    "required_signatures": "signed commits",
    "workflows": "workflows to pass on a pull request",
    "code_scanning": "code scanning of a pull request",
    "lock": "nobody to push to it",
}
_OF_AUTO = _OF_MAIN | {
    "non_fast_forward": "no force pushes",
    "deletion": "nobody to delete it",
    "creation": "nobody to create it",
    "required_status_checks": "checks that have passed before the push",
}
_APP = "https://github.com/tidemill/tidemill/blob/main/docs/adopt-github.md#as-a-github-app"


def rules(known: Checkup) -> Iterator[Finding]:
    """`rules`: do the rules of main let landing by, and those of auto the loop?"""
    if known.cfg is None:
        return
    hub, main, auto = known.github, known.cfg.main, known.cfg.auto
    if isinstance(hub, Unseen):
        what = f"which rules {main} and {auto} have can't be seen"
        yield unseen(what, hub, "run this with a token", AGAIN)
        return
    for name, refusing in ((main, _OF_MAIN), (auto, _OF_AUTO)):
        found = list(_kept_out(known, known.cfg, hub, name, refusing))
        yield from found or [ok(f"no rule of {name} keeps the loop out")]


def _kept_out(
    known: Checkup, settings: Settings, hub: OnGitHub, name: str, refusing: dict[str, str]
) -> Iterator[Finding]:
    branch = hub.branches.get(name, BranchOnGitHub(rules=Unseen("nobody asked")))
    has_app = any(call.has_app for call in known.calls)
    signs = {"required_signatures"} if settings.bot.sign else set()
    refused = {kind: words for kind, words in refusing.items() if kind not in signs}
    if isinstance(branch.rules, Unseen):
        what, page = f"the rules of {name} can't be seen", f"gh ruleset check {name}"
        yield unseen(what, branch.rules, "look at the repository's page", page)
    for rule in () if isinstance(branch.rules, Unseen) else branch.rules:
        page = f"gh ruleset view {rule.ruleset_id}"
        if rule.type in refused:
            words = f"a rule of {name} wants {refused[rule.type]}"
            yield _by(has_app, _lets_by(branch, rule.ruleset_id, has_app=has_app), words, page)
        elif rule.type not in _HARMLESS | _OF_AUTO.keys():
            what = f"{name} has a rule {rule.type}, which may refuse what Tidemill pushes"
            yield unknown(what, "see whether a commit of Tidemill's keeps to it", page)
    page = f"gh api repos/{hub.name}/branches/{name}/protection"
    if isinstance(branch.classic, Unseen):
        what = f"{name} has branch protection, of which this token sees no more"
        yield unseen(what, branch.classic, "look at it on the repository's page", page)
    elif branch.classic is not None:
        for kind, apps in _classic(branch.classic, refusing, branch.required):
            if kind in refused:
                words = f"the protection of {name} wants {refused[kind]}"
                yield _by(has_app, has_app and bool(apps), words, page)


def _classic(
    one: Protection, refusing: Collection[str], required: object
) -> Iterator[tuple[str, Collection[object]]]:
    """What classic protection refuses, by the names of rules, and the Apps that it lets by."""
    reviews, restricted = one.required_pull_request_reviews, one.restrictions
    if reviews is not None:
        yield "pull_request", reviews.bypass_pull_request_allowances.apps
    if restricted is not None:
        yield "update", restricted.apps
    if one.required_signatures.enabled:
        yield "required_signatures", ()
    if one.lock_branch.enabled:
        yield "lock", ()
    if "non_fast_forward" in refusing and not one.allow_force_pushes.enabled:
        yield "non_fast_forward", ()
    if "required_status_checks" in refusing and isinstance(required, tuple) and required:
        yield "required_status_checks", ()


def _lets_by(branch: BranchOnGitHub, ruleset: int, *, has_app: bool) -> bool | None:
    """Whether a ruleset lets some App by, always, or else Actions, whose App workflows' own tokens
    are of; None where that can't be seen."""
    found = branch.rulesets.get(ruleset)
    if found is None or isinstance(found, Unseen) or found.bypass_actors is None:
        return None
    return any(
        one.actor_type == "Integration"
        and one.bypass_mode != "pull_request"
        and (one.actor_id != ACTIONS) is has_app
        for one in found.bypass_actors
    )


def _by(has_app: bool, lets_by: bool | None, words: str, page: str) -> Finding:
    on_list = "on its list of those who may bypass it"
    if not has_app and lets_by:
        return ok(f"{words}, and it lets GitHub Actions by")
    if not has_app:
        remedy = "let a GitHub App push, and let the rule let it by; or take the rule off"
        if lets_by is not None:
            remedy += f"; or put GitHub Actions {on_list}, which some organisations can"
            return problem(f"{words}, and it does not let GitHub Actions by", remedy, _APP)
        words += (
            ", and a workflow's own token gets by only where that lets GitHub Actions by, which "
        )
        return problem(f"{words}can't be seen with this token", remedy, _APP)
    if lets_by is None:
        words += "; whether it lets your App by can't be seen with this token"
        return unknown(words, f"see that the App is {on_list}", page)
    if not lets_by:
        return problem(f"{words}, and it lets no App by", f"put your App {on_list}", page)
    words += ", and it lets an App by; whether that is yours can't be seen"
    return unknown(words, "see that it is", page)


def required_checks(known: Checkup) -> Iterator[Finding]:
    """`required-checks`: is something required, and can it ever be reported?"""
    if known.cfg is None:
        return
    settings = known.cfg
    if settings.checks.source == "refs":
        wanted = ", ".join(settings.checks.required) or "whatever is reported"
        yield ok(f"verdicts come by tidemill record-check: {wanted}")
        return
    main, hub, own = settings.main, known.github, settings.checks.required
    ruled: tuple[RequiredCheck, ...] | Unseen = Unseen("nobody asked")
    if isinstance(hub, Unseen):
        ruled = hub
    elif main in hub.branches:
        ruled = hub.branches[main].required
    counted = [*map(RequiredCheck, own), *(() if isinstance(ruled, Unseen) else ruled)]
    if isinstance(ruled, Unseen) and not own:
        what = "tidemill.toml names no check, and which ones the rules of "
        remedy = "name it in [checks], or run this with a token"
        yield unseen(f"{what}{main} require can't be seen", ruled, remedy, _REQUIRED)
    elif not counted:
        what = f"nothing says which checks {main} requires, so that nothing can land"
        yield problem(what, "add this line below [checks] in tidemill.toml", _REQUIRED)
    for one in dict.fromkeys(counted):
        yield _can_be(known, settings, one)


def _can_be(known: Checkup, settings: Settings, one: RequiredCheck) -> Finding:
    calls, auto, hub = known.calls, settings.auto, known.github
    elsewhere = [call for call in calls if call.check == "other-ci"]
    if one.context.casefold() == CONTEXT:
        if calls and len(elsewhere) == len(calls):
            what = f"{CONTEXT} is required, and with check: other-ci nothing sets it"
            remedy = "name what the other CI reports, in [checks] required or in the rule"
            return problem(what, remedy, 'required = ["ci"]')
        if one.app not in (None, ACTIONS):
            what = f"{CONTEXT} has to come from the app {one.app}, and GitHub Actions sets it"
            return problem(what, "pin it to GitHub Actions in the rule", f"app {ACTIONS}")
        return ok(f"{CONTEXT} is required, and the workflow sets it")
    if _reporters(known, auto, one):
        return ok(f"{one.name} is required, and is reported of {auto}")
    has_app = any(call.has_app for call in calls)
    if calls and not elsewhere and not has_app and ACTIONS in _reporters(known, settings.main, one):
        return problem(
            f"{one.name} is required, and is a job of a workflow: pushes to {auto} by a workflow's "
            "own token start none, so it never comes",
            f"take {one.name} out of what is required, or let it answer the event check-requested",
            "check: other-ci",
        )
    if calls and not elsewhere and isinstance(hub, Unseen) and nearest(one.context, [CONTEXT]):
        what = f"{one.name} is required, and what the workflow sets is called {CONTEXT}"
        return warning(what, f"did you mean {CONTEXT}? then write it so", _REQUIRED)
    see = f"see that something does for each commit of {auto}"
    what = f"{one.name} is required, and nothing has reported it of {auto}"
    return unknown(what, did_you_mean(one.context, [CONTEXT]) + see, _REQUIRED)


def _reporters(known: Checkup, branch: str, one: RequiredCheck) -> set[int | None]:
    """The Apps that reported a check of the tip of a branch, where the check takes theirs."""
    hub = known.github
    found = hub.branches.get(branch) if isinstance(hub, OnGitHub) else None
    if found is None or isinstance(found.reported, Unseen):
        return set()
    mine = {app for name, app in found.reported if name.casefold() == one.context.casefold()}
    return {app for app in mine if one.app in (None, app)}


def default_branch(known: Checkup) -> Iterator[Finding]:
    """`branch`: is the branch of the settings GitHub's default, from which workflows are taken?"""
    hub = known.github
    mine = known.cfg.main if known.cfg else known.app.branch if known.app else None
    if mine is None or isinstance(hub, Unseen):
        return
    default = hub.repository.default_branch
    if mine in hub.branches and not hub.branches[mine].is_there:
        what = f"the branch {mine} of tidemill.toml is not on GitHub"
        yield problem(what, "push it", f"git push origin HEAD:refs/heads/{mine}")
    elif default == mine:
        yield ok(f"{mine} is the default branch")
    elif known.cfg:
        yield warning(
            f"the default branch is {default}, and main in tidemill.toml is {mine}: settings and "
            f"workflows of {default} count",
            f"keep tidemill.toml and the workflow on {default}, too, or make {mine} the default "
            "branch",
            f"gh repo edit {hub.name} --default-branch {mine}",
        )
