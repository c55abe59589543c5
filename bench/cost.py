"""What a commit costs: runs, job-minutes and API calls, counted by the stand-in for GitHub.

    python bench/cost.py [--count]

It writes docs/cost.md from what is counted in bench/cost.json. With --count it runs the workflow
files first, for a set that goes through all waves, for one that has to wait, and where nothing is
due, in both token modes; that takes about half an hour on two cores. What is not run is computed
from what is, and the page says which.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

from tidemill_sandbox.clients import Clone, Rest
from tidemill_sandbox.clusters import Clusters
from tidemill_sandbox.runner.shelf import Shelf
from tidemill_sandbox.runner.starting import Starter
from tidemill_sandbox.runner.workshop import Machines
from tidemill_sandbox.server.listening import Server
from tidemill_sandbox.state.hub import Hub
from tidemill_sandbox.state.shapes import Access

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "examples/cfg-app/.github/workflows"
APART = 20.0  # seconds between announcements of sets that wait
SCHEDULE = "17 * * * *"  # the example's
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
    """A rollout: how many targets each wave has, and how its reports and its pushes are made.

    Where it is `mirrored`, what targets report is on the Environments page, too.
    """

    waves: tuple[int, ...]
    reports: Reports
    mode: Mode
    mirrored: bool = False

    @property
    def targets(self) -> int:
        return sum(self.waves)


@dataclass(frozen=True)
class Cost:
    """What was counted; `calls` are those of workflows, and not of people and clusters."""

    runs: int
    minutes: int
    calls: int
    empty: int
    kinds: dict[str, int]

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
        wake = f"/repos/{NAME}/actions/workflows/tidemill-wake.yml/disable"
        self.rest("PUT", wake)  # as it does itself where nothing is due

    def _write(self, folder: Path) -> None:
        workflows = folder / ".github" / "workflows"
        workflows.mkdir(parents=True)
        (workflows / "tidemill.yml").write_text(self._caller())
        (workflows / "tidemill-wake.yml").write_text((EXAMPLE / "tidemill-wake.yml").read_text())
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
        text = (EXAMPLE / "tidemill.yml").read_text()
        if self.case.reports == "poll":
            text = text.replace("  deployment_status:\n", "")
        text = text.replace("      setup: make setup\n", "      check: same-job\n")
        if self.case.mode == "an App":
            rights = {**APP_RIGHTS, **({"deployments": "write"} if self.case.mirrored else {})}
            found, key = self.hub.register_app(APP, "acme", rights)
            self.hub.install_app(found, "acme")
            self.repository.secrets["KEY"] = key
            text = text.replace(
                "      check: same-job\n",
                f"      check: same-job\n      app-client-id: {found.client_id}\n"
                f"      deployments: {json.dumps(self.case.mirrored)}\n"
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
        self.starter.tick({"repository": NAME, "cron": SCHEDULE})
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

    def wait(self, position: int) -> Cost:
        """Announce a set, and, while nobody says that it was deployed, two that have to wait.

        It is the second one that is counted: with the first, the workflow that looks every five
        minutes has been enabled. They come a while apart, for of announcements of the same seconds
        none knows whether the turn of the other one is over.
        """
        self.clusters.close()
        before = {}
        for number in range(3):
            before = self.count()
            self.rest.dispatch(NAME, "images-announced", announcement(position + number))
            self.settle_runs()
            time.sleep(APART)
        return Cost.between(before, self.count())

    def settle_runs(self) -> None:
        """Wait until nothing runs, whatever clusters do."""
        assert self.starter.settle(1200)

    def idle(self) -> Cost:
        """What the schedule costs where nothing is due."""
        before = self.count()
        self.tick()
        return Cost.between(before, self.count())


def settings(case: Case) -> str:
    """The settings of a rollout."""
    waves = []
    for name in dict.fromkeys(wave for wave, _ in places(case)):
        mine = [target for wave, target in places(case) if wave == name]
        waves.append(f'[[waves]]\nname = "{name}"\ntargets = {json.dumps(mine)}')
    return "\n".join([
        '[checks]\nrequired = ["tidemill/check"]\n[images]\nallow = ["ghcr.io/acme/*"]',
        '[[sets]]\nname = "app"\n[entrypoints]\ngenerate = "sh generate.sh"\ncheck = "true"',
        '[deployments]\npath = "generated/{wave}/{target}"', f'reports = "{case.reports}"', *waves,
    ]) + "\n"  # fmt: skip


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
        # Clusters here report all at once, and GitHub would have them take their time.
        hub.limits.set({"primary": 100_000, "writes_a_minute": None, "writes_an_hour": None})
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


@dataclass(frozen=True)
class Counts:
    """What one case costs: a set on its whole way, a schedule without work, a set that waits."""

    commit: Cost
    idle: Cost
    waiting: Cost


def counted(case: Case) -> Counts:
    """Run it."""
    with opened(case) as place:
        return Counts(place.ship(1), place.idle(), place.wait(2))


# --- what is kept of it

COUNTS = ROOT / "bench" / "cost.json"
CASES = (
    Case((1,), "events", "GITHUB_TOKEN"),
    Case((1, 1, 1), "events", "GITHUB_TOKEN"),
    Case((3, 3, 3), "events", "GITHUB_TOKEN"),
    Case((3, 3, 3), "events", "an App"),
    Case((3, 3, 3), "events", "an App", mirrored=True),
    Case((3, 3, 3), "poll", "GITHUB_TOKEN"),
    Case((3, 3, 3), "poll", "an App"),
    Case((10, 30, 60), "poll", "GITHUB_TOKEN"),
)


def kept() -> dict[Case, Counts]:
    """What was counted the last time."""
    there = msgspec.json.decode(COUNTS.read_bytes(), type=list[_Kept])
    return {one.case: one.counts for one in there}


def count() -> None:
    """Count every case, and keep each as soon as it is known."""
    found: list[_Kept] = []
    for case in CASES:
        began = time.monotonic()
        found.append(_Kept(case, counted(case)))
        took = time.monotonic() - began
        print(f"{case}: {found[-1].counts}; {took:.0f} s", file=sys.stderr, flush=True)
        COUNTS.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=1) + b"\n")


class _Kept(msgspec.Struct):
    case: Case
    counts: Counts


# --- the page

PAGE = ROOT / "bench" / "cost_page.md"  # with places for figures
PRICE, PRICE_SINCE, LOOKED_UP = 0.006, "1 January 2026", "30 November 2026"
FREE = 2000  # minutes a month
DAYS = 30
YEAR_COMMITS = 20
WAVE_MINUTES = 10  # from a landing until the last target of the wave has reported
VCPU_HOUR, GB_HOUR = 0.04048, 0.004445
NINE, HUNDRED = (3, 3, 3), (10, 30, 60)
ROLLOUTS = ((1,), (1, 1, 1), NINE, (3, 3, 4), HUNDRED)
MODES: tuple[Mode, ...] = ("GITHUB_TOKEN", "an App")
KINDS: tuple[Reports, ...] = ("events", "poll")


@dataclass(frozen=True)
class Row:
    """What a commit costs in some rollout."""

    waves: int
    targets: int
    reports: Reports
    mode: Mode
    runs: float
    minutes: float
    calls: float
    is_counted: bool

    def cells(self) -> tuple[str, ...]:
        """As the table has them."""
        how = "each starts a run" if self.reports == "events" else "polled"
        return (
            str(self.targets), str(self.waves), how, self.mode, f"{self.runs:.0f}",
            f"{self.minutes:.0f}", f"{self.calls:.0f}", f"${self.minutes * PRICE:.3f}",
            "counted" if self.is_counted else "computed",
        )  # fmt: skip


@dataclass(frozen=True)
class Model:
    """What follows from the counts."""

    counts: Mapping[Case, Counts]

    def commit(self, waves: tuple[int, ...], reports: Reports, mode: Mode) -> Row:
        """What a commit costs; computed from 3 waves of 3 targets for a rollout that was not run.

        With events, each target more is one run more, with the calls of one report, and each wave
        has calls of its own, those for a token of an App among them. With polling, each wave is
        one run, however many targets it has.
        """
        case = Case(waves, reports, mode)
        if case in self.counts:
            found = self.counts[case].commit
            return Row(len(waves), case.targets, reports, mode, found.runs, found.minutes,
                       found.calls, is_counted=True)  # fmt: skip
        found = self.counts[Case(NINE, reports, mode)].commit
        waves_more = len(waves) - 3
        more = case.targets - 9 if reports == "events" else waves_more
        of_app = sum(times for kind, times in found.kinds.items() if "installation" in kind)
        calls = (
            found.calls
            + more * self.calls_of_report
            + waves_more * (self.calls_of_wave + of_app / 3)
        )
        if reports == "poll":
            calls = found.calls * (found.minutes + more) / found.minutes
        runs = found.runs + more + waves_more * found.empty / 3
        return Row(len(waves), case.targets, reports, mode, runs, found.minutes + more, calls,
                   is_counted=False)  # fmt: skip

    @property
    def calls_of_report(self) -> float:
        """The calls that one report more costs, where it makes nothing due."""
        return (self._calls(NINE) - self._calls((1, 1, 1))) / 6

    @property
    def calls_of_wave(self) -> float:
        """The calls that one wave more costs, of one target."""
        return (self._calls((1, 1, 1)) - self._calls((1,))) / 2

    def _calls(self, waves: tuple[int, ...]) -> int:
        return self.counts[Case(waves, "events", "GITHUB_TOKEN")].commit.calls

    @property
    def waiting(self) -> Cost:
        """What a set costs that has to wait; how many targets there are does not count."""
        return self.counts[Case((1,), "events", "GITHUB_TOKEN")].waiting

    def day(self, commits: int, waves: tuple[int, ...], reports: Reports) -> tuple[float, float]:
        """Minutes a day, and calls an hour.

        A set that has to wait costs its announcement only. No more sets go through than waves can
        take, one after the other.
        """
        mode: Mode = "GITHUB_TOKEN"
        whole = self.commit(waves, reports, mode)
        waiting = self.waiting
        idle = self.counts[Case(NINE, reports, mode)].idle
        turns = 24.0 if reports == "events" else 24.0 + commits
        between = WAVE_MINUTES if reports == "events" else max(WAVE_MINUTES, 24 * 60 / turns)
        through = min(float(commits), 24 * 60 / between)
        others = commits - through
        wakes = min(24 * 60 / 5, commits * min(1.0, commits * between / (24 * 60)))
        query = 1 if reports == "poll" else 0
        calls = (
            through * whole.calls + others * (waiting.calls + query) + 24 * idle.calls + 2 * wakes
        )
        minutes = others * waiting.minutes + 24 * idle.minutes + wakes
        if reports == "events":
            return minutes + through * whole.minutes, calls / 24
        return minutes + through * waiting.minutes, calls / 24  # the schedule carries sets on


def page(found: Mapping[Case, Counts]) -> str:
    """The whole page."""
    model = Model(found)
    usual = found[Case(NINE, "events", "GITHUB_TOKEN")]
    idle_month = usual.idle.minutes * 24 * DAYS
    commits = [
        model.commit(waves, reports, mode).cells()
        for mode in MODES
        for reports in KINDS
        for waves in ROLLOUTS
    ]
    return PAGE.read_text(encoding="utf-8").format(
        price=PRICE,
        price_since=PRICE_SINCE,
        looked_up=LOOKED_UP,
        free=FREE,
        days=DAYS,
        commits=table(("targets", "waves", "reports", "pushes with", "runs", "job-minutes",
                       "API calls", "price", ""), commits),
        calls_of_report=model.calls_of_report,
        calls_of_wave=model.calls_of_wave,
        idle=usual.idle,
        idle_month=idle_month,
        idle_price=idle_month * PRICE,
        mirrored=found[Case(NINE, "events", "an App", mirrored=True)].commit,
        years=_years(model),
        months=_months(model),
        wave_minutes=WAVE_MINUTES,
        most=24 * 60 // WAVE_MINUTES,
        waiting=model.waiting,
        calls_an_hour=model.day(1440, NINE, "events")[1],
        controller=730 * (0.25 * VCPU_HOUR + 0.5 * GB_HOUR),
        vcpu=VCPU_HOUR,
        gigabyte=GB_HOUR,
        kinds=_kinds(found),
    )  # fmt: skip


def _years(model: Model) -> str:
    """What a year of `YEAR_COMMITS` a day costs."""
    days = {reports: model.day(YEAR_COMMITS, NINE, reports)[0] * 365 for reports in KINDS}
    events, poll = (f"{one:,.0f} minutes, or ${one * PRICE:,.2f}," for one in days.values())
    return f"{YEAR_COMMITS} commits a day to 9 targets cost {events} with events, and {poll} with"


def _months(model: Model) -> str:
    columns = [(waves, reports) for waves in (NINE, HUNDRED) for reports in KINDS]
    head = [f"{sum(waves)} targets, {reports}" for waves, reports in columns]
    rows = []
    for commits in (1, 5, 20, 100, 480, 1440):
        days = [model.day(commits, *column)[0] * DAYS for column in columns]
        rows.append([f"{commits:,}", *(f"{day:,.0f} min, ${day * PRICE:,.2f}" for day in days)])
    return table(("commits a day", *head), rows)


def _kinds(found: Mapping[Case, Counts]) -> str:
    places = [(reports, mode) for reports in KINDS for mode in MODES]
    columns = [found[Case(NINE, *place)].commit for place in places]
    names = sorted({name for one in columns for name in one.kinds})
    rows = [(f"`{name}`", *(str(one.kinds.get(name, 0)) for one in columns)) for name in names]
    head = ("call", *(f"{reports}, {mode}" for reports, mode in places))
    return table(head, [*rows, ("all", *(str(one.calls) for one in columns))]).rstrip("\n")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", action="store_true", help="count anew")
    if parser.parse_args().count:
        count()
    (ROOT / "docs" / "cost.md").write_text(page(kept()), encoding="utf-8")


if __name__ == "__main__":
    main()
