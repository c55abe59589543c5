"""The real gitops.yml where a wave names who may let something in: approvers, or an environment."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.sandbox.form_world import Forms, forms, log_of, warnings
from tests.sandbox.runner_world import NAME, ended

INBOX = "refs/tidemill/inbox/"


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forms]:
    """Alice alone may let something into shop, where the set has to soak for two days."""
    guarded = 'approvers = ["alice"]\nsoak = "2d"'
    with forms(tmp_path_factory.mktemp("named"), guarded) as found:
        yield found


def test_approvers_through_the_whole_workflow(named: Forms) -> None:
    """One who may not; a re-run of an old approval, by another person and by the same; and one who
    may, whose override is not held against anything but its own form."""
    w = named
    refused = w.approves("mallory")
    assert refused.conclusion == "failure"
    assert "mallory is no approver of shop: these are alice" in log_of(refused)
    assert w.loop.refs(INBOX) == {}

    allowed = w.approves("alice")
    assert allowed.conclusion == "success", log_of(allowed)
    [waits] = w.loop.refs(INBOX)
    w.filled_in("bob", operation="drop", id=waits.removeprefix(INBOX))
    assert w.loop.refs(INBOX) == {}
    w.runs_again("mallory", allowed)
    assert allowed.conclusion == "failure"
    assert "mallory is no approver" in log_of(allowed)
    w.runs_again("alice", allowed)
    assert allowed.conclusion == "failure"
    assert "a re-run approves nothing" in log_of(allowed)
    assert (w.in_shop, w.loop.refs(INBOX)) == (0, {})

    over = w.approves("alice", override="it can not wait")
    assert over.conclusion == "success", log_of(over)
    assert (w.in_shop, w.by()) == (1, {"alice"})


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
    assert (w.in_shop, w.loop.refs(INBOX)) == (0, {})
    assert "grace rejected it there" in w.said("rejected")[-1]
    w.runs_again("grace", rejected)
    assert (rejected.conclusion, w.loop.refs(INBOX)) == ("failure", {})

    approved = w.approves("ada")
    assert approved.status == "waiting"
    w.reviews("grace", approved, "approved")
    assert approved.conclusion == "success"
    assert (w.in_shop, w.by()) == (1, {"ada (reviewed by grace)"})
