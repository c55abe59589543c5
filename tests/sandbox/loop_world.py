"""The smallest cfg-app.git that the real gitops.yml works in, and what its Git says afterwards."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.sandbox.runner_world import NAME, Mill, failed, mill
from tests.world import announcement, git

REF = "tidemill/tidemill/.github/workflows/gitops.yml@" + "a" * 40
REST = "refs/tidemill/rest"
MAIN, AUTO, ZEROS, MOVES = "refs/heads/main", "refs/heads/auto", "0" * 40, "moves"
CALLER = f"""
name: tidemill
on:
  repository_dispatch:
  deployment_status:
  schedule: [{{cron: "*/15 * * * *"}}]
permissions: {{}}
jobs:
  gitops:
    permissions:
      {{contents: write, statuses: write, checks: read, deployments: read, actions: read}}
    uses: {REF}
    with: {{check: CHECK}}
    # MORE
"""
SETTINGS = """
[checks]
required = ["tidemill/check"]
retries = 0
timeout = "{timeout}"
[images]
path = "images/{{wave}}/{{set}}"
allow = ["ghcr.io/acme/*"]
[entrypoints]
generate = "sh generate.sh"
check = "! grep -rq broken images"
[deployments]
path = "generated/{{wave}}/{{target}}"
[[waves]]
name = "lab"
targets = ["l1"]
admit = "at once"
"""
# No Python, so that a turn is quick.
GENERATE = """\
for place in generated/*/*; do
  wave=${place#generated/}
  cat images/${wave%/*}/*/digests.json > $place/all.json 2>/dev/null || :
done
"""
SHOP = '[[waves]]\nname = "shop"\ntargets = ["s1"]\n'
# Notes what each push has changed. Where the file `hold` names a ref that was changed, the answer
# waits until the file `held` has gone: the refs are written, and the client does not know it.
HOOK = f"""\
#!/bin/sh
moved=$(cat)
echo "$moved" >> {MOVES}
if [ -e hold ] && echo "$moved" | grep -q "$(cat hold)"; then
  rm hold; echo "$moved" > held
  while [ -e held ]; do sleep 0.02; done
fi
"""
ENDINGS = ("landed", "evicted", "rejected", "dropped", "superseded")


class Loop:
    """A cfg-app.git on the stand-in.

    Attributes:
        bare: the repository itself, where everything is looked up.
    """

    def __init__(
        self, shop: Mill, sets: tuple[str, ...], timeout: str, waves: str, check: str, more: str
    ) -> None:
        self.mill, self.hub, self.starter = shop, shop.hub, shop.starter
        self.bare = shop.repository.path
        folder = shop.clone.folder
        named = "".join(f'[[sets]]\nname = "{one}"\nrepository = "acme/app"\n' for one in sets)
        (folder / "tidemill.toml").write_text(SETTINGS.format(timeout=timeout) + waves + named)
        (folder / "generate.sh").write_text(GENERATE)
        for place in ("generated/lab/l1", "generated/shop/s1"):
            (folder / place).mkdir(parents=True)
            (folder / place / "all.json").write_text("")
        hook = self.hub.folder / "hooks" / "post-receive"
        hook.write_text(HOOK)
        hook.chmod(0o755)
        shop.push("Begin", tidemill=CALLER.replace("CHECK", check).replace("# MORE", more))
        self.settle()

    def announce(self, payload: dict[str, Any]) -> None:
        self.mill.dispatch("images-announced", payload)

    def settle(self) -> None:
        """Wait until no run goes, and no event is to come."""
        assert self.starter.settle(), failed(self.hub)

    def tick(self) -> None:
        """The schedule is due."""
        self.starter.tick({"repository": NAME})
        self.settle()

    def rest(self, seconds: float = 600) -> None:
        """Let everything run, and the schedule be due, until nothing waits."""
        until = time.monotonic() + seconds
        self.settle()
        while self.refs("refs/tidemill/inbox/") or self.refs(AUTO).get(AUTO) != self.refs()[MAIN]:
            assert time.monotonic() < until, f"it does not come to rest: {self.refs()}"
            self.tick()

    # --- what Git says

    def git(self, *arguments: str) -> str:
        return git(self.bare, *arguments)

    def refs(self, below: str = "refs/") -> dict[str, str]:
        lines = self.git("for-each-ref", "--format=%(refname) %(objectname)", below).splitlines()
        return dict(line.split(" ") for line in lines)

    def journal(self) -> list[dict[str, Any]]:
        """The records of all turns, the oldest first."""
        shas = self.git("rev-list", "--reverse", "refs/tidemill/journal").split()
        return [json.loads(self.git("show", f"{sha}:record.json")) for sha in shas]

    def endings(self) -> dict[str, list[str]]:
        """How each request has ended, by id, as the journal says."""
        found: dict[str, list[str]] = {}
        for record in self.journal():
            for entry in record["entries"]:
                if "id" in entry and entry["what"] in ENDINGS:
                    found.setdefault(entry["id"], []).append(entry["what"])
        return found

    def position(self, wave: str, set_name: str) -> int:
        """Which position of a set main has in a wave; 0: none."""
        place = f"images/{wave}/{set_name}/source.json"
        if not self.git("ls-tree", "main", place):
            return 0
        return int(json.loads(self.git("show", f"main:{place}"))["position"])

    def moves(self) -> list[tuple[str, str, str]]:
        """What each push has changed, as Git tells its hooks: ref, from where, to where."""
        lines = (self.bare / MOVES).read_text().splitlines()
        return [(ref, old, new) for old, new, ref in (line.split(" ") for line in lines)]

    def accepted(self) -> set[str]:
        """The ids of all requests and reports that ever were in the inbox."""
        below = "refs/tidemill/inbox/"
        return {ref.removeprefix(below) for ref, old, _ in self.moves()
                if ref.startswith(below) and old == ZEROS}  # fmt: skip

    def landings(self) -> list[tuple[str, str]]:
        """Every move of main, in order, by what each begins with; but for the first push."""
        moves = {old: new for ref, old, new in self.moves() if ref == MAIN}
        assert len(moves) == sum(ref == MAIN for ref, _, _ in self.moves()), "main came back"
        found = []
        tip = moves.pop(ZEROS)
        while tip in moves:
            found.append((tip, moves[tip]))
            tip = moves.pop(tip)
        assert not moves
        assert tip == self.refs(MAIN)[MAIN]
        return found

    def green(self) -> set[str]:
        """The commits that were called green, and never red."""
        said: dict[str, set[str]] = {}
        for status in self.hub.statuses:
            said.setdefault(status.sha, set()).add(status.state)
        return {
            sha for sha, states in said.items() if "success" in states and "failure" not in states
        }

    def assert_the_rules_hold(self) -> None:
        """What README guarantees, looked up in Git; at rest, a turn changes nothing. What the
        schedule starts may note that it is at rest, once."""
        resting = self.refs()
        self.tick()
        noted = self.refs()
        assert {**noted, REST: None} == {**resting, REST: None}
        self.tick()
        assert self.refs() == noted
        endings, accepted = self.endings(), self.accepted()
        announced = {one for one in accepted if one.startswith("announcement-")}
        assert set(endings) == announced
        assert {one: how for one, how in endings.items() if len(how) != 1} == {}
        assert self.refs("refs/tidemill/inbox/") == {}
        green = self.green()
        for old, new in self.landings():
            assert self.git("merge-base", old, new) == old, "main only moves forward"
            assert new in green, f"main was moved to {new}, which was not green"
        ledger = json.loads(self.git("show", "refs/tidemill/journal:ledger.json"))["ledger"]
        assert "suspect" not in ledger or ledger["suspect"] is None
        assert set(ledger.get("asked", {})) <= {self.refs()[MAIN]}


@contextmanager
def loop(
    folder: Path,
    *,
    sets: tuple[str, ...] = ("app",),
    timeout: str = "60m",
    waves: str = "",
    check: str = "same-job",
    more: str = "",
    env: Mapping[str, str] | None = None,
    checkout: Path | None = None,
) -> Iterator[Loop]:
    """Start it; `waves` are more of them than the lab, `check` says where checks run, and `more` is
    what else the job has that calls gitops.yml."""
    with mill(folder, env=env, checkout=checkout) as shop:
        yield Loop(shop, sets, timeout, waves, check, more)


def announced(set_name: str, position: int, *, broken: bool = False, **more: Any) -> dict[str, Any]:
    services = {f"{'broken' if broken else 'web'}-{set_name}": str(position)}
    return {**announcement(position, services, set_name=set_name), **more}
