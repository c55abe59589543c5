"""Do the workflow files call ours as they have to?"""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Iterator

from tidemill.checkup.calls import INTERFACES, Call, Unread, strings
from tidemill.checkup.checkup import Checkup
from tidemill.checkup.finding import (
    Finding,
    Fix,
    ok,
    problem,
    unknown,
    unseen,
    warning,
)
from tidemill.facts.on_github import ActionsPolicy, OnGitHub, Unseen, WorkflowDefaults
from tidemill.facts.settings import Settings
from tidemill.words.lists import listed
from tidemill.words.nearest import did_you_mean
from tidemill.words.references import registry_of

# What to copy, below examples/.
EXAMPLES = {
    "gitops": "cfg-app/.github/workflows/tidemill.yml",
    "publish-images": "app/.github/workflows/images.yml",
}
_SHA = re.compile(r"[0-9a-f]{40}")
# Of a filter of branches: what stands for itself, or for others.
_PARTS = re.compile(r"(?s)\\.|\[[^\]]*\]|\*\*|.")
_CLASS = re.compile(r"\[[A-Za-z0-9_.-]+\]")
_WILD = {"**": ".*", "*": "[^/]*", "?": "?", "+": "+"}
_AT = "https://github.com/tidemill/tidemill/blob/main/examples"
_DISPATCHED = ("images-announced", "target-deployed", "turn-due")
_OF_OTHER_CI = {"workflow_run", "status", "check_suite"}
_ADD = "add these lines to the job"
_GIVE = "give the job these permissions"
_USUAL_REGISTRY = "ghcr.io"
_CHECKS = ("same-job", "own-job", "other-ci")


def is_called(known: Checkup) -> Iterator[Finding]:
    """`workflow`: does a job call our workflow?"""
    if known.cfg is None and known.app is None:
        return  # whose repository it is, is not known
    mine, name = ("cfg-app.git", "gitops") if known.cfg else ("app.git", "publish-images")
    example, found = f"{_AT}/{EXAMPLES[name]}", known.calls
    for one in known.workflows:
        if isinstance(one, Unread):
            yield problem(
                f"{one.file} is not a workflow: its YAML can't be read, or it has no jobs",
                "mend it; actionlint says where it is wrong",
                f"actionlint {shlex.quote(one.file)}",
            )
        elif one.workflow != name:
            there = f"this is {mine}" if one.workflow in INTERFACES else "there is none"
            what = f"{one.file} calls {one.workflow}.yml, and {there}"
            yield problem(what, f"call {name}.yml instead", example)
    yield from (ok(f"{one.file} calls {name}.yml, as the job {one.job}") for one in found)
    what, copy = f"no workflow here calls {name}.yml", "copy the example into .github/workflows/"
    is_elsewhere = bool(known.cfg and known.cfg.checks.source == "refs")
    if not found and isinstance(known.github, OnGitHub) and not is_elsewhere:
        yield problem(what, copy, example)
    elif not found:
        other = "if another CI runs Tidemill, nothing is to be done; on GitHub, "
        yield unknown(what, other + copy, example)


def pins(known: Checkup) -> Iterator[Finding]:
    """`pin`: does a call name a commit that nobody can move?"""
    policy = known.github.policy if isinstance(known.github, OnGitHub) else None
    say = problem if isinstance(policy, ActionsPolicy) and policy.sha_pinning_required else warning
    for call in known.calls:
        if _SHA.fullmatch(call.ref):
            yield ok(f"{call.file} names the commit {call.ref[:12]} of {call.owner}")
            continue
        ref = call.ref or "no commit"
        yield say(
            f"{call.file} names {ref} of {call.owner}, and not the full SHA of a commit",
            "name the commit of a release, with the release behind it as a comment",
            f"git ls-remote {shlex.quote(f'https://github.com/{call.owner}')} 'refs/tags/v*'",
        )


def events(known: Checkup) -> Iterator[Finding]:
    """`events`: is the workflow started by all that it has to hear of?"""
    for call in known.calls:
        branch = known.app.branch if known.app else "main"
        found = [*(_of_cfg(call, known.cfg) if known.cfg else _of_app(call, branch))]
        yield from found or [ok(f"{call.file} is started by {listed(list(call.on))}")]


def _of_cfg(call: Call, settings: Settings) -> Iterator[Finding]:
    file, on, main = call.file, call.on, settings.main
    if "repository_dispatch" not in on:
        yield problem(
            f"{file} is not started by repository_dispatch, so that it hears of no announcement",
            "add this line below on:",
            "  repository_dispatch:",
        )
    if missing := [one for one in _DISPATCHED if call.types and one not in call.types]:
        yield problem(
            f"{file} leaves out {listed(missing)} below repository_dispatch",
            "leave out types:, or list these, too",
            f"    types: [{', '.join([*call.types, *missing])}]",
        )
    if not _hears_of(call, main):
        yield warning(
            f"{file} is not started by a push to {main}: what people change there is met at the "
            "next event only",
            "add these lines below on:",
            f"  push:\n    branches: [{main}]",
        )
    if "schedule" not in on:
        yield warning(
            f"{file} has no schedule: what time alone makes due, such as the end of a soak time, "
            "waits for the next event",
            "add these lines below on:",
            '  schedule:\n    - cron: "17 * * * *"',
        )
    if "workflow_dispatch" not in on:
        yield warning(
            f"{file} has no workflow_dispatch: nobody can promote, hold or release "
            "on GitHub's page",
            "copy that part of the example",
            f"{_AT}/{EXAMPLES['gitops']}",
        )
    if call.check == "other-ci" and not on.keys() & _OF_OTHER_CI:
        yield warning(
            f"{file} does not hear when the other CI has answered",
            "let that CI send turn-due when it has answered, or add workflow_run with the name of "
            "its workflow, or status",
            "  status:",
        )
    if settings.deployments.is_polled and "deployment_status" in on:
        yield warning(
            f"{file} is started by each status of a deployment, and the settings have them polled: "
            "these runs cost minutes and bring nothing",
            "take this line out below on:",
            "  deployment_status:",
        )


def _of_app(call: Call, branch: str) -> Iterator[Finding]:
    if not _hears_of(call, branch):
        which = f"{branch}, which is the branch in tidemill.toml"
        yield problem(
            f"{call.file} is not started by a push to {which}",
            "let on: have these lines",
            f"  push:\n    branches: [{branch}]",
        )


def _hears_of(call: Call, branch: str) -> bool:
    if "push" not in call.on:
        return False
    filters = call.on["push"]
    if "branches" in filters:
        patterns = strings(filters["branches"])
        told = [one for one in patterns if _matches(one.removeprefix("!"), branch)]
        return bool(told) and not told[-1].startswith("!")
    if "branches-ignore" in filters:
        return not any(_matches(one, branch) for one in strings(filters["branches-ignore"]))
    # A filter of tags alone lets no branch in.
    return not {"tags", "tags-ignore"} & {*filters}


def _matches(pattern: str, branch: str) -> bool:
    """Whether a filter of a workflow lets a branch in.

    `*` is anything but a slash, `**` anything; `?` and `+` are about the character before them
    (docs.github.com, "Workflow syntax", filter pattern cheat sheet).
    """
    form = "".join(
        _WILD.get(part) or (part if _CLASS.fullmatch(part) else re.escape(part.removeprefix("\\")))
        for part in _PARTS.findall(pattern)
    )
    try:
        return re.fullmatch(form, branch) is not None
    except re.error:
        return False


def permissions(known: Checkup) -> Iterator[Finding]:
    """`permissions`: has the calling job what ours asks for? If not, GitHub starts nothing."""
    for call in known.calls:
        wanted, job = INTERFACES[call.workflow].permissions, f"the job {call.job} of {call.file}"
        lines = "\n".join(["permissions:", *(f"  {one}: {how}" for one, how in wanted.items())])
        mended = (lines, _with_permissions(known, call, lines))
        if call.permissions is None:
            what = f"neither {call.file} nor its job {call.job} says which permissions it has"
            yield _unsaid(known, what, *mended)
            continue
        given = {scope: call.permissions.get(scope, call.permissions.get("*")) for scope in wanted}
        missing = [
            f"{scope}: {access}"
            for scope, access in wanted.items()
            if given[scope] not in (access, "write")
        ]
        if missing:
            what = f"{job} lacks {', '.join(missing)}, so that GitHub starts nothing"
            yield problem(what, _GIVE, *mended)
        else:
            yield ok(f"{job} has the permissions it needs")


def _unsaid(known: Checkup, what: str, lines: str, fix: Fix | None) -> Finding:
    match known.github:
        case OnGitHub(defaults=WorkflowDefaults(default_workflow_permissions="write")):
            what += ", and so it may write everything"
            return warning(what, "give the job what it needs", lines, fix)
        case OnGitHub(defaults=WorkflowDefaults()):
            what += ", and so it may only read: GitHub starts nothing"
            return problem(what, _GIVE, lines, fix)
        case _:
            what += "; the repository's own setting, which then counts, can't be seen from here"
            return unknown(what, _GIVE, lines, fix)


def _with_permissions(known: Checkup, call: Call, lines: str) -> Fix | None:
    """Permissions before `uses:`; None where the job, or another one, has some."""
    text = known.files.texts[call.file]
    uses = [*re.finditer(rf"(?m)^( +)uses: \S+/{call.workflow}\.yml", text)]
    has_own = re.search(r"(?m)^ {2,}permissions:", text)
    if len(uses) != 1 or has_own:
        return None
    indented = tuple(f"{uses[0][1]}{line}" for line in lines.splitlines())
    return Fix(call.file, indented, text.count("\n", 0, uses[0].start()))


def inputs(known: Checkup) -> Iterator[Finding]:
    """`inputs`: does the call give what ours takes?"""
    for call in known.calls:
        is_cfg = call.workflow == "gitops"
        found = [*_names(call), *(_of_gitops(call) if is_cfg else _of_publish_images(known, call))]
        yield from found or [ok(f"{call.file} gives what {call.workflow}.yml takes")]


def _names(call: Call) -> Iterator[Finding]:
    """What is given and there is not, and what has to be given; an App takes its key."""
    takes = INTERFACES[call.workflow]
    for given, known, what in (
        (call.inputs, takes.inputs, "input"),
        (call.secrets, takes.secrets, "secret"),
    ):
        for name in sorted(given.keys() - known):
            yield problem(
                f"{call.file} gives the {what} {name}, which {call.workflow}.yml does not have",
                f"{did_you_mean(name, known)}it takes {', '.join(sorted(known))}",
            )
    for name in sorted(takes.required - call.inputs.keys()):
        what = f"{call.file} does not give the input {name}"
        yield problem(what, "add this line below with:", f"{name}: OWNER/NAME")
    if call.has_app and not call.inherits and "app-private-key" not in call.secrets:
        yield problem(
            f"{call.file} gives app-client-id, and not the App's key",
            _ADD,
            "secrets:\n  app-private-key: ${{ secrets.TIDEMILL_APP_KEY }}",
        )


def _of_publish_images(known: Checkup, call: Call) -> Iterator[Finding]:
    images = registry_of(known.app.images) if known.app else _USUAL_REGISTRY
    registry = str(call.inputs.get("registry", _USUAL_REGISTRY))
    if images != registry_of(f"{registry}/x") and "${{" not in registry:
        yield warning(
            f"the images of tidemill.toml go to {images}, and {call.file} logs in at {registry}",
            "add these lines to the job, and set that variable and that secret",
            f"with:\n  registry: {images}\n  registry-username: ${{{{ vars.REGISTRY_USERNAME }}}}\n"
            "secrets:\n  registry-password: ${{ secrets.REGISTRY_PASSWORD }}",
        )
    if not (call.has_app or call.inherits or "announce-token" in call.secrets):
        yield problem(
            f"{call.file} gives nothing to announce with: the workflow's own token does not reach "
            "cfg-app.git",
            _ADD,
            "secrets:\n  announce-token: ${{ secrets.ANNOUNCE_TOKEN }}",
        )


def _of_gitops(call: Call) -> Iterator[Finding]:
    if call.check not in _CHECKS and "${{" not in call.check:
        what = f"{call.file} says check: {call.check}, which there is not"
        known = f"it is one of {', '.join(_CHECKS)}"
        yield problem(what, did_you_mean(call.check, _CHECKS) + known)
    if call.check == "same-job" and call.inputs.get("entrypoints") == "same-user":
        yield problem(
            f"{call.file} runs checks in the job of the turn, as the user who has its token",
            "take entrypoints: same-user out, or add this line below with:",
            "check: own-job",
        )
    for name in ("deployments", "teams"):
        if call.inputs.get(name) is True and not call.has_app:
            what = f"{call.file} says {name}: true, which takes a GitHub App"
            yield problem(what, "take it out, or give app-client-id and app-private-key")


def approvers(known: Checkup) -> Iterator[Finding]:
    """`approvers`: can a turn tell who asks for what waves take from some people alone?"""
    waves = [wave for wave in known.cfg.waves if wave.is_guarded] if known.cfg else []
    for wave in waves:
        teams = [one for one in wave.approvers if "/" in one]
        if teams and not any(call.inputs.get("teams") is True for call in known.calls):
            yield warning(
                f"{wave.name} has the team {listed(teams)} among its approvers, and nobody here "
                "may see who is in it: what its members ask for waits",
                "name people, or let a GitHub App have members: read, and add this below with:",
                "teams: true",
            )
    for call in known.calls if waves else ():
        text = known.files.texts.get(call.file, "")
        if "(override)" not in text or "(hotfix)" not in text:
            yield problem(
                f"the run-name of {call.file} does not say what a form was filled in with, so "
                f"nothing that is asked for on GitHub counts for {waves[0].name}",
                "take the run-name that tidemill init cfg writes",
            )
    if waves:
        yield ok(f"approvers or reviewers are asked for {listed([wave.name for wave in waves])}")


def named_secrets(known: Checkup) -> Iterator[Finding]:
    """`secrets`: are the secrets and variables that the workflow files name there?"""
    hub = known.github
    secrets, variables = (hub, hub) if isinstance(hub, Unseen) else (hub.secrets, hub.variables)
    for call in known.calls:
        for kind, word, there in (("secrets", "secret", secrets), ("vars", "variable", variables)):
            names = sorted(name for of, name in call.named if of == kind and name != "GITHUB_TOKEN")
            if names:
                yield from _present(call.file, names, word, there)


def _present(
    file: str, names: list[str], word: str, there: Collection[str] | Unseen
) -> Iterator[Finding]:
    if isinstance(there, Unseen):
        several = len(names) > 1
        each, are = (f"{word}s", "they are") if several else (word, "it is")
        what = f"{file} names the {each} {listed(names)}; whether {are} there can't be seen"
        yield unseen(what, there, "look for it yourself", f"gh {word} list")
        return
    for name in names:
        if name in there:
            yield ok(f"the {word} {name} is there")
        else:
            nowhere = "which is neither in the repository nor shared with it"
            what = f"{file} names the {word} {name}, {nowhere}"
            yield problem(what, "set it", f"gh {word} set {name}")
