"""The demo's story once more, through the real workflow files; each chapter checks what it says."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from typing import Any

from tidemill.words.shas import short
from tidemill_sandbox.demo.narrator import Narrator, Unexpected
from tidemill_sandbox.state import git_reading
from tidemill_sandbox.state.git_reading import Unfound
from tidemill_sandbox.state.shapes import Event, Run
from tidemill_sandbox.world import World

WAVES = ("staging", "internal", "production")
SETTINGS = "tidemill.toml"
# The examples, made short: a soak of seconds, and one or two targets in each wave.
EDITS = {
    ("cfg-app", SETTINGS): (
        ('soak = "10m"', 'soak = "3s"'),
        ('"staging-eu", "staging-edge"', '"staging-eu"'),
        ('"internal-eu", "internal-us", "internal-edge"', '"internal-eu"'),
        ('"prod-eu", "prod-us", "prod-ap", "prod-edge"', '"prod-eu", "prod-edge"'),
    )
}
_ROUNDS = 8
_PAUSE = 0.05  # seconds between two looks
_SOAKED = 4.0  # seconds after which a set that was deployed has soaked


class Story:
    """What happens to the two repositories.

    Args:
        world: a stand-in with the examples, `EDITS`, and clusters.
    """

    def __init__(self, world: World, narrator: Narrator) -> None:
        self.world, self.narrator = world, narrator
        self._bare = world.repositories["cfg-app"].path
        world.hub.listen(self._tell_run)

    def tell(self) -> None:
        """All chapters, in order."""
        for chapter in (
            self.a_commit_goes_to_production,
            self.a_set_that_breaks_the_check_is_evicted,
            self.events_come_twice_and_a_runner_dies,
            self.a_rollback_holds_until_it_is_released,
        ):
            chapter()
        self.narrator.chapter("What GitHub would have said to all this")
        self.narrator.expect(
            not self.world.hub.deviations,
            "every request, answer and event is as GitHub describes it"
            + "".join(f"; but {one}" for one in self.world.hub.deviations[:3]),
        )

    def a_commit_goes_to_production(self) -> None:
        """Chapter 1."""
        self.narrator.chapter(
            "A push builds images, and their announcement goes to production, wave by wave"
        )
        self._settle()
        sha = self.world.app.git("rev-parse", "HEAD")
        published = [run for run in self._runs("acme/app") if run.head_sha == sha]
        self.narrator.expect(
            [run.conclusion for run in published] == ["success"],
            f"the workflow of app.git has published the images of {short(sha)}",
        )
        self._expect_everywhere(sha)
        green = {one.sha for one in self.world.hub.statuses if one.state == "success"}
        cfg, main = self.world.wishes.names[1], "refs/heads/main"
        landed = [
            event.sha
            for event in self.world.hub.events
            if (event.name, event.repository, event.ref) == ("push", cfg, main)
            and event.cause.login != "grace"
        ]
        self.narrator.expect(
            landed and set(landed) <= green,
            f"each of the {len(landed)} commits that main was moved to was green as itself",
        )

    def a_set_that_breaks_the_check_is_evicted(self) -> None:
        """Chapter 2."""
        self.narrator.chapter("A set that breaks the check is evicted; the set beside it lands")
        good = self._runs_in("staging", "app")
        app = self.world.app
        text = (app.folder / SETTINGS).read_text(encoding="utf-8")
        first = text.index("[[services]]")
        service = text[first : text.index("[[services]]", first + 1)]
        renamed = service.replace('name = "gateway"', 'name = "Audit_Log"')
        (app.folder / SETTINGS).write_text(f"{text}\n{renamed}", encoding="utf-8")
        app.replace("lib/worker/worker.go", "package worker", "// It works.\npackage worker")
        sha = self._push(app.commit("Add an audit log"))
        self._settle()
        evicted = self._refs("evicted")
        self.narrator.expect(len(evicted) == 1, "the commit with the audit log was evicted")
        self.narrator.expect(
            self._runs_in("staging", "app") == good, "staging still has the app that works"
        )
        self.narrator.expect(
            self._runs_in("production", "batch") == sha, "the set batch went on to production"
        )
        app.git("revert", "--no-commit", "HEAD")
        self._push(app.commit("Take the audit log out"))
        self._settle()

    def events_come_twice_and_a_runner_dies(self) -> None:
        """Chapter 3."""
        self.narrator.chapter(
            "Each event comes twice, a person pushes to main, and a runner dies in its turn"
        )
        world = self.world
        world.starter.faults.set({"faults": [{"event": "repository_dispatch", "double": 1.0}]})
        world.app.replace("cmd/gateway/main.go", '"GET /products"', '"GET /catalog"')
        sha = self._push(world.app.commit("Call products a catalog"))
        world.cfg.pull()
        (world.cfg.folder / "README.md").open("a", encoding="utf-8").write("\nAsk Grace.\n")
        self._push(world.cfg.commit("Say whom to ask"), "cfg-app.git")
        killed = self._kill_one()
        self.narrator.say("a runner", f"dies: run {killed.id} ({killed.event} {killed.title})")
        self._settle()
        world.starter.faults.set({})
        self._expect_everywhere(sha)

    def a_rollback_holds_until_it_is_released(self) -> None:
        """Chapter 4."""
        self.narrator.chapter("A rollback by hand, its hold, and its release")
        bad = self._runs_in("production", "app")
        self._operate("roll back", reason="checkout is slow")
        back = self._runs_in("production", "app")
        self.narrator.expect(back not in (None, bad), f"production is back at {short(back)}")
        self.narrator.expect(
            self._refs("holds/production"), "production is held, so nothing undoes the rollback"
        )
        self._operate("release", reason="the cause is found")
        self.narrator.expect(not self._refs("holds/production"), "production is released")

    # --- steps

    def _push(self, sha: str, repository: str = "app.git") -> str:
        message = (self.world.app if repository == "app.git" else self.world.cfg).git(
            "log", "-1", "--format=%s"
        )
        self.narrator.say(repository, f"{short(sha)} {message}")
        return sha

    def _operate(self, operation: str, *, reason: str) -> None:
        inputs = {"operation": operation, "wave": "production", "set": "app", "reason": reason}
        cfg = self.world.wishes.names[1]
        where = f"/repos/{cfg}/actions/workflows/tidemill.yml/dispatches"
        self.world.rest("POST", where, {"ref": "main", "inputs": inputs})
        self.narrator.say("a person", f"runs the workflow: {operation} production ({reason})")
        self._settle()

    def _settle(self) -> None:
        """Let everything run; then the schedule turns what time alone has made due."""
        quiet = ""
        for _ in range(_ROUNDS):
            if not self.world.settle():
                raise Unexpected("the runs do not come to an end", remedy="see their logs")
            now = git_reading.git(self._bare, "for-each-ref").decode()
            if now == quiet:
                return
            quiet = now
            time.sleep(_SOAKED)
            self.world.starter.tick({"repository": self.world.wishes.names[1]})

    def _tell_run(self, event: Event) -> None:
        """Say how a run has ended, and which of its jobs did something."""
        if event.name != "workflow_run" or event.action != "completed":
            return
        run: Run = event.parts["run"]
        names = [job.name.rpartition(" / ")[2] for job in run.jobs
                 if job.conclusion not in ("skipped", None)]  # fmt: skip
        what = f"{run.event} {run.title}".strip()
        where = run.repository.partition("/")[2]
        self.narrator.say(where, f"run {run.id}, {what}: {run.conclusion} ({', '.join(names)})")

    def _kill_one(self) -> Run:
        """Kill the first run of cfg-app.git that works on a turn."""
        hub = self.world.hub
        known = {run.id for run in hub.runs}
        while True:
            with hub.lock:
                going = [run for run in hub.runs
                         if run.id not in known and run.status == "in_progress" and run.jobs
                         and run.repository == self.world.wishes.names[1]]  # fmt: skip
            if going:
                hub.control["kill"]({"run": going[0].id})
                return going[0]
            time.sleep(_PAUSE)

    def _runs(self, repository: str) -> Iterable[Run]:
        return [run for run in self.world.hub.runs if run.repository == repository]

    def _refs(self, below: str) -> list[str]:
        return list(git_reading.refs(self._bare, f"refs/tidemill/{below}"))

    def _runs_in(self, wave: str, set_name: str) -> str | None:
        """The commit of app.git that a wave has, by main."""
        place = f"refs/heads/main:images/{wave}/{set_name}/source.json"
        try:
            source: dict[str, Any] = json.loads(git_reading.git(self._bare, "show", place))
        except Unfound:
            return None
        return str(source["sha"])

    def _expect_everywhere(self, sha: str) -> None:
        where = [self._runs_in(wave, "app") for wave in WAVES]
        self.narrator.expect(where == [sha] * len(WAVES), f"{short(sha)} is in {', '.join(WAVES)}")
