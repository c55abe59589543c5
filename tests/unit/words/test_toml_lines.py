"""Where in a TOML text a value stands."""

import pytest

from tidemill.words.toml_lines import line_of

TEXT = """\
# main = "in a comment"
main = "main"
"auto" = "auto"
checks.timeout = "1m"

[images]
  path = "images/{wave}"   # indented

[[sets]]
name = "app"

[ deployments ]
path = "generated"

[[waves]]
name = "a"
targets = [
  "a-1",
  "a-2",
]
soak = "1h"

[[ waves ]]
name = "b"
targets = []
soak = "2h"
note = "[[waves]]"

[bot]
name = "c"

[[signals.receivers]]
name = "d"

[[signals.receivers]]
name = "e"
"""


@pytest.mark.parametrize(
    ("path", "message", "line"),
    [
        ("$.main", "", 2),
        ("$.auto", "", 3),
        ("$.images.path", "", 7),
        ("$.deployments.path", "", 13),
        ("$.deployments.path[1]", "", 13),
        ("$.sets[0].name", "", 10),
        ("$.waves[0].name", "", 16),
        ("$.waves[0].targets[1]", "", 17),
        ("$.waves[0].soak", "", 21),
        ("$.waves[1].name", "", 24),
        ("$.waves[1].soak", "", 26),
        ("$.waves[1].windows[0]", "", 23),
        ("$.bot.name", "", 30),
        ("$.signals.receivers[1].name", "", 36),
        ("$.signals.receivers[1].kind", "", 35),
        ("$.waves[1]", "Object contains unknown field `note`", 27),
        ("$.waves[1]", "Object missing required field `settle`", 23),
        ("$.bot", "Object contains unknown field `name`", 30),
        ("$", "Object contains unknown field `bot`", 29),
        ("$", "Object contains unknown field `main`", 2),
        ("$", "Object contains unknown field `soak`", None),
        ("$", "Object missing required field `entrypoints`", None),
        ("", "", None),
    ],
)
def test_line_of_a_value_is_found(path: str, message: str, line: int | None) -> None:
    assert line_of(TEXT, path, message) == line


@pytest.mark.parametrize(
    ("text", "path", "line"),
    [
        ('\nchecks.timeout = "x"', "$.checks.timeout", 2),
        ('\nchecks = { source = "x" }', "$.checks.source", 2),
        ('\nwaves = [{ name = "a", soak = "x" }]', "$.waves[0].soak", 2),
        ('\n[checks]\n"timeout" = "x"', "$.checks.timeout", 3),
        ("\n[checks]\n'timeout' = 'x'", "$.checks.timeout", 3),
    ],
    ids=["dotted", "inline", "inline-array", "double-quotes", "single-quotes"],
)
def test_line_is_found_however_the_table_is_written(text: str, path: str, line: int) -> None:
    assert line_of(text, path, "") == line


def test_table_that_has_the_name_of_a_key_before_it_is_found() -> None:
    text = '[images]\npath = "x"\n\n[path]\n'
    assert line_of(text, "$", "Object contains unknown field `path`") == 4


def test_value_of_a_table_that_is_not_there_has_no_line() -> None:
    assert line_of('[checks]\nsource = "refs"\n', "$.bot.name", "") is None
