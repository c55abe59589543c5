"""Results as commands return them, of plans and images that are really made."""

from __future__ import annotations

import io
from collections.abc import Iterable
from contextlib import redirect_stdout
from pathlib import Path

import msgspec
from tests.unit.snapshots import NOW, SHOP, Rollout, settings, stack

from tidemill.commands._command_line import parse
from tidemill.commands._parts import Part
from tidemill.commands._remedies import Remedies
from tidemill.commands._results import (
    Build,
    Reconciliation,
    Request,
    RequestAndTurn,
    StatusReport,
    TurnTaken,
)
from tidemill.commands._table import run
from tidemill.commands._turning import turn_taken
from tidemill.commands._writing import write
from tidemill.facts.ledger import Refusal
from tidemill.facts.naming import Naming
from tidemill.plan.plan import Plan, plan
from tidemill.plan.status import status
from tidemill.turn.outcome import NothingDue, TurnOutcome, Wrote
from tidemill.turn.statuses import StatusChanges

URL = "https://github.com/acme/cfg-app"
REMEDIES = Remedies.of(URL, NOW)
ACCEPTED = Request("accepted", "announcement-app-2")
DOCKERFILE = "FROM scratch\nCOPY web /web\n"


def taken(
    decided: Plan, outcome: TurnOutcome | None = None, refused: str | None = None
) -> TurnTaken:
    """A turn that wrote what it decided, if there was something."""
    written = Wrote() if decided.is_change else NothingDue()
    return turn_taken(decided, outcome or written, REMEDIES, refused)


def reconciled(
    rollout: Rollout, outcome: TurnOutcome | None = None, settled: tuple[str, ...] = ()
) -> Reconciliation:
    """What reconcile-cfg-app returns."""
    return Reconciliation(taken(rollout.decide(), outcome), StatusChanges(settled))


def shown(rollout: Rollout) -> StatusReport:
    """What status returns."""
    decided = rollout.decide(without_landing=True)
    return StatusReport(status(rollout.snapshot(), decided), REMEDIES)


def announced() -> RequestAndTurn:
    """Position 2 was accepted and is on auto for lab; shop waits for a person's approval of 1."""
    rollout = Rollout(settings(lab={"targets": ["lab-1"]}, shop={**SHOP, "approval": True}))
    rollout.landing("lab", 1)
    rollout.announced(2)
    return RequestAndTurn(ACCEPTED, taken(rollout.decide()))


def kept_main(reason: str) -> Reconciliation:
    """The server does not let main move to a green commit."""
    rollout, commits = stack(1)
    rollout.green(*commits)
    refusal = Refusal(sha=commits[0], reason=reason, since=NOW)
    decided = plan(rollout.snapshot(), refused=refusal)
    return Reconciliation(taken(decided, refused=reason), StatusChanges())


def unnamed() -> Rollout:
    """Position 2 lands in lab, and no file names its image."""
    rollout = Rollout()
    rollout.landing("lab", 1)
    commit = rollout.on_auto("lab", 2)
    naming = {"app": Naming(nothing=True, absent=("web",))}
    rollout.auto = [msgspec.structs.replace(one, naming=naming) for one in rollout.auto]
    rollout.ledger.auto = list(rollout.auto)
    rollout.green(commit)
    return rollout


def built(folder: Path, *options: str) -> Build:
    """A small image, really built."""
    folder.mkdir(exist_ok=True)
    (folder / "Dockerfile").write_text(DOCKERFILE)
    (folder / "web").write_text("hello")
    words = ["--context", str(folder), "--to", f"oci:{folder / 'out'}", "--sha", "1" * 40]
    result = run(parse(["build-reproducible-image", *words, "--branch=main", "--quiet", *options]))
    assert isinstance(result, Build)
    return result


def printed(parts: Iterable[Part]) -> str:
    """What a person sees of it, not at a terminal."""
    out = io.StringIO()
    with redirect_stdout(out):
        write(parts)
    return out.getvalue()
