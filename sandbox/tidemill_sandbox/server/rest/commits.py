"""Refs and commits."""

from __future__ import annotations

from typing import Any

from tidemill_sandbox.server.rest import rendering
from tidemill_sandbox.server.rest.calls import Answer, Call, Problem, operation, unfound
from tidemill_sandbox.state import git_reading

_STATUS = {"A": "added", "D": "removed", "M": "modified", "T": "changed"}


@operation("GET", "/repos/{owner}/{repo}/git/ref/{ref}", "contents")
def _ref(call: Call) -> Answer:
    name = f"refs/{call.parameters['ref']}"
    found = git_reading.refs(call.repository.path, name).get(name)
    if found is None:
        raise unfound()
    return Answer(200, _shown(call, name, *found))


@operation("GET", "/repos/{owner}/{repo}/git/matching-refs/{ref}", "contents")
def _refs(call: Call) -> Answer:
    prefix = f"refs/{call.parameters['ref']}"
    found = git_reading.refs(call.repository.path)
    return Answer(
        200,
        [_shown(call, ref, *found[ref]) for ref in sorted(found) if ref.startswith(prefix)],
    )


@operation("GET", "/repos/{owner}/{repo}/git/commits/{commit_sha}", "contents")
def _git_commit(call: Call) -> Answer:
    try:
        found = git_reading.commit(call.repository.path, call.parameters["commit_sha"])
    except git_reading.Unfound:
        raise unfound() from None
    shown = rendering.commit(call.hub, call.repository, found)
    inner = shown["commit"]
    return Answer(
        200,
        {
            "sha": found.sha,
            "node_id": shown["node_id"],
            "url": inner["url"],
            "html_url": shown["html_url"],
            "author": inner["author"],
            "committer": inner["committer"],
            "tree": inner["tree"],
            "message": found.message,
            "parents": shown["parents"],
            "verification": inner["verification"],
        },
    )


@operation("GET", "/repos/{owner}/{repo}/commits", "contents")
def _commits(call: Call) -> Answer:
    start = call.query.get("sha") or call.repository.default_branch
    try:
        sha = git_reading.resolve(call.repository.path, start)
    except git_reading.Unfound:
        raise unfound() from None
    found = git_reading.commits(call.repository.path, "-n1000", sha)
    return call.page([rendering.commit(call.hub, call.repository, one) for one in found])


@operation("GET", "/repos/{owner}/{repo}/commits/{ref}", "contents")
def _commit(call: Call) -> Answer:
    found = git_reading.commit(call.repository.path, call.commit("ref"))
    before = found.parents[0] if found.parents else None
    files = _files(call, before, found.sha)
    counts = {name: sum(file[name] for file in files) for name in ("additions", "deletions")}
    stats = {**counts, "total": sum(counts.values())}
    shown = rendering.commit(call.hub, call.repository, found)
    return Answer(200, {**shown, "stats": stats, "files": files})


@operation("GET", "/repos/{owner}/{repo}/compare/{basehead}", "contents")
def _compare(call: Call) -> Answer:
    path, (old, dots, new) = call.repository.path, call.parameters["basehead"].partition("...")
    try:
        base, head = git_reading.resolve(path, old), git_reading.resolve(path, new)
        fork = git_reading.git(path, "merge-base", base, head).decode().strip()
    except git_reading.Unfound:
        raise unfound() from None
    if not dots:
        raise unfound()
    ahead = git_reading.commits(path, "--reverse", f"{base}..{head}")
    behind = len(git_reading.git(path, "rev-list", f"{head}..{base}").split())
    status = {(True, True): "diverged", (True, False): "ahead", (False, True): "behind"}.get(
        (bool(ahead), bool(behind)), "identical"
    )
    page = f"{call.hub.url}/{call.repository.name}/compare/{old}...{new}"

    def shown(sha: str) -> dict[str, Any]:
        return rendering.commit(call.hub, call.repository, git_reading.commit(path, sha))

    listed = call.page([rendering.commit(call.hub, call.repository, one) for one in ahead])
    return Answer(
        200,
        {
            "url": call.url,
            "html_url": page,
            "permalink_url": page,
            "diff_url": f"{page}.diff",
            "patch_url": f"{page}.patch",
            "base_commit": shown(base),
            "merge_base_commit": shown(fork),
            "status": status,
            "ahead_by": len(ahead),
            "behind_by": behind,
            "total_commits": len(ahead),
            "commits": listed.value,
            "files": _files(call, fork, head),
        },
        listed.headers,
    )


def _shown(call: Call, ref: str, sha: str, kind: str) -> dict[str, Any]:
    url = call.repository_url
    return {
        "ref": ref,
        "node_id": f"REF_{sha}",
        "url": f"{url}/git/{ref}",
        "object": {"sha": sha, "type": kind, "url": f"{url}/git/{kind}s/{sha}"},
    }


def _files(call: Call, old: str | None, new: str) -> list[dict[str, Any]]:
    """What a commit changes, file by file."""
    path = call.repository.path
    against = (old, new) if old else ("--root", new)
    common = ("diff-tree", "-r", "-z", "--no-renames", "--no-commit-id", *against)
    try:
        raw = git_reading.git(path, *common, "--raw").decode(errors="replace").split("\0")[:-1]
        numbers = git_reading.git(path, *common, "--numstat").decode(errors="replace").split("\0")
    except git_reading.Unfound as error:
        raise Problem(500, str(error)) from None
    counts = {}
    for line in filter(None, numbers):
        more, less, name = line.split("\t", 2)
        counts[name] = (int(more) if more != "-" else 0, int(less) if less != "-" else 0)
    found = []
    for head, name in zip(raw[::2], raw[1::2], strict=True):
        _, _, before, after, letter = head.split(" ")
        added, gone = counts.get(name, (0, 0))
        page = f"{call.hub.url}/{call.repository.name}"
        found.append(
            {
                "sha": before if letter == "D" else after,
                "filename": name,
                "status": _STATUS.get(letter[0], "changed"),
                "additions": added,
                "deletions": gone,
                "changes": added + gone,
                "blob_url": f"{page}/blob/{new}/{name}",
                "raw_url": f"{page}/raw/{new}/{name}",
                "contents_url": f"{call.repository_url}/contents/{name}?ref={new}",
            }
        )
    return found
