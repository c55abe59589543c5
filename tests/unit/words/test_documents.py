"""What people wrote in YAML is read; what was made to stop a reader is not."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tidemill.words.documents import fault, loaded, text

HEAD = "kind: Trap\n"
TRAPS = {
    "an alias in what it stands for": f"{HEAD}a: &a\n  b: *a\n",
    "aliases of aliases": HEAD
    + "a0: &a0 [x, x]\n"
    + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40)),
    "lists in lists": f"{HEAD}a: {'[' * 1000}{']' * 1000}\n",
    "a number of many digits": f"{HEAD}a: 0x{'f' * 5000}\n",
    "such a number as a key": f"{HEAD}0x{'f' * 5000}: a\n",
    "a number that is none": f"{HEAD}a: !!int ''\n",
    "an answer that is neither yes nor no": f"{HEAD}a: !!bool perhaps\n",
    "a time that is none": f"{HEAD}a: !!timestamp today\n",
    "hours without end": f"{HEAD}a: 1{':00' * 300}.0\n",
}


@pytest.mark.parametrize("trap", TRAPS.values(), ids=TRAPS)
def test_trap_is_a_file_that_cannot_be_read(trap: str) -> None:
    assert loaded(trap) == []
    assert loaded(f"kind: Good\n---\n{trap}") == []


def test_nesting_does_not_end_the_process() -> None:
    """A parser that calls itself in C once for each would; in a process of its own to be seen."""
    code = f"from tidemill.words.documents import loaded; assert loaded({'- ' * 400_000!r}) == []"
    subprocess.run([sys.executable, "-"], input=code.encode(), check=True, timeout=60)


@pytest.mark.parametrize("opened", ["[", "{a: ", "[{a: ", "- "])
def test_nesting_takes_no_time(opened: str) -> None:
    """The parser looks at all levels again for each: of these that would be minutes."""
    code = (
        "from tidemill.words.documents import fault, loaded; "
        f"data = {opened!r} * 400_000; assert loaded(data) == [] and fault(data) is None"
    )
    subprocess.run([sys.executable, "-"], input=code.encode(), check=True, timeout=60)


def test_what_people_write_is_read() -> None:
    written = "a: &a {image: x}\nb:\n  <<: *a\n  c: &c 7\nd: *c\nlong: " + "word " * 1000
    (found,) = loaded(f"{written}\n---\n- no mapping\n")
    assert (text(found, "b", "image"), text(found, "d")) == ("x", "7")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ("a: 1\n---\nb: [2]\n", None),
        ("", None),
        ("a: !vault x\n", None),
        ("<<<<<<< HEAD\na: 1\n", "line 2: mapping values are not allowed in this context"),
        ("a:\n\tb: 1\n", "line 2: found character that cannot start any token"),
        ("a: \x00", "unacceptable character"),
    ],
)
def test_what_is_no_yaml_says_where_and_why(data: str, why: str | None) -> None:
    found = fault(data)
    assert found == why or (why is not None and found is not None and why in found)
