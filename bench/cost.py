"""What a commit costs: runs, job-minutes and API calls, counted by the stand-in for GitHub.

    python bench/cost.py [--to docs/cost.md] [--only 3x3]

It runs the real workflow files for one set that goes through all waves, in both token modes, and then
once where nothing is due. It takes about ten minutes. What is not run is computed from what is, and the page says which.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tidemill_sandbox.clients import Clone, Rest
from tidemill_sandbox.clusters import Clusters
from tidemill_sandbox.runner.shelf import Shelf
from tidemill_sandbox.runner.starting import Starter
from tidemill_sandbox.runner.workshop import Machines
from tidemill_sandbox.server.listening import Server
from tidemill_sandbox.state.hub import Hub
from tidemill_sandbox.state.shapes import Access

ROOT = Path(__file__).resolve().parents[1]
NAME, APP = "acme/cfg-app", "acme-tidemill"
Reports = Literal["events", "poll"]
Mode = Literal["GITHUB_TOKEN", "an App"]
RIGHTS: dict[str, Access] = dict.fromkeys(
    ("actions", "checks", "contents", "deployments", "statuses", "workflows"), "write"
)
APP_RIGHTS: dict[str, Access] = {"contents": "write", "statuses": "read", "checks": "read"}
GENERATE = """\
for place in generated/*/*; do
  wave=${place#generated/}
  cat images/${wave%/*}/digests.json > $place/all.json 2>/dev/null || :
done
"""

# --- what is measured


@dataclass(frozen=True)
class Case:
    """A rollout: how many targets each wave has, and how its reports and its pushes are made."""

    waves: tuple[int, ...]
    reports: Reports
    mode: Mode

    @property
    def targets(self) -> int:
        return sum(self.waves)


@dataclass(frozen=True)
class Cost:
    """What was counted; `calls` are those of workflows, and not of people and clusters."""

    runs: int
    minutes: int
    calls: int
    empty: int = 0
    kinds: Mapping[str, int] | None = None

    @classmethod
    def between(cls, before: Mapping[str, Any], after: Mapping[str, Any]) -> Cost:
        """What came between two answers of `/_count`."""
        mine = [one["repositories"][NAME] for one in (before, after)]
        made = [_of_workflows(one) for one in (before, after)]
        kinds = {kind: made[1][kind] - made[0].get(kind, 0) for kind in made[1]}
        grown = {key: mine[1][key] - mine[0][key] for key in mine[1] if key != "calls"
                 and isinstance(mine[1][key], int)}  # fmt: skip
        return cls(
            grown["runs"], grown["job_minutes"], sum(kinds.values()),
            grown["runs_that_cost_nothing"], {kind: n for kind, n in kinds.items() if n},
        )  # fmt: skip


def _of_workflows(count: Mapping[str, Any]) -> dict[str, int]:
    found: dict[str, int] = {}
    for calls in (count["repositories"][NAME]["calls"], count["calls_of_none"]):
        for login, kinds in calls.items():
            if login in ("github-actions[bot]", f"{APP}[bot]", ""):  # "": an App by its key
                for kind, times in kinds.items():
                    found[kind] = found.get(kind, 0) + times
    return found


class Place:
    """A cfg-app.git on a stand-in of its own."""

    def __init__(
        self, folder: Path, case: Case, hub: Hub, server: Server, starter: Starter
    ) -> None:
        self.case, self.hub, self.server, self.starter = case, hub, server, starter
        self.repository = hub.create_repository(NAME, is_private=True)
        token = hub.tokens.mint("user", login="ada", repositories=None, permissions=RIGHTS)
        self.rest = Rest(hub.api_url, token)
        url = hub.url.replace("://", f"://x:{token}@") + f"/{NAME}.git"
        self.clone = Clone(folder / "clone", url, ("Ada", "ada@example.com"))
        self._write(folder / "clone")
        cluster = hub.tokens.mint("user", login="argocd", repositories=None, permissions=RIGHTS)
        self.clusters = Clusters(hub, self.repository, Rest(hub.api_url, cluster), 0.2)
        self.clone.commit("Begin")
        self.settle()

    def _write(self, folder: Path) -> None:
        workflows = folder / ".github" / "workflows"
        workflows.mkdir(parents=True)
        (workflows / "tidemill.yml").write_text(self._caller())
        (folder / "tidemill.toml").write_text(settings(self.case))
        (folder / "generate.sh").write_text(GENERATE)
        for wave, target in places(self.case):
            place = folder / "generated" / wave / target
            place.mkdir(parents=True)
            (place / "all.json").write_text("")
        self.clone.git("init", "-q", "-b", "main")
        self.clone.git("remote", "add", "origin", self.clone.url)

    def _caller(self) -> str:
        """The example's workflow, as `docs/` says that it is to be changed."""
        text = (ROOT / "examples/cfg-app/.github/workflows/tidemill.yml").read_text()
        if self.case.reports == "poll":
            text = text.replace("  deployment_status:\n", "")
        text = text.replace("      setup: make setup\n", "      check: same-job\n")
        if self.case.mode == "an App":
            found, key = self.hub.register_app(APP, "acme", APP_RIGHTS)
            self.hub.install_app(found, "acme")
            self.repository.secrets["KEY"] = key
            text = text.replace(
                "      check: same-job\n",
                f"      check: same-job\n      app-client-id: {found.client_id}\n"
                "    secrets:\n      app-private-key: ${{ secrets.KEY }}\n",
            )
            assert "app-client-id" in text
        return text

    def settle(self) -> None:
        """Wait until nothing runs and no cluster has to report."""
        while True:
            assert self.starter.settle(1200)
            known = len(self.hub.events)
            self.clusters.settle()
            self.hub.settle()
            if len(self.hub.events) == known:
                return

    def tick(self) -> None:
        """The schedule is due."""
        self.starter.tick({"repository": NAME})
        self.settle()

    def count(self) -> dict[str, Any]:
        found: dict[str, Any] = Rest(self.hub.url, "")("GET", "/_count")
        return found

    def ship(self, position: int) -> Cost:
        """Announce a set, and let it go to the last wave."""
        before = self.count()
        self.rest.dispatch(NAME, "images-announced", announcement(position))
        self.settle()
        for _ in self.case.waves if self.case.reports == "poll" else ():
            self.tick()
        found = Cost.between(before, self.count())
        tip = self.repository.path
        last = f"images/w{len(self.case.waves)}/source.json"
        text = Clone(tip, "", ("Ada", "a@example.com")).git("show", f"main:{last}")
        assert f'"position": {position}' in text, text
        return found

    def idle(self) -> Cost:
        """What the schedule costs where nothing is due."""
        before = self.count()
        self.tick()
        return Cost.between(before, self.count())


def settings(case: Case) -> str:
    """The settings of a rollout."""
    waves = [
        f'[[waves]]\nname = "w{number}"\ntargets = {[t for w, t in places(case) if w == f"w{number}"]}'
        for number in range(1, len(case.waves) + 1)
    ]
    return "\n".join([
        '[checks]\nrequired = ["tidemill/check"]\n[images]\nallow = ["ghcr.io/acme/*"]',
        '[[sets]]\nname = "app"\n[entrypoints]\ngenerate = "sh generate.sh"\ncheck = "true"',
        '[deployments]\npath = "generated/{wave}/{target}"', f'reports = "{case.reports}"', *waves,
    ]).replace("'", '"').replace('"sh generate.sh"', '"sh generate.sh"') + "\n"  # fmt: skip


def places(case: Case) -> list[tuple[str, str]]:
    """All targets with their waves."""
    return [
        (f"w{number}", f"t{number}-{target}")
        for number, many in enumerate(case.waves, start=1)
        for target in range(many)
    ]


def announcement(position: int) -> dict[str, Any]:
    """What app.git announces."""
    sha = hashlib.sha1(str(position).encode(), usedforsecurity=False).hexdigest()
    digest = hashlib.sha256(str(position).encode()).hexdigest()
    image = {"Digest": f"ghcr.io/acme/web@sha256:{digest}", "Tag": f"ghcr.io/acme/web:{sha}"}
    return {"version": 1, "set": "app", "repository": "acme/app", "sha": sha, "branch": "main",
            "position": position, "images": {"web": image}}  # fmt: skip


@contextmanager
def opened(case: Case) -> Iterator[Place]:
    """A stand-in with one repository; everything ends with it."""
    with tempfile.TemporaryDirectory(prefix="tidemill-cost-") as name:
        folder = Path(name)
        hub = Hub(folder / "hub")
        hub.limits.set({"primary": 100_000})
        shelf = Shelf(folder / "shelf", hub, ROOT, {})
        free = threading.Semaphore(os.cpu_count() or 1)
        machines = Machines(hub, shelf, folder / "runs", free, {})
        with Server(hub) as server:
            starter = Starter(hub, machines, most=os.cpu_count() or 1)
            try:
                yield Place(folder, case, hub, server, starter)
            finally:
                starter.close()
                hub.close()
        assert not hub.deviations, hub.deviations


def measured(case: Case, say: Any) -> tuple[Cost, Cost]:
    """What the second set costs on its way, and what an idle schedule costs."""
    began = time.monotonic()
    with opened(case) as place:
        place.ship(1)
        found = place.ship(2), place.idle()
    say(f"{case}: {found[0]}, idle {found[1]}; {time.monotonic() - began:.0f} s")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="3,3,3", help="targets of each wave")
    parser.add_argument("--reports", default="events")
    parser.add_argument("--mode", default="GITHUB_TOKEN")
    given = parser.parse_args()
    case = Case(tuple(map(int, given.only.split(","))), given.reports, given.mode)
    measured(case, lambda line: print(line, file=sys.stderr, flush=True))


if __name__ == "__main__":
    main()
