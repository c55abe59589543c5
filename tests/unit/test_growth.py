"""What others wrote is read in a time that grows as it does: four times the text, four times it.

So is what they wrote decided on.
"""

from __future__ import annotations

import gzip
import statistics
import time
from collections.abc import Callable

import pytest
from tests.unit.snapshots import LAB, SHOP, Rollout, settings
from tests.world import START

from tidemill.answers.history import Told, history
from tidemill.answers.older import names_before
from tidemill.answers.question import Question, lines
from tidemill.clients.registry.tokens import challenges
from tidemill.errors import Refused
from tidemill.facts.journal import Entry, TurnRecord
from tidemill.facts.settings_file import refs_in
from tidemill.images.dockerfile import ignore, parse
from tidemill.images.dockerfile.words import Mistake, expanded
from tidemill.images.tar_read import inflated
from tidemill.words.toml_lines import line_of

# Twice the ratio of what is linear, and half of what is quadratic.
MOST = 8.5
_EMPTY = gzip.compress(b"", mtime=0)


def _members(count: int) -> None:
    data = _EMPTY * count
    assert b"".join(inflated((data,))) == b""


def _dockerfile(text: str) -> None:
    try:
        parse.parse(text.encode())
    except Refused:
        return


def _trimmed(pattern: str) -> Callable[[int], object]:
    return lambda n: expanded(f"${{A{pattern}}}", {"A": "a" * n})


def _year(turns: int) -> None:
    """A journal in which each turn lands a set, and a question about all of it."""
    entries = (Entry(what="landed", sha=f"{n:x}", set="app", wave="lab") for n in range(turns))
    told = [Told(one.sha or "", TurnRecord(at=START, entries=(one,))) for one in entries]
    assert len(lines(history(told, None, None), Question(wave="lab"))) == turns


def _renamed(reason: str) -> object:
    return names_before(Entry(what="renamed", reason=reason))


READERS: dict[str, tuple[int, Callable[[int], object]]] = {
    "challenge: spaces": (20_000, lambda n: challenges(f"Bearer{' ' * n}!")),
    "challenge: open quote": (20_000, lambda n: challenges('Bearer realm="' + '\\"' * n)),
    "challenge: names": (5_000, lambda n: challenges("a " * n)),
    "challenge: values": (5_000, lambda n: challenges("Bearer " + "a=b, " * n)),
    "longest end": (20_000, _trimmed("%%*a*a*ab")),
    "shortest end": (20_000, _trimmed("%b*a*a*a*")),
    "longest start": (20_000, _trimmed("##*a*a*ab")),
    "shortest start": (20_000, _trimmed("#*a*a*ab")),
    "replaced": (20_000, _trimmed("//a*a*ab/x")),
    "replaced in many lines": (5_000, lambda n: expanded("${A//a*a*b/x}", {"A": "a\n" * n})),
    "settings: empty lines": (20_000, lambda n: refs_in("x = [" + "\n" * n)),
    "settings: spaces": (20_000, lambda n: refs_in("x = [\nmain" + " " * n)),
    "settings: the line of a key": (20_000, lambda n: line_of("\n" * n + "a" * n, "$.a.b", "")),
    "gzip: empty members": (10_000, _members),
    "Dockerfile: directive": (20_000, lambda n: _dockerfile(f"# syntax=a{' ' * n}b")),
    "Dockerfile: here-document": (5_000, lambda n: _dockerfile(f"FROM a\nRUN <<{' ' * n}<")),
    "Dockerfile: continued": (2_000, lambda n: _dockerfile("FROM a\nRUN " + "\\ \n" * n)),
    "Dockerfile: flags": (5_000, lambda n: _dockerfile("FROM a\nRUN " + "--a=" * n)),
    "journal: turns": (2_000, _year),
    "journal: names that were": (5_000, lambda n: _renamed("the wave a was " + "a and " * n)),
    "ignored": (
        2_000,
        lambda n: ignore.parse(b"*a*a*a*a*b", "x").leaves_out("a" * n),
    ),
}


@pytest.mark.parametrize("name", READERS)
def test_time_grows_as_the_input_does(name: str) -> None:
    size, read = READERS[name]
    ratios = []
    for _ in range(5):
        little, much = (_seconds(read, count) for count in (size, 4 * size))
        ratios.append(much / little)
    assert statistics.median(ratios) < MOST, ratios


def test_a_decision_takes_a_time_that_grows_as_the_image_sets_do() -> None:
    repositories = {sets: _repository(sets) for sets in (10, 40)}
    ratios = []
    for _ in range(5):
        little, much = (_seconds(lambda n: repositories[n].decide(), sets) for sets in (10, 40))
        ratios.append(much / little)
    assert statistics.median(ratios) < MOST, ratios


def _repository(sets: int) -> Rollout:
    """Each set has landed in two waves, and another one of it waits."""
    names = tuple(f"set-{number}" for number in range(sets))
    rollout = Rollout(settings(sets=names, lab=LAB, shop=SHOP))
    for name in names:
        for position in range(1, 11):
            rollout.landing("shop", position, name)
            rollout.landing("lab", position, name)
        rollout.announced(11, name)
    return rollout


def test_a_value_that_holds_itself_twice_ends_with_a_mistake() -> None:
    variables = {"A": "aa"}
    for _ in range(18):
        variables["A"] = expanded("$A$A", variables)
    with pytest.raises(Mistake, match="longer than 1 MiB"):
        expanded("$A$A$A", variables)


def _seconds(read: Callable[[int], object], size: int) -> float:
    """Of this thread alone: what else runs on the machine does not count."""
    before = time.thread_time()
    read(size)
    return time.thread_time() - before
