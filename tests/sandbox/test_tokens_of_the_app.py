"""With an App, its token is made where main or auto may move, and nowhere else."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from tests.sandbox.loop_world import AUTO, CALLER, MAIN, Loop, announced, loop
from tests.sandbox.runner_world import node

SECRETS = "\n    secrets: {app-private-key: '${{ secrets.KEY }}'}"


def as_app(shop: Loop) -> None:
    """It works as an App from now on."""
    app, key = shop.hub.register_app(
        "acme-mill", "acme", {"contents": "write", "statuses": "read", "checks": "read"}
    )
    shop.hub.install_app(app, "acme")
    shop.mill.repository.secrets["KEY"] = key
    given = f"with: {{check: same-job, app-client-id: {app.client_id}}}{SECRETS}"
    shop.mill.push("As an App", tidemill=CALLER.replace("with: {check: CHECK}", given))
    shop.settle()


def made(shop: Loop) -> int:
    """How many tokens of the App there were."""
    return sum(call.path.endswith("/access_tokens") for call in shop.hub.calls)


def report(shop: Loop, health: str) -> None:
    shop.mill.dispatch("target-deployed", {
        "version": 1, "wave": "lab", "target": "l1", "revision": shop.refs(MAIN)[MAIN],
        "phase": "Succeeded", "health": health,
        "finished_at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
    })  # fmt: skip
    shop.settle()


def test_what_moves_a_branch_takes_a_token_and_a_report_takes_none(tmp_path: Path) -> None:
    node()
    with loop(tmp_path) as shop:
        as_app(shop)
        before = made(shop)
        shop.announce(announced("app", 1))
        shop.settle()
        assert made(shop) == before + 1
        assert shop.position("lab", "app") == 1
        for health in ("Degraded", "Healthy"):
            branches, records = shop.refs("refs/heads/"), shop.refs("refs/tidemill/deployed/")
            report(shop, health)
            assert shop.refs("refs/heads/") == branches
            assert shop.refs("refs/tidemill/deployed/") != records, "it was filed"
        assert made(shop) == before + 1
        assert shop.refs(AUTO)[AUTO] == shop.refs(MAIN)[MAIN]
        assert {run.conclusion for run in shop.hub.runs} <= {"success", "skipped"}
