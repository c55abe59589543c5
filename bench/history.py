"""What many announcements, one after the other, leave behind: does any cost grow with their number?

    python bench/history.py [--most 20000] [--waves 3] [--targets 4] [--rounds 5] [--svg FILE]

Each announcement goes through all waves by the commands: announced, checked, landed, deployed,
promoted, until the last wave has it. Git is in memory (`tests/simulation`), for a turn on real Git
takes longer than all that is measured here: what is counted are bytes and refs, which are the
same, and the processor's time of the commands, which is without Git's. Bytes are those of
the objects that a push brings, before compression: an average over the announcements before.
Times are those of the next announcements, taken in turns once all are there. `--svg` draws the
same figures. 20,000 announcements take an hour or more.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.simulation.actors import do, stage
from tests.simulation.memory import Commit, Push, Server
from tests.simulation.sources import ROLLOUT, Image, Rollout, generated
from tests.world import START, sha_of

MARKS = (100, *range(1_000, 20_001, 1_000))
OVER = 50  # announcements that an average is made of
MAIN, JOURNAL = "refs/heads/main", "refs/tidemill/journal"


@dataclass
class Measurement:
    """What it is like after so many announcements; all but refs and ledger for each one.

    Attributes:
        history: as it is then.
        seconds: how long each of the next ones takes, by round.
    """

    announcements: int
    refs: int
    ledger: int
    pushed: float
    pushes: float
    history: History
    seconds: list[float] = field(default_factory=list)

    @property
    def milliseconds(self) -> float:
        """How long one of the next announcements takes: the median of the rounds."""
        return statistics.median(self.seconds) * 1000

    def time(self) -> None:
        """One round: go on from here with some more, and forget them."""
        history = self.history.copy()
        before = time.process_time()
        for number in range(self.announcements + 1, self.announcements + OVER + 1):
            history.announce(number)
        self.seconds.append((time.process_time() - before) / OVER)


@dataclass
class History:
    """A cfg-app.git, in which one announcement after the other goes through all waves.

    Attributes:
        pushed: the bytes that pushes brought which are not in the server yet.
    """

    waves: Mapping[str, Sequence[str]]
    server: Server = field(default_factory=Server)
    now: datetime = START
    pushed: int = 0
    pushes: int = 0

    def __post_init__(self) -> None:
        uses = {wave: dict.fromkeys(targets) for wave, targets in self.waves.items()}
        rollout = Rollout(("app",), "images/{wave}", uses)
        files = generated({"tidemill.toml": settings(self.waves), ROLLOUT: rollout.render()})
        assert not isinstance(files, str)
        self.server.refs[MAIN] = self.server.put(Commit(files, None, "first", START, "ada"))
        self.server.watchers.append(self._weigh)

    def announce(self, position: int) -> None:
        """One more goes from the announcement to the last wave."""
        self._do("announce", {"announcement": announcement(position)})
        for wave, targets in self.waves.items():
            for target in targets:
                revision = [self.server.refs[MAIN]]
                finished = self.now.isoformat()
                self._do("report", {
                    "wave": wave, "target": target, "revision": revision, "phase": "Succeeded",
                    "health": "Healthy", "finished_at": finished, "image": [],
                })  # fmt: skip
            self.now += timedelta(minutes=1)

    def _do(self, command: str, arguments: dict[str, Any]) -> None:
        told = do(self.server, self.now, command, arguments)
        assert told.refused is None, told.refused
        for sha in told.said.get("to_check", ()):
            verdict = {"sha": sha, "context": "check", "state": "success", "run": None}
            self._do("check", verdict)
            self._do("turn", {})

    def _weigh(self, push: Push) -> None:
        """Add what a push brings that its refs had not before."""
        self.pushes += 1
        for update in push.updates:
            if update.new is None:
                continue
            commit = self.server.commits[update.new]
            before = self.server.commits.get(commit.parent or "")
            held = set(before.files.values()) if before else set()
            self.pushed += sum(len(data) for data in commit.files.values() if data not in held)
            self.pushed += sum(28 + len(name) for name in commit.files) + len(commit.message) + 200

    def copy(self) -> History:
        """Another one with the same past."""
        self.forget()
        other = copy(self)
        other.server = replace(self.server.copy(), commits=dict(self.server.commits))
        return other

    def forget(self) -> None:
        """Drop the commits that nobody reads any more: memory is not what is measured."""
        kept = set(self.server.refs.values())
        kept |= {sha for tip in kept for sha in self._last(tip)}
        for sha in self.server.commits.keys() - kept:
            del self.server.commits[sha]

    def _last(self, tip: str) -> Iterator[str]:
        sha: str | None = tip
        for _ in range(400):
            if sha is None or sha not in self.server.commits:
                return
            yield sha
            sha = self.server.commits[sha].parent


def settings(waves: Mapping[str, Sequence[str]]) -> bytes:
    lines = ["[checks]", 'source = "refs"', "retries = 0", "[images]", 'path = "images/{wave}"']
    lines += ["[entrypoints]", 'generate = "generate"']
    lines += ["[deployments]", 'path = "generated/{wave}/{target}"']
    for name, targets in waves.items():
        lines += ["[[waves]]", f'name = "{name}"', f"targets = {json.dumps(list(targets))}"]
    return ("\n".join(lines) + "\n").encode()


def announcement(position: int) -> str:
    sha = sha_of(str(position))
    image = Image("web", str(position), "well", 0)
    images = {"web": {"Digest": image.digest, "Tag": f"{image.repository}:{sha}"}}
    about = {"set": "app", "repository": "acme/app", "sha": sha, "position": position}
    return json.dumps({"version": 1, **about, "images": images})


def measured(waves: Mapping[str, Sequence[str]], most: int, rounds: int) -> list[Measurement]:
    """What it is like after 100, 1,000 … announcements; timed in turns, once all are there."""
    history, found = History(waves), list[Measurement]()
    begun = (0, 0)
    for number in range(1, most + 1):
        mark = next((one for one in MARKS if one >= number), None)
        if mark is not None and number == mark - OVER + 1:
            begun = (history.pushed, history.pushes)
        history.announce(number)
        if number % 200 == 0:
            history.forget()
        if number == mark:
            print(f"{number:,} announcements are there", file=sys.stderr, flush=True)
            tip = history.server.commits[history.server.refs[JOURNAL]]
            ledger = sum(len(data) for name, data in tip.files.items() if name != "record.json")
            found.append(
                Measurement(
                    announcements=number,
                    refs=len(history.server.refs),
                    ledger=ledger,
                    pushed=(history.pushed - begun[0]) / OVER,
                    pushes=(history.pushes - begun[1]) / OVER,
                    history=history.copy(),
                )
            )
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}", file=sys.stderr, flush=True)
        for one in found:
            one.time()
    return found


PANELS: dict[str, Callable[[Measurement], float]] = {
    "refs": lambda one: one.refs,
    "ledger, KB": lambda one: one.ledger / 1000,
    "pushed for each announcement, KB": lambda one: one.pushed / 1000,
    "pushes for each announcement": lambda one: one.pushes,
    "processor for each announcement, ms": lambda one: one.milliseconds,
}
WIDE, HIGH, LEFT = 760, 110, 60
STYLE = """\
  text { font: 13px system-ui, sans-serif; fill: #1b1f24 }
  .small { font-size: 12px; fill: #57606a }
  .axis { stroke: #57606a; fill: none }
  .line { stroke: #0969da; stroke-width: 2; fill: none }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .small { fill: #9da7b3 } .axis { stroke: #9da7b3 }
    .line { stroke: #58a6ff }
  }
"""


def drawn(found: list[Measurement]) -> str:
    """A panel for each figure, from zero up, by the number of announcements; as SVG."""
    most = found[-1].announcements
    head = subprocess.run(
        ["git", "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=True
    ).stdout.strip()
    parts = []
    for row, (title, value) in enumerate(PANELS.items()):
        values = [value(one) for one in found]
        top, bottom = row * HIGH + 24, (row + 1) * HIGH - 10
        scale = (bottom - top) / (max(values) * 1.1)
        line = " ".join(
            f"{LEFT + one.announcements / most * (WIDE - LEFT - 10):.1f},{bottom - at * scale:.1f}"
            for one, at in zip(found, values, strict=True)
        )
        parts += [
            f'<text x="{LEFT}" y="{top - 6}">{title}</text>',
            f'<text class="small" x="{LEFT - 6}" y="{bottom - values[-1] * scale + 4:.1f}" '
            f'text-anchor="end">{values[-1]:,.0f}</text>',
            f'<text class="small" x="{LEFT - 6}" y="{bottom}" text-anchor="end">0</text>',
            f'<path class="axis" d="M{LEFT} {top}V{bottom}H{WIDE - 10}"/>',
            f'<polyline class="line" points="{line}"/>',
        ]
    high = len(PANELS) * HIGH + 30
    parts.append(
        f'<text class="small" x="{WIDE - 10}" y="{high - 10}" text-anchor="end">'
        f"announcements so far: up to {most:,}. Measured {datetime.now(UTC):%Y-%m-%d} at {head}"
        "</text>"
    )
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {high}" role="img">',
        f"<title>{', '.join(PANELS)}: each by the number of announcements so far</title>",
        f"<style>\n{STYLE}</style>", *parts, "</svg>\n",
    ])  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--most", type=int, default=MARKS[-1])
    parser.add_argument("--waves", type=int, default=3)
    parser.add_argument("--targets", type=int, default=4, help="of each wave")
    parser.add_argument("--svg", type=Path, help="a file to draw the figures into")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    print("announcements  refs  ledger KB  KB pushed  pushes  ms of processor (each announcement)")
    waves = {
        f"wave-{wave}": [f"target-{wave}-{target}" for target in range(options.targets)]
        for wave in range(options.waves)
    }
    with stage():
        found = measured(waves, options.most, options.rounds)
    for one in found:
        print(
            f"{one.announcements:13,}  {one.refs:4}  {one.ledger / 1000:9.1f}  "
            f"{one.pushed / 1000:9.1f}  {one.pushes:6.1f}  {one.milliseconds:6.0f}"
        )
    if options.svg:
        options.svg.write_text(drawn(found), encoding="utf-8")


if __name__ == "__main__":
    main()
