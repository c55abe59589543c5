"""The pictures of the documents are what their script makes, and each says what it shows."""

from __future__ import annotations

import re

import pytest
from tests.contract.test_documents import DOCUMENTS
from tools import pictures


def test_the_picture_of_the_loop_is_up_to_date() -> None:
    made = (pictures.FOLDER / "loop.svg").read_text(encoding="utf-8")
    assert made == pictures.loop(), "run `make pictures`"


@pytest.mark.parametrize("name", ["waves.png", "run.png"])
def test_a_picture_of_a_run_is_a_picture_of_a_page(name: str) -> None:
    data = (pictures.FOLDER / name).read_bytes()
    assert data.startswith(b"\x89PNG")
    assert int.from_bytes(data[16:20]) == pictures.WIDTH
    assert len(data) < 150_000


def test_every_picture_is_shown_and_says_what_it_shows() -> None:
    shown = {
        path.rpartition("/")[2]: words
        for text in DOCUMENTS.values()
        for words, path in re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", text)
    }
    assert shown.keys() == {file.name for file in pictures.FOLDER.iterdir()}
    assert all(len(words) > 20 for words in shown.values()), shown
