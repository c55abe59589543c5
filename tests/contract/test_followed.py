"""Following a page fails where the page is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.followed import Reader, is_same, steps

PAGE = """\
Words.

```sh
cd "$(mktemp -d)"
name=ada
```

```sh
echo "hello, $name"; pwd
```

It prints:

```text
hello, ada
…
```

<!-- test: not here: it needs the world -->
```sh
false
```

<!-- test: again until -->
```sh
echo x >> count; wc -l < count
```

```text
3
```
"""


def test_a_page_is_followed_in_one_shell(tmp_path: Path) -> None:
    with Reader(tmp_path, {"TMPDIR": str(tmp_path)}, pause=0) as reader:
        assert reader.follow(PAGE) == 3
    assert [step.how for step in steps(PAGE)] == ["once", "once", "not here", "again until"]


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(PAGE.replace("hello, ada", "hello, eve"), id="another output"),
        pytest.param(PAGE.replace("name=ada", "name=ada; echo more"), id="output not shown"),
        pytest.param(PAGE.replace("; pwd", "; pwd; false"), id="a command that fails"),
        pytest.param(PAGE.replace("\n3\n", "\nthree\n"), id="never comes"),
    ],
)
def test_a_page_that_is_wrong_is_found_out(tmp_path: Path, wrong: str) -> None:
    shell = Reader(tmp_path, {"TMPDIR": str(tmp_path)}, seconds=2, pause=0)
    with shell as reader, pytest.raises(AssertionError):
        reader.follow(wrong)


@pytest.mark.parametrize(
    ("printed", "text", "expected"),
    [
        ("a 0123abc at 2026-01-02T03:04:05Z\n", "a fedc987 at 2027-11-12T13:14:15Z\n", True),
        ("a\tb\n1\t-\n\n", " a   b \n───────\n 1     \n", True),
        ("a\tb\n1\t2\n", " a   b \n───────\n 1     \n", False),
        ("a long line\n", "a long\n  line\n", True),
        ("one\n", "…\none\n…\n", True),
        ("zero\none\ntwo\n", "…\none\n…\n", True),
        ("at port 4000, here\n", "at port …, here\n", True),
        ("at port 4000,\nhere\n", "at port …here\n", False),
        ("deadbeef1\n", "some word\n", False),
        ("one\ntwo\n", "one\n", False),
    ],
)
def test_only_shas_times_what_is_left_out_and_where_lines_end_may_differ(
    printed: str, text: str, expected: bool
) -> None:
    assert is_same(printed, text) is expected
