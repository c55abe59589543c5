"""What a person sees at a terminal, wide or narrow: it fits, and has colours and signs."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.commands.terminal import at_terminal, unstyled
from tests.grown import Grown
from tests.loop.stories import fork, says
from tests.world import World, sha_of

REASON = "freeze until Monday, because everybody is away and nobody would look"


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> World:
    """One wave has a set that failed and one on auto, the other is held; some hours went by."""
    waves: dict[str, dict[str, Any]] = {
        "lab": {"targets": ["lab-1", "lab-2-with-a-long-name"]},
        "shop": {"targets": ["shop-eu-central-1"], "approval": True},
    }
    world = World(tmp_path_factory.mktemp("grown"), waves)
    world.announce(1)
    world.green()
    world.deploy("lab")
    world.later(minutes=60)
    world.announce(2)
    world.green()
    world.report("lab", "lab-1", health="Degraded")
    world.run("hold-wave", "--wave", "shop", "--reason", REASON)
    world.later(minutes=300)
    world.announce(3)
    return world


def status(world: World, columns: int, **environment: str) -> str:
    words = ["status", "--repo", str(world.bare), "--now", world.now.isoformat()]
    code, text = at_terminal(words, columns=columns, **environment)
    assert code == 0, text
    return text


@pytest.mark.parametrize("columns", [60, 72, 80, 100, 200])
def test_it_fits_and_nothing_is_lost(grown: World, columns: int) -> None:
    text = unstyled(status(grown, columns))
    lines = text.splitlines()
    kept = [line for line in lines if not line.lstrip().startswith("tidemill ")]
    assert max(map(len, kept)) <= min(columns, 100)
    told = " ".join(text.split())
    for word in (
        "lab-1", "lab-2-with-a-long-name", "shop-eu-central-1", "no report", "Degraded", "Healthy",
        "failed", sha_of("app-2")[:12], "5 h ago", "freeze until Monday",
    ):  # fmt: skip
        assert word in told, word


@pytest.mark.parametrize("columns", [60, 80])
@pytest.mark.parametrize("words", [[], ["doctor", "--offline"]], ids=["alone", "doctor"])
def test_what_is_said_first_fits(words: list[str], columns: int, tmp_path: Path) -> None:
    where = [str(Grown(tmp_path, {}).clone)] if words else []
    _, text = at_terminal([*words, *where], columns=columns)
    copied = ("    tidemill ", "  cd ", "  https://")
    lines = [line for line in unstyled(text).splitlines() if not line.startswith(copied)]
    assert max(map(len, lines)) <= columns, text
    assert not words or "there is no tidemill.toml in" in " ".join(text.split())


def test_rows_stand_one_below_the_other_where_a_table_is_too_wide(grown: World) -> None:
    narrow, wide = (unstyled(status(grown, columns)) for columns in (60, 100))
    row = r"target +lab-2-with-a-long-name\nrevision +[0-9a-f]{12}\nphase +. Succeeded\n"
    assert re.search(row, narrow)
    assert not re.search(row, wide)
    assert re.search(r"(?m)^ lab-2-with-a-long-name +[0-9a-f]{12} +. Succeeded +. Healthy", wide)


def test_whole_shas_are_short_where_they_do_not_fit(grown: World) -> None:
    main = grown.ref("refs/heads/main") or ""
    assert f"main {main} " in unstyled(status(grown, 100))
    narrow = unstyled(status(grown, 60))
    assert f"main {main[:12]} " in narrow
    assert main not in narrow.partition("Waiting:")[0]


def test_states_have_colours_and_signs(grown: World) -> None:
    text = status(grown, 100)
    for styled in ("\x1b[31m✘ failed", "\x1b[32m✔ Healthy", "\x1b[36m… auto"):
        assert styled in text


def test_without_colour_the_signs_stay(grown: World) -> None:
    text = status(grown, 100, NO_COLOR="1")
    assert "\x1b" not in text
    assert "✘ failed" in text


def test_a_terminal_of_ascii_alone_gets_signs_that_it_has(grown: World) -> None:
    text = unstyled(status(grown, 60, PYTHONIOENCODING="ascii"))
    assert text.isascii()
    assert "x Degraded" in text
    assert "+ Healthy" in text


def test_a_pipe_gets_plain_lines_with_exact_times(grown: World, tmp_path: Path) -> None:
    code, text, _ = says(fork(grown, tmp_path), "status")
    assert code == 0
    assert "\x1b" not in text
    assert " ago" not in text
    assert "✔" not in text
    when = (grown.now - timedelta(minutes=300)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert when in text


def test_a_pipe_gets_a_row_a_line_and_cells_between_tabs(grown: World, tmp_path: Path) -> None:
    _, text, _ = says(fork(grown, tmp_path), "status")
    lines = text.splitlines()
    assert "─" not in text
    assert "target\trevision\tphase\thealth\truns" in lines
    of_lab = next(line.split("\t") for line in lines if line.startswith("lab-1\t"))
    assert of_lab[2:4] == ["Succeeded", "Degraded"]
    assert "shop-eu-central-1\tno report\t-\t-\t-" in lines, "no cell is empty"
    hold = next(line for line in lines if line.startswith("all sets\t") or "freeze until" in line)
    assert hold.endswith(REASON), "nothing goes on below"


def test_a_pipe_gets_a_text_of_any_length_in_one_line(grown: World, tmp_path: Path) -> None:
    _, text, _ = says(fork(grown, tmp_path), "history")
    (line,) = [one for one in text.splitlines() if "Monday" in one]
    assert len(line) > 100
    assert line.endswith(REASON)


def test_a_verdict_has_its_sign(grown: World) -> None:
    code, text = at_terminal(["check-cfg-app", "--repo", str(grown.clone)], columns=60)
    assert code == 0, text
    assert "\x1b[32m✔ green\x1b[0m: tidemill.toml" in text


def test_what_takes_long_is_said_to_go_on_at_a_terminal_alone(tmp_path: Path) -> None:
    words = ["run-setup", "--run", f"cd {tmp_path} && sleep 2.6"]
    code, text = at_terminal(words)
    assert code == 0, text
    assert "run-setup goes on, for 2 s so far ...\n" in text
    assert "for 10 s" not in text
    assert "goes on" not in at_terminal([*words, "--json"])[1]
