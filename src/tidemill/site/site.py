"""The whole site: every file by its path."""

from __future__ import annotations

from importlib import resources

from msgspec.structs import replace

from tidemill.site.board import Board
from tidemill.site.feeds import attention, landings
from tidemill.site.find import find_page
from tidemill.site.front import front
from tidemill.site.parts import Frame, set_path, target_path, wave_path
from tidemill.site.subjects import set_page, target_page, timeline_page, wave_page

ASSETS = ("style.css", "find.js", "icon.svg")


def site(board: Board) -> dict[str, bytes]:
    """All files, by path with `/`: the same bytes for the same board."""
    known = frozenset(view.key for view in board.sets)
    top = Frame(board, "", known)
    below, deep = replace(top, up="../"), replace(top, up="../../")
    files = {
        "index.html": front(top),
        "timeline.html": timeline_page(top),
        "find.html": find_page(top),
        "landings.xml": landings(board, known),
        "attention.xml": attention(board),
    }
    files |= {name: resources.files(__package__).joinpath(name).read_bytes() for name in ASSETS}
    files |= {wave_path(wave.name): wave_page(below, wave) for wave in board.waves}
    files |= {set_path(*view.key): set_page(deep, view) for view in board.sets}
    for wave in board.waves:
        for target in wave.targets:
            files[target_path(wave.name, target.name)] = target_page(deep, target)
    return files
