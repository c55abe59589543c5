"""Approvers: what a wave takes from them alone counts where a voucher says that it is theirs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from tests.unit.snapshots import NOW, Rollout, app_sha, introduced, two_waves, waits_for, whats

from tidemill.answers.difference import awaiting_approval
from tidemill.errors import Refused
from tidemill.facts import ledger
from tidemill.facts.ledger import Landing
from tidemill.facts.requests import Drop, HoldRequest, Release, Retry, WorkflowRun
from tidemill.facts.vouchers import (
    Environment,
    Members,
    NoVoucher,
    OwnVoucher,
    Review,
    RunVoucher,
    SignatureVoucher,
    UnknownVoucher,
    Voucher,
)
from tidemill.plan.approvers import check_signature, environment_of, is_for_reviewers
from tidemill.plan.obstacles import MissingReview
from tidemill.plan.plan import Plan
from tidemill.plan.wording import form, line_command

ALICE = SignatureVoucher(("alice",))
TEAM = ("acme/Release",)
SHA = app_sha(2)
PROTECTED = Environment(has_reviewers=True)


def guarded(approvers: tuple[str, ...] = ("Alice", "bob"), **shop: Any) -> Rollout:
    """The wave shop takes promotions from its approvers alone."""
    return two_waves(approval=True, approvers=list(approvers), **shop)


def run(title: str = f"promote shop @{SHA}", *actors: str, **given: Any) -> RunVoucher:
    """What GitHub says of a run."""
    fields = {"event": "workflow_dispatch", "branch": "main", "at": NOW - timedelta(minutes=6)}
    return RunVoucher(actors or ("alice",), title=title, **{**fields, **given})


def asked(rollout: Rollout, voucher: Voucher | None, **given: Any) -> str:
    """Somebody asks for 2 in the shop, and this stands for who that is."""
    if isinstance(voucher, RunVoucher):
        given.setdefault("run", WorkflowRun(id=7))
    request = rollout.promotion("shop", 2, **given)
    if voucher is not None:
        rollout.vouchers[request] = voucher
    return request


def rejected(decided: Plan, request: str) -> str:
    """Why a request was rejected."""
    assert request in decided.rejected, whats(decided)
    assert not introduced(decided)
    return decided.rejected[request]


def test_waiting_for_approval_names_who_may_give_it() -> None:
    assert "approval for shop by Alice or bob: tidemill" in waits_for(guarded().decide())


def test_nothing_is_decided_of_a_request_before_its_voucher_was_looked_for() -> None:
    rollout = guarded()
    request = asked(rollout, None)
    decided = rollout.decide()
    assert decided.to_vouch == (request,)
    assert request not in decided.ended
    assert not introduced(decided)


def test_request_for_a_wave_without_approvers_needs_no_voucher() -> None:
    rollout = two_waves(approval=True)
    asked(rollout, None)
    decided = rollout.decide()
    assert (decided.to_vouch, introduced(decided)) == ((), [("shop", 2)])


@pytest.mark.parametrize(
    "voucher",
    [
        ALICE,
        SignatureVoucher(("ALICE",)),
        SignatureVoucher(("mallory", "bob")),
        run(),
        run(f"promote shop app @{SHA[:7]}"),
        OwnVoucher(),
    ],
    ids=["signed", "logins-have-no-case", "a-key-of-two", "run", "short-sha", "dry-run"],
)
def test_what_an_approver_asked_for_is_done(voucher: Voucher) -> None:
    rollout = guarded()
    request = asked(rollout, voucher)
    decided = rollout.turn()
    assert introduced(decided) == [("shop", 2)]
    assert request in rollout.inbox, "it waits until it has landed"


@pytest.mark.parametrize(
    ("voucher", "why"),
    [
        (NoVoucher("it is not signed"), "it is not signed"),
        (SignatureVoucher(("mallory",)), "mallory is no approver of shop: these are Alice, bob"),
        (run(f"promote shop @{SHA}", "mallory"), "mallory is no approver"),
        (run(f"promote shop @{SHA}", "alice", "mallory"), "mallory is no approver"),
        (run(f"promote shop @{SHA}", "mallory", "alice"), "mallory is no approver"),
        (run(f"promote shop @{SHA}", ""), "whoever asked is no approver"),
        (run(event="push"), "started by push"),
        (run(branch="evil"), "of the workflow on evil"),
        (run(title="promote lab @" + SHA), "is another one's"),
        (run(title=f"promote shop @{app_sha(3)}"), "is another one's"),
        (run(title="promote shop"), "is another one's"),
        (run(title=f"roll back shop @{SHA}"), "is another one's"),
        (run(title=f"promote shop @{SHA} (override)"), "is another one's"),
        (run(title=f"promote shop @{SHA} (override) (hotfix)"), "which images a hotfix has"),
        (run(title="Merge branch 'main'"), "needs our run-name"),
        (run(at=NOW - timedelta(days=31)), "older than 30 days"),
        (run(at=NOW + timedelta(days=1)), "a time to come"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_what_no_approver_asked_for_is_rejected(voucher: Voucher, why: str) -> None:
    rollout = guarded()
    request = asked(rollout, voucher)
    decided = rollout.turn()
    assert why in rejected(decided, request)
    assert "shop takes this from its approvers alone" in decided.rejected[request]
    assert rollout.ledger.spent == {}, "nobody can use up what another one may ask for"


def test_override_counts_only_if_the_run_was_asked_to_override() -> None:
    rollout = guarded()
    request = asked(rollout, run(), override="now")
    assert "is another one's" in rejected(rollout.turn(), request)
    good = asked(rollout, run(f"promote shop @{SHA} (override)"), override="now")
    assert introduced(rollout.turn()) == [("shop", 2)]
    assert good in rollout.inbox


def test_rerun_approves_nothing_also_if_it_is_the_approvers() -> None:
    rollout = guarded()
    request = asked(rollout, run(), run=WorkflowRun(id=7, attempt=2))
    assert "re-run, which approves nothing" in rejected(rollout.turn(), request)


@pytest.mark.parametrize(
    ("members", "is_in"),
    [
        (Members({("acme/release", "alice"): True}), True),
        (Members({("acme/release", "alice"): False}), False),
    ],
)
def test_team_is_asked_for(members: Members, is_in: bool) -> None:
    rollout = guarded(TEAM)
    request = asked(rollout, SignatureVoucher(("alice",), members))
    decided = rollout.turn()
    assert (introduced(decided) == [("shop", 2)]) is is_in
    assert (request in decided.rejected) is not is_in


def test_where_a_team_cannot_be_seen_the_request_waits_and_says_what_to_do() -> None:
    rollout = guarded(TEAM)
    members = Members({}, "the token lacks `members: read`", "let an App have it")
    request = asked(rollout, SignatureVoucher(("alice",), members))
    decided = rollout.turn()
    assert not introduced(decided)
    assert request in rollout.inbox
    assert "the token lacks `members: read`; let an App have it" in waits_for(decided)
    rollout.vouchers[request] = SignatureVoucher(
        ("alice",), Members({(TEAM[0].casefold(), "alice"): True})
    )
    assert introduced(rollout.turn()) == [("shop", 2)]


def test_who_is_named_beside_a_team_needs_nobody_to_see_it() -> None:
    rollout = guarded((*TEAM, "alice"))
    asked(rollout, ALICE)
    assert introduced(rollout.turn()) == [("shop", 2)]


def test_where_who_asked_is_not_known_the_request_does_nothing_and_nothing_is_written() -> None:
    rollout = guarded()
    request = asked(rollout, UnknownVoucher("GitHub is away", "try again"))
    decided = rollout.decide()
    assert not decided.is_change
    assert request not in decided.ended
    assert "proof that an approver of shop asked: GitHub is away; try again" in waits_for(decided)


def test_journal_names_who_asked_and_not_who_the_request_says() -> None:
    rollout = guarded()
    hold = rollout.held("shop")
    release = Release(
        accepted_at=rollout.ago(1), by="the boss", wave="shop", ends=(hold.id,), reason="go on"
    )
    rollout.asked(release)
    rollout.vouchers[release.id] = ALICE
    decided = rollout.turn()
    assert [(one.what, one.by) for one in decided.entries if one.what == "released"] == [
        ("released", "alice")
    ]


def test_same_words_count_once() -> None:
    rollout = guarded()
    first = asked(rollout, run())
    rollout.landing("shop", 2, landed=1, how="promote")
    assert first in rollout.turn().ended
    assert rollout.ledger.spent == {"run-7-1": run().at}
    rollout.landing("shop", 1, landed=0, how="roll back")
    again = asked(rollout, run(), accepted_at=rollout.ago(0))
    assert again != first
    assert "said before" in rejected(rollout.turn(), again)


def test_signed_request_counts_once() -> None:
    rollout = guarded()
    first = asked(rollout, ALICE)
    fact = rollout.inbox[first]
    rollout.landing("shop", 2, landed=1, how="promote")
    rollout.turn()
    rollout.landing("shop", 1, landed=0, how="roll back")
    rollout.asked(fact)
    assert "said before" in rejected(rollout.turn(), first)


def test_what_was_used_is_forgotten_once_it_could_not_count_any_more() -> None:
    rollout = guarded()
    asked(rollout, run())
    rollout.landing("shop", 2, landed=1, how="promote")
    rollout.turn()
    assert rollout.ledger.spent
    rollout.later(31 * 24 * 60)
    rollout.landing("lab", 3, landed=2, deployed=1)
    rollout.landing("shop", 3, landed=0, how="promote")
    request = rollout.promotion("shop", 3, accepted_at=rollout.ago(0))
    rollout.vouchers[request] = ALICE
    rollout.turn()
    assert [*rollout.ledger.spent] == [request]


# What else is guarded, and what is not


def test_rollback_is_guarded_and_goes_where_the_run_was_to_go() -> None:
    rollout = guarded()
    oldest = rollout.ledger.of("shop", "app").landings[0]
    rollout.landing("shop", 2, landed=20, deployed=10, how="promote")
    rollout.landing("lab", 3, landed=8, deployed=7)
    rollout.landing("shop", 3, landed=5, deployed=3, how="promote")
    back = rollout.rollback("shop", oldest)
    fact = msgspec.structs.replace(rollout.inbox.pop(back), run=WorkflowRun(id=8))
    request = rollout.asked(fact)
    rollout.vouchers[request] = run("roll back shop")
    assert "to another set than its run" in rejected(rollout.decide(), request)
    rollout.vouchers[request] = run(f"roll back shop @{app_sha(1)}")
    assert introduced(rollout.decide()) == [("shop", 1)]
    rollout.vouchers[request] = run(f"roll back shop at:{rollout.ago(30).isoformat()}")
    assert introduced(rollout.decide()) == [("shop", 1)]
    rollout.vouchers[request] = run(f"roll back shop at:{rollout.ago(15).isoformat()}")
    assert "to another set than its run" in rejected(rollout.decide(), request)


def test_rollback_without_a_goal_is_the_one_that_would_be_chosen() -> None:
    rollout = guarded()
    oldest = rollout.ledger.of("shop", "app").landings[0]
    rollout.landing("shop", 2, landed=5, deployed=3, how="promote")
    request = rollout.rollback("shop", oldest)
    rollout.vouchers[request] = run("roll back shop")
    assert introduced(rollout.decide()) == [("shop", 1)]


@pytest.mark.parametrize(
    ("title", "is_let"),
    [
        ("release shop", True),
        ("release shop app", False),
        ("release lab", False),
        ("release *", False),
        ("release", False),
    ],
)
def test_release_is_guarded_and_ends_what_its_run_was_to_end(title: str, is_let: bool) -> None:
    rollout = guarded()
    hold = rollout.held("shop")
    release = rollout.asked(
        Release(accepted_at=NOW, wave="shop", ends=(hold.id,), reason="x", run=WorkflowRun(id=1))
    )
    rollout.vouchers[release] = run(title)
    assert (release not in rollout.turn().rejected) is is_let
    assert (not rollout.holds) is is_let


def test_release_of_one_wave_does_not_end_a_hold_of_another_one() -> None:
    rollout = guarded()
    hold = rollout.held("shop")
    release = Release(accepted_at=NOW, wave="lab", ends=(hold.id,), reason="x")
    rollout.asked(release)
    assert rollout.decide().to_vouch == (release.id,), "shop is guarded, whatever it says"
    rollout.vouchers[release.id] = run("release lab")
    assert "other holds" in rollout.turn().rejected[release.id]
    assert rollout.holds


def test_hold_beneath_another_one_is_guarded_like_any() -> None:
    rollout = guarded()
    beneath = rollout.hold("shop", until=rollout.ago(-30))
    rollout.turn()
    rollout.hold("*")
    rollout.turn()
    assert rollout.holds["shop", "_"].id != beneath
    release = Release(accepted_at=NOW, wave="lab", ends=(beneath,), reason="x")
    rollout.asked(release)
    assert rollout.decide().to_vouch == (release.id,), "shop is guarded, whatever it says"


def test_release_does_not_end_a_hold_that_came_after_its_run() -> None:
    rollout = guarded()
    hold = rollout.held("shop")
    release = Release(accepted_at=NOW, wave="shop", ends=(hold.id,), reason="x")
    rollout.asked(release)
    rollout.vouchers[release.id] = run("release shop", at=rollout.ago(10))
    assert "placed after its run" in rollout.turn().rejected[release.id]
    assert rollout.holds


def test_hotfix_takes_a_signature_for_a_run_does_not_say_what_is_in_it() -> None:
    rollout = guarded()
    request = rollout.hotfix("shop", 1)
    rollout.vouchers[request] = run("promote shop (override)")
    assert request in rollout.decide().rejected
    rollout.vouchers[request] = ALICE
    assert [commit.operation.kind for commit in rollout.decide().auto] == ["hotfix"]


def test_retry_is_guarded() -> None:
    rollout = guarded()
    retry = Retry(accepted_at=NOW, wave="shop", set="app", app_sha=SHA)
    rollout.asked(retry)
    rollout.vouchers[retry.id] = run(f"retry @{SHA[:9]}", "mallory")
    assert retry.id in rollout.decide().rejected
    rollout.vouchers[retry.id] = run(f"retry @{SHA[:9]}")
    assert retry.id not in rollout.decide().rejected


def test_announcement_with_an_override_is_guarded_by_the_first_waves() -> None:
    rollout = Rollout(two_waves().settings)
    plain = rollout.announced(5)
    assert rollout.decide().to_vouch == ()
    guarded_lab = two_waves()
    lab, shop = guarded_lab.settings.waves
    guarded_lab.settings = msgspec.structs.replace(
        guarded_lab.settings, waves=(msgspec.structs.replace(lab, approvers=("alice",)), shop)
    )
    assert plain in (guarded_lab.announced(5),)
    forced = guarded_lab.announced(1, override="again")
    assert guarded_lab.decide().to_vouch == (forced,)


def test_announcement_that_comes_once_more_has_no_second_ending() -> None:
    """Its approver's words counted once; nobody is asked for them again, and the journal has said
    how it ended."""
    rollout = two_waves()
    lab, shop = rollout.settings.waves
    rollout.settings = msgspec.structs.replace(
        rollout.settings, waves=(msgspec.structs.replace(lab, approvers=("alice",)), shop)
    )
    rollout.landing("lab", 9)
    announced = rollout.inbox.pop(rollout.announced(8))
    fact = msgspec.structs.replace(announced, retry=True)
    request = rollout.asked(fact)
    rollout.vouchers[request] = ALICE
    rollout.turn()
    assert rollout.ledger.how_ended(request) == "superseded"
    rollout.asked(fact)
    decided = rollout.turn()
    assert decided.ended == (request,)
    assert not decided.rejected
    assert rollout.ledger.how_ended(request) == "superseded"


def test_anybody_may_hold() -> None:
    rollout = guarded()
    hold = HoldRequest(accepted_at=NOW, by="mallory", wave="shop", set="_", reason="stop")
    rollout.asked(hold)
    rollout.turn()
    assert rollout.holds["shop", "_"].by == "mallory"


def test_approval_falls_with_its_approver() -> None:
    rollout = guarded()
    request = asked(rollout, SignatureVoucher(("bob",)))
    rollout.turn()
    assert [commit.operation.wave for commit in rollout.auto] == ["shop"]
    lab, shop = rollout.settings.waves
    rollout.settings = msgspec.structs.replace(
        rollout.settings, waves=(lab, msgspec.structs.replace(shop, approvers=("alice",)))
    )
    rollout.pushed("bob left")
    assert request in rollout.turn().rejected
    assert not rollout.auto


def begun_rollback() -> tuple[Rollout, str]:
    """A rollback of the shop is on auto, and green; alice has asked for it."""
    rollout, (oldest, _, _) = three_in_the_shop()
    request = rollout.rollback("shop", oldest)
    rollout.vouchers[request] = ALICE
    rollout.turn()
    rollout.green(rollout.auto[0].sha)
    return rollout, request


def test_rollback_that_has_begun_ends_with_its_approver() -> None:
    rollout, request = begun_rollback()
    rollout.vouchers[request] = SignatureVoucher(("mallory",))
    decided = rollout.turn()
    assert request in decided.rejected
    assert (decided.landed, rollout.auto, rollout.ledger.rollbacks) == (None, [], [])
    assert rollout.holds["shop", "app"].reason, "who asked for it may have had a reason"


def test_rollback_that_has_begun_waits_while_nobody_knows_who_asked() -> None:
    rollout, request = begun_rollback()
    rollout.vouchers[request] = UnknownVoucher("GitHub is away", "try again")
    decided = rollout.turn()
    assert (decided.landed, decided.auto) == (None, ()), "so nothing else waits behind it"
    assert "GitHub is away" in waits_for(decided)
    assert not rollout.turn().is_change
    rollout.vouchers[request] = ALICE
    again = rollout.turn().auto[0]
    assert again.operation.kind == "roll back"
    rollout.green(again.sha)
    assert rollout.turn().landed == again.sha


def test_hold_of_a_hotfix_is_not_placed_anew_once_it_is_known_again_who_asked() -> None:
    rollout = guarded()
    request = rollout.hotfix("shop", 1)
    rollout.vouchers[request] = ALICE
    rollout.turn()
    rollout.vouchers[request] = UnknownVoucher("GitHub is away", "try again")
    rollout.turn()
    rollout.holds.clear()
    rollout.vouchers[request] = ALICE
    decided = rollout.turn()
    assert decided.holds == {}
    assert [one.operation.kind for one in decided.auto] == ["hotfix"]


DAY = 24 * 60


@pytest.mark.parametrize(
    ("ago", "why"),
    [(-60, None), (-61, "a time to come"), (30 * DAY, None), (30 * DAY + 1, "older than 30 days")],
    ids=["an-hour-ahead", "further-ahead", "thirty-days-old", "older"],
)
def test_what_was_asked_counts_for_thirty_days_and_clocks_may_differ_by_an_hour(
    ago: float, why: str | None
) -> None:
    rollout = guarded()
    rollout.ledger.of("lab", "app").landings[-1].landed_at = rollout.ago(31 * DAY)
    request = asked(rollout, run(at=rollout.ago(ago)))
    decided = rollout.decide()
    if why is None:
        assert introduced(decided) == [("shop", 2)]
    else:
        assert why in rejected(decided, request)


def test_release_may_end_a_hold_that_was_placed_as_its_run_was_started() -> None:
    rollout = guarded()
    hold = rollout.held("shop")
    release = Release(
        accepted_at=NOW, wave="shop", ends=(hold.id,), reason="x", run=WorkflowRun(id=1)
    )
    rollout.vouchers[rollout.asked(release)] = run("release shop", at=hold.since)
    assert rollout.turn().rejected == {}


def test_rollback_to_a_time_is_to_what_had_landed_by_then_below_what_it_leaves() -> None:
    """What has landed since the run was asked for is not what it goes back to."""
    rollout = guarded()
    rollout.landing("lab", 3, landed=8, deployed=7)
    rollout.ledger.of("shop", "app").landings.clear()
    first = rollout.landing("shop", 1, landed=50, deployed=45)
    rollout.landing("shop", 2, landed=20, deployed=10, how="promote")
    request = rollout.rollback("shop", first)
    rollout.landing("shop", 3, landed=2, deployed=1, how="promote")
    rollout.vouchers[request] = run(f"roll back shop at:{rollout.ago(50).isoformat()}")
    assert introduced(rollout.decide()) == [("shop", 1)]
    rollout.vouchers[request] = run(f"roll back shop at:{rollout.ago(51).isoformat()}")
    assert "another set" in rejected(rollout.decide(), request)
    rollout.vouchers[request] = run("roll back shop")
    assert introduced(rollout.decide()) == [("shop", 1)]


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (SignatureVoucher(("alice",)), None),
        (SignatureVoucher(("eve", "alice")), None),
        (SignatureVoucher(("eve",)), "eve is no approver"),
        (SignatureVoucher(("eve", "mallory")), "eve is no approver"),
        (NoVoucher("it is not signed"), "it is not signed"),
        (UnknownVoucher("no ssh-keygen", "install it"), "no ssh-keygen"),
    ],
    ids=["an-approver", "one-of-a-key", "nobody", "neither-of-a-key", "unsigned", "unknown"],
)
def test_signature_is_looked_at_before_a_request_is_sent(
    found: SignatureVoucher | NoVoucher | UnknownVoucher, why: str | None
) -> None:
    waves = (guarded().settings.waves[1],)
    if why is None:
        check_signature(waves, found, "approvers")
        return
    with pytest.raises(Refused, match=f"this would not count: {why}"):
        check_signature(waves, found, "approvers")


# A wave that names an environment


def reviewed_on_github(**shop: Any) -> Rollout:
    """The wave shop takes what the reviewers of `Production` let through."""
    return two_waves(approval=True, environment="Production", **shop)


def waiting_run(
    *said: Review, environment: Environment | None = PROTECTED, **given: Any
) -> Voucher:
    """A run by anybody that waits for reviewers; what they have said so far."""
    return run(
        given.pop("title", f"promote shop @{SHA}"),
        "mallory",
        reviews=said,
        environments={} if said else {"Production": environment},
        url="https://github.com/acme/cfg-app/actions/runs/7",
        **given,
    )


def test_what_a_reviewer_lets_through_is_done_whoever_asked() -> None:
    rollout = reviewed_on_github()
    asked(rollout, waiting_run(Review("production", "grace", is_approved=True)))
    decided = rollout.turn()
    assert introduced(decided) == [("shop", 2)]
    assert "asked for by mallory (reviewed by grace)" in decided.auto[0].operation.why


def test_nothing_is_done_before_a_reviewer_has_looked_and_status_says_where_that_is_done() -> None:
    rollout = reviewed_on_github()
    asked(rollout, None, run=WorkflowRun(id=7))
    assert "approval for shop on GitHub, reviewed in the environment Production" in waits_for(
        rollout.decide()
    )
    rollout.vouchers = dict.fromkeys(rollout.inbox, waiting_run())
    decided = rollout.decide()
    assert not introduced(decided)
    assert not decided.is_change
    (asks, approval) = [
        line for line in decided.waiting if isinstance(line.obstacles[-1], MissingReview)
    ]
    assert {asks.about.at, approval.about.at} == {"asked", "for"}
    assert "a reviewer of the environment Production on GitHub: https" in waits_for(decided)
    (change,) = awaiting_approval(rollout.snapshot(), decided.waiting)
    assert (change.wave, change.after) == ("shop", SHA), "who reviews it sees what would change"
    assert environment_of(decided.waiting, 7) == "Production"
    assert environment_of(decided.waiting, 8) is None, "another run asks nobody for a review"


@pytest.mark.parametrize(
    ("voucher", "why"),
    [
        (waiting_run(Review("Production", "grace", is_approved=False)), "grace rejected it"),
        (
            waiting_run(
                Review("Production", "grace", is_approved=False),
                Review("Production", "heidi", is_approved=True),
            ),
            "grace rejected it",
        ),
        (waiting_run(environment=None), "there is no such environment"),
        (waiting_run(environment=Environment()), "has no required reviewers"),
        (waiting_run(is_over=True), "ended without a review"),
        (waiting_run(Review("staging", "grace", is_approved=True)), "no such environment"),
        (
            waiting_run(Review("Production", "grace", is_approved=True), branch="evil"),
            "workflow on evil",
        ),
        (
            waiting_run(Review("Production", "grace", is_approved=True), event="push"),
            "started by push",
        ),
        (
            waiting_run(
                Review("Production", "grace", is_approved=True), title=f"promote lab @{SHA}"
            ),
            "is another one's",
        ),
        (ALICE, "a signature is no review"),
        (NoVoucher("it is not signed"), "it is not signed"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_what_no_reviewer_let_through_is_rejected(voucher: Voucher, why: str) -> None:
    rollout = reviewed_on_github()
    request = asked(rollout, voucher)
    decided = rollout.turn()
    assert why in rejected(decided, request)
    whose = "shop takes this from the reviewers of the environment Production on GitHub alone"
    assert whose in decided.rejected[request]


@pytest.mark.parametrize("what", ["promotion", "rollback"])
def test_a_re_run_has_no_review_of_its_own(what: str) -> None:
    """GitHub does not say which attempt at a run a review was for."""
    rollout = reviewed_on_github()
    again = WorkflowRun(id=7, attempt=2)
    yes = Review("Production", "grace", is_approved=True)
    if what == "rollback":
        oldest = rollout.ledger.of("shop", "app").landings[0]
        rollout.landing("shop", 2, landed=5, deployed=3, how="promote")
        fact = rollout.inbox.pop(rollout.rollback("shop", oldest))
        request = rollout.asked(msgspec.structs.replace(fact, run=again))
        rollout.vouchers[request] = waiting_run(yes, title="roll back shop")
    else:
        request = asked(rollout, waiting_run(yes), run=again)
    assert "re-run, which approves nothing" in rejected(rollout.turn(), request)


def test_one_review_is_good_for_one_request() -> None:
    rollout = reviewed_on_github()
    yes = waiting_run(Review("Production", "grace", is_approved=True))
    first = asked(rollout, yes)
    rollout.landing("shop", 2, landed=1, how="promote")
    assert first in rollout.turn().ended
    rollout.landing("shop", 1, landed=0, how="roll back")
    again = asked(rollout, yes, accepted_at=rollout.ago(0))
    assert "said before" in rejected(rollout.turn(), again)


def test_request_about_two_environments_is_rejected() -> None:
    """Only one of them could be named in the run's one job."""
    rollout = reviewed_on_github()
    lab, shop = rollout.settings.waves
    lab = msgspec.structs.replace(lab, approval=True, environment="lab")
    rollout.settings = msgspec.structs.replace(rollout.settings, waves=(lab, shop))
    holds = [rollout.held("lab"), rollout.held("shop")]
    ends = tuple(one.id for one in holds)
    release = rollout.asked(Release(accepted_at=NOW, wave="lab", ends=ends, reason="x"))
    rollout.vouchers[release] = waiting_run(
        Review("lab", "grace", is_approved=True),
        Review("Production", "grace", is_approved=True),
        title="release lab",
    )
    assert release in rollout.turn().rejected
    assert len(rollout.holds) == 2


def everywhere(
    *said: Review, lab: Mapping[str, Any], attempt: int = 1, voucher: Voucher | None = None
) -> tuple[Rollout, str]:
    """All waves are held, and a run releases them all; what waves take is up to `lab`, too."""
    rollout = reviewed_on_github()
    first, shop = rollout.settings.waves
    first = msgspec.structs.replace(first, approval=True, **lab)
    rollout.settings = msgspec.structs.replace(rollout.settings, waves=(first, shop))
    rollout.hold("*", ago=9)
    rollout.turn()
    ends = tuple(one.id for one in rollout.holds.values())
    again = WorkflowRun(id=7, attempt=attempt)
    release = rollout.asked(Release(accepted_at=NOW, wave="*", ends=ends, reason="x", run=again))
    rollout.vouchers[release] = voucher or waiting_run(*said, title="release *", at=NOW)
    return rollout, release


def test_release_of_waves_with_two_environments_says_to_ask_for_one_at_a_time() -> None:
    yes = [Review(name, "grace", is_approved=True) for name in ("lab", "Production")]
    rollout, release = everywhere(*yes, lab={"environment": "lab"})
    why = "it is about lab and Production: ask for one wave at a time"
    assert why in rollout.turn().rejected[release]
    assert rollout.holds


def test_waves_with_the_same_environment_are_released_by_one_review() -> None:
    yes = Review("production", "grace", is_approved=True)
    rollout, release = everywhere(yes, lab={"environment": "PRODUCTION"})
    assert release not in rollout.turn().rejected
    assert not rollout.holds


def test_a_re_run_is_no_review_where_only_one_of_several_waves_takes_one() -> None:
    yes = Review("Production", "grace", is_approved=True)
    rollout, release = everywhere(yes, lab={"approvers": ("mallory",)}, attempt=2)
    assert "re-run, which approves nothing" in rollout.turn().rejected[release]
    rollout, release = everywhere(yes, lab={"approvers": ("mallory",)})
    assert release not in rollout.turn().rejected


# To the second

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("at", "is_let"),
    [
        (NOW - timedelta(days=30), True),
        (NOW - timedelta(days=30) - SECOND, False),
        (NOW + timedelta(hours=1), True),
        (NOW + timedelta(hours=1) + SECOND, False),
    ],
    ids=["30-days-old", "older", "an-hour-ahead", "further-ahead"],
)
def test_what_was_asked_counts_for_thirty_days_and_by_a_clock_that_is_an_hour_ahead(
    at: Any, *, is_let: bool
) -> None:
    rollout = guarded()
    request = asked(rollout, run(at=at))
    decided = rollout.turn()
    assert introduced(decided) == ([("shop", 2)] if is_let else [])
    assert (request in decided.rejected) is not is_let


@pytest.mark.parametrize(("later", "is_let"), [(timedelta(), True), (SECOND, False)])
def test_hold_that_was_placed_when_the_run_was_started_is_ended_by_it(
    later: timedelta, *, is_let: bool
) -> None:
    rollout = guarded()
    hold = rollout.held("shop")
    release = Release(accepted_at=NOW, wave="shop", ends=(hold.id,), reason="x")
    rollout.asked(release)
    rollout.vouchers[release.id] = run("release shop", at=hold.since - later)
    assert (release.id not in rollout.turn().rejected) is is_let


@pytest.mark.parametrize(("later", "is_let"), [(timedelta(), True), (SECOND, False)])
def test_rollback_to_a_time_goes_to_what_had_landed_by_then(
    later: timedelta, *, is_let: bool
) -> None:
    rollout = guarded()
    first = rollout.ledger.of("shop", "app").landings[0]
    second = rollout.landing("shop", 2, landed=20, deployed=10, how="promote")
    rollout.landing("shop", 3, landed=5, deployed=3, how="promote")
    fact = rollout.inbox.pop(rollout.rollback("shop", second))
    request = rollout.asked(msgspec.structs.replace(fact, run=WorkflowRun(id=8)))
    when = second.landed_at - later
    rollout.vouchers[request] = run(f"roll back shop at:{when.isoformat()}")
    assert first.landed_at < when
    assert (request not in rollout.decide().rejected) is is_let


@pytest.mark.parametrize(("days", "is_known"), [(30, True), (30.1, False)])
def test_what_was_used_is_known_for_as_long_as_it_could_count(
    days: float, *, is_known: bool
) -> None:
    rollout = guarded()
    rollout.ledger.spent = {"run-1-1": NOW - timedelta(days=days)}
    asked(rollout, run())
    rollout.landing("shop", 2, landed=1, how="promote")
    assert ("run-1-1" in rollout.turn().ledger.spent) is is_known


def test_key_of_several_people_counts_as_whoever_of_them_may_ask() -> None:
    """No answer about one of them keeps nothing from the other, and is told where nobody may."""
    rollout = guarded((*TEAM, "bob"))
    unknown = Members({}, "nobody can see", "look")
    asked(rollout, SignatureVoucher(("alice", "bob"), unknown))
    assert introduced(rollout.turn()) == [("shop", 2)]
    rollout = guarded(TEAM)
    known = Members({("acme/release", "bob"): False}, "nobody can see", "look")
    request = asked(rollout, SignatureVoucher(("bob", "alice"), known))
    assert request not in rollout.turn().rejected
    assert "nobody can see" in waits_for(rollout.decide())


def asked_by_run(rollout: Rollout, request: str, **changes: Any) -> str:
    """The same request, as a run of a workflow would have it."""
    fact = msgspec.structs.replace(rollout.inbox.pop(request), run=WorkflowRun(id=7), **changes)
    return rollout.asked(fact)


def three_in_the_shop() -> tuple[Rollout, list[Landing]]:
    """The shop has had 1, then 2, and has 3."""
    rollout = guarded()
    rollout.landing("lab", 3, landed=18, deployed=17)
    rollout.landing("shop", 2, landed=30, deployed=25, how="promote")
    rollout.landing("shop", 3, landed=15, deployed=13, how="promote")
    return rollout, rollout.ledger.of("shop", "app").landings


def test_rollback_goes_to_the_set_that_its_run_names_whatever_it_calls_its_own_goal() -> None:
    rollout, (oldest, older, _) = three_in_the_shop()
    request = rollout.rollback("shop", oldest)
    point = msgspec.structs.replace(oldest.point(), app_sha=older.app_sha)
    forged = asked_by_run(rollout, request, to=point)
    rollout.vouchers[forged] = run(f"roll back shop @{older.app_sha}")
    assert "to another set than its run" in rejected(rollout.decide(), forged)


def test_rollback_leaves_what_the_wave_had_when_its_run_was_started() -> None:
    """Or else it could go further back than whoever filled in the form has seen."""
    rollout, (oldest, older, present) = three_in_the_shop()
    request = rollout.rollback("shop", oldest)
    forged = asked_by_run(rollout, request, leaves=older.point())
    rollout.vouchers[forged] = run("roll back shop")
    assert "did not have any more when its run was started" in rejected(rollout.decide(), forged)
    good = asked_by_run(rollout, forged, leaves=present.point(), to=older.point())
    rollout.vouchers[good] = run("roll back shop")
    assert introduced(rollout.decide()) == [("shop", 2)]


def halve(rollout: Rollout, **approvers: tuple[str, ...]) -> None:
    """The shop is two waves from now on, in the order in which they are given."""
    lab, shop, *_ = rollout.settings.waves
    halves = [
        msgspec.structs.replace(shop, name=name, was=("shop",), after=("lab",), approvers=who)
        for name, who in (approvers or dict.fromkeys(("east", "west"), shop.approvers)).items()
    ]
    rollout.settings = msgspec.structs.replace(rollout.settings, waves=(lab, *halves))


def halves_of_a_rollback(**approvers: tuple[str, ...]) -> tuple[Rollout, str]:
    """A rollback of the shop was signed when that became two waves: GitHub can't say of the west
    who has asked. It has begun in the east."""
    rollout, (oldest, _, _) = three_in_the_shop()
    request = rollout.rollback("shop", oldest)
    halve(rollout, **(approvers or {"east": (), "west": ("acme/west",)}))
    rollout.vouchers[request] = ALICE
    rollout.vouchers[f"{request}+1"] = UnknownVoucher("GitHub is down", "wait")
    assert [one.wave for one in rollout.turn().ledger.rollbacks] == ["east"]
    return rollout, request


@pytest.mark.parametrize("names", [("east", "west"), ("west", "east")], ids=["kept", "swapped"])
def test_half_of_a_request_that_waits_outlasts_the_other_half(names: tuple[str, str]) -> None:
    rollout, request = halves_of_a_rollback()
    who = {"east": (), "west": ("acme/west",)}
    halve(rollout, **{name: who[name] for name in names})
    rollout.green(rollout.auto[0].sha)
    decided = rollout.turn()
    assert ("landed", "east") in [(one.what, one.wave) for one in decided.entries]
    assert decided.ended == ()
    rollout.later(1)
    decided = rollout.turn()
    assert not decided.is_change
    assert [one.id for one in decided.waiting if one.id] == [f"{request}+1"]
    rollout.vouchers[f"{request}+1"] = ALICE
    halve(rollout, east=(), west=("alice",))
    assert [one.wave for one in rollout.turn().ledger.rollbacks] == ["west"]
    rollout.green(rollout.auto[0].sha)
    assert rollout.turn().ended == (request,)


def test_half_of_a_request_that_waits_can_be_dropped_once_the_other_half_has_landed() -> None:
    rollout, request = halves_of_a_rollback()
    rollout.green(rollout.auto[0].sha)
    rollout.turn()
    drop = rollout.asked(Drop(accepted_at=NOW, by="ada", request=request))
    assert {*rollout.turn().ended} == {request, drop}
    assert "GitHub is down" not in waits_for(rollout.turn())


@pytest.mark.parametrize("is_signed", [True, False], ids=["signed", "by-a-run"])
def test_what_had_its_effect_has_none_again_where_its_wave_is_two_by_now(
    *, is_signed: bool
) -> None:
    rollout, (oldest, _, _) = three_in_the_shop()
    request = rollout.rollback("shop", oldest)
    if not is_signed:
        request = asked_by_run(rollout, request)
    halve(rollout)
    for one in (request, f"{request}+1"):
        rollout.vouchers[one] = ALICE if is_signed else run(f"roll back shop @{oldest.app_sha}")
    assert [one.wave for one in rollout.decide().ledger.rollbacks] == ["east", "west"]
    rollout.ledger.spent = {request if is_signed else "run-7-1": NOW}
    decided = rollout.decide()
    assert "was said before" in decided.rejected[request]
    assert not decided.ledger.rollbacks


@pytest.mark.parametrize(("ago", "is_let"), [(10, True), (9.5, False)])
def test_machines_clocks_may_differ_by_five_minutes(ago: float, *, is_let: bool) -> None:
    """What landed shortly before a run was started may not have been seen by who started it."""
    rollout, (oldest, older, _) = three_in_the_shop()
    request = asked_by_run(rollout, rollout.rollback("shop", oldest), leaves=older.point())
    rollout.vouchers[request] = run("roll back shop", at=rollout.ago(ago))
    assert (request not in rollout.decide().rejected) is is_let


def test_rollback_to_a_set_that_is_named_may_go_back_far(monkeypatch: pytest.MonkeyPatch) -> None:
    """A time says which set is meant only where nothing between was let go; a name always does."""
    monkeypatch.setattr(ledger, "KEPT_SETS", 1)
    rollout, (oldest, _, _) = three_in_the_shop()
    request = asked_by_run(rollout, rollout.rollback("shop", oldest))
    rollout.vouchers[request] = run(f"roll back shop @{oldest.app_sha}")
    assert request not in rollout.decide().rejected
    rollout.vouchers[request] = run(f"roll back shop at:{rollout.ago(100).isoformat()}")
    assert "another set" in rollout.decide().rejected[request]


@pytest.mark.parametrize("words", ["noon", "tuesday 14:00", "2 h ago"])
def test_run_that_names_no_time_stops_its_own_request_and_nothing_else(words: str) -> None:
    rollout, (oldest, _, _) = three_in_the_shop()
    request = asked_by_run(rollout, rollout.rollback("shop", oldest))
    rollout.vouchers[request] = run(f"roll back shop at:{words}")
    hold = rollout.hold("lab")
    decided = rollout.turn()
    assert f"at '{words}' is not a time: its form needs a moment" in decided.rejected[request]
    assert hold in decided.ended


def test_rollback_to_the_second_in_which_a_set_landed_is_to_that_set() -> None:
    """Answers tell times to the second, and people copy them."""
    rollout, (_, older, _) = three_in_the_shop()
    told = older.landed_at
    older.landed_at += timedelta(milliseconds=300)
    request = asked_by_run(rollout, rollout.rollback("shop", older))
    rollout.vouchers[request] = run(f"roll back shop at:{told.isoformat()}")
    assert introduced(rollout.decide()) == [("shop", 2)]


def test_what_waits_for_a_reviewer_can_be_dropped_and_is_not_done_once_it_is_reviewed() -> None:
    rollout = reviewed_on_github()
    request = asked(rollout, waiting_run())
    drop = rollout.asked(Drop(accepted_at=NOW, by="ada", request=request))
    decided = rollout.turn()
    assert {request, drop} <= {*decided.ended}
    assert rollout.ledger.how_ended(request) == "dropped"
    assert "a reviewer of the environment" not in waits_for(decided)
    assert "approval for shop" in waits_for(decided)
    yes = waiting_run(Review("Production", "grace", is_approved=True))
    again = asked(rollout, yes, accepted_at=rollout.ago(0))
    assert "said before" in rejected(rollout.turn(), again)


def test_what_waits_for_proof_of_who_asked_can_be_dropped() -> None:
    rollout = guarded()
    request = asked(rollout, UnknownVoucher("GitHub is away", "try again"))
    rollout.asked(Drop(accepted_at=NOW, by="ada", request=request))
    decided = rollout.turn()
    assert rollout.ledger.how_ended(request) == "dropped"
    assert "proof that" not in waits_for(decided)
    assert rollout.ledger.spent == {}, "nobody knows whose it was"


@pytest.mark.parametrize("is_known", [True, False])
def test_release_that_is_dropped_before_anybody_let_it_in_ends_no_hold(is_known: bool) -> None:
    rollout = reviewed_on_github()
    hold = rollout.held("shop")
    release = Release(
        accepted_at=NOW, wave="shop", ends=(hold.id,), reason="x", run=WorkflowRun(id=7)
    )
    unknown = UnknownVoucher("GitHub is away", "try again")
    found = waiting_run(title="release shop") if is_known else unknown
    rollout.vouchers[rollout.asked(release)] = found
    rollout.asked(Drop(accepted_at=NOW, by="ada", request=release.id))
    rollout.turn()
    assert rollout.ledger.how_ended(release.id) == "dropped"
    assert rollout.holds["shop", "_"] == hold


@pytest.mark.parametrize(
    ("words", "is_theirs"),
    [
        (("release-wave", "--wave", "shop", "--reason", "x"), True),
        (("rollback-wave", "--wave", "shop", "--set", "app", "--reason", "x"), True),
        (("retry", "--sha", "a1", "--set", "app", "--wave", "shop"), True),
        (("retry", "--sha", "a1"), False),
        (("release-wave", "--wave", "lab", "--reason", "x"), False),
        (("drop", "--id", "hold-1"), False),
        (("hold-wave", "--wave", "shop", "--reason", "x"), False),
        (("status",), False),
    ],
    ids=str,
)
def test_what_reviewers_alone_may_say_is_said_by_a_form(
    words: tuple[str, ...], *, is_theirs: bool
) -> None:
    found = reviewed_on_github().settings
    assert is_for_reviewers(found, words) is is_theirs


@pytest.mark.parametrize("rollout", [reviewed_on_github(), guarded()], ids=["reviewers", "others"])
def test_line_of_a_wave_with_an_environment_ends_with_a_form(rollout: Rollout) -> None:
    is_reviewed = any(one.environment for one in rollout.settings.waves)
    rollout.held("shop")
    line = next(one for one in rollout.decide().waiting if "is held" in one.obstacles[0].words())
    assert line_command(line)[0] == "release-wave"
    assert form(line) == (line_command(line) if is_reviewed else None)
