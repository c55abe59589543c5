"""How often a run asks the API: counted on the wire."""

from __future__ import annotations

from pathlib import Path

from tests.sandbox.loop_world import SHOP, announced, loop

BOT = "github-actions[bot]"


def test_a_run_that_promotes_asks_at_most_five_times_with_its_check_and_its_landing(
    tmp_path: Path,
) -> None:
    with loop(tmp_path, waves=SHOP) as shop:
        shop.announce(announced("app", 1))
        shop.settle()
        before = len(shop.hub.calls)
        shop.mill.dispatch("target-deployed", {
            "version": 1, "wave": "lab", "target": "l1", "revision": shop.git("rev-parse", "main"),
            "phase": "Succeeded", "health": "Healthy",
            "finished_at": shop.hub.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
        })  # fmt: skip
        shop.settle()
        assert shop.position("shop", "app") == 1, "it was promoted, checked and landed"
        assert [run.conclusion for run in shop.hub.runs] == ["success"] * 2
        asked = [(one.method, one.path) for one in shop.hub.calls[before:] if one.login == BOT]
        assert 1 <= len(asked) <= 5, asked


def test_a_schedule_that_finds_nothing_due_asks_nothing_of_the_api(tmp_path: Path) -> None:
    with loop(tmp_path) as shop:
        shop.announce(announced("app", 1))
        shop.rest()
        before = len(shop.hub.calls)
        shop.tick()
        assert shop.hub.runs[-1].event == "schedule"
        assert shop.hub.runs[-1].conclusion == "success"
        assert [one.path for one in shop.hub.calls[before:] if one.login == BOT] == []
