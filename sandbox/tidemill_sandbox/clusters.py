"""Clusters, as far as the loop sees them: they watch main, sync what changed, and report it.

They send an event for each target; where the settings on main have reports polled, they set the
status of a deployment, and send nothing.
"""

from __future__ import annotations

import queue
import threading
from datetime import datetime, timedelta

from tidemill.errors import SettingsInvalid
from tidemill.facts import settings, settings_file
from tidemill_sandbox.clients import Rest
from tidemill_sandbox.server.rest.rendering import time
from tidemill_sandbox.state import git_reading
from tidemill_sandbox.state.git_reading import Unfound
from tidemill_sandbox.state.hub import Hub
from tidemill_sandbox.state.shapes import Event, Repository


class Clusters:
    """What Argo CD does for every target of the settings on main.

    Args:
        delay: seconds from a push to the reports.

    Attributes:
        sick: targets that report Degraded.
        reported: all reports, in order: target, revision, health.
    """

    def __init__(self, hub: Hub, repository: Repository, rest: Rest, delay: float = 1.0) -> None:
        self._hub, self._repository, self._rest = hub, repository, rest
        self._delay = delay
        self._settings: settings.Settings | None = None
        # By wave and target: two waves may have targets of one name.
        self._synced: dict[tuple[str, str], tuple[str, ...]] = {}
        self._times: dict[tuple[str, str], datetime] = {}
        self._seen: queue.Queue[str | None] = queue.Queue()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._work, name="clusters", daemon=True)
        self.sick: set[str] = set()
        self.reported: list[tuple[str, str, str]] = []
        hub.listen(self._hear)
        self._thread.start()

    def set_status(self, wave: str, target: str, revision: str, health: str = "Healthy") -> None:
        """A target says how it is, as Argo CD's own GitHub service does."""
        self.reported.append((target, revision, health))
        where = f"/repos/{self._repository.name}/deployments"
        body = {"ref": revision, "environment": f"{wave}/{target}", "auto_merge": False,
                "required_contexts": []}  # fmt: skip
        made = self._rest("POST", where, body)
        state = "success" if health == "Healthy" else "failure"
        self._rest("POST", f"{where}/{made['id']}/statuses", {"state": state})

    def report(self, wave: str, target: str, revision: str, health: str = "Healthy") -> None:
        """A target says how it is, as an Argo CD notification does."""
        self.reported.append((target, revision, health))
        self._rest.dispatch(
            self._repository.name,
            "target-deployed",
            {
                "version": 1,
                "wave": wave,
                "target": target,
                "revision": revision,
                "phase": "Succeeded",
                "health": health,
                "finished_at": time(self._finished((wave, target))),
            },
        )

    def _finished(self, target: tuple[str, str]) -> datetime:
        """Later than the target's last one: GitHub's times have no parts of a second."""
        before = self._times.get(target)
        now = self._hub.now().replace(microsecond=0)
        self._times[target] = now if before is None else max(now, before + timedelta(seconds=1))
        return self._times[target]

    def settle(self) -> None:
        """Wait until every push so far has been synced and reported."""
        self._seen.join()

    def close(self) -> None:
        """Watch no more."""
        self._end.set()
        self._seen.put(None)
        self._thread.join()

    def _hear(self, event: Event) -> None:
        main = f"refs/heads/{self._repository.default_branch}"
        is_ours = event.name == "push" and event.repository == self._repository.name
        if is_ours and event.sha and event.ref == main and not event.parts.get("deleted"):
            self._seen.put(event.sha)

    def _work(self) -> None:
        while (sha := self._seen.get()) is not None:
            try:
                if not self._end.wait(self._delay):
                    self._sync(sha)
            except Exception as error:
                self._hub.deviate(f"the clusters failed at {sha}: {error!r}")
            finally:
                self._seen.task_done()
        self._seen.task_done()

    def _sync(self, sha: str) -> None:
        path = self._repository.path
        try:
            text = git_reading.git(path, "cat-file", "blob", f"{sha}:{settings.FILE}").decode()
            self._settings = settings_file.parse(text)
        except (Unfound, SettingsInvalid):
            pass  # no cluster reads them: they go on with the targets that there were
        if (found := self._settings) is None:
            return
        tell = self.set_status if found.deployments.is_polled else self.report
        for wave in found.waves:
            for target in wave.targets:
                trees = self._trees(sha, found.paths(wave.name, target))
                place = wave.name, target
                if trees and self._synced.get(place) != trees and not self._end.is_set():
                    self._synced[place] = trees
                    sick = target in self.sick
                    tell(wave.name, target, sha, "Degraded" if sick else "Healthy")

    def _trees(self, sha: str, places: tuple[str, ...]) -> tuple[str, ...]:
        """What a target renders from, as far as it is there; all, where no setting says."""
        return tuple(tree for place in places or ("",) if (tree := self._tree(sha, place)))

    def _tree(self, sha: str, place: str) -> str:
        try:
            return git_reading.git(self._repository.path, "rev-parse", f"{sha}:{place}").decode()
        except Unfound:
            return ""
