"""`python -m tests.simulation`: live through one history and tell it, or through many."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.simulation import explorer
from tests.simulation.facts import JOURNAL
from tests.simulation.history import LENGTH, Failed, judge, play
from tests.simulation.reach import REACHED, WITHOUT_THEME
from tests.simulation.rush import landed, rush
from tests.simulation.small_worlds import SMALL_WORLDS
from tests.simulation.twins import tell_twice

MANY = 200  # histories, in which everything has to be reached


def main() -> int:
    """Run what is asked for; 1 if a rule was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="the first seed (0)")
    parser.add_argument("--histories", type=int, default=1, help="how many from there on (1)")
    parser.add_argument("--length", type=int, default=LENGTH, help=f"steps of each ({LENGTH})")
    parser.add_argument("--rush", action="store_true", help="a commit a minute instead")
    parser.add_argument("--twins", action="store_true", help="in memory and on real Git at once")
    parser.add_argument("--source", choices=("refs", "github"), default="refs")
    parser.add_argument("--small", action="store_true", help="explore the small worlds instead")
    parser.add_argument("--steps", type=_places, help="the places of the steps to keep, as 0,3,7")
    options = parser.parse_args()
    if options.small:
        return _explore()
    if options.twins:
        return _tell_twice(options.seed, options.histories, options.length)
    broken, reached = 0, Counter[str]()
    for seed in range(options.seed, options.seed + options.histories):
        try:
            world = (
                rush(seed, source=options.source)
                if options.rush
                else play(seed, options.length, source=options.source, kept=options.steps)
                if options.steps is not None
                else judge(seed, options.length, source=options.source)
            )
        except Failed as failed:
            broken += 1
            print(failed)
        else:
            reached += world.rules.reach.counts
            if options.histories == 1:
                print("\n".join(world.story))
                print(f"The journal: {world.server.refs.get(JOURNAL)}")
            if options.rush:
                print(f"seed {seed}: {landed(world)}")
    print(f"{options.histories} histories, {broken} with a broken rule")
    if options.histories < MANY:
        return min(broken, 1)
    for name in (*REACHED, *WITHOUT_THEME):
        print(f"{reached[name]:>7} times {name}")
    return int(broken > 0 or not all(reached[name] for name in (*REACHED, *WITHOUT_THEME)))


def _places(text: str) -> list[int]:
    return [int(one) for one in text.split(",") if one]


def _tell_twice(first: int, count: int, length: int) -> int:
    broken = 0
    for seed in range(first, first + count):
        with TemporaryDirectory() as folder:
            Path(folder).chmod(0o755)  # what generates runs as nobody
            try:
                tell_twice(seed, length, Path(folder))
            except AssertionError as error:
                broken += 1
                print(f"seed {seed}: {error!r}", flush=True)
    print(f"{count} histories told twice, {broken} with a difference")
    return min(broken, 1)


def _explore() -> int:
    broken = 0
    for small in SMALL_WORLDS:
        try:
            found = explorer.explore(small)
            print(f"{found.states:>6} states, {found.ends:>3} ends: {small}", flush=True)
            for kind, count in sorted(found.guarded.items()):
                print(f"{'':>8} {count} pushes were refused by the lease of {kind} alone")
        except explorer.Failed as failed:
            broken += 1
            print(failed)
    return min(broken, 1)


if __name__ == "__main__":
    sys.exit(main())
