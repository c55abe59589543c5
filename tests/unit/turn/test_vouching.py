"""Who has asked: which voucher is looked up for a request, and what is said where there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from msgspec.structs import replace
from tests.unit.snapshots import LAB, NOW, SHOP, Rollout, settings, sha

from tidemill.clients.git.store import Store
from tidemill.errors import Unreachable
from tidemill.facts.requests import HoldRequest, WorkflowRun
from tidemill.facts.snapshot import Snapshot
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
from tidemill.turn.forge import Forge
from tidemill.turn.vouching import keys_on, vouched

ADA = SignatureVoucher(("ada",))
MAIN, OTHER, COMMIT = sha("main"), sha("other"), sha("commit")
RUN = RunVoucher(
    actors=("ada", "grace"), event="workflow_dispatch", branch="main", title="hold", at=NOW
)
ASKED = HoldRequest(accepted_at=NOW, wave="lab", set="_", reason="x")
SIGNED = replace(ASKED, main=MAIN)
BY_RUN = replace(ASKED, run=WorkflowRun(id=7, attempt=2))


@dataclass
class Repository:
    """Main has a folder of keys; `ancestors` are the commits that it has, `signature` is who."""

    signature: Voucher = ADA
    there: Sequence[str] = (MAIN,)
    ancestors: Sequence[str] = (MAIN,)
    keys: Mapping[str, bytes] = field(default_factory=dict)

    fetched: list[str] = field(default_factory=list)

    def fetch_below(self, commit: str, paths: Sequence[str]) -> None:
        assert commit == MAIN
        self.fetched += paths

    def texts(self, commit: str, paths: Sequence[str]) -> Any:
        assert self.fetched == paths
        return iter([("approvers/ada.keys", b"k"), ("approvers/grace.keys", b"g")])

    def signed_by(self, commit: str, keys: Mapping[str, bytes]) -> Voucher:
        assert commit == COMMIT
        self.keys = keys
        return self.signature

    def exists(self, commit: str, paths: Sequence[str] = (), *, again: bool = True) -> bool:
        assert not again, "whoever asks for another repository may wait for nothing"
        return commit in self.there

    def is_ancestor(self, ancestor: str, commit: str) -> bool:
        assert commit == MAIN
        return ancestor in self.ancestors


@dataclass
class Hub:
    """GitHub: a run, what reviewers said of it, and who is in which team."""

    found: RunVoucher | None = RUN
    said: tuple[Review, ...] = ()
    teams: Sequence[tuple[str, str]] = ()
    is_away: bool = False
    asked: list[tuple[str, ...]] = field(default_factory=list)

    def run(self, run_id: int, attempt: int) -> RunVoucher | None:
        assert (run_id, attempt) == (7, 2)
        if self.is_away:
            raise Unreachable("GitHub is away", remedy="run it again")
        return self.found

    def reviews(self, run_id: int) -> tuple[Review, ...]:
        self.asked.append(("reviews", str(run_id)))
        return self.said

    def environment(self, name: str) -> Environment | None:
        self.asked.append(("environment", name))
        return Environment(has_reviewers=True)

    def is_member(self, team: str, login: str) -> bool:
        self.asked.append((team, login))
        if login == "eve":
            raise Unreachable("no answer for eve", remedy="give the token the right")
        return (team, login) in self.teams


def voucher(
    asked: HoldRequest,
    store: Repository | None = None,
    forge: Hub | None = None,
    *,
    is_in_ref: bool = True,
    waves: Mapping[str, Any] | None = None,
) -> Voucher:
    """What stands for who has asked."""
    known: Snapshot = Rollout(settings(**(waves or {"lab": LAB, "shop": SHOP}))).snapshot()
    commits = {asked.id: COMMIT} if is_in_ref else {}
    known = replace(known, inbox={asked.id: asked}, commits=commits)
    found = vouched(
        cast(Store, store or Repository()), cast(Forge, forge or Hub()), known, asked.id
    )
    return found.vouchers[asked.id]


def test_what_is_in_no_ref_is_a_dry_run_s_own() -> None:
    assert voucher(SIGNED, is_in_ref=False) == OwnVoucher()


def test_keys_are_known_by_the_names_of_their_files() -> None:
    found = keys_on(cast(Store, Repository()), settings(lab=LAB), MAIN)
    assert found == {"ada.keys": b"k", "grace.keys": b"g"}


def test_signature_of_main_s_keys_counts() -> None:
    store = Repository()
    assert voucher(SIGNED, store) == SignatureVoucher(("ada",))
    assert store.keys == {"ada.keys": b"k", "grace.keys": b"g"}


def test_what_nobody_signed_says_so() -> None:
    none = NoVoucher("it is not signed")
    assert voucher(SIGNED, Repository(none)) == none
    assert voucher(ASKED, Repository(none)) == none, "it was not signed for another one either"
    unknown = UnknownVoucher("no ssh-keygen here", "install it")
    assert voucher(SIGNED, Repository(unknown)) == unknown


@pytest.mark.parametrize(
    ("asked", "there", "ancestors", "counts"),
    [
        (SIGNED, (), (), True),
        (replace(SIGNED, main=OTHER), (OTHER,), (OTHER,), True),
        (replace(SIGNED, main=OTHER), (OTHER,), (), False),
        (replace(SIGNED, main=OTHER), (), (OTHER,), False),
        (ASKED, (MAIN,), (MAIN,), False),
    ],
    ids=["main-itself", "an-earlier-main", "a-branch", "not-here", "it-says-none"],
)
def test_signature_counts_for_the_repository_that_it_names(
    asked: HoldRequest, there: Sequence[str], ancestors: Sequence[str], counts: object
) -> None:
    found = voucher(asked, Repository(there=there, ancestors=ancestors))
    assert isinstance(found, SignatureVoucher) is counts
    assert counts or "signed for another repository" in getattr(found, "reason", "")


def test_run_counts_where_github_knows_it() -> None:
    assert voucher(BY_RUN) == RUN
    missing = voucher(BY_RUN, forge=Hub(found=None))
    assert missing == NoVoucher("GitHub knows no attempt 2 at a run 7")
    away = voucher(BY_RUN, forge=Hub(is_away=True))
    assert away == UnknownVoucher("GitHub is away", "run it again")


def test_reviews_are_looked_up_where_a_wave_names_an_environment() -> None:
    forge = Hub()
    voucher(BY_RUN, forge=forge)
    assert forge.asked == []
    waves = {
        "lab": LAB,
        "den": {**SHOP, "environment": "Gate", "approval": True},
        "shop": {**SHOP, "environment": "other", "approval": True},
    }
    said = (Review(environment="gate", by="grace", is_approved=True),)
    forge = Hub(said=said)
    found = voucher(BY_RUN, forge=forge, waves=waves)
    assert isinstance(found, RunVoucher)
    assert found.reviews == said
    assert found.environments == {"other": Environment(has_reviewers=True)}
    assert forge.asked == [("reviews", "7"), ("environment", "other")]


def test_teams_that_waves_name_are_asked_about_everybody_who_started_it() -> None:
    waves = {
        "lab": {**LAB, "approvers": ["acme/Ops", "ada"]},
        "shop": {**SHOP, "approvers": ["acme/ops"]},
    }
    forge = Hub(teams=[("acme/ops", "grace")])
    found = voucher(BY_RUN, forge=forge, waves=waves)
    assert isinstance(found, RunVoucher)
    known = {("acme/ops", "ada"): False, ("acme/ops", "grace"): True}
    assert found.members == Members(known, "", "")
    assert forge.asked == [("acme/ops", "ada"), ("acme/ops", "grace")]


def test_member_of_whom_nothing_can_be_seen_is_not_known_and_why_is_said() -> None:
    waves = {"lab": {**LAB, "approvers": ["acme/ops"]}, "shop": SHOP}
    run = replace(RUN, actors=("", "eve", "Grace"))
    found = voucher(BY_RUN, forge=Hub(found=run), waves=waves)
    assert isinstance(found, RunVoucher)
    assert found.members == Members(
        {("acme/ops", "grace"): False}, "no answer for eve", "give the token the right"
    )


def test_signers_are_looked_for_in_teams_too() -> None:
    waves = {"lab": {**LAB, "approvers": ["acme/ops"]}, "shop": SHOP}
    found = voucher(SIGNED, forge=Hub(teams=[("acme/ops", "ada")]), waves=waves)
    assert isinstance(found, SignatureVoucher)
    assert found.members.known == {("acme/ops", "ada"): True}
