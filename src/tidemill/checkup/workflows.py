"""Do the workflow files call ours as they have to?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase

from tidemill.checkup.calls import INTERFACES, Call, Unread, calls, strings
from tidemill.checkup.checkup import Checkup
from tidemill.checkup.finding import Finding, Fix, listed, ok, problem, unknown, unseen, warning
from tidemill.facts.on_github import OnGitHub, Unseen, WorkflowDefaults
from tidemill.words.nearest import did_you_mean

# What to copy, below examples/.
EXAMPLES = {
    "gitops": "cfg-app/.github/workflows/tidemill.yml",
    "publish-images": "app/.github/workflows/images.yml",
}
_SHA = re.compile(r"[0-9a-f]{40}")
_AT = "https://github.com/tidemill/tidemill/blob/main/examples"
_DISPATCHED = ("images-announced", "target-deployed", "turn-due")
_CHECKS = ("same-job", "own-job", "other-ci")


def our_calls(known: Checkup) -> list[Call]:
    """The calls of the workflow of ours that this repository is to call."""
    wanted = "gitops" if known.cfg else "publish-images"
    found = calls(known.files.texts)
    return [one for one in found if isinstance(one, Call) and one.workflow == wanted]


def is_called(known: Checkup) -> Iterator[Finding]:
    """`workflow`: does a job call our workflow?"""
    name = "gitops" if known.cfg else "publish-images"
    example = f"{_AT}/{EXAMPLES[name]}"
    for one in calls(known.files.texts):
        if isinstance(one, Unread):
            yield problem(
                f"{one.file} is not a workflow: its YAML can't be read, or it has no jobs",
                "mend it; actionlint says where it is wrong",
                f"actionlint {one.file}",
            )
        elif one.workflow != name:
            mine = "cfg-app.git" if known.cfg else "app.git"
            yield problem(
                f"{one.file} calls {one.workflow}.yml, and this is {mine}",
                f"call {name}.yml instead",
                example,
            )
    mine_found = our_calls(known)
    for call in mine_found:
        yield ok(f"{call.file} calls {name}.yml, as the job {call.job}")
    if mine_found:
        return
    what = f"no workflow here calls {name}.yml"
    if known.is_on_github and not (known.cfg and known.cfg.checks.source == "refs"):
        yield problem(what, "copy the example into .github/workflows/", example)
    else:
        yield unknown(
            what,
            "if another CI runs Tidemill, nothing is to be done; on GitHub, "
            "copy the example into .github/workflows/",
            example,
        )


def pins(known: Checkup) -> Iterator[Finding]:
    """`pin`: does a call name a commit that nobody can move?"""
    is_demanded = (
        isinstance(known.github, OnGitHub)
        and not isinstance(known.github.policy, Unseen)
        and known.github.policy.sha_pinning_required
    )
    for call in our_calls(known):
        if _SHA.fullmatch(call.ref):
            yield ok(f"{call.file} names the commit {call.ref[:12]} of {call.owner}")
            continue
        say = problem if is_demanded else warning
        yield say(
            f"{call.file} names {call.ref or 'no commit'} of {call.owner}, and not "
            "the full SHA of a commit",
            "name the commit of a release, with the release behind it as a comment",
            f"git ls-remote https://github.com/{call.owner} 'refs/tags/v*'",
        )


def events(known: Checkup) -> Iterator[Finding]:
    """`events`: is the workflow started by all that it has to hear of?"""
    for call in our_calls(known):
        found = list(_of_cfg(known, call) if known.cfg else _of_app(known, call))
        yield from found or [ok(f"{call.file} is started by {listed(list(call.on))}")]


def _of_cfg(known: Checkup, call: Call) -> Iterator[Finding]:
    file, on = call.file, call.on
    types = strings(on.get("repository_dispatch", {}).get("types"))
    missing = [one for one in _DISPATCHED if types and one not in types]
    if "repository_dispatch" not in on:
        yield problem(
            f"{file} is not started by repository_dispatch, so that it hears of no announcement",
            "add this line below on:",
            "  repository_dispatch:",
        )
    elif missing:
        yield problem(
            f"{file} leaves out {listed(missing)} below repository_dispatch",
            "leave out types:, or list these, too",
            f"    types: [{', '.join([*types, *missing])}]",
        )
    main = known.cfg.main if known.cfg else "main"
    if not _hears_of(call, main):
        yield warning(
            f"{file} is not started by a push to {main}: what people change there "
            "is met at the next event only",
            "add these lines below on:",
            f"  push:\n    branches: [{main}]",
        )
    if "schedule" not in on:
        yield warning(
            f"{file} has no schedule: what time alone makes due, such as the end of "
            "a soak time, waits for the next event",
            "add these lines below on:",
            '  schedule:\n    - cron: "*/15 * * * *"',
        )
    if "workflow_dispatch" not in on:
        yield warning(
            f"{file} has no workflow_dispatch: nobody can promote, hold or release "
            "on GitHub's page",
            "copy that part of the example",
            f"{_AT}/{EXAMPLES['gitops']}",
        )
    if call.check == "other-ci" and not on.keys() & {"workflow_run", "status", "check_suite"}:
        yield warning(
            f"{file} does not hear when the other CI has answered",
            "add workflow_run with the name of its workflow, or status",
            "  status:",
        )


def _of_app(known: Checkup, call: Call) -> Iterator[Finding]:
    branch = known.app.branch if known.app else "main"
    if not _hears_of(call, branch):
        yield problem(
            f"{call.file} is not started by a push to {branch}, which is the "
            "branch in tidemill.toml",
            "let on: have these lines",
            f"  push:\n    branches: [{branch}]",
        )


def _hears_of(call: Call, branch: str) -> bool:
    if "push" not in call.on:
        return False
    filters = call.on["push"]
    if not isinstance(filters, Mapping):
        return True
    if "branches" in filters:
        patterns = strings(filters["branches"])
        told = [one for one in patterns if fnmatchcase(branch, one.lstrip("!"))]
        return bool(told) and not told[-1].startswith("!")
    if "branches-ignore" in filters:
        return not any(fnmatchcase(branch, one) for one in strings(filters["branches-ignore"]))
    return "tags" not in filters


def permissions(known: Checkup) -> Iterator[Finding]:
    """`permissions`: has the calling job what ours asks for? If not, GitHub starts nothing."""
    for call in our_calls(known):
        wanted = INTERFACES[call.workflow].permissions
        lines = "\n".join(["permissions:", *(f"  {one}: {how}" for one, how in wanted.items())])
        if call.permissions is None:
            yield _unsaid(known, call, lines)
            continue
        missing = [
            f"{scope}: {access}"
            for scope, access in wanted.items()
            if (given := call.permissions.get(scope, call.permissions.get("*"))) != access
            and given != "write"
        ]
        if missing:
            yield problem(
                f"the job {call.job} of {call.file} lacks {', '.join(missing)}, so "
                "that GitHub starts nothing",
                "give the job these permissions",
                lines,
                _with_permissions(known, call, lines),
            )
        else:
            yield ok(f"the job {call.job} of {call.file} has the permissions it needs")


def _unsaid(known: Checkup, call: Call, lines: str) -> Finding:
    what = f"neither {call.file} nor its job {call.job} says which permissions it has"
    fix = _with_permissions(known, call, lines)
    match known.github:
        case OnGitHub(defaults=WorkflowDefaults(default_workflow_permissions="write")):
            return warning(
                f"{what}, and so it may write everything", "give the job what it needs", lines, fix
            )
        case OnGitHub(defaults=WorkflowDefaults()):
            return problem(
                f"{what}, and so it may only read: GitHub starts nothing",
                "give the job these permissions",
                lines,
                fix,
            )
        case _:
            what += "; the repository's own setting, which then counts, can't be seen from here"
            found = unknown(what, "give the job these permissions", lines)
            return replace(found, fix=fix)


def _with_permissions(known: Checkup, call: Call, lines: str) -> Fix | None:
    """The file with permissions before `uses:`; None where the job, or another one, has some."""
    text = known.files.texts[call.file]
    uses = re.findall(rf"(?m)^( +)uses: \S+/{call.workflow}\.yml.*$", text)
    has_own = re.search(r"(?m)^ {2,}permissions:", text)
    if len(uses) != 1 or has_own:
        return None
    indented = "".join(f"{uses[0]}{line}\n" for line in lines.splitlines())
    before = re.compile(rf"(?m)^(?= +uses: \S+/{call.workflow}\.yml)")
    return Fix(call.file, before.sub(indented, text, count=1))


def inputs(known: Checkup) -> Iterator[Finding]:
    """`inputs`: does the call give what ours takes?"""
    for call in our_calls(known):
        found = list(_inputs(call))
        yield from found or [ok(f"{call.file} gives what {call.workflow}.yml takes")]


def _inputs(call: Call) -> Iterator[Finding]:
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
        yield problem(
            f"{call.file} does not give the input {name}",
            "add this line below with:",
            f"{name}: OWNER/NAME",
        )
    has_key = call.inherits or "app-private-key" in call.secrets
    if call.has_app and not has_key:
        yield problem(
            f"{call.file} gives app-client-id, and not the App's key",
            "add these lines to the job",
            "secrets:\n  app-private-key: ${{ secrets.TIDEMILL_APP_KEY }}",
        )
    if call.workflow == "publish-images":
        if not call.has_app and not call.inherits and "announce-token" not in call.secrets:
            yield problem(
                f"{call.file} gives nothing to announce with: the workflow's own "
                "token does not reach cfg-app.git",
                "add these lines to the job",
                "secrets:\n  announce-token: ${{ secrets.ANNOUNCE_TOKEN }}",
            )
        return
    if call.check not in _CHECKS and "${{" not in call.check:
        yield problem(
            f"{call.file} says check: {call.check}, which there is not",
            f"{did_you_mean(call.check, _CHECKS)}it is one of {', '.join(_CHECKS)}",
        )
    if call.check == "same-job" and call.inputs.get("entrypoints") == "same-user":
        yield problem(
            f"{call.file} runs checks in the job of the turn, as the user who has its token",
            "take entrypoints: same-user out, or add this line below with:",
            "check: own-job",
        )
    if call.inputs.get("deployments") is True and not call.has_app:
        yield problem(
            f"{call.file} says deployments: true, which takes a GitHub App",
            "take it out, or give app-client-id and app-private-key",
        )


def named_secrets(known: Checkup) -> Iterator[Finding]:
    """`secrets`: are the secrets and variables that the workflow files name there?"""
    for call in our_calls(known):
        for kind, word, command in (
            ("secrets", "secret", "gh secret set"),
            ("vars", "variable", "gh variable set"),
        ):
            names = sorted(name for of, name in call.named if of == kind and name != "GITHUB_TOKEN")
            yield from _present(known, call, names, word, command) if names else ()


def _present(
    known: Checkup, call: Call, names: list[str], word: str, command: str
) -> Iterator[Finding]:
    hub = known.github
    there = hub if isinstance(hub, Unseen) else hub.secrets if word == "secret" else hub.variables
    if isinstance(there, Unseen):
        yield unseen(
            f"{call.file} names the {word} {listed(names)}; whether it is there can't be seen",
            there,
            "look for it yourself",
            command.replace(" set", " list"),
        )
        return
    for name in names:
        if name in there:
            yield ok(f"the {word} {name} is there")
        else:
            yield problem(
                f"{call.file} names the {word} {name}, which is neither in the "
                "repository nor shared with it",
                "set it",
                f"{command} {name}",
            )
