"""Git against the stand-in: tokens, rules, and the events that a push makes."""

from __future__ import annotations

import json
import subprocess
import threading
from pathlib import Path

import pytest
from tests.sandbox.server_world import EVERYTHING, World

from tidemill_sandbox.state.shapes import Access, Event, Repository, Ruleset

ZEROS = "0" * 40


def told(world: World) -> list[Event]:
    """What happened so far, in order."""
    world.hub.settle()
    return list(world.hub.events)


def test_a_token_that_may_write_contents_pushes(world: World) -> None:
    assert "[new branch]" in world.push("main")
    assert world.refs() == {"refs/heads/main": world.head()}


@pytest.mark.parametrize("header", ["token", "Bearer"])
def test_a_token_may_come_in_a_header(pushed: World, header: str) -> None:
    extra = f"http.extraHeader=Authorization: {header} {pushed.token}"
    said = pushed.git("-c", extra, "push", pushed.remote(""), "main:refs/heads/other")
    assert "main -> other" in said


def test_a_token_that_may_only_read_contents_does_not_push(pushed: World) -> None:
    reader = pushed.mint(contents="read")
    pushed.commit()
    said = pushed.push("main", token=reader, fails=True)
    assert "Permission to acme/app.git denied to ada." in said
    assert "error: 403" in said
    assert pushed.head() not in pushed.refs().values()


def test_a_token_of_another_repository_does_not_push(pushed: World) -> None:
    pushed.hub.create_repository("acme/other")
    stranger = pushed.hub.tokens.mint(
        "user", login="eve", repositories=["acme/other"], permissions=EVERYTHING
    )
    assert "error: 403" in pushed.push("main:refs/heads/x", token=stranger, fails=True)


def test_a_token_that_is_none_is_refused(pushed: World) -> None:
    said = pushed.push("main:refs/heads/x", token="ghs_wrong", fails=True)
    assert "Invalid username or token." in said


def test_a_token_that_has_ended_is_refused(pushed: World) -> None:
    pushed.clock.pass_(days=31)
    assert "Invalid username or token." in pushed.push("main:refs/heads/x", fails=True)


def test_a_public_repository_is_read_without_a_token_and_a_private_one_is_not(
    pushed: World,
) -> None:
    assert "refs/heads/main" in pushed.git("ls-remote", pushed.remote(""))
    pushed.repository.is_private = True
    assert "could not read Username" in pushed.git("ls-remote", pushed.remote(""), fails=True)
    assert "refs/heads/main" in pushed.git("ls-remote", pushed.remote())


def test_nobody_hears_of_a_private_repository_who_may_not_read_it(pushed: World) -> None:
    pushed.hub.create_repository("acme/secret", is_private=True)
    hidden = pushed.git("ls-remote", pushed.remote(name="acme/secret"), fails=True)
    missing = pushed.git("ls-remote", pushed.remote(name="acme/nothing"), fails=True)
    assert "Repository not found." in hidden
    assert hidden.replace("secret", "nothing") == missing


def test_a_rule_about_checks_holds_until_they_have_passed(pushed: World) -> None:
    pushed.require("build")
    sha = pushed.commit()
    said = pushed.push("main", fails=True)
    assert "remote: error: GH013: Repository rule violations found for refs/heads/main." in said
    assert 'remote: - Required status check "build" is expected.' in said
    assert "[remote rejected] (push declined due to repository rule violations)" in said
    pushed.push("main:refs/heads/auto")
    for state, words in (("pending", "is in progress."), ("failure", "is failing.")):
        pushed.call("POST", f"/repos/acme/app/statuses/{sha}", {"state": state, "context": "build"})
        assert f'Required status check "build" {words}' in pushed.push("main", fails=True)
    pushed.call("POST", f"/repos/acme/app/statuses/{sha}", {"state": "success", "context": "Build"})
    pushed.push("main")
    assert pushed.refs()["refs/heads/main"] == sha


def test_classic_protection_has_words_of_its_own(pushed: World) -> None:
    pushed.require("build", is_classic=True)
    sha = pushed.commit()
    said = pushed.push("main", fails=True)
    assert "remote: error: GH006: Protected branch update failed for refs/heads/main." in said
    assert 'remote: error: Required status check "build" is expected.' in said
    assert "[remote rejected] (protected branch hook declined)" in said
    pushed.push("main:refs/heads/auto")
    body = {"state": "success", "context": "build"}
    pushed.call("POST", f"/repos/acme/app/statuses/{sha}", body)
    pushed.push("main")


def test_a_rule_that_names_an_app_takes_no_other_verdict(pushed: World) -> None:
    pushed.require("build", app_id=77)
    sha = pushed.commit()
    pushed.push("main:refs/heads/auto")
    body = {"state": "success", "context": "build"}
    pushed.call("POST", f"/repos/acme/app/statuses/{sha}", body)
    assert '"build" is expected.' in pushed.push("main", fails=True)
    app = pushed.mint("installation", statuses="write")
    pushed.call("POST", f"/repos/acme/app/statuses/{sha}", body, token=app)
    pushed.push("main")


def test_where_a_status_and_a_check_run_share_a_name_both_have_to_pass(pushed: World) -> None:
    pushed.require("build")
    sha = pushed.commit()
    pushed.push("main:refs/heads/auto")
    run = {"name": "build", "head_sha": sha, "conclusion": "failure"}
    app = pushed.mint("installation", checks="write")
    assert pushed.call("POST", "/repos/acme/app/check-runs", run, token=app).status == 201
    body = {"state": "success", "context": "build"}
    pushed.call("POST", f"/repos/acme/app/statuses/{sha}", body)
    assert '"build" is failing.' in pushed.push("main", fails=True)
    run["conclusion"] = "neutral"
    pushed.call("POST", "/repos/acme/app/check-runs", run, token=app)
    pushed.push("main")


def test_a_rule_about_the_past_allows_only_to_go_forward(pushed: World) -> None:
    first = pushed.head()
    pushed.commit()
    pushed.push("main")
    rules = ({"type": "non_fast_forward"}, {"type": "deletion"})
    pushed.hub.add_ruleset(pushed.repository, "main", ("refs/heads/ma*",), rules)
    said = pushed.push(f"+{first}:refs/heads/main", fails=True)
    assert "remote: - Cannot force-push to this branch" in said
    assert pushed.refs()["refs/heads/main"] == pushed.head()
    pushed.push("main:refs/heads/matter")
    assert "remote: - Cannot delete this branch" in pushed.push(":matter", fails=True)
    pushed.commit()
    pushed.push("main")


@pytest.mark.parametrize(
    ("pattern", "ref", "holds"),
    [
        ("~DEFAULT_BRANCH", "refs/heads/main", True),
        ("~DEFAULT_BRANCH", "refs/heads/auto", False),
        ("~ALL", "refs/heads/a/b", True),
        ("refs/heads/release/*", "refs/heads/release/1", True),
        ("refs/heads/release/*", "refs/heads/release/1/x", False),
        ("refs/heads/release/**", "refs/heads/release/1/x", True),
        ("refs/heads/v?", "refs/heads/v1", True),
        ("refs/heads/v?1", "refs/heads/v/1", False),
        ("refs/heads/v[12]", "refs/heads/v1", True),
        ("refs/heads/**/x", "refs/heads/release/1/x", True),
    ],
)
def test_a_rule_holds_for_the_branches_that_it_names(
    world: World, pattern: str, ref: str, holds: bool
) -> None:
    world.hub.add_ruleset(world.repository, "none", (pattern,), ({"type": "creation"},))
    said = world.push(f"main:{ref}", fails=holds)
    assert ("Cannot create ref due to creations being restricted." in said) == holds


def test_rule_that_is_not_held_is_refused_and_not_taken_for_one_that_is(world: World) -> None:
    body = {"repository": "acme/app", "name": "signed", "include": ["~ALL"],
            "rules": [{"type": "required_signatures"}]}  # fmt: skip
    data, token = json.dumps(body).encode(), world.server.control_token
    found = world.ask("POST", "/_sandbox/rulesets", data, token=token)
    assert found.status == 422
    assert "does not have the rule required_signatures" in found.json["message"]
    assert world.repository.rulesets == []


def test_no_rule_protects_the_mills_own_refs(pushed: World) -> None:
    every = ({"type": "creation"}, {"type": "update"}, {"type": "deletion"})
    pushed.hub.add_ruleset(pushed.repository, "all", ("~ALL", "refs/tidemill/**"), every)
    pushed.push("main:refs/tidemill/inbox/1")
    pushed.push(":refs/tidemill/inbox/1")


def test_who_may_bypass_a_rule_does_but_never_a_workflow(pushed: World) -> None:
    ruleset = Ruleset(1, "main", ("~ALL",), ({"type": "update"},), frozenset({77, 15368}))
    pushed.repository.rulesets.append(ruleset)
    pushed.commit()
    may: dict[str, Access] = {"contents": "write", "workflows": "write"}
    assert "GH013" in pushed.push("main", fails=True)
    assert "GH013" in pushed.push("main", token=pushed.mint("workflow", **may), fails=True)
    pushed.push("main", token=pushed.mint("installation", **may))


def test_an_atomic_push_writes_nothing_where_a_rule_refuses_one_ref(pushed: World) -> None:
    pushed.require("build")
    before = pushed.refs()
    pushed.commit()
    said = pushed.push("--atomic", "main:refs/tidemill/journal", "main", "main:auto", fails=True)
    assert "main\t[remote rejected] (push declined due to repository rule violations)" in said
    assert said.count("(atomic push failure)") == 2
    assert pushed.refs() == before
    assert told(pushed) == []


def test_a_push_that_is_not_atomic_writes_what_no_rule_refuses(pushed: World) -> None:
    pushed.require("build")
    sha = pushed.commit()
    pushed.push("main", "main:refs/heads/auto", fails=True)
    assert pushed.refs()["refs/heads/auto"] == sha
    assert [event.ref for event in told(pushed)] == ["refs/heads/auto"]


def test_a_stale_lease_is_refused(pushed: World) -> None:
    first = pushed.head()
    pushed.commit()
    lease = f"--force-with-lease=refs/heads/main:{first}"
    pushed.push(lease, "main")
    pushed.commit()
    assert "stale info" in pushed.push(lease, "main", fails=True)


def test_pull_requests_refs_are_not_for_pushes(pushed: World) -> None:
    said = pushed.push("main:refs/pull/1/head", fails=True)
    assert "(deny updating a hidden ref)" in said


def test_workflow_files_take_a_permission_unless_a_branch_has_them(pushed: World) -> None:
    pushed.commit(".github/workflows/ci.yml", "on: push\n")
    mill = pushed.mint("installation", contents="write")
    said = pushed.push("main:refs/heads/auto", token=mill, fails=True)
    words = "refusing to allow a GitHub App to create or update workflow"
    assert f"{words} `.github/workflows/ci.yml` without `workflows` permission" in said
    pushed.push("main")
    pushed.commit()
    pushed.push("main:refs/heads/auto", token=mill)


def test_no_workflow_gives_itself_the_permission_for_workflow_files(pushed: World) -> None:
    pushed.commit(".github/workflows/ci.yml", "on: push\n")
    token = pushed.mint("workflow", contents="write", workflows="write")
    assert "without `workflows` permission" in pushed.push("main", token=token, fails=True)


def test_a_push_makes_an_event_for_each_branch_and_none_for_other_refs(pushed: World) -> None:
    before = pushed.head()
    after = pushed.commit()
    token = pushed.mint("workflow", contents="write")
    pushed.push("main", "main:refs/heads/auto", "main:refs/tidemill/journal", token=token)
    pushed.push(":auto", token=token)
    pushed.push(f"+{before}:refs/heads/main", token=token)
    events = told(pushed)
    assert [(event.name, event.ref, event.sha) for event in events] == [
        ("push", "refs/heads/main", after),
        ("push", "refs/heads/auto", after),
        ("push", "refs/heads/auto", ZEROS),
        ("push", "refs/heads/main", before),
    ]
    assert [event.parts["before"] for event in events] == [before, ZEROS, after, after]
    assert [event.parts["created"] for event in events] == [False, True, False, False]
    assert [event.parts["deleted"] for event in events] == [False, False, True, False]
    assert [event.parts["forced"] for event in events] == [False, False, False, True]
    assert {event.cause.is_workflow for event in events} == {True}


def test_a_push_of_more_than_three_tags_makes_no_event_for_them(pushed: World) -> None:
    pushed.push(*(f"main:refs/tags/v{number}" for number in range(4)))
    assert told(pushed) == []
    pushed.push("main:refs/tags/v9")
    assert [event.ref for event in told(pushed)] == ["refs/tags/v9"]


def test_a_partial_clone_fetches_what_it_lacks_by_its_name(pushed: World, tmp_path: Path) -> None:
    pushed.commit("big.txt", "content\n" * 1000)
    pushed.push("main")
    pushed.git("clone", "-q", "--bare", "--depth=1", "--filter=blob:none", pushed.remote(),
               str(tmp_path / "partial.git"))  # fmt: skip
    shown = pushed.git("-C", str(tmp_path / "partial.git"), "show", "HEAD:big.txt")
    assert shown == "content\n" * 1000


def test_an_unnamed_commit_is_fetched_by_its_sha(pushed: World, tmp_path: Path) -> None:
    sha = pushed.commit()
    pushed.push("main:refs/heads/x")
    pushed.push(":x")
    pushed.git("init", "-q", str(tmp_path / "fresh"))
    pushed.git("-C", str(tmp_path / "fresh"), "fetch", "-q", "--depth=1", pushed.remote(), sha)


@pytest.mark.parametrize("version", ["0", "2"])
def test_large_pushes_in_chunks_and_long_negotiations_get_through(
    pushed: World, tmp_path: Path, version: str
) -> None:
    for turn in range(1, 4):
        noise = "".join(f"{turn * n * 2654435761 % 2**32:08x}\n" for n in range(60_000))
        pushed.commit(f"noise-{version}", noise)
    pushed.git("config", "http.postBuffer", "65536")  # what is longer goes in chunks
    pushed.git("config", "protocol.version", version)
    pushed.push("main")
    copy = tmp_path / "copy"
    pushed.git("clone", "-q", pushed.remote(), str(copy))
    for _ in range(60):
        pushed.git("-C", str(copy), "commit", "-q", "--allow-empty", "-m", "own")
    pushed.commit()
    pushed.push("main")
    pushed.git("-C", str(copy), "fetch", "-q")  # the long list of what it has goes gzipped
    assert pushed.git("-C", str(copy), "rev-parse", "origin/main").strip() == pushed.head()


def test_of_two_pushes_at_once_one_wins(pushed: World, tmp_path: Path) -> None:
    first = pushed.head()
    said: list[int] = []

    def push(name: str) -> None:
        sha = pushed.git("commit-tree", "-p", first, "-m", name, f"{first}^{{tree}}").strip()
        barrier.wait()
        lease = f"--force-with-lease=refs/heads/main:{first}"
        command = ["git", "push", "--atomic", lease, pushed.remote(), f"{sha}:refs/heads/main",
                   f"{sha}:refs/tidemill/{name}"]  # fmt: skip
        said.append(
            subprocess.run(command, cwd=pushed.clone, capture_output=True, check=False).returncode
        )

    names = [f"push-{number}" for number in range(4)]
    barrier = threading.Barrier(len(names))
    threads = [threading.Thread(target=push, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(said) == [0, 1, 1, 1]
    refs = pushed.refs()
    assert [refs["refs/heads/main"]] == [
        sha for ref, sha in refs.items() if ref.startswith("refs/tidemill/")
    ]
    assert len(told(pushed)) == 1


@pytest.mark.parametrize(
    "name", ["", "acme", "acme/../x", "../x/y", "acme/..", "a b/c", "acme/x.git"]
)
def test_a_repository_has_a_name_that_github_would_take(world: World, name: str) -> None:
    with pytest.raises(ValueError, match="not the name of a repository"):
        world.hub.create_repository(name)


def test_repositories_are_found_whatever_the_case_of_their_names(pushed: World) -> None:
    found = pushed.hub.repository("ACME/App")
    assert isinstance(found, Repository)
    assert "refs/heads/main" in pushed.git("ls-remote", pushed.remote(name="ACME/App"))
