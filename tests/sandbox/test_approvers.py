"""The real gitops.yml where a wave names who may let something in: approvers, or an environment."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.sandbox.form_world import Forms, forms, log_of, warnings
from tests.sandbox.runner_world import NAME, ended

INBOX = "refs/tidemill/inbox/"


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forms]:
    """Alice alone may let something into shop."""
    with forms(tmp_path_factory.mktemp("named"), 'approvers = ["alice"]') as found:
        yield found


def test_approvers_through_the_whole_workflow(named: Forms) -> None:
    """One who may not, a re-run of an old approval by another person, and one who may."""
    w = named
    refused = w.approves("mallory")
    assert refused.conclusion == "failure"
    assert "mallory is no approver of shop: these are alice" in log_of(refused)
    w.runs_again("alice", refused)
    assert refused.conclusion == "failure", "it is still what mallory has filled in"
    assert (w.in_shop, w.loop.refs(INBOX)) == (0, {})

    allowed = w.approves("alice")
    assert allowed.conclusion == "success", log_of(allowed)
    assert (w.in_shop, w.by()) == (1, {"alice"})
    w.filled_in("bob", operation="hold", wave="shop", reason="wait")
    assert w.in_shop == 1

    before = w.loop.refs(f"{INBOX}*")
    w.runs_again("mallory", allowed)
    assert allowed.conclusion == "failure"
    assert "no approver" in log_of(allowed) or "approves nothing" in log_of(allowed)
    w.runs_again("alice", allowed)
    assert "approves nothing" in log_of(allowed)
    assert w.loop.refs(f"{INBOX}*") == before
    released = w.filled_in("mallory", operation="release", wave="shop", reason="go on")
    assert released.conclusion == "failure"
    assert w.loop.refs("refs/tidemill/holds/")
    assert w.filled_in("alice", operation="release", wave="shop", reason="go").conclusion == (
        "success"
    )
    assert not w.loop.refs("refs/tidemill/holds/")


@pytest.fixture(scope="module")
def reviewed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forms]:
    """The reviewers of the environment `production` look at what goes into shop."""
    with forms(tmp_path_factory.mktemp("reviewed"), 'environment = "production"') as found:
        yield found


def test_environment_through_the_whole_workflow(reviewed: Forms) -> None:
    w = reviewed
    environments = w.mill.repository.environments
    missing = w.approves("ada")
    assert "there is no such environment" in warnings(missing)
    assert "there is no such environment" in w.said("rejected")[-1]
    assert environments == {}, "no job named it, so GitHub made none"
    assert ended(missing)["gitops / review"] == "skipped"

    told = {"repository": NAME, "name": "production"}
    w.loop.hub.control["environments"](told)
    assert "that has no required reviewers" in warnings(w.approves("ada"))
    assert "that has no required reviewers" in w.said("rejected")[-1]

    w.loop.hub.control["environments"]({**told, "reviewers": ["grace"]})
    rejected = w.approves("ada")
    assert (rejected.status, ended(rejected)["gitops / review"]) == ("waiting", None)
    assert (w.in_shop, len(w.loop.refs(INBOX))) == (0, 1)
    w.loop.tick()
    assert (w.in_shop, len(w.loop.refs(INBOX))) == (0, 1), "a turn in between changes nothing"
    w.reviews("grace", rejected, "rejected")
    assert rejected.conclusion == "failure"
    w.loop.tick()
    assert (w.in_shop, w.loop.refs(INBOX)) == (0, {})
    assert "grace rejected it there" in w.said("rejected")[-1]
    w.runs_again("grace", rejected)
    assert (rejected.conclusion, w.loop.refs(INBOX)) == ("failure", {})

    approved = w.approves("ada")
    assert approved.status == "waiting"
    w.reviews("grace", approved, "approved")
    assert approved.conclusion == "success"
    assert (w.in_shop, w.by()) == (1, {"ada (reviewed by grace)"})
