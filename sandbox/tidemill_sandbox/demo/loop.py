"""The loop of the demo: the commands, the checks, and the clusters, with one clock."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tidemill.clients.git.git import Git
from tidemill.commands._command_line import parse
from tidemill.commands._json import DONE
from tidemill.commands._parameters import AnyResult
from tidemill.commands._results import (
    Reconciliation,
    RequestAndTurn,
    StatusReport,
    TurnTaken,
)
from tidemill.commands._table import command
from tidemill.commands._words import about, state
from tidemill.errors import TidemillError
from tidemill.facts import settings, settings_file
from tidemill.words.shas import short
from tidemill_sandbox.demo.narrator import Narrator
from tidemill_sandbox.demo.people import Operators

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MOST_ROUNDS = 40


class Loop:
    """cfg-app.git and all that happens to it."""

    def __init__(self, operators: Operators, folder: Path, narrator: Narrator) -> None:
        self.now = START
        self.narrator = narrator
        self.operators = operators
        self.url = str(operators.bare)
        self.git = Git(operators.bare)
        self.sick: set[str] = set()
        self.redeployed: list[str] = []
        self._runs = 0
        self._checkout = folder / "ci"
        self._settings = settings_file.parse(
            (operators.folder / settings.FILE).read_text(encoding="utf-8")
        )
        self._synced: dict[str, str] = {}

    def call(self, name: str, *arguments: str) -> AnyResult:
        """Run a command as anyone would type it, and return what became of it."""
        given = [name, "--repo", self.url, *arguments, "--now", self.now.isoformat(), "--json"]
        return command(name).run(parse(given))

    def ask(self, name: str, *arguments: str) -> TurnTaken:
        """Run a command that accepts something, and say what the turn after it did."""
        match self.call(name, *arguments):
            case RequestAndTurn(request, turn):
                if name == "update-cfg-app":
                    self.narrator.say("announced", f"{request.id} ({state(request)})")
                self.tell(turn)
                return turn
            case other:
                raise AssertionError(other)

    def later(self, **span: float) -> None:
        """Let time pass."""
        self.now += timedelta(**span)

    def announce(self, file: Path) -> TurnTaken:
        """Announce a set to cfg-app.git."""
        return self.ask("update-cfg-app", "--announcement", str(file))

    def tell(self, turn: TurnTaken) -> None:
        """Say what a turn did."""
        if turn.landed:
            self.narrator.say(
                "main", f"landed {short(turn.landed)}, the very commit that was checked"
            )
        for what in DONE:
            who = "auto" if what in ("introduced", "promoted", "rolled back") else what
            for one in turn.done(what):
                self.narrator.say(who, f"{what} {about(one)}: {one.reason}")

    def check(self, sha: str) -> bool:
        """What CI does with a commit: check it out, check it, report; whether it is green."""
        if not self._checkout.exists():
            Git(self._checkout.parent)(
                "clone", "--quiet", "--no-checkout", self.url, str(self._checkout)
            )
        ci = Git(self._checkout)
        ci("fetch", "--quiet", "origin", sha)
        ci("checkout", "--quiet", "--force", "--detach", sha)
        self._runs += 1
        why = ""
        try:
            command("check-cfg-app").run(
                parse(["check-cfg-app", "--repo", str(self._checkout), "--json"])
            )
            state = "success"
        except TidemillError as error:
            state, why = "failure", f": {error.what[:160]}"
        self.call(
            "record-check",
            "--sha",
            sha,
            "--context",
            "tidemill/check",
            "--state",
            state,
            "--run",
            str(self._runs),
        )
        self.narrator.say(
            "check", f"{short(sha)} is {'green' if state == 'success' else 'red'}{why}"
        )
        return state == "success"

    def settle(
        self, turn: TurnTaken | None = None, *, waves: Iterable[str] | None = None
    ) -> TurnTaken:
        """Let checks answer, clusters deploy and time pass, until nothing moves any more.

        Args:
            waves: those whose targets sync and report; all by default.
        """
        names = [wave.name for wave in self._settings.waves] if waves is None else list(waves)
        for _ in range(MOST_ROUNDS):
            turn = turn or self.turn()
            for sha in turn.to_check:
                self.check(sha)
            reported = self.deploy(names)
            if not (turn.to_check or turn.changed or reported):
                return turn
            self.later(minutes=1)
            turn = None
        raise TidemillError(
            "the loop does not come to rest", remedy="this is a defect: please report it"
        )

    def turn(self) -> TurnTaken:
        """One turn."""
        match self.call("reconcile-cfg-app"):
            case Reconciliation(turn):
                self.tell(turn)
                return turn
            case other:
                raise AssertionError(other)

    def deploy(self, waves: Iterable[str]) -> bool:
        """What Argo CD does: each target whose files changed on main syncs them and reports."""
        main = self.sha("main")
        reported = False
        for wave in self._settings.waves:
            for target in wave.targets if wave.name in waves else ():
                tree = (
                    self.git("rev-parse", f"main:generated/{wave.name}/{target}").decode().strip()
                )
                if self._synced.get(target) == tree:
                    continue
                is_first = target not in self._synced
                self._synced[target] = tree
                self.report(
                    wave.name,
                    target,
                    main,
                    "Degraded" if target in self.sick else "Healthy",
                    quiet=is_first,
                )
                reported = True
        return reported

    def report(
        self, wave: str, target: str, revision: str, health: str, *, quiet: bool = False
    ) -> None:
        """A target says how it is."""
        if not quiet:
            self.redeployed.append(target)
            self.narrator.say(wave, f"{target} runs {short(revision)}, {health}")
        self.ask(
            "record-deployment", "--wave", wave, "--target", target, "--revision", revision,
            "--phase", "Succeeded", "--health", health, "--finished-at", self.now.isoformat(),
        )  # fmt: skip
        self.later(seconds=10)

    def sha(self, ref: str) -> str:
        """What a ref of cfg-app.git points to."""
        return self.git("rev-parse", ref).decode().strip()

    def runs(self, wave: str, set_name: str = "app") -> str | None:
        """The app SHA of a set in a wave, by the status."""
        for one in self.status().status.waves:
            for found in one.sets if one.name == wave else ():
                if found.set == set_name and found.state != "auto":
                    return found.app_sha
        return None

    def status(self) -> StatusReport:
        """What runs where, and what waits."""
        match self.call("status"):
            case StatusReport() as found:
                return found
            case other:
                raise AssertionError(other)

    def changed_by(self, sha: str) -> list[str]:
        """The files that a commit changed."""
        return self.git("diff-tree", "-r", "--no-commit-id", "--name-only", sha).decode().split()
